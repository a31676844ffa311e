//! Registering, finding, listing, removing.

use super::*;
use kabi::KResult;
use std::sync::{Arc, Mutex};
use wire::{FileKind, ROOT_DEV, ROOT_PROC, ROOT_SYS};

#[test]
fn the_roots_are_there_and_empty() {
    let tree = Tree::new();
    for (id, mode) in [(ROOT_PROC, 0o555), (ROOT_SYS, 0o555), (ROOT_DEV, 0o755)] {
        let attr = getattr(&tree, id).expect("root");
        assert_eq!((attr.kind, attr.mode, attr.nlink, attr.size), (FileKind::Dir, mode, 2, 0));
        assert!(names(&tree, id).is_empty());
        assert_eq!(lookup(&tree, &root(), id, "nope"), Err(ENOENT));
        assert_eq!(lookup(&tree, &root(), id, "..").map(|a| a.node), Ok(id));
    }
}

#[test]
fn names_are_checked() {
    let tree = Tree::new();
    for (name, want) in [
        ("", EINVAL),
        (".", EINVAL),
        ("..", EINVAL),
        ("a/b", EINVAL),
        ("a\0", EINVAL),
        (&"x".repeat(256), ENAMETOOLONG),
    ] {
        assert_eq!(tree.add(ROOT_SYS, name, Spec::dir(0o755)).map(|_| ()).map_err(|e| e.0), Err(want), "{name:?}");
    }
    let longest = "x".repeat(255);
    let made = tree.add(ROOT_SYS, &longest, Spec::dir(0o755)).expect("fits");
    assert_eq!(tree.add(ROOT_SYS, &longest, Spec::dir(0o755)).map(|_| ()).map_err(|e| e.0), Err(EEXIST));
    assert_eq!(lookup(&tree, &root(), ROOT_SYS, &longest).map(|a| a.node), Ok(made.id()));
    assert_eq!(lookup(&tree, &root(), ROOT_SYS, &"y".repeat(256)), Err(ENAMETOOLONG));
    assert_eq!(lookup(&tree, &root(), ROOT_SYS, "a/b"), Err(EINVAL));
    assert_eq!(lookup(&tree, &root(), ROOT_SYS, ""), Err(ENOENT));
}

#[test]
fn dropping_takes_the_subtree_away() {
    let tree = Tree::new();
    let module = tree.make_path("/sys/module").expect("made");
    assert_eq!(tree.make_path("/sys/module"), Ok(module), "made once");
    let top = tree.add(module, "pebble", Spec::dir(0o755)).expect("added");
    let sub = tree.add(top.id(), "holders", Spec::dir(0o755)).expect("added").keep();
    let file = tree.add(sub, "x", text(0o444, || "x\n".into())).expect("added");
    assert_eq!(getattr(&tree, top.id()).expect("there").nlink, 3, "2 and one directory");
    assert_eq!(get(&tree, &root(), "/sys/module/pebble/holders/x"), Ok("x\n".into()));
    let old = top.id();
    drop(top);
    assert_eq!(lookup(&tree, &root(), module, "pebble"), Err(ENOENT));
    assert_eq!(getattr(&tree, sub), Err(ENOENT));
    assert_eq!(list(&tree, &root(), sub), Ok(vec![]), "whoever holds a removed directory open sees it empty");
    assert_eq!(list(&tree, &root(), 1 << 40), Err(ENOENT), "never was a node");
    assert_eq!(tree.add(sub, "y", Spec::dir(0o755)).map(|_| ()).map_err(|e| e.0), Err(ENOENT));
    drop(file);
    let again = tree.add(module, "pebble", Spec::dir(0o755)).expect("the name is free");
    assert_ne!(again.id(), old, "ids are not used again");
}

#[test]
fn a_late_registration_does_not_remove_its_successor() {
    let tree = Tree::new();
    let dir = tree.add(ROOT_SYS, "d", Spec::dir(0o755)).expect("added");
    let inner = tree.add(dir.id(), "f", text(0o444, String::new)).expect("added");
    drop(dir);
    let dir = tree.add(ROOT_SYS, "d", Spec::dir(0o755)).expect("added");
    let next = tree.add(dir.id(), "f", text(0o444, String::new)).expect("added");
    drop(inner);
    assert_eq!(lookup(&tree, &root(), dir.id(), "f").map(|a| a.node), Ok(next.id()));
}

