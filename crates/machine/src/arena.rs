//! Memory for modules in the low 2 GiB.
//!
//! The arena is one memfd mapped twice: at [`BASE`], where module code sees it with the protection it shall have, and
//! at an address of the host's choice, read-write, through which the loader writes code and read-only data. No page is
//! writable and executable at the same address. Freed ranges lose their access and their content.
//!
//! The first [`STUBS_LEN`] bytes hold stubs and are executable from the start.
//! Counterpart: `module_alloc` of arch/x86/kernel/module.c, kernel/module/strict_rwx.c.

use crate::error::MachineError;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

/// Lowest address of the arena.
pub const BASE: u64 = 0x1000_0000;
/// Bytes of address space that the arena takes.
pub const LEN: usize = 768 << 20;
/// Bytes at the start of the arena that hold stubs.
pub const STUBS_LEN: usize = 8 << 20;
/// Bytes of a page.
pub const PAGE: usize = 4096;

/// What module code may do with a range of the arena.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Nothing: every access traps.
    None,
    /// Read.
    Read,
    /// Read and write.
    ReadWrite,
    /// Read and execute.
    Execute,
    /// Everything: for images of which nobody knows what is code, as Linux 2.4 had them.
    ReadWriteExecute,
}

struct Arena {
    /// Added to an arena address gives the writable alias.
    alias_delta: isize,
    fd: i32,
    free: Mutex<FreeList>,
}

static ARENA: OnceLock<Arena> = OnceLock::new();

/// A page-aligned range of the arena; freed when dropped.
#[derive(Debug)]
pub struct Block {
    addr: u64,
    len: usize,
}

pub(crate) fn reserve() -> Result<(), MachineError> {
    // SAFETY: memfd_create only reads the name.
    let fd = unsafe { libc::memfd_create(c"lkm-arena".as_ptr(), libc::MFD_CLOEXEC) };
    if fd < 0 {
        return Err(MachineError::last("memfd_create for the module arena"));
    }
    // SAFETY: fd is ours; ftruncate has no memory effects.
    if unsafe { libc::ftruncate(fd, LEN as i64) } != 0 {
        return Err(MachineError::last(format!("sizing the module arena to {LEN} bytes")));
    }
    let low = map_shared(BASE as usize, libc::PROT_NONE, libc::MAP_FIXED_NOREPLACE, fd)?;
    let alias = map_shared(0, libc::PROT_READ | libc::PROT_WRITE, 0, fd)?;
    let arena = Arena {
        alias_delta: alias.wrapping_sub(low) as isize,
        fd,
        // The page behind the stubs is never given, as none behind a block is.
        free: Mutex::new(FreeList::new(BASE + (STUBS_LEN + PAGE) as u64, LEN - STUBS_LEN - PAGE)),
    };
    ARENA.set(arena).map_err(|_| MachineError::AlreadyBooted)?;
    protect_range(BASE, STUBS_LEN, Access::Execute)
}

fn map_shared(at: usize, prot: i32, flags: i32, fd: i32) -> Result<usize, MachineError> {
    // SAFETY: with MAP_FIXED_NOREPLACE or no fixed address, a mapping never replaces one that exists.
    let p = unsafe { libc::mmap(at as *mut _, LEN, prot, libc::MAP_SHARED | libc::MAP_NORESERVE | flags, fd, 0) };
    if p == libc::MAP_FAILED {
        return Err(MachineError::last(format!("mapping {LEN} bytes for the module arena at {at:#x}")));
    }
    Ok(p as usize)
}

fn arena() -> &'static Arena {
    ARENA.get().expect("machine::boot comes first")
}

/// True if `addr` lies in the arena.
pub fn contains(addr: u64) -> bool {
    (BASE..BASE + LEN as u64).contains(&addr)
}

/// True if `addr` lies among the stubs.
pub fn is_stub(addr: u64) -> bool {
    (BASE..BASE + STUBS_LEN as u64).contains(&addr)
}

/// Takes `len` bytes (rounded up to pages) out of the arena: zeroed, without access until [`Block::protect`].
/// The page behind is left without access for good, as behind the kernel's own allocations.
///
/// # Errors
/// [`MachineError::ArenaFull`].
pub fn alloc(len: usize) -> Result<Block, MachineError> {
    let len = len.max(1).checked_next_multiple_of(PAGE).ok_or(MachineError::ArenaFull(len))?;
    let addr = lock(&arena().free).take(len + PAGE).ok_or(MachineError::ArenaFull(len))?;
    Ok(Block { addr, len })
}

/// Bytes of the arena that are not taken.
pub fn free_bytes() -> usize {
    lock(&arena().free).ranges.values().sum()
}

fn lock(list: &Mutex<FreeList>) -> MutexGuard<'_, FreeList> {
    list.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The writable alias of `len` bytes at `addr`.
pub(crate) fn alias(addr: u64, len: usize) -> Result<*mut u8, MachineError> {
    let end = addr.checked_add(len as u64).filter(|end| addr >= BASE && *end <= BASE + LEN as u64);
    end.ok_or(MachineError::OutOfRange { addr, len })?;
    Ok((addr as isize).wrapping_add(arena().alias_delta) as *mut u8)
}

/// Writes `bytes` at `addr` whatever access module code has there.
///
/// # Errors
/// [`MachineError::OutOfRange`].
pub fn write(addr: u64, bytes: &[u8]) -> Result<(), MachineError> {
    let to = alias(addr, bytes.len())?;
    // SAFETY: `alias` checked the range; the alias mapping is read-write and never unmapped.
    unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), to, bytes.len()) };
    Ok(())
}

