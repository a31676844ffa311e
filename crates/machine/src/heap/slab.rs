//! Objects of one size, many to a run of pages. Counterpart: mm/slub.c.
//!
//! The size classes of kmalloc are caches with the numbers of [`SIZES`]. Each thread keeps some free objects of these
//! to itself, as SLUB does for each CPU, so that the common case takes no lock.

use super::map::{self, Use};
use super::pages;
use crate::arena::PAGE;
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

/// The sizes of kmalloc's caches, whose numbers are the indices.
pub const SIZES: [usize; 13] = [8, 16, 32, 64, 96, 128, 192, 256, 512, 1024, 2048, 4096, 8192];
/// Objects that a thread keeps, of a class; half of them go or come at once.
const KEPT: usize = 64;
/// Slabs have this order at most, unless one object needs more.
const LARGEST_ORDER: u8 = 3;
/// The page's number in its slab has 4 bits.
const LARGEST_POSSIBLE: u8 = 4;
/// As few objects as a slab should have.
const FEW: usize = 16;

/// The class for a request; `None` where whole pages serve it.
#[inline]
pub fn class(len: usize) -> Option<usize> {
    /// By (len - 1) / 8.
    const SMALL: [u8; 24] = [0, 1, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 6];
    match len {
        0 => Some(0),
        1..=192 => Some(usize::from(SMALL[(len - 1) / 8])),
        193..=8192 => Some((usize::BITS - (len - 1).leading_zeros()) as usize - 1),
        _ => None,
    }
}

/// The order of the slabs for objects of a size.
pub fn order_for(size: usize) -> u8 {
    pages::order_of(size * FEW).min(LARGEST_ORDER).max(pages::order_of(size))
}

/// A cache.
#[derive(Debug)]
pub struct Cache {
    number: u32,
    size: usize,
    order: u8,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    /// Free objects, last freed last.
    free: Vec<u64>,
    slabs: Vec<u64>,
}

/// What is told of a fresh slab: its objects' addresses.
pub type OnSlab<'a> = &'a mut dyn FnMut(&[u64]);

