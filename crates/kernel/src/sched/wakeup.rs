//! When a task that was woken begins to run. Counterpart: `check_preempt_curr` of kernel/sched/core.c, `might_resched`.
//!
//! Debian's kernels preempt tasks in the kernel at certain points only: where they may sleep. So who wakes another task goes
//! on, and says in the log what it has to say, before that one runs; when it comes to such a point ([`yield_point`]) the
//! other one has done what it was woken for. Modules do not rely on that, but their logs show it. Here the woken task waits
//! for the waker to come to such a point, for a moment at most, since on another processor it would begin anyway.

use super::{current, in_atomic, off_cpu};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Condvar, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use sys::clock::ThreadClock;

/// How long a woken task lets its waker run at most. By the waker's own clock: the host may have other things to do.
const HOLD: Duration = Duration::from_millis(2);
/// How long it waits for a waker that does not run.
const HOLD_ASLEEP: Duration = Duration::from_millis(200);
/// How long the woken task may run while its waker stands at a point where it may sleep. By the clock, so longer than a time
/// slice: the host may have other things to do.
const SLICE: Duration = Duration::from_millis(50);
/// How long it may take to begin.
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

thread_local! {
    /// Whom this thread has woken since it last came to a point where it may sleep.
    static MINE: RefCell<Vec<Sleeper>> = const { RefCell::new(Vec::new()) };
}

/// A task that was woken and has not slept since.
#[derive(Debug, Clone, Copy)]
struct Runnable {
    woken: Instant,
    /// The waker's clock, and what it showed then.
    waker: (ThreadClock, Option<Duration>),
    /// Its waker has let it run.
    released: bool,
    began: Option<Instant>,
}

impl Runnable {
    /// How long it leaves its waker alone.
    fn patience(&self) -> Duration {
        let (clock, then) = self.waker;
        // A waker that has ended is waited for no longer.
        let ran = then.zip(clock.elapsed()).map_or(HOLD, |(then, now)| now.saturating_sub(then));
        HOLD.saturating_sub(ran).min(HOLD_ASLEEP.saturating_sub(self.woken.elapsed()))
    }
}

static WOKEN: LazyLock<Mutex<Woken>> = LazyLock::new(Mutex::default);
static CHANGED: Condvar = Condvar::new();
type Woken = HashMap<Sleeper, Runnable>;

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
        let waker = ThreadClock::own();
        let waker = (waker, waker.elapsed());
        woken.insert(sleeper, Runnable { woken: Instant::now(), waker, released: false, began: None });
        COUNT.store(woken.len(), Ordering::SeqCst);
        Some(Self(Some(sleeper)))
    }

    /// The task has been woken: it runs when the caller comes to a point where it may sleep, or soon.
    pub fn let_run(mut self) {
        if let Some(sleeper) = self.0.take() {
            MINE.with_borrow_mut(|mine| mine.push(sleeper));
        }
    }
}

/// Lets those run that this thread has woken.
pub fn release() {
    let mine = MINE.with_borrow_mut(std::mem::take);
    if mine.is_empty() {
        return;
    }
    let mut woken = woken();
    for sleeper in &mine {
        if let Some(runnable) = woken.get_mut(sleeper) {
            runnable.released = true;
        }
    }
    drop(woken);
    CHANGED.notify_all();
}

/// The caller may sleep here: those that it has woken run first, until they sleep again or for a moment.
pub fn yield_point() {
    if MINE.with_borrow(Vec::is_empty) || in_atomic() {
        return;
    }
    let mine = MINE.with_borrow(Clone::clone);
    // Going off the CPU lets them run.
    off_cpu(|| mine.into_iter().for_each(wait_for));
}

/// Waits until a woken task sleeps, or has run for a moment.
fn wait_for(sleeper: Sleeper) {
    let patience = Instant::now() + PATIENCE;
    let mut woken = woken();
    while let Some(runnable) = woken.get(&sleeper) {
        let until = runnable.began.map_or(patience, |began| began + SLICE);
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        woken = CHANGED.wait_timeout(woken, left).unwrap_or_else(PoisonError::into_inner).0;
    }
}

/// This thread was woken and is about to run: it waits for its waker.
pub fn hold_back() {
    if COUNT.load(Ordering::SeqCst) > 0 {
        hold(Sleeper::own());
        hold(Sleeper(current().addr()));
    }
}

/// [`hold_back`] of who was woken under this name.
pub fn hold(sleeper: Sleeper) {
    let mut woken = woken();
    while let Some(runnable) = woken.get_mut(&sleeper).filter(|runnable| runnable.began.is_none()) {
        let left = runnable.patience();
        if runnable.released || left.is_zero() {
            runnable.began = Some(Instant::now());
            CHANGED.notify_all();
            return;
        }
        woken = CHANGED.wait_timeout(woken, left).unwrap_or_else(PoisonError::into_inner).0;
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
