//! `mount` of the file systems that the face of /sys shows anyway: scripts mount them before use.
//!
//! DIFFERS: a mount on the usual place succeeds without doing anything, even a second time (Linux: `EBUSY`).

use super::Step;
use std::io;
use sys::notify::{Notification, Response};

const USUAL: [(&[u8], &[u8]); 3] =
    [(b"debugfs", b"/sys/kernel/debug"), (b"tracefs", b"/sys/kernel/tracing"), (b"configfs", b"/sys/kernel/config")];

/// `mount(source, target, type, flags, data)`.
pub(super) fn mount(caught: &Notification) -> io::Result<Step> {
    const LONGEST: usize = 4096;
    let [_, target, kind, ..] = caught.args;
    let text = |address| sys::memory::read_c_string(caught.tid, address, LONGEST).ok();
    // Whatever it is else, the kernel decides; also about bad pointers.
    let ours = match (text(target), text(kind)) {
        (Some(target), Some(kind)) => is_usual(&kind, &target),
        _ => false,
    };
    Ok(Step::Respond(if ours { Response::Value(0) } else { Response::Continue }))
}

fn is_usual(kind: &[u8], target: &[u8]) -> bool {
    let target = target.strip_suffix(b"/").unwrap_or(target);
    USUAL.contains(&(kind, target))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_usual_places_count() {
        assert!(is_usual(b"debugfs", b"/sys/kernel/debug/") && is_usual(b"tracefs", b"/sys/kernel/tracing"));
        assert!(!is_usual(b"debugfs", b"/mnt") && !is_usual(b"tmpfs", b"/sys/kernel/debug") && !is_usual(b"", b""));
    }
}