/// Reads the bytes at `addr` whatever access module code has there.
///
/// # Errors
/// [`MachineError::OutOfRange`].
pub fn read(addr: u64, bytes: &mut [u8]) -> Result<(), MachineError> {
    let from = alias(addr, bytes.len())?;
    // SAFETY: `alias` checked the range; the alias mapping is readable and never unmapped.
    unsafe { std::ptr::copy_nonoverlapping(from, bytes.as_mut_ptr(), bytes.len()) };
    Ok(())
}

fn protect_range(addr: u64, len: usize, access: Access) -> Result<(), MachineError> {
    let prot = match access {
        Access::None => libc::PROT_NONE,
        Access::Read => libc::PROT_READ,
        Access::ReadWrite => libc::PROT_READ | libc::PROT_WRITE,
        Access::Execute => libc::PROT_READ | libc::PROT_EXEC,
        Access::ReadWriteExecute => libc::PROT_READ | libc::PROT_WRITE | libc::PROT_EXEC,
    };
    // SAFETY: callers pass ranges of the low mapping, which holds nothing of Rust's.
    if unsafe { libc::mprotect(addr as *mut _, len, prot) } != 0 {
        return Err(MachineError::last(format!("mprotect of {len} bytes at {addr:#x} to {access:?}")));
    }
    Ok(())
}

impl Block {
    /// The address at which module code sees the block.
    pub fn addr(&self) -> u64 {
        self.addr
    }

    /// Length in bytes, whole pages.
    pub fn len(&self) -> usize {
        self.len
    }

    /// A block is never empty.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// Sets what module code may do with the pages of `offset .. offset + len`.
    ///
    /// # Errors
    /// When the range is not within the block or not whole pages, or the host refuses.
    pub fn protect(&self, offset: usize, len: usize, access: Access) -> Result<(), MachineError> {
        if len == 0 {
            return Ok(());
        }
        let addr = self.addr + offset as u64;
        let fits = offset.checked_add(len).is_some_and(|end| end <= self.len);
        let fits = fits && offset.is_multiple_of(PAGE) && len.is_multiple_of(PAGE);
        if !fits {
            return Err(MachineError::OutOfRange { addr, len });
        }
        protect_range(addr, len, access)
    }

    /// Takes memory for the whole block at once, which costs less than a fault for each page of it.
    pub fn populate(&self) {
        let Ok(at) = alias(self.addr, self.len) else { return };
        // Where it fails (Linux before 5.14, memory is short) the pages come one by one, as without it.
        // SAFETY: the range lies in the alias mapping, and populating it changes no byte.
        unsafe { libc::madvise(at.cast(), self.len, libc::MADV_POPULATE_WRITE) };
    }

    /// The block's bytes through the writable alias.
    ///
    /// The loader is the only one that knows a fresh block, so nothing else writes there meanwhile; once module code
    /// runs, use [`write()`] and [`crate::access`].
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        let at = alias(self.addr, self.len).expect("a block lies in the arena");
        // SAFETY: the range is checked, mapped read-write for the life of the process, and `&mut self` makes this the
        // only Rust reference to it.
        unsafe { std::slice::from_raw_parts_mut(at, self.len) }
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        // A range that could not be taken away from module code is not used again.
        if protect_range(self.addr, self.len, Access::None).is_err() {
            return;
        }
        let offset = (self.addr - BASE) as i64;
        let mode = libc::FALLOC_FL_PUNCH_HOLE | libc::FALLOC_FL_KEEP_SIZE;
        // SAFETY: punches a hole into our own memfd; nobody refers to the block any more.
        if unsafe { libc::fallocate(arena().fd, mode, offset, self.len as i64) } == 0 {
            lock(&arena().free).give(self.addr, self.len + PAGE);
        }
    }
}

/// Free ranges by address, neighbours merged.
pub(crate) struct FreeList {
    ranges: BTreeMap<u64, usize>,
}

impl FreeList {
    pub(crate) fn new(addr: u64, len: usize) -> Self {
        Self { ranges: BTreeMap::from([(addr, len)]) }
    }

    /// First fit.
    pub(crate) fn take(&mut self, len: usize) -> Option<u64> {
        let (&addr, &have) = self.ranges.iter().find(|(_, have)| **have >= len)?;
        self.ranges.remove(&addr);
        if have > len {
            self.ranges.insert(addr + len as u64, have - len);
        }
        Some(addr)
    }

    pub(crate) fn give(&mut self, mut addr: u64, mut len: usize) {
        if let Some((&before, &before_len)) = self.ranges.range(..addr).next_back()
            && before + before_len as u64 == addr
        {
            self.ranges.remove(&before);
            addr = before;
            len += before_len;
        }
        if let Some(after_len) = self.ranges.remove(&(addr + len as u64)) {
            len += after_len;
        }
        self.ranges.insert(addr, len);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn freed_ranges_merge_with_both_neighbours() {
        let mut list = FreeList::new(0x1000, 0x5000);
        let a = list.take(0x1000).unwrap();
        let b = list.take(0x2000).unwrap();
        let c = list.take(0x1000).unwrap();
        assert_eq!((a, b, c), (0x1000, 0x2000, 0x4000));
        list.give(a, 0x1000);
        list.give(c, 0x1000);
        assert_eq!(list.ranges.len(), 2);
        list.give(b, 0x2000);
        assert_eq!(list.ranges, BTreeMap::from([(0x1000, 0x5000)]));
    }

    #[test]
    fn a_list_without_room_gives_nothing() {
        let mut list = FreeList::new(0x1000, 0x1000);
        assert_eq!(list.take(0x2000), None);
        assert_eq!(list.take(0x1000), Some(0x1000));
        assert_eq!(list.take(0x1000), None);
    }
}
