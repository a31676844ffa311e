//! Who has which character device numbers. Counterpart: fs/char_dev.c.

use super::cdev::{self, Cdev};
use super::{Dev, MINOR_MASK, device, major, minor, misc};
use crate::log;
use crate::mm::owned::{self, Block, Kind};
use kabi::errno::{EBUSY, EINVAL};
use kabi::{KPtr, KResult, KStr, Out, c_int, c_uint, exports, kexport};
use std::sync::{Mutex, MutexGuard, PoisonError};

exports![register_chrdev_region, alloc_chrdev_region, unregister_chrdev_region, __register_chrdev, __unregister_chrdev];

/// `CHRDEV_MAJOR_MAX`
const MAJORS: u32 = 512;
/// Where majors that the kernel chooses are taken from, the first ones first (Documentation/admin-guide/devices.txt).
const DYNAMIC: [std::ops::RangeInclusive<u32>; 2] = [234..=254, 384..=511];
/// Bytes of a region's name, with its end.
const NAME: usize = 64;
/// What it is called in reports.
const REGION: Kind = Kind::Other("character device numbers");

#[derive(Debug, Clone)]
struct Region {
    major: u32,
    first: u32,
    count: u32,
    name: String,
    /// The device that came with the numbers (`__register_chrdev`).
    device: Option<KPtr<Cdev>>,
}

impl Region {
    fn overlaps(&self, first: u32, count: u32) -> bool {
        self.first < first.saturating_add(count) && first < self.first.saturating_add(self.count)
    }
}

/// Sorted by major and first minor.
static REGIONS: Mutex<Vec<Region>> = Mutex::new(Vec::new());

fn regions() -> MutexGuard<'static, Vec<Region>> {
    let mut regions = REGIONS.lock().unwrap_or_else(PoisonError::into_inner);
    if regions.is_empty() {
        // Never empty from now on: nobody gives these back.
        for (major, name) in [(1, "mem"), (misc::MAJOR, "misc")] {
            regions.push(Region { major, first: 0, count: 256, name: name.to_string(), device: None });
        }
    }
    regions
}

/// Majors and names for /proc/devices.
pub fn list() -> Vec<(u32, String)> {
    regions().iter().map(|region| (region.major, region.name.clone())).collect()
}

/// Takes a range of minors of one major, or of a major that is free if it is 0 (`__register_chrdev_region`): the major.
fn take(wanted: u32, first: u32, count: u32, name: &str) -> KResult<u32> {
    let mut regions = regions();
    let major = if wanted == 0 {
        let free = |major: &u32| regions.iter().all(|region| region.major != *major);
        let Some(major) = DYNAMIC.into_iter().flat_map(Iterator::rev).find(free) else {
            log::line(3, &format!("CHRDEV \"{name}\" dynamic allocation region is full"));
            return Err(EBUSY.into());
        };
        major
    } else {
        wanted
    };
    if major >= MAJORS {
        let limit = MAJORS - 1;
        log::line(3, &format!("CHRDEV \"{name}\" major requested ({major}) is greater than the maximum ({limit})"));
        return Err(EINVAL.into());
    }
    if count > (MINOR_MASK + 1).wrapping_sub(first) {
        let last = first.wrapping_add(count).wrapping_sub(1);
        log::line(
            3,
            &format!(
                "CHRDEV \"{name}\" minor range requested ({first}-{last}) is out of range of maximum range (0-{MINOR_MASK}) \
                 for a single major"
            ),
        );
        return Err(EINVAL.into());
    }
    if regions.iter().any(|region| region.major == major && region.overlaps(first, count)) {
        return Err(EBUSY.into());
    }
    let at = regions.partition_point(|region| (region.major, region.first) < (major, first));
    let name: String = name.chars().scan(0, |len, c| (*len += c.len_utf8(), *len < NAME).1.then_some(c)).collect();
    let noted = Block::new(REGION, 0).named(&name);
    regions.insert(at, Region { major, first, count, name, device: None });
    drop(regions);
    owned::note(device(major, first).into(), noted);
    Ok(major)
}

/// Gives exactly this range back.
fn give(major: u32, first: u32, count: u32) -> Option<Region> {
    let mut regions = regions();
    let at = regions.iter().position(|r| (r.major, r.first, r.count) == (major, first, count))?;
    let region = regions.remove(at);
    drop(regions);
    owned::take(REGION, device(major, first).into());
    Some(region)
}

