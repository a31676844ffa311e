//! Machine code of stubs.

use crate::cpu::{BORDER, RUST_SP};
use crate::stub::Convention;

/// `ud2`.
pub(crate) const TRAP_CODE: [u8; 2] = [0x0f, 0x0b];

/// The code of a stub that calls `target`. Position-independent; the target's address lies behind the code.
pub(crate) fn stub_code(target: u64, convention: Convention) -> Vec<u8> {
    let mut code = Vec::with_capacity(96);
    match convention {
        Convention::Raw => code.extend([0xff, 0x25]), // jmp [rip + slot]
        Convention::Plain { stack_args } => {
            to_rust_stack(&mut code);
            copy_stack_arguments(&mut code, stack_args);
            code.extend([0xff, 0x15]); // call [rip + slot]
        }
        Convention::Variadic => {
            to_rust_stack(&mut code);
            build_va_list(&mut code);
            code.extend([0xff, 0x15]);
        }
    }
    let displacement_at = code.len();
    code.extend([0; 4]);
    if convention != Convention::Raw {
        code.extend([0xc9, 0xc3]); // leave; ret
    }
    code.resize(code.len().next_multiple_of(8), 0xcc);
    let displacement = (code.len() - displacement_at - 4) as u32;
    code[displacement_at..displacement_at + 4].copy_from_slice(&displacement.to_le_bytes());
    code.extend(target.to_le_bytes());
    code
}

/// Frame pointer to the CPU's area, then on to the thread's own stack (16-byte aligned there).
fn to_rust_stack(code: &mut Vec<u8>) {
    code.push(0x55); // push rbp
    code.extend([0x48, 0x89, 0xe5]); // mov rbp, rsp
    code.extend([0x65, 0x48, 0x89, 0x2c, 0x25]); // mov gs:[BORDER], rbp
    code.extend((BORDER as u32).to_le_bytes());
    code.extend([0x65, 0x48, 0x8b, 0x24, 0x25]); // mov rsp, gs:[RUST_SP]
    code.extend((RUST_SP as u32).to_le_bytes());
}

/// Arguments beyond the sixth lie above the return address.
fn copy_stack_arguments(code: &mut Vec<u8>, count: u8) {
    if count % 2 == 1 {
        code.extend([0x48, 0x83, 0xec, 0x08]); // sub rsp, 8
    }
    for i in (0..u32::from(count)).rev() {
        code.extend([0xff, 0xb5]); // push [rbp + 16 + 8 * i]
        code.extend((16 + 8 * i).to_le_bytes());
    }
}

/// Spills the argument registers and builds a `va_list` that starts at the first; RDI points to it.
fn build_va_list(code: &mut Vec<u8>) {
    code.extend([0x48, 0x83, 0xec, 0x08]); // sub rsp, 8: nine pushes follow
    code.extend([0x41, 0x51, 0x41, 0x50, 0x51, 0x52, 0x56, 0x57]); // push r9, r8, rcx, rdx, rsi, rdi
    code.extend([0x48, 0x89, 0xe0]); // mov rax, rsp
    code.push(0x50); // push rax: reg_save_area
    code.extend([0x48, 0x8d, 0x45, 0x10, 0x50]); // lea rax, [rbp + 16]; push rax: overflow_arg_area
    code.extend([0x48, 0xb8]); // mov rax, fp_offset 48 << 32 | gp_offset 0
    code.extend((48u64 << 32).to_le_bytes());
    code.push(0x50); // push rax
    code.extend([0x48, 0x89, 0xe7]); // mov rdi, rsp
}
