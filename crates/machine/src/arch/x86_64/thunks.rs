//! Code with register conventions of its own that modules import: returned as bytes for [`crate::stub::code`].
//!
//! Counterparts: arch/x86/lib/retpoline.S, arch/x86/kernel/ftrace_64.S, arch/x86/kernel/paravirt.c,
//! arch/x86/lib/hweight.S.

/// `ret`: `__fentry__`, `__x86_return_thunk`, static calls that do nothing and return nothing.
pub const RETURN: &[u8] = &[0xc3];

/// `xor eax, eax; ret`: static calls that return 0 and clobber nothing else.
pub const RETURN_0: &[u8] = &[0x31, 0xc0, 0xc3];

/// `jmp *REG` for `__x86_indirect_thunk_REG` (also the call and jump forms of newer kernels).
/// `None` for a name that is no general register, or rsp.
pub fn indirect(register: &str) -> Option<Vec<u8>> {
    const NAMES: [&str; 16] =
        ["rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"];
    let number = NAMES.iter().position(|n| *n == register && register != "rsp")?;
    let jump = 0xe0 | (number as u8 & 7);
    Some(if number < 8 { vec![0xff, jump] } else { vec![0x41, 0xff, jump] })
}

/// `popcnt eax, edi; ret` for `__sw_hweight32`, which keeps every register but rax.
pub const HWEIGHT32: &[u8] = &[0xf3, 0x0f, 0xb8, 0xc7, 0xc3];

/// `popcnt rax, rdi; ret` for `__sw_hweight64`.
pub const HWEIGHT64: &[u8] = &[0xf3, 0x48, 0x0f, 0xb8, 0xc7, 0xc3];
