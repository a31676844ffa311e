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

fn live(module: KPtr<ModuleStruct>) -> Option<Arc<Module>> {
    if module.is_null() { None } else { of_struct(module) }
}
