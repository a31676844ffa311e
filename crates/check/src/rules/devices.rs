//! Character devices: the operations they are registered with, and `.owner` in them.
//!
//! `cdev_add` and `misc_register` hold no reference to the module: who opens the device takes one of `.owner`
//! (`chrdev_open` of fs/char_dev.c, `misc_open` of drivers/char/misc.c), or of the `owner` of a cdev.

use super::Subject;
use super::results::calls;
use crate::finding::{Finding, Kind};
use crate::model::{Code, Model, Spot, Target};
use iced_x86::{FlowControl, Instruction, InstructionInfoFactory, Mnemonic, OpAccess, OpKind, Register};

/// The most operations of one module that are looked at.
const MOST: usize = 64;

/// How operations are registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// `register_chrdev`.
    Chrdev,
    /// `cdev_init`.
    Cdev,
    /// `misc_register`, whose open functions run one at a time.
    Misc,
}

/// Operations of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Operations {
    /// Where the `struct file_operations` lies.
    pub spot: Spot,
    /// How they are registered.
    pub how: How,
}

/// What is known of the module's devices.
#[derive(Debug, Default)]
pub struct Devices {
    /// Their operations.
    pub operations: Vec<Operations>,
}

/// The function that registers, and the register of its argument; none where the operations come later.
fn registers(name: &str) -> Option<(How, Option<Register>)> {
    Some(match name {
        "__register_chrdev" => (How::Chrdev, Some(Register::R8)),
        "cdev_init" => (How::Cdev, Some(Register::RSI)),
        "cdev_alloc" => (How::Cdev, None),
        "misc_register" => (How::Misc, Some(Register::RDI)),
        _ => return None,
    })
}

/// Others that take a `struct file_operations` which need not be a device's.
fn takes_operations(name: &str) -> bool {
    ["debugfs_create", "anon_inode", "proc_create", "securityfs_create", "fops_get", "alloc_file", "simple_"]
        .iter()
        .any(|beginning| name.starts_with(beginning))
}

impl Devices {
    /// Looks for calls that register devices, with constant arguments.
    pub fn of(subject: &Subject<'_>) -> Self {
        let model = subject.model;
        let mut devices = Self::default();
        let mut is_unknown = None;
        for call in calls(model, registers) {
            let (how, register) = call.of;
            let argument = register
                .zip(model.function_at(call.spot))
                .and_then(|(register, number)| argument(model, &model.code(number), call.spot, register));
            let found = argument.and_then(|spot| match how {
                How::Misc => pointer(model, spot, offset(subject, "miscdevice", "fops", 16)),
                _ => Some(spot),
            });
            match found {
                Some(spot) => devices.add(Operations { spot, how }),
                None => is_unknown = Some(how),
            }
        }
        if let (Some(how), true) = (is_unknown, devices.operations.is_empty()) {
            devices.only_variable(subject, how);
        }
        devices
    }

    fn add(&mut self, operations: Operations) {
        let is_known = self.operations.iter().any(|known| known.spot == operations.spot);
        if !is_known && self.operations.len() < MOST {
            self.operations.push(operations);
        }
    }

    /// The device's operations can be no others if the module has no others.
    fn only_variable(&mut self, subject: &Subject<'_>, how: How) {
        if subject.model.imports_any(takes_operations) {
            return;
        }
        let variables = subject.entries().variables.iter();
        let mut of_type = variables.filter(|variable| variable.structure.as_deref() == Some("file_operations"));
        if let (Some(only), None) = (of_type.next(), of_type.next()) {
            let (section, offset) = only.place;
            self.add(Operations { spot: Spot { section, offset }, how });
        }
    }
}

/// The constant address in a register before a call.
fn argument(model: &Model<'_>, code: &Code, call: Spot, register: Register) -> Option<Spot> {
    let mut info = InstructionInfoFactory::new();
    let end = code.index_of(call.offset)?;
    for instruction in code.instructions.iter().take(end).rev() {
        if instruction.flow_control() != FlowControl::Next {
            return None;
        }
        let writes = info.info(instruction).used_registers().iter().any(|used| {
            used.register().full_register() == register
                && !matches!(
                    used.access(),
                    OpAccess::None | OpAccess::NoMemAccess | OpAccess::Read | OpAccess::CondRead
                )
        });
        if writes {
            return constant(model, code, instruction);
        }
    }
    None
}

/// The address that `mov $place, reg` or `lea place(%rip), reg` gives.
fn constant(model: &Model<'_>, code: &Code, instruction: &Instruction) -> Option<Spot> {
    let is_address = match instruction.mnemonic() {
        Mnemonic::Lea => instruction.is_ip_rel_memory_operand(),
        Mnemonic::Mov => {
            matches!(instruction.op1_kind(), OpKind::Immediate32to64 | OpKind::Immediate64 | OpKind::Immediate32)
        }
        _ => false,
    };
    let relocation =
        model.relocations_in(code.spot(instruction), instruction.len() as u64).first().filter(|_| is_address)?;
    match model.code_target(instruction, relocation)? {
        Target::Place(spot) => Some(spot),
        Target::Import(..) => None,
    }
}

