//! Access routines: the first instruction of each may fault, and then the routine fails.

use std::arch::naked_asm;

#[repr(C)]
struct Outcome {
    value: u64,
    failed: u64,
}

/// Makes a routine whose first instruction is the access.
macro_rules! routine {
    ($name:ident($($arg:ident),*), $($code:literal),+) => {
        #[unsafe(naked)]
        unsafe extern "C" fn $name($($arg: u64),*) -> Outcome {
            naked_asm!($($code,)+ "xor edx, edx", "ret")
        }
    };
}

routine!(load8(_addr), "movzx eax, byte ptr [rdi]");
routine!(load16(_addr), "movzx eax, word ptr [rdi]");
routine!(load32(_addr), "mov eax, dword ptr [rdi]");
routine!(load64(_addr), "mov rax, qword ptr [rdi]");
routine!(store8(_addr, _value), "mov byte ptr [rdi], sil");
routine!(store16(_addr, _value), "mov word ptr [rdi], si");
routine!(store32(_addr, _value), "mov dword ptr [rdi], esi");
routine!(store64(_addr, _value), "mov qword ptr [rdi], rsi");
routine!(move_bytes(_to, _from, _unused, _len), "rep movsb", "mov rax, rcx");
routine!(fill_bytes(_to), "rep stosb", "mov rax, rcx");
routine!(xadd32(_addr, _add), "lock xadd dword ptr [rdi], esi", "mov eax, esi");
routine!(exchange32(_addr, _new), "lock cmpxchg dword ptr [rdi], esi");
routine!(exchange64(_addr, _new), "lock cmpxchg qword ptr [rdi], rsi");

/// Where a faulting routine continues. RCX holds what is left of a string instruction.
#[unsafe(naked)]
unsafe extern "C" fn failed() -> Outcome {
    naked_asm!("mov rax, rcx", "mov edx, 1", "ret")
}

/// Where the code at `ip` continues after a fault, if it is an access routine's first instruction.
pub(crate) fn access_fixup(ip: u64) -> Option<u64> {
    let routines = [
        load8 as *const () as u64,
        load16 as *const () as u64,
        load32 as *const () as u64,
        load64 as *const () as u64,
        store8 as *const () as u64,
        store16 as *const () as u64,
        store32 as *const () as u64,
        store64 as *const () as u64,
        move_bytes as *const () as u64,
        fill_bytes as *const () as u64,
        xadd32 as *const () as u64,
        exchange32 as *const () as u64,
        exchange64 as *const () as u64,
    ];
    routines.contains(&ip).then_some(failed as *const () as u64)
}

fn value(outcome: Outcome) -> Option<u64> {
    (outcome.failed == 0).then_some(outcome.value)
}

pub(crate) fn load(addr: u64, size: usize) -> Option<u64> {
    // SAFETY: a routine reads at most `size` bytes, and a fault in it is mended by the handler.
    value(unsafe {
        match size {
            1 => load8(addr),
            2 => load16(addr),
            4 => load32(addr),
            _ => load64(addr),
        }
    })
}

pub(crate) fn store(addr: u64, new: u64, size: usize) -> Option<()> {
    // SAFETY: callers pass addresses of module memory, to which no Rust reference exists.
    value(unsafe {
        match size {
            1 => store8(addr, new),
            2 => store16(addr, new),
            4 => store32(addr, new),
            _ => store64(addr, new),
        }
    })
    .map(|_| ())
}

/// Copies upwards; returns how many bytes are left when it faulted.
pub(crate) fn copy(to: u64, from: u64, len: usize) -> usize {
    // SAFETY: one side is a Rust slice of `len` bytes or both are module memory, as the callers in `access` ensure.
    let outcome = unsafe { move_bytes(to, from, 0, len as u64) };
    if outcome.failed == 0 { 0 } else { outcome.value as usize }
}

/// Fills; returns how many bytes are left when it faulted.
pub(crate) fn fill(to: u64, byte: u8, len: usize) -> usize {
    let (left, failed): (u64, u64);
    // SAFETY: the routine's first instruction takes AL, RCX and RDI; module memory, to which no Rust reference exists.
    unsafe {
        std::arch::asm!(
            "call {routine}",
            routine = sym fill_bytes,
            inout("rax") u64::from(byte) => left,
            inout("rcx") len as u64 => _,
            inout("rdi") to => _,
            out("rdx") failed,
            clobber_abi("C"),
        );
    }
    if failed == 0 { 0 } else { left as usize }
}

pub(crate) fn fetch_add_u32(addr: u64, add: u32) -> Option<u32> {
    // SAFETY: as for `store`.
    value(unsafe { xadd32(addr, u64::from(add)) }).map(|v| v as u32)
}

/// `size` is 4 or 8.
pub(crate) fn compare_exchange(addr: u64, old: u64, new: u64, size: usize) -> Option<u64> {
    let routine = if size == 4 { exchange32 as *const () } else { exchange64 as *const () };
    let (was, failed): (u64, u64);
    // SAFETY: as for `store`; the routine takes the expected value in RAX.
    unsafe {
        std::arch::asm!(
            "call {routine}",
            routine = in(reg) routine,
            inout("rax") old => was,
            in("rdi") addr,
            in("rsi") new,
            out("rdx") failed,
            clobber_abi("C"),
        );
    }
    (failed == 0).then_some(was)
}
