//! Red-black trees whose nodes lie in the modules' own structures. Counterpart: lib/rbtree.c, include/linux/rbtree.h,
//! include/linux/rbtree_augmented.h.
//!
//! Modules link and search by inline code, so a node is what theirs is: the parent's address with the colour in its
//! lowest bit (1 is black), right child, left child. Rebalancing and removal follow the textbook; an augmented tree's
//! callbacks are called where a subtree changes.

use kabi::{KPtr, KResult, exports, kexport};

exports![
    rb_insert_color,
    rb_erase,
    rb_first,
    rb_last,
    rb_next,
    rb_prev,
    rb_replace_node,
    rb_replace_node_rcu,
    rb_first_postorder,
    rb_next_postorder,
    __rb_insert_augmented,
    __rb_erase_color
];

/// `struct rb_node`.
#[derive(Debug)]
pub struct RbNode;
/// `struct rb_root`: the topmost node's address.
#[derive(Debug)]
pub struct RbRoot;

pub(super) type Node = KPtr<RbNode>;
pub(super) type Root = KPtr<RbRoot>;

const BLACK: u64 = 1;

/// A side of a node, as the offset of the child there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Right = 8,
    Left = 16,
}

use Side::{Left, Right};

impl Side {
    fn other(self) -> Self {
        if self == Left { Right } else { Left }
    }
}

pub(super) fn parent(node: Node) -> KResult<Node> {
    Ok(Node::new(node.get::<u64>(0)? & !3))
}

fn is_black(node: Node) -> KResult<bool> {
    Ok(node.is_null() || node.get::<u64>(0)? & BLACK != 0)
}

pub(super) fn child(node: Node, side: Side) -> KResult<Node> {
    node.get(side as u64).map(Node::new)
}

fn set_child(node: Node, side: Side, child: Node) -> KResult {
    node.put(side as u64, child.addr())
}

fn set_parent(node: Node, parent: Node) -> KResult {
    let colour = node.get::<u64>(0)? & BLACK;
    node.put(0, parent.addr() | colour)
}

fn set_black(node: Node, black: bool) -> KResult {
    let parent = node.get::<u64>(0)? & !BLACK;
    node.put(0, parent | u64::from(black))
}

pub(super) fn top(root: Root) -> KResult<Node> {
    root.get(0).map(Node::new)
}

/// Puts `new` where `old` hangs below `parent`.
fn change_child(root: Root, parent: Node, old: Node, new: Node) -> KResult {
    if parent.is_null() {
        return root.put(0, new.addr());
    }
    set_child(parent, if child(parent, Left)? == old { Left } else { Right }, new)
}

/// What an augmented tree keeps in its nodes up to date (`struct rb_augment_callbacks`).
pub(super) trait Augment {
    /// The node's subtree changed, and so did those above it, up to `stop`.
    fn propagate(&self, node: Node, stop: Node) -> KResult;
    /// `new` takes the place of `old`.
    fn copy(&self, old: Node, new: Node) -> KResult;
    /// `new` is now above `old`, which was above it.
    fn rotate(&self, old: Node, new: Node) -> KResult;
}

/// A tree that keeps nothing.
pub(super) struct Plain;

impl Augment for Plain {
    fn propagate(&self, _: Node, _: Node) -> KResult {
        Ok(())
    }
    fn copy(&self, _: Node, _: Node) -> KResult {
        Ok(())
    }
    fn rotate(&self, _: Node, _: Node) -> KResult {
        Ok(())
    }
}

/// A module's own function for rotations; the other callbacks are inlined in the module.
struct Rotation(u64);

impl Augment for Rotation {
    fn propagate(&self, _: Node, _: Node) -> KResult {
        Ok(())
    }
    fn copy(&self, _: Node, _: Node) -> KResult {
        Ok(())
    }
    fn rotate(&self, old: Node, new: Node) -> KResult {
        kabi::call(self.0, &[old.addr(), new.addr()]).map(|_| ())
    }
}

/// Turns the subtree at `node` towards `side`: its child on the other side takes its place.
fn rotate(root: Root, node: Node, side: Side, augment: &dyn Augment) -> KResult<Node> {
    let up = child(node, side.other())?;
    let inner = child(up, side)?;
    let above = parent(node)?;
    set_child(node, side.other(), inner)?;
    if !inner.is_null() {
        set_parent(inner, node)?;
    }
    set_parent(up, above)?;
    set_child(up, side, node)?;
    change_child(root, above, node, up)?;
    set_parent(node, up)?;
    augment.rotate(node, up)?;
    Ok(up)
}

