//! Ids for pointers. Counterpart: lib/idr.c, include/linux/idr.h.
//!
//! An idr is an array that hands out ids ([`super::xarray`]), whose flags its initialiser sets alike. Its users hold a lock
//! of their own. A NULL pointer takes an id too: a reserved slot stands for it.

use super::xarray::{At, Cursor, Entry, FREE, Xarray, api};
use crate::sched;
use kabi::errno::{EINVAL, ENOENT, ENOSPC};
use kabi::{Errno, Field, KError, KPtr, KResult, c_int, c_uint, c_ulong, exports, kexport};

exports![
    idr_alloc,
    idr_alloc_u32,
    idr_alloc_cyclic,
    idr_remove,
    idr_find,
    idr_for_each,
    idr_get_next,
    idr_get_next_ul,
    idr_replace,
    idr_destroy,
    idr_preload
];

/// `struct idr`.
#[derive(Debug)]
pub struct Idr;

type Ids = KPtr<Idr>;

static ARRAY: Field = Field::new("idr", "idr_rt");
static BASE: Field = Field::new("idr", "idr_base");
static NEXT: Field = Field::new("idr", "idr_next");

fn array(ids: Ids) -> KResult<KPtr<Xarray>> {
    Ok(ARRAY.of(ids)?.cast())
}

fn base(ids: Ids) -> KResult<u64> {
    BASE.get::<u32, _>(ids).map(u64::from)
}

fn stored(pointer: u64) -> Entry {
    if pointer == 0 { Entry::ZERO } else { Entry(pointer) }
}

/// Takes the first free id from `min` to `max`, both counted with the base.
fn take(ids: Ids, pointer: u64, min: u64, max: u64) -> KResult<u64> {
    let base = base(ids)?;
    let found = api::take_id(array(ids)?, stored(pointer), min.saturating_sub(base), max.wrapping_sub(base))?;
    match found {
        Ok(index) => Ok(index + base),
        Err(kabi::errno::EBUSY) => Err(ENOSPC.into()),
        Err(errno) => Err(errno.into()),
    }
}

/// Takes an id from `*id` to `max` for a pointer; `*id` gets it.
///
/// # Errors
/// `ENOSPC`: none is free. `ENOMEM`.
#[kexport(gpl, since = "4.15", header = "linux/idr.h")]
fn idr_alloc_u32(ids: Ids, pointer: u64, id: KPtr, max: c_ulong, _gfp: c_uint) -> KResult<c_int> {
    let taken = take(ids, pointer, id.get::<u32>(0)?.into(), max)?;
    id.put(0, taken as u32)?;
    Ok(0)
}

/// The last id that a limit allows: 0 and less mean all.
fn last(end: c_int) -> u64 {
    if end > 0 { end as u64 - 1 } else { i32::MAX as u64 }
}

/// Takes the first free id from `start` on, below `end` if that is more than 0.
///
/// # Errors
/// `ENOSPC`: none is free. `EINVAL`: a negative start. `ENOMEM`.
#[kexport(gpl, since = "3.9", header = "linux/idr.h")]
fn idr_alloc(ids: Ids, pointer: u64, start: c_int, end: c_int, _gfp: c_uint) -> KResult<c_int> {
    let start = u64::try_from(start).map_err(|_| {
        crate::fault::warn_at_caller();
        EINVAL
    })?;
    Ok(take(ids, pointer, start, last(end))? as c_int)
}

/// [`idr_alloc`] that goes on behind the last id and begins again at `start`.
///
/// # Errors
/// As there.
#[kexport(since = "3.10", header = "linux/idr.h")]
fn idr_alloc_cyclic(ids: Ids, pointer: u64, start: c_int, end: c_int, _gfp: c_uint) -> KResult<c_int> {
    let next: u32 = NEXT.get(ids)?;
    let (start, max) = (start as u32, last(end));
    let mut taken = take(ids, pointer, next.max(start).into(), max);
    if taken == Err(KError::Errno(ENOSPC)) && next > start {
        taken = take(ids, pointer, start.into(), max);
    }
    let taken = taken?;
    NEXT.put(ids, (taken as u32).wrapping_add(1))?;
    Ok(taken as c_int)
}