/// What a pointer in the file's data leads to.
pub(super) fn pointer(model: &Model<'_>, object: Spot, offset: u64) -> Option<Spot> {
    let place = Spot { section: object.section, offset: object.offset.checked_add(offset)? };
    match model.data_target(model.relocations_in(place, 1).first()?)? {
        Target::Place(spot) => Some(spot),
        Target::Import(..) => None,
    }
}

/// The offset of a member; `usual` where the kernel is not known.
pub(super) fn offset(subject: &Subject<'_>, structure: &str, member: &str, usual: u64) -> u64 {
    subject.kernel.and_then(|kernel| kernel.profile().offset_of(structure, member)).unwrap_or(usual)
}

/// Operations without owner. A module without exit function never goes.
pub fn find(subject: &Subject<'_>, devices: &Devices) -> Vec<Finding> {
    let model = subject.model;
    let stays = subject.module.this_module().is_ok_and(|this| this.exit.is_none());
    let offset = offset(subject, "file_operations", "owner", 0);
    let mut found = Vec::new();
    if devices.operations.is_empty() || stays || sets_owner(model) {
        return found;
    }
    for Operations { spot, .. } in &devices.operations {
        let place = Spot { section: spot.section, offset: spot.offset.saturating_add(offset) };
        let is_filled = model.elf.section(spot.section).is_some_and(kofile::Section::is_nobits);
        if is_filled || !model.relocations_in(place, 8).is_empty() || is_written(model, place) {
            continue;
        }
        let name = model.describe(*spot);
        let what = format!("{name} has no .owner: the module can be unloaded while its device is open");
        found.push(Finding::new(Kind::Owner, subject.definition(*spot), what).cure("add .owner = THIS_MODULE"));
    }
    found
}

/// Whether code writes to a place of the module's data by name.
fn is_written(model: &Model<'_>, place: Spot) -> bool {
    let sections = model.elf.sections().iter().map(|section| section.index).filter(|section| model.is_code(*section));
    sections.into_iter().any(|section| {
        model.relocations(section).iter().any(|row| {
            let Some(spot) = model.symbol(row).and_then(|symbol| crate::model::spot_of(&symbol)) else { return false };
            // The place relative to the next instruction, which is not far.
            let near = spot.offset.wrapping_add_signed(row.addend).wrapping_sub(place.offset).wrapping_add(16) <= 32;
            spot.section == place.section && near && writes(model, Spot { section, offset: row.offset }, place)
        })
    })
}

fn writes(model: &Model<'_>, at: Spot, place: Spot) -> bool {
    let Some(number) = model.function_at(at) else { return true };
    let code = model.code(number);
    let Some(instruction) = code.index_around(at.offset).and_then(|index| code.instructions.get(index)) else {
        return true;
    };
    instruction.op_count() > 0
        && instruction.op0_kind() == OpKind::Memory
        && !matches!(instruction.mnemonic(), Mnemonic::Cmp | Mnemonic::Test)
        && model.memory_target(at.section, instruction) == Some(Target::Place(place))
}

/// Whether code may store the module's address somewhere, such as in the `owner` of a cdev.
fn sets_owner(model: &Model<'_>) -> bool {
    let this = model.elf.section_by_name(".gnu.linkonce.this_module").map(|section| section.index);
    let sections = model.elf.sections().iter().map(|section| section.index).filter(|section| model.is_code(*section));
    let is_this = |symbol: u32| {
        let symbol = model.symbols.get(symbol);
        symbol.and_then(|symbol| crate::model::spot_of(&symbol)).is_some_and(|spot| Some(spot.section) == this)
    };
    sections.into_iter().any(|section| {
        let rows = model.relocations(section).iter().filter(|row| is_this(row.symbol));
        rows.into_iter().any(|row| {
            let number = model.function_at(Spot { section, offset: row.offset });
            number.is_none_or(|number| is_stored(&model.code(number), row.offset))
        })
    })
}

/// Whether the address at `offset` goes to memory: at once, or by the register that it is loaded into.
fn is_stored(code: &Code, offset: u64) -> bool {
    let Some(at) = code.index_around(offset) else { return true };
    let mut rest = code.instructions.iter().skip(at);
    let Some(first) = rest.next() else { return true };
    if first.op0_kind() != OpKind::Register {
        return first.op0_kind() == OpKind::Memory && first.mnemonic() == Mnemonic::Mov;
    }
    let register = first.op0_register().full_register();
    for instruction in rest {
        if matches!(instruction.flow_control(), FlowControl::Call | FlowControl::IndirectCall) {
            use Register::{R8, R9, RCX, RDI, RDX, RSI};
            return ![RDI, RSI, RDX, RCX, R8, R9].contains(&register);
        }
        let copies = instruction.mnemonic() == Mnemonic::Mov && instruction.op1_kind() == OpKind::Register;
        if copies && instruction.op1_register() == register {
            return true;
        }
        if instruction.flow_control() != FlowControl::Next {
            return !matches!(
                instruction.flow_control(),
                FlowControl::UnconditionalBranch | FlowControl::ConditionalBranch
            );
        }
    }
    true
}
