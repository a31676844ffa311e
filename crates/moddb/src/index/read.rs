//! Nodes and values of an index.

use std::fs::File;
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::source::{Bytes, Source};
use super::{CHILDREN, HEAD, MAGIC, OFFSET, PREFIX, VALUES, VERSION};
use crate::error::{Error, ErrorKind, Result};

/// Bytes that most nodes fit in.
const COMMON: usize = 512;
/// A node of more bytes is refused: a key and its values are lines of text.
const LARGEST: usize = 64 << 20;

/// An index that is open for reading.
#[derive(Debug)]
pub struct Index<'a> {
    file: PathBuf,
    source: Source<'a>,
    root: u32,
}

/// A node of an index.
#[derive(Debug, Clone)]
pub struct Node<'a> {
    bytes: Bytes<'a>,
    prefix: Range<usize>,
    first: u8,
    children: Range<usize>,
    values: Range<usize>,
    count: u32,
}

/// A value of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Value<'n> {
    /// Where it stands among the values of a key; the smallest is the best.
    pub priority: u32,
    /// The value.
    pub value: &'n [u8],
}

impl<'a> Index<'a> {
    /// Takes the bytes of an index; `file` is the name that errors carry.
    ///
    /// # Errors
    /// The bytes are no index of version 2.
    pub fn new(file: impl AsRef<Path>, bytes: &'a [u8]) -> Result<Self> {
        Self::of(file.as_ref(), Source::Bytes(bytes))
    }

    /// Opens a file, of which only what is looked for is read (with `pread`).
    ///
    /// # Errors
    /// The file cannot be read, or is no index of version 2.
    pub fn open(file: impl AsRef<Path>) -> Result<Index<'static>> {
        let path = file.as_ref();
        let source = File::open(path).and_then(Source::of_file).map_err(|cause| Error::io(path, cause))?;
        Index::of(path, source)
    }

    fn of(file: &Path, source: Source<'a>) -> Result<Self> {
        let head = source.at(0, HEAD).map_err(|cause| Error::io(file, cause))?;
        let root = match (be32(&head, 0), be32(&head, 4), be32(&head, 8)) {
            (Some(MAGIC), Some(version), Some(root)) if version >> 16 == VERSION >> 16 => root,
            _ => return Err(Error::new(file, ErrorKind::NotAnIndex)),
        };
        Ok(Index { file: file.to_owned(), source, root })
    }

    /// All bytes of a file that is not in memory yet, unless it is too large for an index.
    pub(super) fn whole(&self) -> Result<Option<Vec<u8>>> {
        self.source.whole().map_err(|cause| Error::io(&self.file, cause))
    }

    /// The same index in these bytes of it.
    pub(super) fn with<'b>(&self, bytes: &'b [u8]) -> Index<'b> {
        Index { file: self.file.clone(), source: Source::Bytes(bytes), root: self.root }
    }

    /// The name of the file.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// The root; `None` if the file has none.
    ///
    /// # Errors
    /// The node is damaged or cannot be read.
    pub fn root(&self) -> Result<Option<Node<'a>>> {
        self.node(self.root)
    }

    /// The child of a node by the byte that leads to it.
    ///
    /// # Errors
    /// The child is damaged or cannot be read.
    pub fn child(&self, node: &Node<'a>, byte: u8) -> Result<Option<Node<'a>>> {
        self.node(node.place_of(byte))
    }

    fn node(&self, place: u32) -> Result<Option<Node<'a>>> {
        let offset = u64::from(place & OFFSET);
        if offset == 0 {
            return Ok(None);
        }
        let mut want = COMMON;
        loop {
            let bytes = self.source.at(offset, want).map_err(|cause| Error::io(&self.file, cause))?;
            let all = self.source.ends(offset, &bytes);
            let had = bytes.len();
            if let Some(node) = Node::parse(bytes, place) {
                return Ok(Some(node));
            }
            if all || had >= LARGEST {
                return Err(self.damaged(offset, "a node goes beyond the end of the file"));
            }
            want = had.max(want).saturating_mul(2);
        }
    }

    #[cold]
    pub(super) fn damaged(&self, offset: u64, what: &'static str) -> Error {
        Error::new(&self.file, ErrorKind::Damaged { offset, what })
    }
}

