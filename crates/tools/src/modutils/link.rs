//! Lays an object out, relocates it for its address and makes the image. Counterpart: `obj_load_size`, `obj_relocate`,
//! `obj_create_image` of obj/obj_reloc.c, and `init_module` of insmod/insmod.c.
//!
//! DIFFERS: code, constants and variables lie on pages of their own, and the image tells the kernel which are which
//! (`archdata`), so that nothing is writable and executable; modutils packs them.

use super::object::{Object, Place, Section, Target};
use kofile::Elf;
use kofile::elf::flag;
use loader::relocate::{self, Problem};
use wire::legacy::{archdata, header};

const PAGE: u64 = 4096;
/// The section of the table of protections.
pub const ARCHDATA: &str = "__archdata";
/// Rows that the table can have: code, constants, variables, and the header before them.
const ROWS: usize = 4;

/// Adds the room for the table of protections, unless a section wants to be code and variables at once: then the image
/// is as on 2.4.
pub fn add_archdata(object: &mut Object) {
    let both = |s: &Section| s.is_loaded() && s.flags & (flag::WRITE | flag::EXEC) == flag::WRITE | flag::EXEC;
    if object.sections.iter().any(both) {
        return;
    }
    object.add_section(ARCHDATA, 16, archdata::MAGIC.len() + ROWS * archdata::ENTRY as usize);
}

/// What pages of a section allow.
fn access(section: &Section) -> u64 {
    match section.flags & (flag::WRITE | flag::EXEC) {
        0 => archdata::READ,
        flag::EXEC => archdata::EXECUTE,
        _ => archdata::WRITE,
    }
}

/// Gives every section its address and returns the image's size.
pub fn place(object: &mut Object, base: u64) -> u64 {
    let mut at = base;
    let mut last = None;
    for index in object.order.clone() {
        let Some(section) = object.sections.get_mut(index) else { continue };
        let access = access(section);
        let align = if last.is_some_and(|last| last != access) { PAGE } else { section.align.clamp(1, PAGE) };
        at = at.next_multiple_of(align.next_power_of_two());
        section.addr = at;
        at += section.bytes.len() as u64;
        last = Some(access);
    }
    at - base
}

/// The pages of the image by what they allow.
fn protections(object: &Object, base: u64) -> Vec<(u64, u64, u64)> {
    let mut rows: Vec<(u64, u64, u64)> = Vec::new();
    for section in object.order.iter().filter_map(|i| object.sections.get(*i)) {
        let end = (section.addr + section.bytes.len() as u64).next_multiple_of(PAGE);
        match rows.last_mut() {
            Some((_, last, same)) if *same == access(section) => *last = end.max(*last),
            _ => rows.push((if rows.is_empty() { base } else { section.addr & !(PAGE - 1) }, end, access(section))),
        }
    }
    rows.retain(|(start, end, _)| start < end);
    rows
}

/// Applies all relocations and pointers. Sections must have their addresses.
///
/// # Errors
/// In modutils' words, what cannot be relocated.
pub fn relocate(object: &mut Object, elf: &Elf<'_>) -> Result<(), Vec<String>> {
    let mut errors = Vec::new();
    for table in elf.relocation_tables() {
        if !object.sections.get(table.target()).is_some_and(Section::is_loaded) {
            continue;
        }
        for r in table.iter() {
            let value = object.address(r.symbol as usize).wrapping_add_signed(r.addend);
            let name = object.symbols.get(r.symbol as usize).map_or_else(|| "?".to_owned(), |s| s.name.clone());
            let Some(section) = object.sections.get_mut(table.target()) else { continue };
            let result = relocate::apply(&mut section.bytes, section.addr, r.offset, r.kind, value);
            errors.extend(result.err().map(|problem| complaint(problem, r.kind, &name)));
        }
    }
    for patch in object.patches.clone() {
        let value = match patch.target {
            Target::Symbol(symbol) => object.address(symbol),
            Target::Section(section, offset) => object.sections.get(section).map_or(0, |s| s.addr) + offset,
        };
        put(object, patch.section, patch.offset, &value.to_le_bytes());
    }
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}

fn complaint(problem: Problem, kind: u32, name: &str) -> String {
    match problem {
        Problem::Overflow(_) => format!("Relocation overflow of type {kind} for {name}"),
        Problem::UnknownType => format!("Unhandled relocation of type {kind} for {name}"),
        Problem::NotZero => format!("Dangerous relocation of type {kind} for {name}"),
        Problem::OutOfSection => format!("Relocation of type {kind} for {name} lies outside of its section"),
    }
}

