//! The registers of a trap.

use libc::mcontext_t;

/// Registers, laid out as Linux's `struct pt_regs` (arch/x86/include/asm/ptrace.h): modules get pointers to it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[repr(C)]
#[allow(missing_docs, reason = "the fields are the registers that they are named after")]
pub struct Regs {
    pub r15: u64,
    pub r14: u64,
    pub r13: u64,
    pub r12: u64,
    pub bp: u64,
    pub bx: u64,
    pub r11: u64,
    pub r10: u64,
    pub r9: u64,
    pub r8: u64,
    pub ax: u64,
    pub cx: u64,
    pub dx: u64,
    pub si: u64,
    pub di: u64,
    pub orig_ax: u64,
    pub ip: u64,
    pub cs: u64,
    pub flags: u64,
    pub sp: u64,
    pub ss: u64,
}

fn get(machine: &mcontext_t, register: i32) -> u64 {
    machine.gregs[register as usize] as u64
}

/// All registers; the segments are the kernel's, as its reports show them.
pub(crate) fn regs(machine: &mcontext_t) -> Regs {
    let r = |register| get(machine, register);
    Regs {
        r15: r(libc::REG_R15),
        r14: r(libc::REG_R14),
        r13: r(libc::REG_R13),
        r12: r(libc::REG_R12),
        bp: r(libc::REG_RBP),
        bx: r(libc::REG_RBX),
        r11: r(libc::REG_R11),
        r10: r(libc::REG_R10),
        r9: r(libc::REG_R9),
        r8: r(libc::REG_R8),
        ax: r(libc::REG_RAX),
        cx: r(libc::REG_RCX),
        dx: r(libc::REG_RDX),
        si: r(libc::REG_RSI),
        di: r(libc::REG_RDI),
        orig_ax: u64::MAX,
        ip: r(libc::REG_RIP),
        cs: 0x10,
        flags: r(libc::REG_EFL),
        sp: r(libc::REG_RSP),
        ss: 0x18,
    }
}

pub(crate) fn ip(machine: &mcontext_t) -> u64 {
    get(machine, libc::REG_RIP)
}

pub(crate) fn sp(machine: &mcontext_t) -> u64 {
    get(machine, libc::REG_RSP)
}

pub(crate) fn set_ip(machine: &mut mcontext_t, ip: u64) {
    machine.gregs[libc::REG_RIP as usize] = ip as i64;
}

/// The processor's exception vector.
pub(crate) fn vector(machine: &mcontext_t) -> u64 {
    get(machine, libc::REG_TRAPNO)
}

pub(crate) fn error_code(machine: &mcontext_t) -> u64 {
    get(machine, libc::REG_ERR)
}

/// CR2 as the host saw it.
pub(crate) fn fault_addr(machine: &mcontext_t) -> u64 {
    get(machine, libc::REG_CR2)
}
