//! The module loader: from the bytes of a `.ko` to code that can run. One file per phase, in the kernel's order:
//!
//! 1. [`signature`]: is it signed, and soundly? [`validity`]: is it a sound file? [`check`]: is this a module for this
//!    kernel (vermagic, `module_layout` version, licence)?
//! 2. [`place`]: where each section goes; memory for it; its bytes copied.
//! 3. [`resolve`]: the address of every symbol, with the kernel's rules for versions, licences and namespaces.
//! 4. [`relocate`]: pure functions over bytes.
//! 5. [`patch`]: return thunks, ftrace sites, jump labels.
//! 6. [`protect`]: code executable, constants read-only.
//!
//! What the module then does (parameters, init, references, removal) is the kernel's `module` area.
//! Counterpart: `load_module` of kernel/module/main.c, arch/x86/kernel/module.c, kernel/module/strict_rwx.c.

pub mod check;
mod image;
pub mod livepatch;
pub mod patch;
pub mod place;
pub mod protect;
pub mod refusal;
pub mod relocate;
pub mod resolve;
pub mod signature;
pub mod validity;

pub use check::{Flags, Identity};
pub use image::{Image, PlacedSection, SymbolAt};
pub use refusal::{LogLine, Refusal};
pub use resolve::{Found, Owner, Resolver};

/// The first two numbers of a kernel's release.
pub type Series = (u32, u32);

/// The series of the kernel whose profile is in use.
pub fn series() -> Series {
    let mut numbers = kabi::profile().release().split('.').map(|n| n.parse().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}