/// The parts of a range of numbers that lie in one major each: major, first minor, count.
fn parts(from: Dev, count: c_uint) -> Vec<(u32, u32, u32)> {
    let (mut at, end) = (u64::from(from), u64::from(from) + u64::from(count));
    let mut parts = Vec::new();
    while at < end && at <= u64::from(u32::MAX) {
        let next = (u64::from(major(at as u32)) + 1) << super::MINOR_BITS;
        parts.push((major(at as u32), minor(at as u32), (next.min(end) - at) as u32));
        at = next;
    }
    parts
}

/// Takes a range of device numbers.
///
/// # Errors
/// `EBUSY`: somebody has some of them. `EINVAL`: there are no such numbers.
#[kexport(since = "2.6.0", header = "linux/fs.h")]
fn register_chrdev_region(from: Dev, count: c_uint, name: KStr) -> KResult<c_int> {
    let parts = parts(from, count);
    for (i, (major, first, count)) in parts.iter().enumerate() {
        if let Err(e) = take(*major, *first, *count, &name.to_string_lossy()) {
            parts.iter().take(i).for_each(|(major, first, count)| drop(give(*major, *first, *count)));
            return Err(e);
        }
    }
    Ok(0)
}

/// Takes minors of a major that nobody has; `*dev` is the first number.
///
/// # Errors
/// As [`register_chrdev_region`].
#[kexport(since = "2.6.0", header = "linux/fs.h")]
fn alloc_chrdev_region(dev: Out<Dev>, first: c_uint, count: c_uint, name: KStr) -> KResult<c_int> {
    let major = take(0, first, count, &name.to_string_lossy())?;
    dev.set(device(major, first))?;
    Ok(0)
}

/// Gives a range of device numbers back.
#[kexport(since = "2.6.0", header = "linux/fs.h")]
fn unregister_chrdev_region(from: Dev, count: c_uint) {
    parts(from, count).into_iter().for_each(|(major, first, count)| drop(give(major, first, count)));
}

/// Takes minors of a major (a free one if it is 0) and makes a device for them (`register_chrdev`): 0, or the major that
/// was chosen.
///
/// # Errors
/// As [`register_chrdev_region`].
#[kexport(
    since = "2.6.31",
    header = "linux/fs.h",
    partial = "flush, mmap, fasync, read_iter and write_iter of a device are not called"
)]
fn __register_chrdev(wanted: c_uint, first: c_uint, count: c_uint, name: KStr, ops: KPtr) -> KResult<c_int> {
    let major = take(wanted, first, count, &name.to_string_lossy())?;
    let made = cdev::make(ops).and_then(|made| cdev::add(made, device(major, first), count).map(|()| made));
    match made {
        Ok(made) => {
            let mut regions = regions();
            let mut all = regions.iter_mut();
            if let Some(region) = all.find(|r| (r.major, r.first, r.count) == (major, first, count)) {
                region.device = Some(made);
            }
            Ok(if wanted == 0 { major as c_int } else { 0 })
        }
        Err(e) => {
            give(major, first, count);
            Err(e)
        }
    }
}

/// Undoes [`__register_chrdev`].
#[kexport(since = "2.6.31", header = "linux/fs.h")]
fn __unregister_chrdev(major: c_uint, first: c_uint, count: c_uint, _name: KPtr) {
    if let Some(device) = give(major, first, count).and_then(|region| region.device) {
        cdev::remove(device);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_falls_into_majors() {
        assert_eq!(parts(device(5, 3), 2), [(5, 3, 2)]);
        assert_eq!(parts(device(5, MINOR_MASK), 3), [(5, MINOR_MASK, 1), (6, 0, 2)]);
        assert_eq!(parts(u32::MAX, 9).len(), 1);
        assert!(parts(7, 0).is_empty());
    }

    #[test]
    fn ranges_overlap_where_they_share_a_number() {
        let region = Region { major: 9, first: 10, count: 5, name: String::new(), device: None };
        let overlaps =
            [(0, 10), (0, 11), (14, 1), (15, 1), (0, 99)].map(|(first, count)| region.overlaps(first, count));
        assert_eq!(overlaps, [false, true, true, false, true]);
    }
}
