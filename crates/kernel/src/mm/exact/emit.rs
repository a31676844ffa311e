//! Code that looks at accesses and then does what the module's own code does there.
//!
//! Each moved instruction is preceded by calls of the routines of [`machine::shadow`], which change nothing but RAX; a
//! call pushes the address behind its old place, so that return addresses are those of the module's text.

use super::classify::{Move, Need};
use super::plan::{Group, Item};
use iced_x86::{Decoder, DecoderOptions, Instruction, OpKind, Register};

/// What follows at a place of the new code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A look at what will be read.
    Read,
    /// A look at what will be written.
    Write,
    /// The instruction.
    Itself,
}

/// A stretch of the new code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// Where it begins: an offset.
    pub at: u32,
    /// The address of the instruction in the module's text.
    pub old: u32,
    /// What it does.
    pub kind: Kind,
}

/// The new code; addresses in it are still to be fixed.
#[derive(Debug, Default)]
pub struct Emitted {
    /// The code.
    pub code: Vec<u8>,
    /// By place, and by address in the text, too.
    pub steps: Vec<Step>,
    /// Places of 32-bit distances, the end of the instruction, and the target.
    distances: Vec<(usize, usize, u64)>,
}

/// The routine for accesses of so many bytes; for 0: of any number.
pub type Routines<'r> = &'r dyn Fn(usize) -> u64;

const RAX: u8 = 0;
const RCX: u8 = 1;
const RSI: u8 = 6;
const RDI: u8 = 7;
/// Sizes that have a routine of their own.
const SIZES: [u32; 5] = [1, 2, 4, 8, 16];

fn number(register: Register) -> u8 {
    register.number() as u8
}

impl Emitted {
    /// Emits a group; `None` if one of its instructions cannot be written there. Returns where it begins.
    pub fn group(&mut self, items: &[Item], group: Group, bytes: &[u8], routines: Routines<'_>) -> Option<usize> {
        let start = self.code.len();
        let (steps, distances) = (self.steps.len(), self.distances.len());
        let done = self.try_group(items, group, bytes, routines);
        if done.is_none() {
            self.code.truncate(start);
            self.steps.truncate(steps);
            self.distances.truncate(distances);
        }
        done.map(|()| start)
    }

    fn try_group(&mut self, items: &[Item], group: Group, bytes: &[u8], routines: Routines<'_>) -> Option<()> {
        let mut at = 0;
        let mut last = None;
        for item in items.get(group.first..group.first + group.count)? {
            let len = item.instruction.len();
            if let Ok(need) = item.need {
                self.look(&item.instruction, need, routines)?;
            }
            self.step(&item.instruction, Kind::Itself)?;
            self.copy(item, bytes.get(at..at + len)?)?;
            at += len;
            last = Some(item);
        }
        let last = last?;
        if matches!(last.moves, Move::Next) {
            self.jump(&[0xe9], last.instruction.next_ip());
        }
        Some(())
    }

    fn step(&mut self, instruction: &Instruction, kind: Kind) -> Option<()> {
        let at = u32::try_from(self.code.len()).ok()?;
        self.steps.push(Step { at, old: u32::try_from(instruction.ip()).ok()?, kind });
        Some(())
    }

    /// An instruction that ends with a distance.
    fn jump(&mut self, opcode: &[u8], target: u64) {
        self.code.extend(opcode);
        let place = self.code.len();
        self.code.extend([0; 4]);
        self.distances.push((place, self.code.len(), target));
    }

    fn look(&mut self, instruction: &Instruction, need: Need, routines: Routines<'_>) -> Option<()> {
        let kind = |write: bool| if write { Kind::Write } else { Kind::Read };
        match need {
            Need::Operand { size, write } if SIZES.contains(&size) => {
                self.step(instruction, kind(write))?;
                self.code.push(0x50); // push rax
                self.lea(instruction, 8)?;
                self.jump(&[0xe8], routines(size as usize));
                self.code.push(0x58); // pop rax
            }
            Need::Operand { size, write } => {
                self.step(instruction, kind(write))?;
                self.code.extend([0x50, 0x52]); // push rax; push rdx
                self.lea(instruction, 16)?;
                self.any(&size_in_rdx(size), routines);
            }
            Need::Bit { size, write } => {
                self.step(instruction, kind(write))?;
                self.bit(instruction, size, routines)?;
            }
            Need::Strings { size, repeated, source, target } => {
                let len = if repeated { elements_in_rdx(size)? } else { size_in_rdx(size) };
                let accesses = source.then_some((RSI, false)).into_iter().chain(target.map(|write| (RDI, write)));
                for (register, write) in accesses {
                    self.step(instruction, kind(write))?;
                    self.code.extend([0x50, 0x52, 0x48, 0x89, 0xc0 | register << 3]); // push rax; push rdx; mov rax, reg
                    self.any(&len, routines);
                }
            }
        }
        Some(())
    }

