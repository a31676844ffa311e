//! Copies and other helpers around kmalloc. Counterpart: mm/util.c, lib/string_helpers.c.

use super::slab::{self, KMALLOC_MAX};
use super::{uaccess, vmalloc};
use kabi::errno::{EFAULT, ENOMEM};
use kabi::{ErrPtr, KError, KPtr, KResult, KStr, NullPtr, c_int, exports, kexport};
use machine::{access, arena};

exports![
    kstrdup,
    kstrdup_const,
    kstrndup,
    kmemdup,
    kmemdup_nul,
    kmemdup_array,
    kvmemdup,
    kfree_const,
    kfree_sensitive,
    vmemdup_user,
    kvmalloc_node,
    kvmalloc_node_noprof,
    kvrealloc_noprof,
    kvfree,
    kvfree_sensitive,
];

/// `__GFP_DIRECT_RECLAIM`: the caller may sleep.
const GFP_MAY_SLEEP: u32 = 0x400;
const PAGE: usize = 4096;

/// Copies a string into a new block. NULL gives NULL.
#[kexport(since = "2.6.13", header = "linux/string.h", symbol = "kstrdup_noprof")]
fn kstrdup(s: Option<KStr>, _flags: u32) -> NullPtr {
    let Some(s) = s else { return NullPtr(Ok(KPtr::NULL)) };
    NullPtr(slab::give(&[s.as_bytes(), &[0]].concat()))
}

/// [`kstrdup`], unless the string is a constant of the kernel, which stays where it is. A module's constants are none.
#[kexport(since = "4.0", header = "linux/string.h")]
fn kstrdup_const(s: KPtr, flags: u32) -> NullPtr {
    if is_constant(s) {
        return NullPtr(Ok(s));
    }
    NullPtr(kabi::FromAbi::from_abi(s.addr()).and_then(|text| kstrdup(text, flags).0))
}

/// A constant of the kernel itself: an address of the arena that no module has.
fn is_constant(s: KPtr) -> bool {
    arena::contains(s.addr()) && crate::module::containing(s.addr()).is_none()
}

/// Copies at most `max` bytes of a string into a new block and ends it. NULL gives NULL.
#[kexport(since = "2.6.23", header = "linux/string.h", symbol = "kstrndup_noprof")]
fn kstrndup(s: KPtr, max: usize, _flags: u32) -> NullPtr {
    if s.is_null() {
        return NullPtr(Ok(KPtr::NULL));
    }
    let copy = access::read_str(s.addr(), max).map_err(KError::from);
    NullPtr(copy.and_then(|copy| slab::give(&[&copy, [0].as_slice()].concat())))
}

/// Copies `len` bytes into a new block and ends them with a NUL. NULL gives NULL.
#[kexport(since = "4.13", header = "linux/string.h", symbol = "kmemdup_nul_noprof")]
fn kmemdup_nul(s: KPtr, len: usize, _flags: u32) -> NullPtr {
    if s.is_null() {
        return NullPtr(Ok(KPtr::NULL));
    }
    let copy = s.bytes(0, len);
    NullPtr(copy.and_then(|copy| slab::give(&[&copy, [0].as_slice()].concat())))
}

/// Copies `len` bytes into a new block.
#[kexport(since = "2.6.19", header = "linux/string.h", symbol = "kmemdup_noprof")]
fn kmemdup(from: KPtr, len: usize, flags: u32) -> NullPtr {
    NullPtr(copy_to(slab::alloc(len, flags), from, len))
}

/// [`kmemdup`] for an array.
#[kexport(since = "6.6", header = "linux/string.h")]
fn kmemdup_array(from: KPtr, count: usize, size: usize, flags: u32) -> NullPtr {
    let Some(len) = count.checked_mul(size) else { return NullPtr(Err(ENOMEM.into())) };
    kmemdup(from, len, flags)
}

/// [`kmemdup`] into memory that need not be contiguous.
#[kexport(since = "6.4", header = "linux/string.h")]
fn kvmemdup(from: KPtr, len: usize, flags: u32) -> NullPtr {
    NullPtr(copy_to(kv_alloc(len, flags), from, len))
}

