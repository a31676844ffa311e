//! Unwind tables of real modules: they must say what the code at a function's beginning does to the stack.

use super::super::orc::{self, Base, Kind};
use super::super::world::{OrcTable, Table};
use iced_x86::{Decoder, DecoderOptions, FlowControl, Mnemonic, OpKind, Register};
use kofile::Image;
use kofile::elf::{Elf, SymbolKind, SymbolSection};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Where sections are placed: far enough apart for the largest one.
fn address(section: usize) -> u64 {
    0x1000_0000 + 0x100_0000 * section as u64
}

/// The module with a name of an installed kernel whose release starts with `release`.
fn module(release: &str, path: &str) -> Image<'static> {
    let kernels = std::fs::read_dir("/lib/modules").expect("/lib/modules: install Debian's linux-image packages");
    let found: Option<PathBuf> = kernels
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|dir| dir.file_name().is_some_and(|name| name.to_string_lossy().starts_with(release)))
        .flat_map(|dir| ["", ".xz", ".zst"].map(|end| dir.join(format!("{path}{end}"))))
        .find(|file| file.exists());
    let found = found.unwrap_or_else(|| panic!("no {path} of kernel {release}: install its linux-image package"));
    Image::open(found).expect("the module")
}

/// Tables as the loader leaves them: only `.orc_unwind_ip` needs relocations, all of them PC-relative.
fn tables(elf: &Elf) -> OrcTable<'static> {
    let ips = elf.section_by_name(".orc_unwind_ip").expect("ORC tables");
    let entries = elf.section_by_name(".orc_unwind").expect("ORC tables");
    let symbols = elf.symbols().expect("symbols");
    let mut bytes = ips.data.to_vec();
    for table in elf.relocations_of(ips.index) {
        for relocation in table.iter() {
            let symbol = symbols.get(relocation.symbol).expect("a symbol");
            let SymbolSection::Section(section) = symbol.section else { panic!("a symbol in a section") };
            assert_eq!(relocation.kind, 2, "R_X86_64_PC32");
            let place = address(ips.index) + relocation.offset;
            let value =
                (address(section.into()) + symbol.value).wrapping_add_signed(relocation.addend).wrapping_sub(place);
            let at = relocation.offset as usize;
            bytes[at..at + 4].copy_from_slice(&(value as i32).to_le_bytes());
        }
    }
    OrcTable { ips: Table { addr: address(ips.index), bytes: bytes.into() }, entries: entries.data.to_vec().into() }
}

/// Follows pushes and subtractions from the beginning of a function up to the first branch; returns how many
/// instructions the tables agreed with.
fn follow(code: &[u8], ip: u64, table: &OrcTable, version: (u16, u16)) -> usize {
    let mut offset = 8i64;
    let mut count = 0;
    for instruction in &mut Decoder::with_ip(64, code, ip, DecoderOptions::NONE) {
        let entry = orc::find(table, instruction.ip(), version).expect("an entry");
        assert_eq!(entry.kind, Kind::Call, "{:#x}", instruction.ip());
        if entry.sp == Base::Sp {
            assert_eq!(i64::from(entry.sp_offset), offset, "{:#x}", instruction.ip());
            count += 1;
        }
        let stack = instruction.op_count() > 0
            && instruction.op_kind(0) == OpKind::Register
            && instruction.op0_register() == Register::RSP;
        match instruction.mnemonic() {
            Mnemonic::Push => offset += 8,
            Mnemonic::Pop | Mnemonic::Leave => break,
            Mnemonic::Sub if stack => offset += instruction.immediate(1) as i64,
            // The ftrace call is patched out later, and changes nothing here.
            Mnemonic::Call if count <= 2 => {}
            _ if stack || instruction.flow_control() != FlowControl::Next => break,
            _ => {}
        }
    }
    count
}

fn check(release: &str, version: (u16, u16), path: &str) {
    let image = module(release, path);
    let elf = image.elf().expect("a module");
    let table = tables(&elf);
    let mut functions = BTreeMap::new();
    for symbol in elf.symbols().expect("symbols").iter().filter(|s| s.kind == SymbolKind::Func && s.size > 0) {
        let SymbolSection::Section(section) = symbol.section else { continue };
        // The unlikely part of a function, apart from it: it begins with the frame half made.
        if symbol.name().to_string().contains(".cold") {
            continue;
        }
        let data = elf.section(section.into()).expect("a section").data;
        let begin = symbol.value as usize;
        functions.insert(address(section.into()) + symbol.value, &data[begin..begin + symbol.size as usize]);
    }
    // Each look-up reads the whole table: a sample of the functions.
    let step = functions.len() / 200 + 1;
    let agreed: usize = functions.iter().step_by(step).map(|(ip, code)| follow(code, *ip, &table, version)).sum();
    assert!(agreed > 1000, "only {agreed} instructions");
}

#[test]
fn the_tables_of_6_1_say_where_the_stack_is() {
    check("6.1.0", (6, 1), "kernel/fs/btrfs/btrfs.ko");
}

#[test]
fn the_tables_of_6_12_say_where_the_stack_is() {
    check("6.12", (6, 12), "kernel/fs/btrfs/btrfs.ko");
}
