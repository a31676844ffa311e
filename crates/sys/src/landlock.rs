//! Landlock: gives up access to files, the network and other processes for ever. Counterpart: `security/landlock/`.

use crate::check;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

/// What Landlock does for this process.
#[derive(Debug)]
pub enum State {
    /// It denies all that this version of its interface can deny.
    Enforced {
        /// The version (1: files; 4: TCP too; 6: signals and abstract sockets too).
        abi: u32,
    },
    /// The kernel has none, or it is switched off; the seccomp filter stands alone.
    Unavailable(io::Error),
}

#[repr(C)]
struct RulesetAttr {
    handled_access_fs: u64,
    handled_access_net: u64,
    scoped: u64,
}

/// Denies the calling thread, and the threads it starts later, every kind of access that Landlock knows.
///
/// # Errors
/// When Landlock is there and refuses, for example without `no_new_privs`.
pub fn deny_all() -> io::Result<State> {
    let abi = match version() {
        Ok(abi) => abi,
        Err(e) => return Ok(State::Unavailable(e)),
    };
    let (attr, size) = attributes(abi);
    // SAFETY: `attr` is live and at least `size` bytes long.
    let fd = check(unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, &raw const attr, size, 0) })?;
    let fd = i32::try_from(fd).map_err(io::Error::other)?;
    // SAFETY: the kernel made this descriptor for the caller just now.
    let ruleset = unsafe { OwnedFd::from_raw_fd(fd) };
    // SAFETY: takes a descriptor and no memory.
    check(unsafe { libc::syscall(libc::SYS_landlock_restrict_self, ruleset.as_raw_fd(), 0) })?;
    Ok(State::Enforced { abi })
}

fn version() -> io::Result<u32> {
    const VERSION: u32 = 1;
    // SAFETY: with this flag the kernel takes no memory.
    let abi = check(unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, std::ptr::null::<u8>(), 0, VERSION) })?;
    u32::try_from(abi).map_err(io::Error::other)
}

fn attributes(abi: u32) -> (RulesetAttr, usize) {
    let fs_bits = match abi {
        ..=1 => 13,
        2 => 14,
        3 | 4 => 15,
        _ => 16,
    };
    let attr = RulesetAttr {
        handled_access_fs: (1 << fs_bits) - 1,
        handled_access_net: if abi >= 4 { 3 } else { 0 },
        scoped: if abi >= 6 { 3 } else { 0 },
    };
    let size = match abi {
        ..=3 => 8,
        4 | 5 => 16,
        _ => 24,
    };
    (attr, size)
}
