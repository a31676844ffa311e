//! Into module code and out of it.

use super::Regs;
use crate::cpu::RUST_SP;
use crate::enter::Frame;
use crate::task::Context;
use crate::trap::dispatch;
use std::arch::naked_asm;
use std::mem::offset_of;
use std::sync::atomic::{AtomicU64, Ordering};

/// What a call came back with.
#[repr(C)]
pub(crate) struct Outcome {
    pub(crate) value: u64,
    pub(crate) died: u64,
}

/// Bytes that xsave needs for everything that the host has switched on.
static XSAVE_SIZE: AtomicU64 = AtomicU64::new(4096);

/// Reads what the assembler needs to know of the processor.
pub(crate) fn prepare() {
    let leaf = std::arch::x86_64::__cpuid_count(0xd, 0);
    XSAVE_SIZE.store(u64::from(leaf.ebx).max(576), Ordering::Relaxed);
}

pub(crate) fn enter(function: u64, args: &[u64; 6], module_sp: u64, frame: &mut Frame) -> Outcome {
    // SAFETY: the caller holds a CPU, so GS points to its area; `module_sp` is the aligned end of a mapped module stack
    // and `frame` outlives the call. What the function does is contained by traps, not proved.
    unsafe { enter_asm(function, args, module_sp, frame) }
}

/// Saves the callee-saved registers, notes this stack's pointer in the frame and the CPU's area, and calls the
/// function on the module stack. `leave_dead` ends here too, with `died` set.
#[unsafe(naked)]
unsafe extern "C" fn enter_asm(function: u64, args: &[u64; 6], module_sp: u64, frame: &mut Frame) -> Outcome {
    naked_asm!(
        "push rbp",
        "push rbx",
        "push r12",
        "push r13",
        "push r14",
        "push r15",
        "sub rsp, 8",
        "mov [rcx], rsp",
        "mov gs:[{rust_sp}], rsp",
        "xor ebp, ebp",
        "mov rsp, rdx",
        "mov rax, rdi",
        "mov r10, rsi",
        "mov rdi, [r10]",
        "mov rsi, [r10 + 8]",
        "mov rdx, [r10 + 16]",
        "mov rcx, [r10 + 24]",
        "mov r8, [r10 + 32]",
        "mov r9, [r10 + 40]",
        "call rax",
        "cld",
        "mov rsp, gs:[{rust_sp}]",
        "xor edx, edx",
        "add rsp, 8",
        "pop r15",
        "pop r14",
        "pop r13",
        "pop r12",
        "pop rbx",
        "pop rbp",
        "ret",
        rust_sp = const RUST_SP,
    )
}

/// Returns from the call whose stack pointer is given, with `died` set.
///
/// # Safety
/// `rust_sp` is that of the innermost frame, and nothing between here and there needs dropping.
#[unsafe(naked)]
pub(crate) unsafe extern "C" fn leave_dead(rust_sp: u64) -> ! {
    naked_asm!(
        "cld",
        "lea rsp, [rdi + 8]",
        "xor eax, eax",
        "mov edx, 1",
        "pop r15",
        "pop r14",
        "pop r13",
        "pop r12",
        "pop rbx",
        "pop rbp",
        "ret"
    )
}

/// Makes an interrupted thread continue in [`trapped`] on its own stack.
pub(crate) fn continue_in_dispatch(machine: &mut libc::mcontext_t, rust_sp: u64, context: *mut Context) {
    machine.gregs[libc::REG_RIP as usize] = trapped as *const () as i64;
    machine.gregs[libc::REG_RSP as usize] = rust_sp as i64;
    machine.gregs[libc::REG_RDI as usize] = context as i64;
    // Direction, trap and alignment-check flags are the module's, not ours.
    machine.gregs[libc::REG_EFL as usize] &= !0x4_0500;
}

/// Saves the vector registers, asks [`dispatch`], and resumes module code with all its registers or abandons it.
///
/// Entered by a signal handler's return with RDI = context, RSP = the frame's `rust_sp`.
#[unsafe(naked)]
unsafe extern "C" fn trapped(context: *mut Context) -> ! {
    naked_asm!(
        "mov rbx, rdi",
        "mov r12, rsp",
        "sub rsp, [rip + {size}]",
        "and rsp, -64",
        // xrstor refuses a header with garbage: clear it.
        "xor eax, eax",
        "mov [rsp + 512], rax",
        "mov [rsp + 520], rax",
        "mov [rsp + 528], rax",
        "mov [rsp + 536], rax",
        "mov [rsp + 544], rax",
        "mov [rsp + 552], rax",
        "mov [rsp + 560], rax",
        "mov [rsp + 568], rax",
        "mov eax, -1",
        "mov edx, -1",
        "xsave64 [rsp]",
        "mov rdi, rbx",
        "call {dispatch}",
        "test rax, rax",
        "jz 2f",
        "mov eax, -1",
        "mov edx, -1",
        "xrstor64 [rsp]",
        // Flags and instruction pointer go below the module's stack pointer: kernel code has no red zone.
        "lea rbx, [rbx + {regs}]",
        "mov rax, [rbx + {sp}]",
        "mov rcx, [rbx + {ip}]",
        "mov [rax - 8], rcx",
        "mov rcx, [rbx + {flags}]",
        "mov [rax - 16], rcx",
        "sub rax, 16",
        "mov [rbx + {sp}], rax",
        "mov r15, [rbx + {r15}]",
        "mov r14, [rbx + {r14}]",
        "mov r13, [rbx + {r13}]",
        "mov r12, [rbx + {r12}]",
        "mov rbp, [rbx + {bp}]",
        "mov r11, [rbx + {r11}]",
        "mov r10, [rbx + {r10}]",
        "mov r9, [rbx + {r9}]",
        "mov r8, [rbx + {r8}]",
        "mov rax, [rbx + {ax}]",
        "mov rcx, [rbx + {cx}]",
        "mov rdx, [rbx + {dx}]",
        "mov rsi, [rbx + {si}]",
        "mov rdi, [rbx + {di}]",
        "mov rsp, [rbx + {sp}]",
        "mov rbx, [rbx + {bx}]",
        "popfq",
        "ret",
        "2:",
        "mov rdi, r12",
        "jmp {dead}",
        size = sym XSAVE_SIZE,
        dispatch = sym dispatch,
        dead = sym leave_dead,
        regs = const offset_of!(Context, raised),
        r15 = const offset_of!(Regs, r15),
        r14 = const offset_of!(Regs, r14),
        r13 = const offset_of!(Regs, r13),
        r12 = const offset_of!(Regs, r12),
        bp = const offset_of!(Regs, bp),
        bx = const offset_of!(Regs, bx),
        r11 = const offset_of!(Regs, r11),
        r10 = const offset_of!(Regs, r10),
        r9 = const offset_of!(Regs, r9),
        r8 = const offset_of!(Regs, r8),
        ax = const offset_of!(Regs, ax),
        cx = const offset_of!(Regs, cx),
        dx = const offset_of!(Regs, dx),
        si = const offset_of!(Regs, si),
        di = const offset_of!(Regs, di),
        ip = const offset_of!(Regs, ip),
        flags = const offset_of!(Regs, flags),
        sp = const offset_of!(Regs, sp),
    )
}
