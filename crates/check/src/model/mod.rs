//! A module as code: its functions, and what its bytes refer to.

mod code;
mod flow;
mod refs;

pub use code::Code;
pub use flow::{Callee, Step};
pub use refs::Target;

use kofile::{Elf, Relocation, SymbolKind, SymbolSection, Symbols};
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

/// Sections with instructions that never run where they are.
const LEFT_OUT: [&str; 3] = [".altinstr_replacement", ".altinstr_aux", ".static_call.text"];

/// A place in a section of the file: the section's index, and an offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Spot {
    /// Index of the section.
    pub section: usize,
    /// Offset in it.
    pub offset: u64,
}

/// A function of the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Function<'a> {
    /// Where it begins.
    pub start: Spot,
    /// Bytes, up to the next function.
    pub size: u64,
    /// Its name.
    pub name: kofile::Name<'a>,
    /// Its symbol says that it goes on behind the beginning of the next one.
    pub runs_on: bool,
    /// One before it runs on to it.
    pub is_inner: bool,
}

impl Function<'_> {
    /// Whether a place lies in it.
    pub fn contains(&self, spot: Spot) -> bool {
        spot.section == self.start.section
            && spot.offset.checked_sub(self.start.offset).is_some_and(|at| at < self.size)
    }

    /// Whether it is the part of another function that seldom runs.
    pub fn is_cold(&self) -> bool {
        self.name.as_bytes().windows(5).any(|part| part == b".cold")
    }
}

/// A module.
pub struct Model<'a> {
    /// The file.
    pub elf: &'a Elf<'a>,
    /// Its symbols.
    pub symbols: Symbols<'a>,
    /// Relocations of each section that takes memory, by offset.
    relocations: Vec<Vec<Relocation>>,
    /// Functions by place.
    functions: Vec<Function<'a>>,
    /// Functions that were decoded, by their number.
    decoded: RefCell<HashMap<usize, Rc<Code>>>,
    /// Where else control may go from an instruction.
    side_exits: HashMap<Spot, Vec<Spot>>,
    /// Every function can be traced: what one function keeps in registers, no compiler relies on in another.
    pub is_traced: bool,
}

impl<'a> Model<'a> {
    /// Reads the file.
    ///
    /// # Errors
    /// The symbol table is damaged.
    pub fn new(elf: &'a Elf<'a>) -> kofile::Result<Self> {
        let symbols = elf.symbols()?;
        let relocations = refs::collect(elf);
        let is_traced = symbols.iter().any(|symbol| symbol.is_undefined() && symbol.name() == "__fentry__");
        let functions = functions(elf, &symbols);
        let decoded = RefCell::default();
        let mut model = Self { elf, symbols, relocations, functions, decoded, side_exits: HashMap::new(), is_traced };
        model.side_exits = flow::side_exits(&model);
        Ok(model)
    }

    /// All functions, by place.
    pub fn functions(&self) -> &[Function<'a>] {
        &self.functions
    }

    /// The function that a place lies in, by its number.
    pub fn function_at(&self, spot: Spot) -> Option<usize> {
        let after = self.functions.partition_point(|function| function.start <= spot);
        let number = after.checked_sub(1)?;
        self.functions.get(number)?.contains(spot).then_some(number)
    }

    /// The instructions of a function.
    pub fn code(&self, number: usize) -> Rc<Code> {
        if let Some(code) = self.decoded.borrow().get(&number) {
            return code.clone();
        }
        let code = Rc::new(self.functions.get(number).map_or_else(Code::default, |f| Code::decode(self, f)));
        self.decoded.borrow_mut().insert(number, code.clone());
        code
    }

    /// Whether this section has instructions that run.
    pub fn is_code(&self, section: usize) -> bool {
        self.elf.section(section).is_some_and(is_code)
    }

    /// `function+0x12` or `variable` of a place.
    pub fn describe(&self, spot: Spot) -> String {
        let named = |name: kofile::Name<'_>, start: u64| match spot.offset.wrapping_sub(start) {
            0 => name.to_string(),
            distance => format!("{name}+{distance:#x}"),
        };
        if let Some(function) = self.function_at(spot).and_then(|number| self.functions.get(number)) {
            return named(function.name, function.start.offset);
        }
        match self.object_at(spot) {
            Some(object) => named(object.name(), object.value),
            None => named(self.elf.section(spot.section).map_or_else(Default::default, |s| s.name), 0),
        }
    }

    /// The variable that a place lies in.
    pub fn object_at(&self, spot: Spot) -> Option<kofile::Symbol<'a>> {
        self.symbols.iter().find(|symbol| {
            symbol.kind == SymbolKind::Object
                && spot_of(symbol) == Some(Spot { section: spot.section, offset: symbol.value })
                && spot.offset.checked_sub(symbol.value).is_some_and(|at| at < symbol.size.max(1))
        })
    }

    /// The indices of undefined symbols that `wanted` gives something for.
    pub fn imports<T>(&self, wanted: impl Fn(&str) -> Option<T>) -> HashMap<u32, T> {
        let undefined = (0u32..).zip(self.symbols.iter()).filter(|(_, symbol)| symbol.is_undefined());
        undefined.filter_map(|(index, symbol)| Some((index, wanted(symbol.name().to_str()?)?))).collect()
    }

    /// Whether the module imports a symbol that `wanted` says yes to.
    pub fn imports_any(&self, wanted: impl Fn(&str) -> bool) -> bool {
        self.symbols.iter().any(|symbol| symbol.is_undefined() && symbol.name().to_str().is_some_and(&wanted))
    }
}

/// Where a symbol that the file defines lies.
pub fn spot_of(symbol: &kofile::Symbol<'_>) -> Option<Spot> {
    match symbol.section {
        SymbolSection::Section(section) => Some(Spot { section: section.into(), offset: symbol.value }),
        _ => None,
    }
}

fn is_code(section: &kofile::Section<'_>) -> bool {
    section.is_alloc() && section.is_exec() && !LEFT_OUT.iter().any(|name| section.name == *name)
}

/// The functions of a file, one for each place.
fn functions<'a>(elf: &Elf<'a>, symbols: &Symbols<'a>) -> Vec<Function<'a>> {
    let mut found: Vec<Function<'a>> = symbols
        .iter()
        .filter(|symbol| symbol.kind == SymbolKind::Func && symbol.size > 0)
        .filter_map(|symbol| {
            let start = spot_of(&symbol)?;
            let size = elf.section(start.section).filter(|section| is_code(section))?.data.len() as u64;
            let size = symbol.size.min(size.checked_sub(start.offset)?);
            Some(Function { start, size, name: symbol.name(), runs_on: false, is_inner: false })
        })
        .collect();
    found.sort_by_key(|function| (function.start, std::cmp::Reverse(function.size), function.name));
    found.dedup_by_key(|function| function.start);
    separate(&mut found);
    found
}

/// Ends each function where the next one begins: what is decoded is decoded once.
fn separate(functions: &mut [Function<'_>]) {
    let starts: Vec<Spot> = functions.iter().skip(1).map(|function| function.start).collect();
    let mut reach = Spot { section: 0, offset: 0 };
    for (number, function) in functions.iter_mut().enumerate() {
        function.is_inner = function.start < reach;
        let end = Spot { section: function.start.section, offset: function.start.offset.saturating_add(function.size) };
        reach = reach.max(end);
        if let Some(next) = starts.get(number).filter(|next| next.section == end.section && next.offset < reach.offset)
        {
            function.size = next.offset.saturating_sub(function.start.offset);
            function.runs_on = true;
        }
    }
}
