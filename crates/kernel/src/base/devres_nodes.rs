//! Resources of a module's own kinds, each with the function that undoes it, and groups of them. Counterpart:
//! drivers/base/devres.c.
//!
//! DIFFERS: what stands before a resource's data in Linux (`struct devres`) is lkm's business and not in module memory.

use super::core::Device;
use super::devres::{self, Resource};
use crate::fault;
use crate::mm::slab;
use kabi::errno::{ENOENT, ENOMEM};
use kabi::{KError, KPtr, KResult, NullPtr, c_int, exports, kexport};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

exports![
    __devres_alloc_node,
    devres_free,
    devres_add,
    devres_find,
    devres_get,
    devres_remove,
    devres_destroy,
    devres_release,
    devres_for_each_res,
    devres_open_group,
    devres_close_group,
    devres_remove_group,
    devres_release_group,
];

/// Resources that no device has yet: where their data lies, and what undoes them.
static LOOSE: Mutex<Option<HashMap<u64, u64>>> = Mutex::new(None);

fn with_loose<R>(work: impl FnOnce(&mut HashMap<u64, u64>) -> R) -> R {
    work(LOOSE.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_default())
}

/// What a resource must be to be meant: its function, and what a function of the module says to it.
#[derive(Clone, Copy)]
struct Wanted {
    release: u64,
    matches: u64,
    data: u64,
}

impl Wanted {
    fn is(self, device: KPtr<Device>, node: u64, release: u64) -> KResult<bool> {
        if release != self.release {
            return Ok(false);
        }
        let asked = self.matches != 0;
        Ok(!asked || kabi::call(self.matches, &[device.addr(), node, self.data])? as c_int != 0)
    }

    /// The newest one's data.
    fn find(self, device: KPtr<Device>) -> KResult<Option<u64>> {
        // A copy: the module's function may change the list.
        for resource in devres::list(device).into_iter().rev() {
            if let Resource::Node { data, release } = resource
                && self.is(device, data, release)?
            {
                return Ok(Some(data));
            }
        }
        Ok(None)
    }

    /// Takes the newest one out: it is loose again.
    fn remove(self, device: KPtr<Device>) -> KResult<Option<u64>> {
        let Some(data) = self.find(device)? else { return Ok(None) };
        if !devres::remove(device, Resource::Node { data, release: self.release }) {
            return Ok(None);
        }
        with_loose(|loose| loose.insert(data, self.release));
        Ok(Some(data))
    }
}

fn free(data: u64) -> KResult {
    with_loose(|loose| loose.remove(&data));
    slab::free(KPtr::new(data), "devres_free")
}

fn add(device: KPtr<Device>, data: u64) -> KResult {
    let release = with_loose(|loose| loose.remove(&data));
    let release = release.ok_or(KError::Bug("devres_add of what is no resource, or has a device"))?;
    devres::add(device, Resource::Node { data, release });
    Ok(())
}

/// Allocates the zeroed data of a resource that `release(device, data)` undoes.
#[kexport(gpl, since = "5.15", header = "linux/device.h")]
fn __devres_alloc_node(release: u64, size: usize, flags: u32, _node: c_int, _name: KPtr) -> NullPtr {
    // The kernel's own part comes before the data, so that there always is some.
    const OWN: usize = 40;
    let block = size.checked_add(OWN).ok_or(ENOMEM.into()).and_then(|_| slab::alloc(size.max(8), flags));
    if let Ok(p) = block {
        with_loose(|loose| loose.insert(p.addr(), release));
    }
    NullPtr(block)
}

/// Frees a resource that no device has. NULL is fine.
#[kexport(gpl, since = "2.6.21", header = "linux/device.h")]
fn devres_free(data: KPtr) -> KResult {
    if data.is_null() {
        return Ok(());
    }
    if !with_loose(|loose| loose.contains_key(&data.addr())) {
        return Err(KError::Bug("devres_free of what is no resource, or has a device"));
    }
    free(data.addr())
}

/// Gives a resource to a device, which undoes it when it goes.
#[kexport(gpl, since = "2.6.21", header = "linux/device.h")]
fn devres_add(device: KPtr<Device>, data: KPtr) -> KResult {
    add(device, data.addr())
}

/// A device's newest resource with this function for which `matches(device, data, match_data)` is true; NULL for none.
#[kexport(gpl, since = "2.6.21", header = "linux/device.h")]
fn devres_find(device: KPtr<Device>, release: u64, matches: u64, match_data: u64) -> KResult<KPtr> {
    let found = Wanted { release, matches, data: match_data }.find(device)?;
    Ok(KPtr::new(found.unwrap_or(0)))
}

/// The one that [`devres_find`] finds for a new resource, which is freed then; otherwise the device gets the new one.
#[kexport(gpl, since = "2.6.21", header = "linux/device.h")]
fn devres_get(device: KPtr<Device>, new: KPtr, matches: u64, match_data: u64) -> KResult<KPtr> {
    let release = with_loose(|loose| loose.get(&new.addr()).copied());
    let release = release.ok_or(KError::Bug("devres_get with what is no resource, or has a device"))?;
    match (Wanted { release, matches, data: match_data }).find(device)? {
        Some(found) => free(new.addr()).map(|()| KPtr::new(found)),
        None => add(device, new.addr()).map(|()| new),
    }
}

/// Takes the resource that [`devres_find`] finds from the device; NULL for none.
#[kexport(gpl, since = "2.6.21", header = "linux/device.h")]
fn devres_remove(device: KPtr<Device>, release: u64, matches: u64, match_data: u64) -> KResult<KPtr> {
    let found = Wanted { release, matches, data: match_data }.remove(device)?;
    Ok(KPtr::new(found.unwrap_or(0)))
}

