//! `init_module(2)`: from bytes to a live module. Counterpart: `load_module`, `do_init_module` of kernel/module/main.c.

use super::taint::Taint;
use super::{CHANGED, Entry, Exported, LOADING, Module, NEXT_ID, REF_BASE, REFCNT, State, all, read_list, write_list};
use super::{notify, params};
use crate::mm::inline_access;
use crate::{log, percpu, sched};
use kabi::errno::{EBUSY, EEXIST, ENOMEM, EPERM};
use kabi::{Errno, Field, KError, KPtr, profile};
use loader::{Flags, Found, Identity, Image, LogLine, Owner, Refusal, Resolver};
use loader::{check, patch, place, protect, relocate, resolve};
use machine::access;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

/// How a load ends if it does not succeed.
#[derive(Debug)]
pub enum LoadError {
    /// The system call fails.
    Refused(Refusal),
    /// Module code died; so does the caller.
    Died,
}

impl From<Refusal> for LoadError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<kofile::Error> for LoadError {
    fn from(e: kofile::Error) -> Self {
        Self::Refused(e.into())
    }
}

impl From<KError> for LoadError {
    fn from(e: KError) -> Self {
        match e {
            KError::Died => Self::Died,
            other => Self::Refused(Refusal::silent(other.errno())),
        }
    }
}

/// A file to load.
#[derive(Debug)]
pub struct Request<'a> {
    /// The file's name, for messages.
    pub file: &'a str,
    /// Its bytes, unpacked.
    pub bytes: &'a [u8],
    /// The parameter string.
    pub params: &'a [u8],
    /// `finit_module(2)`'s flags.
    pub flags: Flags,
    /// Where it lies, for reports.
    pub path: Option<String>,
}

/// Loads a module and runs its init function.
///
/// # Errors
/// [`LoadError`]; the log then says why in the kernel's words.
pub fn init_module(request: &Request<'_>) -> Result<(), LoadError> {
    if crate::env::MODULES_DISABLED.load(Ordering::Relaxed) != 0 {
        return Err(Refusal::silent(EPERM).into());
    }
    let result = prepare(request).and_then(|module| start(&module, request.params));
    if let Err(LoadError::Refused(refusal)) = &result {
        refusal.log.iter().for_each(|line| log::line(line.level, &line.text));
    }
    result
}

/// Loads a module without running it, and takes it away again: how many relocations it took.
///
/// # Errors
/// As [`init_module`].
pub fn probe(request: &Request<'_>) -> Result<usize, LoadError> {
    let module = prepare(request)?;
    let relocations = module.image().relocations;
    forget(&module);
    Ok(relocations)
}

/// Loads a module and leaves it in the list without running it, so that others can use what it exports.
///
/// # Errors
/// As [`init_module`].
pub fn place_only(request: &Request<'_>) -> Result<usize, LoadError> {
    let module = prepare(request)?;
    module.set_state(State::Live);
    REFCNT.put(module.this, REF_BASE)?;
    let relocations = module.image().relocations;
    Ok(relocations)
}

/// Everything before the first instruction of the module runs; its name is in the list afterwards.
fn prepare(request: &Request<'_>) -> Result<Arc<Module>, LoadError> {
    let file = kofile::Module::parse(request.file, request.bytes)?;
    let identity = Identity::read(&file)?;
    let versions = file.versions()?;
    let versions: HashMap<&[u8], u32> = versions.iter().map(|v| (v.name.as_bytes(), v.crc)).collect();
    let layout_crc = profile().export("module_layout").and_then(|e| e.crc);
    resolve::module_layout(&identity, &versions, layout_crc, request.flags)?;
    let mut taints = 0;
    if versions.is_empty() && layout_crc.is_some() {
        forced(&mut taints, &identity, "module_layout");
    }
    if check::version_magic(&identity, &kernel_vermagic(), request.flags)? {
        forced(&mut taints, &identity, "bad vermagic");
    }
    let taints = taints | first_taints(&identity);
    let name = Reserved::take(&identity.name)?;
    let taints = taints | signature_taint(&identity);
    let module = Arc::new(form(request, &file, identity, &versions, taints)?);
    name.formed(&module);
    if let Err(e) = crate::jump_label::module_coming(&module) {
        forget(&module);
        return Err(e.into());
    }
    Ok(module)
}

/// The kernel's own version magic.
fn kernel_vermagic() -> String {
    let profile = profile();
    let usual = || format!("{} SMP preempt mod_unload modversions ", profile.release());
    profile.vermagic().map_or_else(usual, str::to_string)
}

