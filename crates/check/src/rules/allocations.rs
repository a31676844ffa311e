//! Memory that is used straight after it was asked for, without a look whether there was any.
//!
//! Only the instructions up to the next branch or call are looked at: compilers do not move an access before the test that
//! guards it.

use super::results::calls;
use super::{Subject, at};
use crate::finding::{Finding, Kind};
use crate::model::{Code, Spot};
use iced_x86::{FlowControl, Instruction, InstructionInfoFactory, Mnemonic, OpAccess, OpKind, Register};

/// `__GFP_NOFAIL` (`include/linux/gfp_types.h`): the allocation never fails.
const NOFAIL: u64 = 0x8000;

/// Allocators, with the register of their flags.
fn allocator(name: &str) -> Option<Option<Register>> {
    let name = name.strip_suffix("_noprof").unwrap_or(name);
    Some(match name {
        "__kmalloc"
        | "kmalloc_trace"
        | "__kmalloc_cache"
        | "kmem_cache_alloc"
        | "__kmalloc_node"
        | "kmem_cache_alloc_node"
        | "kmalloc_node_trace"
        | "__kmalloc_cache_node"
        | "kmalloc_large"
        | "kstrdup" => Some(Register::RSI),
        "kmemdup" => Some(Register::RDX),
        "vmalloc" | "vzalloc" => None,
        _ => return None,
    })
}

/// Uses without a test.
pub fn find(subject: &Subject<'_>) -> Vec<Finding> {
    let model = subject.model;
    let mut found = Vec::new();
    for call in calls(model, allocator).into_iter().filter(|call| !call.is_tail) {
        let Some(code) = model.function_at(call.spot).map(|number| model.code(number)) else { continue };
        if call.of.is_some_and(|register| may_not_fail(&code, call.spot, register)) {
            continue;
        }
        if let Some(used) = used_untested(&code, call.next) {
            let what = "memory is used without a look whether there was any";
            let finding = at(subject, Kind::Allocation, used, what);
            found.push(finding.cure("return -ENOMEM if the pointer is NULL"));
        }
    }
    found
}

/// Whether the flags of an allocation say that it never fails, or are not known.
fn may_not_fail(code: &Code, call: Spot, register: Register) -> bool {
    let Some(end) = code.index_of(call.offset) else { return true };
    for instruction in code.instructions.iter().take(end).rev() {
        if instruction.flow_control() != FlowControl::Next {
            return true;
        }
        if instruction.op_count() > 0
            && instruction.op0_kind() == OpKind::Register
            && instruction.op0_register().full_register() == register
        {
            let flags = instruction.try_immediate(1).ok().filter(|_| instruction.mnemonic() == Mnemonic::Mov);
            return flags.is_none_or(|flags| flags & NOFAIL != 0);
        }
    }
    true
}

/// The first instruction that uses the memory that RAX points to, if nothing tests the pointer before.
fn used_untested(code: &Code, start: Spot) -> Option<Spot> {
    let mut info = InstructionInfoFactory::new();
    let mut pointers = vec![Register::RAX];
    for instruction in code.instructions.iter().skip(code.index_of(start.offset)?) {
        if instruction.flow_control() != FlowControl::Next || pointers.is_empty() {
            return None;
        }
        if is_use(instruction, &pointers, &mut info) {
            return Some(code.spot(instruction));
        }
        if matches!(instruction.mnemonic(), Mnemonic::Test | Mnemonic::Cmp) {
            return None;
        }
        let copied = instruction.mnemonic() == Mnemonic::Mov
            && instruction.op0_kind() == OpKind::Register
            && instruction.op1_kind() == OpKind::Register
            && pointers.contains(&instruction.op1_register());
        let written = info.info(instruction).used_registers().iter().filter(|used| {
            !matches!(used.access(), OpAccess::None | OpAccess::NoMemAccess | OpAccess::Read | OpAccess::CondRead)
        });
        let written: Vec<Register> = written.map(|used| used.register().full_register()).collect();
        pointers.retain(|pointer| !written.contains(pointer));
        if copied {
            pointers.push(instruction.op0_register());
        }
    }
    None
}

/// Whether an instruction reaches memory by one of these pointers.
fn is_use(instruction: &Instruction, pointers: &[Register], info: &mut InstructionInfoFactory) -> bool {
    let is_hint = instruction.mnemonic().eq(&Mnemonic::Prefetchw)
        || matches!(
            instruction.mnemonic(),
            Mnemonic::Lea | Mnemonic::Nop | Mnemonic::Prefetcht0 | Mnemonic::Prefetchnta
        );
    !is_hint
        && pointers.contains(&instruction.memory_base())
        && instruction.memory_index() == Register::None
        && info.info(instruction).used_memory().iter().any(|memory| {
            memory.base() == instruction.memory_base()
                && !matches!(memory.access(), OpAccess::None | OpAccess::NoMemAccess)
        })
}
