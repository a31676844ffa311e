//! Sections: their headers, checked once, and their bytes.

use super::header::{HEADER_SIZE, Header, SECTION_HEADER_SIZE};
use crate::bytes::{le32, le64, slice, string_at};
use crate::error::{Error, ErrorKind, Result};
use crate::name::Name;

/// Section types (`sh_type`).
pub mod kind {
    /// No section.
    pub const NULL: u32 = 0;
    /// Bytes of the program.
    pub const PROGBITS: u32 = 1;
    /// The symbol table.
    pub const SYMTAB: u32 = 2;
    /// A string table.
    pub const STRTAB: u32 = 3;
    /// Relocations with addends.
    pub const RELA: u32 = 4;
    /// Notes.
    pub const NOTE: u32 = 7;
    /// Memory that is zero and takes no room in the file.
    pub const NOBITS: u32 = 8;
    /// Relocations without addends; no supported machine's modules have them.
    pub const REL: u32 = 9;
}

/// Section flags (`sh_flags`).
pub mod flag {
    /// The section is written at run time.
    pub const WRITE: u64 = 1;
    /// The section takes memory at run time.
    pub const ALLOC: u64 = 2;
    /// The section holds instructions.
    pub const EXEC: u64 = 4;
    /// Livepatch relocations (`SHF_RELA_LIVEPATCH`).
    pub const RELA_LIVEPATCH: u64 = 0x0010_0000;
}

/// One section of a file.
#[derive(Debug, Clone, Copy)]
pub struct Section<'a> {
    /// Index in the table of section headers.
    pub index: usize,
    /// Name, from the section name table.
    pub name: Name<'a>,
    /// `sh_type`, see [`kind`].
    pub kind: u32,
    /// `sh_flags`, see [`flag`].
    pub flags: u64,
    /// `sh_addr`; mostly 0 in a relocatable file.
    pub address: u64,
    /// `sh_offset`: where the bytes are in the file.
    pub offset: u64,
    /// `sh_size`: bytes in memory. Of a `NOBITS` section this is unchecked and foreign.
    pub size: u64,
    /// `sh_link`: for a symbol table its string table, for relocations their symbol table.
    pub link: u32,
    /// `sh_info`: for relocations the section they apply to.
    pub info: u32,
    /// `sh_addralign`: a power of two, or 0 for none.
    pub align: u64,
    /// `sh_entsize`: bytes of an entry, as the file says.
    pub entry_size: u64,
    /// The bytes in the file; empty for `NOBITS` and `NULL`.
    pub data: &'a [u8],
}

impl Section<'_> {
    /// Whether the section takes memory at run time.
    #[inline]
    pub fn is_alloc(&self) -> bool {
        self.flags & flag::ALLOC != 0
    }

    /// Whether the section is written at run time.
    #[inline]
    pub fn is_write(&self) -> bool {
        self.flags & flag::WRITE != 0
    }

    /// Whether the section holds instructions.
    #[inline]
    pub fn is_exec(&self) -> bool {
        self.flags & flag::EXEC != 0
    }

    /// Whether the section has no bytes in the file.
    #[inline]
    pub fn is_nobits(&self) -> bool {
        self.kind == kind::NOBITS
    }
}

/// A row of the table of section headers.
type Row = [u8; SECTION_HEADER_SIZE];

/// Reads all section headers of a file whose ELF header is checked.
pub(crate) fn parse_all<'a>(bytes: &'a [u8], header: &Header) -> Result<Vec<Section<'a>>> {
    let size = u64::from(header.section_count) * SECTION_HEADER_SIZE as u64;
    let rows = slice(bytes, header.section_headers, size).unwrap_or_default().as_chunks().0;
    let names = name_table(bytes, rows, header)?;
    check_null(rows)?;
    let mut sections = Vec::with_capacity(rows.len());
    for (index, row) in rows.iter().enumerate() {
        sections.push(parse_one(bytes, names, index, row)?);
    }
    Ok(sections)
}

/// The section name table, which must end with a NUL.
fn name_table<'a>(bytes: &'a [u8], rows: &[Row], header: &Header) -> Result<&'a [u8]> {
    let index = usize::from(header.names_section);
    let place = |kind| Error::new(kind).in_section(index, "section names");
    let row = rows.get(index).ok_or_else(|| place(ErrorKind::Unterminated))?;
    let table = contents(bytes, row).map_err(place)?;
    match table.last() {
        Some(0) => Ok(table),
        _ => Err(place(ErrorKind::Unterminated)),
    }
}

/// Section 0 must be the null section: the kernel uses its size and address of zero.
fn check_null(rows: &[Row]) -> Result<()> {
    let null = rows
        .first()
        .is_some_and(|row| le32::<4, 64>(row) == kind::NULL && le64::<32, 64>(row) == 0 && le64::<16, 64>(row) == 0);
    let what = "section 0 must have type, size and address 0 (a file with 65280 or more sections cannot be a module)";
    null.then_some(()).ok_or_else(|| Error::new(ErrorKind::Malformed { what }))
}

