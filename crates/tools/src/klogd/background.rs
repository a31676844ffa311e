//! Going to the background: the parent ends when its child is ready, or could not get ready.

use rustix::fs::{Mode, OFlags};
use rustix::stdio;
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use sys::process::{Forked, fork};

/// Which of the two processes goes on.
pub enum Side {
    /// The one that was called: it ends with this status.
    Caller(u8),
    /// The daemon; it tells here that it is ready.
    Daemon(Ready),
}

/// The daemon's promise to tell its parent.
pub struct Ready(PipeWriter);

/// Splits the process. Its one thread must be the caller. The daemon keeps the standard streams and `keep` open, and
/// nothing else that it was given: a lock or a pipe of the caller's would live as long as it does.
pub fn split(keep: Option<BorrowedFd<'_>>) -> io::Result<Side> {
    let (reader, writer) = io::pipe()?;
    match fork()? {
        Forked::Parent(_child) => {
            drop(writer);
            Ok(Side::Caller(wait(reader)))
        }
        Forked::Child => {
            drop(reader);
            let mut kept = vec![stdio::stdin(), stdio::stdout(), stdio::stderr(), writer.as_fd()];
            kept.extend(keep);
            sys::process::close_all_but(&kept)?;
            rustix::process::setsid()?;
            Ok(Side::Daemon(Ready(writer)))
        }
    }
}

/// The child's word, or 1 when it ended without one; it has then said why.
fn wait(mut reader: PipeReader) -> u8 {
    let mut word = [1];
    match reader.read_exact(&mut word) {
        Ok(()) => word.first().copied().unwrap_or(1),
        Err(_) => 1,
    }
}

impl Ready {
    /// Leaves the caller's terminal and folder, and lets the caller go. Standard output and error stay where they are
    /// written to.
    pub fn tell(mut self, keep_stdout: bool, keep_stderr: bool) -> io::Result<()> {
        std::env::set_current_dir("/")?;
        let null = rustix::fs::open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())?;
        stdio::dup2_stdin(&null)?;
        if !keep_stdout {
            stdio::dup2_stdout(&null)?;
        }
        if !keep_stderr {
            stdio::dup2_stderr(&null)?;
        }
        self.0.write_all(&[0])
    }
}
