//! Taints: what was done to the kernel that makes its reports less trustworthy. Counterpart: kernel/panic.c.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// The taints that lkm sets, by their bit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taint {
    /// P: a module without a GPL-compatible licence.
    ProprietaryModule = 0,
    /// F: a module was loaded by force.
    ForcedModule = 1,
    /// R: a module was unloaded by force.
    ForcedRmmod = 3,
    /// U: a user asked for something that may break the kernel.
    User = 6,
    /// D: the kernel has died before (an oops).
    Die = 7,
    /// W: there was a warning.
    Warn = 9,
    /// C: a module from staging.
    Crap = 10,
    /// O: a module built out of the kernel's tree.
    OotModule = 12,
    /// E: a module without a valid signature.
    UnsignedModule = 13,
    /// L: a soft lockup.
    SoftLockup = 14,
    /// K: a module that patches the kernel.
    Livepatch = 15,
    /// N: a module of tests.
    Test = 18,
}

impl Taint {
    /// What lock debugging would report is worth nothing afterwards (`LOCKDEP_NOW_UNRELIABLE`).
    fn ends_lock_debugging(self) -> bool {
        matches!(self, Self::ProprietaryModule | Self::ForcedModule | Self::ForcedRmmod)
    }
}

/// Lock debugging goes on: until the first taint that it does not survive, or the first oops.
static LOCK_DEBUGGING: AtomicBool = AtomicBool::new(true);

/// Ends lock debugging as an oops does, without a word (`debug_locks_off`); true if it went on until now.
pub fn end_lock_debugging() -> bool {
    LOCK_DEBUGGING.swap(false, Ordering::Relaxed)
}

static TAINTED: AtomicU64 = AtomicU64::new(0);

/// Sets a taint; true if it was not set before.
pub fn add(taint: Taint) -> bool {
    if taint.ends_lock_debugging() && end_lock_debugging() {
        crate::log::line(4, "Disabling lock debugging due to kernel taint");
    }
    let bit = 1 << taint as u32;
    TAINTED.fetch_or(bit, Ordering::Relaxed) & bit == 0
}

/// True if a taint is set.
pub fn has(taint: Taint) -> bool {
    bits() & 1 << taint as u32 != 0
}

/// Sets bits as writing to /proc/sys/kernel/tainted does.
pub fn add_bits(bits: u64) {
    TAINTED.fetch_or(bits, Ordering::Relaxed);
}

/// All bits.
pub fn bits() -> u64 {
    TAINTED.load(Ordering::Relaxed)
}

pub use crate::oops::module_letters;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_show_only_their_own_taints() {
        let bits = 1 << Taint::OotModule as u32 | 1 << Taint::UnsignedModule as u32 | 1 << Taint::Die as u32;
        assert_eq!(module_letters(bits), "OE");
        assert_eq!(module_letters(0), "");
    }
}
