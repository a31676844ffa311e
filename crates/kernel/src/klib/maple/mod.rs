//! The maple tree: entries for ranges of indices, and a search for gaps. Counterpart: lib/maple_tree.c, include/linux/maple_tree.h.
//!
//! Of `struct maple_tree` and `struct ma_state` modules read and write members by inline code, so these lie as theirs do;
//! nodes are nobody else's business. The tree's root is NULL, the entry of index 0 if that is all there is, or leads to a
//! small block of memory, by whose address lkm finds the slots (`ranges`), a B-tree of its own. A file each: `ranges`,
//! `tree` (the module's structure), `state` (where a walk stands), `walk` and `older` (how it moves on: it is told
//! differently since 6.8), `store`, `area` (gaps), `simple` and `advanced` (what modules call).
//!
//! DIFFERS: nodes are not allocated beforehand, and a store never fails for want of them.

pub(crate) mod advanced;
mod area;
mod older;
mod ranges;
pub(crate) mod simple;
mod state;
mod store;
mod tree;
mod walk;
