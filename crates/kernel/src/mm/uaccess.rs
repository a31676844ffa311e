//! Copies between a module and the memory of the program that called it. Counterpart: arch/x86/lib/{getuser,putuser,
//! usercopy_64,copy_user_64}.S, lib/{usercopy,strncpy_from_user,strnlen_user}.c, mm/util.c.
//!
//! The program is another process. What a call carries of its memory (the buffer of a read or write) is brought here
//! and is a *window* while the call runs ([`with_window`]). Where nobody knows beforehand what a call will touch (ioctl),
//! all other addresses are the calling program's, and the supervisor is asked for them ([`with_caller`]). Otherwise whatever
//! else a module passes off as a user's pointer is bad, as kernel pointers and unmapped addresses are in Linux.

use super::slab;
use kabi::errno::{EFAULT, EINVAL};
use kabi::{Convention, DataExport, DataSize, Export, KPtr, KResult, c_long, exports, kexport};
use machine::access::{self, unwatched};
use remote::Remote;
use std::cell::RefCell;
use std::sync::atomic::AtomicBool;

mod remote;

pub use remote::with_caller;

exports![
    GET_USER_1,
    GET_USER_2,
    GET_USER_4,
    GET_USER_8,
    PUT_USER_1,
    PUT_USER_2,
    PUT_USER_4,
    PUT_USER_8,
    CLEAR_USER,
    _copy_from_user,
    _copy_to_user,
    copy_user_generic_unrolled,
    __copy_user_nocache,
    clear_user,
    copy_from_user_nofault,
    copy_to_user_nofault,
    strncpy_from_user,
    strnlen_user,
    memdup_user,
    memdup_user_nul,
    strndup_user
];

thread_local! {
    /// What this task reaches of its caller's memory: start and length.
    static WINDOWS: RefCell<Vec<(u64, u64)>> = const { RefCell::new(Vec::new()) };
}

/// Runs `work` while the `len` bytes at `addr` are the caller's memory.
pub fn with_window<R>(addr: u64, len: u64, work: impl FnOnce() -> R) -> R {
    WINDOWS.with_borrow_mut(|windows| windows.push((addr, len)));
    let result = work();
    WINDOWS.with_borrow_mut(Vec::pop);
    result
}

/// How many of the `len` bytes at `addr` are the caller's, from the first on.
fn reachable(windows: &[(u64, u64)], addr: u64, len: u64) -> u64 {
    let inside = |&(start, size): &(u64, u64)| addr.checked_sub(start).and_then(|offset| size.checked_sub(offset));
    windows.iter().filter_map(inside).max().unwrap_or(0).min(len)
}

fn usable(addr: u64, len: usize) -> usize {
    WINDOWS.with_borrow(|windows| reachable(windows, addr, len as u64)) as usize
}

/// True if the caller's memory has something at `addr`.
pub fn is_reachable(addr: u64) -> bool {
    match Remote::at(addr) {
        Some(remote) => remote.read(1).len() == 1,
        None => usable(addr, 1) == 1,
    }
}

/// A number of `size` bytes in the caller's memory.
pub fn read_word(addr: u64, size: usize) -> Option<u64> {
    let outcome = get(addr, size);
    (outcome.error == 0).then_some(outcome.value)
}

/// Writes a number of `size` bytes; false if it does not lie in the caller's memory.
pub fn write_word(addr: u64, value: u64, size: usize) -> bool {
    put(addr, value, size).error == 0
}

/// Writes bytes; how many could not be.
pub fn put_bytes(addr: u64, bytes: &[u8]) -> usize {
    if let Some(remote) = Remote::at(addr) {
        return bytes.len() - remote.write(bytes);
    }
    let reach = usable(addr, bytes.len());
    match access::write(addr, &bytes[..reach]) {
        Ok(()) => bytes.len() - reach,
        Err(fault) => bytes.len() - (fault.addr.saturating_sub(addr) as usize).min(reach),
    }
}

