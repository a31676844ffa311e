//! Drivers of buses on which there is no device. Counterpart: drivers/base/{bus,driver,platform}.c, drivers/pci/pci-driver.c,
//! drivers/i2c/i2c-core-base.c, drivers/spi/spi.c, drivers/input/serio/serio.c.
//!
//! An instance has none of these buses' devices, so a driver that is registered waits, as on a machine without them: its
//! probe function is never called. A second driver of a name is refused.

use crate::log;
use crate::mm::owned::{self, Block, Kind};
use kabi::errno::EBUSY;
use kabi::{Field, KPtr, KResult, c_int, exports, kexport};
use machine::access;
use std::sync::{Mutex, MutexGuard, PoisonError};

exports![
    __pci_register_driver,
    pci_unregister_driver,
    i2c_register_driver,
    i2c_del_driver,
    __platform_driver_register,
    platform_driver_unregister,
    __spi_register_driver,
    __serio_register_driver,
    serio_unregister_driver,
    driver_unregister
];

/// A bus: its name, what its drivers are called in reports, and where they have their `struct device_driver`.
#[derive(Debug)]
struct Bus {
    name: &'static str,
    kind: Kind,
    driver: Field,
}

const fn bus(name: &'static str, kind: &'static str, structure: &'static str) -> Bus {
    Bus { name, kind: Kind::Other(kind), driver: Field::new(structure, "driver") }
}

static PCI: Bus = bus("pci", "PCI driver", "pci_driver");
static I2C: Bus = bus("i2c", "I2C driver", "i2c_driver");
static PLATFORM: Bus = bus("platform", "platform driver", "platform_driver");
static SPI: Bus = bus("spi", "SPI driver", "spi_driver");
static SERIO: Bus = bus("serio", "serio driver", "serio_driver");

static NAME: Field = Field::new("device_driver", "name");
static OWNER: Field = Field::new("device_driver", "owner");

/// A registered driver.
#[derive(Debug)]
struct Driver {
    bus: &'static Bus,
    name: Vec<u8>,
    addr: u64,
    /// Its `struct device_driver`.
    driver: u64,
}

static DRIVERS: Mutex<Vec<Driver>> = Mutex::new(Vec::new());

fn drivers() -> MutexGuard<'static, Vec<Driver>> {
    DRIVERS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Registers the driver whose own structure lies at `addr`.
fn register(bus: &'static Bus, addr: KPtr, name: Option<u64>, owner: KPtr) -> KResult<c_int> {
    let driver = bus.driver.of(addr)?;
    if let Some(name) = name {
        NAME.put(driver, name)?;
    }
    OWNER.put(driver, owner.addr())?;
    let name = access::read_str(NAME.get(driver)?, 256)?;
    let text = String::from_utf8_lossy(&name).into_owned();
    // Nothing is said while the list is held.
    if !add(Driver { bus, name, addr: addr.addr(), driver: driver.addr() }) {
        log::line(3, &format!("Error: Driver '{text}' is already registered, aborting..."));
        return Err(EBUSY.into());
    }
    owned::note(addr.addr(), Block::new(bus.kind, 0).named(&text));
    Ok(0)
}

/// False if the bus has a driver of the name.
fn add(new: Driver) -> bool {
    let mut drivers = drivers();
    let free = drivers.iter().all(|d| d.bus.name != new.bus.name || d.name != new.name);
    if free {
        drivers.push(new);
    }
    free
}

fn unregister(goes: impl Fn(&Driver) -> bool) {
    let gone: Vec<Driver> = drivers().extract_if(.., |driver| goes(driver)).collect();
    for driver in gone {
        owned::take(driver.bus.kind, driver.addr);
    }
}

fn unregister_from(bus: &'static Bus, addr: KPtr) {
    unregister(|driver| driver.bus.name == bus.name && driver.addr == addr.addr());
}

