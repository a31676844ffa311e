//! The XArray: a sparse array of pointers and numbers with marks. Counterpart: lib/xarray.c, include/linux/xarray.h.
//!
//! Modules walk it by inline code too, so entries, nodes (`struct xa_node`) and the state of a walk (`struct xa_state`) are
//! laid out as theirs; offsets are the profile's. A file each: `entry` (what a slot can hold), `node`, `cursor` (the state
//! of a walk, how it finds and makes its place), `store`, `find`, `split`, `state` and `api` (what modules call).
//! idr, ida and the radix tree are built on it, as in Linux.

pub(crate) mod api;
mod cursor;
mod entry;
mod find;
mod node;
mod split;
pub(crate) mod state;
mod store;

pub(super) use cursor::{At, Cursor};
pub(super) use entry::Entry;
pub(super) use node::{FREE, Xarray, mark_flag, reserve_irq, set_head};
