//! Free objects of caches that were made later, of which each thread keeps some to itself, as `bags` has them for kmalloc's.
//!
//! A cache is known by the address of its structure. A thread has few magazines; two caches that fall to the same one take
//! turns. What others keep of a cache must be known when it ends: all magazines are listed, and read with relaxed accesses.
//! Who changes whose magazine it is, or what it holds but by one object, holds the list's lock.

use super::map;
use super::slab::{self, Cache, inverse_of};
use std::cell::Cell;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Objects in a magazine; half of them come or go at once.
const KEPT: usize = 64;
/// The binary logarithm of a thread's number of magazines.
const BITS: u32 = 4;

/// Free objects of one cache.
struct Magazine {
    /// The address of the cache's structure; 0 while it is nobody's.
    key: AtomicU64,
    number: AtomicU32,
    /// Tells the objects' beginnings ([`inverse_of`]).
    inverse: AtomicU32,
    /// Bytes to clear of an object when it is taken.
    clear: AtomicUsize,
    len: AtomicUsize,
    /// The last freed last.
    objects: [AtomicU64; KEPT],
}

type Set = [Magazine; 1 << BITS];

static ALL: Mutex<Vec<Arc<Set>>> = Mutex::new(Vec::new());

fn all() -> MutexGuard<'static, Vec<Arc<Set>>> {
    ALL.lock().unwrap_or_else(PoisonError::into_inner)
}

/// This thread's.
struct Own(Arc<Set>);

thread_local! {
    static OWN: Own = Own::new();
    /// Whether the thread has them: asking is an instruction.
    static HAS: Cell<bool> = const { Cell::new(false) };
}

impl Own {
    fn new() -> Self {
        let set: Arc<Set> = Arc::new(std::array::from_fn(|_| Magazine::new()));
        all().push(Arc::clone(&set));
        HAS.set(true);
        Self(set)
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        HAS.set(false);
        let mut all = all();
        self.0.iter().for_each(Magazine::give_up);
        all.retain(|set| !Arc::ptr_eq(set, &self.0));
    }
}

impl Magazine {
    fn new() -> Self {
        Self {
            key: AtomicU64::new(0),
            number: AtomicU32::new(0),
            inverse: AtomicU32::new(0),
            clear: AtomicUsize::new(0),
            len: AtomicUsize::new(0),
            objects: [const { AtomicU64::new(0) }; KEPT],
        }
    }

    #[inline(always)]
    fn pop(&self) -> Option<u64> {
        let left = self.len.load(Relaxed).wrapping_sub(1);
        let object = self.objects.get(left)?.load(Relaxed);
        self.len.store(left, Relaxed);
        Some(object)
    }

    /// False if the object is the one that came last; `None` if there is no room.
    #[inline(always)]
    fn push(&self, object: u64) -> Option<bool> {
        let len = self.len.load(Relaxed);
        let last = self.objects.get(len.wrapping_sub(1)).map(|last| last.load(Relaxed));
        if last == Some(object) {
            return Some(false);
        }
        self.objects.get(len)?.store(object, Relaxed);
        self.len.store(len + 1, Relaxed);
        Some(true)
    }

    /// The objects that it holds.
    fn held(&self) -> impl Iterator<Item = u64> {
        self.objects.iter().take(self.len.load(Relaxed)).map(|object| object.load(Relaxed))
    }

    /// Moves the older `count` out.
    fn spill(&self, count: usize, to: &mut Vec<u64>) {
        let held: Vec<u64> = self.held().collect();
        let count = count.min(held.len());
        to.extend(held.iter().take(count));
        self.len.store(0, Relaxed);
        held.iter().skip(count).for_each(|object| _ = self.push(*object));
    }

    /// Gives all back to the cache whose they are. The list is locked.
    fn give_up(&self) {
        if self.key.swap(0, Relaxed) != 0
            && let Some(cache) = slab::made(self.number.load(Relaxed))
        {
            cache.with_free(|free| self.spill(KEPT, free));
        }
        self.len.store(0, Relaxed);
    }

    /// Becomes that of another cache. The list is locked.
    fn become_that_of(&self, key: u64, cache: &Cache, clear: usize) {
        self.give_up();
        self.number.store(cache.number(), Relaxed);
        self.inverse.store(inverse_of(cache.size()), Relaxed);
        self.clear.store(clear, Relaxed);
        self.key.store(key, Relaxed);
    }
}

/// The magazine that is this thread's for the cache, if it is this cache's now.
#[inline(always)]
fn with<R>(key: u64, work: impl FnOnce(&Magazine) -> Option<R>) -> Option<R> {
    if !HAS.get() {
        return None;
    }
    OWN.try_with(|own| {
        let magazine = own.0.get(slot(key))?;
        if magazine.key.load(Relaxed) == key { work(magazine) } else { None }
    })
    .ok()
    .flatten()
}

#[inline(always)]
fn slot(key: u64) -> usize {
    (key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (u64::BITS - BITS)) as usize
}

/// Takes an object of the cache whose structure lies at `key`, if this thread keeps one; cleared if the cache wants that, and
/// not at all if `only_cleared` does and the cache does not.
#[inline(always)]
pub fn take(key: u64, only_cleared: bool) -> Option<u64> {
    with(
        key,
        #[inline(always)]
        |magazine| {
            let clear = magazine.clear.load(Relaxed);
            if only_cleared && clear == 0 {
                return None;
            }
            let object = magazine.pop()?;
            match clear {
                0 => {}
                _ if (object | clear as u64).is_multiple_of(16) => map::clear_object(object, clear),
                _ => map::clear(object, clear),
            }
            Some(object)
        },
    )
}

/// Keeps an object of the cache: false if it is the one that came last, `None` if it is none of the cache's, or there is no
/// room.
#[inline(always)]
pub fn give(key: u64, object: u64) -> Option<bool> {
    with(
        key,
        #[inline(always)]
        |magazine| {
            let (number, inverse) = (magazine.number.load(Relaxed), magazine.inverse.load(Relaxed));
            if slab::begins(object, inverse)? == number { magazine.push(object) } else { None }
        },
    )
}

/// Makes this thread's magazine that of the cache, with objects to take and room to give; `clear` bytes of an object are
/// cleared when it is taken.
pub fn prepare(key: u64, cache: &Cache, clear: usize) {
    // At its end a thread has none.
    let _ = OWN.try_with(|own| {
        let _list = all();
        let Some(magazine) = own.0.get(slot(key)) else { return };
        if magazine.key.load(Relaxed) != key {
            magazine.become_that_of(key, cache, clear);
        }
        cache.with_free(|free| match magazine.len.load(Relaxed) {
            0 => {
                let start = free.len().saturating_sub(KEPT / 2);
                free.drain(start..).for_each(|object| _ = magazine.push(object));
            }
            KEPT => magazine.spill(KEPT / 2, free),
            _ => {}
        });
    });
}

/// What threads keep of the cache with this number.
pub(super) fn kept(number: u32) -> Vec<u64> {
    let all = all();
    let own = all.iter().flat_map(|set| set.iter()).filter(|magazine| is_of(magazine, number));
    own.flat_map(Magazine::held).collect()
}

/// Nobody keeps anything of the cache with this number, which ends.
pub(super) fn forget(number: u32) {
    for magazine in all().iter().flat_map(|set| set.iter()).filter(|magazine| is_of(magazine, number)) {
        magazine.key.store(0, Relaxed);
        magazine.len.store(0, Relaxed);
    }
}

fn is_of(magazine: &Magazine, number: u32) -> bool {
    magazine.key.load(Relaxed) != 0 && magazine.number.load(Relaxed) == number
}
