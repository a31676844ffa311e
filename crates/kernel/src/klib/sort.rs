//! Sorting and searching with a module's comparison. Counterpart: lib/sort.c, lib/bsearch.c.

use crate::env;
use kabi::{KPtr, KResult, c_int, exports, kexport};
use machine::access;

exports![sort, sort_r, bsearch];

/// What is being sorted: things at places, compared and exchanged.
trait Places {
    /// Above 0: what is at `a` belongs behind what is at `b`; 0: they are equal.
    fn compare(&self, a: usize, b: usize) -> KResult<i32>;
    /// Exchanges what is at two places.
    fn exchange(&mut self, a: usize, b: usize) -> KResult;
}

/// A bottom-up heapsort, as the kernel's: few comparisons, and what compares equal comes out in the kernel's order.
struct Heapsort<'a, P> {
    places: &'a mut P,
    /// Since 6.11: equal children lead to the right, and the two that belong last are taken out at once.
    by_pairs: bool,
}

impl<P: Places> Heapsort<'_, P> {
    /// The way from the root of a heap down to a leaf, always to the child that belongs further behind.
    fn way_down(&self, root: usize, len: usize) -> KResult<usize> {
        let mut at = root;
        while 2 * at + 2 < len {
            let (left, right) = (2 * at + 1, 2 * at + 2);
            let order = self.places.compare(left, right)?;
            at = if order > 0 || order == 0 && !self.by_pairs { left } else { right };
        }
        // The last leaf may have no neighbour.
        Ok(if 2 * at + 2 == len { 2 * at + 1 } else { at })
    }

    /// Brings what is at `root` to its place in the heap below it.
    fn sink(&mut self, root: usize, len: usize) -> KResult {
        let above = |at: usize| (at - 1) / 2;
        let mut place = self.way_down(root, len)?;
        while place != root && self.places.compare(root, place)? >= 0 {
            place = above(place);
        }
        // All that was passed moves up by one.
        let mut at = place;
        while at != root {
            at = above(at);
            self.places.exchange(at, place)?;
        }
        Ok(())
    }

    fn run(&mut self, count: usize) -> KResult {
        if count < 2 {
            return Ok(());
        }
        for root in (0..count / 2).rev() {
            self.sink(root, count)?;
        }
        if self.by_pairs { self.take_pairs(count) } else { self.take_singly(count) }
    }

    fn take_singly(&mut self, count: usize) -> KResult {
        for last in (1..count).rev() {
            self.places.exchange(0, last)?;
            self.sink(0, last)?;
        }
        Ok(())
    }

    fn take_pairs(&mut self, count: usize) -> KResult {
        let mut len = count;
        while len > 3 {
            // The one that belongs before the last is a child of the root.
            self.places.exchange(0, len - 1)?;
            let second = if self.places.compare(1, 2)? > 0 { 1 } else { 2 };
            len -= 2;
            self.places.exchange(second, len)?;
            self.sink(second, len)?;
            self.sink(0, len)?;
        }
        self.places.exchange(0, len - 1)?;
        if len == 3 && self.places.compare(0, 1)? > 0 {
            self.places.exchange(0, 1)?;
        }
        Ok(())
    }
}

fn heapsort(places: &mut impl Places, count: usize) -> KResult {
    Heapsort { places, by_pairs: env::version() >= (6, 11) }.run(count)
}

/// Arrays of more bytes are sorted in place.
const LARGEST: u64 = 1 << 28;

/// A module's array and functions.
struct Array {
    base: u64,
    size: u64,
    compare: u64,
    swap: u64,
    private: Option<u64>,
}

impl Array {
    fn at(&self, i: u64) -> u64 {
        self.base.wrapping_add(i.wrapping_mul(self.size))
    }

    fn call(&self, a: u64, b: u64) -> KResult<i32> {
        let args = [self.at(a), self.at(b), self.private.unwrap_or(0)];
        Ok(kabi::call(self.compare, if self.private.is_some() { &args } else { &args[..2] })? as i32)
    }

    /// The kernel's own swap functions are numbers.
    fn swaps_itself(&self) -> bool {
        self.swap > 3
    }

    fn sort(mut self, count: usize) -> KResult {
        let mut order = Vec::new();
        let bytes = self.size.checked_mul(count as u64).filter(|bytes| *bytes <= LARGEST);
        let small = bytes.is_some() && u32::try_from(count).is_ok() && order.try_reserve_exact(count).is_ok();
        if self.swaps_itself() || !small {
            return heapsort(&mut self, count);
        }
        order.extend(0..count as u32);
        let mut order = Ordered { array: self, order };
        heapsort(&mut order, count)?;
        order.apply()
    }
}

