//! Pages mapped once more, one behind the other. Counterpart: mm/vmalloc.c.

use super::map::{self, VMAP_LEN};
use crate::arena::{FreeList, PAGE};
use std::sync::{Mutex, MutexGuard, PoisonError};

static FREE: Mutex<Option<FreeList>> = Mutex::new(None);

fn free() -> MutexGuard<'static, Option<FreeList>> {
    FREE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Maps pages (their addresses in physical memory) one behind the other, with a closed page behind; `None` when there is
/// no room, or the host gives no more mappings.
pub fn map(pages: &[u64], writable: bool) -> Option<u64> {
    let len = pages.len().checked_mul(PAGE).filter(|len| *len > 0)?;
    let fresh = || FreeList::new(map::vmalloc_base() + PAGE as u64, VMAP_LEN - PAGE);
    let at = free().get_or_insert_with(fresh).take(len + PAGE)?;
    let mut done = 0;
    while let Some(&first) = pages.get(done) {
        let follows = |(i, page): (u64, &u64)| *page == first + i * PAGE as u64;
        let count = (0..).zip(pages.iter().skip(done)).take_while(|pair| follows(*pair)).count();
        if !map::map_again(at + (done * PAGE) as u64, count * PAGE, Some((first, writable))) {
            unmap(at, len);
            return None;
        }
        done += count;
    }
    Some(at)
}

/// Takes a mapping of `len` bytes away; false if the host refuses: its addresses must not be used again then.
pub fn close(at: u64, len: usize) -> bool {
    map::map_again(at, len, None)
}

/// Gives the addresses of a closed mapping back.
pub fn give(at: u64, len: usize) {
    if let Some(list) = free().as_mut() {
        list.give(at, len + PAGE);
    }
}

/// [`close`] and [`give`].
pub fn unmap(at: u64, len: usize) {
    if close(at, len) {
        give(at, len);
    }
}

/// True if `addr` lies in the range of these mappings.
pub fn contains(addr: u64) -> bool {
    addr.wrapping_sub(map::vmalloc_base()) < VMAP_LEN as u64
}
