//! High-resolution timers. Counterpart: kernel/time/hrtimer.c, include/linux/hrtimer.h.
//!
//! Inline code asks a timer's base for the time and for the timer that runs, so there is a base for each clock, with the
//! kernel's layout. Handlers run in the timer interrupt, those of soft timers in a softirq ([`crate::softirq`]).

use crate::mm::owned::{self, Kind};
use crate::mm::slab;
use crate::module::{Module, symbols};
use crate::sched::{self, HARDIRQ, SOFTIRQ};
use crate::softirq;
use crate::{fault, log};
use kabi::errno::EINTR;
use kabi::{Errno, Field, KPtr, KResult, c_int, c_uint, exports, kexport, size_of_struct};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Condvar, LazyLock, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

exports![
    hrtimer_init,
    hrtimer_setup,
    hrtimer_start_range_ns,
    hrtimer_try_to_cancel,
    hrtimer_cancel,
    hrtimer_active,
    hrtimer_forward,
    __hrtimer_get_remaining,
    schedule_hrtimeout,
    schedule_hrtimeout_range,
    schedule_hrtimeout_range_clock
];

/// The kernel's `struct hrtimer`.
#[derive(Debug)]
pub struct HrTimer;

type Timer = KPtr<HrTimer>;

static EXPIRES: Field = Field::new("hrtimer", "node.expires");
static SOFT_EXPIRES: Field = Field::new("hrtimer", "_softexpires");
static FUNCTION: Field = Field::new("hrtimer", "function");
static BASE: Field = Field::new("hrtimer", "base");
static STATE: Field = Field::new("hrtimer", "state");
static IS_SOFT: Field = Field::new("hrtimer", "is_soft");
static IS_HARD: Field = Field::new("hrtimer", "is_hard");
static CLOCK_ID: Field = Field::new("hrtimer_clock_base", "clockid");
static INDEX: Field = Field::new("hrtimer_clock_base", "index");
static RUNNING: Field = Field::new("hrtimer_clock_base", "running");
static GET_TIME: Field = Field::new("hrtimer_clock_base", "get_time");

/// `HRTIMER_MODE_REL` and `HRTIMER_MODE_SOFT`; the bit of pinned timers is 2.
const RELATIVE: u32 = 1;
const SOFT: u32 = 4;
const HARD: u32 = 8;
/// `HRTIMER_RESTART`.
const RESTART: u64 = 1;
const KIND: Kind = Kind::Other("armed hrtimer");

/// The clocks that have a base: number, the function that reads it.
const CLOCKS: [(u32, &str); 4] =
    [(1, "ktime_get"), (0, "ktime_get_real"), (7, "ktime_get_boottime"), (11, "ktime_get_clocktai")];

#[derive(Default)]
struct State {
    /// By the monotonic time when they are due, and the order in which they were started.
    queue: BTreeMap<(i64, u64), (u64, u64)>,
    keys: HashMap<u64, (i64, u64)>,
    started: u64,
    /// Timers whose handlers run.
    running: Vec<u64>,
}

static ALL: LazyLock<Mutex<State>> = LazyLock::new(Mutex::default);
static ENDED: Condvar = Condvar::new();

fn all() -> MutexGuard<'static, State> {
    ALL.lock().unwrap_or_else(PoisonError::into_inner)
}

impl State {
    fn remove(&mut self, timer: u64) -> bool {
        self.keys.remove(&timer).is_some_and(|key| self.queue.remove(&key).is_some())
    }
}

