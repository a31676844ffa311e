//! The layout of the cache file, and its writer.
//!
//! Little endian. A head {magic, version, head length, file length, checksum of the head, parts, notes},
//! the table of parts {kind, zero, offset, length}, the notes {key, length, text}, then the parts. Everything
//! that a start reads is found by offset; every offset is checked when it is used, because only the
//! head has a checksum.

use crate::bytes::{hash64, slice, u32_at, u64_at};
use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};

/// Changed whenever the layout or the meaning of a part changes: older files are then made anew.
pub(crate) const VERSION: u32 = 4;
const MAGIC: &[u8; 8] = b"LKM-ABI\n";
const FIXED: usize = 40;
const PART_ENTRY: usize = 24;
const MAX_HEAD: usize = 64 << 10;
const PAGE: usize = 4096;

/// A part of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Part {
    /// The unpacked `vmlinux`.
    Image = 0,
    /// Raw BTF (it usually lies within the image).
    Btf,
    /// Its index.
    BtfIndex,
    /// Symbol addresses, ascending, u64 each.
    SymbolAddrs,
    /// Where each symbol's name starts in `Names`, u32 each.
    SymbolNames,
    /// Type letters, one byte each.
    SymbolKinds,
    /// Symbol names to their numbers.
    SymbolIndex,
    /// Export records, by name.
    Exports,
    /// Export names to their numbers.
    ExportIndex,
    /// Section records.
    Sections,
    /// Segment records.
    Segments,
    /// NUL-terminated text.
    Names,
}

/// The number of kinds of part.
pub(crate) const PARTS: usize = Part::Names as usize + 1;

/// A short text in the head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Note {
    Release = 0,
    Version,
    Banner,
    BuildId,
    Vermagic,
    /// What the profile was made from.
    Source,
    /// "image" or how the layouts were come by without one.
    Origin,
}

/// The number of notes.
pub(crate) const NOTES: usize = Note::Origin as usize + 1;

/// A range of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Span {
    pub start: usize,
    pub len: usize,
}

impl Span {
    pub fn of<'a>(&self, file: &'a [u8]) -> &'a [u8] {
        slice(file, self.start, self.len).unwrap_or(&[])
    }
}

/// The read head.
#[derive(Debug, Clone)]
pub(crate) struct Head {
    pub parts: [Option<Span>; PARTS],
    pub notes: [Option<String>; NOTES],
}

impl Head {
    /// Reads and checks the head of a file. `Err` says why the file is of no use.
    pub fn read(file: &[u8]) -> Result<Self, &'static str> {
        if slice(file, 0, 8) != Some(MAGIC) {
            return Err("not a profile");
        }
        if u32_at(file, 8) != Some(VERSION) {
            return Err("another version of lkm wrote it");
        }
        if u64_at(file, 16) != Some(file.len() as u64) {
            return Err("it is cut short or too long");
        }
        let len = u32_at(file, 12).unwrap_or(0) as usize;
        let head =
            slice(file, 0, len).filter(|h| (FIXED..=MAX_HEAD).contains(&h.len())).ok_or("its head is damaged")?;
        if u64_at(head, 24) != Some(checksum(head)) {
            return Err("its head's checksum is wrong");
        }
        Self::read_tables(file, head).ok_or("its tables are damaged")
    }

    fn read_tables(file: &[u8], head: &[u8]) -> Option<Self> {
        let mut this = Head { parts: [None; PARTS], notes: [const { None }; NOTES] };
        let mut at = FIXED;
        for _ in 0..u32_at(head, 32)? {
            let (start, len) =
                (usize::try_from(u64_at(head, at + 8)?).ok()?, usize::try_from(u64_at(head, at + 16)?).ok()?);
            slice(file, start, len)?;
            *this.parts.get_mut(u32_at(head, at)? as usize)? = Some(Span { start, len });
            at += PART_ENTRY;
        }
        for _ in 0..u32_at(head, 36)? {
            let (key, len) = (u32_at(head, at)? as usize, u32_at(head, at + 4)? as usize);
            let text = std::str::from_utf8(slice(head, at + 8, len)?).ok()?;
            *this.notes.get_mut(key)? = Some(text.to_owned());
            at += 8 + len;
        }
        Some(this)
    }
}

/// The checksum of a head, its own field counted as zero.
fn checksum(head: &[u8]) -> u64 {
    let (before, after) = (head.get(..24).unwrap_or(&[]), head.get(32..).unwrap_or(&[]));
    hash64(hash64(1, before), after)
}

/// What is to be written.
#[derive(Debug, Default)]
pub(crate) struct Contents<'a> {
    parts: Vec<(Part, Body<'a>)>,
    notes: Vec<(Note, String)>,
}

#[derive(Debug)]
enum Body<'a> {
    Owned(Vec<u8>),
    Borrowed(&'a [u8]),
    /// A range of the image, which is a part itself.
    InImage(Span),
}

impl<'a> Contents<'a> {
    pub fn part(&mut self, part: Part, bytes: Vec<u8>) {
        self.parts.push((part, Body::Owned(bytes)));
    }

    pub fn borrowed(&mut self, part: Part, bytes: &'a [u8]) {
        self.parts.push((part, Body::Borrowed(bytes)));
    }

