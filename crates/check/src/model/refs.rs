//! What places of the file refer to: its relocations.

use super::{Model, Spot, spot_of};
use iced_x86::Instruction;
use kofile::{Elf, Relocation, Symbol};

const R_X86_64_64: u32 = 1;
const R_X86_64_PC32: u32 = 2;
const R_X86_64_PLT32: u32 = 4;
const R_X86_64_32: u32 = 10;
const R_X86_64_32S: u32 = 11;
const R_X86_64_PC64: u32 = 24;

/// What is referred to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Target {
    /// A symbol that is defined elsewhere, by its index, and what is added to it.
    Import(u32, i64),
    /// A place of this file.
    Place(Spot),
}

/// The relocations of every section that takes memory, sorted by offset.
pub(super) fn collect(elf: &Elf<'_>) -> Vec<Vec<Relocation>> {
    let mut all = vec![Vec::new(); elf.sections().len()];
    for table in elf.relocation_tables() {
        let is_wanted = elf.section(table.target()).is_some_and(kofile::Section::is_alloc);
        if let Some(rows) = all.get_mut(table.target()).filter(|_| is_wanted) {
            rows.extend(table.iter());
        }
    }
    for rows in &mut all {
        if !rows.is_sorted_by_key(|row| row.offset) {
            rows.sort_by_key(|row| row.offset);
        }
    }
    all
}

impl<'a> Model<'a> {
    /// The relocations of a section, by offset.
    pub fn relocations(&self, section: usize) -> &[Relocation] {
        self.relocations.get(section).map_or(&[], Vec::as_slice)
    }

    /// The relocations of `len` bytes.
    pub fn relocations_in(&self, spot: Spot, len: u64) -> &[Relocation] {
        let rows = self.relocations(spot.section);
        let from = rows.partition_point(|row| row.offset < spot.offset);
        let to = rows.partition_point(|row| row.offset < spot.offset.saturating_add(len));
        rows.get(from..to).unwrap_or_default()
    }

    /// The symbol of a relocation.
    pub fn symbol(&self, relocation: &Relocation) -> Option<Symbol<'a>> {
        self.symbols.get(relocation.symbol)
    }

    /// What a relocation in data refers to.
    pub fn data_target(&self, relocation: &Relocation) -> Option<Target> {
        matches!(relocation.kind, R_X86_64_64 | R_X86_64_32 | R_X86_64_32S | R_X86_64_PC32 | R_X86_64_PC64)
            .then(|| self.target(relocation, 0))?
    }

    /// What a relocation in an instruction refers to.
    pub fn code_target(&self, instruction: &Instruction, relocation: &Relocation) -> Option<Target> {
        let bias = match relocation.kind {
            // Relative to the next instruction.
            R_X86_64_PC32 | R_X86_64_PLT32 => instruction.next_ip().checked_sub(relocation.offset)?,
            R_X86_64_64 | R_X86_64_32 | R_X86_64_32S => 0,
            _ => return None,
        };
        self.target(relocation, i64::try_from(bias).ok()?)
    }

    fn target(&self, relocation: &Relocation, bias: i64) -> Option<Target> {
        let symbol = self.symbol(relocation)?;
        let addend = relocation.addend.checked_add(bias)?;
        if symbol.is_undefined() {
            return Some(Target::Import(relocation.symbol, addend));
        }
        let Spot { section, offset } = spot_of(&symbol)?;
        Some(Target::Place(Spot { section, offset: offset.checked_add_signed(addend)? }))
    }

    /// What an instruction's operand in memory names by the instruction pointer or an absolute address.
    pub fn memory_target(&self, section: usize, instruction: &Instruction) -> Option<Target> {
        let spot = Spot { section, offset: instruction.ip() };
        let rows = self.relocations_in(spot, instruction.len() as u64);
        let relative = instruction.is_ip_rel_memory_operand();
        let fits = |row: &&Relocation| relative == matches!(row.kind, R_X86_64_PC32 | R_X86_64_PLT32);
        self.code_target(instruction, rows.iter().find(fits)?)
    }

    /// The name of an import.
    pub fn import_name(&self, target: Target) -> Option<&'a str> {
        match target {
            Target::Import(index, _) => self.symbols.get(index)?.name().to_str(),
            Target::Place(_) => None,
        }
    }
}
