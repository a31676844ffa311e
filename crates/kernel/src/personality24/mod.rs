//! Linux 2.4's module system, for the museum and for teaching.
//!
//! In 2.4 the kernel knows nothing of ELF: `insmod` asks it for an address (`create_module`), links the module for that
//! address in user space against the symbols that `query_module` names, and hands over a finished image that begins with
//! a `struct module` (`init_module`). Counterparts: kernel/module.c and include/linux/module.h of Linux 2.4; `header`
//! checks an image, `load` and `unload` are the system calls' work, `query` answers questions, `symbols` are the kernel's
//! own, `inter_module` and `printk` what 2.4 exports beyond the present kernel, `proc` its files in /proc.
//!
//! The present module system knows these modules through [`crate::module::adopt`] and is otherwise untouched. What decides is
//! kept here; of a module's own structure only the use count and the flags that its code changes are believed, and each
//! access to it can fail. The lock is never held while module code runs.
//!
//! DIFFERS: 2.4 holds one lock for everything; here module code of two calls runs at the same time.

pub mod header;
pub mod inter_module;
mod load;
pub mod printk;
pub mod proc;
mod query;
pub mod symbols;
mod unload;

use crate::module::load::LoadError;
use crate::module::{Module, adopt};
use crate::{fault, log};
use header::Symbol;
use kabi::errno::{EINVAL, ENOSYS, EPERM};
use kabi::{Errno, KPtr, KResult, profile};
use loader::Refusal;
use machine::arena::Block;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use wire::legacy::{UserString, flag, header as at};
use wire::{Answer, Caller, LegacyCall};

static ENABLED: AtomicBool = AtomicBool::new(false);

/// Chooses the personality, once.
pub fn boot(enabled: bool) {
    ENABLED.store(enabled, Ordering::Relaxed);
}

/// Whether this is 2.4's module system.
pub fn enabled() -> bool {
    ENABLED.load(Ordering::Relaxed)
}

/// The release that programs see.
pub fn release() -> &'static str {
    if enabled() { wire::legacy::RELEASE } else { profile().release() }
}

/// What /proc/version says.
pub fn banner() -> String {
    let real = profile().banner().trim_end();
    if enabled() { format!("Linux version {} (module system of 2.4 on: {real})", release()) } else { real.to_string() }
}

/// What a module goes through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// It has memory, and no image or one whose init function failed.
    Created,
    /// Its init function runs, or died.
    Initializing,
    /// It is in use.
    Running,
}

/// A module of 2.4.
#[derive(Debug)]
struct Entry {
    id: u64,
    name: Vec<u8>,
    /// Where its `struct module` lies, and how many bytes were asked for.
    addr: u64,
    created: u64,
    /// Bytes of the image.
    size: u64,
    stage: Stage,
    /// It is being removed: nobody finds it any more.
    deleted: bool,
    /// Its memory, while the rest of the kernel does not know it.
    block: Option<Block>,
    module: Option<Arc<Module>>,
    cleanup: u64,
    can_unload: u64,
    syms: Vec<Symbol>,
    /// Modules that it refers to, in the order of its table.
    deps: Vec<u64>,
    deps_at: u64,
    /// Who refers to it, the latest first: a module, and the row of its table.
    refs: Vec<(u64, usize)>,
}

/// The bits of `flags` that module code may change.
const OWN_FLAGS: u64 = flag::AUTOCLEAN | flag::VISITED | flag::USED_ONCE | flag::JUST_FREED;

impl Entry {
    fn this(&self) -> KPtr {
        KPtr::new(self.addr)
    }

    /// `uc.usecount`. A module that destroyed its own structure counts as used.
    fn usecount(&self) -> i32 {
        self.this().get(at::USECOUNT).unwrap_or(1)
    }

    fn flags(&self) -> u64 {
        let own = self.this().get::<u64>(at::FLAGS).unwrap_or(0) & OWN_FLAGS;
        let stage = match self.stage {
            Stage::Created => 0,
            Stage::Initializing => flag::INITIALIZING,
            Stage::Running => flag::RUNNING,
        };
        own | stage | if self.deleted { flag::DELETED } else { 0 }
    }

    /// Sets and clears bits of its own, and writes all into its structure.
    fn change_flags(&self, set: u64, clear: u64) {
        // A structure that cannot be written is the module's own loss.
        let _ = self.this().put(at::FLAGS, (self.flags() | set) & !clear);
    }

    fn set_stage(&mut self, stage: Stage) {
        self.stage = stage;
        self.change_flags(0, 0);
    }

    fn set_usecount(&self, count: i32) {
        let _ = self.this().put(at::USECOUNT, count);
    }

    fn add_use(&self, add: i32) {
        let _ = machine::access::fetch_add_u32(self.addr + at::USECOUNT, add as u32);
    }

    /// `MOD_CAN_QUERY`.
    fn can_query(&self) -> bool {
        self.stage != Stage::Created && !self.deleted
    }

    /// What lists show as its use count: -1 for a module that decides itself.
    fn shown_count(&self) -> i64 {
        if self.can_unload != 0 { -1 } else { self.usecount().into() }
    }
}

