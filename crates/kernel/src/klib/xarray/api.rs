//! What modules call with an array. Counterpart: the `xa_` functions of lib/xarray.c.
//!
//! Functions whose names begin with underscores are called with the array's lock held; memory is there at once, so they
//! never let it go.

use super::cursor::{At, Cursor};
use super::entry::Entry;
use super::node::{Array, FREE, MARKS, WRAPPED, flags, locked, reserve_irq, set_flags, tracks_free};
use crate::rcu;
use kabi::errno::{EBUSY, EINVAL};
use kabi::{KPtr, KResult, Out, c_int, c_uint, c_ulong, exports, kexport};

exports![
    xa_load,
    xa_store,
    __xa_store,
    xa_erase,
    __xa_erase,
    __xa_cmpxchg,
    __xa_insert,
    xa_store_range,
    xa_get_order,
    __xa_alloc,
    __xa_alloc_cyclic,
    __xa_set_mark,
    __xa_clear_mark,
    xa_get_mark,
    xa_set_mark,
    xa_clear_mark,
    xa_find,
    xa_find_after,
    xa_extract,
    xa_destroy
];

/// Repeats a store until there is memory for it, or it fails for good.
fn with_memory<R>(xas: &mut Cursor, mut work: impl FnMut(&mut Cursor) -> KResult<R>) -> KResult<R> {
    loop {
        let result = work(xas)?;
        if !xas.refill()? {
            return Ok(result);
        }
    }
}

/// What a store gives back: the old entry as readers see it, or the error.
fn outcome(xas: &Cursor, old: Entry) -> u64 {
    xas.error().map_or(old.visible(), Entry::error).0
}

/// A misuse that the kernel warns of.
fn refused() -> u64 {
    crate::fault::warn_at_caller();
    Entry::error(EINVAL).0
}

fn status(xas: &Cursor) -> KResult<c_int> {
    xas.error().map_or(Ok(0), |errno| Err(errno.into()))
}

/// The entry at an index, or NULL.
#[kexport(since = "4.20", header = "linux/xarray.h")]
fn xa_load(array: Array, index: c_ulong) -> KResult<u64> {
    rcu::reading(|| Ok(Cursor::new(array, index).load()?.visible().0))
}

/// Stores an entry; the old one, or an error as an entry.
#[kexport(since = "4.20", header = "linux/xarray.h")]
fn xa_store(array: Array, index: c_ulong, entry: u64, gfp: c_uint) -> KResult<u64> {
    locked(array, || __xa_store(array, index, entry, gfp))
}

/// [`xa_store`] with the lock held.
#[kexport(since = "4.20", header = "linux/xarray.h")]
fn __xa_store(array: Array, index: c_ulong, entry: u64, _gfp: c_uint) -> KResult<u64> {
    let mut entry = Entry(entry);
    if entry.is_advanced() {
        return Ok(refused());
    }
    let tracks = tracks_free(array)?;
    if tracks && entry.is_null() {
        entry = Entry::ZERO;
    }
    let mut xas = Cursor::new(array, index);
    let old = with_memory(&mut xas, |xas| {
        let old = xas.store(entry)?;
        if tracks {
            xas.clear_mark(FREE)?;
        }
        Ok(old)
    })?;
    Ok(outcome(&xas, old))
}

/// Takes an entry out; the old one.
#[kexport(since = "4.20", header = "linux/xarray.h")]
fn xa_erase(array: Array, index: c_ulong) -> KResult<u64> {
    locked(array, || __xa_erase(array, index))
}

/// [`xa_erase`] with the lock held.
#[kexport(since = "4.20", header = "linux/xarray.h")]
fn __xa_erase(array: Array, index: c_ulong) -> KResult<u64> {
    let mut xas = Cursor::new(array, index);
    let old = xas.store(Entry::NULL)?;
    Ok(outcome(&xas, old))
}

/// Stores an entry if the old one is what is expected; the old one.
#[kexport(since = "4.20", header = "linux/xarray.h")]
fn __xa_cmpxchg(array: Array, index: c_ulong, old: u64, entry: u64, _gfp: c_uint) -> KResult<u64> {
    let entry = Entry(entry);
    if entry.is_advanced() {
        return Ok(refused());
    }
    let mut xas = Cursor::new(array, index);
    let found = with_memory(&mut xas, |xas| {
        let found = xas.load()?;
        if found == Entry(old) {
            xas.store(entry)?;
            if !entry.is_null() && found.is_null() && tracks_free(array)? {
                xas.clear_mark(FREE)?;
            }
        }
        Ok(found)
    })?;
    Ok(outcome(&xas, found))
}