/// The base of a clock, soft ones after the others.
fn base(clock: u32, soft: bool) -> KResult<KPtr> {
    static BASES: [OnceLock<u64>; 8] = [const { OnceLock::new() }; 8];
    // A clock without timers counts as the monotonic one, as in Linux.
    let number = CLOCKS.iter().position(|(id, _)| *id == clock).unwrap_or(0);
    let index = number + if soft { CLOCKS.len() } else { 0 };
    let Some(made) = BASES.get(index) else { return Ok(KPtr::NULL) };
    if let Some(addr) = made.get() {
        return Ok(KPtr::new(*addr));
    }
    let base = slab::permanent(size_of_struct("hrtimer_clock_base")?)?;
    let (id, name) = CLOCKS[number];
    INDEX.put(base, index as u32)?;
    CLOCK_ID.put(base, id)?;
    if GET_TIME.exists() {
        let read = symbols::address_of(name).ok().flatten().or_else(|| symbols::address_of("ktime_get").ok().flatten());
        GET_TIME.put(base, read.unwrap_or(0))?;
    }
    // Two may make it at once; they are alike.
    Ok(KPtr::new(*made.get_or_init(|| base.addr())))
}

/// Nanoseconds of the monotonic clock.
fn monotonic() -> i64 {
    log::since_boot().as_nanos() as i64
}

/// What a timer's clock shows, and how far that is ahead of the monotonic one.
fn clock_of(timer: Timer) -> KResult<(i64, i64)> {
    let base: KPtr = KPtr::new(BASE.get(timer)?);
    let now = monotonic();
    let ahead = match CLOCK_ID.get::<u32, _>(base)? {
        0 | 11 => super::timekeeping::ktime_ahead(),
        _ => 0,
    };
    Ok((now + ahead, ahead))
}

fn set_expiry(timer: Timer, at: i64, slack: u64) -> KResult {
    SOFT_EXPIRES.put(timer, at)?;
    EXPIRES.put(timer, at.saturating_add_unsigned(slack))
}

/// Puts a timer into the queue for the time in its structure.
fn enqueue(timer: Timer) -> KResult {
    let (_, ahead) = clock_of(timer)?;
    let due = SOFT_EXPIRES.get::<i64, _>(timer)?.saturating_sub(ahead);
    let function: u64 = FUNCTION.get(timer)?;
    let mut all = all();
    all.remove(timer.addr());
    all.started += 1;
    let key = (due, all.started);
    all.queue.insert(key, (timer.addr(), function));
    all.keys.insert(timer.addr(), key);
    STATE.put(timer, 1u8)?;
    let first = all.queue.first_key_value().map(|(first, _)| *first) == Some(key);
    drop(all);
    softirq::note_later(KIND, timer.addr(), function);
    if first {
        softirq::kick_hard();
    }
    Ok(())
}

/// When the first timer is due, by the host's clock.
pub(crate) fn next_due() -> Option<Instant> {
    let due = all().queue.first_key_value().map(|((due, _), _)| *due)?;
    let ahead = u64::try_from(due.saturating_sub(monotonic())).unwrap_or(0);
    Instant::now().checked_add(Duration::from_nanos(ahead))
}

/// Runs the handlers of all timers that are due.
pub(crate) fn run_due() {
    loop {
        let mut all = all();
        let Some(first) = all.queue.first_entry().filter(|first| first.key().0 <= monotonic()) else { return };
        let (addr, function) = first.remove();
        all.keys.remove(&addr);
        all.running.push(addr);
        let timer = Timer::new(addr);
        let state = STATE.put(timer, 0u8).and_then(|()| IS_SOFT.get::<u8, _>(timer));
        drop(all);
        match state {
            Ok(0) => run(timer, function, HARDIRQ),
            Ok(_) => softirq::raise(Box::new(move || run(timer, function, SOFTIRQ))),
            Err(e) => {
                let what = softirq::name_of(function);
                log::line(3, &format!("lkm: the hrtimer of {what} at {addr:#x} was freed while it was armed: {e}"));
                ended(addr);
            }
        }
    }
}

fn ended(addr: u64) {
    all().running.retain(|running| *running != addr);
    ENDED.notify_all();
}

