//! Where the bytes of an index come from: memory, or a file of which only the needed parts are read.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::ops::Deref;
use std::os::unix::fs::FileExt;
use std::rc::Rc;

use super::OFFSET;

/// Bytes of a file are read in parts of this size, at multiples of half of it: a node that begins in the first half
/// of a part is mostly all in it.
const PART: usize = 4 << 10;
const HALF: u64 = (PART / 2) as u64;

/// The bytes of an index.
#[derive(Debug)]
pub(super) enum Source<'a> {
    Bytes(&'a [u8]),
    File { file: File, size: u64, parts: RefCell<BTreeMap<u64, Rc<Vec<u8>>>> },
}

/// Some bytes of an index, which stay what they are while somebody holds them.
#[derive(Debug, Clone)]
pub(super) enum Bytes<'a> {
    Borrowed(&'a [u8]),
    Shared(Rc<Vec<u8>>, usize),
}

impl Deref for Bytes<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Bytes::Borrowed(bytes) => bytes,
            Bytes::Shared(bytes, start) => bytes.get(*start..).unwrap_or_default(),
        }
    }
}

impl<'a> Source<'a> {
    pub(super) fn of_file(file: File) -> io::Result<Self> {
        let size = file.metadata()?.len();
        Ok(Source::File { file, size, parts: RefCell::default() })
    }

    /// The bytes from an offset on: at least `want` of them, or up to the end.
    pub(super) fn at(&self, offset: u64, want: usize) -> io::Result<Bytes<'a>> {
        match self {
            Source::Bytes(bytes) => {
                let start = usize::try_from(offset).unwrap_or(usize::MAX);
                Ok(Bytes::Borrowed(bytes.get(start..).unwrap_or_default()))
            }
            Source::File { file, size, parts } => {
                let begin = offset - offset % HALF;
                let skip = (offset - begin) as usize;
                if skip + want > PART && begin.saturating_add(PART as u64) < *size {
                    return Ok(Bytes::Shared(Rc::new(read(file, *size, offset, want)?), 0));
                }
                let known = parts.borrow().get(&begin).map(Rc::clone);
                let part = match known {
                    Some(part) => part,
                    None => {
                        let part = Rc::new(read(file, *size, begin, PART)?);
                        parts.borrow_mut().insert(begin, Rc::clone(&part));
                        part
                    }
                };
                Ok(Bytes::Shared(part, skip))
            }
        }
    }

    /// All bytes, for who visits every node; `None` if they are in memory already, or are more than nodes can be in.
    pub(super) fn whole(&self) -> io::Result<Option<Vec<u8>>> {
        match self {
            Source::File { file, size, .. } if *size <= u64::from(OFFSET) => {
                read(file, *size, 0, OFFSET as usize).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// Whether `bytes`, taken at `offset`, go to the end.
    pub(super) fn ends(&self, offset: u64, bytes: &[u8]) -> bool {
        match self {
            Source::Bytes(_) => true,
            Source::File { size, .. } => offset.saturating_add(bytes.len() as u64) >= *size,
        }
    }
}

/// Reads at most `len` bytes at an offset; nothing is reserved for what the file does not have.
fn read(file: &File, size: u64, offset: u64, len: usize) -> io::Result<Vec<u8>> {
    let left = usize::try_from(size.saturating_sub(offset)).unwrap_or(usize::MAX);
    let mut bytes = vec![0; len.min(left)];
    let mut done = 0;
    while let Some(rest) = bytes.get_mut(done..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, offset + done as u64) {
            Ok(0) => break,
            Ok(count) => done += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(done);
    Ok(bytes)
}
