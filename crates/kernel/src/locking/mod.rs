//! Locks. Counterpart: kernel/locking/.
//!
//! A lock's word lies in the module and keeps Linux's format as far as inline code looks at it.

pub mod mutex;
pub mod rwlock;
pub mod rwsem;
pub mod semaphore;
mod sleeping;
pub mod spinlock;

use crate::{fault, sched};
use kabi::{KError, KResult};
use std::time::Instant;

/// `SOFTIRQ_DISABLE_OFFSET`: what disabling bottom halves adds to the preempt count.
const BOTTOM_HALVES: i32 = 0x200;
/// The processor's flags as `local_irq_save` gives them: with interrupts on, and off.
const FLAGS_ON: u64 = 0x246;
const FLAGS_OFF: u64 = 0x46;

/// Tries until it works. A lock that stays taken for longer than a soft lockup takes is a deadlock: the caller dies.
pub(crate) fn spin(mut attempt: impl FnMut() -> KResult<bool>, stuck: &'static str) -> KResult {
    if attempt()? {
        return Ok(());
    }
    let since = Instant::now();
    let mut turns = 0u32;
    while !attempt()? {
        turns = turns.wrapping_add(1);
        if turns.is_multiple_of(64) {
            // The holder may wait for the host's processor.
            std::thread::yield_now();
        }
        if turns.is_multiple_of(4096) && since.elapsed() > fault::softlockup() {
            return Err(KError::Bug(stuck));
        }
        std::hint::spin_loop();
    }
    Ok(())
}

/// Switches interrupts off as `local_irq_save` does.
pub(crate) fn irq_save() -> u64 {
    if sched::set_irqs_off(true) { FLAGS_OFF } else { FLAGS_ON }
}

pub(crate) fn irq_restore(flags: u64) {
    sched::set_irqs_off(flags & 0x200 == 0);
}
