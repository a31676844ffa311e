//! Reading what stands in a module directory beside the modules, and numbers as `sscanf(3)` takes them.

use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::{Listener, message};
use crate::error::strerror;

/// A file of the module directory; a warning if it cannot be read.
pub(super) fn open(directory: &Path, name: &str, to: &mut dyn Listener) -> Option<Vec<u8>> {
    let shown = directory.as_os_str().as_bytes();
    if let Err(error) = std::fs::metadata(directory) {
        message!(to, Warning, b"could not open directory ", shown, b": ", strerror(&error));
        return None;
    }
    let failed = |error: &io::Error, to: &mut dyn Listener| {
        message!(to, Warning, b"could not open ", name, b" at ", shown, b": ", strerror(error));
    };
    std::fs::read(directory.join(name)).inspect_err(|error| failed(error, to)).ok()
}

/// `%u`: a number, and what follows it.
pub(super) fn unsigned(text: &[u8]) -> Option<(u32, &[u8])> {
    let text = text.trim_ascii_start();
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    let end = digits.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(digits.len());
    let (digits, rest) = digits.split_at_checked(end)?;
    if digits.is_empty() {
        return None;
    }
    let number = digits.iter().fold(0u32, |sum, digit| sum.wrapping_mul(10).wrapping_add(u32::from(digit - b'0')));
    Some((if negative { number.wrapping_neg() } else { number }, rest))
}

/// Whether a word begins as a release does: `%u.%u`.
pub fn is_release(word: &[u8]) -> bool {
    let minor = unsigned(word).and_then(|(_, rest)| unsigned(rest.strip_prefix(b".")?));
    minor.is_some()
}

/// `PREFIX%u-%u`.
pub(super) fn pair(text: &[u8], prefix: &[u8]) -> Option<(u32, u32)> {
    let (major, rest) = unsigned(text.strip_prefix(prefix)?)?;
    let (minor, _) = unsigned(rest.strip_prefix(b"-")?)?;
    Some((major, minor))
}

#[test]
fn numbers_are_taken_from_the_beginning() {
    assert_eq!(pair(b"char-major-10-196 and more", b"char-major-"), Some((10, 196)));
    assert_eq!(pair(b"char-major-10-*", b"char-major-"), None);
    assert_eq!(pair(b"char-major-*", b"char-major-"), None);
    assert_eq!(pair(b"block-major-1-1", b"char-major-"), None);
    assert_eq!(unsigned(b" +7x"), Some((7, &b"x"[..])));
}
