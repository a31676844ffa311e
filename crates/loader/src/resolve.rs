//! The address of every symbol. Counterpart: `simplify_symbols`, `resolve_symbol` of kernel/module/main.c,
//! `check_version` of kernel/module/version.c.

use crate::check::{self, Crcs, Identity, Version};
use crate::place::Layout;
use crate::refusal::{LogLine, Refusal};
use kabi::Errno;
use kabi::errno::{EBUSY, EINVAL, ENOENT, ENOEXEC};
use kofile::{Elf, Name, Symbol, SymbolBinding, SymbolSection, Symbols};
use std::collections::HashSet;

/// `KSYM_NAME_LEN`: no symbol of a kernel has a longer name, and no log line needs one.
const NAME_MAX: usize = 512;

/// A call or jump of 32 bits, relative to its own place (the psABI's number).
const R_X86_64_PLT32: u32 = 4;

/// Who has a symbol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Owner {
    /// The kernel: lkm's own code, borrowed code, or a named trap.
    Kernel,
    /// A loaded module, by the caller's number.
    Module(u64),
}

/// A symbol that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its address, or its offset if it is a per-CPU variable.
    pub value: u64,
    /// Its version; `None` if the exporter has no versions.
    pub crc: Option<u32>,
    /// Exported with `EXPORT_SYMBOL_GPL`.
    pub gpl_only: bool,
    /// The namespace that an importer must name.
    pub namespace: Option<String>,
    /// Who has it.
    pub owner: Owner,
    /// The owner's name if it is a module with the taint of proprietary ones.
    pub proprietary: Option<String>,
}

/// Where imported symbols come from.
pub trait Resolver {
    /// Looks for an exported symbol.
    ///
    /// # Errors
    /// When it exists and cannot be given, such as memory for its stub.
    fn find(&mut self, name: &str) -> Result<Option<Found>, Refusal>;

    /// Takes a reference on the module that has a symbol, unless this load has one already (`ref_module`).
    ///
    /// # Errors
    /// `EBUSY`: it is coming. `ENOENT`: it is going.
    fn hold(&mut self, module: u64) -> Result<(), Errno> {
        let _ = module;
        Ok(())
    }

    /// Waits until a module came or went; false once that took too long (30 s for one symbol).
    fn wait(&mut self, module: u64) -> bool {
        let _ = module;
        false
    }

    /// The name of a module, for messages.
    fn name_of(&self, module: u64) -> String {
        module.to_string()
    }

    /// True if the next call of `find` wants to know how the module uses the symbol, which costs a look at all
    /// relocations.
    fn wants_use(&self) -> bool {
        false
    }

    /// Says before `find` whether the module calls the symbol that it asks for; otherwise it is data.
    fn note_use(&mut self, called: bool) {
        let _ = called;
    }
}

/// The symbols that a module calls: compilers mark calls, and only those, as going through a procedure linkage table.
fn called(elf: &Elf<'_>) -> HashSet<u32> {
    let mut called = HashSet::new();
    for table in elf.relocation_tables() {
        called.extend(table.iter().filter(|r| r.kind == R_X86_64_PLT32).map(|r| r.symbol));
    }
    called
}

/// What resolving gave.
#[derive(Debug)]
pub struct Resolved {
    /// Address by symbol index.
    pub values: Vec<u64>,
    /// The module uses symbols of a proprietary one, and is now as tainted.
    pub inherits: bool,
    /// It uses GPL-only symbols.
    pub uses_gpl: bool,
    /// Lines for the log that are no refusal.
    pub log: Vec<LogLine>,
}

/// Who imports.
#[derive(Debug)]
pub struct Importer<'a> {
    /// What the module says of itself.
    pub identity: &'a Identity,
    /// The CRCs that it wants; `None` without any.
    pub crcs: Option<&'a Crcs<'a>>,
    /// It has the taint of proprietary modules: GPL-only symbols do not exist for it.
    pub proprietary: bool,
}

