//! A real kernel in QEMU: run a script in it, normalise what it printed, compare.
//!
//! This is where expectations come from: the same modules and scripts run on Debian's
//! kernel in an emulated machine (software emulation, no rights needed) and in lkm's own.
//!
//! - [`Vm`] boots a kernel image with an initramfs made here ([`cpio`], [`initramfs`])
//!   and gives back console, output and exit status ([`Outcome`]);
//! - [`normalise()`] takes out of an output what differs from run to run, by the same
//!   rules as `acceptance/normalise.py`;
//! - [`compare`] gives a unified diff.
//!
//! Assumed: Debian's file layout (`/boot/vmlinuz-RELEASE`, `/lib/modules/RELEASE`) and the
//! packages qemu-system-x86, busybox-static and kmod. What is missing is named in the error.
#![forbid(unsafe_code)]

pub mod cpio;
pub mod initramfs;

mod diff;
mod error;
mod guest;
mod machine;
mod modules;
mod normalise;

pub use diff::compare;
pub use error::Error;
pub use guest::{Ended, Outcome};
pub use machine::{Vm, find_release};
pub use normalise::normalise;
