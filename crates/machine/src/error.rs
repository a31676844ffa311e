//! Why the machine could not do something.

/// Why the machine could not do something.
#[derive(Debug)]
pub enum MachineError {
    /// A system call of the host failed.
    Host {
        /// What was attempted, with the values that matter.
        doing: String,
        /// The host's error.
        source: std::io::Error,
    },
    /// The arena has no free range of this many bytes.
    ArenaFull(usize),
    /// A range is outside of the arena or of the block it was taken from.
    OutOfRange {
        /// Address of the range.
        addr: u64,
        /// Its length in bytes.
        len: usize,
    },
    /// [`crate::boot`] was called twice.
    AlreadyBooted,
    /// Something of the host's processor that modules need is missing.
    Processor(&'static str),
}

impl MachineError {
    pub(crate) fn last(doing: impl Into<String>) -> Self {
        Self::Host { doing: doing.into(), source: std::io::Error::last_os_error() }
    }
}

impl std::fmt::Display for MachineError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Host { doing, source } => write!(f, "{doing}: {source}"),
            Self::ArenaFull(len) => write!(f, "the module arena has no free range of {len} bytes"),
            Self::OutOfRange { addr, len } => write!(f, "{len} bytes at {addr:#x} are outside of the module arena"),
            Self::AlreadyBooted => f.write_str("this process is a machine already"),
            Self::Processor(what) => write!(f, "this processor lacks {what}"),
        }
    }
}

impl std::error::Error for MachineError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Host { source, .. } => Some(source),
            _ => None,
        }
    }
}
