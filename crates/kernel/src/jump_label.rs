//! Static keys: branches that cost nothing because the code itself is changed. Counterpart: kernel/jump_label.c,
//! include/linux/jump_label.h.
//!
//! A key is a counter, `enabled`, first in its structure. Its sites are found by going through the `__jump_table` of
//! every module: keys change seldom, and modules have few sites.

use crate::module::{self, Module};
use crate::{fault, log};
use kabi::errno::ENOEXEC;
use kabi::{Field, KError, KPtr, KResult, c_int, exports, kexport};
use loader::Refusal;
use loader::patch::{JumpEntry, site_state};
use machine::{access, livepatch};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

exports![
    static_key_count,
    static_key_enable,
    static_key_enable_cpuslocked,
    static_key_disable,
    static_key_disable_cpuslocked,
    static_key_slow_inc,
    static_key_slow_inc_cpuslocked,
    static_key_slow_dec,
    static_key_slow_dec_cpuslocked,
    static_key_fast_inc_not_disabled,
    jump_label_rate_limit,
    __static_key_slow_dec_deferred,
    __static_key_deferred_flush
];

/// The kernel's `struct static_key`.
#[derive(Debug)]
pub struct StaticKey;

static ENABLED: Field = Field::new("static_key", "enabled.counter");

/// `jump_label_mutex`: one key changes at a time.
static TURN: Mutex<()> = Mutex::new(());

fn lock() -> MutexGuard<'static, ()> {
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn raw(key: KPtr<StaticKey>) -> KResult<i32> {
    ENABLED.get(key)
}

fn exchange(key: KPtr<StaticKey>, old: i32, new: i32) -> KResult<i32> {
    Ok(access::compare_exchange_u32(ENABLED.of(key)?.addr(), old as u32, new as u32)? as i32)
}

/// The entries of a module's table whose code is still there.
fn entries(module: &Module) -> KResult<Vec<JumpEntry>> {
    let image = module.image();
    let Some(table) = image.section("__jump_table") else { return Ok(Vec::new()) };
    let mut bytes = vec![0; usize::try_from(table.size).unwrap_or(0)];
    access::read(table.addr, &mut bytes)?;
    let decoded = bytes.as_chunks::<16>().0.iter().zip(0..).map(|(raw, i)| JumpEntry::decode(table.addr + 16 * i, raw));
    Ok(decoded.filter(|e| image.contains(e.code)).collect())
}

/// Makes one site jump or not.
fn switch(entry: &JumpEntry, on: bool) -> KResult {
    let mut insn = [0; 5];
    // A short site may be the last instruction of its page.
    if access::read(entry.code, &mut insn).is_err() {
        insn = [0; 5];
        access::read(entry.code, &mut insn[..2])?;
    }
    let Some((jumps, len)) = site_state(&insn) else {
        return Err(KError::Bug("a jump label site holds neither a nop nor a jump"));
    };
    let wanted = on != entry.inverted;
    if jumps != wanted {
        let new = entry.instruction(wanted, len);
        livepatch::replace(entry.code, &new).map_err(|_| KError::Bug("a jump label site cannot be changed"))?;
    }
    Ok(())
}

/// Switches all sites of a key. The lock is held.
fn update(key: KPtr<StaticKey>, on: bool) -> KResult {
    for module in module::all() {
        for entry in entries(&module)?.iter().filter(|e| e.key == key.addr()) {
            switch(entry, on)?;
        }
    }
    Ok(())
}

/// A module's name is in the list: keys of other modules may have changed since its code was patched.
///
/// DIFFERS: the kernel dies of a site that holds something else; here the module is refused.
///
/// # Errors
/// When a table or a key cannot be read, or a site holds neither a nop nor a jump.
pub fn module_coming(module: &Module) -> Result<(), Refusal> {
    let _turn = lock();
    let refusal = |entry: Option<&JumpEntry>, e: KError| {
        let place = entry.map_or(String::new(), |e| format!(", site at {:#x}", e.code));
        let file = module.path.as_deref().unwrap_or(module.name());
        let detail = format!("{file}: section __jump_table{place}: {e}: the file is damaged");
        Refusal { detail: Some(detail), ..Refusal::silent(ENOEXEC) }
    };
    // Many sites have one key, and looking at a key that nothing implements costs a fault.
    let mut keys = HashMap::new();
    for entry in entries(module).map_err(|e| refusal(None, e))? {
        // A key that nothing implements traps when it is read; its sites stay off.
        let count = || static_key_count(KPtr::new(entry.key)).unwrap_or(0);
        let on = *keys.entry(entry.key).or_insert_with(|| count() > 0);
        switch(&entry, on).map_err(|e| refusal(Some(&entry), e))?;
    }
    Ok(())
}

/// How many enabled the key; 1 while its sites are being switched on.
#[kexport(since = "4.6", header = "linux/jump_label.h")]
fn static_key_count(key: KPtr<StaticKey>) -> KResult<c_int> {
    let count = raw(key)?;
    Ok(if count >= 0 { count } else { 1 })
}

