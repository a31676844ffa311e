//! Character devices. Counterpart: fs/char_dev.c.
//!
//! - [`numbers`]: who has which device numbers (/proc/devices);
//! - [`cdev`]: which device answers for a number;
//! - `open`: opening a device;
//! - [`misc`]: devices that share major 10.
//!
//! What an open device then does is in [`crate::vfs`].

pub mod cdev;
pub mod misc;
pub mod numbers;
mod open;

pub use open::open;

/// `MINORBITS`
const MINOR_BITS: u32 = 20;
/// `MINORMASK`
const MINOR_MASK: u32 = (1 << MINOR_BITS) - 1;

/// The kernel's `dev_t`.
pub(crate) type Dev = u32;

/// `MKDEV`
fn device(major: u32, minor: u32) -> Dev {
    major << MINOR_BITS | minor
}

/// `MAJOR`
fn major(dev: Dev) -> u32 {
    dev >> MINOR_BITS
}

/// `MINOR`
fn minor(dev: Dev) -> u32 {
    dev & MINOR_MASK
}

/// A device number as `makedev(3)` packs it, if the kernel can have it.
fn of_rdev(rdev: u64) -> Option<Dev> {
    let major = (rdev >> 8 & 0xfff | rdev >> 32 & 0xffff_f000) as u32;
    let minor = (rdev & 0xff | rdev >> 12 & 0xffff_ff00) as u32;
    (major < 1 << (32 - MINOR_BITS) && minor <= MINOR_MASK).then(|| device(major, minor))
}

/// A device number as `makedev(3)` packs it.
fn to_rdev(dev: Dev) -> u64 {
    let (major, minor) = (u64::from(major(dev)), u64::from(minor(dev)));
    minor & 0xff | major << 8 | (minor & !0xff) << 12
}

#[test]
fn numbers_are_repacked() {
    assert_eq!(of_rdev(1 << 8 | 11), Some(device(1, 11)));
    assert_eq!(of_rdev(u64::MAX), None);
    for dev in [device(10, 127), device(10, 300), device(0xfff, MINOR_MASK)] {
        assert_eq!(of_rdev(to_rdev(dev)), Some(dev));
    }
    assert_eq!(of_rdev(0x1234_5689), Some(device(0x456, 0x12389)));
}
