//! Callers that wait for the kernel process, and their signals.
//!
//! The filter's `WAIT_KILLABLE_RECV` keeps signals from taking a caught call back once it is received: a module would
//! otherwise be loaded twice for one `init_module`. So nobody tells about a signal, and it is looked for. What the kernel
//! process waits for in the call then ends with `EINTR`, and [`sys::notify::Response::Restart`] leaves to Linux whether that
//! is what the program sees or the call begins again (SA_RESTART). A call that does not wait for anything that a signal may
//! end, such as most of `init_module`, goes on.

use crate::link::lock;
use std::collections::HashMap;
use std::sync::Mutex;

#[derive(Debug, Clone, Copy)]
struct Caller {
    tid: u32,
    call: Option<u64>,
    /// How often in a row a signal was seen.
    seen: u32,
}

/// By notification.
#[derive(Debug, Default)]
pub(super) struct Waiting(Mutex<HashMap<u64, Caller>>);

impl Waiting {
    /// A signal for a process stands for all of its threads for a moment, until one takes it: what is seen twice stays.
    const SURE: u32 = 2;

    pub(super) fn start(&self, id: u64, tid: u32) {
        lock(&self.0).insert(id, Caller { tid, call: None, seen: 0 });
    }

    /// Its call was sent as `call`.
    pub(super) fn sent(&self, id: u64, call: u64) {
        if let Some(caller) = lock(&self.0).get_mut(&id) {
            caller.call = Some(call);
        }
    }

    /// Its call is over; true if it was interrupted because of a signal.
    pub(super) fn finish(&self, id: u64) -> bool {
        lock(&self.0).remove(&id).is_some_and(|caller| caller.seen >= Self::SURE)
    }

    /// The calls that have to be interrupted now; each is told once.
    pub(super) fn signalled(&self, has_signal: impl Fn(u32) -> bool) -> Vec<u64> {
        let mut calls = Vec::new();
        for caller in lock(&self.0).values_mut().filter(|caller| caller.seen < Self::SURE) {
            let Some(call) = caller.call else { continue };
            caller.seen = if has_signal(caller.tid) { caller.seen + 1 } else { 0 };
            if caller.seen == Self::SURE {
                calls.push(call);
            }
        }
        calls
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_that_stays_interrupts_once() {
        let waiting = Waiting::default();
        waiting.start(1, 71);
        waiting.start(2, 72);
        waiting.sent(1, 11);
        let first = |tid| tid == 71;
        assert_eq!(waiting.signalled(first), []);
        assert_eq!(waiting.signalled(|_| false), []);
        assert_eq!(waiting.signalled(first), []);
        assert_eq!(waiting.signalled(first), [11]);
        assert_eq!(waiting.signalled(first), []);
        assert!(waiting.finish(1) && !waiting.finish(2));
    }
}
