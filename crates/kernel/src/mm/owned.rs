//! Who owns what: every block of memory, and every other object that a module makes and has to give back.
//!
//! A service notes what it hands out ([`note`]) and forgets it when it comes back ([`take`]); what is still here at the
//! end is what `lkm run` reports. Memory that came back is remembered for a while, so that a second free, or an access by
//! an old pointer, can be told with both call chains. With `--check=fast` none of this is kept.
//! Counterpart: `struct track` of mm/slub.c, mm/kmemleak.c.

use crate::mm::check::{self, Mode};
use crate::{fault, module};
use machine::heap::guarded::Pages;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// kmalloc and what builds on it.
    Kmalloc,
    /// An object of a `kmem_cache`.
    Object,
    /// vmalloc.
    Vmalloc,
    /// Pages of the page allocator.
    Pages,
    /// Per-CPU memory; its address is an offset.
    Percpu,
    /// Anything else that is registered under an address: its name for people.
    Other(&'static str),
}

impl Kind {
    /// For people.
    pub fn text(self) -> &'static str {
        match self {
            Self::Kmalloc => "kmalloc memory",
            Self::Object => "cache object",
            Self::Vmalloc => "vmalloc memory",
            Self::Pages => "pages",
            Self::Percpu => "per-CPU memory",
            Self::Other(text) => text,
        }
    }

    /// Memory of all kinds shares its addresses; other objects have their own.
    fn space(self) -> Option<&'static str> {
        match self {
            Self::Kmalloc | Self::Object | Self::Vmalloc | Self::Pages => None,
            other => Some(other.text()),
        }
    }
}

/// Something that a module owns.
#[derive(Debug, Clone)]
pub struct Block {
    /// What.
    pub kind: Kind,
    /// Bytes asked for; 0 where size means nothing.
    pub len: usize,
    /// The name of its cache, or its own.
    pub name: Option<Arc<str>>,
    /// Return addresses of the module code that asked, innermost first.
    pub made_by: Vec<u64>,
    /// Who that was, once the module is gone and its addresses tell nothing any more.
    pub origin: Option<Origin>,
    /// Where it lies between closed pages.
    pub guard: Option<Pages>,
}

/// The module that asked for something, and the places in its code.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin {
    /// The module's name.
    pub module: String,
    /// Call chain, innermost first.
    pub made_by: Vec<wire::CallFrame>,
}

impl Origin {
    /// Who the addresses belong to, while their module is there.
    pub fn of(chain: &[u64]) -> Self {
        let owner = chain.iter().find_map(|ip| module::containing(*ip));
        Self {
            module: owner.map_or_else(|| "?".to_string(), |m| m.name().to_string()),
            made_by: chain.iter().map(|ip| fault::frame(*ip)).collect(),
        }
    }
}

impl Block {
    /// A block that the running module code asks for.
    pub fn new(kind: Kind, len: usize) -> Self {
        Self { kind, len, name: None, made_by: fault::call_chain(), origin: None, guard: None }
    }

    /// With a name.
    pub fn named(self, name: &str) -> Self {
        Self { name: Some(name.into()), ..self }
    }

    /// Who asked for it.
    pub fn origin(&self) -> Origin {
        self.origin.clone().unwrap_or_else(|| Origin::of(&self.made_by))
    }

    /// As reports call it: `40000-byte kmalloc allocation`.
    pub fn describe(&self) -> String {
        let what = match self.kind {
            Kind::Kmalloc => "kmalloc allocation",
            Kind::Object => "object",
            Kind::Vmalloc => "vmalloc allocation",
            Kind::Pages => "page allocation",
            Kind::Percpu | Kind::Other(_) => self.kind.text(),
        };
        let name = self.name.as_ref().map(|name| format!(" of {name}")).unwrap_or_default();
        format!("{}-byte {what}{name}", self.len)
    }
}

/// A block that came back.
#[derive(Debug, Clone)]
pub struct Freed {
    /// What it was.
    pub block: Block,
    /// Return addresses of the code that gave it back.
    pub by: Vec<u64>,
    /// Who that was, once its module is gone.
    pub by_origin: Option<Origin>,
}

impl Freed {
    /// Who gave it back.
    pub fn origin(&self) -> Origin {
        self.by_origin.clone().unwrap_or_else(|| Origin::of(&self.by))
    }
}

