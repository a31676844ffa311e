//! Borrowed code: functions of the distribution's own kernel image, relocated into the instance and executed there.
//!
//! Nothing happens before a module calls a function that lkm does not have. Then the image's constants and initialised
//! variables are laid into the arena, with as much distance between them as in the image, and the function's code with
//! all that it needs (`closure.rs`) to its place. Where the image has a function that lkm has too, a jump to lkm's stands.
//! All other code is absent: whoever comes there through a pointer traps, and the function is looked at then.
//! Counterpart: arch/x86/boot/compressed/misc.c (`handle_relocations`).

mod closure;

use crate::module::symbols;
use abi::RelocKind;
use closure::{Closure, Reason};
use kabi::profile;
use machine::arch::thunks;
use machine::arena::{self, Access, Block, PAGE};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Lowest link address of kernel images on x86-64 (`__START_KERNEL_map`).
pub const IMAGE: u64 = 0xffff_ffff_8000_0000;
const INT3: u8 = 0xcc;

/// The image in the arena.
pub struct Map {
    block: Block,
    /// From link-time addresses to those here.
    delta: u64,
    text: Range<u64>,
    constants: Vec<Range<u64>>,
    variables: Vec<Range<u64>>,
    /// Places in the text that change when the image moves, by address.
    relocations: Vec<(u64, RelocKind)>,
    /// lkm's own functions by the address of the image's.
    own: HashMap<u64, &'static str>,
    /// Functions that stand at their place.
    placed: BTreeSet<u64>,
    pages: HashSet<u64>,
}

#[derive(Default)]
struct State {
    map: Option<Map>,
    /// The image cannot be used: there is none, or no room.
    unusable: bool,
    /// Functions that modules called, as they were imported.
    called: BTreeSet<String>,
    /// Why others could not be borrowed.
    refused: HashMap<u64, Reason>,
}

static STATE: Mutex<Option<State>> = Mutex::new(None);

fn state() -> MutexGuard<'static, Option<State>> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Borrows the function that a module imports as `name`: its address.
///
/// # Errors
/// Why it cannot be borrowed.
pub fn function(name: &str) -> Result<u64, String> {
    let symbol = profile().symbol(name).ok_or("the kernel image does not have it")?;
    let mut state = state();
    let addr = place(state.get_or_insert_default(), symbol.addr)?;
    state.get_or_insert_default().called.insert(name.to_string());
    Ok(addr)
}

/// Names of imports that were called and are borrowed.
pub fn called() -> Vec<String> {
    state().iter().flat_map(|state| state.called.iter().cloned()).collect()
}

/// Largest variable that is copied before anybody looks at it, in bytes.
const SMALL: u64 = 64 << 10;

/// The bytes of a constant of the image that holds no addresses; lays nothing into the arena.
pub fn plain_constant(name: &str) -> Option<&'static [u8]> {
    let profile = profile();
    let symbol = profile.symbol(name).filter(|s| (1..=SMALL).contains(&s.size))?;
    let range = symbol.addr..symbol.addr + symbol.size;
    let edge = |name: &str| profile.symbol(name).map(|s| s.addr);
    let section = profile.section_at(symbol.addr).filter(|s| s.name == ".rodata" && s.contains(range.end - 1))?;
    let set_at_boot = edge("__start_ro_after_init")?..edge("__end_ro_after_init")?;
    let moved = profile.relocations()?.touches(range.clone());
    let plain = section.size > 0 && !moved && !set_at_boot.contains(&symbol.addr);
    plain.then(|| profile.image_bytes(symbol.addr, symbol.size as usize)).flatten()
}

/// The bytes of the constant that a module imports as `name`, with the addresses in it as they are here.
///
/// # Errors
/// Why it cannot be borrowed.
pub fn constant(name: &str) -> Result<Vec<u8>, String> {
    let symbol = profile().symbol(name).ok_or("the kernel image does not have it")?;
    let mut state = state();
    let state = state.get_or_insert_default();
    let map = state.map()?;
    if !map.constants.iter().any(|range| range.contains(&symbol.addr)) {
        return Err(Reason::Variable(name.to_string()).to_string());
    }
    let mut bytes = vec![0; usize::try_from(symbol.size).map_err(|e| e.to_string())?];
    machine::access::read(symbol.addr.wrapping_add(map.delta), &mut bytes).map_err(|_| "it cannot be read")?;
    state.called.insert(name.to_string());
    Ok(bytes)
}

