//! Livepatches: modules that put functions of theirs in the place of functions of other modules. Counterpart:
//! kernel/livepatch/core.c, transition.c, state.c.
//!
//! A *patch* names *objects* (modules, or the kernel itself), and of each object *functions* with what replaces them. This
//! file enables and disables patches; `object` reads them and finds what they name, `code` changes the functions' first
//! instructions, `relocations` applies what the patch's code needs, `files` is /sys/kernel/livepatch.
//!
//! DIFFERS: every task goes over to the new functions at once: one that is inside of an old function stays there until that
//! returns, and none is waited for (`transition` is always 0, `force` has nothing to do). The kernel's own functions are not
//! patched: lkm is not made of them, so that the patch is refused.

mod code;
mod files;
mod object;
mod relocations;

use crate::fs::Spec;
use crate::locking::mutex::{self, MutexStruct};
use crate::log;
use crate::module::load::LoadError;
use crate::module::{self, Module, ModuleStruct, State};
use kabi::errno::{EINVAL, ENODEV};
use kabi::{Field, KPtr, KResult, c_ulong, exports, kexport, size_of_struct};
use loader::{LogLine, Refusal};
use object::{KlpObject, Object};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};

pub use files::register;
pub(crate) use relocations::at_load;

exports![klp_enable_patch, klp_get_state, klp_get_prev_state];

/// The kernel's `struct klp_patch`.
#[derive(Debug)]
pub struct KlpPatch;

/// The kernel's `struct klp_state`.
#[derive(Debug)]
pub struct KlpState;

static MOD: Field = Field::new("klp_patch", "mod");
static OBJS: Field = Field::new("klp_patch", "objs");
static STATES: Field = Field::new("klp_patch", "states");
static REPLACE: Field = Field::new("klp_patch", "replace");
static ENABLED: Field = Field::new("klp_patch", "enabled");
static STATE_ID: Field = Field::new("klp_state", "id");
static STATE_VERSION: Field = Field::new("klp_state", "version");
static ALIVE: Field = Field::new("module", "klp_alive");

/// The most states of a patch that are looked at.
const MOST_STATES: u64 = 4096;

/// A patch that is installed.
pub(crate) struct Patch {
    addr: KPtr<KlpPatch>,
    module: Arc<Module>,
    replace: bool,
    enabled: AtomicBool,
    objects: RwLock<Vec<Arc<Object>>>,
    /// What /sys shows of it.
    entry: OnceLock<Spec>,
}

/// The installed patches, oldest first.
static LIST: RwLock<Vec<Arc<Patch>>> = RwLock::new(Vec::new());
/// The patch that is on its way: its callbacks run.
static ON_ITS_WAY: Mutex<Option<Arc<Patch>>> = Mutex::new(None);

fn say(level: u8, text: &str) {
    log::line(level, &format!("livepatch: {text}"));
}

