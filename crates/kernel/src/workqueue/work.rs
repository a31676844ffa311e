//! Work items. Counterpart: kernel/workqueue.c (`queue_work_on`, `flush_work`, `cancel_work_sync` and kin).

use super::state::{self, Queued, State};
use super::worker::{self, Started};
use super::{Queue, Work};
use crate::klib::list::init_list_head;
use crate::klib::rhashtable;
use crate::mm::owned::{self, Kind};
use crate::sched::wakeup;
use crate::{env, fault, sched, softirq};
use kabi::{Export, Field, KError, KPtr, KResult, VarArgs, c_int, c_long, c_uint, exports, kexport};
use machine::access;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};

exports![
    __init_work,
    queue_work_on,
    queue_work_node,
    flush_work,
    cancel_work,
    cancel_work_sync,
    work_busy,
    current_work,
    set_worker_desc,
    execute_in_process_context,
    work_on_cpu_key,
    work_on_cpu
];

static DATA: Field = Field::new("work_struct", "data.counter");
static ENTRY: Field = Field::new("work_struct", "entry");
static FUNCTION: Field = Field::new("work_struct", "func");

/// `WORK_STRUCT_PENDING`.
const PENDING: u32 = 1;
/// `WORK_STRUCT_NO_POOL`: what a work that was never queued holds.
const NO_POOL: u64 = 0xf_ffff_ffe0;

/// What it is called in reports.
pub(super) const KIND: Kind = Kind::Other("queued work");

/// The work's function.
pub(super) fn function_of(work: Work) -> KResult<u64> {
    FUNCTION.get(work)
}

/// Marks a work as pending; false if it was.
pub(super) fn set_pending(work: Work) -> KResult<bool> {
    let at = DATA.of(work)?.addr();
    loop {
        let old: u32 = access::get(at)?;
        if old & PENDING != 0 {
            return Ok(false);
        }
        if access::compare_exchange_u32(at, old, old | PENDING)? == old {
            return Ok(true);
        }
    }
}

pub(super) fn clear_pending(work: Work) -> KResult {
    let at = DATA.of(work)?.addr();
    loop {
        let old: u32 = access::get(at)?;
        if access::compare_exchange_u32(at, old, old & !PENDING)? == old {
            return Ok(());
        }
    }
}

pub(super) fn is_pending(work: Work) -> KResult<bool> {
    Ok(DATA.get::<u32, _>(work)? & PENDING != 0)
}

/// Says once that a queue takes no more.
fn warn_draining(name: &str, function: u64) {
    static WARNED: AtomicBool = AtomicBool::new(false);
    if WARNED.swap(true, Ordering::Relaxed) {
        return;
    }
    let at = softirq::name_of(function);
    let text = format!("workqueue: cannot queue {at} on wq {name}");
    fault::warn_in("__queue_work", "kernel/workqueue.c", 0, (env::version() >= (6, 6)).then_some(&text));
}

/// Queues a work that is marked as pending.
pub(super) fn insert(queue: Queue, work: Work) -> KResult<Started> {
    let function = function_of(work)?;
    // Noted first: it may be done at once.
    softirq::note_later(KIND, work.addr(), function);
    let mut state = state::lock();
    let chained = worker::current().is_some_and(|item| item.queue == queue.addr());
    match state.queue(work.addr(), function, queue.addr(), chained) {
        Queued::Yes => {
            let kind = state.queues.get(&queue.addr()).map(|queue| queue.pool);
            Ok(kind.map_or_else(Started::default, |kind| worker::start(&mut state, kind)))
        }
        Queued::Draining => {
            let name = state.queues.get(&queue.addr()).map(|queue| queue.name.to_string()).unwrap_or_default();
            drop(state);
            owned::take(KIND, work.addr());
            warn_draining(&name, function);
            Ok(Started::default())
        }
        Queued::NoQueue => {
            drop(state);
            owned::take(KIND, work.addr());
            Err(KError::Bug("a work is queued on a workqueue that does not exist, or was destroyed"))
        }
    }
}

