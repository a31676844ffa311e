//! Tasklets. Counterpart: kernel/softirq.c, include/linux/interrupt.h.
//!
//! `state` and `count` are Linux's, which inline code changes: bit 0 of `state` says that it is scheduled, bit 1 that it
//! runs; it runs only while `count` is 0. One that is disabled when its turn comes is looked at again a little later.

use super::{name_of, note_later, raise, raise_by_task, serve};
use crate::mm::owned::{self, Kind};
use crate::module::Module;
use crate::sched::{self, SOFTIRQ};
use crate::{fault, log};
use kabi::{Field, KPtr, KResult, c_ulong, exports, kexport};
use machine::access;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

exports![
    __tasklet_schedule,
    __tasklet_hi_schedule,
    tasklet_setup,
    tasklet_init,
    tasklet_kill,
    tasklet_unlock,
    tasklet_unlock_wait,
    tasklet_unlock_spin_wait
];

/// The kernel's `struct tasklet_struct`.
#[derive(Debug)]
pub struct TaskletStruct;

type Tasklet = KPtr<TaskletStruct>;

static STATE: Field = Field::new("tasklet_struct", "state");
static COUNT: Field = Field::new("tasklet_struct", "count.counter");
static USES_CALLBACK: Field = Field::new("tasklet_struct", "use_callback");
/// The first member behind `use_callback`: a union without a name.
static DATA: Field = Field::new("tasklet_struct", "data");

const SCHEDULED: u32 = 1;
const RUNNING: u32 = 2;
const KIND: Kind = Kind::Other("scheduled tasklet");

/// Those that are scheduled, with their functions.
static SCHEDULED_NOW: Mutex<BTreeMap<u64, u64>> = Mutex::new(BTreeMap::new());

fn scheduled() -> MutexGuard<'static, BTreeMap<u64, u64>> {
    SCHEDULED_NOW.lock().unwrap_or_else(PoisonError::into_inner)
}

fn function(t: Tasklet) -> KResult<u64> {
    t.get(DATA.offset()? - 8)
}

/// Changes bits of the state's low half in one step; what it was.
fn change(t: Tasklet, clear: u32, set: u32) -> KResult<u32> {
    let at = STATE.of(t)?.addr();
    loop {
        let old: u32 = access::get(at)?;
        if access::compare_exchange_u32(at, old, old & !clear | set)? == old {
            return Ok(old);
        }
    }
}

/// Runs a tasklet whose turn it is; false if it has to wait for another turn.
fn run(t: Tasklet) -> KResult<bool> {
    if change(t, 0, RUNNING)? & RUNNING != 0 {
        return Ok(false);
    }
    if COUNT.get::<u32, _>(t)? != 0 {
        change(t, RUNNING, 0)?;
        return Ok(false);
    }
    if change(t, SCHEDULED, 0)? & SCHEDULED == 0 {
        let at = name_of(function(t)?);
        fault::warn_in(
            "tasklet_action_common",
            "kernel/softirq.c",
            0,
            Some(&format!("tasklet SCHED state not set: callback {at}")),
        );
    }
    let call = function(t)?;
    let argument = if USES_CALLBACK.get::<u8, _>(t)? != 0 { t.addr() } else { DATA.get(t)? };
    scheduled().remove(&t.addr());
    owned::take(KIND, t.addr());
    // One that died has written its report.
    let _ = serve(SOFTIRQ, || kabi::call(call, &[argument]));
    change(t, RUNNING, 0)?;
    Ok(true)
}

/// Its turn has come.
fn turn(t: Tasklet) {
    if !scheduled().contains_key(&t.addr()) {
        return;
    }
    match run(t) {
        Ok(true) => {}
        Ok(false) => {
            // Linux turns in circles until it is enabled.
            std::thread::sleep(Duration::from_millis(1));
            raise(Box::new(move || turn(t)));
        }
        Err(e) => {
            scheduled().remove(&t.addr());
            log::line(3, &format!("lkm: the tasklet at {:#x} was freed while it was scheduled: {e}", t.addr()));
        }
    }
}

fn schedule(t: Tasklet) -> KResult {
    let function = function(t)?;
    scheduled().insert(t.addr(), function);
    note_later(KIND, t.addr(), function);
    let work = Box::new(move || turn(t));
    if sched::in_atomic() {
        raise(work)
    } else {
        raise_by_task(work)
    }
    Ok(())
}

/// A module's code goes: its tasklets run no more.
pub fn abandon(module: &Module) {
    let image = module.image();
    scheduled().retain(|at, function| !image.contains(*at) && !image.contains(*function));
}

/// Has a tasklet run that inline code has marked as scheduled.
#[kexport(since = "2.6.0", header = "linux/interrupt.h")]
fn __tasklet_schedule(t: Tasklet) -> KResult {
    schedule(t)
}

/// [`__tasklet_schedule`] before others; there is one queue.
#[kexport(since = "2.6.0", header = "linux/interrupt.h")]
fn __tasklet_hi_schedule(t: Tasklet) -> KResult {
    schedule(t)
}

fn set_up(t: Tasklet, function: KPtr, uses_callback: bool, data: u64) -> KResult {
    access::fill(t.addr(), 0, kabi::size_of_struct("tasklet_struct")?)?;
    USES_CALLBACK.put(t, u8::from(uses_callback))?;
    t.put(DATA.offset()? - 8, function.addr())?;
    DATA.put(t, data)
}

/// Makes a tasklet whose function gets the tasklet.
#[kexport(since = "5.9", header = "linux/interrupt.h")]
fn tasklet_setup(t: Tasklet, callback: KPtr) -> KResult {
    set_up(t, callback, true, 0)
}

/// Makes a tasklet whose function gets a number.
#[kexport(since = "2.6.0", header = "linux/interrupt.h")]
fn tasklet_init(t: Tasklet, function: KPtr, data: c_ulong) -> KResult {
    set_up(t, function, false, data)
}

/// Waits until a bit of the state is clear.
fn wait_until_clear(t: Tasklet, bit: u32) -> KResult {
    while STATE.get::<u32, _>(t)? & bit != 0 {
        let nap = || std::thread::sleep(Duration::from_micros(100));
        if sched::in_atomic() { nap() } else { sched::blocking(nap) }
    }
    Ok(())
}

/// Waits until a tasklet has run that is scheduled, and runs no more.
#[kexport(since = "2.6.0", header = "linux/interrupt.h")]
fn tasklet_kill(t: Tasklet) -> KResult {
    if sched::in_interrupt() {
        log::line(5, "Attempt to kill tasklet from interrupt");
    }
    // The bit is kept meanwhile, so that nobody schedules it anew.
    while change(t, 0, SCHEDULED)? & SCHEDULED != 0 {
        wait_until_clear(t, SCHEDULED)?;
    }
    wait_until_clear(t, RUNNING)?;
    change(t, SCHEDULED, 0)?;
    Ok(())
}

/// Says that a tasklet runs no more.
#[kexport(gpl, since = "5.13", header = "linux/interrupt.h")]
fn tasklet_unlock(t: Tasklet) -> KResult {
    change(t, RUNNING, 0).map(|_| ())
}

/// Waits until a tasklet does not run.
#[kexport(gpl, since = "5.13", header = "linux/interrupt.h")]
fn tasklet_unlock_wait(t: Tasklet) -> KResult {
    wait_until_clear(t, RUNNING)
}

/// [`tasklet_unlock_wait`] for who must not sleep.
#[kexport(gpl, since = "5.13", header = "linux/interrupt.h")]
fn tasklet_unlock_spin_wait(t: Tasklet) -> KResult {
    wait_until_clear(t, RUNNING)
}
