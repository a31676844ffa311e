//! The mounts of the faces (see [`crate::faces`]): FUSE by the middle process, everything over it by init.

use super::channel::Failure;
use super::directory::{clone_tree, mount_tree};
use crate::faces::Plan;
use crate::faces::plan::{HIDDEN, TREES};
use rustix::fs::{Mode, OFlags};
use rustix::mount::{FsMountFlags, FsOpenFlags, MountAttrFlags, MountFlags, UnmountFlags};
use std::collections::BTreeSet;
use std::ffi::CString;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

/// Where the FUSE file system is while it is put together.
const FUSE: &str = "/run/lkm/faces";
/// Where the real /proc is meanwhile.
const PROC: &str = "/run/lkm/proc";

/// Opens the FUSE device (which binds it to this user namespace) and mounts it.
pub(super) fn mount_fuse() -> Result<OwnedFd, Failure> {
    let device = rustix::fs::open("/dev/fuse", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty()).map_err(Failure::at(
        "/proc, /sys and /dev stay the host's: opening /dev/fuse (as root: chmod 666 /dev/fuse; for a container: --device /dev/fuse)",
    ))?;
    std::fs::create_dir(FUSE).map_err(Failure::at(format!("making {FUSE}")))?;
    let options =
        format!("fd={},rootmode=40000,user_id=0,group_id=0,allow_other,default_permissions", device.as_raw_fd());
    let options = CString::new(options).unwrap_or_default();
    rustix::mount::mount("lkm", FUSE, "fuse", MountFlags::NOSUID | MountFlags::NODEV, options.as_c_str())
        .map_err(Failure::at("/proc, /sys and /dev stay the host's: mounting FUSE"))?;
    Ok(device)
}

/// A new /proc of this pid namespace, attached nowhere.
pub(super) fn own_proc() -> rustix::io::Result<OwnedFd> {
    let context = rustix::mount::fsopen("proc", FsOpenFlags::FSOPEN_CLOEXEC)?;
    rustix::mount::fsconfig_create(&context)?;
    let attributes =
        MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_NODEV | MountAttrFlags::MOUNT_ATTR_NOEXEC;
    rustix::mount::fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, attributes)
}

/// Puts the faces over /proc (if there is a real one to lie behind it), /sys and /dev.
pub(super) fn cover(plan: &Plan, proc: Option<&OwnedFd>) -> Result<(), Failure> {
    if let Some(proc) = proc {
        std::fs::create_dir(PROC).map_err(Failure::at(format!("making {PROC}")))?;
        mount_tree(proc, Path::new(PROC)).map_err(Failure::at("mounting the real /proc"))?;
    }
    for (tree, _) in TREES {
        if tree == "proc" && proc.is_none() {
            continue;
        }
        cover_tree(plan, tree)?;
    }
    own_terminals();
    if proc.is_some() {
        let hidden = Path::new("/proc").join(HIDDEN);
        rustix::mount::mount_move(PROC, &hidden)
            .map_err(Failure::at(format!("moving the real /proc to {}", hidden.display())))?;
        let _ = std::fs::remove_dir(PROC);
        read_only(&hidden.join("sys/kernel"));
        read_only(&Path::new("/proc/sys").join(HIDDEN).join("kernel"));
    }
    // Only the three trees are to be seen.
    rustix::mount::unmount(FUSE, UnmountFlags::DETACH).map_err(Failure::at(format!("unmounting {FUSE}")))?;
    let _ = std::fs::remove_dir(FUSE);
    Ok(())
}

/// The host's settings can be looked at, not changed, also by root: whoever writes means the instance's.
fn read_only(path: &Path) {
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC | MountFlags::BIND | MountFlags::RDONLY;
    // An ordinary user cannot change them anyway.
    let _ = rustix::mount::mount_bind(path, path).and_then(|()| rustix::mount::mount_remount(path, flags, ""));
}

/// New pseudo-terminals, which an ordinary user may not make on the host's /dev/pts through `pts/ptmx`. Not where the command
/// has one of the host's as its terminal: its name would be gone.
fn own_terminals() {
    use std::io::IsTerminal;
    let on_terminal =
        std::io::stdin().is_terminal() || std::io::stdout().is_terminal() || std::io::stderr().is_terminal();
    if !on_terminal {
        let flags = MountFlags::NOSUID | MountFlags::NOEXEC;
        // Without it the host's stay.
        let _ = rustix::mount::mount("devpts", "/dev/pts", "devpts", flags, c"newinstance,ptmxmode=0666,mode=0620");
    }
}

fn cover_tree(plan: &Plan, tree: &str) -> Result<(), Failure> {
    // All sources first: afterwards they are hidden.
    let mut sources: Vec<(PathBuf, OwnedFd)> = Vec::new();
    for path in plan.placeholders(tree) {
        // What vanished, or what a container's rules hide, leaves its placeholder empty.
        if let Some(Ok(clone)) = source(&path).map(|source| clone_tree(&source)) {
            sources.push((path, clone));
        }
    }
    let target = Path::new("/").join(tree);
    let failed = |what: &Path| Failure::at::<rustix::io::Errno>(format!("mounting {}", what.display()));
    let face = clone_tree(&Path::new(FUSE).join(tree)).map_err(failed(&target))?;
    mount_tree(&face, &target).map_err(failed(&target))?;
    // One listing of each directory tells Linux of all its placeholders at once.
    let parents: BTreeSet<&Path> = sources.iter().filter_map(|(path, _)| path.parent()).collect();
    for parent in parents {
        let _ = std::fs::read_dir(parent).map(Iterator::count);
    }
    for (path, clone) in sources {
        mount_tree(&clone, &path).map_err(failed(&path))?;
    }
    Ok(())
}

/// Where the host's file behind the placeholder is while the trees are covered; `None` for the real /proc itself, which
/// is moved there in the end.
fn source(placeholder: &Path) -> Option<PathBuf> {
    let Ok(inside) = placeholder.strip_prefix("/proc") else { return Some(placeholder.to_owned()) };
    if !inside.ends_with(HIDDEN) {
        return Some(Path::new(PROC).join(inside));
    }
    let parent = inside.parent().filter(|parent| *parent != Path::new(""))?;
    Some(Path::new(PROC).join(parent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_have_sources() {
        for (placeholder, expected) in [
            ("/proc/stat", Some("/run/lkm/proc/stat")),
            ("/proc/sys/.host", Some("/run/lkm/proc/sys")),
            ("/proc/.host", None),
            ("/sys/fs", Some("/sys/fs")),
        ] {
            assert_eq!(source(Path::new(placeholder)).as_deref(), expected.map(Path::new), "{placeholder}");
        }
    }
}