    /// Calls the routine for any length, with the address in RAX; RAX and RDX have been pushed.
    fn any(&mut self, len: &[u8], routines: Routines<'_>) {
        self.code.extend(len);
        self.jump(&[0xe8], routines(0));
        self.code.extend([0x5a, 0x58]); // pop rdx; pop rax
    }

    /// The word that holds the bit whose number is in a register.
    fn bit(&mut self, instruction: &Instruction, size: u32, routines: Routines<'_>) -> Option<()> {
        self.code.extend([0x50, 0x51, 0x9c]); // push rax; push rcx; pushfq
        self.lea(instruction, 24)?;
        let wide = size == 8;
        match number(instruction.op1_register().full_register()) {
            RAX => self.code.extend([0x48, 0x8b, 0x4c, 0x24, 0x10]), // mov rcx, [rsp + 16]
            RCX => {}
            4 => return None,
            other => self.code.extend([0x48 | (other >> 3) << 2, 0x89, 0xc1 | (other & 7) << 3]), // mov rcx, reg
        }
        if !wide {
            self.code.extend([0x48, 0x63, 0xc9]); // movsxd rcx, ecx
        }
        self.code.extend([0x48, 0xc1, 0xf9, if wide { 6 } else { 5 }]); // sar rcx, 6
        self.code.extend([0x48, 0x8d, 0x04, if wide { 0xc8 } else { 0x88 }]); // lea rax, [rax + 8 * rcx]
        self.code.extend([0x9d, 0x59]); // popfq; pop rcx
        self.jump(&[0xe8], routines(size as usize));
        self.code.push(0x58); // pop rax
        Some(())
    }

    /// `lea rax` of the memory operand, with this much on the stack.
    fn lea(&mut self, instruction: &Instruction, pushed: u64) -> Option<()> {
        let (base, index) = (instruction.memory_base(), instruction.memory_index());
        let by_stack = base == Register::RSP;
        let displacement = instruction.memory_displacement64().wrapping_add(if by_stack { pushed } else { 0 });
        let displacement = i32::try_from(displacement as i64).ok()?;
        let known = |r: Register| r == Register::None || r.is_gpr64();
        if !known(base) || !known(index) {
            return None;
        }
        let (b, x) = (number_or(base, 5), number_or(index, 4));
        let rex = 0x48 | (x >> 3) << 1 | b >> 3;
        let modrm = if base == Register::None { 0x04 } else { 0x84 };
        let scale = instruction.memory_index_scale().trailing_zeros() as u8;
        self.code.extend([rex, 0x8d, modrm, scale << 6 | (x & 7) << 3 | b & 7]);
        self.code.extend(displacement.to_le_bytes());
        Some(())
    }

    /// The instruction, for its new place.
    fn copy(&mut self, item: &Item, bytes: &[u8]) -> Option<()> {
        let instruction = &item.instruction;
        let (op, next) = (instruction.op0_kind(), instruction.next_ip());
        let is_branch = matches!(op, OpKind::NearBranch16 | OpKind::NearBranch32 | OpKind::NearBranch64);
        if item.moves == Move::Call {
            self.code.push(0x68); // push next: sign-extended, and modules lie in the low 2 GiB
            self.code.extend(i32::try_from(next).ok()?.to_le_bytes());
        }
        if is_branch {
            let condition = instruction.condition_code() as u8;
            let near = [0x0f, 0x80 | condition.wrapping_sub(1) & 15];
            self.jump(if condition == 0 { &[0xe9] } else { &near }, instruction.near_branch_target());
            return Some(());
        }
        let start = self.code.len();
        self.code.extend(bytes);
        if instruction.is_ip_rel_memory_operand() {
            let mut decoder = Decoder::with_ip(64, bytes, instruction.ip(), DecoderOptions::NONE);
            let decoded = decoder.decode();
            let offsets = decoder.get_constant_offsets(&decoded);
            if offsets.displacement_size() != 4 {
                return None;
            }
            let place = start + offsets.displacement_offset();
            self.distances.push((place, self.code.len(), instruction.ip_rel_memory_address()));
        }
        if item.moves == Move::Call {
            self.call_to_jump(instruction, start)?;
        }
        Some(())
    }

    /// `call reg/mem` becomes `jmp reg/mem`: /2 becomes /4 in the byte behind the opcode.
    fn call_to_jump(&mut self, instruction: &Instruction, start: usize) -> Option<()> {
        let code = self.code.get_mut(start..start + instruction.len())?;
        let opcode = code.iter().position(|byte| *byte == 0xff)?;
        let modrm = code.get_mut(opcode + 1)?;
        if *modrm >> 3 & 7 != 2 {
            return None;
        }
        *modrm = *modrm & 0xc7 | 4 << 3;
        Some(())
    }

    /// Fixes all distances for code that begins at `base`.
    pub fn fix(&mut self, base: u64) -> Option<()> {
        for (place, end, target) in std::mem::take(&mut self.distances) {
            let distance = target.wrapping_sub(base + end as u64) as i64;
            let bytes = i32::try_from(distance).ok()?.to_le_bytes();
            self.code.get_mut(place..place + 4)?.copy_from_slice(&bytes);
        }
        Some(())
    }
}

