//! What an instruction does to memory, and whether it can run at another place.

use iced_x86::{FlowControl, Instruction, InstructionInfoFactory, Mnemonic, OpAccess, OpKind, Register};

/// The memory of an instruction that must be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// What its memory operand names.
    Operand {
        /// Bytes.
        size: u32,
        /// True for a write.
        write: bool,
    },
    /// A bit somewhere behind its memory operand.
    Bit {
        /// Bytes of the word that holds the bit.
        size: u32,
        /// True for a write.
        write: bool,
    },
    /// A string instruction.
    Strings {
        /// Bytes of an element.
        size: u32,
        /// RCX elements.
        repeated: bool,
        /// It reads at RSI.
        source: bool,
        /// It reads (false) or writes (true) at RDI.
        target: Option<bool>,
    },
}

/// Why an access is not looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Passed {
    /// It is none.
    NoAccess,
    /// A word of the stack frame, by the stack pointer.
    Stack,
    /// The address is in the instruction: the compiler knew what lies there.
    Fixed,
    /// A variable of the CPU.
    PerCpu,
    /// Nobody knows how much it touches, or at what addresses.
    Unknown,
}

impl Passed {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::NoAccess, Self::Stack, Self::Fixed, Self::PerCpu, Self::Unknown];

    /// For people.
    pub fn text(self) -> &'static str {
        match self {
            Self::NoAccess => "instructions that reach no memory",
            Self::Stack => "words of a stack frame by the stack pointer: not checked",
            Self::Fixed => "accesses to an address in the instruction: not checked",
            Self::PerCpu => "variables of a CPU by GS: not checked",
            Self::Unknown => "searches, and what saves the processor's state: not checked",
        }
    }
}

/// How an instruction can run at another place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Move {
    /// Not at all.
    No,
    /// The next one follows.
    Next,
    /// Nothing follows.
    Last,
    /// A call: what it comes back to is the old place.
    Call,
}

/// What must be looked at before the instruction runs.
pub fn need(instruction: &Instruction, info: &mut InstructionInfoFactory) -> Result<Need, Passed> {
    if instruction.is_string_instruction() {
        return strings(instruction);
    }
    let operand = (0..instruction.op_count()).find(|op| instruction.op_kind(*op) == OpKind::Memory);
    let Some(operand) = operand else { return Err(Passed::NoAccess) };
    let access = info.info(instruction).op_access(operand);
    let write = match access {
        OpAccess::None | OpAccess::NoMemAccess => return Err(Passed::NoAccess),
        OpAccess::Write | OpAccess::CondWrite => true,
        // As KASAN calls them: an atomic change is a write, any other begins with a read.
        OpAccess::ReadWrite | OpAccess::ReadCondWrite => {
            instruction.has_lock_prefix() || instruction.mnemonic() == Mnemonic::Xchg
        }
        OpAccess::Read | OpAccess::CondRead => false,
    };
    if is_hint(instruction.mnemonic()) {
        return Err(Passed::NoAccess);
    }
    place(instruction)?;
    let size = u32::try_from(instruction.memory_size().size()).unwrap_or(0);
    if size == 0 {
        return Err(Passed::Unknown);
    }
    let is_bit = matches!(instruction.mnemonic(), Mnemonic::Bt | Mnemonic::Btc | Mnemonic::Btr | Mnemonic::Bts);
    if is_bit && instruction.op1_kind() == OpKind::Register {
        return if size >= 4 { Ok(Need::Bit { size, write }) } else { Err(Passed::Unknown) };
    }
    Ok(Need::Operand { size, write })
}

/// Caches are told, and nothing is read.
fn is_hint(mnemonic: Mnemonic) -> bool {
    use Mnemonic::{Cldemote, Clflush, Clflushopt, Clwb, Clzero, Invlpg, Monitor};
    matches!(mnemonic, Cldemote | Clflush | Clflushopt | Clwb | Clzero | Invlpg | Monitor)
}

