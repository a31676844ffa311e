//! The parts of a module file that depmod looks at, and no others.
//!
//! kmod's counterpart: `libkmod/libkmod-elf.c`, `libkmod/libkmod-file.c`. ELF files of both classes and byte orders are
//! read, with no more checks than kmod makes: what the kernel would refuse is listed all the same. Of a plain file only the
//! headers and the wanted sections are read; a compressed one is unpacked whole.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use kofile::Format;
use kofile::compress::Unpacker;

/// A file shorter than the magic of a compression is no module.
const SHORTEST: usize = 6;
/// Bytes of a header that are looked at.
const HEAD: usize = 64;
/// Bytes before the section headers that are read with them: the names of the sections mostly stand there.
const NAMES: u64 = 2048;
/// The largest part that is read.
const LARGEST: u64 = 1 << 30;
/// The most room for packed files that is kept for the next one.
const KEPT: usize = 4 << 20;

/// The errnos that kmod gives.
mod errno {
    pub(super) const NOEXEC: i32 = 8;
    pub(super) const INVAL: i32 = 22;
}

/// Room that is used again for every file.
#[derive(Debug, Default)]
pub(super) struct Room {
    headers: Vec<u8>,
    names: Vec<u8>,
    info: Vec<u8>,
    versions: Vec<u8>,
    symbols: Vec<u8>,
    strings: Vec<u8>,
    exports: Vec<u8>,
}

/// The sections that are looked for; the first that is whole counts.
const WANTED: [&[u8]; 5] = [b".modinfo", b"__versions", b".symtab", b".strtab", b"__ksymtab_strings"];

/// What a file has of the wanted sections.
#[derive(Debug)]
pub(super) struct Parts<'r> {
    /// How numbers are written.
    pub layout: Layout,
    pub info: Option<&'r [u8]>,
    pub versions: Option<&'r [u8]>,
    pub symbols: Option<&'r [u8]>,
    pub strings: Option<&'r [u8]>,
    pub exports: Option<&'r [u8]>,
    source: &'r Source<'r>,
    headers: &'r [u8],
}

/// What is used again for every packed file.
#[derive(Debug, Default)]
pub(super) struct Packed {
    unpacker: Unpacker,
    packed: Vec<u8>,
    bytes: Vec<u8>,
}

impl Packed {
    /// Reads and unpacks a file.
    fn unpack(&mut self, file: &File, size: u64, format: Format) -> Result<&[u8], i32> {
        // Few modules are large: what they took would be missed elsewhere.
        if self.bytes.capacity() > KEPT {
            self.bytes = Vec::new();
        }
        if self.packed.len() > KEPT {
            self.packed = Vec::new();
        }
        let packed = read(file, 0, size, &mut self.packed)?;
        let done = self.unpacker.unpack(format, packed, kofile::DEFAULT_LIMIT, &mut self.bytes);
        done.map_err(|_| errno::INVAL)?;
        Ok(&self.bytes)
    }
}

/// Bytes that are read by place.
#[derive(Debug)]
pub(super) enum Source<'p> {
    Plain(File, u64),
    Unpacked(&'p [u8]),
}

impl<'p> Source<'p> {
    /// Opens a file, and unpacks it if it is packed; gives its first bytes, too.
    pub(super) fn open(path: &Path, packed: &'p mut Packed) -> Result<(Self, [u8; HEAD]), i32> {
        let file = File::open(path).map_err(|error| number(&error))?;
        let mut head = [0; HEAD];
        let got = file.read_at(&mut head, 0).map_err(|error| number(&error))?;
        let known = head.get(..got).unwrap_or_default();
        if got < SHORTEST {
            return Err(errno::INVAL);
        }
        let size = file.metadata().map_err(|error| number(&error))?.len();
        let Some(format) = Format::detect(known) else { return Ok((Source::Plain(file, size), head)) };
        let bytes = packed.unpack(&file, size, format)?;
        head = [0; HEAD];
        head.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
        Ok((Source::Unpacked(bytes), head))
    }

    fn size(&self) -> u64 {
        match self {
            Source::Plain(_, size) => *size,
            Source::Unpacked(bytes) => bytes.len() as u64,
        }
    }

