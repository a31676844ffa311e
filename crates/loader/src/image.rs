//! A loaded module's memory, its sections and its symbols.

use crate::place::{Layout, Place, Region};
use kofile::{Elf, Symbol, SymbolBinding, SymbolKind, SymbolSection, Symbols};
use std::sync::OnceLock;

/// A section that has memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlacedSection {
    /// Its name.
    pub name: String,
    /// Its address.
    pub addr: u64,
    /// Bytes.
    pub size: u64,
    /// It goes after init.
    pub init: bool,
    /// It holds instructions.
    pub exec: bool,
    /// It holds notes.
    pub note: bool,
}

/// A symbol of the module's table, as kallsyms shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SymbolAt<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its address.
    pub addr: u64,
    /// Bytes: up to the next symbol or the end of the group, as kallsyms reckons.
    pub size: u64,
    /// `t`, `d`, `b`, `r`, `v`, `w`, `a`, `u`, `?`: what it is; never capital, also if the module exports it: kallsyms
    /// decides that.
    pub letter: char,
}

/// `KSYM_NAME_LEN`: what is longer is cut, or a file with one long name for many symbols would take memory without end.
const NAME_MAX: usize = 512;

#[derive(Debug, Clone, Copy)]
struct Row {
    addr: u64,
    name: u32,
    name_len: u16,
    letter: u8,
    /// It goes after init.
    init: bool,
    /// It lies in the module's memory.
    placed: bool,
}

/// A loaded module's memory, sections and symbols.
#[derive(Debug)]
pub struct Image {
    /// What stays.
    pub core: Region,
    /// What goes after init; without memory once that happened.
    pub init: Region,
    /// Sections with memory.
    pub sections: Vec<PlacedSection>,
    /// Bytes that the module asked for: core and init.
    pub used: (usize, usize),
    /// How many relocations were applied.
    pub relocations: usize,
    rows: Vec<Row>,
    names: String,
    by_addr: OnceLock<Vec<u32>>,
}

impl Image {
    /// Takes over a layout; `values` are the symbols' addresses.
    pub fn new(elf: &Elf<'_>, symbols: &Symbols<'_>, layout: Layout, values: &[u64], relocations: usize) -> Self {
        let mut image = Self {
            sections: sections(elf, &layout),
            used: layout.used,
            relocations,
            rows: Vec::new(),
            names: String::new(),
            by_addr: OnceLock::new(),
            core: Region::default(),
            init: Region::default(),
        };
        image.keep_symbols(elf, symbols, &layout, values);
        image.core = layout.core;
        image.init = layout.init;
        image
    }

    /// An image that was linked elsewhere: one block, `used` bytes of it, with the sections and symbols (name, address)
    /// that are known of it.
    pub fn linked(
        block: machine::arena::Block,
        used: usize,
        sections: Vec<PlacedSection>,
        symbols: &[(&str, u64)],
    ) -> Self {
        let size = block.len();
        let core = Region { block: Some(block), size, ..Region::default() };
        let mut image = Self {
            core,
            init: Region::default(),
            sections,
            used: (used, 0),
            relocations: 0,
            rows: Vec::new(),
            names: String::new(),
            by_addr: OnceLock::new(),
        };
        for (name, addr) in symbols {
            let exec = image.sections.iter().any(|s| s.exec && addr.wrapping_sub(s.addr) < s.size);
            let name = String::from_utf8_lossy(name.as_bytes().get(..NAME_MAX).unwrap_or(name.as_bytes())).into_owned();
            let Ok(name_len) = u16::try_from(name.len()) else { continue };
            let row = Row {
                addr: *addr,
                name: image.names.len() as u32,
                name_len,
                letter: if exec { b't' } else { b'd' },
                init: false,
                placed: true,
            };
            image.rows.push(row);
            image.names.push_str(&name);
        }
        image
    }

    /// Until init has ended Linux shows the whole table of the file, also what has no memory (`add_kallsyms`).
    fn keep_symbols(&mut self, elf: &Elf<'_>, symbols: &Symbols<'_>, layout: &Layout, values: &[u64]) {
        for (symbol, value) in symbols.iter().zip(values) {
            let name = symbol.name();
            let name = String::from_utf8_lossy(name.as_bytes().get(..NAME_MAX).unwrap_or(name.as_bytes()));
            let Ok(name_len) = u16::try_from(name.len()) else { continue };
            if name.is_empty() || symbol.kind == SymbolKind::Section {
                continue;
            }
            let place = match symbol.section {
                SymbolSection::Section(index) => layout.places.get(usize::from(index)),
                _ => None,
            };
            let (init, placed) = match place {
                Some(Place::Core(_)) => (false, true),
                Some(Place::PerCpu(_)) => (false, false),
                Some(Place::Init(_)) => (true, true),
                _ => (true, false),
            };
            let letter = letter(elf, &symbol, place);
            self.rows.push(Row { addr: *value, name: self.names.len() as u32, name_len, letter, init, placed });
            self.names.push_str(&name);
        }
    }