fn patches() -> Vec<Arc<Patch>> {
    LIST.read().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Runs `work` with `klp_mutex`, which modules' callbacks may sleep under.
fn in_turn<T>(work: impl FnOnce() -> KResult<T>) -> KResult<T> {
    static TURN: Mutex<Option<u64>> = Mutex::new(None);
    let lock = {
        let mut made = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        if made.is_none() {
            let lock = KPtr::<MutexStruct>::new(crate::mm::slab::permanent(size_of_struct("mutex")?)?.addr());
            mutex::init(lock)?;
            *made = Some(lock.addr());
        }
        KPtr::new(made.unwrap_or_default())
    };
    mutex::lock(lock)?;
    let result = work();
    mutex::unlock(lock)?;
    result
}

impl Patch {
    fn name(&self) -> &str {
        self.module.name()
    }

    fn objects(&self) -> Vec<Arc<Object>> {
        self.objects.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_enabled(&self, enabled: bool) -> KResult {
        self.enabled.store(enabled, Ordering::SeqCst);
        ENABLED.put(self.addr, u8::from(enabled))
    }

    /// Its objects whose module is there.
    fn loaded(&self) -> impl Iterator<Item = Arc<Object>> {
        self.objects().into_iter().filter(|object| object.module().is_some())
    }

    /// What comes when all tasks have gone over (`klp_complete_transition`): older patches that this one replaces go, and the
    /// callbacks are told.
    fn complete(self: &Arc<Self>, patched: bool) -> KResult {
        if patched && self.replace {
            for older in older_than(self) {
                older.set_enabled(false)?;
                older.objects().iter().try_for_each(|object| object.unpatch())?;
            }
            let mut objects = self.objects.write().unwrap_or_else(PoisonError::into_inner);
            objects.retain(|object| object.drop_nops());
        }
        if !patched {
            self.objects().iter().try_for_each(|object| object.unpatch())?;
        }
        for object in self.loaded() {
            if patched {
                object.call(&object::POST_PATCH)?
            } else {
                object.undone()?
            };
        }
        say(5, &format!("'{}': {} complete", self.name(), direction(patched)));
        Ok(())
    }

    /// Puts the new functions in place (`__klp_enable_patch`).
    fn enable(self: &Arc<Self>) -> KResult {
        say(5, &format!("enabling patch '{}'", self.name()));
        let started = self.loaded().try_for_each(|object| {
            object.before_patch()?;
            object.patch().inspect_err(|_| say(4, &format!("failed to patch object '{}'", object.name())))
        });
        if let Err(e) = started {
            say(4, &format!("failed to enable patch '{}'", self.name()));
            self.complete(false)?;
            return Err(e);
        }
        say(5, &format!("'{}': starting patching transition", self.name()));
        self.set_enabled(true)?;
        self.complete(true)?;
        if self.replace {
            older_than(self).iter().try_for_each(free)?;
        }
        Ok(())
    }

    /// Puts the old functions back, and the patch is gone (`__klp_disable_patch`).
    fn disable(self: &Arc<Self>) -> KResult {
        for object in self.objects().iter().filter(|object| object.is_patched()) {
            object.call(&object::PRE_UNPATCH)?;
        }
        say(5, &format!("'{}': starting unpatching transition", self.name()));
        self.set_enabled(false)?;
        self.complete(false)?;
        free(self)
    }

    /// A write to `enabled`.
    fn store(self: &Arc<Self>, enabled: bool) -> KResult {
        in_turn(|| {
            // A patch that was disabled cannot be enabled again, and one that is installed is enabled.
            if enabled || !self.enabled.load(Ordering::SeqCst) {
                return Err(EINVAL.into());
            }
            on_its_way(self, || self.disable())
        })
    }
}

fn direction(patched: bool) -> &'static str {
    if patched { "patching" } else { "unpatching" }
}

fn older_than(patch: &Arc<Patch>) -> Vec<Arc<Patch>> {
    patches().into_iter().take_while(|other| !Arc::ptr_eq(other, patch)).collect()
}

/// Takes a patch out of the list; its module can go then.
fn free(patch: &Arc<Patch>) -> KResult {
    LIST.write().unwrap_or_else(PoisonError::into_inner).retain(|other| !Arc::ptr_eq(other, patch));
    patch.module.put()
}

fn on_its_way<T>(patch: &Arc<Patch>, work: impl FnOnce() -> KResult<T>) -> KResult<T> {
    let set = |on| *ON_ITS_WAY.lock().unwrap_or_else(PoisonError::into_inner) = on;
    set(Some(Arc::clone(patch)));
    let result = work();
    set(None);
    result
}

/// Installs the patch that a livepatch module describes, and enables it.
///
/// # Errors
/// `EINVAL`: something is missing in it, the module is not marked, or a function of a module that is there is not found;
/// what a callback returns; DIFFERS: `EINVAL` also if it changes the kernel itself.
#[kexport(since = "4.0", header = "linux/livepatch.h", gpl, partial = "only functions of modules can be patched")]
fn klp_enable_patch(patch: KPtr<KlpPatch>) -> KResult {
    if patch.is_null() || MOD.get::<u64, _>(patch)? == 0 || OBJS.get::<u64, _>(patch)? == 0 {
        return Err(EINVAL.into());
    }
    let objects = object::read(KPtr::<KlpObject>::new(OBJS.get(patch)?))?;
    let module = module::of_struct(KPtr::<ModuleStruct>::new(MOD.get(patch)?)).ok_or(EINVAL)?;
    if !module.identity.livepatch {
        say(3, &format!("module {} is not marked as a livepatch module", module.name()));
        return Err(EINVAL.into());
    }
    let replace = REPLACE.get::<u8, _>(patch)? != 0;
    let (enabled, objects) = (AtomicBool::new(false), RwLock::new(objects));
    let patch = Arc::new(Patch { addr: patch, module, replace, enabled, objects, entry: OnceLock::new() });
    in_turn(|| install(&patch))
}

fn install(patch: &Arc<Patch>) -> KResult {
    if !is_compatible(patch)? {
        let name = patch.name();
        say(3, &format!("Livepatch patch ({name}) is not compatible with the already installed livepatches."));
        return Err(EINVAL.into());
    }
    if patch.module.state() == State::Going {
        return Err(ENODEV.into());
    }
    patch.module.get()?;
    let prepared = prepare(patch);
    if prepared.is_ok() {
        LIST.write().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(patch));
    }
    let enabled = prepared.and_then(|()| on_its_way(patch, || patch.enable()));
    if enabled.is_err() {
        free(patch)?;
    }
    enabled
}

