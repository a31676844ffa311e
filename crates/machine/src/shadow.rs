//! One byte for every eight of memory that says how many of them may be accessed, and the code that looks there.
//!
//! The byte for the address A lies at A / 8: 0 means that all eight bytes may be accessed, 1 to 7 that only the first
//! ones, a negative number that none. Only the arena, the physical memory and stacks can be closed; the rest of the range is
//! zero and read-only. Where the shadow itself cannot be read, nothing is closed. The shadow of a stack is written by the
//! functions that run on it, if their compiler was told to; whoever ends them early opens it again.
//!
//! It is a sieve: whoever closes a range decides about each access to it, and the look costs little for all others.
//! Counterpart: mm/kasan/generic.c, include/linux/kasan.h (`kasan_mem_to_shadow`).

use crate::arch::{CHECKS, Check};
use crate::error::MachineError;
use crate::{arena, heap, stub};
use std::sync::OnceLock;

/// Bytes of memory for each byte of the shadow.
pub const GRANULE: u64 = 8;
/// Nobody's memory.
pub const CLOSED: i8 = -1;
/// The shadow of the highest address of a process ends here.
const END: u64 = 1 << 44;
/// The shadow of what lies below is never mapped: NULL pointers with an offset.
const LOWEST: u64 = 0x1_0000;

/// Where the code lies that looks at an access.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Routine {
    /// Bytes of the accesses that it is for; 0 for any number.
    pub size: usize,
    /// Its address. It takes the address in RAX, and the length, if that may be any, in RDX; of all registers it
    /// changes RAX only.
    pub addr: u64,
    check: &'static Check,
}

/// What a trap in a routine means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// The shadow of the address cannot be read: go on at this address.
    NoShadow(u64),
    /// The access does not lie in open memory. The routine goes on behind its int3.
    Closed {
        /// Bytes of the accesses that the routine is for; 0 for any number.
        size: usize,
        /// How many words lie on the stack before its return address.
        pushed: usize,
    },
    /// Something else: its caller's stack is full.
    Other,
}

static ROUTINES: OnceLock<Vec<Routine>> = OnceLock::new();

/// Sets the shadow's address space aside and makes the routines; before any module runs.
///
/// # Errors
/// When the host refuses that much address space.
pub fn reserve() -> Result<(), MachineError> {
    reserve_with(Check::suits)
}

fn reserve_with(wanted: fn(&Check) -> bool) -> Result<(), MachineError> {
    let low_end = arena::BASE;
    let high = arena::BASE + arena::LEN as u64;
    for (start, end) in [(LOWEST, low_end), (high, END)] {
        map(start, end)?;
    }
    for (start, len) in writable() {
        let (at, len) = (start / GRANULE, len / GRANULE);
        // SAFETY: a part of the mapping just made, which nothing but the shadow uses.
        if unsafe { libc::mprotect(at as *mut _, len as usize, libc::PROT_READ | libc::PROT_WRITE) } != 0 {
            return Err(MachineError::last(format!("opening {len} bytes of shadow at {at:#x}")));
        }
    }
    let mut routines = Vec::new();
    for check in CHECKS.iter().filter(|check| wanted(check)) {
        routines.push(Routine { size: check.size, addr: stub::code(check.code())?, check });
    }
    ROUTINES.set(routines).map_err(|_| MachineError::AlreadyBooted)
}

fn map(start: u64, end: u64) -> Result<(), MachineError> {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE | libc::MAP_FIXED_NOREPLACE;
    let len = (end - start) as usize;
    // SAFETY: with MAP_FIXED_NOREPLACE a mapping never replaces one that exists.
    let p = unsafe { libc::mmap(start as *mut _, len, libc::PROT_READ, flags, -1, 0) };
    if p as u64 != start {
        return Err(MachineError::last(format!("setting {len} bytes of address space aside at {start:#x}")));
    }
    // Neither dumps nor large pages of it make sense; where the host does not know them it does not matter.
    // SAFETY: the range is the mapping just made, and its content does not change.
    unsafe {
        libc::madvise(p, len, libc::MADV_DONTDUMP);
        libc::madvise(p, len, libc::MADV_NOHUGEPAGE);
    }
    Ok(())
}

