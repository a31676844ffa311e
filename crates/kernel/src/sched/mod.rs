//! Tasks: who runs in the kernel. Counterpart: kernel/sched/core.c, kernel/fork.c, include/linux/sched.h.
//!
//! A worker thread of the kernel process is a task while it lives. It takes on the identity of the program that it
//! works for: `current` then has that program's pid, comm and user.

pub mod completion;
pub mod core;
pub mod identity;
pub mod kthread;
pub mod signal;
pub mod wait;
pub mod wakeup;

use crate::percpu;
use kabi::{Field, KPtr, KResult};
use machine::task::{self, Handle};
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use wire::Caller;

/// The kernel's `struct task_struct`.
#[derive(Debug)]
pub struct TaskStruct;

static STACK: Field = Field::new("task_struct", "stack");

/// A thread that is a task.
pub struct Task {
    machine: machine::Task,
    structure: KPtr<TaskStruct>,
}

thread_local! {
    /// Who this thread works for.
    static CALLER: RefCell<Caller> = RefCell::new(wire::kernel_caller());
    static CURRENT: std::cell::Cell<KPtr<TaskStruct>> = const { std::cell::Cell::new(KPtr::NULL) };
}

/// Tasks that run module code, with the time when they last gave way.
static RUNNING: Mutex<Option<HashMap<std::thread::ThreadId, (Handle, Instant)>>> = Mutex::new(None);

impl Task {
    /// Makes this thread a task that works for programs.
    ///
    /// # Errors
    /// When there is no memory for it.
    pub fn attach() -> KResult<Self> {
        Self::make(false)
    }

    /// Makes this thread a kernel thread.
    ///
    /// # Errors
    /// When there is no memory for it.
    pub fn attach_kthread() -> KResult<Self> {
        Self::make(true)
    }

    fn make(is_kthread: bool) -> KResult<Self> {
        let machine = machine::Task::attach().map_err(|_| kabi::errno::ENOMEM)?;
        let structure = identity::new_task(is_kthread)?;
        STACK.put(structure, machine.stack_base())?;
        CURRENT.set(structure);
        Ok(Self { machine, structure })
    }

    /// Runs `work` as the caller's task: on a CPU, with `current` naming the caller.
    pub fn run<R>(&self, caller: &Caller, work: impl FnOnce() -> R) -> R {
        // A structure of ours in memory of ours: this can only fail with a profile that lacks the members, and then
        // modules cannot look at them either.
        let _ = identity::label(self.structure, caller);
        CALLER.replace(caller.clone());
        wakeup::hold_back();
        let cpu = task::acquire_cpu();
        percpu::on_switch(cpu, self.structure);
        set_preempt_count(0);
        self.note_running(true);
        let result = work();
        self.note_running(false);
        // What a task leaves switched off ends with it.
        crate::rcu::end_sections(self.structure);
        set_preempt_count(0);
        set_irqs_off(false);
        task::release_cpu();
        crate::softirq::run_deferred();
        wakeup::release();
        wakeup::at_end();
        CALLER.replace(wire::kernel_caller());
        result
    }

    /// Its `struct task_struct`.
    pub fn structure(&self) -> KPtr<TaskStruct> {
        self.structure
    }

    fn note_running(&self, on: bool) {
        let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        let running = running.get_or_insert_default();
        let thread = std::thread::current().id();
        if on {
            running.insert(thread, (self.machine.handle(), Instant::now()));
        } else {
            running.remove(&thread);
        }
    }
}

thread_local! {
    /// The frame of the call that this thread works on.
    static FRAME: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}

/// A call that is worked on, or will be.
#[derive(Default)]
struct Work {
    /// Once a thread has taken it.
    task: Option<KPtr<TaskStruct>>,
    /// Its caller got a signal: whether that ends it.
    signal: Option<bool>,
}

impl Work {
    fn tell(&self) {
        if let (Some(task), Some(fatal)) = (self.task, self.signal) {
            signal::note(task, fatal);
        }
    }
}

/// By the calls' frames.
static WORK: Mutex<BTreeMap<u64, Work>> = Mutex::new(BTreeMap::new());

fn work() -> MutexGuard<'static, BTreeMap<u64, Work>> {
    WORK.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Notes which call this thread works on, and as which task; `None` at its end.
pub fn set_frame(frame: Option<(u64, KPtr<TaskStruct>)>) {
    let old = FRAME.replace(frame.map_or(0, |(id, _)| id));
    let mut all = work();
    if let Some(Work { task: Some(task), signal: Some(_) }) = all.remove(&old) {
        // The signal is the caller's to take.
        signal::forget(task);
    }
    if let Some((id, task)) = frame {
        let work = all.entry(id).or_default();
        work.task = Some(task);
        work.tell();
    }
}

/// The call that this thread works on; 0 for none.
pub fn frame() -> u64 {
    FRAME.get()
}

