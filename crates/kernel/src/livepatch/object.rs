//! What a patch names: objects and their functions. Counterpart: kernel/livepatch/core.c (`klp_init_object`), patch.c.

use super::{code, is_alive, relocations, say};
use crate::fs::Spec;
use crate::module::{self, Module, symbols};
use crate::{env, fault, log};
use kabi::errno::{EEXIST, EINVAL, ENOENT};
use kabi::{Errno, Field, KPtr, KResult, size_of_struct};
use machine::access;
use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

/// The kernel's `struct klp_object`.
#[derive(Debug)]
pub struct KlpObject;

/// The kernel's `struct klp_func`.
#[derive(Debug)]
pub struct KlpFunc;

static NAME: Field = Field::new("klp_object", "name");
static FUNCS: Field = Field::new("klp_object", "funcs");
static OBJECT_MOD: Field = Field::new("klp_object", "mod");
static OBJECT_PATCHED: Field = Field::new("klp_object", "patched");
static PRE_PATCH: Field = Field::new("klp_object", "callbacks.pre_patch");
/// The callback after the functions were put in place.
pub(super) static POST_PATCH: Field = Field::new("klp_object", "callbacks.post_patch");
/// The callback before they are taken away.
pub(super) static PRE_UNPATCH: Field = Field::new("klp_object", "callbacks.pre_unpatch");
static POST_UNPATCH: Field = Field::new("klp_object", "callbacks.post_unpatch");
static OLD_NAME: Field = Field::new("klp_func", "old_name");
static NEW_FUNC: Field = Field::new("klp_func", "new_func");
static OLD_SYMPOS: Field = Field::new("klp_func", "old_sympos");
static OLD_FUNC: Field = Field::new("klp_func", "old_func");
static FUNC_PATCHED: Field = Field::new("klp_func", "patched");

/// `MODULE_NAME_LEN` and `KSYM_NAME_LEN`.
const MODULE_NAME_LEN: usize = 56;
const KSYM_NAME_LEN: usize = 512;
/// The most objects of a patch, and functions of an object, that are looked at.
const MOST: u64 = 65_536;

/// A function and what replaces it.
#[derive(Debug, Clone)]
pub(super) struct Func {
    /// Its `struct klp_func`; NULL for one that is there to undo an older patch.
    addr: KPtr<KlpFunc>,
    /// `None`: the module gave none.
    old_name: Option<String>,
    sympos: u64,
    /// 0: the old function stays.
    new: u64,
    is_nop: bool,
    /// Where the old one is, while its module is there.
    pub(super) old: u64,
    pub(super) patched: bool,
}

impl Func {
    /// Where the old function shall lead.
    pub(super) fn target(&self) -> Option<u64> {
        Some(self.new).filter(|_| !self.is_nop)
    }

    fn name(&self) -> &str {
        self.old_name.as_deref().unwrap_or_default()
    }

    /// The name of its directory.
    pub(super) fn entry(&self) -> String {
        format!("{},{}", self.name(), self.sympos.max(1))
    }

    fn is_like(&self, other: &Self) -> bool {
        self.old_name == other.old_name && self.sympos.max(1) == other.sympos.max(1)
    }
}

#[derive(Debug, Default)]
struct State {
    module: Option<Arc<Module>>,
    patched: bool,
    /// The callback before went well, so that there is one after the end.
    undo: bool,
    funcs: Vec<Func>,
}

/// A module, or the kernel itself, whose functions are replaced.
pub(super) struct Object {
    /// Its `struct klp_object`; NULL for one that is there to undo an older patch.
    addr: KPtr<KlpObject>,
    /// `None`: the kernel itself.
    name: Option<String>,
    state: Mutex<State>,
    /// What /sys shows of it.
    pub(super) entry: OnceLock<Spec>,
}

/// The objects of a patch.
///
/// # Errors
/// `EINVAL`: one without functions.
pub(super) fn read(first: KPtr<KlpObject>) -> KResult<Vec<Arc<Object>>> {
    let size = size_of_struct("klp_object")? as u64;
    let mut objects = Vec::new();
    for index in 0..MOST {
        let addr = KPtr::<KlpObject>::new(first.addr() + size * index);
        let (name, funcs): (u64, u64) = (NAME.get(addr)?, FUNCS.get(addr)?);
        if name == 0 && funcs == 0 {
            break;
        }
        if funcs == 0 {
            return Err(EINVAL.into());
        }
        let state = Mutex::new(State { funcs: read_funcs(funcs)?, ..State::default() });
        objects.push(Arc::new(Object { addr, name: text(name)?, state, entry: OnceLock::new() }));
    }
    Ok(objects)
}