/// Whether the operand's address can be wrong, and can be computed.
fn place(instruction: &Instruction) -> Result<(), Passed> {
    let (base, index) = (instruction.memory_base(), instruction.memory_index());
    if matches!(instruction.memory_segment(), Register::GS | Register::FS) {
        return Err(Passed::PerCpu);
    }
    match (base, index) {
        (Register::RIP | Register::EIP | Register::None, Register::None) => Err(Passed::Fixed),
        (Register::RSP, Register::None) => Err(Passed::Stack),
        _ => {
            let computable = |r: Register| r == Register::None || r.is_gpr64();
            if computable(base) && computable(index) { Ok(()) } else { Err(Passed::Unknown) }
        }
    }
}

fn strings(instruction: &Instruction) -> Result<Need, Passed> {
    use Mnemonic::*;
    let size = u32::try_from(instruction.memory_size().size()).unwrap_or(0);
    let (source, target) = match instruction.mnemonic() {
        Movsb | Movsw | Movsd | Movsq => (true, Some(true)),
        Stosb | Stosw | Stosd | Stosq => (false, Some(true)),
        Lodsb | Lodsw | Lodsd | Lodsq => (true, None),
        Cmpsb | Cmpsw | Cmpsd | Cmpsq => (true, Some(false)),
        Scasb | Scasw | Scasd | Scasq => (false, Some(false)),
        _ => return Err(Passed::Unknown),
    };
    let repeated = instruction.has_rep_prefix() || instruction.has_repne_prefix();
    let plain = instruction.segment_prefix() == Register::None && size > 0;
    let by_rcx = matches!(instruction.op0_kind(), OpKind::MemoryESRDI | OpKind::MemorySegRSI | OpKind::Register);
    // A search ends where it finds something: how far it goes is not known before.
    if !plain || !by_rcx || repeated && target == Some(false) {
        return Err(Passed::Unknown);
    }
    Ok(Need::Strings { size, repeated, source, target })
}

/// How the instruction can run at another place.
pub fn movable(instruction: &Instruction) -> Move {
    let by_stack = || [instruction.memory_base(), instruction.memory_index()].contains(&Register::RSP);
    let mnemonic = instruction.mnemonic();
    if instruction.is_invalid() || instruction.is_privileged() || mnemonic == Mnemonic::Int3 {
        return Move::No;
    }
    match instruction.flow_control() {
        FlowControl::Next => Move::Next,
        FlowControl::ConditionalBranch if instruction.is_jcc_short_or_near() => Move::Next,
        FlowControl::UnconditionalBranch if instruction.is_jmp_short_or_near() => Move::Last,
        FlowControl::Return if matches!(mnemonic, Mnemonic::Ret) => Move::Last,
        FlowControl::IndirectBranch if instruction.is_jmp_near_indirect() => Move::Last,
        FlowControl::Call if instruction.is_call_near() => Move::Call,
        FlowControl::IndirectCall if instruction.is_call_near_indirect() && !by_stack() => Move::Call,
        _ => Move::No,
    }
}

/// True for a jump that may follow a table of places in its function. Kernels with retpolines have none, and tables of
/// distances do not say what they are relative to.
pub fn goes_anywhere(instruction: &Instruction) -> bool {
    instruction.is_jmp_near_indirect() && !instruction.is_ip_rel_memory_operand()
}

#[cfg(test)]
mod tests {
    use super::*;
    use iced_x86::{Decoder, DecoderOptions};

    fn decode(bytes: &[u8]) -> Instruction {
        Decoder::with_ip(64, bytes, 0x1000, DecoderOptions::NONE).decode()
    }

    fn of(bytes: &[u8]) -> Result<Need, Passed> {
        need(&decode(bytes), &mut InstructionInfoFactory::new())
    }

