//! Where control goes from an instruction.

use super::{Code, Model, Spot, Target};
use iced_x86::{FlowControl, Instruction};
use std::collections::HashMap;

/// Who is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Callee<'a> {
    /// A function of the kernel or another module.
    Import(&'a str),
    /// A function of this module.
    Local(Spot),
    /// Nobody knows.
    Unknown,
}

/// What an instruction does with control.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Step<'a> {
    /// The next instruction follows.
    pub next: bool,
    /// Code of this module follows.
    pub targets: Vec<Spot>,
    /// It calls.
    pub calls: Option<Callee<'a>>,
    /// It jumps to another function, which returns in its place.
    pub tail: Option<Callee<'a>>,
    /// The function returns.
    pub returns: bool,
    /// It may go anywhere.
    pub lost: bool,
}

impl<'a> Model<'a> {
    /// Where control goes from an instruction of a function.
    pub fn step(&self, code: &Code, instruction: &Instruction) -> Step<'a> {
        let mut step = Step::default();
        match instruction.flow_control() {
            FlowControl::Next | FlowControl::Exception | FlowControl::Interrupt => step.next = true,
            FlowControl::Call | FlowControl::IndirectCall => {
                step.next = true;
                step.calls = Some(self.callee(code, instruction));
            }
            FlowControl::Return => step.returns = true,
            FlowControl::ConditionalBranch => {
                step.next = true;
                self.branch(code, instruction, &mut step);
            }
            FlowControl::UnconditionalBranch => self.branch(code, instruction, &mut step),
            FlowControl::IndirectBranch | FlowControl::XbeginXabortXend => step.lost = true,
        }
        if let Some(more) = self.side_exits.get(&code.spot(instruction)) {
            step.targets.extend(more);
        }
        step
    }

    /// What a direct branch or call names.
    fn branch_target(&self, code: &Code, instruction: &Instruction) -> Option<Target> {
        let spot = code.spot(instruction);
        match self.relocations_in(spot, instruction.len() as u64).first() {
            Some(relocation) => self.code_target(instruction, relocation),
            None => Some(Target::Place(Spot { section: code.section, offset: instruction.near_branch_target() })),
        }
    }

    /// Who is called.
    pub fn callee(&self, code: &Code, instruction: &Instruction) -> Callee<'a> {
        if instruction.flow_control() == FlowControl::IndirectCall {
            // By a pointer that the kernel exports, as those of paravirtualisation.
            let pointer = self.memory_target(code.section, instruction).and_then(|target| self.import_name(target));
            return pointer.map_or(Callee::Unknown, Callee::Import);
        }
        match self.branch_target(code, instruction) {
            Some(Target::Place(spot)) => Callee::Local(spot),
            Some(target) => self.import_name(target).map_or(Callee::Unknown, Callee::Import),
            None => Callee::Unknown,
        }
    }

    fn branch(&self, code: &Code, instruction: &Instruction, step: &mut Step<'a>) {
        let Some(target) = self.branch_target(code, instruction) else {
            step.lost = true;
            return;
        };
        match (target, self.import_name(target)) {
            (_, Some("__x86_return_thunk")) => step.returns = true,
            (_, Some(name)) if name.starts_with("__x86_indirect") => step.lost = true,
            (_, Some(name)) => step.tail = Some(Callee::Import(name)),
            (Target::Place(spot), _) => self.branch_inside(code, spot, step),
            _ => step.lost = true,
        }
    }

    fn branch_inside(&self, code: &Code, spot: Spot, step: &mut Step<'a>) {
        let first = code.instructions.first().map(Instruction::ip);
        let own = spot.section == code.section && code.index_of(spot.offset).is_some();
        match self.function_at(spot).and_then(|number| self.functions().get(number)) {
            _ if own && first != Some(spot.offset) => step.targets.push(spot),
            Some(function) if function.start == spot && function.is_inner => step.lost = true,
            // A loop to the first byte, or a recursion that became one: either reads what a caller hands over.
            Some(function) if function.start == spot && !function.is_cold() => step.tail = Some(Callee::Local(spot)),
            Some(_) => step.targets.push(spot),
            None => step.lost = true,
        }
    }
}

/// Where control goes beside what instructions say: static branches that the kernel turns, and faults that are handled.
pub(super) fn side_exits(model: &Model<'_>) -> HashMap<Spot, Vec<Spot>> {
    let mut exits: HashMap<Spot, Vec<Spot>> = HashMap::new();
    // Both tables: an entry's first field is the instruction, the second is where it goes; both relative to themselves.
    for (name, size) in [("__jump_table", 16), ("__ex_table", 12)] {
        let Some(section) = model.elf.section_by_name(name) else { continue };
        for pair in model.relocations(section.index).windows(2) {
            let [from, to] = pair else { continue };
            if from.offset % size != 0 || to.offset != from.offset + 4 {
                continue;
            }
            let places = (model.data_target(from), model.data_target(to));
            if let (Some(Target::Place(from)), Some(Target::Place(to))) = places {
                exits.entry(from).or_default().push(to);
            }
        }
    }
    exits
}
