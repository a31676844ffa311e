//! What modules call without a state: the `mtree_` and `mt_` functions.

use super::area::{self, Older};
use super::state::{At, State, is_newer};
use super::store::store_range;
use super::tree::{self, Root, Tree, attributes, hands_out, locked, warn_reserved};
use super::{advanced, walk};
use crate::rcu;
use kabi::errno::EINVAL;
use kabi::{Errno, KPtr, KResult, c_int, c_uint, c_ulong, exports, kexport};

exports![
    mtree_load,
    mtree_store,
    mtree_store_range,
    mtree_insert,
    mtree_insert_range,
    mtree_erase,
    mtree_alloc_range,
    mtree_alloc_rrange,
    mtree_alloc_cyclic,
    mtree_dup,
    __mt_dup,
    mtree_destroy,
    __mt_destroy,
    mt_find,
    mt_find_after,
    mt_next,
    mt_prev
];

/// An index for which there is an entry that readers see as none.
const ZERO: u64 = 257 << 2 | 2;
/// The largest internal entry that only the library itself may store.
const RETRY: u64 = 256 << 2 | 2;

fn visible(entry: u64) -> u64 {
    if entry == ZERO { 0 } else { entry }
}

/// What the plain functions may not store.
fn is_advanced(entry: u64) -> bool {
    entry & 3 == 2 && entry <= RETRY
}

/// What nothing may be handed out for.
pub(super) fn is_reserved(entry: u64) -> bool {
    entry & 3 == 2 && entry < 4096
}

/// The entry at an index, or NULL.
#[kexport(since = "6.1", header = "linux/maple_tree.h")]
fn mtree_load(tree: Tree, index: c_ulong) -> KResult<u64> {
    rcu::reading(|| {
        Ok(visible(match tree::root(tree)? {
            Root::Slots(slots) => slots.read().get(index).entry,
            Root::One(entry) if index == 0 => entry,
            _ => 0,
        }))
    })
}

/// Stores an entry for a range of indices, over whatever was there.
///
/// # Errors
/// `EINVAL`: an entry of the library's own, or a range that ends before it begins. `ENOMEM`.
#[kexport(since = "6.1", header = "linux/maple_tree.h")]
fn mtree_store_range(tree: Tree, first: c_ulong, last: c_ulong, entry: u64, _gfp: c_uint) -> KResult<c_int> {
    if is_advanced(entry) {
        warn_reserved("mtree_store_range");
        return Err(EINVAL.into());
    }
    if first > last {
        return Err(EINVAL.into());
    }
    locked(tree, || store_range(tree, first, last, entry)).map(|()| 0)
}

/// [`mtree_store_range`] for one index.
///
/// # Errors
/// As there.
#[kexport(since = "6.1", header = "linux/maple_tree.h")]
fn mtree_store(tree: Tree, index: c_ulong, entry: u64, gfp: c_uint) -> KResult<c_int> {
    mtree_store_range(tree, index, index, entry, gfp)
}

/// Stores an entry for a range of indices in which there is none.
///
/// # Errors
/// `EEXIST`: there is one. `EINVAL`, `ENOMEM`: as [`mtree_store_range`].
#[kexport(since = "6.1", header = "linux/maple_tree.h")]
fn mtree_insert_range(tree: Tree, first: c_ulong, last: c_ulong, entry: u64, _gfp: c_uint) -> KResult<c_int> {
    if is_advanced(entry) {
        warn_reserved("mtree_insert_range");
        return Err(EINVAL.into());
    }
    if first > last {
        return Err(EINVAL.into());
    }
    locked(tree, || State::new(tree, first, last).insert(entry)).map(answer)
}

/// [`mtree_insert_range`] for one index.
///
/// # Errors
/// As there.
#[kexport(since = "6.1", header = "linux/maple_tree.h")]
fn mtree_insert(tree: Tree, index: c_ulong, entry: u64, gfp: c_uint) -> KResult<c_int> {
    mtree_insert_range(tree, index, index, entry, gfp)
}

/// Takes the entry at an index out, with its whole range; the entry.
#[kexport(since = "6.1", header = "linux/maple_tree.h")]
fn mtree_erase(tree: Tree, index: c_ulong) -> KResult<u64> {
    locked(tree, || State::new(tree, index, index).erase())
}

/// 0, or the error as a negative number.
pub(super) fn answer(result: Result<(), Errno>) -> c_int {
    result.map_or_else(|errno| -errno.0, |()| 0)
}

fn alloc(tree: Tree, start: KPtr, entry: u64, size: u64, (min, max): (u64, u64), last: bool) -> KResult<c_int> {
    if !hands_out(tree)? {
        return Err(EINVAL.into());
    }
    if is_reserved(entry) {
        warn_reserved(if last { "mtree_alloc_rrange" } else { "mtree_alloc_range" });
        return Err(EINVAL.into());
    }
    let mut mas = State::new(tree, 0, 0);
    let found = locked(tree, || {
        if is_newer() {
            return Ok(match mas.allocate(entry, min, max, size, last)? {
                Ok(index) => Older::At(index),
                Err(errno) => Older::Number(-errno.0),
            });
        }
        let work = if last { area::older_last } else { area::older_first };
        work(&mut mas, entry, min, max, size)
    })?;
    match found {
        Older::At(index) => start.put(0, index).map(|()| 0),
        Older::Number(number) => Ok(number),
    }
}

