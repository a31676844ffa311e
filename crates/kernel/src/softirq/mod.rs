//! What runs above tasks: softirqs and timer interrupts. Counterpart: kernel/softirq.c.
//!
//! An instance has no interrupts that could stop a task. Two threads take their place, each as the idle task that an
//! interrupt would have met: one serves softirqs (timers, tasklets, RCU callbacks), one the timer interrupt (hrtimers).
//! Module code finds the preempt count as in Linux. What a task raises while it has bottom halves off runs in the task when
//! it switches them on. DIFFERS: there is one of each thread, not one for each CPU.

pub mod tasklet;

use crate::fault;
use crate::mm::check;
use crate::mm::owned::{self, Block, Kind};
use crate::module::Module;
use crate::sched::{self, HARDIRQ, SOFTIRQ, Task};
use crate::time::{hrtimer, timer};
use crate::{log, sched::wakeup};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, Once, PoisonError, mpsc};
use std::time::{Duration, Instant};
use wire::Caller;

/// Something to be done in a softirq.
pub type Work = Box<dyn FnOnce() + Send>;

/// Bits of the preempt count that say that bottom halves are off or being served (`SOFTIRQ_MASK`).
const BOTTOM_HALVES: u32 = 0xff00;

/// A thread that serves.
struct Line {
    queue: Mutex<Queue>,
    changed: Condvar,
    started: Once,
}

#[derive(Default)]
struct Queue {
    work: VecDeque<Work>,
    /// Somebody changed what the thread waits for.
    kicked: bool,
}

static SOFT: Line = Line::new();
static HARD: Line = Line::new();

thread_local! {
    /// What this task raised while it had bottom halves off.
    static DEFERRED: RefCell<VecDeque<Work>> = const { RefCell::new(VecDeque::new()) };
    /// This thread is one of those that serve.
    static SERVES: Cell<bool> = const { Cell::new(false) };
}

