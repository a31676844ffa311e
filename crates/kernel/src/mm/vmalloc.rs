//! Memory that is contiguous only in its addresses: pages mapped once more. Counterpart: mm/vmalloc.c.

use super::owned::{self, Block, Kind};
use super::page::{self, PAGE, Page};
use super::slab::{self, GFP_NOWARN};
use super::{check, guard, page_alloc};
use crate::{fault, log, sched};
use kabi::errno::ENOMEM;
use kabi::{KPtr, KResult, NullPtr, c_int, c_uint, c_ulong, exports, kexport};
use machine::heap::guarded::Pages;
use machine::heap::{self, pages, vmap as mappings};
use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

exports![
    vmalloc,
    vzalloc,
    vmalloc_node,
    vzalloc_node,
    vmalloc_user,
    vmalloc_32,
    vmalloc_32_user,
    vmalloc_huge,
    __vmalloc,
    __vmalloc_array,
    vmalloc_array,
    __vcalloc,
    vcalloc,
    vfree,
    vmap,
    vunmap,
    vm_map_ram,
    vm_unmap_ram,
    vm_unmap_aliases,
    vmalloc_to_page,
    vmalloc_to_pfn,
    is_vmalloc_addr,
    is_vmalloc_or_module_addr,
];

/// Areas that came back and whose addresses are not used again in guard mode.
const QUARANTINED: usize = 1024;
/// `GFP_KERNEL`.
const GFP_KERNEL: u32 = 0xcc0;
/// `VM_MAP_PUT_PAGES`: vfree gives the pages and their array back, too.
const PUT_PAGES: c_ulong = 0x200;
/// `_PAGE_RW`.
const WRITABLE: u64 = 2;

struct Area {
    /// Addresses of the pages in the memory that all of them have.
    pages: Vec<u64>,
    /// They go with the area.
    owns: bool,
    /// The array of them, which goes too.
    array: u64,
}

static AREAS: Mutex<BTreeMap<u64, Area>> = Mutex::new(BTreeMap::new());

fn areas() -> MutexGuard<'static, BTreeMap<u64, Area>> {
    AREAS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Allocates whole pages for `size` bytes, zeroed.
///
/// # Errors
/// `ENOMEM`: no memory; nothing or too much was asked for.
pub fn alloc(size: u64, flags: u32) -> KResult<KPtr> {
    if size == 0 {
        warn_empty();
        return Err(ENOMEM.into());
    }
    if size / PAGE > heap::LEN / PAGE / 2 {
        complain(size, flags);
        return Err(ENOMEM.into());
    }
    let list = take_pages(size.div_ceil(PAGE)).ok_or(ENOMEM)?;
    let Some(at) = mappings::map(&list, true) else {
        list.iter().for_each(|page| pages::give(*page, 0));
        if check::guards() {
            guard::say_once();
        }
        return Err(ENOMEM.into());
    };
    if check::guards() {
        guard::fill_behind(at, size as usize, pages_of(at, list.len()));
    }
    areas().insert(at, Area { pages: list, owns: true, array: 0 });
    owned::note(at, Block::new(Kind::Vmalloc, size as usize));
    Ok(KPtr::new(at))
}

fn warn_empty() {
    static WARNED: AtomicBool = AtomicBool::new(false);
    if !WARNED.swap(true, Ordering::Relaxed) {
        let new = crate::env::version() >= (6, 10);
        let function = if new { "__vmalloc_node_range_noprof" } else { "__vmalloc_node_range" };
        fault::warn_in(function, "mm/vmalloc.c", 0, None);
    }
}

fn complain(size: u64, flags: u32) {
    if flags & GFP_NOWARN == 0 {
        let comm = sched::caller().comm;
        let mode = crate::env::gfp_flags(flags);
        let rest = "nodemask=(null),cpuset=/,mems_allowed=0";
        log::line(
            4,
            &format!("{comm}: vmalloc error: size {size}, exceeds total pages, mode:{flags:#x}({mode}),{rest}"),
        );
        fault::dump_stack();
    }
}

