//! Read-copy-update: readers that never wait, and memory that is given back once none of them can see it. Counterpart:
//! kernel/rcu/tree_plugin.h, kernel/rcu/tree.c.
//!
//! Readers count themselves in one of two counters. A grace period makes new readers use the other one and waits until the
//! first is empty, for each counter once; then it waits until every CPU was seen without preemption disabled, since such
//! sections read too. Callbacks run in a softirq afterwards.

pub mod srcu;

use crate::klib::memory;
use crate::mm::owned::{self, Kind};
use crate::module::Module;
use crate::sched::{self, SOFTIRQ, TaskStruct};
use crate::{log, percpu, softirq};
use kabi::{Field, KPtr, KResult, c_int, c_ulong, exports, kexport};
use std::cell::Cell;
use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Condvar, LazyLock, Mutex, MutexGuard, Once, PoisonError};
use std::time::Duration;

exports![
    __rcu_read_lock,
    __rcu_read_unlock,
    synchronize_rcu,
    call_rcu,
    kvfree_call_rcu,
    rcu_barrier,
    get_state_synchronize_rcu,
    poll_state_synchronize_rcu,
    cond_synchronize_rcu,
];

/// The counter that new readers use, and how many readers each has.
static INDEX: AtomicUsize = AtomicUsize::new(0);
static READERS: [AtomicUsize; 2] = [const { AtomicUsize::new(0) }; 2];
/// Held for one grace period.
static TURN: Mutex<()> = Mutex::new(());
/// Grace periods that have ended.
static ENDED: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// Sections that this thread is in, and the counter that counts it.
    static SECTION: Cell<(u32, usize)> = const { Cell::new((0, 0)) };
}

static NESTING: Field = Field::new("task_struct", "rcu_read_lock_nesting");

/// What it is called in reports.
const CALLBACK: Kind = Kind::Other("RCU callback");

type Work = Box<dyn FnOnce() + Send>;

/// What waits for a grace period.
#[derive(Default)]
struct Waiting {
    work: VecDeque<Work>,
    /// Taken out of the queue and not done yet.
    under_way: usize,
    /// Callbacks of modules, by the address of their heads: their functions.
    heads: HashMap<u64, u64>,
}

static WAITING: LazyLock<Mutex<Waiting>> = LazyLock::new(Mutex::default);
static CHANGED: Condvar = Condvar::new();

fn waiting() -> MutexGuard<'static, Waiting> {
    WAITING.lock().unwrap_or_else(PoisonError::into_inner)
}

fn enter() {
    let (depth, index) = SECTION.get();
    if depth > 0 {
        return SECTION.set((depth + 1, index));
    }
    let index = INDEX.load(Ordering::SeqCst) & 1;
    READERS[index].fetch_add(1, Ordering::SeqCst);
    SECTION.set((1, index));
}

fn leave() {
    let (depth, index) = SECTION.get();
    SECTION.set((depth.saturating_sub(1), index));
    if depth == 1 {
        READERS[index].fetch_sub(1, Ordering::SeqCst);
    }
}

/// Reads as a section of its own.
pub fn reading<R>(work: impl FnOnce() -> R) -> R {
    /// Ends the section however the work ends.
    struct Section;
    impl Drop for Section {
        fn drop(&mut self) {
            leave();
        }
    }
    enter();
    let _section = Section;
    work()
}

/// A task ends: so do its sections (`exit_rcu`).
pub fn end_sections(task: KPtr<TaskStruct>) {
    if SECTION.get().0 > 0 {
        while SECTION.get().0 > 0 {
            leave();
        }
        // If its structure is destroyed that is its own loss.
        let _ = NESTING.put(task, 0i32);
    }
}

/// Waits until everybody who reads now has ended. The caller holds no CPU and does not read.
fn grace_period() {
    const NAP: Duration = Duration::from_micros(50);
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    for _ in 0..READERS.len() {
        let old = INDEX.fetch_xor(1, Ordering::SeqCst) & 1;
        while READERS[old].load(Ordering::SeqCst) != 0 {
            std::thread::sleep(NAP);
        }
    }
    for cpu in 0..machine::cpu::count() {
        while percpu::preempt_count(cpu) != 0 {
            std::thread::sleep(NAP);
        }
    }
    ENDED.fetch_add(1, Ordering::SeqCst);
}

/// True if nobody but the caller reads, in whatever way.
fn is_quiet() -> bool {
    let own = machine::task::current_cpu();
    READERS.iter().all(|readers| readers.load(Ordering::SeqCst) == 0)
        && (0..machine::cpu::count()).all(|cpu| Some(cpu) == own || percpu::preempt_count(cpu) == 0)
}

/// Does `work` once everybody who reads now has ended; at once if nobody does. It calls no module code.
pub fn when_unread(work: impl FnOnce() + Send + 'static) {
    if is_quiet() { work() } else { call_later(Box::new(work)) }
}

/// Does `work` once everybody who reads now has ended, never at once.
pub(crate) fn call_later(work: Work) {
    waiting().work.push_back(work);
    start();
    CHANGED.notify_all();
}

/// Starts the thread that waits for readers, with the first that has to.
fn start() {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| {
        let thread = std::thread::Builder::new().name("rcu".to_string());
        if thread.spawn(live).is_err() {
            log::line(3, "lkm: the host gives no thread for RCU: what waits for readers waits for ever");
        }
    });
}