impl<'a> Node<'a> {
    /// Reads a node at the start of `bytes`; `None` if they do not hold all of it.
    fn parse(bytes: Bytes<'a>, place: u32) -> Option<Self> {
        let mut at = 0;
        let mut prefix = 0..0;
        if place & PREFIX != 0 {
            prefix = string(&bytes, 0)?;
            at = prefix.end + 1;
        }
        let (mut first, mut children) = (0, at..at);
        if place & CHILDREN != 0 {
            first = *bytes.get(at)?;
            let last = *bytes.get(at + 1)?;
            let count = usize::from(last).checked_sub(usize::from(first)).map_or(0, |less| less + 1);
            children = at + 2..at + 2 + 4 * count;
            at = children.end;
            bytes.get(children.clone())?;
        }
        let (mut values, mut count) = (at..at, 0);
        if place & VALUES != 0 {
            count = be32(&bytes, at)?;
            let start = at + 4;
            at = start;
            for _ in 0..count {
                at = string(&bytes, at.checked_add(4)?)?.end + 1;
            }
            values = start..at;
        }
        Some(Node { bytes, prefix, first, children, values, count })
    }

    /// What all keys from here on have in common.
    pub fn prefix(&self) -> &[u8] {
        self.bytes.get(self.prefix.clone()).unwrap_or_default()
    }

    /// The values of the key that ends here, best first.
    pub fn values(&self) -> Values<'_> {
        Values { rest: self.bytes.get(self.values.clone()).unwrap_or_default(), count: self.count }
    }

    /// The bytes that lead to children, in order.
    pub fn branches(&self) -> impl Iterator<Item = u8> + '_ {
        let rows = self.bytes.get(self.children.clone()).unwrap_or_default().chunks_exact(4);
        (self.first..=u8::MAX).zip(rows).filter(|(_, row)| row.iter().any(|byte| *byte != 0)).map(|(byte, _)| byte)
    }

    /// Whether a key ends here.
    pub fn has_values(&self) -> bool {
        self.count > 0
    }

    /// Whether keys go on from here.
    pub(super) fn has_children(&self) -> bool {
        !self.children.is_empty()
    }

    /// The first byte, not below `from`, that leads to a child.
    pub(super) fn branch_from(&self, from: u16) -> Option<u8> {
        let skip = usize::from(from.saturating_sub(u16::from(self.first)));
        let rows = self.bytes.get(self.children.clone())?.as_chunks::<4>().0;
        let found = rows.iter().enumerate().skip(skip).find(|(_, row)| **row != [0; 4])?;
        u8::try_from(usize::from(self.first) + found.0).ok()
    }

    /// Where the child is that a byte leads to; 0 if there is none.
    fn place_of(&self, byte: u8) -> u32 {
        let Some(row) = byte.checked_sub(self.first) else { return 0 };
        let at = self.children.start + 4 * usize::from(row);
        if at < self.children.end { be32(&self.bytes, at).unwrap_or(0) } else { 0 }
    }
}

/// The values of a node, best first.
#[derive(Debug, Clone)]
pub struct Values<'n> {
    rest: &'n [u8],
    count: u32,
}

impl<'n> Iterator for Values<'n> {
    type Item = Value<'n>;

    fn next(&mut self) -> Option<Value<'n>> {
        self.count = self.count.checked_sub(1)?;
        let priority = be32(self.rest, 0)?;
        let place = string(self.rest, 4)?;
        let value = self.rest.get(place.clone())?;
        self.rest = self.rest.get(place.end + 1..)?;
        Some(Value { priority, value })
    }
}

fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    let row = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_be_bytes(row.try_into().ok()?))
}

/// The place of a string that begins at `at`, without its NUL, which must be there.
fn string(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    let len = bytes.get(at..)?.iter().position(|byte| *byte == 0)?;
    Some(at..at + len)
}
