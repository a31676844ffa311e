//! The accesses themselves, without a look at what they touch: for lkm's own use of memory that is closed for modules.

use super::{Fault, HIGHEST, LOWEST, Word};
use crate::arch;
use crate::task::context;

/// Nothing at all may be copied anywhere, as by C's memcpy.
fn check(addr: u64, len: usize, write: bool) -> Result<(), Fault> {
    let end = addr.checked_add(len as u64);
    if len > 0 && (addr < LOWEST || end.is_none_or(|end| end > HIGHEST)) { Err(Fault { addr, write }) } else { Ok(()) }
}

fn fault_addr(otherwise: u64) -> u64 {
    let context = context();
    // SAFETY: a non-null context is this thread's own; the handler wrote the field while this thread was in it.
    if context.is_null() { otherwise } else { unsafe { (*context).access_fault } }
}

/// Copies `to.len()` bytes from module memory.
///
/// # Errors
/// The address that faulted; `to` may hold a part.
pub fn read(addr: u64, to: &mut [u8]) -> Result<(), Fault> {
    check(addr, to.len(), false)?;
    match arch::copy(to.as_mut_ptr() as u64, addr, to.len()) {
        0 => Ok(()),
        left => Err(Fault { addr: addr + (to.len() - left) as u64, write: false }),
    }
}

/// Copies bytes into module memory.
///
/// # Errors
/// The address that faulted; a part may be written.
pub fn write(addr: u64, from: &[u8]) -> Result<(), Fault> {
    check(addr, from.len(), true)?;
    match arch::copy(addr, from.as_ptr() as u64, from.len()) {
        0 => Ok(()),
        left => Err(Fault { addr: addr + (from.len() - left) as u64, write: true }),
    }
}

/// Copies within module memory; ranges must not overlap unless `to < from`.
///
/// # Errors
/// The address that faulted; a part may be written.
pub fn copy(to: u64, from: u64, len: usize) -> Result<(), Fault> {
    check(from, len, false)?;
    check(to, len, true)?;
    match arch::copy(to, from, len) {
        0 => Ok(()),
        left => {
            let addr = fault_addr(from + (len - left) as u64);
            Err(Fault { addr, write: (to..to + len as u64).contains(&addr) })
        }
    }
}

/// Sets `len` bytes of module memory to `byte`.
///
/// # Errors
/// The address that faulted; a part may be written.
pub fn fill(addr: u64, byte: u8, len: usize) -> Result<(), Fault> {
    check(addr, len, true)?;
    match arch::fill(addr, byte, len) {
        0 => Ok(()),
        left => Err(Fault { addr: addr + (len - left) as u64, write: true }),
    }
}

/// Reads one number, atomically where it is aligned.
///
/// # Errors
/// The address.
pub fn get<T: Word>(addr: u64) -> Result<T, Fault> {
    check(addr, T::SIZE, false)?;
    arch::load(addr, T::SIZE).map(T::from_register).ok_or(Fault { addr, write: false })
}

/// Writes one number, atomically where it is aligned.
///
/// # Errors
/// The address.
pub fn put<T: Word>(addr: u64, value: T) -> Result<(), Fault> {
    check(addr, T::SIZE, true)?;
    arch::store(addr, value.to_register(), T::SIZE).ok_or(Fault { addr, write: true })
}

/// Adds to a 32-bit number in one atomic step; returns what it was.
///
/// # Errors
/// The address.
pub fn fetch_add_u32(addr: u64, add: u32) -> Result<u32, Fault> {
    check(addr, 4, true)?;
    arch::fetch_add_u32(addr, add).ok_or(Fault { addr, write: true })
}

/// Replaces a 32-bit number if it is `old`; returns what it was.
///
/// # Errors
/// The address.
pub fn compare_exchange_u32(addr: u64, old: u32, new: u32) -> Result<u32, Fault> {
    check(addr, 4, true)?;
    arch::compare_exchange(addr, u64::from(old), u64::from(new), 4).map(|v| v as u32).ok_or(Fault { addr, write: true })
}

/// Replaces a 64-bit number if it is `old`; returns what it was.
///
/// # Errors
/// The address.
pub fn compare_exchange_u64(addr: u64, old: u64, new: u64) -> Result<u64, Fault> {
    check(addr, 8, true)?;
    arch::compare_exchange(addr, old, new, 8).ok_or(Fault { addr, write: true })
}
