//! What modules call with a state: the `mas_` functions. Their callers hold the tree's lock, or read under RCU.

use super::simple::answer;
use super::state::{At, MaState, State};
use super::tree::{self, WRAPPED};
use super::walk;
use kabi::{Field, KPtr, KResult, c_int, c_uint, c_ulong, exports, kexport};

exports![
    mas_walk,
    mas_store,
    mas_store_gfp,
    mas_store_prealloc,
    mas_preallocate,
    mas_expected_entries,
    mas_destroy,
    mas_erase,
    mas_find,
    mas_find_range,
    mas_find_rev,
    mas_find_range_rev,
    mas_next,
    mas_next_range,
    mas_prev,
    mas_prev_range,
    mas_pause,
    mas_empty_area,
    mas_empty_area_rev,
    mas_alloc_cyclic
];

static FLAGS: Field = Field::new("ma_state", "mas_flags");

/// Bits of a state's flags: many entries are to come, the last node is to be looked after, nodes are there.
const BULK: u8 = 1;
const REBALANCE: u8 = 2;
const PREALLOC: u8 = 4;

/// Works with a module's state and puts it back.
fn with<R>(state: KPtr<MaState>, work: impl FnOnce(&mut State) -> KResult<R>) -> KResult<R> {
    let mut mas = State::load(state)?;
    let result = work(&mut mas);
    mas.save(state)?;
    result
}

fn set_flags(state: KPtr<MaState>, off: u8, on: u8) -> KResult {
    FLAGS.put(state, FLAGS.get::<u8, _>(state)? & !off | on)
}

/// Goes to the state's index, and makes its range the one that lies there; the entry.
#[kexport(gpl, since = "6.1", header = "linux/maple_tree.h")]
fn mas_walk(state: KPtr<MaState>) -> KResult<u64> {
    with(state, walk::walk)
}

/// Stores an entry for the state's range; what was at its start.
#[kexport(gpl, since = "6.1", header = "linux/maple_tree.h")]
fn mas_store(state: KPtr<MaState>, entry: u64) -> KResult<u64> {
    with(state, |mas| mas.store(entry))
}

/// Stores an entry for the state's range.
///
/// # Errors
/// `ENOMEM`.
#[kexport(gpl, since = "6.1", header = "linux/maple_tree.h")]
fn mas_store_gfp(state: KPtr<MaState>, entry: u64, _gfp: c_uint) -> KResult<c_int> {
    with(state, |mas| mas.store(entry)).map(|_| 0)
}

/// Stores an entry with the memory that [`mas_preallocate`] took.
#[kexport(gpl, since = "6.1", header = "linux/maple_tree.h")]
fn mas_store_prealloc(state: KPtr<MaState>, entry: u64) -> KResult {
    with(state, |mas| mas.store(entry))?;
    mas_destroy(state)
}

/// Takes the memory that a store of the state's range needs.
#[kexport(gpl, since = "6.5", header = "linux/maple_tree.h")]
fn mas_preallocate(state: KPtr<MaState>, _entry: u64, _gfp: c_uint) -> KResult<c_int> {
    set_flags(state, 0, PREALLOC).map(|()| 0)
}

/// Takes the memory that so many entries need.
#[kexport(gpl, since = "6.1", header = "linux/maple_tree.h")]
fn mas_expected_entries(state: KPtr<MaState>, _entries: c_ulong) -> KResult<c_int> {
    set_flags(state, 0, BULK | PREALLOC).map(|()| 0)
}

/// Gives the memory back that a state still has.
#[kexport(gpl, since = "6.1", header = "linux/maple_tree.h")]
fn mas_destroy(state: KPtr<MaState>) -> KResult {
    set_flags(state, BULK | REBALANCE | PREALLOC, 0)
}

/// Takes the entry at the state's index out, with its whole range; the entry.
#[kexport(gpl, since = "6.1", header = "linux/maple_tree.h")]
fn mas_erase(state: KPtr<MaState>) -> KResult<u64> {
    with(state, State::erase)
}

/// The entry at the index or the next one that begins at `max` or before; called again, the one behind.
#[kexport(gpl, since = "6.1", header = "linux/maple_tree.h")]
fn mas_find(state: KPtr<MaState>, max: c_ulong) -> KResult<u64> {
    with(state, |mas| walk::find(mas, max))
}

/// [`mas_find`] that stops at gaps behind the first one, too.
#[kexport(gpl, since = "6.5", header = "linux/maple_tree.h")]
fn mas_find_range(state: KPtr<MaState>, max: c_ulong) -> KResult<u64> {
    with(state, |mas| walk::find_range(mas, max))
}

