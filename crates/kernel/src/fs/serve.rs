//! Answers the file operations that the supervisor forwards.
//!
//! Counterpart: fs/namei.c, fs/open.c, fs/read_write.c, as far as they decide errors.

use super::devtmpfs;
use super::node::{Content, Ctx, Fs, Ioctl, OpenFile, PollWaker, Spec};
use super::open::{OpenEntry, Place};
use super::tree::{Inode, Tree};
use kabi::errno::{
    EACCES, EBADF, EINTR, EINVAL, EIO, EISDIR, ELOOP, ENAMETOOLONG, ENODEV, ENOENT, ENOSYS, ENOTDIR, ENXIO, EOVERFLOW,
    EPERM,
};
use kabi::{Errno, KError, KResult};
use std::sync::Arc;
use wire::{Answer, Attr, Caller, DirEntry, Entry, FileKind, NodeId, VfsCall, VfsReply};

/// `O_ACCMODE`.
const O_ACCMODE: u32 = 0o3;
/// `O_WRONLY`.
pub(super) const O_WRONLY: u32 = 0o1;
/// `O_RDWR`.
const O_RDWR: u32 = 0o2;
/// `O_TRUNC`.
pub(super) const O_TRUNC: u32 = 0o1000;
/// `O_NONBLOCK`.
pub(super) const O_NONBLOCK: u32 = 0o4000;
/// `O_DIRECTORY`.
const O_DIRECTORY: u32 = 0o200_000;
/// The most that one `read(2)` or `write(2)` moves (`MAX_RW_COUNT`).
const MAX_RW_COUNT: u32 = 0x7fff_f000;

/// Answers `call` of `caller`. Runs the file's own code where the call reaches one, so it may block; any number of
/// threads may be in here at once.
pub fn serve(tree: &Tree, caller: &Caller, call: VfsCall) -> Answer {
    match dispatch(tree, caller, call) {
        Ok(reply) => Answer::Vfs(reply),
        Err(e) => failure(e),
    }
}

/// How an error goes out: a death in module code kills the caller.
pub(super) fn failure(e: KError) -> Answer {
    match e {
        KError::Died => Answer::Killed { signal: crate::fault::death_signal() },
        e => Answer::Errno(carried(e.errno().0)),
    }
}

/// An error number as FUSE can carry it: a reply with another one would be lost, and the program wait for ever.
///
/// DIFFERS: Linux hands a module's odd numbers through, and turns those from 512 on into a new try or `EINTR`.
fn carried(errno: i32) -> i32 {
    match errno {
        1..512 => errno,
        512..=516 => EINTR.0,
        _ => EIO.0,
    }
}

#[test]
fn numbers_that_cannot_travel_become_others() {
    assert_eq!([1, 511, 512, 516, 517, 5000, 0, -7].map(carried), [1, 511, 4, 4, 5, 5, 5, 5]);
}

