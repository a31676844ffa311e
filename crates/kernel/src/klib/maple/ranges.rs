//! All indices from 0 to the last, cut into slots: a B-tree whose nodes know the longest gap below them.
//!
//! # Invariants
//! Slots follow each other without holes from 0 to `u64::MAX`; an entry 0 is a gap, and no two gaps touch.

/// Slots of a leaf, and children of a node above.
const ROOM: usize = 16;
/// Neighbours that have no more than this together become one.
const SPARSE: usize = ROOM / 2;

/// A range of indices, and what it holds; 0 is nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot {
    pub first: u64,
    pub last: u64,
    pub entry: u64,
}

impl Slot {
    /// How long a gap it is: the whole tree's length is one short.
    fn gap(self) -> u64 {
        if self.entry == 0 { (self.last - self.first).saturating_add(1) } else { 0 }
    }
}

/// A subtree, and where its first slot begins.
#[derive(Debug, Clone)]
struct Child {
    first: u64,
    gap: u64,
    node: Node,
}

#[derive(Debug, Clone)]
enum Node {
    Leaf(Vec<Slot>),
    Inner(Vec<Child>),
}

/// The child that slots which begin at an index belong to.
fn route(children: &[Child], first: u64) -> usize {
    children.partition_point(|child| child.first <= first).saturating_sub(1)
}

impl Node {
    fn len(&self) -> usize {
        match self {
            Self::Leaf(slots) => slots.len(),
            Self::Inner(children) => children.len(),
        }
    }

    fn gap(&self) -> u64 {
        match self {
            Self::Leaf(slots) => slots.iter().map(|slot| slot.gap()).max(),
            Self::Inner(children) => children.iter().map(|child| child.gap).max(),
        }
        .unwrap_or(0)
    }

    /// Where its first slot begins; nothing does in an empty one.
    fn first(&self) -> u64 {
        match self {
            Self::Leaf(slots) => slots.first().map(|slot| slot.first),
            Self::Inner(children) => children.first().map(|child| child.first),
        }
        .unwrap_or(u64::MAX)
    }

    /// Cuts off the second half if there is too much.
    fn split(&mut self) -> Option<Child> {
        if self.len() <= ROOM {
            return None;
        }
        let half = self.len() / 2;
        let (first, node) = match self {
            Self::Leaf(slots) => (slots.get(half)?.first, Self::Leaf(slots.split_off(half))),
            Self::Inner(children) => (children.get(half)?.first, Self::Inner(children.split_off(half))),
        };
        Some(Child { first, gap: node.gap(), node })
    }

    /// Puts up to three slots in the place of one, the first of them where that begins; what was cut off behind this node.
    fn replace(&mut self, old: Slot, by: [Option<Slot>; 3]) -> Option<Child> {
        match self {
            Self::Leaf(slots) => {
                let at = slots.partition_point(|slot| slot.first < old.first);
                slots.splice(at..=at, by.into_iter().flatten());
            }
            Self::Inner(children) => {
                let at = route(children, old.first);
                let child = children.get_mut(at)?;
                let cut = child.node.replace(old, by);
                let longest = by.into_iter().flatten().map(Slot::gap).max().unwrap_or(0);
                if cut.is_none() && longest >= child.gap {
                    child.gap = longest;
                } else if cut.is_some() || old.gap() >= child.gap {
                    child.gap = child.node.gap();
                }
                if let Some(cut) = cut {
                    children.insert(at + 1, cut);
                }
            }
        }
        self.split()
    }

    /// Takes all slots away that begin in a range; the longest gap among them.
    fn remove(&mut self, from: u64, to: u64) -> u64 {
        match self {
            Self::Leaf(slots) => {
                let end = slots.partition_point(|slot| slot.first <= to);
                let gone = slots.drain(slots.partition_point(|slot| slot.first < from)..end);
                gone.map(Slot::gap).max().unwrap_or(0)
            }
            Self::Inner(children) => {
                let (start, end) = (route(children, from), route(children, to));
                // What lies between goes as a whole.
                let whole = children.drain((start + 1).min(end)..end).map(|child| child.gap).max();
                let mut longest = whole.unwrap_or(0);
                for child in children.iter_mut().skip(start).take(2) {
                    if child.first <= to {
                        let gap = child.node.remove(from, to);
                        child.first = child.node.first();
                        if gap >= child.gap {
                            child.gap = child.node.gap();
                        }
                        longest = longest.max(gap);
                    }
                }
                join(children, start.saturating_sub(1));
                longest
            }
        }
    }

    /// Puts the node's contents behind another one's of the same level.
    fn append_to(self, before: &mut Self) {
        match (before, self) {
            (Self::Leaf(before), Self::Leaf(slots)) => before.extend(slots),
            (Self::Inner(before), Self::Inner(children)) => before.extend(children),
            _ => {}
        }
    }

    fn first_gap(&self, min: u64, max: u64, size: u64) -> Option<u64> {
        match self {
            Self::Leaf(slots) => slots.iter().filter(|slot| slot.entry == 0).find_map(|slot| {
                let (first, last) = (slot.first.max(min), slot.last.min(max));
                (first <= last && last - first >= size - 1).then_some(first)
            }),
            Self::Inner(children) => children[route(children, min)..]
                .iter()
                .take_while(|child| child.first <= max)
                .filter(|child| child.gap >= size)
                .find_map(|child| child.node.first_gap(min, max, size)),
        }
    }

