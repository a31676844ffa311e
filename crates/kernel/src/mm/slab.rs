//! kmalloc and kin, and who owns what. Counterpart: mm/slab_common.c, mm/slub.c, include/linux/slab.h.
//!
//! Every block is known with its size and the module that asked for it, so that `lkm run` can say what was left behind.

use crate::{fault, module};
use kabi::errno::ENOMEM;
use kabi::{KError, KPtr, KResult, KStr, NullPtr, exports, kexport};
use machine::heap;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

exports![
    __kmalloc,
    __kmalloc_node,
    kmalloc_trace,
    kmalloc_node_trace,
    kfree,
    kfree_sensitive,
    krealloc,
    ksize,
    kstrdup,
    kstrndup,
    kmemdup,
    kmemdup_nul,
    __kmalloc_node_track_caller,
    kvmalloc_node,
    kvmalloc_node_noprof,
    kvfree,
    vmalloc,
    vzalloc,
    vfree
];

/// `__GFP_ZERO`: the memory is to be zeroed.
const GFP_ZERO: u32 = 0x100;
/// `KMALLOC_MAX_SIZE` on x86-64.
const KMALLOC_MAX: usize = 4 << 20;
/// `ZERO_SIZE_PTR`: what an allocation of 0 bytes gives.
const ZERO_SIZE: u64 = 16;

/// How a block was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// kmalloc and what builds on it.
    Kmalloc,
    /// vmalloc.
    Vmalloc,
}

/// A block that a module owns.
#[derive(Debug, Clone)]
pub struct Block {
    /// Bytes asked for.
    pub len: usize,
    /// How.
    pub kind: Kind,
    /// Return addresses of the module code that asked, innermost first.
    pub made_by: Vec<u64>,
    /// Who that was, once the module is gone and its addresses tell nothing any more.
    pub origin: Option<Origin>,
}

/// The module that asked for a block, and the places in its code.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin {
    /// The module's name.
    pub module: String,
    /// Symbolised call chain, innermost first.
    pub made_by: Vec<String>,
}

impl Block {
    /// Who asked for it.
    pub fn origin(&self) -> Origin {
        self.origin.clone().unwrap_or_else(|| {
            let owner = self.made_by.iter().find_map(|ip| module::containing(*ip));
            Origin {
                module: owner.map_or_else(|| "?".to_string(), |m| m.name().to_string()),
                made_by: self.made_by.iter().map(|ip| fault::describe(*ip)).collect(),
            }
        })
    }
}

/// Code of a module goes (all of it, or what is only for init): notes who made the blocks that it leaves behind, while
/// its symbols are there.
pub fn note_origins(module: &module::Module, init_only: bool) {
    // Asking who it was takes the module list's lock, so not under the blocks' own.
    let mine = |block: &Block| {
        let image = module.image();
        let goes = |ip: &u64| if init_only { image.in_init(*ip) } else { image.contains(*ip) };
        block.origin.is_none() && block.made_by.iter().any(goes)
    };
    let left: Vec<(u64, Origin)> =
        owned().into_iter().filter(|(_, b)| mine(b)).map(|(addr, b)| (addr, b.origin())).collect();
    let mut blocks = blocks();
    for (addr, origin) in left {
        if let Some(block) = blocks.as_mut().and_then(|b| b.get_mut(&addr)) {
            block.origin = Some(origin);
        }
    }
}

static BLOCKS: Mutex<Option<HashMap<u64, Block>>> = Mutex::new(None);

fn blocks() -> MutexGuard<'static, Option<HashMap<u64, Block>>> {
    BLOCKS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// All blocks that are owned now, by address.
pub fn owned() -> Vec<(u64, Block)> {
    let mut all: Vec<_> = blocks().iter().flatten().map(|(addr, block)| (*addr, block.clone())).collect();
    all.sort_by_key(|(addr, _)| *addr);
    all
}

/// Zeroed memory for lkm's own structures that modules look at; never given back.
///
/// # Errors
/// `ENOMEM`.
pub fn permanent(len: usize) -> KResult<KPtr> {
    let addr = heap::alloc(len).ok_or(ENOMEM)?;
    machine::access::fill(addr, 0, len)?;
    Ok(KPtr::new(addr))
}