/// Finds what the patch names (`klp_init_patch`).
fn prepare(patch: &Arc<Patch>) -> KResult {
    if patch.replace {
        let mut objects = patch.objects();
        for older in patches().iter().flat_map(|older| older.objects()) {
            object::add_nops(&mut objects, &older);
        }
        *patch.objects.write().unwrap_or_else(PoisonError::into_inner) = objects;
    }
    for object in patch.objects() {
        object.prepare(&patch.module)?;
    }
    Ok(())
}

/// The states that a patch changes.
fn states(patch: KPtr<KlpPatch>) -> KResult<Vec<KPtr<KlpState>>> {
    let first: u64 = STATES.get(patch)?;
    let size = size_of_struct("klp_state")? as u64;
    let mut states = Vec::new();
    while first != 0 && (states.len() as u64) < MOST_STATES {
        let state = KPtr::new(first + size * states.len() as u64);
        if STATE_ID.get::<c_ulong, _>(state)? == 0 {
            break;
        }
        states.push(state);
    }
    Ok(states)
}

/// True if a patch knows what installed ones changed (`klp_is_patch_compatible`).
fn is_compatible(patch: &Patch) -> KResult<bool> {
    for older in patches() {
        for theirs in states(older.addr)? {
            let ours = klp_get_state(patch.addr, STATE_ID.get(theirs)?)?;
            let knows = match ours.is_null() {
                true => !patch.replace,
                false => STATE_VERSION.get::<u32, _>(ours)? >= STATE_VERSION.get::<u32, _>(theirs)?,
            };
            if !knows {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

/// The state of this number in a patch; NULL if it has none.
#[kexport(since = "5.5", header = "linux/livepatch.h", gpl)]
fn klp_get_state(patch: KPtr<KlpPatch>, id: c_ulong) -> KResult<KPtr<KlpState>> {
    for state in states(patch)? {
        if STATE_ID.get::<c_ulong, _>(state)? == id {
            return Ok(state);
        }
    }
    Ok(KPtr::NULL)
}

/// The state of this number in the newest patch before the one that is on its way; NULL if none has it. Only for callbacks.
#[kexport(since = "5.5", header = "linux/livepatch.h", gpl)]
fn klp_get_prev_state(id: c_ulong) -> KResult<KPtr<KlpState>> {
    let Some(current) = ON_ITS_WAY.lock().unwrap_or_else(PoisonError::into_inner).clone() else {
        static TOLD: AtomicBool = AtomicBool::new(false);
        if !TOLD.swap(true, Ordering::Relaxed) {
            crate::fault::warn_in("klp_get_prev_state", "kernel/livepatch/state.c", 0, None);
        }
        return Ok(KPtr::NULL);
    };
    let mut last = KPtr::NULL;
    for patch in older_than(&current) {
        let state = klp_get_state(patch.addr, id)?;
        last = if state.is_null() { last } else { state };
    }
    Ok(last)
}

fn set_alive(module: &Module, alive: bool) {
    // A kernel without livepatches has no such member; a module that destroyed its structure is not patched.
    let _ = ALIVE.put(module.this, u8::from(alive));
}

fn is_alive(module: &Module) -> bool {
    ALIVE.get::<u8, _>(module.this).is_ok_and(|alive| alive != 0)
}

/// A module comes: installed patches that name it are applied (`klp_module_coming`).
///
/// # Errors
/// `EINVAL` for the name of the kernel itself; what keeps a patch from being applied.
pub(crate) fn module_coming(module: &Arc<Module>) -> Result<(), LoadError> {
    if !ALIVE.exists() {
        return Ok(());
    }
    if module.name() == "vmlinux" {
        let line = LogLine::err("livepatch: vmlinux.ko: invalid module name");
        return Err(Refusal::logged(EINVAL, line).into());
    }
    in_turn(|| {
        set_alive(module, true);
        let all = patches();
        for (place, patch) in all.iter().enumerate() {
            let Some(object) = patch.objects().into_iter().find(|object| object.name() == module.name()) else {
                continue;
            };
            if let Err(e) = apply(patch, &object, module) {
                let (patch, name) = (patch.name(), module.name());
                say(4, &format!("patch '{patch}' failed for module '{name}', refusing to load module '{name}'"));
                set_alive(module, false);
                object.set_module(None)?;
                revert(all.get(..place).unwrap_or_default(), module)?;
                return Err(e);
            }
        }
        Ok(())
    })
    .map_err(LoadError::from)
}

fn apply(patch: &Patch, object: &Arc<Object>, module: &Arc<Module>) -> KResult {
    let (name, theirs) = (patch.name(), module.name());
    object.set_module(Some(module))?;
    if let Err(e) = object.find_functions(&patch.module) {
        let number = -e.errno().0;
        say(4, &format!("failed to initialize patch '{name}' for module '{theirs}' ({number})"));
        return Err(e);
    }
    say(5, &format!("applying patch '{name}' to loading module '{theirs}'"));
    object.before_patch()?;
    if let Err(e) = object.patch() {
        let number = -e.errno().0;
        say(4, &format!("failed to apply patch '{name}' to module '{theirs}' ({number})"));
        object.undone()?;
        return Err(e);
    }
    object.call(&object::POST_PATCH).map(drop)
}

/// Takes the patches off a module (`klp_cleanup_module_patches_limited`).
fn revert(patches: &[Arc<Patch>], module: &Module) -> KResult {
    for patch in patches {
        let of_it = |object: &Arc<Object>| object.module().is_some_and(|m| m.id == module.id);
        for object in patch.objects().into_iter().filter(of_it) {
            object.call(&object::PRE_UNPATCH)?;
            say(5, &format!("reverting patch '{}' on unloading module '{}'", patch.name(), module.name()));
            object.unpatch()?;
            object.undone()?;
            object.set_module(None)?;
            relocations::clear(&patch.module, object.name())?;
        }
    }
    Ok(())
}

/// A module goes (`klp_module_going`). A livepatch module whose init failed after it had enabled its patch takes that along;
/// DIFFERS: the kernel leaves it in place, and goes on in freed memory.
///
/// # Errors
/// When a callback dies.
pub(crate) fn module_going(module: &Module) -> KResult {
    if !ALIVE.exists() {
        return Ok(());
    }
    in_turn(|| {
        set_alive(module, false);
        for patch in patches().iter().filter(|patch| patch.module.id == module.id) {
            patch.objects().iter().try_for_each(|object| object.unpatch())?;
            LIST.write().unwrap_or_else(PoisonError::into_inner).retain(|other| !Arc::ptr_eq(other, patch));
        }
        revert(&patches(), module)
    })
}
