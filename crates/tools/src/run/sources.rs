//! From a place in a module's file to the line of its source, by the file's debug information.
//!
//! A module is not linked: its debug sections are relocated here, with addresses that say which section is meant.

use gimli::{EndianSlice, LittleEndian};
use kofile::{Elf, SymbolSection, Symbols};
use std::collections::BTreeMap;
use std::path::Path;
use wire::{CallFrame, CodePlace, Report};

type Reader<'a> = EndianSlice<'a, LittleEndian>;

/// Bits of an offset in a section; the section's index stands above.
const SECTION_SHIFT: u32 = 40;

/// The lines of one file.
#[derive(Debug, Default)]
pub struct Lines {
    /// Indices of the sections by name.
    sections: BTreeMap<String, u64>,
    /// From an address to the place that the code from there on belongs to; none where there is no code.
    rows: BTreeMap<u64, Option<(String, u64)>>,
    /// Code of functions that were compiled into others, and from where these call them.
    inlined: Vec<Inlined>,
}

#[derive(Debug)]
struct Inlined {
    range: std::ops::Range<u64>,
    /// How deep it is nested.
    depth: isize,
    call: (String, u64),
}

impl Lines {
    /// Reads the file's debug information; a file without, or a damaged one, has no lines.
    pub fn read(path: &Path) -> Self {
        let Ok(image) = kofile::Image::open(path) else { return Self::default() };
        image.elf().ok().and_then(|elf| Self::of(&elf).ok()).unwrap_or_default()
    }

    fn of(elf: &Elf<'_>) -> gimli::Result<Self> {
        let sections = elf.sections().iter().zip(0..).map(|(s, i)| (s.name.to_str_lossy().into_owned(), i)).collect();
        let mut lines = Self { sections, ..Self::default() };
        let symbols = elf.symbols().ok();
        let load = |id: gimli::SectionId| Ok::<_, gimli::Error>(relocated(elf, symbols.as_ref(), id.name()));
        let sections = gimli::DwarfSections::load(load)?;
        let dwarf = sections.borrow(|bytes| EndianSlice::new(bytes, LittleEndian));
        let mut units = dwarf.units();
        while let Some(header) = units.next()? {
            let unit = dwarf.unit(header)?;
            lines.add_unit(&dwarf, &unit)?;
            lines.add_inlined(&dwarf, &unit)?;
        }
        Ok(lines)
    }

    fn add_unit(&mut self, dwarf: &gimli::Dwarf<Reader<'_>>, unit: &gimli::Unit<Reader<'_>>) -> gimli::Result<()> {
        let Some(program) = unit.line_program.clone() else { return Ok(()) };
        let mut rows = program.rows();
        let mut names: BTreeMap<u64, String> = BTreeMap::new();
        while let Some((header, row)) = rows.next_row()? {
            if row.end_sequence() {
                self.rows.entry(row.address()).or_insert(None);
                continue;
            }
            let index = row.file_index();
            let name = names.entry(index).or_insert_with(|| file_name(dwarf, unit, header, index)).clone();
            // Of several rows for one address the last is the statement.
            self.rows.insert(row.address(), row.line().map(|line| (name, line.get())));
        }
        Ok(())
    }

    fn add_inlined(&mut self, dwarf: &gimli::Dwarf<Reader<'_>>, unit: &gimli::Unit<Reader<'_>>) -> gimli::Result<()> {
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
            let call = (file_name(dwarf, unit, &header, file), line);
            let mut ranges = dwarf.die_ranges(unit, entry)?;
            while let Some(range) = ranges.next()? {
                let range = range.begin..range.end;
                self.inlined.push(Inlined { range, depth: entry.depth(), call: call.clone() });
            }
        }
        Ok(())
    }

    /// `file.c:12` of a place. What a header's function does is told of the line that calls it.
    fn at(&self, place: &CodePlace) -> Option<String> {
        let start = self.sections.get(&place.section)? << SECTION_SHIFT;
        let addr = start + place.offset;
        let (_, row) = self.rows.range(start..=addr).next_back()?;
        let mut around: Vec<&Inlined> = self.inlined.iter().filter(|inlined| inlined.range.contains(&addr)).collect();
        around.sort_by_key(|inlined| inlined.depth);
        let mut at = row.as_ref()?;
        while at.0.ends_with(".h")
            && let Some(outer) = around.pop()
        {
            at = &outer.call;
        }
        Some(format!("{}:{}", at.0.rsplit('/').next().unwrap_or(&at.0), at.1))
    }
}

