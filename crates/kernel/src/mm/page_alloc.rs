//! Pages: single ones and runs, compound or not. Counterpart: mm/page_alloc.c, mm/swap.c (`__folio_put`).

use super::check::Report;
use super::owned::{self, Block, Kind, Origin};
use super::page::{self, PAGE, Page};
use super::page_guard;
use super::slab::GFP_NOWARN;
use crate::fault;
use kabi::errno::ENOMEM;
use kabi::{DataExport, DataSize, KPtr, KResult, NullPtr, c_int, c_uint, c_ulong, exports, kexport};
use machine::access;
use machine::heap::{self, Spot, pages};
use std::sync::atomic::{AtomicBool, Ordering};

exports![
    alloc_pages,
    __alloc_pages,
    __folio_alloc,
    folio_alloc,
    __alloc_pages_bulk,
    __get_free_pages,
    get_zeroed_page,
    alloc_pages_exact,
    __free_pages,
    free_pages,
    free_pages_exact,
    __folio_put,
    split_page,
    release_pages,
    page_mapped,
    __virt_addr_valid,
    __put_devmap_managed_page_refs,
    __put_devmap_managed_folio_refs,
];

/// `__GFP_COMP`: one compound page.
pub(super) const GFP_COMP: u32 = 0x4_0000;

/// Takes a run of pages.
///
/// # Errors
/// `ENOMEM`.
pub fn take(order: u32, flags: u32) -> KResult<KPtr<Page>> {
    let Some(order) = u8::try_from(order).ok().filter(|order| *order <= pages::MAX_ORDER) else {
        warn_too_large(flags);
        return Err(ENOMEM.into());
    };
    let len = (PAGE << order) as usize;
    let guard = page_guard::take(len, order);
    let addr = guard.map(|pages| pages.start).or_else(|| pages::take(order)).ok_or(ENOMEM)?;
    let page = page::set_up(addr, 1 << order, 1)?;
    if flags & GFP_COMP != 0 {
        page::make_compound(page, order)?;
    }
    owned::note(addr, Block { guard, ..Block::new(Kind::Pages, len) });
    Ok(page)
}

/// A request above the largest order, unless the caller expects it.
pub fn warn_too_large(flags: u32) {
    static WARNED: AtomicBool = AtomicBool::new(false);
    if flags & GFP_NOWARN == 0 && !WARNED.swap(true, Ordering::Relaxed) {
        let function = if crate::env::version() >= (6, 10) { "__alloc_pages_noprof" } else { "__alloc_pages" };
        fault::warn_in(function, "mm/page_alloc.c", usize::MAX, None);
    }
}

/// The address of memory in a fresh run.
fn take_address(order: u32, flags: u32) -> u64 {
    take(order, flags & !GFP_COMP).ok().and_then(page::address).unwrap_or(0)
}

/// Gives the run back whose last reference went.
fn give(addr: u64, order: u8) -> KResult {
    let block = owned::take(Kind::Pages, addr);
    page::clear(addr, 1 << order)?;
    give_memory(addr, order);
    if let Some(block) = block {
        owned::remember(addr, block);
    }
    Ok(())
}

/// Gives the memory of a run back to where it came from.
pub fn give_memory(addr: u64, order: u8) {
    if !page_guard::give(addr, order) {
        pages::give(addr, order);
    }
}

/// Gives the first page of a run back and leaves the rest, each a page of its own.
fn give_first(addr: u64, order: u8) -> KResult {
    if order > 0 {
        pages::split(addr, order);
        if let Some(block) = owned::memory_at(addr) {
            let len = block.len - PAGE as usize;
            owned::note(addr + PAGE, Block { len, ..block });
        }
    }
    give(addr, 0)
}

fn wrong(addr: u64, what: &str) {
    let what = format!("{what} of pages that are not allocated");
    let report = Report::new("page", "Bad page state", what).here("freed in");
    let report = match owned::freed_around(addr) {
        Some((_, freed)) => report.freed(&freed),
        None => match owned::memory_around(addr, 0) {
            Some((_, block)) => report.chain("allocated in", &block.origin()),
            None => report,
        },
    };
    report.publish();
}

