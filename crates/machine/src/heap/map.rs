//! The mappings of the physical memory, and a word for each page that says what it is used for.

use crate::arena::PAGE;
use crate::error::MachineError;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// Bytes of physical memory, as address space: memory is taken when it is touched.
pub const LEN: u64 = 64 << 30;
/// Bytes of a page's structure: `struct page` of every kernel that is supported.
const PAGE_STRUCT: u64 = 64;
/// Address space of [`super::vmap`].
pub(super) const VMAP_LEN: usize = 256 << 30;
/// Where the ranges should lie: in the order that Linux has them in. Any other place does too.
const WANTED: [usize; 3] = [0x1000_0000_0000, 0x2000_0000_0000, 0x3000_0000_0000];

struct Map {
    base: u64,
    vmalloc: u64,
    vmemmap: u64,
    fd: i32,
    uses: &'static [AtomicU32],
}

static MAP: OnceLock<Map> = OnceLock::new();
/// Called when pages become a slab, or no longer are one: address, order, which.
static SLAB_HOOK: OnceLock<fn(u64, u8, bool)> = OnceLock::new();

fn last(what: &str) -> MachineError {
    MachineError::last(format!("setting address space aside for {what}"))
}

fn reserve_range(at: usize, len: usize, prot: i32, fd: Option<i32>, what: &str) -> Result<u64, MachineError> {
    let sharing = if fd.is_some() { libc::MAP_SHARED } else { libc::MAP_PRIVATE | libc::MAP_ANONYMOUS };
    let flags = sharing | libc::MAP_NORESERVE;
    // SAFETY: without MAP_FIXED the address is a hint, and no mapping is replaced.
    let p = unsafe { libc::mmap(at as *mut _, len, prot, flags, fd.unwrap_or(-1), 0) };
    if p == libc::MAP_FAILED { Err(last(what)) } else { Ok(p as u64) }
}

pub(crate) fn reserve() -> Result<(), MachineError> {
    // SAFETY: memfd_create only reads the name.
    let fd = unsafe { libc::memfd_create(c"lkm-memory".as_ptr(), libc::MFD_CLOEXEC) };
    // SAFETY: ftruncate has no memory effects.
    if fd < 0 || unsafe { libc::ftruncate(fd, LEN as i64) } != 0 {
        return Err(last("module memory"));
    }
    let both = libc::PROT_READ | libc::PROT_WRITE;
    let [direct, vmalloc, vmemmap] = WANTED;
    let base = reserve_range(direct, LEN as usize, both, Some(fd), "module memory")?;
    let vmalloc = reserve_range(vmalloc, VMAP_LEN, libc::PROT_NONE, None, "vmalloc")?;
    let frames = LEN / PAGE as u64;
    let vmemmap = reserve_range(vmemmap, (frames * PAGE_STRUCT) as usize, both, None, "page structures")?;
    let uses = reserve_range(0, 4 * frames as usize, both, None, "what pages are used for")?;
    // SAFETY: a fresh zeroed mapping of that length that is never unmapped; only these atomics refer to it.
    let uses = unsafe { std::slice::from_raw_parts(uses as *const AtomicU32, frames as usize) };
    let map = Map { base, vmalloc, vmemmap, fd, uses };
    MAP.set(map).map_err(|_| MachineError::AlreadyBooted)?;
    super::guarded::close_range()
}

fn map() -> &'static Map {
    MAP.get().expect("machine::boot comes first")
}

/// Where all physical memory is mapped (`page_offset_base`).
pub fn base() -> u64 {
    map().base
}

/// Where pages are mapped once more (`vmalloc_base`).
pub fn vmalloc_base() -> u64 {
    map().vmalloc
}

/// Where the page structures lie (`vmemmap_base`).
pub fn vmemmap() -> u64 {
    map().vmemmap
}

/// True if `addr` lies in physical memory or in the range of second mappings.
#[inline]
pub fn contains(addr: u64) -> bool {
    let inside = |start: u64, len: u64| addr.wrapping_sub(start) < len;
    MAP.get().is_some_and(|map| inside(map.base, LEN) || inside(map.vmalloc, VMAP_LEN as u64))
}

/// The first call counts.
pub fn set_slab_hook(hook: fn(u64, u8, bool)) {
    // A second kernel in one process does not exist.
    let _ = SLAB_HOOK.set(hook);
}

pub(super) fn tell_slab(addr: u64, order: u8, made: bool) {
    if let Some(hook) = SLAB_HOOK.get() {
        hook(addr, order, made);
    }
}

/// The number of the page that contains `addr`.
#[inline]
pub(super) fn pfn(addr: u64) -> Option<u64> {
    let offset = addr.wrapping_sub(MAP.get()?.base);
    (offset < LEN).then_some(offset / PAGE as u64)
}

/// The address of a page.
pub(super) fn addr(pfn: u64) -> u64 {
    map().base + pfn * PAGE as u64
}

/// What a page is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    Free,
    /// Part of a run of `1 << order` pages, aligned to its size.
    Run {
        order: u8,
    },
    /// The page with this number in a slab of this cache.
    Slab {
        cache: u32,
        index: u8,
    },
    Guarded,
}

/// Caches have numbers below this.
pub(super) const MOST_CACHES: u32 = 1 << 24;

