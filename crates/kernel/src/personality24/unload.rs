//! `delete_module(2)`. Counterpart: `sys_delete_module`, `free_module` of kernel/module.c of Linux 2.4.

use super::load::drop_references;
use super::{Entry, Stage, call, list, name_of, privileged, refused};
use crate::module::load::LoadError;
use crate::module::{State, adopt};
use kabi::KResult;
use kabi::errno::{EBUSY, ENOENT};
use wire::Caller;
use wire::legacy::{UserString, flag};

/// Removes a module, or with no name those that nobody has used for a while.
pub(super) fn delete_module(caller: &Caller, name: Option<UserString>) -> Result<(), LoadError> {
    privileged(caller)?;
    let Some(name) = name else { return reap() };
    let name = name_of(name)?;
    let (id, decides) = {
        let list = list();
        let Some(entry) = list.named(&name) else { return refused(ENOENT) };
        if !entry.refs.is_empty() {
            return refused(EBUSY);
        }
        (entry.id, entry.can_unload)
    };
    if decides != 0 && call(decides)? != 0 {
        return refused(EBUSY);
    }
    if !claim(id, |_| true) {
        return refused(EBUSY);
    }
    Ok(free(id, false)?)
}

/// Marks a module as being removed, if nothing speaks against it.
fn claim(id: u64, condition: impl FnOnce(&Entry) -> bool) -> bool {
    let mut list = list();
    let Some(entry) = list.get_mut(id) else { return false };
    let used = entry.can_unload == 0 && entry.usecount() != 0;
    let good = !entry.deleted && entry.refs.is_empty() && entry.stage != Stage::Initializing && !used;
    let claimed = good && condition(entry);
    if claimed {
        entry.deleted = true;
        entry.change_flags(0, 0);
    }
    claimed
}

/// Whether `delete_module(NULL)` looks at the module at all.
fn is_idle(entry: &Entry) -> bool {
    let wanted = flag::AUTOCLEAN | flag::RUNNING | flag::USED_ONCE;
    entry.refs.is_empty() && entry.flags() & (wanted | flag::DELETED) == wanted
}

/// Removes modules that insmod marked (`-k`), that were used once and are not now. One that was used since the last time
/// is only noted, unless what used it went just now.
fn reap() -> Result<(), LoadError> {
    loop {
        let mut changed = false;
        let ids: Vec<u64> = list().entries.iter().map(|e| e.id).collect();
        for id in ids {
            changed |= reap_one(id)?;
        }
        if !changed {
            break;
        }
    }
    list().entries.iter().for_each(|e| e.change_flags(0, flag::JUST_FREED));
    Ok(())
}

fn reap_one(id: u64) -> KResult<bool> {
    let decides = list().get(id).filter(|e| is_idle(e)).map(|e| e.can_unload);
    let Some(decides) = decides else { return Ok(false) };
    if decides != 0 && call(decides)? != 0 {
        return Ok(false);
    }
    let claimed = claim(id, |entry| {
        let visited = entry.flags() & (flag::VISITED | flag::JUST_FREED) == flag::VISITED;
        if visited {
            entry.change_flags(0, flag::VISITED);
        }
        is_idle(entry) && !visited
    });
    if claimed {
        free(id, true)?;
    }
    Ok(claimed)
}

/// Runs the cleanup function and takes the module away. A cleanup that died leaves it in the list, marked as deleted.
fn free(id: u64, tag: bool) -> KResult {
    let (stage, cleanup, module) = match list().get(id) {
        Some(entry) => (entry.stage, entry.cleanup, entry.module.clone()),
        None => return Ok(()),
    };
    if let Some(module) = &module {
        module.set_state(State::Going);
    }
    if stage == Stage::Running {
        call(cleanup)?;
    }
    let block = module.as_ref().and_then(adopt::release);
    let mut list = list();
    drop_references(&mut list, id, tag);
    list.entries.retain(|e| e.id != id);
    list.relink();
    drop(list);
    drop(block);
    Ok(())
}