fn dispatch(tree: &Tree, caller: &Caller, call: VfsCall) -> KResult<VfsReply> {
    Ok(match call {
        VfsCall::Lookup { parent, name } => {
            let node = lookup(tree, caller, parent, &name)?;
            VfsReply::Entry(Entry { attr: tree.attr(&node), valid_ms: 0 })
        }
        VfsCall::GetAttr { node } => VfsReply::Attr(tree.attr(&*tree.node_or_open(node)?)),
        VfsCall::ReadDir { node } => VfsReply::Dir(read_dir(tree, caller, node)?),
        VfsCall::ReadLink { node } => VfsReply::Link(read_link(&*tree.node(node)?)?),
        VfsCall::SetAttr { node, mode, uid, gid } => VfsReply::Attr(set_attr(tree, caller, node, mode, uid, gid)?),
        VfsCall::Open { node, flags } => {
            let (handle, stream) = open(tree, caller, node, flags)?;
            VfsReply::Opened { handle, direct_io: true, stream }
        }
        VfsCall::Read { handle, offset, size, flags } => {
            VfsReply::Data(read(tree, &Ctx { caller, flags }, handle, offset, size)?)
        }
        VfsCall::Write { handle, offset, data, flags } => {
            let taken = write(tree, &Ctx { caller, flags }, handle, offset, &data)?;
            VfsReply::Written(u32::try_from(taken).map_err(|_| EINVAL)?)
        }
        VfsCall::ReadAt { handle, offset, size, flags } => {
            let entry = tree.shared.open.get(handle)?;
            VfsReply::Data(read_from(&Ctx { caller, flags }, &entry, Place::At(offset), size)?)
        }
        VfsCall::WriteAt { handle, offset, data, flags } => {
            let entry = tree.shared.open.get(handle)?;
            let taken = write_to(&Ctx { caller, flags }, &entry, Place::At(offset), &data)?;
            VfsReply::Written(u32::try_from(taken).map_err(|_| EINVAL)?)
        }
        VfsCall::BadBuffer { handle, buffer, size, write, flags } => {
            let entry = tree.shared.open.get(handle)?;
            let done = bad_buffer(&Ctx { caller, flags }, &entry, buffer, size, write)?;
            VfsReply::Value(i64::try_from(done).map_err(|_| EINVAL)?)
        }
        VfsCall::Seek { handle, offset, whence } => {
            let entry = tree.shared.open.get(handle)?;
            let at = entry.seek(&Ctx { caller, flags: entry.flags }, offset, whence)?;
            VfsReply::Value(i64::try_from(at).map_err(|_| EOVERFLOW)?)
        }
        VfsCall::Ioctl { handle, command, argument, compat } => {
            let entry = tree.shared.open.get(handle)?;
            VfsReply::Value(entry.ioctl(&Ctx { caller, flags: entry.flags }, &Ioctl { command, argument, compat })?)
        }
        VfsCall::MakeNode { path, kind, mode, rdev } => {
            devtmpfs::make_node(tree, caller, &path, kind, mode, rdev)?;
            VfsReply::Done
        }
        VfsCall::Make { parent, name, mode, target } => {
            let node = devtmpfs::make(tree, caller, parent, &name, mode, target.as_deref())?;
            VfsReply::Entry(Entry { attr: tree.attr(&node), valid_ms: 0 })
        }
        VfsCall::Remove { parent, name, dir } => {
            devtmpfs::remove(tree, caller, parent, &name, dir)?;
            VfsReply::Done
        }
        VfsCall::Rename { parent, name, new_parent, new_name, flags } => {
            devtmpfs::rename(tree, caller, (parent, &name), (new_parent, &new_name), flags)?;
            VfsReply::Done
        }
        VfsCall::Release { handle } => {
            tree.shared.open.close(handle, caller)?;
            VfsReply::Done
        }
        VfsCall::Poll { handle, notify } => {
            let entry = tree.shared.open.get(handle)?;
            let waker = notify.then(|| PollWaker { handle, tree: Arc::downgrade(&tree.shared) });
            VfsReply::Poll(entry.poll(&Ctx { caller, flags: entry.flags }, waker)?)
        }
        VfsCall::Interrupt { id, fatal } => {
            tree.shared.interrupt.get().ok_or(ENOSYS)?(id, fatal);
            VfsReply::Done
        }
    })
}

/// Finds `name` in `parent`; `.` and `..` work, a root is its own parent.
pub(super) fn lookup(tree: &Tree, caller: &Caller, parent: NodeId, name: &str) -> KResult<Arc<Inode>> {
    let dir = tree.node(parent)?;
    if !dir.is_dir() {
        return Err(ENOTDIR.into());
    }
    dir.permit(caller, 1)?;
    match name {
        "" => return Err(ENOENT.into()),
        "." => return Ok(dir),
        ".." => return Ok(tree.node(dir.parent)?),
        _ if name.len() > 255 => return Err(ENAMETOOLONG.into()),
        _ if name.contains('/') => return Err(EINVAL.into()),
        _ => {}
    }
    if let Content::Dynamic(directory) = &dir.content {
        let pass = dir.gate.pass().ok_or(ENOENT)?;
        let found = directory.lookup(name)?;
        drop(pass);
        return Ok(tree.reconcile(&dir, name, found)?);
    }
    Ok(tree.shared.read().child(parent, name).ok_or(ENOENT)?)
}

fn read_dir(tree: &Tree, caller: &Caller, node: NodeId) -> KResult<Vec<DirEntry>> {
    let dir = match tree.node(node) {
        // a directory that someone still holds open is empty
        Err(_) if tree.was_node(node) => return Ok(Vec::new()),
        other => other?,
    };
    if !dir.is_dir() {
        return Err(ENOTDIR.into());
    }
    dir.permit(caller, 4)?;
    if let Content::Dynamic(directory) = &dir.content {
        let pass = dir.gate.pass().ok_or(ENOENT)?;
        let listed = directory.list()?;
        drop(pass);
        return Ok(dynamic_entries(tree, &dir, listed));
    }
    Ok(tree.shared.read().list(node).iter().map(|n| dir_entry(n)).collect())
}

fn dynamic_entries(tree: &Tree, dir: &Inode, listed: Vec<(String, Spec)>) -> Vec<DirEntry> {
    let names: Vec<String> = listed.iter().map(|(name, _)| name.clone()).collect();
    tree.prune(dir, &names);
    listed
        .into_iter()
        .filter_map(|(name, spec)| tree.reconcile(dir, &name, Some(spec)).ok())
        .map(|n| dir_entry(&n))
        .collect()
}

fn dir_entry(node: &Inode) -> DirEntry {
    DirEntry { name: node.name.clone(), node: node.id, kind: node.content.kind() }
}

pub(super) fn read_link(node: &Inode) -> Result<String, Errno> {
    match &node.content {
        Content::Symlink(target) => Ok(target.to_string()),
        _ => Err(EINVAL),
    }
}