/// Stores an entry where there is none.
///
/// # Errors
/// `EBUSY`: there is one. `EINVAL`, `ENOMEM`.
#[kexport(since = "4.20", header = "linux/xarray.h")]
fn __xa_insert(array: Array, index: c_ulong, entry: u64, _gfp: c_uint) -> KResult<c_int> {
    let mut entry = Entry(entry);
    if entry.is_advanced() {
        refused();
        return Err(EINVAL.into());
    }
    if entry.is_null() {
        entry = Entry::ZERO;
    }
    let mut xas = Cursor::new(array, index);
    with_memory(&mut xas, |xas| {
        if xas.load()?.is_null() {
            xas.store(entry)?;
            if tracks_free(array)? {
                xas.clear_mark(FREE)?;
            }
        } else {
            xas.fail(EBUSY);
        }
        Ok(())
    })?;
    status(&xas)
}

/// Stores an entry at all indices of a range, as few large ones.
#[kexport(since = "4.20", header = "linux/xarray.h")]
fn xa_store_range(array: Array, first: c_ulong, last: c_ulong, entry: u64, _gfp: c_uint) -> KResult<u64> {
    let entry = Entry(entry);
    if entry.is_internal() {
        return Ok(refused());
    }
    if last < first {
        return Ok(Entry::error(EINVAL).0);
    }
    let mut xas = Cursor::new(array, 0);
    let mut at = first;
    locked(array, || {
        with_memory(&mut xas, |xas| {
            loop {
                xas.set_range(at, last);
                let size = xas.size();
                xas.store(entry)?;
                if xas.error().is_some() {
                    return Ok(());
                }
                match at.checked_add(size).filter(|next| *next <= last && size != 0) {
                    Some(next) => at = next,
                    None => return Ok(()),
                }
            }
        })
    })?;
    Ok(outcome(&xas, Entry::NULL))
}

/// The order of the entry at an index.
#[kexport(since = "5.11", header = "linux/xarray.h")]
fn xa_get_order(array: Array, index: c_ulong) -> KResult<c_int> {
    rcu::reading(|| {
        let mut xas = Cursor::new(array, index);
        if xas.load()?.is_null() { Ok(0) } else { Ok(xas.order()?.into()) }
    })
}

/// Stores an entry at the first free id between the limits; `*id` gets it.
///
/// # Errors
/// `EBUSY`: there is none. `EINVAL`, `ENOMEM`.
#[kexport(since = "4.20", header = "linux/xarray.h")]
fn __xa_alloc(array: Array, id: Out<c_uint>, entry: u64, limit: u64, _gfp: c_uint) -> KResult<c_int> {
    let entry = Entry(entry);
    if entry.is_advanced() || !tracks_free(array)? {
        refused();
        return Err(EINVAL.into());
    }
    // struct xa_limit: max, then min.
    let (max, min) = (limit as u32, (limit >> 32) as u32);
    match take_id(array, if entry.is_null() { Entry::ZERO } else { entry }, min.into(), max.into())? {
        Ok(index) => id.set(index as u32).map(|()| 0),
        Err(errno) => Err(errno.into()),
    }
}

/// Stores an entry at the first free index between two, with the lock held; the index.
pub(in crate::klib) fn take_id(array: Array, entry: Entry, min: u64, max: u64) -> KResult<Result<u64, kabi::Errno>> {
    let mut xas = Cursor::new(array, min);
    let index = with_memory(&mut xas, |xas| {
        xas.index = min;
        xas.find_marked(max, FREE)?;
        if xas.at == At::Restart || xas.index > max {
            xas.fail(EBUSY);
            return Ok(0);
        }
        let index = xas.index;
        xas.store(entry)?;
        xas.clear_mark(FREE)?;
        Ok(index)
    })?;
    Ok(xas.error().map_or(Ok(index), Err))
}

/// [`__xa_alloc`] that goes on behind the last id; 1 if it began again at the lower limit.
///
/// # Errors
/// As there.
#[kexport(since = "5.1", header = "linux/xarray.h")]
fn __xa_alloc_cyclic(array: Array, id: KPtr, entry: u64, limit: u64, next: KPtr, gfp: c_uint) -> KResult<c_int> {
    let (max, min) = (limit & 0xffff_ffff, (limit >> 32) as u32);
    let start = min.max(next.get(0)?);
    let out = |id: KPtr| kabi::FromAbi::from_abi(id.addr());
    let mut result = __xa_alloc(array, out(id)?, entry, max | u64::from(start) << 32, gfp);
    let old = flags(array)?;
    if old & WRAPPED != 0 && result.is_ok() {
        set_flags(array, old & !WRAPPED)?;
        result = Ok(1);
    }
    if result.is_err() && start > min {
        result = __xa_alloc(array, out(id)?, entry, limit, gfp).map(|_| 1);
    }
    let result = result?;
    let following = id.get::<u32>(0)?.wrapping_add(1);
    next.put(0, following)?;
    if following == 0 {
        set_flags(array, flags(array)? | WRAPPED)?;
    }
    Ok(result)
}