/// Gives every symbol its value.
///
/// # Errors
/// `ENOENT`, `EINVAL`, `ENOEXEC`, `EBUSY` with the kernel's messages, one for each symbol that fails.
pub fn resolve(
    elf: &Elf<'_>,
    symbols: &Symbols<'_>,
    layout: &Layout,
    importer: &Importer<'_>,
    resolver: &mut dyn Resolver,
) -> Result<Resolved, Refusal> {
    let wants_use = resolver.wants_use().then(|| called(elf));
    let mut imports =
        Imports { importer, resolver, proprietary: importer.proprietary, uses_gpl: false, log: Vec::new() };
    let mut values = Vec::with_capacity(symbols.len());
    let mut failed: Option<Errno> = None;
    for (index, symbol) in symbols.iter().enumerate() {
        let value = match symbol.section {
            SymbolSection::Undef if index == 0 => Ok(0),
            SymbolSection::Undef => {
                if let Some(called) = &wants_use {
                    imports.resolver.note_use(u32::try_from(index).is_ok_and(|index| called.contains(&index)));
                }
                imports.undefined(&symbol)?
            }
            _ => defined(elf, layout, &symbol, &importer.identity.name, &mut imports.log),
        };
        values.push(value.unwrap_or(0));
        failed = value.err().or(failed);
    }
    let (log, inherits, uses_gpl) = (imports.log, imports.proprietary && !importer.proprietary, imports.uses_gpl);
    match failed {
        None => Ok(Resolved { values, inherits, uses_gpl, log }),
        Some(errno) => Err(Refusal { errno, log, detail: Some(format!("{}: unresolved symbols", elf.file())) }),
    }
}

/// The value of a symbol that the file itself defines.
fn defined(
    elf: &Elf<'_>,
    layout: &Layout,
    symbol: &Symbol<'_>,
    module: &str,
    log: &mut Vec<LogLine>,
) -> Result<u64, Errno> {
    /// `SHN_LIVEPATCH`: the patch gives it its value.
    const LIVEPATCH: u16 = 0xff20;
    let section = match symbol.section {
        SymbolSection::Abs | SymbolSection::Undef | SymbolSection::Reserved(LIVEPATCH) => return Ok(symbol.value),
        SymbolSection::Common if symbol.name().as_bytes().starts_with(b"__gnu_lto") => return Ok(symbol.value),
        SymbolSection::Common => {
            log.push(LogLine::warn(format!("{module}: please compile with -fno-common")));
            return Err(ENOEXEC);
        }
        SymbolSection::Section(section) | SymbolSection::Reserved(section) => section,
    };
    let count = elf.sections().len();
    if usize::from(section) >= count {
        let (name, last) = (short(symbol), count.saturating_sub(1));
        let line = format!("{module}: Symbol {name} has an invalid section index {section} (max {last})");
        log.push(LogLine::err(line));
        return Err(ENOEXEC);
    }
    Ok(layout.address(section.into()).map_or(0, |base| base.wrapping_add(symbol.value)))
}

/// A symbol's name, cut where no kernel has a longer one.
fn short<'a>(symbol: &Symbol<'a>) -> Name<'a> {
    let name = symbol.name();
    Name::new(name.as_bytes().get(..NAME_MAX).unwrap_or(name.as_bytes()))
}

struct Imports<'a, 'r> {
    importer: &'a Importer<'a>,
    resolver: &'r mut dyn Resolver,
    /// The module is tainted as proprietary, also by what it uses.
    proprietary: bool,
    /// It uses GPL-only symbols.
    uses_gpl: bool,
    log: Vec<LogLine>,
}

impl Imports<'_, '_> {
    /// The value of a symbol that the file does not define (`resolve_symbol_wait`, `simplify_symbols`).
    fn undefined(&mut self, symbol: &Symbol<'_>) -> Result<Result<u64, Errno>, Refusal> {
        let name = short(symbol);
        let errno = match self.import(&name.to_str_lossy())? {
            Ok(Some(value)) => return Ok(Ok(value)),
            // Compilers leave this name behind without using it.
            Ok(None) if symbol.binding == SymbolBinding::Weak || name == "_GLOBAL_OFFSET_TABLE_" => return Ok(Ok(0)),
            Ok(None) => ENOENT,
            Err(errno) => errno,
        };
        let module = &self.importer.identity.name;
        self.log.push(LogLine::warn(format!("{module}: Unknown symbol {name} (err -{})", errno.0)));
        Ok(Err(errno))
    }

    /// The value of an imported symbol; `None` if nobody has it.
    fn import(&mut self, name: &str) -> Result<Result<Option<u64>, Errno>, Refusal> {
        loop {
            let found = self.resolver.find(name)?.filter(|found| !(found.gpl_only && self.proprietary));
            let Some(found) = found else { return Ok(Ok(None)) };
            self.uses_gpl |= found.gpl_only;
            if !self.inherit(name, &found) {
                return Ok(Ok(None));
            }
            let held = self.check(name, &found).and_then(|()| match found.owner {
                Owner::Kernel => Ok(()),
                Owner::Module(id) => self.resolver.hold(id),
            });
            match (held, found.owner) {
                (Ok(()), _) => return Ok(Ok(Some(found.value))),
                (Err(EBUSY), Owner::Module(id)) if self.resolver.wait(id) => {}
                (Err(errno), owner) => {
                    if let (EBUSY, Owner::Module(id)) = (errno, owner) {
                        let (module, owner) = (&self.importer.identity.name, self.resolver.name_of(id));
                        let line = format!("{module}: gave up waiting for init of module {owner}.");
                        self.log.push(LogLine::warn(line));
                    }
                    return Ok(Err(errno));
                }
            }
        }
    }

