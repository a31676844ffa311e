//! Reference counts that saturate rather than wrap around. Counterpart: lib/refcount.c.

use crate::fault;
use crate::locking::spinlock;
use kabi::{KPtr, KResult, c_int, exports, kexport};
use machine::access;
use std::sync::atomic::{AtomicU8, Ordering};

exports![
    refcount_warn_saturate,
    refcount_dec_if_one,
    refcount_dec_not_one,
    refcount_dec_and_mutex_lock,
    refcount_dec_and_lock,
    refcount_dec_and_lock_irqsave
];

/// `REFCOUNT_SATURATED`.
const SATURATED: u32 = (i32::MIN / 2) as u32;

/// What a count is told to have come to, by its number.
const EVENTS: [&str; 5] = [
    "refcount_t: saturated; leaking memory.",
    "refcount_t: saturated; leaking memory.",
    "refcount_t: addition on 0; use-after-free.",
    "refcount_t: underflow; use-after-free.",
    "refcount_t: decrement hit 0; leaking memory.",
];

/// Each kind of event is told once.
static TOLD: AtomicU8 = AtomicU8::new(0);

/// Saturates a count that went wrong, and warns.
#[kexport(since = "5.5", header = "linux/refcount.h")]
fn refcount_warn_saturate(count: KPtr, event: c_int) -> KResult {
    count.put(0, SATURATED)?;
    let index = usize::try_from(event).unwrap_or(EVENTS.len());
    let text = EVENTS.get(index).unwrap_or(&"refcount_t: unknown saturation event!?.");
    let bit = 1 << index.min(7);
    if TOLD.fetch_or(bit, Ordering::Relaxed) & bit == 0 {
        fault::warn_in("refcount_warn_saturate", "lib/refcount.c", index.min(EVENTS.len()), Some(text));
    }
    Ok(())
}

/// Sets a count of 1 to 0; true if it was 1.
#[kexport(since = "4.11", header = "linux/refcount.h")]
fn refcount_dec_if_one(count: KPtr) -> KResult<bool> {
    Ok(access::compare_exchange_u32(count.addr(), 1, 0)? == 1)
}

/// Takes 1 from a count that is not 1; false if it is.
#[kexport(since = "4.11", header = "linux/refcount.h")]
fn refcount_dec_not_one(count: KPtr) -> KResult<bool> {
    loop {
        let old: u32 = count.get(0)?;
        match old {
            SATURATED => return Ok(true),
            1 => return Ok(false),
            0 => {
                refcount_warn_saturate(count, 3)?;
                return Ok(true);
            }
            _ if access::compare_exchange_u32(count.addr(), old, old - 1)? == old => return Ok(true),
            _ => {}
        }
    }
}

/// Takes 1 from a count; true if nothing is left.
fn was_last(count: KPtr) -> KResult<bool> {
    let old = access::fetch_add_u32(count.addr(), u32::MAX)?;
    if old as i32 <= 0 {
        refcount_warn_saturate(count, 3)?;
    }
    Ok(old == 1)
}

/// Takes 1 from a count, and holds the mutex if nothing is left: true then.
#[kexport(since = "4.11", header = "linux/refcount.h")]
fn refcount_dec_and_mutex_lock(count: KPtr, mutex: KPtr) -> KResult<bool> {
    if refcount_dec_not_one(count)? {
        return Ok(false);
    }
    super::memory::call_export("mutex_lock", &[mutex.addr()])?;
    let last = was_last(count)?;
    if !last {
        super::memory::call_export("mutex_unlock", &[mutex.addr()])?;
    }
    Ok(last)
}

/// Takes 1 from a count, and holds the spin lock if nothing is left: true then.
#[kexport(since = "4.11", header = "linux/refcount.h")]
fn refcount_dec_and_lock(count: KPtr, lock: KPtr<spinlock::SpinLock>) -> KResult<bool> {
    if refcount_dec_not_one(count)? {
        return Ok(false);
    }
    spinlock::lock(lock)?;
    let last = was_last(count)?;
    if !last {
        spinlock::unlock(lock)?;
    }
    Ok(last)
}

/// [`refcount_dec_and_lock`] with interrupts disabled while the lock is held; `*flags` gets what they were.
#[kexport(since = "4.18", header = "linux/refcount.h")]
fn refcount_dec_and_lock_irqsave(count: KPtr, lock: KPtr<spinlock::SpinLock>, flags: KPtr) -> KResult<bool> {
    if refcount_dec_not_one(count)? {
        return Ok(false);
    }
    let saved = crate::locking::irq_save();
    spinlock::lock(lock)?;
    let last = was_last(count)?;
    if last {
        flags.put(0, saved)?;
    } else {
        spinlock::unlock(lock)?;
        crate::locking::irq_restore(saved);
    }
    Ok(last)
}

#[test]
fn counts_do_not_go_below_one_by_themselves() {
    let count = [3u32];
    let at = KPtr::new(count.as_ptr() as u64);
    let taken = [(); 3].map(|()| refcount_dec_not_one(at).unwrap());
    assert_eq!((taken, at.get::<u32>(0).unwrap()), ([true, true, false], 1));
    assert_eq!([(); 2].map(|()| refcount_dec_if_one(at).unwrap()), [true, false]);
}