fn alloc(len: usize, zero: bool, kind: Kind) -> KResult<KPtr> {
    if len == 0 && kind == Kind::Kmalloc {
        return Ok(KPtr::new(ZERO_SIZE));
    }
    if len == 0 || (kind == Kind::Kmalloc && len > KMALLOC_MAX) {
        return Err(ENOMEM.into());
    }
    // vmalloc gives whole pages.
    let whole = if kind == Kind::Vmalloc { len.checked_next_multiple_of(4096).ok_or(ENOMEM)? } else { len };
    let addr = heap::alloc(whole).ok_or(ENOMEM)?;
    if zero {
        machine::access::fill(addr, 0, heap::rounded(whole))?;
    }
    let block = Block { len: whole, kind, made_by: module::callers(), origin: None };
    blocks().get_or_insert_default().insert(addr, block);
    Ok(KPtr::new(addr))
}

fn release(p: KPtr, what: &'static str) -> KResult {
    if p.addr() <= ZERO_SIZE {
        return Ok(());
    }
    let block = blocks().as_mut().and_then(|b| b.remove(&p.addr()));
    let Some(block) = block else { return Err(KError::Bug(what)) };
    heap::free(p.addr(), block.len);
    Ok(())
}

/// The memory that a helper of lkm's own hands to a module: the module frees it with kfree.
///
/// # Errors
/// `ENOMEM`.
pub fn give(bytes: &[u8]) -> KResult<KPtr> {
    let p = alloc(bytes.len(), false, Kind::Kmalloc)?;
    machine::access::write(p.addr(), bytes)?;
    Ok(p)
}

/// Allocates `size` bytes. GFP flags other than `__GFP_ZERO` make no difference: the host's memory has no zones.
#[kexport(since = "2.6.0", header = "linux/slab.h", symbol = "__kmalloc_noprof")]
fn __kmalloc(size: usize, flags: u32) -> NullPtr {
    NullPtr(alloc(size, flags & GFP_ZERO != 0, Kind::Kmalloc))
}

/// Allocates `size` bytes; there is one memory node.
#[kexport(since = "2.6.0", header = "linux/slab.h")]
fn __kmalloc_node(size: usize, flags: u32, _node: i32) -> NullPtr {
    __kmalloc(size, flags)
}

/// What kmalloc of a constant size becomes: the cache is given, the size is what counts.
#[kexport(since = "6.1", header = "linux/slab.h", symbol = "__kmalloc_cache_noprof")]
fn kmalloc_trace(_cache: KPtr, flags: u32, size: usize) -> NullPtr {
    __kmalloc(size, flags)
}

/// [`kmalloc_trace`] for a memory node; there is one.
#[kexport(since = "6.1", header = "linux/slab.h")]
fn kmalloc_node_trace(_cache: KPtr, flags: u32, _node: i32, size: usize) -> NullPtr {
    __kmalloc(size, flags)
}

/// Frees what kmalloc gave. NULL and `ZERO_SIZE_PTR` are fine; anything else that is no block is a bug of the module.
#[kexport(since = "2.6.0", header = "linux/slab.h")]
fn kfree(p: KPtr) -> KResult {
    release(p, "kfree of an address that is no allocation")
}

/// Clears a block and frees it.
#[kexport(since = "5.9", header = "linux/slab.h")]
fn kfree_sensitive(p: KPtr) -> KResult {
    if p.addr() > ZERO_SIZE {
        machine::access::fill(p.addr(), 0, ksize(p) as usize)?;
    }
    release(p, "kfree_sensitive of an address that is no allocation")
}

/// Changes a block's size, moving it if need be. The old block stays when there is no memory.
#[kexport(since = "2.6.28", header = "linux/slab.h", symbol = "krealloc_noprof")]
fn krealloc(p: KPtr, size: usize, flags: u32) -> NullPtr {
    NullPtr(reallocate(p, size, flags))
}

fn reallocate(p: KPtr, size: usize, flags: u32) -> KResult<KPtr> {
    if size == 0 {
        release(p, "krealloc of an address that is no allocation")?;
        return Ok(KPtr::new(ZERO_SIZE));
    }
    let new = alloc(size, flags & GFP_ZERO != 0, Kind::Kmalloc)?;
    if p.addr() > ZERO_SIZE {
        let old = blocks().as_ref().and_then(|b| b.get(&p.addr()).map(|b| b.len));
        let old = old.ok_or(KError::Bug("krealloc of an address that is no allocation"))?;
        machine::access::copy(new.addr(), p.addr(), old.min(size))?;
        release(p, "krealloc of an address that is no allocation")?;
    }
    Ok(new)
}

