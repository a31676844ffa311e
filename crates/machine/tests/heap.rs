//! kmalloc's objects between threads: what each keeps, what comes back elsewhere, and what a thread leaves at its end.

use machine::heap::{self, Spot, magazines, slab};
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

/// A cache as kmem_cache has it, known by a number.
struct Kind {
    key: u64,
    cache: std::sync::Arc<slab::Cache>,
}

impl Kind {
    fn new(key: u64) -> Self {
        Self { key, cache: slab::make(72).unwrap() }
    }

    fn take(&self) -> u64 {
        magazines::take(self.key, false).unwrap_or_else(|| {
            let object = self.cache.take(&mut |_| {}).unwrap();
            magazines::prepare(self.key, &self.cache, 72);
            object
        })
    }

    fn give(&self, object: u64) {
        access::fill(object, 0xff, 72).unwrap();
        if magazines::give(self.key, object) != Some(true) {
            magazines::prepare(self.key, &self.cache, 72);
            assert_eq!(magazines::give(self.key, object), Some(true));
        }
    }

    fn in_use(&self) -> HashSet<u64> {
        self.cache.in_use().into_iter().collect()
    }
}

#[test]
fn what_threads_keep_of_a_cache_is_free() {
    boot();
    let kind = Kind::new(0x1000);
    let mut live: HashSet<u64> = (0..300).map(|_| kind.take()).collect();
    assert_eq!((live.len(), kind.in_use()), (300, live.clone()));
    let given: Vec<u64> = live.iter().copied().skip(3).collect();
    given.iter().for_each(|object| kind.give(*object));
    live.retain(|object| !given.contains(object));
    assert_eq!(kind.in_use(), live);
    let left = thread::scope(|scope| {
        let other = scope.spawn(|| {
            let taken: Vec<u64> = (0..100).map(|_| kind.take()).collect();
            assert!(taken.iter().all(|object| !live.contains(object)));
            taken.iter().skip(2).for_each(|object| kind.give(*object));
            assert_eq!(kind.in_use().len(), 5);
            [taken[0], taken[1]]
        });
        other.join().unwrap()
    });
    live.extend(left);
    assert_eq!(kind.in_use(), live);
    // Those that the thread kept are back, and all are given once.
    assert!((0..300).all(|_| live.insert(kind.take())));
    assert_eq!(kind.in_use(), live);
    slab::destroy(&kind.cache);
    assert_eq!((magazines::take(kind.key, false), magazines::give(kind.key, left[0])), (None, None));
}

#[test]
fn caches_that_share_a_magazine_take_turns() {
    boot();
    let kinds: Vec<Kind> = (1..40).map(|n| Kind::new(0x2000 * n)).collect();
    for round in 0..3 {
        let objects: Vec<u64> = kinds.iter().map(Kind::take).collect();
        for (kind, object) in kinds.iter().zip(&objects) {
            kind.give(*object);
            assert_eq!(magazines::give(kind.key, *object), Some(false));
            assert_eq!((magazines::give(kind.key, object + 8), kind.in_use().len()), (None, 0));
        }
        let other = objects[(round + 1) % 39];
        assert!(
            kinds.iter().zip(&objects).all(|(kind, own)| *own == other || magazines::give(kind.key, other).is_none())
        );
    }
}

#[test]
fn kept_objects_are_cleared_if_the_cache_wants_it() {
    boot();
    let kind = Kind::new(0x7_0000);
    let object = kind.take();
    kind.give(object);
    assert_eq!(magazines::take(kind.key, true), Some(object));
    assert!((0..9).all(|n| word(object + 8 * n) == 0));
    kind.give(object);
    let kept = Kind { key: 0x8_0000, cache: slab::make(72).unwrap() };
    let first = kept.cache.take(&mut |_| {}).unwrap();
    magazines::prepare(kept.key, &kept.cache, 0);
    access::put(first, 77u64).unwrap();
    assert_eq!(magazines::give(kept.key, first), Some(true));
    assert_eq!((magazines::take(kept.key, true), magazines::take(kept.key, false)), (None, Some(first)));
    assert_eq!(word(first), 77);
}
