//! The code that looks at the shadow of an access ([`crate::shadow`]), once for each size.
//!
//! Module code calls it with the address in RAX; the routine for any length gets that in RDX. No other register changes,
//! and no flag: where the processor has BMI2 the usual way needs no flags at all. What is not open ends in the int3, with
//! address and length where they were, and goes on behind it. The code is copied to where module code reaches it.

use std::arch::global_asm;
use std::slice;

/// One routine.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Check {
    /// Bytes of the accesses that it is for; 0 for any number.
    pub(crate) size: usize,
    /// How many words lie on the stack at its int3, before the return address.
    pub(crate) pushed: usize,
    needs_bmi2: Option<bool>,
    /// Its parts, by address: where it starts, ends, goes on when the shadow cannot be read, and reads it.
    parts: [unsafe extern "C" fn(); 6],
}

impl Check {
    fn at(&self, part: usize) -> usize {
        self.parts[part] as usize - self.parts[0] as usize
    }

    /// The code; position-independent.
    pub(crate) fn code(&self) -> &'static [u8] {
        // SAFETY: both labels lie in one section of this program, which nothing ever writes.
        unsafe { slice::from_raw_parts(self.parts[0] as *const u8, self.at(1)) }
    }

    /// Where it goes on when the shadow cannot be read: an offset.
    pub(crate) fn ok(&self) -> usize {
        self.at(2)
    }

    /// Offsets of the instructions that read the shadow.
    pub(crate) fn reads(&self) -> [usize; 3] {
        [self.at(3), self.at(4), self.at(5)]
    }

    /// Whether it is the one for this processor.
    pub(crate) fn suits(&self) -> bool {
        let bmi2 = std::arch::x86_64::__cpuid(0).eax >= 7 && std::arch::x86_64::__cpuid_count(7, 0).ebx >> 8 & 1 == 1;
        self.needs_bmi2.is_none_or(|needs| needs == bmi2)
    }
}

global_asm!(
    ".pushsection .text.lkm_check, \"ax\", @progbits",
    // Decides exactly, with RAX at the last byte and EDX the shadow of the first: all before the last byte's granule must
    // be open as a whole.
    ".macro lkm_decide fine, bad, last",
    "    mov ecx, eax",
    "    and ecx, 7",
    "    cmp ecx, \\last",
    "    jae 30f",
    "    test edx, edx",
    "    jnz \\bad",
    "30: mov rdx, rax",
    "    shr rdx, 3",
    "    movsx edx, byte ptr [rdx]",
    "    test edx, edx",
    "    jz \\fine",
    "    cmp ecx, edx",
    "    jl \\fine",
    ".endm",
    // With BMI2: flags are saved only if something is not zero.
    ".macro lkm_check name, last, read, width",
    "    .balign 16",
    "lkm_check_\\name\\()_start:",
    "    push rcx",
    "    push rdx",
    "    mov ecx, 3",
    "    shrx rdx, rax, rcx",
    "lkm_check_\\name\\()_first:",
    "    \\read edx, \\width ptr [rdx]",
    "    lea rax, [rax + \\last]",
    "    shrx rcx, rax, rcx",
    "lkm_check_\\name\\()_middle:",
    "lkm_check_\\name\\()_last:",
    "    movzx ecx, byte ptr [rcx]",
    "    lea rcx, [rcx + rdx]",
    "    jrcxz lkm_check_\\name\\()_ok",
    "    jmp 20f",
    "lkm_check_\\name\\()_ok:",
    "    pop rdx",
    "    pop rcx",
    "    ret",
    "20: pushfq",
    "    lkm_decide 21f, 22f, \\last",
    "22: popfq",
    "    lea rax, [rax - \\last]",
    "    int3",
    "    jmp lkm_check_\\name\\()_ok",
    "21: popfq",
    "    jmp lkm_check_\\name\\()_ok",
    "lkm_check_\\name\\()_end:",
    ".endm",
    // Without.
    ".macro lkm_check_old name, last, read, width",
    "    .balign 16",
    "lkm_check_old_\\name\\()_start:",
    "    push rcx",
    "    push rdx",
    "    pushfq",
    "    mov rdx, rax",
    "    shr rdx, 3",
    "lkm_check_old_\\name\\()_first:",
    "    \\read edx, \\width ptr [rdx]",
    "    lea rax, [rax + \\last]",
    "    mov rcx, rax",
    "    shr rcx, 3",
    "lkm_check_old_\\name\\()_middle:",
    "lkm_check_old_\\name\\()_last:",
    "    movzx ecx, byte ptr [rcx]",
    "    or ecx, edx",
    "    jnz 20f",
    "lkm_check_old_\\name\\()_ok:",
    "    popfq",
    "    pop rdx",
    "    pop rcx",
    "    ret",
    "20: lkm_decide lkm_check_old_\\name\\()_ok, 22f, \\last",
    "22: lea rax, [rax - \\last]",
    "    int3",
    "    jmp lkm_check_old_\\name\\()_ok",
    "lkm_check_old_\\name\\()_end:",
    ".endm",
    ".macro lkm_checks name, last, read, width",
    "    lkm_check \\name, \\last, \\read, \\width",
    "    lkm_check_old \\name, \\last, \\read, \\width",
    ".endm",
    "lkm_checks 1, 0, movzx, byte",
    "lkm_checks 2, 1, movzx, byte",
    "lkm_checks 4, 3, movzx, byte",
    "lkm_checks 8, 7, movzx, byte",
    "lkm_checks 16, 15, movzx, word",
    // RDX bytes at RAX. A string instruction that goes down looks elsewhere: that is for whoever gets the int3.
    "    .balign 16",
    "lkm_check_any_start:",
    "    push rcx",
    "    push rdi",
    "    pushfq",
    "    test byte ptr [rsp + 1], 4",
    "    jnz 23f",
    "    test rdx, rdx",
    "    jz lkm_check_any_ok",
    "    lea rdi, [rax + rdx - 1]",
    "    cmp rdi, rax",
    "    jb 23f",
    "    push rax",
    "    mov rcx, rax",
    "    shr rcx, 3",
    "    shr rdi, 3",
    // All granules before the last one's must be open as a whole; eight at a time while there are so many.
    "20: lea rax, [rcx + 8]",
    "    cmp rax, rdi",
    "    ja 21f",
    "lkm_check_any_first:",
    "    cmp qword ptr [rcx], 0",
    "    jne 22f",
    "    mov rcx, rax",
    "    jmp 20b",
    "21: cmp rcx, rdi",
    "    jae lkm_check_any_last",
    "lkm_check_any_middle:",
    "    cmp byte ptr [rcx], 0",
    "    jne 22f",
    "    inc rcx",
    "    jmp 21b",
    "lkm_check_any_last:",
    "    movsx edi, byte ptr [rdi]",
    "    test edi, edi",
    "    jz lkm_check_any_popped",
    "    mov rax, [rsp]",
    "    lea ecx, [eax + edx - 1]",
    "    and ecx, 7",
    "    cmp ecx, edi",
    "    jge 22f",
    "lkm_check_any_popped:",
    "    pop rax",
    "lkm_check_any_ok:",
    "    popfq",
    "    pop rdi",
    "    pop rcx",
    "    ret",
    "22: pop rax",
    "23: int3",
    "    jmp lkm_check_any_ok",
    "lkm_check_any_end:",
    ".purgem lkm_decide",
    ".purgem lkm_check",
    ".purgem lkm_check_old",
    ".purgem lkm_checks",
    ".popsection",
);

