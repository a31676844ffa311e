//! What depends on the processor.

#[cfg(not(target_arch = "x86_64"))]
compile_error!(
    "lkm runs modules on x86-64 hosts only; other architectures' modules can be read, and run with `lkm vm`"
);

mod x86_64;
pub(crate) use x86_64::*;
pub use x86_64::{Regs, thunks};
