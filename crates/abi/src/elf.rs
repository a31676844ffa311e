//! The little of ELF that a stripped `vmlinux` needs: section and program headers, notes.
//!
//! Only 64-bit little-endian files; every field is checked against the file before use.

use crate::bytes::{align_up, slice, str_at, u16_at, u32_at, u64_at};
use crate::error::{Error, Result};

/// `sh_flags`: writable.
pub const SHF_WRITE: u64 = 1;
/// `sh_flags`: present in memory.
pub const SHF_ALLOC: u64 = 2;
/// `sh_flags`: code.
pub const SHF_EXECINSTR: u64 = 4;
const SHT_NOBITS: u32 = 8;
const SHT_NOTE: u32 = 7;
const PT_LOAD: u32 = 1;

/// A section of the kernel image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// Its name: ".text", ".data..percpu", ...
    pub name: String,
    /// Link-time address; 0 for the per-CPU template.
    pub addr: u64,
    /// Length in bytes.
    pub size: u64,
    /// Where its bytes start in the ELF file.
    pub offset: u64,
    /// `SHF_*` bits.
    pub flags: u64,
    /// Whether it has no bytes in the file (.bss and kin).
    pub nobits: bool,
}

impl Section {
    /// Whether it is code.
    pub fn is_exec(&self) -> bool {
        self.flags & SHF_EXECINSTR != 0
    }

    /// Whether it is the template of the per-CPU areas.
    pub fn is_percpu(&self) -> bool {
        self.name == ".data..percpu"
    }

    /// Whether `addr` lies inside.
    pub fn contains(&self, addr: u64) -> bool {
        addr.checked_sub(self.addr).is_some_and(|d| d < self.size)
    }
}

/// A loadable segment of the kernel image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment {
    /// Link-time address; 0 for the per-CPU template.
    pub addr: u64,
    /// Where it is loaded: `addr`, except for the per-CPU template, which lies among the other segments.
    pub load_addr: u64,
    /// Bytes in the file.
    pub file_size: u64,
    /// Bytes in memory.
    pub mem_size: u64,
    /// Where its bytes start in the ELF file.
    pub offset: u64,
    /// `PF_*` bits: 1 execute, 2 write, 4 read.
    pub flags: u32,
}

/// A read `vmlinux`.
#[derive(Debug)]
pub(crate) struct Elf<'a> {
    pub data: &'a [u8],
    pub sections: Vec<Section>,
    pub segments: Vec<Segment>,
}

impl<'a> Elf<'a> {
    /// Reads the headers.
    pub fn parse(data: &'a [u8]) -> Result<Self> {
        if !data.starts_with(b"\x7fELF\x02\x01") {
            return Err(Error::image("not a 64-bit little-endian ELF file"));
        }
        let short = || Error::image("the ELF headers reach beyond the end of the file");
        let sections = sections_of(data).ok_or_else(short)?;
        let segments = segments_of(data).ok_or_else(short)?;
        Ok(Elf { data, sections, segments })
    }

    /// The section called `name`.
    pub fn section(&self, name: &str) -> Option<&Section> {
        self.sections.iter().find(|s| s.name == name)
    }

    /// The file's bytes of a section (`None` when it has none).
    pub fn bytes_of(&self, section: &Section) -> Option<&'a [u8]> {
        if section.nobits {
            return None;
        }
        slice(self.data, usize::try_from(section.offset).ok()?, usize::try_from(section.size).ok()?)
    }

    /// Where the byte at a link-time address lies in the file.
    pub fn offset_of(&self, addr: u64) -> Option<usize> {
        let segment = self.segments.iter().find(|s| addr.checked_sub(s.addr).is_some_and(|d| d < s.file_size))?;
        usize::try_from(segment.offset.checked_add(addr - segment.addr)?).ok()
    }

    /// The alloc section that holds `addr`.
    pub fn section_at(&self, addr: u64) -> Option<&Section> {
        self.sections.iter().find(|s| s.flags & SHF_ALLOC != 0 && s.contains(addr))
    }

    /// The GNU build id, as bytes.
    pub fn build_id(&self) -> Option<&'a [u8]> {
        // Note sections have no type in this structure: they are recognised by name.
        let notes = self.sections.iter().filter(|s| s.name.starts_with(".note"));
        notes.filter_map(|s| self.bytes_of(s)).find_map(build_id_in)
    }
}

