//! Devices and messages about them. Counterpart: drivers/base/core.c.

use crate::klib::vsprintf::{Args, Fault, vsnprintf};
use crate::mm::owned::{self, Block, Kind};
use crate::mm::slab;
use crate::printk::{DeviceName, dev_prefix};
use crate::{env, log};
use kabi::errno::{EEXIST, EINVAL, ENOMEM};
use kabi::{ErrPtr, Field, KPtr, KResult, KStr, VaList, VarArgs, c_int, exports, kexport, size_of_struct};
use machine::{access, heap};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

exports![
    _dev_printk,
    _dev_emerg,
    _dev_alert,
    _dev_crit,
    _dev_err,
    _dev_warn,
    _dev_notice,
    _dev_info,
    dev_printk_emit,
    dev_vprintk_emit,
    dev_err_probe,
    dev_driver_string,
    __root_device_register,
    root_device_unregister,
    device_unregister
];

/// The kernel's `struct device`.
#[derive(Debug)]
pub struct Device;

static INIT_NAME: Field = Field::new("device", "init_name");
static KOBJ_NAME: Field = Field::new("device", "kobj.name");
static REFCOUNT: Field = Field::new("device", "kobj.kref.refcount.refs.counter");
static DRIVER: Field = Field::new("device", "driver");
static BUS: Field = Field::new("device", "bus");
static CLASS: Field = Field::new("device", "class");
static DEVT: Field = Field::new("device", "devt");
static DRIVER_NAME: Field = Field::new("device_driver", "name");
static BUS_NAME: Field = Field::new("bus_type", "name");
static CLASS_NAME: Field = Field::new("class", "name");

/// `EPROBE_DEFER`: try again later.
const PROBE_DEFER: i32 = -517;
/// Longest name that messages show.
const NAME_LIMIT: usize = 4096;

/// The texts that messages about a device have.
struct Names {
    driver: String,
    name: String,
    subsystem: Option<String>,
    number: Option<(u32, u32)>,
}

fn text(addr: u64) -> KResult<String> {
    if addr == 0 {
        return Ok("(null)".into());
    }
    Ok(String::from_utf8_lossy(&access::read_str(addr, NAME_LIMIT)?).into_owned())
}

/// The name of the structure that a member of the device points to.
fn name_behind(device: KPtr<Device>, member: &Field, name: &Field) -> KResult<Option<String>> {
    let at = KPtr::<()>::new(member.get(device)?);
    if at.is_null() { Ok(None) } else { text(name.get(at)?).map(Some) }
}

impl Names {
    fn read(device: KPtr<Device>) -> KResult<Self> {
        let driver = name_behind(device, &DRIVER, &DRIVER_NAME)?;
        let (bus, class) = (name_behind(device, &BUS, &BUS_NAME)?, name_behind(device, &CLASS, &CLASS_NAME)?);
        let name = match INIT_NAME.get(device)? {
            0 => KOBJ_NAME.get(device)?,
            name => name,
        };
        let number: u32 = DEVT.get(device)?;
        Ok(Self {
            driver: driver.or_else(|| bus.clone()).or_else(|| class.clone()).unwrap_or_default(),
            name: text(name)?,
            subsystem: class.or(bus),
            number: (number != 0).then_some((number >> 20, number & 0xf_ffff)),
        })
    }

    fn borrowed(&self) -> DeviceName<'_> {
        let subsystem = self.subsystem.as_deref();
        DeviceName { driver: &self.driver, name: &self.name, subsystem, number: self.number, interface: None }
    }
}

/// Prints a text about a device; NULL is none. `before` stands in front of the device's names.
///
/// # Errors
/// When the device cannot be read.
pub fn print(level: i32, device: KPtr<Device>, before: &[u8], message: &[u8]) -> KResult<i32> {
    let names = if device.is_null() { None } else { Some(Names::read(device)?) };
    let borrowed = names.as_ref().map(Names::borrowed);
    let prefix = dev_prefix(borrowed.as_ref());
    let info = borrowed.map(|b| b.info());
    let line = [before, prefix.as_bytes(), message].concat();
    Ok(log::log().emit(0, level, info.as_ref(), &line) as i32)
}

