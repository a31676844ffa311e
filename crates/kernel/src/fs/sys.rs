//! The directories that /sys always has, and the files of /sys/kernel that belong to lkm's own areas.
//!
//! Counterparts: kernel/ksysfs.c, drivers/base/init.c, fs/debugfs/inode.c, fs/tracefs/inode.c.

use super::content::{attribute_ro, blob};
use super::node::{Fs, Spec};
use super::tree::Tree;
use kabi::Errno;
use kabi::errno::ENOENT;
use std::sync::Arc;

/// Counters that /sys/kernel shows.
pub trait KernelCounters: Send + Sync {
    /// The number of the last uevent.
    fn uevents(&self) -> u64;
    /// Oopses since the boot.
    fn oopses(&self) -> u64;
    /// Warnings since the boot.
    fn warnings(&self) -> u64;
}

/// Makes the directories and files, for good. `notes` are the kernel image's note sections, if they are known.
///
/// # Errors
/// As [`Tree::add`].
pub fn register(tree: &Tree, counters: &Arc<dyn KernelCounters>, notes: Option<Vec<u8>>) -> Result<(), Errno> {
    for dir in
        ["block", "bus", "class", "dev/block", "dev/char", "devices/virtual", "firmware", "fs", "module", "power"]
    {
        tree.make_path(&format!("/sys/{dir}"))?;
    }
    let kernel = tree.make_path("/sys/kernel")?;
    for dir in ["debug", "tracing"] {
        if tree.child(kernel, dir).is_none() {
            tree.add(kernel, dir, Spec::dir(0o700).under(Fs::Debug))?.keep();
        }
    }
    let show = |get: fn(&dyn KernelCounters) -> u64| {
        let counters = Arc::clone(counters);
        attribute_ro(0o444, move |_| Ok(format!("{}\n", get(&*counters)).into_bytes()))
    };
    tree.add(kernel, "uevent_seqnum", show(|c| c.uevents()))?.keep();
    tree.add(kernel, "oops_count", show(|c| c.oopses()))?.keep();
    tree.add(kernel, "warn_count", show(|c| c.warnings()))?.keep();
    if let Some(notes) = notes {
        tree.add(kernel, "notes", blob(0o444, notes))?.keep();
    }
    Ok(())
}

/// The root of debugfs (`/sys/kernel/debug`), made by [`register`].
///
/// # Errors
/// `ENOENT` before [`register`].
pub fn debugfs(tree: &Tree) -> Result<wire::NodeId, Errno> {
    let kernel = tree.make_path("/sys/kernel")?;
    tree.child(kernel, "debug").ok_or(ENOENT)
}

/// The root of tracefs (`/sys/kernel/tracing`), made by [`register`].
///
/// # Errors
/// `ENOENT` before [`register`].
pub fn tracefs(tree: &Tree) -> Result<wire::NodeId, Errno> {
    let kernel = tree.make_path("/sys/kernel")?;
    tree.child(kernel, "tracing").ok_or(ENOENT)
}
