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
                let of = slot & !self.sibs;
                node.set_slot(slot, if of == slot { entry } else { Entry::sibling(of) })?;
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
        let first = self.offset;
        let mut marked = [false; MARKS as usize];
        for (mark, has) in (0..MARKS).zip(&mut marked) {
            *has = node.has_mark(first, mark)?;
        }
        let marks = |node: Node, offset: u8| {
            (0..MARKS)
                .zip(marked)
                .filter(|(_, has)| *has)
                .try_for_each(|(m, _)| node.put_mark(offset, m, true).map(|_| ()))
        };
        let mut values = i32::from(node.values()?);
        let end = first + parts(order);
        if self.shift < node.shift()? {
            // A node for each slot; the last allocated one is the last.
            for offset in (first..end).rev() {
                let child = self.spare;
                self.spare = child.parent()?;
                child.set_shift(node.shift()? - BITS)?;
                child.set_offset(offset)?;
                child.set_count(SLOTS)?;
                child.set_values(if entry.is_value() { SLOTS } else { 0 })?;
                child.set_parent(node)?;
                for (mark, _) in (0..MARKS).zip(marked).filter(|(_, has)| *has) {
                    child.set_marks(mark, u64::MAX)?;
                }
                marks(node, offset)?;
                node.set_slot(offset, Entry::of_node(child))?;
                values -= i32::from(old.is_value());
                self.changed(child)?;
            }
        } else {
            for offset in (first..end).rev() {
                let of = offset & !self.sibs;
                if of == offset {
                    marks(node, offset)?;
                }
                node.set_slot(offset, if of == offset { entry } else { Entry::sibling(of) })?;
                values += i32::from(entry.is_value()) - i32::from(old.is_value());
            }
        }
        node.set_values(values as u8)?;
        self.offset = first;
        self.changed(node)
    }
}
