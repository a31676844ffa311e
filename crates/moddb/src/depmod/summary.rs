//! What a module file says that matters to other modules: its aliases and soft dependencies, the symbols it exports and
//! those it needs (`kmod_module_get_info`, `kmod_module_get_symbols`, `kmod_module_get_dependency_symbols` of libkmod).

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::path::Path;

use super::elf::{Layout, Packed, Parts, Room, Source};

/// What is wanted of a file beyond what is always read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    /// The versions of symbols.
    pub crcs: bool,
}

/// A field of `.modinfo` that matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Alias,
    Soft,
    Weak,
}

const FIELDS: [(&[u8], Field, u8); 3] =
    [(b"alias", Field::Alias, b'a'), (b"softdep", Field::Soft, b's'), (b"weakdep", Field::Weak, b'w')];

/// A symbol that a module needs, by the number of its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Need(u32);

impl Need {
    const WEAK: u32 = 1 << 31;

    fn new(name: u32, weak: bool) -> Self {
        Need(name | if weak { Self::WEAK } else { 0 })
    }

    /// The number of the name.
    pub(super) fn name(self) -> usize {
        (self.0 & !Self::WEAK) as usize
    }

    /// Whether the module does without it.
    pub(super) fn is_weak(self) -> bool {
        self.0 & Self::WEAK != 0
    }
}

/// What a file says.
#[derive(Debug, Default)]
pub(super) struct Summary {
    /// Fields: a letter, the value, and a NUL.
    fields: Vec<u8>,
    /// Names of exported symbols, each with a NUL.
    exports: Vec<u8>,
    /// Their versions, if they are wanted.
    crcs: Vec<u64>,
    /// The symbols it needs, in the order of the file; their names are those of the reader.
    pub needs: Vec<Need>,
    /// The versions it was built for, if they are wanted.
    pub need_crcs: Vec<u64>,
    /// Why the file cannot be read.
    pub failed: Option<i32>,
}

impl Summary {
    /// Of a file that cannot be read.
    pub(super) fn of_failed(errno: i32) -> Self {
        Summary { failed: Some(errno), ..Summary::default() }
    }

    /// The fields that matter, in the order of the file.
    pub(super) fn fields(&self, wanted: Field) -> impl Iterator<Item = &[u8]> {
        let letter = FIELDS.iter().find(|(_, field, _)| *field == wanted).map(|row| row.2);
        strings(&self.fields).filter_map(move |line| match line {
            [first, value @ ..] if Some(*first) == letter => Some(value),
            _ => None,
        })
    }

    /// The symbols it exports, with their versions (0 unless they are wanted).
    pub(super) fn exports(&self) -> impl Iterator<Item = (&[u8], u64)> {
        let crcs = self.crcs.iter().copied().chain(std::iter::repeat(0));
        strings(&self.exports).zip(crcs)
    }

    /// The symbols it needs, with the versions it was built for (0 unless they are wanted).
    pub(super) fn needs(&self) -> impl Iterator<Item = (Need, u64)> {
        let crcs = self.need_crcs.iter().copied().chain(std::iter::repeat(0));
        self.needs.iter().copied().zip(crcs)
    }

    fn export(&mut self, name: &[u8], crc: Option<u64>) {
        self.exports.extend_from_slice(name);
        self.exports.push(0);
        self.crcs.extend(crc);
    }
}

/// Strings that each end with a NUL.
fn strings(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.strip_suffix(b"\0").into_iter().flat_map(|bytes| bytes.split(|byte| *byte == 0))
}

/// Gives names numbers.
#[derive(Debug, Default)]
pub(super) struct Names {
    numbers: HashMap<Box<[u8]>, u32, BuildHasherDefault<Quick>>,
    /// Of each name: in which file it was last seen, and where among its needs.
    seen: Vec<(u32, u32)>,
    file: u32,
}

impl Names {
    fn number(&mut self, name: &[u8]) -> u32 {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let number = self.seen.len() as u32;
        self.numbers.insert(name.into(), number);
        self.seen.push((0, 0));
        number
    }

    /// Where among the needs of this file a name is.
    fn place(&self, name: &[u8]) -> Option<usize> {
        let (file, place) = *self.seen.get(*self.numbers.get(name)? as usize)?;
        (file == self.file).then_some(place as usize)
    }

    /// The names by their numbers.
    pub(super) fn into_list(self) -> Vec<Box<[u8]>> {
        let mut list: Vec<(u32, Box<[u8]>)> = self.numbers.into_iter().map(|(name, number)| (number, name)).collect();
        list.sort_unstable_by_key(|(number, _)| *number);
        list.into_iter().map(|(_, name)| name).collect()
    }
}

/// A hash for names, eight bytes at a time. The tables live as long as one run, and whoever can make up modules needs no
/// slow tables.
#[derive(Debug, Default)]
pub(super) struct Quick(u64);