fn taint_once(bits: &mut u64, taint: Taint, line: LogLine) {
    *bits |= 1 << taint as u32;
    if super::taint::add(taint) {
        log::line(line.level, &line.text);
    }
}

/// A load by force, which Debian's kernels allow (`try_to_force_load`).
fn forced(bits: &mut u64, identity: &Identity, reason: &str) {
    let line = LogLine::warn(format!("{}: {reason}: kernel tainted.", identity.name));
    taint_once(bits, Taint::ForcedModule, line);
}

/// The taints that `check_modinfo` finds, with the log's one-time notices.
fn first_taints(identity: &Identity) -> u64 {
    let name = &identity.name;
    let mut bits = 0;
    if !identity.in_tree {
        let line = LogLine::warn(format!("{name}: loading out-of-tree module taints kernel."));
        taint_once(&mut bits, Taint::OotModule, line);
    }
    if identity.staging {
        bits |= 1 << Taint::Crap as u32;
        super::taint::add(Taint::Crap);
        let text = "module is from the staging directory, the quality is unknown, you have been warned.";
        log::line(4, &format!("{name}: {text}"));
    }
    if !identity.is_gpl_compatible() {
        let license = identity.license.as_deref().unwrap_or("unspecified");
        let line = LogLine::warn(format!("{name}: module license '{license}' taints kernel."));
        if super::taint::bits() & (1 << Taint::ProprietaryModule as u32) == 0 {
            log::line(line.level, &line.text);
            log::line(4, "Disabling lock debugging due to kernel taint");
        }
        bits |= 1 << Taint::ProprietaryModule as u32;
        super::taint::add(Taint::ProprietaryModule);
    }
    bits
}

/// DIFFERS: a signature counts as good when there is one; the key is not looked up in the kernel's key ring.
fn signature_taint(identity: &Identity) -> u64 {
    static TOLD: AtomicBool = AtomicBool::new(false);
    if identity.signed {
        return 0;
    }
    if !TOLD.swap(true, Ordering::Relaxed) {
        let text = "module verification failed: signature and/or required key missing - tainting kernel";
        log::line(5, &format!("{}: {text}", identity.name));
    }
    super::taint::add(Taint::UnsignedModule);
    1 << Taint::UnsignedModule as u32
}

/// A name that is taken by a load under way; given back when the load fails.
struct Reserved {
    name: String,
    formed: bool,
}

impl Reserved {
    fn take(name: &str) -> Result<Self, LoadError> {
        let mut guard = LOADING.lock().unwrap_or_else(PoisonError::into_inner);
        let state = || {
            read_list().iter().find(|e| e.name() == name).map(|entry| match entry {
                Entry::Unformed(_) => (State::Unformed, false),
                Entry::Formed(module) => (module.state(), module.is_dead()),
            })
        };
        if let Some(first) = state() {
            // Its init is running: wait how that ends. DIFFERS: Linux waits for ever for one that died.
            let mut now = Some(first);
            while matches!(now, Some((State::Coming | State::Unformed, false))) {
                // The lock is let go before this task waits for a CPU again: those who have one may wait for the lock.
                sched::blocking(|| drop(CHANGED.wait(guard)));
                guard = LOADING.lock().unwrap_or_else(PoisonError::into_inner);
                now = state();
            }
            // A load that had to wait never goes on, also if the other one failed.
            let live = matches!(now, Some((State::Live, _)));
            return Err(Refusal::silent(if live { EEXIST } else { EBUSY }).into());
        }
        let _guard = guard;
        write_list().insert(0, Entry::Unformed(name.to_string()));
        Ok(Self { name: name.to_string(), formed: false })
    }

    fn formed(mut self, module: &Arc<Module>) {
        let mut list = write_list();
        if let Some(entry) = list.iter_mut().find(|e| e.name() == self.name) {
            *entry = Entry::Formed(Arc::clone(module));
        }
        self.formed = true;
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        if !self.formed {
            let _guard = LOADING.lock().unwrap_or_else(PoisonError::into_inner);
            write_list().retain(|e| !(matches!(e, Entry::Unformed(_)) && e.name() == self.name));
            CHANGED.notify_all();
        }
    }
}

/// Looks first in the kernel, then in the modules, as Linux does.
#[derive(Default)]
struct Lookup {
    /// The symbol that is asked for is data, as the module uses it.
    data: bool,
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
        if let Some(found) = super::symbols::find_used(name, self.data)? {
            return Ok(Some(found));
        }
        for module in all() {
            if let Some(e) = module.exports.get(name) {
                if module.state() != State::Live {
                    return Err(Refusal::silent(EBUSY));
                }
                return Ok(Some(Found {
                    value: e.value,
                    crc: e.crc,
                    gpl_only: e.gpl_only,
                    namespace: e.namespace.clone(),
                    owner: Owner::Module(module.id),
                }));
            }
        }
        Ok(None)
    }
}

