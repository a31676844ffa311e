//! The variables and functions that a module's debug information describes.

use super::{Line, Reader, Sections, address, file_name};
use gimli::{AttributeValue, DebuggingInformationEntry, Dwarf, Unit, UnitOffset};
use gimli::{DW_AT_decl_file, DW_AT_decl_line, DW_AT_location, DW_AT_low_pc, DW_AT_name, DW_AT_type};
use kofile::Elf;
use std::collections::HashMap;

type Entry<'a> = DebuggingInformationEntry<Reader<'a>>;

/// How often a type or a declaration leads to another one: qualifiers, names, definitions.
const DEPTH: usize = 16;

/// A variable with a place in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// Index of its section, and the offset in it.
    pub place: (usize, u64),
    /// The name of its struct, if it is one.
    pub structure: Option<String>,
    /// Where it is defined.
    pub line: Option<Line>,
}

/// A function with code in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Routine {
    /// It has no result.
    pub is_void: bool,
    /// How many parameters it has; `None` if they are not certain.
    pub params: Option<usize>,
    /// Where it is defined.
    pub line: Option<Line>,
}

/// All of them.
#[derive(Debug, Default)]
pub struct Entries {
    /// Variables.
    pub variables: Vec<Variable>,
    /// Functions by section and offset.
    pub routines: HashMap<(usize, u64), Routine>,
}

impl Entries {
    /// Reads a file's debug information; a damaged one ends where it is damaged.
    pub fn of(elf: &Elf<'_>) -> Self {
        let mut entries = Self::default();
        // What was read before the damage holds.
        let _ = entries.load(elf);
        entries
    }

    fn load(&mut self, elf: &Elf<'_>) -> gimli::Result<()> {
        let sections = Sections::load(elf)?;
        let dwarf = sections.dwarf();
        let mut units = dwarf.units();
        while let Some(header) = units.next()? {
            let unit = dwarf.unit(header)?;
            let reader = UnitReader { dwarf: &dwarf, unit: &unit };
            self.add_unit(&reader)?;
        }
        Ok(())
    }

