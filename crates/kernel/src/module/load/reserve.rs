//! A module's name in the list. Counterpart: `add_unformed_module`, `complete_formation` of kernel/module/main.c.

use super::LoadError;
use crate::module::{CHANGED, Entry, LOADING, Module, State, all, links, read_list, write_list};
use crate::sched;
use kabi::errno::{EBUSY, EEXIST, ENOEXEC};
use kabi::profile;
use loader::{LogLine, Refusal};
use std::sync::{Arc, MutexGuard, PoisonError};

/// A name that is taken by a load under way; given back when the load fails.
pub(super) struct Reserved {
    name: String,
    formed: bool,
}

fn lock() -> MutexGuard<'static, ()> {
    LOADING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// State of the module with this name, and whether its init or exit died.
fn state(name: &str) -> Option<(State, bool)> {
    read_list().iter().find(|e| e.name() == name).map(|entry| match entry {
        Entry::Unformed(_) => (State::Unformed, false),
        Entry::Formed(module) => (module.state(), module.is_dead()),
    })
}

/// The lock, once nobody has the name.
///
/// # Errors
/// `EEXIST`, `EBUSY`: somebody has it, also if that is a load that failed meanwhile.
fn free(name: &str) -> Result<MutexGuard<'static, ()>, LoadError> {
    let mut guard = lock();
    let Some(first) = state(name) else { return Ok(guard) };
    // Its init is running: wait how that ends. DIFFERS: Linux waits for ever for one that died.
    let mut now = Some(first);
    while matches!(now, Some((State::Coming | State::Unformed, false))) {
        // The lock is let go before this task waits for a CPU again: those who have one may wait for the lock.
        sched::blocking(|| drop(CHANGED.wait(guard)));
        guard = lock();
        now = state(name);
    }
    let live = matches!(now, Some((State::Live, _)));
    Err(Refusal::silent(if live { EEXIST } else { EBUSY }).into())
}

impl Reserved {
    /// Waits for others with this name, and refuses if there was one.
    pub(super) fn look(name: &str) -> Result<(), LoadError> {
        free(name).map(drop)
    }

    pub(super) fn take(name: &str) -> Result<Self, LoadError> {
        let _guard = free(name)?;
        write_list().insert(0, Entry::Unformed(name.to_string()));
        Ok(Self { name: name.to_string(), formed: false })
    }

    /// The module comes: others see it and its symbols. None of these may be there already.
    pub(super) fn formed(mut self, module: &Arc<Module>) -> Result<(), LoadError> {
        let _guard = lock();
        duplicate_exports(module)?;
        module.set_state(State::Coming);
        let mut list = write_list();
        if let Some(entry) = list.iter_mut().find(|e| e.name() == self.name) {
            links::enter(module)?;
            *entry = Entry::Formed(Arc::clone(module));
        }
        self.formed = true;
        Ok(())
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        if !self.formed {
            let _guard = lock();
            write_list().retain(|e| !(matches!(e, Entry::Unformed(_)) && e.name() == self.name));
            CHANGED.notify_all();
        }
    }
}

/// `verify_exported_symbols`: first those that are open to all, then the GPL-only ones.
fn duplicate_exports(module: &Module) -> Result<(), Refusal> {
    let mut names: Vec<_> = module.exports.iter().map(|(name, export)| (export.gpl_only, name)).collect();
    names.sort();
    let others = all();
    for (_, name) in names {
        let kernel = profile().export(name).is_some().then(|| "kernel".to_string());
        let other = || others.iter().find(|m| m.exports.contains_key(name)).map(|m| m.name().to_string());
        if let Some(owner) = kernel.or_else(other) {
            let line = format!("{}: exports duplicate symbol {name} (owned by {owner})", module.name());
            return Err(Refusal::logged(ENOEXEC, LogLine::err(line)));
        }
    }
    Ok(())
}