#[test]
fn what_is_no_directory_says_so() {
    let tree = Tree::new();
    let file = tree.add(ROOT_PROC, "f", text(0o444, || "f\n".into())).expect("added");
    let link = tree.add(ROOT_PROC, "l", Spec::symlink("f")).expect("added");
    assert_eq!(lookup(&tree, &root(), file.id(), "x"), Err(ENOTDIR));
    assert_eq!(list(&tree, &root(), file.id()), Err(ENOTDIR));
    assert_eq!(tree.add(file.id(), "x", Spec::dir(0)).map(|_| ()).map_err(|e| e.0), Err(ENOTDIR));
    assert_eq!(tree.make_path("/proc/f/x").map_err(|e| e.0), Err(ENOTDIR));
    assert_eq!(vfs(&tree, &root(), VfsCall::ReadLink { node: file.id() }), Err(EINVAL));
    assert_eq!(vfs(&tree, &root(), VfsCall::ReadLink { node: link.id() }), Ok(VfsReply::Link("f".into())));
    assert_eq!(open(&tree, &root(), ROOT_PROC, 0), Err(EISDIR));
    assert_eq!(open(&tree, &root(), link.id(), 0), Err(ELOOP));
    assert_eq!(open(&tree, &root(), file.id(), 0o200_000), Err(ENOTDIR));
    assert_eq!(open(&tree, &root(), 999, 0), Err(ENOENT));
}

#[test]
fn paths_follow_links() {
    let tree = Tree::new();
    let dir = tree.make_path("/sys/a/b").expect("made");
    tree.add(dir, "f", text(0o444, || "f\n".into())).expect("added").keep();
    tree.add(dir, "up", Spec::symlink("../../a/./b/f")).expect("added").keep();
    tree.add(dir, "over", Spec::symlink("/sys/a")).expect("added").keep();
    tree.add(dir, "loop", Spec::symlink("loop")).expect("added").keep();
    for (path, want) in [
        ("/sys/a/b/f", Ok("f\n")),
        ("//sys///a/b/f", Ok("f\n")),
        ("/sys/a/b/up", Ok("f\n")),
        ("/sys/a/b/over/b/f", Ok("f\n")),
        ("/sys/../proc/../sys/a/b/f", Ok("f\n")),
        ("/../sys/a/b/../b/f", Ok("f\n")),
        ("/sys/a/b/loop", Err(ELOOP)),
        ("/sys/a/b/f/", Err(ENOTDIR)),
        ("/sys/a/b/f/x", Err(ENOTDIR)),
        ("/sys/a/nope/x", Err(ENOENT)),
        ("/sys/a", Err(EISDIR)),
        ("/", Err(EISDIR)),
        ("", Err(ENOENT)),
        ("sys/a/b/f", Err(ENOENT)),
        ("/etc/passwd", Err(ENOENT)),
    ] {
        assert_eq!(get(&tree, &root(), path), want.map(str::to_owned), "{path}");
    }
}

#[test]
fn permission_bits_bind_users_not_root() {
    let tree = Tree::new();
    let debug = tree.make_path("/sys/kernel/debug").expect("made");
    tree.chmod(debug, 0o700).expect("there");
    tree.add(debug, "f", text(0o444, || "f\n".into())).expect("added").keep();
    tree.add(ROOT_PROC, "secret", text(0o400, || "s\n".into())).expect("added").keep();
    tree.add(ROOT_PROC, "mine", text(0o640, || "m\n".into()).owner(1000, 5)).expect("added").keep();
    tree.add(ROOT_PROC, "ours", text(0o640, || "m\n".into()).owner(5, 1000)).expect("added").keep();
    assert_eq!(get(&tree, &root(), "/sys/kernel/debug/f"), Ok("f\n".into()));
    assert_eq!(get(&tree, &user(), "/sys/kernel/debug/f"), Err(EACCES));
    assert_eq!(list(&tree, &user(), debug), Err(EACCES));
    assert_eq!(lookup(&tree, &user(), debug, "nope"), Err(EACCES));
    assert_eq!(get(&tree, &user(), "/proc/secret"), Err(EACCES));
    assert_eq!(get(&tree, &root(), "/proc/secret"), Ok("s\n".into()));
    assert_eq!(get(&tree, &user(), "/proc/mine"), Ok("m\n".into()));
    assert_eq!(put(&tree, &user(), "/proc/mine", b"x"), Err(EIO), "may, but there is no write method");
    assert_eq!(get(&tree, &user(), "/proc/ours"), Ok("m\n".into()));
    assert_eq!(put(&tree, &user(), "/proc/ours", b"x"), Err(EACCES));
}

#[test]
fn chmod_and_chown() {
    let tree = Tree::new();
    let set = |who: &Caller, node, mode, uid, gid| match vfs(&tree, who, VfsCall::SetAttr { node, mode, uid, gid })? {
        VfsReply::Attr(a) => Ok((a.mode, a.uid, a.gid)),
        other => panic!("{other:?}"),
    };
    let file = tree.add(ROOT_SYS, "f", attribute_ro(0o444, |_| Ok(vec![]))).expect("added");
    assert_eq!(set(&user(), file.id(), Some(0o666), None, None), Err(EPERM));
    assert_eq!(set(&user(), file.id(), None, None, None), Ok((0o444, 0, 0)), "truncation and times change nothing");
    assert_eq!(set(&root(), file.id(), Some(0o100_666), Some(1000), Some(7)), Ok((0o666, 1000, 7)));
    assert_eq!(set(&user(), file.id(), Some(0o600), None, None), Ok((0o600, 1000, 7)), "its owner may");
    assert_eq!(set(&user(), file.id(), None, Some(0), None), Err(EPERM));
    let sysctl = tree.add(ROOT_PROC, "s", text(0o644, String::new).under(Fs::Sysctl)).expect("added");
    assert_eq!(set(&root(), sysctl.id(), Some(0o666), None, None), Err(EPERM));
    assert_eq!(set(&root(), sysctl.id(), None, Some(5), None), Err(EPERM));
    assert_eq!(set(&root(), sysctl.id(), None, None, None), Ok((0o644, 0, 0)));
}

