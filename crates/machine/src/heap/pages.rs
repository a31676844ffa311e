//! Runs of pages, aligned to their size. Counterpart: the buddy allocator of mm/page_alloc.c.

use super::map::{self, Use};
use crate::arena::PAGE;
use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The largest order: runs of 4 MiB.
pub const MAX_ORDER: u8 = 10;
/// The first page that is given: the real machine's first megabyte is not for this either.
const FIRST: u64 = 1 << MAX_ORDER;

struct Buddy {
    /// Numbers of first pages by order.
    free: [BTreeSet<u64>; MAX_ORDER as usize + 1],
    /// Pages from here on were never given.
    fresh: u64,
}

static BUDDY: Mutex<Buddy> =
    Mutex::new(Buddy { free: [const { BTreeSet::new() }; MAX_ORDER as usize + 1], fresh: FIRST });

fn buddy() -> MutexGuard<'static, Buddy> {
    BUDDY.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The smallest order of a run that holds `len` bytes (`get_order`); above [`MAX_ORDER`] there is none.
pub fn order_of(len: usize) -> u8 {
    let pages = len.div_ceil(PAGE).max(1);
    (usize::BITS - (pages - 1).leading_zeros()) as u8
}

/// Takes a zeroed run of `1 << order` pages.
pub fn take(order: u8) -> Option<u64> {
    let pfn = buddy().take(order)?;
    map::set_use(pfn, 1 << order, |_| Use::Run { order });
    map::clear(map::addr(pfn), PAGE << order);
    Some(map::addr(pfn))
}

/// Gives back the run of `1 << order` pages at `addr`.
pub fn give(addr: u64, order: u8) {
    let Some(pfn) = map::pfn(addr) else { return };
    map::set_use(pfn, 1 << order, |_| Use::Free);
    let mut buddy = buddy();
    let order = buddy.merge(pfn, order);
    if let Some(pfn) = order {
        map::discard(map::addr(pfn), PAGE << MAX_ORDER);
        buddy.free[usize::from(MAX_ORDER)].insert(pfn);
    }
}

/// Makes runs of single pages out of one, so that each can be given back alone.
pub fn split(addr: u64, order: u8) {
    if let Some(pfn) = map::pfn(addr) {
        map::set_use(pfn, 1 << order, |_| Use::Run { order: 0 });
    }
}

/// Takes `len` bytes, whole pages, as single pages that lie one behind the other.
pub fn take_exact(len: usize) -> Option<u64> {
    let order = order_of(len);
    let addr = take(order)?;
    split(addr, order);
    let end = addr + (PAGE << order) as u64;
    let mut rest = addr + len.next_multiple_of(PAGE).max(PAGE) as u64;
    while rest < end {
        give(rest, 0);
        rest += PAGE as u64;
    }
    Some(addr)
}

impl Buddy {
    fn take(&mut self, order: u8) -> Option<u64> {
        let mut have = (order..=MAX_ORDER).find(|o| !self.free[usize::from(*o)].is_empty());
        if have.is_none() && order <= MAX_ORDER && self.fresh < super::guarded::FIRST_PAGE {
            self.free[usize::from(MAX_ORDER)].insert(self.fresh);
            self.fresh += 1 << MAX_ORDER;
            have = Some(MAX_ORDER);
        }
        let have = have?;
        let pfn = self.free[usize::from(have)].pop_first()?;
        for half in order..have {
            self.free[usize::from(half)].insert(pfn + (1 << half));
        }
        Some(pfn)
    }

    /// Puts a run back together with its free neighbours; what becomes one of the largest is handed out.
    fn merge(&mut self, mut pfn: u64, mut order: u8) -> Option<u64> {
        while order < MAX_ORDER && self.free[usize::from(order)].remove(&(pfn ^ 1 << order)) {
            pfn &= !(1 << order);
            order += 1;
        }
        if order == MAX_ORDER {
            return Some(pfn);
        }
        self.free[usize::from(order)].insert(pfn);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_aligned_and_merge_again() {
        let mut buddy = Buddy { free: [const { BTreeSet::new() }; MAX_ORDER as usize + 1], fresh: FIRST };
        let (a, b, c) = (buddy.take(0).unwrap(), buddy.take(3).unwrap(), buddy.take(0).unwrap());
        assert_eq!((a, b % 8, c), (FIRST, 0, FIRST + 1));
        assert_eq!((buddy.merge(a, 0), buddy.merge(b, 3)), (None, None));
        assert_eq!(buddy.merge(c, 0), Some(FIRST));
        assert!(buddy.free.iter().all(BTreeSet::is_empty));
        assert_eq!(buddy.take(MAX_ORDER + 1), None);
    }

    #[test]
    fn orders_hold_their_bytes() {
        assert_eq!([0, 1, 4096, 4097, 12288, 4 << 20, (4 << 20) + 1].map(order_of), [0, 0, 0, 1, 2, 10, 11]);
    }
}