/// Copies what can be copied; how many bytes were not. `user` is the one of both that is the caller's.
pub fn copy(to: u64, from: u64, len: usize, user: u64) -> usize {
    let (own, write) = if user == from { (to, true) } else { (from, false) };
    access::look(own, len, write);
    if let Some(remote) = Remote::at(user) {
        return len - if user == from { remote.copy_to(to, len) } else { remote.copy_from(from, len) };
    }
    let len_ok = usable(user, len);
    match unwatched::copy(to, from, len_ok) {
        Ok(()) => len - len_ok,
        Err(fault) => {
            let start = if fault.write { to } else { from };
            len - (fault.addr.saturating_sub(start) as usize).min(len_ok)
        }
    }
}

/// Copies `len` bytes from user memory. Returns how many were not copied; what they would have filled becomes zeros.
#[kexport(since = "2.6.18", header = "linux/uaccess.h", symbol = "_inline_copy_from_user")]
fn _copy_from_user(to: KPtr, from: KPtr, len: usize) -> KResult<usize> {
    let left = copy(to.addr(), from.addr(), len, from.addr());
    if left > 0 {
        unwatched::fill(to.addr().wrapping_add((len - left) as u64), 0, left)?;
    }
    Ok(left)
}

/// Copies `len` bytes to user memory. Returns how many were not copied.
#[kexport(since = "2.6.18", header = "linux/uaccess.h", symbol = "_inline_copy_to_user")]
fn _copy_to_user(to: KPtr, from: KPtr, len: usize) -> usize {
    copy(to.addr(), from.addr(), len, to.addr())
}

/// Copies between user and kernel memory, in either direction. Returns how many bytes were not copied.
#[kexport(
    since = "2.6.26",
    until = "6.4",
    header = "asm/uaccess_64.h",
    symbol = "copy_user_generic_string",
    symbol = "copy_user_enhanced_fast_string"
)]
fn copy_user_generic_unrolled(to: KPtr, from: KPtr, len: u32) -> usize {
    let len = len as usize;
    let user = if is_reachable(from.addr()) { from } else { to };
    copy(to.addr(), from.addr(), len, user.addr())
}

/// Copies from user memory past the caches. Returns how many bytes were not copied.
#[kexport(since = "2.6.18", until = "6.4", header = "asm/uaccess_64.h")]
fn __copy_user_nocache(to: KPtr, from: KPtr, len: u32, _zero_rest: i32) -> c_long {
    copy(to.addr(), from.addr(), len as usize, from.addr()) as c_long
}

/// Zeroes `len` bytes of user memory. Returns how many were not.
#[kexport(since = "2.6.0", header = "linux/uaccess.h")]
fn clear_user(to: KPtr, len: usize) -> usize {
    if let Some(remote) = Remote::at(to.addr()) {
        return len - remote.fill(0, len);
    }
    let reach = usable(to.addr(), len);
    match access::fill(to.addr(), 0, reach) {
        Ok(()) => len - reach,
        Err(fault) => len - (fault.addr.saturating_sub(to.addr()) as usize).min(reach),
    }
}

/// Copies from user memory without ever waiting for it.
///
/// # Errors
/// `EFAULT`: not all of it can be read.
#[kexport(gpl, since = "5.8", header = "linux/uaccess.h")]
fn copy_from_user_nofault(to: KPtr, from: KPtr, len: usize) -> KResult<c_long> {
    if copy(to.addr(), from.addr(), len, from.addr()) == 0 { Ok(0) } else { Err(EFAULT.into()) }
}

/// Copies to user memory without ever waiting for it.
///
/// # Errors
/// `EFAULT`: not all of it can be written.
#[kexport(gpl, since = "5.8", header = "linux/uaccess.h")]
fn copy_to_user_nofault(to: KPtr, from: KPtr, len: usize) -> KResult<c_long> {
    if copy(to.addr(), from.addr(), len, to.addr()) == 0 { Ok(0) } else { Err(EFAULT.into()) }
}

