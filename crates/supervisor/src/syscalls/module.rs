//! `init_module`, `finit_module`, `delete_module`: what the kernel reads of its caller, in its order. Counterpart:
//! `copy_module_from_user` and the system calls of `kernel/module/main.c`, `kernel_read_file` of `fs/kernel_read_file.c`.
//!
//! A program that may load no modules is refused before anything is read of it; every later errno goes to the kernel
//! process, which may still say that it loads no modules at all.

use super::{Step, errno, pidfd, value};
use crate::caller;
use rustix::fs::{FileType, MemfdFlags, OFlags};
use rustix::process::PidfdGetfdFlags;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use sys::notify::Notification;
use wire::{Call, ModuleImage};

const EPERM: i32 = 1;
const EIO: i32 = 5;
const EBADF: i32 = 9;
const ENOMEM: i32 = 12;
const EFAULT: i32 = 14;
const EINVAL: i32 = 22;
const ETXTBSY: i32 = 26;
const EFBIG: i32 = 27;
const ENOEXEC: i32 = 8;
const ENOENT: i32 = 2;
const ENAMETOOLONG: i32 = 36;

/// The largest module, in bytes. DIFFERS: the kernel's limit is its memory, which it tells about when that is too small.
const MAX_MODULE: u64 = 512 << 20;
/// Bytes of an ELF header: less is no module.
const MIN_MODULE: u64 = 64;
/// The longest parameter string: with its NUL the largest piece of `kmalloc` memory.
const MAX_PARAMS: usize = (4 << 20) - 1;
/// The longest module name.
const MAX_NAME: usize = 55;
/// The flags of `finit_module` that there are.
const FLAGS: u32 = 7;

/// The errno that a failed step means.
fn number(error: &io::Error) -> i32 {
    error.raw_os_error().unwrap_or(EIO)
}

fn params(caught: &Notification, address: u64) -> Result<Vec<u8>, i32> {
    sys::memory::read_c_string(caught.tid, address, MAX_PARAMS).map_err(|e| match number(&e) {
        ENAMETOOLONG => ENOMEM,
        other => other,
    })
}

/// What the kernel process is asked: to load these bytes, or to say why not.
fn load(
    caught: &Notification,
    image: ModuleImage,
    file: io::Result<OwnedFd>,
    arguments: u64,
    path: Option<String>,
) -> Step {
    if !caller::may_load_modules(caught.tid) {
        return EPERM.into();
    }
    let (image, params, file) = match file {
        Ok(file) => (image, params(caught, arguments), Some(file)),
        Err(e) => (ModuleImage::Missing(number(&e)), Ok(Vec::new()), None),
    };
    let call = Call::InitModule { image, params, path };
    Step::Forward { call, file, convert: Box::new(value) }
}

/// `init_module(umod, len, uargs)`.
pub(super) fn init(caught: &Notification) -> io::Result<Step> {
    let [address, length, arguments, ..] = caught.args;
    Ok(load(caught, ModuleImage::Memory, copy(caught, address, length), arguments, None))
}

/// The caller's memory in a file.
fn copy(caught: &Notification, address: u64, length: u64) -> io::Result<OwnedFd> {
    if length < MIN_MODULE {
        return Err(errno(ENOEXEC));
    }
    if length > MAX_MODULE {
        return Err(errno(ENOMEM));
    }
    let mut file = File::from(rustix::fs::memfd_create("module", MemfdFlags::CLOEXEC)?);
    let mut at = 0;
    let mut piece = vec![0; 1 << 20];
    while at < length {
        let step = usize::try_from(length - at).unwrap_or(usize::MAX).min(piece.len());
        let from = address.checked_add(at).ok_or(errno(EFAULT))?;
        let part = piece.get_mut(..step).unwrap_or_default();
        if sys::memory::read(caught.tid, from, part)? != step {
            return Err(errno(EFAULT));
        }
        file.write_all(part)?;
        at += step as u64;
    }
    Ok(file.into())
}

/// `finit_module(fd, uargs, flags)`.
pub(super) fn finit(caught: &Notification) -> io::Result<Step> {
    let [fd, arguments, flags, ..] = caught.args;
    // The kernel looks at the low 32 bits of both.
    let (fd, flags) = (fd as u32, flags as u32);
    let path = std::fs::read_link(format!("/proc/{}/fd/{fd}", caught.tid)).ok();
    let path = path.map(|path| path.to_string_lossy().into_owned());
    let file = if flags & !FLAGS == 0 { module_file(caught, fd) } else { Err(errno(EINVAL)) };
    Ok(load(caught, ModuleImage::File { flags }, file, arguments, path))
}

/// The caller's file, if a module can be read from it. The copy shares the caller's file position, which must not
/// move: the kernel process reads by offset.
fn module_file(caught: &Notification, fd: u32) -> io::Result<OwnedFd> {
    let number = i32::try_from(fd).map_err(|_| errno(EBADF))?;
    let pidfd = pidfd(caught.tid).ok_or(errno(EBADF))?;
    let file = rustix::process::pidfd_getfd(&pidfd, number, PidfdGetfdFlags::empty())?;
    let opened = rustix::fs::fcntl_getfl(&file)?;
    if opened.contains(OFlags::PATH) || opened & OFlags::ACCMODE == OFlags::WRONLY {
        return Err(errno(EBADF));
    }
    // Files of the faces tell nothing to who is outside; they are of no size, and so no modules.
    let stat = rustix::fs::fstat(&file).map_err(|_| errno(EINVAL))?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(errno(EINVAL));
    }
    if sys::file::is_open_for_writing(&file) {
        return Err(errno(ETXTBSY));
    }
    match stat.st_size {
        ..=0 => Err(errno(EINVAL)),
        size if size > i64::from(i32::MAX) => Err(errno(EFBIG)),
        size if size.unsigned_abs() > MAX_MODULE => Err(errno(ENOMEM)),
        _ => Ok(file),
    }
}

/// `delete_module(name, flags)`.
pub(super) fn delete(caught: &Notification) -> io::Result<Step> {
    let [name, flags, ..] = caught.args;
    if !caller::may_load_modules(caught.tid) {
        return Ok(EPERM.into());
    }
    let name = sys::memory::read_c_string(caught.tid, name, MAX_NAME).map_err(|e| match number(&e) {
        // No module has such a name.
        ENAMETOOLONG => ENOENT,
        other => other,
    });
    Ok(Step::Forward { call: Call::DeleteModule { name, flags: flags as u32 }, file: None, convert: Box::new(value) })
}
