//! The threads that do the work. Counterpart: `worker_thread`, `process_one_work` of kernel/workqueue.c.

use super::state::{self, Busy, Item, PoolKind, Stage, State};
use super::work::{KIND, clear_pending, function_of};
use crate::mm::owned;
use crate::sched::wakeup::{self, Sleeper, Wake};
use crate::sched::{self, SOFTIRQ, Task, kthread};
use crate::{fault, log, softirq};
use kabi::{Field, KPtr};
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, PoisonError};
use std::time::Instant;
use wire::Caller;

static FLAGS: Field = Field::new("task_struct", "flags");

/// `PF_WQ_WORKER`.
const WQ_WORKER: u32 = 0x20;

/// A thread of a pool.
#[derive(Debug)]
pub(super) struct Worker {
    number: u64,
    sleeper: Sleeper,
    /// Signalled when it has got an item, or is to look after its pool.
    called: Condvar,
}

thread_local! {
    /// The worker that this thread is, and its pool.
    static SELF: RefCell<Option<(Arc<Worker>, PoolKind)>> = const { RefCell::new(None) };
    /// What it works on.
    static CURRENT: RefCell<Option<Item>> = const { RefCell::new(None) };
    static DESCRIPTION: RefCell<Option<String>> = const { RefCell::new(None) };
    /// It counts in its pool again when it wakes up.
    static COUNTED: Cell<bool> = const { Cell::new(false) };
}

/// The item that this thread works on.
pub(super) fn current() -> Option<Item> {
    CURRENT.with_borrow(Clone::clone)
}

/// What the work says that it is doing.
pub(super) fn description() -> Option<String> {
    DESCRIPTION.with_borrow(Clone::clone)
}

/// Sets that; nothing where nobody works.
pub(super) fn describe(text: String) {
    if current().is_some() {
        DESCRIPTION.set(Some(text));
    }
}

/// What has to be woken once the state's lock is free.
#[must_use]
#[derive(Default)]
pub(super) struct Started(Vec<Wake>);

impl Started {
    /// What was started runs when the caller comes to a point where it may sleep, or soon.
    pub fn let_run(self) {
        self.0.into_iter().for_each(Wake::let_run);
    }

    /// Goes on at once.
    pub fn drop_all(self) {
        drop(self.0);
    }
}

/// Starts what a pool may start.
pub(super) fn start(state: &mut State, kind: PoolKind) -> Started {
    let mut wakes = Vec::new();
    while let Some(item) = state.next(kind) {
        let worker = state.pools.entry(kind).or_default().idle.pop();
        let worker = worker.or_else(|| if kind == PoolKind::BottomHalf { Some(Worker::new()) } else { spawn(kind) });
        let pool = state.pools.entry(kind).or_default();
        let Some(worker) = worker else {
            log::line(3, "workqueue: Failed to create a worker thread: -ENOMEM");
            pool.list.push_front(item);
            break;
        };
        wakes.push(Wake::of(worker.sleeper));
        let counts = !item.intensive && kind != PoolKind::BottomHalf;
        pool.busy.insert(worker.number, Busy { item, counts, since: Instant::now(), stage: Stage::Given });
        if kind == PoolKind::BottomHalf {
            softirq::raise(Box::new(move || serve_bottom_half(&worker)));
        } else {
            worker.called.notify_one();
        }
    }
    // Somebody looks again when those that run have run for long.
    if state.patience(kind).is_some() {
        look_after(state, kind);
    }
    Started(wakes)
}

/// An idle worker of the pool looks after it.
fn look_after(state: &mut State, kind: PoolKind) {
    if state.pools.entry(kind).or_default().idle.is_empty()
        && let Some(worker) = spawn(kind)
    {
        state.pools.entry(kind).or_default().idle.push(worker);
    }
    if let Some(worker) = state.pools.entry(kind).or_default().idle.first() {
        worker.called.notify_one();
    }
}

impl Worker {
    fn new() -> Arc<Self> {
        static LAST: AtomicU64 = AtomicU64::new(0);
        let number = LAST.fetch_add(1, Ordering::Relaxed);
        Arc::new(Self { number, sleeper: Sleeper::unborn(), called: Condvar::new() })
    }
}

/// A new thread for a pool; it gets its item, or waits for one.
fn spawn(kind: PoolKind) -> Option<Arc<Worker>> {
    let worker = Worker::new();
    let own = Arc::clone(&worker);
    let thread = std::thread::Builder::new().name("kworker".to_string());
    thread.spawn(move || live(&own, kind)).ok()?;
    Some(worker)
}

fn name_of(kind: PoolKind, number: u64) -> String {
    match kind {
        PoolKind::Unbound => format!("kworker/u{}:{number}", 2 * machine::cpu::count()),
        PoolKind::High => format!("kworker/0:{number}H"),
        PoolKind::Normal | PoolKind::BottomHalf => format!("kworker/0:{number}"),
    }
}

