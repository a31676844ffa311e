//! Notifiers, parameters, init, and the way back if one of them fails. Counterpart: `prepare_coming_module`,
//! `do_init_module` and `free_module` of kernel/module/main.c.

use super::{LoadError, form, members};
use crate::mm::kasan;
use crate::module::taint::Taint;
use crate::module::{CHANGED, Entry, LOADING, Module, State, links, notify, params, write_list};
use crate::{livepatch, log};
use kabi::errno::{EEXIST, EINVAL};
use kabi::{Errno, Field};
use loader::{LogLine, Refusal, Series, protect};
use std::collections::HashSet;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

static MKOBJ: Field = Field::new("module", "mkobj");

/// Parameters, then init.
pub(super) fn start(module: &Arc<Module>, args: &[u8]) -> Result<(), LoadError> {
    if let Err(e) = announce(module, args) {
        if !matches!(e, LoadError::Died) {
            params::free_all(module)?;
            forget(module);
        }
        return Err(e);
    }
    crate::files::add_module(module);
    let result = kasan::construct(module).and_then(|()| match module.init {
        0 => Ok(0),
        init => kabi::call(init, &[]).map(|v| v as i32),
    });
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
            module.put()?;
            notify::tell(module, State::Going)?;
            livepatch::module_going(module)?;
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
    livepatch::module_coming(module)?;
    bad_taint(module);
    crate::trace::module_coming(module);
    if let Err(e) = notify::tell_coming(module) {
        livepatch::module_going(module)?;
        return Err(e.into());
    }
    let parsed = members::args(module, args).and_then(|()| params::parse(module, args)).map_err(LoadError::from);
    let parsed = parsed.and_then(|()| own_name(module)).and_then(|()| section_names(module));
    if matches!(parsed, Err(LoadError::Refused(_))) {
        module.set_state(State::Going);
        notify::tell(module, State::Going)?;
        livepatch::module_going(module)?;
    }
    parsed
}

/// A module with some taints gets no trace events (`trace_module_add_events` of kernel/trace/trace_events.c).
fn bad_taint(module: &Module) {
    /// From this release on a livepatch module gets them.
    const OF_LIVEPATCHES: Series = (6, 3);
    let events = module.image().section("_ftrace_events").map_or(0, |section| section.size / 8);
    let of_livepatch = (loader::series() >= OF_LIVEPATCHES).then_some(Taint::Livepatch);
    let fine = [Taint::OotModule, Taint::Crap, Taint::UnsignedModule, Taint::Test].into_iter().chain(of_livepatch);
    let bad = fine.fold(module.taints.load(Ordering::Relaxed), |taints, fine| taints & !(1 << fine as u32));
    if events > 0 && bad != 0 {
        log::line(3, &format!("{}: module has bad taint, not creating trace events", module.name()));
    }
}

/// What is built in has its directory in /sys/module already, and a directory has a name (`mod_sysfs_init` of
/// kernel/module/sysfs.c, `kobject_add_internal` of lib/kobject.c).
fn own_name(module: &Module) -> Result<(), LoadError> {
    if module.name().is_empty() {
        let object = crate::env::hashed(MKOBJ.of(module.this)?.addr());
        let text = format!("kobject: ({object}): attempted to be registered with empty name!");
        crate::fault::warn_in("kobject_add_internal", "lib/kobject.c", 0, Some(&text));
        return Err(Refusal::silent(EINVAL).into());
    }
    if !crate::files::is_built_in(module.name()) {
        return Ok(());
    }
    let line = LogLine::err(format!("{}: module is already loaded", module.name()));
    Err(Refusal::logged(EINVAL, line).into())
}

/// Each section has a file in /sys/module/X/sections: there cannot be two of one name (`add_sect_attrs` of
/// kernel/module/sysfs.c).
fn section_names(module: &Module) -> Result<(), LoadError> {
    /// The release from which on the load fails then.
    const FATAL: Series = (6, 12);
    let image = module.image();
    let mut names = HashSet::new();
    let again = image.sections.iter().filter(|s| s.size > 0).find(|s| !names.insert(s.name.as_str()));
    let Some(again) = again else { return Ok(()) };
    let path = format!("/module/{}/sections/{}", module.name(), again.name);
    log::line(4, &format!("sysfs: cannot create duplicate filename '{path}'"));
    crate::fault::dump_stack();
    if loader::series() < FATAL { Ok(()) } else { Err(Refusal::silent(EEXIST).into()) }
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
    module.uevents.send(module.name(), "add", &[]);
    crate::mm::slab::note_origins(module, true);
    {
        let mut image = module.image.write().unwrap_or_else(PoisonError::into_inner);
        protect::after_init(&image.core)?;
        kasan::forget_init(&image);
        image.drop_init();
    }
    // A module that destroyed its own structure has its own loss.
    let _ = members::init_gone(module.this);
    module.put()?;
    let _guard = LOADING.lock().unwrap_or_else(PoisonError::into_inner);
    CHANGED.notify_all();
    Ok(())
}

/// Takes a module out of the list and lets go of what it holds.
pub(in crate::module) fn forget(module: &Arc<Module>) {
    kasan::forget(module);
    crate::softirq::abandon(module);
    crate::kprobes::abandon(module);
    crate::mm::slab::note_origins(module, false);
    let _guard = LOADING.lock().unwrap_or_else(PoisonError::into_inner);
    let mut list = write_list();
    list.retain(|e| !matches!(e, Entry::Formed(m) if m.id == module.id));
    links::leave(module);
    drop(list);
    form::let_go(module);
    CHANGED.notify_all();
}