/// Per-CPU memory of a module that is not complete yet.
struct PerCpu(Option<u64>);

impl PerCpu {
    fn take(elf: &kofile::Elf<'_>) -> Result<Self, LoadError> {
        let Some(section) = place::percpu_section(elf) else { return Ok(Self(None)) };
        let offset = percpu::alloc(section.size, section.align)?;
        let taken = Self(Some(offset));
        percpu::fill(offset, section.data)?;
        Ok(taken)
    }

    fn keep(mut self) -> Option<u64> {
        self.0.take()
    }
}

impl Drop for PerCpu {
    fn drop(&mut self) {
        if let Some(offset) = self.0 {
            percpu::free(offset);
        }
    }
}

/// User accesses in the module's own text become traps.
fn take_over_user_accesses(image: &Image) {
    for block in [&image.core.block, &image.init.block].into_iter().flatten() {
        inline_access::forget(block.addr()..block.addr() + block.len() as u64);
    }
    if let Some(table) = image.section("__ex_table")
        && let Ok(bytes) = KPtr::<()>::new(table.addr).bytes(0, table.size as usize)
    {
        inline_access::take_over(table.addr, &bytes);
    }
}

fn form(
    request: &Request<'_>,
    file: &kofile::Module<'_>,
    identity: Identity,
    versions: &HashMap<&[u8], u32>,
    taints: u64,
) -> Result<Module, LoadError> {
    let elf = file.elf();
    let symbols = elf.symbols()?;
    let percpu = PerCpu::take(elf)?;
    let mut layout = place::place(elf, percpu.0.unwrap_or(0))?;
    let resolved =
        resolve::resolve(elf, &symbols, &layout, &identity, versions, request.flags, &mut Lookup::default())?;
    resolved.log.iter().for_each(|line| log::line(line.level, &line.text));
    let relocations = relocate::relocate(elf, &mut layout, &resolved.values, &identity.name)?;
    patch::patch(elf, &mut layout);
    let exports = exported(file, &resolved.values, &symbols)?;
    protect::before_init(&layout)?;
    let this_module = file.this_module()?;
    let this = KPtr::new(layout.address(this_module.section).ok_or(KError::Errno(ENOMEM))?);
    let entry = |offset: Option<u64>| offset.map_or(Ok(0), |offset| this.get(offset));
    let (init, exit) = (entry(this_module.init)?, entry(this_module.exit)?);
    let params = params::table(elf, &layout)?;
    let uses = take_references(&resolved.uses)?;
    let image = Image::new(elf, &symbols, layout, &resolved.values, relocations);
    take_over_user_accesses(&image);
    let module = Module {
        id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
        identity,
        path: request.path.clone(),
        this,
        init,
        exit,
        image: RwLock::new(image),
        exports,
        params,
        uses,
        percpu: percpu.keep(),
        taints: AtomicU64::new(taints),
        uevents: Default::default(),
        state: AtomicU32::new(State::Unformed as u32),
        dead: AtomicBool::new(false),
    };
    // One reference more while it is being initialised.
    let ready = write_strings(&module).and_then(|()| Ok(REFCNT.put(module.this, REF_BASE + 1)?));
    if let Err(e) = ready {
        let_go(&module);
        return Err(e);
    }
    module.set_state(State::Coming);
    Ok(module)
}

/// Gives back what a module holds of others.
fn let_go(module: &Module) {
    for used in &module.uses {
        // A module that destroyed its own structure keeps its count.
        let _ = used.put();
    }
    if let Some(offset) = module.percpu {
        percpu::free(offset);
    }
}

/// `struct module` points to what the module says of its version (`setup_modinfo_version` and its like).
fn write_strings(module: &Module) -> Result<(), LoadError> {
    static VERSION: Field = Field::new("module", "version");
    static SRCVERSION: Field = Field::new("module", "srcversion");
    for (field, text) in [(&VERSION, &module.identity.version), (&SRCVERSION, &module.identity.srcversion)] {
        let Some(text) = text else { continue };
        let copy = crate::mm::slab::permanent(text.len() + 1)?;
        access::write(copy.addr(), text.as_bytes()).map_err(KError::from)?;
        field.put(module.this, copy.addr())?;
    }
    Ok(())
}

