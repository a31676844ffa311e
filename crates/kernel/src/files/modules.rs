//! /sys/module/X of a loaded module.

use super::state_of;
use crate::base::uevent;
use crate::env::KPTR_RESTRICT;
use crate::fs::module::{ModuleDir, ModuleFacts, ModuleView, Uevents, add_module};
use crate::fs::proc::ModuleState;
use crate::fs::sysctl::IntVar;
use crate::fs::{Methods, Tree, attribute, attribute_ro, attribute_wo};
use crate::module::params::{self, Param};
use crate::module::{Module, holders, taint};
use kabi::errno::ENODEV;
use kabi::{Errno, KResult};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};

/// `kernel.kptr_restrict` as the trees see it.
pub(super) struct Restrict;

impl IntVar for Restrict {
    fn get(&self) -> i32 {
        KPTR_RESTRICT.load(Ordering::Relaxed)
    }

    fn set(&self, value: i32) {
        KPTR_RESTRICT.store(value, Ordering::Relaxed);
    }
}

/// A module as its files see it; they do not keep it.
struct View(Weak<Module>);

impl View {
    fn of<T: Default>(&self, get: impl FnOnce(&Module) -> T) -> T {
        self.0.upgrade().map(|m| get(&m)).unwrap_or_default()
    }
}

impl ModuleView for View {
    fn state(&self) -> ModuleState {
        self.0.upgrade().map_or(ModuleState::Going, |m| state_of(&m))
    }

    fn refcount(&self) -> i64 {
        self.of(Module::refcount)
    }

    fn taints(&self) -> String {
        self.of(|m| taint::module_letters(m.taints.load(Ordering::Relaxed)))
    }

    fn core_size(&self) -> u64 {
        self.of(|m| m.sizes().0 as u64)
    }

    fn init_size(&self) -> u64 {
        self.of(|m| m.sizes().1 as u64)
    }

    fn holders(&self) -> Vec<String> {
        self.of(|m| holders(m).iter().map(|h| h.name().to_string()).collect())
    }
}

impl Uevents for View {
    fn uevent(&self, action: &str, variables: &[(String, String)]) -> KResult {
        self.of(|m| m.uevents.send(m.name(), action, variables));
        Ok(())
    }

    fn refused(&self, why: &str) {
        self.of(|m| uevent::refused(&format!("/module/{}", m.name()), why));
    }
}

fn facts(module: &Module) -> ModuleFacts {
    let image = module.image();
    let kept = image.sections.iter().filter(|s| s.size > 0);
    // Linux puts the tables of symbols behind the init memory. DIFFERS: nothing lies there, lkm keeps them itself.
    let last = if image.init.size > 0 { &image.init } else { &image.core };
    let end = last.addr() + last.size as u64;
    let tables = [".symtab", ".strtab"].map(|name| (name.to_string(), end));
    ModuleFacts {
        name: module.name().to_string(),
        version: module.identity.version.clone(),
        srcversion: module.identity.srcversion.clone(),
        sections: kept.map(|s| (s.name.clone(), s.addr)).chain(tables).collect(),
        notes: notes(&image),
    }
}

fn notes(image: &loader::Image) -> Vec<(String, Vec<u8>)> {
    let bytes = |s: &loader::PlacedSection| {
        let mut bytes = vec![0; s.size as usize];
        machine::access::read(s.addr, &mut bytes).ok().map(|()| (s.name.clone(), bytes))
    };
    image.sections.iter().filter(|s| s.note).filter_map(bytes).collect()
}

/// Makes the directory of a module.
pub(super) fn add(tree: &Tree, module: &Arc<Module>) -> Result<ModuleDir, Errno> {
    let view: Arc<dyn ModuleView> = Arc::new(View(Arc::downgrade(module)));
    let restrict: Arc<dyn IntVar> = Arc::new(Restrict);
    let dir = add_module(tree, &facts(module), &view, &restrict)?;
    for param in module.params.iter().filter(|p| p.perm != 0) {
        add_parameter(tree, &dir, module, param)?;
    }
    Ok(dir)
}

fn add_parameter(tree: &Tree, dir: &ModuleDir, module: &Arc<Module>, param: &Param) -> Result<(), Errno> {
    let entry = param.entry;
    let (reads, writes) = (Arc::downgrade(module), Arc::downgrade(module));
    let of = |module: &Weak<Module>| module.upgrade().ok_or(ENODEV);
    let show = move |_: &crate::fs::Ctx<'_>| params::show(&*of(&reads)?, entry);
    let store = move |_: &crate::fs::Ctx<'_>, data: &[u8]| params::store(&*of(&writes)?, entry, data);
    let mode = u32::from(param.perm);
    let methods = Methods { read: mode & 0o444 != 0, write: mode & 0o222 != 0 };
    let spec = match (methods.read, methods.write) {
        (true, true) => attribute(mode, show, store),
        (false, true) => attribute_wo(mode, store),
        _ => attribute_ro(mode, show),
    };
    tree.add(dir.parameters()?, &param.name, spec)?.keep();
    Ok(())
}
