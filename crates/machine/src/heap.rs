//! Memory that modules ask for at run time: a range of its own, apart from lkm's heap.
//!
//! Small sizes come from slabs of one power of two each, so a block is aligned to its size up to a page, as kmalloc
//! guarantees; larger ones are whole pages with an inaccessible page behind. Who owns which block is the kernel's
//! business. Counterpart: the page allocator under mm/slub.c and mm/vmalloc.c.

use crate::arena::{FreeList, PAGE};
use crate::error::MachineError;
use std::sync::{Mutex, OnceLock, PoisonError};

/// Address space that is set aside; memory is taken when it is touched.
const LEN: usize = 64 << 30;
/// Largest size that comes from a slab.
const LARGEST_SLAB: usize = 2048;
/// Slab sizes are 8 << 0 up to 8 << 8.
const CLASSES: usize = 9;
/// Bytes of one slab.
const SLAB: usize = 32 << 10;

struct Heap {
    base: u64,
    inner: Mutex<Inner>,
}

struct Inner {
    pages: FreeList,
    /// Free blocks by size class, last freed first.
    free: [Vec<u64>; CLASSES],
}

static HEAP: OnceLock<Heap> = OnceLock::new();

pub(crate) fn reserve() -> Result<(), MachineError> {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
    // SAFETY: an anonymous mapping at an address of the host's choice.
    let p = unsafe { libc::mmap(std::ptr::null_mut(), LEN, libc::PROT_NONE, flags, -1, 0) };
    if p == libc::MAP_FAILED {
        return Err(MachineError::last(format!("setting {LEN} bytes of address space aside for module memory")));
    }
    let base = p as u64;
    let inner = Inner { pages: FreeList::new(base, LEN), free: std::array::from_fn(|_| Vec::new()) };
    HEAP.set(Heap { base, inner: Mutex::new(inner) }).map_err(|_| MachineError::AlreadyBooted)
}

fn heap() -> &'static Heap {
    HEAP.get().expect("machine::boot comes first")
}

/// True if `addr` lies in the range that blocks come from.
pub fn contains(addr: u64) -> bool {
    HEAP.get().is_some_and(|heap| addr.wrapping_sub(heap.base) < LEN as u64)
}

/// The bytes that a request of `len` bytes really gets (`kmalloc_size_roundup`).
pub fn rounded(len: usize) -> usize {
    if len <= LARGEST_SLAB { len.max(8).next_power_of_two() } else { len.next_multiple_of(PAGE) }
}

/// Takes a block of at least `len` bytes; its content is undefined. `None` when the host has no memory left.
pub fn alloc(len: usize) -> Option<u64> {
    if len > LEN / 4 {
        return None;
    }
    let mut inner = heap().inner.lock().unwrap_or_else(PoisonError::into_inner);
    let size = rounded(len);
    if size > LARGEST_SLAB {
        return inner.take_pages(size);
    }
    let class = (size / 8).trailing_zeros() as usize;
    if inner.free[class].is_empty() {
        let slab = inner.take_pages(SLAB)?;
        inner.free[class].extend((0..SLAB / size).rev().map(|i| slab + (i * size) as u64));
    }
    inner.free[class].pop()
}

/// Gives back the block at `addr` that was asked for with `len` bytes.
pub fn free(addr: u64, len: usize) {
    let mut inner = heap().inner.lock().unwrap_or_else(PoisonError::into_inner);
    let size = rounded(len);
    if size > LARGEST_SLAB {
        inner.give_pages(addr, size);
    } else {
        inner.free[(size / 8).trailing_zeros() as usize].push(addr);
    }
}

impl Inner {
    fn take_pages(&mut self, size: usize) -> Option<u64> {
        let addr = self.pages.take(size + PAGE)?;
        // SAFETY: pages of our own mapping that nobody uses.
        if unsafe { libc::mprotect(addr as *mut _, size, libc::PROT_READ | libc::PROT_WRITE) } == 0 {
            return Some(addr);
        }
        self.pages.give(addr, size + PAGE);
        None
    }

    fn give_pages(&mut self, addr: u64, size: usize) {
        // SAFETY: pages of our own mapping that the kernel gave back; their content goes, later accesses trap.
        let gone = unsafe {
            libc::madvise(addr as *mut _, size, libc::MADV_DONTNEED) == 0
                && libc::mprotect(addr as *mut _, size, libc::PROT_NONE) == 0
        };
        if gone {
            self.pages.give(addr, size + PAGE);
        }
    }
}
