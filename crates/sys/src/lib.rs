//! Safe wrappers for the host's system calls that neither std nor rustix offers safely. Linux on x86-64 only.
//!
//! One file per concept: [`process`] (fork, wait, namespaces), [`klog`], [`signal`], [`signalfd`], [`terminal`], [`seccomp`] (filters), [`notify`]
//! (seccomp user notification), [`landlock`], [`memory`] (another process's memory), [`malloc`] and
//! [`sandbox`], which puts them together for the process that runs module code.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test"))]

pub mod clock;
pub mod file;
pub mod klog;
pub mod landlock;
pub mod malloc;
pub mod memory;
pub mod notify;
pub mod process;
pub mod sandbox;
pub mod seccomp;
pub mod signal;
pub mod signalfd;
pub mod terminal;

/// The result of a C call that returns -1 and sets `errno` on failure.
fn check(result: libc::c_long) -> std::io::Result<libc::c_long> {
    if result == -1 { Err(std::io::Error::last_os_error()) } else { Ok(result) }
}
