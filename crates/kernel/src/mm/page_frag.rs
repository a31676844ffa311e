//! Fragments of pages: pieces from the end of a run, each a reference to it. Counterpart: mm/page_alloc.c, later
//! mm/page_frag_cache.c.

use super::page::{self, PAGE, Page};
use super::page_alloc::{__folio_put, GFP_COMP, take};
use super::slab::GFP_NOWARN;
use kabi::{Field, KError, KPtr, KResult, NullPtr, c_uint, exports, kexport};

exports![page_frag_alloc_align, page_frag_free, __page_frag_cache_drain];

/// `struct page_frag_cache`.
#[derive(Debug)]
pub struct Cache;

static VA: Field = Field::new("page_frag_cache", "va");
static OFFSET: Field = Field::new("page_frag_cache", "offset");
static SIZE: Field = Field::new("page_frag_cache", "size");
static BIAS: Field = Field::new("page_frag_cache", "pagecnt_bias");
static PFMEMALLOC: Field = Field::new("page_frag_cache", "pfmemalloc");

/// `PAGE_FRAG_CACHE_MAX_ORDER`.
const ORDER: u32 = 3;
/// References that a run gets at once: the cache counts down what it gives of them.
const REFERENCES: u32 = (PAGE as u32) << ORDER;

/// A fresh run for the cache.
fn refill(cache: KPtr<Cache>, flags: u32) -> KResult {
    let large = take(ORDER, flags | GFP_COMP | GFP_NOWARN).map(|page| (page, PAGE << ORDER));
    let (page, size) = large.or_else(|_| take(0, flags).map(|page| (page, PAGE)))?;
    page::hold(page, REFERENCES)?;
    VA.put(cache, page::address(page).unwrap_or(0))?;
    SIZE.put(cache, size as u16)?;
    PFMEMALLOC.put(cache, 0u8)?;
    reset(cache)
}

/// All of the run is there to be given.
fn reset(cache: KPtr<Cache>) -> KResult {
    BIAS.put(cache, REFERENCES + 1)?;
    OFFSET.put(cache, SIZE.get::<u16, _>(cache)?)
}

fn alloc(cache: KPtr<Cache>, size: u32, flags: u32, mask: u32) -> KResult<KPtr> {
    if VA.get::<u64, _>(cache)? == 0 {
        refill(cache, flags)?;
    }
    if u32::from(OFFSET.get::<u16, _>(cache)?) < size {
        let page = run_of(VA.get(cache)?)?;
        if page::put(page, BIAS.get(cache)?)? {
            // Nobody has a piece of it any more.
            page::set_references(page, REFERENCES + 1)?;
            reset(cache)?;
        } else {
            refill(cache, flags)?;
        }
    }
    let Some(offset) = u32::from(OFFSET.get::<u16, _>(cache)?).checked_sub(size) else { return Ok(KPtr::NULL) };
    let offset = offset & mask;
    BIAS.put(cache, BIAS.get::<u32, _>(cache)?.wrapping_sub(1))?;
    OFFSET.put(cache, offset as u16)?;
    Ok(KPtr::new(VA.get::<u64, _>(cache)? + u64::from(offset)))
}

fn run_of(addr: u64) -> KResult<KPtr<Page>> {
    page::head(page::of(addr).ok_or(KError::Bug("a fragment of pages that are none"))?)
}

/// Takes `size` bytes, their beginning aligned by `mask`.
#[kexport(since = "5.12", header = "linux/gfp.h", symbol = "__page_frag_alloc_align")]
fn page_frag_alloc_align(cache: KPtr<Cache>, size: c_uint, flags: u32, mask: c_uint) -> NullPtr {
    NullPtr(alloc(cache, size, flags, mask))
}

/// Gives a piece back.
#[kexport(since = "4.11", header = "linux/gfp.h")]
fn page_frag_free(piece: KPtr) -> KResult {
    drain(run_of(piece.addr())?, 1)
}

/// Gives the references back that a cache still has to its run.
#[kexport(since = "4.11", header = "linux/gfp.h")]
fn __page_frag_cache_drain(page: KPtr<Page>, count: c_uint) -> KResult {
    drain(page, count)
}

fn drain(page: KPtr<Page>, count: u32) -> KResult {
    if page::put(page, count)? { __folio_put(page) } else { Ok(()) }
}
