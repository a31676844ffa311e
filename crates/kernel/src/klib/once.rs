//! Code that runs once (`DO_ONCE`), and CPUs for who spreads work over them. Counterpart: lib/once.c,
//! `cpumask_local_spread` of lib/cpumask.c.

use crate::jump_label::{self, StaticKey};
use crate::{locking, sched};
use kabi::{KPtr, KResult, c_int, c_uint, exports, kexport};
use std::sync::atomic::{AtomicBool, Ordering};

exports![__do_once_start, __do_once_done, cpumask_local_spread];

/// Held while code runs once: one at a time in the whole kernel.
static HELD: AtomicBool = AtomicBool::new(false);

fn release(irqs: u64) {
    HELD.store(false, Ordering::Release);
    sched::preempt_add(-1);
    locking::irq_restore(irqs);
}

/// True if the code is to run now: until [`__do_once_done`] interrupts are off, and no other code runs once.
#[kexport(since = "4.4", header = "linux/once.h")]
fn __do_once_start(done: KPtr, flags: KPtr) -> KResult<bool> {
    let irqs = locking::irq_save();
    sched::preempt_add(1);
    let take = || Ok(HELD.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed).is_ok());
    locking::spin(take, "code that is to run once does not end: its task died, or is this one")?;
    let begun = done.get::<u8>(0).and_then(|done| Ok(done == 0 && flags.put(0, irqs).map(|()| true)?));
    if !matches!(begun, Ok(true)) {
        release(irqs);
    }
    begun
}

/// Says that the code ran, and has its place jumped over from now on.
#[kexport(since = "4.4", header = "linux/once.h")]
fn __do_once_done(done: KPtr, key: KPtr<StaticKey>, flags: KPtr, _module: KPtr) -> KResult {
    let irqs = flags.get(0)?;
    done.put(0, 1u8)?;
    release(irqs);
    jump_label::set(key, false)
}

/// The CPU for number `i` of what is spread over all CPUs; there is one node.
#[kexport(since = "3.17", header = "linux/cpumask.h")]
fn cpumask_local_spread(i: c_uint, _node: c_int) -> c_uint {
    i % machine::cpu::count().max(1) as c_uint
}