macro_rules! checks {
    ($($size:literal $pushed:literal $bmi2:expr; $start:ident $end:ident $ok:ident $first:ident $middle:ident $last:ident;)*) => {
        unsafe extern "C" {
            $(fn $start(); fn $end(); fn $ok(); fn $first(); fn $middle(); fn $last();)*
        }

        /// All routines.
        pub(crate) static CHECKS: &[Check] = &[$(Check {
            size: $size,
            pushed: $pushed,
            needs_bmi2: $bmi2,
            parts: [$start, $end, $ok, $first, $middle, $last],
        }),*];
    };
}
checks! {
    1 2 Some(true);
        lkm_check_1_start lkm_check_1_end lkm_check_1_ok lkm_check_1_first lkm_check_1_middle lkm_check_1_last;
    1 3 Some(false);
        lkm_check_old_1_start lkm_check_old_1_end lkm_check_old_1_ok lkm_check_old_1_first lkm_check_old_1_middle lkm_check_old_1_last;
    2 2 Some(true);
        lkm_check_2_start lkm_check_2_end lkm_check_2_ok lkm_check_2_first lkm_check_2_middle lkm_check_2_last;
    2 3 Some(false);
        lkm_check_old_2_start lkm_check_old_2_end lkm_check_old_2_ok lkm_check_old_2_first lkm_check_old_2_middle lkm_check_old_2_last;
    4 2 Some(true);
        lkm_check_4_start lkm_check_4_end lkm_check_4_ok lkm_check_4_first lkm_check_4_middle lkm_check_4_last;
    4 3 Some(false);
        lkm_check_old_4_start lkm_check_old_4_end lkm_check_old_4_ok lkm_check_old_4_first lkm_check_old_4_middle lkm_check_old_4_last;
    8 2 Some(true);
        lkm_check_8_start lkm_check_8_end lkm_check_8_ok lkm_check_8_first lkm_check_8_middle lkm_check_8_last;
    8 3 Some(false);
        lkm_check_old_8_start lkm_check_old_8_end lkm_check_old_8_ok lkm_check_old_8_first lkm_check_old_8_middle lkm_check_old_8_last;
    16 2 Some(true);
        lkm_check_16_start lkm_check_16_end lkm_check_16_ok lkm_check_16_first lkm_check_16_middle lkm_check_16_last;
    16 3 Some(false);
        lkm_check_old_16_start lkm_check_old_16_end lkm_check_old_16_ok lkm_check_old_16_first lkm_check_old_16_middle lkm_check_old_16_last;
    0 3 None;
        lkm_check_any_start lkm_check_any_end lkm_check_any_popped lkm_check_any_first lkm_check_any_middle
        lkm_check_any_last;
}