/// Queues a work: false if it is pending.
pub(super) fn queue(queue: Queue, work: Work) -> KResult<bool> {
    if !set_pending(work)? {
        return Ok(false);
    }
    let function = function_of(work)?;
    insert(queue, work)?.let_run();
    if rhashtable::is_own_work(function) {
        // It says nothing, and who fills a table lets it grow by cond_resched(), which nothing notices here.
        wakeup::yield_point();
    }
    Ok(true)
}

/// Waits, where that is possible without a CPU, until something is no more.
pub(super) fn wait_while(mut is_so: impl FnMut(&State) -> bool) {
    if !is_so(&state::lock()) {
        return;
    }
    sched::blocking(|| {
        let mut state = state::lock();
        while is_so(&state) {
            state = state::DONE.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    });
}

/// Waits until the newest item of a work is done: false if there is none.
pub(super) fn flush(work: Work) -> KResult<bool> {
    if function_of(work)? == 0 {
        // Debian's 6.1 has the function inlined here.
        let function = if env::version() < (6, 2) { "flush_work" } else { "__flush_work" };
        fault::warn_in(function, "kernel/workqueue.c", 1, None);
        return Ok(false);
    }
    wakeup::yield_point();
    let Some((queue, id)) = state::lock().last_of(work.addr()) else { return Ok(false) };
    wait_while(|state| state.is_item_open(queue, id));
    Ok(true)
}

/// Takes a pending work out of its queue: true if it was in one.
pub(super) fn take(work: Work) -> bool {
    let taken = state::lock().take(work.addr());
    if taken {
        owned::take(KIND, work.addr());
    }
    taken
}

/// Waits until a work does not run; nobody can queue it meanwhile.
pub(super) fn wait_idle(work: Work) -> KResult {
    // It may be marked as pending by who waits here; one that marked it first queues it yet.
    let marked = set_pending(work)?;
    let own = worker::current().is_some_and(|item| item.work == work.addr());
    if !own {
        wait_while(|state| state.running(work.addr()).is_some());
    }
    if marked { clear_pending(work) } else { Ok(()) }
}

/// Queues a work of lkm's own on the system's queue: false if it is pending.
pub(crate) fn queue_system(work: Work) -> KResult<bool> {
    queue(super::queue::system()?, work)
}

/// Makes a work that is not pending.
pub(crate) fn init(work: Work) -> KResult {
    DATA.put(work, NO_POOL)?;
    init_list_head(ENTRY.of(work)?)
}

/// Makes a work; for object debugging.
#[kexport(gpl, since = "2.6.27", header = "linux/workqueue.h")]
fn __init_work(_work: Work, _on_stack: c_int) {}

/// A work was queued on a CPU. Only one that has to be a certain one makes the function a partial one.
pub(super) fn note_cpu(cpu: c_int, row: &Export, asked: &AtomicBool) {
    // `WORK_CPU_UNBOUND` is beyond all of them.
    if usize::try_from(cpu).is_ok_and(|cpu| cpu < machine::cpu::count()) {
        asked.store(true, Ordering::Relaxed);
    }
    row.called.store(asked.load(Ordering::Relaxed), Ordering::Relaxed);
}

/// Queues a work: false if it is pending already.
#[kexport(since = "2.6.27", header = "linux/workqueue.h", partial = "a work for one CPU runs on any")]
fn queue_work_on(cpu: c_int, wq: Queue, work: Work) -> KResult<bool> {
    static ASKED: AtomicBool = AtomicBool::new(false);
    note_cpu(cpu, &__EXPORT_queue_work_on, &ASKED);
    queue(wq, work)
}

/// [`queue_work_on`] near a memory node; there is one.
#[kexport(gpl, since = "5.1", header = "linux/workqueue.h")]
fn queue_work_node(_node: c_int, wq: Queue, work: Work) -> KResult<bool> {
    queue(wq, work)
}

/// Waits until a work that is pending or runs is done: false if there was nothing to wait for.
#[kexport(gpl, since = "2.6.37", header = "linux/workqueue.h")]
fn flush_work(work: Work) -> KResult<bool> {
    flush(work)
}

/// Takes a work out of its queue: true if it was pending. It may still run.
#[kexport(since = "5.1", header = "linux/workqueue.h")]
fn cancel_work(work: Work) -> KResult<bool> {
    let taken = take(work);
    if taken {
        clear_pending(work)?;
    }
    Ok(taken)
}

/// [`cancel_work`] that waits until it does not run.
#[kexport(gpl, since = "2.6.24", header = "linux/workqueue.h")]
fn cancel_work_sync(work: Work) -> KResult<bool> {
    cancel_sync(work)
}

/// Takes a work out of its queue and waits until it does not run.
pub(crate) fn cancel_sync(work: Work) -> KResult<bool> {
    if function_of(work)? == 0 {
        fault::warn_in("__flush_work", "kernel/workqueue.c", 1, None);
        return Ok(false);
    }
    wakeup::yield_point();
    let taken = take(work);
    wait_idle(work)?;
    if taken {
        clear_pending(work)?;
    }
    Ok(taken)
}

/// Whether a work is pending (1) and runs (2).
#[kexport(gpl, since = "2.6.36", header = "linux/workqueue.h")]
fn work_busy(work: Work) -> KResult<c_uint> {
    let running = state::lock().running(work.addr()).is_some();
    Ok(u32::from(is_pending(work)?) | u32::from(running) << 1)
}

/// The work that the running worker does; NULL elsewhere.
#[kexport(since = "4.17", header = "linux/workqueue.h")]
fn current_work() -> Work {
    KPtr::new(worker::current().map_or(0, |item| item.work))
}

/// Says what the running work does, for reports.
#[kexport(gpl, since = "3.10", header = "linux/workqueue.h")]
fn set_worker_desc(format: KPtr, args: VarArgs) -> KResult {
    let mut text = env::format(format.addr(), args.0)?;
    // WORKER_DESC_LEN, its NUL included.
    text.truncate(if env::version() >= (6, 10) { 31 } else { 23 });
    worker::describe(String::from_utf8_lossy(&text).into_owned());
    Ok(())
}

/// Calls a function now, where that is possible, or by a worker: 0 or 1.
#[kexport(gpl, since = "2.6.16", header = "linux/workqueue.h")]
fn execute_in_process_context(function: KPtr, ew: Work) -> KResult<c_int> {
    if !sched::in_interrupt() {
        kabi::call(function.addr(), &[ew.addr()])?;
        return Ok(0);
    }
    init(ew)?;
    FUNCTION.put(ew, function.addr())?;
    queue(super::queue::system()?, ew)?;
    Ok(1)
}

/// Calls `function(arg)` in the place of a worker of a CPU, and returns its result.
#[kexport(
    gpl,
    since = "6.0",
    header = "linux/workqueue.h",
    partial = "the caller itself runs it",
    symbol = "work_on_cpu_safe_key"
)]
fn work_on_cpu_key(_cpu: c_int, function: KPtr, arg: KPtr, _key: KPtr) -> KResult<c_long> {
    Ok(kabi::call(function.addr(), &[arg.addr()])? as c_long)
}

/// [`work_on_cpu_key`] of kernels whose lock debugging has no keys for it.
#[kexport(
    gpl,
    since = "2.6.30",
    header = "linux/workqueue.h",
    partial = "the caller itself runs it",
    symbol = "work_on_cpu_safe"
)]
fn work_on_cpu(_cpu: c_int, function: KPtr, arg: KPtr) -> KResult<c_long> {
    Ok(kabi::call(function.addr(), &[arg.addr()])? as c_long)
}
