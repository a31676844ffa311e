//! Relocations that livepatches bring: of symbols that nobody exports, in the kernel or in the module that is patched.
//!
//! A section `.klp.rela.OBJECT.SECTION` holds those that can be applied once OBJECT is there (`vmlinux` is the kernel
//! itself); a symbol `.klp.sym.OBJECT.NAME,POSITION` tells whose symbol it stands for. Counterpart:
//! `klp_apply_section_relocs` and `klp_resolve_symbols` of kernel/livepatch/core.c,
//! Documentation/livepatch/module-elf-format.rst.

use crate::place::Layout;
use crate::refusal::{LogLine, Refusal};
use crate::relocate;
use kabi::errno::EINVAL;
use kofile::elf::flag;
use kofile::{Elf, SymbolSection, Symbols};
use std::collections::HashMap;
use std::sync::Arc;

/// The most letters of an object's and a symbol's name that are read.
const OBJECT_MAX: usize = 55;
const NAME_MAX: usize = 511;
/// The most bytes of a whole name that are kept: more than a sound one has.
const KEPT: usize = 640;
/// `SHN_LIVEPATCH`
const LIVEPATCH: u16 = 0xff20;

/// A relocation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The symbol's whole name.
    pub symbol: Arc<str>,
    /// The symbol has the section index of those of livepatches.
    pub marked: bool,
    offset: u64,
    kind: u32,
    addend: i64,
}

/// The relocations of one section of the module that go with one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// A module's name, or `vmlinux`.
    pub object: String,
    /// What is to be done.
    pub rows: Vec<Row>,
    /// Where the section that is changed lies, and its bytes.
    addr: u64,
    len: u64,
}

/// What a symbol's name says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Named<'a> {
    /// Whose symbol it is.
    pub object: &'a str,
    /// Its name there.
    pub name: &'a str,
    /// Which one of several of that name; 0: there is only one.
    pub position: u64,
}

impl<'a> Named<'a> {
    /// Reads a symbol's name; `None` if it is none of a livepatch symbol.
    pub fn read(symbol: &'a str) -> Option<Self> {
        let (object, rest) = field(symbol.strip_prefix(".klp.sym.")?, '.', OBJECT_MAX)?;
        let (name, rest) = field(rest.strip_prefix('.')?, ',', NAME_MAX)?;
        let number = rest.strip_prefix(',')?;
        let digits = number.bytes().take_while(u8::is_ascii_digit).count();
        let position = number.get(..digits)?.parse().ok()?;
        Some(Self { object, name, position })
    }
}

/// The letters up to `end`, at least one and at most so many, and what follows.
fn field(text: &str, end: char, most: usize) -> Option<(&str, &str)> {
    let len = text.find(end).unwrap_or(text.len()).min(most);
    // A letter of several bytes is not cut.
    Some(text.split_at_checked(len)?).filter(|_| len != 0)
}

/// The relocations of livepatches in a file.
///
/// # Errors
/// `EINVAL` with the kernel's message: the name of a section.
pub fn sections(elf: &Elf<'_>, symbols: &Symbols<'_>, layout: &Layout) -> Result<Vec<Section>, Refusal> {
    let mut found = Vec::new();
    let mut names = None;
    for row in elf.sections().iter().filter(|row| row.flags & flag::RELA_LIVEPATCH != 0) {
        let target = usize::try_from(row.info).ok().and_then(|index| elf.section(index));
        let Some(target) = target.filter(|section| section.is_alloc()) else { continue };
        let name = row.name.to_string();
        let object = name.strip_prefix(".klp.rela.").and_then(|rest| field(rest, '.', OBJECT_MAX));
        let Some((object, _)) = object else {
            let line = format!("livepatch: section {name} has an incorrectly formatted name");
            return Err(Refusal::logged(EINVAL, LogLine::err(line)));
        };
        let (Some(table), Some(addr)) = (elf.relocation_table(row), layout.address(target.index)) else { continue };
        let names = names.get_or_insert_with(|| Names::of(symbols));
        let rows = table.iter().map(|r| {
            let (symbol, marked) = names.get(r.symbol);
            Row { symbol, marked, offset: r.offset, kind: r.kind, addend: r.addend }
        });
        found.push(Section { object: object.to_string(), rows: rows.collect(), addr, len: target.size });
    }
    Ok(found)
}

/// The symbols of a file; a name that many relocations want is kept once.
struct Names<'a> {
    symbols: Vec<kofile::Symbol<'a>>,
    kept: HashMap<u32, Arc<str>>,
}

impl<'a> Names<'a> {
    fn of(symbols: &Symbols<'a>) -> Self {
        Self { symbols: symbols.iter().collect(), kept: HashMap::new() }
    }