/// The level in front of a text: `KERN_SOH` and a digit.
fn level_of(level: &[u8]) -> i32 {
    match level {
        [1, digit @ b'0'..=b'7', ..] => i32::from(digit - b'0'),
        _ => crate::printk::LOGLEVEL_DEFAULT,
    }
}

/// Prints a message about a device with the level that is given as text.
#[kexport(since = "5.16", header = "linux/dev_printk.h")]
fn _dev_printk(level: KStr, device: KPtr<Device>, format: KPtr, args: VarArgs) -> KResult {
    let message = env::format(format.addr(), args.0)?;
    print(level_of(level.as_bytes()), device, b"", &message).map(|_| ())
}

macro_rules! levels {
    ($($name:ident = $level:literal, $what:literal;)*) => {$(
        #[doc = concat!("Prints a message about a device: ", $what, ".")]
        #[kexport(since = "4.18", header = "linux/dev_printk.h")]
        fn $name(device: KPtr<Device>, format: KPtr, args: VarArgs) -> KResult {
            let message = env::format(format.addr(), args.0)?;
            print($level, device, b"", &message).map(|_| ())
        }
    )*};
}

levels! {
    _dev_emerg = 0, "the system is unusable";
    _dev_alert = 1, "something must be done at once";
    _dev_crit = 2, "a critical condition";
    _dev_err = 3, "an error";
    _dev_warn = 4, "a warning";
    _dev_notice = 5, "normal but worth knowing";
    _dev_info = 6, "information";
}

fn emit(level: c_int, device: KPtr<Device>, format: KPtr, args: VaList) -> KResult<c_int> {
    let message = env::format(format.addr(), args)?;
    let info = if device.is_null() { None } else { Some(Names::read(device)?.borrowed().info()) };
    Ok(log::log().emit(0, level, info.as_ref(), &message) as c_int)
}

/// Prints a message whose record says which device it is about; the text does not.
#[kexport(since = "3.5", header = "linux/dev_printk.h")]
fn dev_printk_emit(level: c_int, device: KPtr<Device>, format: KPtr, args: VarArgs) -> KResult<c_int> {
    emit(level, device, format, args.0)
}

/// [`dev_printk_emit`] with a list of arguments.
#[kexport(since = "3.5", header = "linux/dev_printk.h")]
fn dev_vprintk_emit(level: c_int, device: KPtr<Device>, format: KPtr, args: VaList) -> KResult<c_int> {
    emit(level, device, format, args)
}

/// The only argument of a format.
struct Argument(u64);

impl Args for Argument {
    fn next_slot(&mut self) -> Result<u64, Fault> {
        Ok(self.0)
    }
}

/// `%pe` of an errno.
fn error_text(error: i32) -> KResult<Vec<u8>> {
    let mut out = Vec::new();
    let mut argument = Argument(i64::from(error) as u64);
    vsnprintf(&env::Kernel, &mut out, NAME_LIMIT, b"error %pe: ", &mut argument).map_err(env::fault_of)?;
    Ok(out)
}

/// Prints why a device's probe failed and returns the error; one that is only put off is a debug message, which is
/// off.
#[kexport(since = "5.9", header = "linux/dev_printk.h", partial = "reasons for putting a probe off are not kept")]
fn dev_err_probe(device: KPtr<Device>, error: c_int, format: KPtr, args: VarArgs) -> KResult<c_int> {
    let message = env::format(format.addr(), args.0)?;
    // From 6.12 on nothing is said when there is no memory: the allocator said it.
    let silent = error == PROBE_DEFER || error == -ENOMEM.0 && env::version() >= (6, 12);
    if !silent {
        let text = [error_text(error)?, message].concat();
        print(3, device, b"", &text)?;
    }
    Ok(error)
}

