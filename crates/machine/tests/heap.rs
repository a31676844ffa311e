//! kmalloc's objects between threads: what each keeps, what comes back elsewhere, and what a thread leaves at its end.

use machine::heap::{self, Spot, slab};
use machine::{Action, access};
use std::collections::HashSet;
use std::sync::mpsc::channel;
use std::sync::{Mutex, Once};
use std::thread;

fn boot() {
    fn on_bug(what: &str) -> ! {
        eprintln!("bug: {what}");
        std::process::abort();
    }
    static BOOT: Once = Once::new();
    let on_trap = |_: &mut machine::Trap| Action::Abandon;
    BOOT.call_once(|| machine::boot(machine::Config { cpus: 1, percpu_size: 64 << 10, on_trap, on_bug }).unwrap());
}

/// As kmalloc does it.
fn take(len: usize) -> u64 {
    slab::take_or(len, 0, |len, _| slab::take_of_class(slab::class(len).unwrap()).unwrap())
}

/// As kfree does it; false if the object is free already.
fn give(addr: u64) -> bool {
    fn otherwise(addr: u64) -> u64 {
        let Some(Spot::Slab { cache, object, .. }) = heap::spot(addr) else { panic!("{addr:#x} is no object") };
        assert_eq!(object, addr);
        u64::from(!slab::give_to_class(cache as usize, addr))
    }
    slab::give_or(addr, otherwise) == 0
}

fn word(addr: u64) -> u64 {
    access::get(addr).unwrap()
}

#[test]
fn objects_are_zeroed_and_nobody_elses() {
    boot();
    let sizes = [8, 16, 32, 64, 96, 128, 192, 256, 512, 1024, 2048, 4096, 8192];
    for size in sizes {
        let mut live = HashSet::new();
        for _ in 0..300 {
            let object = take(size);
            assert!(live.insert(object), "{object:#x} is given twice");
            for at in (object..object + size as u64).step_by(8) {
                assert_eq!(word(at), 0, "{size}");
            }
            access::fill(object, 0xff, size).unwrap();
        }
        assert!(live.into_iter().all(give));
    }
}

#[test]
fn a_second_free_in_a_row_is_seen() {
    boot();
    let (a, b) = (take(40), take(40));
    assert!(give(a) && !give(a));
    assert!(give(b) && !give(b));
    // A thread's first call may be one.
    let c = take(40);
    assert!(thread::spawn(move || give(c) && !give(c)).join().unwrap());
}

#[test]
fn what_is_freed_on_another_thread_is_used_again() {
    boot();
    let seen = Mutex::new(HashSet::new());
    let (send, receive) = channel::<u64>();
    thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..200_000 {
                let object = take(500);
                seen.lock().unwrap().insert(object);
                access::put(object, object).unwrap();
                send.send(object).unwrap();
                if object.is_multiple_of(7) {
                    thread::yield_now();
                }
            }
            drop(send);
        });
        scope.spawn(|| {
            for object in receive {
                assert_eq!(word(object), object, "somebody else has it");
                assert!(give(object));
            }
        });
    });
    // The channel may hold many, but what came back served again.
    assert!(seen.lock().unwrap().len() < 200_000);
}

#[test]
fn a_thread_leaves_nothing_behind() {
    boot();
    let mut seen = HashSet::new();
    for _ in 0..500 {
        let objects = thread::spawn(|| {
            let objects: Vec<u64> = (0..40).map(|_| take(3000)).collect();
            objects.iter().for_each(|object| assert!(give(*object)));
            objects
        });
        seen.extend(objects.join().unwrap());
    }
    assert!(seen.len() < 500, "{}", seen.len());
}