    /// True if `addr` lies in the module's memory.
    pub fn contains(&self, addr: u64) -> bool {
        [&self.core, &self.init]
            .into_iter()
            .filter_map(|r| r.block.as_ref())
            .any(|b| (b.addr()..b.addr() + b.len() as u64).contains(&addr))
    }

    /// True if `addr` lies in the memory that is only for init.
    pub fn in_init(&self, addr: u64) -> bool {
        let within = |block: &machine::arena::Block| (block.addr()..block.addr() + block.len() as u64).contains(&addr);
        self.init.block.as_ref().is_some_and(within)
    }

    /// Frees the memory that is only for init.
    pub fn drop_init(&mut self) {
        self.init = Region::default();
        self.rows.retain(|row| !row.init);
        self.by_addr = OnceLock::new();
        self.sections.retain(|s| !s.init);
    }

    /// The section with this name.
    pub fn section(&self, name: &str) -> Option<&PlacedSection> {
        self.sections.iter().find(|s| s.name == name)
    }

    /// All symbols, in the order of the file.
    pub fn symbols(&self) -> impl Iterator<Item = SymbolAt<'_>> {
        self.rows.iter().map(|row| self.symbol(row, 0))
    }

    fn symbol(&self, row: &Row, size: u64) -> SymbolAt<'_> {
        let start = row.name as usize;
        let name = self.names.get(start..start + row.name_len as usize).unwrap_or_default();
        SymbolAt { name, addr: row.addr, size, letter: row.letter.into() }
    }

    fn sorted(&self) -> &[u32] {
        self.by_addr.get_or_init(|| {
            let mut order: Vec<u32> = self.rows.iter().zip(0..).filter(|(row, _)| row.placed).map(|(_, i)| i).collect();
            // Of several names for one address the last in the file's table wins, as in find_kallsyms_symbol.
            order.sort_by_key(|i| self.rows.get(*i as usize).map(|r| r.addr));
            order
        })
    }

    /// The symbol whose range contains `addr`.
    pub fn symbol_at(&self, addr: u64) -> Option<SymbolAt<'_>> {
        let section = self.sections.iter().find(|s| addr.wrapping_sub(s.addr) < s.size.max(1))?;
        let order = self.sorted();
        let row_of = |i: usize| order.get(i).and_then(|row| self.rows.get(*row as usize));
        let after = order.partition_point(|i| self.rows.get(*i as usize).is_some_and(|r| r.addr <= addr));
        let last = row_of(after.checked_sub(1)?)?;
        let first = order.partition_point(|i| self.rows.get(*i as usize).is_some_and(|r| r.addr < last.addr));
        let row = row_of(first)?;
        let end = row_of(after).map_or(u64::MAX, |next| next.addr).min(section.addr + section.size);
        Some(self.symbol(row, end.saturating_sub(row.addr)))
    }

    /// The address of the symbol with this name.
    pub fn symbol_named(&self, name: &str) -> Option<u64> {
        let mut placed = self.rows.iter().filter(|row| row.placed).map(|row| self.symbol(row, 0));
        placed.find(|s| s.name == name).map(|s| s.addr)
    }
}

/// What kallsyms says a symbol is (`elf_type` of kernel/module/kallsyms.c), in small letters.
fn letter(elf: &Elf<'_>, symbol: &Symbol<'_>, place: Option<&Place>) -> u8 {
    if symbol.binding == SymbolBinding::Weak {
        let data = symbol.kind == SymbolKind::Object && symbol.section != SymbolSection::Undef;
        return if data { b'v' } else { b'w' };
    }
    let section = match symbol.section {
        SymbolSection::Undef => return b'u',
        SymbolSection::Abs => return b'a',
        _ if matches!(place, Some(Place::PerCpu(_))) => return b'a',
        SymbolSection::Section(index) => elf.section(index.into()),
        _ => None,
    };
    let has_memory = matches!(place, Some(Place::Core(_) | Place::Init(_)));
    match section {
        Some(s) if s.is_exec() => b't',
        Some(s) if has_memory && s.is_nobits() => b'b',
        Some(s) if has_memory && s.is_write() => b'd',
        Some(_) if has_memory => b'r',
        Some(s) if s.name.as_bytes().starts_with(b".debug") => b'n',
        _ => b'?',
    }
}

fn sections(elf: &Elf<'_>, layout: &Layout) -> Vec<PlacedSection> {
    let placed = elf.sections().iter().filter_map(|s| {
        let place = layout.places.get(s.index)?;
        if matches!(place, Place::Nowhere | Place::PerCpu(_)) {
            return None;
        }
        let addr = layout.address(s.index)?;
        let init = matches!(place, Place::Init(_));
        Some(PlacedSection {
            name: s.name.to_string(),
            addr,
            size: s.size,
            init,
            exec: s.is_exec(),
            note: s.kind == kofile::elf::kind::NOTE,
        })
    });
    placed.collect()
}
