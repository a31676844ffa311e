//! User accesses that are compiled into a module.
//!
//! `unsafe_put_user` and its kin become plain moves whose faults the module's `__ex_table` mends. In Linux they reach the
//! program's memory, here they would reach lkm's own: every such instruction begins with an int3 instead, and the trap
//! does what it says on the caller's memory ([`super::uaccess`]), or takes the way that the table shows.
//! Counterpart: arch/x86/include/asm/{uaccess,extable_fixup_types}.h, arch/x86/mm/extable.c.

use super::{exact, uaccess};
use crate::oops::gp::general;
use iced_x86::{Code, Decoder, DecoderOptions, Instruction, Mnemonic, OpKind, Register};
use machine::access::unwatched as access;
use machine::{Regs, arena};
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{PoisonError, RwLock};

/// Longest instruction, in bytes.
const LONGEST: usize = 15;
const INT3: u8 = 0xcc;

/// What an instruction was before it became an int3, by address.
static SITES: RwLock<BTreeMap<u64, [u8; LONGEST]>> = RwLock::new(BTreeMap::new());

/// True for the kinds of entries that only user accesses have: UACCESS, UCOPY (up to 6.3), an errno into a register
/// (with -EFAULT), UCOPY_LEN.
fn is_user_access(data: i32) -> bool {
    matches!((data & 0xff, data >> 16), (3 | 4, _) | (17, -14) | (19, _))
}

/// Takes over the user accesses that the table at `addr` names, in text that is not yet executable.
pub fn take_over(addr: u64, table: &[u8]) {
    for (i, entry) in table.as_chunks::<12>().0.iter().enumerate() {
        let [a, b, c, d, _, _, _, _, data @ ..] = *entry;
        let at = addr.wrapping_add(12 * i as u64);
        let ip = at.wrapping_add_signed(i64::from(i32::from_le_bytes([a, b, c, d])));
        let mut bytes = [0; LONGEST];
        if !is_user_access(i32::from_le_bytes(data)) || !arena::contains(ip) || access::read(ip, &mut bytes).is_err() {
            continue;
        }
        if Step::of(&decode(ip, &bytes)).is_some() && arena::write(ip, &[INT3]).is_ok() {
            SITES.write().unwrap_or_else(PoisonError::into_inner).insert(ip, bytes);
        }
    }
}

/// Forgets what was taken over in a range whose code is gone.
pub fn forget(range: Range<u64>) {
    SITES.write().unwrap_or_else(PoisonError::into_inner).retain(|ip, _| !range.contains(ip));
}

/// What became of an int3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was none of ours.
    Foreign,
    /// The access is done; the registers say where to go on.
    Done,
    /// The access failed at this address; the registers are those of the instruction.
    Failed(u64),
}

/// Does the access at whose int3 the module trapped.
pub fn perform(regs: &mut Regs) -> Outcome {
    let ip = regs.ip.wrapping_sub(1);
    let Some(bytes) = SITES.read().unwrap_or_else(PoisonError::into_inner).get(&ip).copied() else {
        return Outcome::Foreign;
    };
    let instruction = decode(ip, &bytes);
    let Some(step) = Step::of(&instruction) else { return Outcome::Foreign };
    regs.ip = ip;
    match step.perform(&instruction, regs) {
        Ok(()) => {
            regs.ip = instruction.next_ip();
            Outcome::Done
        }
        Err(addr) => Outcome::Failed(addr),
    }
}

/// Bytes that the instruction at `ip` reads or writes; 0 where it does not tell.
pub fn size_at(ip: u64) -> usize {
    let mut bytes = [0; LONGEST];
    if exact::read(ip, &mut bytes) { decode(ip, &bytes).memory_size().size() } else { 0 }
}

fn decode(ip: u64, bytes: &[u8]) -> Instruction {
    Decoder::with_ip(64, bytes, ip, DecoderOptions::NONE).decode()
}

/// The accesses that compilers and the kernel's headers make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// From memory to a register.
    Load { size: usize },
    /// A register or a number to memory.
    Store { size: usize },
    /// `movs`, repeated or not.
    Copy { size: usize },
    /// `stos`, repeated or not.
    Fill { size: usize },
}

