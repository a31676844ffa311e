//! What FORTIFY_SOURCE's checks in modules call when a buffer is too small. Counterpart: lib/string_helpers.c.

use crate::{fault, log};
use kabi::{KError, KResult, KStr, exports, kexport};

exports![fortify_panic, __fortify_report, __fortify_panic];

/// The functions that are checked, in the order of their numbers (include/linux/fortify-string.h, 6.9 on).
const CHECKED: [&str; 16] = [
    "strncpy",
    "strnlen",
    "strlen",
    "strscpy",
    "strlcat",
    "strcat",
    "strncat",
    "memset",
    "memcpy",
    "memmove",
    "memscan",
    "memcmp",
    "memchr",
    "memchr_inv",
    "kmemdup",
    "strcpy",
];

/// Says that a buffer would overflow and stops the caller.
#[kexport(since = "4.13", header = "linux/fortify-string.h")]
fn fortify_panic(name: KStr) -> KResult {
    log::line(0, &format!("detected buffer overflow in {}", name.to_string_lossy()));
    Err(KError::Bug("kernel BUG at lib/string_helpers.c"))
}

/// What is wrong, from the check's number: bit 0 is a write, the rest the function.
fn describe(reason: u8, room: u64, size: u64) -> String {
    let name = CHECKED.get(usize::from(reason >> 1)).unwrap_or(&"UNKNOWN");
    let what = if reason & 1 != 0 { "write" } else { "read" };
    format!("{name}: detected buffer overflow: {size} byte {what} of buffer size {room}")
}

/// Warns that a buffer would overflow.
#[kexport(since = "6.9", header = "linux/fortify-string.h")]
fn __fortify_report(reason: u8, room: u64, size: u64) {
    log::line(4, "------------[ cut here ]------------");
    log::line(4, &describe(reason, room, size));
    fault::warn_at_caller();
}

/// [`__fortify_report`], and stops the caller.
#[kexport(since = "6.9", header = "linux/fortify-string.h")]
fn __fortify_panic(reason: u8, room: u64, size: u64) -> KResult {
    __fortify_report(reason, room, size);
    Err(KError::Bug("kernel BUG at lib/string_helpers.c"))
}

#[test]
fn checks_are_named_by_their_number() {
    assert_eq!(describe(17, 4, 9), "memcpy: detected buffer overflow: 9 byte write of buffer size 4");
    assert_eq!(describe(4, 4, 9), "strlen: detected buffer overflow: 9 byte read of buffer size 4");
    assert_eq!(describe(255, 0, 1), "UNKNOWN: detected buffer overflow: 1 byte write of buffer size 0");
}