/// A user holds one reference on each module whose symbols it uses.
fn take_references(ids: &[u64]) -> Result<Vec<Arc<Module>>, LoadError> {
    let modules = all();
    let uses: Vec<_> = ids.iter().filter_map(|id| modules.iter().find(|m| m.id == *id).cloned()).collect();
    for module in &uses {
        module.get()?;
    }
    Ok(uses)
}

fn exported(
    file: &kofile::Module<'_>,
    values: &[u64],
    symbols: &kofile::Symbols<'_>,
) -> Result<HashMap<String, Exported>, LoadError> {
    let mut out = HashMap::new();
    let exports = file.exports()?;
    if exports.is_empty() {
        return Ok(out);
    }
    let by_name: HashMap<&[u8], u64> =
        symbols.iter().zip(values).filter(|(s, _)| !s.is_undefined()).map(|(s, v)| (s.name().as_bytes(), *v)).collect();
    for export in exports {
        let Some(value) = by_name.get(export.name.as_bytes()).copied() else { continue };
        let namespace = export.namespace.map(|n| n.to_string()).filter(|n| !n.is_empty());
        let exported = Exported { value, crc: export.crc, gpl_only: export.gpl_only, namespace };
        out.insert(export.name.to_string(), exported);
    }
    Ok(out)
}

/// Parameters, then init.
fn start(module: &Arc<Module>, args: &[u8]) -> Result<(), LoadError> {
    if let Err(e) = announce(module, args) {
        if !matches!(e, LoadError::Died) {
            params::free_all(module)?;
            forget(module);
        }
        return Err(e);
    }
    crate::files::add_module(module);
    let result = if module.init == 0 { Ok(0) } else { kabi::call(module.init, &[]).map(|v| v as i32) };
    match result {
        // The module stays as it is, in the state Coming and held: nobody knows what it did.
        Err(e) => {
            module.set_dead();
            let _guard = LOADING.lock().unwrap_or_else(PoisonError::into_inner);
            CHANGED.notify_all();
            Err(e.into())
        }
        Ok(errno) if errno < 0 => {
            module.set_state(State::Going);
            notify::tell(module, State::Going)?;
            crate::files::remove_module(module);
            params::free_all(module)?;
            forget(module);
            Err(Refusal::silent(Errno(-errno)).into())
        }
        Ok(value) => {
            if value > 0 {
                suspicious(module, value);
            }
            live(module)
        }
    }
}

/// What comes before init: others are told, parameters set. A module that fails after that is said to go.
fn announce(module: &Arc<Module>, args: &[u8]) -> Result<(), LoadError> {
    duplicate_exports(module)?;
    notify::tell_coming(module)?;
    let parsed = params::parse(module, args).map_err(LoadError::from);
    if matches!(parsed, Err(LoadError::Refused(_))) {
        module.set_state(State::Going);
        notify::tell(module, State::Going)?;
    }
    parsed
}

fn duplicate_exports(module: &Arc<Module>) -> Result<(), LoadError> {
    for name in module.exports.keys() {
        let kernel = profile().export(name).is_some().then_some("kernel".to_string());
        let other = || all().into_iter().find(|m| m.id != module.id && m.exports.contains_key(name));
        if let Some(owner) = kernel.or_else(|| other().map(|m| m.name().to_string())) {
            let line = format!("{}: exports duplicate symbol {name} (owned by {owner})", module.name());
            return Err(Refusal::logged(kabi::errno::ENOEXEC, LogLine::err(line)).into());
        }
    }
    Ok(())
}

fn suspicious(module: &Module, value: i32) {
    let text = format!(
        "do_init_module: '{}'->init suspiciously returned {value}, it should follow 0/-E convention\n\
         do_init_module: loading module anyway...",
        module.name()
    );
    log::line(4, &text);
    crate::fault::dump_stack();
}

fn live(module: &Arc<Module>) -> Result<(), LoadError> {
    module.set_state(State::Live);
    notify::tell(module, State::Live)?;
    crate::mm::slab::note_origins(module, true);
    {
        let mut image = module.image.write().unwrap_or_else(PoisonError::into_inner);
        protect::after_init(&image.core)?;
        image.drop_init();
    }
    module.put()?;
    let _guard = LOADING.lock().unwrap_or_else(PoisonError::into_inner);
    CHANGED.notify_all();
    Ok(())
}

/// Takes a module out of the list and lets go of what it holds.
pub(super) fn forget(module: &Arc<Module>) {
    crate::mm::slab::note_origins(module, false);
    let _guard = LOADING.lock().unwrap_or_else(PoisonError::into_inner);
    write_list().retain(|e| !matches!(e, Entry::Formed(m) if m.id == module.id));
    let_go(module);
    CHANGED.notify_all();
}
