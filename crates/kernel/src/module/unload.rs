//! `delete_module(2)`. Counterpart: `delete_module` of kernel/module/main.c.

use super::load::{LoadError, forget, may};
use super::taint::{self, Taint};
use super::{LOADING, Module, REF_BASE, REFCNT, State, find, holders};
use kabi::errno::{EAGAIN, EBUSY, ENOENT};
use kabi::{Errno, KError};
use loader::Refusal;
use machine::access;
use std::sync::{Arc, Mutex, PoisonError};

/// `O_TRUNC`: remove by force.
const FORCE: u32 = 0o1000;

fn refuse<T>(errno: Errno) -> Result<T, LoadError> {
    Err(Refusal::silent(errno).into())
}

/// Removes a module: its exit function runs, its memory goes.
///
/// # Errors
/// `ENOENT`, `EBUSY`, `EAGAIN` as the kernel gives them, or the caller died in exit.
pub fn delete_module(name: &str, flags: u32) -> Result<(), LoadError> {
    may().map_err(Refusal::silent)?;
    let module = stop(name, flags)?;
    if module.exit != 0 {
        // An exit that died leaves the module in the state Going, as on the real kernel.
        kabi::call(module.exit, &[])?;
    }
    super::notify::tell(&module, State::Going)?;
    crate::livepatch::module_going(&module)?;
    crate::files::remove_module(&module);
    super::params::free_all(&module)?;
    forget(&module);
    let taints = module.taints.load(std::sync::atomic::Ordering::Relaxed);
    *LAST.lock().unwrap_or_else(PoisonError::into_inner) = Some((module.name().to_string(), taints));
    Ok(())
}

/// The module that was unloaded last, with its taints.
static LAST: Mutex<Option<(String, u64)>> = Mutex::new(None);

/// Name and taints of the module that was unloaded last, for reports.
pub fn last() -> Option<(String, u64)> {
    LAST.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Goes on by force, which taints the kernel (`try_force_unload`).
fn by_force(flags: u32, errno: Errno) -> Result<(), LoadError> {
    if flags & FORCE == 0 {
        return refuse(errno);
    }
    taint::add(Taint::ForcedRmmod);
    Ok(())
}

/// Decides whether the module can go; it is then in the state Going.
fn stop(name: &str, flags: u32) -> Result<Arc<Module>, LoadError> {
    let _guard = LOADING.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(module) = find(name) else { return refuse(ENOENT) };
    if !holders(&module).is_empty() {
        return refuse(EAGAIN);
    }
    if module.state() != State::Live {
        return refuse(EBUSY);
    }
    if module.is_permanent() {
        by_force(flags, EBUSY)?;
    }
    // The count drops from the base to 0 in one step: nobody can take a reference after that. By force it stays.
    let count = REFCNT.of(module.this)?.addr();
    if access::compare_exchange_u32(count, REF_BASE, 0).map_err(KError::from)? != REF_BASE {
        by_force(flags, EAGAIN)?;
    }
    module.set_state(State::Going);
    Ok(module)
}
