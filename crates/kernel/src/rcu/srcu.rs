//! RCU whose readers may sleep, in domains of their own. Counterpart: kernel/rcu/srcutree.c.
//!
//! A domain is known by the address of its `struct srcu_struct`, into which inline code does not look; it comes to be
//! with its first use, as static ones do in Linux. Readers hold one of two counters by its index.

use super::Kind;
use crate::mm::owned::{self, Block};
use crate::module::Module;
use crate::sched::{self, SOFTIRQ};
use crate::{fault, log, softirq};
use kabi::{KPtr, KResult, c_int, c_ulong, exports, kexport};
use std::collections::HashMap;
use std::sync::{Condvar, LazyLock, Mutex, MutexGuard, PoisonError};

exports![
    init_srcu_struct,
    cleanup_srcu_struct,
    __srcu_read_lock,
    __srcu_read_unlock,
    synchronize_srcu,
    call_srcu,
    srcu_barrier,
    get_state_synchronize_srcu,
    poll_state_synchronize_srcu
];

/// The kernel's `struct srcu_struct`.
#[derive(Debug)]
pub struct SrcuStruct;

type Domain = KPtr<SrcuStruct>;

const KIND: Kind = Kind::Other("SRCU domain");
const CALLBACK: Kind = Kind::Other("SRCU callback");

#[derive(Debug, Default, Clone)]
struct Readers {
    /// The counter that new readers use.
    index: usize,
    count: [u64; 2],
    /// Callbacks that have not been called.
    callbacks: usize,
    /// Grace periods that have ended, and whether one is under way.
    ended: u64,
    busy: bool,
}

static DOMAINS: LazyLock<Mutex<HashMap<u64, Readers>>> = LazyLock::new(Mutex::default);
static CHANGED: Condvar = Condvar::new();

fn domains() -> MutexGuard<'static, HashMap<u64, Readers>> {
    DOMAINS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits until a domain is as wanted.
fn wait_until(at: u64, mut is_so: impl FnMut(&mut Readers) -> bool) {
    let mut domains = domains();
    while !is_so(domains.entry(at).or_default()) {
        domains = CHANGED.wait(domains).unwrap_or_else(PoisonError::into_inner);
    }
}

/// Waits until all who read a domain now have ended.
fn grace_period(at: u64) {
    wait_until(at, |readers| !std::mem::replace(&mut readers.busy, true));
    for _ in 0..2 {
        let mut old = None;
        wait_until(at, |readers| {
            let index = *old.get_or_insert(readers.index) & 1;
            readers.index = index ^ 1;
            readers.count[index] == 0
        });
    }
    let mut domains = domains();
    let readers = domains.entry(at).or_default();
    readers.busy = false;
    readers.ended += 1;
    CHANGED.notify_all();
}

/// A module's code goes: so do the domains in it.
pub fn abandon(module: &Module) {
    let image = module.image();
    domains().retain(|at, _| !image.contains(*at));
}

/// Makes a domain.
#[kexport(gpl, since = "2.6.19", header = "linux/srcu.h", symbol = "__init_srcu_struct")]
fn init_srcu_struct(domain: Domain) -> c_int {
    domains().insert(domain.addr(), Readers::default());
    owned::note(domain.addr(), Block::new(KIND, 0));
    0
}

/// Ends a domain that nobody uses.
#[kexport(gpl, since = "2.6.19", header = "linux/srcu.h")]
fn cleanup_srcu_struct(domain: Domain) {
    let readers = domains().get(&domain.addr()).cloned().unwrap_or_default();
    if readers.count != [0, 0] {
        // It stays: whoever reads it still needs it.
        fault::warn_in("cleanup_srcu_struct", "kernel/rcu/srcutree.c", 1, None);
        return;
    }
    if readers.callbacks != 0 {
        fault::warn_in("cleanup_srcu_struct", "kernel/rcu/srcutree.c", 2, None);
        return;
    }
    domains().remove(&domain.addr());
    owned::take(KIND, domain.addr());
}

/// Begins to read a domain: the index for the end.
#[kexport(gpl, since = "2.6.19", header = "linux/srcu.h")]
fn __srcu_read_lock(domain: Domain) -> c_int {
    let mut domains = domains();
    let readers = domains.entry(domain.addr()).or_default();
    readers.count[readers.index & 1] += 1;
    (readers.index & 1) as c_int
}

/// Ends that.
#[kexport(gpl, since = "2.6.19", header = "linux/srcu.h")]
fn __srcu_read_unlock(domain: Domain, index: c_int) {
    let mut domains = domains();
    let count = &mut domains.entry(domain.addr()).or_default().count[(index & 1) as usize];
    *count = count.saturating_sub(1);
    CHANGED.notify_all();
}

/// Waits until all who read a domain now have ended.
#[kexport(gpl, since = "2.6.19", header = "linux/srcu.h", symbol = "synchronize_srcu_expedited")]
fn synchronize_srcu(domain: Domain) {
    sched::blocking(|| grace_period(domain.addr()));
}

/// Calls a function once all who read a domain now have ended.
#[kexport(gpl, since = "3.10", header = "linux/srcu.h")]
fn call_srcu(domain: Domain, head: KPtr, function: KPtr) -> KResult {
    head.put(8, function.addr())?;
    let (at, head, function) = (domain.addr(), head.addr(), function.addr());
    domains().entry(at).or_default().callbacks += 1;
    softirq::note_later(CALLBACK, head, function);
    let wait = std::thread::Builder::new().name("srcu".to_string()).stack_size(64 << 10).spawn(move || {
        grace_period(at);
        softirq::raise(Box::new(move || call_back(at, head, function)));
    });
    if wait.is_err() {
        log::line(3, "lkm: the host gives no thread for SRCU: a callback is never called");
    }
    Ok(())
}

fn call_back(at: u64, head: u64, function: u64) {
    owned::take(CALLBACK, head);
    // Its module may have gone without waiting for it.
    if crate::module::containing(function).is_some() {
        // One that died has written its report.
        softirq::serve(SOFTIRQ, || kabi::call(function, &[head]).is_ok());
    }
    if let Some(readers) = domains().get_mut(&at) {
        readers.callbacks = readers.callbacks.saturating_sub(1);
    }
    CHANGED.notify_all();
}

/// Waits until all callbacks of a domain were called.
#[kexport(gpl, since = "3.10", header = "linux/srcu.h")]
fn srcu_barrier(domain: Domain) {
    sched::blocking(|| wait_until(domain.addr(), |readers| readers.callbacks == 0));
}

/// What a grace period that begins now has to reach.
#[kexport(gpl, since = "5.11", header = "linux/srcu.h", symbol = "start_poll_synchronize_srcu")]
fn get_state_synchronize_srcu(domain: Domain) -> c_ulong {
    let mut domains = domains();
    let readers = domains.entry(domain.addr()).or_default();
    readers.ended + if readers.busy { 2 } else { 1 }
}

/// True if that was reached.
#[kexport(gpl, since = "5.11", header = "linux/srcu.h")]
fn poll_state_synchronize_srcu(domain: Domain, state: c_ulong) -> bool {
    domains().entry(domain.addr()).or_default().ended >= state
}
