//! Reads and writes of module memory by Rust code.
//!
//! Module memory is foreign: shared with module code, perhaps unmapped. No reference to it is ever made; every access
//! goes through routines whose faulting instruction the signal handler knows, and comes back as an error.
//! Counterpart: `copy_from_kernel_nofault` of mm/maccess.c.

use crate::arch;
use crate::task::context;

/// An access that faulted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// The address that could not be reached.
    pub addr: u64,
    /// True for a write.
    pub write: bool,
}

/// Lowest address that is ever accessed: what lies below is a NULL pointer with an offset.
pub const LOWEST: u64 = 0x1_0000;
/// One past the highest address that a process can have.
pub const HIGHEST: u64 = 0x7fff_ffff_f000;

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

/// A number that can be read and written in one access.
pub trait Word: Copy {
    /// Bytes.
    const SIZE: usize;
    /// From the low bytes of a register.
    fn from_register(value: u64) -> Self;
    /// To a register.
    fn to_register(self) -> u64;
}

macro_rules! words {
    ($($t:ty),*) => {$(
        impl Word for $t {
            const SIZE: usize = size_of::<$t>();
            fn from_register(value: u64) -> Self { value as $t }
            fn to_register(self) -> u64 { self as u64 }
        }
    )*};
}
words!(u8, i8, u16, i16, u32, i32, u64, i64, usize, isize);

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

/// Reads a NUL-terminated string of at most `limit` bytes, without its NUL. Longer ones are cut.
///
/// # Errors
/// The address that faulted before a NUL was found.
pub fn read_str(addr: u64, limit: usize) -> Result<Vec<u8>, Fault> {
    let mut out = Vec::new();
    let mut at = addr;
    while out.len() < limit {
        // Up to the end of the page: the next one may not be mapped.
        let step = (64 - (at & 63) as usize).min(limit - out.len());
        let mut chunk = [0; 64];
        read(at, &mut chunk[..step])?;
        if let Some(end) = chunk[..step].iter().position(|b| *b == 0) {
            out.extend_from_slice(&chunk[..end]);
            return Ok(out);
        }
        out.extend_from_slice(&chunk[..step]);
        at += step as u64;
    }
    Ok(out)
}
