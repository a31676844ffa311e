//! What Linux 2.4 exports to modules and the present kernel does not: use counts, and data that modules find by name.
//! Counterpart: kernel/module.c and kernel/kmod.c of Linux 2.4; `get_module_symbol` was there until 2.4.0-test10.
//!
//! These functions are not in the present kernel's export table: only a module of 2.4 can import them.

use super::{list, put_use, try_use};
use crate::module::kmod;
use crate::{log, umh};
use kabi::errno::ENOMEM;
use kabi::{KError, KPtr, KResult, KStr, exports, kexport};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

exports![
    inter_module_register,
    inter_module_unregister,
    inter_module_get,
    inter_module_get_request,
    inter_module_put,
    request_module,
    try_inc_mod_count,
    get_module_symbol
];

/// The functions' declarations as genksyms sees them, in the order of the list.
pub(super) const DECLARATIONS: &[&str] = &[
    "void inter_module_register(const char *, struct module *, const void *)",
    "void inter_module_unregister(const char *)",
    "const void *inter_module_get(const char *)",
    "const void *inter_module_get_request(const char *, const char *)",
    "void inter_module_put(const char *)",
    "int request_module(const char *)",
    "int try_inc_mod_count(struct module *)",
    "unsigned long get_module_symbol(char *, char *)",
];

/// Data that a module offers under a name.
struct Offer {
    name: Vec<u8>,
    owner: u64,
    data: u64,
}

static OFFERS: Mutex<Vec<Offer>> = Mutex::new(Vec::new());

fn offers() -> MutexGuard<'static, Vec<Offer>> {
    OFFERS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A program error of the module, which ends in an oops as `BUG()` does.
fn complain<T>(what: &str, name: &KStr, bug: &'static str) -> KResult<T> {
    log::line(3, &format!("{what} '{}'", name.to_string_lossy()));
    Err(KError::Bug(bug))
}

/// Offers data under a name that nobody uses yet.
#[kexport(since = "2.4.0", until = "2.6.13", header = "linux/module.h")]
fn inter_module_register(name: KStr, owner: KPtr, data: KPtr) -> KResult {
    let mut offers = offers();
    if offers.iter().any(|o| o.name == name.as_bytes()) {
        drop(offers);
        return complain("inter_module_register: duplicate im_name", &name, "inter_module_register of a name in use");
    }
    offers.insert(0, Offer { name: name.as_bytes().to_vec(), owner: owner.addr(), data: data.addr() });
    Ok(())
}

/// Takes an offer back.
#[kexport(since = "2.4.0", until = "2.6.13", header = "linux/module.h")]
fn inter_module_unregister(name: KStr) -> KResult {
    let mut offers = offers();
    let found = offers.iter().position(|o| o.name == name.as_bytes());
    if let Some(at) = found {
        offers.remove(at);
        return Ok(());
    }
    drop(offers);
    complain("inter_module_unregister: no entry for", &name, "inter_module_unregister of an unknown name")
}

/// The data behind a name, with a use of the module that offers it; NULL if there is none or it is being removed.
#[kexport(since = "2.4.0", until = "2.6.13", header = "linux/module.h")]
fn inter_module_get(name: KStr) -> KPtr {
    let found = offers().iter().find(|o| o.name == name.as_bytes()).map(|o| (o.owner, o.data));
    match found {
        Some((owner, data)) if owner == 0 || try_use(owner) => KPtr::new(data),
        _ => KPtr::NULL,
    }
}

/// [`inter_module_get`]; if nobody offers it, once more after asking for a module.
#[kexport(since = "2.4.0", until = "2.6.13", header = "linux/module.h")]
fn inter_module_get_request(name: KStr, module: KStr) -> KResult<KPtr> {
    let found = inter_module_get(name.clone());
    if !found.is_null() {
        return Ok(found);
    }
    request_module(module);
    Ok(inter_module_get(name))
}

/// Has modprobe load a module, and waits for its end, however that is: 0, or `-ENOMEM` if far too many are waiting, as
/// where modprobe's own needs ask for modules.
#[kexport(since = "2.1.90", until = "2.6.0", header = "linux/kmod.h")]
fn request_module(name: KStr) -> i32 {
    /// `MAX_KMOD_CONCURRENT`
    const MOST: u32 = 50;
    static WAITING: AtomicU32 = AtomicU32::new(0);
    let text = name.to_string_lossy();
    let waiting = WAITING.fetch_add(1, Ordering::SeqCst);
    if waiting >= MOST {
        WAITING.fetch_sub(1, Ordering::SeqCst);
        log::line(3, &format!("kmod: runaway modprobe loop assumed and stopped: {text}"));
        return -ENOMEM.0;
    }
    let modprobe = kmod::modprobe();
    let status = umh::run(&modprobe, &[&modprobe, b"-s", b"-k", b"--", name.as_bytes()], true);
    WAITING.fetch_sub(1, Ordering::SeqCst);
    if status < 0 {
        let path = String::from_utf8_lossy(&modprobe);
        log::line(3, &format!("kmod: failed to exec {path} -s -k {text}, errno = {}", -status));
    }
    0
}

/// Gives back a use that `inter_module_get` took.
#[kexport(since = "2.4.0", until = "2.6.13", header = "linux/module.h")]
fn inter_module_put(name: KStr) -> KResult {
    let found = offers().iter().find(|o| o.name == name.as_bytes()).map(|o| o.owner);
    match found {
        Some(owner) => put_use(owner),
        None => return complain("inter_module_put: no entry for", &name, "inter_module_put of an unknown name"),
    }
    Ok(())
}

/// Takes a use of a module unless it is being removed: 1 if that worked, also for no module.
#[kexport(since = "2.4.0", until = "2.6.0", header = "linux/module.h")]
fn try_inc_mod_count(module: KPtr) -> i32 {
    i32::from(module.is_null() || try_use(module.addr()))
}

/// The value of a symbol of a running module, of any if no module is named; 0 if there is none. A version in the symbol's
/// name does not count. It takes no use of the module.
#[kexport(since = "2.1.0", until = "2.4.0", header = "linux/module.h")]
fn get_module_symbol(module: Option<KStr>, symbol: KStr) -> u64 {
    let list = list();
    let wanted = |name: &[u8]| module.as_ref().is_none_or(|m| m.as_bytes() == name);
    let same = |name: &[u8]| {
        let version = name.strip_prefix(symbol.as_bytes());
        version.is_some_and(|v| v.is_empty() || v.len() == 10 && v.starts_with(b"_R"))
    };
    let mut running = list.entries.iter().filter(|e| e.can_query() && wanted(&e.name));
    running.find_map(|e| e.syms.iter().find(|s| same(&s.name))).map_or(0, |s| s.value)
}
