//! What the image offers to modules: `__ksymtab`, `__ksymtab_gpl`, `__kcrctab*` (include/linux/export-internal.h).
//!
//! Assumes relative entries (CONFIG_HAVE_ARCH_PREL32_RELOCATIONS, which x86-64 and arm64 have): three
//! 32-bit distances, each from its own place, to the symbol, its name and its namespace.

use crate::bytes::{cstr_at, u32_at};
use crate::elf::{Elf, Section};
use crate::error::{Error, Result};

/// What stands behind an exported name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportKind {
    /// Code.
    Function,
    /// A variable.
    Data,
    /// A per-CPU variable: its address is an offset into a CPU's area.
    PerCpu,
    /// Not known (made from headers only): the module's relocation tells.
    Unknown,
}

/// An export as the tables have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RawExport {
    pub name: String,
    pub namespace: String,
    pub addr: u64,
    pub gpl: bool,
    pub crc: Option<u32>,
    pub kind: ExportKind,
}

const ENTRY: usize = 12;

/// All exports of the image, in the tables' order.
pub(crate) fn exports(elf: &Elf<'_>) -> Result<Vec<RawExport>> {
    let mut all = Vec::new();
    for (table, crcs, gpl) in [("__ksymtab", "__kcrctab", false), ("__ksymtab_gpl", "__kcrctab_gpl", true)] {
        let Some(section) = elf.section(table) else { continue };
        let entries = elf.bytes_of(section).ok_or_else(|| damaged(table, 0))?;
        let crcs = elf.section(crcs).and_then(|s| elf.bytes_of(s));
        for i in 0..entries.len() / ENTRY {
            let mut export = entry(elf, section, entries, i, gpl).ok_or_else(|| damaged(table, i))?;
            export.crc = crcs.and_then(|c| u32_at(c, i * 4));
            all.push(export);
        }
    }
    if all.is_empty() {
        return Err(Error::image("no __ksymtab section: not a complete kernel image"));
    }
    Ok(all)
}

fn damaged(table: &str, i: usize) -> Error {
    Error::image(format!("{table}: entry {i} points outside of the image"))
}

fn entry(elf: &Elf<'_>, section: &Section, entries: &[u8], i: usize, gpl: bool) -> Option<RawExport> {
    let target = |field: usize| {
        let at = i * ENTRY + field * 4;
        let distance = u32_at(entries, at)? as i32;
        Some(section.addr.wrapping_add(at as u64).wrapping_add(i64::from(distance) as u64))
    };
    let text = |addr: u64| {
        let text = cstr_at(elf.data, elf.offset_of(addr)?)?;
        Some(String::from_utf8_lossy(text).into_owned())
    };
    let addr = target(0)?;
    Some(RawExport {
        name: text(target(1)?)?,
        namespace: text(target(2)?)?,
        addr,
        gpl,
        crc: None,
        kind: kind_at(elf, addr),
    })
}

/// What lies at an address, by its section.
pub(crate) fn kind_at(elf: &Elf<'_>, addr: u64) -> ExportKind {
    match elf.section_at(addr) {
        Some(s) if s.is_percpu() => ExportKind::PerCpu,
        Some(s) if s.is_exec() => ExportKind::Function,
        Some(_) => ExportKind::Data,
        // The symbols the linker script puts at a section's end (per-CPU symbols only at small addresses).
        None => ExportKind::Data,
    }
}
