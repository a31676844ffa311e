//! Process groups and the terminal, also for a group whose leader is in an outer pid namespace (its number is 0 then,
//! which rustix does not allow for).

use crate::check;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

/// The number of this process's group; 0 if it belongs to an outer pid namespace.
pub fn own_group() -> i32 {
    // SAFETY: takes nothing, touches no memory.
    unsafe { libc::getpgrp() }
}

/// Makes this process the leader of a new group.
///
/// # Errors
/// `EPERM` for a session's leader.
pub fn lead_new_group() -> io::Result<()> {
    // SAFETY: takes numbers, touches no memory.
    check(unsafe { libc::setpgid(0, 0) }.into()).map(drop)
}

/// The terminal's foreground group; `None` if the descriptor is not this session's terminal.
pub fn foreground(terminal: BorrowedFd<'_>) -> Option<i32> {
    // SAFETY: takes a descriptor, touches no memory.
    let group = unsafe { libc::tcgetpgrp(terminal.as_raw_fd()) };
    (group >= 0).then_some(group)
}

/// Makes `group` the terminal's foreground group, from the background too.
///
/// # Errors
/// `EPERM` or `EINVAL` for a group of another session or none, `ENOTTY`.
pub fn set_foreground(terminal: BorrowedFd<'_>, group: i32) -> io::Result<()> {
    // A background group is stopped by SIGTTOU otherwise.
    crate::signal::block(libc::SIGTTOU);
    // SAFETY: takes numbers, touches no memory.
    let result = check(unsafe { libc::tcsetpgrp(terminal.as_raw_fd(), group) }.into()).map(drop);
    crate::signal::unblock(libc::SIGTTOU);
    result
}

/// Stops this process's group as the terminal's stop key does; returns when it goes on.
pub fn stop_own_group() {
    // SAFETY: takes numbers, touches no memory.
    unsafe { libc::kill(0, libc::SIGTSTP) };
}

/// Lets a group of this pid namespace go on.
pub fn continue_group(group: i32) {
    if group > 1 {
        // SAFETY: takes numbers, touches no memory.
        unsafe { libc::kill(-group, libc::SIGCONT) };
    }
}
