//! 2.4's `printk`: a line's level stands before it as `<6>`, and a text without a newline goes on with the next one.
//! Counterpart: kernel/printk.c of Linux 2.4.

use crate::env;
use crate::log::log;
use kabi::{KPtr, KResult, VarArgs, exports, kexport};
use std::sync::atomic::{AtomicBool, Ordering};

exports![printk];

/// The functions' declarations as genksyms sees them, in the order of the list.
pub(super) const DECLARATIONS: &[&str] = &["int printk(const char *, ...)"];

/// The last text ended within a line.
static WITHIN_LINE: AtomicBool = AtomicBool::new(false);

/// Prints a text, each line with a level of its own.
#[kexport(since = "2.1.0", until = "5.15", header = "linux/kernel.h")]
fn printk(fmt: KPtr, args: VarArgs) -> KResult<i32> {
    let text = env::format(fmt.addr(), args.0)?;
    for line in text.split_inclusive(|&c| c == b'\n') {
        let within = WITHIN_LINE.swap(!line.ends_with(b"\n"), Ordering::Relaxed);
        log().print(&translated(line, within));
    }
    Ok(text.len() as i32)
}

/// A line with the level as it is written today.
fn translated(line: &[u8], within: bool) -> Vec<u8> {
    match line {
        _ if within => [b"\x01c", line].concat(),
        [b'<', level @ b'0'..=b'7', b'>', rest @ ..] => [b"\x01", std::slice::from_ref(level), rest].concat(),
        _ => line.to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_translated_at_the_start_of_a_line() {
        assert_eq!(translated(b"<6>hello\n", false), b"\x016hello\n");
        assert_eq!(translated(b"<6>hello\n", true), b"\x01c<6>hello\n");
        for plain in [&b"<8>x"[..], b"<66>x", b"a<6>", b"<", b""] {
            assert_eq!(translated(plain, false), plain);
        }
    }
}