/// The bytes of a user's string before its NUL, at most `limit`.
fn user_str(from: u64, limit: usize) -> KResult<Vec<u8>> {
    if let Some(remote) = Remote::at(from) {
        return remote.read_str(limit).ok_or(EFAULT.into());
    }
    let reach = usable(from, limit);
    let text = access::read_str(from, reach).map_err(|_| EFAULT)?;
    // It ended neither by a NUL nor by the limit, but where the user's memory does.
    if text.len() == reach && reach < limit { Err(EFAULT.into()) } else { Ok(text) }
}

/// Copies a string of at most `count` bytes from user memory: its length without the NUL, or `count` if it has none.
///
/// # Errors
/// `EFAULT`.
#[kexport(since = "2.6.0", header = "linux/uaccess.h")]
fn strncpy_from_user(to: KPtr, from: KPtr, count: c_long) -> KResult<c_long> {
    let count = usize::try_from(count).unwrap_or(0);
    if count == 0 {
        return Ok(0);
    }
    // As Linux has it: the string may be any length, and the room must be there.
    access::look(to.addr(), count, true);
    let mut text = user_str(from.addr(), count)?;
    let len = text.len();
    if len < count {
        text.push(0);
    }
    unwatched::write(to.addr(), &text)?;
    Ok(len as c_long)
}

/// The length of a user's string with its NUL; more than `count` if it is longer, 0 if it cannot be read.
#[kexport(since = "2.6.0", header = "linux/uaccess.h")]
fn strnlen_user(from: KPtr, count: c_long) -> c_long {
    let count = usize::try_from(count).unwrap_or(0);
    match user_str(from.addr(), count) {
        Ok(_) if count == 0 => 0,
        Ok(text) => text.len() as c_long + 1,
        Err(_) => 0,
    }
}

/// New memory with a copy of `len` bytes of user memory, and `extra` zeros behind them.
fn duplicate(from: KPtr, len: usize, extra: usize) -> KResult<KPtr> {
    let mut bytes = match Remote::at(from.addr()) {
        Some(remote) => remote.read(len),
        None => from.bytes(0, usable(from.addr(), len)).map_err(|_| EFAULT)?,
    };
    if bytes.len() < len {
        return Err(EFAULT.into());
    }
    bytes.resize(len + extra, 0);
    slab::give(&bytes)
}

/// New memory with a copy of user memory.
///
/// # Errors
/// `ENOMEM`, `EFAULT`.
#[kexport(since = "2.6.30", header = "linux/string.h")]
fn memdup_user(from: KPtr, len: usize) -> KResult<KPtr> {
    duplicate(from, len, 0)
}

/// [`memdup_user`] with a NUL behind the copy.
///
/// # Errors
/// As there.
#[kexport(since = "4.5", header = "linux/string.h")]
fn memdup_user_nul(from: KPtr, len: usize) -> KResult<KPtr> {
    duplicate(from, len, 1)
}

/// New memory with a copy of a user's string, which with its NUL must not be longer than `count`.
///
/// # Errors
/// `EFAULT`, `EINVAL` if it is longer, `ENOMEM`.
#[kexport(since = "2.6.18", header = "linux/string.h")]
fn strndup_user(from: KPtr, count: c_long) -> KResult<KPtr> {
    let count = usize::try_from(count).unwrap_or(0);
    let text = user_str(from.addr(), count)?;
    if count == 0 {
        return Err(EFAULT.into());
    }
    if text.len() >= count {
        return Err(EINVAL.into());
    }
    duplicate(from, text.len(), 1)
}

/// What the raw accessors give back: the error in the first register, the value in the second.
#[repr(C)]
struct Outcome {
    error: i64,
    value: u64,
}

fn get(addr: u64, size: usize) -> Outcome {
    let mut bytes = [0; 8];
    let whole = match Remote::at(addr) {
        Some(remote) => {
            let got = remote.read(size);
            bytes[..got.len()].copy_from_slice(&got);
            got.len() == size
        }
        None => usable(addr, size) == size && access::read(addr, &mut bytes[..size]).is_ok(),
    };
    let error = if whole { 0 } else { -i64::from(EFAULT.0) };
    Outcome { error, value: if whole { u64::from_le_bytes(bytes) } else { 0 } }
}

