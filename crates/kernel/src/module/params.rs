//! Module parameters: the table of a module, setting them from the parameter string, reading and writing one.
//! Counterpart: kernel/params.c, include/linux/moduleparam.h. The types are in [`super::param_ops`], how a string is split in
//! `args`.

use super::args::{self, Arg, same_name, skip_spaces};
use super::{Module, ModuleStruct};
use crate::klib::dynamic_debug;
use crate::klib::kstrtox::parse_bool;
use crate::locking::mutex::{self, MutexStruct};
use crate::log;
use kabi::errno::{EINVAL, ENOENT, ENOSPC};
use kabi::{Errno, Field, KError, KPtr, KResult, exports, kexport};
use kofile::Elf;
use loader::Refusal;
use loader::place::Layout;
use machine::{access, heap};
use std::sync::{Mutex, PoisonError};

exports![kernel_param_lock, kernel_param_unlock];

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
/// The largest error number.
const MAX_ERRNO: i32 = 4095;
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

/// Sets a module's parameters from the string of the system call (`parse_args`).
///
/// # Errors
/// The last setter's errno, with the kernel's message in the log.
pub fn parse(module: &Module, args: &[u8]) -> KResult {
    mutex::init(lock_of(module.this)?)?;
    let args = args.split(|b| *b == 0).next().unwrap_or_default();
    let mut rest = skip_spaces(args);
    let mut result = Ok(());
    while let Some((arg, after)) = args::next(rest) {
        rest = after;
        if arg.name == b"--" && arg.value.is_none() {
            if result.is_ok() {
                say(4, &[module.name().as_bytes(), b": parameters '", rest, b"' after `--' ignored"]);
            }
            break;
        }
        match set_one(module, &arg) {
            Ok(()) => {}
            // The rest is parsed all the same; the last error counts.
            Err((KError::Errno(errno), value)) => {
                complain(module.name().as_bytes(), &arg.name, &value, errno);
                result = Err(errno.into());
            }
            Err((other, _)) => return Err(other),
        }
    }
    match result {
        // What is no error number is taken for the place of a `--`, which nobody can read.
        Err(KError::Errno(Errno(number))) if !(1..=MAX_ERRNO).contains(&number) => {
            say(4, &[module.name().as_bytes(), b": parameters '(efault)' after `--' ignored"]);
            Ok(())
        }
        result => result,
    }
}

/// Prints a line that holds bytes of the caller's.
fn say(level: u8, parts: &[&[u8]]) {
    log::printk(Some(level), &[parts.concat().as_slice(), b"\n"].concat());
}

fn complain(module: &[u8], name: &[u8], value: &[u8], errno: Errno) {
    match errno {
        ENOENT => say(3, &[module, b": Unknown parameter `", name, b"'"]),
        ENOSPC => say(3, &[module, b": `", value, b"' too large for parameter `", name, b"'"]),
        _ => say(3, &[module, b": `", value, b"' invalid for parameter `", name, b"'"]),
    }
}

/// Sets one parameter. An error comes with the value as the setter left it: it may have cut it.
fn set_one(module: &Module, arg: &Arg) -> Result<(), (KError, Vec<u8>)> {
    let Some(param) = module.params.iter().find(|p| same_name(p.name.as_bytes(), &arg.name)) else {
        return unknown(module, arg).map_err(|e| (e, Vec::new()));
    };
    let text = arg.value.as_deref().map(Scratch::text).transpose().map_err(|e| (e, Vec::new()))?;
    set_at_load(module, param.entry, text.as_ref()).map_err(|e| {
        let left = text.as_ref().and_then(|t| access::read_str(t.addr(), t.len).ok());
        (e, left.unwrap_or_default())
    })
}

