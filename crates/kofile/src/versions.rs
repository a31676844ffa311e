//! The CRCs of the symbols that a module imports (`CONFIG_MODVERSIONS`).
//!
//! Kernel counterpart: `kernel/module/version.c`; `struct modversion_info` of `include/linux/module.h`. The extended
//! form (`__version_ext_crcs` and `__version_ext_names`, Linux 6.14) has names of any length.

use crate::bytes::{le32, until_nul};
use crate::elf::{Elf, Section};
use crate::error::{Error, ErrorKind, Result};
use crate::name::Name;

/// Bytes of an entry of `__versions`: an `unsigned long` and the name.
const ENTRY_SIZE: usize = 64;

/// The CRCs of a module's imports.
#[derive(Debug, Clone, Copy, Default)]
pub struct Versions<'a> {
    rows: &'a [[u8; ENTRY_SIZE]],
    extended: Option<Extended<'a>>,
}

/// The extended form: CRCs, and as many names one after the other.
#[derive(Debug, Clone, Copy)]
struct Extended<'a> {
    crcs: &'a [[u8; 4]],
    names: &'a [u8],
}

/// One import and its CRC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Version<'a> {
    /// The symbol.
    pub name: Name<'a>,
    /// The CRC that the kernel's symbol must have.
    pub crc: u32,
}

impl<'a> Versions<'a> {
    /// Reads the CRCs of a file; none if it has none, or if `--force-modversion` hid them by taking `SHF_ALLOC` away.
    ///
    /// # Errors
    /// A section is no whole number of entries, or the extended form has one of its two sections only, has unequal
    /// numbers of CRCs and names, or names without a NUL at the end.
    pub fn of(elf: &Elf<'a>) -> Result<Self> {
        let rows = match elf.alloc_section_by_name("__versions") {
            Some(section) => whole_rows(elf, section)?,
            None => &[],
        };
        let crcs = elf.alloc_section_by_name("__version_ext_crcs");
        let names = elf.alloc_section_by_name("__version_ext_names");
        let extended = match (crcs, names) {
            (Some(crcs), Some(names)) => Some(Extended::new(elf, crcs, names)?),
            (None, None) => None,
            (Some(alone), None) | (None, Some(alone)) => {
                let what = "__version_ext_crcs and __version_ext_names must both be there: link the module again";
                return Err(elf.error_in(alone, Error::new(ErrorKind::Malformed { what })));
            }
        };
        Ok(Versions { rows, extended })
    }

    /// Whether the module has no CRCs at all, so that it can only be loaded by force.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.extended.is_none_or(|extended| extended.crcs.is_empty())
    }

    /// The imports of the form that the kernel uses: the extended one if it is there.
    pub fn iter(&self) -> impl Iterator<Item = Version<'a>> + use<'a> {
        let basic = if self.extended.is_some() { &[] } else { self.rows };
        let extended = self.extended.into_iter().flat_map(|extended| extended.iter());
        basic.iter().map(decode).chain(extended)
    }

    /// The imports of `__versions`, also where the extended form is there: what older kernels and kmod read.
    pub fn basic(&self) -> impl Iterator<Item = Version<'a>> + use<'a> {
        self.rows.iter().map(decode)
    }
}

impl<'a> Extended<'a> {
    fn new(elf: &Elf<'a>, crcs: &Section<'a>, names: &Section<'a>) -> Result<Self> {
        let extended = Extended { crcs: whole_rows(elf, crcs)?, names: names.data };
        let ends = names.data.last().is_none_or(|byte| *byte == 0);
        let count = names.data.iter().filter(|byte| **byte == 0).count();
        if !ends {
            return Err(elf.error_in(names, Error::new(ErrorKind::Unterminated)));
        }
        if count < extended.crcs.len() {
            let (index, count) = (extended.crcs.len() as u64, count as u64);
            let kind = ErrorKind::Index { what: "crc", index, table: "table of names", count };
            return Err(elf.error_in(crcs, Error::new(kind)));
        }
        Ok(extended)
    }