/// Rebalances after `node` was linked as a red leaf.
pub(super) fn balance(root: Root, mut node: Node, augment: &dyn Augment) -> KResult {
    loop {
        let above = parent(node)?;
        if above.is_null() {
            return set_black(node, true);
        }
        if is_black(above)? {
            return Ok(());
        }
        // A red node has a parent, as the topmost one is black.
        let grand = parent(above)?;
        let side = if child(grand, Left)? == above { Left } else { Right };
        let uncle = child(grand, side.other())?;
        if !is_black(uncle)? {
            set_black(above, true)?;
            set_black(uncle, true)?;
            set_black(grand, false)?;
            node = grand;
            continue;
        }
        if child(above, side.other())? == node {
            rotate(root, above, side, augment)?;
        }
        let up = rotate(root, grand, side.other(), augment)?;
        set_black(up, true)?;
        return set_black(grand, false);
    }
}

/// Rebalances where the subtree on one side of `above`, whose topmost node is `node` or nothing, lost a black node.
fn rebalance(root: Root, mut above: Node, augment: &dyn Augment) -> KResult {
    let mut node = Node::NULL;
    while !above.is_null() && is_black(node)? {
        let side = if child(above, Left)? == node { Left } else { Right };
        let mut sibling = child(above, side.other())?;
        if !is_black(sibling)? {
            set_black(sibling, true)?;
            set_black(above, false)?;
            rotate(root, above, side, augment)?;
            sibling = child(above, side.other())?;
        }
        let (near, far) = (child(sibling, side)?, child(sibling, side.other())?);
        if is_black(near)? && is_black(far)? {
            set_black(sibling, false)?;
            (node, above) = (above, parent(above)?);
            continue;
        }
        if is_black(far)? {
            set_black(near, true)?;
            set_black(sibling, false)?;
            sibling = rotate(root, sibling, side.other(), augment)?;
        }
        set_black(sibling, is_black(above)?)?;
        set_black(above, true)?;
        set_black(child(sibling, side.other())?, true)?;
        rotate(root, above, side, augment)?;
        return Ok(());
    }
    if !node.is_null() {
        set_black(node, true)?;
    }
    Ok(())
}

/// Takes `node` out; returns the node below which a black one is missing, if one is.
fn unlink(root: Root, node: Node, augment: &dyn Augment) -> KResult<Option<Node>> {
    let (left, right, above) = (child(node, Left)?, child(node, Right)?, parent(node)?);
    if left.is_null() || right.is_null() {
        let only = if left.is_null() { right } else { left };
        change_child(root, above, node, only)?;
        let missing = if only.is_null() {
            is_black(node)?.then_some(above)
        } else {
            // An only child is red, and its parent black.
            only.put(0, node.get::<u64>(0)?)?;
            None
        };
        augment.propagate(above, Node::NULL)?;
        return Ok(missing);
    }
    let mut successor = right;
    while let below = child(successor, Left)?
        && !below.is_null()
    {
        successor = below;
    }
    let tail = child(successor, Right)?;
    let black = is_black(successor)?;
    let (from, stop) = if successor == right {
        augment.copy(node, successor)?;
        (successor, successor)
    } else {
        let from = parent(successor)?;
        set_child(from, Left, tail)?;
        set_child(successor, Right, right)?;
        set_parent(right, successor)?;
        augment.copy(node, successor)?;
        augment.propagate(from, successor)?;
        (from, successor)
    };
    set_child(successor, Left, left)?;
    set_parent(left, successor)?;
    change_child(root, above, node, successor)?;
    successor.put(0, node.get::<u64>(0)?)?;
    let missing = if tail.is_null() {
        black.then_some(from)
    } else {
        tail.put(0, from.addr() | BLACK)?;
        None
    };
    augment.propagate(stop, Node::NULL)?;
    Ok(missing)
}

/// Takes a node out and rebalances.
pub(super) fn erase(root: Root, node: Node, augment: &dyn Augment) -> KResult {
    match unlink(root, node, augment)? {
        Some(above) if !above.is_null() => rebalance(root, above, augment),
        _ => Ok(()),
    }
}

fn outermost(root: Root, side: Side) -> KResult<Node> {
    let mut node = top(root)?;
    while !node.is_null() {
        match child(node, side)? {
            below if below.is_null() => break,
            below => node = below,
        }
    }
    Ok(node)
}

