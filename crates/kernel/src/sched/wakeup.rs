//! A task that wakes another one gives way to it. Counterpart: `check_preempt_curr` of kernel/sched/core.c,
//! `check_preempt_wakeup` of kernel/sched/fair.c.
//!
//! In Linux a task that has slept preempts the one that wakes it, and so has usually done what it was woken for when the
//! waker goes on. Modules do not rely on that, but their logs show it. Here the waker waits, for a moment at most, until
//! the task that it woke sleeps again.

use super::{current, in_atomic, off_cpu};
use std::cell::Cell;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Condvar, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long the woken task may run meanwhile: one that has more to do shares the processor in Linux too. By the clock, so
/// longer than a time slice: the host may have other things to do.
const SLICE: Duration = Duration::from_millis(50);
/// How long it may take to begin, on a host that has other things to do.
const PATIENCE: Duration = Duration::from_secs(1);

/// Names a thread that can be woken: the address of its `task_struct`, or a number of its own before it has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Sleeper(u64);

impl Sleeper {
    /// The task with this structure.
    pub fn task(addr: u64) -> Self {
        Self(addr)
    }

    /// A name for a thread that is about to start, and calls [`Sleeper::adopt`].
    pub fn unborn() -> Self {
        // Below every address.
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }

    /// This thread has this name from now on.
    pub fn adopt(self) {
        OWN.set(Some(self));
    }

    fn own() -> Self {
        OWN.get().unwrap_or_else(|| Self(current().addr()))
    }
}

thread_local! {
    static OWN: Cell<Option<Sleeper>> = const { Cell::new(None) };
}

/// Woken tasks whose wakers wait until they sleep again, with the time when they began to run.
static WOKEN: LazyLock<Mutex<Woken>> = LazyLock::new(Mutex::default);
static CHANGED: Condvar = Condvar::new();
type Woken = HashMap<Sleeper, Option<Instant>>;

/// How many they are; tasks that sleep look here first.
static COUNT: AtomicUsize = AtomicUsize::new(0);

fn woken() -> MutexGuard<'static, Woken> {
    WOKEN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A task that is being woken: made before it can notice, so that it cannot sleep again unseen.
#[must_use]
pub struct Wake(Option<Sleeper>);

impl Wake {
    /// The caller is about to wake a task.
    pub fn of(sleeper: Sleeper) -> Self {
        // Who must not be preempted does not give way; a softirq is not preempted by tasks.
        let may = machine::task::current_cpu().is_some() && !in_atomic();
        Self::of_any(sleeper).filter(|_| may).unwrap_or(Self(None))
    }

    /// The same for a caller that will give way once it has let go of its own lock.
    pub fn of_any(sleeper: Sleeper) -> Option<Self> {
        if sleeper == Sleeper::own() {
            return None;
        }
        let mut woken = woken();
        if woken.contains_key(&sleeper) {
            return None;
        }
        woken.insert(sleeper, None);
        COUNT.store(woken.len(), Ordering::SeqCst);
        Some(Self(Some(sleeper)))
    }

    /// The task has been woken: lets it run until it sleeps again, or for a moment.
    pub fn give_way(self) {
        let Some(sleeper) = self.0 else { return };
        off_cpu(|| {
            let patience = Instant::now() + PATIENCE;
            let mut woken = woken();
            while let Some(began) = woken.get(&sleeper) {
                let until = began.map_or(patience, |began| began + SLICE);
                let left = until.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    break;
                }
                woken = CHANGED.wait_timeout(woken, left).unwrap_or_else(PoisonError::into_inner).0;
            }
        });
    }
}

impl Drop for Wake {
    fn drop(&mut self) {
        if let Some(sleeper) = self.0.take() {
            forget(sleeper);
        }
    }
}

fn forget(sleeper: Sleeper) {
    let mut woken = woken();
    if woken.remove(&sleeper).is_some() {
        COUNT.store(woken.len(), Ordering::SeqCst);
        CHANGED.notify_all();
    }
}

/// This thread has a CPU from now on.
pub fn runs() {
    if COUNT.load(Ordering::SeqCst) == 0 {
        return;
    }
    let mut woken = woken();
    for name in [Sleeper::own(), Sleeper(current().addr())] {
        if let Some(began @ None) = woken.get_mut(&name) {
            *began = Some(Instant::now());
            CHANGED.notify_all();
        }
    }
}

/// Who was woken under this name sleeps again.
pub fn slept(sleeper: Sleeper) {
    if COUNT.load(Ordering::SeqCst) > 0 {
        forget(sleeper);
    }
}

/// This thread's task has done what it was called for. A thread with a name of its own says itself when it sleeps.
pub fn at_end() {
    if OWN.get().is_none() {
        about_to_sleep();
    }
}

/// This thread is about to sleep, or to end.
pub fn about_to_sleep() {
    if COUNT.load(Ordering::SeqCst) > 0 {
        forget(Sleeper::own());
        forget(Sleeper(current().addr()));
    }
}
