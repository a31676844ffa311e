//! Tests of the trees; what they expect was recorded on Linux 6.1.0-56 (x86-64) as root and as an ordinary user.

mod areas;
mod devices;
mod files;
mod races;
mod sysctl;
mod trees;

use super::*;
use wire::{Answer, Attr, Caller, DirEntry, NodeId, VfsCall, VfsReply};

pub(super) fn root() -> Caller {
    Caller { pid: 10, tid: 10, comm: "cat".into(), ..Caller::default() }
}

pub(super) fn user() -> Caller {
    Caller { uid: 1000, gid: 1000, ..root() }
}

pub(super) fn vfs(tree: &Tree, who: &Caller, call: VfsCall) -> Result<VfsReply, i32> {
    match serve(tree, who, call) {
        Answer::Vfs(reply) => Ok(reply),
        Answer::Errno(e) => Err(e),
        other => panic!("{other:?}"),
    }
}

pub(super) fn lookup(tree: &Tree, who: &Caller, parent: NodeId, name: &str) -> Result<Attr, i32> {
    match vfs(tree, who, VfsCall::Lookup { parent, name: name.into() })? {
        VfsReply::Entry(entry) => Ok(entry.attr),
        other => panic!("{other:?}"),
    }
}

pub(super) fn getattr(tree: &Tree, node: NodeId) -> Result<Attr, i32> {
    match vfs(tree, &root(), VfsCall::GetAttr { node })? {
        VfsReply::Attr(attr) => Ok(attr),
        other => panic!("{other:?}"),
    }
}

pub(super) fn list(tree: &Tree, who: &Caller, node: NodeId) -> Result<Vec<DirEntry>, i32> {
    match vfs(tree, who, VfsCall::ReadDir { node })? {
        VfsReply::Dir(entries) => Ok(entries),
        other => panic!("{other:?}"),
    }
}

pub(super) fn names(tree: &Tree, node: NodeId) -> Vec<String> {
    list(tree, &root(), node).expect("lists").into_iter().map(|e| e.name).collect()
}

pub(super) fn open(tree: &Tree, who: &Caller, node: NodeId, flags: u32) -> Result<u64, i32> {
    match vfs(tree, who, VfsCall::Open { node, flags })? {
        VfsReply::Opened { handle, direct_io: true, .. } => Ok(handle),
        other => panic!("{other:?}"),
    }
}

pub(super) fn pread(tree: &Tree, handle: u64, size: u32, offset: u64) -> Result<Vec<u8>, i32> {
    match vfs(tree, &root(), VfsCall::Read { handle, offset, size, flags: 0 })? {
        VfsReply::Data(data) => Ok(data),
        other => panic!("{other:?}"),
    }
}

pub(super) fn pwrite(tree: &Tree, handle: u64, data: &[u8], offset: u64) -> Result<u32, i32> {
    match vfs(tree, &root(), VfsCall::Write { handle, offset, data: data.into(), flags: 1 })? {
        VfsReply::Written(n) => Ok(n),
        other => panic!("{other:?}"),
    }
}

pub(super) fn poll(tree: &Tree, handle: u64, notify: bool) -> Result<u32, i32> {
    match vfs(tree, &root(), VfsCall::Poll { handle, notify })? {
        VfsReply::Poll(bits) => Ok(bits),
        other => panic!("{other:?}"),
    }
}

pub(super) fn release(tree: &Tree, handle: u64) -> Result<(), i32> {
    vfs(tree, &root(), VfsCall::Release { handle }).map(|reply| assert_eq!(reply, VfsReply::Done))
}

/// The content, or the errno.
pub(super) fn get(tree: &Tree, who: &Caller, path: &str) -> Result<String, i32> {
    match read_file(tree, who, path) {
        Answer::Data(data) => Ok(String::from_utf8(data).expect("text")),
        Answer::Errno(e) => Err(e),
        other => panic!("{other:?}"),
    }
}

/// The number of bytes taken, or the errno.
pub(super) fn put(tree: &Tree, who: &Caller, path: &str, data: &[u8]) -> Result<i64, i32> {
    match write_file(tree, who, path, data) {
        Answer::Value(n) => Ok(n),
        Answer::Errno(e) => Err(e),
        other => panic!("{other:?}"),
    }
}

pub(super) const EPERM: i32 = 1;
pub(super) const ENOENT: i32 = 2;
pub(super) const EIO: i32 = 5;
pub(super) const ENXIO: i32 = 6;
pub(super) const EBADF: i32 = 9;
pub(super) const EACCES: i32 = 13;
pub(super) const EEXIST: i32 = 17;
pub(super) const ENODEV: i32 = 19;
pub(super) const ENOTDIR: i32 = 20;
pub(super) const EISDIR: i32 = 21;
pub(super) const EINVAL: i32 = 22;
pub(super) const ENAMETOOLONG: i32 = 36;
pub(super) const ENOSYS: i32 = 38;
pub(super) const ELOOP: i32 = 40;
