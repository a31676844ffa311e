//! ELF64 little-endian relocatable files, one file per ELF concept.
//!
//! Kernel counterpart: `elf_validity_check` of `kernel/module/main.c`; format: the System V ABI, chapters 4 and 5.
//! [`Elf::parse`] checks what holds for every relocatable file; [`Elf::check_module`] what the kernel wants of a
//! module beyond it.

mod check;
mod header;
mod machine;
mod note;
mod relocation;
mod section;
mod symbol;

pub use header::Header;
pub use machine::Machine;
pub use note::{Note, Notes};
pub use relocation::{Relocation, RelocationTable, Relocations};
pub use section::{Section, flag, kind};
pub use symbol::{Symbol, SymbolBinding, SymbolKind, SymbolSection, Symbols};

use crate::error::{Error, ErrorKind, Result};

/// A parsed relocatable file: borrows the bytes, owns only the decoded section headers.
#[derive(Debug, Clone)]
pub struct Elf<'a> {
    file: &'a str,
    bytes: &'a [u8],
    header: Header,
    sections: Vec<Section<'a>>,
}

impl<'a> Elf<'a> {
    /// Reads and validates the headers of `bytes`; `file` is the name that errors carry.
    ///
    /// A module signature at the end does no harm, but the kernel checks section bounds without it: cut it off with
    /// [`crate::signature::split`] first (as [`crate::Module::parse`] does).
    ///
    /// # Errors
    /// Everything that `elf_validity_check` refuses about headers and section bounds, and further: headers that
    /// overlap, alignments that are no powers of two, names outside of the string table, other classes than
    /// ELF64 little-endian.
    pub fn parse(file: &'a str, bytes: &'a [u8]) -> Result<Self> {
        Self::parse_unnamed(file, bytes).map_err(|error| error.in_file(file))
    }

    fn parse_unnamed(file: &'a str, bytes: &'a [u8]) -> Result<Self> {
        let header = Header::parse(bytes)?;
        let sections = section::parse_all(bytes, &header)?;
        Ok(Elf { file, bytes, header, sections })
    }

    /// The name of the file, for messages.
    pub fn file(&self) -> &'a str {
        self.file
    }

    /// The whole file.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The ELF header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The machine the code is for.
    pub fn machine(&self) -> Machine {
        self.header.machine
    }

    /// All sections; the index is the ELF section index, section 0 is the null section.
    #[inline]
    pub fn sections(&self) -> &[Section<'a>] {
        &self.sections
    }

    /// The section with an index.
    #[inline]
    pub fn section(&self, index: usize) -> Option<&Section<'a>> {
        self.sections.get(index)
    }

    /// The first section with a name. This looks at every section: keep what it found.
    pub fn section_by_name(&self, name: &str) -> Option<&Section<'a>> {
        self.sections.iter().skip(1).find(|section| section.name == name)
    }

    /// The first section with a name that takes memory at run time: what `find_sec` of `kernel/module/main.c` finds.
    /// The tools of kmod hide a section from the kernel by taking its `SHF_ALLOC` away.
    pub fn alloc_section_by_name(&self, name: &str) -> Option<&Section<'a>> {
        self.sections.iter().skip(1).find(|section| section.is_alloc() && section.name == name)
    }

    /// The symbol table; empty if the file has none.
    ///
    /// # Errors
    /// The section is no symbol table by its size or link, its string table does not end with a NUL, or a symbol's
    /// name is outside of it. This looks at every symbol: call it once.
    pub fn symbols(&self) -> Result<Symbols<'a>> {
        let Some(section) = self.sections.iter().find(|s| s.kind == kind::SYMTAB) else {
            return Ok(Symbols::default());
        };
        Symbols::parse(self, section).map_err(|error| self.error_in(section, error))
    }

    /// The relocations (`SHT_RELA`) of the file, table by table. Tables whose target (`sh_info`) does not exist are
    /// skipped, as `apply_relocations` of `kernel/module/main.c` skips them.
    pub fn relocation_tables(&self) -> impl Iterator<Item = RelocationTable<'a>> + '_ {
        self.sections.iter().filter_map(|section| self.relocation_table(section))
    }

    /// The relocations of one `SHT_RELA` section, or `None` if it is another section or has no target.
    pub fn relocation_table(&self, section: &Section<'a>) -> Option<RelocationTable<'a>> {
        let target = usize::try_from(section.info).ok()?;
        (section.kind == kind::RELA && target < self.sections.len())
            .then(|| RelocationTable::new(self.file, section, target))
    }

    /// The relocations that apply to the section with index `target`.
    pub fn relocations_of(&self, target: usize) -> impl Iterator<Item = RelocationTable<'a>> + '_ {
        self.relocation_tables().filter(move |table| table.target() == target)
    }

    /// The notes of a `SHT_NOTE` section; reading ends at the first note that does not fit.
    pub fn notes(&self, section: &Section<'a>) -> Notes<'a> {
        Notes::new(section)
    }

    /// The bytes of `.note.gnu.build-id`, without the note's head.
    pub fn build_id(&self) -> Option<&'a [u8]> {
        note::build_id(self)
    }

    /// Makes an error about this file.
    #[cold]
    pub fn error(&self, kind: ErrorKind) -> Error {
        Error::new(kind).in_file(self.file)
    }

    /// Adds this file and a section of it to an error.
    #[cold]
    pub fn error_in(&self, section: &Section<'_>, error: Error) -> Error {
        error.in_file(self.file).in_section(section.index, section.name)
    }
}
