//! The symbols that a module exports.
//!
//! Kernel counterpart: `struct kernel_symbol` of `kernel/module/internal.h` (`include/linux/export-internal.h` makes
//! the entries). An entry is {value, name, namespace}: three 32-bit offsets relative to themselves where the machine
//! has `CONFIG_HAVE_ARCH_PREL32_RELOCATIONS` (x86-64, aarch64), else three 64-bit pointers (riscv64). In a `.ko` all
//! of them are relocations; the strings are in `__ksymtab_strings`.

use std::collections::HashMap;

use crate::bytes::until_nul;
use crate::elf::{Elf, Machine, Relocation, RelocationTable, Section, SymbolSection, Symbols};
use crate::error::{Error, ErrorKind, Result};
use crate::name::Name;

/// The tables: the symbols, their CRCs, and whether they are for modules with a GPL-compatible licence only.
const TABLES: [(&str, &str, bool); 2] = [("__ksymtab", "__kcrctab", false), ("__ksymtab_gpl", "__kcrctab_gpl", true)];

/// One exported symbol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Export<'a> {
    /// The name others import it by.
    pub name: Name<'a>,
    /// The namespace that importers must name.
    pub namespace: Option<Name<'a>>,
    /// Whether it is for modules with a GPL-compatible licence only.
    pub gpl_only: bool,
    /// The CRC of its prototype, if the module was built with `CONFIG_MODVERSIONS`.
    pub crc: Option<u32>,
    /// Index of the symbol that is exported: one with its name, or that of its section.
    pub symbol: u32,
    /// What is added to that symbol.
    pub addend: i64,
    /// Index of the `__ksymtab` section.
    pub section: usize,
    /// Position in that section.
    pub entry: usize,
}

/// The relocations of an entry.
#[derive(Debug, Clone, Copy, Default)]
struct Fields {
    value: Option<Relocation>,
    name: Option<Relocation>,
    namespace: Option<Relocation>,
}

/// Reads the exports of a file in the order of `__ksymtab`, then `__ksymtab_gpl`.
///
/// # Errors
/// An entry without relocations for its value and name, a string or symbol outside of its table, a damaged symbol
/// table.
pub fn read<'a>(elf: &Elf<'a>) -> Result<Vec<Export<'a>>> {
    let mut exports = Vec::new();
    let mut symbols = None;
    for (table, crcs, gpl_only) in TABLES {
        let Some(section) = elf.section_by_name(table).filter(|section| !section.data.is_empty()) else { continue };
        let symbols = match &mut symbols {
            Some(symbols) => symbols,
            none => none.insert(elf.symbols()?),
        };
        let start = exports.len();
        let reader = Reader { elf, symbols, section, gpl_only };
        reader.read(&mut exports)?;
        if let Some(crcs) = elf.section_by_name(crcs) {
            let crcs = Crcs::new(elf, symbols, crcs);
            exports.iter_mut().skip(start).for_each(|export| export.crc = crcs.get(export));
        }
    }
    Ok(exports)
}

/// Reads one table.
struct Reader<'a, 'e> {
    elf: &'e Elf<'a>,
    symbols: &'e Symbols<'a>,
    section: &'e Section<'a>,
    gpl_only: bool,
}