    /// Exactly `size` bytes.
    fn read<'r>(&'r self, offset: u64, size: u64, room: &'r mut Vec<u8>) -> Result<&'r [u8], i32> {
        let end = offset.checked_add(size).ok_or(errno::INVAL)?;
        if end > self.size() {
            return Err(errno::INVAL);
        }
        match self {
            Source::Plain(file, _) => read(file, offset, size, room),
            Source::Unpacked(bytes) => Ok(bytes.get(offset as usize..end as usize).unwrap_or_default()),
        }
    }
}

/// Exactly `size` bytes of a file.
fn read<'r>(file: &File, offset: u64, size: u64, room: &'r mut Vec<u8>) -> Result<&'r [u8], i32> {
    if size > LARGEST {
        return Err(errno::INVAL);
    }
    let length = size as usize;
    if room.len() < length {
        room.resize(length, 0);
    }
    let part = room.get_mut(..length).unwrap_or_default();
    file.read_exact_at(part, offset).map_err(|error| number(&error))?;
    Ok(part)
}

fn number(error: &io::Error) -> i32 {
    error.raw_os_error().unwrap_or(errno::INVAL)
}

/// Class and byte order.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    /// 64 bits.
    pub wide: bool,
    big: bool,
    /// The machine the module is for.
    pub machine: u16,
    sections: u64,
    count: u64,
    names: u64,
}

impl Layout {
    fn of(head: &[u8; HEAD], size: u64) -> Result<Self, i32> {
        let [0x7f, b'E', b'L', b'F', class, order, ..] = *head else { return Err(errno::NOEXEC) };
        // EI_NIDENT, and the sizes of the two headers.
        match (class, order) {
            _ if size <= 16 => return Err(errno::NOEXEC),
            (1, 1 | 2) if size > 52 => {}
            (2, 1 | 2) if size > 64 => {}
            _ => return Err(errno::INVAL),
        }
        let mut layout = Layout { wide: class == 2, big: order == 2, machine: 0, sections: 0, count: 0, names: 0 };
        let (sections, rest) = if layout.wide { (layout.u64(head, 40), 58) } else { (layout.u32(head, 32).into(), 46) };
        layout.machine = layout.u16(head, 18);
        layout.sections = sections;
        layout.count = layout.u16(head, rest + 2).into();
        layout.names = layout.u16(head, rest + 4).into();
        let end = sections.checked_add(layout.count * layout.row()).ok_or(errno::INVAL)?;
        // DIFFERS: kmod asserts, and aborts, where the names' section is none.
        let fits = u64::from(layout.u16(head, rest)) == layout.row() && end <= size;
        if !fits || layout.names == 0 || layout.names >= layout.count {
            return Err(errno::INVAL);
        }
        Ok(layout)
    }

    /// Bytes of a section header.
    fn row(&self) -> u64 {
        if self.wide { 64 } else { 40 }
    }

    /// Name, offset and size of a section.
    fn section(&self, headers: &[u8], index: u64) -> (u32, u64, u64) {
        let at = (index * self.row()) as usize;
        match self.wide {
            true => (self.u32(headers, at), self.u64(headers, at + 24), self.u64(headers, at + 32)),
            false => (self.u32(headers, at), self.u32(headers, at + 16).into(), self.u32(headers, at + 20).into()),
        }
    }

    /// A number; 0 where the bytes end.
    pub(super) fn u16(&self, bytes: &[u8], at: usize) -> u16 {
        let row = bytes.get(at..at + 2).and_then(|row| row.try_into().ok()).unwrap_or_default();
        if self.big { u16::from_be_bytes(row) } else { u16::from_le_bytes(row) }
    }

    /// See [`Self::u16`].
    pub(super) fn u32(&self, bytes: &[u8], at: usize) -> u32 {
        let row = bytes.get(at..at + 4).and_then(|row| row.try_into().ok()).unwrap_or_default();
        if self.big { u32::from_be_bytes(row) } else { u32::from_le_bytes(row) }
    }

    /// See [`Self::u16`].
    pub(super) fn u64(&self, bytes: &[u8], at: usize) -> u64 {
        let row = bytes.get(at..at + 8).and_then(|row| row.try_into().ok()).unwrap_or_default();
        if self.big { u64::from_be_bytes(row) } else { u64::from_le_bytes(row) }
    }
}