fn read_funcs(first: u64) -> KResult<Vec<Func>> {
    let size = size_of_struct("klp_func")? as u64;
    let mut funcs = Vec::new();
    for index in 0..MOST {
        let addr = KPtr::<KlpFunc>::new(first + size * index);
        let (name, new, sympos): (u64, u64, u64) = (OLD_NAME.get(addr)?, NEW_FUNC.get(addr)?, OLD_SYMPOS.get(addr)?);
        if name == 0 && new == 0 && sympos == 0 {
            break;
        }
        funcs.push(Func { addr, old_name: text(name)?, sympos, new, is_nop: false, old: 0, patched: false });
    }
    Ok(funcs)
}

fn text(addr: u64) -> KResult<Option<String>> {
    if addr == 0 {
        return Ok(None);
    }
    Ok(Some(String::from_utf8_lossy(&access::read_str(addr, KSYM_NAME_LEN + 1)?).into_owned()))
}

/// What an older patch replaces and this one does not goes back to what it was (`klp_add_object_nops`).
pub(super) fn add_nops(objects: &mut Vec<Arc<Object>>, older: &Object) {
    let object = match objects.iter().find(|object| object.name == older.name) {
        Some(object) => Arc::clone(object),
        None => {
            let (name, state) = (older.name.clone(), Mutex::default());
            let made = Arc::new(Object { addr: KPtr::NULL, name, state, entry: OnceLock::new() });
            objects.push(Arc::clone(&made));
            made
        }
    };
    for func in older.funcs() {
        let mut state = object.state();
        if !state.funcs.iter().any(|own| own.is_like(&func)) {
            state.funcs.push(Func { addr: KPtr::NULL, is_nop: true, new: 0, old: 0, patched: false, ..func });
        }
    }
}

impl Object {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Its name; `vmlinux` is the kernel itself.
    pub(super) fn name(&self) -> &str {
        self.name.as_deref().unwrap_or("vmlinux")
    }

    /// Its functions.
    pub(super) fn funcs(&self) -> Vec<Func> {
        self.state().funcs.clone()
    }

    /// Its module, if that is there.
    pub(super) fn module(&self) -> Option<Arc<Module>> {
        self.state().module.clone()
    }

    pub(super) fn is_patched(&self) -> bool {
        self.state().patched
    }

    fn set_patched(&self, patched: bool) -> KResult {
        self.state().patched = patched;
        if self.addr.is_null() { Ok(()) } else { OBJECT_PATCHED.put(self.addr, u8::from(patched)) }
    }

    /// Its module comes or goes.
    pub(super) fn set_module(&self, module: Option<&Arc<Module>>) -> KResult {
        let mut state = self.state();
        state.module = module.cloned();
        if module.is_none() {
            state.funcs.iter_mut().for_each(|func| func.old = 0);
        }
        drop(state);
        let this = module.map_or(0, |module| module.this.addr());
        if self.addr.is_null() { Ok(()) } else { OBJECT_MOD.put(self.addr, this) }
    }

    /// Calls one of its callbacks: what it says.
    pub(super) fn call(&self, which: &Field) -> KResult<i32> {
        match if self.addr.is_null() { 0 } else { which.get::<u64, _>(self.addr)? } {
            0 => Ok(0),
            function => Ok(kabi::call(function, &[self.addr.addr()])? as i32),
        }
    }

    /// The callback before its functions are replaced.
    pub(super) fn before_patch(&self) -> KResult {
        let said = self.call(&PRE_PATCH)?;
        self.state().undo = said == 0;
        if said == 0 {
            return Ok(());
        }
        say(4, &format!("pre-patch callback failed for object '{}'", self.name()));
        Err(Errno(-said).into())
    }

    /// The callback after all is as it was.
    pub(super) fn undone(&self) -> KResult<i32> {
        if std::mem::take(&mut self.state().undo) { self.call(&POST_UNPATCH) } else { Ok(0) }
    }

    /// Checks what the module says, and finds it if it is there (`klp_init_object`).
    pub(super) fn prepare(&self, patch: &Module) -> KResult {
        if self.name.as_ref().is_some_and(|name| name.len() >= MODULE_NAME_LEN) {
            return Err(EINVAL.into());
        }
        let found = self.name.as_deref().and_then(module::find).filter(|module| is_alive(module));
        self.set_patched(false)?;
        self.set_module(found.as_ref())?;
        let mut entries = HashSet::new();
        for func in self.funcs() {
            let given = func.old_name.as_ref().is_some_and(|name| name.len() < KSYM_NAME_LEN);
            if !given || (func.new == 0 && !func.is_nop) {
                return Err(EINVAL.into());
            }
            if !entries.insert(func.entry()) {
                return self.has_entry(patch.name(), &func.entry());
            }
        }
        if self.name.is_none() {
            return self.is_kernel(patch.name());
        }
        if found.is_some() { self.find_functions(patch) } else { Ok(()) }
    }

