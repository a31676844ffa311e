//! Writing an index: keys are sorted, and a trie over sorted keys is a walk.
//!
//! The order of nodes in the file is that of kmod's `tools/depmod.c`: children in the order of their bytes, then their
//! parent. With equal input the files are equal byte for byte.

use super::{CHILDREN, HEAD, MAGIC, OFFSET, PREFIX, VALUES, VERSION};
use crate::error::ErrorKind;

/// Collects keys and values, which stay where they are, for one index.
#[derive(Debug, Default)]
pub struct Builder<'a> {
    entries: Vec<Entry<'a>>,
}

#[derive(Debug, Clone, Copy)]
struct Entry<'a> {
    key: &'a [u8],
    value: &'a [u8],
    priority: u32,
}

impl<'a> Builder<'a> {
    /// An index without keys.
    pub fn new() -> Self {
        Self::default()
    }

    /// An index with room for so many values.
    pub fn with_capacity(count: usize) -> Self {
        Self { entries: Vec::with_capacity(count) }
    }

    /// Adds a value to a key; of equal priorities the one added last comes first. `false`, and nothing added, if key
    /// or value are not ASCII or have a NUL: libkmod could not read the nodes on the way to such a key.
    pub fn insert(&mut self, key: &'a [u8], value: &'a [u8], priority: u32) -> bool {
        let fits = |text: &[u8]| text.iter().all(|byte| matches!(byte, 1..=0x7f));
        let good = fits(key) && fits(value);
        if good {
            self.entries.push(Entry { key, value, priority });
        }
        good
    }

    /// The bytes of the index.
    ///
    /// # Errors
    /// [`ErrorKind::TooLarge`]: more than the 256 MiB that a place can name.
    pub fn build(self) -> Result<Vec<u8>, ErrorKind> {
        let mut entries = self.entries;
        // Of equal priorities the last added comes first: reversed, and then sorted without changing the order of equals.
        entries.reverse();
        entries.sort_by(|a, b| a.key.cmp(b.key).then(a.priority.cmp(&b.priority)));
        let text: usize = entries.iter().map(|entry| entry.key.len() / 2 + entry.value.len() + 24).sum();
        let mut out = Vec::with_capacity(HEAD + text);
        for word in [MAGIC, VERSION, 0] {
            out.extend_from_slice(&word.to_be_bytes());
        }
        let mut places = Vec::new();
        let root = write(&mut out, &mut places, &entries, 0, 0)?;
        if let Some(place) = out.get_mut(8..HEAD) {
            place.copy_from_slice(&root.to_be_bytes());
        }
        Ok(out)
    }
}

/// Writes the node for entries that have the first `end` bytes in common, of which those from `start` on are its prefix;
/// gives its place. `places` is room that the calls share.
fn write(
    out: &mut Vec<u8>,
    places: &mut Vec<(u8, u32)>,
    entries: &[Entry<'_>],
    start: usize,
    end: usize,
) -> Result<u32, ErrorKind> {
    let own = entries.iter().take_while(|entry| entry.key.len() == end).count();
    let (values, mut rest) = entries.split_at_checked(own).unwrap_or_default();
    let base = places.len();
    while let Some(byte) = rest.first().and_then(|entry| entry.key.get(end)).copied() {
        let count = rest.partition_point(|entry| entry.key.get(end) == Some(&byte));
        let (group, after) = rest.split_at_checked(count).unwrap_or_default();
        let common = common(group, end + 1);
        let place = write(out, places, group, end + 1, common)?;
        places.push((byte, place));
        rest = after;
    }
    let offset = u32::try_from(out.len()).ok().filter(|offset| *offset <= OFFSET).ok_or(ErrorKind::TooLarge)?;
    let mut place = offset;
    let prefix = entries.first().and_then(|entry| entry.key.get(start..end)).unwrap_or_default();
    if !prefix.is_empty() {
        out.extend_from_slice(prefix);
        out.push(0);
        place |= PREFIX;
    }
    let children = places.get(base..).unwrap_or_default();
    if let (Some((first, _)), Some((last, _))) = (children.first(), children.last()) {
        out.extend([*first, *last]);
        let mut next = *first;
        for (byte, place) in children {
            out.resize(out.len() + 4 * usize::from(byte.saturating_sub(next)), 0);
            out.extend_from_slice(&place.to_be_bytes());
            next = byte.saturating_add(1);
        }
        place |= CHILDREN;
    }
    places.truncate(base);
    if !values.is_empty() {
        out.extend_from_slice(&(values.len() as u32).to_be_bytes());
        for value in values {
            out.extend_from_slice(&value.priority.to_be_bytes());
            out.extend_from_slice(value.value);
            out.push(0);
        }
        place |= VALUES;
    }
    Ok(place)
}

/// How many bytes all of a sorted group have in common, of which `known` are known.
fn common(group: &[Entry<'_>], known: usize) -> usize {
    let (Some(first), Some(last)) = (group.first(), group.last()) else { return known };
    let (first, last) = (first.key.get(known..).unwrap_or_default(), last.key.get(known..).unwrap_or_default());
    known + first.iter().zip(last).take_while(|(a, b)| a == b).count()
}