impl<'r> Parts<'r> {
    /// Reads the wanted sections; `symbols` says whether the symbols are wanted, too.
    pub(super) fn read(source: &'r Source<'r>, head: &[u8; HEAD], room: &'r mut Room) -> Result<Self, i32> {
        let layout = Layout::of(head, source.size())?;
        let begin = layout.sections.saturating_sub(NAMES);
        let table = layout.count * layout.row();
        let near = source.read(begin, layout.sections - begin + table, &mut room.headers)?;
        let (before, headers) = near.split_at_checked((layout.sections - begin) as usize).unwrap_or_default();
        let (_, offset, size) = layout.section(headers, layout.names);
        let there = offset.checked_sub(begin).and_then(|start| {
            let start = usize::try_from(start).ok()?;
            before.get(start..start.checked_add(usize::try_from(size).ok()?)?)
        });
        let names = match there {
            Some(names) => names,
            None => source.read(offset, size, &mut room.names)?,
        };
        if names.last() != Some(&0) {
            return Err(errno::INVAL);
        }
        let places = find(layout, headers, names, source.size());
        let [info, versions, symbols, strings, exports] = places;
        let get = |place: Option<(u64, u64)>, room: &'r mut Vec<u8>| -> Result<Option<&'r [u8]>, i32> {
            place.map(|(offset, size)| source.read(offset, size, room)).transpose()
        };
        let info = get(info, &mut room.info)?;
        let versions = get(versions, &mut room.versions)?;
        let exports = get(exports, &mut room.exports)?;
        let (symbols, strings) = match (symbols, strings) {
            // The names follow the symbols in what the linker writes: both are read at once.
            (Some((at, symbols)), Some((then, strings))) if at.checked_add(symbols) == Some(then) => {
                let both = source.read(at, symbols.saturating_add(strings), &mut room.symbols)?;
                both.split_at_checked(symbols as usize).map(|(a, b)| (Some(a), Some(b))).unwrap_or_default()
            }
            (symbols, strings) => (get(symbols, &mut room.symbols)?, get(strings, &mut room.strings)?),
        };
        Ok(Parts { layout, info, versions, symbols, strings, exports, source, headers })
    }

    /// The four bytes at a place in a section: a CRC (`kmod_elf_resolve_crc`).
    pub(super) fn crc(&self, section: u16, value: u64) -> u64 {
        const UNDEFINED: u16 = 0;
        const ABSOLUTE: u16 = 0xfff1;
        if matches!(section, UNDEFINED | ABSOLUTE) {
            return value;
        }
        if u64::from(section) >= self.layout.count {
            return u64::MAX;
        }
        let (_, offset, size) = self.layout.section(self.headers, section.into());
        let inside = offset.checked_add(size).is_some_and(|end| end <= self.source.size());
        let place = offset.checked_add(value);
        match place {
            Some(place) if inside && value <= size.saturating_sub(4) => {
                let mut room = Vec::new();
                let bytes = self.source.read(place, 4, &mut room);
                bytes.map_or(u64::MAX, |bytes| self.layout.u32(bytes, 0).into())
            }
            _ => u64::MAX,
        }
    }
}

/// Offset and size of the wanted sections.
fn find(layout: Layout, headers: &[u8], names: &[u8], file_size: u64) -> [Option<(u64, u64)>; WANTED.len()] {
    let mut places = [None; WANTED.len()];
    for index in 1..layout.count {
        let (name, offset, size) = layout.section(headers, index);
        let Some(name) = usize::try_from(name).ok().and_then(|at| names.get(at..)) else { continue };
        let is = |wanted: &[u8]| name.strip_prefix(wanted).is_some_and(|rest| rest.first() == Some(&0));
        let Some(at) = WANTED.iter().position(|wanted| is(wanted)) else { continue };
        let inside = offset.checked_add(size).is_some_and(|end| end <= file_size);
        if let Some(place) = places.get_mut(at)
            && inside
        {
            place.get_or_insert((offset, size));
        }
    }
    places
}