fn run(timer: Timer, function: u64, context: u32) {
    owned::take(KIND, timer.addr());
    // A structure of a timer that was just read.
    let base: KPtr = KPtr::new(BASE.get(timer).unwrap_or(0));
    let _ = RUNNING.put(base, timer.addr());
    let result = softirq::serve(context, || kabi::call(function, &[timer.addr()]));
    let _ = RUNNING.put(base, 0u64);
    let restart = matches!(result, Some(Ok(value)) if value & 0xffff_ffff == RESTART);
    // One that started itself anew in the handler stays as it is.
    if restart && !all().keys.contains_key(&timer.addr()) && enqueue(timer).is_err() {
        log::line(3, &format!("lkm: the hrtimer at {:#x} was freed by its own handler", timer.addr()));
    }
    ended(timer.addr());
}

/// A module's code goes: what is armed for it never runs. It stays in the list of what is owned.
pub fn abandon(module: &Module) {
    let image = module.image();
    let mut all = all();
    all.queue.retain(|_, (timer, function)| !image.contains(*timer) && !image.contains(*function));
    let State { queue, keys, .. } = &mut *all;
    keys.retain(|_, key| queue.contains_key(key));
}

fn init(timer: Timer, clock: u32, mode: u32) -> KResult {
    machine::access::fill(timer.addr(), 0, size_of_struct("hrtimer")?)?;
    let soft = mode & SOFT != 0;
    // Relative times of the real-time clock do not follow its changes.
    let clock = if clock == 0 && mode & RELATIVE != 0 { 1 } else { clock };
    BASE.put(timer, base(clock, soft)?.addr())?;
    IS_SOFT.put(timer, u8::from(soft))?;
    IS_HARD.put(timer, u8::from(mode & HARD != 0))
}

/// Makes a timer of a clock.
#[kexport(gpl, since = "2.6.16", header = "linux/hrtimer.h", symbol = "hrtimer_init_on_stack")]
fn hrtimer_init(timer: Timer, clock: c_uint, mode: c_uint) -> KResult {
    init(timer, clock, mode)
}

/// [`hrtimer_init`] with the handler.
#[kexport(gpl, since = "6.13", header = "linux/hrtimer.h", symbol = "hrtimer_setup_on_stack")]
fn hrtimer_setup(timer: Timer, function: KPtr, clock: c_uint, mode: c_uint) -> KResult {
    init(timer, clock, mode)?;
    FUNCTION.put(timer, function.addr())
}

/// Starts a timer for a time, which may be some nanoseconds later; one that runs is started anew.
#[kexport(gpl, since = "2.6.28", header = "linux/hrtimer.h")]
fn hrtimer_start_range_ns(timer: Timer, time: i64, slack: u64, mode: c_uint) -> KResult {
    let at = if mode & RELATIVE != 0 { clock_of(timer)?.0.saturating_add(time.max(0)) } else { time };
    set_expiry(timer, at, slack)?;
    enqueue(timer)
}

/// Stops a timer: 1 if it was waiting, -1 if its handler runs.
#[kexport(gpl, since = "2.6.16", header = "linux/hrtimer.h")]
fn hrtimer_try_to_cancel(timer: Timer) -> KResult<c_int> {
    let mut all = all();
    if all.remove(timer.addr()) {
        STATE.put(timer, 0u8)?;
        drop(all);
        owned::take(KIND, timer.addr());
        return Ok(1);
    }
    Ok(if all.running.contains(&timer.addr()) { -1 } else { 0 })
}

/// Stops a timer, waiting for a running handler: 1 if it was waiting.
#[kexport(gpl, since = "2.6.16", header = "linux/hrtimer.h")]
fn hrtimer_cancel(timer: Timer) -> KResult<c_int> {
    loop {
        let result = hrtimer_try_to_cancel(timer)?;
        if result >= 0 || softirq::is_served() {
            return Ok(result.max(0));
        }
        let wait = || {
            let mut all = all();
            while all.running.contains(&timer.addr()) {
                all = ENDED.wait(all).unwrap_or_else(PoisonError::into_inner);
            }
        };
        if sched::in_atomic() { wait() } else { sched::off_cpu(wait) }
    }
}