/// In place, by the module's swap function.
impl Places for Array {
    fn compare(&self, a: usize, b: usize) -> KResult<i32> {
        self.call(a as u64, b as u64)
    }

    fn exchange(&mut self, a: usize, b: usize) -> KResult {
        let (a, b) = (self.at(a as u64), self.at(b as u64));
        if self.swaps_itself() {
            let args = [a, b, self.size, self.private.unwrap_or(0)];
            kabi::call(self.swap, if self.private.is_some() { &args } else { &args[..3] })?;
            return Ok(());
        }
        for at in 0..self.size {
            let (x, y): (u8, u8) = (access::get(a.wrapping_add(at))?, access::get(b.wrapping_add(at))?);
            access::put(a.wrapping_add(at), y)?;
            access::put(b.wrapping_add(at), x)?;
        }
        Ok(())
    }
}

/// Members are compared where they are and moved once, at the end.
struct Ordered {
    array: Array,
    /// The member that belongs at each place.
    order: Vec<u32>,
}

impl Places for Ordered {
    fn compare(&self, a: usize, b: usize) -> KResult<i32> {
        self.array.call(self.order[a].into(), self.order[b].into())
    }

    fn exchange(&mut self, a: usize, b: usize) -> KResult {
        self.order.swap(a, b);
        Ok(())
    }
}

impl Ordered {
    fn apply(&self) -> KResult {
        let size = self.array.size as usize;
        let all = KPtr::<()>::new(self.array.base).bytes(0, self.order.len().saturating_mul(size))?;
        let mut sorted = Vec::with_capacity(all.len());
        for member in self.order.iter().filter_map(|i| all.get(*i as usize * size..)?.get(..size)) {
            sorted.extend_from_slice(member);
        }
        Ok(access::write(self.array.base, &sorted)?)
    }
}

/// Sorts an array; equal members may change places. A NULL swap function means to exchange their bytes.
#[kexport(since = "2.6.13", header = "linux/sort.h")]
fn sort(base: KPtr, count: usize, size: usize, compare: KPtr, swap: KPtr) -> KResult {
    let array =
        Array { base: base.addr(), size: size as u64, compare: compare.addr(), swap: swap.addr(), private: None };
    array.sort(count)
}

/// [`sort`] whose functions get one argument more.
#[kexport(since = "5.2", header = "linux/sort.h")]
fn sort_r(base: KPtr, count: usize, size: usize, compare: KPtr, swap: KPtr, private: KPtr) -> KResult {
    let private = Some(private.addr());
    let array = Array { base: base.addr(), size: size as u64, compare: compare.addr(), swap: swap.addr(), private };
    array.sort(count)
}

/// The member of a sorted array that compares equal to the key, or NULL.
#[kexport(since = "2.6.39", header = "linux/bsearch.h")]
fn bsearch(key: KPtr, base: KPtr, count: usize, size: usize, compare: KPtr) -> KResult<KPtr> {
    let (mut base, mut count) = (base.addr(), count as u64);
    while count > 0 {
        let pivot = base.wrapping_add((count >> 1).wrapping_mul(size as u64));
        let order = kabi::call(compare.addr(), &[key.addr(), pivot])? as c_int;
        if order == 0 {
            return Ok(KPtr::new(pivot));
        }
        if order > 0 {
            base = pivot.wrapping_add(size as u64);
            count -= 1;
        }
        count >>= 1;
    }
    Ok(KPtr::NULL)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    struct Numbers(Vec<u64>, Cell<u32>);

    impl Places for Numbers {
        fn compare(&self, a: usize, b: usize) -> KResult<i32> {
            self.1.set(self.1.get() + 1);
            Ok(self.0[a].cmp(&self.0[b]) as i32)
        }

        fn exchange(&mut self, a: usize, b: usize) -> KResult {
            self.0.swap(a, b);
            Ok(())
        }
    }

    #[test]
    fn all_lengths_are_sorted_with_few_comparisons() {
        for (count, by_pairs) in (0..200usize).flat_map(|count| [(count, false), (count, true)]) {
            let mut numbers = Numbers((0..count as u64).map(|i| i * 7919 % 61).collect(), Cell::new(0));
            let mut wanted = numbers.0.clone();
            wanted.sort_unstable();
            Heapsort { places: &mut numbers, by_pairs }.run(count).unwrap();
            assert_eq!(numbers.0, wanted);
            let most = count as f64 * (count.max(2) as f64).log2() + 2.0 * count as f64;
            assert!(f64::from(numbers.1.get()) <= most, "{count}: {} comparisons", numbers.1.get());
        }
    }
}
