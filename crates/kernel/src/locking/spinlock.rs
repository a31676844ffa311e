//! Spin locks. Counterpart: kernel/locking/{spinlock,qspinlock}.c.
//!
//! The word is 0 for a free lock; its first byte is 1 while it is held. Nobody queues.

use super::{BOTTOM_HALVES, irq_restore, irq_save, spin};
use crate::sched;
use kabi::{KPtr, KResult, KStr, c_int, c_ulong, exports, kexport};
use machine::access;

exports![
    _raw_spin_lock,
    _raw_spin_lock_bh,
    _raw_spin_lock_irq,
    _raw_spin_lock_irqsave,
    _raw_spin_trylock,
    _raw_spin_trylock_bh,
    _raw_spin_unlock,
    _raw_spin_unlock_bh,
    _raw_spin_unlock_irq,
    _raw_spin_unlock_irqrestore,
    native_queued_spin_lock_slowpath,
    __raw_spin_lock_init,
    __local_bh_enable_ip
];

/// The kernel's `raw_spinlock_t`.
#[derive(Debug)]
pub struct SpinLock;

type Lock = KPtr<SpinLock>;

const STUCK: &str = "a spin lock stays taken: its holder died, or is this task";

fn try_take(lock: Lock) -> KResult<bool> {
    Ok(access::compare_exchange_u32(lock.addr(), 0, 1)? == 0)
}

fn take(lock: Lock, count: i32) -> KResult {
    sched::preempt_add(count);
    spin(|| try_take(lock), STUCK)
}

fn try_or_undo(lock: Lock, count: i32) -> KResult<c_int> {
    sched::preempt_add(count);
    let taken = try_take(lock)?;
    if !taken {
        sched::preempt_add(-count);
    }
    Ok(taken.into())
}

fn give(lock: Lock, count: i32) -> KResult {
    lock.put(0, 0u8)?;
    sched::preempt_add(-count);
    if count > BOTTOM_HALVES {
        crate::softirq::on_enable();
    }
    Ok(())
}

/// Takes a lock for lkm's own work on what a module shares.
///
/// # Errors
/// When the lock cannot be reached, or stays taken.
pub fn lock(lock: Lock) -> KResult {
    take(lock, 1)
}

/// Gives such a lock back.
///
/// # Errors
/// When the lock cannot be reached.
pub fn unlock(lock: Lock) -> KResult {
    give(lock, 1)
}

/// Takes a spin lock.
#[kexport(since = "2.6.39", header = "linux/spinlock_api_smp.h")]
fn _raw_spin_lock(lock: Lock) -> KResult {
    take(lock, 1)
}

/// Takes a spin lock with bottom halves disabled.
#[kexport(since = "2.6.39", header = "linux/spinlock_api_smp.h")]
fn _raw_spin_lock_bh(lock: Lock) -> KResult {
    take(lock, 1 + BOTTOM_HALVES)
}

/// Takes a spin lock with interrupts disabled.
#[kexport(since = "2.6.39", header = "linux/spinlock_api_smp.h")]
fn _raw_spin_lock_irq(lock: Lock) -> KResult {
    sched::set_irqs_off(true);
    take(lock, 1)
}

/// Takes a spin lock with interrupts disabled; returns the flags as they were.
#[kexport(since = "2.6.39", header = "linux/spinlock_api_smp.h")]
fn _raw_spin_lock_irqsave(lock: Lock) -> KResult<c_ulong> {
    let flags = irq_save();
    take(lock, 1)?;
    Ok(flags)
}

/// Takes a spin lock if it is free: 1 if it was.
#[kexport(since = "2.6.39", header = "linux/spinlock_api_smp.h")]
fn _raw_spin_trylock(lock: Lock) -> KResult<c_int> {
    try_or_undo(lock, 1)
}

/// [`_raw_spin_trylock`] that disables bottom halves when it succeeds.
#[kexport(since = "2.6.39", header = "linux/spinlock_api_smp.h")]
fn _raw_spin_trylock_bh(lock: Lock) -> KResult<c_int> {
    try_or_undo(lock, 1 + BOTTOM_HALVES)
}

/// Gives a spin lock back.
#[kexport(since = "2.6.39", header = "linux/spinlock_api_smp.h")]
fn _raw_spin_unlock(lock: Lock) -> KResult {
    give(lock, 1)
}

/// Gives a spin lock back and enables bottom halves.
#[kexport(since = "2.6.39", header = "linux/spinlock_api_smp.h")]
fn _raw_spin_unlock_bh(lock: Lock) -> KResult {
    give(lock, 1 + BOTTOM_HALVES)
}

/// Gives a spin lock back and enables interrupts.
#[kexport(since = "2.6.39", header = "linux/spinlock_api_smp.h")]
fn _raw_spin_unlock_irq(lock: Lock) -> KResult {
    sched::set_irqs_off(false);
    give(lock, 1)
}

/// Gives a spin lock back and restores the flags.
#[kexport(since = "2.6.39", header = "linux/spinlock_api_smp.h")]
fn _raw_spin_unlock_irqrestore(lock: Lock, flags: c_ulong) -> KResult {
    irq_restore(flags);
    give(lock, 1)
}

/// Takes a lock that inline code found taken; the preempt count is the caller's business.
#[kexport(since = "4.2", header = "asm-generic/qspinlock.h")]
fn native_queued_spin_lock_slowpath(lock: Lock, _seen: u32) -> KResult {
    spin(|| try_take(lock), STUCK)
}

/// Makes a free spin lock; the names are for lock debugging.
#[kexport(since = "2.6.39", header = "linux/spinlock.h")]
fn __raw_spin_lock_init(lock: Lock, _name: Option<KStr>, _key: KPtr, _inner: i16) -> KResult {
    lock.put(0, 0u32)
}

/// Enables bottom halves again, and runs what waited for that.
#[kexport(since = "3.12", header = "linux/bottom_half.h")]
fn __local_bh_enable_ip(_ip: c_ulong, count: u32) {
    sched::preempt_add((count as i32).saturating_neg());
    crate::softirq::on_enable();
}