/// The bytes that a block really has.
#[kexport(since = "2.6.0", header = "linux/slab.h")]
fn ksize(p: KPtr) -> u64 {
    blocks().as_ref().and_then(|b| b.get(&p.addr())).map_or(0, |b| heap::rounded(b.len) as u64)
}

/// Copies a string into a new block. NULL gives NULL.
#[kexport(since = "2.6.13", header = "linux/string.h", symbol = "kstrdup_noprof")]
fn kstrdup(s: Option<KStr>, _flags: u32) -> NullPtr {
    let Some(s) = s else { return NullPtr(Ok(KPtr::NULL)) };
    NullPtr(give(&[s.as_bytes(), &[0]].concat()))
}

/// Copies at most `max` bytes of a string into a new block and ends it. NULL gives NULL.
#[kexport(since = "2.6.23", header = "linux/string.h", symbol = "kstrndup_noprof")]
fn kstrndup(s: KPtr, max: usize, _flags: u32) -> NullPtr {
    if s.is_null() {
        return NullPtr(Ok(KPtr::NULL));
    }
    let copy = machine::access::read_str(s.addr(), max).map_err(KError::from);
    NullPtr(copy.and_then(|copy| give(&[&copy, [0].as_slice()].concat())))
}

/// [`__kmalloc_node`] on behalf of another caller, whose address makes no difference here.
#[kexport(since = "2.6.19", until = "6.10", header = "linux/slab.h")]
fn __kmalloc_node_track_caller(size: usize, flags: u32, node: i32, _caller: u64) -> NullPtr {
    __kmalloc_node(size, flags, node)
}

/// Copies `len` bytes into a new block and ends them with a NUL. NULL gives NULL.
#[kexport(since = "4.13", header = "linux/string.h", symbol = "kmemdup_nul_noprof")]
fn kmemdup_nul(s: KPtr, len: usize, _flags: u32) -> NullPtr {
    if s.is_null() {
        return NullPtr(Ok(KPtr::NULL));
    }
    let copy = s.bytes(0, len);
    NullPtr(copy.and_then(|copy| give(&[&copy, [0].as_slice()].concat())))
}

/// Copies `len` bytes into a new block.
#[kexport(since = "2.6.19", header = "linux/string.h", symbol = "kmemdup_noprof")]
fn kmemdup(from: KPtr, len: usize, _flags: u32) -> NullPtr {
    NullPtr(copy_of(from, len))
}

fn copy_of(from: KPtr, len: usize) -> KResult<KPtr> {
    let new = alloc(len, false, Kind::Kmalloc)?;
    if len > 0 {
        machine::access::copy(new.addr(), from.addr(), len)?;
    }
    Ok(new)
}

/// Allocates `size` bytes that need not be contiguous.
#[kexport(since = "4.12", header = "linux/mm.h")]
fn kvmalloc_node(size: usize, flags: u32, _node: i32) -> NullPtr {
    let kind = if size > KMALLOC_MAX { Kind::Vmalloc } else { Kind::Kmalloc };
    NullPtr(alloc(size, flags & GFP_ZERO != 0, kind))
}

/// [`kvmalloc_node`] with the set of caches to take it from, which makes no difference here.
#[kexport(since = "6.11", header = "linux/slab.h", only, symbol = "__kvmalloc_node_noprof")]
fn kvmalloc_node_noprof(size: usize, _buckets: KPtr, flags: u32, node: i32) -> NullPtr {
    kvmalloc_node(size, flags, node)
}

/// Frees what kvmalloc gave.
#[kexport(since = "3.15", header = "linux/mm.h")]
fn kvfree(p: KPtr) -> KResult {
    release(p, "kvfree of an address that is no allocation")
}

/// Allocates whole pages for `size` bytes.
#[kexport(since = "2.6.0", header = "linux/vmalloc.h", symbol = "vmalloc_noprof")]
fn vmalloc(size: u64) -> NullPtr {
    NullPtr(alloc(size as usize, false, Kind::Vmalloc))
}

/// Allocates zeroed whole pages for `size` bytes.
#[kexport(since = "2.6.37", header = "linux/vmalloc.h", symbol = "vzalloc_noprof")]
fn vzalloc(size: u64) -> NullPtr {
    NullPtr(alloc(size as usize, true, Kind::Vmalloc))
}

/// Frees what vmalloc gave. NULL is fine.
#[kexport(since = "2.6.0", header = "linux/vmalloc.h")]
fn vfree(p: KPtr) -> KResult {
    release(p, "vfree of an address that is no allocation")
}
