//! What can go wrong with a module directory, with the file it went wrong in.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// The result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// An error, and the file it is about.
#[derive(Debug)]
pub struct Error {
    file: PathBuf,
    kind: ErrorKind,
}

/// What went wrong.
#[derive(Debug)]
pub enum ErrorKind {
    /// A system call failed.
    Io(io::Error),
    /// The file is none of these indexes, or one of another version.
    NotAnIndex,
    /// The index is damaged: a node lies outside of it, or leads back to itself.
    Damaged {
        /// Where in the file.
        offset: u64,
        /// What is wrong there.
        what: &'static str,
    },
    /// More than an index can address.
    TooLarge,
}

impl Error {
    /// An error about a file.
    pub fn new(file: impl AsRef<Path>, kind: ErrorKind) -> Self {
        Self { file: file.as_ref().to_owned(), kind }
    }

    /// A failed system call on a file.
    pub fn io(file: impl AsRef<Path>, cause: io::Error) -> Self {
        Self::new(file, ErrorKind::Io(cause))
    }

    /// The file.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// What went wrong.
    pub fn kind(&self) -> &ErrorKind {
        &self.kind
    }

    /// Whether the file is not there.
    pub fn is_missing(&self) -> bool {
        matches!(&self.kind, ErrorKind::Io(cause) if cause.kind() == io::ErrorKind::NotFound)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.file.display())?;
        match &self.kind {
            ErrorKind::Io(cause) => write!(f, "{cause}"),
            ErrorKind::NotAnIndex => f.write_str("no index of version 2: write it again with depmod"),
            ErrorKind::Damaged { offset, what } => {
                write!(f, "damaged at offset {offset:#x}: {what}: write it again with depmod")
            }
            ErrorKind::TooLarge => f.write_str("more than the 256 MiB that an index can hold"),
        }
    }
}

/// An error as `strerror(3)` says it, without Rust's number behind it.
pub fn strerror(error: &io::Error) -> String {
    let text = error.to_string();
    match text.rfind(" (os error ") {
        Some(at) => text.get(..at).unwrap_or(&text).to_owned(),
        None => text,
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.kind {
            ErrorKind::Io(cause) => Some(cause),
            _ => None,
        }
    }
}
