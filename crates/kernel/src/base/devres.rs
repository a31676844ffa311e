//! What goes with a device: memory and actions that are undone, the last first, when it goes. Counterpart:
//! drivers/base/devres.c.
//!
//! There are no drivers here: what a device has goes when the device is unregistered.

use super::core::Device;
use crate::mm::slab;
use crate::{env, fault};
use kabi::{KPtr, KResult, KStr, NullPtr, VaList, VarArgs, c_int, exports, kexport};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

exports![
    devm_kmalloc,
    devm_kfree,
    devm_kmemdup,
    devm_kstrdup,
    devm_kasprintf,
    devm_kvasprintf,
    devm_add_action,
    __devm_add_action,
    devm_remove_action,
    devm_remove_action_nowarn,
    devm_release_action,
];

/// What a device has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Resource {
    /// A block of kmalloc.
    Memory(u64),
    /// A function and its argument.
    Action(u64, u64),
    /// Data of a module's own kind, and the function that undoes it ([`super::devres_nodes`]).
    Node { data: u64, release: u64 },
    /// Here a group begins.
    Open(u64),
    /// Here it ends.
    Close(u64),
}

impl Resource {
    /// Undoes what was taken out of a device's list.
    ///
    /// # Errors
    /// When the module's function dies.
    pub(super) fn undo(self, device: KPtr<Device>) -> KResult {
        match self {
            Self::Memory(addr) => slab::free(KPtr::new(addr), "devres_release_all"),
            Self::Action(function, data) => kabi::call(function, &[data]).map(|_| ()),
            Self::Node { data, release } => {
                kabi::call(release, &[device.addr(), data])?;
                slab::free(KPtr::new(data), "devres_release_all")
            }
            Self::Open(_) | Self::Close(_) => Ok(()),
        }
    }
}

static RESOURCES: Mutex<Option<HashMap<u64, Vec<Resource>>>> = Mutex::new(None);

fn resources() -> MutexGuard<'static, Option<HashMap<u64, Vec<Resource>>>> {
    RESOURCES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// All that a device has, the newest last.
pub(super) fn list(device: KPtr<Device>) -> Vec<Resource> {
    resources().as_ref().and_then(|all| all.get(&device.addr()).cloned()).unwrap_or_default()
}

/// Gives a device something.
pub(super) fn add(device: KPtr<Device>, resource: Resource) {
    resources().get_or_insert_default().entry(device.addr()).or_default().push(resource);
}

/// Takes the newest of these out; false if there is none.
pub(super) fn remove(device: KPtr<Device>, resource: Resource) -> bool {
    let mut all = resources();
    let Some(list) = all.as_mut().and_then(|all| all.get_mut(&device.addr())) else { return false };
    let Some(at) = list.iter().rposition(|known| *known == resource) else { return false };
    list.remove(at);
    true
}

/// Undoes all that a device has, the last first.
///
/// # Errors
/// When an action dies; what was there before it stays.
pub fn release_all(device: KPtr<Device>) -> KResult {
    loop {
        let last = resources().as_mut().and_then(|all| all.get_mut(&device.addr())).and_then(Vec::pop);
        let Some(last) = last else { break };
        last.undo(device)?;
    }
    if let Some(all) = resources().as_mut() {
        all.remove(&device.addr());
    }
    Ok(())
}

fn keep(device: KPtr<Device>, block: KResult<KPtr>) -> NullPtr {
    if let Ok(p) = block
        && p.addr() > slab::ZERO_SIZE
    {
        add(device, Resource::Memory(p.addr()));
    }
    NullPtr(block)
}

/// Allocates memory that goes with a device.
#[kexport(since = "3.13", header = "linux/device.h", gpl)]
fn devm_kmalloc(device: KPtr<Device>, size: usize, flags: u32) -> NullPtr {
    keep(device, slab::alloc(size, flags))
}

