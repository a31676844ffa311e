//! Memory that modules ask for at run time, apart from lkm's own heap: the instance's physical memory.
//!
//! One memfd is the physical memory. All of it is mapped behind [`base`] (`page_offset_base`), with an array of page
//! structures behind [`vmemmap`], so that the address arithmetic that modules have compiled in (`virt_to_page`,
//! `page_address`) holds. Pages can be mapped once more into the range behind [`vmalloc_base`].
//!
//! - `map`: the mappings, and what each page is used for;
//! - `pages`: runs of 1 to 1024 pages, aligned to their size;
//! - `slab`: objects of one size, and the size classes of kmalloc; `bags` and [`magazines`]: what
//!   threads keep of these and of others;
//! - `guarded`: blocks that end at an inaccessible page;
//! - `vmap`: the second mapping.
//!
//! Who owns which block is the kernel's business. Counterpart: mm/page_alloc.c, mm/slub.c, mm/vmalloc.c.

mod bags;
pub mod guarded;
pub mod magazines;
mod map;
pub mod pages;
pub mod slab;
pub mod vmap;

pub(crate) use map::reserve;
pub use map::{LEN, base, contains, set_slab_hook, vmalloc_base, vmemmap};

use crate::arena::PAGE;
use map::Use;

/// What lies at an address of the physical memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spot {
    /// Nothing: the page is free.
    Free,
    /// An object of a slab, given out or not.
    Slab {
        /// The number of its cache.
        cache: u32,
        /// Where the object begins, or where one would if the address lies behind the slab's last.
        object: u64,
        /// Bytes of an object.
        size: usize,
    },
    /// A run of pages.
    Run {
        /// Its first byte.
        head: u64,
        /// The binary logarithm of its number of pages.
        order: u8,
    },
    /// A page that [`guarded`] blocks use or used.
    Guarded,
}

/// What lies at `addr`; `None` outside of the physical memory.
pub fn spot(addr: u64) -> Option<Spot> {
    let pfn = map::pfn(addr)?;
    Some(match map::use_of(pfn) {
        Use::Free => Spot::Free,
        Use::Guarded => Spot::Guarded,
        Use::Run { order } => Spot::Run { head: map::addr(pfn & !((1 << order) - 1)), order },
        Use::Slab { cache, index } => {
            let start = map::addr(pfn - u64::from(index));
            let size = slab::size_of(cache)?;
            let number = (addr - start) / size as u64;
            Spot::Slab { cache, object: start + number * size as u64, size }
        }
    })
}

/// The bytes that a request of `len` bytes really gets (`kmalloc_size_roundup`).
pub fn rounded(len: usize) -> usize {
    match slab::class(len) {
        Some(class) => slab::SIZES[class],
        None => PAGE << pages::order_of(len),
    }
}

/// Takes a zeroed block of at least `len` bytes; `None` when no memory is left, or for more than 4 MiB.
pub fn alloc(len: usize) -> Option<u64> {
    match slab::class(len) {
        Some(class) => slab::take_of_class(class),
        None => pages::take(pages::order_of(len)),
    }
}

/// Gives back the block at `addr`. The length is that of [`alloc`]; the pages know it too.
pub fn free(addr: u64, _len: usize) {
    match spot(addr) {
        Some(Spot::Slab { cache, object, .. }) if object == addr => {
            slab::give(cache, addr);
        }
        Some(Spot::Run { head, order }) if head == addr => pages::give(addr, order),
        // No block of ours: it stays as it is.
        _ => {}
    }
}
