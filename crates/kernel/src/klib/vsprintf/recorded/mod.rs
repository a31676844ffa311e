//! Formats that a module printed on the real kernels (Debian's 6.1.0-56 and 6.12.117 in QEMU), in the order of its
//! prints: `6.1.txt` and `6.12.txt` hold `length text` for each. The formats here are those of the module.
//!
//! To record again: `CASES=crates/kernel/src/klib/vsprintf/recorded sh acceptance/run-real.sh module`, then take
//! `module/stdout` from the folder that it works in (`ACCEPT_VM`). Two prints with raw control bytes were taken out.

mod numbers;
mod objects;
mod scans;

use super::mock::Mock;
use super::*;

/// Addresses of ERR_PTRs.
const fn err(errno: i64) -> u64 {
    -errno as u64
}

/// Prints like the module, and keeps what it printed.
struct Recorder {
    mock: Mock,
    lines: Vec<String>,
}

impl Recorder {
    /// A text longer than the log's records was left out by the module.
    fn t(&mut self, fmt: &str, args: &[u64]) {
        let (text, len) = self.mock.try_format(4096, fmt.as_bytes(), args).expect("no fault");
        let text: String = text.iter().map(|&b| char::from(b)).collect();
        let text = if len > 700 { "long" } else { text.split('\0').next().unwrap() };
        self.lines.push(format!("{len} {text}"));
    }

    /// Formats into a buffer of `size` bytes that was full of `Z`, and shows the buffer's start.
    fn s(&mut self, size: usize, fmt: &str, args: &[u64]) {
        let (mut text, len) = self.mock.try_format(size, fmt.as_bytes(), args).expect("no fault");
        if size > 0 {
            text.push(0);
        }
        text.resize(24, b'Z');
        let shown: String =
            text.iter().map(|&b| if b == 0 { "\\0".into() } else { char::from(b).to_string() }).collect();
        self.lines.push(format!("size {size}: {len} {shown}"));
    }

    /// The string at a new address.
    fn str(&mut self, text: &str) -> u64 {
        self.mock.str(text)
    }
}

fn compare(release: (u32, u32), recorded: &str) {
    let mut mock = Mock::new();
    mock.release = release;
    if release >= (6, 12) {
        mock.members.retain(|member| member.1 != "bd_partno");
        mock.members.push(("block_device", "__bd_flags", 16));
    }
    let mut r = Recorder { mock, lines: Vec::new() };
    numbers::strings(&mut r);
    numbers::numbers(&mut r);
    numbers::pointers(&mut r);
    objects::print(&mut r);
    scans::scans(&mut r);
    objects::print_devices(&mut r);
    let recorded: Vec<&str> = recorded.lines().collect();
    for (line, want) in r.lines.iter().zip(&recorded) {
        assert_eq!(line, want, "{release:?}");
    }
    assert_eq!(r.lines.len(), recorded.len());
}

#[test]
fn linux_6_1() {
    compare((6, 1), include_str!("6.1.txt"));
}

#[test]
fn linux_6_12() {
    compare((6, 12), include_str!("6.12.txt"));
}
