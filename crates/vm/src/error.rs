//! What can go wrong before, while and after a virtual machine runs.

use std::path::PathBuf;
use std::{fmt, io};

/// An error of this crate; the text names the file, the cause and the cure.
#[derive(Debug)]
pub enum Error {
    /// A program is not installed.
    MissingProgram {
        /// Its name or path.
        program: String,
        /// The Debian package that has it.
        package: &'static str,
    },
    /// There is no image of the kernel.
    MissingKernel {
        /// The release asked for.
        release: String,
        /// Where the image should be.
        path: PathBuf,
    },
    /// A distribution module is not there.
    MissingModule {
        /// Its name.
        name: String,
        /// The index that was searched.
        index: PathBuf,
    },
    /// A file or program of the host failed.
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// Why it failed.
        cause: io::Error,
    },
    /// A file is too large for the initramfs format.
    TooLarge {
        /// Its path in the initramfs.
        path: String,
    },
    /// A name that cannot be put into the initramfs.
    BadName {
        /// The name.
        path: String,
    },
    /// An option of the virtual machine that QEMU cannot take.
    BadOption {
        /// The option and why it is refused.
        what: String,
    },
    /// QEMU ended before a kernel ran.
    Qemu {
        /// Its exit status.
        status: String,
        /// What it wrote.
        stderr: String,
    },
    /// A program of the host, used to make the initramfs, failed.
    Host {
        /// The command.
        command: String,
        /// Its exit status.
        status: String,
    },
}

impl Error {
    pub(crate) fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Error {
        let path = path.into();
        move |cause| Error::Io { action, path, cause }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::MissingProgram { program, package } => {
                write!(f, "{program}: not found: install it with `apt install {package}`")
            }
            Error::MissingKernel { release, path } => {
                let path = path.display();
                write!(f, "{path}: no image of kernel {release}: install it with `apt install linux-image-{release}`")
            }
            Error::MissingModule { name, index } => {
                let index = index.display();
                write!(f, "module {name} is not in {index}: check the name, or install the kernel's module package")
            }
            Error::Io { action, path, cause } => write!(f, "{}: cannot {action}: {cause}", path.display()),
            Error::TooLarge { path } => write!(f, "{path}: larger than 4 GiB, which the initramfs format cannot hold"),
            Error::BadName { path } => {
                write!(f, "{path:?}: not a name for a file in the initramfs: use one without `..` and NUL")
            }
            Error::BadOption { what } => f.write_str(what),
            Error::Qemu { status, stderr } => {
                write!(f, "qemu-system-x86_64 ended with {status} before a kernel ran: {}", stderr.trim())
            }
            Error::Host { command, status } => write!(f, "`{command}` ended with {status}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Io { cause, .. } => Some(cause),
            _ => None,
        }
    }
}
