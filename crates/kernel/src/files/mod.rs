//! Which files the instance's trees have. Counterpart: kernel/module/{procfs,sysfs}.c, kernel/sysctl.c,
//! drivers/char/mem.c. How trees work stands in [`crate::fs`].
//!
//! The trees are made when somebody first looks at them: a run that never does pays nothing.

mod builtin;
mod kmsg;
mod modules;
mod others;
mod settings;
mod sources;

pub use kmsg::wake_pollers as wake_log_pollers;

use crate::fs::{self, Spec, Tree, proc::ProcSources, sys, sysctl::KernelSysctls};
use crate::klib::dynamic_debug;
use crate::module::{self, Module, State};
use crate::{personality24, sched};
use fs::module::ModuleDir;
use kabi::{Errno, KResult, profile};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use wire::{Answer, Caller, ROOT_DEV, VfsCall};

/// The trees, and the directories of modules by the modules' ids.
struct Files {
    tree: Tree,
    modules: HashMap<u64, ModuleDir>,
}

static FILES: Mutex<Option<Files>> = Mutex::new(None);

fn files() -> MutexGuard<'static, Option<Files>> {
    FILES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The trees; made now if they are not there yet.
pub(crate) fn tree() -> Result<Tree, Errno> {
    let mut files = files();
    if let Some(files) = &*files {
        return Ok(files.tree.clone());
    }
    let mut made = Files { tree: make()?, modules: HashMap::new() };
    // 2.4 has no /sys/module.
    for module in module::all().iter().filter(|_| !personality24::enabled()) {
        made.add(module);
    }
    let tree = made.tree.clone();
    *files = Some(made);
    Ok(tree)
}

fn make() -> Result<Tree, Errno> {
    let tree = Tree::new();
    tree.set_event_sink(crate::server::send_event);
    tree.set_blocker(|wait| sched::blocking(wait));
    tree.set_interrupt(sched::interrupt);
    tree.set_devices(Arc::new(kmsg::Devices));
    let mut sysctls = KernelSysctls::new(personality24::release(), profile().version());
    sources::connect(&mut sysctls);
    sysctls.register(&tree)?;
    settings::register(&tree)?;
    others::register(&tree)?;
    ProcSources {
        modules: personality24::proc::list_of_modules().unwrap_or_else(|| Arc::new(sources::List)),
        symbols: Arc::new(sources::Symbols),
        devices: Arc::new(sources::Devices),
        kptr_restrict: Arc::clone(&sysctls.kptr_restrict),
        version: personality24::banner(),
        cmdline: crate::cmdline::text().to_string(),
    }
    .register(&tree)?;
    personality24::proc::register(&tree)?;
    let counters: Arc<dyn sys::KernelCounters> = Arc::new(sources::Counters);
    sys::register(&tree, &counters, None)?;
    builtin::register(&tree)?;
    crate::livepatch::register(&tree)?;
    crate::trace::register(&tree)?;
    for parent in [tree.make_path("/proc")?, sys::debugfs(&tree)?] {
        let dir = tree.add(parent, "dynamic_debug", Spec::dir(0o755))?.keep();
        let (show, store) = (
            |_: &fs::Ctx<'_>| dynamic_debug::control(),
            |_: &fs::Ctx<'_>, data: &[u8]| dynamic_debug::write_control(data),
        );
        tree.add(dir, "control", fs::writable(0o644, show, store))?.keep();
    }
    tree.add(ROOT_DEV, wire::NODES, Spec::dir(0o755))?.keep();
    tree.add(ROOT_DEV, "kmsg", Spec::char_device(0o644, kmsg::RDEV))?.keep();
    tree.add(wire::ROOT_PROC, "kmsg", Spec::file(0o400, Arc::new(kmsg::ProcFile)))?.keep();
    Ok(tree)
}

fn with_tree(work: impl FnOnce(&Tree) -> Answer) -> Answer {
    match tree() {
        Ok(tree) => work(&tree),
        Err(errno) => Answer::Errno(errno.0),
    }
}

/// Makes a character device's node in /dev, and the folders of its path; it goes when the result is dropped.
///
/// # Errors
/// `EEXIST`.
pub fn add_device(path: &str, mode: u32, rdev: u64) -> KResult<fs::Registration> {
    let tree = tree()?;
    let (parent, name) = match path.rsplit_once('/') {
        Some((folders, name)) => (tree.make_path(&format!("/dev/{folders}"))?, name),
        None => (ROOT_DEV, path),
    };
    Ok(tree.add(parent, name, Spec::char_device(mode, rdev))?)
}

/// Reads a whole file.
pub fn read(caller: &Caller, path: &str) -> Answer {
    with_tree(|tree| fs::read_file(tree, caller, path))
}

/// Writes a whole file.
pub fn write(caller: &Caller, path: &str, data: &[u8]) -> Answer {
    with_tree(|tree| fs::write_file(tree, caller, path, data))
}

/// A file operation.
pub fn vfs(caller: &Caller, call: VfsCall) -> Answer {
    with_tree(|tree| fs::serve(tree, caller, call))
}

impl Files {
    fn add(&mut self, module: &Arc<Module>) {
        // A second module of the name cannot exist; without memory for its directory a module is still a module.
        if let Ok(dir) = modules::add(&self.tree, module) {
            self.modules.insert(module.id, dir);
        }
    }
}

/// A module is complete: its files appear.
pub fn add_module(module: &Arc<Module>) {
    if let Some(files) = &mut *files() {
        files.add(module);
    }
}

/// True if /sys/module has a directory of this name for what is built into the kernel.
pub fn is_built_in(name: &str) -> bool {
    builtin::has(name)
}

/// A module goes: its files disappear.
pub fn remove_module(module: &Arc<Module>) {
    module.uevents.gone(module.name());
    let dir = files().as_mut().and_then(|files| files.modules.remove(&module.id));
    // Outside of the lock: this waits until nobody is in one of the files.
    drop(dir);
}

/// The state as the files name it.
fn state_of(module: &Module) -> fs::proc::ModuleState {
    match module.state() {
        State::Live => fs::proc::ModuleState::Live,
        State::Coming | State::Unformed => fs::proc::ModuleState::Coming,
        State::Going => fs::proc::ModuleState::Going,
    }
}