/// Gives an id back; the pointer that it had.
#[kexport(gpl, since = "2.6.0", header = "linux/idr.h")]
fn idr_remove(ids: Ids, id: c_ulong) -> KResult<u64> {
    let mut xas = Cursor::new(array(ids)?, id.wrapping_sub(base(ids)?));
    Ok(xas.store(Entry::NULL)?.visible().0)
}

/// The pointer of an id, or NULL.
#[kexport(gpl, since = "2.6.0", header = "linux/idr.h")]
fn idr_find(ids: Ids, id: c_ulong) -> KResult<u64> {
    Ok(Cursor::new(array(ids)?, id.wrapping_sub(base(ids)?)).load()?.visible().0)
}

/// The next id in use from `start` on (without the base), and its pointer.
fn next_used(ids: Ids, start: u64) -> KResult<Option<(u64, Entry)>> {
    let mut xas = Cursor::new(array(ids)?, start);
    loop {
        match xas.find(u64::MAX)? {
            Entry::NULL => return Ok(None),
            Entry::RETRY => xas.at = At::Restart,
            entry => return Ok(Some((xas.index, entry))),
        }
    }
}

/// Calls a function with each id, its pointer and `data` until it gives something other than 0.
#[kexport(since = "2.6.23", header = "linux/idr.h")]
fn idr_for_each(ids: Ids, function: KPtr, data: KPtr) -> KResult<c_int> {
    let (base, mut start) = (base(ids)?, 0);
    while let Some((index, entry)) = next_used(ids, start)? {
        let result = kabi::call(function.addr(), &[index + base, entry.visible().0, data.addr()])? as c_int;
        if result != 0 {
            return Ok(result);
        }
        start = index + 1;
    }
    Ok(0)
}

/// The pointer of the first id from `*id` on that has one, or NULL; `*id` gets it.
#[kexport(since = "4.16", header = "linux/idr.h")]
fn idr_get_next_ul(ids: Ids, id: KPtr) -> KResult<u64> {
    let base = base(ids)?;
    let mut start = id.get::<u64>(0)?.saturating_sub(base);
    while let Some((index, entry)) = next_used(ids, start)? {
        if !entry.is_zero() {
            id.put(0, index + base)?;
            return Ok(entry.0);
        }
        start = index + 1;
    }
    Ok(0)
}

/// [`idr_get_next_ul`] for an `int`.
#[kexport(since = "2.6.29", header = "linux/idr.h")]
fn idr_get_next(ids: Ids, id: KPtr) -> KResult<u64> {
    let base = base(ids)?;
    let mut start = (id.get::<i32>(0)? as i64 as u64).saturating_sub(base);
    while let Some((index, entry)) = next_used(ids, start)? {
        let Ok(found) = i32::try_from(index + base) else { break };
        if !entry.is_zero() {
            id.put(0, found)?;
            return Ok(entry.0);
        }
        start = index + 1;
    }
    Ok(0)
}

/// Gives an id another pointer; the old one, or an error as a pointer.
#[kexport(since = "2.6.18", header = "linux/idr.h")]
fn idr_replace(ids: Ids, pointer: u64, id: c_ulong) -> KResult<u64> {
    let mut xas = Cursor::new(array(ids)?, id.wrapping_sub(base(ids)?));
    let old = xas.load()?;
    if old.is_null() || xas.has_mark(FREE)? {
        return Ok(as_pointer(ENOENT));
    }
    xas.store(stored(pointer))?;
    Ok(old.visible().0)
}

fn as_pointer(errno: Errno) -> u64 {
    -i64::from(errno.0) as u64
}

/// Gives all ids back.
#[kexport(since = "2.6.0", header = "linux/idr.h")]
fn idr_destroy(ids: Ids) -> KResult {
    Cursor::new(array(ids)?, 0).destroy()
}

/// Begins a section without preemption in which an id can be had without waiting: memory is there at once.
#[kexport(since = "3.9", header = "linux/idr.h")]
fn idr_preload(_gfp: c_uint) {
    sched::preempt_add(1);
}
