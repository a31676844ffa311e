//! Work that is done later, by kernel threads that may sleep. Counterpart: kernel/workqueue.c.
//!
//! `state` is what is queued and who works, `worker` the threads, `queue` workqueues and what is done with whole ones,
//! `work` what is done with a work item, `delayed` work that waits for a time first.
//!
//! Inline code looks at bit 0 of `work_struct.data`: the work is pending. A pool starts its next work when none of its
//! workers runs: when the one before has ended, or sleeps. That gives the order of Linux's per-CPU pools; a worker that has
//! been running for `HOG` of `state.rs` does not count, so that no pool stands still. DIFFERS: there is one pool of each kind, not
//! one for each CPU, and unbound queues start their works in order too, as they mostly do in Linux.
//! A work whose function died counts as done, so that who waits for it goes on.

pub mod delayed;
pub mod queue;
mod state;
pub mod work;
mod worker;

use crate::module::Module;
use crate::oops::Worker;
use kabi::KPtr;

pub use worker::{on_sleep, on_wake};

/// The kernel's `struct work_struct`.
#[derive(Debug)]
pub struct WorkStruct;
/// The kernel's `struct workqueue_struct`, of which modules know the address only.
#[derive(Debug)]
pub struct WorkqueueStruct;

pub(crate) type Work = KPtr<WorkStruct>;
pub(crate) type Queue = KPtr<WorkqueueStruct>;

/// What the running worker does, for reports.
pub fn current_worker() -> Option<Worker> {
    let current = worker::current()?;
    let description = worker::description();
    Some(Worker {
        description: description.unwrap_or_else(|| current.queue_name.to_string()),
        queue: current.queue_name.to_string(),
        function: current.function,
    })
}

/// A module's code goes: what is queued for it is never done. It stays in the list of what is owned.
pub fn abandon(module: &Module) {
    let image = module.image();
    let goes = |addr: u64| image.contains(addr);
    state::lock().abandon(|work, function| goes(work) || goes(function));
}
