//! The damages: headers, relocations, symbols, tables, names, sizes, and chance.

use crate::elf::{NOBITS, RELA, ROW, SYMTAB, Section, number, sections};

/// A change of a file.
#[derive(Debug, Clone)]
pub enum Change {
    /// It ends here.
    Cut(usize),
    /// A number of so many bytes at this place.
    Put(usize, usize, u64),
    /// So many bytes at this place become this one.
    Fill(usize, usize, u8),
    /// These bytes stand here.
    Write(usize, Vec<u8>),
    /// The file becomes longer by these bytes.
    Append(Vec<u8>),
    /// All of these.
    All(Vec<Change>),
    /// Another file.
    Whole(Vec<u8>),
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Cut(end) => bytes.truncate(*end),
            Self::Put(at, width, value) => put(bytes, *at, &value.to_le_bytes()[..*width]),
            Self::Fill(at, len, byte) => put(bytes, *at, &vec![*byte; *len]),
            Self::Write(at, new) => put(bytes, *at, new),
            Self::Append(new) => bytes.extend(new),
            Self::All(changes) => changes.iter().for_each(|change| change.apply(bytes)),
            Self::Whole(whole) => bytes.clone_from(whole),
        }
    }
}

fn put(bytes: &mut [u8], at: usize, new: &[u8]) {
    if let Some(place) = bytes.get_mut(at..).and_then(|rest| rest.get_mut(..new.len())) {
        place.copy_from_slice(new);
    }
}

/// A damaged file.
#[derive(Debug)]
pub struct Case {
    /// What it is.
    pub name: String,
    /// What is done to the good file.
    pub change: Change,
    /// Loading it would be wrong.
    pub must_fail: bool,
}

impl Case {
    /// The damaged file.
    pub fn bytes(&self, good: &[u8]) -> Vec<u8> {
        let mut bytes = good.to_vec();
        self.change.apply(&mut bytes);
        bytes
    }
}

/// Collects the cases of one file.
struct Cases<'a> {
    file: &'a str,
    bytes: &'a [u8],
    sections: Vec<Section>,
    out: Vec<Case>,
}

/// Numbers that are wrong nearly everywhere.
fn wrong(bytes: &[u8], old: u64) -> [u64; 16] {
    let len = bytes.len() as u64;
    [
        0,
        1,
        3,
        old.wrapping_add(1),
        old.wrapping_sub(1),
        old.wrapping_add(8),
        old.wrapping_mul(2),
        len,
        len - 1,
        len / 2,
        1 << 31,
        700 << 20,
        1 << 40,
        1 << 63,
        u64::MAX - 7,
        u64::MAX,
    ]
}

/// All damages to a good file, in a fixed order.
pub fn all(file: &str, bytes: &[u8]) -> Vec<Case> {
    let mut cases = Cases { file, bytes, sections: sections(bytes), out: Vec::new() };
    cases.add("as it is", Change::All(Vec::new()));
    cases.truncations();
    cases.elf_header();
    cases.section_headers();
    cases.overlaps();
    cases.relocations();
    cases.symbols();
    cases.long_names();
    cases.contents();
    cases.info();
    cases.this_module();
    cases.out
}

