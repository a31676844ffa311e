//! Which address a general protection fault was probably about.
//!
//! The processor does not tell. The kernel decodes the instruction and computes the address of its memory operand, in a
//! simple way that looks only at the ModRM byte: the report shows exactly what that gives, also for instructions that
//! have no such byte (the number in RAX) or name a register (the number in it).
//!
//! Kernel counterparts: `get_kernel_gp_address` of arch/x86/kernel/traps.c, arch/x86/lib/insn-eval.c.

use super::world::World;
use iced_x86::{Decoder, DecoderOptions, Instruction, OpKind, Register};
use machine::Regs;

/// Highest address of the lower half (4-level page tables), and lowest of the upper one.
const LOWER_END: u64 = 0x7fff_ffff_ffff;
const UPPER: u64 = !LOWER_END;
const LONGEST: usize = 15;

/// What the instruction tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hint {
    /// Nothing.
    None,
    /// It used an address that no page can have.
    NonCanonical(u64),
    /// It used this address, which may not be the cause.
    Canonical(u64),
}

/// Finds the address that the instruction at `regs.ip` uses.
pub fn hint(world: &dyn World, regs: &Regs, gs_base: u64, fs_base: u64) -> Hint {
    let mut bytes = [0; LONGEST];
    if !world.read_bytes(regs.ip, &mut bytes) {
        return Hint::None;
    }
    let instruction = Decoder::with_ip(64, &bytes, regs.ip, DecoderOptions::NONE).decode();
    if instruction.is_invalid() {
        return Hint::None;
    }
    let Some(addr) = address(&instruction, &bytes, regs, gs_base, fs_base) else { return Hint::None };
    if addr == u64::MAX {
        return Hint::None;
    }
    let size = match instruction.memory_size().size() {
        0 => 4,
        size => size as u64,
    };
    if addr < UPPER && addr.wrapping_add(size - 1) > LOWER_END {
        Hint::NonCanonical(addr)
    } else {
        Hint::Canonical(addr)
    }
}

fn address(instruction: &Instruction, bytes: &[u8], regs: &Regs, gs_base: u64, fs_base: u64) -> Option<u64> {
    let memory = (0..instruction.op_count()).find(|op| instruction.op_kind(*op) == OpKind::Memory);
    if let Some(op) = memory {
        return instruction.virtual_address(op, 0, |register, _, _| match register {
            Register::GS => Some(gs_base),
            Register::FS => Some(fs_base),
            Register::CS | Register::DS | Register::ES | Register::SS => Some(0),
            register => general(regs, register.full_register()),
        });
    }
    let number = match modrm(bytes) {
        Some((rex_b, modrm)) if modrm >> 6 == 3 => rex_b | modrm & 7,
        Some(_) => return None,
        None => rex(bytes) << 3 & 8,
    };
    numbered(regs, number)
}

fn is_prefix(byte: u8) -> bool {
    matches!(byte, 0x66 | 0x67 | 0xf0 | 0xf2 | 0xf3 | 0x2e | 0x36 | 0x3e | 0x26 | 0x64 | 0x65)
}

/// The REX prefix, or 0.
fn rex(bytes: &[u8]) -> u8 {
    bytes.iter().find(|byte| !is_prefix(**byte)).copied().filter(|byte| byte & 0xf0 == 0x40).unwrap_or(0)
}

/// Bit 3 of the register that the ModRM byte names, and the byte itself, if the instruction has one.
fn modrm(bytes: &[u8]) -> Option<(u8, u8)> {
    let mut rest = bytes.iter().copied().skip_while(|byte| is_prefix(*byte)).peekable();
    let rex = rest.next_if(|byte| byte & 0xf0 == 0x40).unwrap_or(0);
    let opcode = rest.next()?;
    let has = match opcode {
        0x0f => match rest.next()? {
            0x38 | 0x3a => rest.next().is_some(),
            second => second_map_has_modrm(second),
        },
        0x00..=0x3f => opcode & 7 < 4,
        0x63 | 0x69 | 0x6b | 0x80..=0x8f | 0xc0 | 0xc1 | 0xc6 | 0xc7 => true,
        0xd0..=0xd3 | 0xd8..=0xdf | 0xf6 | 0xf7 | 0xfe | 0xff => true,
        _ => false,
    };
    if has { rest.next().map(|modrm| ((rex & 1) << 3, modrm)) } else { None }
}