/// Frees the resource that [`devres_find`] finds without undoing it.
///
/// # Errors
/// `ENOENT`: there is none.
#[kexport(gpl, since = "2.6.21", header = "linux/device.h")]
fn devres_destroy(device: KPtr<Device>, release: u64, matches: u64, match_data: u64) -> KResult<c_int> {
    let found = Wanted { release, matches, data: match_data }.remove(device)?;
    free(found.ok_or(ENOENT)?).map(|()| 0)
}

/// Undoes and frees the resource that [`devres_find`] finds.
///
/// # Errors
/// `ENOENT`: there is none.
#[kexport(gpl, since = "3.9", header = "linux/device.h")]
fn devres_release(device: KPtr<Device>, release: u64, matches: u64, match_data: u64) -> KResult<c_int> {
    let found = Wanted { release, matches, data: match_data }.remove(device)?.ok_or(ENOENT)?;
    kabi::call(release, &[device.addr(), found])?;
    free(found).map(|()| 0)
}

/// Calls `function(device, resource, data)` for all that [`devres_find`] could find, the newest first.
#[kexport(gpl, since = "3.9", header = "linux/device.h")]
fn devres_for_each_res(
    device: KPtr<Device>,
    release: u64,
    matches: u64,
    match_data: u64,
    function: u64,
    data: u64,
) -> KResult {
    let wanted = Wanted { release, matches, data: match_data };
    for resource in devres::list(device).into_iter().rev().filter(|_| function != 0) {
        if let Resource::Node { data: node, release } = resource
            && wanted.is(device, node, release)?
        {
            kabi::call(function, &[device.addr(), node, data])?;
        }
    }
    Ok(())
}

/// Begins a group; what the device gets from now on is in it. Without an id it gets one of its own.
#[kexport(gpl, since = "2.6.21", header = "linux/device.h")]
fn devres_open_group(device: KPtr<Device>, id: u64, _flags: u32) -> u64 {
    // No address of memory: nobody may look behind it.
    static NEXT: AtomicU64 = AtomicU64::new(0xffff_f000_0000_0000);
    let id = if id == 0 { NEXT.fetch_add(16, Ordering::Relaxed) } else { id };
    devres::add(device, Resource::Open(id));
    id
}

/// Ends a group; without an id the newest that is open.
#[kexport(gpl, since = "2.6.21", header = "linux/device.h")]
fn devres_close_group(device: KPtr<Device>, id: u64) {
    match group(&devres::list(device), id) {
        Some(group) => devres::add(device, Resource::Close(group.id)),
        None => fault::warn_in("devres_close_group", "drivers/base/devres.c", 0, None),
    }
}

/// Forgets a group; what was in it stays the device's.
#[kexport(gpl, since = "2.6.21", header = "linux/device.h")]
fn devres_remove_group(device: KPtr<Device>, id: u64) {
    let Some(group) = group(&devres::list(device), id) else {
        fault::warn_in("devres_remove_group", "drivers/base/devres.c", 0, None);
        return;
    };
    devres::remove(device, Resource::Open(group.id));
    devres::remove(device, Resource::Close(group.id));
}

/// Undoes all that is in a group, the last first: how many that were.
#[kexport(gpl, since = "2.6.21", header = "linux/device.h")]
fn devres_release_group(device: KPtr<Device>, id: u64) -> KResult<c_int> {
    let list = devres::list(device);
    let Some(group) = group(&list, id) else {
        if !list.is_empty() {
            fault::warn_in("devres_release_group", "drivers/base/devres.c", 0, None);
        }
        return Ok(0);
    };
    let inside = list.get(group.first..group.end).unwrap_or_default();
    let mut count = 0;
    for resource in inside.iter().rev().copied().filter(|resource| goes(&list, inside, *resource)) {
        // What an earlier one undid is gone already.
        if devres::remove(device, resource) && !matches!(resource, Resource::Open(_) | Resource::Close(_)) {
            count += 1;
            resource.undo(device)?;
        }
    }
    Ok(count)
}

/// Of what lies in a group that is released, groups that begin or end outside of it stay.
fn goes(all: &[Resource], inside: &[Resource], resource: Resource) -> bool {
    match resource {
        Resource::Open(id) => inside.contains(&Resource::Close(id)) || !all.contains(&Resource::Close(id)),
        Resource::Close(id) => inside.contains(&Resource::Open(id)),
        _ => true,
    }
}

/// Where a group lies in a list.
#[derive(Debug, PartialEq, Eq)]
struct Group {
    id: u64,
    first: usize,
    end: usize,
}

/// The newest group of this id; without an id, the newest that is open.
fn group(list: &[Resource], id: u64) -> Option<Group> {
    let closed = |id| list.iter().rposition(|resource| *resource == Resource::Close(id));
    let is_it = |resource: &Resource| match *resource {
        Resource::Open(known) => known == id || id == 0 && closed(known).is_none(),
        _ => false,
    };
    let first = list.iter().rposition(is_it)?;
    let Some(Resource::Open(id)) = list.get(first) else { return None };
    Some(Group { id: *id, first, end: closed(*id).map_or(list.len(), |at| at + 1) })
}

#[test]
fn groups_are_found_by_id_or_as_the_newest_open_one() {
    let list = [Resource::Open(1), Resource::Memory(8), Resource::Open(2), Resource::Close(2), Resource::Memory(9)];
    assert_eq!(group(&list, 2), Some(Group { id: 2, first: 2, end: 4 }));
    assert_eq!(group(&list, 0), Some(Group { id: 1, first: 0, end: 5 }));
    assert_eq!(group(&list, 3), None);
}
