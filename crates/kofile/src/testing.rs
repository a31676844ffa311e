//! Builds small ELF files by hand for the tests of this crate.

use crate::elf::{Relocation, kind};

/// A section to be written; `offset`, `size` and `name_offset` override what the builder would say.
#[derive(Clone)]
pub(crate) struct Sec {
    pub(crate) name: String,
    pub(crate) kind: u32,
    pub(crate) flags: u64,
    pub(crate) data: Vec<u8>,
    pub(crate) link: u32,
    pub(crate) info: u32,
    pub(crate) align: u64,
    pub(crate) offset: Option<u64>,
    pub(crate) size: Option<u64>,
    pub(crate) name_offset: Option<u32>,
}

impl Sec {
    pub(crate) fn new(name: &str, data: &[u8]) -> Self {
        Sec {
            name: name.to_owned(),
            kind: kind::PROGBITS,
            flags: 0,
            data: data.to_vec(),
            link: 0,
            info: 0,
            align: 1,
            offset: None,
            size: None,
            name_offset: None,
        }
    }
}

/// A symbol to be written.
#[derive(Clone)]
pub(crate) struct Sym {
    pub(crate) name: String,
    pub(crate) name_offset: Option<u32>,
    pub(crate) info: u8,
    pub(crate) section: u16,
    pub(crate) value: u64,
    pub(crate) size: u64,
}

impl Sym {
    pub(crate) fn new(name: &str) -> Self {
        Sym { name: name.to_owned(), name_offset: None, info: 0x10, section: 0, value: 0, size: 0 }
    }
}

/// A file to be written: sections in order, then symbol table, its strings and the section names.
#[derive(Clone)]
pub(crate) struct Builder {
    pub(crate) sections: Vec<Sec>,
    pub(crate) symbols: Vec<Sym>,
    pub(crate) machine: u16,
    pub(crate) unterminated_names: bool,
    pub(crate) unterminated_strings: bool,
    pub(crate) symbol_link: Option<u32>,
    pub(crate) null_size: u64,
}

impl Builder {
    /// A file without sections.
    pub(crate) fn new() -> Self {
        let null = Sec { kind: kind::NULL, align: 0, ..Sec::new("", b"") };
        Builder {
            sections: vec![null],
            symbols: Vec::new(),
            machine: 62,
            unterminated_names: false,
            unterminated_strings: false,
            symbol_link: None,
            null_size: 0,
        }
    }

    /// The smallest module: `.modinfo`, `.gnu.linkonce.this_module` named "hello", `init_module`, `cleanup_module`.
    pub(crate) fn module() -> Self {
        let mut builder = Builder::new();
        let text = builder.add(Sec { flags: 6, align: 16, ..Sec::new(".text", &[0xc3; 32]) });
        builder.add(Sec { flags: 2, ..Sec::new(".modinfo", b"name=hello\0license=GPL\0vermagic=6.1.0 SMP \0") });
        let mut this_module = vec![0; 0x380];
        this_module[24..29].copy_from_slice(b"hello");
        let this_module =
            builder.add(Sec { flags: 3, align: 64, ..Sec::new(".gnu.linkonce.this_module", &this_module) });
        let section = text as u16;
        builder.symbol(Sym { section, info: 0x12, ..Sym::new("init_module") });
        builder.symbol(Sym { section, info: 0x12, value: 16, ..Sym::new("cleanup_module") });
        let reloc = |offset, symbol| Relocation { offset, kind: 1, symbol, addend: 0 };
        builder.relocate(this_module, &[reloc(0x138, 1), reloc(0x350, 2)]);
        builder
    }

    /// Adds a section, gives its index.
    pub(crate) fn add(&mut self, section: Sec) -> usize {
        self.sections.push(section);
        self.sections.len() - 1
    }

    /// The section with a name.
    pub(crate) fn named(&mut self, name: &str) -> &mut Sec {
        self.sections.iter_mut().find(|section| section.name == name).expect("the section was added")
    }

