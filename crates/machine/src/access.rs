//! Reads and writes of module memory by Rust code.
//!
//! Module memory is foreign: shared with module code, perhaps unmapped. No reference to it is ever made; every access
//! goes through routines whose faulting instruction the signal handler knows, and comes back as an error.
//!
//! What Rust code does there it does for a module. Who wants to know of accesses to memory that is not open ([`shadow`])
//! is told before they happen ([`watch`]); [`unwatched`] has the same functions for those who keep the closed memory.
//! Counterparts: `copy_from_kernel_nofault` of mm/maccess.c, the instrumentation of lib/ by KASAN.

use crate::shadow;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

mod bytes;
pub mod unwatched;

pub use bytes::{append_str, read_str, scan, scan_both};

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

/// Is told of an access to memory that is not open, before it happens: address, length, whether it is a write. It may open
/// the memory.
pub type Watcher = fn(addr: u64, len: usize, write: bool);

static WATCHER: OnceLock<Watcher> = OnceLock::new();
static IS_WATCHED: AtomicBool = AtomicBool::new(false);

/// From now on `watcher` is told of accesses to memory that is not open. The first call counts.
pub fn watch(watcher: Watcher) {
    if WATCHER.set(watcher).is_ok() {
        IS_WATCHED.store(true, Ordering::Relaxed);
    }
}

/// True if somebody wants to know.
#[inline(always)]
pub fn is_watched() -> bool {
    IS_WATCHED.load(Ordering::Relaxed)
}

/// Tells of an access that is about to happen, if it is none to open memory.
#[inline(always)]
pub fn look(addr: u64, len: usize, write: bool) {
    if is_watched() {
        look_closely(addr, len, write);
    }
}

#[cold]
#[inline(never)]
fn look_closely(addr: u64, len: usize, write: bool) {
    // What can be no memory faults, whoever looks.
    let is_memory = addr.checked_add(len as u64).is_some_and(|end| end <= HIGHEST);
    if let Some(watcher) = WATCHER.get().filter(|_| is_memory && !shadow::is_open(addr, len)) {
        watcher(addr, len, write);
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

macro_rules! watched {
    ($($(#[$doc:meta])* $name:ident$(<$t:ident>)?($($arg:ident: $ty:ty),*) -> $out:ty: $(look($at:expr, $len:expr, $write:literal)),+;)*) => {$(
        $(#[$doc])*
        pub fn $name$(<$t: Word>)?($($arg: $ty),*) -> Result<$out, Fault> {
            $(look($at, $len, $write);)+
            unwatched::$name($($arg),*)
        }
    )*};
}

watched! {
    /// Copies `to.len()` bytes from module memory.
    ///
    /// # Errors
    /// The address that faulted; `to` may hold a part.
    read(addr: u64, to: &mut [u8]) -> (): look(addr, to.len(), false);
    /// Copies bytes into module memory.
    ///
    /// # Errors
    /// The address that faulted; a part may be written.
    write(addr: u64, from: &[u8]) -> (): look(addr, from.len(), true);
    /// Copies within module memory; ranges must not overlap unless `to < from`.
    ///
    /// # Errors
    /// The address that faulted; a part may be written.
    copy(to: u64, from: u64, len: usize) -> (): look(from, len, false), look(to, len, true);
    /// Sets `len` bytes of module memory to `byte`.
    ///
    /// # Errors
    /// The address that faulted; a part may be written.
    fill(addr: u64, byte: u8, len: usize) -> (): look(addr, len, true);
    /// Reads one number, atomically where it is aligned.
    ///
    /// # Errors
    /// The address.
    get<T>(addr: u64) -> T: look(addr, T::SIZE, false);
    /// Writes one number, atomically where it is aligned.
    ///
    /// # Errors
    /// The address.
    put<T>(addr: u64, value: T) -> (): look(addr, T::SIZE, true);
    /// Adds to a 32-bit number in one atomic step; returns what it was.
    ///
    /// # Errors
    /// The address.
    fetch_add_u32(addr: u64, add: u32) -> u32: look(addr, 4, true);
    /// Replaces a 32-bit number if it is `old`; returns what it was.
    ///
    /// # Errors
    /// The address.
    compare_exchange_u32(addr: u64, old: u32, new: u32) -> u32: look(addr, 4, true);
    /// Replaces a 64-bit number if it is `old`; returns what it was.
    ///
    /// # Errors
    /// The address.
    compare_exchange_u64(addr: u64, old: u64, new: u64) -> u64: look(addr, 8, true);
}
