//! Looking for the next entry, with a mark or without.

use super::cursor::{At, Cursor, covered};
use super::entry::Entry;
use super::node::{FREE, Node, SLOTS, head, is_marked, tracks_free};
use kabi::KResult;

/// What is looked for.
#[derive(Debug, Clone, Copy)]
enum Wanted {
    Any,
    Marked(u32),
}

/// A slot and what is in it.
type Found = (Node, u8, Entry);

impl Wanted {
    /// Bits of the slots that may lead to one.
    fn candidates(self, node: Node) -> KResult<u64> {
        match self {
            Self::Any => Ok(u64::MAX),
            Self::Marked(mark) => node.marks(mark),
        }
    }
}

impl Cursor {
    /// The first wanted slot of a subtree from its slot `from` on whose indices do not lie beyond `max`. `base` is the
    /// first index of the node.
    fn first_below(&self, node: Node, from: u8, base: u64, max: u64, wanted: Wanted) -> KResult<Option<Found>> {
        let shift = node.shift()?;
        let mut bits = wanted.candidates(node)? & u64::MAX.checked_shl(from.into()).unwrap_or(0);
        while bits != 0 {
            let offset = bits.trailing_zeros() as u8;
            bits &= bits - 1;
            let start = base + (u64::from(offset) << shift);
            if start > max {
                break;
            }
            let entry = node.slot(offset)?;
            if let Some(below) = entry.as_node().filter(|_| shift > 0) {
                if let Some(found) = self.first_below(below, 0, start, max, wanted)? {
                    return Ok(Some(found));
                }
            } else if entry.as_sibling().is_none() && (!entry.is_null() || self.wants_empty(wanted)?) {
                return Ok(Some((node, offset, entry)));
            }
        }
        Ok(None)
    }

    /// In an array that hands out ids, empty slots are what is looked for.
    fn wants_empty(&self, wanted: Wanted) -> KResult<bool> {
        Ok(matches!(wanted, Wanted::Marked(FREE)) && tracks_free(self.array)?)
    }

    /// Looks on from a slot of a node, upwards where a node ends.
    fn next_from(&mut self, node: Node, from: u8, max: u64, wanted: Wanted) -> KResult<Entry> {
        let (mut node, mut from) = (node, from);
        loop {
            let span = covered(Entry::of_node(node))?;
            let base = self.index & !span;
            if let Some((node, offset, entry)) = self.first_below(node, from, base, max, wanted)? {
                return self.stand(node, offset, entry);
            }
            let parent = node.parent()?;
            let end = base.wrapping_add(span);
            if parent.is_null() || end >= max {
                // What comes next is not known to be there.
                let beyond = end >= max && (max != u64::MAX || !parent.is_null());
                self.index = if beyond { max.wrapping_add(1) } else { end.wrapping_add(1) };
                self.at = if beyond && max != u64::MAX { At::Restart } else { At::Bounds };
                return Ok(Entry::NULL);
            }
            (from, node) = (node.offset()? + 1, parent);
        }
    }

    /// Stands at a slot that was found: its index is the slot's first.
    fn stand(&mut self, node: Node, offset: u8, entry: Entry) -> KResult<Entry> {
        // The way there is not known: the index follows from the nodes above.
        let (mut at, mut index) = (node, u64::from(offset) << node.shift()?);
        while let parent = at.parent()?
            && !parent.is_null()
        {
            index += u64::from(at.offset()?) << parent.shift()?;
            at = parent;
        }
        (self.at, self.offset, self.index) = (At::Node(node), offset, index);
        Ok(entry)
    }

    /// The next entry up to `max`: the one at the index of a walk that begins, otherwise one behind where it stands.
    pub fn find(&mut self, max: u64) -> KResult<Entry> {
        if matches!(self.at, At::Failed(_) | At::Bounds) {
            return Ok(Entry::NULL);
        }
        if self.index > max {
            self.at = At::Bounds;
            return Ok(Entry::NULL);
        }
        if self.at == At::Head {
            (self.index, self.at) = (1, At::Bounds);
            return Ok(Entry::NULL);
        }
        if self.at == At::Restart {
            let entry = self.load()?;
            if !entry.is_null() || self.node().is_none() {
                return Ok(entry);
            }
        }
        let Some(node) = self.node() else { return Ok(Entry::NULL) };
        // An index inside of a large entry was moved on by its owner: it goes on behind that.
        let offset = if node.shift()? == 0 { (self.index as u8) & (SLOTS - 1) } else { self.offset };
        self.next_from(node, offset.max(self.offset) + 1, max, Wanted::Any)
    }