/// Switches a key that is not counted, for lkm's own code.
///
/// # Errors
/// As `static_key_enable`.
pub fn set(key: KPtr<StaticKey>, on: bool) -> KResult {
    if on { static_key_enable(key) } else { static_key_disable(key) }
}

/// Switches a key on that is not counted.
#[kexport(since = "4.3", header = "linux/jump_label.h")]
fn static_key_enable(key: KPtr<StaticKey>) -> KResult {
    let _turn = lock();
    match raw(key)? {
        0 => {
            ENABLED.put(key, -1i32)?;
            update(key, true)?;
            ENABLED.put(key, 1i32)
        }
        1 => Ok(()),
        _ => {
            fault::warn_at_caller();
            Ok(())
        }
    }
}

/// [`static_key_enable`] for callers that hold the CPU hotplug lock; there is none to take.
#[kexport(since = "4.13", header = "linux/jump_label.h")]
fn static_key_enable_cpuslocked(key: KPtr<StaticKey>) -> KResult {
    static_key_enable(key)
}

/// Switches a key off that is not counted.
#[kexport(since = "4.3", header = "linux/jump_label.h")]
fn static_key_disable(key: KPtr<StaticKey>) -> KResult {
    let _turn = lock();
    match exchange(key, 1, 0)? {
        1 => update(key, false),
        0 => Ok(()),
        _ => {
            fault::warn_at_caller();
            Ok(())
        }
    }
}

/// [`static_key_disable`] for callers that hold the CPU hotplug lock; there is none to take.
#[kexport(since = "4.13", header = "linux/jump_label.h")]
fn static_key_disable_cpuslocked(key: KPtr<StaticKey>) -> KResult {
    static_key_disable(key)
}

/// Adds one if the key is on already. True if it was.
fn inc_if_on(key: KPtr<StaticKey>) -> KResult<bool> {
    let mut count = raw(key)?;
    while count > 0 {
        let Some(more) = count.checked_add(1) else { return Ok(false) };
        match exchange(key, count, more)? {
            was if was == count => return Ok(true),
            was => count = was,
        }
    }
    Ok(false)
}

/// Counts one more user of a key; the first switches it on. False if the counter is full.
#[kexport(since = "3.3", header = "linux/jump_label.h")]
fn static_key_slow_inc(key: KPtr<StaticKey>) -> KResult<bool> {
    if inc_if_on(key)? {
        return Ok(true);
    }
    let _turn = lock();
    if raw(key)? != 0 {
        return inc_if_on(key);
    }
    ENABLED.put(key, -1i32)?;
    update(key, true)?;
    ENABLED.put(key, 1i32)?;
    Ok(true)
}

/// [`static_key_slow_inc`] for callers that hold the CPU hotplug lock; there is none to take.
#[kexport(since = "4.13", header = "linux/jump_label.h")]
fn static_key_slow_inc_cpuslocked(key: KPtr<StaticKey>) -> KResult<bool> {
    static_key_slow_inc(key)
}

/// Counts one more user of a key that is on. False if it is off or its counter is full.
#[kexport(since = "6.4", header = "linux/jump_label.h")]
fn static_key_fast_inc_not_disabled(key: KPtr<StaticKey>) -> KResult<bool> {
    inc_if_on(key)
}

/// Counts one user of a key less; the last switches it off.
#[kexport(since = "3.3", header = "linux/jump_label.h")]
fn static_key_slow_dec(key: KPtr<StaticKey>) -> KResult {
    let _turn = lock();
    loop {
        let count = raw(key)?;
        if count <= 0 {
            log::line(4, "jump label: negative count!");
            fault::warn_at_caller();
            return Ok(());
        }
        if exchange(key, count, count - 1)? != count {
            continue;
        }
        return if count == 1 { update(key, false) } else { Ok(()) };
    }
}

/// [`static_key_slow_dec`] for callers that hold the CPU hotplug lock; there is none to take.
#[kexport(since = "4.13", header = "linux/jump_label.h")]
fn static_key_slow_dec_cpuslocked(key: KPtr<StaticKey>) -> KResult {
    static_key_slow_dec(key)
}

/// Sets how long a deferred key stays on after its last user left.
#[kexport(since = "3.3", header = "linux/jump_label_ratelimit.h", partial = "keys are switched off without delay")]
fn jump_label_rate_limit(_key: KPtr, _delay: u64) {}

/// Counts one user of a deferred key less. DIFFERS: the last one switches it off at once, not after the delay.
#[kexport(since = "5.2", header = "linux/jump_label_ratelimit.h", partial = "keys are switched off without delay")]
fn __static_key_slow_dec_deferred(key: KPtr<StaticKey>, _work: KPtr, _timeout: u64) -> KResult {
    static_key_slow_dec(key)
}

/// Waits until a deferred key's delay is over: nothing is ever delayed.
#[kexport(since = "5.2", header = "linux/jump_label_ratelimit.h")]
fn __static_key_deferred_flush(_key: KPtr, _work: KPtr) {}