impl Cache {
    const fn fixed(number: u32, size: usize, order: u8) -> Self {
        Self { number, size, order, inner: Mutex::new(Inner { free: Vec::new(), slabs: Vec::new() }) }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Its number.
    pub fn number(&self) -> u32 {
        self.number
    }

    /// Objects in one slab.
    pub fn per_slab(&self) -> usize {
        (PAGE << self.order) / self.size
    }

    /// The objects that are not free.
    pub fn in_use(&self) -> Vec<u64> {
        let inner = self.inner();
        let free: HashSet<u64> = inner.free.iter().copied().collect();
        let objects = |slab: &u64| (0..self.per_slab()).map(|i| slab + (i * self.size) as u64).collect::<Vec<_>>();
        inner.slabs.iter().flat_map(objects).filter(|object| !free.contains(object)).collect()
    }

    /// Bytes from the beginning of an object's slab.
    pub fn offset_of(&self, object: u64) -> u64 {
        object.wrapping_sub(map::base()) % (PAGE << self.order) as u64
    }

    /// Takes an object, whose content is what it was before, or zero. A fresh slab is told of first.
    pub fn take(&self, on_slab: OnSlab) -> Option<u64> {
        if let Some(object) = self.inner().free.pop() {
            return Some(object);
        }
        let slab = pages::take(self.order)?;
        let pfn = map::pfn(slab)?;
        map::set_use(pfn, 1 << self.order, |i| Use::Slab { cache: self.number, index: i as u8 });
        map::tell_slab(slab, self.order, true);
        let objects: Vec<u64> = (0..self.per_slab()).map(|i| slab + (i * self.size) as u64).collect();
        on_slab(&objects);
        let mut inner = self.inner();
        inner.slabs.push(slab);
        inner.free.extend(objects.iter().rev());
        inner.free.pop()
    }

    /// Gives an object back; false if it is the one that came last, which is free already.
    pub fn give(&self, object: u64) -> bool {
        let mut inner = self.inner();
        if inner.free.last() == Some(&object) {
            return false;
        }
        inner.free.push(object);
        true
    }

    /// Gives back the slabs of which all objects are free.
    pub fn shrink(&self) {
        let mut inner = self.inner();
        let mut free: HashMap<u64, usize> = HashMap::new();
        let bytes = (PAGE << self.order) as u64;
        let slab_of = |object: u64| (object - map::base()) / bytes * bytes + map::base();
        for object in &inner.free {
            *free.entry(slab_of(*object)).or_default() += 1;
        }
        let full = self.per_slab();
        let goes = |slab: u64| free.get(&slab) == Some(&full);
        inner.free.retain(|object| !goes(slab_of(*object)));
        let gone: Vec<u64> = inner.slabs.iter().copied().filter(|slab| goes(*slab)).collect();
        inner.slabs.retain(|slab| !goes(*slab));
        drop(inner);
        self.give_slabs(&gone);
    }

    fn give_slabs(&self, slabs: &[u64]) {
        for slab in slabs {
            map::tell_slab(*slab, self.order, false);
            pages::give(*slab, self.order);
        }
    }
}

/// Orders of the slabs of each size class.
const ORDERS: [u8; SIZES.len()] = [0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 3, 3];

const fn of_class(class: usize) -> Cache {
    Cache::fixed(class as u32, SIZES[class], ORDERS[class])
}

static KMALLOC: [Cache; SIZES.len()] = [
    of_class(0),
    of_class(1),
    of_class(2),
    of_class(3),
    of_class(4),
    of_class(5),
    of_class(6),
    of_class(7),
    of_class(8),
    of_class(9),
    of_class(10),
    of_class(11),
    of_class(12),
];

/// Caches that were made later, by number.
static MADE: RwLock<Option<HashMap<u32, Arc<Cache>>>> = RwLock::new(None);
static NEXT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(SIZES.len() as u32);

/// Makes a cache of objects that take `size` bytes each; `None` if they are too large.
pub fn make(size: usize) -> Option<Arc<Cache>> {
    let number = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let order = order_for(size);
    if number >= map::MOST_CACHES || order > LARGEST_POSSIBLE || size == 0 {
        return None;
    }
    let cache = Arc::new(Cache::fixed(number, size, order));
    MADE.write().unwrap_or_else(PoisonError::into_inner).get_or_insert_default().insert(number, Arc::clone(&cache));
    Some(cache)
}

/// Ends a cache: its memory is given back, whoever uses it.
pub fn destroy(cache: &Cache) {
    MADE.write().unwrap_or_else(PoisonError::into_inner).get_or_insert_default().remove(&cache.number);
    let inner = std::mem::take(&mut *cache.inner());
    cache.give_slabs(&inner.slabs);
}

/// Bytes of a cache's objects.
pub(super) fn size_of(number: u32) -> Option<usize> {
    if let Some(size) = SIZES.get(number as usize) {
        return Some(*size);
    }
    MADE.read().unwrap_or_else(PoisonError::into_inner).as_ref()?.get(&number).map(|cache| cache.size)
}

/// Free objects of one class that this thread keeps, last freed last.
#[derive(Clone, Copy)]
struct Bag {
    len: usize,
    objects: [u64; KEPT],
}

impl Bag {
    const EMPTY: Self = Self { len: 0, objects: [0; KEPT] };

    #[inline]
    fn pop(&mut self) -> Option<u64> {
        let last = self.len.checked_sub(1)?;
        let object = *self.objects.get(last)?;
        self.len = last;
        Some(object)
    }

    /// False if the bag is full.
    #[inline]
    fn push(&mut self, object: u64) -> bool {
        let Some(slot) = self.objects.get_mut(self.len) else { return false };
        *slot = object;
        self.len += 1;
        true
    }

    #[inline]
    fn last(&self) -> Option<u64> {
        self.objects.get(self.len.checked_sub(1)?).copied()
    }