/// All modules, the newest first.
#[derive(Debug, Default)]
struct List {
    entries: Vec<Entry>,
    last_id: u64,
}

static LIST: Mutex<List> = Mutex::new(List { entries: Vec::new(), last_id: 0 });

fn list() -> MutexGuard<'static, List> {
    LIST.lock().unwrap_or_else(PoisonError::into_inner)
}

impl List {
    fn get(&self, id: u64) -> Option<&Entry> {
        self.entries.iter().find(|e| e.id == id)
    }

    fn get_mut(&mut self, id: u64) -> Option<&mut Entry> {
        self.entries.iter_mut().find(|e| e.id == id)
    }

    /// `find_module`: not one that is being removed.
    fn named(&self, name: &[u8]) -> Option<&Entry> {
        self.entries.iter().find(|e| !e.deleted && e.name == name)
    }

    fn at(&self, addr: u64) -> Option<&Entry> {
        self.entries.iter().find(|e| e.addr == addr)
    }

    /// Names of the modules that refer to one, the latest first.
    fn users(&self, entry: &Entry) -> Vec<&[u8]> {
        entry.refs.iter().filter_map(|(id, _)| self.get(*id)).map(|e| e.name.as_slice()).collect()
    }

    /// Writes the list into the modules' structures, for code that walks it (`module_list`).
    fn relink(&self) {
        let next = self.entries.iter().skip(1).map(|e| e.addr).chain([0]);
        for (entry, next) in self.entries.iter().zip(next) {
            let _ = entry.this().put(at::NEXT, next);
        }
    }

    /// Writes a module's chain of references into the structures.
    fn relink_refs(&self, entry: &Entry) {
        let row = |(id, row): &(u64, usize)| {
            self.get(*id).map_or(0, |user| user.deps_at + *row as u64 * wire::legacy::REF_LEN)
        };
        let rows: Vec<u64> = entry.refs.iter().map(row).collect();
        let _ = entry.this().put(at::REFS, rows.first().copied().unwrap_or(0));
        for (i, row) in rows.iter().enumerate() {
            let _ = KPtr::<()>::new(*row).put(16, rows.get(i + 1).copied().unwrap_or(0));
        }
    }
}

/// `try_inc_mod_count`: takes a use of the module at `addr` unless it is being removed. False also for what is no module.
fn try_use(addr: u64) -> bool {
    let list = list();
    let Some(entry) = list.at(addr).filter(|e| !e.deleted) else { return false };
    entry.add_use(1);
    entry.change_flags(flag::VISITED | flag::USED_ONCE, 0);
    true
}

/// `__MOD_DEC_USE_COUNT` of the module at `addr`.
fn put_use(addr: u64) {
    let list = list();
    if let Some(entry) = list.at(addr) {
        entry.add_use(-1);
        entry.change_flags(flag::VISITED, 0);
    }
}

/// Calls a function of a module: its `int`.
fn call(function: u64) -> KResult<i32> {
    if function == 0 { Ok(0) } else { kabi::call(function, &[]).map(|value| value as i32) }
}

fn refused<T>(errno: Errno) -> Result<T, LoadError> {
    Err(Refusal::silent(errno).into())
}

/// Only root may change modules (`CAP_SYS_MODULE`).
fn privileged(caller: &Caller) -> Result<(), LoadError> {
    if caller.uid == 0 { Ok(()) } else { refused(EPERM) }
}

/// A name as `get_mod_name` takes it.
fn name_of(name: UserString) -> Result<Vec<u8>, LoadError> {
    match name {
        Ok(name) if name.is_empty() => refused(EINVAL),
        Ok(name) => Ok(name),
        Err(errno) => refused(Errno(errno)),
    }
}

/// Answers a system call.
pub fn serve(caller: &Caller, call: LegacyCall, fds: Vec<OwnedFd>) -> Answer {
    if !enabled() {
        return Answer::Errno(ENOSYS.0);
    }
    let value = match call {
        LegacyCall::CreateModule { name, size } => load::create_module(caller, name, size),
        LegacyCall::InitModule { name } => load::init_module(caller, name, fds),
        LegacyCall::DeleteModule { name } => unload::delete_module(caller, name).map(|()| 0),
        LegacyCall::GetKernelSyms { table: false } => return Answer::Value(query::count_of_syms()),
        LegacyCall::GetKernelSyms { table: true } => return Answer::Data(query::kernel_syms()),
        LegacyCall::QueryModule { name, which, size } => return Answer::Legacy(query::query_module(name, which, size)),
    };
    match value {
        Ok(value) => Answer::Value(value),
        Err(LoadError::Died) => Answer::Killed { signal: fault::death_signal() },
        Err(LoadError::Refused(refusal)) => {
            refusal.log.iter().for_each(|line| log::line(line.level, &line.text));
            Answer::Errno(refusal.errno.0)
        }
    }
}

/// Brings the use counts to where reports look for them.
pub fn note_counts() {
    let list = list();
    for entry in &list.entries {
        if let Some(module) = &entry.module {
            adopt::set_refcount(module, entry.usecount().into());
        }
    }
}
