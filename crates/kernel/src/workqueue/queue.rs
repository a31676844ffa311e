//! Workqueues: making, flushing, draining, ending them. Counterpart: kernel/workqueue.c (`alloc_workqueue` and kin).

use super::state::{self, PoolKind, QueueState, State};
use super::{Queue, worker};
use crate::mm::owned::{self, Block, Kind};
use crate::module::symbols;
use crate::{env, fault, log};
use kabi::errno::ENOMEM;
use kabi::{DataExport, DataSize, KError, KPtr, KResult, NullPtr, VarArgs, c_int, c_uint, exports, kexport};
use machine::heap;
use std::collections::{BTreeSet, VecDeque};

exports![
    alloc_workqueue,
    destroy_workqueue,
    __flush_workqueue,
    drain_workqueue,
    workqueue_set_max_active,
    workqueue_congested,
    __warn_flushing_systemwide_wq
];

/// `WQ_UNBOUND`, `WQ_HIGHPRI`, `WQ_CPU_INTENSIVE`, `WQ_BH` (since 6.9) and `__WQ_ORDERED`.
const UNBOUND: u32 = 1 << 1;
const HIGH_PRIORITY: u32 = 1 << 4;
pub(super) const CPU_INTENSIVE: u32 = 1 << 5;
const BOTTOM_HALF: u32 = 1 << 8;
const ORDERED: u32 = 1 << 17;

/// What it is called in reports.
const KIND: Kind = Kind::Other("workqueue");
/// Bytes of the structure that modules hold a pointer to and never look into.
const SIZE: usize = 64;

fn pool_for(flags: u32) -> PoolKind {
    if flags & BOTTOM_HALF != 0 && env::version() >= (6, 9) {
        PoolKind::BottomHalf
    } else if flags & UNBOUND != 0 {
        PoolKind::Unbound
    } else if flags & HIGH_PRIORITY != 0 {
        PoolKind::High
    } else {
        PoolKind::Normal
    }
}

/// `WQ_MAX_ACTIVE`.
fn most_active() -> i32 {
    if env::version() >= (6, 13) { 2048 } else { 512 }
}

/// How many works of a queue may be active: what was asked for within the kernel's limits (`wq_clamp_max_active`).
fn clamp(asked: i32, flags: u32, name: &str) -> i32 {
    let per_cpu = i32::try_from(4 * machine::cpu::count()).unwrap_or(i32::MAX);
    let old_unbound = flags & UNBOUND != 0 && env::version() < (6, 6);
    let most = if old_unbound { most_active().max(per_cpu) } else { most_active() };
    if !(1..=most).contains(&asked) {
        log::line(
            4,
            &format!(
                "workqueue: max_active {asked} requested for {name} is out of range, clamping between 1 and {most}"
            ),
        );
    }
    asked.clamp(1, most)
}

fn active_for(asked: i32, flags: u32, name: &str) -> usize {
    let asked = if asked == 0 { most_active() / 2 } else { asked };
    usize::try_from(clamp(asked, flags, name)).unwrap_or(1)
}

/// Makes a queue at an address.
fn make(at: u64, name: &str, flags: u32, max_active: usize) {
    let queue = QueueState {
        name: name.into(),
        flags,
        max_active,
        pool: pool_for(flags),
        active: 0,
        waiting: VecDeque::new(),
        open: BTreeSet::new(),
        draining: false,
    };
    state::lock().queues.insert(at, queue);
}

/// Makes a workqueue; NULL if there is no memory.
#[kexport(since = "2.6.36", header = "linux/workqueue.h", gpl, symbol = "alloc_workqueue_noprof")]
fn alloc_workqueue(format: KPtr, flags: c_uint, max_active: c_int, args: VarArgs) -> NullPtr {
    NullPtr(alloc(format, flags, max_active, args))
}

fn alloc(format: KPtr, flags: u32, max_active: i32, args: VarArgs) -> KResult<KPtr> {
    let mut name = env::format(format.addr(), args.0)?;
    // WQ_NAME_LEN, its NUL included.
    let longest = if env::version() >= (6, 9) { 31 } else { 23 };
    let long = name.len() > longest;
    name.truncate(longest);
    let name = String::from_utf8_lossy(&name).into_owned();
    if long && env::version() >= (6, 9) {
        log::line(4, &format!("workqueue: name exceeds WQ_NAME_LEN. Truncating to: {name}"));
    }
    // Up to 6.5 an unbound queue of one is an ordered one.
    let implied = flags & UNBOUND != 0 && max_active == 1 && env::version() < (6, 6);
    let flags = if implied { flags | ORDERED } else { flags };
    let addr = heap::alloc(SIZE).ok_or(ENOMEM)?;
    make(addr, &name, flags, active_for(max_active, flags, &name));
    owned::note(addr, Block::new(KIND, 0).named(&name));
    Ok(KPtr::new(addr))
}

/// Changes a queue, which must be there.
fn with<R>(wq: Queue, what: &'static str, change: impl FnOnce(&mut QueueState) -> R) -> KResult<R> {
    state::lock().queues.get_mut(&wq.addr()).map(change).ok_or(KError::Bug(what))
}

