//! Storing: entries, what they replace, marks, and nodes that are no longer needed.

use super::cursor::{At, Cursor};
use super::entry::Entry;
use super::node::{
    BITS, FREE, MARKS, Node, SLOTS, head, is_marked, set_array_mark, set_head, tracks_free, zero_is_busy,
};
use kabi::KResult;

impl Cursor {
    /// Puts an entry where the walk is to stand, over all that it covers; what was there first. Storing nothing takes
    /// entries out.
    pub fn store(&mut self, entry: Entry) -> KResult<Entry> {
        let old =
            if entry.is_null() { self.load()? } else { self.create(entry.as_node().is_none() && !entry.is_zero())? };
        if !self.is_valid() {
            return Ok(old);
        }
        if self.node().map_or(Ok(false), |node| node.shift().map(|shift| self.shift < shift))? {
            self.sibs = 0;
        }
        if old == entry && self.sibs == 0 {
            return Ok(old);
        }
        let Some(node) = self.node() else {
            if entry.is_null() {
                self.reset_marks()?;
            }
            set_head(self.array, entry)?;
            if let Some(below) = old.as_node() {
                self.free_below(below)?;
            }
            return Ok(old);
        };
        if self.sibs > 0 {
            self.gather_marks(node)?;
        }
        if entry.is_null() {
            // Marks go first: who looks for marked entries never finds an empty one.
            self.reset_marks()?;
        }
        let (count, values, first) = self.fill(node, old, entry)?;
        self.account(node, count, values)?;
        Ok(first)
    }

    /// Writes the slots of an entry, or empties those of the entries that lie there: by how much the node's counts
    /// change, and the last entry that was replaced.
    fn fill(&mut self, node: Node, old: Entry, entry: Entry) -> KResult<(i32, i32, Entry)> {
        let start = self.offset;
        let has_nodes = node.shift()? > 0;
        let mut was = Replaced::default();
        for offset in start..SLOTS {
            let slot = if offset == start { old } else { node.slot(offset)? };
            // Emptying takes all of the last entry away, also what lies beyond the range.
            let within = offset <= start + self.sibs || entry.is_null() && slot.as_sibling().is_some();
            if !within {
                break;
            }
            was.add(slot);
            node.set_slot(offset, if offset == start || entry.is_null() { entry } else { Entry::sibling(start) })?;
            if let Some(below) = slot.as_node().filter(|_| has_nodes) {
                self.free_below(below)?;
            }
        }
        Ok(was.by(entry))
    }

    fn account(&mut self, node: Node, count: i32, values: i32) -> KResult {
        if count == 0 && values == 0 {
            return Ok(());
        }
        node.set_count((i32::from(node.count()?) + count) as u8)?;
        node.set_values((i32::from(node.values()?) + values) as u8)?;
        self.changed(node)?;
        if count < 0 { self.prune(node) } else { Ok(()) }
    }

    /// Takes empty nodes away, from this one up.
    fn prune(&mut self, mut node: Node) -> KResult {
        while node.count()? == 0 {
            let (parent, offset) = (node.parent()?, node.offset()?);
            node.retire()?;
            if parent.is_null() {
                self.at = At::Bounds;
                return set_head(self.array, Entry::NULL);
            }
            (self.at, self.offset) = (At::Node(parent), offset);
            parent.set_slot(offset, Entry::NULL)?;
            parent.set_count(parent.count()? - 1)?;
            self.changed(parent)?;
            node = parent;
        }
        if node.parent()?.is_null() { self.lower(node) } else { Ok(()) }
    }

    /// Takes topmost nodes away that have nothing but their first slot.
    fn lower(&mut self, top: Node) -> KResult {
        let mut top = Some(top);
        while let Some(node) = top
            && let Some(only) = self.only_entry(node)?
        {
            self.at = At::Bounds;
            top = only.as_node();
            self.take_off(node, only)?;
        }
        Ok(())
    }

