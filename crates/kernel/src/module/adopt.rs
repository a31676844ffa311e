//! Modules that something else than `load` brought into memory: the rest of the kernel (reports, symbols, who owns what)
//! knows them as it knows all others.

use super::load::forget;
use super::{Entry, Module, NEXT_ID, REF_BASE, REFCNT, State, links, write_list};
use crate::mm::slab;
use kabi::{KResult, size_of_struct};
use loader::{Identity, Image};
use machine::arena::Block;
use machine::heap;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

/// Enters a module that is about to run its init function. It gets a `struct module` of its own, which its code does not
/// know.
///
/// # Errors
/// When there is no memory for the structure.
pub fn adopt(name: String, image: Image, init: u64, exit: u64) -> KResult<Arc<Module>> {
    let this = slab::permanent(size_of_struct("module")?)?.cast();
    REFCNT.put(this, REF_BASE)?;
    let module = Arc::new(Module {
        id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
        identity: Identity { name, ..Identity::default() },
        path: None,
        this,
        init,
        exit,
        image: RwLock::new(image),
        exports: HashMap::new(),
        params: Vec::new(),
        uses: Vec::new(),
        percpu: None,
        taints: AtomicU64::new(0),
        late: Vec::new(),
        uevents: Default::default(),
        state: AtomicU32::new(State::Coming as u32),
        dead: AtomicBool::new(false),
    });
    links::make(&module)?;
    let mut list = write_list();
    links::enter(&module)?;
    list.insert(0, Entry::Formed(Arc::clone(&module)));
    drop(list);
    Ok(module)
}

/// Tells of the use count that something else keeps, for reports.
pub fn set_refcount(module: &Module, count: i64) {
    // In memory of ours.
    let _ = REFCNT.put(module.this, (count as u32).wrapping_add(REF_BASE));
}

/// Takes an adopted module out of the list and gives its memory back. Whoever still has it may look at it, and must not
/// change it any more.
pub fn release(module: &Arc<Module>) -> Option<Block> {
    forget(module);
    if let Ok(len) = size_of_struct("module") {
        heap::free(module.this.addr(), len);
    }
    module.image.write().unwrap_or_else(PoisonError::into_inner).core.block.take()
}
