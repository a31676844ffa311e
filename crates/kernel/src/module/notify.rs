//! Telling modules of modules that come and go, and finding symbols by name. Counterpart: kernel/module/main.c.

use super::{Module, ModuleStruct, State, containing, links};
use crate::mm::slab;
use crate::notifier::{self, Head, NotifierBlock};
use crate::{fault, log};
use kabi::{KError, KPtr, KResult, KStr, exports, kexport, profile};
use std::sync::{Arc, OnceLock};

exports![register_module_notifier, unregister_module_notifier, __symbol_get, __symbol_put, symbol_put_addr];

/// Where the kernel's code of these functions is.
const MAIN: &str = "kernel/module/main.c";

/// The head of the chain of those who want to know.
fn head() -> KResult<Head> {
    static HEAD: OnceLock<u64> = OnceLock::new();
    if let Some(head) = HEAD.get() {
        return Ok(KPtr::new(*head));
    }
    let made = slab::permanent(8)?.addr();
    Ok(KPtr::new(*HEAD.get_or_init(|| made)))
}

/// Tells of a module's new state.
///
/// # Errors
/// When a notifier dies.
pub fn tell(module: &Module, state: State) -> KResult {
    notifier::call_chain(head()?, state as u64, module.this.addr()).map(|_| ())
}

/// Tells of a module that comes; if a notifier objects, those that were told before it are told that it goes again.
///
/// # Errors
/// A notifier's error; when one dies.
pub fn tell_coming(module: &Module) -> KResult {
    let (coming, going) = (State::Coming as u64, State::Going as u64);
    let said = notifier::call_chain_robust(head()?, coming, going, module.this.addr())?;
    notifier::error_of(said).map_or(Ok(()), |errno| Err(errno.into()))
}

/// Asks to be told of modules that come, live and go.
///
/// # Errors
/// `EEXIST`: the block is in the chain already.
#[kexport(since = "2.6.0", header = "linux/module.h")]
fn register_module_notifier(block: KPtr<NotifierBlock>) -> KResult {
    notifier::register(head()?, block)
}

/// Asks not to be told any more.
///
/// # Errors
/// `ENOENT`: the block is not in the chain.
#[kexport(since = "2.6.0", header = "linux/module.h")]
fn unregister_module_notifier(block: KPtr<NotifierBlock>) -> KResult {
    notifier::unregister(head()?, block)
}

/// The module that exports a symbol, with the symbol.
fn exporter(name: &str) -> Option<(Arc<Module>, super::Exported)> {
    links::listed().into_iter().find_map(|m| m.exports.get(name).cloned().map(|e| (m, e)))
}

fn only_gpl(name: &str, gpl: bool) -> bool {
    if !gpl {
        log::line(4, &format!("failing symbol_get of non-GPLONLY symbol {name}."));
    }
    gpl
}

/// The address of an exported symbol, holding the module that has it; NULL if there is none.
#[kexport(since = "2.6.0", header = "linux/module.h", gpl, symbol = "__symbol_get_gpl")]
fn __symbol_get(name: KStr) -> KResult<KPtr> {
    let name = name.to_string_lossy();
    if let Some(export) = profile().export(&name) {
        if !only_gpl(&name, export.gpl) {
            return Ok(KPtr::NULL);
        }
        let found = super::symbols::find(&name).map_err(|refusal| KError::Errno(refusal.errno));
        return Ok(found.ok().flatten().map_or(KPtr::NULL, |found| KPtr::new(found.value)));
    }
    let Some((module, export)) = exporter(&name) else { return Ok(KPtr::NULL) };
    if !only_gpl(&name, export.gpl_only) || module.state() != State::Live {
        return Ok(KPtr::NULL);
    }
    module.get()?;
    Ok(KPtr::new(export.value))
}

/// Lets go of the module that has a symbol.
#[kexport(since = "2.6.0", header = "linux/module.h")]
fn __symbol_put(name: KStr) -> KResult {
    let name = name.to_string_lossy();
    if profile().export(&name).is_some() {
        return Ok(());
    }
    let bug = || fault::bug_in("__symbol_put", MAIN, 0);
    let (module, _) = exporter(&name).ok_or_else(bug)?;
    module.put()
}

/// Lets go of the module in whose memory an address lies.
#[kexport(since = "2.6.0", header = "linux/module.h", gpl)]
fn symbol_put_addr(addr: KPtr<ModuleStruct>) -> KResult {
    if machine::arena::is_stub(addr.addr()) {
        return Ok(());
    }
    let bug = || fault::bug_in("symbol_put_addr", MAIN, 0);
    containing(addr.addr()).ok_or_else(bug)?.put()
}
