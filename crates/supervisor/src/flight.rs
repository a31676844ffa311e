//! Requests in flight: forwarded to the kernel process, not answered yet, perhaps interrupted.
//!
//! A request has a key of its own kind (FUSE's `unique`, a notification's id) and, once its call is sent, the call's id.

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
pub(crate) enum Interrupted {
    /// Interrupt this call.
    Call(u64),
    /// It is remembered.
    Later,
    /// The request is not known (yet): the kernel should ask again.
    Unknown,
}

/// The table.
#[derive(Debug, Default)]
pub(crate) struct Flights(Mutex<HashMap<u64, Stage>>);

impl Flights {
    pub(crate) fn start(&self, unique: u64) {
        lock(&self.0).insert(unique, Stage::Starting(false));
    }

    /// The call was sent as `id`; true if it has to be interrupted at once.
    pub(crate) fn sent(&self, unique: u64, id: u64) -> bool {
        match lock(&self.0).get_mut(&unique) {
            Some(stage) => std::mem::replace(stage, Stage::Sent(id)) == Stage::Starting(true),
            None => false,
        }
    }

    pub(crate) fn finish(&self, unique: u64) {
        lock(&self.0).remove(&unique);
    }

    /// Forgets requests whose key is not `alive` any more; returns the calls that wait for nobody.
    pub(crate) fn orphans(&self, alive: impl Fn(u64) -> bool) -> Vec<u64> {
        let mut calls = Vec::new();
        lock(&self.0).retain(|key, stage| match stage {
            Stage::Sent(call) if !alive(*key) => {
                calls.push(*call);
                false
            }
            _ => true,
        });
        calls
    }

    pub(crate) fn is_empty(&self) -> bool {
        lock(&self.0).is_empty()
    }

    pub(crate) fn interrupt(&self, unique: u64) -> Interrupted {
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

    #[test]
    fn orphans_are_told_once() {
        let flights = Flights::default();
        for key in 1..=3 {
            flights.start(key);
        }
        flights.sent(1, 11);
        flights.sent(2, 12);
        assert_eq!(flights.orphans(|key| key == 2), [11]);
        assert_eq!(flights.orphans(|key| key == 2), []);
        flights.finish(2);
        flights.finish(3);
        assert!(flights.is_empty());
    }
}