    /// Version and namespace.
    fn check(&mut self, name: &str, found: &Found) -> Result<(), Errno> {
        let identity = self.importer.identity;
        if let Version::Wrong(line) = check::version(identity, self.importer.crcs, name, found.crc) {
            self.log.push(line);
            return Err(EINVAL);
        }
        let Some(namespace) = found.namespace.as_deref().filter(|n| !n.is_empty()) else { return Ok(()) };
        if identity.imported_namespaces.iter().any(|n| n == namespace) {
            return Ok(());
        }
        self.log.push(LogLine::err(format!(
            "{}: module uses symbol ({name}) from namespace {namespace}, but does not import it.",
            identity.name
        )));
        Err(EINVAL)
    }

    /// Who uses symbols of a proprietary module is tainted like it, and may then use no GPL-only ones
    /// (`inherit_taint`); false if it used some before.
    fn inherit(&mut self, name: &str, found: &Found) -> bool {
        let Some(owner) = &found.proprietary else { return true };
        let module = &self.importer.identity.name;
        let uses = format!("uses symbols {name} from proprietary module {owner}");
        if self.uses_gpl {
            self.log.push(LogLine::err(format!("{module}: module using GPL-only symbols {uses}.")));
            return false;
        }
        if !self.proprietary {
            self.log.push(LogLine::warn(format!("{module}: module {uses}, inheriting taint.")));
            self.proprietary = true;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Symbols by name; those of module 1 cannot be had before `waits` waits.
    struct Fake {
        symbols: Vec<(&'static str, Found)>,
        waits: Option<usize>,
    }

    impl Resolver for Fake {
        fn find(&mut self, name: &str) -> Result<Option<Found>, Refusal> {
            Ok(self.symbols.iter().find(|(symbol, _)| *symbol == name).map(|(_, found)| found.clone()))
        }

        fn hold(&mut self, _module: u64) -> Result<(), Errno> {
            if self.waits == Some(0) { Ok(()) } else { Err(EBUSY) }
        }

        fn wait(&mut self, _module: u64) -> bool {
            self.waits = self.waits.map(|left| left - 1);
            self.waits.is_some()
        }

        fn name_of(&self, _module: u64) -> String {
            "slow".into()
        }
    }

    fn found(gpl_only: bool, owner: Owner, proprietary: Option<&str>) -> Found {
        let proprietary = proprietary.map(str::to_string);
        Found { value: 7, crc: None, gpl_only, namespace: None, owner, proprietary }
    }

    /// What importing these names gives, and what is logged.
    fn import(fake: &mut Fake, names: &[&str]) -> (Vec<Result<Option<u64>, Errno>>, Vec<String>) {
        let identity = Identity { name: "m".into(), ..Identity::default() };
        let importer = Importer { identity: &identity, crcs: None, proprietary: false };
        let mut imports =
            Imports { importer: &importer, resolver: fake, proprietary: false, uses_gpl: false, log: Vec::new() };
        let values = names.iter().map(|name| imports.import(name).unwrap()).collect();
        (values, imports.log.into_iter().map(|line| line.text).collect())
    }

    #[test]
    fn a_module_that_is_coming_is_waited_for() {
        let symbols = vec![("late", found(false, Owner::Module(1), None))];
        let mut fake = Fake { symbols: symbols.clone(), waits: Some(2) };
        assert_eq!(import(&mut fake, &["late"]), (vec![Ok(Some(7))], vec![]));
        let mut fake = Fake { symbols, waits: None };
        let line = "m: gave up waiting for init of module slow.".to_string();
        assert_eq!(import(&mut fake, &["late"]), (vec![Err(EBUSY)], vec![line]));
    }

    #[test]
    fn gpl_only_and_proprietary_symbols_do_not_go_together() {
        let symbols =
            vec![("gpl", found(true, Owner::Kernel, None)), ("closed", found(false, Owner::Module(1), Some("secret")))];
        let mut fake = Fake { symbols, waits: Some(0) };
        let (values, log) = import(&mut fake, &["gpl", "closed"]);
        assert_eq!(values, [Ok(Some(7)), Ok(None)]);
        let text = "m: module using GPL-only symbols uses symbols closed from proprietary module secret.";
        assert_eq!(log, [text]);
        let (values, log) = import(&mut fake, &["closed", "gpl"]);
        assert_eq!(values, [Ok(Some(7)), Ok(None)]);
        assert_eq!(log, ["m: module uses symbols closed from proprietary module secret, inheriting taint."]);
    }
}
