//! A relocatable file on its way to an image: its sections in load order, its symbols, and what insmod adds to both.
//! Counterpart: obj/obj_load.c, obj/obj_common.c, obj/obj_reloc.c of modutils.

use kofile::elf::{flag, kind};
use kofile::{Elf, SymbolBinding, SymbolKind, SymbolSection};

/// The largest section that is believed, in bytes.
const MOST: u64 = 64 << 20;
/// Where strings go that insmod adds.
const STRINGS: &str = ".kstrtab";

/// Where a symbol is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Nowhere yet.
    Undefined,
    /// At an address of its own.
    Absolute,
    /// In memory that is not given to it yet.
    Common,
    /// In a section of this object.
    Section(usize),
    /// In the kernel (`None`) or a module of the list.
    Outside(Option<usize>),
}

/// A symbol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Symbol {
    /// Its name.
    pub name: String,
    /// Where it is.
    pub place: Place,
    /// Its offset there, or its address.
    pub value: u64,
    /// Bytes of it.
    pub size: u64,
    /// Whether only this object sees it.
    pub local: bool,
    /// Whether it may stay undefined, and gives way to others.
    pub weak: bool,
    /// A section's or file's symbol, which has no name to look for.
    pub nameless: bool,
}

/// A section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// Its name.
    pub name: String,
    /// Its flags, as in the file.
    pub flags: u64,
    /// It has no bytes in the file.
    pub nobits: bool,
    /// Its alignment, a power of two or 0.
    pub align: u64,
    /// Its bytes; zeros where the file has none.
    pub bytes: Vec<u8>,
    /// Where it lies; set by [`super::link`].
    pub addr: u64,
}

impl Section {
    /// Whether it takes memory in the kernel.
    pub fn is_loaded(&self) -> bool {
        self.flags & flag::ALLOC != 0
    }
}

/// Something that points to something else, written when addresses are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// A symbol.
    Symbol(usize),
    /// An offset in a section.
    Section(usize, u64),
}

/// A pointer in a section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patch {
    /// The section that it lies in, and where there.
    pub section: usize,
    /// Its offset.
    pub offset: u64,
    /// What it points to.
    pub target: Target,
}

/// An object.
#[derive(Debug, Default)]
pub struct Object {
    /// Its sections; those of the file first, by their index.
    pub sections: Vec<Section>,
    /// Those that take memory, in the order in which they lie there.
    pub order: Vec<usize>,
    /// Its symbols; those of the file first, by their index.
    pub symbols: Vec<Symbol>,
    /// Pointers that insmod adds.
    pub patches: Vec<Patch>,
}

impl Object {
    /// Reads a file's sections and symbols.
    ///
    /// # Errors
    /// What is wrong with it, in modutils' words where it has any.
    pub fn read(elf: &Elf<'_>, file: &str) -> Result<Self, String> {
        if elf.machine() != kofile::Machine::X86_64 {
            return Err(format!("ELF file {file} not for this architecture"));
        }
        let mut object = Self::default();
        let mut total = 0u64;
        for section in elf.sections() {
            // Text for insmod itself stays with it.
            let kept =
                section.kind != kind::NULL && section.is_alloc() && !section.name.to_string().starts_with(".modinfo");
            total = total.saturating_add(if kept { section.size } else { 0 });
            if total > MOST {
                return Err(format!("{file} is larger than {MOST} bytes"));
            }
            let bytes = match kept && section.is_nobits() {
                true => vec![0; section.size as usize],
                false => section.data.to_vec(),
            };
            let flags = if kept { section.flags } else { section.flags & !flag::ALLOC };
            let (name, nobits) = (section.name.to_string(), section.is_nobits());
            object.sections.push(Section { name, flags, nobits, align: section.align, bytes, addr: 0 });
            if kept {
                object.insert_in_order(section.index);
            }
        }
        for symbol in elf.symbols().map_err(|error| error.to_string())?.iter() {
            object.symbols.push(read_symbol(&symbol));
        }
        Ok(object)
    }

    /// A section with a name.
    pub fn section(&self, name: &str) -> Option<usize> {
        self.sections.iter().position(|s| s.name == name)
    }

    /// The symbol with a name, if it is defined or used here.
    pub fn symbol(&self, name: &str) -> Option<usize> {
        self.symbols.iter().position(|s| !s.nameless && s.name == name)
    }

    /// Code, then constants, then variables, then those without a value.
    fn insert_in_order(&mut self, index: usize) {
        let rank = |section: &Section| {
            let writable = u8::from(section.flags & flag::WRITE == 0) * 4;
            writable + u8::from(section.flags & flag::EXEC != 0) * 2 + u8::from(!section.nobits)
        };
        let Some(own) = self.sections.get(index).map(rank) else { return };
        // What was put first stays there.
        let first =
            usize::from(self.order.first().is_some_and(|i| self.sections.get(*i).is_some_and(|s| s.name == ".this")));
        let later = |i: &usize| self.sections.get(*i).is_some_and(|s| rank(s) < own);
        let at = self.order.iter().skip(first).position(later).map_or(self.order.len(), |at| at + first);
        self.order.insert(at, index);
    }

