//! The symbol table.

use super::{Elf, Section, kind};
use crate::bytes::{le16, le32, le64, string_at};
use crate::error::{Error, ErrorKind, Result};
use crate::name::Name;

/// Bytes of a symbol.
const SYMBOL_SIZE: usize = 24;
/// A symbol in the file.
type Row = [u8; SYMBOL_SIZE];

/// The symbol table of a file; rows are decoded when they are asked for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Symbols<'a> {
    section: usize,
    rows: &'a [Row],
    strings: &'a [u8],
}

/// One symbol.
#[derive(Debug, Clone, Copy)]
pub struct Symbol<'a> {
    /// `st_value`: offset in its section, or the value of an absolute symbol, or the alignment of a common one.
    pub value: u64,
    /// `st_size`: bytes of the function or object.
    pub size: u64,
    /// Where the symbol is defined (`st_shndx`).
    pub section: SymbolSection,
    /// Who sees it.
    pub binding: SymbolBinding,
    /// What it is.
    pub kind: SymbolKind,
    /// `st_other`; its low two bits are the visibility.
    pub other: u8,
    name_offset: u32,
    strings: &'a [u8],
}

/// Where a symbol is defined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SymbolSection {
    /// Elsewhere: in the kernel or another module.
    Undef,
    /// Nowhere: the value is the symbol (`SHN_ABS`).
    Abs,
    /// In memory not yet given to it (`SHN_COMMON`); the kernel refuses such modules.
    Common,
    /// In the section with this index. It is not checked to exist.
    Section(u16),
    /// Another reserved index; `SHN_LIVEPATCH` is `0xff20`.
    Reserved(u16),
}

/// Who sees a symbol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SymbolBinding {
    /// The file itself.
    Local,
    /// Everyone.
    Global,
    /// Everyone, and it may stay undefined.
    Weak,
    /// Some other binding.
    Other(u8),
}

/// What a symbol is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SymbolKind {
    /// Not said.
    None,
    /// Data.
    Object,
    /// A function.
    Func,
    /// A section.
    Section,
    /// The source file's name.
    File,
    /// Uninitialised common data.
    Common,
    /// Thread-local data.
    Tls,
    /// Some other kind.
    Other(u8),
}

impl<'a> Symbol<'a> {
    /// The symbol's name; empty for section symbols.
    #[inline]
    pub fn name(&self) -> Name<'a> {
        Name::new(string_at(self.strings, self.name_offset))
    }

    /// Whether the symbol must come from elsewhere.
    #[inline]
    pub fn is_undefined(&self) -> bool {
        self.section == SymbolSection::Undef
    }

    #[inline]
    fn decode(row: &Row, strings: &'a [u8]) -> Self {
        let info = row[4];
        Symbol {
            value: le64::<8, 24>(row),
            size: le64::<16, 24>(row),
            section: SymbolSection::from_raw(le16::<6, 24>(row)),
            binding: SymbolBinding::from_raw(info >> 4),
            kind: SymbolKind::from_raw(info & 15),
            other: row[5],
            name_offset: le32::<0, 24>(row),
            strings,
        }
    }
}

impl SymbolSection {
    #[inline]
    fn from_raw(index: u16) -> Self {
        match index {
            0 => Self::Undef,
            0xfff1 => Self::Abs,
            0xfff2 => Self::Common,
            0xff00.. => Self::Reserved(index),
            _ => Self::Section(index),
        }
    }
}

impl SymbolBinding {
    #[inline]
    fn from_raw(raw: u8) -> Self {
        match raw {
            0 => Self::Local,
            1 => Self::Global,
            2 => Self::Weak,
            _ => Self::Other(raw),
        }
    }
}

impl SymbolKind {
    #[inline]
    fn from_raw(raw: u8) -> Self {
        match raw {
            0 => Self::None,
            1 => Self::Object,
            2 => Self::Func,
            3 => Self::Section,
            4 => Self::File,
            5 => Self::Common,
            6 => Self::Tls,
            _ => Self::Other(raw),
        }
    }
}

impl<'a> Symbols<'a> {
    /// Reads a `SHT_SYMTAB` section. A rest smaller than a symbol is ignored, as the kernel ignores it.
    pub(crate) fn parse(elf: &Elf<'a>, section: &Section<'a>) -> Result<Self> {
        let strings = string_table(elf, section)?;
        let rows = section.data.as_chunks().0;
        let symbols = Symbols { section: section.index, rows, strings };
        symbols.check_names()?;
        Ok(symbols)
    }

    fn check_names(&self) -> Result<()> {
        let end = self.strings.len() as u64;
        let wrong = self.rows.iter().position(|row| u64::from(le32::<0, 24>(row)) >= end);
        let Some((entry, row)) = wrong.and_then(|entry| Some((entry, self.rows.get(entry)?))) else {
            return Ok(());
        };
        let index = u64::from(le32::<0, 24>(row));
        let kind = ErrorKind::Index { what: "st_name", index, table: "string table", count: end };
        Err(Error::new(kind).at_entry(entry).at((entry * SYMBOL_SIZE) as u64))
    }

