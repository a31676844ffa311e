//! Going to the background: the parent ends when its child is ready, or could not get ready.

use rustix::fs::{Mode, OFlags};
use std::io::{self, PipeReader, PipeWriter, Read, Write};
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

/// Splits the process. Its one thread must be the caller.
pub fn split() -> io::Result<Side> {
    let (reader, writer) = io::pipe()?;
    match fork()? {
        Forked::Parent(_child) => {
            drop(writer);
            Ok(Side::Caller(wait(reader)))
        }
        Forked::Child => {
            drop(reader);
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
        rustix::stdio::dup2_stdin(&null)?;
        if !keep_stdout {
            rustix::stdio::dup2_stdout(&null)?;
        }
        if !keep_stderr {
            rustix::stdio::dup2_stderr(&null)?;
        }
        self.0.write_all(&[0])
    }
}