/// The entry at the index or the one before that ends at `min` or behind; called again, the one before that.
#[kexport(gpl, since = "6.1", header = "linux/maple_tree.h")]
fn mas_find_rev(state: KPtr<MaState>, min: c_ulong) -> KResult<u64> {
    with(state, |mas| walk::find_rev(mas, min, false))
}

/// [`mas_find_rev`] that stops at gaps behind the first one, too.
#[kexport(gpl, since = "6.5", header = "linux/maple_tree.h")]
fn mas_find_range_rev(state: KPtr<MaState>, min: c_ulong) -> KResult<u64> {
    with(state, |mas| walk::find_rev(mas, min, true))
}

/// The next entry that begins at `max` or before.
#[kexport(gpl, since = "6.1", header = "linux/maple_tree.h")]
fn mas_next(state: KPtr<MaState>, max: c_ulong) -> KResult<u64> {
    with(state, |mas| walk::next(mas, max, false))
}

/// The next range, which may be a gap.
#[kexport(gpl, since = "6.5", header = "linux/maple_tree.h")]
fn mas_next_range(state: KPtr<MaState>, max: c_ulong) -> KResult<u64> {
    with(state, |mas| walk::next(mas, max, true))
}

/// The entry before that ends at `min` or behind.
#[kexport(gpl, since = "6.1", header = "linux/maple_tree.h")]
fn mas_prev(state: KPtr<MaState>, min: c_ulong) -> KResult<u64> {
    with(state, |mas| walk::prev(mas, min, false))
}

/// The range before, which may be a gap.
#[kexport(gpl, since = "6.5", header = "linux/maple_tree.h")]
fn mas_prev_range(state: KPtr<MaState>, min: c_ulong) -> KResult<u64> {
    with(state, |mas| walk::prev(mas, min, true))
}

/// Lets the lock go: the walk will begin again behind its range.
#[kexport(gpl, since = "6.1", header = "linux/maple_tree.h")]
fn mas_pause(state: KPtr<MaState>) -> KResult {
    with(state, |mas| {
        mas.at = At::Pause;
        Ok(())
    })
}

/// Makes the state's range the first `size` free indices of a window.
///
/// # Errors
/// `EBUSY`: there are none. `EINVAL`: sizes.
#[kexport(gpl, since = "6.1", header = "linux/maple_tree.h")]
fn mas_empty_area(state: KPtr<MaState>, min: c_ulong, max: c_ulong, size: c_ulong) -> KResult<c_int> {
    with(state, |mas| mas.empty_area(min, max, size, false)).map(answer)
}

/// Makes the state's range the last `size` free indices of a window.
///
/// # Errors
/// As [`mas_empty_area`].
#[kexport(gpl, since = "6.1", header = "linux/maple_tree.h")]
fn mas_empty_area_rev(state: KPtr<MaState>, min: c_ulong, max: c_ulong, size: c_ulong) -> KResult<c_int> {
    with(state, |mas| mas.empty_area(min, max, size, true)).map(answer)
}

/// What [`mas_alloc_cyclic`] does.
pub(super) fn alloc_cyclic(
    mas: &mut State,
    start: KPtr,
    entry: u64,
    (low, high): (u64, u64),
    next: KPtr,
) -> KResult<c_int> {
    let from = low.max(next.get(0)?);
    let mut result = mas.allocate(entry, from, high, 1, false)?;
    let mut wrapped = false;
    if result.is_err() && from > low {
        mas.at = At::Start;
        (result, wrapped) = (mas.allocate(entry, low, high, 1, false)?, true);
    }
    let index = match result {
        Ok(index) => index,
        Err(errno) => return Ok(-errno.0),
    };
    let flags = tree::flags(mas.tree)?;
    if flags & WRAPPED != 0 && !wrapped {
        tree::set_flags(mas.tree, flags & !WRAPPED)?;
        wrapped = true;
    }
    start.put(0, index)?;
    next.put(0, index.wrapping_add(1))?;
    if index == u64::MAX {
        tree::set_flags(mas.tree, tree::flags(mas.tree)? | WRAPPED)?;
    }
    Ok(wrapped.into())
}

/// Stores an entry at the first free index from `*next` on, or else from `low` on; 1 if it began again. `*start` is the
/// index, `*next` the one behind.
///
/// # Errors
/// `EBUSY`: all are taken. `ENOMEM`.
#[kexport(since = "6.10", header = "linux/maple_tree.h")]
fn mas_alloc_cyclic(
    state: KPtr<MaState>,
    start: KPtr,
    entry: u64,
    low: c_ulong,
    high: c_ulong,
    next: KPtr,
    _gfp: c_uint,
) -> KResult<c_int> {
    let result = with(state, |mas| alloc_cyclic(mas, start, entry, (low, high), next))?;
    mas_destroy(state)?;
    Ok(result)
}
