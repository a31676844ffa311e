//! Notes (`SHT_NOTE`), the build id among them.

use super::{Elf, Section, kind};
use crate::bytes::{le32, slice};

/// `NT_GNU_BUILD_ID`
const BUILD_ID: u32 = 3;

/// One note.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Note<'a> {
    /// Who defined the type, without the NUL.
    pub owner: &'a [u8],
    /// What it is, by its owner's numbers.
    pub kind: u32,
    /// Its contents.
    pub data: &'a [u8],
}

/// Iterates over the notes of a section.
#[derive(Debug, Clone)]
pub struct Notes<'a> {
    rest: &'a [u8],
    align: u64,
}

impl<'a> Notes<'a> {
    pub(crate) fn new(section: &Section<'a>) -> Self {
        let rest = if section.kind == kind::NOTE { section.data } else { &[] };
        Notes { rest, align: if section.align == 8 { 8 } else { 4 } }
    }

    /// The next note and how many bytes it takes.
    fn read(&self) -> Option<(Note<'a>, usize)> {
        let head = self.rest.first_chunk::<12>()?;
        let (name_size, size) = (u64::from(le32::<0, 12>(head)), u64::from(le32::<4, 12>(head)));
        let name = slice(self.rest, 12, name_size)?;
        let start = (12 + name_size).next_multiple_of(self.align);
        let data = slice(self.rest, start, size)?;
        let end = usize::try_from((start + size).next_multiple_of(self.align)).ok()?;
        let owner = name.strip_suffix(b"\0").unwrap_or(name);
        Some((Note { owner, kind: le32::<8, 12>(head), data }, end))
    }
}

impl<'a> Iterator for Notes<'a> {
    type Item = Note<'a>;

    fn next(&mut self) -> Option<Note<'a>> {
        let (note, end) = self.read()?;
        self.rest = self.rest.get(end..).unwrap_or_default();
        Some(note)
    }
}

/// The build id of a file.
pub(crate) fn build_id<'a>(elf: &Elf<'a>) -> Option<&'a [u8]> {
    let notes = Notes::new(elf.section_by_name(".note.gnu.build-id")?);
    notes.into_iter().find(|note| note.kind == BUILD_ID && note.owner == b"GNU").map(|note| note.data)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Builder, Sec};

    fn with_notes(data: &[u8]) -> Vec<u8> {
        let mut builder = Builder::new();
        builder.add(Sec { kind: kind::NOTE, align: 4, ..Sec::new(".note.gnu.build-id", data) });
        builder.build()
    }

    const OTHER: &[u8] = b"\x06\0\0\0\x01\0\0\0\x00\x01\0\0Linux\0\0\0L\0\0\0";
    const ID: &[u8] = b"\x04\0\0\0\x02\0\0\0\x03\0\0\0GNU\0\xab\xcd\0\0";

    #[test]
    fn notes_are_read_one_after_the_other() {
        let bytes = with_notes(&[OTHER, ID].concat());
        let elf = Elf::parse("m.ko", &bytes).unwrap();
        let notes: Vec<_> = elf.notes(elf.section(1).unwrap()).collect();
        assert_eq!(notes[0], Note { owner: b"Linux", kind: 256, data: b"L" });
        assert_eq!((notes.len(), elf.build_id()), (2, Some(&[0xab, 0xcd][..])));
    }

    #[test]
    fn reading_ends_at_a_note_that_does_not_fit() {
        for data in [&b"\x04\0\0"[..], b"\xff\xff\xff\xff\x02\0\0\0\x03\0\0\0GNU\0", &ID[..17]] {
            let bytes = with_notes(data);
            assert_eq!(Elf::parse("m.ko", &bytes).unwrap().build_id(), None);
        }
    }
}