impl Step {
    fn of(instruction: &Instruction) -> Option<Self> {
        let size = instruction.memory_size().size();
        let step = match (instruction.mnemonic(), instruction.op0_kind(), instruction.op1_kind()) {
            (Mnemonic::Mov | Mnemonic::Movzx, OpKind::Register, OpKind::Memory) => Self::Load { size },
            (Mnemonic::Mov | Mnemonic::Movnti, OpKind::Memory, _) => Self::Store { size },
            (Mnemonic::Movsb | Mnemonic::Movsw | Mnemonic::Movsd | Mnemonic::Movsq, OpKind::MemoryESRDI, _) => {
                Self::Copy { size }
            }
            (Mnemonic::Stosb | Mnemonic::Stosw | Mnemonic::Stosd | Mnemonic::Stosq, ..) => Self::Fill { size },
            _ => return None,
        };
        (matches!(size, 1 | 2 | 4 | 8) && instruction.segment_prefix() == Register::None).then_some(step)
    }

    /// # Errors
    /// The address that could not be reached.
    fn perform(self, instruction: &Instruction, regs: &mut Regs) -> Result<(), u64> {
        match self {
            Self::Load { size } => {
                let addr = address(instruction, 1, regs).ok_or(0u64)?;
                let value = uaccess::read_word(addr, size).ok_or(addr)?;
                set(regs, instruction.op0_register(), value).ok_or(addr)
            }
            Self::Store { size } => {
                let addr = address(instruction, 0, regs).ok_or(0u64)?;
                let value = match instruction.op1_kind() {
                    OpKind::Register => get(regs, instruction.op1_register()).ok_or(addr)?,
                    _ => instruction.immediate(1),
                };
                uaccess::write_word(addr, value, size).then_some(()).ok_or(addr)
            }
            Self::Copy { size } => string(instruction, regs, size, |regs, len| {
                let user = if uaccess::is_reachable(regs.si) { regs.si } else { regs.di };
                uaccess::copy(regs.di, regs.si, len, user)
            }),
            Self::Fill { size } => string(instruction, regs, size, |regs, len| {
                let value = regs.ax.to_le_bytes();
                let bytes: Vec<u8> = value[..size].iter().copied().cycle().take(len).collect();
                uaccess::put_bytes(regs.di, &bytes)
            }),
        }
    }
}

/// Does a string instruction: `work` gets the bytes to do and tells how many are left.
fn string(
    instruction: &Instruction,
    regs: &mut Regs,
    size: usize,
    work: impl FnOnce(&Regs, usize) -> usize,
) -> Result<(), u64> {
    let repeated = instruction.has_rep_prefix() || instruction.has_repne_prefix();
    let count = if repeated { regs.cx } else { 1 };
    // No user's memory is that large: what is too much for it fails at its end as it should.
    let len = usize::try_from(count).unwrap_or(usize::MAX).saturating_mul(size).min(1 << 31);
    let done = (len - work(regs, len).min(len)) / size;
    let bytes = (done * size) as u64;
    let copies = instruction.op1_kind() == OpKind::MemorySegRSI;
    regs.di = regs.di.wrapping_add(bytes);
    if copies {
        regs.si = regs.si.wrapping_add(bytes);
    }
    if repeated {
        regs.cx = count - done as u64;
    }
    if done as u64 == count { Ok(()) } else { Err(regs.di) }
}

fn address(instruction: &Instruction, operand: u32, regs: &Regs) -> Option<u64> {
    instruction.virtual_address(operand, 0, |register, _, _| match register {
        Register::CS | Register::DS | Register::ES | Register::SS => Some(0),
        other => general(regs, other),
    })
}

fn is_high(register: Register) -> bool {
    matches!(register, Register::AH | Register::BH | Register::CH | Register::DH)
}

/// Reads a register; bits above its size are of no account.
fn get(regs: &Regs, register: Register) -> Option<u64> {
    let whole = general(regs, register.full_register())?;
    Some(if is_high(register) { whole >> 8 } else { whole })
}

/// Writes a register as a move does: 32 bits clear the upper half, 8 and 16 leave the rest.
fn set(regs: &mut Regs, register: Register, value: u64) -> Option<()> {
    let high = is_high(register);
    let whole = register.full_register();
    let old = general(regs, whole)?;
    let mask = match register.size() {
        1 if high => 0xff00,
        1 => 0xff,
        2 => 0xffff,
        _ => u64::MAX,
    };
    let value = if high { value << 8 } else { value };
    let number = u8::try_from(whole.number()).ok()?;
    *crate::oops::extable::register(regs, number)? = old & !mask | value & mask;
    Some(())
}