    /// Adds a section of variables.
    pub fn add_section(&mut self, name: &str, align: u64, size: usize) -> usize {
        let index = self.sections.len();
        let flags = flag::WRITE | flag::ALLOC;
        let bytes = vec![0; size];
        self.sections.push(Section { name: name.into(), flags, nobits: false, align, bytes, addr: 0 });
        self.insert_in_order(index);
        index
    }

    /// Adds `.this`, the section of the `struct module`, before all others.
    pub fn add_first(&mut self, size: usize) -> usize {
        let index = self.add_section(".this", 8, size);
        self.order.retain(|i| *i != index);
        self.order.insert(0, index);
        index
    }

    /// Adds a symbol.
    pub fn add_symbol(&mut self, name: &str, section: usize, local: bool) -> usize {
        let place = Place::Section(section);
        let name = name.to_owned();
        self.symbols.push(Symbol { name, place, value: 0, size: 0, local, weak: false, nameless: false });
        self.symbols.len() - 1
    }

    /// Lets a pointer point to a new string.
    pub fn point_to_string(&mut self, section: usize, offset: u64, text: &[u8]) {
        let found = self.section(STRINGS).filter(|i| self.sections.get(*i).is_some_and(Section::is_loaded));
        let strings = found.unwrap_or_else(|| self.add_section(STRINGS, 1, 0));
        let Some(table) = self.sections.get_mut(strings) else { return };
        let target = Target::Section(strings, table.bytes.len() as u64);
        table.bytes.extend(text.iter().chain(&[0]));
        // A pointer that is set twice counts once.
        self.patches.retain(|p| (p.section, p.offset) != (section, offset));
        self.patches.push(Patch { section, offset, target });
    }

    /// Gives every common symbol memory.
    pub fn allocate_commons(&mut self) {
        let commons: Vec<usize> = (0..self.symbols.len())
            .filter(|i| self.symbols.get(*i).is_some_and(|s| s.place == Place::Common))
            .collect();
        if commons.is_empty() {
            return;
        }
        let bss = self.section(".bss").unwrap_or_else(|| {
            let new = self.add_section(".bss", 16, 0);
            self.sections.get_mut(new).into_iter().for_each(|s| s.nobits = true);
            new
        });
        for index in commons {
            let (Some(symbol), Some(section)) = (self.symbols.get_mut(index), self.sections.get_mut(bss)) else {
                continue;
            };
            // The value of a common symbol is its alignment.
            let align = symbol.value.clamp(1, 4096).next_power_of_two();
            let at = (section.bytes.len() as u64).next_multiple_of(align);
            let end = at.saturating_add(symbol.size).min(MOST);
            section.align = section.align.max(align);
            section.bytes.resize(end as usize, 0);
            (symbol.place, symbol.value) = (Place::Section(bss), at);
        }
    }

    /// The address of a symbol, once sections have one.
    pub fn address(&self, symbol: usize) -> u64 {
        let Some(symbol) = self.symbols.get(symbol) else { return 0 };
        match symbol.place {
            Place::Section(index) => self.sections.get(index).map_or(0, |s| s.addr).wrapping_add(symbol.value),
            Place::Undefined | Place::Common => 0,
            Place::Absolute | Place::Outside(_) => symbol.value,
        }
    }

    /// Whether a symbol is in memory of the module's own, or nowhere in memory at all.
    pub fn is_own(&self, symbol: &Symbol) -> bool {
        match symbol.place {
            Place::Section(index) => self.sections.get(index).is_some_and(Section::is_loaded),
            Place::Absolute | Place::Common => true,
            Place::Undefined | Place::Outside(_) => false,
        }
    }
}

fn read_symbol(symbol: &kofile::Symbol<'_>) -> Symbol {
    let name = symbol.name().to_string();
    let place = match symbol.section {
        SymbolSection::Undef => Place::Undefined,
        SymbolSection::Abs | SymbolSection::Reserved(_) => Place::Absolute,
        SymbolSection::Common => Place::Common,
        SymbolSection::Section(index) => Place::Section(index.into()),
    };
    Symbol {
        nameless: name.is_empty() || matches!(symbol.kind, SymbolKind::Section | SymbolKind::File),
        name,
        place,
        value: symbol.value,
        size: symbol.size,
        local: symbol.binding == SymbolBinding::Local,
        weak: symbol.binding == SymbolBinding::Weak,
    }
}
