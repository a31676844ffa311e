//! Queues of elements or records in a ring. Counterpart: lib/kfifo.c, include/linux/kfifo.h.

use super::memory::{call_export, kfree};
use crate::mm::slab;
use kabi::errno::{EFAULT, EINVAL, ENOMEM};
use kabi::{KError, KPtr, KResult, c_int, c_uint, c_ulong, exports, kexport};
use machine::access;

exports![
    __kfifo_alloc,
    __kfifo_free,
    __kfifo_init,
    __kfifo_in,
    __kfifo_out,
    __kfifo_out_peek,
    __kfifo_from_user,
    __kfifo_to_user,
    __kfifo_max_r,
    __kfifo_len_r,
    __kfifo_in_r,
    __kfifo_out_r,
    __kfifo_out_peek_r,
    __kfifo_skip_r,
    __kfifo_from_user_r,
    __kfifo_to_user_r
];

/// `struct __kfifo`: positions of writers and readers, the ring's mask, an element's bytes, the ring.
#[derive(Debug)]
pub struct Kfifo;

type Fifo = KPtr<Kfifo>;

const IN: u64 = 0;
const OUT: u64 = 4;
const MASK: u64 = 8;
const ELEMENT: u64 = 12;
const DATA: u64 = 16;

/// Where bytes come from or go to.
#[derive(Clone, Copy)]
enum Side {
    Kernel,
    Program,
}

/// What a queue is now.
struct View {
    input: u32,
    output: u32,
    mask: u32,
    element: u32,
    data: u64,
}

impl View {
    fn of(fifo: Fifo) -> KResult<Self> {
        Ok(Self {
            input: fifo.get(IN)?,
            output: fifo.get(OUT)?,
            mask: fifo.get(MASK)?,
            element: fifo.get(ELEMENT)?,
            data: fifo.get(DATA)?,
        })
    }

    fn used(&self) -> u32 {
        self.input.wrapping_sub(self.output)
    }

    fn free(&self) -> u32 {
        self.mask.wrapping_add(1).wrapping_sub(self.used())
    }

    /// Pieces of the ring that hold `len` bytes from element `at` on: address and length.
    fn pieces(&self, at: u32, len: u64) -> [(u64, u64); 2] {
        let element = u64::from(self.element);
        let (start, size) = (u64::from(at & self.mask) * element, (u64::from(self.mask) + 1) * element);
        let first = len.min(size - start);
        [(self.data + start, first), (self.data, len - first)]
    }

    /// Copies into the ring; bytes that a program's memory did not give.
    fn put(&self, from: u64, at: u32, len: u64, side: Side) -> KResult<u64> {
        let mut done = 0;
        for (to, len) in self.pieces(at, len).into_iter().filter(|(_, len)| *len > 0) {
            if let Side::Program = side {
                let left = call_export("_copy_from_user", &[to, from + done, len])?;
                if left > 0 {
                    return Ok(left);
                }
            } else {
                access::copy(to, from + done, len as usize)?;
            }
            done += len;
        }
        Ok(0)
    }

    /// Copies out of the ring.
    fn take(&self, to: u64, at: u32, len: u64, side: Side) -> KResult<u64> {
        let mut done = 0;
        for (from, len) in self.pieces(at, len).into_iter().filter(|(_, len)| *len > 0) {
            if let Side::Program = side {
                let left = call_export("_copy_to_user", &[to + done, from, len])?;
                if left > 0 {
                    return Ok(left);
                }
            } else {
                access::copy(to + done, from, len as usize)?;
            }
            done += len;
        }
        Ok(0)
    }

    /// The length that stands before the next record, in `size` bytes.
    fn record(&self, size: usize) -> KResult<u32> {
        let byte = |i: u32| access::get::<u8>(self.data + u64::from(self.output.wrapping_add(i) & self.mask));
        let high = if size > 1 { u32::from(byte(1)?) << 8 } else { 0 };
        Ok(u32::from(byte(0)?) | high)
    }

    fn put_record_len(&self, len: u32, size: usize) -> KResult {
        for i in 0..(size as u32).min(2) {
            access::put(self.data + u64::from(self.input.wrapping_add(i) & self.mask), (len >> (8 * i)) as u8)?;
        }
        Ok(())
    }
}

fn set_up(fifo: Fifo, data: u64, elements: u32, element: usize) -> KResult {
    fifo.put(IN, 0u32)?;
    fifo.put(OUT, 0u32)?;
    fifo.put(MASK, elements.wrapping_sub(1))?;
    fifo.put(ELEMENT, element as u32)?;
    fifo.put(DATA, data)
}

