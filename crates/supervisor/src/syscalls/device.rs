//! What an open device of the instance cannot do as the regular file that it is to Linux ([`crate::faces`], `twin.rs`):
//! `lseek`, `pread`, `pwrite`, `fstat` and kin (caught by [`super::elsewhere`], too), `ftruncate`, reads and writes of no bytes or
//! with a null pointer, and the ioctls that Linux answers itself for regular files.
//!
//! While no device of the instance is open anywhere, each of these calls goes on at once.

use super::{Step, errno, number, pidfd, write_back};
use crate::faces::twin::{self, Twin};
use crate::faces::{self, type_of};
use rustix::process::PidfdGetfdFlags;
use std::io;
use sys::notify::{Notification, Response};
use sys::seccomp::{Action, Filter, Test};
use wire::{Answer, Attr, Call, VfsCall, VfsReply};

const EFAULT: i32 = 14;
const EINVAL: i32 = 22;
const EIO: i32 = 5;

/// Addresses below this are in no program's memory (`vm.mmap_min_addr` is never lower).
const LOWEST: u32 = 4096;
/// Reads and writes of no bytes, and those with a null pointer or nearly one: Linux answers them itself before it asks FUSE.
const NOT_FOR_FUSE: &[(u32, Test<'static>)] = &[(2, Test::OneOf(&[0])), (1, Test::Below(LOWEST))];

/// The most bytes of one `pread` or `pwrite`; more is done in parts by whoever wants more.
const MAX_TRANSFER: u64 = 1 << 20;
/// `struct statx`, and the bits of what is always filled in.
const STATX_SIZE: usize = 256;
const STATX_BASIC_STATS: u32 = 0x7ff;

/// Ioctls that Linux answers itself for regular files, in `fs/ioctl.c`: FIBMAP, FIONREAD, FIOQSIZE, the space
/// reservations of XFS, FIEMAP, FICLONE, FICLONERANGE, FIDEDUPERANGE, the four of file attributes.
const OF_REGULAR_FILES: &[u32] = &[
    1,
    0x541b,
    0x5460,
    0x4030_5828,
    0x4030_582a,
    0x4030_5829,
    0x4030_582b,
    0x4030_5839,
    0xc020_660b,
    0x4004_9409,
    0x4020_940d,
    0xc018_9436,
    0x8008_6601,
    0x4008_6602,
    0x801c_581f,
    0x401c_5820,
];

/// Catches these calls, where the arguments do not say already that they cannot be meant.
pub(super) fn rules(mut filter: Filter) -> Filter {
    use number::{FSTAT, FTRUNCATE, IOCTL, LSEEK, PREAD, PWRITE, READ, WRITE};
    for call in [FSTAT, LSEEK, PREAD, PWRITE, FTRUNCATE] {
        filter = filter.rule(call.into(), Action::Notify);
    }
    filter
        .rule_if_any(READ.into(), NOT_FOR_FUSE, Action::Notify)
        .rule_if_any(WRITE.into(), NOT_FOR_FUSE, Action::Notify)
        .rule_if(IOCTL.into(), 1, Test::OneOf(OF_REGULAR_FILES), Action::Notify)
}

/// An open device.
struct Device {
    twin: Twin,
    handle: u64,
    flags: u32,
}

fn device(caught: &Notification, faces: Option<&faces::Session>) -> Option<Device> {
    let faces = faces.filter(|faces| !faces.twins.none_open())?;
    let (twin, flags) = twin::of_descriptor(caught.tid, caught.args[0])?;
    let twin = faces.twins.get(twin)?;
    Some(Device { twin, handle: twin.handle?, flags })
}

/// Answers a call that is none of the others.
pub(super) fn answer(caught: &Notification, faces: Option<&faces::Session>) -> io::Result<Step> {
    let Some(device) = device(caught, faces) else { return Ok(Step::Respond(Response::Continue)) };
    let [_, a, b, _, d, ..] = caught.args;
    match caught.number {
        number::LSEEK => {
            Ok(forward(VfsCall::Seek { handle: device.handle, offset: a as i64, whence: b as u32 }, |reply| {
                if let VfsReply::Value(at) = reply { Response::Value(at) } else { Response::Errno(EIO) }
            }))
        }
        number::READ if b == 0 => {
            let call = VfsCall::Read { handle: device.handle, offset: 0, size: 0, flags: device.flags };
            Ok(forward(call, |_| Response::Value(0)))
        }
        number::WRITE if b == 0 => {
            let call = VfsCall::Write { handle: device.handle, offset: 0, data: Vec::new(), flags: device.flags };
            Ok(forward(call, |_| Response::Value(0)))
        }
        number::READ | number::WRITE if a < LOWEST.into() => {
            let (handle, flags) = (device.handle, device.flags);
            let (size, write) = (b.min(MAX_TRANSFER) as u32, caught.number == number::WRITE);
            Ok(forward(VfsCall::BadBuffer { handle, buffer: a, size, write, flags }, |reply| match reply {
                VfsReply::Value(done) => Response::Value(done),
                _ => Response::Errno(EIO),
            }))
        }
        number::PREAD => read_at(caught, &device),
        number::PWRITE => write_at(caught, &device),
        number::FTRUNCATE => Ok(EINVAL.into()),
        number::IOCTL => {
            let call = VfsCall::Ioctl { handle: device.handle, command: a as u32, argument: b, compat: false };
            Ok(forward(call, |reply| match reply {
                // The kernel's functions return an int.
                VfsReply::Value(value) => Response::Value(i64::from(value as i32)),
                _ => Response::Errno(EIO),
            }))
        }
        number::FSTAT => stat(caught, &device, a, stat_bytes),
        number::NEWFSTATAT if is_empty(caught, a) => stat(caught, &device, b, stat_bytes),
        number::STATX if is_empty(caught, a) => stat(caught, &device, d, statx_bytes),
        _ => Ok(Step::Respond(Response::Continue)),
    }
}

/// Whether the path at an address names the descriptor itself. Since 6.11 a null pointer does, too.
fn is_empty(caught: &Notification, path: u64) -> bool {
    path == 0 || sys::memory::read_c_string(caught.tid, path, 0).is_ok()
}

pub(super) fn forward(call: VfsCall, convert: impl FnOnce(VfsReply) -> Response + Send + 'static) -> Step {
    let convert = Box::new(move |answer| match answer {
        Answer::Vfs(reply) => convert(reply),
        _ => Response::Errno(EIO),
    });
    Step::Forward { call: Call::Vfs(call), file: None, convert }
}

/// `pread64(fd, buf, count, pos)`.
fn read_at(caught: &Notification, device: &Device) -> io::Result<Step> {
    let [_, buffer, count, offset, ..] = caught.args;
    let (size, offset) = (count.min(MAX_TRANSFER) as u32, position(offset)?);
    let tid = caught.tid;
    let call = VfsCall::ReadAt { handle: device.handle, offset, size, flags: device.flags };
    Ok(forward(call, move |reply| match reply {
        VfsReply::Data(mut data) => {
            data.truncate(size as usize);
            write_back(tid, buffer, &data, data.len())
        }
        _ => Response::Errno(EIO),
    }))
}

/// `pwrite64(fd, buf, count, pos)`.
fn write_at(caught: &Notification, device: &Device) -> io::Result<Step> {
    let [_, buffer, count, offset, ..] = caught.args;
    let offset = position(offset)?;
    let mut data = vec![0; count.min(MAX_TRANSFER) as usize];
    if !data.is_empty() && sys::memory::read(caught.tid, buffer, &mut data)? != data.len() {
        return Err(errno(EFAULT));
    }
    let call = VfsCall::WriteAt { handle: device.handle, offset, data, flags: device.flags };
    Ok(forward(call, |reply| match reply {
        VfsReply::Written(taken) => Response::Value(taken.into()),
        _ => Response::Errno(EIO),
    }))
}

fn position(offset: u64) -> io::Result<u64> {
    if offset.cast_signed() < 0 { Err(errno(EINVAL)) } else { Ok(offset) }
}

/// Makes the structure that a call fills in.
pub(super) type ToBytes = fn(&Attr, u64, (u32, u32)) -> Vec<u8>;

/// Any `stat` of the descriptor itself: the device's node, on the file system that the descriptor is on.
fn stat(caught: &Notification, device: &Device, buffer: u64, to_bytes: ToBytes) -> io::Result<Step> {
    let tid = caught.tid;
    let number = i32::try_from(caught.args[0] as u32).map_err(|_| errno(EINVAL))?;
    let pidfd = pidfd(tid).ok_or(errno(EIO))?;
    let file = rustix::process::pidfd_getfd(&pidfd, number, PidfdGetfdFlags::empty())?;
    // Of all that stat tells, FUSE gives a process outside only this.
    let nothing = rustix::fs::StatxFlags::empty();
    let of_host = rustix::fs::statx(&file, "", rustix::fs::AtFlags::EMPTY_PATH, nothing)?;
    let dev = (of_host.stx_dev_major, of_host.stx_dev_minor);
    let call = VfsCall::GetAttr { node: device.twin.node };
    Ok(forward(call, move |reply| match reply {
        VfsReply::Attr(attr) => write_back(tid, buffer, &to_bytes(&attr, faces::number_of(attr.node), dev), 0),
        _ => Response::Errno(EIO),
    }))
}

/// `struct stat` of x86-64.
pub(super) fn stat_bytes(attr: &Attr, ino: u64, dev: (u32, u32)) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(144);
    bytes.extend(rustix::fs::makedev(dev.0, dev.1).to_ne_bytes());
    bytes.extend(ino.to_ne_bytes());
    bytes.extend(u64::from(attr.nlink).to_ne_bytes());
    for word in [type_of(attr.kind) | attr.mode & 0o7777, attr.uid, attr.gid, 0] {
        bytes.extend(word.to_ne_bytes());
    }
    for word in [attr.rdev, attr.size, 4096, 0] {
        bytes.extend(word.to_ne_bytes());
    }
    for _ in 0..3 {
        bytes.extend(attr.mtime_s.to_ne_bytes());
        bytes.extend(0_u64.to_ne_bytes());
    }
    bytes.resize(144, 0);
    bytes
}

/// `struct statx`.
pub(super) fn statx_bytes(attr: &Attr, ino: u64, dev: (u32, u32)) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(STATX_SIZE);
    for word in [STATX_BASIC_STATS, 4096, 0, 0, attr.nlink, attr.uid, attr.gid] {
        bytes.extend(word.to_ne_bytes());
    }
    bytes.extend((type_of(attr.kind) | attr.mode & 0o7777).to_ne_bytes());
    for word in [ino, attr.size, 0, 0] {
        bytes.extend(word.to_ne_bytes());
    }
    // Access, birth (not known), change, modification.
    for time in [attr.mtime_s, 0, attr.mtime_s, attr.mtime_s] {
        bytes.extend(time.to_ne_bytes());
        bytes.extend(0_u64.to_ne_bytes());
    }
    for word in [rustix::fs::major(attr.rdev), rustix::fs::minor(attr.rdev), dev.0, dev.1] {
        bytes.extend(word.to_ne_bytes());
    }
    bytes.resize(STATX_SIZE, 0);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::FileKind;

    fn attr() -> Attr {
        let rdev = rustix::fs::makedev(240, 3);
        Attr {
            node: 5,
            kind: FileKind::CharDevice,
            mode: 0o640,
            uid: 1,
            gid: 2,
            size: 7,
            nlink: 1,
            rdev,
            mtime_s: 9,
            blksize: 4096,
        }
    }

    fn word(bytes: &[u8], at: usize) -> u32 {
        u32::from_ne_bytes(bytes[at..at + 4].try_into().unwrap())
    }

    #[test]
    fn a_stat_has_its_members_in_their_places() {
        let bytes = stat_bytes(&attr(), 77, (0, 60));
        assert_eq!(bytes.len(), size_of::<rustix::fs::Stat>());
        let at = |offset: usize| word(&bytes, offset);
        assert_eq!((at(0), at(8), at(16), at(24), at(28), at(32)), (60, 77, 1, 0o020_640, 1, 2));
        assert_eq!((at(40), at(48), at(56), at(88)), (240 << 8 | 3, 7, 4096, 9));
    }

    #[test]
    fn a_statx_has_its_members_in_their_places() {
        let bytes = statx_bytes(&attr(), 77, (0, 60));
        let at = |offset: usize| word(&bytes, offset);
        assert_eq!(bytes.len(), 256);
        assert_eq!((at(0), at(16), at(20), at(24), at(28) & 0xffff), (0x7ff, 1, 1, 2, 0o020_640));
        assert_eq!((at(32), at(40), at(64), at(112)), (77, 7, 9, 9));
        assert_eq!((at(128), at(132), at(136), at(140)), (240, 3, 0, 60));
    }
}
