//! The address of every symbol. Counterpart: `simplify_symbols`, `resolve_symbol` of kernel/module/main.c,
//! `check_version` of kernel/module/version.c.

use crate::check::{Flags, Identity};
use crate::place::Layout;
use crate::refusal::{LogLine, Refusal};
use kabi::Errno;
use kabi::errno::{EINVAL, ENOENT, ENOEXEC};
use kofile::{Elf, Name, SymbolBinding, SymbolSection, Symbols};
use std::collections::{HashMap, HashSet};

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
}

/// Where imported symbols come from.
pub trait Resolver {
    /// Looks for an exported symbol.
    ///
    /// # Errors
    /// When it exists and cannot be given, such as memory for its stub.
    fn find(&mut self, name: &str) -> Result<Option<Found>, Refusal>;

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
    /// Modules whose symbols are used, each once, in the order of first use.
    pub uses: Vec<u64>,
    /// Lines for the log that are no refusal.
    pub log: Vec<LogLine>,
}

/// Gives every symbol its value.
///
/// # Errors
/// `ENOENT`, `EINVAL`, `ENOEXEC` with the kernel's messages, one for each symbol that fails.
pub fn resolve(
    elf: &Elf<'_>,
    symbols: &Symbols<'_>,
    layout: &Layout,
    identity: &Identity,
    versions: &HashMap<&[u8], u32>,
    flags: Flags,
    resolver: &mut dyn Resolver,
) -> Result<Resolved, Refusal> {
    let mut imports = Imports { identity, versions, flags, resolver, uses: Vec::new() };
    let mut out = Resolved { values: Vec::with_capacity(symbols.len()), uses: Vec::new(), log: Vec::new() };
    let mut failed: Option<Errno> = None;
    let called = imports.resolver.wants_use().then(|| called(elf));
    for (index, symbol) in symbols.iter().enumerate() {
        let value = match symbol.section {
            SymbolSection::Section(section) => {
                layout.address(section.into()).map_or(0, |base| base.wrapping_add(symbol.value))
            }
            SymbolSection::Abs => symbol.value,
            SymbolSection::Undef if index == 0 => 0,
            SymbolSection::Undef => {
                let name = symbol.name();
                let name = Name::new(name.as_bytes().get(..NAME_MAX).unwrap_or(name.as_bytes()));
                if let Some(called) = &called {
                    imports.resolver.note_use(u32::try_from(index).is_ok_and(|index| called.contains(&index)));
                }
                let weak = symbol.binding == SymbolBinding::Weak;
                match imports.import(&name.to_str_lossy(), &mut out.log)? {
                    Ok(value) => value,
                    Err(None) if weak => 0,
                    Err(why) => {
                        let errno = why.unwrap_or(ENOENT);
                        out.log.push(LogLine::warn(format!(
                            "{}: Unknown symbol {name} (err -{})",
                            identity.name, errno.0
                        )));
                        failed = Some(errno);
                        0
                    }
                }
            }
            SymbolSection::Common => {
                out.log.push(LogLine::warn(format!("{}: please compile with -fno-common", identity.name)));
                failed = Some(ENOEXEC);
                0
            }
            // A livepatch symbol is resolved by the patch; any other reserved index is none that modules have.
            SymbolSection::Reserved(_) => symbol.value,
        };
        out.values.push(value);
    }
    out.uses = imports.uses;
    match failed {
        None => Ok(out),
        Some(errno) => {
            Err(Refusal { errno, log: out.log, detail: Some(format!("{}: unresolved symbols", elf.file())) })
        }
    }
}

struct Imports<'a> {
    identity: &'a Identity,
    versions: &'a HashMap<&'a [u8], u32>,
    flags: Flags,
    resolver: &'a mut dyn Resolver,
    uses: Vec<u64>,
}

impl Imports<'_> {
    /// The value of an imported symbol; the inner error is `None` if nobody has it.
    fn import(&mut self, name: &str, log: &mut Vec<LogLine>) -> Result<Result<u64, Option<Errno>>, Refusal> {
        let Some(found) = self.resolver.find(name)? else { return Ok(Err(None)) };
        if found.gpl_only && !self.identity.is_gpl_compatible() {
            return Ok(Err(None));
        }
        if let Err(errno) = self.check_version(name, &found, log) {
            return Ok(Err(Some(errno)));
        }
        if let Some(namespace) = found.namespace.as_deref().filter(|n| !n.is_empty())
            && !self.identity.imported_namespaces.iter().any(|n| n == namespace)
        {
            log.push(LogLine::err(format!(
                "{}: module uses symbol ({name}) from namespace {namespace}, but does not import it.",
                self.identity.name
            )));
            return Ok(Err(Some(EINVAL)));
        }
        if let Owner::Module(id) = found.owner
            && !self.uses.contains(&id)
        {
            self.uses.push(id);
        }
        Ok(Ok(found.value))
    }

    fn check_version(&self, name: &str, found: &Found, log: &mut Vec<LogLine>) -> Result<(), Errno> {
        let Some(crc) = found.crc else { return Ok(()) };
        if self.flags.ignore_modversions() || !self.identity.has_versions {
            return Ok(());
        }
        match self.versions.get(name.as_bytes()) {
            Some(wanted) if *wanted == crc => Ok(()),
            Some(_) => {
                log.push(LogLine::warn(format!("{}: disagrees about version of symbol {name}", self.identity.name)));
                Err(EINVAL)
            }
            None => {
                // Broken tool chain: the kernel warns and goes on.
                log.push(LogLine::warn(format!("{}: no symbol version for {name}", self.identity.name)));
                Ok(())
            }
        }
    }
}

/// Compares the version of `module_layout`, the kernel's fingerprint of its own structures.
///
/// # Errors
/// `ENOEXEC` with the kernel's message.
pub fn module_layout(
    identity: &Identity,
    versions: &HashMap<&[u8], u32>,
    kernel: Option<u32>,
    flags: Flags,
) -> Result<(), Refusal> {
    let Some(kernel) = kernel.filter(|_| identity.has_versions && !flags.ignore_modversions()) else { return Ok(()) };
    match versions.get(b"module_layout".as_slice()) {
        Some(crc) if *crc != kernel => {
            let line = format!("{}: disagrees about version of symbol module_layout", identity.name);
            Err(Refusal::logged(ENOEXEC, LogLine::warn(line)))
        }
        _ => Ok(()),
    }
}