impl<'a> Reader<'a, '_> {
    fn read(&self, exports: &mut Vec<Export<'a>>) -> Result<()> {
        let size = self.field_size();
        let count = self.section.data.len() / (3 * size as usize);
        let mut entries = vec![Fields::default(); count];
        for table in self.elf.relocations_of(self.section.index) {
            fill(&mut entries, &table, size);
        }
        exports.reserve(count);
        for (entry, fields) in entries.iter().enumerate() {
            exports.push(self.export(entry, fields).map_err(|error| self.place(error, entry, size))?);
        }
        Ok(())
    }

    /// Bytes of a field, by the kind of the first relocation: 32 bits relative to itself, or a pointer.
    fn field_size(&self) -> u64 {
        let pointer = match self.elf.machine() {
            Machine::X86_64 => 1,
            Machine::Aarch64 => 257,
            Machine::Riscv64 => 2,
        };
        let first = self.elf.relocations_of(self.section.index).find_map(|table| table.get(0));
        if first.is_some_and(|reloc| reloc.kind == pointer) { 8 } else { 4 }
    }

    fn export(&self, entry: usize, fields: &Fields) -> Result<Export<'a>> {
        let missing = |what| Error::new(ErrorKind::Malformed { what });
        let value = fields.value.ok_or_else(|| missing("no relocation gives the value of this export"))?;
        let name = fields.name.ok_or_else(|| missing("no relocation gives the name of this export"))?;
        self.check_symbol(value.symbol)?;
        let namespace = fields.namespace.map(|reloc| self.string(&reloc)).transpose()?;
        Ok(Export {
            name: self.string(&name)?,
            namespace: namespace.filter(|namespace| !namespace.is_empty()),
            gpl_only: self.gpl_only,
            crc: None,
            symbol: value.symbol,
            addend: value.addend,
            section: self.section.index,
            entry,
        })
    }

    /// The string that a relocation leads to.
    fn string(&self, reloc: &Relocation) -> Result<Name<'a>> {
        self.check_symbol(reloc.symbol)?;
        let string = self.symbols.get(reloc.symbol).and_then(|symbol| {
            let SymbolSection::Section(index) = symbol.section else { return None };
            let place = symbol.value.checked_add_signed(reloc.addend)?;
            let rest = self.elf.section(usize::from(index))?.data.get(usize::try_from(place).ok()?..)?;
            rest.contains(&0).then(|| until_nul(rest))
        });
        let what = "the name or namespace of this export is not a string of the module";
        string.map(Name::new).ok_or_else(|| Error::new(ErrorKind::Malformed { what }))
    }

    fn check_symbol(&self, symbol: u32) -> Result<()> {
        let (index, count) = (u64::from(symbol), self.symbols.len() as u64);
        match index < count {
            true => Ok(()),
            false => Err(Error::new(ErrorKind::Index { what: "symbol", index, table: "symbol table", count })),
        }
    }

    fn place(&self, error: Error, entry: usize, size: u64) -> Error {
        self.elf.error_in(self.section, error.at_entry(entry).at(entry as u64 * 3 * size))
    }
}

/// Gives each entry its relocations. What points between fields or behind the last entry belongs to none.
fn fill(entries: &mut [Fields], table: &RelocationTable<'_>, size: u64) {
    for reloc in table {
        let field = reloc.offset / size;
        let entry = usize::try_from(field / 3).ok().and_then(|entry| entries.get_mut(entry));
        let Some(entry) = entry.filter(|_| reloc.offset.is_multiple_of(size)) else { continue };
        let place = match field % 3 {
            0 => &mut entry.value,
            1 => &mut entry.name,
            _ => &mut entry.namespace,
        };
        place.get_or_insert(reloc);
    }
}

