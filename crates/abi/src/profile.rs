//! A profile: the questions one can ask about a kernel build. Every answer is read in place from mapped bytes.

use crate::btf::{Btf, Member, Prototype, TypeId};
use crate::bytes::{slice, str_at, u32_at, u64_at};
use crate::cache::dir;
use crate::cache::format::{Head, Note, PARTS, Part, Span};
use crate::cache::map::Bytes;
use crate::elf::{SHF_ALLOC, Section, Segment};
use crate::error::{Error, Result};
use crate::hash;
use crate::import::Stored;
use crate::relocs::Relocations;
use crate::tables::{self, EXPORT, Export};
use std::fs::File;
use std::path::{Path, PathBuf};

/// A symbol of the kernel image (from its kallsyms).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Symbol<'a> {
    /// Its name.
    pub name: &'a str,
    /// Link-time address; an offset into a CPU's area for a per-CPU symbol.
    pub addr: u64,
    /// The letter `nm` shows: 'T' and 't' code, 'D' 'd' data, 'B' 'b' zeroed data, 'R' 'r' read-only data, 'A' absolute
    /// (per-CPU) ...; small letters are static.
    pub kind: char,
    /// Bytes to the next symbol; 0 when it is the last of its section or not known.
    pub size: u64,
}

/// What lkm knows of one kernel build. Cheap to open, `Send + Sync`, and usable in a process forked after.
#[derive(Debug)]
pub struct Profile {
    bytes: Bytes,
    parts: [Option<Span>; PARTS],
    notes: [Option<String>; Note::Origin as usize + 1],
    path: Option<PathBuf>,
}

impl Profile {
    pub(crate) fn new((bytes, head, path): Stored) -> Self {
        let Head { parts, notes } = head;
        Profile { bytes, parts, notes, path }
    }