/// Names that are no parameter of the module's: what the kernel understands for every module (`unknown_module_param_cb`),
/// and the rest, which nobody does.
fn unknown(module: &Module, arg: &Arg) -> KResult {
    static ASYNC_PROBE: Field = Field::new("module", "async_probe_requested");
    if arg.name == b"async_probe" {
        let wanted = arg.value.as_deref().and_then(|v| parse_bool(v).ok()).unwrap_or(true);
        return ASYNC_PROBE.put(module.this, u8::from(wanted));
    }
    // What follows a dot is cut off for the message, too.
    let (first, option) = match arg.name.iter().position(|b| *b == b'.') {
        Some(dot) => (&arg.name[..dot], &arg.name[dot + 1..]),
        None => (&arg.name[..], &arg.name[..]),
    };
    if option == b"dyndbg" {
        let modname = if first == option { module.name().as_bytes() } else { first };
        return match dynamic_debug::queries(Some(modname), arg.value.as_deref().unwrap_or(b"+p")) {
            // A bad query does not keep a module from loading.
            Ok(_) | Err(KError::Errno(_)) => Ok(()),
            Err(other) => Err(other),
        };
    }
    say(4, &[module.name().as_bytes(), b": unknown parameter '", first, b"' ignored"]);
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

/// Sets a parameter while the module is loaded (`parse_one`). Without a setter this calls address 0, as Linux does.
fn set_at_load(module: &Module, entry: KPtr<KernelParam>, text: Option<&Scratch>) -> KResult {
    let ops: KPtr = KPtr::new(OPS.get(entry)?);
    if text.is_none() && OPS_FLAGS.get::<u32, _>(ops)? & NOARG == 0 {
        return Err(EINVAL.into());
    }
    call_setter(module, entry, OPS_SET.get(ops)?, text.map_or(0, Scratch::addr))
}

fn call_setter(module: &Module, entry: KPtr<KernelParam>, setter: u64, text: u64) -> KResult {
    with_lock(module.this, || {
        if FLAGS.get::<u8, _>(entry)? & UNSAFE != 0 {
            let name = name_of(entry)?;
            log::line(5, &format!("Setting dangerous option {name} - tainting kernel"));
            super::taint::add(super::taint::Taint::User);
        }
        match kabi::call(setter, &[text, entry.addr()])? as i32 {
            0 => Ok(()),
            result => Err(Errno(result.wrapping_neg()).into()),
        }
    })
}

/// Writes to a parameter's file (`param_attr_store`): how many bytes it took.
///
/// # Errors
/// The setter's; `EPERM` if it has none.
pub fn store(module: &Module, entry: KPtr<KernelParam>, value: &[u8]) -> KResult<usize> {
    let ops: KPtr = KPtr::new(OPS.get(entry)?);
    let setter: u64 = OPS_SET.get(ops)?;
    if setter == 0 {
        return Err(kabi::errno::EPERM.into());
    }
    let text = Scratch::text(value)?;
    match call_setter(module, entry, setter, text.addr()) {
        // A positive result of a setter reaches the program as the number of bytes taken.
        Err(KError::Errno(Errno(negative))) if negative < 0 => Ok(negative.unsigned_abs() as usize),
        other => other.map(|()| value.len()),
    }
}

/// Reads a parameter's file (`param_attr_show`).
///
/// # Errors
/// The getter's; `EPERM` if it has none.
pub fn show(module: &Module, entry: KPtr<KernelParam>) -> KResult<Vec<u8>> {
    let ops: KPtr = KPtr::new(OPS.get(entry)?);
    let getter: u64 = OPS_GET.get(ops)?;
    if getter == 0 {
        return Err(kabi::errno::EPERM.into());
    }
    let buffer = Scratch::new(PAGE)?;
    access::fill(buffer.addr(), 0, PAGE)?;
    let len = with_lock(module.this, || errno_of(kabi::call(getter, &[buffer.addr(), entry.addr()])?))?;
    let mut text = vec![0; (len as usize).min(PAGE - 1)];
    access::read(buffer.addr(), &mut text)?;
    if len as usize >= PAGE {
        // As sysfs_kf_seq_show says it, which names the function that all files of modules share.
        let size = kabi::profile().symbol("module_attr_show").map_or(0, |s| s.size);
        log::line(4, &format!("fill_read_buffer: module_attr_show+0x0/{size:#x} returned bad count"));
    }
    Ok(text)
}

/// Runs `work` with the lock of a module's parameters held. DIFFERS: it is given back also when module code dies in it,
/// so that nobody waits for ever.
fn with_lock<T>(module: KPtr<ModuleStruct>, work: impl FnOnce() -> KResult<T>) -> KResult<T> {
    kernel_param_lock(module)?;
    let result = work();
    kernel_param_unlock(module)?;
    result
}

/// The lock of a module's parameters; built-in code has one together.
fn lock_of(module: KPtr<ModuleStruct>) -> KResult<KPtr<MutexStruct>> {
    static LOCK: Field = Field::new("module", "param_lock");
    static BUILT_IN: Mutex<Option<u64>> = Mutex::new(None);
    if !module.is_null() {
        return Ok(KPtr::new(LOCK.of(module)?.addr()));
    }
    let mut made = BUILT_IN.lock().unwrap_or_else(PoisonError::into_inner);
    if made.is_none() {
        let lock = KPtr::new(crate::mm::slab::permanent(kabi::size_of_struct("mutex")?)?.addr());
        mutex::init(lock)?;
        *made = Some(lock.addr());
    }
    Ok(KPtr::new(made.unwrap_or_default()))
}

/// Takes the lock that is held around setters and getters; no module stands for built-in code.
#[kexport(since = "4.2", header = "linux/moduleparam.h")]
fn kernel_param_lock(module: KPtr<ModuleStruct>) -> KResult {
    mutex::lock(lock_of(module)?)
}

/// Gives the lock back.
#[kexport(since = "4.2", header = "linux/moduleparam.h")]
fn kernel_param_unlock(module: KPtr<ModuleStruct>) -> KResult {
    mutex::unlock(lock_of(module)?)
}

/// Frees what setters allocated (`module_destroy_params`).
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