fn put(addr: u64, value: u64, size: usize) -> Outcome {
    let whole = put_bytes(addr, &value.to_le_bytes()[..size]) == 0;
    Outcome { error: if whole { 0 } else { -i64::from(EFAULT.0) }, value }
}

/// Makes the table row of a function that keeps registers in a way of its own.
macro_rules! raw {
    ($row:ident, $names:expr, $convention:ident, $since:literal, $doc:literal, |$a:ident, $b:ident| $body:expr) => {
        #[doc(hidden)]
        static $row: Export = {
            extern "C" fn entry($a: u64, $b: u64) -> Outcome {
                $body
            }
            static CALLED: AtomicBool = AtomicBool::new(false);
            Export {
                names: $names,
                entry: entry as *const (),
                convention: Convention::$convention,
                args: 2,
                gpl: false,
                since: $since,
                until: None,
                header: "asm/uaccess.h",
                partial: None,
                doc: $doc,
                signature: "registers of its own",
                called: &CALLED,
            }
        };
    };
}

macro_rules! accessors {
    ($($get:ident, $put:ident, $size:literal, $getters:expr, $putters:expr;)*) => {$(
        raw!($get, $getters, GetUser, "2.6.0", "Reads a number from user memory; 0 or -EFAULT.", |addr, _value| get(addr, $size));
        raw!($put, $putters, PutUser, "2.6.0", "Writes a number to user memory; 0 or -EFAULT.", |addr, value| put(addr, value, $size));
    )*};
}
accessors! {
    __EXPORT_GET_USER_1, __EXPORT_PUT_USER_1, 1, &["__get_user_1", "__get_user_nocheck_1"], &["__put_user_1", "__put_user_nocheck_1"];
    __EXPORT_GET_USER_2, __EXPORT_PUT_USER_2, 2, &["__get_user_2", "__get_user_nocheck_2"], &["__put_user_2", "__put_user_nocheck_2"];
    __EXPORT_GET_USER_4, __EXPORT_PUT_USER_4, 4, &["__get_user_4", "__get_user_nocheck_4"], &["__put_user_4", "__put_user_nocheck_4"];
    __EXPORT_GET_USER_8, __EXPORT_PUT_USER_8, 8, &["__get_user_8", "__get_user_nocheck_8"], &["__put_user_8", "__put_user_nocheck_8"];
}

raw!(
    __EXPORT_CLEAR_USER,
    &["clear_user_original", "clear_user_rep_good", "clear_user_erms"],
    ClearUser,
    "6.1",
    "Zeroes user memory; how many bytes were not.",
    |addr, len| Outcome { error: clear_user(KPtr::new(addr), len as usize) as i64, value: 0 }
);

/// Variables that modules can see.
pub(crate) static DATA: &[DataExport] = &[DataExport {
    names: &["USER_PTR_MAX"],
    size: DataSize::Bytes(8),
    percpu: false,
    gpl: false,
    init: |addr, _| Ok(access::put(addr, access::HIGHEST)?),
    doc: "One past the highest address of a program.",
}];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_windows_are_the_users() {
        let windows = [(0x1000, 0x100), (0x5000, 8)];
        assert_eq!(reachable(&windows, 0x1000, 0x100), 0x100);
        assert_eq!(reachable(&windows, 0x10f0, 0x100), 0x10);
        assert_eq!(reachable(&windows, 0x5008, 1), 0);
        assert_eq!(reachable(&windows, 0, 1), 0);
        assert_eq!(reachable(&windows, u64::MAX, u64::MAX), 0);
    }

    #[test]
    fn windows_end_with_the_call() {
        let inside = with_window(0x2_0000, 16, || usable(0x2_0008, 100));
        assert_eq!((inside, usable(0x2_0008, 100)), (8, 0));
    }

    #[test]
    fn numbers_pass_through_a_window_only() {
        let memory = [0x11u8, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88];
        let at = memory.as_ptr() as u64;
        assert_eq!(get(at, 4).error, -14);
        let read = with_window(at, 8, || get(at, 4));
        assert_eq!((read.error, read.value), (0, 0x4433_2211));
        assert_eq!(with_window(at, 8, || get(at + 5, 4)).error, -14);
    }
}