/// Module code came to `addr` through a pointer, and no code is there yet: true if now there is.
pub fn entered(addr: u64) -> bool {
    let mut state = state();
    let Some(link) = state.as_ref().and_then(|s| s.map.as_ref()).and_then(|map| map.link(addr)) else { return false };
    let placed = place(state.get_or_insert_default(), link).is_ok();
    placed && machine::access::get::<u8>(addr).is_ok_and(|first| first != INT3)
}

/// The link-time address of what lies at `addr` of the arena.
pub fn link_address(addr: u64) -> Option<u64> {
    if !arena::contains(addr) {
        return None;
    }
    state().as_ref()?.map.as_ref()?.link(addr)
}

impl State {
    /// The image in the arena, laid there by the first that asks.
    fn map(&mut self) -> Result<&mut Map, String> {
        if self.map.is_none() && !self.unusable {
            self.map = Map::make();
            self.unusable = self.map.is_none();
        }
        Ok(self.map.as_mut().ok_or("there is no kernel image to borrow from")?)
    }
}

fn place(state: &mut State, link: u64) -> Result<u64, String> {
    state.map()?;
    let Some(map) = state.map.as_mut() else { return Err(String::new()) };
    if let Some(reason) = state.refused.get(&link) {
        return Err(reason.to_string());
    }
    match closure::closure(map, link) {
        Ok(closure) => map.take(&closure).ok_or("there is no room for its code")?,
        Err(reason) => {
            let text = reason.to_string();
            state.refused.insert(link, reason);
            return Err(text);
        }
    }
    Ok(link.wrapping_add(map.delta))
}

impl Map {
    fn make() -> Option<Self> {
        let profile = profile();
        let named = |name: &str| profile.symbol(name).map(|s| s.addr);
        let sections: Vec<_> = profile.sections().filter(|s| s.addr >= IMAGE && s.size > 0).collect();
        let text = sections.iter().find(|s| s.name == ".text")?;
        let loaded = |s: &&abi::Section| s.name == ".rodata" || s.name == ".data";
        let first = sections.iter().map(|s| s.addr).min()? & !(PAGE as u64 - 1);
        let last = sections.iter().filter(loaded).map(|s| s.addr + s.size).max()?.max(text.addr + text.size);
        let mut block = arena::alloc(usize::try_from(last - first).ok()?).ok()?;
        let delta = block.addr().wrapping_sub(first);
        let (mut constants, mut variables) = (Vec::new(), Vec::new());
        for section in sections.iter().filter(loaded) {
            let bytes = profile.image_bytes(section.addr, usize::try_from(section.size).ok()?)?;
            let at = usize::try_from(section.addr - first).ok()?;
            block.bytes_mut().get_mut(at..at + bytes.len())?.copy_from_slice(bytes);
            let range = section.addr..section.addr + section.size;
            if section.name == ".data" {
                variables.push(range);
            } else {
                // Among the constants lies what is read-only only once the kernel has booted.
                let set_at_boot = named("__start_ro_after_init")?..named("__end_ro_after_init")?;
                constants.extend([range.start..set_at_boot.start, set_at_boot.end..range.end]);
            }
        }
        let relocations = relocate(&mut block, first, delta, &sections, text)?;
        for section in sections.iter().filter(loaded) {
            let access = if section.name == ".data" { Access::ReadWrite } else { Access::Read };
            let start = usize::try_from(section.addr - first).ok()? & !(PAGE - 1);
            let end = usize::try_from(section.addr + section.size - first).ok()?.next_multiple_of(PAGE);
            block.protect(start, end - start, access).ok()?;
        }
        Some(Self {
            block,
            delta,
            text: text.addr..text.addr + text.size,
            constants,
            variables,
            relocations,
            own: own_functions(),
            placed: BTreeSet::new(),
            pages: HashSet::new(),
        })
    }

    fn link(&self, addr: u64) -> Option<u64> {
        let inside = addr.checked_sub(self.block.addr()).is_some_and(|offset| offset < self.block.len() as u64);
        inside.then(|| addr.wrapping_sub(self.delta))
    }

