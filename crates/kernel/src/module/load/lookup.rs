//! Where a module's imports come from. Counterpart: `find_symbol`, `ref_module` and `resolve_symbol_wait` of
//! kernel/module/main.c.

use crate::module::taint::Taint;
use crate::module::{CHANGED, LOADING, Module, State, all, links, symbols};
use crate::sched;
use kabi::errno::{EBUSY, ENOENT};
use kabi::{Errno, profile};
use loader::{Found, Owner, Refusal, Resolver};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

/// How long a load waits for the init of a module whose symbol it wants.
const PATIENCE: Duration = Duration::from_secs(30);

/// Looks first in the kernel, then in the modules, as Linux does, and holds the modules that it took symbols of.
#[derive(Default)]
pub(super) struct Lookup {
    /// The symbol that is asked for is data, as the module uses it.
    data: bool,
    /// The symbol that is asked for, and until when its module is waited for.
    waits: Option<(String, Instant)>,
    uses: Vec<Arc<Module>>,
}

impl Lookup {
    /// The modules that are used, with the references on them.
    pub(super) fn into_uses(mut self) -> Vec<Arc<Module>> {
        std::mem::take(&mut self.uses)
    }
}

impl Drop for Lookup {
    fn drop(&mut self) {
        for used in &self.uses {
            // A module that destroyed its own structure keeps its count.
            let _ = used.put();
        }
    }
}

fn module(id: u64) -> Option<Arc<Module>> {
    all().into_iter().find(|m| m.id == id)
}

impl Resolver for Lookup {
    /// Headers alone do not tell functions from variables.
    fn wants_use(&self) -> bool {
        !profile().has_image()
    }

    fn note_use(&mut self, called: bool) {
        self.data = !called;
    }

    fn find(&mut self, name: &str) -> Result<Option<Found>, Refusal> {
        self.waits = self.waits.take().filter(|(symbol, _)| symbol == name);
        if let Some(found) = symbols::find_used(name, self.data)? {
            return Ok(Some(found));
        }
        for module in links::listed() {
            if let Some(e) = module.exports.get(name) {
                let proprietary = module.taints.load(Ordering::Relaxed) & 1 << Taint::ProprietaryModule as u32 != 0;
                self.waits.get_or_insert_with(|| (name.to_string(), Instant::now() + PATIENCE));
                return Ok(Some(Found {
                    value: e.value,
                    crc: e.crc,
                    gpl_only: e.gpl_only,
                    namespace: e.namespace.clone(),
                    owner: Owner::Module(module.id),
                    proprietary: proprietary.then(|| module.name().to_string()),
                }));
            }
        }
        Ok(None)
    }

    fn hold(&mut self, id: u64) -> Result<(), Errno> {
        if self.uses.iter().any(|used| used.id == id) {
            return Ok(());
        }
        let _guard = LOADING.lock().unwrap_or_else(PoisonError::into_inner);
        let module = module(id).ok_or(ENOENT)?;
        match module.state() {
            State::Live if module.get().is_ok() => {
                self.uses.push(module);
                Ok(())
            }
            State::Coming => Err(EBUSY),
            _ => Err(ENOENT),
        }
    }

    fn wait(&mut self, id: u64) -> bool {
        let end = self.waits.as_ref().map_or_else(Instant::now, |(_, end)| *end);
        loop {
            let guard = LOADING.lock().unwrap_or_else(PoisonError::into_inner);
            if module(id).is_none_or(|m| m.state() != State::Coming) {
                return true;
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            // The lock is let go before this task waits for a CPU again.
            sched::blocking(|| drop(CHANGED.wait_timeout(guard, left)));
        }
    }

    fn name_of(&self, id: u64) -> String {
        module(id).map_or_else(String::new, |m| m.name().to_string())
    }
}
