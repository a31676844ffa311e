//! kmalloc and kfree: where blocks come from, and what a wrong free is. Counterpart: mm/slab_common.c, mm/slub.c.
//!
//! Memory is always zeroed, as Debian's kernels do (`CONFIG_INIT_ON_ALLOC_DEFAULT_ON`).

use super::check::{self, Mode, Report};
use super::owned::{self, Block, Freed, Kind};
use super::{guard, page, page_alloc, vmalloc};
use crate::{env, fault, log};
use kabi::border::border;
use kabi::errno::ENOMEM;
use kabi::{IntoAbi, KError, KPtr, KResult, NullPtr, exports, kexport};
use machine::heap::{self, Spot, slab};
use std::sync::atomic::{AtomicBool, Ordering};

pub use super::owned::note_origins;

exports![
    __kmalloc,
    __kmalloc_node,
    kmalloc_trace,
    kmalloc_node_trace,
    kmalloc_large,
    kmalloc_large_node,
    __kmalloc_node_track_caller,
    __kmalloc_node_noprof,
    __kmalloc_node_track_caller_noprof,
    kfree,
];

/// `KMALLOC_MAX_SIZE` on x86-64.
pub const KMALLOC_MAX: usize = 4 << 20;
/// `ZERO_SIZE_PTR`: what an allocation of 0 bytes gives.
pub const ZERO_SIZE: u64 = 16;
/// `__GFP_NOWARN`.
pub const GFP_NOWARN: u32 = 0x2000;

/// Zeroed memory for lkm's own structures that modules look at; never given back.
///
/// # Errors
/// `ENOMEM`.
pub fn permanent(len: usize) -> KResult<KPtr> {
    Ok(KPtr::new(heap::alloc(len).ok_or(ENOMEM)?))
}

/// kmalloc.
///
/// # Errors
/// `ENOMEM`.
pub fn alloc(len: usize, flags: u32) -> KResult<KPtr> {
    if len == 0 {
        return Ok(KPtr::new(ZERO_SIZE));
    }
    if len > KMALLOC_MAX {
        page_alloc::warn_too_large(flags);
        return Err(ENOMEM.into());
    }
    match check::mode() {
        Mode::Fast => plain(len).map(KPtr::new),
        _ => watched(len),
    }
}

/// [`alloc`] for module code: what this thread keeps is given without further ado.
#[inline(always)]
fn kmalloc(len: usize, flags: u32) -> KPtr {
    KPtr::new(if check::mode() == Mode::Fast {
        slab::take_or(len, flags, kmalloc_slowly)
    } else {
        kmalloc_slowly(len, flags)
    })
}

#[inline(never)]
fn kmalloc_slowly(len: usize, flags: u32) -> u64 {
    border("__kmalloc", || NullPtr::<()>(alloc(len, flags)).into_abi())
}

/// kmalloc with a note of who asked.
#[inline(never)]
fn watched(len: usize) -> KResult<KPtr> {
    let mut block = Block::new(Kind::Kmalloc, len);
    let align = if len.is_power_of_two() { len } else { 1 };
    let guarded = if check::guards() { guard::alloc(len, align) } else { None };
    let addr = match guarded {
        Some((addr, pages)) => {
            block.guard = Some(pages);
            addr
        }
        None => plain(len)?,
    };
    owned::note(addr, block);
    Ok(KPtr::new(addr))
}

/// A block of the size classes, or a compound page.
fn plain(len: usize) -> KResult<u64> {
    if let Some(class) = slab::class(len) {
        return Ok(slab::take_of_class(class).ok_or(ENOMEM)?);
    }
    let order = heap::pages::order_of(len);
    let addr = heap::pages::take(order).ok_or(ENOMEM)?;
    page::make_compound(page::set_up(addr, 1 << order, 1)?, order)?;
    Ok(addr)
}

