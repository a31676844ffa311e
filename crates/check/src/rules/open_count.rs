//! An open function that looks at a counter and then raises it, without a lock: two programs can get in.
//!
//! Only ways without a call of anything that could lock are followed. Open functions of miscellaneous devices run one at a
//! time (`misc_open` of drivers/char/misc.c holds its mutex meanwhile).

use super::devices::{Devices, How, offset, pointer};
use super::{Subject, at};
use crate::finding::{Finding, Kind};
use crate::model::{Callee, Code, Model, Spot, Target};
use iced_x86::{FlowControl, Instruction, InstructionInfoFactory, Mnemonic, OpAccess, OpKind, Register};
use std::collections::{HashMap, HashSet};

/// States that are looked at for one function at most.
const LIMIT: usize = 4_000;
/// Functions that neither lock nor change a variable of the module.
const HARMLESS: [&str; 14] = [
    "__fentry__",
    "_printk",
    "try_module_get",
    "__module_get",
    "module_put",
    "nonseekable_open",
    "stream_open",
    "__cond_resched",
    "__SCT__might_resched",
    "__SCT__cond_resched",
    "__dynamic_pr_debug",
    "sprintf",
    "snprintf",
    "scnprintf",
];

/// What is known on a way through the function.
#[derive(Debug, Clone, Default)]
struct Way {
    /// Registers that hold a variable's value, or that and something more: the variable, where it was read.
    loaded: HashMap<Register, (Spot, Spot)>,
    /// The variable that the last comparison looked at.
    compared: Option<(Spot, Spot)>,
    /// Variables on which a branch depended, and where they were read.
    decided: HashMap<Spot, Spot>,
}

/// Counters that are tested and then raised.
pub fn find(subject: &Subject<'_>, devices: &Devices) -> Vec<Finding> {
    let model = subject.model;
    let mut found: Vec<Finding> = Vec::new();
    let Some(offset) = subject.kernel.map(|_| offset(subject, "file_operations", "open", 0)).filter(|at| *at != 0)
    else {
        return found;
    };
    for operations in devices.operations.iter().filter(|operations| operations.how != How::Misc) {
        let Some(open) = pointer(model, operations.spot, offset) else { continue };
        let Some((variable, tested, raised)) = race(model, open) else { continue };
        let name = model.describe(variable);
        let place = subject.at(raised);
        let second = match place.line {
            Some(line) => format!("at line {line}"),
            None => format!("at {place}"),
        };
        let what = format!(
            "racy open count: {name} is tested here and raised {second}, with no lock between: two programs can open the device"
        );
        let cure = "use atomic_cmpxchg or test_and_set_bit, or hold a mutex over both";
        let finding = at(subject, Kind::OpenCount, tested, what).cure(cure);
        if !found.contains(&finding) {
            found.push(finding);
        }
    }
    found
}

/// The variable, where it is tested, and where it is raised.
fn race(model: &Model<'_>, open: Spot) -> Option<(Spot, Spot, Spot)> {
    let code = model.code(model.function_at(open)?);
    let mut info = InstructionInfoFactory::new();
    let mut seen: HashSet<(Spot, usize)> = HashSet::new();
    let mut todo = vec![(open, Way::default())];
    while let Some((spot, mut way)) = todo.pop() {
        // A way on which more was decided is another one.
        if seen.len() > LIMIT || !seen.insert((spot, way.decided.len())) {
            continue;
        }
        let Some(instruction) = code.index_of(spot.offset).and_then(|number| code.instructions.get(number)) else {
            continue;
        };
        let step = model.step(&code, instruction);
        let is_harmless = |callee: Callee<'_>| matches!(callee, Callee::Import(name) if HARMLESS.contains(&name));
        if step.lost || step.returns || step.tail.is_some() || step.calls.is_some_and(|callee| !is_harmless(callee)) {
            continue;
        }
        // What is atomic may be a lock.
        if instruction.has_lock_prefix() || instruction.mnemonic() == Mnemonic::Xchg {
            continue;
        }
        if let Some(found) = way.take(model, &code, instruction, &mut info) {
            return Some(found);
        }
        if step.next {
            todo.push((Spot { section: spot.section, offset: instruction.next_ip() }, way.clone()));
        }
        todo.extend(step.targets.iter().map(|target| (*target, way.clone())));
    }
    None
}

