//! The text of a module: its functions, and where code may be entered.
//!
//! A branch may come to the first byte of an instruction only where its target, a symbol or a table names that byte.
//! Tables are found by the relocations of the file; branches by decoding everything.

use super::File;
use iced_x86::{Decoder, DecoderOptions, Instruction, OpKind};
use kofile::{SymbolKind, SymbolSection};
use loader::PlacedSection;
use machine::arena;

/// Tables of places in the text that are not entered by what they name: they tell the kernel where to patch.
const PATCH_TABLES: &[&str] = &[
    ".return_sites",
    ".retpoline_sites",
    ".call_sites",
    ".ibt_endbr_seal",
    ".altinstructions",
    ".smp_locks",
    ".parainstructions",
    ".orc_unwind_ip",
];
/// Tables whose places must stay what and where they are: name, bytes of an entry (0: each place), offset of the place.
const KEPT_TABLES: &[(&str, u64, u64)] = &[
    ("__jump_table", 16, 0),
    ("__ex_table", 12, 0),
    ("__bug_table", 0, 0),
    ("__mcount_loc", 0, 0),
    ("__patchable_function_entries", 0, 0),
    (".static_call_sites", 8, 0),
    ("_kprobe_blacklist", 0, 0),
];
/// Sections with instructions that never run where they are, or are rewritten.
const LEFT_OUT: &[&str] = &[".altinstr_replacement", ".altinstr_aux", ".static_call.text"];

/// A set of addresses of a section.
#[derive(Debug, Clone, Default)]
struct Bits(Vec<u64>);

impl Bits {
    fn new(len: usize) -> Self {
        Self(vec![0; len.div_ceil(64)])
    }

    fn set(&mut self, at: usize) {
        if let Some(word) = self.0.get_mut(at / 64) {
            *word |= 1 << (at % 64);
        }
    }

    fn has(&self, at: usize) -> bool {
        self.0.get(at / 64).is_some_and(|word| word >> (at % 64) & 1 == 1)
    }
}

/// A section with instructions.
#[derive(Debug)]
struct Section {
    addr: u64,
    bytes: Vec<u8>,
    entries: Bits,
    kept: Bits,
}

/// The text of a module.
#[derive(Debug, Default)]
pub struct Text {
    sections: Vec<Section>,
    /// Start and length, by address.
    functions: Vec<(u64, u64)>,
    /// Other addresses of modules that code or data refers to, sorted.
    mentions: Vec<u64>,
}

/// Whether instructions of this section are looked at.
pub fn counts(section: &PlacedSection) -> bool {
    section.exec && section.size > 0 && !LEFT_OUT.contains(&section.name.as_str())
}

impl Text {
    /// Text that consists of these sections: address and bytes.
    pub fn new(sections: impl Iterator<Item = (u64, Vec<u8>)>) -> Self {
        let sections = sections.map(|(addr, bytes)| {
            let entries = Bits::new(bytes.len());
            Section { addr, kept: entries.clone(), entries, bytes }
        });
        let mut text = Self { sections: sections.collect(), ..Self::default() };
        text.sections.sort_by_key(|section| section.addr);
        text
    }

    /// Takes functions and entries from the file.
    pub fn read(&mut self, file: &File<'_>) {
        for (symbol, value) in file.symbols.iter().zip(file.values) {
            if !matches!(symbol.section, SymbolSection::Section(_)) {
                continue;
            }
            if self.locate(*value).is_none() {
                continue;
            }
            self.add_entry(*value);
            if symbol.kind == SymbolKind::Func && symbol.size > 0 {
                self.functions.push((*value, symbol.size));
            }
        }
        self.functions.sort_unstable();
        self.functions.dedup_by_key(|function| function.0);
        for table in file.elf.relocation_tables() {
            let Some(target) = file.elf.section(table.target()).filter(|s| s.is_alloc() && !s.is_exec()) else {
                continue;
            };
            let name = target.name.to_string();
            if PATCH_TABLES.contains(&name.as_str()) {
                continue;
            }
            let kept = KEPT_TABLES.iter().find(|(table, ..)| *table == name);
            for relocation in table.iter() {
                let Some(value) = file.values.get(relocation.symbol as usize) else { continue };
                let place = value.wrapping_add_signed(relocation.addend);
                match kept {
                    Some((_, 0, _)) => self.keep(place),
                    Some((_, entry, offset)) if relocation.offset % entry == *offset => self.keep(place),
                    _ => self.add_entry(place),
                }
            }
        }
    }

    fn locate(&self, addr: u64) -> Option<(usize, usize)> {
        let after = self.sections.partition_point(|section| section.addr <= addr);
        let number = after.checked_sub(1)?;
        let section = self.sections.get(number)?;
        let offset = usize::try_from(addr - section.addr).ok()?;
        (offset < section.bytes.len()).then_some((number, offset))
    }

    /// Code may be entered there, if it is code.
    pub fn add_entry(&mut self, addr: u64) {
        match self.locate(addr) {
            Some((number, offset)) => {
                if let Some(section) = self.sections.get_mut(number) {
                    section.entries.set(offset);
                }
            }
            None if arena::contains(addr) => self.mentions.push(addr),
            None => {}
        }
    }