/// Where the bytes of a section are, if they are in the file.
fn contents<'a>(bytes: &'a [u8], row: &Row) -> std::result::Result<&'a [u8], ErrorKind> {
    let (offset, size) = (le64::<24, 64>(row), le64::<32, 64>(row));
    slice(bytes, offset, size).ok_or(ErrorKind::OutsideOfFile { offset, size, file_size: bytes.len() as u64 })
}

fn parse_one<'a>(bytes: &'a [u8], names: &'a [u8], index: usize, row: &Row) -> Result<Section<'a>> {
    let name_offset = le32::<0, 64>(row);
    if u64::from(name_offset) >= names.len() as u64 {
        let (index_in, count) = (u64::from(name_offset), names.len() as u64);
        let kind = ErrorKind::Index { what: "sh_name", index: index_in, table: "section name table", count };
        return Err(Error::new(kind).in_section(index, "no name"));
    }
    let name = Name::new(string_at(names, name_offset));
    let mut section = Section {
        index,
        name,
        kind: le32::<4, 64>(row),
        flags: le64::<8, 64>(row),
        address: le64::<16, 64>(row),
        offset: le64::<24, 64>(row),
        size: le64::<32, 64>(row),
        link: le32::<40, 64>(row),
        info: le32::<44, 64>(row),
        align: le64::<48, 64>(row),
        entry_size: le64::<56, 64>(row),
        data: &[],
    };
    if !matches!(section.kind, kind::NULL | kind::NOBITS) {
        section.data = contents(bytes, row).map_err(|kind| Error::new(kind).in_section(index, name))?;
    }
    check_place(&section).map_err(|kind| Error::new(kind).in_section(index, name))?;
    Ok(section)
}

/// Checks alignment, and that a section's bytes are not the ELF header.
fn check_place(section: &Section<'_>) -> std::result::Result<(), ErrorKind> {
    if section.align != 0 && !section.align.is_power_of_two() {
        return Err(ErrorKind::Alignment { align: section.align });
    }
    if !section.data.is_empty() && section.offset < HEADER_SIZE as u64 {
        return Err(ErrorKind::Malformed { what: "the section overlaps the elf header: the file is damaged" });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{flag, kind};
    use crate::Elf;
    use crate::testing::{Builder, Sec};

    fn message(builder: Builder) -> String {
        Elf::parse("m.ko", &builder.build()).unwrap_err().to_string()
    }

    #[test]
    fn sections_are_read_with_all_fields() {
        let mut builder = Builder::new();
        let text = builder.add(Sec { flags: flag::ALLOC | flag::EXEC, align: 16, ..Sec::new(".text", b"\xc3\x90") });
        let bss = builder.add(Sec { kind: kind::NOBITS, size: Some(1 << 40), ..Sec::new(".bss", b"") });
        let bytes = builder.build();
        let elf = Elf::parse("m.ko", &bytes).unwrap();
        let section = elf.section(text).unwrap();
        assert_eq!((section.index, section.align, section.data, section.size), (text, 16, &b"\xc3\x90"[..], 2));
        assert!(section.is_alloc() && section.is_exec() && !section.is_write() && !section.is_nobits());
        assert_eq!(section.name, ".text");
        let section = elf.section_by_name(".bss").unwrap();
        assert_eq!((section.index, section.size, section.data), (bss, 1 << 40, &b""[..]));
        assert!(elf.alloc_section_by_name(".bss").is_none());
        assert_eq!(elf.alloc_section_by_name(".text").unwrap().index, text);
        assert!(elf.section_by_name("").is_none() && elf.section(99).is_none());
    }

    #[test]
    fn a_section_outside_of_the_file_is_refused() {
        let mut builder = Builder::new();
        builder.add(Sec { size: Some(u64::MAX), ..Sec::new(".text", b"") });
        let text = message(builder);
        assert!(text.starts_with("m.ko: section 1 (.text): 0xffffffffffffffff bytes at file offset 0x40"), "{text}");
    }

    #[test]
    fn alignment_is_a_power_of_two() {
        let mut builder = Builder::new();
        builder.add(Sec { align: 12, ..Sec::new(".text", b"x") });
        assert_eq!(message(builder), "m.ko: section 1 (.text): alignment 0xc is no power of two");
    }

    #[test]
    fn headers_are_not_contents() {
        let mut builder = Builder::new();
        builder.add(Sec { offset: Some(60), ..Sec::new(".text", b"x") });
        assert!(message(builder).contains("overlaps the elf header"));
    }

    #[test]
    fn names_are_inside_and_terminated() {
        let mut builder = Builder::new();
        builder.add(Sec { name_offset: Some(4000), ..Sec::new(".text", b"x") });
        assert!(message(builder).contains("section 1 (no name): sh_name 4000 is outside"));
        let mut builder = Builder::new();
        builder.unterminated_names = true;
        assert!(message(builder).contains("does not end with a NUL byte"));
    }

    #[test]
    fn section_zero_is_null() {
        let mut builder = Builder::new();
        builder.null_size = 70000;
        assert!(message(builder).contains("section 0 must have"));
    }
}
