//! `init_module`, `finit_module`, `delete_module`. Counterpart: `kernel/module/main.c`.

use super::{Step, errno, pidfd, value};
use rustix::fs::MemfdFlags;
use rustix::process::PidfdGetfdFlags;
use std::fs::File;
use std::io::{self, Write};
use sys::notify::Notification;
use wire::Call;

const EBADF: i32 = 9;
const EFAULT: i32 = 14;
const ENOEXEC: i32 = 8;
const ENOENT: i32 = 2;
const ENAMETOOLONG: i32 = 36;

/// The largest module that is taken from a caller's memory, in bytes.
const MAX_MODULE: u64 = 512 << 20;
/// The longest parameter string and module name, in bytes.
const MAX_PARAMS: usize = 1 << 20;
const MAX_NAME: usize = 55;

fn params(caught: &Notification, address: u64) -> io::Result<Vec<u8>> {
    sys::memory::read_c_string(caught.tid, address, MAX_PARAMS)
}

/// `init_module(umod, len, uargs)`.
pub(super) fn init(caught: &Notification) -> io::Result<Step> {
    let [address, length, arguments, ..] = caught.args;
    if length > MAX_MODULE {
        return Err(errno(ENOEXEC));
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
    let call = Call::InitModule { params: params(caught, arguments)?, flags: 0, path: None };
    Ok(Step::Forward { call, file: Some(file.into()), convert: Box::new(value) })
}

/// `finit_module(fd, uargs, flags)`.
pub(super) fn finit(caught: &Notification) -> io::Result<Step> {
    let [fd, arguments, flags, ..] = caught.args;
    // The kernel looks at the low 32 bits of both.
    let (fd, flags) = (fd as u32, flags as u32);
    let params = params(caught, arguments)?;
    let number = i32::try_from(fd).map_err(|_| errno(EBADF))?;
    let pidfd = pidfd(caught.tid).ok_or(errno(EBADF))?;
    let file = rustix::process::pidfd_getfd(&pidfd, number, PidfdGetfdFlags::empty())?;
    let path = std::fs::read_link(format!("/proc/{}/fd/{fd}", caught.tid)).ok();
    let path = path.map(|path| path.to_string_lossy().into_owned());
    // The copy shares the caller's file position, which must not move: the kernel process reads by offset.
    let call = Call::InitModule { params, flags, path };
    Ok(Step::Forward { call, file: Some(file), convert: Box::new(value) })
}

/// `delete_module(name, flags)`.
pub(super) fn delete(caught: &Notification) -> io::Result<Step> {
    let [name, flags, ..] = caught.args;
    let name = match sys::memory::read_c_string(caught.tid, name, MAX_NAME) {
        // No module has such a name.
        Err(e) if e.raw_os_error() == Some(ENAMETOOLONG) => return Err(errno(ENOENT)),
        other => other?,
    };
    Ok(Step::Forward { call: Call::DeleteModule { name, flags: flags as u32 }, file: None, convert: Box::new(value) })
}
