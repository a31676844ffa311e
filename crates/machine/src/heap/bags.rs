//! Free objects of kmalloc's sizes that each thread keeps to itself, as SLUB does for each CPU: the common case takes no
//! lock and asks nobody.
//!
//! DIFFERS: SLUB links free objects through their own memory. Here they are listed beside it, which costs the same, and
//! a module that writes to an object that it gave back cannot lead lkm astray.

use super::slab::SIZES;
use std::cell::Cell;

/// Objects that a thread keeps, of a class; half of them come or go at once.
pub(super) const KEPT: usize = 64;

/// The length of bags that are not in use: before a thread's first object of the class, and at the thread's end.
const SHUT: usize = usize::MAX / 2;

/// Free objects of each class, last freed last.
struct Bags {
    lens: [Cell<usize>; SIZES.len()],
    objects: [[Cell<u64>; KEPT]; SIZES.len()],
}

thread_local! {
    // Without a destructor, so that the access is an instruction; `END` empties them.
    static BAGS: Bags = const { Bags::new() };
    static END: End = const { End };
}

struct End;

impl Drop for End {
    fn drop(&mut self) {
        for class in 0..SIZES.len() {
            super::slab::take_back(class);
            with(class, |bag| bag.len.set(SHUT));
        }
    }
}

impl Bags {
    const fn new() -> Self {
        Self {
            lens: [const { Cell::new(SHUT) }; SIZES.len()],
            objects: [const { [const { Cell::new(0) }; KEPT] }; SIZES.len()],
        }
    }
}

/// One of them.
struct Bag<'a> {
    len: &'a Cell<usize>,
    objects: &'a [Cell<u64>; KEPT],
}

impl Bag<'_> {
    /// `None` of an empty one and of one that is shut.
    #[inline(always)]
    fn last(&self) -> Option<u64> {
        self.objects.get(self.len.get().wrapping_sub(1)).map(Cell::get)
    }

    #[inline(always)]
    fn pop(&self) -> Option<u64> {
        let object = self.last()?;
        self.len.set(self.len.get() - 1);
        Some(object)
    }

    /// False if the object is the one that came last; `None` if the bag is full or shut.
    #[inline(always)]
    fn push(&self, object: u64) -> Option<bool> {
        if self.last() == Some(object) {
            return Some(false);
        }
        let len = self.len.get();
        self.objects.get(len)?.set(object);
        self.len.set(len + 1);
        Some(true)
    }

    /// Moves the older `count` out, or all.
    fn drain(&self, count: usize, to: &mut Vec<u64>) {
        let len = self.len.get();
        if len > KEPT {
            return;
        }
        let count = count.min(len);
        to.extend(self.objects.iter().take(count).map(Cell::get));
        for (from, to) in self.objects.iter().take(len).skip(count).zip(self.objects) {
            to.set(from.get());
        }
        self.len.set(len - count);
    }
}

/// Works with this thread's bag of a class.
#[inline(always)]
fn with<R>(class: usize, work: impl FnOnce(Bag<'_>) -> R) -> Option<R> {
    BAGS.with(
        #[inline(always)]
        |bags| Some(work(Bag { len: bags.lens.get(class)?, objects: bags.objects.get(class)? })),
    )
}

/// Takes the object that came last.
#[inline(always)]
pub(super) fn pop(class: usize) -> Option<u64> {
    with(
        class,
        #[inline(always)]
        |bag| bag.pop(),
    )
    .flatten()
}

/// Keeps an object: false if it is the one that came last, `None` if there is no room.
#[inline(always)]
pub(super) fn push(class: usize, object: u64) -> Option<bool> {
    with(
        class,
        #[inline(always)]
        |bag| bag.push(object),
    )
    .flatten()
}

/// Lets a bag be used; false at the end of a thread.
pub(super) fn open(class: usize) -> bool {
    // The first touch sees to it that it is dropped.
    let alive = END.try_with(|_| ()).is_ok();
    if alive {
        with(class, |bag| bag.len.set(bag.len.get() % SHUT));
    }
    alive
}

/// Moves objects into an open bag until it is half full, those that came last first out again.
pub(super) fn fill(class: usize, from: &mut Vec<u64>) {
    let start = from.len().saturating_sub(KEPT / 2);
    for object in from.drain(start..) {
        push(class, object);
    }
}

/// Moves the older `count` objects out, or all that there are.
pub(super) fn drain(class: usize, count: usize, to: &mut Vec<u64>) {
    with(class, |bag| bag.drain(count, to));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bag_gives_what_came_last() {
        let bags = Bags::new();
        let bag = Bag { len: &bags.lens[3], objects: &bags.objects[3] };
        assert_eq!((bag.pop(), bag.push(1)), (None, None));
        bag.len.set(0);
        assert!((0..KEPT as u64).all(|n| bag.push(n) == Some(true)));
        assert_eq!((bag.push(63), bag.push(99)), (Some(false), None));
        assert_eq!((bag.pop(), bag.push(62)), (Some(63), Some(false)));
        let mut out = Vec::new();
        bag.drain(KEPT / 2, &mut out);
        assert_eq!(out, (0..32).collect::<Vec<_>>());
        assert_eq!((bag.len.get(), bag.pop()), (31, Some(62)));
        bag.drain(KEPT, &mut out);
        assert_eq!((out.len(), bag.pop()), (62, None));
    }
}