    /// Two functions would have one directory.
    fn has_entry(&self, patch: &str, entry: &str) -> KResult {
        let path = format!("/kernel/livepatch/{patch}/{}/{entry}", self.name());
        log::line(4, &format!("sysfs: cannot create duplicate filename '{path}'"));
        fault::dump_stack();
        let text = "don't try to register things with the same name in the same directory.";
        // The first kernel known to say who speaks; 6.1 does not.
        let from = if env::version() >= (6, 12) { "kobject: " } else { "" };
        log::line(3, &format!("{from}kobject_add_internal failed for {entry} with -EEXIST, {text}"));
        Err(EEXIST.into())
    }

    fn is_kernel(&self, patch: &str) -> KResult {
        let names: Vec<String> = self.funcs().iter().map(|func| func.name().to_string()).collect();
        let names = names.join(", ");
        log::line(
            3,
            &format!(
                "lkm: livepatch '{patch}' replaces functions of the kernel itself ({names}): lkm's kernel is not made of \
                 them; only functions of modules can be patched here"
            ),
        );
        Err(EINVAL.into())
    }

    /// Applies the patch's relocations for it, and finds its functions in its module (`klp_init_object_loaded`).
    pub(super) fn find_functions(&self, patch: &Module) -> KResult {
        let Some(module) = self.module() else { return Ok(()) };
        relocations::for_object(patch, self.name())?;
        let mut funcs = self.funcs();
        for func in &mut funcs {
            func.old = find(&module, func.name(), func.sympos)?;
            if !func.addr.is_null() {
                OLD_FUNC.put(func.addr, func.old)?;
            }
            if !func.is_nop && !is_function(func.new) {
                say(3, &format!("kallsyms size lookup failed for '{}' replacement", func.name()));
                return Err(ENOENT.into());
            }
        }
        self.state().funcs = funcs;
        Ok(())
    }

    /// Puts its new functions in place, or none (`klp_patch_object`).
    pub(super) fn patch(&self) -> KResult {
        let Some(module) = self.module() else { return Ok(()) };
        for (index, func) in self.funcs().into_iter().enumerate() {
            if code::site(&module, func.old).is_none() {
                say(3, &format!("failed to find location for function '{}'", func.name()));
                self.unpatch()?;
                return Err(EINVAL.into());
            }
            self.mark(index, true)?;
            code::settle(&module, func.old)?;
        }
        self.set_patched(true)
    }

    /// Puts the old functions back.
    pub(super) fn unpatch(&self) -> KResult {
        let module = self.module();
        for (index, func) in self.funcs().into_iter().enumerate().filter(|(_, func)| func.patched) {
            self.mark(index, false)?;
            if let Some(module) = &module {
                code::settle(module, func.old)?;
            }
        }
        self.set_patched(false)
    }

    fn mark(&self, index: usize, patched: bool) -> KResult {
        let addr = {
            let mut state = self.state();
            let Some(func) = state.funcs.get_mut(index) else { return Ok(()) };
            func.patched = patched;
            func.addr
        };
        if addr.is_null() { Ok(()) } else { FUNC_PATCHED.put(addr, u8::from(patched)) }
    }

    /// Forgets what was there to undo older patches, which are gone; false if nothing is left of it.
    pub(super) fn drop_nops(&self) -> bool {
        self.state().funcs.retain(|func| !func.is_nop);
        !self.addr.is_null()
    }
}

/// The address of a symbol of a module (`klp_find_object_symbol`): the only one of the name, or the one at a place.
pub(super) fn find(module: &Module, name: &str, sympos: u64) -> KResult<u64> {
    let image = module.image();
    let of_name: Vec<u64> =
        image.symbols().filter(|s| s.name == name && s.letter != 'u' && s.addr != 0).map(|s| s.addr).collect();
    let at = |place: u64| of_name.get(usize::try_from(place).unwrap_or(usize::MAX)).copied();
    let object = module.name();
    match (at(0), sympos) {
        (None, _) => say(3, &format!("symbol '{name}' not found in symbol table")),
        (Some(only), 0) if of_name.len() == 1 => return Ok(only),
        (_, 0) => say(3, &format!("unresolvable ambiguity for symbol '{name}' in object '{object}'")),
        (_, place) => match at(place - 1) {
            Some(found) => return Ok(found),
            None => say(3, &format!("symbol position {place} for symbol '{name}' in object '{object}' not found")),
        },
    }
    Err(EINVAL.into())
}

/// True if kallsyms knows something there.
fn is_function(addr: u64) -> bool {
    module::containing(addr).is_some_and(|m| m.image().symbol_at(addr).is_some()) || symbols::given_at(addr).is_some()
}
