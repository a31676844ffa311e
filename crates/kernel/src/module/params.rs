//! Module parameters: the table of a module, parsing of the parameter string, reading and writing one.
//! Counterpart: kernel/params.c, include/linux/moduleparam.h. The types are in [`super::param_ops`].

use super::Module;
use crate::log;
use kabi::errno::{EINVAL, ENOENT, ENOSPC};
use kabi::{Errno, Field, KError, KPtr, KResult};
use kofile::Elf;
use loader::Refusal;
use loader::place::Layout;
use machine::{access, heap};

/// The kernel's `struct kernel_param`.
#[derive(Debug)]
pub struct KernelParam;

static SIZE: &str = "kernel_param";
static NAME: Field = Field::new("kernel_param", "name");
static OPS: Field = Field::new("kernel_param", "ops");
static FLAGS: Field = Field::new("kernel_param", "flags");
static PERM: Field = Field::new("kernel_param", "perm");
pub(super) static ARG: Field = Field::new("kernel_param", "arg");
static OPS_FLAGS: Field = Field::new("kernel_param_ops", "flags");
static OPS_SET: Field = Field::new("kernel_param_ops", "set");
static OPS_GET: Field = Field::new("kernel_param_ops", "get");
static OPS_FREE: Field = Field::new("kernel_param_ops", "free");

/// `KERNEL_PARAM_OPS_FL_NOARG`: the parameter may stand without a value.
const NOARG: u32 = 1;
/// `KERNEL_PARAM_FL_UNSAFE`: setting it taints the kernel.
const UNSAFE: u8 = 1;
/// Bytes of the buffer that a getter writes to.
const PAGE: usize = 4096;

/// A parameter of a module.
#[derive(Debug, Clone)]
pub struct Param {
    /// Its name.
    pub name: String,
    /// Its `struct kernel_param`.
    pub entry: KPtr<KernelParam>,
    /// Permission bits of its file in /sys/module/X/parameters; 0 for none.
    pub perm: u16,
}

/// Reads the `__param` section of a module that is relocated.
///
/// # Errors
/// When an entry points outside of memory. DIFFERS: the kernel finds that out when it dies of it.
pub fn table(elf: &Elf<'_>, layout: &Layout) -> Result<Vec<Param>, Refusal> {
    let Some(section) = elf.section_by_name("__param") else { return Ok(Vec::new()) };
    let Some(start) = layout.address(section.index) else { return Ok(Vec::new()) };
    let size = kabi::size_of_struct(SIZE).map_err(|e| Refusal::silent(e.errno()))? as u64;
    let mut params = Vec::new();
    for i in 0..section.size / size {
        let entry = KPtr::new(start + i * size);
        params.push(row(entry).map_err(|e| {
            let detail = format!("{}: section {} (__param): entry {i}: {e}", elf.file(), section.index);
            Refusal { detail: Some(format!("{detail}: the file is damaged")), ..Refusal::silent(e.errno()) }
        })?);
    }
    Ok(params)
}

fn row(entry: KPtr<KernelParam>) -> KResult<Param> {
    Ok(Param { name: name_of(entry)?, entry, perm: PERM.get(entry)? })
}

/// Splits a parameter string as `next_arg` does: blanks separate, double quotes keep them.
pub fn split(args: &str) -> Vec<(String, Option<String>)> {
    let mut out = Vec::new();
    let mut rest = args.trim_start_matches(is_space);
    while !rest.is_empty() {
        let (end, equals) = token_end(rest);
        let token = &rest[..end];
        out.push(match equals {
            Some(at) => (unquote(&token[..at], token), Some(unquote_value(&token[at + 1..], token))),
            None => (unquote(token, token), None),
        });
        rest = rest[end..].trim_start_matches(is_space);
    }
    out
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\x0b' | '\x0c' | '\r' | '\u{a0}')
}

/// End of the first token and the place of its first `=`.
fn token_end(text: &str) -> (usize, Option<usize>) {
    let (mut quoted, mut equals) = (false, None);
    for (i, c) in text.char_indices() {
        if is_space(c) && !quoted {
            return (i, equals);
        }
        if c == '=' && equals.is_none() {
            equals = Some(i);
        }
        quoted ^= c == '"';
    }
    (text.len(), equals)
}