    /// The entry that can stand in the place of a topmost node.
    fn only_entry(&self, node: Node) -> KResult<Option<Entry>> {
        let first = node.slot(0)?;
        let is_leaf = first.as_node().is_none();
        if node.count()? != 1 || first.is_null() || is_leaf && node.shift()? > 0 {
            return Ok(None);
        }
        // A reserved index 0 is not an entry of its own.
        Ok(Some(if first.is_zero() && zero_is_busy(self.array)? { Entry::NULL } else { first }))
    }

    /// Makes its only entry the topmost one, and takes the node away.
    fn take_off(&self, node: Node, only: Entry) -> KResult {
        set_head(self.array, only)?;
        if tracks_free(self.array)? && !node.has_mark(0, FREE)? {
            set_array_mark(self.array, FREE, false)?;
        }
        match only.as_node() {
            Some(below) => below.set_parent(Node::NULL)?,
            // Who still reads the node is told to begin again.
            None => node.set_slot(0, Entry::RETRY)?,
        }
        node.set_count(0)?;
        node.set_values(0)?;
        self.changed(node)?;
        node.retire()
    }

    /// Frees a node and all below it; who still reads them is told to start again.
    pub fn free_below(&self, top: Node) -> KResult {
        for offset in 0..SLOTS {
            if let Some(below) = top.below(offset)? {
                self.free_below(below)?;
            } else if !top.slot(offset)?.is_null() {
                top.set_slot(offset, Entry::RETRY)?;
            }
        }
        top.set_count(0)?;
        top.set_values(0)?;
        self.changed(top)?;
        top.retire()
    }

    /// One entry takes the place of several: it has the marks that any of them had.
    fn gather_marks(&self, node: Node) -> KResult {
        let covered = u64::MAX >> (63 - (self.offset + self.sibs)) & !(u64::MAX >> (63 - self.offset));
        for mark in 0..MARKS {
            let bits = node.marks(mark)?;
            if bits & covered != 0 {
                node.set_marks(mark, bits & !covered | 1 << self.offset)?;
            }
        }
        Ok(())
    }

    /// Whether the entry where the walk stands has a mark.
    pub fn has_mark(&self, mark: u32) -> KResult<bool> {
        match self.at {
            At::Node(node) => node.has_mark(self.offset, mark),
            At::Head => is_marked(self.array, mark),
            _ => Ok(false),
        }
    }

    /// Marks the entry, and all nodes above it.
    pub fn set_mark(&self, mark: u32) -> KResult {
        if !self.is_valid() {
            return Ok(());
        }
        let (mut node, mut offset) = (self.node().unwrap_or(Node::NULL), self.offset);
        while !node.is_null() {
            if node.put_mark(offset, mark, true)? {
                return Ok(());
            }
            (offset, node) = (node.offset()?, node.parent()?);
        }
        if is_marked(self.array, mark)? { Ok(()) } else { set_array_mark(self.array, mark, true) }
    }

    /// Takes a mark from the entry, and from nodes above that have no other.
    pub fn clear_mark(&self, mark: u32) -> KResult {
        if !self.is_valid() {
            return Ok(());
        }
        let (mut node, mut offset) = (self.node().unwrap_or(Node::NULL), self.offset);
        while !node.is_null() {
            if !node.put_mark(offset, mark, false)? || node.marks(mark)? != 0 {
                return Ok(());
            }
            (offset, node) = (node.offset()?, node.parent()?);
        }
        if is_marked(self.array, mark)? { set_array_mark(self.array, mark, false) } else { Ok(()) }
    }

    /// The marks of an empty slot: none, but "free" where that is one.
    pub fn reset_marks(&self) -> KResult {
        for mark in 0..MARKS {
            if mark == FREE && tracks_free(self.array)? { self.set_mark(mark)? } else { self.clear_mark(mark)? }
        }
        Ok(())
    }

