//! Which device answers for a number. Counterpart: fs/char_dev.c, drivers/base/map.c.
//!
//! DIFFERS: a `struct cdev` is no full kobject here: its parent is not held, it is not in sysfs.

use super::Dev;
use crate::klib::list::init_list_head;
use crate::mm::owned::{self, Block, Kind};
use crate::module::ModuleStruct;
use kabi::errno::ENOMEM;
use kabi::{Field, KPtr, KResult, NullPtr, c_int, c_uint, exports, kexport, size_of_struct};
use machine::{access, heap};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

exports![cdev_init, cdev_alloc, cdev_add, cdev_del];

/// The kernel's `struct cdev`.
#[derive(Debug)]
pub struct Cdev;

type Device = KPtr<Cdev>;

static OWNER: Field = Field::new("cdev", "owner");
static OPS: Field = Field::new("cdev", "ops");
static LIST: Field = Field::new("cdev", "list");
static DEV: Field = Field::new("cdev", "dev");
static COUNT: Field = Field::new("cdev", "count");
static OPS_OWNER: Field = Field::new("file_operations", "owner");

/// What it is called in reports.
const DEVICE: Kind = Kind::Other("character device");

/// Numbers with a device.
#[derive(Debug, Clone, Copy)]
struct Mapped {
    first: Dev,
    count: u32,
    device: Device,
}

#[derive(Default)]
struct State {
    mapped: Vec<Mapped>,
    /// Devices that [`cdev_alloc`] made, by address: how many refer to them.
    made: BTreeMap<u64, usize>,
}

static STATE: Mutex<State> = Mutex::new(State { mapped: Vec::new(), made: BTreeMap::new() });

fn state() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The device for a number: the one with the fewest numbers, of those the last (`kobj_lookup`). It is there until [`put`].
pub(super) fn get(dev: Dev) -> Option<Device> {
    let mut state = state();
    let has = |m: &&Mapped| dev.checked_sub(m.first).is_some_and(|offset| offset < m.count);
    let device = state.mapped.iter().rev().filter(has).min_by_key(|m| m.count)?.device;
    if let Some(users) = state.made.get_mut(&device.addr()) {
        *users += 1;
    }
    Some(device)
}

/// The device is not used any more.
pub(super) fn put(device: Device) {
    let mut state = state();
    let Some(users) = state.made.get_mut(&device.addr()) else { return };
    *users -= 1;
    if *users == 0 {
        state.made.remove(&device.addr());
        drop(state);
        heap::free(device.addr(), size_of_struct("cdev").unwrap_or(0));
    }
}

/// Its module and its operations.
pub(super) fn owner_and_ops(device: Device) -> KResult<(KPtr<ModuleStruct>, KPtr)> {
    Ok((KPtr::new(OWNER.get(device)?), KPtr::new(OPS.get(device)?)))
}

fn alloc() -> KResult<Device> {
    let device = Device::new(heap::alloc(size_of_struct("cdev")?).ok_or(ENOMEM)?);
    init_list_head(LIST.of(device)?)?;
    state().made.insert(device.addr(), 1);
    Ok(device)
}

/// A device with these operations; the module that has them owns it.
pub(super) fn make(ops: KPtr) -> KResult<Device> {
    let device = alloc()?;
    OWNER.put(device, OPS_OWNER.get::<u64, _>(ops)?)?;
    OPS.put(device, ops.addr())?;
    Ok(device)
}

/// Makes a device answer for numbers.
pub(super) fn add(device: Device, first: Dev, count: u32) -> KResult {
    DEV.put(device, first)?;
    COUNT.put(device, count)?;
    state().mapped.push(Mapped { first, count, device });
    owned::note(device.addr(), Block::new(DEVICE, 0).named(&name(first, count)));
    Ok(())
}

fn name(first: Dev, count: u32) -> String {
    let (major, minor) = (super::major(first), super::minor(first));
    if count > 1 { format!("{major}:{minor} and {} more", count - 1) } else { format!("{major}:{minor}") }
}

/// It answers no more; who has it open keeps it.
pub(super) fn remove(device: Device) {
    state().mapped.retain(|m| m.device != device);
    owned::take(DEVICE, device.addr());
    put(device);
}

/// Prepares a device that lies in the caller's memory.
#[kexport(since = "2.6.0", header = "linux/cdev.h")]
fn cdev_init(device: Device, ops: KPtr) -> KResult {
    access::fill(device.addr(), 0, size_of_struct("cdev")?)?;
    init_list_head(LIST.of(device)?)?;
    OPS.put(device, ops.addr())
}

/// Makes a device; [`cdev_del`] frees it.
#[kexport(since = "2.6.0", header = "linux/cdev.h")]
fn cdev_alloc() -> NullPtr<Cdev> {
    NullPtr(alloc())
}

/// Makes a device answer for `count` numbers from `first` on.
#[kexport(
    since = "2.6.0",
    header = "linux/cdev.h",
    partial = "flush, mmap, fasync, read_iter and write_iter of a device are not called"
)]
fn cdev_add(device: Device, first: Dev, count: c_uint) -> KResult<c_int> {
    add(device, first, count).map(|()| 0)
}

/// The device answers no more. Open files of it go on working.
#[kexport(since = "2.6.0", header = "linux/cdev.h")]
fn cdev_del(device: Device) {
    remove(device);
}
