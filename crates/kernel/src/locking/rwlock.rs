//! Read-write locks. Counterpart: kernel/locking/{spinlock,qrwlock}.c.
//!
//! The first byte of the word is 0xff while a writer holds the lock; each reader adds 0x200. Nobody queues.

use super::{BOTTOM_HALVES, irq_restore, irq_save, spin};
use crate::sched;
use kabi::{KPtr, KResult, c_int, c_ulong, exports, kexport};
use machine::access;

exports![
    _raw_read_lock,
    _raw_read_lock_bh,
    _raw_read_lock_irq,
    _raw_read_lock_irqsave,
    _raw_read_trylock,
    _raw_read_unlock,
    _raw_read_unlock_bh,
    _raw_read_unlock_irq,
    _raw_read_unlock_irqrestore,
    _raw_write_lock,
    _raw_write_lock_bh,
    _raw_write_lock_irq,
    _raw_write_lock_irqsave,
    _raw_write_trylock,
    _raw_write_unlock,
    _raw_write_unlock_bh,
    _raw_write_unlock_irq,
    _raw_write_unlock_irqrestore,
    queued_read_lock_slowpath,
    queued_write_lock_slowpath
];

/// The kernel's `rwlock_t`.
#[derive(Debug)]
pub struct RwLock;

type Lock = KPtr<RwLock>;

const WRITER: u32 = 0xff;
/// A writer holds the lock or waits for it.
const WRITER_MASK: u32 = 0x1ff;
const READER: u32 = 0x200;
const STUCK: &str = "a read-write lock stays taken: its holder died, or is this task";

fn try_read(lock: Lock) -> KResult<bool> {
    let count: u32 = lock.get(0)?;
    let free = count & WRITER_MASK == 0;
    Ok(free && access::compare_exchange_u32(lock.addr(), count, count.wrapping_add(READER))? == count)
}

fn try_write(lock: Lock) -> KResult<bool> {
    Ok(access::compare_exchange_u32(lock.addr(), 0, WRITER)? == 0)
}

fn take(lock: Lock, count: i32, attempt: fn(Lock) -> KResult<bool>) -> KResult {
    sched::preempt_add(count);
    spin(|| attempt(lock), STUCK)
}

fn try_or_undo(lock: Lock, attempt: fn(Lock) -> KResult<bool>) -> KResult<c_int> {
    sched::preempt_add(1);
    let taken = attempt(lock)?;
    if !taken {
        sched::preempt_add(-1);
    }
    Ok(taken.into())
}

fn give_read(lock: Lock, count: i32) -> KResult {
    access::fetch_add_u32(lock.addr(), READER.wrapping_neg())?;
    sched::preempt_add(-count);
    if count > BOTTOM_HALVES {
        crate::softirq::on_enable();
    }
    Ok(())
}

fn give_write(lock: Lock, count: i32) -> KResult {
    lock.put(0, 0u8)?;
    sched::preempt_add(-count);
    if count > BOTTOM_HALVES {
        crate::softirq::on_enable();
    }
    Ok(())
}

macro_rules! family {
    ($attempt:ident, $give:ident, $who:literal; $lock:ident, $bh:ident, $irq:ident, $irqsave:ident, $try:ident,
     $unlock:ident, $unlock_bh:ident, $unlock_irq:ident, $restore:ident) => {
        #[doc = concat!("Takes a read-write lock ", $who, ".")]
        #[kexport(since = "2.6.39", header = "linux/rwlock_api_smp.h")]
        fn $lock(lock: Lock) -> KResult {
            take(lock, 1, $attempt)
        }

        #[doc = concat!("Takes a read-write lock ", $who, ", with bottom halves disabled.")]
        #[kexport(since = "2.6.39", header = "linux/rwlock_api_smp.h")]
        fn $bh(lock: Lock) -> KResult {
            take(lock, 1 + BOTTOM_HALVES, $attempt)
        }

        #[doc = concat!("Takes a read-write lock ", $who, ", with interrupts disabled.")]
        #[kexport(since = "2.6.39", header = "linux/rwlock_api_smp.h")]
        fn $irq(lock: Lock) -> KResult {
            sched::set_irqs_off(true);
            take(lock, 1, $attempt)
        }

        #[doc = concat!("Takes a read-write lock ", $who, ", with interrupts disabled; returns the flags as they were.")]
        #[kexport(since = "2.6.39", header = "linux/rwlock_api_smp.h")]
        fn $irqsave(lock: Lock) -> KResult<c_ulong> {
            let flags = irq_save();
            take(lock, 1, $attempt)?;
            Ok(flags)
        }

        #[doc = concat!("Takes a read-write lock ", $who, " if that is possible at once: 1 if it was.")]
        #[kexport(since = "2.6.39", header = "linux/rwlock_api_smp.h")]
        fn $try(lock: Lock) -> KResult<c_int> {
            try_or_undo(lock, $attempt)
        }

        #[doc = concat!("Gives a read-write lock back that was taken ", $who, ".")]
        #[kexport(since = "2.6.39", header = "linux/rwlock_api_smp.h")]
        fn $unlock(lock: Lock) -> KResult {
            $give(lock, 1)
        }

        #[doc = concat!("Gives a read-write lock back that was taken ", $who, "; enables bottom halves.")]
        #[kexport(since = "2.6.39", header = "linux/rwlock_api_smp.h")]
        fn $unlock_bh(lock: Lock) -> KResult {
            $give(lock, 1 + BOTTOM_HALVES)
        }

        #[doc = concat!("Gives a read-write lock back that was taken ", $who, "; enables interrupts.")]
        #[kexport(since = "2.6.39", header = "linux/rwlock_api_smp.h")]
        fn $unlock_irq(lock: Lock) -> KResult {
            sched::set_irqs_off(false);
            $give(lock, 1)
        }

        #[doc = concat!("Gives a read-write lock back that was taken ", $who, "; restores the flags.")]
        #[kexport(since = "2.6.39", header = "linux/rwlock_api_smp.h")]
        fn $restore(lock: Lock, flags: c_ulong) -> KResult {
            irq_restore(flags);
            $give(lock, 1)
        }
    };
}

family!(try_read, give_read, "for reading"; _raw_read_lock, _raw_read_lock_bh, _raw_read_lock_irq,
    _raw_read_lock_irqsave, _raw_read_trylock, _raw_read_unlock, _raw_read_unlock_bh, _raw_read_unlock_irq,
    _raw_read_unlock_irqrestore);
family!(try_write, give_write, "for writing"; _raw_write_lock, _raw_write_lock_bh, _raw_write_lock_irq,
    _raw_write_lock_irqsave, _raw_write_trylock, _raw_write_unlock, _raw_write_unlock_bh, _raw_write_unlock_irq,
    _raw_write_unlock_irqrestore);

/// Takes a lock for reading that inline code found taken, after it added its reader to the word.
#[kexport(since = "4.2", header = "asm-generic/qrwlock.h")]
fn queued_read_lock_slowpath(lock: Lock) -> KResult {
    access::fetch_add_u32(lock.addr(), READER.wrapping_neg())?;
    spin(|| try_read(lock), STUCK)
}

/// Takes a lock for writing that inline code found taken.
#[kexport(since = "4.2", header = "asm-generic/qrwlock.h")]
fn queued_write_lock_slowpath(lock: Lock) -> KResult {
    spin(|| try_write(lock), STUCK)
}
