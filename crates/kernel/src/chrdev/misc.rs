//! Miscellaneous devices: those that share major 10. Counterpart: drivers/char/misc.c.
//!
//! DIFFERS: they are in /dev and /proc/misc, and not in /sys/class/misc; the minors that built-in drivers of a real kernel
//! have are free here.

use super::{MINOR_MASK, device, to_rdev};
use crate::files;
use crate::fs::Registration;
use crate::klib::list::init_list_head;
use crate::mm::owned::{self, Block, Kind};
use kabi::errno::{EBUSY, EINVAL};
use kabi::{Field, KPtr, KResult, c_int, exports, kexport};
use machine::access;
use std::sync::{Mutex, MutexGuard, PoisonError};

exports![misc_register, misc_deregister];

/// The kernel's `struct miscdevice`.
#[derive(Debug)]
pub struct MiscDevice;

static MINOR: Field = Field::new("miscdevice", "minor");
static NAME: Field = Field::new("miscdevice", "name");
static OPS: Field = Field::new("miscdevice", "fops");
static LIST: Field = Field::new("miscdevice", "list");
static NODE: Field = Field::new("miscdevice", "nodename");
static MODE: Field = Field::new("miscdevice", "mode");

/// `MISC_MAJOR`
pub(super) const MAJOR: u32 = 10;
/// `MISC_DYNAMIC_MINOR`: any that is free.
const ANY: u32 = 255;
/// `DYNAMIC_MINORS`: where these come from, the highest first. Debian's 6.12 takes those above [`ANY`], the lowest first.
const DYNAMIC: u32 = 128;
const ABOVE: (u32, u32) = (6, 12);
/// What it is called in reports.
const DEVICE: Kind = Kind::Other("misc device");

struct Registered {
    minor: u32,
    name: String,
    device: KPtr<MiscDevice>,
    /// Its node in /dev.
    _node: Registration,
}

static ALL: Mutex<Vec<Registered>> = Mutex::new(Vec::new());

fn all() -> MutexGuard<'static, Vec<Registered>> {
    ALL.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Minors and names for /proc/misc, the last that came first.
pub fn list() -> Vec<(u32, String)> {
    all().iter().rev().map(|r| (r.minor, r.name.clone())).collect()
}

/// The device with a minor, and its operations.
pub(super) fn of_minor(minor: u32) -> KResult<Option<(KPtr<MiscDevice>, KPtr)>> {
    let found = all().iter().find(|r| r.minor == minor).map(|r| r.device);
    found.map(|device| Ok((device, KPtr::new(OPS.get(device)?)))).transpose()
}

fn text(at: u64) -> KResult<Option<String>> {
    if at == 0 {
        return Ok(None);
    }
    Ok(Some(String::from_utf8_lossy(&access::read_str(at, 256)?).into_owned()))
}

/// Takes a minor and makes the node in /dev.
///
/// # Errors
/// `EBUSY`: the minor, or every one, is taken. `EINVAL`: it has no name.
#[kexport(
    since = "2.4.0",
    header = "linux/miscdevice.h",
    partial = "no class device in sysfs, no uevent; flush, mmap, fasync, read_iter and write_iter of a device are not called"
)]
fn misc_register(misc: KPtr<MiscDevice>) -> KResult<c_int> {
    let name = text(NAME.get(misc)?)?.ok_or(EINVAL)?;
    init_list_head(LIST.of(misc)?)?;
    let mut all = all();
    let wanted: u32 = MINOR.get(misc)?;
    let taken = |minor: u32| all.iter().any(|r| r.minor == minor);
    let minor = match wanted {
        ANY if crate::env::version() >= ABOVE => (ANY + 1..=MINOR_MASK).find(|minor| !taken(*minor)),
        ANY => (0..DYNAMIC).rev().find(|minor| !taken(*minor)),
        wanted => Some(wanted),
    };
    let minor = minor.filter(|minor| !taken(*minor)).ok_or(EBUSY)?;
    let mode: u16 = MODE.get(misc)?;
    // Slashes make folders; exclamation marks stand for them in a name that sysfs shows.
    let path = text(NODE.get(misc)?)?.unwrap_or_else(|| name.replace('!', "/"));
    let mode = if mode == 0 { 0o600 } else { u32::from(mode) & 0o7777 };
    let node = files::add_device(&path, mode, to_rdev(device(MAJOR, minor)))?;
    MINOR.put(misc, minor)?;
    let noted = Block::new(DEVICE, 0).named(&name);
    all.push(Registered { minor, name, device: misc, _node: node });
    drop(all);
    owned::note(misc.addr(), noted);
    Ok(0)
}

/// Undoes [`misc_register`]; open files go on working.
#[kexport(since = "2.4.0", header = "linux/miscdevice.h")]
fn misc_deregister(misc: KPtr<MiscDevice>) {
    let gone: Vec<Registered> = all().extract_if(.., |r| r.device == misc).collect();
    owned::take(DEVICE, misc.addr());
    // Outside of the lock: this waits until nobody is opening the node.
    drop(gone);
}
