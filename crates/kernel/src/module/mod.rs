//! Modules: the list, their states and references. Counterpart: kernel/module/.
//!
//! `load` and `unload` are the system calls' work, `links` is the list as module code sees it, `adopt` takes over modules
//! that others loaded, `kmod` asks for modules, `params` are the parameters, `symbols` what the kernel itself exports, `taint`
//! the taints. Lock order: `LOADING` (one load or unload decides at a time), then the list, then a module's own locks; none is
//! held while module code runs.

pub mod adopt;
pub mod args;
pub mod decompress;
pub mod kmod;
pub mod links;
pub mod load;
pub mod notify;
pub mod param_ops;
pub mod params;
pub mod refs;
pub mod symbols;
pub mod taint;
pub mod unload;

use crate::module::params::Param;
use kabi::{Field, KPtr, KResult};
use loader::Image;
use machine::{access, enter};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError, RwLock};

/// The kernel's `struct module`.
#[derive(Debug)]
pub struct ModuleStruct;

static STATE: Field = Field::new("module", "state");
static REFCNT: Field = Field::new("module", "refcnt.counter");

/// `MODULE_REF_BASE`: what the count holds while nobody but the kernel holds the module.
const REF_BASE: u32 = 1;

/// The states of a module, with the kernel's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// In use.
    Live = 0,
    /// Complete, its init is running.
    Coming = 1,
    /// Its exit is running.
    Going = 2,
    /// Being set up.
    Unformed = 3,
}

impl State {
    fn from_number(number: u32) -> Self {
        match number {
            0 => Self::Live,
            1 => Self::Coming,
            2 => Self::Going,
            _ => Self::Unformed,
        }
    }
}

/// A symbol that a module exports.
#[derive(Debug, Clone)]
pub struct Exported {
    /// Its address.
    pub value: u64,
    /// Its version.
    pub crc: Option<u32>,
    /// GPL-only.
    pub gpl_only: bool,
    /// Its namespace.
    pub namespace: Option<String>,
}

/// A module in the kernel.
#[derive(Debug)]
pub struct Module {
    /// Unlike the name, never used twice.
    pub id: u64,
    /// What the file says of itself.
    pub identity: loader::Identity,
    /// Where the file lies, for reports.
    pub path: Option<String>,
    /// Its `struct module`.
    pub this: KPtr<ModuleStruct>,
    /// Its init function; 0 for none.
    pub init: u64,
    /// Its exit function; 0 for none.
    pub exit: u64,
    /// Its memory.
    pub image: RwLock<Image>,
    /// What it exports.
    pub exports: HashMap<String, Exported>,
    /// Its parameters.
    pub params: Vec<Param>,
    /// Modules whose symbols it uses.
    pub uses: Vec<Arc<Module>>,
    /// Offset and presence of its per-CPU variables.
    pub percpu: Option<u64>,
    /// Its own taints.
    pub taints: AtomicU64,
    /// What is relocated when other modules come.
    pub late: Vec<loader::livepatch::Section>,
    /// What programs were told of it.
    pub uevents: crate::base::uevent::Told,
    /// Its init or exit died: its state will never change again.
    dead: AtomicBool,
    /// Kept here too, so that a module that damages its own structure does not confuse lkm.
    state: AtomicU32,
}