/// A quote around the whole token: `"name=a b"`.
fn unquote(part: &str, token: &str) -> String {
    let part = if token.starts_with('"') { part.strip_prefix('"').unwrap_or(part) } else { part };
    part.strip_suffix('"').unwrap_or(part).to_string()
}

fn unquote_value(value: &str, token: &str) -> String {
    let whole = token.starts_with('"');
    let inner = value.strip_prefix('"');
    let value = inner.unwrap_or(value);
    if inner.is_some() || whole { value.strip_suffix('"').unwrap_or(value) } else { value }.to_string()
}

fn same_name(a: &str, b: &str) -> bool {
    let dash = |c: u8| if c == b'-' { b'_' } else { c };
    a.len() == b.len() && a.bytes().map(dash).eq(b.bytes().map(dash))
}

/// Sets a module's parameters from the string of the system call.
///
/// # Errors
/// The setter's errno, with the kernel's message in the log.
pub fn parse(module: &Module, args: &[u8]) -> KResult {
    let text = String::from_utf8_lossy(args);
    let mut result = Ok(());
    for (name, value) in split(&text) {
        if name == "--" && value.is_none() {
            log::line(4, &format!("{}: parameters '{}' after `--' ignored", module.name(), after_dashes(&text)));
            break;
        }
        match set_one(module, &name, value.as_deref()) {
            Ok(()) => {}
            // The rest is parsed all the same; the last error counts.
            Err((KError::Errno(errno), value)) => {
                complain(module.name(), &name, &value, errno);
                result = Err(errno.into());
            }
            Err((other, _)) => return Err(other),
        }
    }
    result
}

fn after_dashes(text: &str) -> &str {
    text.split_once("-- ").map_or("", |(_, after)| after.trim())
}

fn complain(module: &str, name: &str, value: &str, errno: Errno) {
    let text = match errno {
        ENOENT => format!("{module}: Unknown parameter `{name}'"),
        ENOSPC => format!("{module}: `{value}' too large for parameter `{name}'"),
        _ => format!("{module}: `{value}' invalid for parameter `{name}'"),
    };
    log::line(3, &text);
}

/// Sets one parameter. An error comes with the value as the setter left it: it may have cut it.
fn set_one(module: &Module, name: &str, value: Option<&str>) -> Result<(), (KError, String)> {
    if let Some(param) = module.params.iter().find(|p| same_name(&p.name, name)) {
        let text = value.map(|v| Scratch::text(v.as_bytes())).transpose().map_err(|e| (e, String::new()))?;
        return set_text(param.entry, text.as_ref()).map_err(|e| {
            let left = text.as_ref().and_then(|t| access::read_str(t.addr(), 4096).ok()).unwrap_or_default();
            (e, String::from_utf8_lossy(&left).into_owned())
        });
    }
    // Understood by the kernel for every module.
    if name == "dyndbg" || name == "async_probe" || name.starts_with("dyndbg.") {
        return Ok(());
    }
    log::line(4, &format!("{}: unknown parameter '{name}' ignored", module.name()));
    Ok(())
}

/// A buffer for the time of a call into module code.
pub(super) struct Scratch {
    addr: u64,
    len: usize,
}

impl Scratch {
    pub(super) fn new(len: usize) -> KResult<Self> {
        let addr = heap::alloc(len).ok_or(kabi::errno::ENOMEM)?;
        Ok(Self { addr, len })
    }

    /// A copy of `text` with a NUL behind it.
    pub(super) fn text(text: &[u8]) -> KResult<Self> {
        let scratch = Self::new(text.len() + 1)?;
        access::write(scratch.addr, text)?;
        access::put(scratch.addr + text.len() as u64, 0u8)?;
        Ok(scratch)
    }

    pub(super) fn addr(&self) -> u64 {
        self.addr
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        heap::free(self.addr, self.len);
    }
}

