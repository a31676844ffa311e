//! Ids without pointers. Counterpart: lib/idr.c (`ida_`).
//!
//! An array of bitmaps, 1,024 ids each; an array that hands out ids itself, so that its mark tells which bitmaps have room.

use super::memory;
use super::xarray::{At, Cursor, Entry, FREE, Xarray, reserve_irq};
use crate::mm::owned::Kind;
use kabi::errno::ENOSPC;
use kabi::{Field, KPtr, KResult, c_int, c_uint, exports, kexport};

exports![ida_alloc_range, ida_free, ida_destroy];

/// `struct ida`.
#[derive(Debug)]
pub struct Ida;

type Ids = KPtr<Ida>;

static ARRAY: Field = Field::new("ida", "xa");

/// Bytes and ids of a bitmap.
const BYTES: usize = 128;
const IDS: u64 = BYTES as u64 * 8;

fn array(ids: Ids) -> KResult<KPtr<Xarray>> {
    Ok(ARRAY.of(ids)?.cast())
}

/// The first clear bit of a bitmap from `from` on.
fn first_clear(map: KPtr, from: u64) -> KResult<Option<u64>> {
    let mut skip = from % 64;
    for word in from / 64..IDS / 64 {
        let free = !map.get::<u64>(8 * word)? & u64::MAX << skip;
        if free != 0 {
            return Ok(Some(64 * word + u64::from(free.trailing_zeros())));
        }
        skip = 0;
    }
    Ok(None)
}

fn is_full(map: KPtr) -> KResult<bool> {
    Ok(first_clear(map, 0)?.is_none())
}

/// What they are called in reports.
const BITMAP: Kind = Kind::Other("ids of an IDA");

fn is_empty(map: KPtr) -> KResult<bool> {
    Ok(map.bytes(0, BYTES)?.iter().all(|byte| *byte == 0))
}

fn change(map: KPtr, bit: u64, on: bool) -> KResult {
    let (at, mask) = (bit / 64 * 8, 1u64 << (bit % 64));
    let word: u64 = map.get(at)?;
    map.put(at, if on { word | mask } else { word & !mask })
}

/// Puts a bitmap with its first id where none was.
fn begin(xas: &mut Cursor, bit: u64) -> KResult {
    let map = memory::take_part(BITMAP, BYTES)?;
    change(map, bit, true)?;
    loop {
        xas.store(Entry(map.addr()))?;
        if !xas.refill()? {
            break;
        }
    }
    xas.error().map_or(Ok(()), |errno| Err(errno.into()))
}

fn take(ids: Ids, min: u64, max: u64) -> KResult<u64> {
    let (last, mut index) = (max / IDS, min / IDS);
    loop {
        let mut xas = Cursor::new(array(ids)?, index);
        let entry = xas.find_marked(last, FREE)?;
        if xas.at == At::Restart || xas.index > last {
            return Err(ENOSPC.into());
        }
        index = xas.index;
        let from = if index == min / IDS { min % IDS } else { 0 };
        let map = KPtr::<()>::new(entry.0);
        let bit = if entry.is_null() { Some(from) } else { first_clear(map, from)? };
        // A bitmap with room may have none from the lower limit on.
        let Some(bit) = bit else {
            index += 1;
            if index > last {
                return Err(ENOSPC.into());
            }
            continue;
        };
        let id = index * IDS + bit;
        if id > max {
            return Err(ENOSPC.into());
        }
        if entry.is_null() {
            begin(&mut xas, bit)?;
        } else {
            change(map, bit, true)?;
            if is_full(map)? {
                xas.clear_mark(FREE)?;
            }
        }
        return Ok(id);
    }
}

/// Takes the first free id from `min` to `max`.
///
/// # Errors
/// `ENOSPC`: none is free. `ENOMEM`.
#[kexport(since = "4.19", header = "linux/idr.h")]
fn ida_alloc_range(ids: Ids, min: c_uint, max: c_uint, _gfp: c_uint) -> KResult<c_int> {
    if min > i32::MAX as u32 {
        return Err(ENOSPC.into());
    }
    let max = max.min(i32::MAX as u32);
    reserve_irq(array(ids)?, || take(ids, min.into(), max.into())).map(|id| id as c_int)
}

/// True if the id was in use.
fn give(ids: Ids, id: u64) -> KResult<bool> {
    let mut xas = Cursor::new(array(ids)?, id / IDS);
    let entry = xas.load()?;
    let map = KPtr::<()>::new(entry.0);
    let bit = id % IDS;
    if entry.is_null() || map.get::<u64>(bit / 64 * 8)? >> (bit % 64) & 1 == 0 {
        return Ok(false);
    }
    change(map, bit, false)?;
    xas.set_mark(FREE)?;
    if is_empty(map)? {
        xas.store(Entry::NULL)?;
        memory::give_back_part(BITMAP, map, BYTES);
    }
    Ok(true)
}

/// Gives an id back; warns if it is not in use.
#[kexport(since = "4.19", header = "linux/idr.h")]
fn ida_free(ids: Ids, id: c_uint) -> KResult {
    if id as i32 >= 0 && !reserve_irq(array(ids)?, || give(ids, id.into()))? {
        let text = format!("ida_free called for id={id} which is not allocated.");
        crate::fault::warn_in("ida_free", "lib/idr.c", 0, Some(&text));
    }
    Ok(())
}

/// Gives all ids back.
#[kexport(since = "2.6.23", header = "linux/idr.h")]
fn ida_destroy(ids: Ids) -> KResult {
    reserve_irq(array(ids)?, || {
        let mut xas = Cursor::new(array(ids)?, 0);
        loop {
            match xas.find(u64::MAX)? {
                Entry::NULL => break,
                entry => memory::give_back_part(BITMAP, KPtr::new(entry.0), BYTES),
            }
        }
        Cursor::new(array(ids)?, 0).destroy()
    })
}
