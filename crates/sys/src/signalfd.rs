//! Signals as things to read: `signalfd(2)`, for a program that waits for files and signals in one place.

use crate::{check, signal};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd};

/// Signals that are blocked and wait here instead. It is readable (for poll) when one came.
#[derive(Debug)]
pub struct Inbox(OwnedFd);

impl Inbox {
    /// Blocks `signals` for the calling thread and gathers them. Make it while the process has one thread: another one
    /// that does not block them would get them.
    ///
    /// # Errors
    /// `EMFILE`, `ENFILE`, `ENOMEM`.
    pub fn new(signals: &[i32]) -> io::Result<Self> {
        // SAFETY: an all-zero signal set is the empty set.
        let mut set: libc::sigset_t = unsafe { std::mem::zeroed() };
        for &number in signals {
            signal::block(number);
            // SAFETY: points to a live signal set; an invalid number is refused with EINVAL.
            unsafe { libc::sigaddset(&raw mut set, number) };
        }
        // SAFETY: points to a live signal set; -1 asks for a new descriptor.
        let fd = check(unsafe { libc::signalfd(-1, &raw const set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK) }.into())?;
        let fd = i32::try_from(fd).map_err(io::Error::other)?;
        // SAFETY: the call has just made this descriptor, and nothing else owns it.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    /// The number of the next signal; `None` when none waits.
    pub fn next_signal(&self) -> Option<i32> {
        let mut info = [0; size_of::<libc::signalfd_siginfo>()];
        let length = rustix::io::read(&self.0, &mut info).ok()?;
        // `ssi_signo` comes first.
        let number = info.get(..length)?.first_chunk::<4>()?;
        Some(i32::from_ne_bytes(*number))
    }
}

impl AsFd for Inbox {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[test]
fn a_signal_is_read_once() {
    let inbox = Inbox::new(&[libc::SIGWINCH]).unwrap();
    assert_eq!(inbox.next_signal(), None);
    let (process, thread) = (rustix::process::getpid(), rustix::thread::gettid());
    // To this thread: the others of the test program do not block it.
    // SAFETY: tgkill takes any numbers; the signal is blocked here.
    let sent = unsafe {
        libc::syscall(libc::SYS_tgkill, process.as_raw_nonzero().get(), thread.as_raw_nonzero().get(), libc::SIGWINCH)
    };
    assert_eq!(sent, 0);
    assert_eq!((inbox.next_signal(), inbox.next_signal()), (Some(libc::SIGWINCH), None));
}