impl Module {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.identity.name
    }

    /// Its state.
    pub fn state(&self) -> State {
        State::from_number(self.state.load(Ordering::Acquire))
    }

    pub(crate) fn set_state(&self, state: State) {
        self.state.store(state as u32, Ordering::Release);
        // What the module's own code sees; if it destroyed its structure that is its own loss.
        let _ = STATE.put(self.this, state as u32);
    }

    /// True if its init or exit died.
    pub fn is_dead(&self) -> bool {
        self.dead.load(Ordering::Acquire)
    }

    pub(crate) fn set_dead(&self) {
        self.dead.store(true, Ordering::Release);
    }

    /// References beyond the kernel's own: what `lsmod` shows. -1 once the module is going.
    pub fn refcount(&self) -> i64 {
        REFCNT.get::<u32, _>(self.this).map_or(-1, |n| i64::from(n as i32) - i64::from(REF_BASE))
    }

    fn add_ref(&self, add: u32) -> KResult<u32> {
        Ok(access::fetch_add_u32(REFCNT.of(self.this)?.addr(), add)?)
    }

    /// Adds a reference (`__module_get`).
    ///
    /// # Errors
    /// When the module's structure cannot be reached.
    pub fn get(&self) -> KResult {
        self.add_ref(1).map(|_| ())
    }

    /// Adds a reference if there is one; false if not: somebody gave back more than he took.
    ///
    /// # Errors
    /// When the module's structure cannot be reached.
    pub fn try_get(&self) -> KResult<bool> {
        let addr = REFCNT.of(self.this)?.addr();
        loop {
            let old: u32 = access::get(addr)?;
            if old == 0 {
                return Ok(false);
            }
            if access::compare_exchange_u32(addr, old, old.wrapping_add(1))? == old {
                return Ok(true);
            }
        }
    }

    /// Gives a reference back (`module_put`).
    ///
    /// # Errors
    /// When the module's structure cannot be reached.
    pub fn put(&self) -> KResult {
        self.add_ref(u32::MAX).map(|_| ())
    }

    /// Gives a reference back if there is one; false if not.
    ///
    /// # Errors
    /// When the module's structure cannot be reached.
    pub fn try_put(&self) -> KResult<bool> {
        let addr = REFCNT.of(self.this)?.addr();
        loop {
            let old: u32 = access::get(addr)?;
            if old as i32 <= 0 {
                return Ok(false);
            }
            if access::compare_exchange_u32(addr, old, old - 1)? == old {
                return Ok(true);
            }
        }
    }

    /// True if it has an init function and no exit function: it cannot be removed.
    pub fn is_permanent(&self) -> bool {
        self.init != 0 && self.exit == 0
    }

    /// Bytes of core and init memory, as /sys/module/X/{coresize,initsize} show them.
    pub fn sizes(&self) -> (usize, usize) {
        let image = self.image();
        (image.core.size, image.init.size)
    }

    /// Its memory, sections and symbols.
    pub fn image(&self) -> std::sync::RwLockReadGuard<'_, Image> {
        self.image.read().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All modules, newest first; a module is in it from the moment its name is taken.
static LIST: RwLock<Vec<Entry>> = RwLock::new(Vec::new());
/// Held while a load or unload takes decisions.
static LOADING: Mutex<()> = Mutex::new(());
/// Signalled when a module becomes live or goes.
static CHANGED: Condvar = Condvar::new();
static NEXT_ID: AtomicU64 = AtomicU64::new(1);

/// A name in the list.
#[derive(Debug, Clone)]
enum Entry {
    /// Taken by a load that is not complete.
    Unformed(String),
    /// A module.
    Formed(Arc<Module>),
}

impl Entry {
    fn name(&self) -> &str {
        match self {
            Self::Unformed(name) => name,
            Self::Formed(module) => module.name(),
        }
    }
}

fn read_list() -> std::sync::RwLockReadGuard<'static, Vec<Entry>> {
    LIST.read().unwrap_or_else(PoisonError::into_inner)
}

fn write_list() -> std::sync::RwLockWriteGuard<'static, Vec<Entry>> {
    LIST.write().unwrap_or_else(PoisonError::into_inner)
}

fn formed(list: &[Entry]) -> Vec<Arc<Module>> {
    let formed = |entry: &Entry| match entry {
        Entry::Formed(module) => Some(Arc::clone(module)),
        Entry::Unformed(_) => None,
    };
    list.iter().filter_map(formed).collect()
}

/// All formed modules, newest first.
pub fn all() -> Vec<Arc<Module>> {
    formed(&read_list())
}

/// The module with this name in the list that module code sees; `-` and `_` are the same in names from outside.
pub fn find(name: &str) -> Option<Arc<Module>> {
    links::listed().into_iter().find(|m| m.name() == name)
}

/// The module whose `struct module` lies at `this`.
pub fn of_struct(this: KPtr<ModuleStruct>) -> Option<Arc<Module>> {
    all().into_iter().find(|m| m.this == this)
}

/// The module in whose memory `addr` lies.
pub fn containing(addr: u64) -> Option<Arc<Module>> {
    all().into_iter().find(|m| m.image().contains(addr))
}

/// Modules that use symbols of `module`.
pub fn holders(module: &Module) -> Vec<Arc<Module>> {
    all().into_iter().filter(|m| m.uses.iter().any(|u| u.id == module.id)).collect()
}

/// The module code that called lkm: the return address of each stretch of module frames, innermost first.
pub fn callers() -> Vec<u64> {
    let border = |stretch: enter::Stretch| access::get::<u64>(stretch.border.wrapping_add(8)).ok();
    enter::stretches().into_iter().map_while(border).filter(|ip| machine::arena::contains(*ip)).collect()
}
