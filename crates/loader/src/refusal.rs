//! Why a module is not loaded, in the kernel's words.

use kabi::Errno;
use kabi::errno::{ENOEXEC, ENOMEM};

/// One line for the kernel log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// Level: 3 error, 4 warning, 5 notice, 6 info, 7 debug.
    pub level: u8,
    /// The text, as the kernel's own message reads.
    pub text: String,
}

impl LogLine {
    /// `pr_err`.
    pub fn err(text: impl Into<String>) -> Self {
        Self { level: 3, text: text.into() }
    }

    /// `pr_warn`.
    pub fn warn(text: impl Into<String>) -> Self {
        Self { level: 4, text: text.into() }
    }

    /// `pr_notice`.
    pub fn notice(text: impl Into<String>) -> Self {
        Self { level: 5, text: text.into() }
    }
}

/// Why a module is not loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What the system call returns.
    pub errno: Errno,
    /// What the log says; empty where the kernel says nothing.
    pub log: Vec<LogLine>,
    /// The cause in lkm's words where the kernel's are none, such as the file's damaged header.
    pub detail: Option<String>,
}

impl Refusal {
    /// A refusal without words.
    pub fn silent(errno: Errno) -> Self {
        Self { errno, log: Vec::new(), detail: None }
    }

    /// A refusal with one log line.
    pub fn logged(errno: Errno, line: LogLine) -> Self {
        Self { errno, log: vec![line], detail: None }
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.errno)?;
        for line in &self.log {
            write!(f, ": {}", line.text)?;
        }
        if let Some(detail) = &self.detail {
            write!(f, ": {detail}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Refusal {}

impl From<kofile::Error> for Refusal {
    fn from(e: kofile::Error) -> Self {
        Self { errno: Errno(e.errno()), log: Vec::new(), detail: Some(e.to_string()) }
    }
}

impl From<machine::MachineError> for Refusal {
    fn from(e: machine::MachineError) -> Self {
        let errno = if matches!(e, machine::MachineError::OutOfRange { .. }) { ENOEXEC } else { ENOMEM };
        Self { errno, log: Vec::new(), detail: Some(e.to_string()) }
    }
}
