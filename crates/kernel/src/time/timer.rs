//! Timers. Counterpart: kernel/time/timer.c, include/linux/timer.h.
//!
//! Inline code looks at a timer's list links: `entry.pprev` is not NULL while it is armed. Handlers run in a softirq
//! ([`crate::softirq`]), never before their time. A timer that is armed is something that its module owns, so what is still
//! armed when the module goes is in the report; it never runs.

use super::jiffies::{self, TICK_MS};
use super::wheel::{Armed, Wheel};
use crate::mm::check;
use crate::mm::guard;
use crate::mm::owned::{self, Kind};
use crate::module::Module;
use crate::sched::{self, SOFTIRQ};
use crate::{fault, log, softirq, workqueue};
use kabi::{Field, KError, KPtr, KResult, KStr, c_int, c_uint, c_ulong, exports, kexport};
use std::sync::{Condvar, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

exports![
    init_timer_key,
    init_timer_on_stack_key,
    destroy_timer_on_stack,
    add_timer,
    add_timer_on,
    add_timer_local,
    mod_timer,
    mod_timer_pending,
    timer_reduce,
    timer_delete,
    timer_delete_sync,
    try_to_del_timer_sync,
    timer_shutdown,
    timer_shutdown_sync
];

/// The kernel's `struct timer_list`.
#[derive(Debug)]
pub struct TimerList;

pub(crate) type Timer = KPtr<TimerList>;

static NEXT: Field = Field::new("timer_list", "entry.next");
static PPREV: Field = Field::new("timer_list", "entry.pprev");
static EXPIRES: Field = Field::new("timer_list", "expires");
static FUNCTION: Field = Field::new("timer_list", "function");
static FLAGS: Field = Field::new("timer_list", "flags");

/// What a detached entry's `next` holds.
const POISON: u64 = 0xdead_0000_0000_0122;

/// What it is called in reports.
pub(crate) const TIMER: Kind = Kind::Other("armed timer");
/// The same of a delayed work.
pub(crate) const DELAYED: Kind = Kind::Other("delayed work");

#[derive(Default)]
struct State {
    wheel: Wheel,
    /// The timer whose handler runs.
    running: Option<Armed>,
}

impl State {
    fn is_running(&self, timer: Timer) -> bool {
        self.running.is_some_and(|armed| armed.timer == timer.addr())
    }
}

static STATE: LazyLock<Mutex<State>> = LazyLock::new(Mutex::default);
/// Signalled when a handler has ended.
static ENDED: Condvar = Condvar::new();

fn state() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn is_pending(timer: Timer) -> KResult<bool> {
    Ok(PPREV.get::<u64, _>(timer)? != 0)
}

/// Marks a timer as not armed.
fn detach(timer: Timer) -> KResult {
    PPREV.put(timer, 0u64)?;
    NEXT.put(timer, POISON)
}

fn attach(timer: Timer) -> KResult {
    NEXT.put(timer, 0u64)?;
    PPREV.put(timer, timer.addr())
}

/// The delayed work's own function is the one that counts: `delayed_work_timer_fn` is the kernel's.
fn owner_of(timer: Timer, function: u64) -> KResult<(Kind, u64)> {
    Ok(match workqueue::delayed::function_of(timer, function)? {
        Some(work) => (DELAYED, work),
        None => (TIMER, function),
    })
}

/// Arms a timer that is not armed, or anew; true if it was armed.
pub(crate) fn arm(timer: Timer, expires: u64) -> KResult<bool> {
    EXPIRES.put(timer, expires)?;
    let (kind, function) = owner_of(timer, FUNCTION.get(timer)?)?;
    let mut state = state();
    attach(timer)?;
    let sooner = state.wheel.next();
    let fresh = state.wheel.arm(Armed { timer: timer.addr(), function }, expires, log::jiffies());
    let changed = state.wheel.next() != sooner;
    drop(state);
    if fresh {
        softirq::note_later(kind, timer.addr(), function);
    }
    if changed {
        softirq::kick_soft();
    }
    Ok(!fresh)
}

/// Disarms a timer: true if it was armed.
pub(crate) fn disarm(timer: Timer) -> KResult<bool> {
    let mut state = state();
    if !is_pending(timer)? {
        return Ok(false);
    }
    let armed = state.wheel.disarm(timer.addr());
    detach(timer)?;
    drop(state);
    forget(timer.addr());
    Ok(armed.is_some())
}

fn forget(timer: u64) {
    if owned::take(TIMER, timer).is_none() {
        owned::take(DELAYED, timer);
    }
}

/// Waits until a timer's handler does not run; not in the handler itself.
fn wait_for_handler(timer: Timer) {
    let wait = || {
        let mut state = state();
        while state.is_running(timer) {
            state = ENDED.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    };
    if softirq::is_served() {
        return;
    }
    // Linux spins here, so it may be called where nobody may sleep.
    if sched::in_atomic() { wait() } else { sched::off_cpu(wait) }
}

/// [`disarm`] that waits for a running handler.
pub(crate) fn disarm_sync(timer: Timer) -> KResult<bool> {
    loop {
        let was_armed = disarm(timer)?;
        wait_for_handler(timer);
        // The handler may have armed it again.
        if was_armed || !is_pending(timer)? {
            return Ok(was_armed);
        }
    }
}

/// When the first timer is due, by the host's clock.
pub(crate) fn next_due() -> Option<Instant> {
    let ticks = state().wheel.next()?.saturating_sub(log::jiffies());
    let tick = Duration::from_millis(TICK_MS);
    let part = Duration::from_micros((log::since_boot().as_micros() % (u128::from(TICK_MS) * 1000)) as u64);
    let ahead = tick.saturating_mul(u32::try_from(ticks).unwrap_or(u32::MAX)).saturating_sub(part);
    Instant::now().checked_add(ahead)
}

/// Runs the handlers of all timers that are due.
pub(crate) fn run_due() {
    jiffies::tick();
    loop {
        let now = log::jiffies();
        let mut state = state();
        let Some(armed) = state.wheel.take_due(now) else { return };
        state.running = Some(armed);
        let timer = KPtr::new(armed.timer);
        // Under the lock: whoever arms it from now on finds that it is not armed.
        let detached = detach(timer);
        drop(state);
        forget(armed.timer);
        if let Err(cause) = detached.and_then(|()| run(timer)) {
            tell_freed(armed, cause);
        }
        self::state().running = None;
        ENDED.notify_all();
    }
}

/// A timer whose structure is not there any more: never run.
fn tell_freed(armed: Armed, cause: KError) {
    if let (KError::Fault(fault), true) = (cause, check::guards()) {
        guard::on_fault(guard::Access { addr: fault.addr, size: 0, write: fault.write, ip: 0, by: None });
    }
    let what = softirq::name_of(armed.function);
    log::line(3, &format!("lkm: the timer of {what} at {:#x} was freed while it was armed: {cause}", armed.timer));
}

fn run(timer: Timer) -> KResult {
    let function: u64 = FUNCTION.get(timer)?;
    if workqueue::delayed::is_timer_function(function) {
        return workqueue::delayed::on_timer(timer);
    }
    if function == 0 {
        fault::warn_in("expire_timers", "kernel/time/timer.c", 0, None);
        return Ok(());
    }
    softirq::serve(SOFTIRQ, || {
        // One that died has written its report.
        if kabi::call(function, &[timer.addr()]).is_ok() {
            check_count(function);
        }
    });
    Ok(())
}

/// A handler leaves the preempt count as it was.
fn check_count(function: u64) {
    let count = sched::preempt_count();
    if count != SOFTIRQ {
        let text = format!("timer: {} preempt leak: {SOFTIRQ:08x} -> {count:08x}", softirq::name_of(function));
        fault::warn_in("call_timer_fn", "kernel/time/timer.c", 0, Some(&text));
        sched::set_preempt_count(SOFTIRQ);
    }
}

/// A module's code goes: what is armed for it never runs, and a handler that runs ends first. It stays in the list of what
/// is owned.
pub fn abandon(module: &Module) {
    let goes = |armed: &Armed| {
        let image = module.image();
        image.contains(armed.timer) || image.contains(armed.function)
    };
    let mut state = state();
    state.wheel.disarm_all(goes);
    // One that never ends is not waited for.
    let until = Instant::now() + Duration::from_secs(1);
    while state.running.is_some_and(|armed| goes(&armed)) && Instant::now() < until {
        state = ENDED.wait_timeout(state, Duration::from_millis(50)).unwrap_or_else(PoisonError::into_inner).0;
    }
    // It may have armed itself again.
    state.wheel.disarm_all(goes);
}

fn init(timer: Timer, function: KPtr, flags: c_uint) -> KResult {
    PPREV.put(timer, 0u64)?;
    FUNCTION.put(timer, function.addr())?;
    FLAGS.put(timer, flags)
}

/// Makes a timer; name and key are for lock debugging.
#[kexport(since = "2.6.29", header = "linux/timer.h")]
fn init_timer_key(timer: Timer, function: KPtr, flags: c_uint, _name: Option<KStr>, _key: KPtr) -> KResult {
    init(timer, function, flags)
}

/// [`init_timer_key`] for a timer on the stack.
#[kexport(gpl, since = "2.6.29", header = "linux/timer.h")]
fn init_timer_on_stack_key(timer: Timer, function: KPtr, flags: c_uint, _name: Option<KStr>, _key: KPtr) -> KResult {
    init(timer, function, flags)
}

/// Ends a timer on the stack: there is nothing to do.
#[kexport(gpl, since = "2.6.25", header = "linux/timer.h")]
fn destroy_timer_on_stack(_timer: Timer) {}

/// A timer whose function was taken away is never armed again.
fn is_shut_down(timer: Timer) -> KResult<bool> {
    Ok(FUNCTION.get::<u64, _>(timer)? == 0)
}

/// Arms a timer that must not be armed.
fn add(timer: Timer, function: &'static str) -> KResult {
    if is_pending(timer)? {
        warn_once(function);
        return Ok(());
    }
    if is_shut_down(timer)? {
        return Ok(());
    }
    arm(timer, EXPIRES.get(timer)?).map(|_| ())
}

/// Says once for each function that a timer was armed already.
fn warn_once(function: &'static str) {
    static WARNED: Mutex<Vec<&'static str>> = Mutex::new(Vec::new());
    let mut warned = WARNED.lock().unwrap_or_else(PoisonError::into_inner);
    if !warned.contains(&function) {
        warned.push(function);
        drop(warned);
        fault::warn_in(function, "kernel/time/timer.c", 0, None);
    }
}

/// Arms a timer for the time in its structure.
#[kexport(since = "2.6.0", header = "linux/timer.h")]
fn add_timer(timer: Timer) -> KResult {
    add(timer, "add_timer")
}

/// [`add_timer`] on a CPU.
#[kexport(gpl, since = "2.6.0", header = "linux/timer.h", partial = "the handler runs on any CPU")]
fn add_timer_on(timer: Timer, _cpu: c_int) -> KResult {
    add(timer, "add_timer_on")
}

/// [`add_timer`] on this CPU, or on any.
#[kexport(since = "6.9", header = "linux/timer.h", symbol = "add_timer_global")]
fn add_timer_local(timer: Timer) -> KResult {
    add(timer, "add_timer_local")
}

/// When a timer that is armed is to be armed anew.
#[derive(Clone, Copy, PartialEq, Eq)]
enum When {
    Always,
    /// Only if it is armed.
    Pending,
    /// Only if it is not armed or armed for later.
    Sooner,
}

fn modify(timer: Timer, expires: u64, when: When) -> KResult<c_int> {
    let pending = is_pending(timer)?;
    if pending {
        let old: u64 = EXPIRES.get(timer)?;
        if old == expires || when == When::Sooner && expires.wrapping_sub(old) as i64 >= 0 {
            return Ok(1);
        }
    }
    if is_shut_down(timer)? || !pending && when == When::Pending {
        return Ok(0);
    }
    arm(timer, expires).map(c_int::from)
}

/// Arms a timer for a time, whether it is armed or not: 1 if it was.
#[kexport(since = "2.6.0", header = "linux/timer.h")]
fn mod_timer(timer: Timer, expires: c_ulong) -> KResult<c_int> {
    modify(timer, expires, When::Always)
}

/// [`mod_timer`] for a timer that is armed; otherwise nothing is done.
#[kexport(since = "2.6.30", header = "linux/timer.h")]
fn mod_timer_pending(timer: Timer, expires: c_ulong) -> KResult<c_int> {
    modify(timer, expires, When::Pending)
}

/// [`mod_timer`] that never makes it later.
#[kexport(since = "4.16", header = "linux/timer.h")]
fn timer_reduce(timer: Timer, expires: c_ulong) -> KResult<c_int> {
    modify(timer, expires, When::Sooner)
}

/// Disarms a timer: 1 if it was armed. Its handler may still run.
#[kexport(since = "2.6.0", header = "linux/timer.h", symbol = "del_timer")]
fn timer_delete(timer: Timer) -> KResult<c_int> {
    disarm(timer).map(c_int::from)
}

/// [`timer_delete`] that waits for a running handler.
#[kexport(since = "2.6.0", header = "linux/timer.h", symbol = "del_timer_sync")]
fn timer_delete_sync(timer: Timer) -> KResult<c_int> {
    disarm_sync(timer).map(c_int::from)
}

/// Disarms a timer: 1 if it was armed, -1 if its handler runs.
#[kexport(since = "2.6.0", header = "linux/timer.h")]
fn try_to_del_timer_sync(timer: Timer) -> KResult<c_int> {
    if state().is_running(timer) { Ok(-1) } else { disarm(timer).map(c_int::from) }
}

/// Disarms a timer for good: 1 if it was armed. Arming it does nothing from now on.
#[kexport(gpl, since = "6.2", header = "linux/timer.h")]
fn timer_shutdown(timer: Timer) -> KResult<c_int> {
    let was_armed = disarm(timer)?;
    FUNCTION.put(timer, 0u64)?;
    Ok(was_armed.into())
}

/// [`timer_shutdown`] that waits for a running handler.
#[kexport(gpl, since = "6.2", header = "linux/timer.h")]
fn timer_shutdown_sync(timer: Timer) -> KResult<c_int> {
    let was_armed = disarm(timer)?;
    FUNCTION.put(timer, 0u64)?;
    wait_for_handler(timer);
    Ok(was_armed.into())
}
