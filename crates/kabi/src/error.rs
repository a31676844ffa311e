//! What can go wrong in kernel code.

use crate::Errno;
use machine::Died;
use machine::access::Fault;

/// What can go wrong in kernel code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KError {
    /// The function fails with this error number.
    Errno(Errno),
    /// Module memory could not be reached: an oops.
    Fault(Fault),
    /// A callback died; its report is written, its caller dies too.
    Died,
    /// The kernel's profile has no such member or type: a call that lkm cannot serve for this kernel. An oops.
    NoMember {
        /// The structure.
        structure: &'static str,
        /// The member's path in it.
        path: &'static str,
    },
    /// Something the kernel stops at (BUG): an oops with this text.
    Bug(&'static str),
}

/// The result of kernel code; a C function turns an errno into its negative.
pub type KResult<T = ()> = Result<T, KError>;

impl From<Errno> for KError {
    fn from(e: Errno) -> Self {
        Self::Errno(e)
    }
}

impl From<Fault> for KError {
    fn from(f: Fault) -> Self {
        Self::Fault(f)
    }
}

impl From<Died> for KError {
    fn from(_: Died) -> Self {
        Self::Died
    }
}

impl KError {
    /// The errno to hand out where an oops is impossible: lkm's own callers.
    pub fn errno(self) -> Errno {
        match self {
            Self::Errno(e) => e,
            Self::Fault(_) => crate::errno::EFAULT,
            Self::Died | Self::Bug(_) => crate::errno::EINTR,
            Self::NoMember { .. } => crate::errno::ENOSYS,
        }
    }
}

impl std::fmt::Display for KError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Errno(e) => write!(f, "{e}"),
            Self::Fault(fault) => {
                write!(f, "bad {} at {:#x}", if fault.write { "write" } else { "read" }, fault.addr)
            }
            Self::Died => f.write_str("the called module code died"),
            Self::NoMember { structure, path } => write!(f, "this kernel's profile has no {structure}.{path}"),
            Self::Bug(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for KError {}