/// Stores an entry at the first `size` free indices from `min` to `max`; `*start` is where.
///
/// # Errors
/// `EBUSY`: there is no such gap. `EINVAL`: sizes, or a tree that does not track gaps. `ENOMEM`.
#[kexport(since = "6.1", header = "linux/maple_tree.h")]
fn mtree_alloc_range(
    tree: Tree,
    start: KPtr,
    entry: u64,
    size: c_ulong,
    min: c_ulong,
    max: c_ulong,
    _gfp: c_uint,
) -> KResult<c_int> {
    alloc(tree, start, entry, size, (min, max), false)
}

/// [`mtree_alloc_range`] at the last free indices.
///
/// # Errors
/// As there.
#[kexport(since = "6.1", header = "linux/maple_tree.h")]
fn mtree_alloc_rrange(
    tree: Tree,
    start: KPtr,
    entry: u64,
    size: c_ulong,
    min: c_ulong,
    max: c_ulong,
    _gfp: c_uint,
) -> KResult<c_int> {
    alloc(tree, start, entry, size, (min, max), true)
}

/// Stores an entry at the first free index from `*next` on, or else from `low` on; 1 if it began again. `*start` is the
/// index, `*next` the one behind.
///
/// # Errors
/// `EBUSY`: all are taken. `EINVAL`: a tree that does not track gaps. `ENOMEM`.
#[kexport(since = "6.10", header = "linux/maple_tree.h")]
fn mtree_alloc_cyclic(
    tree: Tree,
    start: KPtr,
    entry: u64,
    low: c_ulong,
    high: c_ulong,
    next: KPtr,
    _gfp: c_uint,
) -> KResult<c_int> {
    if !hands_out(tree)? {
        return Err(EINVAL.into());
    }
    if is_reserved(entry) {
        warn_reserved("mtree_alloc_cyclic");
        return Err(EINVAL.into());
    }
    locked(tree, || advanced::alloc_cyclic(&mut State::new(tree, 0, 0), start, entry, (low, high), next))
}

/// Fills an empty tree with all that another one has, with both locks held.
///
/// # Errors
/// `EINVAL`: it is not empty, or of another kind. `ENOMEM`.
#[kexport(since = "6.7", header = "linux/maple_tree.h")]
fn __mt_dup(tree: Tree, new: Tree, _gfp: c_uint) -> KResult<c_int> {
    if attributes(tree)? != attributes(new)? || !matches!(tree::root(new)?, Root::Empty) {
        return Err(EINVAL.into());
    }
    match tree::root(tree)? {
        Root::Empty => {}
        Root::One(entry) => tree::set_one(new, entry)?,
        Root::Slots(slots) => {
            let copy = slots.read().clone();
            tree::plant(new, copy)?;
        }
    }
    tree::set_flags(new, tree::flags(tree)?).map(|()| 0)
}

/// [`__mt_dup`] that takes the locks.
///
/// # Errors
/// As there.
#[kexport(since = "6.7", header = "linux/maple_tree.h")]
fn mtree_dup(tree: Tree, new: Tree, gfp: c_uint) -> KResult<c_int> {
    locked(new, || locked(tree, || __mt_dup(tree, new, gfp)))
}

/// Empties a tree whose lock is held.
#[kexport(gpl, since = "6.1", header = "linux/maple_tree.h")]
fn __mt_destroy(tree: Tree) -> KResult {
    tree::destroy(tree)
}

/// Empties a tree.
#[kexport(since = "6.1", header = "linux/maple_tree.h")]
fn mtree_destroy(tree: Tree) -> KResult {
    locked(tree, || tree::destroy(tree))
}

/// The entry at `*index` or the next one that begins at `max` or before; `*index` goes behind it.
#[kexport(since = "6.1", header = "linux/maple_tree.h")]
fn mt_find(tree: Tree, index: KPtr, max: c_ulong) -> KResult<u64> {
    let first: u64 = index.get(0)?;
    if first > max {
        return Ok(0);
    }
    let mut mas = State::new(tree, first, first);
    rcu::reading(|| {
        let mut entry = visible(mas.descend()?);
        while entry == 0 && mas.at == At::Slot {
            let (Some(slot), _) = mas.beyond(true)? else { break };
            if slot.first > max {
                break;
            }
            mas.stand(slot);
            entry = visible(slot.entry);
        }
        if entry != 0 {
            index.put(0, mas.last.wrapping_add(1))?;
        }
        Ok(entry)
    })
}

/// [`mt_find`], which finds nothing once the index has gone round to 0.
#[kexport(since = "6.1", header = "linux/maple_tree.h")]
fn mt_find_after(tree: Tree, index: KPtr, max: c_ulong) -> KResult<u64> {
    if index.get::<u64>(0)? == 0 { Ok(0) } else { mt_find(tree, index, max) }
}

/// The entry behind the one at an index that begins at `max` or before.
#[kexport(gpl, since = "6.1", header = "linux/maple_tree.h")]
fn mt_next(tree: Tree, index: c_ulong, max: c_ulong) -> KResult<u64> {
    rcu::reading(|| walk::next(&mut State::new(tree, index, index), max, false))
}

/// The entry before the one at an index that ends at `min` or behind.
#[kexport(gpl, since = "6.1", header = "linux/maple_tree.h")]
fn mt_prev(tree: Tree, index: c_ulong, min: c_ulong) -> KResult<u64> {
    rcu::reading(|| walk::prev(&mut State::new(tree, index, index), min, false))
}