fn live() {
    loop {
        let mut waiting = waiting();
        while waiting.work.is_empty() {
            waiting = CHANGED.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
        let work = std::mem::take(&mut waiting.work);
        waiting.under_way = work.len();
        drop(waiting);
        grace_period();
        for work in work {
            work();
            self::waiting().under_way -= 1;
            CHANGED.notify_all();
        }
    }
}

/// Waits until all that waits for readers now is done, callbacks included.
pub(crate) fn wait_for_callbacks() {
    sched::blocking(|| {
        let mut waiting = waiting();
        while !waiting.work.is_empty() || waiting.under_way > 0 || !waiting.heads.is_empty() {
            waiting = CHANGED.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
    });
}

/// The callback of a module, in a softirq.
fn call_back(head: u64) {
    let function = waiting().heads.get(&head).copied();
    if let Some(function) = function {
        owned::take(CALLBACK, head);
        // One that died has written its report.
        softirq::serve(SOFTIRQ, || kabi::call(function, &[head]).is_ok());
        // It may have freed its memory, and that be a head again: only what this was is over.
        let mut waiting = waiting();
        if waiting.heads.get(&head) == Some(&function) {
            waiting.heads.remove(&head);
        }
        drop(waiting);
        CHANGED.notify_all();
    }
}

/// A module's code goes: its callbacks are never called. They stay in the list of what is owned.
pub fn abandon(module: &Module) {
    let image = module.image();
    waiting().heads.retain(|head, function| !image.contains(*head) && !image.contains(*function));
    CHANGED.notify_all();
}

fn nest(by: c_int) -> KResult<c_int> {
    let task = sched::current();
    let depth = NESTING.get::<i32, _>(task)?.wrapping_add(by);
    NESTING.put(task, depth)?;
    Ok(depth)
}

/// Begins a section in which what is read stays.
#[kexport(since = "2.6.32", header = "linux/rcupdate.h")]
fn __rcu_read_lock() -> KResult {
    nest(1)?;
    enter();
    Ok(())
}

/// Ends such a section.
#[kexport(since = "2.6.32", header = "linux/rcupdate.h")]
fn __rcu_read_unlock() -> KResult {
    nest(-1)?;
    leave();
    Ok(())
}

/// Waits until all sections that have begun have ended.
#[kexport(gpl, since = "2.6.12", header = "linux/rcupdate.h", symbol = "synchronize_rcu_expedited")]
fn synchronize_rcu() {
    sched::blocking(grace_period);
}

/// Calls a function, in a softirq, once all who read now have ended.
#[kexport(gpl, since = "2.6.0", header = "linux/rcupdate.h", symbol = "call_rcu_hurry")]
fn call_rcu(head: KPtr, function: KPtr) -> KResult {
    // As `struct rcu_head` has it: next, function.
    head.put(8, function.addr())?;
    let at = head.addr();
    if waiting().heads.insert(at, function.addr()).is_some() {
        log::line(
            3,
            &format!("lkm: call_rcu() of a head that waits already, for {}", softirq::name_of(function.addr())),
        );
    }
    softirq::note_later(CALLBACK, at, function.addr());
    call_later(Box::new(move || softirq::raise(Box::new(move || call_back(at)))));
    Ok(())
}

/// Waits until everything that waits for readers is done.
#[kexport(gpl, since = "2.6.0", header = "linux/rcutree.h")]
fn rcu_barrier() {
    wait_for_callbacks();
}

/// What a grace period that begins now has to reach.
#[kexport(gpl, since = "3.18", header = "linux/rcutree.h", symbol = "start_poll_synchronize_rcu")]
fn get_state_synchronize_rcu() -> c_ulong {
    // One may be under way: it does not count, the next one does.
    ENDED.load(Ordering::SeqCst).wrapping_add(if TURN.try_lock().is_ok() { 1 } else { 2 })
}

/// True if that was reached.
#[kexport(gpl, since = "5.12", header = "linux/rcutree.h")]
fn poll_state_synchronize_rcu(state: c_ulong) -> bool {
    ENDED.load(Ordering::SeqCst).wrapping_sub(state) as i64 >= 0
}

/// Waits until that is reached.
#[kexport(gpl, since = "3.18", header = "linux/rcutree.h")]
fn cond_synchronize_rcu(state: c_ulong) {
    if !poll_state_synchronize_rcu(state) {
        synchronize_rcu();
    }
}

/// Frees memory once nobody can be reading it: what lies around a `struct rcu_head`, or a block without one.
#[kexport(gpl, since = "5.9", header = "linux/rcutree.h")]
fn kvfree_call_rcu(head: KPtr, which: u64) -> KResult {
    let block = match head.addr() {
        0 => which,
        // Up to 6.1 it is the head's offset in its block, afterwards the block.
        at if loader::series() < (6, 2) => at.wrapping_sub(which),
        _ => which,
    };
    if head.is_null() {
        synchronize_rcu();
        return memory::kvfree(KPtr::new(block));
    }
    // The module's memory goes back through kvfree, which needs a task.
    call_later(Box::new(move || softirq::raise(Box::new(move || free(block)))));
    Ok(())
}

fn free(block: u64) {
    if let Some(Err(e)) = softirq::serve(SOFTIRQ, || memory::kvfree(KPtr::new(block))) {
        log::line(4, &format!("rcu: kvfree of {block:#x}: {e}"));
    }
}
