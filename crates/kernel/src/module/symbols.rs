//! The kernel's own symbols: what a name that a module imports stands for.
//!
//! Whether a symbol exists, its version, licence and namespace are the profile's, that is the real kernel's. What
//! stands behind it is, in this order: code with conventions of its own (thunks), lkm's Rust function or variable, or
//! a named trap: calling it, or touching it, is an oops that names the symbol.
//! Counterpart: the kernel's `__ksymtab`; kernel/module/main.c `find_symbol`.

use crate::mm::kasan;
use crate::{borrow, exports};
use abi::ExportKind;
use kabi::{DataExport, DataSize, Export, KResult, profile, size_of_struct};
use loader::{Found, Owner, Refusal};
use machine::arena::{self, Access, Block};
use machine::{arch::thunks, cpu, stub};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, OnceLock, PoisonError, RwLock};

/// What stands behind a symbol of the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Behind {
    /// lkm's own function or variable, or a thunk.
    Lkm,
    /// Code of the kernel's image ([`crate::borrow`]).
    Borrowed,
    /// Nothing yet: it traps.
    Trap,
}

/// A symbol that was given to a module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// Its name.
    pub name: String,
    /// Bytes that belong to it.
    pub len: u64,
    /// What stands behind it.
    pub behind: Behind,
}

/// Bytes for a variable of a kernel that only its headers tell of: any that is larger is touched near its start too.
const UNKNOWN_SIZE: u64 = 64 << 10;

