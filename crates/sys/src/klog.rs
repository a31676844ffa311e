//! The host's kernel log by `syslog(2)` (glibc's `klogctl`).

use std::io;

/// Makes the call. Actions 2, 3 and 4 read: `argument` is the size of the buffer, and what was read comes back; for the
/// others it is the value that the action takes.
///
/// # Errors
/// The system call's: `EPERM` without CAP_SYSLOG, `EINVAL` for an action or value that does not exist.
pub fn klogctl(action: i32, argument: i32) -> io::Result<(i64, Vec<u8>)> {
    let reads = (2..=4).contains(&action);
    let mut buffer = vec![0u8; if reads { usize::try_from(argument).unwrap_or(0) } else { 0 }];
    let pointer = if reads { buffer.as_mut_ptr().cast() } else { std::ptr::null_mut() };
    // SAFETY: where the call writes, it writes at most `argument` bytes, which the buffer has.
    let result = unsafe { libc::klogctl(action, pointer, argument) };
    let value = crate::check(result.into())?;
    if reads {
        buffer.truncate(usize::try_from(value).unwrap_or(0));
    }
    Ok((value, buffer))
}

#[test]
fn an_unknown_action_is_refused() {
    // EINVAL as root, EPERM without the capability: never a success.
    assert!(klogctl(99, 0).is_err());
}
