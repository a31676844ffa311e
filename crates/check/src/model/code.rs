//! The instructions of a function. An instruction's address is its offset in its section.

use super::{Function, Model, Spot};
use iced_x86::{Decoder, DecoderOptions, Instruction};

/// The instructions of a function, in order.
#[derive(Debug, Default)]
pub struct Code {
    /// The section they are in.
    pub section: usize,
    /// The instructions.
    pub instructions: Vec<Instruction>,
}

impl Code {
    pub(super) fn decode(model: &Model<'_>, function: &Function<'_>) -> Self {
        let Spot { section, offset } = function.start;
        let data = model.elf.section(section).map_or(&[][..], |section| section.data);
        let range = usize::try_from(offset).ok().zip(usize::try_from(function.size).ok());
        let bytes = range.and_then(|(start, size)| data.get(start..start.checked_add(size)?)).unwrap_or_default();
        let decoder = Decoder::with_ip(64, bytes, offset, DecoderOptions::NONE);
        Self { section, instructions: decoder.into_iter().collect() }
    }

    /// The number of the instruction that begins at an offset.
    pub fn index_of(&self, offset: u64) -> Option<usize> {
        self.instructions.binary_search_by_key(&offset, Instruction::ip).ok()
    }

    /// The number of the instruction that holds the byte at an offset.
    pub fn index_around(&self, offset: u64) -> Option<usize> {
        let number = self.instructions.partition_point(|instruction| instruction.ip() <= offset).checked_sub(1)?;
        (offset < self.instructions.get(number)?.next_ip()).then_some(number)
    }

    /// The place of an instruction.
    pub fn spot(&self, instruction: &Instruction) -> Spot {
        Spot { section: self.section, offset: instruction.ip() }
    }
}