impl Quick {
    fn add(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95);
    }
}

impl Hasher for Quick {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        words.iter().for_each(|word| self.add(u64::from_le_bytes(*word)));
        let mut last = [0; 8];
        last.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
        self.add(u64::from_le_bytes(last));
    }

    fn write_u8(&mut self, _: u8) {}

    fn write_usize(&mut self, _: usize) {}

    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 29)
    }
}

/// A symbol with its version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Symbol {
    /// Its name.
    pub name: Vec<u8>,
    /// Its version; 0 for none.
    pub crc: u64,
}

/// The symbols that a module file exports, in the order of the file.
///
/// # Errors
/// The errno that kmod gives: the file cannot be read, is no module, or has no exports.
pub fn exports(path: &Path) -> Result<Vec<Symbol>, i32> {
    const ENOENT: i32 = 2;
    let (mut packed, mut room) = (Packed::default(), Room::default());
    let (source, head) = Source::open(path, &mut packed)?;
    let parts = Parts::read(&source, &head, &mut room)?;
    let summary = read(&parts, Wanted { crcs: true }, &mut Names::default());
    if summary.exports.is_empty() && parts.exports.is_none() {
        return Err(ENOENT);
    }
    Ok(summary.exports().map(|(name, crc)| Symbol { name: name.to_vec(), crc }).collect())
}

/// The symbols that a module file needs, with the versions it was built for.
///
/// # Errors
/// The errno that kmod gives: the file cannot be read, is no module, or has no versions.
pub fn versions(path: &Path) -> Result<Vec<Symbol>, i32> {
    const ENOENT: i32 = 2;
    const EINVAL: i32 = 22;
    let (mut packed, mut room) = (Packed::default(), Room::default());
    let (source, head) = Source::open(path, &mut packed)?;
    let parts = Parts::read(&source, &head, &mut room)?;
    let rows = parts.versions.ok_or(ENOENT)?;
    if !rows.len().is_multiple_of(VERSION) {
        return Err(EINVAL);
    }
    let all = rows.chunks_exact(VERSION).map(|row| {
        let (name, crc) = version(&parts, row);
        Symbol { name: name.strip_prefix(b".").unwrap_or(name).to_vec(), crc }
    });
    Ok(all.collect())
}

/// Bytes of an entry of `__versions`: a number and a name.
const VERSION: usize = 64;

/// Name and number of an entry.
fn version<'r>(parts: &Parts<'_>, row: &'r [u8]) -> (&'r [u8], u64) {
    match parts.layout.wide {
        true => (text(row.get(8..).unwrap_or_default()), parts.layout.u64(row, 0)),
        false => (text(row.get(4..).unwrap_or_default()), parts.layout.u32(row, 0).into()),
    }
}

/// Reads what the parts of a file say.
pub(super) fn read(parts: &Parts<'_>, wanted: Wanted, names: &mut Names) -> Summary {
    let mut summary = Summary::default();
    if let Some(info) = parts.info {
        fields(info, &mut summary.fields);
    }
    let table = Table::of(parts);
    let exported = table.as_ref().is_some_and(|table| table.exports(parts, wanted, &mut summary));
    if !exported {
        // Kernels without versions: the names of the exports are all there is.
        summary.exports.clear();
        summary.crcs.clear();
        let list = parts.exports.unwrap_or_default();
        for name in list.split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
            summary.export(name, wanted.crcs.then_some(0));
        }
    }
    if let Some(table) = &table {
        names.file = names.file.wrapping_add(1);
        match table.needs(wanted, names, &mut summary) {
            Some(listed) => take_versions(parts, wanted, names, &listed, &mut summary),
            None => {
                summary.needs.clear();
                summary.need_crcs.clear();
            }
        }
    }
    summary.fields.shrink_to_fit();
    summary.exports.shrink_to_fit();
    summary.needs.shrink_to_fit();
    summary
}

fn fields(info: &[u8], to: &mut Vec<u8>) {
    for line in info.split(|byte| *byte == 0) {
        for (key, _, letter) in FIELDS {
            let Some(rest) = line.strip_prefix(key) else { continue };
            let value = match rest {
                [] => rest,
                [b'=', value @ ..] => value,
                _ => continue,
            };
            to.push(letter);
            to.extend_from_slice(value);
            to.push(0);
        }
    }
}

/// A row of the symbol table.
struct Row<'t> {
    name: &'t [u8],
    value: u64,
    section: u16,
    info: u8,
}

/// The symbol table.
struct Table<'t> {
    layout: Layout,
    rows: &'t [u8],
    strings: &'t [u8],
}

impl<'t> Table<'t> {
    /// The table; none if the file has none, or one that is no whole number of symbols.
    fn of(parts: &Parts<'t>) -> Option<Self> {
        let (rows, strings) = (parts.symbols?, parts.strings?);
        let table = Table { layout: parts.layout, rows, strings };
        rows.len().is_multiple_of(table.row()).then_some(table)
    }