    /// The name of a symbol, and whether it is marked.
    fn get(&mut self, index: u32) -> (Arc<str>, bool) {
        let Some(symbol) = self.symbols.get(index as usize) else { return (Arc::from(""), false) };
        let name = || {
            let bytes = symbol.name().as_bytes();
            String::from_utf8_lossy(bytes.get(..KEPT).unwrap_or(bytes)).into()
        };
        let name = self.kept.entry(index).or_insert_with(name);
        (Arc::clone(name), symbol.section == SymbolSection::Reserved(LIVEPATCH))
    }
}

impl Section {
    /// Applies the relocations; `values` are those of the symbols of `rows`. `read` and `write` reach the module's memory.
    ///
    /// # Errors
    /// `ENOEXEC` with the kernel's message; what `read` and `write` say.
    pub fn apply<E: From<Refusal>>(
        &self,
        values: &[u64],
        module: &str,
        read: impl Fn(u64, &mut [u8]) -> Result<(), E>,
        write: impl Fn(u64, &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        for (row, value) in self.rows.iter().zip(values) {
            let value = value.wrapping_add_signed(row.addend);
            // An unknown type is refused whatever is there.
            let size = relocate::size(row.kind).unwrap_or(0);
            let mut bytes = [0; 8];
            let place = bytes.get_mut(..size).unwrap_or_default();
            let problem = match self.place(row.offset, size) {
                Some(at) => {
                    read(at, place)?;
                    let applied = relocate::apply(place, at, 0, row.kind, value);
                    if applied.is_ok() {
                        write(at, place)?;
                    }
                    applied.err()
                }
                None => Some(relocate::Problem::OutOfSection),
            };
            if let Some(problem) = problem {
                let at = self.addr.wrapping_add(row.offset);
                return Err(relocate::refused(problem, row.kind, at, value, module).into());
            }
        }
        Ok(())
    }

    /// Takes the relocations back: what was there before is zero.
    ///
    /// # Errors
    /// What `write` says.
    pub fn clear<E>(&self, write: impl Fn(u64, &[u8]) -> Result<(), E>) -> Result<(), E> {
        for row in &self.rows {
            let size = relocate::size(row.kind).unwrap_or(0);
            if let Some(at) = self.place(row.offset, size) {
                write(at, [0; 8].get(..size).unwrap_or_default())?;
            }
        }
        Ok(())
    }

    /// The address at an offset, if so many bytes are in the section.
    fn place(&self, offset: u64, size: usize) -> Option<u64> {
        let end = offset.checked_add(size as u64)?;
        (end <= self.len).then(|| self.addr.wrapping_add(offset))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    #[test]
    fn names_are_read_as_sscanf_reads_them() {
        let read = |text| Named::read(text).map(|n| (n.object, n.name, n.position));
        assert_eq!(read(".klp.sym.m.f,0"), Some(("m", "f", 0)));
        assert_eq!(read(".klp.sym.vmlinux.f.isra.0,12x"), Some(("vmlinux", "f.isra.0", 12)));
        for bad in ["f", ".klp.sym.m", ".klp.sym.m.", ".klp.sym.m.f", ".klp.sym.m.f,", ".klp.sym..f,0", ".klp.sym.m.,0"]
        {
            assert_eq!(read(bad), None, "{bad}");
        }
        let long = "n".repeat(56);
        assert_eq!(read(&format!(".klp.sym.{long}.f,0")), None);
        assert_eq!(field("m.x", '.', 55), Some(("m", ".x")));
        assert_eq!(field(&long, '.', 55).map(|(name, rest)| (name.len(), rest)), Some((55, "n")));
    }

    #[test]
    fn what_is_applied_can_be_cleared() {
        let memory = RefCell::new(vec![0u8; 16]);
        let at = |addr: u64| usize::try_from(addr - 0x1000).unwrap();
        let read = |addr, bytes: &mut [u8]| {
            bytes.copy_from_slice(&memory.borrow()[at(addr)..at(addr) + bytes.len()]);
            Ok::<(), Refusal>(())
        };
        let write = |addr, bytes: &[u8]| {
            memory.borrow_mut()[at(addr)..at(addr) + bytes.len()].copy_from_slice(bytes);
            Ok::<(), Refusal>(())
        };
        let row = |offset, kind| Row { symbol: "s".into(), marked: true, offset, kind, addend: 1 };
        let mut section = Section { object: "m".into(), rows: vec![row(0, 1), row(8, 11)], addr: 0x1000, len: 16 };
        section.apply(&[0x1234, 5], "m", read, write).unwrap();
        assert_eq!(memory.borrow()[..10], [0x35, 0x12, 0, 0, 0, 0, 0, 0, 6, 0]);
        section.clear(write).unwrap();
        assert_eq!(memory.borrow()[..], [0; 16]);
        section.rows = vec![row(13, 11)];
        assert!(section.apply(&[1], "m", read, write).unwrap_err().log.is_empty());
        section.rows = vec![row(0, 200)];
        assert!(
            section.apply(&[1], "m", read, write).unwrap_err().log[0].text.contains("Unknown rela relocation: 200")
        );
    }
}
