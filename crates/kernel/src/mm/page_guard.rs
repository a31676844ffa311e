//! Guard mode for pages: runs that end at a closed page, and are closed for a while when they came back. Counterpart:
//! `CONFIG_DEBUG_PAGEALLOC` of mm/page_alloc.c.
//!
//! A run may come back in parts. They are closed one by one, and wait together.

use super::{check, guard, kasan};
use machine::access::unwatched as access;
use machine::heap::guarded::{self, Pages};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

const PAGE: usize = 4096;

struct Run {
    pages: Pages,
    /// Pages that did not come back yet.
    left: usize,
}

/// By the first byte.
static RUNS: Mutex<BTreeMap<u64, Run>> = Mutex::new(BTreeMap::new());

fn runs() -> MutexGuard<'static, BTreeMap<u64, Run>> {
    RUNS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes `len` bytes of zeroed pages that come back as runs of this order; `None` outside of guard mode, and where the
/// host has no more mappings.
pub fn take(len: usize, order: u8) -> Option<Pages> {
    if !check::guards() {
        return None;
    }
    let pages = guard::take(len, PAGE << order)?;
    guarded::make_runs(pages, order);
    // Memory of ours that nobody else has yet: this cannot fail.
    let _ = access::fill(pages.start, 0, pages.len);
    kasan::on_alloc(pages, pages.start, pages.len);
    runs().insert(pages.start, Run { pages, left: pages.len / PAGE });
    Some(pages)
}

/// Gives a run back; false if it is none of these.
pub fn give(addr: u64, order: u8) -> bool {
    let mut runs = runs();
    let Some((start, run)) = runs.range_mut(..=addr).next_back() else { return false };
    let (start, pages) = (*start, run.pages);
    if addr - start >= pages.len as u64 {
        return false;
    }
    let part = Pages { start: addr, len: PAGE << order };
    guarded::end_runs(part);
    run.left = run.left.saturating_sub(1 << order);
    if run.left > 0 {
        // Where the host refuses, it stays open until the rest came back.
        let _ = guarded::open(part, false);
        return true;
    }
    runs.remove(&start);
    drop(runs);
    guard::retire(pages);
    true
}