#[derive(Clone, Copy)]
enum Row {
    Function(&'static Export),
    Data(&'static DataExport),
}

#[derive(Default)]
struct State {
    /// By name.
    values: HashMap<String, u64>,
    /// Memory of variables, kept for as long as the kernel runs.
    memory: Vec<Block>,
    /// Next offset in the trap tail of the CPU areas.
    next_percpu_trap: u64,
}

struct Symbols {
    rows: HashMap<&'static str, Row>,
    percpu: HashMap<&'static str, u64>,
    state: Mutex<State>,
    /// Given symbols by address.
    given: RwLock<BTreeMap<u64, Given>>,
}

static SYMBOLS: OnceLock<Symbols> = OnceLock::new();

/// Makes the table. `percpu` are the kernel's per-CPU variables.
pub fn boot(percpu: Vec<(&'static str, u64)>) {
    let functions = exports::functions().flat_map(|e| e.names.iter().map(move |n| (*n, Row::Function(e))));
    let data = exports::data().flat_map(|d| d.names.iter().map(move |n| (*n, Row::Data(d))));
    if crate::fault::first_instruction("kfree") > 0 {
        stub::mark_entries();
    }
    SYMBOLS.get_or_init(|| Symbols {
        rows: functions.chain(data).collect(),
        percpu: percpu.into_iter().collect(),
        state: Mutex::default(),
        given: RwLock::default(),
    });
}

fn symbols() -> &'static Symbols {
    SYMBOLS.get().expect("the symbol table is made at boot")
}

/// Looks for a symbol that the kernel exports.
///
/// # Errors
/// When there is no memory for its stub.
pub fn find(name: &str) -> Result<Option<Found>, Refusal> {
    find_used(name, false)
}

/// [`find`] for a module that uses the symbol as data, if the profile does not know what it is.
///
/// # Errors
/// As there.
pub fn find_used(name: &str, as_data: bool) -> Result<Option<Found>, Refusal> {
    let Some(mut export) = profile().export(name) else { return kasan::find(name) };
    if as_data && export.kind == ExportKind::Unknown {
        (export.kind, export.size) = (ExportKind::Data, UNKNOWN_SIZE);
    }
    let checked = kasan::in_place_of(name)?;
    Ok(Some(Found {
        value: checked.map_or_else(|| value(name, &export), Ok)?,
        crc: export.crc,
        gpl_only: export.gpl,
        namespace: Some(export.namespace.to_string()).filter(|n| !n.is_empty()),
        owner: Owner::Kernel,
        proprietary: None,
    }))
}

/// The address behind a name that lkm itself needs, such as a callback in a structure that it fills.
///
/// # Errors
/// When there is no memory for its stub.
pub fn address_of(name: &str) -> Result<Option<u64>, Refusal> {
    let known = symbols().rows.contains_key(name) || thunks::code_of(name).is_some();
    let export = profile().export(name);
    match export {
        Some(export) => value(name, &export).map(Some),
        None if known => make(name, ExportKind::Unknown, 0).map(Some),
        None => Ok(None),
    }
}

/// The address of a function of the kernel's, exported or not: without one of lkm's own it is a trap, or borrowed.
///
/// # Errors
/// When there is no memory for its stub.
pub fn function(name: &str) -> Result<u64, Refusal> {
    match address_of(name)? {
        Some(addr) => Ok(addr),
        None => make(name, ExportKind::Function, 16),
    }
}

fn value(name: &str, export: &abi::Export<'_>) -> Result<u64, Refusal> {
    let known = symbols().state.lock().unwrap_or_else(PoisonError::into_inner).values.get(name).copied();
    match known {
        Some(value) => Ok(value),
        None => make(name, export.kind, export.size),
    }
}

fn make(name: &str, kind: ExportKind, size: u64) -> Result<u64, Refusal> {
    let symbols = symbols();
    let mut behind = Behind::Lkm;
    let value = if let Some(offset) = symbols.percpu.get(name) {
        *offset
    } else if let Some(code) = thunks::code_of(name) {
        stub::code(&code)?
    } else {
        match symbols.rows.get(name) {
            Some(Row::Function(export)) => stub::make(export.entry, export.convention)?,
            Some(Row::Data(data)) => variable(data)?,
            None => {
                behind = Behind::Trap;
                let value = trap(kind, size)?;
                if kind == ExportKind::Data
                    && let Some(bytes) = borrow::plain_constant(name)
                    && place_constant(value, bytes)
                {
                    behind = Behind::Borrowed;
                }
                value
            }
        }
    };
    let len = match kind {
        ExportKind::Data => size.max(1),
        _ => size.clamp(1, 16),
    };
    let given = Given { name: name.to_string(), len, behind };
    symbols.given.write().unwrap_or_else(PoisonError::into_inner).insert(value, given);
    let mut state = symbols.state.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(*state.values.entry(name.to_string()).or_insert(value))
}

/// Makes a stub for a function that is no export of the profile's kernel, known by its name as others are.
///
/// # Errors
/// When there is no memory for it.
pub fn make_own(export: &'static Export) -> Result<u64, Refusal> {
    let value = stub::make(export.entry, export.convention)?;
    let name = export.names.first().copied().unwrap_or_default().to_string();
    let given = Given { name, len: 16, behind: Behind::Lkm };
    symbols().given.write().unwrap_or_else(PoisonError::into_inner).insert(value, given);
    Ok(value)
}

fn variable(data: &'static DataExport) -> Result<u64, Refusal> {
    let errno = |e: kabi::KError| Refusal::silent(e.errno());
    let size = size_of(data).map_err(errno)?;
    if data.percpu {
        let offset = crate::percpu::alloc(size as u64, 64).map_err(errno)?;
        for number in 0..cpu::count() {
            (data.init)(crate::percpu::at(number, offset), number).map_err(errno)?;
        }
        return Ok(offset);
    }
    let block = arena::alloc(size)?;
    block.protect(0, block.len(), Access::ReadWrite)?;
    let addr = block.addr();
    symbols().state.lock().unwrap_or_else(PoisonError::into_inner).memory.push(block);
    (data.init)(addr, 0).map_err(errno)?;
    Ok(addr)
}

fn size_of(data: &DataExport) -> KResult<usize> {
    match data.size {
        DataSize::Bytes(bytes) => Ok(bytes),
        DataSize::Struct(name) => size_of_struct(name),
    }
}

/// Something that traps: a function at its first byte, a variable anywhere in it.
fn trap(kind: ExportKind, size: u64) -> Result<u64, Refusal> {
    match kind {
        ExportKind::Function | ExportKind::Unknown => Ok(stub::trap()?),
        ExportKind::Data => {
            // Fresh blocks have no access.
            let block = arena::alloc(size.clamp(1, 1 << 20) as usize)?;
            let addr = block.addr();
            symbols().state.lock().unwrap_or_else(PoisonError::into_inner).memory.push(block);
            Ok(addr)
        }
        ExportKind::PerCpu => {
            let mut state = symbols().state.lock().unwrap_or_else(PoisonError::into_inner);
            let at = state.next_percpu_trap;
            state.next_percpu_trap = (at + size.max(8).next_multiple_of(64)) % cpu::TRAP_TAIL as u64;
            Ok(cpu::area_size() as u64 + at)
        }
    }
}

/// Names of the functions that lkm has itself.
pub fn functions() -> impl Iterator<Item = &'static str> {
    symbols().rows.iter().filter(|(_, row)| matches!(row, Row::Function(_))).map(|(name, _)| *name)
}

/// The offset of one of the kernel's per-CPU variables that lkm has.
pub fn percpu_offset(name: &str) -> Option<u64> {
    symbols().percpu.get(name).copied()
}

/// The address of a variable that lkm has itself.
pub fn variable_of(name: &str) -> Option<u64> {
    let is_variable = matches!(symbols().rows.get(name), Some(Row::Data(data)) if !data.percpu);
    is_variable.then(|| address_of(name).ok().flatten()).flatten()
}

/// The address that a symbol has, if it was given to a module.
pub fn given(name: &str) -> Option<u64> {
    symbols().state.lock().unwrap_or_else(PoisonError::into_inner).values.get(name).copied()
}

/// Makes a trap stub go on to borrowed code. Without it every call would trap.
pub fn lead_to(stub: u64, target: u64) {
    let mut jump = vec![0xe9];
    jump.extend((target.wrapping_sub(stub + 5) as u32).to_le_bytes());
    let mut given = symbols().given.write().unwrap_or_else(PoisonError::into_inner);
    if let Some(row) = given.get_mut(&stub).filter(|row| row.behind == Behind::Trap) {
        // Half a change is a trap that leads there too.
        let _ = machine::livepatch::replace(stub, &jump);
        row.behind = Behind::Borrowed;
    }
}

/// Puts the value of a constant where a variable without one stands; false if it does not fit.
fn place_constant(start: u64, bytes: &[u8]) -> bool {
    let state = symbols().state.lock().unwrap_or_else(PoisonError::into_inner);
    let block = state.memory.iter().find(|block| block.addr() == start && bytes.len() <= block.len());
    block.is_some_and(|block| arena::write(start, bytes).is_ok() && block.protect(0, block.len(), Access::Read).is_ok())
}

/// Gives a variable that a module has already its value, for reading; false if it does not fit.
pub fn give_value(start: u64, bytes: &[u8]) -> bool {
    let placed = place_constant(start, bytes);
    let mut given = symbols().given.write().unwrap_or_else(PoisonError::into_inner);
    if let Some(row) = given.get_mut(&start).filter(|_| placed) {
        row.behind = Behind::Borrowed;
    }
    placed
}

/// The given symbol that contains `addr`, with its start.
pub fn given_at(addr: u64) -> Option<(u64, Given)> {
    let addr = match cpu::of_addr(addr) {
        Some((_, offset)) => offset,
        None => addr,
    };
    let given = symbols().given.read().unwrap_or_else(PoisonError::into_inner);
    let (start, symbol) = given.range(..=addr).next_back()?;
    (addr - start < symbol.len.max(1)).then(|| (*start, symbol.clone()))
}
