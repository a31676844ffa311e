//! Sorting and searching with a module's comparison. Counterpart: lib/sort.c, lib/bsearch.c.

use kabi::{KPtr, KResult, c_int, exports, kexport};
use machine::access;

exports![sort, sort_r, bsearch];

/// An array that is being sorted.
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

    fn less(&self, a: u64, b: u64) -> KResult<bool> {
        let args = [self.at(a), self.at(b), self.private.unwrap_or(0)];
        let args = if self.private.is_some() { &args[..] } else { &args[..2] };
        Ok((kabi::call(self.compare, args)? as i32) < 0)
    }

    fn exchange(&self, a: u64, b: u64) -> KResult {
        let (a, b) = (self.at(a), self.at(b));
        if self.swap > 3 {
            let args = [a, b, self.size, self.private.unwrap_or(0)];
            kabi::call(self.swap, if self.private.is_some() { &args[..] } else { &args[..3] })?;
            return Ok(());
        }
        let (x, y) =
            (KPtr::<()>::new(a).bytes(0, self.size as usize)?, KPtr::<()>::new(b).bytes(0, self.size as usize)?);
        access::write(a, &y)?;
        Ok(access::write(b, &x)?)
    }

    fn sift(&self, start: u64, end: u64) -> KResult {
        let mut root = start;
        loop {
            let mut child = 2 * root + 1;
            if child >= end {
                return Ok(());
            }
            if child + 1 < end && self.less(child, child + 1)? {
                child += 1;
            }
            if !self.less(root, child)? {
                return Ok(());
            }
            self.exchange(root, child)?;
            root = child;
        }
    }

    /// In place, without memory of its own, as the kernel does.
    fn sort(&self, count: u64) -> KResult {
        (0..count / 2).rev().try_for_each(|start| self.sift(start, count))?;
        for end in (1..count).rev() {
            self.exchange(0, end)?;
            self.sift(0, end)?;
        }
        Ok(())
    }
}

/// Sorts an array; equal members may change places. A NULL swap function means to exchange their bytes.
#[kexport(since = "2.6.13", header = "linux/sort.h")]
fn sort(base: KPtr, count: usize, size: usize, compare: KPtr, swap: KPtr) -> KResult {
    let array =
        Array { base: base.addr(), size: size as u64, compare: compare.addr(), swap: swap.addr(), private: None };
    array.sort(count as u64)
}

/// [`sort`] whose functions get one argument more.
#[kexport(since = "5.2", header = "linux/sort.h")]
fn sort_r(base: KPtr, count: usize, size: usize, compare: KPtr, swap: KPtr, private: KPtr) -> KResult {
    let private = Some(private.addr());
    let array = Array { base: base.addr(), size: size as u64, compare: compare.addr(), swap: swap.addr(), private };
    array.sort(count as u64)
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