    /// Opens a profile's file, wherever it lies and whatever kernel it is of. Only its head is checked: what the rest
    /// cannot answer is as if it were not there.
    ///
    /// # Errors
    /// The file cannot be read, or is no profile that this version of lkm wrote.
    pub fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(|e| Error::io("read", path, e))?;
        let (bytes, head) = dir::opened(file, path)?;
        Ok(Self::new((bytes, head, Some(path.to_owned()))))
    }

    fn part(&self, part: Part) -> &[u8] {
        self.parts.get(part as usize).copied().flatten().map_or(&[], |span| span.of(&self.bytes))
    }

    fn note(&self, note: Note) -> Option<&str> {
        self.notes.get(note as usize)?.as_deref()
    }

    // Identity.

    /// The release, as uname -r prints it: "6.1.0-56-amd64".
    pub fn release(&self) -> &str {
        self.note(Note::Release).unwrap_or("")
    }

    /// The version, as uname -v prints it: "#1 SMP PREEMPT_DYNAMIC ...".
    pub fn version(&self) -> &str {
        self.note(Note::Version).unwrap_or("")
    }

    /// The line a kernel starts its log with: "Linux version ...".
    pub fn banner(&self) -> &str {
        self.note(Note::Banner).unwrap_or("")
    }

    /// The GNU build id in hex, if the image has one.
    pub fn build_id(&self) -> Option<&str> {
        self.note(Note::BuildId)
    }

    /// The vermagic this kernel wants of modules, with its trailing blank, if the image tells.
    pub fn vermagic(&self) -> Option<&str> {
        self.note(Note::Vermagic)
    }

    /// The file this profile was made from.
    pub fn source(&self) -> &Path {
        Path::new(self.note(Note::Source).unwrap_or(""))
    }

    /// Whether the kernel's image is there: else only layouts, prototypes and the exports' names are.
    pub fn has_image(&self) -> bool {
        self.parts.get(Part::Image as usize).copied().flatten().is_some()
    }

    /// Where the layouts come from: "image", "headers: BTF", "headers: BTF of the running kernel", "headers: DWARF",
    /// or "image and headers: ..." for a kernel built without BTF.
    pub fn origin(&self) -> &str {
        self.note(Note::Origin).unwrap_or("")
    }

    /// The cache file; `None` when nowhere could be written and the profile lives in memory.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    // Types.

    /// All type information. An empty one (that answers nothing) if the file is damaged.
    pub fn btf(&self) -> Option<Btf<'_>> {
        Btf::new(self.part(Part::Btf), self.part(Part::BtfIndex))
    }

    /// The size of a type by its C name: "struct page", "page", "atomic_t", "unsigned int".
    pub fn size_of(&self, name: &str) -> Option<u64> {
        let btf = self.btf()?;
        btf.size(btf.type_by_name(name)?)
    }

    /// A member of a struct or union, through anonymous ones, by a dotted path: ("module", "mkobj.kobj").
    pub fn member(&self, aggregate: &str, path: &str) -> Option<Member> {
        let btf = self.btf()?;
        btf.member(btf.aggregate(aggregate)?, path)
    }

    /// The byte offset of a member.
    pub fn offset_of(&self, aggregate: &str, path: &str) -> Option<u64> {
        self.member(aggregate, path).map(|m| m.offset)
    }

    /// The value of an enumerator.
    pub fn enum_value(&self, name: &str) -> Option<i64> {
        self.btf()?.enum_value(name)
    }

    /// The prototype of a function.
    pub fn prototype(&self, name: &str) -> Option<Prototype> {
        self.btf()?.prototype(name)
    }

    /// A function's or a type's C text: of a function its declaration, of a type its definition.
    pub fn declaration(&self, name: &str) -> Option<String> {
        let btf = self.btf()?;
        if let Some(text) = btf.declare_function(name) {
            return Some(format!("{text};"));
        }
        btf.define(btf.type_by_name(name).or_else(|| btf.aggregate(name))?)
    }

    /// A type's name as C text: "const char *".
    pub fn type_name(&self, id: TypeId) -> String {
        self.btf().map_or_else(String::new, |btf| btf.type_name(id))
    }

    // Exports.

    /// A symbol exported to modules, by name.
    pub fn export(&self, name: &str) -> Option<Export<'_>> {
        let candidates = hash::candidates(self.part(Part::ExportIndex), 0, name.as_bytes());
        candidates.filter_map(|i| self.export_at(i as usize)).find(|e| e.name == name)
    }

    fn export_at(&self, i: usize) -> Option<Export<'_>> {
        tables::read_export(self.part(Part::Exports), self.part(Part::Names), i)
    }

    /// All exports, by name.
    pub fn exports(&self) -> impl Iterator<Item = Export<'_>> {
        (0..self.part(Part::Exports).len() / EXPORT).filter_map(|i| self.export_at(i))
    }

    // Symbols.

    /// The number of symbols.
    pub fn symbol_count(&self) -> usize {
        self.part(Part::SymbolKinds).len()
    }

    /// A symbol by name; of several with this name a global one, else the first by address.
    pub fn symbol(&self, name: &str) -> Option<Symbol<'_>> {
        let mut first = None;
        for symbol in self.symbols_named(name) {
            if symbol.kind.is_ascii_uppercase() {
                return Some(symbol);
            }
            first = first.or(Some(symbol));
        }
        first
    }

    /// Every symbol of a name (static ones can share it).
    pub fn symbols_named<'s, 'n>(&'s self, name: &'n str) -> impl Iterator<Item = Symbol<'s>> + use<'s, 'n> {
        let candidates = hash::candidates(self.part(Part::SymbolIndex), 0, name.as_bytes());
        candidates.filter_map(|i| self.symbol_number(i as usize)).filter(move |s| s.name == name)
    }

    /// All symbols, by address.
    pub fn symbols(&self) -> impl Iterator<Item = Symbol<'_>> {
        (0..self.symbol_count()).filter_map(|i| self.symbol_number(i))
    }

    /// The symbol that `addr` (a link-time address) lies in, and how far in. Of several at one address the first.
    pub fn symbol_at(&self, addr: u64) -> Option<(Symbol<'_>, u64)> {
        let after = self.first_symbol_above(addr);
        let last = self.symbol_addr(after.checked_sub(1)?)?;
        let first = self.first_symbol_at_or_above(last);
        let symbol = self.symbol_number(first)?;
        let offset = addr.checked_sub(symbol.addr)?;
        // Past the end of the section the symbol is in, there is nothing.
        (offset < symbol.size || offset == 0).then_some((symbol, offset))
    }

    fn symbol_addr(&self, i: usize) -> Option<u64> {
        u64_at(self.part(Part::SymbolAddrs), i.checked_mul(8)?)
    }

    fn symbol_number(&self, i: usize) -> Option<Symbol<'_>> {
        let name = u32_at(self.part(Part::SymbolNames), i.checked_mul(4)?)?;
        let addr = self.symbol_addr(i)?;
        Some(Symbol {
            name: str_at(self.part(Part::Names), name as usize)?,
            addr,
            kind: char::from(*self.part(Part::SymbolKinds).get(i)?),
            size: self.symbol_size(addr),
        })
    }

    /// To the next symbol, or the end of the section.
    fn symbol_size(&self, addr: u64) -> u64 {
        let next = self.symbol_addr(self.first_symbol_above(addr)).unwrap_or(u64::MAX);
        let end = self.section_end(addr).unwrap_or(addr);
        next.min(end).saturating_sub(addr)
    }

    fn first_symbol_above(&self, addr: u64) -> usize {
        self.partition(|a| a <= addr)
    }

    fn first_symbol_at_or_above(&self, addr: u64) -> usize {
        self.partition(|a| a < addr)
    }

    /// The number of symbols from the start whose address satisfies `before`.
    fn partition(&self, before: impl Fn(u64) -> bool) -> usize {
        let (mut low, mut high) = (0, self.symbol_count());
        while low < high {
            let middle = low + (high - low) / 2;
            match self.symbol_addr(middle) {
                Some(addr) if before(addr) => low = middle + 1,
                _ => high = middle,
            }
        }
        low
    }

    // The image.

    /// The sections of the image, in its order.
    pub fn sections(&self) -> impl Iterator<Item = Section> {
        tables::read_sections(self.part(Part::Sections), self.part(Part::Names))
    }

    /// A section of the image by name.
    pub fn section(&self, name: &str) -> Option<Section> {
        self.sections().find(|s| s.name == name)
    }

    /// The section that a link-time address lies in.
    pub fn section_at(&self, addr: u64) -> Option<Section> {
        self.sections().find(|s| s.flags & SHF_ALLOC != 0 && s.contains(addr))
    }

    /// Where the section that holds `addr` ends; read without making its name.
    fn section_end(&self, addr: u64) -> Option<u64> {
        let records = self.part(Part::Sections).chunks_exact(tables::SECTION);
        let spans = records.filter_map(|r| Some((u64_at(r, 8)?, u64_at(r, 16)?, u64_at(r, 32)?)));
        spans
            .filter(|&(start, size, flags)| flags & SHF_ALLOC != 0 && addr.checked_sub(start).is_some_and(|d| d < size))
            .find_map(|(start, size, _)| start.checked_add(size))
    }

    /// The loadable segments of the image.
    pub fn segments(&self) -> impl Iterator<Item = Segment> {
        tables::read_segments(self.part(Part::Segments))
    }

    /// The whole unpacked `vmlinux`; empty when made from headers.
    pub fn vmlinux(&self) -> &[u8] {
        self.part(Part::Image)
    }

    /// `len` initialised bytes of the image at a link-time address. The per-CPU template is found both at the
    /// addresses of its symbols (from 0) and at those it is loaded at (which the relocations use).
    pub fn image_bytes(&self, addr: u64, len: usize) -> Option<&[u8]> {
        let inside = |start: u64, s: &Segment| addr.checked_sub(start).filter(|&d| d < s.file_size);
        let (segment, offset) =
            self.segments().find_map(|s| Some((s, inside(s.addr, &s).or_else(|| inside(s.load_addr, &s))?)))?;
        (u64::try_from(len).ok()? <= segment.file_size - offset).then_some(())?;
        slice(self.vmlinux(), usize::try_from(segment.offset.checked_add(offset)?).ok()?, len)
    }

    /// The initialised bytes that an image's symbol starts with, up to the next symbol.
    pub fn initial_value(&self, symbol: &str) -> Option<&[u8]> {
        let symbol = self.symbol(symbol)?;
        self.image_bytes(symbol.addr, usize::try_from(symbol.size).ok()?)
    }

    /// What every CPU's area starts as, and the link-time address of its first byte (0 up to 6.14).
    pub fn percpu_template(&self) -> Option<(u64, &[u8])> {
        let section = self.sections().find(Section::is_percpu)?;
        let bytes = slice(self.vmlinux(), usize::try_from(section.offset).ok()?, usize::try_from(section.size).ok()?)?;
        Some((section.addr, bytes))
    }

    /// Where the image must change when it is moved.
    pub fn relocations(&self) -> Option<Relocations<'_>> {
        let image = self.vmlinux();
        let start = usize::try_from(u64_at(image, 0x28)?).ok()?;
        let (entry, count) = (crate::bytes::u16_at(image, 0x3a)?, crate::bytes::u16_at(image, 0x3c)?);
        let end = start.checked_add(usize::from(entry).checked_mul(usize::from(count))?)?;
        Relocations::new(image.get(end..)?)
    }

    /// The file that holds the image and where the image starts in it (page-aligned), so that segments can be
    /// mapped instead of copied, also where no file can be opened any more. The mapping must be private:
    /// the file is everyone's.
    pub fn image_file(&self) -> Option<(&File, u64)> {
        let span = self.parts.get(Part::Image as usize).copied().flatten()?;
        Some((self.bytes.file(), span.start as u64))
    }
}