/// The memory that a helper of lkm's own hands to a module: the module frees it with kfree.
///
/// # Errors
/// `ENOMEM`.
pub fn give(bytes: &[u8]) -> KResult<KPtr> {
    let p = alloc(bytes.len(), 0)?;
    if !bytes.is_empty() {
        machine::access::write(p.addr(), bytes)?;
    }
    Ok(p)
}

/// kfree, for `function`: NULL and `ZERO_SIZE_PTR` are fine.
///
/// # Errors
/// What stops the caller, as it would in Linux.
pub fn free(p: KPtr, function: &'static str) -> KResult {
    match check::mode() {
        _ if p.addr() <= ZERO_SIZE => Ok(()),
        Mode::Fast => free_unseen(p.addr()),
        _ => free_watched(p.addr(), function),
    }
}

#[inline(never)]
fn kfree_slowly(addr: u64) -> u64 {
    border("kfree", || free(KPtr::new(addr), "kfree").map(|()| 0))
}

fn free_watched(addr: u64, function: &'static str) -> KResult {
    match owned::take(Kind::Kmalloc, addr) {
        Some(block) if matches!(block.kind, Kind::Kmalloc | Kind::Object) => {
            release(addr, &block)?;
            owned::remember(addr, block);
            Ok(())
        }
        Some(block) => {
            // It stays: whoever frees it with the right function finds it.
            let what = format!("{function} of {}", block.describe());
            let report = Report::new("page", "Invalid object pointer", what).here("freed in");
            report.chain("allocated in", &block.origin()).advice(right_function(block.kind)).publish();
            owned::note(addr, block);
            Ok(())
        }
        None => wrong(addr, function),
    }
}

fn right_function(kind: Kind) -> &'static str {
    match kind {
        Kind::Vmalloc => "memory of vmalloc is given back with vfree or kvfree",
        Kind::Pages => "pages are given back with free_pages or __free_pages",
        _ => "memory of kmalloc is given back with kfree",
    }
}

/// Gives the memory of a block back to where it came from.
///
/// # Errors
/// When its structures cannot be reached.
pub fn release(addr: u64, block: &Block) -> KResult {
    match block.guard {
        Some(pages) => {
            guard::free(addr, block, pages);
            Ok(())
        }
        None => free_unseen(addr),
    }
}

/// Gives memory back by what the pages say.
fn free_unseen(addr: u64) -> KResult {
    match heap::spot(addr) {
        Some(Spot::Slab { cache, object, .. }) if object == addr => {
            let size_class = (cache as usize) < slab::SIZES.len();
            let first = if size_class { slab::give_to_class(cache as usize, addr) } else { slab::give(cache, addr) };
            if first { Ok(()) } else { Err(double_free()) }
        }
        Some(Spot::Run { head, order }) if head == addr => {
            page::clear(addr, 1 << order)?;
            heap::pages::give(addr, order);
            Ok(())
        }
        _ => Err(KError::Bug("kfree of an address that is no allocation")),
    }
}

/// The kernel finds that an object is freed which is the first of the free ones (`set_freepointer`).
#[cold]
pub(super) fn double_free() -> KError {
    // Up to 6.1 it is inlined into another one.
    let function = if env::version() >= (6, 2) { "kfree" } else { "__kmem_cache_free" };
    fault::bug_in(function, "mm/slub.c", 0)
}

/// A free of what is not owned.
fn wrong(addr: u64, function: &'static str) -> KResult {
    if let Some((start, freed)) = owned::freed_around(addr) {
        return freed_again(addr, start, &freed, function);
    }
    if let Some((start, block)) = owned::memory_around(addr, 0) {
        interior(addr, start, &block, None, function);
        return Ok(());
    }
    let what = format!("{function} of an address that is no allocation");
    match heap::spot(addr) {
        // Memory of lkm's own, or of long ago: nothing is done to it.
        Some(_) => {
            Report::new("page", "Invalid object pointer", what).here("freed in").publish();
            Ok(())
        }
        // In Linux the page's structure is not there: an oops.
        None => Err(KError::Bug("kfree of an address that is no allocation")),
    }
}