    fn row(&self) -> usize {
        if self.layout.wide { 24 } else { 16 }
    }

    /// The symbols but the first; `None` for one with a name outside of the strings.
    fn symbols(&self) -> impl Iterator<Item = (Option<&'t [u8]>, &'t [u8])> {
        self.rows.chunks_exact(self.row()).skip(1).map(|row| {
            let at = self.layout.u32(row, 0) as usize;
            // A name is cut at its NUL by those who look at it.
            (self.strings.get(at..).filter(|rest| !rest.is_empty()), row)
        })
    }

    fn symbol(&self, name: &'t [u8], row: &[u8]) -> Row<'t> {
        let name = text(name);
        match self.layout.wide {
            true => Row {
                name,
                value: self.layout.u64(row, 8),
                section: self.layout.u16(row, 6),
                info: row.get(4).copied().unwrap_or_default(),
            },
            false => Row {
                name,
                value: self.layout.u32(row, 4).into(),
                section: self.layout.u16(row, 14),
                info: row.get(12).copied().unwrap_or_default(),
            },
        }
    }

    fn section(&self, row: &[u8]) -> u16 {
        self.layout.u16(row, if self.layout.wide { 6 } else { 14 })
    }

    /// Adds the exports by the symbols of their versions; `false` if there are none, or the table is damaged.
    fn exports(&self, parts: &Parts<'_>, wanted: Wanted, summary: &mut Summary) -> bool {
        let mut any = false;
        for (name, row) in self.symbols() {
            let Some(name) = name else { return false };
            let Some(exported) = name.strip_prefix(b"__crc_") else { continue };
            let symbol = self.symbol(exported, row);
            let crc = wanted.crcs.then(|| parts.crc(symbol.section, symbol.value));
            summary.export(symbol.name, crc);
            any = true;
        }
        any
    }

    /// Adds the symbols that others must have, and gives their names; `None` if the table is damaged.
    fn needs(&self, wanted: Wanted, names: &mut Names, summary: &mut Summary) -> Option<Vec<&'t [u8]>> {
        const WEAK: u8 = 2;
        /// A register that the program uses: undefined, but nobody's (`STT_REGISTER` of SPARC).
        const REGISTER: u8 = 13;
        let sparc = matches!(self.layout.machine, 2 | 43);
        let mut listed = Vec::new();
        for (name, row) in self.symbols() {
            if self.section(row) != 0 {
                continue;
            }
            let symbol = self.symbol(name.unwrap_or_default(), row);
            if sparc && symbol.info & 0xf == REGISTER {
                continue;
            }
            name?;
            if symbol.name.is_empty() {
                continue;
            }
            let number = names.number(symbol.name);
            if let Some(seen) = names.seen.get_mut(number as usize) {
                *seen = (names.file, listed.len() as u32);
            }
            listed.push(symbol.name);
            summary.needs.push(Need::new(number, symbol.info >> 4 == WEAK));
            if wanted.crcs {
                summary.need_crcs.push(0);
            }
        }
        Some(listed)
    }
}

/// Takes the versions of needed symbols, and adds those that have a version but are not undefined: `module_layout`.
///
/// Versions come nearly in the order of the symbols, so a name is mostly the next one or soon after it, and need not be
/// looked up. `listed` are the names of the needs.
fn take_versions(parts: &Parts<'_>, wanted: Wanted, names: &mut Names, listed: &[&[u8]], summary: &mut Summary) {
    /// How far ahead a name is looked for.
    const AHEAD: usize = 4;
    let rows = parts.versions.unwrap_or_default();
    if !rows.len().is_multiple_of(VERSION) {
        return;
    }
    let mut taken = vec![false; listed.len()];
    let mut next = 0;
    for row in rows.chunks_exact(VERSION) {
        let (name, crc) = version(parts, row);
        let near = listed.iter().skip(next).take(AHEAD).position(|listed| *listed == name).map(|ahead| next + ahead);
        let place = near.or_else(|| names.place(name));
        match place.and_then(|place| taken.get_mut(place)) {
            Some(was) if !*was => {
                *was = true;
                next = place.unwrap_or_default() + 1;
                if let Some(to) = place.and_then(|place| summary.need_crcs.get_mut(place)) {
                    *to = crc;
                }
            }
            _ => {
                let number = names.number(name);
                summary.needs.push(Need::new(number, false));
                if wanted.crcs {
                    summary.need_crcs.push(crc);
                }
            }
        }
    }
}

/// The bytes before the first NUL.
fn text(bytes: &[u8]) -> &[u8] {
    std::ffi::CStr::from_bytes_until_nul(bytes).map_or(bytes, std::ffi::CStr::to_bytes)
}
