//! References that modules take on each other and themselves. Counterpart: kernel/module/main.c.

use super::{Module, ModuleStruct, State, of_struct};
use kabi::{KPtr, KResult, exports, kexport};
use std::sync::Arc;

exports![try_module_get, __module_get, module_put, module_refcount];

/// Takes a reference unless the module is going. No module (built-in code) is always fine.
#[kexport(since = "2.6.0", header = "linux/module.h")]
fn try_module_get(module: KPtr<ModuleStruct>) -> KResult<bool> {
    match live(module) {
        None => Ok(module.is_null()),
        Some(module) if module.state() == State::Going => Ok(false),
        Some(module) => module.try_get(),
    }
}

/// Takes a reference on a module that is known to be held already.
#[kexport(since = "2.6.0", header = "linux/module.h")]
fn __module_get(module: KPtr<ModuleStruct>) -> KResult {
    live(module).map_or(Ok(()), |m| m.get())
}

/// Gives a reference back; warns if there is none.
#[kexport(since = "2.6.0", header = "linux/module.h")]
fn module_put(module: KPtr<ModuleStruct>) -> KResult {
    let Some(module) = live(module) else { return Ok(()) };
    if !module.try_put()? {
        crate::fault::warn_in("module_put", "kernel/module/main.c", 0, None);
    }
    Ok(())
}

/// How many references there are beyond the kernel's own; -1 for a module that is going.
#[kexport(since = "2.6.0", header = "linux/module.h")]
fn module_refcount(module: KPtr<ModuleStruct>) -> i32 {
    live(module).map_or(-1, |m| m.refcount() as i32)
}

/// A reference on a module, given back when dropped; on no module, nothing.
#[derive(Debug)]
pub(crate) struct Hold(Option<Arc<Module>>);

impl Hold {
    /// `None`: the module goes, or is gone.
    ///
    /// # Errors
    /// When the module's structure cannot be reached.
    pub(crate) fn take(module: KPtr<ModuleStruct>) -> KResult<Option<Self>> {
        if module.is_null() {
            return Ok(Some(Self(None)));
        }
        match live(module).filter(|module| module.state() != State::Going) {
            Some(module) if module.try_get()? => Ok(Some(Self(Some(module)))),
            _ => Ok(None),
        }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        if let Some(module) = &self.0 {
            // A module that destroyed its own structure keeps its count.
            let _ = module.put();
        }
    }
}

fn live(module: KPtr<ModuleStruct>) -> Option<Arc<Module>> {
    if module.is_null() { None } else { of_struct(module) }
}
