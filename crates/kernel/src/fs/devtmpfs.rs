//! What programs change in /dev: nodes, directories and links that they make, remove and rename.
//!
//! Counterpart: mm/shmem.c (what a devtmpfs is), fs/namei.c. Only /dev can be changed: everywhere else these calls fail
//! with `EPERM`, as in procfs and sysfs.
//!
//! DIFFERS: regular files, fifos and sockets cannot be made in /dev.

use super::node::{Fs, Spec};
use super::path::walk;
use super::tree::{Inode, Tree};
use kabi::errno::{EEXIST, EINVAL, EISDIR, ENOENT, ENOTDIR, ENOTEMPTY, EPERM};
use kabi::{KError, KResult};
use std::sync::Arc;
use wire::{Caller, FileKind, NodeId};

const NOREPLACE: u32 = 1;

/// A directory of /dev in which the caller may make and remove names.
fn changeable(tree: &Tree, caller: &Caller, id: NodeId) -> KResult<Arc<Inode>> {
    let dir = tree.node(id)?;
    if dir.fs != Fs::Dev {
        return Err(EPERM.into());
    }
    if !dir.is_dir() {
        return Err(ENOTDIR.into());
    }
    dir.permit(caller, 3)?;
    Ok(dir)
}

/// `mknod(2)`: a device node at an absolute path.
pub(super) fn make_node(tree: &Tree, caller: &Caller, path: &str, kind: FileKind, mode: u32, rdev: u64) -> KResult<()> {
    let (parent, name) = path.trim_end_matches('/').rsplit_once('/').ok_or(EINVAL)?;
    let dir = changeable(tree, caller, walk(tree, caller, parent)?.id)?;
    // CAP_MKNOD; a name that is there is told first, as in Linux.
    if caller.uid != 0 && tree.child(dir.id, name).is_none() {
        return Err(EPERM.into());
    }
    let spec = match kind {
        FileKind::CharDevice => Spec::char_device(mode, rdev),
        FileKind::BlockDevice => Spec::block_device(mode, rdev),
        _ => return Err(EPERM.into()),
    };
    tree.add(dir.id, name, spec.owner(caller.uid, caller.gid))?.keep();
    Ok(())
}

/// `mkdir(2)`, or `symlink(2)` to `target`.
pub(super) fn make(
    tree: &Tree,
    caller: &Caller,
    parent: NodeId,
    name: &str,
    mode: u32,
    target: Option<&str>,
) -> KResult<Arc<Inode>> {
    let dir = changeable(tree, caller, parent)?;
    let spec = target.map_or_else(|| Spec::dir(mode), Spec::symlink);
    let made = tree.add(dir.id, name, spec.owner(caller.uid, caller.gid))?.keep();
    Ok(tree.node(made)?)
}

/// `unlink(2)` or `rmdir(2)`.
pub(super) fn remove(tree: &Tree, caller: &Caller, parent: NodeId, name: &str, dir: bool) -> KResult<()> {
    let parent = changeable(tree, caller, parent)?;
    let node = tree.node(tree.child(parent.id, name).ok_or(ENOENT)?)?;
    match (dir, node.is_dir()) {
        (true, false) => return Err(ENOTDIR.into()),
        (false, true) => return Err(EISDIR.into()),
        (true, true) if !tree.shared.read().list(node.id).is_empty() => return Err(ENOTEMPTY.into()),
        _ => {}
    }
    tree.remove(node.id);
    Ok(())
}

/// `rename(2)`: a name and what it leads to get a new name.
///
/// DIFFERS: a directory cannot be renamed, and the node that gets the name is a new one: an open file keeps the old.
pub(super) fn rename(
    tree: &Tree,
    caller: &Caller,
    (parent, name): (NodeId, &str),
    (new_parent, new_name): (NodeId, &str),
    flags: u32,
) -> KResult<()> {
    let (from, to) = (changeable(tree, caller, parent)?, changeable(tree, caller, new_parent)?);
    let node = tree.node(tree.child(from.id, name).ok_or(ENOENT)?)?;
    if node.is_dir() || flags & !NOREPLACE != 0 {
        return Err(EINVAL.into());
    }
    match tree.child(to.id, new_name) {
        Some(there) if there == node.id => return Ok(()),
        Some(_) if flags & NOREPLACE != 0 => return Err(KError::from(EEXIST)),
        Some(there) if tree.node(there)?.is_dir() => return Err(EISDIR.into()),
        Some(there) => tree.remove(there),
        None => {}
    }
    let meta = node.meta();
    let spec = Spec { content: node.content.clone(), mode: meta.mode, uid: meta.uid, gid: meta.gid, fs: None };
    tree.remove(node.id);
    tree.add(to.id, new_name, spec)?.keep();
    Ok(())
}
