//! Calls in flight between the supervisor and the kernel process.
//!
//! Any thread submits; one reader thread runs the callbacks of the answers. A callback must not wait for another
//! answer. When the kernel process ends, every callback still waiting gets [`Error::Died`].

use crate::run::helper::{self, Helpers};
use crate::run::uevents::Uevents;
use crate::syscalls::Nodes;
use crate::{Death, Error};
use std::collections::HashMap;
use std::os::fd::BorrowedFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use wire::{Answer, Ask, Call, Caller, Conn, Frame, Told, WireError};

/// Runs once with the answer, or with the reason why none comes.
pub(crate) type Done = Box<dyn FnOnce(Result<Answer, Error>) + Send>;

/// What is told when a poller of the open file (a handle) should look again; false: it needs no more of that.
pub(crate) type PollSink = Box<dyn Fn(u64) -> bool + Send>;

pub(crate) struct Link {
    sender: Mutex<Conn>,
    state: Mutex<State>,
    poll_sinks: Mutex<Vec<PollSink>>,
    /// Where helpers can be started: the last one that is there does it.
    helpers: Mutex<Vec<Arc<Helpers>>>,
    /// Where programs may listen to uevents.
    uevents: Mutex<Vec<Arc<Uevents>>>,
    /// Device nodes elsewhere than below /dev.
    pub(crate) nodes: Nodes,
}

#[derive(Default)]
struct State {
    last_id: u64,
    pending: HashMap<u64, Pending>,
    closed: Option<Death>,
}

/// A call that is not answered yet.
struct Pending {
    done: Done,
    /// The thread whose memory the call may touch, in the supervisor's numbering.
    tid: Option<u32>,
}

/// A poisoned lock still guards whole data here: nothing is left half done under one.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Link {
    pub(crate) fn new(sender: Conn) -> Self {
        Self {
            sender: Mutex::new(sender),
            state: Mutex::default(),
            poll_sinks: Mutex::default(),
            helpers: Mutex::default(),
            uevents: Mutex::default(),
            nodes: Nodes::default(),
        }
    }

    /// Sends a call; `done` runs in the reader thread, or here and now if it cannot be sent. Returns the call's id.
    pub(crate) fn submit(&self, caller: Caller, call: Call, fds: &[BorrowedFd<'_>], done: Done) -> u64 {
        self.submit_from(None, caller, call, fds, done)
    }

    /// As [`Link::submit`], of a call that may touch the memory of the thread `tid`.
    pub(crate) fn submit_from(
        &self,
        tid: Option<u32>,
        caller: Caller,
        call: Call,
        fds: &[BorrowedFd<'_>],
        done: Done,
    ) -> u64 {
        let id = match self.register(Pending { done, tid }) {
            Ok(id) => id,
            Err((pending, death)) => {
                (pending.done)(Err(Error::Died(death)));
                return 0;
            }
        };
        let sent = lock(&self.sender).send(&Frame::Call { id, caller, call }, fds);
        match sent {
            // At the end of the stream the reader answers everything that is registered.
            Ok(()) | Err(WireError::Closed) => {}
            Err(e) => self.finish(id, Err(e.into())),
        }
        id
    }

    fn register(&self, pending: Pending) -> Result<u64, (Pending, Death)> {
        let mut state = lock(&self.state);
        if let Some(death) = &state.closed {
            return Err((pending, death.clone()));
        }
        state.last_id = state.last_id.wrapping_add(1);
        let id = state.last_id;
        state.pending.insert(id, pending);
        Ok(id)
    }

    /// Hands the result to whoever waits for `id`.
    pub(crate) fn finish(&self, id: u64, result: Result<Answer, Error>) {
        let pending = lock(&self.state).pending.remove(&id);
        if let Some(pending) = pending {
            (pending.done)(result);
        }
    }

    /// No answer comes any more.
    pub(crate) fn close(&self, death: &Death) {
        let pending = {
            let mut state = lock(&self.state);
            state.closed = Some(death.clone());
            std::mem::take(&mut state.pending)
        };
        for pending in pending.into_values() {
            (pending.done)(Err(Error::Died(death.clone())));
        }
    }

    pub(crate) fn death(&self) -> Option<Death> {
        lock(&self.state).closed.clone()
    }

    /// Sends a call and waits for its answer; `Killed` and `Errno` come back as errors.
    pub(crate) fn call(&self, caller: Caller, call: Call, fds: &[BorrowedFd<'_>]) -> Result<Answer, Error> {
        let (sender, receiver) = std::sync::mpsc::sync_channel(1);
        self.submit(
            caller,
            call,
            fds,
            Box::new(move |result| {
                // The receiver waits below; it cannot be gone.
                let _ = sender.send(result);
            }),
        );
        match receiver.recv() {
            Ok(Ok(Answer::Errno(errno))) => Err(Error::Errno(errno)),
            Ok(Ok(Answer::Killed { signal })) => Err(Error::Killed { signal }),
            Ok(result) => result,
            Err(_) => Err(Error::Unexpected("the call was dropped without an answer".into())),
        }
    }

    /// Asks the kernel process to end the call `id` with `EINTR`; nobody waits for the answer to that.
    pub(crate) fn interrupt(&self, caller: Caller, id: u64) {
        let fatal = self.tid_of(id).is_some_and(crate::caller::is_dying);
        self.submit(caller, Call::Vfs(wire::VfsCall::Interrupt { id, fatal }), &[], Box::new(|_| {}));
    }

    /// The thread whose memory the call `id` may touch.
    pub(crate) fn tid_of(&self, id: u64) -> Option<u32> {
        lock(&self.state).pending.get(&id)?.tid
    }

    /// Answers what the kernel process asked as `id`; it is gone, or it listens.
    pub(crate) fn tell(&self, id: u64, told: Told) {
        let _ = lock(&self.sender).send(&Frame::Told { id, told }, &[]);
    }

    pub(crate) fn add_helpers(&self, helpers: &Arc<Helpers>) {
        lock(&self.helpers).push(helpers.clone());
    }

    pub(crate) fn remove_helpers(&self, helpers: &Arc<Helpers>) {
        lock(&self.helpers).retain(|other| !Arc::ptr_eq(other, helpers));
    }

    pub(crate) fn add_uevents(&self, uevents: &Arc<Uevents>) {
        lock(&self.uevents).push(uevents.clone());
    }

    pub(crate) fn remove_uevents(&self, uevents: &Arc<Uevents>) {
        lock(&self.uevents).retain(|other| !Arc::ptr_eq(other, uevents));
    }

    /// The kernel process says something of an object.
    pub(crate) fn uevent(&self, message: &[u8]) {
        for uevents in lock(&self.uevents).iter() {
            uevents.send(message);
        }
    }

    /// Has a helper started for the kernel process, which asked as `id`.
    pub(crate) fn start_helper(&self, id: u64, ask: Ask) {
        let helpers = lock(&self.helpers).last().cloned();
        if !helpers.is_some_and(|helpers| helpers.ask(id, ask)) {
            self.tell(id, helper::nothing());
        }
    }

    pub(crate) fn on_poll_wakeup(&self, sink: PollSink) {
        lock(&self.poll_sinks).push(sink);
    }

    pub(crate) fn poll_wakeup(&self, handle: u64) {
        lock(&self.poll_sinks).retain(|sink| sink(handle));
    }
}
