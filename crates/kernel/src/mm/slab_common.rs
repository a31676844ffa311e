//! What modules ask about blocks, and the caches that inline allocations name. Counterpart: mm/slab_common.c.

use super::slab;
use kabi::{DataExport, DataSize, KPtr, NullPtr, exports, kexport};
use machine::heap;

exports![krealloc, ksize, kmalloc_size_roundup];

/// Changes a block's size, moving it if need be. The old block stays when there is no memory.
#[kexport(since = "2.6.28", header = "linux/slab.h", symbol = "krealloc_noprof")]
fn krealloc(p: KPtr, size: usize, flags: u32) -> NullPtr {
    NullPtr(slab::reallocate(p, size, flags))
}

/// The bytes that a block really has.
#[kexport(since = "2.6.0", header = "linux/slab.h")]
fn ksize(p: KPtr) -> usize {
    slab::size_of(p.addr())
}

/// The bytes that a request really gets.
#[kexport(since = "6.1", header = "linux/slab.h")]
fn kmalloc_size_roundup(size: usize) -> usize {
    match size {
        0 => 0,
        // Up to the largest order that `get_order` can name.
        size if size > usize::MAX / 2 => usize::MAX,
        size => heap::rounded(size),
    }
}

/// Variables that modules can see.
pub(crate) static DATA: &[DataExport] = &[DataExport {
    // All kernels' tables are smaller than a page.
    names: &["kmalloc_caches"],
    size: DataSize::Bytes(4096),
    percpu: false,
    gpl: false,
    init: |_, _| Ok(()),
    doc: "The caches of kmalloc, which inline code only hands on: an allocation goes by its size.",
}];
