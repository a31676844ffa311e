//! The sysctl files beside those of [`crate::fs::sysctl::KernelSysctls`]: when the kernel panics.
//! Counterpart: kernel/panic.c, kernel/exit.c, kernel/watchdog.c.
//!
//! Without them a script in an instance would change the host's.

use crate::fault;
use crate::fs::sysctl;
use crate::fs::{Spec, Tree};
use kabi::Errno;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// `kernel.watchdog_thresh`: half of the seconds after which a task is locked up.
struct WatchdogThresh;

impl sysctl::IntVar for WatchdogThresh {
    fn get(&self) -> i32 {
        let limit = fault::softlockup();
        if limit == std::time::Duration::MAX { 0 } else { (limit.as_secs() / 2) as i32 }
    }

    fn set(&self, value: i32) {
        fault::set_softlockup(std::time::Duration::from_secs(2 * value.max(0) as u64));
    }
}

/// One of the numbers that decide when the kernel panics.
struct Panic(fn() -> &'static std::sync::atomic::AtomicI32);

impl sysctl::IntVar for Panic {
    fn get(&self) -> i32 {
        (self.0)().load(Ordering::Relaxed)
    }

    fn set(&self, value: i32) {
        (self.0)().store(value, Ordering::Relaxed);
    }
}

/// Registers the files, for good.
///
/// # Errors
/// As [`Tree::add`].
pub(super) fn register(tree: &Tree) -> Result<(), Errno> {
    let dir = tree.make_path("/proc/sys/kernel")?;
    let any = i32::MIN..=i32::MAX;
    let int = |of, range| sysctl::ints(0o644, vec![Arc::new(Panic(of))], range);
    let files: [(&str, Spec); 8] = [
        ("panic", int(|| &fault::PANIC_TIMEOUT, any.clone())),
        ("panic_on_oops", int(|| &fault::PANIC_ON_OOPS, any)),
        ("panic_on_warn", int(|| &fault::PANIC_ON_WARN, 0..=1)),
        ("softlockup_panic", int(|| &fault::SOFTLOCKUP_PANIC, 0..=1)),
        ("watchdog_thresh", sysctl::ints(0o644, vec![Arc::new(WatchdogThresh)], 0..=60)),
        ("oops_limit", sysctl::unsigned(0o644, vec![Arc::new(&fault::OOPS_LIMIT)], u32::MAX.into())),
        ("warn_limit", sysctl::unsigned(0o644, vec![Arc::new(&fault::WARN_LIMIT)], u32::MAX.into())),
        ("panic_print", sysctl::unsigned(0o644, vec![Arc::new(&fault::PANIC_PRINT)], u64::MAX)),
    ];
    for (name, spec) in files {
        tree.add(dir, name, spec)?.keep();
    }
    Ok(())
}
