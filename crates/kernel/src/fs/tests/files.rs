//! Open files: reading, writing, polling, and what a removal does to them.

use super::*;
use kabi::KResult;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use wire::{Event, ROOT_PROC, ROOT_SYS};

/// A file of `fs` that shows a counter, and the counter.
fn counting(tree: &Tree, parent: NodeId, as_attribute: bool) -> (Registration, Arc<AtomicU32>) {
    let n = Arc::new(AtomicU32::new(10));
    let (a, b) = (Arc::clone(&n), Arc::clone(&n));
    let show = move |_: &Ctx<'_>| Ok(format!("{}\n", a.load(Ordering::SeqCst)).into_bytes());
    let store = move |_: &Ctx<'_>, data: &[u8]| {
        let text = String::from_utf8_lossy(data);
        b.store(text.trim().parse().map_err(|_| kabi::errno::EINVAL)?, Ordering::SeqCst);
        Ok(data.len())
    };
    let spec = if as_attribute { attribute(0o644, show, store) } else { writable(0o644, show, store) };
    (tree.add(parent, "n", spec).expect("added"), n)
}

#[test]
fn content_is_made_at_a_first_read_and_stays() {
    let tree = Tree::new();
    for (parent, as_attribute) in [(ROOT_PROC, false), (ROOT_SYS, true)] {
        let (file, n) = counting(&tree, parent, as_attribute);
        let h = open(&tree, &root(), file.id(), 0).expect("opens");
        n.store(77, Ordering::SeqCst);
        assert_eq!(pread(&tree, h, 1, 0), Ok(b"7".to_vec()), "made at the read, not at the open");
        n.store(88, Ordering::SeqCst);
        assert_eq!(pread(&tree, h, 10, 1), Ok(b"7\n".to_vec()), "the rest of what was made");
        assert_eq!(pread(&tree, h, 10, 3), Ok(vec![]));
        assert_eq!(pread(&tree, h, 10, 1), Ok(b"8\n".to_vec()), "another place: made anew");
        assert_eq!(pread(&tree, h, 10, 0), Ok(b"88\n".to_vec()));
        assert_eq!(pread(&tree, h, 10, 400), Ok(vec![]));
        assert_eq!(pwrite(&tree, h, b"1", 0), Err(EBADF), "open for reading");
        assert_eq!(release(&tree, h), Ok(()));
        assert_eq!(release(&tree, h), Err(EBADF));
        assert_eq!(pread(&tree, h, 1, 0), Err(EBADF));
        assert_eq!(tree.open_files(), 0);
    }
}

#[test]
fn attributes_take_whole_buffers_at_any_offset() {
    let tree = Tree::new();
    let (file, n) = counting(&tree, ROOT_SYS, true);
    assert_eq!(getattr(&tree, file.id()).expect("there").size, 4096);
    let h = open(&tree, &root(), file.id(), 2).expect("opens");
    for (data, offset, want, then) in [
        (&b"12"[..], 0, Ok(2), 12),
        (b"34", 1, Ok(2), 34),
        (b"56", 4096, Ok(2), 56),
        (b"57", 100_000, Ok(2), 57),
        (b"x", 0, Err(EINVAL), 57),
        (b"", 0, Ok(0), 57),
    ] {
        assert_eq!(pwrite(&tree, h, data, offset), want, "{data:?}");
        assert_eq!(n.load(Ordering::SeqCst), then);
    }
    let length = Arc::new(AtomicU32::new(0));
    let seen = Arc::clone(&length);
    let wide = attribute(
        0o644,
        |_| Ok(vec![b'x'; 5000]),
        move |_, data| {
            seen.store(u32::try_from(data.len()).expect("small"), Ordering::SeqCst);
            Ok(data.len())
        },
    );
    tree.add(ROOT_SYS, "wide", wide).expect("added").keep();
    assert_eq!(get(&tree, &root(), "/sys/wide").map(|s| s.len()), Ok(4095), "a page less one");
    assert_eq!(put(&tree, &root(), "/sys/wide", &[b'7'; 5000]), Ok(4096));
    assert_eq!(length.load(Ordering::SeqCst), 4096);
}