fn second_map_has_modrm(opcode: u8) -> bool {
    !matches!(opcode,
        0x04..=0x0c | 0x0e | 0x24..=0x27 | 0x30..=0x3f | 0x77 | 0x80..=0x8f | 0xa0..=0xa2 | 0xa6..=0xaa | 0xc8..=0xcf | 0xff)
}

fn numbered(regs: &Regs, number: u8) -> Option<u64> {
    let all = [
        regs.ax, regs.cx, regs.dx, regs.bx, regs.sp, regs.bp, regs.si, regs.di, regs.r8, regs.r9, regs.r10, regs.r11,
        regs.r12, regs.r13, regs.r14, regs.r15,
    ];
    all.get(usize::from(number)).copied()
}

/// The number in a 64-bit general register.
pub(crate) fn general(regs: &Regs, register: Register) -> Option<u64> {
    let number = register.is_gpr64().then(|| register.number())?;
    numbered(regs, u8::try_from(number).ok()?)
}

#[cfg(test)]
mod tests {
    use super::super::testing::Fake;
    use super::*;

    fn at(code: &[u8], regs: Regs) -> Hint {
        let mut world = Fake::new();
        let mut bytes = code.to_vec();
        bytes.resize(LONGEST, 0x90);
        world.put(0x1000_0000, &bytes);
        hint(&world, &Regs { ip: 0x1000_0000, ..regs }, 0x7000_0000, 0)
    }

    #[test]
    fn memory_operands_are_computed() {
        let regs = Regs { ax: 0xdead_0000_0000_0100, di: 0x10, r12: 0x8000_0000_0000_0000, ..Regs::default() };
        // mov 0x10(%rax),%eax; mov (%r12,%rdi,8),%rax; lock incl 4(%rdi)
        assert_eq!(at(&[0x8b, 0x40, 0x10], regs), Hint::NonCanonical(0xdead_0000_0000_0110));
        assert_eq!(at(&[0x49, 0x8b, 0x04, 0xfc], regs), Hint::NonCanonical(0x8000_0000_0000_0080));
        assert_eq!(at(&[0xf0, 0xff, 0x47, 0x04], regs), Hint::Canonical(0x14));
        // mov %gs:(%rdi),%rax
        assert_eq!(at(&[0x65, 0x48, 0x8b, 0x07], regs), Hint::Canonical(0x7000_0010));
        // The last bytes of an access in the lower half.
        let edge = Regs { ax: LOWER_END - 3, ..Regs::default() };
        assert_eq!(at(&[0x48, 0x8b, 0x00], edge), Hint::NonCanonical(LOWER_END - 3));
        assert_eq!(at(&[0x8b, 0x00], edge), Hint::Canonical(LOWER_END - 3));
    }

    #[test]
    fn without_a_memory_operand_a_register_is_shown() {
        let regs = Regs { ax: 7, cx: 0xdead_0000_0000_0100, r8: 9, r9: 11, ..Regs::default() };
        // call *%rcx; jmp *%r9; rdmsr; hlt; with REX.B: 41 f4
        assert_eq!(at(&[0xff, 0xd1], regs), Hint::NonCanonical(0xdead_0000_0000_0100));
        assert_eq!(at(&[0x41, 0xff, 0xe1], regs), Hint::Canonical(11));
        assert_eq!(at(&[0x0f, 0x32], regs), Hint::Canonical(7));
        assert_eq!(at(&[0xf4], regs), Hint::Canonical(7));
        assert_eq!(at(&[0x41, 0xf4], regs), Hint::Canonical(9));
        // The number that means "no address", an invalid instruction, and unreadable code.
        assert_eq!(at(&[0xf4], Regs { ax: u64::MAX, ..regs }), Hint::None);
        assert_eq!(at(&[0x06], regs), Hint::None);
        assert_eq!(hint(&Fake::new(), &regs, 0, 0), Hint::None);
    }
}
