//! Who needs whom, and an order in which nobody comes before who needs it.
//!
//! kmod's counterparts: `depmod_load_dependencies`, `depmod_calculate_dependencies`, `mod_get_all_sorted_dependencies`.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;

use super::known::{self, without};
use super::read::Batch;
use super::summary::Quick;
use super::{Listener, Module, Stopped, cycles, hash, message};

/// What is checked on the way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Checks {
    /// Symbols that nobody has.
    pub report_unknown: bool,
    /// Versions that differ.
    pub versions: bool,
}

/// A symbol: who exports it (nobody: the kernel itself), and its version.
#[derive(Debug, Clone, Copy)]
struct Symbol {
    owner: Option<u32>,
    crc: u64,
}

/// What a name leads to: the name that the symbol is known by, and the symbol.
type Found<'n> = Option<(&'n [u8], Symbol)>;

/// All symbols.
#[derive(Debug, Default)]
pub(super) struct Symbols(HashMap<Vec<u8>, Symbol, BuildHasherDefault<Quick>>);

impl Symbols {
    /// The kernel's symbols and those of the modules; of several modules with one symbol the last counts.
    pub(super) fn collect(known: known::Symbols, modules: &[Module], prefix: Option<u8>) -> Self {
        let mut all = Symbols::default();
        all.0.extend(known.into_iter().map(|(name, crc)| (name, Symbol { owner: None, crc })));
        for (at, module) in (0u32..).zip(modules) {
            for (name, crc) in module.summary.exports() {
                all.0.insert(without(prefix, name).to_vec(), Symbol { owner: Some(at), crc });
            }
        }
        all
    }

    /// The name that a symbol is known by, and what is known.
    fn find<'n>(&self, name: &'n [u8], prefix: Option<u8>) -> Found<'n> {
        // PowerPC 64: .foo is foo.
        let name = without(prefix, name.strip_prefix(b".").unwrap_or(name));
        Some((name, *self.0.get(name)?))
    }

    /// The symbols of modules with their owners, in the order of `modules.symbols`.
    pub(super) fn of_modules(&self) -> Vec<(&[u8], u32)> {
        let owned = self.0.iter().filter_map(|(name, symbol)| Some((name.as_slice(), symbol.owner?)));
        let mut ranked: Vec<((u32, &[u8]), u32)> =
            owned.map(|(name, owner)| (hash::rank(name, hash::SYMBOLS), owner)).collect();
        ranked.sort_unstable();
        ranked.into_iter().map(|((_, name), owner)| (name, owner)).collect()
    }
}

/// Finds the owners of the symbols that each module needs.
pub(super) fn resolve(
    modules: &mut [Module],
    batches: &[Batch],
    symbols: &Symbols,
    checks: Checks,
    prefix: Option<u8>,
    to: &mut dyn Listener,
) {
    let found: Vec<Vec<Found<'_>>> =
        batches.iter().map(|batch| batch.names.iter().map(|name| symbols.find(name, prefix)).collect()).collect();
    let mut reader = vec![0; modules.len()];
    for (number, batch) in batches.iter().enumerate() {
        for at in &batch.modules {
            if let Some(place) = reader.get_mut(*at as usize) {
                *place = number;
            }
        }
    }
    for (at, number) in reader.into_iter().enumerate() {
        let (Some(batch), Some(found)) = (batches.get(number), found.get(number)) else { continue };
        resolve_one(modules, at, &batch.names, found, checks, to);
    }
}

/// Finds the owners of the symbols that one module needs.
fn resolve_one(
    modules: &mut [Module],
    at: usize,
    names: &[Box<[u8]>],
    found: &[Found<'_>],
    checks: Checks,
    to: &mut dyn Listener,
) {
    let Some(module) = modules.get_mut(at) else { return };
    let (summary, path) = (std::mem::take(&mut module.summary), std::mem::take(&mut module.path));
    let mut needs: Vec<u32> = Vec::new();
    for (need, crc) in summary.needs() {
        let name = names.get(need.name()).map_or(&[][..], |name| name);
        let Some((known_as, symbol)) = found.get(need.name()).copied().flatten() else {
            if checks.report_unknown && !need.is_weak() {
                message!(to, Warning, path, b" needs unknown symbol ", name);
            }
            continue;
        };
        if checks.versions && checks.report_unknown && symbol.crc != crc && !need.is_weak() {
            message!(to, Warning, path, b" disagrees about version of symbol ", name);
        }
        let Some(owner) = symbol.owner.filter(|owner| !needs.contains(owner)) else { continue };
        needs.push(owner);
        let shown = if owner as usize == at { Some(&path) } else { modules.get(owner as usize).map(|o| &o.path) };
        to.needs(&path, known_as, shown.map_or(&[][..], |shown| shown));
        if let Some(owner) = modules.get_mut(owner as usize) {
            owner.users = owner.users.saturating_add(1);
        }
    }
    if let Some(module) = modules.get_mut(at) {
        (module.summary, module.path, module.needs) = (summary, path, needs);
        // Nobody looks at these again.
        (module.summary.needs, module.summary.need_crcs) = (Vec::new(), Vec::new());
    }
}

/// Gives every module its rank.
pub(super) fn sort(modules: &mut [Module], to: &mut dyn Listener) -> Result<(), Stopped> {
    let mut users: Vec<u32> = modules.iter().map(|module| module.users).collect();
    let mut free: Vec<u32> = (0u32..).zip(&users).filter(|(_, users)| **users == 0).map(|(at, _)| at).collect();
    let mut ranked = 0;
    while let Some(at) = free.pop() {
        let Some(module) = modules.get_mut(at as usize) else { continue };
        module.rank = ranked;
        ranked += 1;
        for need in &module.needs {
            let Some(left) = users.get_mut(*need as usize) else { continue };
            *left = left.saturating_sub(1);
            if *left == 0 {
                free.push(*need);
            }
        }
    }
    if (ranked as usize) < modules.len() {
        cycles::report(modules, &users, to);
        return Err(Stopped);
    }
    Ok(())
}

/// Collects what modules need, directly or not.
#[derive(Debug)]
pub(super) struct Collector<'m> {
    modules: &'m [Module],
    /// For whom each module was collected last.
    seen: Vec<u32>,
    turn: u32,
}

impl<'m> Collector<'m> {
    pub(super) fn new(modules: &'m [Module]) -> Self {
        Self { modules, seen: vec![0; modules.len()], turn: 0 }
    }

    /// All that a module needs, by rank: who is needed comes after who needs it.
    pub(super) fn of(&mut self, module: &Module) -> Vec<&'m Module> {
        self.turn = self.turn.wrapping_add(1);
        let (mut all, mut next) = (Vec::new(), module.needs.clone());
        while let Some(at) = next.pop() {
            let (Some(need), Some(seen)) = (self.modules.get(at as usize), self.seen.get_mut(at as usize)) else {
                continue;
            };
            if *seen != self.turn {
                *seen = self.turn;
                all.push(need);
                next.extend_from_slice(&need.needs);
            }
        }
        all.sort_unstable_by_key(|need| need.rank);
        all
    }
}
