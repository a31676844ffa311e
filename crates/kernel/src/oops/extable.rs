//! `__ex_table`: instructions that may fault, and what the kernel does then.
//!
//! An entry has 12 bytes: address of the instruction and of the code to go on at, relative to their own places, and a
//! number that holds the kind, a register, flags and an immediate.
//!
//! Kernel counterparts: arch/x86/include/asm/extable_fixup_types.h, arch/x86/mm/extable.c.
//! Restoring FPU state, code of the BPF compiler, machine checks, SGX and FRED's return are not for modules: such an
//! entry is no fixup here, and the fault is reported.

use super::gp;
use super::world::{Table, World, describe};
use iced_x86::{Code, Decoder, DecoderOptions};
use machine::Regs;

/// Vector of a general protection fault.
const GP: u8 = 13;
const EIO: i64 = 5;

/// What became of a fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fixup {
    /// No entry: the fault is to be reported.
    None,
    /// The registers say where to go on.
    Mended,
    /// As `Mended`, and the first time an instruction does this, the kernel warns.
    Warned(Warning),
}

/// A warning that a fixup gives, once for each kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Warning {
    /// A WARN_ONCE with this message.
    Warn(&'static str),
    /// One line, followed by a call trace.
    Unchecked {
        /// True for a write.
        write: bool,
        /// The line.
        text: String,
    },
}

/// A fault: its vector, and its address if it is a page fault.
#[derive(Debug, Clone, Copy)]
pub struct Cause {
    /// The processor's vector.
    pub vector: u8,
    /// The address, 0 for other faults.
    pub addr: u64,
}

struct Entry {
    fixup: u64,
    data: i32,
}

impl Entry {
    fn register<'r>(&self, regs: &'r mut Regs) -> Option<&'r mut u64> {
        register(regs, (self.data >> 8 & 15) as u8)
    }

    fn immediate(&self) -> i64 {
        i64::from(self.data >> 16)
    }

    fn go_on(&self, regs: &mut Regs) {
        if self.data & 0x1000 != 0 {
            regs.ax = 0;
        }
        if self.data & 0x2000 != 0 {
            regs.dx = 0;
        }
        regs.ip = self.fixup;
    }
}

/// The general register with this number in the processor's encoding.
pub(crate) fn register(regs: &mut Regs, number: u8) -> Option<&mut u64> {
    Some(match number {
        0 => &mut regs.ax,
        1 => &mut regs.cx,
        2 => &mut regs.dx,
        3 => &mut regs.bx,
        4 => &mut regs.sp,
        5 => &mut regs.bp,
        6 => &mut regs.si,
        7 => &mut regs.di,
        8 => &mut regs.r8,
        9 => &mut regs.r9,
        10 => &mut regs.r10,
        11 => &mut regs.r11,
        12 => &mut regs.r12,
        13 => &mut regs.r13,
        14 => &mut regs.r14,
        15 => &mut regs.r15,
        _ => return None,
    })
}

/// True for an instruction that may fault: its module's table says what follows.
pub(crate) fn expects_faults(world: &dyn World, ip: u64) -> bool {
    world.exceptions(ip).is_some_and(|table| find(&table, ip).is_some())
}

fn find(table: &Table, ip: u64) -> Option<Entry> {
    for (i, entry) in table.bytes.as_chunks::<12>().0.iter().enumerate() {
        let at = table.addr.wrapping_add(12 * i as u64);
        let [a, b, c, d, e, f, g, h, data @ ..] = *entry;
        let relative = |bytes| i64::from(i32::from_le_bytes(bytes));
        if at.wrapping_add_signed(relative([a, b, c, d])) == ip {
            let fixup = at.wrapping_add(4).wrapping_add_signed(relative([e, f, g, h]));
            return Some(Entry { fixup, data: i32::from_le_bytes(data) });
        }
    }
    None
}

/// Mends a fault as the table of its module says. Registers change only if it is mended.
pub fn fixup(world: &dyn World, version: (u16, u16), regs: &mut Regs, cause: Cause) -> Fixup {
    let Some(entry) = world.exceptions(regs.ip).and_then(|table| find(&table, regs.ip)) else { return Fixup::None };
    let mut changed = *regs;
    let out = apply(world, version, &entry, &mut changed, cause);
    if out != Fixup::None {
        *regs = changed;
    }
    out
}