/// True for an instruction that only the kernel may execute on a real machine.
pub fn privileged(regs: &Regs) -> Option<&'static str> {
    let mut bytes = [0; LONGEST];
    access::read(regs.ip, &mut bytes).ok()?;
    let instruction = decode(regs.ip, &bytes);
    let touches =
        |test: fn(Register) -> bool| (0..instruction.op_count()).map(|i| instruction.op_register(i)).any(test);
    Some(match instruction.mnemonic() {
        Mnemonic::In | Mnemonic::Insb | Mnemonic::Insw | Mnemonic::Insd => "in: reads an I/O port",
        Mnemonic::Out | Mnemonic::Outsb | Mnemonic::Outsw | Mnemonic::Outsd => "out: writes an I/O port",
        Mnemonic::Cli => "cli: switches interrupts off",
        Mnemonic::Sti => "sti: switches interrupts on",
        Mnemonic::Hlt => "hlt: waits for an interrupt",
        Mnemonic::Rdmsr => "rdmsr: reads a model-specific register",
        Mnemonic::Wrmsr => "wrmsr: writes a model-specific register",
        Mnemonic::Invlpg => "invlpg: forgets a page's translation",
        Mnemonic::Wbinvd | Mnemonic::Invd => "wbinvd: empties the caches",
        Mnemonic::Lgdt | Mnemonic::Lidt | Mnemonic::Lldt | Mnemonic::Ltr => "loads a descriptor table",
        Mnemonic::Mov if touches(Register::is_cr) => "mov to or from a control register",
        Mnemonic::Mov if touches(Register::is_dr) => "mov to or from a debug register",
        _ if instruction.code() == Code::Iretq => "iretq: returns from an interrupt",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mm::uaccess::with_window;

    fn run(code: &[u8], regs: &mut Regs) -> Result<(), u64> {
        let instruction = decode(0x1000, code);
        Step::of(&instruction).expect("a known access").perform(&instruction, regs)
    }

    #[test]
    fn moves_reach_the_window_and_nothing_else() {
        let memory = std::hint::black_box(vec![0x11u8, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88]);
        let at = memory.as_ptr() as u64;
        let mut regs = Regs { di: at, ax: u64::MAX, ..Regs::default() };
        // mov eax, [rdi + 2]
        assert_eq!(run(&[0x8b, 0x47, 0x02], &mut regs), Err(at + 2));
        with_window(at, 8, || {
            assert_eq!(run(&[0x8b, 0x47, 0x02], &mut regs), Ok(()));
            assert_eq!(regs.ax, 0x6655_4433);
            // mov ah, [rdi]; mov [rdi + 4], ah; mov dword ptr [rdi], 0x01020304
            assert_eq!(run(&[0x8a, 0x27], &mut regs), Ok(()));
            assert_eq!(regs.ax, 0x6655_1133);
            assert_eq!(run(&[0xc7, 0x07, 4, 3, 2, 1], &mut regs), Ok(()));
            assert_eq!(run(&[0x48, 0x8b, 0x17], &mut regs), Ok(()));
            assert_eq!(regs.dx, 0x8877_6655_0102_0304);
            // mov rax, [rdi + 2]: goes over the end
            assert_eq!(run(&[0x48, 0x8b, 0x47, 0x02], &mut regs), Err(at + 2));
        });
    }

    #[test]
    fn string_instructions_say_how_far_they_came() {
        let memory = std::hint::black_box(vec![1u8; 8]);
        let at = memory.as_ptr() as u64;
        let mut regs = Regs { di: at, cx: 12, ax: 0x5a, ..Regs::default() };
        // rep stosb
        with_window(at, 8, || assert_eq!(run(&[0xf3, 0xaa], &mut regs), Err(at + 8)));
        assert_eq!((regs.cx, regs.di), (4, at + 8));
        assert_eq!(access::get::<u64>(at).ok(), Some(0x5a5a_5a5a_5a5a_5a5a));
        let mut out = [0u8; 8];
        let to = std::hint::black_box(&mut out).as_mut_ptr() as u64;
        let mut regs = Regs { di: to, si: at, cx: 2, ..Regs::default() };
        // rep movsd
        with_window(at, 8, || assert_eq!(run(&[0xf3, 0xa5], &mut regs), Ok(())));
        assert_eq!((regs.cx, regs.si, access::get::<u64>(to).ok()), (0, at + 8, Some(0x5a5a_5a5a_5a5a_5a5a)));
    }

    #[test]
    fn only_entries_of_user_accesses_count() {
        assert!(is_user_access(3) && is_user_access(0xfff2_0011_u32 as i32) && is_user_access(0x0008_0213));
        assert!(!is_user_access(1) && !is_user_access(0xfffb_000b_u32 as i32) && !is_user_access(20));
    }
}
