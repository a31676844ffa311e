//! The memory of programs inside, which the kernel process asks for while it works on their calls ([`wire::Ask`]).
//!
//! Reading another process's memory can wait for whoever backs the page: perhaps for a file of this very instance, or for
//! ever. So threads of their own do it, one more whenever all are busy, and what one program keeps waiting holds up only
//! that program. The caller cannot be another one: its thread waits for the answer to the call.

use crate::link::{Link, lock};
use crate::run::helper;
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use wire::{Ask, MAX_ASK, Told};

/// More threads than that wait in nobody's interest.
const MOST_THREADS: usize = 64;

struct Job {
    id: u64,
    tid: u32,
    ask: Ask,
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    idle: usize,
    threads: usize,
    closed: bool,
}

/// The threads, and what they have to do.
#[derive(Default)]
pub(crate) struct Memory {
    queue: Mutex<Queue>,
    ready: Condvar,
}

impl Memory {
    /// Answers in its own time.
    pub(crate) fn submit(self: &Arc<Self>, link: &Arc<Link>, id: u64, tid: u32, ask: Ask) {
        let mut queue = lock(&self.queue);
        queue.jobs.push_back(Job { id, tid, ask });
        if queue.idle >= queue.jobs.len() || queue.threads >= MOST_THREADS {
            self.ready.notify_one();
            return;
        }
        queue.threads += 1;
        drop(queue);
        let (memory, for_link) = (self.clone(), link.clone());
        if std::thread::Builder::new().name("lkm-memory".into()).spawn(move || memory.work(&for_link)).is_err() {
            let mut queue = lock(&self.queue);
            queue.threads -= 1;
            if queue.threads == 0 {
                // Nobody else will.
                queue.jobs.drain(..).for_each(|job| link.tell(job.id, nothing(&job.ask)));
            }
        }
    }

    /// Ends the threads.
    pub(crate) fn close(&self) {
        lock(&self.queue).closed = true;
        self.ready.notify_all();
    }

    fn work(&self, link: &Link) {
        let mut queue = lock(&self.queue);
        while !queue.closed {
            let Some(job) = queue.jobs.pop_front() else {
                queue.idle += 1;
                queue = self.ready.wait(queue).unwrap_or_else(PoisonError::into_inner);
                queue.idle -= 1;
                continue;
            };
            drop(queue);
            link.tell(job.id, perform(job.tid, &job.ask));
            queue = lock(&self.queue);
        }
    }
}

/// The answer about memory that is not there.
pub(crate) fn nothing(ask: &Ask) -> Told {
    match ask {
        Ask::Read { .. } => Told::Data(Vec::new()),
        Ask::Write { .. } => Told::Put(0),
        Ask::Helper { .. } => helper::nothing(),
    }
}

fn perform(tid: u32, ask: &Ask) -> Told {
    match ask {
        Ask::Read { addr, len } => {
            let mut data = vec![0; usize::try_from(*len).unwrap_or(usize::MAX).min(MAX_ASK)];
            let got = sys::memory::read(tid, *addr, &mut data).unwrap_or(0);
            data.truncate(got);
            Told::Data(data)
        }
        Ask::Write { addr, data } => {
            let put = sys::memory::write(tid, *addr, data).unwrap_or(0);
            Told::Put(u32::try_from(put).unwrap_or(0))
        }
        Ask::Helper { .. } => nothing(ask),
    }
}