/// True for a node that `RB_CLEAR_NODE` made: it is in no tree.
fn is_cleared(node: Node) -> KResult<bool> {
    Ok(node.get::<u64>(0)? == node.addr())
}

fn beside(node: Node, side: Side) -> KResult<Node> {
    if is_cleared(node)? {
        return Ok(Node::NULL);
    }
    let mut below = child(node, side)?;
    if !below.is_null() {
        while let further = child(below, side.other())?
            && !further.is_null()
        {
            below = further;
        }
        return Ok(below);
    }
    let mut node = node;
    loop {
        let above = parent(node)?;
        if above.is_null() || child(above, side)? != node {
            return Ok(above);
        }
        node = above;
    }
}

/// The next node in order.
pub(super) fn after(node: Node) -> KResult<Node> {
    beside(node, Right)
}

/// Rebalances a tree after a node was linked into it.
#[kexport(since = "2.6.0", header = "linux/rbtree.h")]
fn rb_insert_color(node: Node, root: Root) -> KResult {
    balance(root, node, &Plain)
}

/// [`rb_insert_color`] of an augmented tree, with its function for rotations.
#[kexport(since = "3.7", header = "linux/rbtree_augmented.h")]
fn __rb_insert_augmented(node: Node, root: Root, rotate: KPtr) -> KResult {
    balance(root, node, &Rotation(rotate.addr()))
}

/// Takes a node out of a tree.
#[kexport(since = "2.6.0", header = "linux/rbtree.h")]
fn rb_erase(node: Node, root: Root) -> KResult {
    erase(root, node, &Plain)
}

/// Rebalances an augmented tree where a black node is missing below `above`.
#[kexport(since = "3.7", header = "linux/rbtree_augmented.h")]
fn __rb_erase_color(above: Node, root: Root, rotate: KPtr) -> KResult {
    rebalance(root, above, &Rotation(rotate.addr()))
}

/// The first node in order, or NULL.
#[kexport(since = "2.6.0", header = "linux/rbtree.h")]
fn rb_first(root: Root) -> KResult<Node> {
    outermost(root, Left)
}

/// The last node in order, or NULL.
#[kexport(since = "2.6.0", header = "linux/rbtree.h")]
fn rb_last(root: Root) -> KResult<Node> {
    outermost(root, Right)
}

/// The next node in order, or NULL.
#[kexport(since = "2.6.0", header = "linux/rbtree.h")]
fn rb_next(node: Node) -> KResult<Node> {
    after(node)
}

/// The node before in order, or NULL.
#[kexport(since = "2.6.0", header = "linux/rbtree.h")]
fn rb_prev(node: Node) -> KResult<Node> {
    beside(node, Left)
}

/// Puts `new` in the place of `old`, which must be equal in order.
#[kexport(since = "2.6.18", header = "linux/rbtree.h")]
fn rb_replace_node(old: Node, new: Node, root: Root) -> KResult {
    let above = parent(old)?;
    for offset in [0, 8, 16] {
        new.put(offset, old.get::<u64>(offset)?)?;
    }
    for side in [Left, Right] {
        let below = child(old, side)?;
        if !below.is_null() {
            set_parent(below, new)?;
        }
    }
    change_child(root, above, old, new)
}

/// [`rb_replace_node`] while others read: whoever finds the new node finds it complete.
#[kexport(since = "4.6", header = "linux/rbtree.h")]
fn rb_replace_node_rcu(old: Node, new: Node, root: Root) -> KResult {
    rb_replace_node(old, new, root)
}

fn deepest(mut node: Node) -> KResult<Node> {
    loop {
        let (left, right) = (child(node, Left)?, child(node, Right)?);
        match (left.is_null(), right.is_null()) {
            (false, _) => node = left,
            (true, false) => node = right,
            _ => return Ok(node),
        }
    }
}

/// The first node of a walk that comes to children before their parents.
#[kexport(since = "3.12", header = "linux/rbtree.h")]
fn rb_first_postorder(root: Root) -> KResult<Node> {
    let top = top(root)?;
    if top.is_null() { Ok(top) } else { deepest(top) }
}

/// The next node of that walk, or NULL.
#[kexport(since = "3.12", header = "linux/rbtree.h")]
fn rb_next_postorder(node: Node) -> KResult<Node> {
    if node.is_null() {
        return Ok(node);
    }
    let above = parent(node)?;
    if above.is_null() || child(above, Left)? != node {
        return Ok(above);
    }
    let right = child(above, Right)?;
    if right.is_null() { Ok(above) } else { deepest(right) }
}

#[cfg(test)]
mod tests;
