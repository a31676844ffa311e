//! The ELF header: the first 64 bytes.

use super::Machine;
use crate::bytes::{le16, le32, le64};
use crate::error::{Error, ErrorKind, Result};

/// Bytes of an ELF64 header.
pub(crate) const HEADER_SIZE: usize = 64;
/// Bytes of a section header.
pub(crate) const SECTION_HEADER_SIZE: usize = 64;
/// `ET_REL`
const RELOCATABLE: u16 = 1;

/// The fields of the ELF header that differ between relocatable files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// `e_machine`
    pub machine: Machine,
    /// `e_flags`, for the machine
    pub flags: u32,
    /// `e_shoff`: file offset of the section headers
    pub section_headers: u64,
    /// `e_shnum`
    pub section_count: u16,
    /// `e_shstrndx`: the section with the section names
    pub names_section: u16,
}

impl Header {
    /// Reads the header and checks all that can be checked without the sections.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self> {
        let Some(row) = bytes.first_chunk::<HEADER_SIZE>() else {
            return Err(Error::new(match bytes.starts_with(b"\x7fELF") {
                true => truncated("the elf header", HEADER_SIZE as u64, bytes.len()),
                false => ErrorKind::NotElf,
            }));
        };
        check_ident(row)?;
        let kind = le16::<16, 64>(row);
        if kind != RELOCATABLE {
            return Err(Error::new(ErrorKind::NotRelocatable { kind }).at(16));
        }
        let raw = le16::<18, 64>(row);
        let machine = Machine::from_raw(raw)
            .map_err(|name| Error::new(ErrorKind::UnsupportedMachine { machine: raw, name }).at(18))?;
        check_class(row)?;
        let header = Header {
            machine,
            flags: le32::<48, 64>(row),
            section_headers: le64::<40, 64>(row),
            section_count: le16::<60, 64>(row),
            names_section: le16::<62, 64>(row),
        };
        header.check_table(le16::<58, 64>(row), bytes.len())?;
        Ok(header)
    }

    /// Checks where the section headers stand.
    fn check_table(&self, entry_size: u16, file_size: usize) -> Result<()> {
        let wanted = SECTION_HEADER_SIZE as u64;
        if u64::from(entry_size) != wanted {
            let found = u64::from(entry_size);
            return Err(Error::new(ErrorKind::EntrySize { what: "e_shentsize", found, wanted }).at(58));
        }
        // A table that begins within this header is odd, but the kernel reads it.
        if self.section_headers == 0 {
            let what = "e_shoff is 0: there are no section headers: the file is damaged or stripped of them";
            return Err(Error::new(ErrorKind::Malformed { what }).at(40));
        }
        let needs = u64::from(self.section_count) * wanted;
        let has = (file_size as u64).saturating_sub(self.section_headers);
        if has == 0 || needs > has {
            let kind = ErrorKind::Truncated { what: "the table of section headers", needs, has };
            return Err(Error::new(kind).at(self.section_headers));
        }
        if self.names_section == 0 || self.names_section >= self.section_count {
            let (index, count) = (u64::from(self.names_section), u64::from(self.section_count));
            let kind = ErrorKind::Index { what: "e_shstrndx", index, table: "table of section headers", count };
            return Err(Error::new(kind).at(62));
        }
        Ok(())
    }
}

/// Says that `what` does not fit into the file.
fn truncated(what: &'static str, needs: u64, has: usize) -> ErrorKind {
    ErrorKind::Truncated { what, needs, has: has as u64 }
}

/// Checks the magic and the byte order, without which the numbers cannot be read.
fn check_ident(row: &[u8; HEADER_SIZE]) -> Result<()> {
    if !row.starts_with(b"\x7fELF") {
        return Err(Error::new(ErrorKind::NotElf));
    }
    let found = match row[5] {
        1 => return Ok(()),
        2 => "big-endian",
        _ => "of an unknown byte order",
    };
    Err(Error::new(ErrorKind::UnsupportedClass { found }).at(5))
}

/// Checks class and version, after the machine: a 32-bit file is best described by its machine's name.
fn check_class(row: &[u8; HEADER_SIZE]) -> Result<()> {
    let (found, at) = match (row[4], row[6]) {
        (2, 1) => return Ok(()),
        (2, _) => ("of an unknown elf version", 6),
        (1, _) => ("32-bit", 4),
        _ => ("of an unknown class", 4),
    };
    Err(Error::new(ErrorKind::UnsupportedClass { found }).at(at))
}

#[cfg(test)]
mod tests {
    use crate::error::ErrorKind;
    use crate::testing::Builder;
    use crate::{Elf, Machine};

    /// Parses a good file with the bytes at `at` replaced, gives the message.
    fn with(at: usize, new: &[u8]) -> String {
        let mut bytes = Builder::module().build();
        bytes[at..at + new.len()].copy_from_slice(new);
        Elf::parse("m.ko", &bytes).unwrap_err().to_string()
    }

    #[test]
    fn a_good_header_is_read() {
        let bytes = Builder::module().build();
        let elf = Elf::parse("m.ko", &bytes).unwrap();
        assert_eq!(elf.machine(), Machine::X86_64);
        assert_eq!(usize::from(elf.header().section_count), elf.sections().len());
    }

    #[test]
    fn each_wrong_field_is_named() {
        assert_eq!(with(0, b"\x7fELG"), "m.ko: no ELF file (the magic 7f 45 4c 46 is missing)");
        assert!(with(4, &[1]).contains("the file is 32-bit"));
        assert!(with(5, &[2]).contains("big-endian"));
        assert!(with(6, &[7]).contains("unknown elf version"));
        assert!(with(16, &[2, 0]).contains("e_type is 2 (executable)"));
        assert!(with(18, &[40, 0]).contains("machine 40 (32-bit ARM)"));
        assert!(with(58, &[63, 0]).contains("e_shentsize is 63, must be 64"));
        assert!(with(40, &[0; 8]).contains("there are no section headers"));
        assert!(with(40, &[0xff; 8]).contains("truncated or damaged"));
        assert!(with(60, &[0xff, 0xff]).contains("the table of section headers needs 4194240 bytes"));
        assert!(with(62, &[0, 0]).contains("e_shstrndx 0 is outside"));
        assert!(with(62, &[0xff, 0]).contains("e_shstrndx 255 is outside"));
    }

    #[test]
    fn short_files_are_told_from_foreign_ones() {
        assert!(matches!(Elf::parse("", b"").unwrap_err().kind(), ErrorKind::NotElf));
        assert!(matches!(Elf::parse("", b"\x7fELF\x02").unwrap_err().kind(), ErrorKind::Truncated { .. }));
    }
}
