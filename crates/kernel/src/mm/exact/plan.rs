//! Which instructions of a function move to a place where they are looked at first.
//!
//! A jump takes five bytes, and most instructions have less: neighbours that nobody enters between move together. Where
//! there are too few of them, an int3 takes the place of one instruction's first byte.

use super::classify::{self, Move, Need, Passed};
use super::text::Text;
use iced_x86::{Instruction, InstructionInfoFactory, Mnemonic};
use std::collections::BTreeMap;

/// Bytes of a jump.
pub const JUMP: usize = 5;
/// So many instructions between two accesses move with them.
const BETWEEN: usize = 4;
/// Most instructions of a group.
const MOST: usize = 48;

/// An instruction with what is known of it.
#[derive(Debug, Clone, Copy)]
pub struct Item {
    /// The instruction.
    pub instruction: Instruction,
    /// What must be looked at.
    pub need: Result<Need, Passed>,
    /// How it moves.
    pub moves: Move,
    /// Code may be entered here.
    pub is_entry: bool,
}

/// Instructions that move together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Group {
    /// The first one.
    pub first: usize,
    /// How many.
    pub count: usize,
    /// Bytes that they have, with room behind the last that nobody reaches.
    pub len: usize,
}

impl Group {
    /// A jump fits into its place.
    pub fn has_room(&self) -> bool {
        self.len >= JUMP
    }
}

/// How many accesses of a text are looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// Functions.
    pub functions: usize,
    /// Functions that cannot be decoded.
    pub not_code: usize,
    /// Instructions.
    pub instructions: usize,
    /// Accesses that are looked at.
    pub looked_at: usize,
    /// Accesses that are looked at by way of an int3.
    pub by_trap: usize,
    /// Modules for whose slots there was no memory.
    pub without_room: usize,
    /// Accesses that the text must keep where they are.
    pub kept: usize,
    /// Accesses that are not looked at, by the reason.
    pub passed: BTreeMap<Passed, usize>,
}

impl Counts {
    /// Counts a function in.
    pub fn add(&mut self, items: &[Item], groups: &[Group]) {
        self.functions += 1;
        self.instructions += items.len();
        let looked_at: usize = groups.iter().map(|group| accesses(items, group)).sum();
        self.looked_at += looked_at;
        let by_trap = groups.iter().filter(|group| !group.has_room());
        self.by_trap += by_trap.map(|group| accesses(items, group)).sum::<usize>();
        self.kept += items.iter().filter(|item| item.need.is_ok()).count() - looked_at;
        for passed in items.iter().filter_map(|item| item.need.err()) {
            *self.passed.entry(passed).or_default() += 1;
        }
    }

    /// All numbers with what they count.
    pub fn rows(&self) -> Vec<(usize, &'static str)> {
        let mut rows = vec![
            (self.without_room, "modules for which there was no room: left alone"),
            (self.functions, "functions"),
            (self.not_code, "functions whose bytes are not all instructions: left alone"),
            (self.instructions, "instructions"),
            (self.looked_at, "accesses that are checked"),
            (self.by_trap, "of these, those that begin with an int3"),
            (self.kept, "accesses that must stay where they are: not checked"),
        ];
        let passed =
            Passed::ALL.into_iter().map(|passed| (self.passed.get(&passed).copied().unwrap_or(0), passed.text()));
        rows.extend(passed);
        rows
    }

    /// Adds those of another text.
    pub fn merge(&mut self, other: Self) {
        self.functions += other.functions;
        self.not_code += other.not_code;
        self.instructions += other.instructions;
        self.looked_at += other.looked_at;
        self.by_trap += other.by_trap;
        self.kept += other.kept;
        self.without_room += other.without_room;
        for (passed, count) in other.passed {
            *self.passed.entry(passed).or_default() += count;
        }
    }
}

fn accesses(items: &[Item], group: &Group) -> usize {
    items.iter().skip(group.first).take(group.count).filter(|item| item.need.is_ok()).count()
}

/// The instructions of a function with what is known of them; `None` if it is no code.
pub fn items(text: &Text, addr: u64, len: u64, info: &mut InstructionInfoFactory) -> Option<Vec<Item>> {
    let instructions = text.decode(addr, len)?;
    let anywhere = instructions.iter().any(classify::goes_anywhere);
    let items = instructions.into_iter().map(|instruction| {
        let ip = instruction.ip();
        let kept = text.is_kept(ip);
        Item {
            instruction,
            need: classify::need(&instruction, info),
            moves: if kept { Move::No } else { classify::movable(&instruction) },
            is_entry: anywhere || text.is_entry(ip),
        }
    });
    Some(items.collect())
}

/// What moves of a function's instructions.
pub fn groups(items: &[Item]) -> Vec<Group> {
    let mut out = Vec::new();
    let mut at = 0;
    let mut free = 0;
    while let Some(item) = items.get(at) {
        if item.need.is_err() || item.moves == Move::No {
            at += 1;
            continue;
        }
        let group = group(items, at, free);
        at = group.first + group.count;
        free = at;
        out.push(group);
    }
    out
}

