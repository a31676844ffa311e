//! Module stacks: 16 KiB as in Linux (`THREAD_SIZE`), twice that where accesses are looked at, with a guard page below that makes an overflow a trap.

use crate::arena::PAGE;
use crate::error::MachineError;
use crate::shadow;

/// Bytes of a module stack, as Linux's `THREAD_SIZE` on x86-64.
pub const SIZE: usize = 16 << 10;

/// As much as Linux gives to kernels whose functions need room between their variables (`KASAN_STACK_ORDER`).
fn size() -> usize {
    if shadow::routines().is_empty() { SIZE } else { 2 * SIZE }
}

/// A module stack with its guard page.
#[derive(Debug)]
pub struct Stack {
    map: u64,
    size: usize,
    /// Functions may close parts of it ([`shadow`]).
    has_shadow: bool,
}

impl Stack {
    /// Maps a new stack.
    ///
    /// # Errors
    /// When the host refuses memory.
    pub fn new() -> Result<Self, MachineError> {
        let size = size();
        let map = map(PAGE + size, "a module stack")?;
        // SAFETY: the first page of our own fresh mapping.
        if unsafe { libc::mprotect(map as *mut _, PAGE, libc::PROT_NONE) } != 0 {
            return Err(MachineError::last("guarding a module stack"));
        }
        let base = map + PAGE as u64;
        Ok(Self { map, size, has_shadow: shadow::admit((base, base + size as u64)) })
    }

    /// Says of a range what [`shadow`] is to hold; nothing if it does not lie on this stack.
    pub fn set_shadow(&self, addr: u64, len: u64, value: i8) {
        let inside = addr >= self.base() && addr.checked_add(len).is_some_and(|end| end <= self.top());
        if self.has_shadow && inside {
            shadow::set_on_stack(addr, len, value);
        }
    }

    /// Opens all of it below `end`: the functions there have ended.
    pub fn open_below(&self, end: u64) {
        self.set_shadow(self.base(), end.saturating_sub(self.base()), 0);
    }

    /// Lowest usable address (`task_struct.stack`).
    pub fn base(&self) -> u64 {
        self.map + PAGE as u64
    }

    /// One past the highest usable address; 16-byte aligned.
    pub fn top(&self) -> u64 {
        self.base() + self.size as u64
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
        self.open_below(self.top());
        // SAFETY: our own mapping; the task that used the stack is gone.
        unsafe { libc::munmap(self.map as *mut _, PAGE + self.size) };
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