/// Allocates a queue's ring, for a power of two of elements.
///
/// # Errors
/// `EINVAL`: fewer than two. `ENOMEM`.
#[kexport(since = "2.6.33", header = "linux/kfifo.h")]
fn __kfifo_alloc(fifo: Fifo, size: c_uint, element: usize, _gfp: c_uint) -> KResult<c_int> {
    let elements = size.checked_next_power_of_two().unwrap_or(0);
    if elements < 2 {
        set_up(fifo, 0, 1, element)?;
        return Err(EINVAL.into());
    }
    let bytes = (elements as usize).checked_mul(element).ok_or(ENOMEM)?;
    match slab::give(&vec![0; bytes]) {
        Ok(data) => set_up(fifo, data.addr(), elements, element).map(|()| 0),
        Err(e) => {
            set_up(fifo, 0, 1, element)?;
            Err(e)
        }
    }
}

/// Frees a queue's ring.
#[kexport(since = "2.6.33", header = "linux/kfifo.h")]
fn __kfifo_free(fifo: Fifo) -> KResult {
    kfree(KPtr::new(fifo.get(DATA)?))?;
    set_up(fifo, 0, 1, 0)
}

/// Makes a queue of a buffer.
///
/// # Errors
/// `EINVAL`: it holds fewer than two elements.
#[kexport(since = "2.6.33", header = "linux/kfifo.h")]
fn __kfifo_init(fifo: Fifo, buffer: KPtr, size: c_uint, element: usize) -> KResult<c_int> {
    let count = u32::try_from(size as usize / element.max(1)).unwrap_or(0);
    let elements = if count == 0 { 0 } else { 1 << count.ilog2() };
    if elements < 2 {
        set_up(fifo, buffer.addr(), 1, element)?;
        return Err(EINVAL.into());
    }
    set_up(fifo, buffer.addr(), elements, element)?;
    Ok(0)
}

/// Adds elements, as many as there is room for; how many.
#[kexport(since = "2.6.33", header = "linux/kfifo.h")]
fn __kfifo_in(fifo: Fifo, from: KPtr, count: c_uint) -> KResult<c_uint> {
    let view = View::of(fifo)?;
    let count = count.min(view.free());
    view.put(from.addr(), view.input, u64::from(count) * u64::from(view.element), Side::Kernel)?;
    fifo.put(IN, view.input.wrapping_add(count))?;
    Ok(count)
}

/// Copies the first elements and leaves them; how many.
#[kexport(since = "2.6.33", header = "linux/kfifo.h")]
fn __kfifo_out_peek(fifo: Fifo, to: KPtr, count: c_uint) -> KResult<c_uint> {
    let view = View::of(fifo)?;
    let count = count.min(view.used());
    view.take(to.addr(), view.output, u64::from(count) * u64::from(view.element), Side::Kernel)?;
    Ok(count)
}

/// Takes the first elements; how many.
#[kexport(since = "2.6.33", header = "linux/kfifo.h")]
fn __kfifo_out(fifo: Fifo, to: KPtr, count: c_uint) -> KResult<c_uint> {
    let taken = __kfifo_out_peek(fifo, to, count)?;
    fifo.put(OUT, fifo.get::<u32>(OUT)?.wrapping_add(taken))?;
    Ok(taken)
}

/// What a copy with a program's memory did: whole elements and bytes, or the error.
fn moved(fifo: Fifo, place: u64, copied: KPtr, wanted: u64, left: u64, element: u32) -> KResult<c_int> {
    let element = u64::from(element).max(1);
    let elements = (wanted - left) / element;
    copied.put(0, (elements * element) as u32)?;
    fifo.put(place, fifo.get::<u32>(place)?.wrapping_add(elements as u32))?;
    if left > 0 { Err(EFAULT.into()) } else { Ok(0) }
}

/// Adds bytes of a program's memory; `*copied` gets how many.
///
/// # Errors
/// `EFAULT`.
#[kexport(since = "2.6.33", header = "linux/kfifo.h")]
fn __kfifo_from_user(fifo: Fifo, from: KPtr, len: c_ulong, copied: KPtr) -> KResult<c_int> {
    let view = View::of(fifo)?;
    let element = u64::from(view.element.max(1));
    let count = (len / element).min(view.free().into());
    let left = view.put(from.addr(), view.input, count * element, Side::Program)?;
    moved(fifo, IN, copied, count * element, left, view.element)
}

/// Takes bytes to a program's memory; `*copied` gets how many.
///
/// # Errors
/// `EFAULT`.
#[kexport(since = "2.6.33", header = "linux/kfifo.h")]
fn __kfifo_to_user(fifo: Fifo, to: KPtr, len: c_ulong, copied: KPtr) -> KResult<c_int> {
    let view = View::of(fifo)?;
    let element = u64::from(view.element.max(1));
    let count = (len / element).min(view.used().into());
    let left = view.take(to.addr(), view.output, count * element, Side::Program)?;
    moved(fifo, OUT, copied, count * element, left, view.element)
}

