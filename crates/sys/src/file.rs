//! What only the kernel knows of a file. Counterpart: `fs/locks.c`.

use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt;

/// `fcntl(2)`'s number, which the libc crate has not.
const F_SETSIG: i32 = 10;

/// True if somebody has the file open for writing (`deny_write_access` of a real kernel would fail): a lease for
/// reading is not given then. False where that cannot be found out: leases are for the file's owner, and not every
/// file system has them.
pub fn is_open_for_writing(file: impl AsFd) -> bool {
    let fd: BorrowedFd<'_> = file.as_fd();
    // A lease belongs to an open file: not to the caller's own, but to a new one, with which it goes at once.
    let path = format!("/proc/self/fd/{}", fd.as_raw_fd());
    let Ok(own) = File::options().read(true).custom_flags(libc::O_NONBLOCK | libc::O_CLOEXEC).open(path) else {
        return false;
    };
    // Who opens the file for writing meanwhile breaks the lease: the signal of that must do nothing.
    // SAFETY: both calls only take numbers and a descriptor that is open for their duration.
    let lease = unsafe {
        libc::fcntl(own.as_raw_fd(), F_SETSIG, libc::SIGWINCH);
        libc::fcntl(own.as_raw_fd(), libc::F_SETLEASE, libc::F_RDLCK)
    };
    lease == -1 && std::io::Error::last_os_error().raw_os_error() == Some(libc::EAGAIN)
}

#[test]
fn a_writer_shows() {
    let path = std::env::temp_dir().join(format!("lkm-sys-file-{}", std::process::id()));
    std::fs::write(&path, b"x").unwrap();
    let reader = File::open(&path).unwrap();
    let alone = is_open_for_writing(&reader);
    let writer = File::options().write(true).open(&path).unwrap();
    let written = is_open_for_writing(&reader);
    drop(writer);
    let again = is_open_for_writing(&reader);
    std::fs::remove_file(&path).unwrap();
    assert_eq!((alone, written, again), (false, true, false));
}