fn number_or(register: Register, none: u8) -> u8 {
    if register == Register::None { none } else { number(register) }
}

/// `mov edx, size`.
fn size_in_rdx(size: u32) -> Vec<u8> {
    [[0xba].as_slice(), &size.to_le_bytes()].concat()
}

/// `lea rdx, [size * rcx]`.
fn elements_in_rdx(size: u32) -> Option<Vec<u8>> {
    let scale = SIZES.iter().take(4).position(|s| *s == size)? as u8;
    Some(vec![0x48, 0x8d, 0x14, scale << 6 | RCX << 3 | 5, 0, 0, 0, 0])
}

#[cfg(test)]
mod tests {
    use super::super::plan::{self, groups};
    use super::super::text::Text;
    use super::*;
    use iced_x86::InstructionInfoFactory;

    /// Emits what one function becomes at 0x8000; its routines lie at 0x9000 and their size.
    fn emitted(code: &[u8]) -> (Vec<String>, Vec<Step>) {
        let mut text = Text::new([(0x1000, code.to_vec())].into_iter());
        text.follow();
        let items = plan::items(&text, 0x1000, code.len() as u64, &mut InstructionInfoFactory::new()).unwrap();
        let mut out = Emitted::default();
        for group in groups(&items) {
            let bytes = &code[(items[group.first].instruction.ip() - 0x1000) as usize..];
            out.group(&items, group, bytes, &|size| 0x9000 + size as u64).unwrap();
        }
        out.fix(0x8000).unwrap();
        let decoder = Decoder::with_ip(64, &out.code, 0x8000, DecoderOptions::NONE);
        let lines = decoder.into_iter().map(|i| {
            let target = if i.near_branch_target() != 0 { i.near_branch_target() } else { i.memory_displacement64() };
            format!(
                "{:?} {:?} {:?} {:?} {target:#x}",
                i.mnemonic(),
                i.op0_register(),
                i.memory_base(),
                i.memory_index()
            )
        });
        (lines.collect(), out.steps)
    }

    #[test]
    fn an_access_is_looked_at_and_done() {
        // mov rcx, [rsp + 8 * rbx + 0x40]
        let (lines, steps) = emitted(&[0x48, 0x8b, 0x4c, 0xdc, 0x40]);
        let want = [
            "Push RAX None None 0x0",
            "Lea RAX RSP RBX 0x48",
            "Call None None None 0x9008",
            "Pop RAX None None 0x0",
            "Mov RCX RSP RBX 0x40",
            "Jmp None None None 0x1005",
        ];
        assert_eq!(lines, want);
        let step = |at, kind| Step { at, old: 0x1000, kind };
        assert_eq!(steps, [step(0, Kind::Read), step(15, Kind::Itself)]);
    }

    #[test]
    fn what_moves_along_keeps_its_meaning() {
        // mov rax, [r12]; je +0x10 (from 0x1006); call [rip + 0x100] (from 0x100c)
        let code = [0x49, 0x8b, 0x04, 0x24, 0x74, 0x10, 0xff, 0x15, 0, 1, 0, 0];
        let (lines, _) = emitted(&code);
        assert_eq!(lines[4..], ["Mov RAX R12 None 0x0", "Je None None None 0x1016", "Jmp None None None 0x1006"]);
        // mov [rax], cl; call [rip + 0x100] (from 0x1008)
        let (lines, _) = emitted(&[0x88, 0x08, 0xff, 0x15, 0, 1, 0, 0]);
        assert_eq!(lines[4..], ["Mov None RAX None 0x0", "Push None None None 0x0", "Jmp None RIP None 0x1108"]);
    }

    #[test]
    fn bits_and_strings_are_found_where_they_are() {
        // lock bts [rdi], rsi
        let (lines, _) = emitted(&[0xf0, 0x48, 0x0f, 0xab, 0x37]);
        let want = [
            "Push RAX None None 0x0",
            "Push RCX None None 0x0",
            "Pushfq None None None 0x0",
            "Lea RAX RDI None 0x0",
            "Mov RCX None None 0x0",
            "Sar RCX None None 0x0",
            "Lea RAX RAX RCX 0x0",
            "Popfq None None None 0x0",
            "Pop RCX None None 0x0",
            "Call None None None 0x9008",
            "Pop RAX None None 0x0",
            "Bts None RDI None 0x0",
            "Jmp None None None 0x1005",
        ];
        assert_eq!(lines, want);
        // rep movsd; nop; nop; nop
        let (lines, steps) = emitted(&[0xf3, 0xa5, 0x90, 0x90, 0x90]);
        assert_eq!(lines[2..5], ["Mov RAX None None 0x0", "Lea RDX None RCX 0x0", "Call None None None 0x9000"]);
        assert_eq!(
            steps.iter().map(|step| step.kind).take(3).collect::<Vec<_>>(),
            [Kind::Read, Kind::Write, Kind::Itself]
        );
    }
}