    fn last_gap(&self, max: u64, size: u64) -> Option<Slot> {
        match self {
            Self::Leaf(slots) => slots.iter().rev().copied().find(|slot| {
                slot.entry == 0 && slot.gap() >= size && slot.first <= max && max - slot.first >= size - 1
            }),
            Self::Inner(children) => children[..=route(children, max)]
                .iter()
                .rev()
                .filter(|child| child.gap >= size)
                .find_map(|child| child.node.last_gap(max, size)),
        }
    }
}

/// Drops empty children and joins sparse ones, from a child on as far as one removal reaches.
fn join(children: &mut Vec<Child>, start: usize) {
    let mut at = start;
    for _ in 0..4 {
        match children.get(at..).unwrap_or_default() {
            [child, ..] if child.node.len() == 0 => drop(children.remove(at)),
            [a, b, ..] if a.node.len() + b.node.len() <= SPARSE => {
                let next = children.remove(at + 1);
                if let Some(child) = children.get_mut(at) {
                    next.node.append_to(&mut child.node);
                    child.gap = child.gap.max(next.gap);
                }
            }
            _ => at += 1,
        }
    }
}

/// The slots of a tree.
#[derive(Debug, Clone)]
pub struct Ranges {
    root: Node,
}

impl Ranges {
    /// One gap.
    pub fn new() -> Self {
        Self { root: Node::Leaf(vec![Slot { first: 0, last: u64::MAX, entry: 0 }]) }
    }

    /// Levels of nodes.
    pub fn height(&self) -> u32 {
        let (mut node, mut height) = (&self.root, 1);
        while let Node::Inner(children) = node
            && let Some(child) = children.first()
        {
            (node, height) = (&child.node, height + 1);
        }
        height
    }

    /// The slot that an index lies in.
    pub fn get(&self, index: u64) -> Slot {
        let mut node = &self.root;
        loop {
            match node {
                Node::Inner(children) => node = &children[route(children, index)].node,
                Node::Leaf(slots) => return slots[slots.partition_point(|slot| slot.last < index)],
            }
        }
    }

    /// The slot behind another one.
    pub fn after(&self, slot: Slot) -> Option<Slot> {
        slot.last.checked_add(1).map(|index| self.get(index))
    }

    /// The slot before another one.
    pub fn before(&self, slot: Slot) -> Option<Slot> {
        slot.first.checked_sub(1).map(|index| self.get(index))
    }

    fn replace(&mut self, old: Slot, by: [Option<Slot>; 3]) {
        if let Some(cut) = self.root.replace(old, by) {
            let low = std::mem::replace(&mut self.root, Node::Inner(Vec::with_capacity(ROOM + 1)));
            if let Node::Inner(children) = &mut self.root {
                children.push(Child { first: 0, gap: low.gap(), node: low });
                children.push(cut);
            }
        }
    }

    fn remove(&mut self, from: u64, to: u64) {
        self.root.remove(from, to);
        while let Node::Inner(children) = &mut self.root
            && children.len() <= 1
        {
            self.root = children.pop().map_or_else(|| Node::Leaf(Vec::new()), |child| child.node);
        }
    }

    /// Gives a range an entry, over whatever was there; the slot that it is now: a gap grows together with those beside it.
    pub fn set(&mut self, first: u64, last: u64, entry: u64) -> Slot {
        let (mut left, mut right) = (self.get(first), self.get(last));
        let mut slot = Slot { first, last, entry };
        if entry == 0 {
            if left.first == first && left.entry != 0 {
                left = self.before(left).filter(|before| before.entry == 0).unwrap_or(left);
            }
            if right.last == last && right.entry != 0 {
                right = self.after(right).filter(|after| after.entry == 0).unwrap_or(right);
            }
            slot.first = if left.entry == 0 { left.first } else { first };
            slot.last = if right.entry == 0 { right.last } else { last };
        }
        if slot == left && slot == right {
            return slot;
        }
        if right.first > left.first {
            self.remove(left.first + 1, right.first);
        }
        let before = (left.first < slot.first).then(|| Slot { last: slot.first - 1, ..left });
        let behind = (right.last > slot.last).then(|| Slot { first: slot.last + 1, ..right });
        self.replace(left, [before, Some(slot), behind]);
        slot
    }

    /// Whether nothing but one gap is left.
    pub fn is_empty(&self) -> bool {
        self.get(0) == Slot { first: 0, last: u64::MAX, entry: 0 }
    }

    /// The first place from `min` on where `size` indices up to `max` are free.
    pub fn first_gap(&self, min: u64, max: u64, size: u64) -> Option<u64> {
        self.root.first_gap(min, max, size.max(1))
    }

    /// The last gap of which at least `size` indices lie at `max` and before.
    pub fn last_gap(&self, max: u64, size: u64) -> Option<Slot> {
        self.root.last_gap(max, size.max(1))
    }
}

#[cfg(test)]
#[path = "ranges/tests.rs"]
mod tests;