    /// Adds a symbol, gives its index.
    pub(crate) fn symbol(&mut self, symbol: Sym) -> u32 {
        self.symbols.push(symbol);
        self.symbols.len() as u32
    }

    /// Adds the relocations of a section, gives the index of theirs.
    pub(crate) fn relocate(&mut self, target: usize, relocs: &[Relocation]) -> usize {
        let name = format!(".rela{}", self.sections[target].name);
        let mut data = Vec::new();
        for reloc in relocs {
            data.extend(reloc.offset.to_le_bytes());
            data.extend(reloc.kind.to_le_bytes());
            data.extend(reloc.symbol.to_le_bytes());
            data.extend(reloc.addend.to_le_bytes());
        }
        self.add(Sec { kind: kind::RELA, info: target as u32, align: 8, ..Sec::new(&name, &data) })
    }

    /// The symbol table and its strings.
    fn symbol_sections(&self, index: usize) -> [Sec; 2] {
        let (mut strings, mut data) = (vec![0], vec![0; 24]);
        for symbol in &self.symbols {
            data.extend(symbol.name_offset.unwrap_or(strings.len() as u32).to_le_bytes());
            data.extend([symbol.info, 0]);
            data.extend(symbol.section.to_le_bytes());
            data.extend(symbol.value.to_le_bytes());
            data.extend(symbol.size.to_le_bytes());
            strings.extend(symbol.name.as_bytes());
            strings.push(0);
        }
        if self.unterminated_strings {
            strings.pop();
        }
        let link = self.symbol_link.unwrap_or(index as u32 + 1);
        let table = Sec { kind: kind::SYMTAB, link, align: 8, ..Sec::new(".symtab", &data) };
        [table, Sec { kind: kind::STRTAB, ..Sec::new(".strtab", &strings) }]
    }

    /// Writes the file.
    pub(crate) fn build(&self) -> Vec<u8> {
        let mut sections = self.sections.clone();
        if !self.symbols.is_empty() {
            sections.extend(self.symbol_sections(sections.len()));
        }
        sections.push(Sec { kind: kind::STRTAB, ..Sec::new(".shstrtab", b"") });
        let mut names = vec![0];
        let mut places: Vec<u32> = Vec::new();
        for section in &sections {
            places.push(section.name_offset.unwrap_or(names.len() as u32));
            names.extend(section.name.as_bytes());
            names.push(0);
        }
        if self.unterminated_names {
            names.pop();
        }
        sections.last_mut().expect("the names were added").data = names;
        write_file(self, &sections, &places)
    }
}

/// Writes header, contents and section headers.
fn write_file(builder: &Builder, sections: &[Sec], places: &[u32]) -> Vec<u8> {
    let mut bytes = vec![0; 64];
    let mut headers = Vec::new();
    for (index, (section, place)) in sections.iter().zip(places).enumerate() {
        let offset = if index == 0 { 0 } else { section.offset.unwrap_or(bytes.len() as u64) };
        let size = if index == 0 { builder.null_size } else { section.size.unwrap_or(section.data.len() as u64) };
        headers.extend((if index == 0 { 0 } else { *place }).to_le_bytes());
        headers.extend(section.kind.to_le_bytes());
        headers.extend([section.flags, 0, offset, size].map(u64::to_le_bytes).concat());
        headers.extend([section.link, section.info].map(u32::to_le_bytes).concat());
        headers.extend([section.align, 0].map(u64::to_le_bytes).concat());
        bytes.extend(&section.data);
    }
    let start = bytes.len() as u64;
    bytes.extend(headers);
    bytes[..8].copy_from_slice(b"\x7fELF\x02\x01\x01\0");
    bytes[16..18].copy_from_slice(&1u16.to_le_bytes());
    bytes[18..20].copy_from_slice(&builder.machine.to_le_bytes());
    bytes[20] = 1;
    bytes[40..48].copy_from_slice(&start.to_le_bytes());
    let tail = [64u16, 0, 0, 64, sections.len() as u16, sections.len() as u16 - 1];
    bytes[52..64].copy_from_slice(&tail.map(u16::to_le_bytes).concat());
    bytes
}