#[test]
fn missing_methods() {
    let tree = Tree::new();
    let ro = tree.add(ROOT_SYS, "ro", attribute_ro(0o444, |_| Ok(b"1\n".to_vec()))).expect("added");
    let wo = tree.add(ROOT_SYS, "wo", attribute_wo(0o200, |_, d| Ok(d.len()))).expect("added");
    tree.add(ROOT_SYS, "bin", blob(0o444, b"abc".to_vec())).expect("added").keep();
    tree.add(ROOT_PROC, "p", text(0o444, || "p\n".into())).expect("added").keep();
    assert_eq!(put(&tree, &root(), "/sys/ro", b"1"), Err(EACCES), "sysfs wants a mode bit, of root too");
    assert_eq!(get(&tree, &root(), "/sys/wo"), Err(EACCES));
    assert_eq!(open(&tree, &root(), ro.id(), 2), Err(EACCES));
    assert_eq!(open(&tree, &root(), ro.id(), 0o1000), Err(EACCES), "truncation is writing");
    assert_eq!(put(&tree, &root(), "/sys/wo", b"1"), Ok(1));
    tree.chmod(ro.id(), 0o666).expect("there");
    tree.chmod(wo.id(), 0o666).expect("there");
    assert_eq!(put(&tree, &root(), "/sys/ro", b"1"), Err(EIO));
    assert_eq!(get(&tree, &root(), "/sys/wo"), Err(EIO));
    tree.chmod(tree.child(ROOT_SYS, "bin").expect("there"), 0o666).expect("there");
    assert_eq!(put(&tree, &root(), "/sys/bin", b"1"), Err(EACCES), "a binary attribute without write");
    assert_eq!(put(&tree, &root(), "/proc/p", b"1"), Err(EIO), "procfs lets root open and fails the write");
    assert_eq!(put(&tree, &user(), "/proc/p", b"1"), Err(EACCES));
}

#[test]
fn binary_attributes_end_at_their_size() {
    let tree = Tree::new();
    let data: Vec<u8> = (0..=255).cycle().take(5000).collect();
    let file = tree.add(ROOT_SYS, "bin", blob(0o444, data.clone())).expect("added");
    assert_eq!(getattr(&tree, file.id()).expect("there").size, 5000);
    let h = open(&tree, &root(), file.id(), 0).expect("opens");
    assert_eq!(pread(&tree, h, 9999, 0).map(|d| d.len()), Ok(4096), "a page at a time");
    assert_eq!(pread(&tree, h, 9999, 4096).ok().as_deref(), data.get(4096..));
    assert_eq!(pread(&tree, h, 9999, 5000), Ok(vec![]));
    assert_eq!(pread(&tree, h, 9999, u64::MAX), Ok(vec![]));
    let Answer::Data(all) = read_file(&tree, &root(), "/sys/bin") else { panic!("unreadable") };
    assert_eq!(all, data);
}

