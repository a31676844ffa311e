//! Sleeping and waking up. Counterpart: kernel/sched/core.c, kernel/time/timer.c (`schedule_timeout`).
//!
//! As in Linux a task says in its structure that it sleeps (`__state`, which inline code writes), then gives the CPU up;
//! waking it up writes 0 there.

use super::wakeup::{Sleeper, Wake};
use super::{TaskStruct, current, signal};
use crate::time::jiffies::HZ;
use kabi::{Field, KPtr, KResult, c_int, c_long, exports, kexport};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

exports![
    schedule,
    wake_up_process,
    schedule_timeout,
    schedule_timeout_interruptible,
    schedule_timeout_uninterruptible,
    schedule_timeout_killable,
    schedule_timeout_idle,
    __cond_resched
];

static STATE: Field = Field::new("task_struct", "__state");

/// `TASK_RUNNING`.
pub(crate) const RUNNING: u32 = 0;
/// `TASK_INTERRUPTIBLE`.
const INTERRUPTIBLE: u32 = 1;
/// `TASK_UNINTERRUPTIBLE`.
const UNINTERRUPTIBLE: u32 = 2;
/// `TASK_KILLABLE`.
const KILLABLE: u32 = 0x102;
/// `TASK_IDLE`.
const IDLE: u32 = 0x402;
/// `MAX_SCHEDULE_TIMEOUT`.
const FOR_EVER: c_long = c_long::MAX;

/// Held while a state is looked at or set to running; signalled when a task was woken.
static SLEEP: (Mutex<()>, Condvar) = (Mutex::new(()), Condvar::new());

/// What the task's structure says; a task that destroyed it runs.
fn state(task: KPtr<TaskStruct>) -> u32 {
    STATE.get(task).unwrap_or(RUNNING)
}

/// Sets a task's state.
///
/// # Errors
/// When its structure cannot be written.
pub(crate) fn set_state(task: KPtr<TaskStruct>, new: u32) -> KResult {
    STATE.put(task, new)
}

/// Makes a task that is about to start sleep until it is woken up.
///
/// # Errors
/// When its structure cannot be written.
pub(super) fn set_unstarted(task: KPtr<TaskStruct>) -> KResult {
    set_state(task, UNINTERRUPTIBLE)
}

/// Waits, without a CPU, until the task is woken up or the time is over.
pub(crate) fn wait_for_wake_up(task: KPtr<TaskStruct>, until: Option<Instant>) {
    let mut guard = SLEEP.0.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        let state = state(task);
        // A signal ends a sleep that it may end, before it begins too.
        if state == RUNNING || is_interruptible(state) && signal::is_pending(task) && set_state(task, RUNNING).is_ok() {
            return;
        }
        let left = until.map(|until| until.saturating_duration_since(Instant::now()));
        guard = match left {
            Some(Duration::ZERO) => return,
            Some(left) => SLEEP.1.wait_timeout(guard, left).unwrap_or_else(PoisonError::into_inner).0,
            None => SLEEP.1.wait(guard).unwrap_or_else(PoisonError::into_inner),
        };
    }
}

/// True for a state of sleep that a signal ends.
pub(crate) fn is_interruptible(state: u32) -> bool {
    state & INTERRUPTIBLE != 0
}

/// Somebody got a signal: those who sleep look.
pub(crate) fn wake_signalled() {
    drop(SLEEP.0.lock().unwrap_or_else(PoisonError::into_inner));
    SLEEP.1.notify_all();
}

/// Wakes a task that sleeps in one of these states; `before` is called when it is about to: whether it was.
pub(crate) fn wake_in(task: KPtr<TaskStruct>, states: u32, before: impl FnOnce()) -> KResult<bool> {
    let guard = SLEEP.0.lock().unwrap_or_else(PoisonError::into_inner);
    let sleeps = STATE.get::<u32, _>(task)? & states != 0;
    if sleeps {
        before();
        set_state(task, RUNNING)?;
    }
    drop(guard);
    if sleeps {
        SLEEP.1.notify_all();
    }
    Ok(sleeps)
}

/// Gives the CPU up: until it is woken up, if the task said that it sleeps.
#[kexport(since = "2.6.0", header = "linux/sched.h")]
fn schedule() {
    let task = current();
    super::blocking(|| wait_for_wake_up(task, None));
}

/// Gives the CPU up for a moment if others want it; 0: nothing was done.
#[kexport(since = "2.6.26", header = "linux/sched.h", symbol = "dynamic_cond_resched")]
fn __cond_resched() -> c_int {
    0
}

/// Wakes a task up; 1 if it slept.
#[kexport(since = "2.6.0", header = "linux/sched.h")]
pub fn wake_up_process(task: KPtr<TaskStruct>) -> KResult<c_int> {
    let guard = SLEEP.0.lock().unwrap_or_else(PoisonError::into_inner);
    let slept = STATE.get::<u32, _>(task)? != RUNNING;
    let wake = slept.then(|| Wake::of(Sleeper::task(task.addr())));
    set_state(task, RUNNING)?;
    drop(guard);
    SLEEP.1.notify_all();
    if let Some(wake) = wake {
        wake.let_run();
    }
    Ok(slept.into())
}

/// Gives the CPU up until the task is woken up or the ticks are over: how many are left.
#[kexport(since = "2.6.0", header = "linux/sched.h")]
fn schedule_timeout(ticks: c_long) -> KResult<c_long> {
    sleep_for(ticks)
}

/// Gives the CPU up until the task is woken up or the ticks are over.
pub(crate) fn sleep_for(ticks: c_long) -> KResult<c_long> {
    let task = current();
    if ticks == FOR_EVER {
        schedule();
        return Ok(FOR_EVER);
    }
    let Ok(count) = u64::try_from(ticks) else {
        crate::log::line(3, &format!("schedule_timeout: wrong timeout value {:x}", ticks));
        crate::fault::dump_stack();
        set_state(task, RUNNING)?;
        return Ok(0);
    };
    let tick = Duration::from_millis(1000 / HZ);
    let until =
        tick.checked_mul(u32::try_from(count).unwrap_or(u32::MAX)).and_then(|time| Instant::now().checked_add(time));
    super::blocking(|| wait_for_wake_up(task, until));
    set_state(task, RUNNING)?;
    let left = until.map_or(0, |until| until.saturating_duration_since(Instant::now()).as_millis());
    Ok(left.div_ceil(tick.as_millis()) as c_long)
}

macro_rules! timeout {
    ($name:ident, $state:ident, $how:literal) => {
        #[doc = concat!("[`schedule_timeout`] ", $how, ".")]
        #[kexport(since = "2.6.15", header = "linux/sched.h")]
        fn $name(ticks: c_long) -> KResult<c_long> {
            set_state(current(), $state)?;
            schedule_timeout(ticks)
        }
    };
}

timeout!(schedule_timeout_interruptible, INTERRUPTIBLE, "that a signal may end");
timeout!(schedule_timeout_uninterruptible, UNINTERRUPTIBLE, "that no signal ends");
timeout!(schedule_timeout_killable, KILLABLE, "that a fatal signal may end; none ever comes");
timeout!(schedule_timeout_idle, IDLE, "that does not count as load");
