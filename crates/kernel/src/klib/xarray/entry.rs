//! What a slot holds: nothing, a pointer, a number (lowest bit set), or something internal (lowest bits 10): a node, the
//! place where a sibling's entry stands, a reserved slot, or the sign to start again.

use super::node::{Node, SLOTS};
use kabi::Errno;

/// A slot's contents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::klib) struct Entry(pub u64);

/// Internal numbers below this one are siblings.
const SIBLINGS: u64 = SLOTS as u64 - 1;
/// Internal entries above this one are nodes' addresses.
const SMALLEST_NODE: u64 = 4096;

impl Entry {
    /// Nothing.
    pub const NULL: Self = Self(0);
    /// The slot's node was taken away: start again.
    pub const RETRY: Self = Self::internal(256);
    /// A reserved slot, which readers see as empty.
    pub const ZERO: Self = Self::internal(257);

    const fn internal(number: u64) -> Self {
        Self(number << 2 | 2)
    }

    /// An error as an entry.
    pub fn error(errno: Errno) -> Self {
        Self((-i64::from(errno.0) as u64) << 2 | 2)
    }

    pub fn sibling(of: u8) -> Self {
        Self::internal(of.into())
    }

    pub fn of_node(node: Node) -> Self {
        Self(node.addr() | 2)
    }

    pub fn is_null(self) -> bool {
        self.0 == 0
    }

    pub fn is_value(self) -> bool {
        self.0 & 1 != 0
    }

    pub fn is_internal(self) -> bool {
        self.0 & 3 == 2
    }

    /// Internal, and not what the plain functions may store.
    pub fn is_advanced(self) -> bool {
        self.is_internal() && self.0 <= Self::RETRY.0
    }

    pub fn is_zero(self) -> bool {
        self == Self::ZERO
    }

    pub fn as_sibling(self) -> Option<u8> {
        (self.is_internal() && self.0 >> 2 < SIBLINGS).then_some((self.0 >> 2) as u8)
    }

    pub fn as_node(self) -> Option<Node> {
        let is_error = self.0 as i64 >= -(4095i64 << 2) && (self.0 as i64) < 0;
        (self.is_internal() && self.0 > SMALLEST_NODE && !is_error).then(|| Node::new(self.0 - 2))
    }

    /// What a plain read gives: reserved slots look empty.
    pub fn visible(self) -> Self {
        if self.is_zero() { Self::NULL } else { self }
    }
}

#[test]
fn kinds_exclude_each_other() {
    let node = Entry(0x7f00_0000_1000 | 2);
    assert!(node.as_node().is_some() && node.as_sibling().is_none() && !node.is_advanced());
    assert_eq!(Entry::sibling(62).as_sibling(), Some(62));
    assert!(Entry::RETRY.as_sibling().is_none() && Entry::RETRY.as_node().is_none() && Entry::RETRY.is_advanced());
    assert!(Entry::ZERO.is_zero() && !Entry::ZERO.is_advanced());
    assert!(Entry(7).is_value() && !Entry(7).is_internal());
    assert!(Entry::error(kabi::errno::ENOMEM).as_node().is_none());
}