fn set_attr(
    tree: &Tree,
    caller: &Caller,
    id: NodeId,
    mode: Option<u32>,
    uid: Option<u32>,
    gid: Option<u32>,
) -> KResult<Attr> {
    let node = tree.node_or_open(id)?;
    if mode.is_some() || uid.is_some() || gid.is_some() {
        let owner = node.meta().uid == caller.uid;
        if node.fs == Fs::Sysctl || (caller.uid != 0 && (!owner || uid.is_some() || gid.is_some())) {
            return Err(EPERM.into());
        }
        if node.fs == Fs::Sys && node.gate.is_shut() {
            return Err(ENODEV.into());
        }
        node.change(|meta| {
            meta.mode = mode.map_or(meta.mode, |mode| mode & 0o7777);
            meta.uid = uid.unwrap_or(meta.uid);
            meta.gid = gid.unwrap_or(meta.gid);
        });
    }
    Ok(tree.attr(&node))
}

/// Opens a node; the result is the handle and whether the file is without a position.
pub(super) fn open(tree: &Tree, caller: &Caller, id: NodeId, flags: u32) -> KResult<(u64, bool)> {
    let node = tree.node(id)?;
    let kind = node.content.kind();
    match kind {
        FileKind::Dir => return Err(EISDIR.into()),
        FileKind::Symlink => return Err(ELOOP.into()),
        _ if flags & O_DIRECTORY != 0 => return Err(ENOTDIR.into()),
        _ => {}
    }
    may_open(&node, caller, flags)?;
    let ctx = Ctx { caller, flags };
    let _pass = node.gate.pass().ok_or(ENOENT)?;
    let file = open_content(tree, &node.content, &ctx)?;
    let stream = file.stream();
    Ok((tree.shared.open.insert(Arc::clone(&node), file, flags), stream))
}

fn open_content(tree: &Tree, content: &Content, ctx: &Ctx<'_>) -> KResult<Box<dyn OpenFile>> {
    match content {
        Content::File(file) => file.open(ctx),
        Content::Device { kind, rdev } => tree.shared.devices.get().ok_or(ENXIO)?.open(*kind, *rdev, ctx),
        _ => Err(EISDIR.into()),
    }
}

/// Permission bits, and what sysfs checks of root too: a bit of the mode and the method must be there.
fn may_open(node: &Inode, caller: &Caller, flags: u32) -> Result<(), Errno> {
    let write = flags & O_ACCMODE != 0 || flags & O_TRUNC != 0;
    let read = flags & O_ACCMODE != O_WRONLY;
    node.permit(caller, if read { 4 } else { 0 } | if write { 2 } else { 0 })?;
    if let (Fs::Sys, Content::File(file)) = (node.fs, &node.content) {
        let (mode, methods) = (node.meta().mode, file.methods());
        if (write && (mode & 0o222 == 0 || !methods.write)) || (read && (mode & 0o444 == 0 || !methods.read)) {
            return Err(EACCES);
        }
    }
    Ok(())
}

/// Reads from an open file; `offset` is where it is if it is no stream.
pub(super) fn read(tree: &Tree, ctx: &Ctx<'_>, handle: u64, offset: u64, size: u32) -> KResult<Vec<u8>> {
    let entry = tree.shared.open.get(handle)?;
    read_from(ctx, &entry, entry.place(offset), size)
}

fn read_from(ctx: &Ctx<'_>, entry: &OpenEntry, place: Place, size: u32) -> KResult<Vec<u8>> {
    may_transfer(entry, false)?;
    entry.read(ctx, place, transferred(size)?)
}

/// Reads or writes with a buffer that there is not.
fn bad_buffer(ctx: &Ctx<'_>, entry: &OpenEntry, buffer: u64, size: u32, write: bool) -> KResult<usize> {
    may_transfer(entry, write)?;
    entry.bad_buffer(ctx, buffer, transferred(size)?, write)
}

/// Whether the file was opened for reading, or for writing.
fn may_transfer(entry: &OpenEntry, write: bool) -> Result<(), Errno> {
    let fits = match entry.flags & O_ACCMODE {
        O_WRONLY => write,
        O_RDWR => true,
        _ => !write,
    };
    if fits { Ok(()) } else { Err(EBADF) }
}

/// Bytes of one read or write.
fn transferred(size: u32) -> Result<usize, Errno> {
    usize::try_from(size.min(MAX_RW_COUNT)).map_err(|_| EINVAL)
}

/// Writes to an open file; `offset` is where it is if it is no stream.
pub(super) fn write(tree: &Tree, ctx: &Ctx<'_>, handle: u64, offset: u64, data: &[u8]) -> KResult<usize> {
    let entry = tree.shared.open.get(handle)?;
    write_to(ctx, &entry, entry.place(offset), data)
}

fn write_to(ctx: &Ctx<'_>, entry: &OpenEntry, place: Place, data: &[u8]) -> KResult<usize> {
    may_transfer(entry, true)?;
    entry.write(ctx, place, data)
}
