//! Uevents: what the kernel tells programs of its objects. Counterpart: lib/kobject_uevent.c.
//!
//! Partial: they are counted, as /sys/kernel/uevent_seqnum shows, but nobody in an instance can listen to them yet.

use crate::{env, log};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

static SEQUENCE: AtomicU64 = AtomicU64::new(0);

/// The number of the last uevent.
pub fn sequence() -> u64 {
    SEQUENCE.load(Ordering::SeqCst)
}

/// Says why a uevent that somebody asked for by writing was refused (`kobject_synth_uevent`); newer kernels do not say it
/// again and again.
pub fn refused(path: &str, why: &str) {
    static LIMIT: log::Limited = log::Limited::new();
    let text = format!("synth uevent: {path}: {why}");
    if env::version() < LIMITED { log::line(4, &text) } else { LIMIT.line(4, "kobject_synth_uevent", &text) }
}

/// The first kernel known to limit the complaints; 6.1 does not.
const LIMITED: (u32, u32) = (6, 12);

/// What an object has said of itself already.
#[derive(Debug, Default)]
pub struct Told {
    added: AtomicBool,
    removed: AtomicBool,
}

impl Told {
    /// The object says `action` (`kobject_uevent_env`).
    pub fn send(&self, action: &str) {
        match action {
            "add" => self.added.store(true, Ordering::SeqCst),
            "remove" => self.removed.store(true, Ordering::SeqCst),
            _ => {}
        }
        SEQUENCE.fetch_add(1, Ordering::SeqCst);
    }

    /// The object goes: it says so if it said that it came, and not yet that it goes.
    pub fn gone(&self) {
        if self.added.load(Ordering::SeqCst) && !self.removed.load(Ordering::SeqCst) {
            self.send("remove");
        }
    }
}

#[test]
fn who_came_says_once_that_it_goes() {
    let said = |actions: &[&str]| {
        let told = Told::default();
        actions.iter().for_each(|action| told.send(action));
        let before = told.removed.load(Ordering::SeqCst);
        told.gone();
        !before && told.removed.load(Ordering::SeqCst)
    };
    assert!(said(&["add", "change"]));
    assert!(!said(&["add", "remove"]), "said by hand");
    assert!(!said(&["change"]));
}
