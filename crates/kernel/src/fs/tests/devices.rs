//! Devices: their position, ioctls, and what programs may change in /dev.

use super::*;
use kabi::KResult;
use kabi::errno::EINVAL;
use std::sync::Arc;
use wire::{FileKind, ROOT_DEV, ROOT_PROC};

const EISDIR: i32 = 21;
const ENOTDIR: i32 = 20;
const ENOTEMPTY: i32 = 39;

/// Reading gives one byte, the position; seeking takes any place up to 100.
struct Ruler;

impl OpenFile for Ruler {
    fn read(&self, _ctx: &Ctx<'_>, offset: u64, _size: usize) -> KResult<Vec<u8>> {
        Ok(vec![u8::try_from(offset).map_err(|_| EINVAL)?])
    }

    fn seek(&self, _ctx: &Ctx<'_>, pos: u64, offset: i64, whence: u32) -> KResult<u64> {
        let base = if whence == 1 { pos } else { 0 };
        base.checked_add_signed(offset).filter(|to| *to <= 100).ok_or(EINVAL.into())
    }

    fn ioctl(&self, _ctx: &Ctx<'_>, call: &Ioctl) -> KResult<i64> {
        Ok(i64::from(call.command) + i64::try_from(call.argument).map_err(|_| EINVAL)?)
    }

    fn stream(&self) -> bool {
        true
    }
}

struct Plain;

impl OpenFile for Plain {}

struct Both;

impl Devices for Both {
    fn open(&self, _kind: FileKind, rdev: u64, _ctx: &Ctx<'_>) -> KResult<Box<dyn OpenFile>> {
        if rdev == 1 { Ok(Box::new(Ruler)) } else { Ok(Box::new(Plain)) }
    }
}

fn tree() -> Tree {
    let tree = Tree::new();
    assert!(tree.set_devices(Arc::new(Both)));
    tree
}

fn node(tree: &Tree, who: &Caller, path: &str, rdev: u64) -> Result<VfsReply, i32> {
    vfs(tree, who, VfsCall::MakeNode { path: path.into(), kind: FileKind::CharDevice, mode: 0o640, rdev })
}

fn make(tree: &Tree, parent: NodeId, name: &str, target: Option<&str>) -> Result<NodeId, i32> {
    let call = VfsCall::Make { parent, name: name.into(), mode: 0o755, target: target.map(Into::into) };
    match vfs(tree, &root(), call)? {
        VfsReply::Entry(entry) => Ok(entry.attr.node),
        other => panic!("{other:?}"),
    }
}

fn remove(tree: &Tree, who: &Caller, parent: NodeId, name: &str, dir: bool) -> Result<VfsReply, i32> {
    vfs(tree, who, VfsCall::Remove { parent, name: name.into(), dir })
}

#[test]
fn a_stream_keeps_its_own_position() {
    let tree = tree();
    node(&tree, &root(), "/dev/ruler", 1).expect("made");
    let id = tree.child(ROOT_DEV, "ruler").expect("there");
    let h = open(&tree, &root(), id, 0).expect("opens");
    let seek = |offset, whence| vfs(&tree, &root(), VfsCall::Seek { handle: h, offset, whence });
    let read_at = |offset| vfs(&tree, &root(), VfsCall::ReadAt { handle: h, offset, size: 9, flags: 0 });
    assert_eq!((pread(&tree, h, 9, 0), pread(&tree, h, 9, 0)), (Ok(vec![0]), Ok(vec![1])));
    assert_eq!((seek(40, 0), seek(-5, 1)), (Ok(VfsReply::Value(40)), Ok(VfsReply::Value(35))));
    assert_eq!(seek(66, 1), Err(22), "it stays where it was");
    assert_eq!(read_at(90), Ok(VfsReply::Data(vec![90])));
    assert_eq!(pread(&tree, h, 9, 0), Ok(vec![35]));
    let ioctl = VfsCall::Ioctl { handle: h, command: 7, argument: 3, compat: false };
    assert_eq!(vfs(&tree, &root(), ioctl), Ok(VfsReply::Value(10)));
    let write_at = VfsCall::WriteAt { handle: h, offset: 0, data: vec![1], flags: 1 };
    assert_eq!(vfs(&tree, &root(), write_at), Err(EBADF), "open for reading");
}

