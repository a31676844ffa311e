//! The kernel's list of modules and the modules' lists of users, as module code sees them: `struct module`'s `list`,
//! `source_list` and `target_list`. Counterpart: kernel/module/main.c (`modules`, `add_module_usage`, `module_unload_free`).
//!
//! A module that takes itself out of the list is not seen any more where Linux walks the list, and one that moves in it is
//! seen at its new place. Links that lead nowhere change nothing: then lkm's own list counts.

use super::load::members;
use super::{Module, ModuleStruct, formed, read_list, write_list};
use crate::klib::list::{init_list_head, is_linked, link_behind, unlink};
use crate::mm::slab;
use kabi::{Field, KPtr, KResult, size_of_struct};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

static LIST: Field = Field::new("module", "list");
static SOURCES: Field = Field::new("module", "source_list");
static TARGETS: Field = Field::new("module", "target_list");
static USE_IN_SOURCES: Field = Field::new("module_use", "source_list");
static USE_IN_TARGETS: Field = Field::new("module_use", "target_list");
static USE_SOURCE: Field = Field::new("module_use", "source");
static USE_TARGET: Field = Field::new("module_use", "target");

/// The list's head (`modules`), once it is made.
static HEAD: Mutex<Option<KPtr>> = Mutex::new(None);

fn head() -> KResult<KPtr> {
    let mut made = HEAD.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(head) = *made {
        return Ok(head);
    }
    let head = slab::permanent(16)?;
    init_list_head(head)?;
    *made = Some(head);
    Ok(head)
}

/// A module that gets its structure: nobody uses it yet, and it is linked with those that it uses.
///
/// # Errors
/// When its structure cannot be reached, or there is no memory.
pub(super) fn make(module: &Module) -> KResult {
    let (sources, targets) = (SOURCES.of(module.this)?, TARGETS.of(module.this)?);
    init_list_head(LIST.of(module.this)?)?;
    init_list_head(sources)?;
    init_list_head(targets)?;
    let _list = write_list();
    for used in &module.uses {
        let link: KPtr = members::keep(module.id, size_of_struct("module_use")?)?;
        USE_SOURCE.put(link, module.this.addr())?;
        USE_TARGET.put(link, used.this.addr())?;
        link_behind(USE_IN_SOURCES.of(link)?, SOURCES.of(used.this)?)?;
        link_behind(USE_IN_TARGETS.of(link)?, targets)?;
    }
    Ok(())
}

/// A module comes into the kernel's list, as its first. The list is locked.
///
/// # Errors
/// When a structure cannot be reached.
pub(super) fn enter(module: &Module) -> KResult {
    link_behind(LIST.of(module.this)?, head()?)
}

/// A module goes: out of the list, if it is there, and from those that it used. The list is locked.
pub(super) fn leave(module: &Module) {
    let take_out = |link: KResult<KPtr>| match link {
        // What module code did to its links is its own loss.
        Ok(link) if is_linked(link) => _ = unlink(link),
        _ => {}
    };
    take_out(LIST.of(module.this));
    let Ok(targets) = TARGETS.of(module.this) else { return };
    for _ in &module.uses {
        let first = KPtr::<()>::new(targets.get(0).unwrap_or(0));
        let Ok(offset) = USE_IN_TARGETS.offset() else { return };
        let link = KPtr::<()>::new(first.addr().wrapping_sub(offset));
        if first == targets || !members::is_kept(module.id, link) {
            return;
        }
        take_out(USE_IN_SOURCES.of(link));
        take_out(Ok(first));
    }
}

/// The modules that Linux finds in its list, in its order.
pub fn listed() -> Vec<Arc<Module>> {
    let list = read_list();
    let all = formed(&list);
    let places: HashMap<_, _> = all.iter().map(|module| (module.this, module)).collect();
    match walk(all.len()) {
        Ok(Some(found)) => found.iter().filter_map(|this| places.get(this)).map(|module| Arc::clone(module)).collect(),
        _ => all,
    }
}

/// The structures in the list; `None` if it does not end after `most` of them.
fn walk(most: usize) -> KResult<Option<Vec<KPtr<ModuleStruct>>>> {
    let (head, offset) = (head()?, LIST.offset()?);
    let mut found = Vec::new();
    let mut link = KPtr::<()>::new(head.get(0)?);
    while link != head {
        if found.len() == most {
            return Ok(None);
        }
        found.push(KPtr::new(link.addr().wrapping_sub(offset)));
        link = KPtr::new(link.get(0)?);
    }
    Ok(Some(found))
}