    /// Index of the section that holds the table; 0 if there is none.
    pub fn section(&self) -> usize {
        self.section
    }

    /// Number of symbols, the null symbol included.
    #[inline]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is no symbol.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The symbol with an index, which is how relocations call it.
    #[inline]
    pub fn get(&self, index: u32) -> Option<Symbol<'a>> {
        let row = self.rows.get(index as usize)?;
        Some(Symbol::decode(row, self.strings))
    }

    /// All symbols in order, the null symbol first: the position is the index.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Symbol<'a>> + Clone + use<'a> {
        let strings = self.strings;
        self.rows.iter().map(move |row| Symbol::decode(row, strings))
    }

    /// The first symbol with a name. This looks at every symbol.
    pub fn by_name(&self, name: &str) -> Option<Symbol<'a>> {
        self.iter().find(|symbol| symbol.name() == name)
    }
}

/// The string table that a symbol table links to.
fn string_table<'a>(elf: &Elf<'a>, section: &Section<'a>) -> Result<&'a [u8]> {
    let link = section.link as usize;
    let count = elf.sections().len() as u64;
    let strings = elf.section(link).filter(|_| link != 0).ok_or_else(|| {
        Error::new(ErrorKind::Index { what: "sh_link", index: link as u64, table: "table of section headers", count })
    })?;
    if strings.kind != kind::STRTAB {
        return Err(Error::new(ErrorKind::Malformed { what: "sh_link does not lead to a string table" }));
    }
    match strings.data.last() {
        Some(0) => Ok(strings.data),
        _ => Err(elf.error_in(strings, Error::new(ErrorKind::Unterminated))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Builder, Sym};

    #[test]
    fn symbols_are_decoded() {
        let mut builder = Builder::new();
        builder.symbol(Sym { value: 0x10, size: 7, section: 3, info: 0x12, ..Sym::new("init_module") });
        builder.symbol(Sym { section: 0xfff1, info: 0x20, ..Sym::new("__crc_x") });
        builder.symbol(Sym { section: 0xff20, info: 0xd9, ..Sym::new("") });
        let bytes = builder.build();
        let symbols = Elf::parse("m.ko", &bytes).unwrap().symbols().unwrap();
        assert_eq!((symbols.len(), symbols.is_empty()), (4, false));
        let first = symbols.get(1).unwrap();
        assert_eq!((first.value, first.size, first.section), (16, 7, SymbolSection::Section(3)));
        assert_eq!((first.binding, first.kind), (SymbolBinding::Global, SymbolKind::Func));
        assert_eq!(first.name(), "init_module");
        let second = symbols.by_name("__crc_x").unwrap();
        assert_eq!((second.section, second.binding), (SymbolSection::Abs, SymbolBinding::Weak));
        let third = symbols.iter().nth(3).unwrap();
        assert_eq!((third.section, third.binding), (SymbolSection::Reserved(0xff20), SymbolBinding::Other(13)));
        assert_eq!((third.kind, third.name().is_empty()), (SymbolKind::Other(9), true));
        assert!(symbols.get(0).unwrap().is_undefined());
        assert!(symbols.get(4).is_none() && symbols.get(u32::MAX).is_none());
    }

    #[test]
    fn a_file_without_symbols_has_an_empty_table() {
        let bytes = Builder::new().build();
        assert!(Elf::parse("m.ko", &bytes).unwrap().symbols().unwrap().is_empty());
    }

    #[test]
    fn names_outside_of_the_strings_are_refused() {
        let mut builder = Builder::new();
        builder.symbol(Sym { name_offset: Some(900), ..Sym::new("x") });
        let bytes = builder.build();
        let error = Elf::parse("m.ko", &bytes).unwrap().symbols().unwrap_err();
        assert!(error.to_string().contains("(.symtab): entry 1 at offset 0x18: st_name 900 is outside"), "{error}");
    }

    #[test]
    fn strings_must_end_and_be_strings() {
        let mut builder = Builder::new();
        builder.symbol(Sym::new("x"));
        builder.unterminated_strings = true;
        let bytes = builder.build();
        let error = Elf::parse("m.ko", &bytes).unwrap().symbols().unwrap_err();
        assert!(error.to_string().contains("(.symtab): the string table does not end"), "{error}");
        for (link, text) in [(0, "sh_link 0 is outside"), (999, "sh_link 999 is outside"), (1, "does not lead to")] {
            let mut builder = Builder::module();
            builder.symbol_link = Some(link);
            let bytes = builder.build();
            let error = Elf::parse("m.ko", &bytes).unwrap().symbols().unwrap_err();
            assert!(error.to_string().contains(text), "{error}");
        }
    }
}