fn freed_again(addr: u64, start: u64, freed: &Freed, function: &'static str) -> KResult {
    if addr != start {
        interior(addr, start, &freed.block, Some(freed), function);
        return Ok(());
    }
    let what = format!("double free: {function} of a {} that was freed before", freed.block.describe());
    let report = Report::new(&guard::cache_name(&freed.block), "Object already free", what);
    report.here("freed again in").freed(freed).publish();
    // The real kernel notices nothing but the second of two frees in a row.
    let is_slab = freed.block.len <= slab::SIZES[slab::SIZES.len() - 1];
    if owned::is_last_freed(addr) && is_slab { Err(double_free()) } else { Ok(()) }
}

fn interior(addr: u64, start: u64, block: &Block, freed: Option<&Freed>, function: &'static str) {
    let offset = addr - start;
    let what = format!("invalid free of an interior pointer: {function} of {offset} bytes into a {}", block.describe());
    let report = Report::new(&guard::cache_name(block), "Invalid object pointer", what).here("freed in");
    let report = match freed {
        Some(freed) => report.freed(freed),
        None => report.chain("allocated in", &block.origin()),
    };
    report.advice("what one allocation gave is given back by one free of its first address: one kfree(base)").publish();
    if freed.is_some() && block.len > slab::SIZES[slab::SIZES.len() - 1] {
        warn_of_large(addr);
    }
}

/// A free of a page that is no slab and no compound page any more: the real kernel says so once, and no more than that.
fn warn_of_large(addr: u64) {
    static WARNED: AtomicBool = AtomicBool::new(false);
    if check::mode() == Mode::Track && !WARNED.swap(true, Ordering::Relaxed) {
        let file = if env::version() >= (6, 4) { "mm/slub.c" } else { "mm/slab_common.c" };
        fault::warn_in("free_large_kmalloc", file, 0, None);
        log::line(4, &format!("object pointer: 0x{}", env::hashed(addr)));
    }
}

/// Allocates `size` bytes. GFP flags but `__GFP_NOWARN` make no difference: the host's memory has no zones.
#[kexport(since = "2.6.0", header = "linux/slab.h", symbol = "__kmalloc_noprof")]
fn __kmalloc(size: usize, flags: u32) -> KPtr {
    kmalloc(size, flags)
}

/// Allocates `size` bytes; there is one memory node.
#[kexport(since = "2.6.0", until = "6.10", header = "linux/slab.h")]
fn __kmalloc_node(size: usize, flags: u32, _node: i32) -> KPtr {
    kmalloc(size, flags)
}

/// [`__kmalloc_node`] with the set of caches to take it from, which makes no difference here.
#[kexport(since = "6.10", header = "linux/slab.h")]
fn __kmalloc_node_noprof(size: usize, _buckets: KPtr, flags: u32, _node: i32) -> KPtr {
    kmalloc(size, flags)
}

/// What kmalloc of a constant size becomes: the cache is given, the size is what counts.
#[kexport(since = "6.1", header = "linux/slab.h", symbol = "__kmalloc_cache_noprof")]
fn kmalloc_trace(_cache: KPtr, flags: u32, size: usize) -> KPtr {
    kmalloc(size, flags)
}

/// [`kmalloc_trace`] for a memory node; there is one.
#[kexport(since = "6.1", header = "linux/slab.h", symbol = "__kmalloc_cache_node_noprof")]
fn kmalloc_node_trace(_cache: KPtr, flags: u32, _node: i32, size: usize) -> KPtr {
    kmalloc(size, flags)
}

/// What kmalloc of a large constant size becomes: whole pages.
#[kexport(since = "6.1", header = "linux/slab.h", symbol = "__kmalloc_large_noprof")]
fn kmalloc_large(size: usize, flags: u32) -> KPtr {
    kmalloc(size, flags)
}

