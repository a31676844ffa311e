//! Notifiers, parameters, init, and the way back if one of them fails. Counterpart: `prepare_coming_module`,
//! `do_init_module` and `free_module` of kernel/module/main.c.

use super::{LoadError, form};
use crate::log;
use crate::mm::kasan;
use crate::module::{CHANGED, Entry, LOADING, Module, State, notify, params, write_list};
use kabi::Errno;
use kabi::errno::EEXIST;
use loader::{Refusal, Series, protect};
use std::collections::HashSet;
use std::sync::{Arc, PoisonError};

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
    notify::tell_coming(module)?;
    let parsed = params::parse(module, args).map_err(LoadError::from).and_then(|()| section_names(module));
    if matches!(parsed, Err(LoadError::Refused(_))) {
        module.set_state(State::Going);
        notify::tell(module, State::Going)?;
    }
    parsed
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
    crate::mm::slab::note_origins(module, true);
    {
        let mut image = module.image.write().unwrap_or_else(PoisonError::into_inner);
        protect::after_init(&image.core)?;
        kasan::forget_init(&image);
        image.drop_init();
    }
    module.put()?;
    let _guard = LOADING.lock().unwrap_or_else(PoisonError::into_inner);
    CHANGED.notify_all();
    Ok(())
}

/// Takes a module out of the list and lets go of what it holds.
pub(in crate::module) fn forget(module: &Arc<Module>) {
    kasan::forget(module);
    crate::softirq::abandon(module);
    crate::mm::slab::note_origins(module, false);
    let _guard = LOADING.lock().unwrap_or_else(PoisonError::into_inner);
    write_list().retain(|e| !matches!(e, Entry::Formed(m) if m.id == module.id));
    form::let_go(module);
    CHANGED.notify_all();
}
