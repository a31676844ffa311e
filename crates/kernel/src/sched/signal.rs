//! Signals, as far as tasks in the kernel see them. Counterpart: kernel/signal.c.
//!
//! Inline code asks a task's flags whether a signal is pending. A kernel thread ignores all signals but those that it
//! allows; a program's signal is known by the call that it interrupts.

use super::wakeup::{Sleeper, Wake};
use super::{TaskStruct, core, current};
use kabi::{Field, KPtr, KResult, c_int, exports, kexport};
use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

exports![kernel_sigaction, send_sig, flush_signals];

static FLAGS: Field = Field::new("task_struct", "thread_info.flags");

static SET: Field = Field::new("task_struct", "pending.signal");

/// `SIGKILL` in a set of signals.
const KILL: u64 = 1 << 8;
/// `_TIF_SIGPENDING`.
const PENDING: u64 = 1 << 2;
/// `SIGKILL` cannot be ignored by programs; kernel threads ignore it too.
const LAST: c_int = 64;

/// By the address of the `task_struct`: bits of the signals that it allows.
static ALLOWED: LazyLock<Mutex<HashMap<u64, u64>>> = LazyLock::new(Mutex::default);

fn allowed() -> MutexGuard<'static, HashMap<u64, u64>> {
    ALLOWED.lock().unwrap_or_else(PoisonError::into_inner)
}

fn bit(signal: c_int) -> Option<u64> {
    (1..=LAST).contains(&signal).then(|| 1 << (signal - 1))
}

fn set_pending(task: KPtr<TaskStruct>, on: bool) -> KResult {
    let flags: u64 = FLAGS.get(task)?;
    FLAGS.put(task, if on { flags | PENDING } else { flags & !PENDING })
}

/// A program's signal interrupts the call that this task works on; a fatal one is a SIGKILL, as in Linux.
pub(super) fn note(task: KPtr<TaskStruct>, fatal: bool) {
    // A task that destroyed its structure sees no signals.
    let _ = set_pending(task, true).and_then(|()| SET.put(task, if fatal { KILL } else { 0 }));
}

/// The call is over.
pub(super) fn forget(task: KPtr<TaskStruct>) {
    let _ = set_pending(task, false).and_then(|()| SET.put(task, 0u64));
}

/// True if a signal is pending for the current task.
pub(crate) fn is_pending(task: KPtr<TaskStruct>) -> bool {
    // A task that destroyed its structure has no signals.
    FLAGS.get::<u64, _>(task).is_ok_and(|flags| flags & PENDING != 0) || task == current() && super::is_interrupted()
}

/// Lets the current kernel thread get a signal, or ignore it again (handler `SIG_IGN`, 1).
#[kexport(since = "3.15", header = "linux/signal.h")]
fn kernel_sigaction(signal: c_int, handler: KPtr) {
    let mut all = allowed();
    let own = all.entry(current().addr()).or_default();
    if let Some(bit) = bit(signal) {
        *own = if handler.addr() == 1 { *own & !bit } else { *own | bit };
    }
}

/// Sends a signal to a kernel thread: what waits interruptibly wakes up.
///
/// # Errors
/// `EINVAL`.
#[kexport(since = "2.6.0", header = "linux/sched/signal.h", partial = "programs get no signals")]
fn send_sig(signal: c_int, task: KPtr<TaskStruct>, _from_kernel: c_int) -> KResult<c_int> {
    let Some(bit) = bit(signal) else { return if signal == 0 { Ok(0) } else { Err(kabi::errno::EINVAL.into()) } };
    let takes_it = allowed().get(&task.addr()).is_some_and(|own| own & bit != 0);
    if takes_it {
        let wake = Wake::of(Sleeper::task(task.addr()));
        set_pending(task, true)?;
        core::wake_signalled();
        wake.let_run();
    }
    Ok(0)
}

/// Forgets all signals that are pending for a task.
#[kexport(since = "2.6.0", header = "linux/sched/signal.h")]
fn flush_signals(task: KPtr<TaskStruct>) -> KResult {
    set_pending(task, false)
}
