//! What can go wrong around an instance.

use std::io;
use sys::process::Exit;

/// Why the kernel process is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Death {
    /// How it ended; `None` if it could not be asked.
    pub exit: Option<Exit>,
    /// What it said last, if it found a fault in lkm itself.
    pub bug: Option<String>,
}

impl std::fmt::Display for Death {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the instance's kernel process ")?;
        match self.exit {
            Some(exit) => write!(f, "{exit}")?,
            None => f.write_str("is gone")?,
        }
        match &self.bug {
            Some(bug) => write!(f, ": {bug}"),
            None => Ok(()),
        }
    }
}

/// An error of this crate.
#[derive(Debug)]
pub enum Error {
    /// The kernel process ended; every call that waited gets this.
    Died(Death),
    /// The call failed with this (positive) errno.
    Errno(i32),
    /// An oops ended the caller's task: a program would be killed by this signal now.
    Killed {
        /// The signal's number.
        signal: i32,
    },
    /// The answer does not fit the call: a fault of lkm.
    Unexpected(String),
    /// The connection to the supervisor or the kernel process failed.
    Wire(wire::WireError),
    /// The host refused something.
    Host {
        /// What was tried.
        what: String,
        /// Why it failed.
        source: io::Error,
    },
    /// The machine lacks something that an instance needs (exit status 123).
    Lacks {
        /// What is missing and how that shows.
        what: String,
        /// How to get it.
        cure: String,
    },
}

impl Error {
    /// For `map_err`: the host refused `what`.
    pub(crate) fn host<E: Into<io::Error>>(what: impl Into<String>) -> impl FnOnce(E) -> Self {
        let what = what.into();
        move |source| Self::Host { what, source: source.into() }
    }

    /// The errno that a system call would return for it.
    pub fn errno(&self) -> i32 {
        const ENODEV: i32 = 19;
        const EIO: i32 = 5;
        const EINTR: i32 = 4;
        match self {
            Self::Errno(errno) => *errno,
            Self::Died(_) => ENODEV,
            Self::Killed { .. } => EINTR,
            Self::Host { source, .. } => source.raw_os_error().unwrap_or(EIO),
            Self::Unexpected(_) | Self::Wire(_) | Self::Lacks { .. } => EIO,
        }
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Died(death) => write!(f, "{death}"),
            Self::Errno(errno) => write!(f, "{}", io::Error::from_raw_os_error(*errno)),
            Self::Killed { .. } => f.write_str("the task was killed by an oops"),
            Self::Unexpected(answer) => write!(f, "the kernel process gave an answer that does not fit: {answer}"),
            Self::Wire(e) => write!(f, "the instance: {e}"),
            Self::Host { what, source } => write!(f, "{what}: {source}"),
            Self::Lacks { what, cure } => write!(f, "{what}; {cure}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Wire(e) => Some(e),
            Self::Host { source, .. } => Some(source),
            _ => None,
        }
    }
}

impl From<wire::WireError> for Error {
    fn from(e: wire::WireError) -> Self {
        Self::Wire(e)
    }
}
