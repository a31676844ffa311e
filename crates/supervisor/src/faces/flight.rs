//! Requests in flight: forwarded to the kernel process, not answered yet, perhaps interrupted.

use crate::link::lock;
use std::collections::HashMap;
use std::sync::Mutex;

/// Where a request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Its call is not sent yet; true if it was interrupted already.
    Starting(bool),
    /// Sent with this id.
    Sent(u64),
}

/// What to do about an interrupt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Interrupted {
    /// Interrupt this call.
    Call(u64),
    /// It is remembered.
    Later,
    /// The request is not known (yet): the kernel should ask again.
    Unknown,
}

/// The table; a request's key is FUSE's `unique`.
#[derive(Debug, Default)]
pub(super) struct Flights(Mutex<HashMap<u64, Stage>>);

impl Flights {
    pub(super) fn start(&self, unique: u64) {
        lock(&self.0).insert(unique, Stage::Starting(false));
    }

    /// The call was sent as `id`; true if it has to be interrupted at once.
    pub(super) fn sent(&self, unique: u64, id: u64) -> bool {
        match lock(&self.0).get_mut(&unique) {
            Some(stage) => std::mem::replace(stage, Stage::Sent(id)) == Stage::Starting(true),
            None => false,
        }
    }

    pub(super) fn finish(&self, unique: u64) {
        lock(&self.0).remove(&unique);
    }

    pub(super) fn interrupt(&self, unique: u64) -> Interrupted {
        match lock(&self.0).get_mut(&unique) {
            Some(Stage::Sent(id)) => Interrupted::Call(*id),
            Some(Stage::Starting(interrupted)) => {
                *interrupted = true;
                Interrupted::Later
            }
            None => Interrupted::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interrupt_finds_its_call_at_any_time() {
        let flights = Flights::default();
        assert_eq!(flights.interrupt(1), Interrupted::Unknown);
        flights.start(1);
        flights.start(2);
        assert_eq!(flights.interrupt(1), Interrupted::Later);
        assert!(flights.sent(1, 50));
        assert!(!flights.sent(2, 51));
        assert_eq!(flights.interrupt(2), Interrupted::Call(51));
        flights.finish(2);
        assert!(!flights.sent(2, 51));
        assert_eq!(flights.interrupt(2), Interrupted::Unknown);
    }
}
