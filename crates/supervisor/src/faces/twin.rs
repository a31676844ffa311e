//! Device nodes, which a user namespace shows but does not open.
//!
//! Linux refuses to open a device node of a file system that was mounted in a user namespace, before it asks the file
//! system. So a node is two: `stat` and all else that works on names gets a device with its number, and whoever opens it
//! gets its *twin*, a regular file with a number that no other open has. Which of both a lookup is for says the system
//! call that the caller is in (`/proc/TID/syscall`). What a regular file then cannot do is caught (`crate::syscalls`);
//! there the number tells which open file is meant. Programs that touch no device of the instance pay nothing for this.

use super::node::Node;
use crate::link::lock;
use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;
use wire::NodeId;

/// `O_PATH`: such an open opens nothing.
const O_PATH: u64 = 0o10_000_000;

/// All twins that Linux knows.
#[derive(Debug, Default)]
pub(crate) struct Twins {
    last: AtomicU64,
    known: Mutex<HashMap<u64, Twin>>,
    open: AtomicUsize,
}

/// A twin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Twin {
    /// The device node.
    pub(crate) node: NodeId,
    /// The open file, once it is open.
    pub(crate) handle: Option<u64>,
}

impl Twins {
    /// A new one for `node`.
    pub(super) fn make(&self, node: NodeId) -> u64 {
        let twin = self.last.fetch_add(1, Ordering::Relaxed);
        lock(&self.known).insert(twin, Twin { node, handle: None });
        twin
    }

    pub(crate) fn get(&self, twin: u64) -> Option<Twin> {
        lock(&self.known).get(&twin).copied()
    }

    pub(super) fn opened(&self, twin: u64, handle: u64) {
        self.open.fetch_add(1, Ordering::SeqCst);
        if let Some(twin) = lock(&self.known).get_mut(&twin) {
            twin.handle = Some(handle);
        }
    }

    pub(super) fn closed(&self) {
        // A release comes for every open, once.
        self.open.fetch_sub(1, Ordering::SeqCst);
    }

    /// Linux has forgotten it.
    pub(super) fn forget(&self, twin: u64) {
        lock(&self.known).remove(&twin);
    }

    /// Whether no device is open anywhere.
    pub(crate) fn none_open(&self) -> bool {
        self.open.load(Ordering::SeqCst) == 0
    }
}

/// The number of the twin that the descriptor `fd` of a thread is, and its flags; `None` for all else.
pub(crate) fn of_descriptor(tid: u32, fd: u64) -> Option<(u64, u32)> {
    // The kernel looks at the low 32 bits.
    let info = std::fs::read_to_string(format!("/proc/{tid}/fdinfo/{}", fd as i32)).ok()?;
    let field = |name: &str| info.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    match Node::from_number(field("ino:")?.parse().ok()?)? {
        Node::Twin(twin) => Some((twin, u32::from_str_radix(field("flags:")?, 8).ok()?)),
        _ => None,
    }
}

/// Whether the thread is in a system call that opens a file. When in doubt it is: a device that shows as a regular file is
/// better than one that cannot be opened.
pub(super) fn is_opening(tid: u32) -> bool {
    for _ in 0..20 {
        match std::fs::read_to_string(format!("/proc/{tid}/syscall")) {
            // It is on its way to sleep, or was woken by a signal for a moment.
            Ok(text) if text.starts_with("running") => std::thread::sleep(Duration::from_micros(50)),
            Ok(text) => return opens(&text, |address| read_word(tid, address)),
            Err(_) => return true,
        }
    }
    true
}

/// Judges a line of `/proc/TID/syscall`.
fn opens(line: &str, word: impl FnOnce(u64) -> Option<u64>) -> bool {
    const OPEN: u64 = 2;
    const CREAT: u64 = 85;
    const OPENAT: u64 = 257;
    const IO_URING_ENTER: u64 = 426;
    const OPENAT2: u64 = 437;
    /// `open`, `creat` and `openat` of 32-bit programs; the 64-bit calls of these numbers take no name.
    const OF_32_BITS: [u64; 3] = [5, 8, 295];
    let mut fields = line.split_ascii_whitespace();
    let Some(number) = fields.next().and_then(|number| number.parse::<u64>().ok()) else { return true };
    let arguments: Vec<u64> = fields.map_while(|hex| u64::from_str_radix(hex.strip_prefix("0x")?, 16).ok()).collect();
    let argument = |index: usize| arguments.get(index).copied().unwrap_or(0);
    match number {
        OPEN => argument(1) & O_PATH == 0,
        OPENAT => argument(2) & O_PATH == 0,
        OPENAT2 => word(argument(2)).is_none_or(|flags| flags & O_PATH == 0),
        CREAT | IO_URING_ENTER => true,
        other => OF_32_BITS.contains(&other),
    }
}

fn read_word(tid: u32, address: u64) -> Option<u64> {
    let mut bytes = [0; 8];
    (sys::memory::read(tid, address, &mut bytes).ok()? == bytes.len()).then(|| u64::from_ne_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn system_calls_that_open_are_known() {
        for (line, expected) in [
            ("257 0xffffff9c 0x7ffd 0x0 0x0 0x0 0x0 0x7ffd 0x7f0f\n", true),
            ("257 0xffffff9c 0x7ffd 0x200000 0x0 0x0 0x0 0x7ffd 0x7f0f\n", false),
            ("2 0x7ffd 0x241 0x1b6 0x0 0x0 0x0 0x7ffd 0x7f0f", true),
            ("2 0x7ffd 0x200000 0x1b6 0x0 0x0 0x0 0x7ffd 0x7f0f", false),
            ("437 0x3 0x7ffd 0x10 0x18 0x0 0x0 0x7ffd 0x7f0f", true),
            ("437 0x3 0x7ffd 0x20 0x18 0x0 0x0 0x7ffd 0x7f0f", false),
            ("85 0x7ffd 0x1b6 0x0", true),
            ("332 0xffffff9c 0x7ffd 0x100 0xfff 0x7ffd 0x0", false),
            ("262 0xffffff9c 0x7ffd 0x100 0x0 0x0 0x0", false),
            ("4 0x7ffd 0x100 0x0 0x0 0x0 0x0", false),
            ("", true),
        ] {
            let word = |address| Some(if address == 0x20 { O_PATH } else { 0 });
            assert_eq!(opens(line, word), expected, "{line}");
        }
    }

    #[test]
    fn a_twin_is_known_until_it_is_forgotten() {
        let twins = Twins::default();
        let (a, b) = (twins.make(30), twins.make(30));
        assert!(a != b && twins.none_open());
        twins.opened(b, 7);
        assert_eq!(twins.get(a), Some(Twin { node: 30, handle: None }));
        assert_eq!(twins.get(b), Some(Twin { node: 30, handle: Some(7) }));
        assert!(!twins.none_open());
        twins.closed();
        twins.forget(b);
        assert_eq!(twins.get(b), None);
        assert!(twins.none_open());
    }

    #[test]
    fn other_descriptors_are_no_twins() {
        let file = std::fs::File::open("/dev/null").unwrap();
        let fd = std::os::fd::AsRawFd::as_raw_fd(&file) as u64;
        assert_eq!(of_descriptor(std::process::id(), fd), None);
        assert_eq!(of_descriptor(std::process::id(), u64::from(u32::MAX)), None);
    }
}
