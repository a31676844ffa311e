//! Code with register conventions of its own that modules import, and functions that run as module code so that a
//! fault in them shows the module's own registers: returned as bytes for [`crate::stub::code`].
//!
//! Counterparts: arch/x86/lib/{retpoline,hweight,memcpy_64,memmove_64,memset_64}.S, arch/x86/kernel/ftrace_64.S,
//! arch/x86/kernel/static_call.c.

use crate::cpu;

/// `ret`.
const RETURN: &[u8] = &[0xc3];
/// `xor eax, eax; ret`.
const RETURN_0: &[u8] = &[0x31, 0xc0, 0xc3];
/// `popcnt eax, edi; ret`: keeps every register but rax.
const HWEIGHT32: &[u8] = &[0xf3, 0x0f, 0xb8, 0xc7, 0xc3];
/// `popcnt rax, rdi; ret`.
const HWEIGHT64: &[u8] = &[0xf3, 0x48, 0x0f, 0xb8, 0xc7, 0xc3];
/// `mov rax, rdi; mov rcx, rdx; rep movsb; ret`.
const MEMCPY: &[u8] = &[0x48, 0x89, 0xf8, 0x48, 0x89, 0xd1, 0xf3, 0xa4, 0xc3];
/// `mov r9, rdi; mov rcx, rdx; mov eax, esi; rep stosb; mov rax, r9; ret`.
const MEMSET: &[u8] = &[0x49, 0x89, 0xf9, 0x48, 0x89, 0xd1, 0x89, 0xf0, 0xf3, 0xaa, 0x4c, 0x89, 0xc8, 0xc3];
/// `mov ecx, 512; xor eax, eax; rep stosq; ret`: keeps all but rax, rcx and rdi.
const CLEAR_PAGE: &[u8] = &[0xb9, 0, 2, 0, 0, 0x31, 0xc0, 0xf3, 0x48, 0xab, 0xc3];
/// `mov ecx, 512; rep movsq; ret`.
const COPY_PAGE: &[u8] = &[0xb9, 0, 2, 0, 0, 0xf3, 0x48, 0xa5, 0xc3];
/// Forwards as memcpy unless the target starts inside of the source; then backwards, with the direction flag set.
const MEMMOVE: &[u8] = &[
    0x48, 0x89, 0xf8, // mov rax, rdi
    0x48, 0x89, 0xd1, // mov rcx, rdx
    0x49, 0x89, 0xf8, // mov r8, rdi
    0x49, 0x29, 0xf0, // sub r8, rsi
    0x49, 0x39, 0xd0, // cmp r8, rdx
    0x72, 0x03, // jb backwards
    0xf3, 0xa4, // rep movsb
    0xc3, // ret
    0x48, 0x8d, 0x7c, 0x17, 0xff, // backwards: lea rdi, [rdi + rdx - 1]
    0x48, 0x8d, 0x74, 0x16, 0xff, // lea rsi, [rsi + rdx - 1]
    0xfd, // std
    0xf3, 0xa4, // rep movsb
    0xfc, // cld
    0xc3, // ret
];

/// `pv_ops.irq`'s three functions that modules call, which keep every register but rax: by member, code.
/// Counterpart: arch/x86/kernel/paravirt.c.
pub fn paravirt(member: &str) -> Option<Vec<u8>> {
    let at = (cpu::IRQS_OFF as u32).to_le_bytes();
    let store = |value: u8| {
        let mut code = vec![0x65, 0xc6, 0x04, 0x25]; // mov byte ptr gs:[IRQS_OFF], value
        code.extend(at);
        code.extend([value, 0xc3]);
        code
    };
    match member {
        "save_fl" => {
            let mut code = vec![0x65, 0x0f, 0xb6, 0x04, 0x25]; // movzx eax, byte ptr gs:[IRQS_OFF]
            code.extend(at);
            code.extend([0xc1, 0xe0, 0x09]); // shl eax, 9
            code.extend([0x35, 0x46, 0x02, 0x00, 0x00, 0xc3]); // xor eax, 0x246; ret
            Some(code)
        }
        "irq_disable" => Some(store(1)),
        "irq_enable" => Some(store(0)),
        _ => None,
    }
}

/// The machine code of an imported symbol that is code rather than a call into Rust; `None` for all others.
pub fn code_of(symbol: &str) -> Option<Vec<u8>> {
    let fixed = match symbol {
        "__fentry__" | "__x86_return_thunk" => RETURN,
        "__SCT__might_resched" | "__SCT__cond_resched" | "__static_call_return0" => RETURN_0,
        "__SCT__preempt_schedule" | "__SCT__preempt_schedule_notrace" => RETURN,
        "__sw_hweight32" => HWEIGHT32,
        "__sw_hweight64" => HWEIGHT64,
        "memcpy" | "__memcpy" => MEMCPY,
        "memset" | "__memset" => MEMSET,
        "memmove" | "__memmove" => MEMMOVE,
        "clear_page_orig" | "clear_page_rep" | "clear_page_erms" => CLEAR_PAGE,
        "copy_page" => COPY_PAGE,
        _ => {
            let forms = ["__x86_indirect_thunk_", "__x86_indirect_call_thunk_", "__x86_indirect_jump_thunk_"];
            return forms.iter().find_map(|form| indirect(symbol.strip_prefix(form)?));
        }
    };
    Some(fixed.to_vec())
}

/// Names that [`code_of`] knows.
pub fn names() -> impl Iterator<Item = &'static str> {
    [
        "__fentry__",
        "__x86_return_thunk",
        "__SCT__might_resched",
        "__SCT__cond_resched",
        "__static_call_return0",
        "__SCT__preempt_schedule",
        "__SCT__preempt_schedule_notrace",
        "__sw_hweight32",
        "__sw_hweight64",
        "memcpy",
        "__memcpy",
        "memset",
        "__memset",
        "memmove",
        "__memmove",
        "clear_page_orig",
        "clear_page_rep",
        "clear_page_erms",
        "copy_page",
        "__x86_indirect_thunk_rax",
        "__x86_indirect_thunk_rcx",
        "__x86_indirect_thunk_rdx",
        "__x86_indirect_thunk_rbx",
        "__x86_indirect_thunk_rbp",
        "__x86_indirect_thunk_rsi",
        "__x86_indirect_thunk_rdi",
        "__x86_indirect_thunk_r8",
        "__x86_indirect_thunk_r9",
        "__x86_indirect_thunk_r10",
        "__x86_indirect_thunk_r11",
        "__x86_indirect_thunk_r12",
        "__x86_indirect_thunk_r13",
        "__x86_indirect_thunk_r14",
        "__x86_indirect_thunk_r15",
    ]
    .into_iter()
}

/// `jmp *REG`.
fn indirect(register: &str) -> Option<Vec<u8>> {
    const NAMES: [&str; 16] =
        ["rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"];
    let number = NAMES.iter().position(|n| *n == register && register != "rsp")?;
    let jump = 0xe0 | (number as u8 & 7);
    Some(if number < 8 { vec![0xff, jump] } else { vec![0x41, 0xff, jump] })
}

#[cfg(test)]
mod tests {
    use super::code_of;

    #[test]
    fn thunks_jump_through_their_register() {
        assert_eq!(code_of("__x86_indirect_thunk_rax"), Some(vec![0xff, 0xe0]));
        assert_eq!(code_of("__x86_indirect_thunk_r11"), Some(vec![0x41, 0xff, 0xe3]));
        assert_eq!(code_of("__x86_indirect_thunk_rsp"), None);
        assert_eq!(code_of("kfree"), None);
    }
}
