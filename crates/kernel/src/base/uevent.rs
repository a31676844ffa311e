//! Uevents: what the kernel tells programs of its objects. Counterpart: lib/kobject_uevent.c.
//!
//! They are counted, as /sys/kernel/uevent_seqnum shows, and handed to the supervisor, which has the sockets.

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
    /// The module `name` says `action`, and what it was told to say (`kobject_uevent_env`).
    pub fn send(&self, name: &str, action: &str, variables: &[(String, String)]) {
        match action {
            "add" => self.added.store(true, Ordering::SeqCst),
            "remove" => self.removed.store(true, Ordering::SeqCst),
            _ => {}
        }
        SEQUENCE.fetch_add(1, Ordering::SeqCst);
        crate::server::send_event(wire::Event::Uevent(message(name, action, variables)));
    }

    /// The module goes: it says so if it said that it came, and not yet that it goes.
    pub fn gone(&self, name: &str) {
        if self.added.load(Ordering::SeqCst) && !self.removed.load(Ordering::SeqCst) {
            self.send(name, "remove", &[]);
        }
    }
}

/// What a listener reads, but for its number: `ACTION@PATH`, then variables, each with a NUL.
fn message(name: &str, action: &str, variables: &[(String, String)]) -> Vec<u8> {
    let path = format!("/module/{name}");
    let mut text = format!("{action}@{path}\0ACTION={action}\0DEVPATH={path}\0SUBSYSTEM=module\0");
    for (name, value) in variables {
        text.push_str(&format!("{name}={value}\0"));
    }
    text.into_bytes()
}

#[test]
fn a_message_has_its_path_and_its_variables() {
    let variables = [("SYNTH_UUID".to_string(), "0".to_string())];
    let expected = b"change@/module/x\0ACTION=change\0DEVPATH=/module/x\0SUBSYSTEM=module\0SYNTH_UUID=0\0";
    assert_eq!(message("x", "change", &variables), expected);
}

#[test]
fn who_came_says_once_that_it_goes() {
    let said = |actions: &[&str]| {
        let told = Told::default();
        actions.iter().for_each(|action| told.send("x", action, &[]));
        let before = told.removed.load(Ordering::SeqCst);
        told.gone("x");
        !before && told.removed.load(Ordering::SeqCst)
    };
    assert!(said(&["add", "change"]));
    assert!(!said(&["add", "remove"]), "said by hand");
    assert!(!said(&["change"]));
}