impl Use {
    fn word(self) -> u32 {
        match self {
            Self::Free => 0,
            Self::Run { order } => 1 | u32::from(order) << 2,
            Self::Slab { cache, index } => 2 | u32::from(index & 0xf) << 2 | cache << 6,
            Self::Guarded => 3,
        }
    }

    #[inline]
    fn of(word: u32) -> Self {
        match word & 3 {
            0 => Self::Free,
            1 => Self::Run { order: (word >> 2) as u8 },
            2 => Self::Slab { index: (word >> 2 & 0xf) as u8, cache: word >> 6 },
            _ => Self::Guarded,
        }
    }
}

/// What the page that contains `addr` is used for; `None` outside of the physical memory.
#[inline(always)]
pub(super) fn use_at(addr: u64) -> Option<Use> {
    let map = MAP.get()?;
    let pfn = addr.wrapping_sub(map.base) / PAGE as u64;
    map.uses.get(pfn as usize).map(|word| Use::of(word.load(Ordering::Relaxed)))
}

#[inline]
pub(super) fn use_of(pfn: u64) -> Use {
    Use::of(map().uses.get(pfn as usize).map_or(0, |word| word.load(Ordering::Relaxed)))
}

/// Notes what `count` pages from `pfn` on are used for.
pub(super) fn set_use(pfn: u64, count: u64, what: impl Fn(u64) -> Use) {
    for (i, word) in (0..count).zip(map().uses.iter().skip(pfn as usize)) {
        word.store(what(i).word(), Ordering::Relaxed);
    }
}

/// Clears memory that the caller was given and that nobody else uses yet.
#[inline]
pub(super) fn clear(addr: u64, len: usize) {
    debug_assert!(contains(addr) && contains(addr + len as u64 - 1));
    // SAFETY: the range is accessible memory of ours that was just taken; Rust has no reference to it.
    unsafe { std::ptr::write_bytes(addr as *mut u8, 0, len) }
}

/// [`clear`] for an object of kmalloc's sizes: 8 bytes, or a multiple of 16.
#[inline(always)]
pub(super) fn clear_object(addr: u64, len: usize) {
    use std::arch::x86_64::{__m128i, _mm_setzero_si128};
    // SAFETY: every processor of the architecture has the instruction.
    let zero: __m128i = unsafe { _mm_setzero_si128() };
    // SAFETY: as for `clear`; callers stay within `len`.
    let put = |offset: usize| unsafe { ((addr + offset as u64) as *mut __m128i).write_volatile(zero) };
    // A call of memset costs more than a few words: so many from the beginning, and as many up to the end.
    let both_ends = |count: usize| {
        for n in 0..count {
            put(16 * n);
            put(len - 16 * (n + 1));
        }
    };
    match len {
        // SAFETY: as for `clear`.
        ..16 => unsafe { (addr as *mut u64).write_volatile(0) },
        16..=32 => both_ends(1),
        33..=64 => both_ends(2),
        65..=128 => both_ends(4),
        _ => clear(addr, len),
    }
}

/// Gives the host the memory behind a range back; what is read there afterwards is zero.
pub(super) fn discard(addr: u64, len: usize) {
    let mode = libc::FALLOC_FL_PUNCH_HOLE | libc::FALLOC_FL_KEEP_SIZE;
    // Where it fails the memory stays taken, and is cleared when it is used again.
    // SAFETY: punches a hole into our own memfd, in a range that nobody uses.
    unsafe { libc::fallocate(map().fd, mode, (addr - map().base) as i64, len as i64) };
}

/// Opens or closes a range of the physical memory; false when the host refuses.
pub(super) fn open(addr: u64, len: usize, accessible: bool) -> bool {
    let prot = if accessible { libc::PROT_READ | libc::PROT_WRITE } else { libc::PROT_NONE };
    // SAFETY: the range lies in our own mapping, which holds nothing of Rust's.
    unsafe { libc::mprotect(addr as *mut _, len, prot) == 0 }
}

/// Maps the pages from `from` on at `at`, in the range of second mappings; without `from`, nothing is there then.
pub(super) fn map_again(at: u64, len: usize, from: Option<(u64, bool)>) -> bool {
    let fixed = libc::MAP_FIXED | libc::MAP_NORESERVE;
    let private = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | fixed;
    // SAFETY: callers own the range at `at`, which lies in our reservation and holds nothing of Rust's.
    let p = unsafe {
        match from {
            Some((from, writable)) => {
                let prot = libc::PROT_READ | if writable { libc::PROT_WRITE } else { 0 };
                let offset = (from - map().base) as i64;
                libc::mmap(at as *mut _, len, prot, libc::MAP_SHARED | fixed, map().fd, offset)
            }
            None => libc::mmap(at as *mut _, len, libc::PROT_NONE, private, -1, 0),
        }
    };
    p != libc::MAP_FAILED
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_keep_what_a_page_is() {
        let uses = [
            Use::Free,
            Use::Run { order: 10 },
            Use::Slab { cache: MOST_CACHES - 1, index: 7 },
            Use::Slab { cache: 0, index: 0 },
            Use::Guarded,
        ];
        for what in uses {
            assert_eq!(Use::of(what.word()), what);
        }
    }
}
