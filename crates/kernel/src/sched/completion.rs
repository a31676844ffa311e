//! Completions: waiting until somebody says that it is done. Counterpart: kernel/sched/completion.c.
//!
//! `done` counts how many may pass; its highest value lets everybody pass. The queue in the structure stays empty: who
//! waits does so on the host.

use super::wakeup::{Sleeper, Wake};
use crate::time::jiffies::HZ;
use kabi::{Field, KPtr, KResult, c_int, c_long, c_ulong, exports, kexport};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

exports![
    complete,
    complete_all,
    completion_done,
    try_wait_for_completion,
    wait_for_completion,
    wait_for_completion_io,
    wait_for_completion_timeout,
    wait_for_completion_interruptible,
    wait_for_completion_interruptible_timeout,
    wait_for_completion_killable,
    wait_for_completion_killable_timeout
];

/// The kernel's `struct completion`.
#[derive(Debug)]
pub struct Completion;

static DONE: Field = Field::new("completion", "done");

/// Everybody may pass.
const ALL: u32 = u32::MAX;

/// Held while a counter changes; signalled when one grew. Who waits for which, in the order in which they came.
static CHANGED: (Mutex<Vec<(u64, Sleeper)>>, Condvar) = (Mutex::new(Vec::new()), Condvar::new());

/// Takes one from the counter if there is one. The lock is held.
fn pass(x: KPtr<Completion>) -> KResult<bool> {
    let done: u32 = DONE.get(x)?;
    if done != 0 && done != ALL {
        DONE.put(x, done - 1)?;
    }
    Ok(done != 0)
}

fn grow(x: KPtr<Completion>, all: bool) -> KResult {
    let mut waiting = CHANGED.0.lock().unwrap_or_else(PoisonError::into_inner);
    let done: u32 = DONE.get(x)?;
    let at = waiting.iter().position(|(at, _)| *at == x.addr());
    let wake = at.map(|at| Wake::of(waiting.remove(at).1));
    DONE.put(x, if all { ALL } else { done.saturating_add(1) })?;
    drop(waiting);
    CHANGED.1.notify_all();
    if let Some(wake) = wake {
        wake.let_run();
    }
    Ok(())
}

/// Waits until it may pass or the time is over: whether it passed.
fn wait(x: KPtr<Completion>, until: Option<Instant>) -> KResult<bool> {
    super::wakeup::yield_point();
    // Who comes when it is done already does not sleep.
    let guard = CHANGED.0.lock().unwrap_or_else(PoisonError::into_inner);
    if pass(x)? {
        return Ok(true);
    }
    drop(guard);
    let me = (x.addr(), Sleeper::task(super::current().addr()));
    super::blocking(|| {
        let mut waiting = CHANGED.0.lock().unwrap_or_else(PoisonError::into_inner);
        let passed = loop {
            match pass(x) {
                Ok(false) => {}
                other => break other,
            }
            if !waiting.contains(&me) {
                waiting.push(me);
            }
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            waiting = match left {
                Some(Duration::ZERO) => break Ok(false),
                Some(left) => CHANGED.1.wait_timeout(waiting, left).unwrap_or_else(PoisonError::into_inner).0,
                None => CHANGED.1.wait(waiting).unwrap_or_else(PoisonError::into_inner),
            };
        };
        waiting.retain(|known| *known != me);
        passed
    })
}

const TICK: Duration = Duration::from_millis(1000 / HZ);

/// When `ticks` from now are over. What is longer than the host's clock counts is for ever.
pub(crate) fn deadline(ticks: c_ulong) -> Option<Instant> {
    let time = u32::try_from(ticks).ok().and_then(|ticks| TICK.checked_mul(ticks));
    time.and_then(|time| Instant::now().checked_add(time))
}

/// Waits for at most `ticks`: how many are left, at least 1; 0 if it did not pass.
fn wait_ticks(x: KPtr<Completion>, ticks: c_ulong) -> KResult<c_long> {
    let until = deadline(ticks);
    if !wait(x, until)? {
        return Ok(0);
    }
    // What has begun of a tick is left: who did not wait has all of them.
    let left =
        until.map(|until| until.saturating_duration_since(Instant::now()).as_micros().div_ceil(TICK.as_micros()));
    Ok(left.map_or(ticks as c_long, |left| (left as c_long).max(1)))
}

/// Lets one who waits, or comes to wait, pass.
#[kexport(since = "2.6.0", header = "linux/completion.h")]
fn complete(x: KPtr<Completion>) -> KResult {
    grow(x, false)
}

/// Lets everybody pass from now on.
#[kexport(since = "2.6.0", header = "linux/completion.h")]
fn complete_all(x: KPtr<Completion>) -> KResult {
    grow(x, true)
}

/// True if somebody may pass.
#[kexport(since = "2.6.27", header = "linux/completion.h")]
fn completion_done(x: KPtr<Completion>) -> KResult<bool> {
    Ok(DONE.get::<u32, _>(x)? != 0)
}

/// Passes if that is possible at once: true if it was.
#[kexport(since = "2.6.27", header = "linux/completion.h")]
fn try_wait_for_completion(x: KPtr<Completion>) -> KResult<bool> {
    let _guard = CHANGED.0.lock().unwrap_or_else(PoisonError::into_inner);
    pass(x)
}

/// Waits until it may pass.
#[kexport(since = "2.6.0", header = "linux/completion.h")]
fn wait_for_completion(x: KPtr<Completion>) -> KResult {
    wait(x, None).map(|_| ())
}

/// [`wait_for_completion`] that counts as waiting for a device.
#[kexport(since = "3.9", header = "linux/completion.h")]
fn wait_for_completion_io(x: KPtr<Completion>) -> KResult {
    wait(x, None).map(|_| ())
}

/// Waits for at most `ticks`: how many are left, at least 1; 0 if the time is over.
#[kexport(since = "2.6.11", header = "linux/completion.h")]
fn wait_for_completion_timeout(x: KPtr<Completion>, ticks: c_ulong) -> KResult<c_long> {
    wait_ticks(x, ticks)
}

/// [`wait_for_completion`] that a signal may end.
#[kexport(since = "2.6.11", header = "linux/completion.h", partial = "no signal ends the wait")]
fn wait_for_completion_interruptible(x: KPtr<Completion>) -> KResult<c_int> {
    wait(x, None).map(|_| 0)
}

/// [`wait_for_completion_timeout`] that a signal may end.
#[kexport(since = "2.6.11", header = "linux/completion.h", partial = "no signal ends the wait")]
fn wait_for_completion_interruptible_timeout(x: KPtr<Completion>, ticks: c_ulong) -> KResult<c_long> {
    wait_ticks(x, ticks)
}

/// [`wait_for_completion`] that a fatal signal may end.
#[kexport(since = "2.6.25", header = "linux/completion.h", partial = "no signal ends the wait")]
fn wait_for_completion_killable(x: KPtr<Completion>) -> KResult<c_int> {
    wait(x, None).map(|_| 0)
}

/// [`wait_for_completion_timeout`] that a fatal signal may end.
#[kexport(since = "2.6.35", header = "linux/completion.h", partial = "no signal ends the wait")]
fn wait_for_completion_killable_timeout(x: KPtr<Completion>, ticks: c_ulong) -> KResult<c_long> {
    wait_ticks(x, ticks)
}