#[test]
fn poll_tells_of_notifications() {
    let tree = Tree::new();
    let events = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&events);
    assert!(tree.set_event_sink(move |e| sink.lock().expect("no panic").push(e)));
    let (spec, attribute) = Attribute::new(0o444, Some(Arc::new(|_: &Ctx<'_>| Ok(b"1\n".to_vec()))), None);
    let file = tree.add(ROOT_SYS, "a", spec).expect("added");
    let h = open(&tree, &root(), file.id(), 0).expect("opens");
    assert_eq!(poll(&tree, h, false), Ok(0x14f), "never read");
    pread(&tree, h, 5, 0).expect("reads");
    assert_eq!(poll(&tree, h, true), Ok(0x145));
    assert_eq!(poll(&tree, h, true), Ok(0x145));
    attribute.notify();
    assert_eq!(*events.lock().expect("no panic"), [Event::PollWakeup { handle: h }], "one waker a file");
    assert_eq!(poll(&tree, h, false), Ok(0x14f));
    attribute.notify();
    assert_eq!(events.lock().expect("no panic").len(), 1, "nobody waits");
    let p = tree.add(ROOT_PROC, "p", text(0o444, String::new)).expect("added");
    let h = open(&tree, &root(), p.id(), 0).expect("opens");
    assert_eq!(poll(&tree, h, false), Ok(0x145));
    assert_eq!(poll(&tree, 12345, false), Err(EBADF));
}

#[test]
fn interrupts_go_to_the_hook() {
    let tree = Tree::new();
    assert_eq!(vfs(&tree, &root(), VfsCall::Interrupt { id: 7, fatal: true }), Err(ENOSYS));
    let got = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&got);
    assert!(tree.set_interrupt(move |id, fatal| sink.lock().expect("no panic").push((id, fatal))));
    assert_eq!(vfs(&tree, &root(), VfsCall::Interrupt { id: 7, fatal: true }), Ok(VfsReply::Done));
    assert_eq!(*got.lock().expect("no panic"), [(7, true)]);
}

#[test]
fn a_removed_attribute_fails_but_keeps_what_it_made() {
    let tree = Tree::new();
    let (file, _) = counting(&tree, ROOT_SYS, true);
    let unread = open(&tree, &root(), file.id(), 2).expect("opens");
    let part = open(&tree, &root(), file.id(), 0).expect("opens");
    assert_eq!(pread(&tree, part, 1, 0), Ok(b"1".to_vec()));
    let id = file.id();
    file.remove();
    assert_eq!(open(&tree, &root(), id, 0), Err(ENOENT));
    assert_eq!(pread(&tree, unread, 9, 0), Err(ENODEV));
    assert_eq!(pwrite(&tree, unread, b"1", 0), Err(ENODEV));
    assert_eq!(poll(&tree, unread, false), Ok(0x14f));
    assert_eq!(getattr(&tree, id).map(|a| a.nlink), Ok(1), "fstat goes on working");
    assert_eq!(vfs(&tree, &root(), VfsCall::SetAttr { node: id, mode: Some(0), uid: None, gid: None }), Err(ENODEV));
    assert_eq!(pread(&tree, part, 9, 1), Ok(b"0\n".to_vec()), "made before");
    assert_eq!(pread(&tree, part, 9, 3), Err(ENODEV));
    release(&tree, unread).expect("open");
    release(&tree, part).expect("open");
    assert_eq!(getattr(&tree, id), Err(ENOENT));
}

/// Counts releases.
struct Counted(Arc<AtomicU32>);
struct OpenCounted(Arc<AtomicU32>);

impl File for Counted {
    fn open(&self, _: &Ctx<'_>) -> KResult<Box<dyn OpenFile>> {
        Ok(Box::new(OpenCounted(Arc::clone(&self.0))))
    }
}

impl OpenFile for OpenCounted {
    fn read(&self, ctx: &Ctx<'_>, _: u64, _: usize) -> KResult<Vec<u8>> {
        Ok(format!("{} {}", ctx.caller.comm, ctx.flags).into_bytes())
    }
    fn release(&self, _: &Ctx<'_>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn removal_releases_open_files_once() {
    for (fs, at_removal) in [(Fs::Proc, 2), (Fs::Sys, 2), (Fs::Debug, 0)] {
        let tree = Tree::new();
        let released = Arc::new(AtomicU32::new(0));
        let spec = Spec::file(0o644, Arc::new(Counted(Arc::clone(&released)))).under(fs);
        let file = tree.add(ROOT_PROC, "f", spec).expect("added");
        let handles = [0, 0, 0].map(|flags| open(&tree, &root(), file.id(), flags).expect("opens"));
        assert_eq!(pread(&tree, handles[0], 99, 0), Ok(b"cat 0".to_vec()), "the caller reaches the file");
        release(&tree, handles[0]).expect("open");
        assert_eq!(released.load(Ordering::SeqCst), 1);
        drop(file);
        assert_eq!(released.load(Ordering::SeqCst), 1 + at_removal, "{fs:?}");
        assert_eq!(pread(&tree, handles[1], 9, 0), Err(if fs == Fs::Sys { ENODEV } else { EIO }));
        assert_eq!(
            poll(&tree, handles[1], false),
            Ok(if fs == Fs::Debug {
                0x10
            } else if fs == Fs::Sys {
                0x14f
            } else {
                0x145
            })
        );
        release(&tree, handles[1]).expect("open");
        release(&tree, handles[2]).expect("open");
        assert_eq!(released.load(Ordering::SeqCst), 3, "{fs:?}");
    }
}

#[test]
fn a_death_in_file_code_kills_the_caller() {
    let tree = Tree::new();
    let file = tree.add(ROOT_PROC, "f", generated(0o444, |_| Err(kabi::KError::Died))).expect("added");
    let handle = open(&tree, &root(), file.id(), 0).expect("opens");
    let call = VfsCall::Read { handle, offset: 0, size: 1, flags: 0 };
    assert_eq!(serve(&tree, &root(), call), Answer::Killed { signal: 9 });
    assert_eq!(read_file(&tree, &root(), "/proc/f"), Answer::Killed { signal: 9 });
    assert_eq!(tree.open_files(), 1, "the tool's own open file is closed");
}