    fn add_unit(&mut self, reader: &UnitReader<'_, '_>) -> gimli::Result<()> {
        let mut entries = reader.unit.entries();
        // The function whose parameters come next, and its depth.
        let mut open: Option<((usize, u64), isize)> = None;
        while let Some(entry) = entries.next_dfs()? {
            let depth = entry.depth();
            open = open.filter(|(_, above)| depth > *above);
            match entry.tag() {
                gimli::DW_TAG_variable => self.variables.extend(reader.variable(entry)),
                gimli::DW_TAG_subprogram => {
                    if let Some((place, routine)) = reader.routine(entry) {
                        self.routines.insert(place, routine);
                        open = Some((place, depth));
                    }
                }
                gimli::DW_TAG_formal_parameter | gimli::DW_TAG_unspecified_parameters => {
                    let is_certain = entry.tag() == gimli::DW_TAG_formal_parameter && !reader.is_aggregate(entry);
                    if let Some((place, above)) = open
                        && depth == above + 1
                        && let Some(routine) = self.routines.get_mut(&place)
                    {
                        routine.params = routine.params.filter(|_| is_certain).map(|count| count + 1);
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }
}

struct UnitReader<'a, 'd> {
    dwarf: &'d Dwarf<Reader<'a>>,
    unit: &'d Unit<Reader<'a>>,
}

impl<'a> UnitReader<'a, '_> {
    fn variable(&self, entry: &Entry<'a>) -> Option<Variable> {
        let AttributeValue::Exprloc(location) = entry.attr_value(DW_AT_location)? else { return None };
        let mut operations = location.operations(self.unit.encoding());
        let address = match operations.next().ok()?? {
            gimli::Operation::Address { address } => address,
            _ => return None,
        };
        let line = self.line(entry);
        let structure = self.with(entry, DEPTH, &|entry| self.structure(entry.attr_value(DW_AT_type)?, DEPTH));
        Some(Variable { place: split(address)?, structure, line })
    }

    fn routine(&self, entry: &Entry<'a>) -> Option<((usize, u64), Routine)> {
        let address = match entry.attr_value(DW_AT_low_pc)? {
            AttributeValue::Addr(address) => address,
            _ => return None,
        };
        let has_result = self.with(entry, DEPTH, &|entry| entry.has_attr(DW_AT_type).then_some(())).is_some();
        // A copy that the compiler made may have fewer parameters than the function; its entries name those it has.
        Some((split(address)?, Routine { is_void: !has_result, params: Some(0), line: self.line(entry) }))
    }

    /// What `get` finds in the entry, or in one that it completes.
    fn with<T>(&self, entry: &Entry<'a>, depth: usize, get: &dyn Fn(&Entry<'a>) -> Option<T>) -> Option<T> {
        if let Some(found) = get(entry) {
            return Some(found);
        }
        let origin =
            [gimli::DW_AT_specification, gimli::DW_AT_abstract_origin].iter().find_map(|at| entry.attr_value(*at));
        let origin = self.entry(origin?)?;
        self.with(&origin, depth.checked_sub(1)?, get)
    }

    fn entry(&self, reference: AttributeValue<Reader<'a>>) -> Option<Entry<'a>> {
        let offset: UnitOffset = match reference {
            AttributeValue::UnitRef(offset) => offset,
            _ => return None,
        };
        self.unit.entry(offset).ok()
    }

    /// The name of a struct, through qualifiers and names.
    fn structure(&self, reference: AttributeValue<Reader<'a>>, depth: usize) -> Option<String> {
        let entry = self.entry(reference)?;
        match entry.tag() {
            gimli::DW_TAG_structure_type => {
                let name = self.dwarf.attr_string(self.unit, entry.attr_value(DW_AT_name)?).ok()?;
                Some(name.to_string_lossy().into_owned())
            }
            gimli::DW_TAG_const_type | gimli::DW_TAG_volatile_type | gimli::DW_TAG_typedef => {
                self.structure(entry.attr_value(DW_AT_type)?, depth.checked_sub(1)?)
            }
            _ => None,
        }
    }

    /// Whether the entry's type may take more than one register.
    fn is_aggregate(&self, entry: &Entry<'a>) -> bool {
        let mut kind = self.with(entry, DEPTH, &|entry| entry.attr_value(DW_AT_type));
        for _ in 0..DEPTH {
            let Some(entry) = kind.and_then(|kind| self.entry(kind)) else { return true };
            match entry.tag() {
                gimli::DW_TAG_const_type | gimli::DW_TAG_volatile_type | gimli::DW_TAG_typedef => {
                    kind = entry.attr_value(DW_AT_type);
                }
                gimli::DW_TAG_pointer_type | gimli::DW_TAG_enumeration_type => return false,
                gimli::DW_TAG_base_type => {
                    let size = entry.attr(gimli::DW_AT_byte_size).and_then(|size| size.udata_value());
                    return size.is_none_or(|size| size > 8);
                }
                _ => return true,
            }
        }
        true
    }

    /// Where the entry stands in the source.
    fn line(&self, entry: &Entry<'a>) -> Option<Line> {
        let number = |at| self.with(entry, DEPTH, &|entry| entry.attr(at)?.udata_value());
        let line = number(DW_AT_decl_line)?;
        let file = number(DW_AT_decl_file)?;
        let header = self.unit.line_program.as_ref()?.header();
        Some(Line { file: file_name(self.dwarf, self.unit, header, file).into(), number: line })
    }
}

/// Section and offset of an address.
fn split(value: u64) -> Option<(usize, u64)> {
    let section = value >> super::SECTION_SHIFT;
    let offset = value - address(section, 0)?;
    // Without a section it is no place of this file.
    (section != 0).then_some((usize::try_from(section).ok()?, offset))
}