impl Way {
    /// Learns from an instruction; the race if this is the second half of one.
    fn take(
        &mut self,
        model: &Model<'_>,
        code: &Code,
        instruction: &Instruction,
        info: &mut InstructionInfoFactory,
    ) -> Option<(Spot, Spot, Spot)> {
        let spot = code.spot(instruction);
        let variable = variable(model, code, instruction);
        if instruction.flow_control() == FlowControl::ConditionalBranch {
            self.decided.extend(self.compared);
            return None;
        }
        if let Some(variable) = variable
            && let Some(tested) = self.decided.get(&variable)
            && self.raises(instruction, variable)
        {
            return Some((variable, *tested, spot));
        }
        let source = (instruction.op0_kind() == OpKind::Register).then(|| instruction.op0_register().full_register());
        match instruction.mnemonic() {
            Mnemonic::Cmp | Mnemonic::Test => {
                self.compared = variable.map(|v| (v, spot)).or_else(|| self.loaded.get(&source?).copied());
                return None;
            }
            // What raises a copy, and sets the flags by it.
            Mnemonic::Add | Mnemonic::Inc | Mnemonic::Lea if self.keeps(instruction) => return None,
            _ => {}
        }
        self.forget(instruction, info);
        use Mnemonic::{Mov, Movsx, Movsxd, Movzx};
        let is_load = matches!(instruction.mnemonic(), Mov | Movzx | Movsx | Movsxd);
        if let (Some(variable), Some(register), true) = (variable, source, is_load) {
            self.loaded.insert(register, (variable, spot));
        }
        None
    }

    /// Forgets the registers and the comparison that an instruction overwrites.
    fn forget(&mut self, instruction: &Instruction, info: &mut InstructionInfoFactory) {
        if instruction.rflags_modified() != 0 {
            self.compared = None;
        }
        for used in info.info(instruction).used_registers() {
            use OpAccess::{CondWrite, ReadCondWrite, ReadWrite, Write};
            if matches!(used.access(), Write | ReadWrite | CondWrite | ReadCondWrite) {
                self.loaded.remove(&used.register().full_register());
            }
        }
        if instruction.flow_control() == FlowControl::Call {
            use Register::{R8, R9, R10, R11, RAX, RCX, RDI, RDX, RSI};
            let lost = [RAX, RCX, RDX, RSI, RDI, R8, R9, R10, R11];
            self.loaded.retain(|register, _| !lost.contains(register));
            self.compared = None;
        }
    }

    /// Whether an instruction adds to a register that holds a variable.
    fn keeps(&mut self, instruction: &Instruction) -> bool {
        let target = instruction.op0_register().full_register();
        if instruction.op0_kind() != OpKind::Register {
            return false;
        }
        if instruction.mnemonic() != Mnemonic::Lea {
            let by_number = instruction.op_count() < 2 || instruction.op1_kind() != OpKind::Register;
            return by_number && self.loaded.contains_key(&target);
        }
        let from = self.loaded.get(&instruction.memory_base().full_register()).copied();
        let Some(from) = from.filter(|_| instruction.memory_index() == Register::None) else { return false };
        self.loaded.insert(target, from);
        true
    }

    /// Whether an instruction that names `variable` in memory raises it.
    fn raises(&self, instruction: &Instruction, variable: Spot) -> bool {
        if instruction.op0_kind() != OpKind::Memory {
            return false;
        }
        let number = instruction.try_immediate(1).ok().map(|number| number as i64);
        match instruction.mnemonic() {
            Mnemonic::Inc => true,
            Mnemonic::Add => number.is_some_and(|number| number > 0),
            // As compilers add 128.
            Mnemonic::Sub => number.is_some_and(|number| number < 0),
            Mnemonic::Mov if instruction.op1_kind() == OpKind::Register => {
                let register = instruction.op1_register().full_register();
                self.loaded.get(&register).is_some_and(|(of, _)| *of == variable)
            }
            Mnemonic::Mov => number.is_some_and(|number| number != 0),
            _ => false,
        }
    }
}

/// The variable of the module that an instruction's memory operand names.
fn variable(model: &Model<'_>, code: &Code, instruction: &Instruction) -> Option<Spot> {
    let segment = instruction.segment_prefix();
    let is_plain =
        instruction.is_ip_rel_memory_operand() && segment == Register::None && instruction.mnemonic() != Mnemonic::Lea;
    let target = model.memory_target(code.section, instruction).filter(|_| is_plain)?;
    match target {
        Target::Place(spot) => model.elf.section(spot.section).is_some_and(kofile::Section::is_write).then_some(spot),
        Target::Import(..) => None,
    }
}
