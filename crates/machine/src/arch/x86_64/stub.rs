//! Machine code of stubs.

use crate::cpu::{BORDER, FPU, RUST_SP, VECTORS};
use crate::stub::Convention;
use std::arch::naked_asm;
use std::sync::OnceLock;

/// `ud2`.
pub(crate) const TRAP_CODE: [u8; 2] = [0x0f, 0x0b];

/// The code of a stub that calls `target`. Position-independent; the target's address lies behind the code.
pub(crate) fn stub_code(target: u64, convention: Convention) -> Vec<u8> {
    let mut code = Vec::with_capacity(96);
    match convention {
        Convention::Raw => {
            code.extend([0xff, 0x25, 0, 0, 0, 0]); // jmp [rip + slot]
            let at = code.len();
            slots(&mut code, &[(at, target)]);
            return code;
        }
        Convention::GetUser | Convention::PutUser | Convention::ClearUser => return user_access(target, convention),
        Convention::Plain { stack_args } => {
            to_rust_stack(&mut code);
            copy_stack_arguments(&mut code, stack_args);
        }
        Convention::Variadic => {
            to_rust_stack(&mut code);
            build_va_list(&mut code);
        }
    }
    code.extend([0x65, 0x80, 0x3c, 0x25]); // cmp byte ptr gs:[FPU], 1
    code.extend((FPU as u32).to_le_bytes());
    code.push(1);
    code.extend([0x74, 0x08]); // je keep
    code.extend([0xff, 0x15, 0, 0, 0, 0]); // call [rip + slot]
    let call = code.len();
    code.extend([0xc9, 0xc3]); // leave; ret
    code.extend([0x48, 0x8b, 0x05, 0, 0, 0, 0]); // keep: mov rax, [rip + slot]
    let load = code.len();
    code.extend([0xff, 0x25, 0, 0, 0, 0]); // jmp [rip + slot of keep_vectors]
    let jump = code.len();
    let keep =
        if vectors_are_compacted() { keep_vectors_xsavec as *const () } else { keep_vectors_fxsave as *const () };
    slots(&mut code, &[(call, target), (load, target), (jump, keep as u64)]);
    code
}

/// Appends the words that instructions refer to; each is named by the end of its instruction.
fn slots(code: &mut Vec<u8>, words: &[(usize, u64)]) {
    code.resize(code.len().next_multiple_of(8), 0xcc);
    for (end, word) in words {
        let displacement = (code.len() - end) as u32;
        code[end - 4..*end].copy_from_slice(&displacement.to_le_bytes());
        code.extend(word.to_le_bytes());
    }
}

/// Whether the processor saves vector registers with `xsavec`; as it has been since 2015.
fn vectors_are_compacted() -> bool {
    use std::arch::x86_64::{__cpuid, __cpuid_count};
    // Asked once: in a virtual machine each question costs two microseconds, and there are hundreds of stubs.
    static COMPACTED: OnceLock<bool> = OnceLock::new();
    *COMPACTED.get_or_init(|| {
        let xsave = __cpuid(1).ecx >> 27 & 1 == 1;
        xsave && __cpuid(0).eax >= 0xd && __cpuid_count(0xd, 1).eax >> 1 & 1 == 1
    })
}

/// Calls the function in RAX for code between `kernel_fpu_begin` and `kernel_fpu_end`, which keeps values in vector
/// registers that Rust would overwrite. The stack holds the function's arguments; ends the stub.
macro_rules! keep_vectors {
    ($name:ident, $save:literal, $restore:literal) => {
        #[unsafe(naked)]
        unsafe extern "C" fn $name() {
            naked_asm!(
                "mov byte ptr gs:[{fpu}], 2", // what the function calls has nothing to keep
                "mov r10, rax",
                "mov r11, rdx",
                "mov eax, 0xe7", // x87, SSE, AVX, AVX-512
                "xor edx, edx",
                $save,
                "mov rdx, r11",
                "call r10",
                "mov r10, rax",
                "mov r11, rdx",
                "mov eax, 0xe7",
                "xor edx, edx",
                $restore,
                "mov rax, r10",
                "mov rdx, r11",
                "cmp byte ptr gs:[{fpu}], 2", // 0: it was kernel_fpu_end
                "jne 2f",
                "mov byte ptr gs:[{fpu}], 1",
                "2:",
                "leave",
                "ret",
                fpu = const FPU,
                vectors = const VECTORS,
            )
        }
    };
}
keep_vectors!(keep_vectors_xsavec, "xsavec64 gs:[{vectors}]", "xrstor64 gs:[{vectors}]");
keep_vectors!(keep_vectors_fxsave, "fxsave64 gs:[{vectors}]", "fxrstor64 gs:[{vectors}]");

/// `__get_user_*` (pointer in RAX; error to RAX, value to RDX) and `__put_user_*` (pointer in RCX, value in RAX; error
/// to RCX) and `clear_user_*` (pointer in RDI, length in RCX; rest to RCX): every other register keeps its value. The
/// Rust function takes two words and returns a pair. Counterpart: arch/x86/lib/{getuser,putuser,clear_page_64}.S.
fn user_access(target: u64, convention: Convention) -> Vec<u8> {
    let mut code = Vec::with_capacity(96);
    to_rust_stack(&mut code);
    code.push(0x50); // push rax
    code.extend([0x51, 0x52, 0x56, 0x57]); // push rcx, rdx, rsi, rdi
    code.extend([0x41, 0x50, 0x41, 0x51, 0x41, 0x52, 0x41, 0x53]); // push r8, r9, r10, r11
    code.push(0x50); // push rax: ten pushes keep the alignment
    match convention {
        Convention::GetUser => code.extend([0x48, 0x89, 0xc7]), // mov rdi, rax
        Convention::ClearUser => code.extend([0x48, 0x89, 0xce]), // mov rsi, rcx
        _ => code.extend([0x48, 0x89, 0xcf, 0x48, 0x89, 0xc6]), // mov rdi, rcx; mov rsi, rax
    }
    code.extend([0xff, 0x15, 0, 0, 0, 0]); // call [rip + slot]
    let call = code.len();
    if convention == Convention::GetUser {
        code.extend([0x48, 0x89, 0x54, 0x24, 0x38]); // mov [rsp + 56], rdx: RDX's place
        code.extend([0x48, 0x89, 0x44, 0x24, 0x48]); // mov [rsp + 72], rax: RAX's place
    } else {
        code.extend([0x48, 0x89, 0x44, 0x24, 0x40]); // mov [rsp + 64], rax: RCX's place
    }
    code.push(0x58); // pop rax
    code.extend([0x41, 0x5b, 0x41, 0x5a, 0x41, 0x59, 0x41, 0x58]); // pop r11, r10, r9, r8
    code.extend([0x5f, 0x5e, 0x5a, 0x59, 0x58]); // pop rdi, rsi, rdx, rcx, rax
    code.extend([0xc9, 0xc3]); // leave; ret
    slots(&mut code, &[(call, target)]);
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