    /// True if a 32-bit number at this link-time address is an address of the image.
    fn is_absolute(&self, place: u64) -> bool {
        self.relocations.binary_search_by_key(&place, |r| r.0).is_ok()
    }

    /// Lays code to its place.
    fn take(&mut self, closure: &Closure) -> Option<()> {
        for (addr, name) in &closure.own {
            let target = symbols::address_of(name).ok()??;
            let at = addr.wrapping_add(self.delta);
            let mut jump = vec![0xe9];
            jump.extend((target.wrapping_sub(at + 5) as u32).to_le_bytes());
            self.write(*addr, &jump)?;
        }
        for (addr, function) in &closure.functions {
            let mut code = profile().image_bytes(*addr, usize::try_from(function.size).ok()?)?.to_vec();
            let from = self.relocations.partition_point(|r| r.0 < *addr);
            for (place, kind) in self.relocations[from..].iter().take_while(|r| r.0 < addr + function.size) {
                move_by(&mut code, usize::try_from(place - addr).ok()?, *kind, self.delta)?;
            }
            for (offset, bytes) in &function.patches {
                let at = usize::try_from(*offset).ok()?;
                code.get_mut(at..at + 4)?.copy_from_slice(bytes);
            }
            self.write(*addr, &code)?;
            self.placed.insert(*addr);
        }
        Some(())
    }

    fn write(&mut self, link: u64, code: &[u8]) -> Option<()> {
        let at = link.wrapping_add(self.delta);
        let first = at & !(PAGE as u64 - 1);
        for page in (first..at + code.len() as u64).step_by(PAGE) {
            if self.pages.insert(page) {
                arena::write(page, &[INT3; PAGE]).ok()?;
                let offset = usize::try_from(page - self.block.addr()).ok()?;
                self.block.protect(offset, PAGE, Access::Execute).ok()?;
            }
        }
        arena::write(at, code).ok()
    }
}

/// Where in the image stands what lkm has itself.
fn own_functions() -> HashMap<u64, &'static str> {
    let names = symbols::functions().chain(thunks::names());
    names.filter_map(|name| Some((profile().symbol(name)?.addr, name))).collect()
}

/// Moves what was laid into the block; gives back the places in the text.
fn relocate(
    block: &mut Block,
    first: u64,
    delta: u64,
    sections: &[abi::Section],
    text: &abi::Section,
) -> Option<Vec<(u64, RelocKind)>> {
    let loaded: Vec<_> = sections.iter().filter(|s| s.name == ".rodata" || s.name == ".data").collect();
    let mut places = Vec::new();
    let bytes = block.bytes_mut();
    for (kind, place) in profile().relocations()?.iter() {
        if text.contains(place) {
            places.push((place, kind));
        } else if loaded.iter().any(|s| s.contains(place)) {
            move_by(bytes, usize::try_from(place - first).ok()?, kind, delta)?;
        }
    }
    places.sort_unstable_by_key(|place| place.0);
    Some(places)
}

fn move_by(bytes: &mut [u8], at: usize, kind: RelocKind, delta: u64) -> Option<()> {
    match kind {
        RelocKind::Abs64 => {
            let place = bytes.get_mut(at..)?.first_chunk_mut::<8>()?;
            *place = u64::from_le_bytes(*place).wrapping_add(delta).to_le_bytes();
        }
        RelocKind::Abs32 | RelocKind::Inverse32 => {
            let place = bytes.get_mut(at..)?.first_chunk_mut::<4>()?;
            let number = u32::from_le_bytes(*place);
            let delta = delta as u32;
            let moved = if kind == RelocKind::Abs32 { number.wrapping_add(delta) } else { number.wrapping_sub(delta) };
            *place = moved.to_le_bytes();
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_move_by_their_kind() {
        let mut bytes = [0x10, 0, 0, 0, 0, 0, 0, 0, 0x20, 0, 0, 0];
        assert_eq!(move_by(&mut bytes, 0, RelocKind::Abs64, 0x100), Some(()));
        assert_eq!(move_by(&mut bytes, 8, RelocKind::Inverse32, 0x10), Some(()));
        assert_eq!(bytes, [0x10, 1, 0, 0, 0, 0, 0, 0, 0x10, 0, 0, 0]);
        assert_eq!(move_by(&mut bytes, 8, RelocKind::Abs64, 1), None);
    }
}
