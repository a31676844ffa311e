//! Whether what a call left in a register is ever read.
//!
//! All ways on from the call are followed, in this function and where it jumps to, until the register is read (then it is
//! used) or wholly written. What cannot be followed counts as a reader.

use super::Subject;
use crate::model::{Callee, Spot, Step};
use iced_x86::{Instruction, InstructionInfoFactory, OpAccess, Register};
use std::collections::HashSet;

/// Instructions that are looked at for one call at most, and for all calls of a module.
const LIMIT: usize = 4_000;
const BUDGET: usize = 2_000_000;

/// What an instruction does with the register.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Effect {
    None,
    Read,
    Written,
}

/// Follows a register.
pub struct Liveness<'s, 'a> {
    subject: &'s Subject<'a>,
    info: InstructionInfoFactory,
    budget: usize,
}

impl<'s, 'a> Liveness<'s, 'a> {
    /// For the functions of a module.
    pub fn new(subject: &'s Subject<'a>) -> Self {
        Self { subject, info: InstructionInfoFactory::new(), budget: BUDGET }
    }

    /// Whether nobody reads `register` (RAX or RCX) after the instruction before `start`, in a function that was entered at
    /// `function`.
    pub fn is_dead(&mut self, start: Spot, register: Register, function: Spot) -> bool {
        let mut seen = HashSet::new();
        let mut todo = vec![start];
        while let Some(spot) = todo.pop() {
            if !seen.insert(spot) {
                continue;
            }
            self.budget = self.budget.saturating_sub(1);
            if self.budget == 0 || seen.len() > LIMIT || !self.follow(spot, register, function, &mut todo) {
                return false;
            }
        }
        true
    }

    /// Adds what follows an instruction; false if it reads the register, or may.
    fn follow(&mut self, spot: Spot, register: Register, function: Spot, todo: &mut Vec<Spot>) -> bool {
        let model = self.subject.model;
        let Some(number) = model.function_at(spot) else { return false };
        let code = model.code(number);
        let Some(instruction) = code.index_of(spot.offset).and_then(|number| code.instructions.get(number)) else {
            return false;
        };
        if instruction.is_invalid() {
            return false;
        }
        let step = model.step(&code, instruction);
        let effect = self.effect(instruction, &step, register);
        if step.lost || effect == Effect::Read || step.returns && self.is_result(register, function) {
            return false;
        }
        // An instruction that writes may fault before it does.
        todo.extend(&step.targets);
        if step.next && effect != Effect::Written {
            let next = Spot { section: spot.section, offset: instruction.next_ip() };
            // Otherwise the function ends with a call of one that does not return.
            if code.index_of(next.offset).is_some() || model.functions().get(number).is_none_or(|f| f.runs_on) {
                todo.push(next);
            }
        }
        true
    }

    fn effect(&mut self, instruction: &Instruction, step: &Step<'a>, register: Register) -> Effect {
        if let Some(callee) = step.calls {
            return self.of_call(instruction, callee, register);
        }
        if let Some(callee) = step.tail {
            return if self.takes(callee, register) { Effect::Read } else { Effect::Written };
        }
        self.of_operands(instruction, register)
    }

    /// By the operands of an instruction.
    fn of_operands(&mut self, instruction: &Instruction, register: Register) -> Effect {
        let mut effect = Effect::None;
        for used in self.info.info(instruction).used_registers() {
            if used.register().full_register() != register {
                continue;
            }
            match used.access() {
                OpAccess::None | OpAccess::NoMemAccess | OpAccess::CondWrite => {}
                OpAccess::Write if used.register().size() >= 4 => effect = Effect::Written,
                OpAccess::Write => {}
                _ => return Effect::Read,
            }
        }
        effect
    }

    fn of_call(&mut self, instruction: &Instruction, callee: Callee<'a>, register: Register) -> Effect {
        if self.of_operands(instruction, register) == Effect::Read || self.takes(callee, register) {
            return Effect::Read;
        }
        match callee {
            // Where nothing is traced, compilers know which registers their own functions leave alone.
            Callee::Local(_) if !self.subject.model.is_traced => Effect::None,
            _ => Effect::Written,
        }
    }

    /// Whether a function may read the register as an argument.
    fn takes(&self, callee: Callee<'a>, register: Register) -> bool {
        match callee {
            Callee::Import(name) if is_special(name) => true,
            Callee::Import(name) => {
                register != Register::RAX
                    && self.subject.kernel.and_then(|k| k.argument_words(name)).is_none_or(|words| words >= 4)
            }
            Callee::Local(_) if register == Register::RAX => false,
            Callee::Local(spot) => self.local_takes(spot),
            Callee::Unknown => register != Register::RAX,
        }
    }

    /// Whether a function of the module may have a fourth argument.
    fn local_takes(&self, spot: Spot) -> bool {
        let model = self.subject.model;
        // A copy that the compiler made for some callers takes what it likes.
        let is_copy = |name: kofile::Name<'_>| name.as_bytes().contains(&b'.');
        let function = model.function_at(spot).and_then(|number| model.functions().get(number));
        let Some(function) = function.filter(|f| f.start == spot && !is_copy(f.name)) else { return true };
        let key = (function.start.section, function.start.offset);
        self.subject.entries().routines.get(&key).and_then(|routine| routine.params).is_none_or(|params| params >= 4)
    }

    /// Whether the register holds the result of the function when it returns.
    fn is_result(&self, register: Register, function: Spot) -> bool {
        let key = (function.section, function.offset);
        register == Register::RAX && self.subject.entries().routines.get(&key).is_none_or(|routine| !routine.is_void)
    }
}

/// Functions that do not take and keep registers as C functions do: they count as readers of every one.
fn is_special(name: &str) -> bool {
    const BEGINNINGS: [&str; 14] = [
        "__put_user_",
        "__get_user_",
        "__x86_",
        "__SCT__preempt",
        "__sw_hweight",
        "copy_user_",
        "clear_user_",
        "clear_page",
        "copy_page",
        "rep_",
        "pv_ops",
        "preempt_schedule",
        "__xen_",
        "__asan_",
    ];
    BEGINNINGS.iter().any(|beginning| name.starts_with(beginning))
        || name.ends_with("_thunk")
        || name == "copy_mc_fragile"
}
