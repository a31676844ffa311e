//! From a place in a module's file to the line of its source.

use super::{Reader, Sections, address, file_name};
use gimli::{Dwarf, Unit};
use kofile::Elf;
use std::collections::BTreeMap;
use std::path::Path;
use std::rc::Rc;

/// A line of a source file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The file as the compiler was given it.
    pub file: Rc<str>,
    /// The number of the line.
    pub number: u64,
}

impl Line {
    /// The file without its folder.
    pub fn base_name(&self) -> &str {
        self.file.rsplit('/').next().unwrap_or(&self.file)
    }
}

/// The lines of one module.
#[derive(Debug, Default)]
pub struct Lines {
    /// Indices of the sections by name.
    sections: BTreeMap<String, u64>,
    /// From an address to the place that the code from there on belongs to; none where there is no code.
    rows: BTreeMap<u64, Option<Line>>,
    /// Code of functions that were compiled into others, and from where these call them.
    inlined: Vec<Inlined>,
}

#[derive(Debug)]
struct Inlined {
    range: std::ops::Range<u64>,
    /// How deep it is nested.
    depth: isize,
    call: Line,
}

impl Lines {
    /// Reads the debug information of the file at `path`; a file without, or a damaged one, has no lines.
    pub fn read(path: &Path) -> Self {
        let Ok(image) = kofile::Image::open(path) else { return Self::default() };
        image.elf().map_or_else(|_| Self::default(), |elf| Self::of(&elf))
    }

    /// Reads a file's debug information; a file without, or a damaged one, has no lines.
    pub fn of(elf: &Elf<'_>) -> Self {
        Self::load(elf).unwrap_or_default()
    }

    fn load(elf: &Elf<'_>) -> gimli::Result<Self> {
        let sections = elf.sections().iter().zip(0..).map(|(s, i)| (s.name.to_str_lossy().into_owned(), i)).collect();
        let mut lines = Self { sections, ..Self::default() };
        let sections = Sections::load(elf)?;
        let dwarf = sections.dwarf();
        let mut units = dwarf.units();
        while let Some(header) = units.next()? {
            let unit = dwarf.unit(header)?;
            lines.add_unit(&dwarf, &unit)?;
            lines.add_inlined(&dwarf, &unit)?;
        }
        Ok(lines)
    }

    fn add_unit(&mut self, dwarf: &Dwarf<Reader<'_>>, unit: &Unit<Reader<'_>>) -> gimli::Result<()> {
        let Some(program) = unit.line_program.clone() else { return Ok(()) };
        let mut rows = program.rows();
        let mut names: BTreeMap<u64, Rc<str>> = BTreeMap::new();
        while let Some((header, row)) = rows.next_row()? {
            if row.end_sequence() {
                self.rows.entry(row.address()).or_insert(None);
                continue;
            }
            let index = row.file_index();
            let file = names.entry(index).or_insert_with(|| file_name(dwarf, unit, header, index).into()).clone();
            // Of several rows for one address the last is the statement.
            self.rows.insert(row.address(), row.line().map(|line| Line { file, number: line.get() }));
        }
        Ok(())
    }

    fn add_inlined(&mut self, dwarf: &Dwarf<Reader<'_>>, unit: &Unit<Reader<'_>>) -> gimli::Result<()> {
        let Some(header) = unit.line_program.as_ref().map(|program| program.header().clone()) else { return Ok(()) };
        let mut entries = unit.entries();
        while let Some(entry) = entries.next_dfs()? {
            if entry.tag() != gimli::DW_TAG_inlined_subroutine {
                continue;
            }
            let number = |at| entry.attr(at).and_then(|value| value.udata_value());
            let (Some(file), Some(line)) = (number(gimli::DW_AT_call_file), number(gimli::DW_AT_call_line)) else {
                continue;
            };
            let call = Line { file: file_name(dwarf, unit, &header, file).into(), number: line };
            let mut ranges = dwarf.die_ranges(unit, entry)?;
            while let Some(range) = ranges.next()? {
                let range = range.begin..range.end;
                self.inlined.push(Inlined { range, depth: entry.depth(), call: call.clone() });
            }
        }
        Ok(())
    }

    /// The line of a place in the section with this name. What a header's function does is told of the line that calls it.
    pub fn at(&self, section: &str, offset: u64) -> Option<Line> {
        self.at_index(*self.sections.get(section)?, offset)
    }

    /// The line of a place in the section with this index.
    pub fn at_index(&self, section: u64, offset: u64) -> Option<Line> {
        let start = address(section, 0)?;
        let addr = address(section, offset)?;
        let (_, row) = self.rows.range(start..=addr).next_back()?;
        let mut around: Vec<&Inlined> = self.inlined.iter().filter(|inlined| inlined.range.contains(&addr)).collect();
        around.sort_by_key(|inlined| inlined.depth);
        let mut at = row.as_ref()?;
        while at.file.ends_with(".h")
            && let Some(outer) = around.pop()
        {
            at = &outer.call;
        }
        Some(at.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::super::SECTION_SHIFT;
    use super::*;

    #[test]
    fn a_place_belongs_to_the_row_before_it() {
        let line = |number, file: &str| Line { file: file.into(), number };
        let mut lines = Lines::default();
        lines.sections.insert(".text".into(), 2);
        lines.rows.insert(2 << SECTION_SHIFT, Some(line(7, "/src/a.c")));
        lines.rows.insert((2 << SECTION_SHIFT) + 16, None);
        assert_eq!(lines.at(".text", 5), Some(line(7, "/src/a.c")));
        assert_eq!(lines.at(".text", 5).as_ref().map(Line::base_name), Some("a.c"));
        assert_eq!(lines.at(".text", 20), None);
        lines.rows.insert((2 << SECTION_SHIFT) + 4, Some(line(900, "slab.h")));
        let range = 2 << SECTION_SHIFT..(2 << SECTION_SHIFT) + 8;
        lines.inlined.push(Inlined { range: range.clone(), depth: 2, call: line(12, "a.c") });
        lines.inlined.push(Inlined { range, depth: 3, call: line(800, "slab.h") });
        assert_eq!(lines.at(".text", 5), Some(line(12, "a.c")));
    }
}