fn mark_at(array: Array, index: u64, mark: u32, on: bool) -> KResult {
    let mut xas = Cursor::new(array, index);
    match xas.load()? {
        Entry::NULL => Ok(()),
        _ if on => xas.set_mark(mark),
        _ => xas.clear_mark(mark),
    }
}

/// Marks the entry at an index, with the lock held.
#[kexport(since = "4.20", header = "linux/xarray.h")]
fn __xa_set_mark(array: Array, index: c_ulong, mark: c_uint) -> KResult {
    mark_at(array, index, mark, true)
}

/// Takes a mark from the entry at an index, with the lock held.
#[kexport(since = "4.20", header = "linux/xarray.h")]
fn __xa_clear_mark(array: Array, index: c_ulong, mark: c_uint) -> KResult {
    mark_at(array, index, mark, false)
}

/// Marks the entry at an index.
#[kexport(since = "4.20", header = "linux/xarray.h")]
fn xa_set_mark(array: Array, index: c_ulong, mark: c_uint) -> KResult {
    locked(array, || mark_at(array, index, mark, true))
}

/// Takes a mark from the entry at an index.
#[kexport(since = "4.20", header = "linux/xarray.h")]
fn xa_clear_mark(array: Array, index: c_ulong, mark: c_uint) -> KResult {
    locked(array, || mark_at(array, index, mark, false))
}

/// True if the entry at an index has a mark.
#[kexport(since = "4.20", header = "linux/xarray.h")]
fn xa_get_mark(array: Array, index: c_ulong, mark: c_uint) -> KResult<bool> {
    rcu::reading(|| {
        let mut xas = Cursor::new(array, index);
        xas.load()?;
        xas.has_mark(mark)
    })
}

/// One search: marked entries if the filter is a mark, all that are there otherwise.
fn search(xas: &mut Cursor, max: u64, filter: u32) -> KResult<Entry> {
    if filter < MARKS { xas.find_marked(max, filter) } else { xas.find(max) }
}

/// [`search`] that passes over reserved slots, and begins again where a node was taken away.
fn next_visible(xas: &mut Cursor, max: u64, filter: u32) -> KResult<Entry> {
    loop {
        match search(xas, max, filter)? {
            Entry::ZERO => {}
            Entry::RETRY => xas.at = At::Restart,
            entry => return Ok(entry),
        }
    }
}

/// The first entry from `*index` on up to `max`, or NULL; `*index` gets its place.
#[kexport(since = "4.20", header = "linux/xarray.h")]
fn xa_find(array: Array, index: KPtr, max: c_ulong, filter: c_uint) -> KResult<u64> {
    let mut xas = Cursor::new(array, index.get(0)?);
    let entry = rcu::reading(|| next_visible(&mut xas, max, filter))?;
    if !entry.is_null() {
        index.put(0, xas.index)?;
    }
    Ok(entry.0)
}

/// The first entry behind `*index` up to `max`, or NULL; `*index` gets its place.
#[kexport(since = "4.20", header = "linux/xarray.h")]
fn xa_find_after(array: Array, index: KPtr, max: c_ulong, filter: c_uint) -> KResult<u64> {
    let Some(start) = index.get::<u64>(0)?.checked_add(1) else { return Ok(0) };
    let mut xas = Cursor::new(array, start);
    let entry = rcu::reading(|| -> KResult<Entry> {
        loop {
            let entry = next_visible(&mut xas, max, filter)?;
            // The entry that covers the old index does not count again.
            if entry.is_null() || !xas.is_valid() || !xas.is_inside()? {
                return Ok(entry);
            }
        }
    })?;
    if !entry.is_null() {
        index.put(0, xas.index)?;
    }
    Ok(entry.0)
}

/// Copies up to `count` entries between two indices; how many they are.
#[kexport(since = "4.20", header = "linux/xarray.h")]
fn xa_extract(array: Array, to: KPtr, start: c_ulong, max: c_ulong, count: c_uint, filter: c_uint) -> KResult<c_uint> {
    let mut xas = Cursor::new(array, start);
    rcu::reading(|| {
        for i in 0..count {
            match next_visible(&mut xas, max, filter)? {
                Entry::NULL => return Ok(i),
                entry => to.put(8 * u64::from(i), entry.0)?,
            }
        }
        Ok(count)
    })
}

/// Takes all entries out.
#[kexport(since = "4.20", header = "linux/xarray.h")]
fn xa_destroy(array: Array) -> KResult {
    reserve_irq(array, || Cursor::new(array, 0).destroy())
}