/// [`kmalloc_large`] for a memory node; there is one.
#[kexport(since = "6.1", header = "linux/slab.h", symbol = "__kmalloc_large_node_noprof")]
fn kmalloc_large_node(size: usize, flags: u32, _node: i32) -> KPtr {
    kmalloc(size, flags)
}

/// [`__kmalloc_node`] on behalf of another caller, whose address makes no difference here.
#[kexport(since = "2.6.19", until = "6.10", header = "linux/slab.h")]
fn __kmalloc_node_track_caller(size: usize, flags: u32, _node: i32, _caller: u64) -> KPtr {
    kmalloc(size, flags)
}

/// [`__kmalloc_node_track_caller`] with the set of caches to take it from.
#[kexport(since = "6.10", header = "linux/slab.h")]
fn __kmalloc_node_track_caller_noprof(size: usize, _buckets: KPtr, flags: u32, _node: i32, _caller: u64) -> KPtr {
    kmalloc(size, flags)
}

/// Frees what kmalloc or a `kmem_cache` gave. NULL and `ZERO_SIZE_PTR` are fine; anything else that is no block is a bug of
/// the module, which is reported.
#[kexport(since = "2.6.0", header = "linux/slab.h")]
fn kfree(p: KPtr) {
    if check::mode() == Mode::Fast {
        slab::give_or(p.addr(), kfree_slowly);
    } else {
        kfree_slowly(p.addr());
    }
}

/// The bytes that a block really has, whatever allocated it; 0 for none.
pub fn size_of(addr: u64) -> usize {
    if addr <= ZERO_SIZE {
        return 0;
    }
    if check::guards()
        && let Some(block) = owned::memory_at(addr)
        && block.guard.is_some()
    {
        // DIFFERS: what lies behind the bytes that were asked for is watched, so they are not to be used.
        return block.len;
    }
    match heap::spot(addr) {
        Some(Spot::Slab { object, size, .. }) if object == addr => size,
        Some(Spot::Run { head, order }) if head == addr => 4096 << order,
        _ => 0,
    }
}

/// krealloc.
///
/// # Errors
/// `ENOMEM`; a pointer that is no block.
pub fn reallocate(p: KPtr, len: usize, flags: u32) -> KResult<KPtr> {
    if len == 0 {
        free(p, "krealloc")?;
        return Ok(KPtr::new(ZERO_SIZE));
    }
    if p.addr() <= ZERO_SIZE {
        return alloc(len, flags);
    }
    let room = size_of(p.addr());
    let block = owned::memory_at(p.addr());
    let old = block.as_ref().map_or(room, |block| block.len);
    if room == 0 {
        free(p, "krealloc")?;
        return Err(KError::Bug("krealloc of an address that is no allocation"));
    }
    let in_place = match block.filter(|block| block.guard.is_some()) {
        Some(block) => guard::resize(p.addr(), &block, len),
        None => len <= room,
    };
    if in_place {
        clear_grown(p.addr(), old, len)?;
        owned::resize(p.addr(), len);
        return Ok(p);
    }
    let new = alloc(len, flags)?;
    machine::access::copy(new.addr(), p.addr(), room.min(len))?;
    free(p, "krealloc")?;
    Ok(new)
}

/// What a block gains in its place was canary, if it was guarded.
fn clear_grown(addr: u64, old: usize, len: usize) -> KResult {
    if check::guards() && len > old {
        machine::access::fill(addr + old as u64, 0, len - old)?;
    }
    Ok(())
}

/// True if `addr` lies in memory that vmalloc gave.
pub fn is_vmalloc(addr: u64) -> bool {
    heap::vmap::contains(addr)
}

/// Frees what kvmalloc gave.
///
/// # Errors
/// As [`free`].
pub fn free_any(p: KPtr, function: &'static str) -> KResult {
    if is_vmalloc(p.addr()) { vmalloc::free(p.addr(), true) } else { free(p, function) }
}

/// From now on the pages of slabs have structures that say so.
pub fn boot() {
    heap::set_slab_hook(page::on_slab);
}
