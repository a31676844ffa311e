//! DWARF of a module. A module is not linked: its debug sections are relocated here, with addresses that say which section is
//! meant.

mod entries;
mod lines;

pub use entries::{Entries, Routine, Variable};
pub use lines::{Line, Lines};

use gimli::{EndianSlice, LittleEndian};
use kofile::{Elf, SymbolSection, Symbols};

type Reader<'a> = EndianSlice<'a, LittleEndian>;

/// Bits of an offset in a section; the section's index stands above.
const SECTION_SHIFT: u32 = 40;

/// The address that stands for a place of the file.
fn address(section: u64, offset: u64) -> Option<u64> {
    let start = section.checked_mul(1 << SECTION_SHIFT)?;
    start.checked_add(offset).filter(|_| offset < 1 << SECTION_SHIFT)
}

/// The debug sections of a file, relocated.
struct Sections(gimli::DwarfSections<Vec<u8>>);

impl Sections {
    fn load(elf: &Elf<'_>) -> gimli::Result<Self> {
        let symbols = elf.symbols().ok();
        let load = |id: gimli::SectionId| Ok::<_, gimli::Error>(relocated(elf, symbols.as_ref(), id.name()));
        gimli::DwarfSections::load(load).map(Self)
    }

    fn dwarf(&self) -> gimli::Dwarf<Reader<'_>> {
        self.0.borrow(|bytes| EndianSlice::new(bytes, LittleEndian))
    }
}

/// The path of a source file as its unit names it: with the folder, where that is not the unit's own.
fn file_name(
    dwarf: &gimli::Dwarf<Reader<'_>>,
    unit: &gimli::Unit<Reader<'_>>,
    header: &gimli::LineProgramHeader<Reader<'_>>,
    index: u64,
) -> String {
    let Some(file) = header.file(index) else { return String::new() };
    let text =
        |value| dwarf.attr_string(unit, value).map(|text| text.to_string_lossy().into_owned()).unwrap_or_default();
    let name = text(file.path_name());
    let folder = file.directory(header).map(text).unwrap_or_default();
    if name.starts_with('/') || file.directory_index() == 0 || folder.is_empty() {
        name
    } else {
        format!("{folder}/{name}")
    }
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

#[test]
fn an_offset_beyond_a_section_is_no_address() {
    assert_eq!(address(2, 5), Some((2 << SECTION_SHIFT) + 5));
    assert_eq!(address(2, 1 << SECTION_SHIFT), None);
    assert_eq!(address(2, u64::MAX), None);
    assert_eq!(address(u64::MAX, 0), None);
}