/// Waits until everything that is queued now is done.
fn flush(wq: Queue) -> KResult {
    with(wq, "flush of a workqueue that does not exist, or was destroyed", |_| ())?;
    let last = state::lock().last_id();
    super::work::wait_while(|state| state.is_open(wq.addr(), last));
    Ok(())
}

fn is_empty(state: &State, wq: Queue) -> bool {
    !state.is_open(wq.addr(), u64::MAX)
}

/// Waits until nothing is queued any more; only the queue's own works may queue meanwhile.
fn drain(wq: Queue) -> KResult {
    let name = with(wq, "drain of a workqueue that does not exist, or was destroyed", |queue| {
        queue.draining = true;
        std::sync::Arc::clone(&queue.name)
    })?;
    let mut tries = 0u32;
    loop {
        flush(wq)?;
        if is_empty(&state::lock(), wq) {
            break;
        }
        tries += 1;
        if tries == 10 || tries.is_multiple_of(100) && tries <= 1000 {
            log::line(4, &format!("workqueue {name}: drain_workqueue() isn't complete after {tries} tries"));
        }
    }
    with(wq, "the workqueue was destroyed meanwhile", |queue| queue.draining = false)
}

/// Waits for all works of a queue, those that they queue included, and ends it.
#[kexport(gpl, since = "2.6.0", header = "linux/workqueue.h")]
fn destroy_workqueue(wq: Queue) -> KResult {
    drain(wq)?;
    state::lock().queues.remove(&wq.addr());
    owned::take(KIND, wq.addr());
    heap::free(wq.addr(), SIZE);
    Ok(())
}

/// Waits until everything that is queued now is done.
#[kexport(gpl, since = "2.6.0", header = "linux/workqueue.h", symbol = "flush_workqueue")]
fn __flush_workqueue(wq: Queue) -> KResult {
    flush(wq)
}

/// Waits until a queue is empty.
#[kexport(gpl, since = "3.0", header = "linux/workqueue.h")]
fn drain_workqueue(wq: Queue) -> KResult {
    drain(wq)
}

/// Changes how many works of a queue may be active.
#[kexport(gpl, since = "2.6.37", header = "linux/workqueue.h")]
fn workqueue_set_max_active(wq: Queue, max_active: c_int) -> KResult {
    let (flags, name) = with(wq, "workqueue_set_max_active of a workqueue that does not exist", |queue| {
        (queue.flags, std::sync::Arc::clone(&queue.name))
    })?;
    if flags & ORDERED != 0 {
        fault::warn_in("workqueue_set_max_active", "kernel/workqueue.c", 0, None);
        return Ok(());
    }
    let most = active_for(max_active, flags, &name);
    let mut state = state::lock();
    if let Some(queue) = state.queues.get_mut(&wq.addr()) {
        queue.max_active = most;
    }
    if let Some(kind) = state.refill(wq.addr()) {
        worker::start(&mut state, kind).drop_all();
    }
    Ok(())
}

/// True if works of a queue wait because others are active.
#[kexport(gpl, since = "2.6.36", header = "linux/workqueue.h")]
fn workqueue_congested(_cpu: c_int, wq: Queue) -> KResult<bool> {
    with(wq, "workqueue_congested of a workqueue that does not exist", |queue| !queue.waiting.is_empty())
}

/// What a flush of the system's queues is compiled to: nothing is to be done.
#[kexport(since = "6.0", header = "linux/workqueue.h")]
fn __warn_flushing_systemwide_wq() {}

/// The system's general workqueue.
pub(super) fn system() -> KResult<Queue> {
    let variable = symbols::address_of("system_wq").ok().flatten().ok_or(KError::Bug("system_wq is missing"))?;
    KPtr::<()>::new(variable).get(0).map(Queue::new)
}

fn make_system(variable: u64, name: &str, flags: u32) -> KResult {
    let addr = heap::alloc(SIZE).ok_or(ENOMEM)?;
    make(addr, name, flags, usize::try_from(most_active() / 2).unwrap_or(256));
    Ok(machine::access::put(variable, addr)?)
}

macro_rules! system {
    ($($variable:literal, $name:literal, $flags:expr, $gpl:literal;)*) => {
        /// Variables that modules can see.
        pub(crate) static DATA: &[DataExport] = &[$(DataExport {
            names: &[$variable],
            size: DataSize::Bytes(8),
            percpu: false,
            gpl: $gpl,
            init: |variable, _| make_system(variable, $name, $flags),
            doc: concat!("The system's workqueue `", $name, "`."),
        },)*];
    };
}

system! {
    "system_wq", "events", 0, false;
    "system_percpu_wq", "events", 0, true;
    "system_highpri_wq", "events_highpri", HIGH_PRIORITY, true;
    "system_long_wq", "events_long", 0, true;
    "system_unbound_wq", "events_unbound", UNBOUND, true;
    "system_dfl_wq", "events_unbound", UNBOUND, true;
    "system_freezable_wq", "events_freezable", 0, true;
    "system_power_efficient_wq", "events_power_efficient", 0, true;
    "system_freezable_power_efficient_wq", "events_freezable_pwr_efficient", 0, true;
    "system_bh_wq", "events_bh", BOTTOM_HALF, true;
    "system_bh_highpri_wq", "events_bh_highpri", BOTTOM_HALF | HIGH_PRIORITY, true;
}
