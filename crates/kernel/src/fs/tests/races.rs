//! Several threads at once.

use super::*;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Barrier, mpsc};
use wire::{ROOT_PROC, ROOT_SYS};

#[test]
fn removal_waits_for_running_code() {
    let tree = Tree::new();
    let (entered, has_entered) = mpsc::channel();
    let (go_on, may_go_on) = mpsc::channel::<()>();
    let gate = std::sync::Mutex::new((entered, may_go_on));
    let done = Arc::new(AtomicBool::new(false));
    let finished = Arc::clone(&done);
    let spec = generated(0o444, move |_| {
        let gate = gate.lock().expect("no panic");
        gate.0.send(()).expect("test listens");
        gate.1.recv().expect("test speaks");
        finished.store(true, Ordering::SeqCst);
        Ok(b"late\n".to_vec())
    });
    let blocked = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&blocked);
    assert!(tree.set_blocker(move |wait| {
        count.fetch_add(1, Ordering::SeqCst);
        wait();
    }));
    let file = tree.add(ROOT_PROC, "slow", spec).expect("added");
    let id = file.id();
    let reader = std::thread::spawn({
        let tree = tree.clone();
        move || get(&tree, &root(), "/proc/slow")
    });
    has_entered.recv().expect("entered");
    assert_eq!(lookup(&tree, &root(), ROOT_PROC, "slow").map(|a| a.node), Ok(id), "no lock is held by the reader");
    let remover = std::thread::spawn(move || {
        drop(file);
        done.load(Ordering::SeqCst)
    });
    while lookup(&tree, &root(), ROOT_PROC, "slow").is_ok() {
        std::thread::yield_now();
    }
    go_on.send(()).expect("code waits");
    assert!(remover.join().expect("no panic"), "the code ended before the removal did");
    assert_eq!(reader.join().expect("no panic"), Err(EIO), "the first read came through, the next finds it removed");
    assert_eq!(blocked.load(Ordering::SeqCst), 1, "waiting goes through the hook");
}

#[test]
fn a_file_may_remove_itself() {
    let tree = Tree::new();
    let slot: Arc<std::sync::Mutex<Option<Registration>>> = Arc::default();
    let own = Arc::clone(&slot);
    let spec = attribute_wo(0o200, move |_, data| {
        drop(own.lock().expect("no panic").take());
        Ok(data.len())
    });
    let file = tree.add(ROOT_SYS, "delete", spec).expect("added");
    *slot.lock().expect("no panic") = Some(file);
    assert_eq!(put(&tree, &root(), "/sys/delete", b"1"), Ok(1));
    assert_eq!(lookup(&tree, &root(), ROOT_SYS, "delete"), Err(ENOENT));
}

/// Reads the files of /sys/t until told to stop; every answer is one that Linux could give.
fn hammer(tree: &Tree, stop: &AtomicBool, reads: &AtomicU32) {
    let dir = tree.child(ROOT_SYS, "t").expect("stays");
    while !stop.load(Ordering::SeqCst) {
        for entry in list(tree, &root(), dir).expect("the directory stays") {
            match open(tree, &root(), entry.node, 0) {
                Ok(handle) => {
                    match pread(tree, handle, 100, 0) {
                        Ok(data) => assert_eq!(data, b"alive\n"),
                        Err(e) => assert_eq!(e, ENODEV),
                    }
                    release(tree, handle).expect("open");
                    reads.fetch_add(1, Ordering::SeqCst);
                }
                Err(e) => assert_eq!(e, ENOENT),
            }
        }
    }
}

#[test]
fn readers_while_subtrees_come_and_go() {
    let tree = Tree::new();
    let dir = tree.make_path("/sys/t").expect("made");
    let (stop, reads) = (AtomicBool::new(false), AtomicU32::new(0));
    let start = Barrier::new(4);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                start.wait();
                hammer(&tree, &stop, &reads);
            });
        }
        start.wait();
        let mut rounds = 0;
        while rounds < 300 || reads.load(Ordering::SeqCst) < 300 {
            // the file's code must never run after its removal returned
            let alive = Arc::new(AtomicBool::new(true));
            let look = Arc::clone(&alive);
            let show = move |_: &Ctx<'_>| {
                let text: &[u8] = if look.load(Ordering::SeqCst) { b"alive\n" } else { b"used after removal\n" };
                Ok(text.to_vec())
            };
            let kept = tree.add(dir, "stays", attribute_ro(0o444, |_| Ok(b"alive\n".to_vec()))).expect("added");
            let file = tree.add(dir, "goes", attribute_ro(0o444, show)).expect("added");
            std::thread::yield_now();
            drop(file);
            alive.store(false, Ordering::SeqCst);
            drop(kept);
            rounds += 1;
        }
        stop.store(true, Ordering::SeqCst);
    });
    assert_eq!(tree.open_files(), 0);
    assert!(names(&tree, dir).is_empty());
}