    #[test]
    fn accesses_by_registers_are_looked_at() {
        let operand = |size, write| Ok(Need::Operand { size, write });
        assert_eq!(of(&[0x48, 0x8b, 0x47, 0x08]), operand(8, false)); // mov rax, [rdi + 8]
        assert_eq!(of(&[0xc6, 0x04, 0x3e, 0x01]), operand(1, true)); // mov byte ptr [rsi + rdi], 1
        assert_eq!(of(&[0xff, 0x07]), operand(4, false)); // inc dword ptr [rdi]
        assert_eq!(of(&[0xf0, 0xff, 0x07]), operand(4, true)); // lock inc dword ptr [rdi]
        assert_eq!(of(&[0xf0, 0x48, 0x0f, 0xc7, 0x0f]), operand(16, true)); // lock cmpxchg16b [rdi]
        assert_eq!(of(&[0xf3, 0x0f, 0x6f, 0x07]), operand(16, false)); // movdqu xmm0, [rdi]
        assert_eq!(of(&[0xff, 0x77, 0x10]), operand(8, false)); // push qword ptr [rdi + 16]
        assert_eq!(of(&[0xff, 0x57, 0x10]), operand(8, false)); // call [rdi + 16]
        assert_eq!(of(&[0x48, 0x0f, 0xab, 0x37]), Ok(Need::Bit { size: 8, write: false })); // bts [rdi], rsi
        assert_eq!(of(&[0x48, 0x0f, 0xba, 0x2f, 3]), operand(8, false)); // bts qword ptr [rdi], 3
        assert_eq!(of(&[0x8b, 0x84, 0x8c, 0, 1, 0, 0]), operand(4, false)); // mov eax, [rsp + 4 * rcx + 0x100]
    }

    #[test]
    fn others_are_not() {
        assert_eq!(of(&[0x48, 0x8d, 0x47, 0x08]), Err(Passed::NoAccess)); // lea
        assert_eq!(of(&[0x0f, 0x1f, 0x44, 0, 0]), Err(Passed::NoAccess)); // nop
        assert_eq!(of(&[0x0f, 0x18, 0x0f]), Err(Passed::NoAccess)); // prefetcht0 [rdi]
        assert_eq!(of(&[0x0f, 0xae, 0x3f]), Err(Passed::NoAccess)); // clflush [rdi]
        assert_eq!(of(&[0x48, 0x8b, 0x44, 0x24, 8]), Err(Passed::Stack)); // mov rax, [rsp + 8]
        assert_eq!(of(&[0x8b, 0x05, 0, 0, 0, 0]), Err(Passed::Fixed)); // mov eax, [rip]
        assert_eq!(of(&[0x65, 0x48, 0x8b, 0x07]), Err(Passed::PerCpu)); // mov rax, gs:[rdi]
        assert_eq!(of(&[0x0f, 0xae, 0x27]), Err(Passed::Unknown)); // xsave [rdi]
        assert_eq!(of(&[0x67, 0x8b, 0x07]), Err(Passed::Unknown)); // mov eax, [edi]
    }

    #[test]
    fn strings_tell_their_elements() {
        let copy = Need::Strings { size: 8, repeated: true, source: true, target: Some(true) };
        assert_eq!(of(&[0xf3, 0x48, 0xa5]), Ok(copy)); // rep movsq
        let fill = Need::Strings { size: 1, repeated: false, source: false, target: Some(true) };
        assert_eq!(of(&[0xaa]), Ok(fill)); // stosb
        assert_eq!(of(&[0xf3, 0xa6]), Err(Passed::Unknown)); // repe cmpsb
    }

    #[test]
    fn what_runs_elsewhere_is_known() {
        assert_eq!(movable(&decode(&[0x74, 5])), Move::Next); // je
        assert_eq!(movable(&decode(&[0xe8, 0, 0, 0, 0])), Move::Call);
        assert_eq!(movable(&decode(&[0xff, 0x54, 0x24, 8])), Move::No); // call [rsp + 8]
        assert_eq!(movable(&decode(&[0xc3])), Move::Last);
        assert_eq!(movable(&decode(&[0xe3, 5])), Move::No); // jrcxz
        assert_eq!(movable(&decode(&[0x0f, 0x0b])), Move::No); // ud2
        assert_eq!(movable(&decode(&[0xfa])), Move::No); // cli
    }
}