/// Freed blocks that are remembered.
const REMEMBERED: usize = 8192;
const SHARDS: usize = 16;

type Key = (Option<&'static str>, u64);

struct Past {
    /// The block that came back last.
    last: u64,
    order: VecDeque<u64>,
    by_addr: BTreeMap<u64, Freed>,
}

impl Past {
    /// The address is somebody's again.
    fn forget(&mut self, addr: u64) {
        // The order keeps it: one more that goes early.
        self.by_addr.remove(&addr);
        if self.last == addr {
            self.last = 0;
        }
    }
}

static OWNED: [Mutex<Option<HashMap<Key, Block>>>; SHARDS] = [const { Mutex::new(None) }; SHARDS];
static PAST: Mutex<Past> = Mutex::new(Past { last: 0, order: VecDeque::new(), by_addr: BTreeMap::new() });

fn shard(addr: u64) -> MutexGuard<'static, Option<HashMap<Key, Block>>> {
    // Neighbours lie 8 bytes or a page apart.
    let number = (addr >> 3 ^ addr >> 12) as usize % SHARDS;
    OWNED[number].lock().unwrap_or_else(PoisonError::into_inner)
}

fn past() -> MutexGuard<'static, Past> {
    PAST.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Notes that something was handed out.
pub fn note(addr: u64, block: Block) {
    if check::mode() != Mode::Fast {
        if block.kind.space().is_none() {
            past().forget(addr);
        }
        shard(addr).get_or_insert_default().insert((block.kind.space(), addr), block);
    }
}

/// Takes the note of something that comes back; `None` if there is none.
pub fn take(kind: Kind, addr: u64) -> Option<Block> {
    shard(addr).as_mut()?.remove(&(kind.space(), addr))
}

/// The block of memory that begins at `addr`.
pub fn memory_at(addr: u64) -> Option<Block> {
    shard(addr).as_ref()?.get(&(None, addr)).cloned()
}

/// Changes the length of the block of memory at `addr`, and who asked for it.
pub fn resize(addr: u64, len: usize) {
    let made_by = fault::call_chain();
    if let Some(block) = shard(addr).as_mut().and_then(|blocks| blocks.get_mut(&(None, addr))) {
        (block.len, block.made_by) = (len, made_by);
    }
}

/// Remembers a block that came back.
pub fn remember(addr: u64, block: Block) {
    let freed = Freed { block, by: fault::call_chain(), by_origin: None };
    let mut past = past();
    past.last = addr;
    if past.by_addr.insert(addr, freed).is_none() {
        past.order.push_back(addr);
    }
    if past.order.len() > REMEMBERED
        && let Some(oldest) = past.order.pop_front()
    {
        past.by_addr.remove(&oldest);
    }
}

/// The block that contained `addr` and came back, with where it began.
pub fn freed_around(addr: u64) -> Option<(u64, Freed)> {
    let past = past();
    let (start, freed) = past.by_addr.range(..=addr).next_back()?;
    (addr - start < freed.block.len.max(1) as u64).then(|| (*start, freed.clone()))
}

/// True if nothing came back after the block at `addr`.
pub fn is_last_freed(addr: u64) -> bool {
    past().last == addr
}

/// The freed block that began last before `addr`.
pub fn freed_before(addr: u64) -> Option<(u64, Freed)> {
    past().by_addr.range(..addr).next_back().map(|(start, freed)| (*start, freed.clone()))
}

/// The block of memory that contains `addr`, or ends just before it, with where it begins. Looks at all.
pub fn memory_around(addr: u64, slack: u64) -> Option<(u64, Block)> {
    let near = |start: u64, block: &Block| addr.wrapping_sub(start) < block.len as u64 + slack;
    let mut found: Option<(u64, Block)> = None;
    for shard in &OWNED {
        let shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
        for ((_, start), block) in
            shard.iter().flatten().filter(|((space, start), b)| space.is_none() && near(*start, b))
        {
            if found.as_ref().is_none_or(|(best, _)| start > best) {
                found = Some((*start, block.clone()));
            }
        }
    }
    found
}