fn copy_to(to: KResult<KPtr>, from: KPtr, len: usize) -> KResult<KPtr> {
    let to = to?;
    if len > 0 {
        access::copy(to.addr(), from.addr(), len)?;
    }
    Ok(to)
}

/// Frees what [`kstrdup_const`] gave.
#[kexport(since = "4.0", header = "linux/string.h")]
fn kfree_const(p: KPtr) -> KResult {
    if is_constant(p) { Ok(()) } else { slab::free(p, "kfree_const") }
}

/// Clears a block and frees it.
#[kexport(since = "5.9", header = "linux/slab.h")]
fn kfree_sensitive(p: KPtr) -> KResult {
    let size = slab::size_of(p.addr());
    if size > 0 {
        access::fill(p.addr(), 0, size)?;
    }
    slab::free(p, "kfree_sensitive")
}

fn from_user(from: KPtr, len: usize, to: KResult<KPtr>) -> KResult<KPtr> {
    let to = to?;
    if len == 0 || uaccess::copy(to.addr(), from.addr(), len, from.addr()) == 0 {
        return Ok(to);
    }
    slab::free_any(to, "vmemdup_user")?;
    Err(EFAULT.into())
}

/// Copies `len` bytes of a program into a new block that need not be contiguous.
///
/// # Errors
/// `EFAULT`; `ENOMEM`.
#[kexport(since = "4.16", header = "linux/string.h")]
fn vmemdup_user(from: KPtr, len: usize) -> ErrPtr {
    ErrPtr(from_user(from, len, kv_alloc(len, GFP_MAY_SLEEP)))
}

/// kvmalloc: kmalloc where that has it, else vmalloc.
///
/// # Errors
/// `ENOMEM`.
pub fn kv_alloc(size: usize, flags: u32) -> KResult<KPtr> {
    if size <= KMALLOC_MAX {
        return slab::alloc(size, flags);
    }
    if flags & GFP_MAY_SLEEP == 0 || size > c_int::MAX as usize {
        return Err(ENOMEM.into());
    }
    vmalloc::alloc(size as u64, flags)
}

/// Allocates `size` bytes that need not be contiguous.
#[kexport(since = "4.12", until = "6.11", header = "linux/mm.h")]
fn kvmalloc_node(size: usize, flags: u32, _node: c_int) -> NullPtr {
    NullPtr(kv_alloc(size, flags))
}

/// [`kvmalloc_node`] with the set of caches to take it from, which makes no difference here.
#[kexport(since = "6.11", header = "linux/slab.h", only, symbol = "__kvmalloc_node_noprof")]
fn kvmalloc_node_noprof(size: usize, _buckets: KPtr, flags: u32, _node: c_int) -> NullPtr {
    NullPtr(kv_alloc(size, flags))
}

/// Changes the size of what kvmalloc gave.
#[kexport(since = "6.12", header = "linux/slab.h")]
fn kvrealloc_noprof(p: KPtr, size: usize, flags: u32) -> NullPtr {
    NullPtr(kv_realloc(p, size, flags))
}

fn kv_realloc(p: KPtr, size: usize, flags: u32) -> KResult<KPtr> {
    if !slab::is_vmalloc(p.addr()) && size <= KMALLOC_MAX {
        return slab::reallocate(p, size, flags);
    }
    let old = match slab::is_vmalloc(p.addr()) {
        true => super::owned::memory_at(p.addr()).map_or(size, |block| block.len.next_multiple_of(PAGE)),
        false => slab::size_of(p.addr()),
    };
    let new = copy_to(kv_alloc(size, flags), p, old.min(size))?;
    slab::free_any(p, "kvrealloc")?;
    Ok(new)
}

/// Frees what kvmalloc gave.
#[kexport(since = "3.15", header = "linux/mm.h")]
fn kvfree(p: KPtr) -> KResult {
    slab::free_any(p, "kvfree")
}

/// Clears `len` bytes and frees what kvmalloc gave.
#[kexport(since = "5.8", header = "linux/mm.h")]
fn kvfree_sensitive(p: KPtr, len: usize) -> KResult {
    if p.addr() > slab::ZERO_SIZE {
        access::fill(p.addr(), 0, len)?;
    }
    slab::free_any(p, "kvfree_sensitive")
}