/// Ranges of memory whose shadow can change.
fn writable() -> [(u64, u64); 2] {
    [(arena::BASE, arena::LEN as u64), (heap::base(), heap::LEN)]
}

/// The routines, once they are made.
pub fn routines() -> &'static [Routine] {
    ROUTINES.get().map_or(&[], Vec::as_slice)
}

/// What it means that module code trapped at `ip`; `None` if that is in none of the routines.
pub fn found(ip: u64, is_breakpoint: bool) -> Option<Found> {
    let (routine, offset) = routines().iter().find_map(|routine| {
        let offset = ip.checked_sub(routine.addr)?;
        (offset < routine.check.code().len() as u64).then_some((routine, offset as usize))
    })?;
    let check = routine.check;
    Some(if is_breakpoint {
        Found::Closed { size: check.size, pushed: check.pushed }
    } else if check.reads().contains(&offset) {
        Found::NoShadow(routine.addr + check.ok() as u64)
    } else {
        Found::Other
    })
}

/// The shadow of an address; 0 where there is none.
pub fn value(addr: u64) -> i8 {
    let at = addr / GRANULE;
    let of_arena = arena::BASE..arena::BASE + arena::LEN as u64;
    if ROUTINES.get().is_none() || !(LOWEST..END).contains(&at) || of_arena.contains(&at) {
        return 0;
    }
    // SAFETY: `reserve` mapped this range for the life of the process. Others may write it meanwhile, byte by byte, as they
    // may for a look by a routine.
    unsafe { (at as *const i8).read_volatile() }
}

/// True if all bytes of a range may be accessed.
pub fn is_open(addr: u64, len: usize) -> bool {
    let Some(end) = addr.checked_add(len as u64) else { return false };
    if len == 0 {
        return true;
    }
    let (first, last) = (addr & !(GRANULE - 1), (end - 1) & !(GRANULE - 1));
    let tail = value(last);
    let is_tail_open = tail == 0 || ((end - 1) % GRANULE) < tail.max(0) as u64;
    is_tail_open && (first..last).step_by(GRANULE as usize).all(|granule| value(granule) == 0)
}

/// A new stack: functions may close parts of it. False when the host refuses.
pub(crate) fn admit(stack: (u64, u64)) -> bool {
    const PAGE: u64 = arena::PAGE as u64;
    let (from, to) = ((stack.0 / GRANULE) & !(PAGE - 1), (stack.1 / GRANULE).next_multiple_of(PAGE));
    let is_mapped = ROUTINES.get().is_some() && from >= LOWEST && to <= END;
    // SAFETY: a part of the shadow, which nothing but the shadow uses; its content does not change.
    is_mapped
        && unsafe { libc::mprotect(from as *mut _, (to - from) as usize, libc::PROT_READ | libc::PROT_WRITE) } == 0
}

/// Says of `len` bytes of a stack that was admitted what they are; the last granule is left alone unless it is all of them.
pub(crate) fn set_on_stack(addr: u64, len: u64, value: i8) {
    // SAFETY: the caller knows the stack, and `admit` made its shadow writable. The functions on it run in this thread.
    unsafe { std::ptr::write_bytes((addr / GRANULE) as *mut i8, value as u8, (len / GRANULE) as usize) };
}

fn set(addr: u64, granules: u64, value: i8) {
    let end = addr.checked_add(granules * GRANULE);
    let inside = |(start, len): &(u64, u64)| addr >= *start && end.is_some_and(|end| end <= start + len);
    if ROUTINES.get().is_none() || !writable().iter().any(inside) {
        return;
    }
    // SAFETY: the shadow of the writable ranges is mapped read-write for the life of the process, and no reference to it
    // exists; module code only reads it, byte by byte.
    unsafe { std::ptr::write_bytes((addr / GRANULE) as *mut i8, value as u8, granules as usize) };
}

/// Closes all granules that lie in the range as a whole.
pub fn close(addr: u64, len: u64) {
    let start = addr.next_multiple_of(GRANULE);
    let end = (addr + len) & !(GRANULE - 1);
    set(start, end.saturating_sub(start) / GRANULE, CLOSED);
}