    fn iter(self) -> impl Iterator<Item = Version<'a>> {
        let names = self.names.split(|byte| *byte == 0);
        self.crcs.iter().zip(names).map(|(crc, name)| Version { name: Name::new(name), crc: u32::from_le_bytes(*crc) })
    }
}

/// The entries of a section that must hold nothing but whole ones.
fn whole_rows<'a, const N: usize>(elf: &Elf<'a>, section: &Section<'a>) -> Result<&'a [[u8; N]]> {
    let (rows, rest) = section.data.as_chunks();
    if rest.is_empty() {
        return Ok(rows);
    }
    let kind = ErrorKind::Truncated { what: "an entry", needs: N as u64, has: rest.len() as u64 };
    let place = (section.data.len() - rest.len()) as u64;
    Err(elf.error_in(section, Error::new(kind).at(place)))
}

/// Decodes an entry of `__versions`. A symbol that was weak and not there when the module was linked may have CRC 0.
fn decode<'a>(row: &'a [u8; ENTRY_SIZE]) -> Version<'a> {
    let (_, name) = row.split_at(8);
    Version { name: Name::new(until_nul(name)), crc: le32::<0, ENTRY_SIZE>(row) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Builder, Sec};

    fn entry(name: &str, crc: u32) -> Vec<u8> {
        let mut row = vec![0; ENTRY_SIZE];
        row[..4].copy_from_slice(&crc.to_le_bytes());
        row[8..8 + name.len()].copy_from_slice(name.as_bytes());
        row
    }

    fn read(sections: &[(&str, &[u8])]) -> std::result::Result<Vec<(String, u32)>, String> {
        let mut builder = Builder::new();
        for (name, data) in sections {
            builder.add(Sec { flags: 2, ..Sec::new(name, data) });
        }
        let bytes = builder.build();
        let elf = Elf::parse("m.ko", &bytes).unwrap();
        let versions = Versions::of(&elf).map_err(|error| error.to_string())?;
        Ok(versions.iter().map(|version| (version.name.to_string(), version.crc)).collect())
    }

    #[test]
    fn versions_reads_both_forms() {
        let longest = "x".repeat(56);
        let basic = [entry("printk", 0x1234_5678), entry(&longest, 7)].concat();
        let want = vec![("printk".to_owned(), 0x1234_5678), (longest, 7)];
        assert_eq!(read(&[("__versions", &basic)]), Ok(want));
        let extended = [("__versions", &basic[..]), ("__version_ext_crcs", &[1, 0, 0, 0, 2, 0, 0, 0])];
        let extended = [&extended[..], &[("__version_ext_names", b"a\0long\0")]].concat();
        assert_eq!(read(&extended), Ok(vec![("a".to_owned(), 1), ("long".to_owned(), 2)]));
        assert_eq!(read(&[]), Ok(vec![]));
    }

    #[test]
    fn versions_that_are_hidden_are_none() {
        let mut builder = Builder::new();
        builder.add(Sec::new("__versions", &entry("printk", 1)));
        let bytes = builder.build();
        assert!(Versions::of(&Elf::parse("m.ko", &bytes).unwrap()).unwrap().is_empty());
    }

    #[test]
    fn versions_refuses_what_does_not_fit() {
        let text = read(&[("__versions", &[0; 70])]).unwrap_err();
        assert!(
            text.starts_with("m.ko: section 1 (__versions): offset 0x40: an entry needs 64 bytes, but 6"),
            "{text}"
        );
        let crcs = ("__version_ext_crcs", &[0u8; 8][..]);
        for (names, cause) in [(&b"a\0b"[..], "does not end with a NUL"), (b"a\0", "crc 2 is outside")] {
            let text = read(&[crcs, ("__version_ext_names", names)]).unwrap_err();
            assert!(text.contains(cause), "{text}");
        }
        assert!(read(&[crcs]).unwrap_err().contains("must both be there"));
    }
}