    pub fn in_image(&mut self, part: Part, span: Span) {
        self.parts.push((part, Body::InImage(span)));
    }

    pub fn note(&mut self, note: Note, text: impl Into<String>) {
        self.notes.push((note, text.into()));
    }

    /// Writes everything to an empty file. Pages of zeros (a third of an unpacked kernel) become holes.
    pub fn write(&self, file: &mut File) -> io::Result<()> {
        let (head, spans, len) = self.place();
        file.write_all(&head)?;
        for ((_, body), span) in self.parts.iter().zip(&spans) {
            let bytes = match body {
                Body::Owned(bytes) => bytes,
                Body::Borrowed(bytes) => *bytes,
                Body::InImage(_) => continue,
            };
            write_sparse(file, span.start, bytes)?;
        }
        file.set_len(len as u64)
    }

    /// The same bytes in memory.
    #[cfg(test)]
    pub fn to_bytes(&self) -> Vec<u8> {
        let (head, spans, len) = self.place();
        let mut out = vec![0; len];
        out[..head.len()].copy_from_slice(&head);
        for ((_, body), span) in self.parts.iter().zip(&spans) {
            match body {
                Body::Owned(bytes) => out[span.start..span.start + span.len].copy_from_slice(bytes),
                Body::Borrowed(bytes) => out[span.start..span.start + span.len].copy_from_slice(bytes),
                Body::InImage(_) => {}
            }
        }
        out
    }

    /// Decides where each part goes; gives the finished head, the places and the file's length.
    fn place(&self) -> (Vec<u8>, Vec<Span>, usize) {
        let notes_len: usize = self.notes.iter().map(|(_, text)| 8 + text.len()).sum();
        let head_len = FIXED + self.parts.len() * PART_ENTRY + notes_len;
        let mut end = head_len;
        let mut spans = Vec::with_capacity(self.parts.len());
        for (_, body) in &self.parts {
            let len = match body {
                Body::Owned(bytes) => bytes.len(),
                Body::Borrowed(bytes) => bytes.len(),
                Body::InImage(_) => 0,
            };
            let start = end.next_multiple_of(PAGE);
            end = start + len;
            spans.push(Span { start, len });
        }
        let image =
            self.parts.iter().zip(&spans).find(|((part, _), _)| *part == Part::Image).map_or(0, |(_, s)| s.start);
        for ((_, body), span) in self.parts.iter().zip(&mut spans) {
            if let Body::InImage(inner) = body {
                *span = Span { start: image + inner.start, len: inner.len };
            }
        }
        (self.head(head_len, end, &spans), spans, end)
    }

    fn head(&self, head_len: usize, file_len: usize, spans: &[Span]) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.extend_from_slice(&(head_len as u32).to_le_bytes());
        out.extend_from_slice(&(file_len as u64).to_le_bytes());
        out.extend_from_slice(&[0; 8]);
        out.extend_from_slice(&(self.parts.len() as u32).to_le_bytes());
        out.extend_from_slice(&(self.notes.len() as u32).to_le_bytes());
        for ((part, _), span) in self.parts.iter().zip(spans) {
            out.extend_from_slice(&(*part as u64).to_le_bytes());
            out.extend_from_slice(&(span.start as u64).to_le_bytes());
            out.extend_from_slice(&(span.len as u64).to_le_bytes());
        }
        for (note, text) in &self.notes {
            out.extend_from_slice(&(*note as u32).to_le_bytes());
            out.extend_from_slice(&(text.len() as u32).to_le_bytes());
            out.extend_from_slice(text.as_bytes());
        }
        let sum = checksum(&out);
        out[24..32].copy_from_slice(&sum.to_le_bytes());
        out
    }
}

/// Writes `bytes` at `start`, leaving out whole pages of zeros.
fn write_sparse(file: &mut File, start: usize, bytes: &[u8]) -> io::Result<()> {
    const RUN: usize = 64 * PAGE;
    for (i, run) in bytes.chunks(RUN).enumerate() {
        if run.iter().all(|&b| b == 0) {
            continue;
        }
        file.seek(SeekFrom::Start((start + i * RUN) as u64))?;
        file.write_all(run)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_damage_is_seen() {
        let mut contents = Contents::default();
        contents.borrowed(Part::Image, b"0123456789");
        contents.in_image(Part::Btf, Span { start: 2, len: 3 });
        contents.part(Part::Names, b"n\0".to_vec());
        contents.note(Note::Release, "6.1.0");
        let file = contents.to_bytes();
        let head = Head::read(&file).unwrap();
        let part = |p: Part| head.parts[p as usize].unwrap().of(&file);
        assert_eq!(
            (part(Part::Image), part(Part::Btf), part(Part::Names)),
            (&b"0123456789"[..], &b"234"[..], &b"n\0"[..])
        );
        assert_eq!(head.notes[Note::Release as usize].as_deref(), Some("6.1.0"));
        assert!(head.parts[Part::Exports as usize].is_none());

        let head_len = u32_at(&file, 12).unwrap() as usize;
        for at in 0..head_len {
            let mut bad = file.clone();
            bad[at] ^= 0x20;
            assert!(Head::read(&bad).is_err(), "flip at {at}");
        }
        for cut in 0..file.len() {
            assert!(Head::read(&file[..cut]).is_err(), "cut at {cut}");
        }
    }
}
