//! Places in code: who called, and what the real kernel would say of itself. Counterpart: lib/stacktrace.c, lib/bug.c.

use super::{Instance, describe, publish, symbolize, with_reporter};
use crate::module::{self, Module, taint};
use crate::oops::{self, Facts, Missing, OrcTable, Place, Symbol, Table, World};
use kabi::{KError, profile};
use machine::access::unwatched as access;
use machine::arena;
use machine::enter::{self, Stretch};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, PoisonError, RwLock};

/// Frames of a call chain that are kept.
const DEEPEST: usize = 16;

/// A module's unwind tables, copied once.
struct Tables {
    range: [Range<u64>; 2],
    ips_addr: u64,
    ips: Vec<u8>,
    entries: Vec<u8>,
}

impl Tables {
    fn of(module: &Module) -> Option<Self> {
        let image = module.image();
        let (ips, entries) = (image.section(".orc_unwind_ip")?, image.section(".orc_unwind")?);
        let range = |region: &loader::place::Region| region.addr()..region.addr() + region.size as u64;
        Some(Self {
            range: [range(&image.core), range(&image.init)],
            ips_addr: ips.addr,
            ips: super::bytes_of(ips)?,
            entries: super::bytes_of(entries)?,
        })
    }

    fn contains(&self, addr: u64) -> bool {
        self.range.iter().any(|range| range.contains(&addr))
    }
}

/// By the module's id.
static TABLES: RwLock<BTreeMap<u64, Arc<Tables>>> = RwLock::new(BTreeMap::new());

/// The module is gone.
pub fn forget_chains(module: &Module) {
    TABLES.write().unwrap_or_else(PoisonError::into_inner).remove(&module.id);
}

fn tables_of(addr: u64) -> Option<Arc<Tables>> {
    let known = TABLES.read().unwrap_or_else(PoisonError::into_inner);
    if let Some(tables) = known.values().find(|tables| tables.contains(addr)) {
        return Some(Arc::clone(tables));
    }
    drop(known);
    let module = module::containing(addr)?;
    let tables = Arc::new(Tables::of(&module)?);
    TABLES.write().unwrap_or_else(PoisonError::into_inner).insert(module.id, Arc::clone(&tables));
    Some(tables)
}

/// The instance, with the tables of the modules that are on the stack at hand.
struct Quick {
    tables: Vec<Arc<Tables>>,
    stretches: Vec<Stretch>,
}

impl Quick {
    fn now() -> Self {
        let stretches = enter::stretches();
        let ips = stretches.iter().filter_map(|stretch| access::get::<u64>(stretch.border.wrapping_add(8)).ok());
        let mut tables: Vec<Arc<Tables>> = Vec::new();
        for ip in ips {
            if !tables.iter().any(|known| known.contains(ip)) {
                tables.extend(tables_of(ip));
            }
        }
        Self { tables, stretches }
    }
}

impl World for Quick {
    fn read_u64(&self, addr: u64) -> Option<u64> {
        Instance.read_u64(addr)
    }

    fn read_bytes(&self, addr: u64, to: &mut [u8]) -> bool {
        Instance.read_bytes(addr, to)
    }

    fn write_u16(&self, _: u64, _: u16) -> bool {
        false
    }

    fn symbol(&self, addr: u64) -> Option<Symbol> {
        symbolize(addr)
    }

    fn is_text(&self, addr: u64) -> bool {
        arena::contains(addr) && !arena::is_stub(addr)
    }

    fn orc(&self, ip: u64) -> Option<OrcTable<'_>> {
        // Another module may have called this one without lkm between them.
        let tables = self.tables.iter().find(|tables| tables.contains(ip))?;
        let ips = Table { addr: tables.ips_addr, bytes: Cow::Borrowed(&tables.ips) };
        Some(OrcTable { ips, entries: Cow::Borrowed(&tables.entries) })
    }

    fn bugs(&self, _: u64) -> Option<Table<'_>> {
        None
    }

    fn exceptions(&self, _: u64) -> Option<Table<'_>> {
        None
    }

    fn missing(&self, _: u64) -> Option<Missing> {
        None
    }

    fn stretches(&self) -> Vec<Stretch> {
        self.stretches.clone()
    }

    fn shown(&self, addr: u64) -> u64 {
        Instance.shown(addr)
    }

    fn facts(&self) -> Facts {
        Instance.facts()
    }
}

/// The module code that called lkm, innermost first: return addresses, as far as the unwind tables lead.
pub fn call_chain() -> Vec<u64> {
    let (major, minor) = crate::env::version();
    oops::chain(&Quick::now(), (major as u16, minor as u16), DEEPEST)
}