fn apply(world: &dyn World, version: (u16, u16), entry: &Entry, regs: &mut Regs, cause: Cause) -> Fixup {
    let mut out = Fixup::Mended;
    match (entry.data & 0xff, version >= (6, 12)) {
        (1 | 5 | 14, _) => {}
        (2 | 15, _) => regs.ax = u64::from(cause.vector),
        (3, _) => out = user_access(version, cause),
        (4, false) => {
            out = user_access(version, cause);
            regs.ax = u64::from(cause.vector);
        }
        (kind @ 8..=11, _) => match model_specific(world, entry, kind, regs) {
            Some(warning) => out = warning,
            None => return Fixup::None,
        },
        (kind @ (16 | 17), _) => {
            if kind == 16 {
                regs.sp = regs.sp.wrapping_add(8);
            }
            let Some(register) = entry.register(regs) else { return Fixup::None };
            *register = entry.immediate() as u64;
        }
        (19, _) => {
            let Some(rest) = entry.register(regs).copied() else { return Fixup::None };
            regs.cx = regs.cx.wrapping_mul(entry.immediate() as u64).wrapping_add(rest);
            out = user_access(version, cause);
        }
        (20, _) if zero_padded(world, entry, regs, cause) => {}
        _ => return Fixup::None,
    }
    entry.go_on(regs);
    out
}

/// Newer kernels let user accesses reach the whole lower half of the number range before they complain.
fn user_access(version: (u16, u16), cause: Cause) -> Fixup {
    let excused = version >= (6, 10) && (cause.addr as i64) >= 0;
    if cause.vector != GP || excused {
        return Fixup::Mended;
    }
    Fixup::Warned(Warning::Warn("General protection fault in user access. Non-canonical address?"))
}

/// rdmsr and wrmsr: reads give 0; the safe forms give -EIO, the others complain.
fn model_specific(world: &dyn World, entry: &Entry, kind: i32, regs: &mut Regs) -> Option<Fixup> {
    let (write, safe) = (kind == 8 || kind == 10, kind >= 10);
    let what = format!("{:#x} ({})", regs.ip, describe(world, regs.ip));
    let text = if write {
        let (low, high) = (regs.ax as u32, regs.dx as u32);
        format!("WRMSR to {:#x} (tried to write 0x{high:08x}{low:08x}) at rIP: {what}", regs.cx as u32)
    } else {
        (regs.ax, regs.dx) = (0, 0);
        format!("RDMSR from {:#x} at rIP: {what}", regs.cx as u32)
    };
    if safe {
        *entry.register(regs)? = (-EIO) as u64;
        return Some(Fixup::Mended);
    }
    Some(Fixup::Warned(Warning::Unchecked { write, text: format!("unchecked MSR access error: {text}") }))
}

