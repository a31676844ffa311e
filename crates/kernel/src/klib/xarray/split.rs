//! Replacing a large entry by smaller ones that cover the same indices.

use super::cursor::Cursor;
use super::entry::Entry;
use super::node::{BITS, MARKS, Node, SLOTS};
use kabi::KResult;
use kabi::errno::ENOMEM;

/// Children that a split of this order fills at the level of the large entry.
fn parts(order: u32) -> u8 {
    (1u32 << (order % u32::from(BITS))) as u8
}

impl Cursor {
    /// Allocates the nodes that a split needs, filled with `entry` in pieces of the walk's size.
    pub fn split_alloc(&mut self, entry: Entry, order: u32) -> KResult {
        let shift = u32::from(self.shift);
        if shift + u32::from(BITS) > order {
            return Ok(());
        }
        if shift + 2 * u32::from(BITS) < order {
            crate::fault::warn_at_caller();
            return self.no_memory();
        }
        for _ in 0..parts(order) {
            let Ok(node) = Node::make() else { return self.no_memory() };
            node.set_array(self.array)?;
            for slot in 0..SLOTS {
                node.set_slot(slot, self.piece(slot, entry))?;
            }
            node.set_parent(self.spare)?;
            self.spare = node;
        }
        Ok(())
    }

    fn no_memory(&mut self) -> KResult {
        self.drop_spares()?;
        self.fail(ENOMEM);
        Ok(())
    }

    /// Replaces the entry at the walk's index, which is of `order`, by copies of `entry` in pieces of the walk's size.
    pub fn split(&mut self, entry: Entry, order: u32) -> KResult {
        let old = self.load()?;
        let Some(node) = self.node() else { return Ok(()) };
        let mut marks = Vec::new();
        for mark in 0..MARKS {
            if node.has_mark(self.offset, mark)? {
                marks.push(mark);
            }
        }
        let slots = self.offset..self.offset + parts(order);
        let deeper = self.shift < node.shift()?;
        // From the last one on, so that siblings never refer to what is gone.
        for offset in slots.clone().rev() {
            let piece = if deeper { self.child(node, offset, entry, &marks)? } else { self.piece(offset, entry) };
            if piece.as_sibling().is_none() {
                marks.iter().try_for_each(|mark| node.put_mark(offset, *mark, true).map(|_| ()))?;
            }
            node.set_slot(offset, piece)?;
        }
        // Below a child there are its own numbers.
        let numbers = i32::from(entry.is_value() && !deeper) - i32::from(old.is_value());
        let change = numbers * (slots.end - slots.start) as i32;
        node.set_values((i32::from(node.values()?) + change) as u8)?;
        self.changed(node)
    }

    /// What belongs into a slot of pieces of the walk's size.
    fn piece(&self, slot: u8, entry: Entry) -> Entry {
        let first = slot & !self.sibs;
        if first == slot { entry } else { Entry::sibling(first) }
    }

    /// Hangs one of the nodes that were allocated, and are full of pieces, below a slot.
    fn child(&mut self, node: Node, offset: u8, entry: Entry, marks: &[u32]) -> KResult<Entry> {
        let child = self.spare;
        self.spare = child.parent()?;
        child.set_parent(node)?;
        child.set_offset(offset)?;
        child.set_shift(node.shift()? - BITS)?;
        child.set_count(SLOTS)?;
        child.set_values(if entry.is_value() { SLOTS } else { 0 })?;
        marks.iter().try_for_each(|mark| child.set_marks(*mark, u64::MAX))?;
        self.changed(child)?;
        Ok(Entry::of_node(child))
    }
}
