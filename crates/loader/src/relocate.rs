//! Applies relocations. Counterpart: `apply_relocate_add` of arch/x86/kernel/module.c.

use crate::place::Layout;
use crate::refusal::{LogLine, Refusal};
use crate::{Series, series};
use kabi::errno::ENOEXEC;
use kofile::elf::flag;
use kofile::{Elf, RelocationTable};

/// Relocation types of x86-64 that modules use, with their numbers in ELF.
mod kind {
    pub(super) const NONE: u32 = 0;
    pub(super) const ABS_64: u32 = 1;
    pub(super) const PC32: u32 = 2;
    pub(super) const PLT32: u32 = 4;
    pub(super) const ABS_32: u32 = 10;
    pub(super) const ABS_32S: u32 = 11;
    pub(super) const PC64: u32 = 24;
}

/// Why one relocation cannot be applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Problem {
    /// A type that the loader does not know.
    UnknownType,
    /// It lies outside of its section.
    OutOfSection,
    /// Something is there already.
    NotZero,
    /// The value does not fit.
    Overflow(u64),
}

/// Applies one relocation at `offset` of `bytes`, which will lie at `address`; `value` is symbol plus addend.
///
/// # Errors
/// [`Problem`]; the bytes are then unchanged.
#[inline(always)]
pub fn apply(bytes: &mut [u8], address: u64, offset: u64, kind: u32, value: u64) -> Result<(), Problem> {
    let at = offset as usize;
    let place = address.wrapping_add(offset);
    match kind {
        kind::PC32 | kind::PLT32 => put32(bytes, at, value.wrapping_sub(place), sign_extends),
        kind::ABS_32S => put32(bytes, at, value, sign_extends),
        kind::ABS_64 => put64(bytes, at, value),
        // No address of a kernel fits into 32 bits without a sign: here they would, but the module is as wrong.
        kind::ABS_32 => put32(bytes, at, value, |v| v == u64::from(v as u32) && !machine::arena::contains(v)),
        kind::PC64 => put64(bytes, at, value.wrapping_sub(place)),
        kind::NONE => Ok(()),
        _ => Err(Problem::UnknownType),
    }
}

fn sign_extends(value: u64) -> bool {
    value as i64 == i64::from(value as i32)
}

#[inline(always)]
fn put32(bytes: &mut [u8], at: usize, value: u64, fits: fn(u64) -> bool) -> Result<(), Problem> {
    let word = bytes.get_mut(at..).and_then(|b| b.first_chunk_mut::<4>()).ok_or(Problem::OutOfSection)?;
    if *word != [0; 4] {
        return Err(Problem::NotZero);
    }
    if !fits(value) {
        return Err(Problem::Overflow(value));
    }
    *word = (value as u32).to_le_bytes();
    Ok(())
}

#[inline(always)]
fn put64(bytes: &mut [u8], at: usize, value: u64) -> Result<(), Problem> {
    let word = bytes.get_mut(at..).and_then(|b| b.first_chunk_mut::<8>()).ok_or(Problem::OutOfSection)?;
    if *word != [0; 8] {
        return Err(Problem::NotZero);
    }
    *word = value.to_le_bytes();
    Ok(())
}

/// Applies all relocations of sections that have memory. `values` are the symbols' addresses by symbol index.
/// Returns how many were applied.
///
/// # Errors
/// `ENOEXEC` with the kernel's message.
pub fn relocate(elf: &Elf<'_>, layout: &mut Layout, values: &[u64], module: &str) -> Result<usize, Refusal> {
    let mut applied = 0;
    for row in elf.sections().iter().filter(|s| matches!(s.kind, kofile::elf::kind::REL | kofile::elf::kind::RELA)) {
        // A target that does not exist or has no memory does not count; livepatch relocations are [`crate::livepatch`]'s.
        let target = usize::try_from(row.info).ok().and_then(|index| elf.section(index));
        let Some(section) = target.filter(|s| s.is_alloc()) else { continue };
        if row.flags & flag::RELA_LIVEPATCH != 0 {
            continue;
        }
        let Some(table) = elf.relocation_table(row) else {
            let line = LogLine::err(format!("module {module}: REL relocation unsupported"));
            return Err(Refusal::logged(ENOEXEC, line));
        };
        let Some(address) = layout.address(section.index) else { continue };
        // Per-CPU sections are copied from the file to each CPU; distribution modules have no relocations there.
        let Some(bytes) = layout.bytes_mut(section) else { continue };
        relocate_table(&table, bytes, address, values, module)?;
        applied += table.len();
    }
    Ok(applied)
}