/// The group around the access at `at`; what lies before `free` belongs to another.
fn group(items: &[Item], at: usize, free: usize) -> Group {
    let end = forwards(items, at);
    let mut group = Group { first: at, count: end - at, len: len(items, at, end) + unreached(items, end) };
    // Backwards only if it is needed: what comes before needs no look.
    while group.len < JUMP && group.first > free {
        let before = items.get(group.first - 1).filter(|before| before.moves == Move::Next);
        let (Some(before), Some(first)) = (before, items.get(group.first)) else { break };
        if first.is_entry {
            break;
        }
        (group.first, group.count) = (group.first - 1, group.count + 1);
        group.len += before.instruction.len();
    }
    if group.has_room() {
        return group;
    }
    Group { first: at, count: 1, len: len(items, at, at + 1) }
}

fn len(items: &[Item], from: usize, to: usize) -> usize {
    items.iter().take(to).skip(from).map(|item| item.instruction.len()).sum()
}

/// Where a group that starts at `at` ends: far enough for a jump if that can be, and behind the last access that is near.
fn forwards(items: &[Item], at: usize) -> usize {
    let mut end = at + 1;
    let mut len = items.get(at).map_or(0, |item| item.instruction.len());
    let mut reach = end;
    while let (Some(last), Some(next)) = (items.get(reach - 1), items.get(reach)) {
        let joins = last.moves == Move::Next && !next.is_entry && next.moves != Move::No;
        let is_near = reach - end < BETWEEN && reach - at < MOST;
        if !joins || !is_near {
            break;
        }
        reach += 1;
        if len < JUMP || next.need.is_ok() && next.moves == Move::Next {
            end = reach;
            len = self::len(items, at, end);
        }
    }
    end
}

/// Bytes behind a group that ends with a way out: what fills the room up to the next entry.
fn unreached(items: &[Item], end: usize) -> usize {
    if items.get(end - 1).is_none_or(|last| last.moves != Move::Last) {
        return 0;
    }
    let is_filler =
        |item: &&Item| matches!(item.instruction.mnemonic(), Mnemonic::Int3 | Mnemonic::Nop) && !item.is_entry;
    items.iter().skip(end).take_while(is_filler).map(|item| item.instruction.len()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn planned(code: &[u8], entries: &[u64]) -> Vec<(usize, usize, usize)> {
        let mut text = Text::new([(0x1000, code.to_vec())].into_iter());
        entries.iter().for_each(|offset| text.add_entry(0x1000 + offset));
        text.follow();
        let items = items(&text, 0x1000, code.len() as u64, &mut InstructionInfoFactory::new()).unwrap();
        groups(&items).into_iter().map(|g| (g.first, g.count, g.len)).collect()
    }

    #[test]
    fn short_accesses_take_their_neighbours_along() {
        // mov rax, [rdi]; add rax, rcx; ret
        let code = [0x48, 0x8b, 0x07, 0x48, 0x01, 0xc8, 0xc3];
        assert_eq!(planned(&code, &[]), [(0, 2, 6)]);
        // Entered behind the first: its own three bytes are too few, and none come before.
        assert_eq!(planned(&code, &[3]), [(0, 1, 3)]);
        // xor ecx, ecx; mov rax, [rdi]; ret: the return moves, too.
        assert_eq!(planned(&[0x31, 0xc9, 0x48, 0x8b, 0x07, 0xc3], &[]), [(0, 3, 6)]);
        // The same, with what fills the room behind the return.
        assert_eq!(planned(&[0x48, 0x8b, 0x07, 0xc3, 0xcc, 0xcc], &[]), [(0, 2, 6)]);
    }

    #[test]
    fn where_a_table_may_lead_each_instruction_is_an_entry() {
        // mov rax, [rdi]; add rax, rcx; mov rcx, [rdi + 0x100]; jmp rax
        let code = [0x48, 0x8b, 0x07, 0x48, 0x01, 0xc8, 0x48, 0x8b, 0x8f, 0, 1, 0, 0, 0xff, 0xe0];
        assert_eq!(planned(&code, &[]), [(0, 1, 3), (2, 1, 7)]);
    }

    #[test]
    fn near_accesses_move_together() {
        // mov rax, [rdi + 0x100]; mov rcx, rax; mov [rsi], rcx; nop; call; ret
        let code = [0x48, 0x8b, 0x87, 0, 1, 0, 0, 0x48, 0x89, 0xc1, 0x48, 0x89, 0x0e, 0x90, 0xe8, 0, 0, 0, 0, 0xc3];
        assert_eq!(planned(&code, &[]), [(0, 3, 13)]);
        assert_eq!(planned(&code, &[10]), [(0, 1, 7), (2, 3, 9)]);
    }
}
