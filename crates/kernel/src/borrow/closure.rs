//! What a function of the image needs to run here: a look at its code, and at that of everything it calls.
//!
//! A function may be borrowed if all of that is code of the image that may be borrowed too, code that lkm has itself,
//! constants, and variables with an initial value. What Linux sets up while it boots (zeroed variables, those that are
//! read-only after init, per-CPU ones) is not there, and instructions that only the processor's owner may use do not
//! work. Calls through pointers are followed when they happen ([`super::entered`]).

use super::Map;
use iced_x86::{Decoder, DecoderOptions, FlowControl, Instruction, Mnemonic, OpKind, Register};
use std::collections::BTreeMap;
use std::fmt;

/// So many functions at most: what needs more is a part of the kernel, not a library function.
const MOST: usize = 400;
/// Longest function that is looked at, in bytes.
const LONGEST: u64 = 64 << 10;
/// Where the compiler's canary lies in every CPU's area.
const CANARY: u64 = 0x28;

/// Why a function cannot be borrowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// There is no code of that name in the image, or it cannot be decoded.
    NoCode(u64),
    /// It uses a variable that the kernel sets up while it boots.
    Variable(String),
    /// It contains an instruction for the kernel alone.
    Privileged(u64),
    /// It needs too much.
    TooLarge,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoCode(addr) => write!(f, "there is no code at {addr:#x} of the kernel image"),
            Self::Variable(name) => write!(f, "it needs {name}, which a kernel sets up while it boots"),
            Self::Privileged(addr) => write!(f, "it has a privileged instruction at {addr:#x}"),
            Self::TooLarge => write!(f, "it needs more than {MOST} functions"),
        }
    }
}

/// A function and what must change in it: offset and the four bytes there.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Function {
    /// Bytes.
    pub size: u64,
    /// Places that name lkm's variables instead of the image's.
    pub patches: Vec<(u64, [u8; 4])>,
}

/// All that one function needs, itself included.
#[derive(Debug, Default)]
pub struct Closure {
    /// Functions of the image by link-time address.
    pub functions: BTreeMap<u64, Function>,
    /// Functions that lkm has itself: link-time address and name.
    pub own: BTreeMap<u64, &'static str>,
}

/// Finds what the function at `start` needs.
///
/// # Errors
/// Why it cannot be borrowed.
pub fn closure(map: &Map, start: u64) -> Result<Closure, Reason> {
    let mut found = Closure::default();
    let mut next = vec![start];
    while let Some(addr) = next.pop() {
        if let Some(name) = map.own.get(&addr) {
            found.own.insert(addr, name);
            continue;
        }
        let (symbol, offset) = kabi::profile().symbol_at(addr).ok_or(Reason::NoCode(addr))?;
        let (begin, size) = (addr - offset, symbol.size);
        if found.functions.contains_key(&begin) || map.placed.contains(&begin) {
            continue;
        }
        if found.functions.len() == MOST {
            return Err(Reason::TooLarge);
        }
        let function = Look { map, begin, size, needs: &mut next }.whole()?;
        found.functions.insert(begin, function);
    }
    Ok(found)
}

/// A look at one function.
struct Look<'a> {
    map: &'a Map,
    begin: u64,
    size: u64,
    /// Code that it goes on to.
    needs: &'a mut Vec<u64>,
}

