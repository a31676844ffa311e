//! Read-copy-update: readers that never wait, and memory that is given back once none of them can see it. Counterpart:
//! kernel/rcu/tree_plugin.h, kernel/rcu/tree.c.
//!
//! All readers together are counted. What was taken out of a structure while nobody read, or before the last reader of
//! that time ended, can be seen by nobody: a reader that begins later does not find it.
//! DIFFERS: sections that only disable preemption are not waited for.

use crate::klib::memory;
use crate::sched;
use kabi::{Field, KPtr, KResult, c_int, exports, kexport};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

exports![__rcu_read_lock, __rcu_read_unlock, synchronize_rcu, kvfree_call_rcu, rcu_barrier];

/// Readers inside of a section now.
static READERS: AtomicUsize = AtomicUsize::new(0);

type Work = Box<dyn FnOnce() + Send>;

/// What waits for all readers to end.
static WAITING: Mutex<VecDeque<Work>> = Mutex::new(VecDeque::new());

static NESTING: Field = Field::new("task_struct", "rcu_read_lock_nesting");

/// Does `work` once everybody who reads now has ended; at once if nobody does.
pub fn when_unread(work: impl FnOnce() + Send + 'static) {
    WAITING.lock().unwrap_or_else(PoisonError::into_inner).push_back(Box::new(work));
    run_ready();
}

fn run_ready() {
    // What is queued now was taken out before this look at the readers.
    let ready: VecDeque<Work> = {
        let mut waiting = WAITING.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.is_empty() || READERS.load(Ordering::SeqCst) != 0 {
            return;
        }
        std::mem::take(&mut waiting)
    };
    ready.into_iter().for_each(|work| work());
}

fn leave() {
    if READERS.fetch_sub(1, Ordering::SeqCst) == 1 {
        run_ready();
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
    READERS.fetch_add(1, Ordering::SeqCst);
    let _section = Section;
    work()
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
    if nest(1)? == 1 {
        READERS.fetch_add(1, Ordering::SeqCst);
    }
    Ok(())
}

/// Ends such a section.
#[kexport(since = "2.6.32", header = "linux/rcupdate.h")]
fn __rcu_read_unlock() -> KResult {
    if nest(-1)? == 0 {
        leave();
    }
    Ok(())
}

/// Waits until all sections that have begun have ended.
#[kexport(
    gpl,
    since = "2.6.12",
    header = "linux/rcupdate.h",
    partial = "sections that only disable preemption are not waited for"
)]
fn synchronize_rcu() {
    while READERS.load(Ordering::SeqCst) != 0 {
        sched::sleep(Duration::from_micros(100));
    }
}

/// Waits until everything that waits for readers is done.
#[kexport(
    gpl,
    since = "2.6.0",
    header = "linux/rcutree.h",
    partial = "sections that only disable preemption are not waited for"
)]
fn rcu_barrier() {
    while !WAITING.lock().unwrap_or_else(PoisonError::into_inner).is_empty() {
        synchronize_rcu();
        run_ready();
    }
}

/// Frees memory once nobody can be reading it: what lies around a `struct rcu_head`, or a block without one.
#[kexport(
    gpl,
    since = "5.9",
    header = "linux/rcutree.h",
    partial = "sections that only disable preemption are not waited for"
)]
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
    // The module's memory goes back through kvfree, which needs a task: the one that ends the last section.
    when_unread(move || {
        if let Err(e) = memory::kvfree(KPtr::new(block)) {
            crate::log::line(4, &format!("rcu: kvfree of {block:#x}: {e}"));
        }
    });
    Ok(())
}