/// The block of memory that begins first behind `addr`, less than `within` bytes away. Looks at all.
pub fn memory_behind(addr: u64, within: u64) -> Option<(u64, Block)> {
    let mut found: Option<(u64, Block)> = None;
    for shard in &OWNED {
        let shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
        for ((space, start), block) in shard.iter().flatten() {
            let near = space.is_none() && *start > addr && start - addr < within;
            if near && found.as_ref().is_none_or(|(best, _)| start < best) {
                found = Some((*start, block.clone()));
            }
        }
    }
    found
}

/// Everything that is owned now, by address.
pub fn all() -> Vec<(u64, Block)> {
    let mut all = Vec::new();
    for shard in &OWNED {
        let shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
        all.extend(shard.iter().flatten().map(|((_, addr), block)| (*addr, block.clone())));
    }
    all.sort_by_key(|(addr, _)| *addr);
    all
}

/// Code of a module goes (all of it, or what is only for init): notes who made what it leaves behind, and what it had,
/// while its symbols are there.
pub fn note_origins(module: &module::Module, init_only: bool) {
    let image = module.image();
    let goes = |ip: &u64| if init_only { image.in_init(*ip) } else { image.contains(*ip) };
    let mut chains: HashMap<Vec<u64>, Origin> = HashMap::new();
    let mut want = |chain: &[u64], known: &Option<Origin>| {
        if known.is_none() && chain.iter().any(goes) && !chains.contains_key(chain) {
            chains.insert(chain.to_vec(), Origin::default());
        }
    };
    for shard in &OWNED {
        let shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
        shard.iter().flatten().for_each(|(_, block)| want(&block.made_by, &block.origin));
    }
    for freed in past().by_addr.values() {
        want(&freed.block.made_by, &freed.block.origin);
        want(&freed.by, &freed.by_origin);
    }
    drop(image);
    // Asking who it was takes the module list's lock, so not under ours.
    for (chain, origin) in &mut chains {
        *origin = Origin::of(chain);
    }
    if !chains.is_empty() {
        set_origins(&chains);
    }
    // Init code goes too: what is known of it must not be taken for that of whoever comes to lie there.
    fault::forget_chains(module);
}

fn set_origins(chains: &HashMap<Vec<u64>, Origin>) {
    let set = |chain: &Vec<u64>, known: &mut Option<Origin>| {
        if known.is_none() {
            *known = chains.get(chain).cloned();
        }
    };
    for shard in &OWNED {
        let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
        shard.iter_mut().flatten().for_each(|(_, block)| set(&block.made_by, &mut block.origin));
    }
    for freed in past().by_addr.values_mut() {
        set(&freed.block.made_by, &mut freed.block.origin);
        set(&freed.by, &mut freed.by_origin);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(kind: Kind, len: usize) -> Block {
        Block { kind, len, name: None, made_by: Vec::new(), origin: None, guard: None }
    }

    #[test]
    fn memory_shares_its_addresses_and_other_things_do_not() {
        note(0x7000_0000, block(Kind::Kmalloc, 40));
        note(0x7000_0000, block(Kind::Other("test thing"), 0));
        assert!(take(Kind::Vmalloc, 0x7000_0000).is_some_and(|b| b.kind == Kind::Kmalloc));
        assert!(take(Kind::Kmalloc, 0x7000_0000).is_none());
        assert!(take(Kind::Other("test thing"), 0x7000_0000).is_some());
    }

    #[test]
    fn blocks_are_found_by_what_lies_in_them() {
        note(0x7100_0000, block(Kind::Kmalloc, 40));
        assert_eq!(memory_around(0x7100_0027, 0).map(|(start, _)| start), Some(0x7100_0000));
        assert!(memory_around(0x7100_0028, 0).is_none());
        assert!(memory_around(0x7100_0028, 8).is_some());
        assert!(memory_behind(0x70ff_fff0, 17).is_some() && memory_behind(0x70ff_fff0, 16).is_none());
        take(Kind::Kmalloc, 0x7100_0000);
        let freed = Freed { block: block(Kind::Kmalloc, 40), by: Vec::new(), by_origin: None };
        past().by_addr.insert(0x7100_0000, freed);
        assert!(freed_around(0x7100_0010).is_some() && freed_around(0x7100_0030).is_none());
    }
}