/// `__free_pages`, for `function`.
///
/// # Errors
/// When the page's structure cannot be reached.
pub fn free(page: KPtr<Page>, order: u32, function: &'static str) -> KResult {
    let Some(addr) = page::address(page) else {
        return Err(kabi::KError::Bug("free of pages by a pointer that is no page"));
    };
    let Some(Spot::Run { head, order: have }) = heap::spot(addr).filter(|spot| matches!(spot, Spot::Run { .. })) else {
        wrong(addr, function);
        return Ok(());
    };
    if page::references(page)? <= 0 {
        wrong(addr, function);
        return Ok(());
    }
    if head == addr && u32::from(have) != order {
        let origin = owned::memory_at(addr).map(|b| b.origin()).unwrap_or_else(|| Origin::of(&[]));
        let what = format!("{function} with order {order} of pages allocated with order {have}");
        Report::new("page", "Bad page state", what).here("freed in").chain("allocated in", &origin).publish();
    }
    let compound = page::is_head(page)?;
    if page::put(page, 1)? {
        return if head == addr { give(addr, have) } else { give_first(addr, 0) };
    }
    // Somebody has another reference to the first page; the others go.
    if !compound && have > 0 {
        pages::split(addr, have);
        (1..1 << have).try_for_each(|n| give(addr + n * PAGE, 0))?;
        if let Some(block) = owned::memory_at(addr) {
            owned::note(addr, Block { len: PAGE as usize, ..block });
        }
    }
    Ok(())
}

fn free_address(addr: u64, order: u32, function: &'static str) -> KResult {
    match page::of(addr) {
        _ if addr == 0 => Ok(()),
        Some(page) => free(page, order, function),
        None => Err(kabi::KError::Bug("free of pages by an address that has none")),
    }
}

/// Allocates `1 << order` pages.
#[kexport(since = "2.6.0", header = "linux/gfp.h", symbol = "alloc_pages_noprof")]
fn alloc_pages(flags: u32, order: c_uint) -> NullPtr<Page> {
    NullPtr(take(order, flags))
}

/// [`alloc_pages`] on a memory node; there is one.
#[kexport(since = "5.13", header = "linux/gfp.h", symbol = "__alloc_pages_noprof")]
fn __alloc_pages(flags: u32, order: c_uint, _node: c_int, _nodes: KPtr) -> NullPtr<Page> {
    NullPtr(take(order, flags))
}

/// Allocates a compound page on a memory node; there is one.
#[kexport(since = "5.16", header = "linux/gfp.h", symbol = "__folio_alloc_noprof")]
fn __folio_alloc(flags: u32, order: c_uint, _node: c_int, _nodes: KPtr) -> NullPtr<Page> {
    NullPtr(take(order, flags | GFP_COMP))
}

/// Allocates a compound page.
#[kexport(since = "5.16", header = "linux/gfp.h", symbol = "folio_alloc_noprof")]
fn folio_alloc(flags: u32, order: c_uint) -> NullPtr<Page> {
    NullPtr(take(order, flags | GFP_COMP))
}

/// Allocates single pages for the empty slots of an array, or to a list: how many there are then.
#[kexport(since = "5.13", header = "linux/gfp.h", symbol = "alloc_pages_bulk_noprof")]
fn __alloc_pages_bulk(
    flags: u32,
    _node: c_int,
    _nodes: KPtr,
    count: c_int,
    list: KPtr,
    array: KPtr,
) -> KResult<c_ulong> {
    let mut have = 0;
    for slot in 0..u64::try_from(count).unwrap_or(0) {
        if !array.is_null() && array.get::<u64>(8 * slot)? != 0 {
            have += 1;
            continue;
        }
        let Ok(page) = take(0, flags) else { break };
        have += 1;
        if array.is_null() {
            page::add_to_list(page, list)?;
        } else {
            array.put(8 * slot, page.addr())?;
        }
    }
    Ok(have)
}