    /// Makes all nodes that its entry's range needs, down to single slots; the walk then stands at the range's start.
    pub fn create_range(&mut self) -> KResult {
        let (index, shift, sibs) = (self.index, self.shift, self.sibs);
        let last = index | (self.size() - 1);
        let mut start = index & !(u64::from(SLOTS) - 1);
        (self.shift, self.sibs) = (0, 0);
        // The last one first, so that the array is raised once.
        for at in [last].into_iter().chain(std::iter::from_fn(|| {
            let at = start;
            start = start.checked_add(u64::from(SLOTS)).filter(|_| at <= last)?;
            Some(at)
        })) {
            (self.index, self.at) = (at, if self.error().is_some() { self.at } else { At::Restart });
            self.create(true)?;
            if self.error().is_some() {
                (self.index, self.shift, self.sibs) = (index, shift, sibs);
                return Ok(());
            }
        }
        self.index = index;
        self.at = At::Restart;
        self.load()?;
        Ok(())
    }

    /// Empties the array.
    pub fn destroy(&mut self) -> KResult {
        let top = head(self.array)?;
        set_head(self.array, Entry::NULL)?;
        self.at = At::Head;
        self.reset_marks()?;
        if zero_is_busy(self.array)? {
            set_array_mark(self.array, FREE, false)?;
        }
        top.as_node().map_or(Ok(()), |node| self.free_below(node))
    }

    /// The order of the entry where the walk stands.
    pub fn order(&self) -> KResult<u8> {
        let Some(node) = self.node() else { return Ok(0) };
        let mut order = 0;
        while let Some(slot) = self.offset.checked_add(1 << order).filter(|slot| *slot < SLOTS) {
            if node.slot(slot)?.as_sibling().is_none() {
                break;
            }
            order += 1;
        }
        Ok(order + node.shift()?)
    }

    /// Makes its entry the largest one that begins at `first` and does not go beyond `last`.
    pub fn set_range(&mut self, first: u64, last: u64) {
        let mask = u64::from(SLOTS) - 1;
        (self.index, self.at, self.shift) = (first, At::Restart, 0);
        let fits = |shift: u8| {
            let size = 1u64.checked_shl(shift.into()).unwrap_or(0);
            size != 0 && first & (size - 1) == 0 && last - first >= size - 1
        };
        while fits(self.shift + BITS) {
            self.shift += BITS;
        }
        let room = mask - (first >> self.shift & mask);
        let wanted = (last - first).wrapping_add(1) >> self.shift;
        let wanted = if wanted == 0 { u64::MAX } else { wanted };
        self.sibs = (wanted - 1).min(room) as u8;
    }
}

/// Slots that become one entry.
struct Replaced {
    all: i32,
    used: i32,
    numbers: i32,
    owner: Entry,
}

impl Default for Replaced {
    fn default() -> Self {
        Self { all: 0, used: 0, numbers: 0, owner: Entry::NULL }
    }
}

impl Replaced {
    fn add(&mut self, slot: Entry) {
        if slot.as_sibling().is_none() {
            self.owner = slot;
        }
        self.all += 1;
        self.used += i32::from(!slot.is_null());
        self.numbers += i32::from(self.owner.is_value());
    }

    /// What a node's counts of slots in use and of numbers change by when they become this entry, and the last entry
    /// among them.
    fn by(self, new: Entry) -> (i32, i32, Entry) {
        let after = |holds: bool| if holds { self.all } else { 0 };
        (after(!new.is_null()) - self.used, after(new.is_value()) - self.numbers, self.owner)
    }
}

#[test]
fn a_slot_counts_for_the_entry_that_it_belongs_to() {
    let (number, pointer) = (Entry(7 << 1 | 1), Entry(0x1000));
    let replaced = |slots: &[Entry], new| {
        let mut was = Replaced::default();
        slots.iter().for_each(|slot| was.add(*slot));
        was.by(new)
    };
    let was = [number, Entry::sibling(0), Entry::NULL, pointer];
    assert_eq!(replaced(&was, Entry::NULL), (-3, -2, pointer));
    assert_eq!(replaced(&was, number), (1, 2, pointer));
    assert_eq!(replaced(&was[..3], pointer), (1, -2, Entry::NULL));
}