/// Takes single pages, as far as possible one behind the other.
fn take_pages(count: u64) -> Option<Vec<u64>> {
    let mut list = Vec::new();
    while (list.len() as u64) < count {
        let left = count - list.len() as u64;
        let order = (left.ilog2() as u8).min(pages::MAX_ORDER);
        let Some(run) = pages::take(order) else {
            list.iter().for_each(|page| pages::give(*page, 0));
            return None;
        };
        pages::split(run, order);
        // Memory of ours: it has page structures.
        let _ = page::set_up(run, 1 << order, 1).and_then(|first| page::split(first, 1 << order));
        list.extend((0..1u64 << order).map(|n| run + n * PAGE));
    }
    Some(list)
}

/// The area that contains `addr`: where it begins.
fn start_of(addr: u64) -> Option<u64> {
    let areas = areas();
    let (start, area) = areas.range(..=addr).next_back()?;
    (addr - start < area.pages.len() as u64 * PAGE).then_some(*start)
}

/// The area that contains `addr`: where it begins, and its bytes.
pub fn area_of(addr: u64) -> Option<(u64, u64)> {
    let start = start_of(addr)?;
    Some((start, areas().get(&start)?.pages.len() as u64 * PAGE))
}

/// vfree and vunmap. Wrong addresses are reported in the kernel's words, and nothing is done; an address inside of an
/// area stands for the area, as in Linux.
///
/// # Errors
/// When the pages' structures cannot be reached.
pub fn free(addr: u64, with_pages: bool) -> KResult {
    let newer = crate::env::version() >= (6, 3);
    let outer = match (newer, with_pages) {
        (false, _) => "__vunmap",
        (true, true) => "vfree",
        (true, false) => "vunmap",
    };
    let function = if with_pages || !newer { "vfree" } else { "vunmap" };
    let p = env_pointer(addr);
    if !addr.is_multiple_of(PAGE) {
        let inner = if newer { "remove_vm_area" } else { outer };
        fault::warn_in(inner, "mm/vmalloc.c", 0, Some(&format!("Trying to vfree() bad address ({p})")));
        if !newer {
            return Ok(());
        }
    }
    let found = if addr.is_multiple_of(PAGE) { start_of(addr) } else { None };
    let Some((start, area)) = found.and_then(|start| areas().remove_entry(&start)) else {
        let text = format!("Trying to {function}() nonexistent vm area ({p})");
        fault::warn_in(outer, "mm/vmalloc.c", 1, Some(&text));
        return Ok(());
    };
    let block = owned::take(Kind::Vmalloc, start);
    unmap(start, &area, block.as_ref());
    if let Some(block) = block {
        owned::remember(start, block);
    }
    if with_pages && area.owns {
        area.pages.iter().try_for_each(|page| put_page(*page))?;
        slab::free_any(KPtr::new(area.array), "vfree")?;
    }
    Ok(())
}

fn pages_of(start: u64, count: usize) -> Pages {
    Pages { start, len: count * PAGE as usize }
}

/// Takes an area's mapping away. In guard mode its addresses are left unused for a while, and what lies behind the bytes
/// that were asked for is looked at.
fn unmap(start: u64, area: &Area, block: Option<&Block>) {
    static QUARANTINE: Mutex<VecDeque<Pages>> = Mutex::new(VecDeque::new());
    let pages = pages_of(start, area.pages.len());
    if !check::guards() {
        return mappings::unmap(start, pages.len);
    }
    if let Some(block) = block.filter(|_| area.owns && area.array == 0) {
        guard::check_canaries(start, block, pages);
    }
    if !mappings::close(start, pages.len) {
        return;
    }
    let mut quarantine = QUARANTINE.lock().unwrap_or_else(PoisonError::into_inner);
    quarantine.push_back(pages);
    if quarantine.len() > QUARANTINED
        && let Some(oldest) = quarantine.pop_front()
    {
        mappings::give(oldest.start, oldest.len);
    }
}

/// As `%p` shows it.
fn env_pointer(addr: u64) -> String {
    crate::env::hashed(addr)
}

