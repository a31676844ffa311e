//! Global variables of modules that do not tell of them: the room between them is nobody's.
//!
//! The symbol table knows where a variable ends, and what lies between it and the next one is there for alignment only.
//! Two variables without such room are not told apart: what runs over the end of one lands in the other, as in Linux
//! without KASAN.

use super::File;
use super::text::Text;
use crate::mm::kasan;
use kofile::{SymbolKind, SymbolSection};
use loader::{Image, PlacedSection};
use machine::arena::PAGE;
use std::collections::BTreeMap;

/// Largest alignment that the compiler gives a variable by itself.
const MOST: u64 = 64;

/// True for sections in which every byte belongs to a variable with a symbol, or to none.
fn holds_variables(name: &str) -> bool {
    let name = name.strip_prefix(".init").unwrap_or(name);
    [".data", ".bss", ".rodata"].iter().any(|kind| {
        let rest = name.strip_prefix(kind);
        // Strings and constants that the linker may merge have no symbols.
        rest.is_some_and(|rest| !rest.starts_with(".str") && !rest.starts_with(".cst") && !rest.starts_with("..percpu"))
    })
}

/// True if what lies between the end of a variable and the start of the next is there for the alignment of that one.
fn is_padding(end: u64, next: u64) -> bool {
    let gap = next - end;
    let align = (next & next.wrapping_neg()).min(MOST);
    gap > 0 && gap < align
}

/// A variable.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Variable {
    start: u64,
    size: u64,
    name: String,
}

/// Tells of the variables of a module.
pub fn tell(file: &File<'_>, text: &Text, image: &Image) {
    let mut sections: BTreeMap<u16, Vec<Variable>> = BTreeMap::new();
    for (symbol, value) in file.symbols.iter().zip(file.values) {
        let SymbolSection::Section(number) = symbol.section else { continue };
        let is_variable = matches!(symbol.kind, SymbolKind::Object | SymbolKind::None) && image.contains(*value);
        if is_variable && file.elf.section(number.into()).is_some_and(|s| holds_variables(&s.name.to_string())) {
            // Of what has no size, nobody knows where it ends.
            let size = if symbol.kind == SymbolKind::Object { symbol.size } else { 0 };
            let variable = Variable { start: *value, size, name: symbol.name().to_string() };
            sections.entry(number).or_default().push(variable);
        }
    }
    for mut variables in sections.into_values() {
        variables.sort();
        let Some(first) = variables.first() else { continue };
        let inside = |section: &&PlacedSection| first.start.wrapping_sub(section.addr) < section.size;
        let Some(section) = image.sections.iter().find(inside) else { continue };
        let end = section.addr + section.size;
        let next = image.sections.iter().map(|section| section.addr).filter(|addr| *addr >= end).min();
        let behind = next.unwrap_or(u64::MAX).min(end.next_multiple_of(PAGE as u64));
        for (variable, room) in rooms(&variables, end, behind, |from, to| text.mentions(from, to)) {
            kasan::on_variable(variable.start, variable.size, room, &variable.name);
        }
    }
}

/// The variables of a section, which are sorted, with room behind them, and how much of it; the section ends at `end`, and
/// the next one begins at `behind`. `mentioned` tells whether something refers to a place of a range.
fn rooms(variables: &[Variable], end: u64, behind: u64, mentioned: impl Fn(u64, u64) -> bool) -> Vec<(&Variable, u64)> {
    let mut out = Vec::new();
    // Something may lie within something else: what counts is how far any of them reaches.
    let mut reach = 0;
    for (number, variable) in variables.iter().enumerate() {
        reach = reach.max(variable.start + variable.size);
        let next = variables.get(number + 1).map(|next| next.start);
        let stop = next.unwrap_or(end);
        // A reference to the very end of a variable is usual: that is where a loop over it ends.
        let from = if stop.wrapping_sub(reach) < 8 { reach + 1 } else { reach };
        let padded = match next {
            Some(next) => next > reach && is_padding(reach, next),
            None => end == reach || end > reach && is_padding(reach, end),
        };
        if variable.size > 0 && variable.start + variable.size == reach && padded && !mentioned(from, stop) {
            let room = if next.is_some() { stop } else { behind.min(reach.next_multiple_of(8) + MOST) } - reach;
            out.push((variable, room));
        }
    }
    out.retain(|(_, room)| *room > 0);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_for_alignment_is_told_from_data_without_a_name() {
        assert!(is_padding(0x100d, 0x1010) && is_padding(0x1004, 0x1040));
        assert!(!is_padding(0x1010, 0x1010));
        // Eight bytes before what needs an alignment of eight: something lies there.
        assert!(!is_padding(0x1010, 0x1018) && !is_padding(0x1000, 0x1040));
    }

    #[test]
    fn sections_without_symbols_do_not_count() {
        assert!(holds_variables(".data") && holds_variables(".bss") && holds_variables(".rodata"));
        assert!(holds_variables(".data..read_mostly") && holds_variables(".init.data"));
        assert!(!holds_variables(".rodata.str1.1") && !holds_variables(".rodata.cst16"));
        assert!(!holds_variables(".data..percpu") && !holds_variables("__param"));
    }

    #[test]
    fn a_variable_has_the_room_up_to_the_next() {
        let variable = |start, size| Variable { start, size, name: String::new() };
        // 13 bytes, 4 bytes, 4 bytes right behind, 2 bytes without a size, 6 bytes at the end.
        let all = [variable(0x100, 13), variable(0x110, 4), variable(0x114, 4), variable(0x118, 0), variable(0x120, 6)];
        let found = |mentioned: u64| {
            let rooms = rooms(&all, 0x126, 0x140, |from, to| (from..to).contains(&mentioned));
            rooms.into_iter().map(|(variable, room)| (variable.start, room)).collect::<Vec<_>>()
        };
        assert_eq!(found(0), [(0x100, 3), (0x120, 0x1a)]);
        assert_eq!(found(0x10d), [(0x100, 3), (0x120, 0x1a)]);
        assert_eq!(found(0x10e), [(0x120, 0x1a)]);
    }
}
