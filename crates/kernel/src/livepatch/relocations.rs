//! Relocations of livepatch modules: symbols that nobody exports, looked up by name and place. Counterpart:
//! `klp_apply_section_relocs`, `klp_resolve_symbols`, `klp_find_object_symbol` of kernel/livepatch/core.c.
//!
//! DIFFERS: of the kernel's own symbols those can be had that lkm has a function or variable for.

use super::{object, say};
use crate::log;
use crate::module::load::LoadError;
use crate::module::{self, Module, symbols};
use kabi::errno::{EINVAL, ENOEXEC};
use kabi::{KError, KResult, profile};
use loader::livepatch::{Named, Section};
use loader::{Refusal, Series};
use machine::arena;

/// What the kernel itself is called.
const KERNEL: &str = "vmlinux";
/// From this release on relocations are taken back when their object goes.
const CLEARED: Series = (6, 3);

/// Applies what needs the kernel alone, while the module is loaded.
///
/// # Errors
/// `EINVAL` for a symbol, `ENOEXEC` for a relocation.
pub(crate) fn at_load(sections: &[Section], module: &str) -> Result<(), LoadError> {
    for section in sections.iter().filter(|section| section.object == KERNEL) {
        apply(section, module)?;
    }
    Ok(())
}

/// Applies what goes with an object, which is there now.
///
/// # Errors
/// As [`at_load`].
pub(super) fn for_object(patch: &Module, object: &str) -> KResult {
    for section in patch.late.iter().filter(|section| section.object == object && object != KERNEL) {
        apply(section, patch.name()).map_err(|e| match e {
            LoadError::Died => KError::Died,
            LoadError::Refused(refusal) => {
                refusal.log.iter().for_each(|line| log::line(line.level, &line.text));
                refusal.errno.into()
            }
        })?;
    }
    Ok(())
}

/// Takes back what goes with an object, which goes.
///
/// # Errors
/// When the module's memory cannot be reached.
pub(super) fn clear(patch: &Module, object: &str) -> KResult {
    if loader::series() < CLEARED {
        return Ok(());
    }
    patch.late.iter().filter(|section| section.object == object).try_for_each(|section| section.clear(write))
}

fn write(addr: u64, bytes: &[u8]) -> KResult {
    arena::write(addr, bytes).map_err(|_| ENOEXEC.into())
}

fn apply(section: &Section, module: &str) -> Result<(), LoadError> {
    let values = section.rows.iter().map(|row| value(section, &row.symbol, row.marked, module));
    let values = values.collect::<Result<Vec<u64>, LoadError>>()?;
    let read =
        |addr, bytes: &mut [u8]| -> Result<(), LoadError> { Ok(arena::read(addr, bytes).map_err(Refusal::from)?) };
    section.apply(&values, module, read, |addr, bytes| Ok(write(addr, bytes)?))
}

/// What a livepatch symbol stands for.
fn value(section: &Section, symbol: &str, marked: bool, module: &str) -> Result<u64, LoadError> {
    let refused = |text: &str| {
        say(3, text);
        Err(Refusal::silent(EINVAL).into())
    };
    if !marked {
        return refused(&format!("symbol {symbol} is not marked as a livepatch symbol"));
    }
    let Some(named) = Named::read(symbol) else {
        return refused(&format!("symbol {symbol} has an incorrectly formatted name"));
    };
    let name = named.name;
    match (named.object, section.object.as_str()) {
        (KERNEL, KERNEL) => of_kernel(&named, module),
        (KERNEL, _) => {
            let place = "module-specific livepatch relocation section";
            refused(&format!("invalid access to vmlinux symbol '{name}' from {place}"))
        }
        (object, _) => match module::find(object) {
            Some(owner) => Ok(object::find(&owner, name, named.position)?),
            None => refused(&format!("symbol '{name}' not found in symbol table")),
        },
    }
}

fn of_kernel(named: &Named<'_>, module: &str) -> Result<u64, LoadError> {
    let (name, place) = (named.name, named.position);
    let value = symbols::address_of(name)?;
    let count = profile().symbols_named(name).count().max(usize::from(value.is_some())) as u64;
    let text = match (count, place, value) {
        (0, ..) => format!("symbol '{name}' not found in symbol table"),
        (2.., 0, _) => format!("unresolvable ambiguity for symbol '{name}' in object '(null)'"),
        (_, place, _) if place > count => {
            format!("symbol position {place} for symbol '{name}' in object 'vmlinux' not found")
        }
        (1, _, Some(value)) => return Ok(value),
        _ => {
            let cure = "only those functions and variables can be had that modules can import";
            log::line(3, &format!("lkm: livepatch '{module}' wants the kernel's {name} (.klp.rela.vmlinux): {cure}"));
            return Err(Refusal::silent(EINVAL).into());
        }
    };
    say(3, &text);
    Err(Refusal::silent(EINVAL).into())
}