/// Opens a range that begins with a granule. The rest of its last granule is closed.
pub fn open(addr: u64, len: u64) {
    set(addr & !(GRANULE - 1), len / GRANULE, 0);
    if !len.is_multiple_of(GRANULE) {
        set((addr + len) & !(GRANULE - 1), 1, (len % GRANULE) as i8);
    }
}

/// Opens all that lies in a range.
pub fn clear(addr: u64, len: u64) {
    open(addr, len.next_multiple_of(GRANULE));
}

/// Closes the range behind a variable, as far as the shadow can say so: what shares a granule with something behind the
/// range stays open.
pub fn close_behind(end: u64, len: u64) {
    let (behind, granule) = (end + len, end & !(GRANULE - 1));
    if !end.is_multiple_of(GRANULE) && granule + GRANULE <= behind {
        set(granule, 1, (end % GRANULE) as i8);
    }
    close(end, len);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Action, Task, Trap, TrapKind, access, enter, task};
    use std::cell::{Cell, RefCell};

    thread_local! {
        /// The last trap's meaning and the address that was looked at.
        static FOUND: Cell<Option<(Found, u64)>> = const { Cell::new(None) };
    }

    fn on_trap(trap: &mut Trap) -> Action {
        let is_breakpoint = trap.kind == TrapKind::Breakpoint;
        let ip = trap.regs.ip - u64::from(is_breakpoint);
        let found = found(ip, is_breakpoint);
        FOUND.set(found.map(|found| (found, trap.regs.ax)));
        match found {
            Some(Found::NoShadow(next)) => trap.regs.ip = next,
            Some(Found::Closed { .. }) => {}
            _ => return Action::Abandon,
        }
        Action::Resume
    }

    /// Gives 1 if the routine in RSI, called with the address in RDI and the length in RDX, leaves RCX, RDX and the carry
    /// flag as they were.
    const CALL: &[u8] = &[
        0x48, 0x89, 0xf8, // mov rax, rdi
        0x49, 0x89, 0xd0, // mov r8, rdx
        0x49, 0xc7, 0xc1, 77, 0, 0, 0, // mov r9, 77
        0x4c, 0x89, 0xc9, // mov rcx, r9
        0xf9, // stc
        0xff, 0xd6, // call rsi
        0x19, 0xc0, 0xf7, 0xd8, // sbb eax, eax; neg eax
        0x4c, 0x39, 0xc9, 0x75, 0x05, // cmp rcx, r9; jne wrong
        0x4c, 0x39, 0xc2, 0x74, 0x02, // cmp rdx, r8; je right
        0x31, 0xc0, // wrong: xor eax, eax
        0xc3, // right: ret
    ];

    thread_local! {
        /// What a watcher was told of.
        static TOLD: RefCell<Vec<(u64, usize, bool)>> = const { RefCell::new(Vec::new()) };
    }

    /// At `at` lie 256 open bytes.
    fn accesses_are_told(at: u64) {
        access::watch(|addr, len, write| TOLD.with_borrow_mut(|told| told.push((addr, len, write))));
        let told = |work: &dyn Fn()| {
            work();
            TOLD.take()
        };
        access::unwatched::fill(at, b'x', 256).unwrap();
        close(at + 16, 240);
        open(at + 16, 45);
        // 61 bytes are open.
        assert_eq!(told(&|| access::write(at, &[b'y'; 61]).unwrap()), []);
        assert_eq!(told(&|| access::write(at + 1, &[b'y'; 61]).unwrap()), [(at + 1, 61, true)]);
        assert_eq!(told(&|| access::copy(at, at + 58, 4).unwrap()), [(at + 58, 4, false)]);
        assert_eq!(told(&|| assert!(access::get::<u64>(at + 56).is_ok())), [(at + 56, 8, false)]);
        assert_eq!(told(&|| access::unwatched::fill(at, b'z', 256).unwrap()), []);
        // A string ends with its NUL, wherever the piece does that it was read with; without one, the first byte counts.
        access::unwatched::put(at + 60, 0u8).unwrap();
        assert_eq!(told(&|| assert_eq!(access::read_str(at, 300).unwrap().len(), 60)), []);
        access::unwatched::put(at + 60, b'z').unwrap();
        access::unwatched::put(at + 200, 0u8).unwrap();
        assert_eq!(told(&|| assert_eq!(access::read_str(at, 300).unwrap().len(), 200)), [(at + 61, 1, false)]);
        assert_eq!(told(&|| assert_eq!(access::read_str(at, 61).unwrap().len(), 61)), []);
        // Comparisons end where the bytes differ.
        let differ = |a: &[u8], b: &[u8]| a.iter().zip(b).position(|(a, b)| a != b).map(|i| i + 1);
        access::unwatched::put(at + 20, b'y').unwrap();
        assert_eq!(told(&|| access::scan_both(at + 17, at + 58, 30, differ).unwrap()), [(at + 61, 1, false)]);
        assert_eq!(told(&|| access::scan_both(at + 18, at + 58, 30, differ).unwrap()), []);
        clear(at, 256);
    }

    /// What a function closed of its stack is open again when it died.
    fn the_dead_leave_nothing_closed(code: &arena::Block, task: &Task) {
        const UD2: &[u8] = &[0x0f, 0x0b];
        let at = task.stack_base() + 1024;
        task::set_stack_shadow(at, 32, CLOSED);
        assert!(!is_open(at + 8, 1) && is_open(at - 1, 1) && is_open(at + 32, 1));
        arena::write(code.addr(), UD2).unwrap();
        assert!(enter::call(code.addr(), &[]).is_err());
        assert!(is_open(at, 32));
    }

    #[test]
    fn routines_find_what_is_not_open() {
        let on_bug = |what: &str| -> ! { panic!("{what}") };
        crate::boot(crate::Config { cpus: 1, percpu_size: 64 << 10, on_trap, on_bug }).unwrap();
        reserve_with(|_| true).unwrap();
        let task = Task::attach().unwrap();
        task::acquire_cpu();
        let code = arena::alloc(CALL.len()).unwrap();
        arena::write(code.addr(), CALL).unwrap();
        code.protect(0, code.len(), arena::Access::Execute).unwrap();
        let data = arena::alloc(4096).unwrap();
        let start = data.addr() + 64;
        assert_eq!(routines().len(), 11);
        for len in 1..=24 {
            close(data.addr(), 256);
            open(start, len);
            for routine in routines() {
                let sizes = if routine.size > 0 { routine.size..=routine.size } else { 0..=40 };
                for (size, addr) in sizes.flat_map(|size| (start - 20..start + 30).map(move |addr| (size, addr))) {
                    let is_open = size == 0 || addr >= start && addr + size as u64 <= start + len;
                    FOUND.set(None);
                    assert_eq!(enter::call(code.addr(), &[addr, routine.addr, size as u64]), Ok(1));
                    let want = (!is_open).then_some((routine.size, addr));
                    let got = FOUND.get().map(|(found, addr)| match found {
                        Found::Closed { size, .. } => (size, addr),
                        other => panic!("{other:?}"),
                    });
                    assert_eq!(super::is_open(addr, size), is_open, "{size} bytes at {addr:#x}, {len} at {start:#x}");
                    assert_eq!(got, want, "{size} bytes at {addr:#x}, {len} at {start:#x}, {routine:?}");
                }
            }
        }
        clear(data.addr(), 256);
        for routine in routines() {
            // A number that is no address: nothing is known, and no register changes.
            FOUND.set(None);
            assert_eq!(enter::call(code.addr(), &[0x1234_5678_9abc_def0, routine.addr, 8]), Ok(1));
            assert!(matches!(FOUND.get(), Some((Found::NoShadow(_), _))), "{routine:?}");
            // A stack has no shadow of its own: all of it is open.
            FOUND.set(None);
            assert_eq!(enter::call(code.addr(), &[task.stack_base(), routine.addr, 8]), Ok(1));
            assert_eq!(FOUND.get(), None, "{routine:?}");
        }
        data.protect(0, data.len(), arena::Access::ReadWrite).unwrap();
        accesses_are_told(data.addr());
        close_behind(data.addr() + 13, 3);
        assert_eq!((access::get::<i8>((data.addr() + 8) / 8), access::get::<i8>(data.addr() / 8)), (Ok(5), Ok(0)));
        the_dead_leave_nothing_closed(&code, &task);
        task::release_cpu();
    }
}
