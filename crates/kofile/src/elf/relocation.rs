//! Relocations with addends (`SHT_RELA`).

use super::{Section, Symbol, Symbols};
use crate::bytes::{le32, le64};
use crate::error::{Error, ErrorKind, Result};
use crate::name::Name;

/// Bytes of a relocation.
const RELA_SIZE: usize = 24;
/// A relocation in the file.
type Row = [u8; RELA_SIZE];

/// One relocation. Nothing of it is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Relocation {
    /// Where it applies: an offset in the target section.
    pub offset: u64,
    /// What is to be done; the number means something else on each machine.
    pub kind: u32,
    /// Index of the symbol.
    pub symbol: u32,
    /// What is added to the symbol.
    pub addend: i64,
}

/// All relocations of one section.
#[derive(Debug, Clone, Copy)]
pub struct RelocationTable<'a> {
    file: &'a str,
    section: usize,
    name: Name<'a>,
    target: usize,
    rows: &'a [Row],
}

/// Iterates over the relocations of a table.
#[derive(Debug, Clone)]
pub struct Relocations<'a>(std::slice::Iter<'a, Row>);

impl Relocation {
    #[inline(always)]
    fn decode(row: &Row) -> Self {
        Relocation {
            offset: le64::<0, 24>(row),
            kind: le32::<8, 24>(row),
            symbol: le32::<12, 24>(row),
            addend: le64::<16, 24>(row) as i64,
        }
    }
}

impl<'a> RelocationTable<'a> {
    /// Takes a section of type RELA; a rest smaller than an entry is ignored, as the kernel ignores it.
    pub(crate) fn new(file: &'a str, section: &Section<'a>, target: usize) -> Self {
        let rows = section.data.as_chunks().0;
        RelocationTable { file, section: section.index, name: section.name, target, rows }
    }

    /// Index of the section that holds the relocations.
    #[inline]
    pub fn section(&self) -> usize {
        self.section
    }

    /// Name of the section that holds the relocations.
    #[inline]
    pub fn name(&self) -> Name<'a> {
        self.name
    }

    /// Index of the section that they apply to; it exists.
    #[inline]
    pub fn target(&self) -> usize {
        self.target
    }

    /// Number of relocations.
    #[inline]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is no relocation.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The relocation at a position.
    #[inline]
    pub fn get(&self, entry: usize) -> Option<Relocation> {
        self.rows.get(entry).map(Relocation::decode)
    }

    /// All relocations in order.
    #[inline]
    pub fn iter(&self) -> Relocations<'a> {
        Relocations(self.rows.iter())
    }

    /// The symbol of the relocation at `entry`.
    ///
    /// # Errors
    /// The symbol table has no such symbol (or the table has no such entry).
    #[inline]
    pub fn symbol(&self, entry: usize, symbols: &Symbols<'a>) -> Result<Symbol<'a>> {
        let index = self.get(entry).map_or(u32::MAX, |reloc| reloc.symbol);
        symbols.get(index).ok_or_else(|| self.bad_symbol(entry, index, symbols.len()))
    }

    /// The error for a relocation whose symbol does not exist.
    #[cold]
    fn bad_symbol(&self, entry: usize, index: u32, count: usize) -> Error {
        let (index, count) = (u64::from(index), count as u64);
        self.error(entry, ErrorKind::Index { what: "symbol", index, table: "symbol table", count })
    }

    /// Makes an error about the relocation at `entry`, with file, section and offset.
    #[cold]
    pub fn error(&self, entry: usize, kind: ErrorKind) -> Error {
        let offset = (entry as u64).saturating_mul(RELA_SIZE as u64);
        Error::new(kind).in_file(self.file).in_section(self.section, self.name).at_entry(entry).at(offset)
    }
}

impl<'a> IntoIterator for &RelocationTable<'a> {
    type Item = Relocation;
    type IntoIter = Relocations<'a>;

    fn into_iter(self) -> Relocations<'a> {
        self.iter()
    }
}

impl Iterator for Relocations<'_> {
    type Item = Relocation;

    #[inline]
    fn next(&mut self) -> Option<Relocation> {
        self.0.next().map(Relocation::decode)
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl ExactSizeIterator for Relocations<'_> {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Elf;
    use crate::testing::{Builder, Sec, Sym};

    /// A file with one text section, `count` symbols and the given relocations.
    fn file(relocs: &[Relocation], info: Option<u32>) -> Vec<u8> {
        let mut builder = Builder::new();
        let text = builder.add(Sec::new(".text", &[0; 64]));
        builder.symbol(Sym::new("printk"));
        let rela = builder.relocate(text, relocs);
        if let Some(info) = info {
            builder.sections[rela].info = info;
        }
        builder.build()
    }

    const PC32: Relocation = Relocation { offset: 4, kind: 2, symbol: 1, addend: -4 };

    #[test]
    fn relocations_are_decoded_in_order() {
        let other = Relocation { offset: u64::MAX, kind: 11, symbol: 0, addend: i64::MAX };
        let bytes = file(&[PC32, other], None);
        let elf = Elf::parse("m.ko", &bytes).unwrap();
        let table = elf.relocation_tables().next().unwrap();
        assert_eq!((table.len(), table.is_empty(), table.target()), (2, false, 1));
        assert_eq!(table.iter().collect::<Vec<_>>(), [PC32, other]);
        assert_eq!((table.get(1), table.get(2)), (Some(other), None));
        assert_eq!(table.symbol(0, &elf.symbols().unwrap()).unwrap().name(), "printk");
        assert_eq!((elf.relocations_of(1).count(), elf.relocations_of(2).count()), (1, 0));
    }

    #[test]
    fn a_symbol_outside_of_the_table_is_named_with_its_place() {
        let bytes = file(&[PC32, Relocation { symbol: 900, ..PC32 }], None);
        let elf = Elf::parse("m.ko", &bytes).unwrap();
        let table = elf.relocation_tables().next().unwrap();
        let text = table.symbol(1, &elf.symbols().unwrap()).unwrap_err().to_string();
        let cause = "entry 1 at offset 0x18: symbol 900 is outside of the symbol table with 2 entries";
        assert_eq!(text, format!("m.ko: section {} (.rela.text): {cause}", table.section()));
    }

    #[test]
    fn tables_without_a_target_are_skipped() {
        let bytes = file(&[PC32], Some(77));
        assert_eq!(Elf::parse("m.ko", &bytes).unwrap().relocation_tables().count(), 0);
    }
}