impl Line {
    const fn new() -> Self {
        Self {
            queue: Mutex::new(Queue { work: VecDeque::new(), kicked: false }),
            changed: Condvar::new(),
            started: Once::new(),
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts the thread with its first work: who needs none of it has none.
    fn start(&'static self, name: &str, due: fn() -> Option<Instant>, serve: fn()) {
        self.started.call_once(|| {
            let thread = std::thread::Builder::new().name(name.to_string());
            let (ready, wait) = mpsc::channel();
            if thread.spawn(move || self.live(&ready, due, serve)).is_err() {
                log::line(3, "lkm: the host gives no thread for softirqs: timers stand still");
            }
            // A busy host may let a new thread wait: the first timer shall not be late for that.
            let _ = wait.recv_timeout(Duration::from_secs(1));
        });
    }

    fn live(&self, ready: &mpsc::Sender<()>, due: fn() -> Option<Instant>, serve: fn()) {
        let Ok(task) = Task::attach_kthread() else {
            log::line(3, "lkm: no memory for a thread for softirqs: timers stand still");
            return;
        };
        SERVES.set(true);
        let idle = Caller { pid: 0, tid: 0, comm: "swapper/0".to_string(), ..wire::kernel_caller() };
        TASK.with_borrow_mut(|own| *own = Some((task, idle)));
        let _ = ready.send(());
        loop {
            match self.next(due) {
                Some(work) => work(),
                None => serve(),
            }
        }
    }

    /// The next work; `None` when it is time for what is due at a time.
    fn next(&self, due: fn() -> Option<Instant>) -> Option<Work> {
        let mut queue = self.queue();
        loop {
            if let Some(work) = queue.work.pop_front() {
                return Some(work);
            }
            queue.kicked = false;
            drop(queue);
            let until = due();
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            queue = self.queue();
            if queue.kicked || !queue.work.is_empty() {
                continue;
            }
            queue = match left {
                Some(Duration::ZERO) => return None,
                Some(left) => self.changed.wait_timeout(queue, left).unwrap_or_else(PoisonError::into_inner).0,
                None => self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    fn kick(&self) {
        self.queue().kicked = true;
        self.changed.notify_one();
    }
}

thread_local! {
    /// The task of a thread that serves, and the idle task that it plays.
    static TASK: RefCell<Option<(Task, Caller)>> = const { RefCell::new(None) };
}

/// The softirq thread looks again at what is due when.
pub(crate) fn kick_soft() {
    SOFT.start("softirq", timer::next_due, timer::run_due);
    SOFT.kick();
}

/// The timer interrupt's thread looks again at what is due when.
pub(crate) fn kick_hard() {
    HARD.start("hrtimer", hrtimer::next_due, hrtimer::run_due);
    HARD.kick();
}

/// Has `work` done in a softirq: in this task when it switches bottom halves on again, or soon in the thread for it.
pub fn raise(work: Work) {
    if !SERVES.get() && sched::preempt_count() & BOTTOM_HALVES != 0 {
        DEFERRED.with_borrow_mut(|deferred| deferred.push_back(work));
        return;
    }
    SOFT.start("softirq", timer::next_due, timer::run_due);
    SOFT.queue().work.push_back(work);
    SOFT.changed.notify_one();
}

/// [`raise`] by a task: the softirq is served by a thread that it wakes, as in Linux.
pub fn raise_by_task(work: Work) {
    let sleeper = wakeup::Sleeper::unborn();
    let wake = wakeup::Wake::of(sleeper);
    raise(Box::new(move || {
        wakeup::hold(sleeper);
        work();
        wakeup::slept(sleeper);
    }));
    wake.let_run();
}

/// Module code runs as in a softirq (`SOFTIRQ`) or an interrupt (`HARDIRQ`); only a thread that serves calls this, or a
/// task that switches bottom halves on.
pub(crate) fn serve<R>(kind: u32, call: impl FnOnce() -> R) -> Option<R> {
    if !SERVES.get() {
        let before = sched::preempt_count();
        sched::set_preempt_count(before + SOFTIRQ);
        let result = call();
        sched::set_preempt_count(before);
        return Some(result);
    }
    // The borrow lasts for the whole call: nothing that module code calls looks at it.
    TASK.with_borrow(|own| {
        let (task, idle) = own.as_ref()?;
        Some(task.run(idle, || {
            sched::set_preempt_count(kind);
            sched::set_irqs_off(kind == HARDIRQ);
            call()
        }))
    })
}

/// True on a thread that serves.
pub(crate) fn is_served() -> bool {
    SERVES.get()
}

/// Bottom halves were switched on: what waited for that is done.
pub(crate) fn on_enable() {
    if sched::preempt_count() & BOTTOM_HALVES == 0 && !sched::irqs_off() {
        while let Some(work) = DEFERRED.with_borrow_mut(VecDeque::pop_front) {
            work();
        }
    }
}

/// The function that begins at an address, for people: its name, with its module.
pub(crate) fn name_of(function: u64) -> String {
    let Some(symbol) = fault::symbolize(function) else { return format!("{function:#x}") };
    symbol.module.map_or_else(|| symbol.name.clone(), |module| format!("{} [{module}]", symbol.name))
}

/// Notes that something is to be done later for a module, by the function that will be called.
pub(crate) fn note_later(kind: Kind, addr: u64, function: u64) {
    // The name costs more than all else.
    if check::mode() != check::Mode::Fast {
        owned::note(addr, Block::new(kind, 0).named(&name_of(function)));
    }
}

/// A module's code goes: what waits to be done for it later is never done. It stays in the list of what is owned, and so in
/// the report of what the module left behind.
pub fn abandon(module: &Module) {
    timer::abandon(module);
    hrtimer::abandon(module);
    tasklet::abandon(module);
    crate::workqueue::abandon(module);
    crate::rcu::abandon(module);
    crate::rcu::srcu::abandon(module);
}

/// The task ends: what it left behind is done by others.
pub(crate) fn run_deferred() {
    DEFERRED.with_borrow_mut(std::mem::take).into_iter().for_each(raise);
}