/// The CRCs of a table's exports.
enum Crcs<'a> {
    /// One after the other in the order of the exports.
    Table(&'a [[u8; 4]]),
    /// Values of `__crc_*` symbols, which relocations would write into the table (kernels before 5.19).
    Symbols(HashMap<Name<'a>, u32>),
}

impl<'a> Crcs<'a> {
    fn new(elf: &Elf<'a>, symbols: &Symbols<'a>, section: &Section<'a>) -> Self {
        if elf.relocations_of(section.index).all(|table| table.is_empty()) {
            return Crcs::Table(section.data.as_chunks().0);
        }
        let absolute = symbols.iter().filter(|symbol| symbol.section == SymbolSection::Abs);
        Crcs::Symbols(
            absolute.filter_map(|s| Some((s.name().strip_prefix("__crc_")?, u32::try_from(s.value).ok()?))).collect(),
        )
    }

    fn get(&self, export: &Export<'_>) -> Option<u32> {
        match self {
            Crcs::Table(rows) => rows.get(export.entry).map(|row| u32::from_le_bytes(*row)),
            Crcs::Symbols(crcs) => crcs.get(&export.name).copied(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Builder, Sec, Sym};

    /// A module that exports `foo` and `bar`, `bar` in the namespace `NS`, with fields of `size` bytes.
    fn exporting(table: &str, size: u64, kind: u32) -> Builder {
        let mut builder = Builder::new();
        let text = builder.add(Sec { flags: 6, ..Sec::new(".text", &[0xc3; 32]) }) as u16;
        let strings = builder.add(Sec { flags: 2, ..Sec::new("__ksymtab_strings", b"foo\0\0bar\0NS\0") }) as u16;
        let table = builder.add(Sec { flags: 2, ..Sec::new(table, &vec![0; 6 * size as usize]) });
        builder.symbol(Sym { section: text, ..Sym::new("foo") });
        builder.symbol(Sym { section: text, value: 16, ..Sym::new("bar") });
        builder.symbol(Sym { section: strings, info: 3, ..Sym::new("") });
        let at = |field: u64, symbol, addend| Relocation { offset: field * size, kind, symbol, addend };
        let foo = [at(0, 1, 0), at(1, 3, 0), at(2, 3, 4)];
        builder.relocate(table, &[foo, [at(3, 2, 0), at(4, 3, 5), at(5, 3, 9)]].concat());
        builder
    }

    fn read_all(builder: &Builder) -> std::result::Result<Vec<String>, String> {
        let bytes = builder.build();
        let elf = Elf::parse("m.ko", &bytes).unwrap();
        let exports = read(&elf).map_err(|error| error.to_string())?;
        let symbols = elf.symbols().unwrap();
        let show = |e: &Export<'_>| {
            let symbol = symbols.get(e.symbol).unwrap().name();
            format!("{} {:?} {} {:x?} {symbol}", e.name, e.namespace, e.gpl_only, e.crc)
        };
        Ok(exports.iter().map(show).collect())
    }

    #[test]
    fn read_knows_both_layouts() {
        for (machine, size, kind) in [(62, 4, 2), (62, 8, 1), (183, 4, 261), (243, 8, 2)] {
            let mut builder = exporting("__ksymtab_gpl", size, kind);
            builder.machine = machine;
            let want = ["foo None true None foo", "bar Some(\"NS\") true None bar"];
            assert_eq!(read_all(&builder).unwrap(), want, "machine {machine}");
        }
    }

    #[test]
    fn crcs_come_from_the_table_or_from_symbols() {
        let mut builder = exporting("__ksymtab", 4, 2);
        let crcs = builder.add(Sec::new("__kcrctab", &[1, 0, 0, 0, 2, 0, 0, 0]));
        let want = ["foo None false Some(1) foo", "bar Some(\"NS\") false Some(2) bar"];
        assert_eq!(read_all(&builder).unwrap(), want);
        let symbol = builder.symbol(Sym { section: 0xfff1, value: 0x77, ..Sym::new("__crc_bar") });
        builder.relocate(crcs, &[Relocation { offset: 4, kind: 2, symbol, addend: 0 }]);
        let want = ["foo None false None foo", "bar Some(\"NS\") false Some(77) bar"];
        assert_eq!(read_all(&builder).unwrap(), want);
    }

    #[test]
    fn read_refuses_entries_that_lead_nowhere() {
        let mut builder = exporting("__ksymtab", 4, 2);
        builder.symbols[2].value = 4000;
        let text = read_all(&builder).unwrap_err();
        let place = "m.ko: section 3 (__ksymtab): entry 0 at offset 0x0: ";
        assert_eq!(text, format!("{place}the name or namespace of this export is not a string of the module"));
        builder.symbols.truncate(2);
        assert_eq!(
            read_all(&builder).unwrap_err(),
            format!("{place}symbol 3 is outside of the symbol table with 3 entries")
        );
        builder.named(".rela__ksymtab").data.truncate(24);
        assert!(read_all(&builder).unwrap_err().contains("no relocation gives the name"));
        builder.named(".rela__ksymtab").data.clear();
        assert!(read_all(&builder).unwrap_err().contains("no relocation gives the value"));
    }
}
