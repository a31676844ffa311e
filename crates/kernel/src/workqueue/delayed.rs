//! Work that waits for a time, or for readers, first. Counterpart: kernel/workqueue.c (`queue_delayed_work_on` and kin).
//!
//! A `struct delayed_work` has its timer inside: inline code sees by it that the work waits.

use super::work::{clear_pending, flush, insert, note_cpu, set_pending, take, wait_idle};
use super::{Queue, Work};
use crate::module::symbols;
use crate::time::timer::{self, Timer};
use crate::{fault, log, rcu};
use kabi::{Field, KPtr, KResult, c_int, c_ulong, exports, kexport};
use std::sync::OnceLock;
use std::sync::atomic::AtomicBool;

exports![
    delayed_work_timer_fn,
    queue_delayed_work_on,
    mod_delayed_work_on,
    cancel_delayed_work,
    cancel_delayed_work_sync,
    flush_delayed_work,
    queue_rcu_work,
    flush_rcu_work
];

/// The kernel's `struct delayed_work`; the work comes first.
#[derive(Debug)]
pub struct DelayedWork;
/// The kernel's `struct rcu_work`; the work comes first.
#[derive(Debug)]
pub struct RcuWork;

static TIMER: Field = Field::new("delayed_work", "timer");
static QUEUE: Field = Field::new("delayed_work", "wq");
static CPU: Field = Field::new("delayed_work", "cpu");
static RCU_QUEUE: Field = Field::new("rcu_work", "wq");
static TIMER_FUNCTION: Field = Field::new("timer_list", "function");

fn timer_of(work: KPtr<DelayedWork>) -> KResult<Timer> {
    Ok(TIMER.of(work)?.cast())
}

/// True for the address that modules know as `delayed_work_timer_fn`.
pub(crate) fn is_timer_function(function: u64) -> bool {
    static OWN: OnceLock<Option<u64>> = OnceLock::new();
    function != 0 && *OWN.get_or_init(|| symbols::address_of("delayed_work_timer_fn").ok().flatten()) == Some(function)
}

/// The function of the work behind a timer with this function, if it is a delayed work's.
pub(crate) fn function_of(timer: Timer, function: u64) -> KResult<Option<u64>> {
    if !is_timer_function(function) {
        return Ok(None);
    }
    super::work::function_of(work_of(timer)?).map(Some)
}

fn work_of(timer: Timer) -> KResult<Work> {
    Ok(KPtr::new(timer.addr().wrapping_sub(TIMER.offset()?)))
}

/// The time is over: the work is queued.
pub(crate) fn on_timer(timer: Timer) -> KResult {
    let work = work_of(timer)?;
    let queue = Queue::new(QUEUE.get(work)?);
    // This thread is no task that could give way.
    insert(queue, work)?.drop_all();
    Ok(())
}

/// What a delayed work's timer calls; for who compares its address.
#[kexport(since = "3.7", header = "linux/workqueue.h")]
fn delayed_work_timer_fn(timer: Timer) -> KResult {
    on_timer(timer)
}

/// Queues a work that is marked as pending, now or later.
fn queue_after(wq: Queue, work: KPtr<DelayedWork>, cpu: c_int, ticks: u64) -> KResult {
    let timer = timer_of(work)?;
    if !is_timer_function(TIMER_FUNCTION.get(timer)?) {
        fault::warn_in("__queue_delayed_work", "kernel/workqueue.c", 1, None);
    }
    if ticks == 0 {
        insert(wq, work.cast())?.let_run();
        return Ok(());
    }
    QUEUE.put(work, wq.addr())?;
    CPU.put(work, cpu)?;
    timer::arm(timer, log::jiffies().wrapping_add(ticks)).map(|_| ())
}

/// Queues a work after so many ticks: false if it is pending.
#[kexport(since = "2.6.20", header = "linux/workqueue.h", partial = "a work for one CPU runs on any")]
fn queue_delayed_work_on(cpu: c_int, wq: Queue, work: KPtr<DelayedWork>, ticks: c_ulong) -> KResult<bool> {
    static ASKED: AtomicBool = AtomicBool::new(false);
    note_cpu(cpu, &__EXPORT_queue_delayed_work_on, &ASKED);
    if !set_pending(work.cast())? {
        return Ok(false);
    }
    queue_after(wq, work, cpu, ticks)?;
    Ok(true)
}

/// Takes a delayed work away from its timer or its queue: true if it was there.
fn grab(work: KPtr<DelayedWork>) -> KResult<bool> {
    Ok(timer::disarm(timer_of(work)?)? || take(work.cast()))
}

/// Queues a work after so many ticks from now, whether it is pending or not: true if it was.
#[kexport(gpl, since = "3.7", header = "linux/workqueue.h", partial = "a work for one CPU runs on any")]
fn mod_delayed_work_on(cpu: c_int, wq: Queue, work: KPtr<DelayedWork>, ticks: c_ulong) -> KResult<bool> {
    static ASKED: AtomicBool = AtomicBool::new(false);
    note_cpu(cpu, &__EXPORT_mod_delayed_work_on, &ASKED);
    let was = grab(work)?;
    if !was && !set_pending(work.cast())? {
        // Somebody is just about to queue it.
        return Ok(true);
    }
    queue_after(wq, work, cpu, ticks)?;
    Ok(was)
}

/// Takes a delayed work back: true if it was pending. It may still run.
#[kexport(since = "2.6.20", header = "linux/workqueue.h")]
fn cancel_delayed_work(work: KPtr<DelayedWork>) -> KResult<bool> {
    let was = grab(work)?;
    if was {
        clear_pending(work.cast())?;
    }
    Ok(was)
}

/// [`cancel_delayed_work`] that waits until it does not run.
#[kexport(since = "2.6.23", header = "linux/workqueue.h")]
fn cancel_delayed_work_sync(work: KPtr<DelayedWork>) -> KResult<bool> {
    let was = grab(work)?;
    wait_idle(work.cast())?;
    if was {
        clear_pending(work.cast())?;
    }
    Ok(was)
}

/// Queues a delayed work that waits, and waits until it is done: false if there was nothing to wait for.
#[kexport(since = "2.6.24", header = "linux/workqueue.h")]
fn flush_delayed_work(work: KPtr<DelayedWork>) -> KResult<bool> {
    let waited = timer::disarm_sync(timer_of(work)?)?;
    if waited {
        insert(Queue::new(QUEUE.get(work)?), work.cast())?.drop_all();
    }
    Ok(flush(work.cast())? || waited)
}

/// Queues a work once all who read now have ended: false if it is pending.
#[kexport(since = "4.17", header = "linux/workqueue.h")]
fn queue_rcu_work(wq: Queue, work: KPtr<RcuWork>) -> KResult<bool> {
    if !set_pending(work.cast())? {
        return Ok(false);
    }
    RCU_QUEUE.put(work, wq.addr())?;
    rcu::call_later(Box::new(move || match insert(wq, work.cast()) {
        Ok(started) => started.drop_all(),
        Err(e) => log::line(3, &format!("lkm: a work that waited for readers cannot be queued: {e}")),
    }));
    Ok(true)
}

/// Waits until such a work is done: false if there was nothing to wait for.
#[kexport(since = "4.17", header = "linux/workqueue.h")]
fn flush_rcu_work(work: KPtr<RcuWork>) -> KResult<bool> {
    let pending = super::work::is_pending(work.cast())?;
    if pending {
        rcu::wait_for_callbacks();
    }
    Ok(flush(work.cast())? || pending)
}
