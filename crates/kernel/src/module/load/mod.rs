//! `init_module(2)`: from bytes to a live module, a file a phase. Counterpart: `load_module` of kernel/module/main.c.
//!
//! - this file: what is checked before the module gets memory; `taints`: the notices that go with it;
//! - `reserve`: its name in the list;
//! - `form`: memory, symbols (`lookup`), relocations; `members`: what the module's structure then says;
//! - `start`: notifiers, parameters, init, and the way back.

mod form;
mod lookup;
pub(super) mod members;
mod reserve;
mod start;
mod taints;

pub(super) use start::forget;

use super::{Module, REF_BASE, REFCNT, State};
use crate::{cmdline, log};
use kabi::errno::{ENOEXEC, EPERM};
use kabi::{Errno, KError, profile};
use loader::check::{self, Version};
use loader::signature::{self, Authority};
use loader::{Flags, Identity, LogLine, Refusal, Series, validity};
use reserve::Reserved;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use taints::Taints;

/// From this release on taints are added once the name is taken, and the name is looked for before memory is taken.
const TAINTS_LATE: Series = (6, 4);

/// How a load ends if it does not succeed.
#[derive(Debug)]
pub enum LoadError {
    /// The system call fails.
    Refused(Refusal),
    /// Module code died; so does the caller.
    Died,
}

impl From<Refusal> for LoadError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<kofile::Error> for LoadError {
    fn from(e: kofile::Error) -> Self {
        Self::Refused(e.into())
    }
}

impl From<KError> for LoadError {
    fn from(e: KError) -> Self {
        match e {
            KError::Died => Self::Died,
            other => Self::Refused(Refusal::silent(other.errno())),
        }
    }
}

/// A file to load.
#[derive(Debug)]
pub struct Request<'a> {
    /// The file's name, for messages.
    pub file: &'a str,
    /// Its bytes, unpacked.
    pub bytes: &'a [u8],
    /// The parameter string, or why it cannot be read: the kernel looks at it late.
    pub params: Result<&'a [u8], Errno>,
    /// `finit_module(2)`'s flags.
    pub flags: Flags,
    /// Where it lies, for reports.
    pub path: Option<String>,
}

/// Whether modules can be loaded and unloaded at all (`may_init_module`).
///
/// # Errors
/// `EPERM` once /proc/sys/kernel/modules_disabled is set.
pub fn may() -> Result<(), Errno> {
    if crate::env::MODULES_DISABLED.load(Ordering::Relaxed) != 0 { Err(EPERM) } else { Ok(()) }
}

/// Loads a module and runs its init function.
///
/// # Errors
/// [`LoadError`]; the log then says why in the kernel's words.
pub fn init_module(request: &Request<'_>) -> Result<(), LoadError> {
    may().map_err(Refusal::silent)?;
    let result = prepare(request).and_then(|module| start::start(&module, request.params.unwrap_or_default()));
    if let Err(LoadError::Refused(refusal)) = &result {
        say(&refusal.log);
    }
    result
}

/// Loads a module without running it, and takes it away again: how many relocations it took.
///
/// # Errors
/// As [`init_module`].
pub fn probe(request: &Request<'_>) -> Result<usize, LoadError> {
    let module = prepare(request)?;
    let relocations = module.image().relocations;
    forget(&module);
    Ok(relocations)
}

/// Loads a module and leaves it in the list without running it, so that others can use what it exports.
///
/// # Errors
/// As [`init_module`].
pub fn place_only(request: &Request<'_>) -> Result<usize, LoadError> {
    let module = prepare(request)?;
    module.set_state(State::Live);
    REFCNT.put(module.this, REF_BASE)?;
    let relocations = module.image().relocations;
    Ok(relocations)
}

/// Everything before the first instruction of the module runs; its name is in the list afterwards.
fn prepare(request: &Request<'_>) -> Result<Arc<Module>, LoadError> {
    let series = loader::series();
    let enforced = crate::env::SIG_ENFORCED.load(Ordering::Relaxed);
    let signed = signature::check(request.bytes, request.flags, Authority { kernel: Some(profile()), enforced })?;
    say(&signed.log);
    let sound = validity::check(signed.contents)?;
    let file = kofile::Module::of_elf(kofile::Elf::parse(request.file, &sound.bytes)?);
    let identity = Identity::read(&file, sound.name, signed.good)?;
    if cmdline::forbids(&identity.name) {
        let line = LogLine::err(format!("Module {} is blacklisted", identity.name));
        return Err(Refusal::logged(EPERM, line).into());
    }
    let crcs = check::crcs(&file, request.flags)?;
    let mut taints = Taints::default();
    let layout = profile().export("module_layout").and_then(|e| e.crc);
    match check::version(&identity, crcs.as_ref(), "module_layout", layout) {
        Version::Fits => {}
        Version::Forced => taints.forced(&identity, "module_layout"),
        Version::Wrong(line) => return Err(Refusal::logged(ENOEXEC, line).into()),
    }
    if check::version_magic(&identity, &kernel_vermagic(), request.flags, crcs.is_some())? {
        taints.forced(&identity, "bad vermagic");
    }
    let late = series >= TAINTS_LATE;
    if late {
        Reserved::look(&identity.name)?;
    } else {
        taints.modinfo(&identity);
    }
    check::write_or_execute(file.elf(), &identity)?;
    let name = Reserved::take(&identity.name)?;
    if late {
        taints.augment(&identity);
    } else {
        taints.signature(&identity);
    }
    let module = Arc::new(form::form(request, &file, identity, crcs.as_ref(), taints)?);
    name.formed(&module).inspect_err(|_| form::let_go(&module))?;
    if let Err(e) = crate::jump_label::module_coming(&module) {
        forget(&module);
        return Err(e.into());
    }
    Ok(module)
}

fn say(lines: &[LogLine]) {
    lines.iter().for_each(|line| log::line(line.level, &line.text));
}

/// The kernel's own version magic.
fn kernel_vermagic() -> String {
    let profile = profile();
    let usual = || format!("{} SMP preempt mod_unload modversions ", profile.release());
    profile.vermagic().map_or_else(usual, str::to_string)
}