/// True if a timer waits or its handler runs.
#[kexport(gpl, since = "2.6.16", header = "linux/hrtimer.h")]
fn hrtimer_active(timer: Timer) -> bool {
    let all = all();
    all.keys.contains_key(&timer.addr()) || all.running.contains(&timer.addr())
}

/// Moves a timer's time by whole intervals until it is later than `now`: by how many.
#[kexport(gpl, since = "2.6.20", header = "linux/hrtimer.h")]
fn hrtimer_forward(timer: Timer, now: i64, interval: i64) -> KResult<u64> {
    let expires: i64 = EXPIRES.get(timer)?;
    let late = now.saturating_sub(expires);
    if late < 0 {
        return Ok(0);
    }
    if STATE.get::<u8, _>(timer)? & 1 != 0 {
        fault::warn_in("hrtimer_forward", "kernel/time/hrtimer.c", 0, None);
        return Ok(0);
    }
    // `hrtimer_resolution` with high-resolution timers.
    let interval = interval.max(1);
    let count = late / interval + 1;
    let moved = interval.saturating_mul(count);
    SOFT_EXPIRES.put(timer, SOFT_EXPIRES.get::<i64, _>(timer)?.saturating_add(moved))?;
    EXPIRES.put(timer, expires.saturating_add(moved))?;
    Ok(count as u64)
}

/// Nanoseconds until a timer is due.
#[kexport(gpl, since = "4.7", header = "linux/hrtimer.h")]
fn __hrtimer_get_remaining(timer: Timer, _adjust: bool) -> KResult<i64> {
    Ok(EXPIRES.get::<i64, _>(timer)?.wrapping_sub(clock_of(timer)?.0))
}

/// Sleeps until a time or a wake-up.
fn sleep(expires: KPtr, mode: u32, clock: u32) -> KResult<c_int> {
    let task = sched::current();
    let until = if expires.is_null() {
        None
    } else {
        let ahead = if clock == 0 || clock == 11 { super::timekeeping::ktime_ahead() } else { 0 };
        let now = if mode & RELATIVE != 0 { 0 } else { monotonic() + ahead };
        let left = u64::try_from(expires.get::<i64>(0)?.saturating_sub(now)).unwrap_or(0);
        Instant::now().checked_add(Duration::from_nanos(left))
    };
    sched::blocking(|| sched::core::wait_for_wake_up(task, until));
    let over = until.is_some_and(|until| Instant::now() >= until);
    sched::core::set_state(task, 0)?;
    if over { Ok(0) } else { Err(Errno(EINTR.0).into()) }
}

/// Sleeps until a time, in the state that the task has set.
///
/// # Errors
/// `EINTR`: it was woken before.
#[kexport(gpl, since = "2.6.28", header = "linux/hrtimer.h")]
fn schedule_hrtimeout(expires: KPtr, mode: c_uint) -> KResult<c_int> {
    sleep(expires, mode, 1)
}

/// [`schedule_hrtimeout`] that may be some nanoseconds later.
///
/// # Errors
/// As there.
#[kexport(gpl, since = "2.6.28", header = "linux/hrtimer.h")]
fn schedule_hrtimeout_range(expires: KPtr, _slack: u64, mode: c_uint) -> KResult<c_int> {
    sleep(expires, mode, 1)
}

/// [`schedule_hrtimeout_range`] of a clock.
///
/// # Errors
/// As there.
#[kexport(gpl, since = "3.17", header = "linux/hrtimer.h")]
fn schedule_hrtimeout_range_clock(expires: KPtr, _slack: u64, mode: c_uint, clock: c_uint) -> KResult<c_int> {
    sleep(expires, mode, clock)
}