fn live(worker: &Arc<Worker>, kind: PoolKind) {
    let made = Task::attach_kthread().and_then(|task| {
        let flags = FLAGS.get::<u32, _>(task.structure())?;
        FLAGS.put(task.structure(), flags | WQ_WORKER)?;
        Ok(task)
    });
    worker.sleeper.adopt();
    let Ok(task) = made else {
        log::line(3, "workqueue: a worker thread got no memory: its work is not done");
        give_up(worker, kind);
        return;
    };
    let pid = kthread::next_pid();
    let caller = Caller { pid, tid: pid, comm: name_of(kind, worker.number), ..wire::kernel_caller() };
    SELF.set(Some((Arc::clone(worker), kind)));
    loop {
        if let Some(item) = wait_for_item(worker, kind) {
            task.run(&caller, || work_on(&item));
        }
        done(worker, kind);
    }
}

/// Waits until there is an item for this worker; `None` if its module went meanwhile.
fn wait_for_item(worker: &Arc<Worker>, kind: PoolKind) -> Option<Item> {
    let mut state = state::lock();
    loop {
        let pool = state.pools.entry(kind).or_default();
        if let Some(busy) = pool.busy.get_mut(&worker.number) {
            busy.since = Instant::now();
            return begin(busy);
        }
        wakeup::about_to_sleep();
        let patience = state.patience(kind);
        state = match patience {
            Some(left) if left.is_zero() => {
                start(&mut state, kind).drop_all();
                if state.patience(kind).is_some_and(|left| left.is_zero()) {
                    // Everything that waits is a work that runs.
                    worker.called.wait_timeout(state, state::HOG).unwrap_or_else(PoisonError::into_inner).0
                } else {
                    state
                }
            }
            Some(left) => worker.called.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0,
            None => worker.called.wait(state).unwrap_or_else(PoisonError::into_inner),
        };
    }
}

/// A worker begins with what it was given.
fn begin(busy: &mut Busy) -> Option<Item> {
    let goes_on = std::mem::replace(&mut busy.stage, Stage::Begun) != Stage::Gone;
    goes_on.then(|| busy.item.clone())
}

/// Calls a work's function.
fn work_on(item: &Item) {
    let work = KPtr::new(item.work);
    owned::take(KIND, item.work);
    // Pending no more: it may queue itself. Its memory may be gone as soon as it runs.
    let function = clear_pending(work).and_then(|()| function_of(work));
    let function = match function {
        Ok(function) => function,
        Err(e) => {
            let what = softirq::name_of(item.function);
            let at = item.work;
            log::line(3, &format!("lkm: the work of {what} at {at:#x} was freed while it was queued: {e}"));
            return;
        }
    };
    CURRENT.set(Some(Item { function, ..item.clone() }));
    DESCRIPTION.set(None);
    // One that died has written its report.
    if kabi::call(function, &[item.work]).is_ok() && sched::preempt_count() & !SOFTIRQ != 0 {
        leaked(function);
    }
    CURRENT.set(None);
}

/// The function came back with something held.
fn leaked(function: u64) {
    let caller = sched::caller();
    let (comm, pid, count) = (caller.comm, caller.tid, sched::preempt_count());
    log::line(3, &format!("BUG: workqueue leaked lock or atomic: {comm}/0x{count:08x}/{pid}"));
    log::line(3, &format!("     last function: {}", softirq::name_of(function)));
    fault::dump_stack();
}

/// The worker's item is done.
fn done(worker: &Arc<Worker>, kind: PoolKind) {
    let mut state = state::lock();
    let pool = state.pools.entry(kind).or_default();
    let busy = pool.busy.remove(&worker.number);
    if kind != PoolKind::BottomHalf {
        pool.idle.push(Arc::clone(worker));
    }
    let more = busy.and_then(|busy| state.finish(&busy.item));
    for kind in [Some(kind), more].into_iter().flatten().collect::<BTreeSet<_>>() {
        start(&mut state, kind).drop_all();
    }
}

fn give_up(worker: &Arc<Worker>, kind: PoolKind) {
    let mut state = state::lock();
    let pool = state.pools.entry(kind).or_default();
    pool.idle.retain(|idle| idle.number != worker.number);
    if let Some(busy) = pool.busy.remove(&worker.number) {
        state.finish(&busy.item);
    }
}

/// A work of a queue for softirqs.
fn serve_bottom_half(worker: &Arc<Worker>) {
    let item =
        state::lock().pools.entry(PoolKind::BottomHalf).or_default().busy.get_mut(&worker.number).and_then(begin);
    if let Some(item) = item {
        softirq::serve(SOFTIRQ, || work_on(&item));
    }
    wakeup::slept(worker.sleeper);
    done(worker, PoolKind::BottomHalf);
}

fn own_busy<R>(change: impl FnOnce(&mut State, PoolKind, &Arc<Worker>) -> R) -> Option<R> {
    SELF.with_borrow(|own| {
        let (worker, kind) = own.as_ref()?;
        Some(change(&mut state::lock(), *kind, worker))
    })
}

/// A task is about to sleep: if it is a worker, its pool may start another one.
pub fn on_sleep() {
    own_busy(|state, kind, worker| {
        let busy = state.pools.entry(kind).or_default().busy.get_mut(&worker.number);
        COUNTED.set(busy.is_some_and(|busy| std::mem::take(&mut busy.counts)));
        start(state, kind).drop_all();
    });
}

/// It runs again.
pub fn on_wake() {
    if COUNTED.take() {
        own_busy(|state, kind, worker| {
            if let Some(busy) = state.pools.entry(kind).or_default().busy.get_mut(&worker.number) {
                (busy.counts, busy.since) = (true, Instant::now());
            }
        });
    }
}
