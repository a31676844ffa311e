//! `delete_module(2)`. Counterpart: `delete_module` of kernel/module/main.c.

use super::load::{LoadError, forget};
use super::{LOADING, Module, REF_BASE, REFCNT, State, find, holders};
use kabi::errno::{EAGAIN, EBUSY, ENOENT, EPERM};
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
    if crate::env::MODULES_DISABLED.load(std::sync::atomic::Ordering::Relaxed) != 0 {
        return refuse(EPERM);
    }
    let module = stop(name, flags)?;
    if module.exit != 0 {
        // An exit that died leaves the module in the state Going, as on the real kernel.
        kabi::call(module.exit, &[])?;
    }
    super::notify::tell(&module, State::Going)?;
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
    let force = flags & FORCE != 0;
    if module.is_permanent() && !force {
        return refuse(EBUSY);
    }
    // The count drops from the base to 0 in one step: nobody can take a reference after that.
    let count = REFCNT.of(module.this)?.addr();
    let was = access::compare_exchange_u32(count, REF_BASE, 0).map_err(KError::from)?;
    if was != REF_BASE && !force {
        return refuse(EAGAIN);
    }
    if was != REF_BASE {
        REFCNT.put(module.this, 0u32)?;
        module.add_taint(super::taint::Taint::ForcedModule);
    }
    module.set_state(State::Going);
    Ok(module)
}