/// The longest record that a length of `size` bytes can tell, at most `len`.
#[kexport(since = "2.6.36", header = "linux/kfifo.h")]
fn __kfifo_max_r(len: c_uint, size: usize) -> c_uint {
    let most = (1u32 << (size.min(3) * 8)) - 1;
    len.min(most)
}

/// The next record's length.
#[kexport(since = "2.6.36", header = "linux/kfifo.h")]
fn __kfifo_len_r(fifo: Fifo, size: usize) -> KResult<c_uint> {
    View::of(fifo)?.record(size)
}

/// Adds a record, whole or not at all; its length.
#[kexport(since = "2.6.36", header = "linux/kfifo.h")]
fn __kfifo_in_r(fifo: Fifo, from: KPtr, len: c_uint, size: usize) -> KResult<c_uint> {
    let view = View::of(fifo)?;
    let head = size as u32;
    if len.checked_add(head).is_none_or(|all| all > view.free()) {
        return Ok(0);
    }
    view.put_record_len(len, size)?;
    view.put(from.addr(), view.input.wrapping_add(head), len.into(), Side::Kernel)?;
    fifo.put(IN, view.input.wrapping_add(len + head))?;
    Ok(len)
}

/// Copies the next record, cut to `len` bytes, and leaves it; how many bytes.
#[kexport(since = "2.6.36", header = "linux/kfifo.h")]
fn __kfifo_out_peek_r(fifo: Fifo, to: KPtr, len: c_uint, size: usize) -> KResult<c_uint> {
    let view = View::of(fifo)?;
    if view.used() == 0 {
        return Ok(0);
    }
    let len = len.min(view.record(size)?);
    view.take(to.addr(), view.output.wrapping_add(size as u32), len.into(), Side::Kernel)?;
    Ok(len)
}

/// Takes the next record, cut to `len` bytes; how many bytes.
#[kexport(since = "2.6.36", header = "linux/kfifo.h")]
fn __kfifo_out_r(fifo: Fifo, to: KPtr, len: c_uint, size: usize) -> KResult<c_uint> {
    if View::of(fifo)?.used() == 0 {
        return Ok(0);
    }
    let taken = __kfifo_out_peek_r(fifo, to, len, size)?;
    __kfifo_skip_r(fifo, size)?;
    Ok(taken)
}

/// Drops the next record.
#[kexport(since = "2.6.36", header = "linux/kfifo.h")]
fn __kfifo_skip_r(fifo: Fifo, size: usize) -> KResult {
    let view = View::of(fifo)?;
    fifo.put(OUT, view.output.wrapping_add(view.record(size)? + size as u32))
}

/// Adds a record of a program's memory; `*copied` gets its length.
///
/// # Errors
/// `EFAULT`.
#[kexport(since = "2.6.36", header = "linux/kfifo.h")]
fn __kfifo_from_user_r(fifo: Fifo, from: KPtr, len: c_ulong, copied: KPtr, size: usize) -> KResult<c_int> {
    let view = View::of(fifo)?;
    let len = __kfifo_max_r(u32::try_from(len).unwrap_or(u32::MAX), size);
    let head = size as u32;
    copied.put(0, 0u32)?;
    if len.checked_add(head).is_none_or(|all| all > view.free()) {
        return Ok(0);
    }
    view.put_record_len(len, size)?;
    if view.put(from.addr(), view.input.wrapping_add(head), len.into(), Side::Program)? > 0 {
        return Err(KError::from(EFAULT));
    }
    copied.put(0, len)?;
    fifo.put(IN, view.input.wrapping_add(len + head))?;
    Ok(0)
}

/// Takes the next record to a program's memory, cut to `len` bytes; `*copied` gets how many.
///
/// # Errors
/// `EFAULT`.
#[kexport(since = "2.6.36", header = "linux/kfifo.h")]
fn __kfifo_to_user_r(fifo: Fifo, to: KPtr, len: c_ulong, copied: KPtr, size: usize) -> KResult<c_int> {
    let view = View::of(fifo)?;
    copied.put(0, 0u32)?;
    if view.used() == 0 {
        return Ok(0);
    }
    let record = view.record(size)?;
    let len = u32::try_from(len).unwrap_or(u32::MAX).min(record);
    if view.take(to.addr(), view.output.wrapping_add(size as u32), len.into(), Side::Program)? > 0 {
        return Err(KError::from(EFAULT));
    }
    copied.put(0, len)?;
    fifo.put(OUT, view.output.wrapping_add(record + size as u32))?;
    Ok(0)
}