/// Allocates `1 << order` pages: their address.
#[kexport(since = "2.6.0", header = "linux/gfp.h", symbol = "get_free_pages_noprof")]
fn __get_free_pages(flags: u32, order: c_uint) -> c_ulong {
    take_address(order, flags)
}

/// Allocates a zeroed page: its address.
#[kexport(since = "2.6.0", header = "linux/gfp.h", symbol = "get_zeroed_page_noprof")]
fn get_zeroed_page(flags: u32) -> c_ulong {
    take_address(0, flags)
}

/// Allocates as many single pages as `size` needs, one behind the other: their address.
#[kexport(since = "2.6.27", header = "linux/gfp.h", symbol = "alloc_pages_exact_noprof")]
fn alloc_pages_exact(size: usize, flags: u32) -> NullPtr {
    if pages::order_of(size) > pages::MAX_ORDER {
        warn_too_large(flags);
        return NullPtr(Err(ENOMEM.into()));
    }
    NullPtr(take_exact(size))
}

fn take_exact(size: usize) -> KResult<KPtr> {
    let count = (size as u64).div_ceil(PAGE).max(1);
    let guard = page_guard::take((count * PAGE) as usize, 0);
    let addr = guard.map(|pages| pages.start).or_else(|| pages::take_exact(size)).ok_or(ENOMEM)?;
    let first = page::set_up(addr, count, 1)?;
    page::split(first, count)?;
    for n in 0..count {
        owned::note(addr + n * PAGE, Block { guard, ..Block::new(Kind::Pages, PAGE as usize) });
    }
    Ok(KPtr::new(addr))
}

/// Gives one reference to pages back; with the last of them the pages.
#[kexport(since = "2.6.0", header = "linux/gfp.h")]
fn __free_pages(page: KPtr<Page>, order: c_uint) -> KResult {
    free(page, order, "__free_pages")
}

/// [`__free_pages`] by address. 0 is fine.
#[kexport(since = "2.6.0", header = "linux/gfp.h")]
fn free_pages(addr: c_ulong, order: c_uint) -> KResult {
    free_address(addr, order, "free_pages")
}

/// Frees what [`alloc_pages_exact`] gave.
#[kexport(since = "2.6.27", header = "linux/gfp.h")]
fn free_pages_exact(addr: KPtr, size: usize) -> KResult {
    (0..(size as u64).div_ceil(PAGE)).try_for_each(|n| free_address(addr.addr() + n * PAGE, 0, "free_pages_exact"))
}

/// The last reference to a page is gone: inline code counts, this gives it back.
#[kexport(since = "5.16", header = "linux/mm.h")]
pub(super) fn __folio_put(folio: KPtr<Page>) -> KResult {
    let addr = page::address(folio).ok_or(kabi::KError::Bug("put of a pointer that is no page"))?;
    match heap::spot(addr) {
        Some(Spot::Run { head, order }) if head == addr && page::is_head(folio)? => give(addr, order),
        Some(Spot::Run { head, order }) if head == addr => give_first(addr, order),
        Some(Spot::Run { .. }) => Ok(()),
        _ => {
            wrong(addr, "put_page");
            Ok(())
        }
    }
}

/// Makes single pages of a run, each with its own references.
#[kexport(since = "2.6.16", header = "linux/mm.h", gpl)]
fn split_page(page: KPtr<Page>, order: c_uint) -> KResult {
    let addr = page::address(page).ok_or(kabi::KError::Bug("split_page of a pointer that is no page"))?;
    let Some(Spot::Run { head, order: have }) = heap::spot(addr) else { return Ok(()) };
    if head != addr || u32::from(have) != order {
        return Err(kabi::KError::Bug("split_page of something else than one run of pages"));
    }
    page::split(page, 1 << have)?;
    pages::split(addr, have);
    let block = owned::memory_at(addr).unwrap_or_else(|| Block::new(Kind::Pages, PAGE as usize));
    for n in 0..1 << have {
        owned::note(addr + n * PAGE, Block { len: PAGE as usize, ..block.clone() });
    }
    Ok(())
}

