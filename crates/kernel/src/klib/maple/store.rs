//! Storing, inserting, erasing.

use super::ranges::Ranges;
use super::state::{At, State, is_newer};
use super::tree::{self, Root, Tree};
use kabi::errno::EEXIST;
use kabi::{Errno, KResult};

impl State {
    /// Gives its range an entry, over whatever was there; what was at the index. Where nothing is stored it is about the
    /// whole gap afterwards.
    pub fn store(&mut self, entry: u64) -> KResult<u64> {
        let was_root = self.at == At::Root;
        match tree::root(self.tree)? {
            Root::Slots(slots) => {
                let mut ranges = slots.write();
                let content = ranges.get(self.index).entry;
                let slot = ranges.set(self.index, self.last, entry);
                if entry == 0 {
                    self.stand(slot);
                }
                if ranges.is_empty() {
                    drop(ranges);
                    self.at = At::Start;
                    tree::set_one(self.tree, 0)?;
                    return Ok(content);
                }
                self.stay(slot);
                self.enter(&slots);
                tree::set_height(self.tree, ranges.height())?;
                Ok(content)
            }
            Root::One(one) => {
                self.at = At::Root;
                let content = if self.index == 0 && !was_root { one } else { 0 };
                self.store_root(one, entry)?;
                Ok(content)
            }
            Root::Empty => {
                self.at = At::None;
                self.store_root(0, entry)?;
                Ok(0)
            }
        }
    }

    /// Stores into a tree that has no slots yet, and `one` at index 0.
    fn store_root(&mut self, one: u64, entry: u64) -> KResult {
        let is_first = self.index == 0 && self.last == 0;
        if entry == 0 {
            return if self.index == 0 { tree::set_one(self.tree, 0) } else { Ok(()) };
        }
        if is_first && tree::can_be_root(entry) {
            self.at = At::Start;
            return tree::set_one(self.tree, entry);
        }
        self.expand(one, entry)
    }

    /// Gives a tree slots: for index 0 and for its range.
    pub fn expand(&mut self, one: u64, entry: u64) -> KResult {
        let mut ranges = Ranges::new();
        if one != 0 {
            ranges.set(0, 0, one);
        }
        let slot = ranges.set(self.index, self.last, entry);
        let slots = tree::plant(self.tree, ranges)?;
        self.enter(&slots);
        self.stay(slot);
        Ok(())
    }

    /// Stores only where nothing is.
    pub fn insert(&mut self, entry: u64) -> KResult<Result<(), Errno>> {
        let taken = match tree::root(self.tree)? {
            Root::Empty => false,
            Root::One(_) => self.index == 0,
            Root::Slots(slots) => {
                let slot = slots.read().get(self.index);
                slot.entry != 0 || self.last > slot.last
            }
        };
        if taken {
            self.at = At::Failed(EEXIST);
            return Ok(Err(EEXIST));
        }
        self.store(entry).map(|_| Ok(()))
    }

    /// Takes the entry at the index out, with its whole range.
    pub fn erase(&mut self) -> KResult<u64> {
        // An older walk that knows of an only entry, or of none, does not look again.
        let entry = if self.at == At::Root && !is_newer() { 0 } else { self.descend()? };
        if entry != 0 {
            self.at = At::Start;
            self.store(0)?;
        }
        Ok(entry)
    }
}

/// Stores an entry for a range.
pub(super) fn store_range(tree: Tree, first: u64, last: u64, entry: u64) -> KResult {
    State::new(tree, first, last).store(entry).map(|_| ())
}
