//! Objects of one size, many to a run of pages. Counterpart: mm/slub.c.
//!
//! The size classes of kmalloc are caches with the numbers of [`SIZES`]. Each thread keeps some free objects of these
//! to itself (`bags`).

use super::map::{self, Use};
use super::{bags, magazines, pages};
use crate::arena::PAGE;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

/// The sizes of kmalloc's caches, whose numbers are the indices.
pub const SIZES: [usize; 13] = [8, 16, 32, 64, 96, 128, 192, 256, 512, 1024, 2048, 4096, 8192];
/// Slabs have this order at most, unless one object needs more.
const LARGEST_ORDER: u8 = 3;
/// The page's number in its slab has 4 bits.
const LARGEST_POSSIBLE: u8 = 4;
/// As few objects as a slab should have.
const FEW: usize = 16;

/// Requests up to this have their class from a table.
const TABLED: usize = 1024;
/// By (len - 1) / 8.
const CLASSES: [u8; TABLED / 8] = {
    let mut classes = [0; TABLED / 8];
    let (mut n, mut class) = (0, 0);
    while n < classes.len() {
        if 8 * (n + 1) > SIZES[class as usize] {
            class += 1;
        }
        classes[n] = class;
        n += 1;
    }
    classes
};

/// The class for a request; `None` where whole pages serve it.
#[inline]
pub fn class(len: usize) -> Option<usize> {
    match CLASSES.get(len.wrapping_sub(1) / 8) {
        Some(class) => Some(usize::from(*class)),
        None if len == 0 => Some(0),
        None if len <= SIZES[SIZES.len() - 1] => Some((usize::BITS - (len - 1).leading_zeros()) as usize - 1),
        None => None,
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

    /// Bytes that an object takes.
    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// Works with the free objects, of which the one that came last is the last.
    pub(super) fn with_free(&self, work: impl FnOnce(&mut Vec<u64>)) {
        work(&mut self.inner().free);
    }

    /// Objects in one slab.
    pub fn per_slab(&self) -> usize {
        (PAGE << self.order) / self.size
    }

    /// The objects that are not free.
    pub fn in_use(&self) -> Vec<u64> {
        let kept = magazines::kept(self.number);
        let inner = self.inner();
        let free: HashSet<u64> = inner.free.iter().copied().chain(kept).collect();
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
    magazines::forget(cache.number);
    let inner = std::mem::take(&mut *cache.inner());
    cache.give_slabs(&inner.slabs);
}

/// Bytes of a cache's objects.
pub(super) fn size_of(number: u32) -> Option<usize> {
    if let Some(size) = SIZES.get(number as usize) {
        return Some(*size);
    }
    made(number).map(|cache| cache.size)
}

/// The cache with this number, if it was made and is there still.
pub(super) fn made(number: u32) -> Option<Arc<Cache>> {
    MADE.read().unwrap_or_else(PoisonError::into_inner).as_ref()?.get(&number).map(Arc::clone)
}

/// The fast path of kmalloc: a zeroed object for `len` bytes if this thread keeps one; all else is left to `otherwise`,
/// whose arguments are in place.
pub fn take_or(len: usize, flags: u32, otherwise: fn(usize, u32) -> u64) -> u64 {
    let class = CLASSES.get(len.wrapping_sub(1) / 8).map(|class| usize::from(*class));
    match class.and_then(|class| Some((bags::pop(class)?, *SIZES.get(class)?))) {
        Some((object, size)) => {
            map::clear_object(object, size);
            object
        }
        None => otherwise(len, flags),
    }
}

/// Takes a zeroed object of a size class.
pub fn take_of_class(class: usize) -> Option<u64> {
    let object = match bags::pop(class) {
        Some(object) => object,
        None => refill(class)?,
    };
    map::clear_object(object, *SIZES.get(class)?);
    Some(object)
}

#[cold]
fn refill(class: usize) -> Option<u64> {
    let cache = KMALLOC.get(class)?;
    let object = cache.take(&mut |_| {})?;
    if bags::open(class) {
        bags::fill(class, &mut cache.inner().free);
    }
    Some(object)
}

/// Gives an object of a size class back; false if it is the one that this thread gave last, which is free already.
pub fn give_to_class(class: usize, object: u64) -> bool {
    bags::push(class, object).unwrap_or_else(|| give_when_full(class, object))
}

#[cold]
fn give_when_full(class: usize, object: u64) -> bool {
    let Some(cache) = KMALLOC.get(class) else { return true };
    if !bags::open(class) {
        return cache.give(object);
    }
    // There may be room now: before its first use a bag has none.
    bags::push(class, object).unwrap_or_else(|| {
        bags::drain(class, bags::KEPT / 2, &mut cache.inner().free);
        bags::push(class, object).unwrap_or(false)
    })
}

/// Takes all back that this thread keeps of a class.
pub(super) fn take_back(class: usize) {
    if let Some(cache) = KMALLOC.get(class) {
        bags::drain(class, bags::KEPT, &mut cache.inner().free);
    }
}

/// An offset in a slab is a multiple of the size if their product, modulo 2^32, is less than this (Lemire, Kaser and Kurz,
/// "Faster remainder by direct computation").
pub(super) const fn inverse_of(size: usize) -> u32 {
    (1u64 << 32).div_ceil(size as u64) as u32
}

/// By class.
const INVERSES: [u32; SIZES.len()] = {
    let mut inverses = [0; SIZES.len()];
    let mut class = 0;
    while class < SIZES.len() {
        inverses[class] = inverse_of(SIZES[class]);
        class += 1;
    }
    inverses
};

/// The size class of the object that begins at `addr`.
#[inline(always)]
fn class_of(addr: u64) -> Option<usize> {
    let Use::Slab { cache, index } = map::use_at(addr)? else { return None };
    let inverse = *INVERSES.get(cache as usize)?;
    is_multiple(addr, index, inverse).then_some(cache as usize)
}

#[inline(always)]
fn is_multiple(addr: u64, index: u8, inverse: u32) -> bool {
    let offset = u32::from(index) * PAGE as u32 + addr as u32 % PAGE as u32;
    offset.wrapping_mul(inverse) < inverse
}

/// The number of the cache that has an object that begins at `addr`, if its objects have this inverse.
#[inline(always)]
pub(super) fn begins(addr: u64, inverse: u32) -> Option<u32> {
    let Use::Slab { cache, index } = map::use_at(addr)? else { return None };
    is_multiple(addr, index, inverse).then_some(cache)
}

/// The fast path of kfree: 0 if `addr` is an object of a size class, and this thread keeps it now; all else is left to
/// `otherwise`.
pub fn give_or(addr: u64, otherwise: fn(u64) -> u64) -> u64 {
    match class_of(addr).and_then(|class| bags::push(class, addr)) {
        Some(true) => 0,
        _ => otherwise(addr),
    }
}

/// Gives an object of the cache with this number back, whichever it is; false if it is the one that came last.
pub fn give(number: u32, object: u64) -> bool {
    if (number as usize) < SIZES.len() {
        return give_to_class(number as usize, object);
    }
    made(number).is_none_or(|cache| cache.give(object))
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
    fn multiplying_tells_multiples() {
        for (size, inverse) in SIZES.iter().zip(INVERSES) {
            for offset in 0..64u32 << 10 {
                assert_eq!(offset.wrapping_mul(inverse) < inverse, offset % *size as u32 == 0, "{offset} / {size}");
            }
        }
        for size in (8..2000).step_by(8) {
            let is_right = |offset: &u32| offset.wrapping_mul(inverse_of(size)) < inverse_of(size);
            assert!(
                (0..64u32 << 10).step_by(8).all(|offset| is_right(&offset) == (offset % size as u32 == 0)),
                "{size}"
            );
        }
    }

    #[test]
    fn slabs_hold_several_objects() {
        assert_eq!([8, 256, 257, 700, 4096, 8192, 20000, 40000].map(order_for), [0, 0, 1, 2, 3, 3, 3, 4]);
    }
}