/// The name of a device's driver, or else of its bus, or its class.
#[kexport(since = "2.6.24", header = "linux/device.h")]
fn dev_driver_string(device: KPtr<Device>) -> KResult<KPtr> {
    for (member, name) in [(&DRIVER, &DRIVER_NAME), (&BUS, &BUS_NAME), (&CLASS, &CLASS_NAME)] {
        let at = KPtr::<()>::new(member.get(device)?);
        if !at.is_null() {
            return Ok(KPtr::new(name.get(at)?));
        }
    }
    // One empty string is enough for all.
    static EMPTY: OnceLock<u64> = OnceLock::new();
    if let Some(empty) = EMPTY.get() {
        return Ok(KPtr::new(*empty));
    }
    let made = slab::permanent(1)?.addr();
    Ok(KPtr::new(*EMPTY.get_or_init(|| made)))
}

/// A device that a module made with [`__root_device_register`].
struct RootDevice {
    addr: u64,
    size: usize,
    name: String,
    name_addr: u64,
}

/// What it is called in reports.
const ROOT: Kind = Kind::Other("root device");

static ROOTS: Mutex<Vec<RootDevice>> = Mutex::new(Vec::new());

fn roots() -> MutexGuard<'static, Vec<RootDevice>> {
    ROOTS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The names of the devices that lie directly in /sys/devices.
pub fn root_devices() -> Vec<String> {
    roots().iter().map(|device| device.name.clone()).collect()
}

fn make_root(name: &str) -> KResult<KPtr<Device>> {
    // `struct root_device` holds the device and its owner.
    let size = size_of_struct("device")? + 8;
    let addr = heap::alloc(size).ok_or(ENOMEM)?;
    let name_addr = heap::alloc(name.len() + 1).ok_or(ENOMEM)?;
    access::fill(addr, 0, size)?;
    access::write(name_addr, &[name.as_bytes(), &[0]].concat())?;
    let device = KPtr::new(addr);
    KOBJ_NAME.put(device, name_addr)?;
    REFCOUNT.put(device, 1u32)?;
    owned::note(addr, Block::new(ROOT, 0).named(name));
    roots().push(RootDevice { addr, size, name: name.to_string(), name_addr });
    Ok(device)
}

fn register_root(name: &KStr) -> KResult<KPtr<Device>> {
    let name = name.to_string_lossy().replace('/', "!");
    if name.is_empty() {
        return Err(EINVAL.into());
    }
    if root_devices().contains(&name) {
        log::line(4, &format!("sysfs: cannot create duplicate filename '/devices/{name}'"));
        crate::fault::dump_stack();
        return Err(EEXIST.into());
    }
    make_root(&name)
}

/// Makes a device that stands at the top of a subsystem's devices.
#[kexport(since = "2.6.28", header = "linux/device.h", partial = "no sysfs files")]
fn __root_device_register(name: KStr, _owner: KPtr) -> ErrPtr<Device> {
    ErrPtr(register_root(&name))
}

/// Takes a device of [`__root_device_register`] away.
#[kexport(since = "2.6.28", header = "linux/device.h", partial = "no sysfs files")]
fn root_device_unregister(device: KPtr<Device>) -> KResult {
    unregister_root(device)
}

/// Takes a device away that [`__root_device_register`] made.
#[kexport(
    since = "2.6.0",
    header = "linux/device.h",
    gpl,
    partial = "other devices than root devices are not there yet"
)]
fn device_unregister(device: KPtr<Device>) -> KResult {
    unregister_root(device)
}

fn unregister_root(device: KPtr<Device>) -> KResult {
    if roots().iter().any(|root| root.addr == device.addr()) {
        super::devres::release_all(device)?;
    }
    let mut roots = roots();
    let at = roots.iter().position(|root| root.addr == device.addr());
    let at = at.ok_or(kabi::KError::Bug("unregistering something that is no root device"))?;
    let root = roots.remove(at);
    owned::take(ROOT, root.addr);
    heap::free(root.name_addr, root.name.len() + 1);
    heap::free(root.addr, root.size);
    Ok(())
}

#[test]
fn levels_are_read_from_the_text() {
    assert_eq!([level_of(b"\x013"), level_of(b"")], [3, crate::printk::LOGLEVEL_DEFAULT]);
}
