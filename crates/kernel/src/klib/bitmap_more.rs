//! Bitmaps in new memory, as arrays of 32-bit words, by regions of powers of two. Counterpart: lib/bitmap.c.

use super::bitmap::{Bits, Words};
use super::memory::kfree;
use crate::mm::slab;
use kabi::errno::{EBUSY, ENOMEM};
use kabi::{KPtr, KResult, NullPtr, c_int, c_uint, exports, kexport};

exports![
    bitmap_alloc,
    bitmap_zalloc,
    bitmap_alloc_node,
    bitmap_zalloc_node,
    bitmap_free,
    bitmap_from_arr32,
    bitmap_to_arr32,
    bitmap_cut,
    bitmap_find_free_region,
    bitmap_release_region,
    bitmap_allocate_region
];

type Map = KPtr<Words>;

/// A cleared bitmap in new memory.
#[kexport(since = "4.19", header = "linux/bitmap.h")]
fn bitmap_zalloc(len: c_uint, _flags: c_uint) -> NullPtr {
    NullPtr(slab::give(&vec![0; len.div_ceil(64) as usize * 8]))
}

/// A bitmap in new memory.
#[kexport(since = "4.19", header = "linux/bitmap.h")]
fn bitmap_alloc(len: c_uint, flags: c_uint) -> NullPtr {
    bitmap_zalloc(len, flags)
}

/// [`bitmap_alloc`] for a memory node; there is one.
#[kexport(since = "5.14", header = "linux/bitmap.h")]
fn bitmap_alloc_node(len: c_uint, flags: c_uint, _node: c_int) -> NullPtr {
    bitmap_zalloc(len, flags)
}

/// [`bitmap_zalloc`] for a memory node; there is one.
#[kexport(since = "5.14", header = "linux/bitmap.h")]
fn bitmap_zalloc_node(len: c_uint, flags: c_uint, _node: c_int) -> NullPtr {
    bitmap_zalloc(len, flags)
}

/// Frees a bitmap.
#[kexport(since = "4.19", header = "linux/bitmap.h")]
fn bitmap_free(map: Map) -> KResult {
    kfree(map.cast())
}

/// Makes a bitmap of an array of 32-bit words.
#[kexport(since = "4.16", header = "linux/bitmap.h")]
fn bitmap_from_arr32(map: Map, from: KPtr, len: c_uint) -> KResult {
    let mut bytes = from.bytes(0, len.div_ceil(32) as usize * 4)?;
    bytes.resize(len.div_ceil(64) as usize * 8, 0);
    let words = bytes.as_chunks::<8>().0.iter().map(|word| u64::from_le_bytes(*word)).collect();
    masked(Bits { words, len: len.into() }).write(map)
}

/// Without what is in the last word beyond the length.
fn masked(mut bits: Bits) -> Bits {
    if let (Some(last), rest @ 1..) = (bits.words.last_mut(), bits.len % 64) {
        *last &= (1 << rest) - 1;
    }
    bits
}

/// Makes an array of 32-bit words of a bitmap.
#[kexport(since = "4.16", header = "linux/bitmap.h")]
fn bitmap_to_arr32(to: KPtr, map: Map, len: c_uint) -> KResult {
    let bits = masked(Bits::read(map, len.into())?);
    let bytes: Vec<u8> = bits.words.iter().flat_map(|word| word.to_le_bytes()).collect();
    Ok(machine::access::write(to.addr(), &bytes[..len.div_ceil(32) as usize * 4])?)
}

/// Takes `cut` bits from `first` on out: those above move down.
#[kexport(since = "5.7", header = "linux/bitmap.h")]
fn bitmap_cut(to: Map, from: Map, first: c_uint, cut: c_uint, len: c_uint) -> KResult {
    let old = Bits::read(from, len.into())?;
    let whole = old.words.len() as u64 * 64;
    let mut new = old.clone();
    for bit in u64::from(first)..whole {
        // Zeros come in at the upper end of the last word.
        new.put(bit, bit + u64::from(cut) < whole && old.get(bit + u64::from(cut)));
    }
    new.write(to)
}

/// Whether the region of 1 << `order` bits at `start` is clear.
fn is_clear(map: Map, start: u64, order: u32) -> KResult<bool> {
    let bits = Bits::read(map, start + (1 << order))?;
    Ok((start..start + (1 << order)).all(|bit| !bits.get(bit)))
}

fn set(map: Map, start: u64, order: u32, on: bool) -> KResult {
    let mut bits = Bits::read(map, start + (1 << order))?;
    (start..start + (1 << order)).for_each(|bit| bits.put(bit, on));
    bits.write(map)
}

/// Finds a clear region of 1 << `order` bits and sets it; where it begins.
///
/// # Errors
/// `ENOMEM`: there is none.
#[kexport(since = "2.6.9", header = "linux/bitmap.h", until = "6.9")]
fn bitmap_find_free_region(map: Map, len: c_uint, order: c_int) -> KResult<c_int> {
    let (order, len) = ((order as u32).min(31), u64::from(len));
    let mut start = 0;
    while start + (1 << order) <= len {
        if is_clear(map, start, order)? {
            set(map, start, order, true)?;
            return Ok(start as c_int);
        }
        start += 1 << order;
    }
    Err(ENOMEM.into())
}

/// Clears a region of 1 << `order` bits.
#[kexport(since = "2.6.9", header = "linux/bitmap.h", until = "6.9")]
fn bitmap_release_region(map: Map, start: c_uint, order: c_int) -> KResult {
    set(map, start.into(), (order as u32).min(31), false)
}

/// Sets a region of 1 << `order` bits if it is clear.
///
/// # Errors
/// `EBUSY`: it is not.
#[kexport(since = "2.6.9", header = "linux/bitmap.h", until = "6.9")]
fn bitmap_allocate_region(map: Map, start: c_uint, order: c_int) -> KResult<c_int> {
    let order = (order as u32).min(31);
    if !is_clear(map, start.into(), order)? {
        return Err(EBUSY.into());
    }
    set(map, start.into(), order, true)?;
    Ok(0)
}
