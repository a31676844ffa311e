//! The one error type of this crate. Messages name the file, the cause and, where there is one, the cure.

use std::{fmt, io, path::PathBuf};

/// Why a profile could not be made or opened.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// A file could not be read or written.
    Io {
        /// What was being done: "read", "write", ...
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// The file is not a kernel image this crate can read, or is damaged.
    Image {
        /// The file; empty when only bytes were given.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Nothing was found to make a profile of this release from.
    NotFound {
        /// The release asked for.
        release: String,
        /// Every place looked at, with what was (not) there.
        looked: Vec<String>,
    },
    /// The headers' probe could not be compiled or read.
    Headers {
        /// The build folder of the headers.
        path: PathBuf,
        /// What failed.
        reason: String,
    },
}

/// The crate's result type.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    pub(crate) fn io(action: &'static str, path: impl Into<PathBuf>, source: io::Error) -> Self {
        Error::Io { action, path: path.into(), source }
    }

    pub(crate) fn image(reason: impl Into<String>) -> Self {
        Error::Image { path: PathBuf::new(), reason: reason.into() }
    }

    /// The same error, naming the image it is about.
    pub(crate) fn for_image(self, image: &std::path::Path) -> Self {
        match self {
            Error::Image { path, reason } if path.as_os_str().is_empty() => {
                Error::Image { path: image.to_owned(), reason }
            }
            other => other,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Io { action, path, source } => {
                write!(f, "{}: cannot {action}: {source}", path.display())?;
                if source.kind() == io::ErrorKind::PermissionDenied && *action == "read" {
                    write!(f, "; cure: sudo chmod a+r {}", path.display())?;
                }
                Ok(())
            }
            Error::Image { path, reason } if path.as_os_str().is_empty() => write!(f, "kernel image: {reason}"),
            Error::Image { path, reason } => write!(f, "{}: {reason}", path.display()),
            Error::NotFound { release, looked } => {
                write!(f, "no kernel image for release {release}; looked at {}; ", looked.join(", "))?;
                write!(
                    f,
                    "cure: apt install linux-image-{release} (its headers, linux-headers-{release}, also serve), "
                )?;
                write!(f, "or name an image of that kernel")
            }
            Error::Headers { path, reason } => write!(f, "{}: headers: {reason}", path.display()),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}
