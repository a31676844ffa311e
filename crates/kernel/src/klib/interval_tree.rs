//! Intervals by where they begin, each node with the greatest end below it. Counterpart: lib/interval_tree.c,
//! include/linux/interval_tree_generic.h.

use super::rbtree::{self, Augment, Node, RbNode, Root, Side, child, parent, top};
use kabi::{KPtr, KResult, c_ulong, exports, kexport};

exports![interval_tree_insert, interval_tree_remove, interval_tree_iter_first, interval_tree_iter_next];

/// `struct rb_root_cached`: the topmost node, then the leftmost one.
#[derive(Debug)]
pub struct RootCached;

type Cached = KPtr<RootCached>;

/// Members of `struct interval_tree_node` behind its `rb_node`.
const START: u64 = 24;
const LAST: u64 = 32;
const GREATEST: u64 = 40;

fn root_of(root: Cached) -> Root {
    root.cast()
}

fn greatest_below(node: Node, side: Side) -> KResult<u64> {
    let below = child(node, side)?;
    if below.is_null() { Ok(0) } else { below.get(GREATEST) }
}

fn greatest(node: Node) -> KResult<u64> {
    Ok(node.get::<u64>(LAST)?.max(greatest_below(node, Side::Left)?).max(greatest_below(node, Side::Right)?))
}

/// Keeps the greatest ends.
struct Greatest;

impl Augment for Greatest {
    fn propagate(&self, mut node: Node, stop: Node) -> KResult {
        while !node.is_null() && node != stop {
            let value = greatest(node)?;
            if node.get::<u64>(GREATEST)? == value {
                break;
            }
            node.put(GREATEST, value)?;
            node = parent(node)?;
        }
        Ok(())
    }

    fn copy(&self, old: Node, new: Node) -> KResult {
        new.put(GREATEST, old.get::<u64>(GREATEST)?)
    }

    fn rotate(&self, old: Node, new: Node) -> KResult {
        new.put(GREATEST, old.get::<u64>(GREATEST)?)?;
        old.put(GREATEST, greatest(old)?)
    }
}

/// Adds a node, whose first and last number are set, to a tree.
#[kexport(gpl, since = "3.7", header = "linux/interval_tree.h")]
fn interval_tree_insert(node: Node, root: Cached) -> KResult {
    let (start, last): (u64, u64) = (node.get(START)?, node.get(LAST)?);
    let (mut above, mut side, mut leftmost) = (Node::NULL, Side::Left, true);
    let mut at = top(root_of(root))?;
    while !at.is_null() {
        above = at;
        if at.get::<u64>(GREATEST)? < last {
            at.put(GREATEST, last)?;
        }
        side = if start < at.get::<u64>(START)? { Side::Left } else { Side::Right };
        leftmost &= side == Side::Left;
        at = child(at, side)?;
    }
    node.put(GREATEST, last)?;
    node.put(0, above.addr())?;
    node.put(Side::Left as u64, 0u64)?;
    node.put(Side::Right as u64, 0u64)?;
    if above.is_null() {
        root.put(0, node.addr())?
    } else {
        above.put(side as u64, node.addr())?
    };
    if leftmost {
        root.put(8, node.addr())?;
    }
    rbtree::balance(root_of(root), node, &Greatest)
}

/// Takes a node out of a tree.
#[kexport(gpl, since = "3.7", header = "linux/interval_tree.h")]
fn interval_tree_remove(node: Node, root: Cached) -> KResult {
    if root.get::<u64>(8)? == node.addr() {
        root.put(8, rbtree::after(node)?.addr())?;
    }
    rbtree::erase(root_of(root), node, &Greatest)
}

/// The leftmost node of a subtree that has a number in common with start to last; the subtree's greatest end is known to
/// reach `start`.
fn search(mut node: Node, start: u64, last: u64) -> KResult<Node> {
    loop {
        let left = child(node, Side::Left)?;
        if !left.is_null() && start <= left.get(GREATEST)? {
            node = left;
            continue;
        }
        if node.get::<u64>(START)? > last {
            return Ok(Node::NULL);
        }
        if start <= node.get(LAST)? {
            return Ok(node);
        }
        let right = child(node, Side::Right)?;
        if right.is_null() || start > right.get(GREATEST)? {
            return Ok(Node::NULL);
        }
        node = right;
    }
}

/// The first node that has a number in common with start to last, or NULL.
#[kexport(gpl, since = "3.7", header = "linux/interval_tree.h")]
fn interval_tree_iter_first(root: Cached, start: c_ulong, last: c_ulong) -> KResult<KPtr<RbNode>> {
    let node = top(root_of(root))?;
    if node.is_null() || node.get::<u64>(GREATEST)? < start {
        return Ok(Node::NULL);
    }
    search(node, start, last)
}

/// The next node that has a number in common with start to last, or NULL.
#[kexport(gpl, since = "3.7", header = "linux/interval_tree.h")]
fn interval_tree_iter_next(node: Node, start: c_ulong, last: c_ulong) -> KResult<KPtr<RbNode>> {
    let mut node = node;
    let mut right = child(node, Side::Right)?;
    loop {
        if !right.is_null() && start <= right.get(GREATEST)? {
            return search(right, start, last);
        }
        // Up, until one comes from the left.
        loop {
            let above = parent(node)?;
            if above.is_null() {
                return Ok(Node::NULL);
            }
            let from = node;
            node = above;
            right = child(node, Side::Right)?;
            if right != from {
                break;
            }
        }
        if last < node.get(START)? {
            return Ok(Node::NULL);
        }
        if start <= node.get(LAST)? {
            return Ok(node);
        }
    }
}

#[test]
fn searches_find_all_that_overlap() {
    let spans: Vec<(u64, u64)> = (0..60).map(|i| (i * 37 % 101, i * 37 % 101 + i % 13)).collect();
    let nodes: Vec<[u64; 6]> = spans.iter().map(|(start, last)| [0, 0, 0, *start, *last, 0]).collect();
    let root = [0u64; 2];
    let cached = Cached::new(root.as_ptr() as u64);
    let node = |i: usize| Node::new(nodes[i].as_ptr() as u64);
    let found = |start, last| {
        let mut out = Vec::new();
        let mut at = interval_tree_iter_first(cached, start, last).unwrap();
        while !at.is_null() {
            out.push((at.get::<u64>(START).unwrap(), at.get::<u64>(LAST).unwrap()));
            at = interval_tree_iter_next(at, start, last).unwrap();
        }
        out.sort_unstable();
        out
    };
    let wanted = |spans: &[(u64, u64)], start, last| {
        let mut out: Vec<_> = spans.iter().copied().filter(|(s, l)| *s <= last && start <= *l).collect();
        out.sort_unstable();
        out
    };
    (0..60).for_each(|i| interval_tree_insert(node(i), cached).unwrap());
    for start in (0..110).step_by(7) {
        assert_eq!(found(start, start + 9), wanted(&spans, start, start + 9));
    }
    (0..30).for_each(|i| interval_tree_remove(node(i), cached).unwrap());
    for start in (0..110).step_by(7) {
        assert_eq!(found(start, start + 3), wanted(&spans[30..], start, start + 3));
    }
}