#[test]
fn a_file_without_the_methods_refuses() {
    let tree = tree();
    node(&tree, &root(), "/dev/plain", 2).expect("made");
    let h = open(&tree, &root(), tree.child(ROOT_DEV, "plain").expect("there"), 0).expect("opens");
    assert_eq!(vfs(&tree, &root(), VfsCall::Seek { handle: h, offset: 0, whence: 0 }), Err(29));
    let ioctl = VfsCall::Ioctl { handle: h, command: 7, argument: 3, compat: false };
    assert_eq!(vfs(&tree, &root(), ioctl), Err(25));
}

#[test]
fn only_root_makes_nodes_and_only_in_dev() {
    let tree = tree();
    assert_eq!(node(&tree, &user(), "/dev/a", 1), Err(EACCES));
    tree.chmod(ROOT_DEV, 0o777).expect("is there");
    assert_eq!(node(&tree, &user(), "/dev/a", 1), Err(EPERM));
    assert_eq!(node(&tree, &root(), "/proc/a", 1), Err(EPERM));
    assert_eq!(node(&tree, &root(), "/dev/none/a", 1), Err(ENOENT));
    assert_eq!(node(&tree, &root(), "/dev/a", 0x345), Ok(VfsReply::Done));
    assert_eq!(node(&tree, &root(), "/dev/a", 1), Err(EEXIST));
    let attr = lookup(&tree, &root(), ROOT_DEV, "a").expect("there");
    assert_eq!((attr.kind, attr.mode, attr.rdev), (FileKind::CharDevice, 0o640, 0x345));
    assert_eq!(make(&tree, ROOT_PROC, "dir", None), Err(EPERM));
    assert_eq!(remove(&tree, &root(), ROOT_PROC, "sys", true), Err(EPERM));
}

#[test]
fn names_are_removed_and_renamed() {
    let tree = tree();
    node(&tree, &root(), "/dev/a", 1).expect("made");
    let dir = make(&tree, ROOT_DEV, "dir", None).expect("made");
    make(&tree, ROOT_DEV, "link", Some("a")).expect("made");
    assert_eq!(make(&tree, ROOT_DEV, "link", None), Err(EEXIST));
    let rename = |name: &str, new_parent, new_name: &str, flags| {
        let (name, new_name) = (name.into(), new_name.into());
        vfs(&tree, &root(), VfsCall::Rename { parent: ROOT_DEV, name, new_parent, new_name, flags })
    };
    assert_eq!(rename("a", ROOT_DEV, "link", 1), Err(EEXIST));
    assert_eq!(rename("none", ROOT_DEV, "x", 0), Err(ENOENT));
    assert_eq!(rename("a", dir, "b", 0), Ok(VfsReply::Done));
    assert_eq!(names(&tree, ROOT_DEV), ["dir", "link"]);
    assert_eq!(lookup(&tree, &root(), dir, "b").map(|attr| attr.rdev), Ok(1));
    assert_eq!(remove(&tree, &root(), ROOT_DEV, "dir", true), Err(ENOTEMPTY));
    assert_eq!(remove(&tree, &root(), ROOT_DEV, "dir", false), Err(EISDIR));
    assert_eq!(remove(&tree, &root(), dir, "b", true), Err(ENOTDIR));
    assert_eq!(remove(&tree, &user(), dir, "b", false), Err(EACCES));
    for (parent, name, is_dir) in [(dir, "b", false), (ROOT_DEV, "dir", true), (ROOT_DEV, "link", false)] {
        assert_eq!(remove(&tree, &root(), parent, name, is_dir), Ok(VfsReply::Done), "{name}");
    }
    assert_eq!(names(&tree, ROOT_DEV), Vec::<String>::new());
}
