//! The rows of the export table: what lkm itself offers to modules.

use crate::KResult;
use std::sync::atomic::{AtomicBool, Ordering};

pub use machine::stub::Convention;

/// A function that modules can import; made by [`crate::kexport`].
#[derive(Debug)]
pub struct Export {
    /// Its names; more than one where kernels differ.
    pub names: &'static [&'static str],
    /// The C entry point.
    pub entry: *const (),
    /// How it takes its arguments.
    pub convention: Convention,
    /// Named arguments.
    pub args: u8,
    /// Only for modules with a GPL-compatible licence.
    pub gpl: bool,
    /// First kernel that has it.
    pub since: &'static str,
    /// First kernel that no longer has it.
    pub until: Option<&'static str>,
    /// The header that declares it.
    pub header: &'static str,
    /// What is missing, if it is not complete.
    pub partial: Option<&'static str>,
    /// The first paragraph of its documentation.
    pub doc: &'static str,
    /// Its Rust signature.
    pub signature: &'static str,
    /// Set by the first call of a partial function.
    pub called: &'static AtomicBool,
}

// SAFETY: `entry` is the address of a function: never written, never dereferenced as data.
unsafe impl Sync for Export {}
// SAFETY: as for Sync.
unsafe impl Send for Export {}

impl Export {
    /// True once the function was called; tracked for partial ones only.
    pub fn was_called(&self) -> bool {
        self.called.load(Ordering::Relaxed)
    }
}

/// How large a variable is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DataSize {
    /// This many bytes.
    Bytes(usize),
    /// As large as the kernel's structure of this name.
    Struct(&'static str),
}

/// A variable that modules can import.
#[derive(Debug)]
pub struct DataExport {
    /// Its names; more than one where kernels differ.
    pub names: &'static [&'static str],
    /// Its size.
    pub size: DataSize,
    /// True for a per-CPU variable: it exists once in each CPU's area, and `init` runs for each.
    pub percpu: bool,
    /// Only for modules with a GPL-compatible licence.
    pub gpl: bool,
    /// Sets its first value; called with its address, zeroed, before any module sees it. For per-CPU variables with the
    /// CPU's number too.
    pub init: fn(addr: u64, cpu: usize) -> KResult,
    /// What it is.
    pub doc: &'static str,
}
