//! Changes instructions of module code while other threads may be executing them.
//!
//! A breakpoint goes to the instruction's first byte, then the new tail is written behind it, then the new first byte;
//! between the steps every thread of the process serialises its instruction stream. A thread that meets the
//! breakpoint meanwhile traps, and [`is_transient`] says that it shall try again. The instruction that is replaced must
//! be a whole one, so that nobody stands inside of it. Counterpart: `text_poke_bp` of arch/x86/kernel/alternative.c.

use crate::access;
use crate::arena::{self, PAGE};
use crate::error::MachineError;
use std::sync::atomic::{AtomicBool, Ordering, fence};
use std::sync::{Mutex, OnceLock, PoisonError};

/// `int3`.
const BREAKPOINT: u8 = 0xcc;

// Commands of membarrier(2).
const SYNC_CORE: i32 = 1 << 5;
const REGISTER_SYNC_CORE: i32 = 1 << 6;

/// One change at a time; nobody decides about a breakpoint meanwhile.
static TURN: Mutex<()> = Mutex::new(());
/// True if the host serialises other threads for us.
static HAS_SYNC_CORE: AtomicBool = AtomicBool::new(false);
/// A page whose access is changed where membarrier is refused.
static PAGE_TO_FLIP: OnceLock<usize> = OnceLock::new();

/// Announces to the host that code will be changed; where it refuses, makes ready for the other way.
pub(crate) fn prepare() -> Result<(), MachineError> {
    if membarrier(REGISTER_SYNC_CORE) {
        HAS_SYNC_CORE.store(true, Ordering::Relaxed);
        return Ok(());
    }
    let prot = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: an anonymous mapping at an address of the host's choice.
    let p = unsafe { libc::mmap(std::ptr::null_mut(), PAGE, prot, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, -1, 0) };
    if p == libc::MAP_FAILED {
        return Err(MachineError::last("mapping a page for patching code"));
    }
    // A second boot in one process fails later.
    let _ = PAGE_TO_FLIP.set(p as usize);
    Ok(())
}

fn membarrier(command: i32) -> bool {
    // SAFETY: membarrier has no memory effects but ordering.
    unsafe { libc::syscall(libc::SYS_membarrier, command, 0, 0) == 0 }
}

/// Makes every thread of the process execute what was written before.
fn serialise() -> Result<(), MachineError> {
    fence(Ordering::SeqCst);
    if HAS_SYNC_CORE.load(Ordering::Relaxed) {
        return if membarrier(SYNC_CORE) { Ok(()) } else { Err(MachineError::last("membarrier after patching code")) };
    }
    let Some(page) = PAGE_TO_FLIP.get() else { return Ok(()) };
    // Taking access away from a page that is present interrupts all processors that run this process; they return from
    // the interrupt by a serialising instruction.
    // SAFETY: the page is ours alone, mapped for ever and only used here, under TURN.
    unsafe {
        (*page as *mut u8).write_volatile(1);
        let flipped = libc::mprotect(*page as *mut _, PAGE, libc::PROT_NONE) == 0
            && libc::mprotect(*page as *mut _, PAGE, libc::PROT_READ | libc::PROT_WRITE) == 0;
        if flipped { Ok(()) } else { Err(MachineError::last("mprotect after patching code")) }
    }
}

/// Replaces the whole instruction at `addr` by one of the same length.
///
/// # Errors
/// When the range is not in the arena, or the host refuses to serialise; the instruction may then be half changed.
pub fn replace(addr: u64, new: &[u8]) -> Result<(), MachineError> {
    let Some((first, tail)) = new.split_first() else { return Ok(()) };
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    arena::write(addr, &[BREAKPOINT])?;
    serialise()?;
    if !tail.is_empty() {
        arena::write(addr + 1, tail)?;
        serialise()?;
    }
    arena::write(addr, &[*first])?;
    serialise()
}

/// True if a breakpoint trap at `addr` was none of the module's: the instruction there has been changed since. Waits
/// for a change that is under way. The thread goes on at `addr`.
pub fn is_transient(addr: u64) -> bool {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    access::get::<u8>(addr).is_ok_and(|byte| byte != BREAKPOINT)
}
