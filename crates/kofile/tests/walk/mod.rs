//! Calls everything that the crate can tell of a file. The fuzz target `fuzz/kofile-parse.rs` uses it too.

use std::hint::black_box;

use kofile::elf::kind;
use kofile::{Elf, Image, Module, Result};

/// Walks over all parts of a file; the first error of each part ends that part only. At most `limit` bytes are
/// unpacked. Gives the number of parts that could be read and those that could not.
pub fn everything(bytes: &[u8], limit: u64) -> (u32, u32) {
    // A certificate is in no module, but what reads it must stand anything, too.
    black_box(kofile::signature::x509::Certificate::parse(bytes));
    let mut tally = Tally::default();
    let image = tally.note(Image::from_bytes_with_limit("walk.ko", bytes, limit));
    if let Some(image) = &image {
        tally.note(image.elf());
        if let Some(module) = tally.note(image.module()) {
            tally.module(&module);
        }
    }
    (tally.good, tally.bad)
}

#[derive(Default)]
struct Tally {
    good: u32,
    bad: u32,
}

impl Tally {
    fn note<T>(&mut self, result: Result<T>) -> Option<T> {
        match result {
            Ok(value) => {
                self.good += 1;
                Some(value)
            }
            Err(error) => {
                self.bad += 1;
                assert!(!error.to_string().is_empty() && error.errno() > 0);
                black_box((error.file(), error.section(), error.offset()));
                None
            }
        }
    }

    fn module(&mut self, module: &Module<'_>) {
        self.sections(module.elf());
        self.relocations(module.elf());
        self.info(module);
        self.note(module.elf().check_module());
        self.note(module.this_module());
        if let Some(versions) = self.note(module.versions()) {
            black_box(versions.is_empty());
            black_box(versions.iter().chain(versions.basic()).map(|version| version.crc).max());
        }
        if let Some(exports) = self.note(module.exports()) {
            exports.iter().for_each(|export| drop(black_box(export.name.to_str_lossy())));
        }
        if let Some(signature) = module.signature() {
            self.note(module.signature_details());
            black_box(signature.signer_info().is_ok());
        }
        black_box(module.build_id());
    }

    fn sections(&mut self, elf: &Elf<'_>) {
        for section in elf.sections() {
            assert!(
                section.kind == kind::NOBITS || section.kind == kind::NULL || section.data.len() as u64 == section.size
            );
            black_box((section.is_alloc(), section.is_write(), section.is_exec(), section.is_nobits()));
            black_box(elf.notes(section).map(|note| note.data.len()).max());
        }
        black_box((elf.section_by_name(".text").is_some(), elf.header().flags, elf.machine().name()));
    }

    fn relocations(&mut self, elf: &Elf<'_>) {
        let Some(symbols) = self.note(elf.symbols()) else { return };
        for symbol in symbols.iter() {
            black_box((symbol.name(), symbol.value, symbol.section, symbol.is_undefined()));
        }
        black_box(symbols.by_name("init_module").is_some());
        for table in elf.relocation_tables() {
            assert!(elf.section(table.target()).is_some() && elf.section(table.section()).is_some());
            let bad = (0..table.len()).find_map(|entry| table.symbol(entry, &symbols).err());
            self.note(bad.map_or(Ok(()), Err));
            black_box(table.iter().fold(0, |sum: u64, reloc| sum.wrapping_add(reloc.offset)));
        }
    }

    fn info(&mut self, module: &Module<'_>) {
        let info = module.modinfo();
        for field in info.iter() {
            black_box((field.key.to_string(), field.value.to_str()));
        }
        black_box((info.name(), info.vermagic(), info.release(), info.license(), info.is_intree(), info.params()));
        let lists = info.depends().chain(info.aliases()).chain(info.softdeps()).chain(info.weakdeps());
        black_box(lists.chain(info.firmware()).chain(info.imported_namespaces()).count());
    }
}