/// Takes a driver out by its common part, as inline code of some buses does.
#[kexport(gpl, since = "2.6.0", header = "linux/device/driver.h")]
fn driver_unregister(driver: KPtr) {
    unregister(|known| known.driver == driver.addr());
}

/// Registers a driver of PCI devices.
///
/// # Errors
/// `EBUSY`: there is one of its name.
#[kexport(
    since = "2.6.23",
    header = "linux/pci.h",
    partial = "there are no PCI devices, and nothing of it in /sys/bus"
)]
fn __pci_register_driver(driver: KPtr, owner: KPtr, _module_name: KPtr) -> KResult<c_int> {
    static NAME: Field = Field::new("pci_driver", "name");
    register(&PCI, driver, Some(NAME.get(driver)?), owner)
}

/// Takes a driver of PCI devices out.
#[kexport(since = "2.6.0", header = "linux/pci.h")]
fn pci_unregister_driver(driver: KPtr) {
    unregister_from(&PCI, driver);
}

/// Registers a driver of I2C devices.
///
/// # Errors
/// `EBUSY`: there is one of its name.
#[kexport(
    since = "2.6.18",
    header = "linux/i2c.h",
    partial = "there are no I2C devices, and nothing of it in /sys/bus"
)]
fn i2c_register_driver(owner: KPtr, driver: KPtr) -> KResult<c_int> {
    register(&I2C, driver, None, owner)
}

/// Takes a driver of I2C devices out.
#[kexport(since = "2.6.0", header = "linux/i2c.h")]
fn i2c_del_driver(driver: KPtr) {
    unregister_from(&I2C, driver);
}

/// Registers a driver of platform devices.
///
/// # Errors
/// `EBUSY`: there is one of its name.
#[kexport(
    gpl,
    since = "3.10",
    header = "linux/platform_device.h",
    partial = "there are no platform devices, and nothing of it in /sys/bus"
)]
fn __platform_driver_register(driver: KPtr, owner: KPtr) -> KResult<c_int> {
    register(&PLATFORM, driver, None, owner)
}

/// Takes a driver of platform devices out.
#[kexport(gpl, since = "2.6.15", header = "linux/platform_device.h")]
fn platform_driver_unregister(driver: KPtr) {
    unregister_from(&PLATFORM, driver);
}

/// Registers a driver of SPI devices.
///
/// # Errors
/// `EBUSY`: there is one of its name.
#[kexport(
    gpl,
    since = "4.0",
    header = "linux/spi/spi.h",
    partial = "there are no SPI devices, and nothing of it in /sys/bus"
)]
fn __spi_register_driver(owner: KPtr, driver: KPtr) -> KResult<c_int> {
    register(&SPI, driver, None, owner)
}

/// Registers a driver of serial input devices.
///
/// # Errors
/// `EBUSY`: there is one of its name.
#[kexport(
    since = "2.6.30",
    header = "linux/serio.h",
    partial = "there are no serio ports, and nothing of it in /sys/bus"
)]
fn __serio_register_driver(driver: KPtr, owner: KPtr, _module_name: KPtr) -> KResult<c_int> {
    register(&SERIO, driver, None, owner)
}

/// Takes a driver of serial input devices out.
#[kexport(since = "2.6.0", header = "linux/serio.h")]
fn serio_unregister_driver(driver: KPtr) {
    unregister_from(&SERIO, driver);
}

#[test]
fn names_are_taken_once_for_each_bus() {
    let driver = |bus, addr| Driver { bus, name: b"one".to_vec(), addr, driver: addr + 8 };
    assert!(add(driver(&PCI, 0x1000)) && add(driver(&I2C, 0x2000)));
    assert!(!add(driver(&PCI, 0x3000)));
    unregister_from(&PCI, KPtr::new(0x1000));
    assert!(add(driver(&PCI, 0x3000)));
    driver_unregister(KPtr::new(0x3008));
    assert!(add(driver(&PCI, 0x1000)));
}
