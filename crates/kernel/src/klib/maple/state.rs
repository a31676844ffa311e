//! `struct ma_state`: the range that a walk is about, and where it stands.

use super::ranges::Slot;
use super::tree::{self, Root, Tree};
use kabi::{Errno, Field, KPtr, KResult};

/// `struct ma_state`.
#[derive(Debug)]
pub struct MaState;

macro_rules! fields {
    ($($name:ident = $path:literal),* $(,)?) => {
        $(static $name: Field = Field::new("ma_state", $path);)*
    };
}
fields!(TREE = "tree", INDEX = "index", LAST = "last", NODE = "node", MIN = "min", MAX = "max", STATUS = "status");

/// Where a walk stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum At {
    /// In a slot.
    Slot,
    /// It has to begin at the top.
    Start,
    /// The tree has but index 0.
    Root,
    /// There is nothing.
    None,
    /// Its lock was given up meanwhile.
    Pause,
    /// It came to its upper limit.
    Over,
    /// It came to its lower limit.
    Under,
    Failed(Errno),
}

/// Numbers of `enum maple_status`; the last one is an error.
const STATES: [At; 7] = [At::Slot, At::Start, At::Root, At::None, At::Pause, At::Over, At::Under];
const ERROR: u32 = 7;

/// True for kernels that have `status` in the state: what walks leave there, and when they stop, is new with it.
pub(super) fn is_newer() -> bool {
    STATUS.exists()
}

/// A walk.
#[derive(Debug, Clone)]
pub(super) struct State {
    pub tree: Tree,
    pub index: u64,
    pub last: u64,
    pub at: At,
    /// The slot that it stands in.
    pub slot: (u64, u64),
    node: u64,
}

fn from_word(node: u64) -> At {
    match node {
        1 => At::Start,
        5 => At::Root,
        9 => At::None,
        17 => At::Pause,
        _ if node & 3 == 2 => At::Failed(Errno(-((node as i64) >> 2) as i32)),
        _ => At::Slot,
    }
}

fn error_word(errno: Errno) -> u64 {
    (-i64::from(errno.0) as u64) << 2 | 2
}

impl State {
    /// A walk that begins at an index.
    pub fn new(tree: Tree, index: u64, last: u64) -> Self {
        Self { tree, index, last, at: At::Start, slot: (0, u64::MAX), node: 0 }
    }

    /// A module's walk.
    pub fn load(state: KPtr<MaState>) -> KResult<Self> {
        let node = NODE.get(state)?;
        let at = if is_newer() {
            let status: u32 = STATUS.get(state)?;
            STATES.get(status as usize).copied().unwrap_or_else(|| from_word(node))
        } else {
            from_word(node)
        };
        Ok(Self {
            tree: Tree::new(TREE.get(state)?),
            index: INDEX.get(state)?,
            last: LAST.get(state)?,
            at,
            slot: (MIN.get(state)?, MAX.get(state)?),
            node,
        })
    }

    /// Puts it back into the module's structure.
    pub fn save(&self, state: KPtr<MaState>) -> KResult {
        INDEX.put(state, self.index)?;
        LAST.put(state, self.last)?;
        MIN.put(state, self.slot.0)?;
        MAX.put(state, self.slot.1)?;
        if is_newer() {
            let status = STATES.iter().position(|at| *at == self.at).map_or(ERROR, |number| number as u32);
            STATUS.put(state, status)?;
        }
        let word = match self.at {
            At::Failed(errno) => error_word(errno),
            At::Slot | At::Over | At::Under => self.node,
            _ if is_newer() => 0,
            At::Root => 5,
            At::None => 9,
            At::Pause => 17,
            At::Start => 1,
        };
        NODE.put(state, word)
    }

    /// Stands in a slot, and is about its range.
    pub fn stand(&mut self, slot: Slot) {
        (self.index, self.last) = (slot.first, slot.last);
        self.stay(slot);
    }

    /// Stands in a slot, whatever it is about.
    pub fn stay(&mut self, slot: Slot) {
        (self.slot, self.at) = ((slot.first, slot.last), At::Slot);
    }

    /// Goes from the top to the index; what is there.
    pub fn descend(&mut self) -> KResult<u64> {
        match tree::root(self.tree)? {
            Root::Empty => {
                self.at = At::None;
                Ok(0)
            }
            Root::One(entry) => {
                self.at = At::Root;
                Ok(if self.index == 0 { entry } else { 0 })
            }
            Root::Slots(slots) => {
                let slot = slots.read().get(self.index);
                self.node = slots.node();
                self.stand(slot);
                Ok(slot.entry)
            }
        }
    }

    /// The slot beside the one that it stands in.
    pub fn beside(&mut self, forward: bool) -> KResult<Option<Slot>> {
        let Root::Slots(slots) = tree::root(self.tree)? else { return Ok(None) };
        let beside = if forward { self.slot.1.checked_add(1) } else { self.slot.0.checked_sub(1) };
        Ok(beside.map(|index| slots.read().get(index)))
    }

    /// The next slot on that has an entry, and the gap that was passed before it.
    pub fn beyond(&mut self, forward: bool) -> KResult<(Option<Slot>, Option<Slot>)> {
        let Root::Slots(slots) = tree::root(self.tree)? else { return Ok((None, None)) };
        let ranges = slots.read();
        let step = |slot: Slot| if forward { ranges.after(slot) } else { ranges.before(slot) };
        match step(Slot { first: self.slot.0, last: self.slot.1, entry: 0 }) {
            Some(gap) if gap.entry == 0 => Ok((step(gap), Some(gap))),
            next => Ok((next, None)),
        }
    }

    /// Notes the node of the tree that it stands in.
    pub fn enter(&mut self, slots: &tree::Slots) {
        self.node = slots.node();
    }
}