/// Frees what [`devm_kmalloc`] gave, before its device goes.
#[kexport(since = "2.6.21", header = "linux/device.h", gpl)]
fn devm_kfree(device: KPtr<Device>, p: KPtr) -> KResult {
    if p.addr() <= slab::ZERO_SIZE {
        return Ok(());
    }
    if !remove(device, Resource::Memory(p.addr())) {
        fault::warn_in("devm_kfree", "drivers/base/devres.c", 0, None);
        return Ok(());
    }
    slab::free(p, "devm_kfree")
}

/// Copies `len` bytes into memory that goes with a device.
#[kexport(since = "3.16", header = "linux/device.h", gpl)]
fn devm_kmemdup(device: KPtr<Device>, from: KPtr, len: usize, _flags: u32) -> NullPtr {
    keep(device, from.bytes(0, len).and_then(|bytes| slab::give(&bytes)))
}

/// Copies a string into memory that goes with a device. NULL gives NULL.
#[kexport(since = "3.15", header = "linux/device.h", gpl)]
fn devm_kstrdup(device: KPtr<Device>, s: Option<KStr>, _flags: u32) -> NullPtr {
    let Some(s) = s else { return NullPtr(Ok(KPtr::NULL)) };
    keep(device, slab::give(&[s.as_bytes(), &[0]].concat()))
}

fn formatted(device: KPtr<Device>, format: KPtr, args: VaList) -> NullPtr {
    keep(device, env::format(format.addr(), args).and_then(|text| slab::give(&[text.as_slice(), &[0]].concat())))
}

/// Formats a string into memory that goes with a device.
#[kexport(since = "3.17", header = "linux/device.h", gpl)]
fn devm_kasprintf(device: KPtr<Device>, _flags: u32, format: KPtr, args: VarArgs) -> NullPtr {
    formatted(device, format, args.0)
}

/// [`devm_kasprintf`] with a list of arguments.
#[kexport(since = "3.17", header = "linux/device.h")]
fn devm_kvasprintf(device: KPtr<Device>, _flags: u32, format: KPtr, args: VaList) -> NullPtr {
    formatted(device, format, args)
}

/// Calls `function(data)` when the device goes: 0.
#[kexport(since = "4.3", until = "6.5", header = "linux/device.h", gpl)]
fn devm_add_action(device: KPtr<Device>, function: u64, data: u64) -> c_int {
    add(device, Resource::Action(function, data));
    0
}

/// [`devm_add_action`] with a name for the log.
#[kexport(since = "6.5", header = "linux/device.h", gpl)]
fn __devm_add_action(device: KPtr<Device>, function: u64, data: u64, _name: KPtr) -> c_int {
    devm_add_action(device, function, data)
}

/// Forgets an action, which must be there.
#[kexport(since = "4.3", until = "6.13", header = "linux/device.h", gpl)]
fn devm_remove_action(device: KPtr<Device>, function: u64, data: u64) {
    if !remove(device, Resource::Action(function, data)) {
        fault::warn_in("devm_remove_action", "drivers/base/devres.c", 0, None);
    }
}

/// [`devm_remove_action`] that says whether it was there.
///
/// # Errors
/// `ENOENT`: it was not.
#[kexport(since = "6.13", header = "linux/device.h", gpl)]
fn devm_remove_action_nowarn(device: KPtr<Device>, function: u64, data: u64) -> KResult<c_int> {
    if remove(device, Resource::Action(function, data)) { Ok(0) } else { Err(kabi::errno::ENOENT.into()) }
}

/// Does an action now, which must be there.
#[kexport(since = "5.1", header = "linux/device.h", gpl)]
fn devm_release_action(device: KPtr<Device>, function: u64, data: u64) -> KResult {
    if !remove(device, Resource::Action(function, data)) {
        fault::warn_in("devm_release_action", "drivers/base/devres.c", 0, None);
        return Ok(());
    }
    kabi::call(function, &[data]).map(|_| ())
}

#[test]
fn the_newest_of_the_same_goes_first() {
    let device = KPtr::new(0x5000);
    let action = |data| Resource::Action(1, data);
    [1, 2, 1].into_iter().for_each(|data| add(device, action(data)));
    assert!(remove(device, action(1)) && !remove(device, action(9)));
    assert_eq!(resources().as_ref().unwrap()[&0x5000], [action(1), action(2)]);
}