    /// The next entry with a mark, in the same way.
    pub fn find_marked(&mut self, max: u64, mark: u32) -> KResult<Entry> {
        if self.error().is_some() {
            return Ok(Entry::NULL);
        }
        if self.index > max {
            self.at = At::Restart;
            return Ok(Entry::NULL);
        }
        let entry = match self.at {
            At::Head => {
                (self.index, self.at) = (1, At::Bounds);
                Entry::NULL
            }
            At::Node(node) => self.next_from(node, self.offset + 1, max, Wanted::Marked(mark))?,
            _ => return self.first_marked(max, mark),
        };
        self.end_marked(entry, max);
        Ok(entry)
    }

    /// The first entry with a mark, from the walk's index on.
    fn first_marked(&mut self, max: u64, mark: u32) -> KResult<Entry> {
        let top = head(self.array)?;
        self.at = At::Head;
        if self.index > covered(top)? {
            self.at = At::Bounds;
            return Ok(Entry::NULL);
        }
        let Some(mut node) = top.as_node() else {
            if is_marked(self.array, mark)? {
                return Ok(top);
            }
            (self.index, self.at) = (1, At::Bounds);
            self.end_marked(Entry::NULL, max);
            return Ok(Entry::NULL);
        };
        // Down to where the index lies, so that an entry which covers it is found although it begins before.
        let from = loop {
            let offset = node.place_of(self.index)?;
            match node.below(offset)? {
                Some(below) => node = below,
                None => break node.slot(offset)?.as_sibling().unwrap_or(offset),
            }
        };
        let asked = self.index;
        let entry = self.next_from(node, from, max, Wanted::Marked(mark))?;
        // A slot that covers the index that was asked for is found at that one.
        if let Some(node) = self.node()
            && asked & !node.slot_mask()? == self.index
        {
            self.index = asked;
        }
        self.end_marked(entry, max);
        Ok(entry)
    }

    /// A search that ended before the array did is to begin again.
    fn end_marked(&mut self, entry: Entry, max: u64) {
        if entry.is_null() && self.at == At::Bounds && self.index > max {
            self.at = At::Restart;
        }
    }

    /// The next entry that a store would replace, beginning with the first.
    pub fn find_conflict(&mut self) -> KResult<Entry> {
        if self.error().is_some() || self.at == At::Head {
            return Ok(Entry::NULL);
        }
        let (start, last) = (self.index & !(self.size() - 1), self.index | (self.size() - 1));
        let Some(node) = self.node() else {
            // The first time: whatever covers its first index.
            let mut probe = Self { shift: 0, sibs: 0, ..self.clone() };
            (probe.index, probe.at) = (start, At::Restart);
            let mut found = probe.load()?;
            if found.is_null() && probe.node().is_some() {
                found = probe.find(last)?;
            }
            (self.at, self.offset) = (probe.at, probe.offset);
            if found.is_null() && self.node().is_some() {
                self.at = At::Restart;
                self.load()?;
            }
            return Ok(found);
        };
        // Then whatever begins behind where it stands, within its range.
        let mut probe = Self { shift: 0, sibs: 0, ..self.clone() };
        probe.stand(node, self.offset, Entry::NULL)?;
        if node.shift()? > self.shift {
            return Ok(Entry::NULL);
        }
        let done = probe.index >= last;
        let found = if done { Entry::NULL } else { probe.next_from(node, self.offset + 1, last, Wanted::Any)? };
        if found.is_null() {
            self.at = At::Restart;
            self.load()?;
        } else {
            (self.at, self.offset) = (probe.at, probe.offset);
        }
        Ok(found)
    }

    /// One index on, whatever is there.
    pub fn step(&mut self, forwards: bool) -> KResult<Entry> {
        if !matches!(self.at, At::Failed(_) | At::Restart) {
            self.index = if forwards { self.index.wrapping_add(1) } else { self.index.wrapping_sub(1) };
        }
        match self.at {
            At::Head => {
                self.at = At::Bounds;
                return Ok(Entry::NULL);
            }
            At::Node(_) => self.at = At::Restart,
            _ => return self.load(),
        }
        self.load()
    }

    /// Lets others change the array: the walk will begin again behind where it stands.
    pub fn pause(&mut self) -> KResult {
        match self.at {
            At::Head => (self.index, self.at) = (self.index.wrapping_add(1), At::Restart),
            At::Node(node) => {
                let mut end = self.offset + 1;
                while end < SLOTS && node.slot(end)?.as_sibling().is_some() {
                    end += 1;
                }
                let step = u64::from(end - self.offset) << node.shift()?;
                self.index = self.index.wrapping_add(step);
                self.at = if self.index == 0 { At::Bounds } else { At::Restart };
            }
            _ => {}
        }
        Ok(())
    }

    /// True if its index lies inside of the entry where it stands, and not at that one's start.
    pub fn is_inside(&self) -> KResult<bool> {
        let Some(node) = self.node() else { return Ok(false) };
        let within = self.index & covered(Entry::of_node(node))?;
        Ok(within > u64::from(self.offset) << node.shift()?)
    }
}
