//! x86-64: assembler, register access, stub code.

mod access;
mod check;
mod enter;
mod regs;
mod stub;
pub mod thunks;

pub(crate) use access::{access_fixup, compare_exchange, copy, fetch_add_u32, fill, load, store};
pub(crate) use check::{CHECKS, Check};
pub(crate) use enter::{continue_in_dispatch, enter, leave_dead, prepare};
pub use regs::Regs;
pub(crate) use regs::{error_code, fault_addr, ip, regs, set_ip, sp, vector};
pub(crate) use stub::{TRAP_CODE, stub_code};

/// Points this thread's GS base to a CPU's area.
pub(crate) fn write_gs_base(base: u64) {
    // SAFETY: the host allows wrgsbase (checked through AT_HWCAP2); no Rust or C code of this process uses GS.
    unsafe { std::arch::asm!("wrgsbase {}", in(reg) base, options(nostack, preserves_flags)) };
}

/// Where lkm's own code begins, so that an address in a bug report can be looked up.
pub(crate) fn own_base() -> u64 {
    unsafe extern "C" {
        static __executable_start: u8;
    }
    &raw const __executable_start as u64
}