fn put_page(addr: u64) -> KResult {
    let Some(page) = page::of(addr) else { return Ok(()) };
    if page::put(page, 1)? {
        page::clear(addr, 1)?;
        page_alloc::give_memory(addr, 0);
    }
    Ok(())
}

fn map_pages(array: KPtr, count: c_uint, writable: bool) -> KResult<u64> {
    let mut list = Vec::new();
    for n in 0..u64::from(count) {
        let page: KPtr<Page> = KPtr::new(array.get(8 * n)?);
        list.push(page::address(page).ok_or(ENOMEM)?);
    }
    let at = mappings::map(&list, writable).ok_or(ENOMEM)?;
    areas().insert(at, Area { pages: list, owns: false, array: 0 });
    owned::note(at, Block::new(Kind::Vmalloc, count as usize * PAGE as usize).named("vmap"));
    Ok(at)
}

fn array(count: usize, size: usize, flags: u32) -> NullPtr {
    NullPtr(count.checked_mul(size).ok_or(ENOMEM.into()).and_then(|bytes| alloc(bytes as u64, flags)))
}

/// Allocates whole pages for `size` bytes.
#[kexport(since = "2.6.0", header = "linux/vmalloc.h", symbol = "vmalloc_noprof")]
fn vmalloc(size: c_ulong) -> NullPtr {
    NullPtr(alloc(size, GFP_KERNEL))
}

/// Allocates zeroed whole pages for `size` bytes.
#[kexport(since = "2.6.37", header = "linux/vmalloc.h", symbol = "vzalloc_noprof")]
fn vzalloc(size: c_ulong) -> NullPtr {
    NullPtr(alloc(size, GFP_KERNEL))
}

/// [`vmalloc`] on a memory node; there is one.
#[kexport(since = "2.6.0", header = "linux/vmalloc.h", symbol = "vmalloc_node_noprof")]
fn vmalloc_node(size: c_ulong, _node: c_int) -> NullPtr {
    NullPtr(alloc(size, GFP_KERNEL))
}

/// [`vzalloc`] on a memory node; there is one.
#[kexport(since = "2.6.37", header = "linux/vmalloc.h", symbol = "vzalloc_node_noprof")]
fn vzalloc_node(size: c_ulong, _node: c_int) -> NullPtr {
    NullPtr(alloc(size, GFP_KERNEL))
}

/// Allocates zeroed pages that programs may map.
#[kexport(since = "2.6.18", header = "linux/vmalloc.h", symbol = "vmalloc_user_noprof")]
fn vmalloc_user(size: c_ulong) -> NullPtr {
    NullPtr(alloc(size, GFP_KERNEL))
}

/// Allocates pages whose physical addresses have 32 bits: all addresses are virtual here.
#[kexport(since = "2.6.0", header = "linux/vmalloc.h", symbol = "vmalloc_32_noprof")]
fn vmalloc_32(size: c_ulong) -> NullPtr {
    NullPtr(alloc(size, GFP_KERNEL))
}

/// [`vmalloc_32`], zeroed, for programs to map.
#[kexport(since = "2.6.18", header = "linux/vmalloc.h", symbol = "vmalloc_32_user_noprof")]
fn vmalloc_32_user(size: c_ulong) -> NullPtr {
    NullPtr(alloc(size, GFP_KERNEL))
}

/// Allocates pages with GFP flags, with large mappings where they fit: no difference here.
#[kexport(since = "5.18", header = "linux/vmalloc.h", symbol = "vmalloc_huge_noprof", gpl)]
fn vmalloc_huge(size: c_ulong, flags: u32) -> NullPtr {
    NullPtr(alloc(size, flags))
}

/// Allocates pages with GFP flags.
#[kexport(since = "2.6.0", header = "linux/vmalloc.h", symbol = "__vmalloc_noprof")]
fn __vmalloc(size: c_ulong, flags: u32) -> NullPtr {
    NullPtr(alloc(size, flags))
}

/// [`__vmalloc`] for an array.
#[kexport(since = "5.18", header = "linux/vmalloc.h", symbol = "__vmalloc_array_noprof")]
fn __vmalloc_array(count: usize, size: usize, flags: u32) -> NullPtr {
    array(count, size, flags)
}

