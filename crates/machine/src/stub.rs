//! Stubs: the code through which module code reaches Rust, and other small pieces of code in the low 2 GiB.
//!
//! Module code reaches only the low 2 GiB, keeps its stack 8-byte aligned, never sets AL for variadic calls and has
//! 16 KiB of stack. A stub therefore notes where the module stack ends (`BORDER`), continues on the thread's own stack,
//! which is aligned and large, copies stack arguments there, and calls the Rust function.

use crate::arch;
use crate::arena::{self, BASE, STUBS_LEN};
use crate::error::MachineError;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};

/// How a Rust function takes its arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Convention {
    /// C's, with this many arguments beyond the sixth.
    Plain {
        /// Arguments on the stack.
        stack_args: u8,
    },
    /// Variadic: the function gets one argument, the address of a `va_list` that starts at the first argument.
    Variadic,
    /// The function has a register convention of its own: a bare jump, on the module stack.
    Raw,
    /// `__get_user_*`: the Rust function gets the pointer and returns error and value, which reach the module in RAX and
    /// RDX; no other register changes.
    GetUser,
    /// `__put_user_*`: the Rust function gets pointer (RCX) and value (RAX); the error reaches the module in RCX.
    PutUser,
    /// `clear_user_*`: the Rust function gets pointer (RDI) and length (RCX); what is left reaches the module in RCX.
    ClearUser,
}

/// Next free byte of the stub range.
static NEXT: Mutex<u64> = Mutex::new(BASE);

/// `endbr64`, with which functions begin in kernels that are built for indirect-branch tracking.
const MARK: [u8; 4] = [0xf3, 0x0f, 0x1e, 0xfa];
static MARKED: AtomicBool = AtomicBool::new(false);

/// Stubs begin with `endbr64` from now on: module code may call them behind it, as it may call such a kernel's functions.
pub fn mark_entries() {
    MARKED.store(true, Ordering::Relaxed);
}

/// Makes a stub for `target` and returns its address.
///
/// # Errors
/// [`MachineError::ArenaFull`] when the stub range is used up.
pub fn make(target: *const (), convention: Convention) -> Result<u64, MachineError> {
    let stub = arch::stub_code(target as u64, convention);
    // The code refers to words behind it by their distance.
    if MARKED.load(Ordering::Relaxed) { code(&[&MARK[..], &stub].concat()) } else { code(&stub) }
}

/// Puts position-independent machine code into the stub range and returns its address.
///
/// # Errors
/// As [`make`].
pub fn code(bytes: &[u8]) -> Result<u64, MachineError> {
    let mut next = NEXT.lock().unwrap_or_else(PoisonError::into_inner);
    let at = next.next_multiple_of(16);
    let end = at + bytes.len() as u64;
    if end > BASE + STUBS_LEN as u64 {
        return Err(MachineError::ArenaFull(bytes.len()));
    }
    arena::write(at, bytes)?;
    *next = end;
    Ok(at)
}

/// Makes a stub that traps: calling it raises an invalid opcode at the returned address.
///
/// # Errors
/// As [`make`].
pub fn trap() -> Result<u64, MachineError> {
    code(&arch::TRAP_CODE)
}