    /// Takes the older half out, or all.
    fn drain(&mut self, count: usize) -> Vec<u64> {
        let count = count.min(self.len);
        let gone = self.objects[..count].to_vec();
        self.objects.copy_within(count..self.len, 0);
        self.len -= count;
        gone
    }
}

struct Kept {
    bags: [Bag; SIZES.len()],
}

impl Drop for Kept {
    fn drop(&mut self) {
        for (bag, cache) in self.bags.iter_mut().zip(&KMALLOC) {
            cache.inner().free.append(&mut bag.drain(KEPT));
        }
    }
}

thread_local! {
    static KEPT_HERE: RefCell<Kept> = const { RefCell::new(Kept { bags: [Bag::EMPTY; SIZES.len()] }) };
}

/// `None` at the end of a thread.
#[inline]
fn with_bag<R>(class: usize, work: impl FnOnce(&mut Bag) -> R) -> Option<R> {
    KEPT_HERE.try_with(|kept| kept.try_borrow_mut().ok()?.bags.get_mut(class).map(work)).ok().flatten()
}

/// Takes a zeroed object of a size class.
#[inline]
pub fn take_of_class(class: usize) -> Option<u64> {
    let object = match with_bag(class, Bag::pop).flatten() {
        Some(object) => object,
        None => refill(class)?,
    };
    map::clear(object, *SIZES.get(class)?);
    Some(object)
}

#[cold]
fn refill(class: usize) -> Option<u64> {
    let cache = KMALLOC.get(class)?;
    let object = cache.take(&mut |_| {})?;
    let more = {
        let mut inner = cache.inner();
        let from = inner.free.len().saturating_sub(KEPT / 2);
        inner.free.split_off(from)
    };
    let rest: Vec<u64> =
        more.into_iter().filter(|object| with_bag(class, |bag| bag.push(*object)) != Some(true)).collect();
    cache.inner().free.extend(rest);
    Some(object)
}

/// Gives an object of a size class back; false if it is the one that this thread gave last, which is free already.
#[inline]
pub fn give_to_class(class: usize, object: u64) -> bool {
    let kept = with_bag(class, |bag| {
        if bag.last() == Some(object) {
            return Some(false);
        }
        bag.push(object).then_some(true)
    });
    kept.flatten().unwrap_or_else(|| give_when_full(class, object))
}

#[cold]
fn give_when_full(class: usize, object: u64) -> bool {
    let Some(cache) = KMALLOC.get(class) else { return true };
    let older = with_bag(class, |bag| bag.drain(KEPT / 2)).unwrap_or_default();
    cache.inner().free.extend(older);
    with_bag(class, |bag| bag.push(object)).unwrap_or(false) || cache.give(object)
}

/// What multiplies an offset in a slab, shifted, instead of dividing by a class's size.
const INVERSES: [u64; SIZES.len()] = {
    let mut inverses = [0; SIZES.len()];
    let mut class = 0;
    while class < SIZES.len() {
        inverses[class] = (1u64 << 32).div_ceil(SIZES[class] as u64);
        class += 1;
    }
    inverses
};

/// Gives the object at `addr` back if it is one of a size class: false if that is free already, `None` for all else.
#[inline]
pub fn give_small(addr: u64) -> Option<bool> {
    let pfn = map::pfn(addr)?;
    let Use::Slab { cache, index } = map::use_of(pfn) else { return None };
    let class = cache as usize;
    let offset = u64::from(index) * PAGE as u64 + addr % PAGE as u64;
    let number = (offset * INVERSES.get(class)?) >> 32;
    (number * *SIZES.get(class)? as u64 == offset).then(|| give_to_class(class, addr))
}

/// Gives an object of the cache with this number back, whichever it is; false if it is the one that came last.
pub fn give(number: u32, object: u64) -> bool {
    if (number as usize) < SIZES.len() {
        return give_to_class(number as usize, object);
    }
    let made = MADE.read().unwrap_or_else(PoisonError::into_inner);
    made.as_ref().and_then(|made| made.get(&number)).is_none_or(|cache| cache.give(object))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_size_gets_the_smallest_class() {
        for len in 1..=8192 {
            let class = class(len).unwrap();
            let smaller = class.checked_sub(1).map_or(0, |below| SIZES[below]);
            assert!(len <= SIZES[class] && len > smaller, "{len}");
        }
        assert_eq!(class(8193), None);
    }

    #[test]
    fn multiplying_divides() {
        for (size, inverse) in SIZES.iter().zip(INVERSES) {
            for offset in (0..64u64 << 10).step_by(8) {
                assert_eq!((offset * inverse) >> 32, offset / *size as u64, "{offset} / {size}");
            }
        }
    }

    #[test]
    fn a_bag_gives_what_came_last() {
        let mut bag = Bag::EMPTY;
        assert!((0..KEPT as u64).all(|n| bag.push(n)) && !bag.push(99));
        assert_eq!((bag.pop(), bag.last()), (Some(63), Some(62)));
        assert_eq!(bag.drain(KEPT / 2), (0..32).collect::<Vec<_>>());
        assert_eq!((bag.len, bag.pop(), bag.drain(KEPT).len(), bag.pop()), (31, Some(62), 30, None));
    }

    #[test]
    fn slabs_hold_several_objects() {
        assert_eq!([8, 256, 257, 700, 4096, 8192, 20000, 40000].map(order_for), [0, 0, 1, 2, 3, 3, 3, 4]);
    }
}
