//! Blocks that end at an inaccessible page: an access behind them traps, as does one to a block that was given back.
//!
//! They have the upper half of the physical memory, in which every page is closed unless a block has it. Each costs the
//! host a mapping; there are only so many (`vm.max_map_count`).

use super::map::{self, LEN, Use};
use crate::arena::{FreeList, PAGE};
use crate::error::MachineError;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The first page of the range.
pub(super) const FIRST_PAGE: u64 = LEN / 2 / PAGE as u64;

/// Larger blocks give their memory back to the host.
const KEPT: usize = 16 << 10;

static FREE: Mutex<Option<FreeList>> = Mutex::new(None);

fn free() -> MutexGuard<'static, Option<FreeList>> {
    FREE.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(super) fn close_range() -> Result<(), MachineError> {
    let start = map::addr(FIRST_PAGE);
    let len = (LEN / 2) as usize;
    if !map::open(start, len, false) {
        return Err(MachineError::last("closing the range of guarded memory"));
    }
    // The page before the first block stays closed, too.
    *free() = Some(FreeList::new(start + PAGE as u64, len - PAGE));
    Ok(())
}

/// A block's pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pages {
    /// The first byte.
    pub start: u64,
    /// Bytes, whole pages.
    pub len: usize,
}

/// Takes pages for `len` bytes, aligned to `align` (a power of two), between closed pages; their content is what it was.
/// `None` when there is no memory, or the host gives no more mappings.
pub fn take(len: usize, align: usize) -> Option<Pages> {
    let len = len.max(1).checked_next_multiple_of(PAGE)?;
    let extra = align.max(PAGE) - PAGE;
    let mut list = free();
    let list = list.as_mut()?;
    let taken = list.take(len.checked_add(PAGE + extra)?)?;
    let start = taken.next_multiple_of(align.max(PAGE) as u64);
    let end = start + (len + PAGE) as u64;
    let taken_end = taken + (len + PAGE + extra) as u64;
    if start > taken {
        list.give(taken, (start - taken) as usize);
    }
    if taken_end > end {
        list.give(end, (taken_end - end) as usize);
    }
    if !map::open(start, len, true) {
        list.give(start, len + PAGE);
        return None;
    }
    let pages = Pages { start, len };
    set_use(pages, Use::Guarded);
    Some(pages)
}

/// Closes a block's pages, or opens them again. What they contain stays. False when the host refuses.
pub fn open(pages: Pages, accessible: bool) -> bool {
    map::open(pages.start, pages.len, accessible)
}

/// Makes runs of `1 << order` pages of pages that were taken with that alignment: [`super::spot`] tells of them as runs.
pub fn make_runs(pages: Pages, order: u8) {
    set_use(pages, Use::Run { order });
}

/// These pages are runs no more.
pub fn end_runs(pages: Pages) {
    set_use(pages, Use::Guarded);
}

fn set_use(pages: Pages, what: Use) {
    if let Some(pfn) = map::pfn(pages.start) {
        map::set_use(pfn, (pages.len / PAGE) as u64, |_| what);
    }
}

/// Gives closed pages back.
pub fn give(pages: Pages) {
    // Small ones are used again soon, and giving memory to the host and taking it costs more than all the rest.
    if pages.len > KEPT {
        map::discard(pages.start, pages.len);
    }
    set_use(pages, Use::Free);
    if let Some(list) = free().as_mut() {
        list.give(pages.start, pages.len + PAGE);
    }
}
