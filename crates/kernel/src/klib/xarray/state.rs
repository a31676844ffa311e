//! What modules call with a walk's state. Counterpart: the `xas_` functions of lib/xarray.c.

use super::cursor::{Cursor, XaState};
use super::entry::Entry;
use super::node::{Node, XaNode};
use kabi::{KPtr, KResult, c_int, c_uint, c_ulong, exports, kexport};

exports![
    xas_load,
    xas_nomem,
    xas_create_range,
    xas_store,
    xas_get_mark,
    xas_set_mark,
    xas_clear_mark,
    xas_init_marks,
    xas_split_alloc,
    xas_split,
    xas_pause,
    __xas_prev,
    __xas_next,
    xas_find,
    xas_find_marked,
    xas_find_conflict,
    xas_get_order,
    xa_delete_node
];

type State = KPtr<XaState>;

/// Works with a module's walk and puts it back.
fn with<R>(state: State, work: impl FnOnce(&mut Cursor) -> KResult<R>) -> KResult<R> {
    let mut cursor = Cursor::load_state(state)?;
    let result = work(&mut cursor);
    cursor.save_state(state)?;
    result
}

/// Goes to the walk's index; the entry there.
#[kexport(gpl, since = "4.20", header = "linux/xarray.h")]
fn xas_load(state: State) -> KResult<u64> {
    with(state, |xas| xas.load().map(|e| e.0))
}

/// Allocates what the walk failed for; true if it should be tried again.
#[kexport(gpl, since = "4.20", header = "linux/xarray.h")]
fn xas_nomem(state: State, _flags: c_uint) -> KResult<bool> {
    with(state, Cursor::refill)
}

/// Makes all nodes that a store of the walk's range could need.
#[kexport(gpl, since = "4.20", header = "linux/xarray.h")]
fn xas_create_range(state: State) -> KResult {
    with(state, Cursor::create_range)
}

/// Stores an entry; the old one.
#[kexport(gpl, since = "4.20", header = "linux/xarray.h")]
fn xas_store(state: State, entry: u64) -> KResult<u64> {
    with(state, |xas| xas.store(Entry(entry)).map(|e| e.0))
}

/// True if the entry has a mark.
#[kexport(gpl, since = "4.20", header = "linux/xarray.h")]
fn xas_get_mark(state: State, mark: c_uint) -> KResult<bool> {
    Cursor::load_state(state)?.has_mark(mark)
}

/// Marks the entry.
#[kexport(gpl, since = "4.20", header = "linux/xarray.h")]
fn xas_set_mark(state: State, mark: c_uint) -> KResult {
    Cursor::load_state(state)?.set_mark(mark)
}

/// Takes a mark from the entry.
#[kexport(gpl, since = "4.20", header = "linux/xarray.h")]
fn xas_clear_mark(state: State, mark: c_uint) -> KResult {
    Cursor::load_state(state)?.clear_mark(mark)
}

/// Takes all marks from the entry.
#[kexport(gpl, since = "4.20", header = "linux/xarray.h")]
fn xas_init_marks(state: State) -> KResult {
    Cursor::load_state(state)?.reset_marks()
}

/// Allocates what a split of a large entry needs.
#[kexport(gpl, since = "5.11", header = "linux/xarray.h")]
fn xas_split_alloc(state: State, entry: u64, order: c_uint, _flags: c_uint) -> KResult {
    with(state, |xas| xas.split_alloc(Entry(entry), order))
}

/// Splits a large entry into smaller ones.
#[kexport(gpl, since = "5.11", header = "linux/xarray.h")]
fn xas_split(state: State, entry: u64, order: c_uint) -> KResult {
    with(state, |xas| xas.split(Entry(entry), order))
}

/// Lets the lock go: the walk will go on behind its entry.
#[kexport(gpl, since = "4.20", header = "linux/xarray.h")]
fn xas_pause(state: State) -> KResult {
    with(state, Cursor::pause)
}

/// The entry one index before.
#[kexport(gpl, since = "4.20", header = "linux/xarray.h")]
fn __xas_prev(state: State) -> KResult<u64> {
    with(state, |xas| xas.step(false).map(|e| e.0))
}

/// The entry one index on.
#[kexport(gpl, since = "4.20", header = "linux/xarray.h")]
fn __xas_next(state: State) -> KResult<u64> {
    with(state, |xas| xas.step(true).map(|e| e.0))
}

/// The next entry up to an index, or NULL.
#[kexport(gpl, since = "4.20", header = "linux/xarray.h")]
fn xas_find(state: State, max: c_ulong) -> KResult<u64> {
    with(state, |xas| xas.find(max).map(|e| e.0))
}

/// The next entry with a mark up to an index, or NULL.
#[kexport(gpl, since = "4.20", header = "linux/xarray.h")]
fn xas_find_marked(state: State, max: c_ulong, mark: c_uint) -> KResult<u64> {
    with(state, |xas| xas.find_marked(max, mark).map(|e| e.0))
}

/// The next entry in the range that a store would fill, or NULL.
#[kexport(gpl, since = "4.20", header = "linux/xarray.h")]
fn xas_find_conflict(state: State) -> KResult<u64> {
    with(state, |xas| xas.find_conflict().map(|e| e.0))
}

/// The order of the entry.
#[kexport(gpl, since = "6.1", header = "linux/xarray.h")]
fn xas_get_order(state: State) -> KResult<c_int> {
    Ok(Cursor::load_state(state)?.order()?.into())
}

/// Takes a whole node out of its array.
#[kexport(gpl, since = "4.20", header = "linux/xarray.h")]
fn xa_delete_node(node: KPtr<XaNode>, update: KPtr) -> KResult {
    let node = Node::new(node.addr());
    let parent = node.parent()?;
    let shift = node.shift()? + super::node::BITS;
    let mut xas = Cursor::new(node.array()?, u64::from(node.offset()?).checked_shl(shift.into()).unwrap_or(0));
    (xas.shift, xas.offset, xas.update) = (shift, node.offset()?, update.addr());
    xas.at = if parent.is_null() { super::At::Head } else { super::At::Node(parent) };
    xas.store(Entry::NULL).map(|_| ())
}