/// The build id among the notes of `notes`.
fn build_id_in(notes: &[u8]) -> Option<&[u8]> {
    const NT_GNU_BUILD_ID: u32 = 3;
    let mut at = 0;
    while at < notes.len() {
        let (name_len, desc_len) = (u32_at(notes, at)? as usize, u32_at(notes, at + 4)? as usize);
        let name_at = at + 12;
        let desc_at = align_up(name_at.checked_add(name_len)?, 4)?;
        if u32_at(notes, at + 8)? == NT_GNU_BUILD_ID && slice(notes, name_at, name_len)? == b"GNU\0" {
            return slice(notes, desc_at, desc_len);
        }
        at = align_up(desc_at.checked_add(desc_len)?, 4)?;
    }
    None
}

fn sections_of(data: &[u8]) -> Option<Vec<Section>> {
    let start = usize::try_from(u64_at(data, 0x28)?).ok()?;
    let (entry, count, strings) = (usize::from(u16_at(data, 0x3a)?), u16_at(data, 0x3c)?, u16_at(data, 0x3e)?);
    let header = |i: u16| slice(data, start.checked_add(usize::from(i).checked_mul(entry)?)?, 64);
    if count == 0 {
        return Some(Vec::new());
    }
    let names = header(strings)?;
    let names = slice(data, usize::try_from(u64_at(names, 24)?).ok()?, usize::try_from(u64_at(names, 32)?).ok()?)?;
    let mut sections = Vec::with_capacity(usize::from(count));
    for i in 1..count {
        let h = header(i)?;
        let kind = u32_at(h, 4)?;
        let section = Section {
            name: section_name(str_at(names, u32_at(h, 0)? as usize)?, kind),
            addr: u64_at(h, 16)?,
            size: u64_at(h, 32)?,
            offset: u64_at(h, 24)?,
            flags: u64_at(h, 8)?,
            nobits: kind == SHT_NOBITS,
        };
        section.addr.checked_add(section.size)?;
        sections.push(section);
    }
    Some(sections)
}

/// A note section keeps a name that starts with ".note" whatever it is called (`Elf::build_id` relies on it).
fn section_name(name: &str, kind: u32) -> String {
    if kind == SHT_NOTE && !name.starts_with(".note") { format!(".note{name}") } else { name.to_owned() }
}

fn segments_of(data: &[u8]) -> Option<Vec<Segment>> {
    let start = usize::try_from(u64_at(data, 0x20)?).ok()?;
    let (entry, count) = (usize::from(u16_at(data, 0x36)?), usize::from(u16_at(data, 0x38)?));
    let mut segments = Vec::new();
    for i in 0..count {
        let h = slice(data, start.checked_add(i.checked_mul(entry)?)?, 56)?;
        if u32_at(h, 0)? != PT_LOAD {
            continue;
        }
        let segment = Segment {
            addr: u64_at(h, 16)?,
            load_addr: u64_at(h, 24)?,
            file_size: u64_at(h, 32)?,
            mem_size: u64_at(h, 40)?,
            offset: u64_at(h, 8)?,
            flags: u32_at(h, 4)?,
        };
        segment.addr.checked_add(segment.mem_size)?;
        segments.push(segment);
    }
    // The file gives physical addresses; all but the template's differ from the virtual ones by one distance.
    let distance = segments.iter().find(|s| s.addr != 0).map_or(0, |s| s.addr.wrapping_sub(s.load_addr));
    for segment in &mut segments {
        segment.load_addr = segment.load_addr.wrapping_add(distance);
    }
    Some(segments)
}
