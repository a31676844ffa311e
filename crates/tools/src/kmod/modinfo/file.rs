//! The few bytes of a module file that `modinfo` shows: `.modinfo` and the signature, and no others.
//!
//! kmod's counterpart: `libkmod/libkmod-elf.c`, `libkmod/libkmod-signature.c`. ELF files of both classes and both
//! byte orders are read, as kmod does: modinfo is asked of modules for other machines. A plain file is not read as a
//! whole: the header, the section headers with all that follows them, and `.modinfo`. What is wrong with a file is an
//! errno, kmod's.

use kofile::Format;
use rustix::io::Errno;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// Bytes read before the section headers in one go: the names of the sections stand there in what kbuild makes.
const NAMES: u64 = 4096;
/// Bytes of the part of the header that is the same in all files (`EI_NIDENT`); a file without more is none.
const IDENT: usize = 16;
/// The largest part that is read from a plain file.
const LARGEST: u64 = 256 << 20;

/// What a file says of its module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parts {
    /// `.modinfo`.
    pub info: Vec<u8>,
    /// The end of the file, with the signature if there is one.
    pub tail: Vec<u8>,
}

/// Bytes that are read by place.
enum Source {
    Plain(File, u64),
    Unpacked(Vec<u8>),
}

impl Source {
    fn size(&self) -> u64 {
        match self {
            Source::Plain(_, size) => *size,
            Source::Unpacked(bytes) => bytes.len() as u64,
        }
    }

    /// Exactly `size` bytes.
    fn read(&self, offset: u64, size: u64) -> Result<Vec<u8>, Errno> {
        let end = offset.checked_add(size).ok_or(Errno::INVAL)?;
        if end > self.size() || size > LARGEST {
            return Err(Errno::INVAL);
        }
        let (start, length) = (offset as usize, size as usize);
        match self {
            Source::Plain(file, _) => {
                let mut bytes = vec![0; length];
                file.read_exact_at(&mut bytes, offset).map_err(errno)?;
                Ok(bytes)
            }
            Source::Unpacked(bytes) => Ok(bytes.get(start..start + length).unwrap_or_default().to_vec()),
        }
    }
}

fn errno(error: std::io::Error) -> Errno {
    Errno::from_io_error(&error).unwrap_or(Errno::INVAL)
}

/// Reads the file at `path`.
pub fn read(path: &Path) -> Result<Parts, Errno> {
    let (source, head) = open(path)?;
    let layout = Layout::of(&head, source.size())?;
    let begin = layout.sections.saturating_sub(NAMES);
    let tail = source.read(begin, source.size() - begin)?;
    let near = Near { source: &source, begin, tail: &tail };
    let info = layout.modinfo(&near)?;
    Ok(Parts { info, tail })
}

/// Opens a file, unpacks it if it is packed, and reads its first bytes.
fn open(path: &Path) -> Result<(Source, Vec<u8>), Errno> {
    // A file shorter than a compression's magic is refused before anybody looks whether it is an ELF file.
    const SHORTEST: usize = 6;
    let file = File::open(path).map_err(errno)?;
    let mut head = vec![0; 64];
    let got = file.read_at(&mut head, 0).map_err(errno)?;
    head.truncate(got);
    if got < SHORTEST {
        return Err(Errno::INVAL);
    }
    if Format::detect(&head).is_none() {
        let size = file.metadata().map_err(errno)?.len();
        return Ok((Source::Plain(file, size), head));
    }
    let image = kofile::Image::open(path).map_err(|_| Errno::INVAL)?;
    let bytes = image.into_bytes();
    let head = bytes.get(..bytes.len().min(64)).unwrap_or_default().to_vec();
    Ok((Source::Unpacked(bytes), head))
}

/// A file of which the end is there already.
struct Near<'a> {
    source: &'a Source,
    begin: u64,
    tail: &'a [u8],
}

impl Near<'_> {
    fn read(&self, offset: u64, size: u64) -> Result<Vec<u8>, Errno> {
        let start = offset.checked_sub(self.begin).and_then(|start| usize::try_from(start).ok());
        let there = start.zip(usize::try_from(size).ok()).and_then(|(start, size)| {
            let end = start.checked_add(size)?;
            self.tail.get(start..end)
        });
        match there {
            Some(bytes) => Ok(bytes.to_vec()),
            None => self.source.read(offset, size),
        }
    }
}

/// Where the section headers are, and how numbers are written.
#[derive(Debug, Clone, Copy)]
struct Layout {
    wide: bool,
    big: bool,
    sections: u64,
    count: u64,
    names: u64,
}

