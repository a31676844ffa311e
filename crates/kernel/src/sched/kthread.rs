//! Kernel threads: host threads that are tasks. Counterpart: kernel/kthread.c.

use super::core::{set_unstarted, wait_for_wake_up, wake_up_process};
use super::identity::{self, COMM_LEN};
use super::{Task, TaskStruct, current};
use crate::env;
use crate::klib::memory::call_export;
use crate::mm::owned::{self, Block, Kind};
use kabi::errno::{EINTR, ENOMEM, ESRCH};
use kabi::{ErrPtr, KError, KPtr, KResult, VaList, VarArgs, c_int, c_long, exports, kexport};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use wire::Caller;

exports![kthread_create_on_node, kthread_stop, kthread_should_stop, kthread_complete_and_exit];

/// Process ids of kernel threads: below those that programs of the host usually have.
static NEXT_PID: AtomicU32 = AtomicU32::new(100);

/// The process id of one more kernel thread.
pub(crate) fn next_pid() -> u32 {
    NEXT_PID.fetch_add(1, Ordering::Relaxed)
}

/// What it is called in reports.
const THREAD: Kind = Kind::Other("kernel thread");

/// A kernel thread.
#[derive(Default)]
struct Kthread {
    should_stop: AtomicBool,
    /// What its function returned.
    result: Mutex<Option<i32>>,
    ended: Condvar,
    /// What it ended itself with.
    exit: Mutex<Option<i32>>,
}

/// By the address of their `task_struct`, which is never used again.
static THREADS: Mutex<Option<HashMap<u64, Arc<Kthread>>>> = Mutex::new(None);

fn threads() -> MutexGuard<'static, Option<HashMap<u64, Arc<Kthread>>>> {
    THREADS.lock().unwrap_or_else(PoisonError::into_inner)
}

fn find(task: KPtr<TaskStruct>) -> Option<Arc<Kthread>> {
    threads().as_ref().and_then(|threads| threads.get(&task.addr()).cloned())
}

impl Kthread {
    /// The life of the thread.
    fn run(&self, function: u64, data: u64, caller: &Caller, born: &Sender<KResult<KPtr<TaskStruct>>>) {
        let made = Task::attach_kthread().and_then(|task| {
            identity::label(task.structure(), caller)?;
            set_unstarted(task.structure())?;
            Ok(task)
        });
        let task = match made {
            Ok(task) => task,
            Err(e) => {
                // The creator waits for the answer.
                let _ = born.send(Err(e));
                return;
            }
        };
        let _ = born.send(Ok(task.structure()));
        wait_for_wake_up(task.structure(), None);
        let result = if self.should_stop.load(Ordering::Acquire) {
            -EINTR.0
        } else {
            // One that died has no result; who stops it gets what Linux gives for a thread that never ran.
            let ended = task.run(caller, || kabi::call(function, &[data])).map(|value| value as i32).ok();
            ended.or(*self.exit.lock().unwrap_or_else(PoisonError::into_inner)).unwrap_or(-EINTR.0)
        };
        owned::take(THREAD, task.structure().addr());
        // It ended without having run, or is woken as it ends.
        super::wakeup::about_to_sleep();
        *self.result.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
        self.ended.notify_all();
    }

    fn wait(&self) -> i32 {
        let mut result = self.result.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            match *result {
                Some(value) => return value,
                None => result = self.ended.wait(result).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }
}

fn create(function: KPtr, data: KPtr, format: KPtr, args: VaList) -> KResult<KPtr<TaskStruct>> {
    let mut name = env::format(format.addr(), args)?;
    name.truncate(COMM_LEN - 1);
    let pid = next_pid();
    let comm = String::from_utf8_lossy(&name).into_owned();
    let caller = Caller { pid, tid: pid, comm, ..wire::kernel_caller() };
    let thread = Arc::new(Kthread::default());
    let (send, receive) = mpsc::channel();
    let own = Arc::clone(&thread);
    let (function, data) = (function.addr(), data.addr());
    let spawned = std::thread::Builder::new().spawn(move || own.run(function, data, &caller, &send));
    spawned.map_err(|_| ENOMEM)?;
    let task = receive.recv().map_err(|_| ENOMEM)??;
    owned::note(task.addr(), Block::new(THREAD, 0).named(&String::from_utf8_lossy(&name)));
    threads().get_or_insert_default().insert(task.addr(), thread);
    Ok(task)
}

/// Makes a kernel thread that will run `function(data)` once it is woken up; there is one memory node.
#[kexport(since = "3.1", header = "linux/kthread.h")]
fn kthread_create_on_node(function: KPtr, data: KPtr, _node: c_int, format: KPtr, args: VarArgs) -> ErrPtr<TaskStruct> {
    ErrPtr(create(function, data, format, args.0))
}

/// Asks a kernel thread to end and waits for it: what its function returned; -EINTR if it never ran.
#[kexport(since = "2.6.6", header = "linux/kthread.h")]
fn kthread_stop(task: KPtr<TaskStruct>) -> KResult<c_int> {
    let thread = find(task).ok_or(KError::Errno(ESRCH))?;
    thread.should_stop.store(true, Ordering::Release);
    wake_up_process(task)?;
    Ok(super::blocking(|| thread.wait()))
}

/// Ends this kernel thread with a result; the completion, if there is one, is told first.
#[kexport(since = "5.17", header = "linux/kthread.h")]
fn kthread_complete_and_exit(completion: KPtr, result: c_long) -> KResult {
    if let Some(thread) = find(current()) {
        *thread.exit.lock().unwrap_or_else(PoisonError::into_inner) = Some(result as i32);
    }
    if !completion.is_null() {
        call_export("complete", &[completion.addr()])?;
    }
    // Its frames are abandoned, as those of a thread that died; nothing is reported.
    Err(KError::Died)
}

/// True once somebody asked this kernel thread to end.
#[kexport(since = "2.6.6", header = "linux/kthread.h")]
fn kthread_should_stop() -> bool {
    is_asked_to_stop()
}

/// True on a kernel thread that somebody asked to end.
pub(crate) fn is_asked_to_stop() -> bool {
    find(current()).is_some_and(|thread| thread.should_stop.load(Ordering::Acquire))
}