/// The caller of a frame got a signal, perhaps one that ends it: what it waits for ends.
pub fn interrupt(frame: u64, fatal: bool) {
    let mut all = work();
    let work = all.entry(frame).or_default();
    work.signal = Some(fatal);
    work.tell();
    drop(all);
    crate::log::wake_readers();
    core::wake_signalled();
}

/// True if the caller of this thread's call got a signal.
pub fn is_interrupted() -> bool {
    work().get(&FRAME.get()).is_some_and(|work| work.signal.is_some())
}

/// Who this thread works for.
pub fn caller() -> Caller {
    CALLER.with_borrow(Clone::clone)
}

/// `current`; NULL on a thread that is no task.
pub fn current() -> KPtr<TaskStruct> {
    CURRENT.get()
}

/// Interrupts every task that has been running without giving way for longer than `limit`. The handles stay valid
/// while the list's lock is held: a task leaves the list before its thread ends.
pub fn kick_hogs(limit: Duration) {
    let running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
    let hogs = running.iter().flat_map(|r| r.values()).filter(|(_, since)| since.elapsed() >= limit);
    hogs.for_each(|(handle, _)| handle.kick());
}

/// How long this thread's task has been running without giving way.
pub fn running_for() -> Duration {
    let running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
    let since = running.as_ref().and_then(|r| r.get(&std::thread::current().id()));
    since.map_or(Duration::ZERO, |(_, since)| since.elapsed())
}

/// The preempt count of this task: spin locks that it holds, and what it disabled itself.
pub fn preempt_count() -> u32 {
    task::current_cpu().map_or(0, percpu::preempt_count)
}

/// Sets it.
pub fn set_preempt_count(count: u32) {
    if let Some(cpu) = task::current_cpu() {
        percpu::set_preempt_count(cpu, count);
    }
}

/// Adds to the preempt count; what is more than all of it is taken away to 0.
pub fn preempt_add(change: i32) {
    set_preempt_count(preempt_count().saturating_add_signed(change));
}

/// True if the task switched interrupts off.
pub fn irqs_off() -> bool {
    task::irqs_off()
}

/// Notes that the task switched interrupts off or on; returns what it was.
pub fn set_irqs_off(off: bool) -> bool {
    task::set_irqs_off(off)
}

/// Added to the preempt count while a softirq is served (`SOFTIRQ_OFFSET`).
pub const SOFTIRQ: u32 = 0x100;
/// Added to the preempt count while an interrupt is served (`HARDIRQ_OFFSET`).
pub const HARDIRQ: u32 = 0x1_0000;

/// True while an interrupt or a softirq is served, or bottom halves are off (`in_interrupt`).
pub fn in_interrupt() -> bool {
    preempt_count() & 0x1f_ff00 != 0
}

/// True while an interrupt or a softirq is served, and not only because bottom halves are off.
pub fn serves_interrupt() -> bool {
    preempt_count() & 0x1f_0100 != 0
}

/// True where no other task may run.
pub fn in_atomic() -> bool {
    preempt_count() != 0 || irqs_off()
}

/// Gives the CPU up while `wait` runs, which must not touch per-CPU variables.
pub fn blocking<R>(wait: impl FnOnce() -> R) -> R {
    if task::current_cpu().is_none() {
        return wait();
    }
    let count = preempt_count();
    if count != 0 {
        while_atomic(count);
    }
    crate::workqueue::on_sleep();
    let result = off_cpu(|| {
        wakeup::about_to_sleep();
        wait()
    });
    crate::workqueue::on_wake();
    result
}

/// [`blocking`] for who does not sleep, but is kept from running for a moment.
pub(crate) fn off_cpu<R>(wait: impl FnOnce() -> R) -> R {
    if task::current_cpu().is_none() {
        return wait();
    }
    let count = preempt_count();
    let thread = std::thread::current().id();
    let running = || RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
    let entry = running().as_mut().and_then(|r| r.remove(&thread));
    // Who looks at an idle CPU's count shall not take it for a reader's.
    set_preempt_count(0);
    task::release_cpu();
    wakeup::release();
    let result = wait();
    wakeup::hold_back();
    let cpu = task::acquire_cpu();
    percpu::on_switch(cpu, current());
    percpu::set_preempt_count(cpu, count);
    if let Some((handle, _)) = entry {
        running().get_or_insert_default().insert(thread, (handle, Instant::now()));
    }
    result
}

/// Reports that a task sleeps where it must not (`__schedule_bug`).
fn while_atomic(count: u32) {
    let caller = caller();
    let text = format!("BUG: scheduling while atomic: {}/{}/0x{:08x}", caller.comm, caller.tid, count + 1);
    crate::log::line(3, &text);
    crate::fault::dump_stack();
}

/// Sleeps for a time.
pub fn sleep(time: Duration) {
    blocking(|| std::thread::sleep(time));
}