impl Look<'_> {
    fn whole(mut self) -> Result<Function, Reason> {
        let code = self.map.text.contains(&self.begin) && (1..=LONGEST).contains(&self.size);
        let bytes = code.then(|| kabi::profile().image_bytes(self.begin, self.size as usize)).flatten();
        let bytes = bytes.ok_or(Reason::NoCode(self.begin))?;
        let mut function = Function { size: self.size, patches: Vec::new() };
        let mut decoder = Decoder::with_ip(64, bytes, self.begin, DecoderOptions::NONE);
        while decoder.can_decode() {
            let instruction = decoder.decode();
            if instruction.is_invalid() {
                return Err(Reason::NoCode(instruction.ip()));
            }
            let offsets = decoder.get_constant_offsets(&instruction);
            let at = instruction.ip() - self.begin;
            self.flow(&instruction)?;
            let place = instruction.ip() + offsets.displacement_offset() as u64;
            if let Some(new) = self.memory(&instruction, place)? {
                function.patches.push((at + offsets.displacement_offset() as u64, new));
            }
            if offsets.has_immediate() && offsets.immediate_size() == 4 {
                let place = instruction.ip() + offsets.immediate_offset() as u64;
                if self.map.is_absolute(place)
                    && let Some(new) = self.named(instruction.immediate32to64() as u64)?
                {
                    function.patches.push((place - self.begin, (new as u32).to_le_bytes()));
                }
            }
        }
        Ok(function)
    }

    fn flow(&mut self, instruction: &Instruction) -> Result<(), Reason> {
        use Mnemonic::*;
        match instruction.mnemonic() {
            In | Insb | Insw | Insd | Out | Outsb | Outsw | Outsd | Cli | Sti | Hlt | Rdmsr | Wrmsr | Invlpg
            | Wbinvd | Lgdt | Lidt | Lldt | Ltr | Swapgs | Iretq | Sysretq | Sysexitq | Syscall | Xsetbv | Monitor
            | Mwait | Vmcall | Wrpkru | Clts | Lmsw | Invpcid => return Err(Reason::Privileged(instruction.ip())),
            Mov if (0..2).any(|i| instruction.op_register(i).is_cr() || instruction.op_register(i).is_dr()) => {
                return Err(Reason::Privileged(instruction.ip()));
            }
            _ => {}
        }
        let near = matches!(instruction.op0_kind(), OpKind::NearBranch64);
        let leaves = matches!(
            instruction.flow_control(),
            FlowControl::Call | FlowControl::UnconditionalBranch | FlowControl::ConditionalBranch
        );
        let target = instruction.near_branch_target();
        if near && leaves && !(self.begin..self.begin + self.size).contains(&target) {
            self.needs.push(target);
        }
        Ok(())
    }

    /// What the memory operand, with its displacement at `place`, names; the new displacement if lkm's variable is meant.
    fn memory(&self, instruction: &Instruction, place: u64) -> Result<Option<[u8; 4]>, Reason> {
        if !(0..instruction.op_count()).any(|i| instruction.op_kind(i) == OpKind::Memory) {
            return Ok(None);
        }
        let relative = instruction.is_ip_rel_memory_operand();
        let target = instruction.memory_displacement64();
        let new = match instruction.memory_segment() {
            Register::GS => Some(self.per_cpu(target)?).filter(|new| *new != target || relative),
            Register::FS => return Err(Reason::Variable("%fs".to_string())),
            _ if relative => self.named(target)?,
            _ if self.map.is_absolute(place) => self.named(target)?,
            _ => None,
        };
        let base = if relative { instruction.next_ip().wrapping_add(self.map.delta) } else { 0 };
        Ok(new.map(|new| (new.wrapping_sub(base) as u32).to_le_bytes()))
    }

    fn per_cpu(&self, target: u64) -> Result<u64, Reason> {
        if target == CANARY {
            return Ok(target);
        }
        let (symbol, offset) =
            kabi::profile().symbol_at(target).ok_or_else(|| Reason::Variable(format!("per-CPU {target:#x}")))?;
        match crate::module::symbols::percpu_offset(symbol.name) {
            Some(own) => Ok(own + offset),
            None => Err(Reason::Variable(symbol.name.to_string())),
        }
    }

    /// lkm's place for what the image has at `target`, if it has one of its own.
    fn named(&self, target: u64) -> Result<Option<u64>, Reason> {
        if self.map.text.contains(&target) || self.map.constants.iter().any(|range| range.contains(&target)) {
            return Ok(None);
        }
        let (symbol, offset) =
            kabi::profile().symbol_at(target).ok_or_else(|| Reason::Variable(format!("{target:#x}")))?;
        match crate::module::symbols::variable_of(symbol.name) {
            Some(own) => Ok(Some(own + offset)),
            None if self.map.variables.iter().any(|range| range.contains(&target)) => Ok(None),
            None => Err(Reason::Variable(symbol.name.to_string())),
        }
    }
}