/// Entries come and go.
#[derive(Default)]
struct Moving(Mutex<Vec<(String, Spec)>>);

impl Directory for Moving {
    fn list(&self) -> KResult<Vec<(String, Spec)>> {
        Ok(self.0.lock().expect("no panic").clone())
    }
}

#[test]
fn dynamic_directories_show_what_is_there_now() {
    let tree = Tree::new();
    let moving = Arc::new(Moving::default());
    let dir = tree.add(ROOT_SYS, "holders", Spec::dynamic(0o755, Arc::clone(&moving) as _)).expect("added");
    assert_eq!(lookup(&tree, &root(), dir.id(), "jug"), Err(ENOENT));
    assert_eq!(tree.add(dir.id(), "x", Spec::dir(0)).map(|_| ()).map_err(|e| e.0), Err(ENOTDIR));
    let set = |entries: &[(&str, Spec)]| {
        *moving.0.lock().expect("no panic") = entries.iter().map(|(n, s)| ((*n).to_owned(), s.clone())).collect();
    };
    set(&[("jug", Spec::symlink("../../jug")), ("bad/name", Spec::dir(0))]);
    let jug = lookup(&tree, &root(), dir.id(), "jug").expect("there");
    assert_eq!((jug.kind, jug.mode, jug.size), (FileKind::Symlink, 0o777, 0));
    assert_eq!(names(&tree, dir.id()), ["jug"]);
    assert_eq!(list(&tree, &root(), dir.id()).expect("lists").first().map(|e| e.node), Some(jug.node), "same node");
    assert_eq!(lookup(&tree, &root(), dir.id(), "jug").map(|a| a.node), Ok(jug.node));
    set(&[("jug", Spec::symlink("../other")), ("cup", text(0o444, || "c\n".into()))]);
    let other = lookup(&tree, &root(), dir.id(), "jug").expect("there");
    assert_ne!(other.node, jug.node, "another thing is another node");
    assert_eq!(getattr(&tree, jug.node), Err(ENOENT));
    assert_eq!(get(&tree, &root(), "/sys/holders/cup"), Ok("c\n".into()));
    set(&[]);
    assert!(names(&tree, dir.id()).is_empty());
    assert_eq!(getattr(&tree, other.node), Err(ENOENT));
}

#[test]
fn device_nodes_open_through_the_device_table() {
    struct Table;
    struct Zero(FileKind, u64);
    impl Devices for Table {
        fn open(&self, kind: FileKind, rdev: u64, _: &Ctx<'_>) -> KResult<Box<dyn OpenFile>> {
            if rdev == 0x105 { Ok(Box::new(Zero(kind, rdev))) } else { Err(kabi::errno::ENXIO.into()) }
        }
    }
    impl OpenFile for Zero {
        fn read(&self, _: &Ctx<'_>, _: u64, size: usize) -> KResult<Vec<u8>> {
            assert_eq!((self.0, self.1), (FileKind::CharDevice, 0x105));
            Ok(vec![0; size.saturating_add(9)])
        }
        fn stream(&self) -> bool {
            true
        }
    }
    let tree = Tree::new();
    let zero = tree.add(ROOT_DEV, "zero", Spec::char_device(0o666, 0x105)).expect("added");
    let none = tree.add(ROOT_DEV, "none", Spec::char_device(0o600, 0x999)).expect("added");
    let attr = getattr(&tree, zero.id()).expect("there");
    assert_eq!((attr.kind, attr.mode, attr.rdev, attr.nlink), (FileKind::CharDevice, 0o666, 0x105, 1));
    assert_eq!(open(&tree, &root(), zero.id(), 0), Err(ENXIO), "until there are devices");
    assert!(tree.set_devices(Arc::new(Table)) && !tree.set_devices(Arc::new(Table)));
    assert_eq!(open(&tree, &root(), none.id(), 0), Err(ENXIO));
    assert_eq!(open(&tree, &user(), none.id(), 0), Err(EACCES));
    let call = VfsCall::Open { node: zero.id(), flags: 2 };
    let VfsReply::Opened { handle, stream: true, .. } = vfs(&tree, &user(), call).expect("opens") else {
        panic!("not a stream")
    };
    drop(zero);
    assert_eq!(pread(&tree, handle, 3, 0), Ok(vec![0; 3]), "an open device outlives its node; never more than asked");
    assert_eq!(pwrite(&tree, handle, b"x", 0), Err(EIO));
}