/// A word read across the end of a page: the missing bytes are zeros.
fn zero_padded(world: &dyn World, entry: &Entry, regs: &mut Regs, cause: Cause) -> bool {
    let length = entry.fixup.wrapping_sub(regs.ip);
    let mut bytes = [0; 15];
    let Some(code) = usize::try_from(length).ok().and_then(|length| bytes.get_mut(..length)) else { return false };
    if !world.read_bytes(regs.ip, code) {
        return false;
    }
    let instruction = Decoder::with_ip(64, code, regs.ip, DecoderOptions::NONE).decode();
    if instruction.code() != Code::Mov_r64_rm64 || instruction.len() as u64 != length {
        return false;
    }
    let addr = instruction.virtual_address(1, 0, |register, _, _| Some(gp::general(regs, register).unwrap_or(0)));
    let Some(addr) = addr else { return false };
    let word = addr & !7;
    if cause.addr != word.wrapping_add(8) {
        return false;
    }
    let target = instruction.op0_register().number();
    let target = u8::try_from(target).ok().and_then(|number| register(regs, number));
    match (target, world.read_u64(word)) {
        (Some(target), Some(value)) => {
            *target = value >> (8 * (addr & 7));
            true
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::Fake;
    use super::*;

    const IP: u64 = 0x1000_0000;
    const TARGET: u64 = 0x1000_0008;

    fn try_out(version: (u16, u16), data: u32, regs: Regs, cause: Cause) -> (Fixup, Regs) {
        let mut world = Fake::new();
        let at = 0x1000_2000u64;
        let mut bytes = (IP.wrapping_sub(at) as i32).to_le_bytes().to_vec();
        bytes.extend((TARGET.wrapping_sub(at + 4) as i32).to_le_bytes());
        bytes.extend(data.to_le_bytes());
        world.exceptions = Some((at, bytes));
        // mov (%rdi),%rax; padding up to the target
        world.put(IP, &[0x48, 0x8b, 0x84, 0x27, 0, 0, 0, 0]);
        world.put(0x2000_0ff8, &[1, 2, 3, 4, 5, 6, 7, 8]);
        let mut regs = Regs { ip: IP, ..regs };
        let out = fixup(&world, version, &mut regs, cause);
        (out, regs)
    }

    const PAGE: Cause = Cause { vector: 14, addr: 0x44 };

    #[test]
    fn each_kind_sets_its_registers() {
        let start = Regs { ax: 1, cx: 5, dx: 2, bx: 3, sp: 0x100, ..Regs::default() };
        let run = |data| try_out((6, 1), data, start, PAGE);
        let mended = |regs: Regs| (Fixup::Mended, Regs { ip: TARGET, ..regs });
        assert_eq!(run(1), mended(start));
        assert_eq!(run(0x3001), mended(Regs { ax: 0, dx: 0, ..start }));
        assert_eq!(run(2), mended(Regs { ax: 14, ..start }));
        assert_eq!(run(4), mended(Regs { ax: 14, ..start }));
        // -EFAULT into ebx; pop and zero r12; rest of a copy: rcx = rcx * 8 + rdx
        assert_eq!(run(0xfff2_0311), mended(Regs { bx: -14i64 as u64, ..start }));
        assert_eq!(run(0x0c10), mended(Regs { sp: 0x108, r12: 0, ..start }));
        assert_eq!(run(0x0008_0213), mended(Regs { cx: 42, ..start }));
        assert_eq!(run(0x000b), (Fixup::Mended, Regs { ip: TARGET, ax: -5i64 as u64, dx: 0, ..start }));
        assert_eq!(run(99), (Fixup::None, Regs { ip: IP, ..start }));
        assert_eq!(try_out((6, 12), 4, start, PAGE).0, Fixup::None);
    }

    #[test]
    fn unsafe_register_accesses_complain() {
        let (out, regs) =
            try_out((6, 1), 9, Regs { cx: 0x123, ax: 7, ..Regs::default() }, Cause { vector: GP, addr: 0 });
        let text = "unchecked MSR access error: RDMSR from 0x123 at rIP: 0x10000000 (0x10000000)".to_string();
        assert_eq!(out, Fixup::Warned(Warning::Unchecked { write: false, text }));
        assert_eq!((regs.ax, regs.ip), (0, TARGET));
        let (out, _) = try_out((6, 1), 3, Regs::default(), Cause { vector: GP, addr: 0 });
        assert!(matches!(out, Fixup::Warned(Warning::Warn(_))));
        assert_eq!(try_out((6, 12), 3, Regs::default(), Cause { vector: GP, addr: 0 }).0, Fixup::Mended);
    }

    #[test]
    fn a_word_across_the_end_is_padded() {
        let regs = Regs { di: 0x2000_0ffd, ..Regs::default() };
        let cause = Cause { vector: 14, addr: 0x2000_1000 };
        let (out, after) = try_out((6, 1), 20, regs, cause);
        assert_eq!((out, after.ax), (Fixup::Mended, 0x08_0706));
        let elsewhere = Cause { vector: 14, addr: 0x2000_2000 };
        assert_eq!(try_out((6, 1), 20, regs, elsewhere).0, Fixup::None);
    }
}