/// Writes bytes into a section, if they fit.
pub fn put(object: &mut Object, section: usize, offset: u64, bytes: &[u8]) -> bool {
    let place = object.sections.get_mut(section).and_then(|s| {
        let start = usize::try_from(offset).ok()?;
        s.bytes.get_mut(start..start.checked_add(bytes.len())?)
    });
    place.map(|place| place.copy_from_slice(bytes)).is_some()
}

/// Fills in the `struct module` and copies all sections to their places.
pub fn image(object: &mut Object, base: u64, size: u64, flags: u64, deps: usize) -> Vec<u8> {
    let mut fields = vec![(header::SIZE_OF_STRUCT, header::LEN), (header::SIZE, size), (header::FLAGS, flags)];
    let range = |object: &Object, name: &str| {
        let section = object.section(name).and_then(|i| object.sections.get(i))?;
        (section.is_loaded() && !section.bytes.is_empty())
            .then(|| (section.addr, section.addr + section.bytes.len() as u64))
    };
    let (mut nsyms, mut ndeps) = (0, 0);
    if let Some((start, end)) = range(object, "__ksymtab") {
        fields.push((header::SYMS, start));
        nsyms = (end - start) / wire::legacy::SYMBOL_LEN;
    }
    if let Some((start, _)) = range(object, ".kmodtab").filter(|_| deps > 0) {
        fields.push((header::DEPS, start));
        ndeps = deps as u64;
    }
    fields.push((header::NSYMS, nsyms | ndeps << 32));
    for (offset, name) in [(header::INIT, "init_module"), (header::CLEANUP, "cleanup_module")] {
        let defined =
            object.symbol(name).filter(|i| object.symbols.get(*i).is_some_and(|s| s.place != Place::Undefined));
        fields.push((offset, defined.map_or(0, |i| object.address(i))));
    }
    for (start, end, name) in [
        (header::EX_TABLE_START, header::EX_TABLE_END, "__ex_table"),
        (header::ARCHDATA_START, header::ARCHDATA_END, ARCHDATA),
    ] {
        if let Some((first, last)) = range(object, name) {
            fields.extend([(start, first), (end, last)]);
        }
    }
    if let Some(this) = object.section(".this") {
        for (offset, value) in fields {
            put(object, this, offset, &value.to_le_bytes());
        }
    }
    write_archdata(object, base);
    let mut image = vec![0; size as usize];
    for section in object.order.iter().filter_map(|i| object.sections.get(*i)) {
        let start = (section.addr - base) as usize;
        if let Some(place) = image.get_mut(start..start + section.bytes.len()) {
            place.copy_from_slice(&section.bytes);
        }
    }
    image
}

fn write_archdata(object: &mut Object, base: u64) {
    let Some(table) = object.section(ARCHDATA) else { return };
    let mut bytes = archdata::MAGIC.to_vec();
    let mut rows = protections(object, base);
    // Rows that are not needed say nothing about no page.
    rows.resize(ROWS, (base, base, archdata::READ));
    for (start, end, access) in rows {
        bytes.extend([start, end, access].iter().flat_map(|n| n.to_le_bytes()));
    }
    put(object, table, 0, &bytes);
}

/// The load map (`-m`): sections and symbols with their addresses.
pub fn load_map(object: &Object) -> Vec<String> {
    let mut lines = vec![format!("Sections:       Size      {:<16}  Align", "Address")];
    for section in object.order.iter().filter_map(|i| object.sections.get(*i)) {
        let power = section.align.max(1).trailing_zeros();
        let (name, size, addr) = (&section.name, section.bytes.len(), section.addr);
        lines.push(format!("{name:<15} {size:08x}  {addr:016x}  2**{power}"));
    }
    lines.push("\nSymbols:".into());
    let own = |i: &usize| object.symbols.get(*i).is_some_and(|s| !s.nameless && object.is_own(s));
    let mut symbols: Vec<usize> = (0..object.symbols.len()).filter(own).collect();
    symbols.sort_by_key(|i| object.address(*i));
    for index in symbols {
        let Some(symbol) = object.symbols.get(index) else { continue };
        let letter = letter(object, symbol.place);
        let letter = if symbol.local { letter.to_ascii_lowercase() } else { letter };
        lines.push(format!("{:016x} {letter} {}", object.address(index), symbol.name));
    }
    lines
}

fn letter(object: &Object, place: Place) -> char {
    let Place::Section(index) = place else { return 'A' };
    match object.sections.get(index) {
        Some(section) if section.nobits => 'B',
        Some(section) if section.flags & flag::EXEC != 0 => 'T',
        Some(section) if section.flags & flag::WRITE != 0 => 'D',
        Some(_) => 'R',
        None => '?',
    }
}
