//! /sys/module of what is built into the kernel, with the parameters that the kernel's image has.
//! Counterpart: kernel/params.c (`param_sysfs_builtin`).
//!
//! DIFFERS: what the image says is what the parameters show. Those that lkm's own kernel has can be written; the others
//! are as if they had no setter. A parameter of a type of its own, whose functions would have to run, is left out.

use crate::base::uevent;
use crate::builtin_params::Own;
use crate::fs::module::{ModuleDir, Uevents, add_builtin};
use crate::fs::{Ctx, Spec, Tree, attribute, attribute_ro};
use kabi::errno::EPERM;
use kabi::{Errno, Field, KResult, profile};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Longest name or text that is read from the image.
const LONGEST: usize = 256;

/// A built-in parameter.
struct Param {
    name: String,
    mode: u32,
    /// What the image says, without a newline.
    value: String,
}

/// A built-in module: it is always there.
struct BuiltIn {
    name: String,
    uevents: uevent::Told,
}

impl Uevents for BuiltIn {
    fn uevent(&self, action: &str, variables: &[(String, String)]) -> KResult {
        self.uevents.send(&self.name, action, variables);
        Ok(())
    }

    fn refused(&self, why: &str) {
        uevent::refused(&format!("/module/{}", self.name), why);
    }
}

fn number(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |n, b| n << 8 | u64::from(*b))
}

/// `len` bytes at a link-time address; what the image leaves out is zero.
fn at(addr: u64, len: usize) -> Vec<u8> {
    profile().image_bytes(addr, len).map_or_else(|| vec![0; len], <[u8]>::to_vec)
}

fn pointer(addr: u64) -> u64 {
    number(&at(addr, 8))
}

/// The text at a link-time address, up to its NUL.
fn text(addr: u64) -> Option<String> {
    let bytes = (1..=LONGEST).rev().find_map(|len| profile().image_bytes(addr, len))?;
    let end = bytes.iter().position(|b| *b == 0)?;
    Some(String::from_utf8_lossy(bytes.get(..end)?).into_owned())
}

/// What a getter of this type shows for the variable at `arg`.
fn value(ops: &str, arg: u64) -> Option<String> {
    let raw = |len| number(&at(arg, len));
    Some(match ops.strip_prefix("param_ops_")? {
        "byte" => raw(1).to_string(),
        "short" => (raw(2) as i16).to_string(),
        "ushort" => raw(2).to_string(),
        "int" | "bint" => (raw(4) as i32).to_string(),
        "uint" => raw(4).to_string(),
        "hexint" => format!("{:#08x}", raw(4)),
        "long" => (raw(8) as i64).to_string(),
        "ulong" | "ullong" => raw(8).to_string(),
        "bool" | "bool_enable_only" => if raw(1) != 0 { "Y" } else { "N" }.to_string(),
        "invbool" => if raw(1) != 0 { "N" } else { "Y" }.to_string(),
        "charp" if raw(8) == 0 => "(null)".to_string(),
        "charp" => text(raw(8))?,
        // struct kparam_string: length, then the buffer.
        "string" => text(pointer(arg.wrapping_add(8))).unwrap_or_default(),
        _ => return None,
    })
}

static NAME: Field = Field::new("kernel_param", "name");
static OPS: Field = Field::new("kernel_param", "ops");
static PERM: Field = Field::new("kernel_param", "perm");
static ARG: Field = Field::new("kernel_param", "arg");

/// The rows of the image's table of parameters.
fn rows() -> Option<impl Iterator<Item = &'static [u8]>> {
    let edge = |name| profile().symbol(name).map(|s| s.addr);
    let (start, end) = (edge("__start___param")?, edge("__stop___param")?);
    let size = kabi::size_of_struct("kernel_param").ok()?;
    let bytes = profile().image_bytes(start, usize::try_from(end.checked_sub(start)?).ok()?)?;
    Some(bytes.chunks_exact(size))
}

fn member(row: &[u8], field: &Field, len: usize) -> Option<u64> {
    let from = usize::try_from(field.offset().ok()?).ok()?;
    Some(number(row.get(from..from.checked_add(len)?)?))
}

/// Mode and full name of a row's parameter, if /sys shows it.
fn shown(row: &[u8]) -> Option<(u32, String)> {
    let mode = u32::try_from(member(row, &PERM, 2)?).ok().filter(|mode| *mode != 0)?;
    Some((mode, text(member(row, &NAME, 8)?)?))
}

/// Module and name of a parameter.
fn parts(full: &str) -> (&str, &str) {
    full.split_once('.').unwrap_or(("kernel", full))
}

/// Whether a built-in module of this name shows parameters.
pub(super) fn has(module: &str) -> bool {
    rows().is_some_and(|mut rows| rows.any(|row| shown(row).is_some_and(|(_, full)| parts(&full).0 == module)))
}

/// The table of built-in parameters, by module.
fn table() -> Option<BTreeMap<String, Vec<Param>>> {
    let mut modules: BTreeMap<String, Vec<Param>> = BTreeMap::new();
    for row in rows()? {
        let Some((mode, full)) = shown(row) else { continue };
        let member = |field: &Field, len: usize| member(row, field, len);
        let (module, name) = parts(&full);
        let ops = profile().symbol_at(member(&OPS, 8)?).map(|(s, _)| s.name).unwrap_or_default();
        let params = modules.entry(module.to_string()).or_default();
        if let Some(value) = value(ops, member(&ARG, 8)?) {
            params.push(Param { name: name.to_string(), mode, value });
        }
    }
    Some(modules)
}

fn file(module: &str, param: Param) -> Spec {
    let line = |text: &str| format!("{text}\n").into_bytes();
    let Param { name, mode, value } = param;
    match Own::find(module, &name) {
        Some(own) => {
            let own = Arc::new(own);
            let shown = Arc::clone(&own);
            let store = move |_: &Ctx<'_>, data: &[u8]| {
                own.set(data.split(|b| *b == 0).next().unwrap_or_default())?;
                Ok(data.len())
            };
            attribute(mode, move |_| Ok(line(&shown.get())), store)
        }
        None if mode & 0o222 == 0 => attribute_ro(mode, move |_| Ok(line(&value))),
        None => attribute(mode, move |_| Ok(line(&value)), |_, _| Err(EPERM.into())),
    }
}

/// Makes the directories, for good. Without an image there are none.
///
/// # Errors
/// As [`Tree::add`].
pub(super) fn register(tree: &Tree) -> Result<(), Errno> {
    for (name, params) in table().unwrap_or_default() {
        let view: Arc<dyn Uevents> = Arc::new(BuiltIn { name: name.clone(), uevents: uevent::Told::default() });
        let dir: ModuleDir = add_builtin(tree, &name, &view)?;
        for param in params {
            let param_name = param.name.clone();
            tree.add(dir.parameters()?, &param_name, file(&name, param))?.keep();
        }
        dir.keep();
    }
    Ok(())
}