impl Cases<'_> {
    fn add(&mut self, what: impl std::fmt::Display, change: Change) {
        self.out.push(Case { name: format!("{} {what}", self.file), change, must_fail: false });
    }

    fn add_bad(&mut self, what: impl std::fmt::Display, change: Change) {
        self.out.push(Case { name: format!("{} {what}", self.file), change, must_fail: true });
    }

    fn section(&self, name: &str) -> Option<Section> {
        self.sections.iter().find(|s| s.name == name).cloned()
    }

    fn truncations(&mut self) {
        for end in (0..self.bytes.len()).step_by(64) {
            self.add(format_args!("cut at {end}"), Change::Cut(end));
        }
    }

    fn elf_header(&mut self) {
        for at in 0..64 {
            for value in [0, 1, 2, 0x7f, 0x80, 0xff] {
                self.add(format_args!("byte {at} of the header is {value:#x}"), Change::Put(at, 1, value));
            }
        }
        for (at, width) in [(24, 8), (32, 8), (40, 8), (52, 2), (58, 2), (60, 2), (62, 2)] {
            for value in wrong(self.bytes, number(self.bytes, at, width)) {
                self.add(format_args!("header field {at} is {value:#x}"), Change::Put(at, width, value));
            }
        }
        self.add_bad("for aarch64", Change::Put(18, 2, 183));
        self.add_bad("an executable", Change::Put(16, 2, 2));
    }

    fn section_headers(&mut self) {
        const FIELDS: [(usize, usize); 10] =
            [(0, 4), (4, 4), (8, 8), (16, 8), (24, 8), (32, 8), (40, 4), (44, 4), (48, 8), (56, 8)];
        for section in self.sections.clone() {
            for (at, width) in FIELDS {
                let at = section.row + at;
                for value in wrong(self.bytes, number(self.bytes, at, width)) {
                    let field = at - section.row;
                    let what = format!("section {} field {field} is {value:#x}", section.name);
                    self.add(what, Change::Put(at, width, value));
                }
            }
            for kind in 0..20 {
                self.add(
                    format_args!("section {} type is {kind}", section.name),
                    Change::Put(section.row + 4, 4, kind),
                );
            }
            for flags in 0..8 {
                self.add(
                    format_args!("section {} flags {flags}", section.name),
                    Change::Put(section.row + 8, 8, flags),
                );
            }
            for size in [0, 1, 1 << 20, 100 << 20, 500 << 20, 700 << 20, 767 << 20, 1 << 40, u64::MAX - 4095] {
                let nobits = Change::Put(section.row + 4, 4, NOBITS);
                let change = Change::All(vec![nobits, Change::Put(section.row + 32, 8, size)]);
                self.add(format_args!("section {} is {size:#x} bytes of NOBITS", section.name), change);
            }
        }
    }

    fn overlaps(&mut self) {
        let all = self.sections.clone();
        for a in &all {
            for b in &all {
                // Offset and size are neighbours in the header.
                let place = self.bytes[b.row + 24..b.row + 40].to_vec();
                let what = format!("section {} lies where {} lies", a.name, b.name);
                self.add(what, Change::Write(a.row + 24, place));
                let whole = self.bytes[b.row + 4..b.row + ROW].to_vec();
                self.add(format_args!("header {} is that of {}", a.name, b.name), Change::Write(a.row + 4, whole));
            }
        }
    }

    fn relocations(&mut self) {
        let symbols = self.sections.iter().find(|s| s.kind == SYMTAB).map_or(0, |s| s.size as u64 / 24);
        for table in self.sections.clone().into_iter().filter(|s| s.kind == RELA) {
            let target = self.sections[table.info].clone();
            let count = table.size / 24;
            for entry in [0, 1, count / 3, count / 2, count.wrapping_sub(1)].into_iter().filter(|e| *e < count) {
                let at = table.offset + 24 * entry;
                let name = format!("{} entry {entry}", table.name);
                let size = target.size as u64;
                for value in [
                    size.wrapping_sub(1),
                    size.wrapping_sub(3),
                    size.wrapping_sub(7),
                    size,
                    size + 1,
                    1 << 31,
                    1 << 63,
                    u64::MAX - 3,
                    u64::MAX,
                ] {
                    self.add(format_args!("{name} offset {value:#x}"), Change::Put(at, 8, value));
                }
                for kind in (0..45).chain([255, 1 << 31, u64::from(u32::MAX)]) {
                    self.add(format_args!("{name} type {kind}"), Change::Put(at + 8, 4, kind));
                }
                for symbol in [0, 1, symbols.saturating_sub(1)] {
                    self.add(format_args!("{name} symbol {symbol}"), Change::Put(at + 12, 4, symbol));
                }
                let alloc = number(self.bytes, target.row + 8, 8) & 2 != 0;
                for symbol in [symbols, symbols + 1, 1 << 31, u64::from(u32::MAX)] {
                    let change = Change::Put(at + 12, 4, symbol);
                    let what = format!("{name} symbol {symbol}");
                    if alloc { self.add_bad(what, change) } else { self.add(what, change) }
                }
                for addend in [1 << 31, 1 << 40, 1 << 63, u64::MAX, u64::MAX << 31] {
                    self.add(format_args!("{name} addend {addend:#x}"), Change::Put(at + 16, 8, addend));
                }
                let place = target.offset + number(self.bytes, at, 8) as usize;
                let what = format!("{name} target is not zero");
                let change = Change::Put(place, 4, 0x5555_5555);
                if alloc { self.add_bad(what, change) } else { self.add(what, change) }
            }
        }
    }

    fn symbols(&mut self) {
        let Some(table) = self.sections.iter().find(|s| s.kind == SYMTAB).cloned() else { return };
        let count = table.size / 24;
        let step = count / 60 + 1;
        for i in (0..count).step_by(step) {
            let at = table.offset + 24 * i;
            for value in wrong(self.bytes, number(self.bytes, at, 4)) {
                self.add(format_args!("symbol {i} name at {value:#x}"), Change::Put(at, 4, value));
            }
            for info in [0, 1, 2, 3, 4, 0x10, 0x20, 0x2a, 0xff] {
                self.add(format_args!("symbol {i} info {info:#x}"), Change::Put(at + 4, 1, info));
            }
            let last = self.sections.len() as u64;
            let special = [0, last - 1, last, 0xff00, 0xff20, 0xfff1, 0xfff2, 0xffff];
            for section in (0..last).step_by(4).chain(special) {
                self.add(format_args!("symbol {i} in section {section:#x}"), Change::Put(at + 6, 2, section));
            }
            for value in wrong(self.bytes, number(self.bytes, at + 8, 8)) {
                self.add(format_args!("symbol {i} value {value:#x}"), Change::Put(at + 8, 8, value));
                self.add(format_args!("symbol {i} size {value:#x}"), Change::Put(at + 16, 8, value));
            }
        }
    }

    /// Many symbols that share one long name: a small file that must not become much memory.
    fn long_names(&mut self) {
        let Some(table) = self.sections.iter().find(|s| s.kind == SYMTAB).cloned() else { return };
        let strings = self.sections[number(self.bytes, table.row + 40, 4) as usize].clone();
        let text = self.section(".text").map_or(1, |s| s.index as u8);
        for section in [0, text] {
            let mut symbol = [0; 24];
            (symbol[0], symbol[4], symbol[6]) = (1, 0x12, section);
            let symbols = [vec![0; 24], symbol.repeat(50_000)].concat();
            let names = [vec![0], vec![b'a'; 60_000], vec![0]].concat();
            let at = self.bytes.len() as u64;
            let change = Change::All(vec![
                Change::Put(table.row + 24, 8, at),
                Change::Put(table.row + 32, 8, symbols.len() as u64),
                Change::Put(strings.row + 24, 8, at + symbols.len() as u64),
                Change::Put(strings.row + 32, 8, names.len() as u64),
                Change::Append([symbols, names].concat()),
            ]);
            self.out.push(Case {
                name: format!("{} 50000 symbols of section {section} with one long name", self.file),
                change,
                must_fail: section == 0,
            });
        }
    }

    /// Tables with senseless bytes, with and without their relocations.
    fn contents(&mut self) {
        for section in self.sections.clone().into_iter().filter(|s| s.kind != 0 && s.kind != NOBITS) {
            let rela = self.sections.iter().find(|s| s.kind == RELA && s.info == section.index).cloned();
            for byte in [0, 1, 0x41, 0x7f, 0x80, 0xff] {
                let fill = Change::Fill(section.offset, section.size, byte);
                self.add(format_args!("{} full of {byte:#x}", section.name), fill.clone());
                if let Some(rela) = &rela {
                    let none = Change::Put(rela.row + 32, 8, 0);
                    let what = format!("{} full of {byte:#x} without relocations", section.name);
                    self.add(what, Change::All(vec![fill, none]));
                }
            }
            for size in (1..40).chain([section.size / 2, section.size.saturating_sub(1), section.size + 1]) {
                let change = Change::Put(section.row + 32, 8, size as u64);
                self.add(format_args!("{} of {size} bytes", section.name), change);
            }
            // Words that point everywhere.
            for (i, value) in wrong(self.bytes, 0x1000_0000).into_iter().enumerate() {
                let words = value.to_le_bytes().repeat(section.size / 8);
                let mut changes = vec![Change::Write(section.offset, words)];
                changes.extend(rela.as_ref().map(|rela| Change::Put(rela.row + 32, 8, 0)));
                self.add(format_args!("{} full of words {i} ({value:#x})", section.name), Change::All(changes));
            }
        }
    }

    fn info(&mut self) {
        let Some(info) = self.section(".modinfo") else { return };
        let long = [b"license=GPL\0description=".as_slice(), &vec![b'x'; info.size]].concat();
        let texts: [&[u8]; 9] = [
            b"license=GPL",
            b"license\0=\0==\0\0\0vermagic=\0",
            b"vermagic=6.1.0 \x1b[2J\xff\xfe\0license=\x07\0",
            b"vermagic=\0license=GPL\0",
            b"import_ns=\0import_ns=x\0livepatch=Y\0staging=Y\0",
            b"parm=:\0parmtype=:\0parm=a\0parmtype=\0parm=a:b\0",
            b"depends=,,,\0alias=\0name=../../x\0",
            b"\0\0\0\0\0\0\0\0",
            &long,
        ];
        for (i, text) in texts.into_iter().enumerate() {
            let mut bytes = text.to_vec();
            bytes.truncate(info.size);
            let changes = vec![Change::Fill(info.offset, info.size, 0), Change::Write(info.offset, bytes)];
            self.add(format_args!(".modinfo text {i}"), Change::All(changes));
        }
        let changes = vec![Change::Fill(info.offset, info.size, b'a')];
        self.add(".modinfo without NUL", Change::All(changes));
    }

    fn this_module(&mut self) {
        let Some(this) = self.section(".gnu.linkonce.this_module") else { return };
        let rela = self.sections.iter().find(|s| s.kind == RELA && s.info == this.index).cloned();
        for size in [0, 1, 23, 24, 25, 79, 80, 128, this.size / 2, this.size - 64, this.size - 1, this.size + 64] {
            let change = Change::Put(this.row + 32, 8, size as u64);
            self.add_bad(format_args!("struct module of {size} bytes"), change.clone());
            if let Some(rela) = &rela {
                let change = Change::All(vec![change, Change::Put(rela.row + 32, 8, 0)]);
                self.add_bad(format_args!("struct module of {size} bytes without relocations"), change);
            }
        }
        let names: [&[u8]; 10] = [
            b"",
            b".",
            b"..",
            b"../../etc/passwd",
            b"/",
            b"a b\n\x1b[31m",
            b"\xff\xfe\xfd",
            b"%s%n%p",
            &[b'x'; 55],
            &[b'x'; 56],
        ];
        for name in names {
            let mut field = [0; 56];
            field[..name.len()].copy_from_slice(name);
            let what = format!("named {:?}", String::from_utf8_lossy(name));
            self.add(what, Change::Write(this.offset + 24, field.to_vec()));
        }
    }
}

/// Damage by chance, the same in every run: up to four numbers in headers or sections.
pub fn random(file: &str, bytes: &[u8], count: usize) -> Vec<Case> {
    let sections = sections(bytes);
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64 ^ bytes.len() as u64;
    let mut below = |end: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed >> 16) as usize % end.max(1)
    };
    let mut out = Vec::new();
    for i in 0..count {
        let mut changes = Vec::new();
        for _ in 0..=below(4) {
            let section = &sections[below(sections.len())];
            let width = 1 << below(4);
            let at = match below(4) {
                0 => section.row + below(ROW / width) * width,
                _ if section.kind == NOBITS => continue,
                _ => section.offset + below(section.size / width) * width,
            };
            if at + width <= bytes.len() {
                let old = number(bytes, at, width);
                let value = if below(2) == 0 { old ^ 1 << below(8 * width) } else { wrong(bytes, old)[below(16)] };
                changes.push(Change::Put(at, width, value));
            }
        }
        out.push(Case { name: format!("{file} random {i}"), change: Change::All(changes), must_fail: false });
    }
    out
}
