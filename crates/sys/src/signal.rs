//! Signals: names, dispositions of this process, the calling thread's mask.
//!
//! Only the dispositions "default" and "ignore": handlers belong to the crate `machine`.

use crate::check;
use std::io;

const NAMES: [&str; 31] = [
    "SIGHUP",
    "SIGINT",
    "SIGQUIT",
    "SIGILL",
    "SIGTRAP",
    "SIGABRT",
    "SIGBUS",
    "SIGFPE",
    "SIGKILL",
    "SIGUSR1",
    "SIGSEGV",
    "SIGUSR2",
    "SIGPIPE",
    "SIGALRM",
    "SIGTERM",
    "SIGSTKFLT",
    "SIGCHLD",
    "SIGCONT",
    "SIGSTOP",
    "SIGTSTP",
    "SIGTTIN",
    "SIGTTOU",
    "SIGURG",
    "SIGXCPU",
    "SIGXFSZ",
    "SIGVTALRM",
    "SIGPROF",
    "SIGWINCH",
    "SIGIO",
    "SIGPWR",
    "SIGSYS",
];

/// The name of a signal, such as `SIGSEGV`; `signal 40` for those without one.
pub fn name(signal: i32) -> String {
    let index = usize::try_from(signal).ok().and_then(|n| n.checked_sub(1));
    match index.and_then(|i| NAMES.get(i)) {
        Some(name) => (*name).to_owned(),
        None => format!("signal {signal}"),
    }
}

/// What a process does about a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disposition {
    /// The kernel's default action.
    Default,
    /// Nothing.
    Ignore,
}

/// The disposition that [`set`] replaced; give it back to [`restore`].
#[derive(Clone, Copy)]
pub struct Previous(libc::c_int, libc::sigaction);

/// Sets what the process does about `signal` and returns what it did before.
///
/// # Errors
/// `EINVAL` for a number that is no signal, SIGKILL and SIGSTOP.
pub fn set(signal: i32, disposition: Disposition) -> io::Result<Previous> {
    // SAFETY: all-zero bytes are a valid `sigaction`: default action, empty mask, no flags.
    let mut new: libc::sigaction = unsafe { std::mem::zeroed() };
    new.sa_sigaction = match disposition {
        Disposition::Default => libc::SIG_DFL,
        Disposition::Ignore => libc::SIG_IGN,
    };
    let mut old = new;
    // SAFETY: both point to live `sigaction`s, and the new one names no handler function.
    check(unsafe { libc::sigaction(signal, &raw const new, &raw mut old) }.into())?;
    Ok(Previous(signal, old))
}

/// Puts back what [`set`] replaced.
pub fn restore(previous: Previous) {
    // SAFETY: the `sigaction` was in force before for the same signal, so its handler is valid.
    unsafe { libc::sigaction(previous.0, &raw const previous.1, std::ptr::null_mut()) };
}

/// Gives every signal its default action and unblocks all: what a fresh program expects, in a child after fork.
pub fn reset_all() {
    for signal in 1..=64 {
        // SIGKILL, SIGSTOP and glibc's two own signals refuse; they need no reset.
        let _ = set(signal, Disposition::Default);
    }
    // SAFETY: an all-zero signal set is the empty set.
    let empty: libc::sigset_t = unsafe { std::mem::zeroed() };
    // SAFETY: points to a live signal set; no old mask is asked for.
    unsafe { libc::sigprocmask(libc::SIG_SETMASK, &raw const empty, std::ptr::null_mut()) };
}

/// Blocks `signal` for the calling thread.
pub fn block(signal: i32) {
    mask(libc::SIG_BLOCK, signal);
}

/// Unblocks `signal` for the calling thread.
pub fn unblock(signal: i32) {
    mask(libc::SIG_UNBLOCK, signal);
}

fn mask(how: libc::c_int, signal: i32) {
    // SAFETY: an all-zero signal set is the empty set.
    let mut set: libc::sigset_t = unsafe { std::mem::zeroed() };
    // SAFETY: points to a live signal set; an invalid number is refused with EINVAL.
    unsafe { libc::sigaddset(&raw mut set, signal) };
    // SAFETY: points to a live signal set; no old mask is asked for.
    unsafe { libc::pthread_sigmask(how, &raw const set, std::ptr::null_mut()) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_match_numbers() {
        assert_eq!(name(libc::SIGSEGV), "SIGSEGV");
        assert_eq!(name(libc::SIGSYS), "SIGSYS");
        assert_eq!(name(libc::SIGTSTP), "SIGTSTP");
        assert_eq!((name(0), name(-3), name(40)), ("signal 0".into(), "signal -3".into(), "signal 40".into()));
    }

    #[test]
    fn an_ignored_signal_is_survived_and_restored() {
        let before = set(libc::SIGUSR2, Disposition::Ignore).unwrap();
        rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::USR2).unwrap();
        restore(before);
        assert!(set(libc::SIGKILL, Disposition::Ignore).is_err());
    }
}