    /// Whether something refers to an address of `from .. to`, which is not text.
    pub fn mentions(&self, from: u64, to: u64) -> bool {
        let first = self.mentions.partition_point(|addr| *addr < from);
        self.mentions.get(first).is_some_and(|addr| *addr < to)
    }

    /// The instruction there must stay what and where it is.
    pub fn keep(&mut self, addr: u64) {
        self.add_entry(addr);
        if let Some((number, offset)) = self.locate(addr)
            && let Some(section) = self.sections.get_mut(number)
        {
            section.kept.set(offset);
        }
    }

    /// Whether code may be entered there.
    pub fn is_entry(&self, addr: u64) -> bool {
        self.locate(addr)
            .is_some_and(|(number, offset)| self.sections.get(number).is_some_and(|s| s.entries.has(offset)))
    }

    /// Whether the instruction there must stay what and where it is.
    pub fn is_kept(&self, addr: u64) -> bool {
        self.locate(addr).is_some_and(|(number, offset)| self.sections.get(number).is_some_and(|s| s.kept.has(offset)))
    }

    /// Start and length of all functions, by address.
    pub fn functions(&self) -> &[(u64, u64)] {
        &self.functions
    }

    /// Bytes of the text.
    pub fn bytes(&self, addr: u64, len: usize) -> Option<&[u8]> {
        let (number, offset) = self.locate(addr)?;
        self.sections.get(number)?.bytes.get(offset..offset.checked_add(len)?)
    }

    /// The instructions of a function up to the next one; `None` if its bytes are not all instructions.
    pub fn decode(&self, addr: u64, len: u64) -> Option<Vec<Instruction>> {
        let next = self.functions.partition_point(|function| function.0 <= addr);
        let end = self.functions.get(next).map_or(u64::MAX, |function| function.0).min(addr.checked_add(len)?);
        let bytes = self.bytes(addr, usize::try_from(end - addr).ok()?)?;
        let mut decoder = Decoder::with_ip(64, bytes, addr, DecoderOptions::NONE);
        let mut out = Vec::with_capacity(bytes.len() / 4);
        while decoder.can_decode() {
            out.push(decoder.decode());
        }
        (!out.iter().any(Instruction::is_invalid)).then_some(out)
    }

    /// Goes through all instructions: where they branch to, and what addresses of the text they mention, are entries.
    pub fn follow(&mut self) {
        let mut found = Vec::new();
        for section in &self.sections {
            // Functions start anew: what lies between them may be no code.
            let end = section.addr + section.bytes.len() as u64;
            let inside = |function: &&(u64, u64)| (section.addr..end).contains(&function.0);
            let mut starts: Vec<u64> = self.functions.iter().filter(inside).map(|function| function.0).collect();
            starts.insert(0, section.addr);
            starts.push(end);
            for pair in starts.windows(2) {
                let [from, to] = [0, 1].map(|i| pair.get(i).map_or(0, |at| (at - section.addr) as usize));
                let bytes = section.bytes.get(from..to).unwrap_or_default();
                let decoder = Decoder::with_ip(64, bytes, section.addr + from as u64, DecoderOptions::NONE);
                decoder.into_iter().for_each(|instruction| mentioned(&instruction, &mut found));
            }
        }
        found.into_iter().for_each(|addr| self.add_entry(addr));
        self.mentions.sort_unstable();
        self.mentions.dedup();
    }
}

/// Adds the addresses that an instruction mentions.
fn mentioned(instruction: &Instruction, found: &mut Vec<u64>) {
    let operands = (0..instruction.op_count()).filter_map(|op| match instruction.op_kind(op) {
        OpKind::NearBranch16 | OpKind::NearBranch32 | OpKind::NearBranch64 => Some(instruction.near_branch_target()),
        OpKind::Memory => Some(instruction.memory_displacement64()),
        OpKind::Immediate32 | OpKind::Immediate32to64 | OpKind::Immediate64 => Some(instruction.immediate(op)),
        _ => None,
    });
    found.extend(operands);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn branches_make_entries() {
        // je +2; jmp -4; lea rax, [rip - 2]; ret
        let code = vec![0x74, 0x02, 0xeb, 0xfc, 0x48, 0x8d, 0x05, 0xfe, 0xff, 0xff, 0xff, 0xc3];
        let mut text = Text::new([(0x1000, code)].into_iter());
        text.follow();
        let entries: Vec<u64> = (0x1000..0x100c).filter(|addr| text.is_entry(*addr)).collect();
        assert_eq!(entries, [0x1000, 0x1004, 0x1009]);
    }

    #[test]
    fn damaged_functions_are_not_decoded() {
        let text = Text::new([(0x1000, vec![0x90, 0x06, 0x90])].into_iter());
        assert!(text.decode(0x1000, 1).is_some() && text.decode(0x1000, 3).is_none());
        assert!(text.decode(0x1000, 4).is_none() && text.decode(0x2000, 1).is_none());
    }
}
