//! The tables of a profile that are neither BTF nor the image: symbols, exports, sections, segments, as
//! they are written into the cache file and read in place.

use crate::bytes::{str_at, u32_at, u64_at};
use crate::cache::format::{Contents, Part};
use crate::elf::{Section, Segment};
use crate::exports::{ExportKind, RawExport};
use crate::hash;
use crate::kallsyms::RawSymbol;
use std::collections::HashMap;

/// The size of a record of `Part::Exports`: {name, namespace, address (u64), CRC, flags, size (u64)}.
pub(crate) const EXPORT: usize = 32;
/// The size of a record of `Part::Sections`: {name, nobits, address, size, offset, flags}.
pub(crate) const SECTION: usize = 40;
/// The size of a record of `Part::Segments`: {flags, zero, address, load address, file size, memory size, offset}.
pub(crate) const SEGMENT: usize = 48;

const FLAG_GPL: u32 = 1;
const FLAG_CRC: u32 = 2;
const KIND_SHIFT: u32 = 8;

/// All text, each string once.
#[derive(Default)]
pub(crate) struct Names {
    text: Vec<u8>,
    known: HashMap<String, u32>,
}

impl Names {
    fn add(&mut self, name: &str) -> u32 {
        if let Some(&at) = self.known.get(name) {
            return at;
        }
        let at = self.text.len() as u32;
        // A NUL inside would end the name early; no symbol has one.
        self.text.extend(name.bytes().filter(|&b| b != 0));
        self.text.push(0);
        self.known.insert(name.to_owned(), at);
        at
    }

    pub fn finish(self) -> Vec<u8> {
        self.text
    }
}

/// Adds the symbols, which must be sorted by address.
pub(crate) fn write_symbols(symbols: &[RawSymbol], names: &mut Names, out: &mut Contents<'_>) {
    let (mut addrs, mut offsets, mut kinds) = (Vec::new(), Vec::new(), Vec::new());
    let mut index = hash::Builder::default();
    for (i, symbol) in symbols.iter().enumerate() {
        addrs.extend_from_slice(&symbol.addr.to_le_bytes());
        offsets.extend_from_slice(&names.add(&symbol.name).to_le_bytes());
        kinds.push(symbol.kind);
        index.add(0, symbol.name.as_bytes(), i as u32);
    }
    out.part(Part::SymbolAddrs, addrs);
    out.part(Part::SymbolNames, offsets);
    out.part(Part::SymbolKinds, kinds);
    out.part(Part::SymbolIndex, index.finish());
}

/// Adds the exports with their sizes, sorted by name here.
pub(crate) fn write_exports(exports: &mut [(RawExport, u64)], names: &mut Names, out: &mut Contents<'_>) {
    exports.sort_by(|a, b| a.0.name.cmp(&b.0.name));
    let mut records = Vec::with_capacity(exports.len() * EXPORT);
    let mut index = hash::Builder::default();
    for (i, (export, size)) in exports.iter().enumerate() {
        let kind = match export.kind {
            ExportKind::Function => 1,
            ExportKind::Data => 2,
            ExportKind::PerCpu => 3,
            ExportKind::Unknown => 0,
        };
        let flags = if export.gpl { FLAG_GPL } else { 0 } | if export.crc.is_some() { FLAG_CRC } else { 0 };
        records.extend_from_slice(&names.add(&export.name).to_le_bytes());
        records.extend_from_slice(&names.add(&export.namespace).to_le_bytes());
        records.extend_from_slice(&export.addr.to_le_bytes());
        records.extend_from_slice(&export.crc.unwrap_or(0).to_le_bytes());
        records.extend_from_slice(&(flags | kind << KIND_SHIFT).to_le_bytes());
        records.extend_from_slice(&size.to_le_bytes());
        index.add(0, export.name.as_bytes(), i as u32);
    }
    out.part(Part::Exports, records);
    out.part(Part::ExportIndex, index.finish());
}

/// A symbol exported by the kernel image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Export<'a> {
    /// Its name.
    pub name: &'a str,
    /// Link-time address; an offset into a CPU's area when per-CPU; 0 when made from headers.
    pub addr: u64,
    /// Whether only GPL-compatible modules may use it.
    pub gpl: bool,
    /// Its namespace; empty for none.
    pub namespace: &'a str,
    /// The CRC of its type, if the kernel has module versions.
    pub crc: Option<u32>,
    /// What stands behind it.
    pub kind: ExportKind,
    /// Bytes to the next symbol; 0 when not known.
    pub size: u64,
}

/// The export in a record.
pub(crate) fn read_export<'a>(records: &[u8], names: &'a [u8], i: usize) -> Option<Export<'a>> {
    let r = crate::bytes::slice(records, i.checked_mul(EXPORT)?, EXPORT)?;
    let flags = u32_at(r, 20)?;
    Some(Export {
        name: str_at(names, u32_at(r, 0)? as usize)?,
        namespace: str_at(names, u32_at(r, 4)? as usize)?,
        addr: u64_at(r, 8)?,
        crc: if flags & FLAG_CRC != 0 { u32_at(r, 16) } else { None },
        gpl: flags & FLAG_GPL != 0,
        kind: match flags >> KIND_SHIFT & 3 {
            1 => ExportKind::Function,
            2 => ExportKind::Data,
            3 => ExportKind::PerCpu,
            _ => ExportKind::Unknown,
        },
        size: u64_at(r, 24)?,
    })
}

/// Adds the sections and segments.
pub(crate) fn write_layout(sections: &[Section], segments: &[Segment], names: &mut Names, out: &mut Contents<'_>) {
    let mut records = Vec::new();
    for s in sections {
        records.extend_from_slice(&names.add(&s.name).to_le_bytes());
        records.extend_from_slice(&u32::from(s.nobits).to_le_bytes());
        for number in [s.addr, s.size, s.offset, s.flags] {
            records.extend_from_slice(&number.to_le_bytes());
        }
    }
    out.part(Part::Sections, records);
    let mut records = Vec::new();
    for s in segments {
        records.extend_from_slice(&u64::from(s.flags).to_le_bytes());
        for number in [s.addr, s.load_addr, s.file_size, s.mem_size, s.offset] {
            records.extend_from_slice(&number.to_le_bytes());
        }
    }
    out.part(Part::Segments, records);
}

/// The sections in their records.
pub(crate) fn read_sections<'a>(records: &'a [u8], names: &'a [u8]) -> impl Iterator<Item = Section> + use<'a> {
    records.chunks_exact(SECTION).filter_map(move |r| {
        Some(Section {
            name: str_at(names, u32_at(r, 0)? as usize)?.to_owned(),
            nobits: u32_at(r, 4)? != 0,
            addr: u64_at(r, 8)?,
            size: u64_at(r, 16)?,
            offset: u64_at(r, 24)?,
            flags: u64_at(r, 32)?,
        })
    })
}

/// The segments in their records.
pub(crate) fn read_segments<'a>(records: &'a [u8]) -> impl Iterator<Item = Segment> + use<'a> {
    records.chunks_exact(SEGMENT).filter_map(|r| {
        Some(Segment {
            flags: u32_at(r, 0)?,
            addr: u64_at(r, 8)?,
            load_addr: u64_at(r, 16)?,
            file_size: u64_at(r, 24)?,
            mem_size: u64_at(r, 32)?,
            offset: u64_at(r, 40)?,
        })
    })
}
