//! `POLL`, and the notification that a poller should look again.

use super::abi::{Header, In, NOTIFY_POLL, Out, errno};
use super::session::{Session, Step};
use crate::link::lock;
use std::sync::Arc;
use wire::{VfsCall, VfsReply};

/// Has the session told about wake-ups as long as it lives.
pub(super) fn subscribe(session: &Arc<Session>) {
    let weak = Arc::downgrade(session);
    session.link.on_poll_wakeup(Box::new(move |handle| match weak.upgrade() {
        Some(session) => {
            session.wake(handle);
            true
        }
        None => false,
    }));
}

impl Session {
    fn wake(&self, handle: u64) {
        let poller = lock(&self.pollers).get(&handle).copied();
        if let Some(poller) = poller {
            self.send(0, NOTIFY_POLL, &Out::default().u64(poller).0);
        }
    }

    pub(super) fn poll(self: &Arc<Self>, header: Header, mut body: In<'_>) -> Option<Step> {
        const SCHEDULE_NOTIFY: u32 = 1;
        let (handle, poller, flags) = (body.u64()?, body.u64()?, body.u32()?);
        let notify = flags & SCHEDULE_NOTIFY != 0;
        if notify {
            // Before the call: the wake-up may come before its answer.
            lock(&self.pollers).insert(handle, poller);
        }
        let call = VfsCall::Poll { handle, notify };
        Some(self.forward(header, self.caller(header), call, |_, reply| {
            let VfsReply::Poll(events) = reply else { return Err(errno::EIO) };
            Ok(Out::default().u32(events).u32(0).0)
        }))
    }
}