/// [`vmalloc`] for an array.
#[kexport(since = "5.18", header = "linux/vmalloc.h", symbol = "vmalloc_array_noprof")]
fn vmalloc_array(count: usize, size: usize) -> NullPtr {
    array(count, size, GFP_KERNEL)
}

/// [`__vmalloc`] for an array, zeroed.
#[kexport(since = "5.18", header = "linux/vmalloc.h", symbol = "__vcalloc_noprof")]
fn __vcalloc(count: usize, size: usize, flags: u32) -> NullPtr {
    array(count, size, flags)
}

/// [`vzalloc`] for an array.
#[kexport(since = "5.18", header = "linux/vmalloc.h", symbol = "vcalloc_noprof")]
fn vcalloc(count: usize, size: usize) -> NullPtr {
    array(count, size, GFP_KERNEL)
}

/// Frees what vmalloc gave. NULL is fine.
#[kexport(since = "2.6.0", header = "linux/vmalloc.h")]
fn vfree(p: KPtr) -> KResult {
    if p.is_null() { Ok(()) } else { free(p.addr(), true) }
}

/// Maps an array of pages one behind the other.
#[kexport(since = "2.6.0", header = "linux/vmalloc.h")]
fn vmap(array: KPtr, count: c_uint, flags: c_ulong, protection: u64) -> NullPtr {
    NullPtr(map_pages(array, count, protection & WRITABLE != 0).map(|at| {
        if flags & PUT_PAGES != 0
            && let Some(area) = areas().get_mut(&at)
        {
            (area.owns, area.array) = (true, array.addr());
        }
        KPtr::new(at)
    }))
}

/// Takes the mapping of [`vmap`] away; the pages stay.
#[kexport(since = "2.6.0", header = "linux/vmalloc.h")]
fn vunmap(p: KPtr) -> KResult {
    if p.is_null() { Ok(()) } else { free(p.addr(), false) }
}

/// Maps an array of pages for a short time.
#[kexport(since = "2.6.28", header = "linux/vmalloc.h")]
fn vm_map_ram(array: KPtr, count: c_uint, _node: c_int) -> NullPtr {
    NullPtr(map_pages(array, count, true).map(KPtr::new))
}

/// Takes the mapping of [`vm_map_ram`] away.
#[kexport(since = "2.6.28", header = "linux/vmalloc.h")]
fn vm_unmap_ram(p: KPtr, _count: c_uint) -> KResult {
    free(p.addr(), false)
}

/// Completes mappings' removal: they are gone at once.
#[kexport(since = "2.6.28", header = "linux/vmalloc.h", gpl)]
fn vm_unmap_aliases() {}

/// The page behind an address of vmalloc's range; NULL if there is none.
#[kexport(since = "2.6.0", header = "linux/vmalloc.h")]
fn vmalloc_to_page(addr: KPtr) -> NullPtr<Page> {
    NullPtr(Ok(page_behind(addr.addr()).and_then(page::of).unwrap_or(KPtr::NULL)))
}

/// The number of the page behind an address of vmalloc's range.
#[kexport(since = "2.6.0", header = "linux/vmalloc.h")]
fn vmalloc_to_pfn(addr: KPtr) -> c_ulong {
    page_behind(addr.addr()).map_or(0, |page| (page - heap::base()) / PAGE)
}

fn page_behind(addr: u64) -> Option<u64> {
    let start = start_of(addr)?;
    areas().get(&start)?.pages.get(((addr - start) / PAGE) as usize).copied()
}

/// True for an address of vmalloc's range.
#[kexport(since = "2.6.25", header = "linux/mm.h")]
fn is_vmalloc_addr(addr: KPtr) -> bool {
    mappings::contains(addr.addr())
}

/// True for an address of vmalloc's range or of a module.
#[kexport(since = "6.3", header = "linux/mm.h", gpl)]
fn is_vmalloc_or_module_addr(addr: KPtr) -> c_int {
    c_int::from(mappings::contains(addr.addr()) || crate::module::containing(addr.addr()).is_some())
}