fn file_name(
    dwarf: &gimli::Dwarf<Reader<'_>>,
    unit: &gimli::Unit<Reader<'_>>,
    header: &gimli::LineProgramHeader<Reader<'_>>,
    index: u64,
) -> String {
    let name = header.file(index).and_then(|file| dwarf.attr_string(unit, file.path_name()).ok());
    name.map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// A section with its relocations applied.
fn relocated(elf: &Elf<'_>, symbols: Option<&Symbols<'_>>, name: &str) -> Vec<u8> {
    const R_X86_64_64: u32 = 1;
    const R_X86_64_32: u32 = 10;
    let Some(section) = elf.section_by_name(name) else { return Vec::new() };
    let mut bytes = section.data.to_vec();
    for table in elf.relocations_of(section.index) {
        for relocation in table.iter() {
            let width = match relocation.kind {
                R_X86_64_64 => 8,
                R_X86_64_32 => 4,
                _ => continue,
            };
            let value = symbols.and_then(|symbols| symbols.get(relocation.symbol)).map_or(0, |symbol| {
                let base = match symbol.section {
                    SymbolSection::Section(index) => section_base(elf, usize::from(index)),
                    _ => 0,
                };
                base.wrapping_add(symbol.value)
            });
            let value = value.wrapping_add_signed(relocation.addend).to_le_bytes();
            let at = usize::try_from(relocation.offset).unwrap_or(usize::MAX);
            // Whatever is damaged stays unrelocated.
            if let (Some(to), Some(from)) =
                (at.checked_add(width).and_then(|end| bytes.get_mut(at..end)), value.get(..width))
            {
                to.copy_from_slice(from);
            }
        }
    }
    bytes
}

/// Code and data have addresses; offsets into other debug sections begin at 0.
fn section_base(elf: &Elf<'_>, index: usize) -> u64 {
    let is_alloc = elf.section(index).is_some_and(kofile::Section::is_alloc);
    if is_alloc { (index as u64) << SECTION_SHIFT } else { 0 }
}

/// Adds source lines to a report. `file_of` names a module's file.
pub fn add(report: &mut Report, file_of: impl Fn(&str) -> Option<std::path::PathBuf>) {
    let mut known: BTreeMap<String, Lines> = BTreeMap::new();
    let chains = report.findings.iter_mut().flat_map(|finding| finding.chains.iter_mut().map(|chain| &mut chain.1));
    let all = report.leftovers.iter_mut().map(|left| &mut left.made_by).chain(chains);
    for frame in all.flatten() {
        let CallFrame { place: Some(place), source, .. } = frame else { continue };
        let lines = known
            .entry(place.module.clone())
            .or_insert_with(|| file_of(&place.module).map(|path| Lines::read(&path)).unwrap_or_default());
        *source = lines.at(place);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_belongs_to_the_row_before_it() {
        let mut lines = Lines::default();
        lines.sections.insert(".text".into(), 2);
        lines.rows.insert(2 << SECTION_SHIFT, Some(("/src/a.c".into(), 7)));
        lines.rows.insert((2 << SECTION_SHIFT) + 16, None);
        let at = |offset| CodePlace { module: "m".into(), section: ".text".into(), offset };
        assert_eq!(lines.at(&at(5)).as_deref(), Some("a.c:7"));
        assert_eq!(lines.at(&at(20)), None);
        lines.rows.insert((2 << SECTION_SHIFT) + 4, Some(("slab.h".into(), 900)));
        let call = |line, file: &str| (file.to_string(), line);
        let range = 2 << SECTION_SHIFT..(2 << SECTION_SHIFT) + 8;
        lines.inlined.push(Inlined { range: range.clone(), depth: 2, call: call(12, "a.c") });
        lines.inlined.push(Inlined { range, depth: 3, call: call(800, "slab.h") });
        assert_eq!(lines.at(&at(5)).as_deref(), Some("a.c:12"));
    }
}