fn errno_of(result: u64) -> KResult<u32> {
    let value = result as i32;
    if value < 0 { Err(Errno(-value).into()) } else { Ok(value as u32) }
}

/// Sets a parameter through its operations.
///
/// # Errors
/// The setter's.
pub fn set(entry: KPtr<KernelParam>, value: Option<&[u8]>) -> KResult {
    let text = value.map(Scratch::text).transpose()?;
    set_text(entry, text.as_ref())
}

fn set_text(entry: KPtr<KernelParam>, text: Option<&Scratch>) -> KResult {
    let ops: KPtr = KPtr::new(OPS.get(entry)?);
    let flags: u32 = OPS_FLAGS.get(ops)?;
    if text.is_none() && flags & NOARG == 0 {
        return Err(EINVAL.into());
    }
    let setter: u64 = OPS_SET.get(ops)?;
    if setter == 0 {
        return Err(kabi::errno::EPERM.into());
    }
    if FLAGS.get::<u8, _>(entry)? & UNSAFE != 0 {
        let name = name_of(entry)?;
        log::line(5, &format!("Setting dangerous option {name} - tainting kernel"));
        super::taint::add(super::taint::Taint::User);
    }
    let text = text.map_or(0, Scratch::addr);
    errno_of(kabi::call(setter, &[text, entry.addr()])?).map(|_| ())
}

/// Reads a parameter through its operations, with the newline that they write.
///
/// # Errors
/// The getter's; `EPERM` if it has none.
pub fn get(entry: KPtr<KernelParam>) -> KResult<Vec<u8>> {
    let ops: KPtr = KPtr::new(OPS.get(entry)?);
    let getter: u64 = OPS_GET.get(ops)?;
    if getter == 0 {
        return Err(kabi::errno::EPERM.into());
    }
    let buffer = Scratch::new(PAGE)?;
    let len = errno_of(kabi::call(getter, &[buffer.addr(), entry.addr()])?)?;
    let mut text = vec![0; (len as usize).min(PAGE)];
    access::read(buffer.addr(), &mut text)?;
    Ok(text)
}

/// Frees what setters allocated (`destroy_params`).
///
/// # Errors
/// When module code dies in it.
pub fn free_all(module: &Module) -> KResult {
    for param in &module.params {
        let ops: KPtr = KPtr::new(OPS.get(param.entry)?);
        let free: u64 = OPS_FREE.get(ops)?;
        if free != 0 {
            let arg: u64 = ARG.get(param.entry)?;
            kabi::call(free, &[arg])?;
        }
    }
    Ok(())
}

/// A copy of a parameter's structure with another argument, for the elements of arrays.
pub(super) fn with_arg(entry: KPtr<KernelParam>, arg: u64) -> KResult<Scratch> {
    let len = kabi::size_of_struct(SIZE)?;
    let copy = Scratch::new(len)?;
    access::copy(copy.addr(), entry.addr(), len)?;
    ARG.put(KPtr::<KernelParam>::new(copy.addr()), arg)?;
    Ok(copy)
}

/// The name in a parameter's structure.
pub(super) fn name_of(entry: KPtr<KernelParam>) -> KResult<String> {
    let name: u64 = NAME.get(entry)?;
    Ok(String::from_utf8_lossy(&access::read_str(name, 256)?).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_split_as_the_kernel_does() {
        let one = |text: &str| {
            split(text).into_iter().map(|(n, v)| format!("{n}|{}", v.unwrap_or("-".into()))).collect::<Vec<_>>()
        };
        assert_eq!(one("a=1 b c=\"x y\"  "), ["a|1", "b|-", "c|x y"]);
        assert_eq!(one("\"d=p q\" e="), ["d|p q", "e|"]);
        assert_eq!(one("f=a=b g=\"q\"r"), ["f|a=b", "g|q\"r"]);
        assert_eq!(one("  "), Vec::<String>::new());
        assert_eq!(one("h=x\"y z\""), ["h|x\"y z\""]);
    }

    #[test]
    fn dashes_and_underscores_are_the_same() {
        assert!(same_name("a-b_c", "a_b-c"));
        assert!(!same_name("a", "ab"));
    }
}