/// A return address in a module's code for people and for those who know its source lines.
pub fn frame(addr: u64) -> wire::CallFrame {
    // The call is before it.
    wire::CallFrame { text: describe(addr), place: place(addr.wrapping_sub(1)), source: None }
}

/// The same of an instruction that trapped.
pub fn frame_of_trap(ip: u64) -> wire::CallFrame {
    wire::CallFrame { text: oops::describe(&Instance, ip), place: place(ip), source: None }
}

fn place(at: u64) -> Option<wire::CodePlace> {
    module::containing(at).and_then(|module| {
        let image = module.image();
        let section = image.sections.iter().find(|s| at.wrapping_sub(s.addr) < s.size)?;
        Some(wire::CodePlace {
            module: module.name().to_string(),
            section: section.name.clone(),
            offset: at - section.addr,
        })
    })
}

/// The code of the real kernel that warns or stops: a row of its table.
struct Site {
    /// Link address of the instruction.
    ip: u64,
    file: String,
    line: u16,
}

/// The places in a function of the image that are in `__bug_table`, by line: warnings, or those that stop.
fn sites(function: &str, warnings: bool) -> Vec<Site> {
    const ENTRY: usize = 12;
    let profile = profile();
    let mut found = Vec::new();
    let Some(table) = profile.section("__bug_table") else { return found };
    let Some(bytes) = profile.image_bytes(table.addr, table.size as usize) else { return found };
    // Compilers move parts of a function out of it.
    let parts: Vec<Range<u64>> = ["", ".cold", ".part.0", ".isra.0", ".constprop.0"]
        .iter()
        .flat_map(|part| profile.symbols_named(&format!("{function}{part}")).collect::<Vec<_>>())
        .map(|symbol| symbol.addr..symbol.addr + symbol.size)
        .collect();
    for (at, entry) in (table.addr..).step_by(ENTRY).zip(bytes.as_chunks::<ENTRY>().0) {
        let [a, b, c, d, e, f, g, h, line @ .., i, j] = *entry;
        let ip = at.wrapping_add_signed(i64::from(i32::from_le_bytes([a, b, c, d])));
        let is_warning = u16::from_le_bytes([i, j]) & 1 == 1;
        if is_warning != warnings || !parts.iter().any(|part| part.contains(&ip)) {
            continue;
        }
        let name = (at + 4).wrapping_add_signed(i64::from(i32::from_le_bytes([e, f, g, h])));
        let text = profile.image_bytes(name, 1).and(profile.image_bytes(name, 64)).unwrap_or_default();
        let file = text.split(|byte| *byte == 0).next().unwrap_or_default();
        let file = String::from_utf8_lossy(file).into_owned();
        found.push(Site { ip, file, line: u16::from_le_bytes(line) });
    }
    found.sort_by(|a, b| (&a.file, a.line).cmp(&(&b.file, b.line)));
    found
}

/// The one with this number of those in a file, or the last.
fn pick(sites: Vec<Site>, file: &str, nth: usize) -> Option<Site> {
    let mut sites: Vec<Site> = sites.into_iter().filter(|site| site.file.ends_with(file)).collect();
    let nth = nth.min(sites.len().checked_sub(1)?);
    Some(sites.swap_remove(nth))
}

/// The kernel's own warning number `nth` (by line) in `file` among those of its `function`; `message` comes before the report.
/// Where the image does not tell, the function stands alone.
pub fn warn_in(function: &str, file: &str, nth: usize, message: Option<&str>) {
    let site = pick(sites(function, true), file, nth);
    let ip = site.as_ref().map(|site| site.ip).or_else(|| profile().symbol(function).map(|s| s.addr)).unwrap_or(0);
    let (name, line) = site.map_or((file.to_string(), 0), |site| (site.file, u32::from(site.line)));
    let place = Place { file: Some(&name), line, ip, taint: taint::Taint::Warn as u32 };
    let report = with_reporter(|r| r.warn_call(&Instance, place, message));
    publish(report, true);
}

/// The kernel's own `BUG()` number `nth` in `file` among those of its `function`: an oops of the calling module code.
pub fn bug_in(function: &'static str, file: &str, nth: usize) -> KError {
    let site = pick(sites(function, false), file, nth);
    let ip = site.as_ref().map_or(0, |site| site.ip);
    let (name, line) = site.map_or((file.to_string(), 0), |site| (site.file, u32::from(site.line)));
    let report = with_reporter(|r| r.bug_call(&Instance, function, ip, (&name, line)));
    publish(report, false);
    KError::Died
}