impl Layout {
    fn of(head: &[u8], size: u64) -> Result<Self, Errno> {
        let [0x7f, b'E', b'L', b'F', class, order, ..] = *head else { return Err(Errno::NOEXEC) };
        if head.len() <= IDENT {
            return Err(Errno::NOEXEC);
        }
        if !matches!((class, order), (1 | 2, 1 | 2)) {
            return Err(Errno::INVAL);
        }
        let (wide, big) = (class == 2, order == 2);
        let number = |offset, width| number(head, offset, width, big).ok_or(Errno::INVAL);
        let (sections, rest) = if wide { (number(40, 8)?, 58) } else { (number(32, 4)?, 46) };
        let (entry, count, names) = (number(rest, 2)?, number(rest + 2, 2)?, number(rest + 4, 2)?);
        let end = sections.checked_add(entry * count).ok_or(Errno::INVAL)?;
        if entry != if wide { 64 } else { 40 } || end > size || names >= count {
            return Err(Errno::INVAL);
        }
        Ok(Self { wide, big, sections, count, names })
    }

    fn entry(&self) -> u64 {
        if self.wide { 64 } else { 40 }
    }

    /// Name, offset and size of a section.
    fn section(&self, headers: &[u8], index: u64) -> Option<(u64, u64, u64)> {
        let start = usize::try_from(index * self.entry()).ok()?;
        let number = |offset, width| number(headers, start + offset, width, self.big);
        Some(match self.wide {
            true => (number(0, 4)?, number(24, 8)?, number(32, 8)?),
            false => (number(0, 4)?, number(16, 4)?, number(20, 4)?),
        })
    }

    /// The bytes of `.modinfo`; `ENOENT` if there is none.
    fn modinfo(&self, near: &Near<'_>) -> Result<Vec<u8>, Errno> {
        let headers = near.read(self.sections, self.count * self.entry())?;
        let (_, offset, size) = self.section(&headers, self.names).ok_or(Errno::INVAL)?;
        let names = near.read(offset, size)?;
        if names.last() != Some(&0) {
            return Err(Errno::INVAL);
        }
        for index in 1..self.count {
            let (name, offset, size) = self.section(&headers, index).ok_or(Errno::INVAL)?;
            let start = usize::try_from(name).unwrap_or(usize::MAX);
            if names.get(start..).is_some_and(|text| text.starts_with(b".modinfo\0")) {
                // kmod looks past a section that reaches over the end of the file.
                return near.read(offset, size).map_err(|_| Errno::NOENT);
            }
        }
        Err(Errno::NOENT)
    }
}

/// A number of `width` bytes.
fn number(bytes: &[u8], offset: usize, width: usize, big: bool) -> Option<u64> {
    let field = bytes.get(offset..offset.checked_add(width)?)?;
    let join = |sum: u64, byte: &u8| sum << 8 | u64::from(*byte);
    Some(if big { field.iter().fold(0, join) } else { field.iter().rev().fold(0, join) })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file with the sections: none, `.modinfo`, names.
    fn file(wide: bool, big: bool) -> Vec<u8> {
        let put = |out: &mut Vec<u8>, value: u64, width: usize| {
            let bytes = value.to_le_bytes();
            let mut field = bytes[..width].to_vec();
            if big {
                field.reverse();
            }
            out.extend(field);
        };
        let word = if wide { 8 } else { 4 };
        let header = if wide { 64 } else { 52 };
        let (info, names) = (&b"license=GPL\0"[..], &b"\0.modinfo\0.names\0"[..]);
        let (info_at, names_at) = (header, header + info.len());
        let sections = names_at + names.len();
        let mut out = vec![0x7f, b'E', b'L', b'F', 1 + u8::from(wide), 1 + u8::from(big), 1];
        out.resize(if wide { 40 } else { 32 }, 0);
        put(&mut out, sections as u64, word);
        out.resize(header - 6, 0);
        for value in [if wide { 64 } else { 40 }, 3, 2] {
            put(&mut out, value, 2);
        }
        out.extend(info);
        out.extend(names);
        for (name, offset, size) in [(0, 0, 0), (1, info_at, info.len()), (10, names_at, names.len())] {
            let start = out.len();
            put(&mut out, name, 4);
            out.resize(start + 8 + 2 * word, 0);
            put(&mut out, offset as u64, word);
            put(&mut out, size as u64, word);
            out.resize(start + if wide { 64 } else { 40 }, 0);
        }
        out
    }

    fn parts(bytes: &[u8]) -> Result<Vec<u8>, Errno> {
        let layout = Layout::of(bytes, bytes.len() as u64)?;
        let source = Source::Unpacked(bytes.to_vec());
        layout.modinfo(&Near { source: &source, begin: 0, tail: &[] })
    }

    #[test]
    fn every_class_and_byte_order_is_read() {
        for (wide, big) in [(false, false), (false, true), (true, false), (true, true)] {
            assert_eq!(parts(&file(wide, big)).unwrap(), b"license=GPL\0", "{wide} {big}");
        }
    }

    #[test]
    fn no_truncation_and_no_wrong_byte_panics() {
        let good = file(true, false);
        assert!((0..good.len()).all(|end| parts(&good[..end]).is_err()));
        for at in 0..good.len() {
            for value in [0, 1, 0x7f, 0xff] {
                let mut bad = good.clone();
                bad[at] = value;
                let _ = parts(&bad);
            }
        }
        assert_eq!(parts(b"no module, but long enough").unwrap_err(), Errno::NOEXEC);
    }
}