/// Gives one reference to each page of an array back.
#[kexport(since = "2.6.0", header = "linux/pagemap.h", partial = "arrays of encoded pages are not decoded")]
fn release_pages(array: KPtr, count: c_int) -> KResult {
    for slot in 0..u64::try_from(count).unwrap_or(0) {
        let page = page::head(KPtr::new(array.get(8 * slot)?))?;
        if page::put(page, 1)? {
            __folio_put(page)?;
        }
    }
    Ok(())
}

/// True if programs have the page mapped: none has here.
#[kexport(since = "2.6.0", until = "6.9", header = "linux/mm.h")]
fn page_mapped(_page: KPtr<Page>) -> bool {
    false
}

/// True for an address of memory that has pages: not for vmalloc's, a module's or a program's.
#[kexport(since = "2.6.29", header = "asm/page.h")]
fn __virt_addr_valid(addr: c_ulong) -> bool {
    page::of(addr).is_some()
}

/// Device memory counts its references itself; there is none.
#[kexport(since = "5.18", until = "6.6", header = "linux/mm.h")]
fn __put_devmap_managed_page_refs(_page: KPtr<Page>, _references: c_int) -> bool {
    false
}

/// [`__put_devmap_managed_page_refs`] as later kernels name it.
#[kexport(since = "6.6", header = "linux/mm.h")]
fn __put_devmap_managed_folio_refs(_folio: KPtr<Page>, _references: c_int) -> bool {
    false
}

const fn word(names: &'static [&'static str], init: fn(u64, usize) -> KResult, doc: &'static str) -> DataExport {
    DataExport { names, size: DataSize::Bytes(8), percpu: false, gpl: false, init, doc }
}

const fn key(names: &'static [&'static str], init: fn(u64, usize) -> KResult, doc: &'static str) -> DataExport {
    DataExport { names, size: DataSize::Struct("static_key"), percpu: false, gpl: false, init, doc }
}

/// Variables that modules can see.
pub(crate) static DATA: &[DataExport] = &[
    word(&["page_offset_base"], |at, _| Ok(access::put(at, heap::base())?), "Where all memory is mapped."),
    word(&["vmemmap_base"], |at, _| Ok(access::put(at, heap::vmemmap())?), "Where the page structures lie."),
    word(&["vmalloc_base"], |at, _| Ok(access::put(at, heap::vmalloc_base())?), "Where vmalloc's range begins."),
    word(&["phys_base"], |_, _| Ok(()), "What is added to addresses of the kernel image for physical ones: 0."),
    word(
        &["high_memory"],
        |at, _| Ok(access::put(at, heap::base() + heap::LEN)?),
        "One past the last address of memory.",
    ),
    word(&["_totalram_pages"], |at, _| Ok(access::put(at, heap::LEN / PAGE / 2)?), "How many pages there are."),
    word(
        &["__default_kernel_pte_mask"],
        |at, _| Ok(access::put(at, u64::MAX)?),
        "Bits that page tables may have: all.",
    ),
    word(&["sme_me_mask"], |_, _| Ok(()), "The bit of encrypted memory: none."),
    word(&["physical_mask"], |at, _| Ok(access::put(at, (1u64 << 52) - 1)?), "Bits of physical addresses."),
    DataExport {
        names: &["empty_zero_page"],
        size: DataSize::Bytes(PAGE as usize),
        percpu: false,
        gpl: false,
        init: |_, _| Ok(()),
        doc: "A page of zeros.",
    },
    key(&["hugetlb_optimize_vmemmap_key"], |_, _| Ok(()), "Page structures that share memory: there are none."),
    key(&["devmap_managed_key"], |_, _| Ok(()), "Pages of device memory: there are none."),
    key(&["init_on_alloc"], |at, _| Ok(access::put(at, 1u32)?), "Memory is cleared when it is given."),
    key(&["init_on_free"], |_, _| Ok(()), "Memory is cleared when it comes back: no."),
    key(&["memcg_kmem_enabled_key", "memcg_kmem_online_key"], |_, _| Ok(()), "Accounting of memory: none."),
];
