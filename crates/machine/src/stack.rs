//! Module stacks: 16 KiB as in Linux (`THREAD_SIZE`), with a guard page below that makes an overflow a trap.

use crate::arena::PAGE;
use crate::error::MachineError;

/// Bytes of a module stack, as Linux's `THREAD_SIZE` on x86-64.
pub const SIZE: usize = 16 << 10;

/// A module stack with its guard page.
#[derive(Debug)]
pub struct Stack {
    map: u64,
}

impl Stack {
    /// Maps a new stack.
    ///
    /// # Errors
    /// When the host refuses memory.
    pub fn new() -> Result<Self, MachineError> {
        let map = map(PAGE + SIZE, "a module stack")?;
        // SAFETY: the first page of our own fresh mapping.
        if unsafe { libc::mprotect(map as *mut _, PAGE, libc::PROT_NONE) } != 0 {
            return Err(MachineError::last("guarding a module stack"));
        }
        Ok(Self { map })
    }

    /// Lowest usable address (`task_struct.stack`).
    pub fn base(&self) -> u64 {
        self.map + PAGE as u64
    }

    /// One past the highest usable address; 16-byte aligned.
    pub fn top(&self) -> u64 {
        self.base() + SIZE as u64
    }

    /// True if `addr` lies in the guard page: whoever went there overflowed the stack.
    pub fn is_guard(&self, addr: u64) -> bool {
        (self.map..self.base()).contains(&addr)
    }

    /// True if `addr` lies on the stack.
    pub fn contains(&self, addr: u64) -> bool {
        (self.base()..self.top()).contains(&addr)
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        // SAFETY: our own mapping; the task that used the stack is gone.
        unsafe { libc::munmap(self.map as *mut _, PAGE + SIZE) };
    }
}

/// An alternate stack for this thread's signal handlers; installed while it lives.
#[derive(Debug)]
pub(crate) struct SignalStack {
    map: u64,
}

const SIGNAL_STACK: usize = 64 << 10;

impl SignalStack {
    pub(crate) fn install() -> Result<Self, MachineError> {
        let map = map(SIGNAL_STACK, "a signal stack")?;
        let stack = libc::stack_t { ss_sp: map as *mut _, ss_flags: 0, ss_size: SIGNAL_STACK };
        // SAFETY: the range is mapped read-write and stays so until drop, which uninstalls it first.
        if unsafe { libc::sigaltstack(&stack, std::ptr::null_mut()) } != 0 {
            return Err(MachineError::last("installing a signal stack"));
        }
        Ok(Self { map })
    }
}

impl Drop for SignalStack {
    fn drop(&mut self) {
        let none = libc::stack_t { ss_sp: std::ptr::null_mut(), ss_flags: libc::SS_DISABLE, ss_size: 0 };
        // SAFETY: disables this thread's alternate stack, then unmaps the memory that it was.
        unsafe {
            libc::sigaltstack(&none, std::ptr::null_mut());
            libc::munmap(self.map as *mut _, SIGNAL_STACK);
        }
    }
}

fn map(len: usize, what: &str) -> Result<u64, MachineError> {
    let prot = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: an anonymous mapping at an address of the host's choice.
    let p = unsafe { libc::mmap(std::ptr::null_mut(), len, prot, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, -1, 0) };
    if p == libc::MAP_FAILED {
        return Err(MachineError::last(format!("mapping {len} bytes for {what}")));
    }
    Ok(p as u64)
}