fn relocate_table(
    table: &RelocationTable<'_>,
    bytes: &mut [u8],
    address: u64,
    values: &[u64],
    module: &str,
) -> Result<(), Refusal> {
    for (entry, r) in table.iter().enumerate() {
        let Some(symbol) = values.get(r.symbol as usize) else {
            let count = values.len() as u64;
            let kind =
                kofile::ErrorKind::Index { what: "symbol", index: r.symbol.into(), table: "symbol table", count };
            return Err(table.error(entry, kind).into());
        };
        let value = symbol.wrapping_add_signed(r.addend);
        if let Err(problem) = apply(bytes, address, r.offset, r.kind, value) {
            return Err(refusal(table, entry, &r, problem, value, address, module));
        }
    }
    Ok(())
}

/// How many bytes a relocation of this type writes; `None` for a type that the loader does not know.
pub fn size(kind: u32) -> Option<usize> {
    match kind {
        kind::NONE => Some(0),
        kind::PC32 | kind::PLT32 | kind::ABS_32 | kind::ABS_32S => Some(4),
        kind::ABS_64 | kind::PC64 => Some(8),
        _ => None,
    }
}

#[cold]
fn refusal(
    table: &RelocationTable<'_>,
    entry: usize,
    r: &kofile::Relocation,
    problem: Problem,
    value: u64,
    address: u64,
    module: &str,
) -> Refusal {
    let detail = format!("{}: entry {entry} (offset {:#x}, type {}): {problem:?}", table.name(), r.offset, r.kind);
    Refusal { detail: Some(detail), ..refused(problem, r.kind, address.wrapping_add(r.offset), value, module) }
}

/// What the kernel says of a relocation for `loc` that cannot be applied.
pub fn refused(problem: Problem, kind: u32, loc: u64, value: u64, module: &str) -> Refusal {
    /// The release from which on the message does not say that the kernel skips the target.
    const REWORDED: Series = (6, 3);
    let log = match problem {
        Problem::UnknownType => vec![format!("module: {module}: Unknown rela relocation: {kind}")],
        Problem::NotZero => {
            let verb = if series() < REWORDED { "Skipping invalid" } else { "Invalid" };
            let what = format!("existing value is nonzero for type {kind}, loc {loc:016x}, val {value:x}");
            vec![format!("module: x86/modules: {verb} relocation target, {what}")]
        }
        Problem::Overflow(value) => vec![
            format!("module: overflow in relocation type {kind} val {value:x}"),
            format!("module: `{module}' likely not compiled with -mcmodel=kernel"),
        ],
        // DIFFERS: the kernel writes there.
        Problem::OutOfSection => Vec::new(),
    };
    Refusal { log: log.into_iter().map(LogLine::err).collect(), ..Refusal::silent(ENOEXEC) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_type_writes_what_the_psabi_says() {
        let at = 0x1000_0000;
        let run = |kind, value, len: usize| {
            let mut bytes = vec![0; len];
            apply(&mut bytes, at, 4, kind, value).map(|()| bytes[4..].to_vec())
        };
        assert_eq!(run(1, 0x1122_3344_5566_7788, 12), Ok(0x1122_3344_5566_7788u64.to_le_bytes().to_vec()));
        assert_eq!(run(2, at, 8), Ok((-4i32).to_le_bytes().to_vec()));
        assert_eq!(run(4, at + 0x104, 8), Ok(0x100i32.to_le_bytes().to_vec()));
        assert_eq!(run(11, -8i64 as u64, 8), Ok((-8i32).to_le_bytes().to_vec()));
        assert_eq!(run(10, 0xffff_ffff, 8), Ok(vec![0xff; 4]));
        assert_eq!(run(24, at, 12), Ok((-4i64).to_le_bytes().to_vec()));
        assert_eq!(run(10, 1 << 32, 8), Err(Problem::Overflow(1 << 32)));
        assert_eq!(run(11, 0xffff_ffff, 8), Err(Problem::Overflow(0xffff_ffff)));
        assert_eq!(run(2, at + (3 << 30), 8), Err(Problem::Overflow((3 << 30) - 4)));
        assert_eq!(run(7, 0, 8), Err(Problem::UnknownType));
        assert_eq!(run(1, 0, 11), Err(Problem::OutOfSection));
    }

    #[test]
    fn what_is_there_already_is_not_overwritten() {
        let mut bytes = [1, 0, 0, 0];
        assert_eq!(apply(&mut bytes, 0, 0, 11, 5), Err(Problem::NotZero));
        assert_eq!(apply(&mut bytes, 0, u64::MAX, 11, 5), Err(Problem::OutOfSection));
        assert_eq!(bytes, [1, 0, 0, 0]);
    }
}
