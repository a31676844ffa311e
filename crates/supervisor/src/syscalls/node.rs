//! `mknod` of devices, which Linux refuses in a user namespace before it asks the file system. Below /dev the kernel process
//! makes the node; how it is made elsewhere stands in [`elsewhere`].
//!
//! DIFFERS: a path that leads to /dev through a symbolic link is not followed.

use super::elsewhere::{self, AT_FDCWD, Nodes};
use super::{Step, errno, value_of_done};
use std::io;
use sys::notify::{Notification, Response};
use sys::seccomp::{Action, Filter, Test};
use wire::{Call, FileKind, VfsCall};

const MAX_PATH: usize = 4095;
const S_IFMT: u32 = 0o170_000;
const S_IFCHR: u32 = 0o020_000;
const S_IFBLK: u32 = 0o060_000;

/// Catches the calls that make devices: both kinds have the bit of the first.
pub(super) fn rules(filter: Filter) -> Filter {
    filter.rule_if(super::number::MKNOD.into(), 1, Test::Has(S_IFCHR), Action::Notify).rule_if(
        super::number::MKNODAT.into(),
        2,
        Test::Has(S_IFCHR),
        Action::Notify,
    )
}

/// `mknod(path, mode, dev)`, `mknodat(dirfd, path, mode, dev)`.
pub(super) fn make(caught: &Notification, nodes: &Nodes) -> io::Result<Step> {
    let (dir, path, mode, dev) = match caught.args {
        [path, mode, dev, ..] if caught.number == super::number::MKNOD => (AT_FDCWD, path, mode, dev),
        [dir, path, mode, dev, ..] => (dir as i32, path, mode, dev),
    };
    let kind = match mode as u32 & S_IFMT {
        S_IFCHR => FileKind::CharDevice,
        S_IFBLK => FileKind::BlockDevice,
        _ => return Ok(Step::Respond(Response::Continue)),
    };
    let given = sys::memory::read_c_string(caught.tid, path, MAX_PATH)?;
    let mode = mode as u32 & 0o7777 & !mask(caught.tid);
    let rdev = decoded(dev as u32);
    let Some(path) = below_dev(caught.tid, dir, &given)? else {
        let made = elsewhere::make(caught, (dir, &given), (kind, mode, rdev), nodes)?;
        return Ok(made.unwrap_or(Step::Respond(Response::Continue)));
    };
    let call = VfsCall::MakeNode { path, kind, mode, rdev };
    Ok(Step::Forward { call: Call::Vfs(call), file: None, convert: Box::new(value_of_done) })
}

const ENOENT: i32 = 2;

/// The path below /dev that a path of the caller's means by its text; `None` for any other.
fn below_dev(tid: u32, dir: i32, path: &[u8]) -> io::Result<Option<String>> {
    let path = std::str::from_utf8(path).map_err(|_| errno(ENOENT))?;
    let base = if path.starts_with('/') { String::new() } else { directory(tid, dir)? };
    Ok(Some(normal(&format!("{base}/{path}"))).filter(|path| path.starts_with("/dev/")))
}

/// Where a relative path of the caller begins.
fn directory(tid: u32, dir: i32) -> io::Result<String> {
    let link = if dir == AT_FDCWD { format!("/proc/{tid}/cwd") } else { format!("/proc/{tid}/fd/{dir}") };
    Ok(std::fs::read_link(link)?.to_string_lossy().into_owned())
}

/// The path without `.`, `..` and double slashes.
fn normal(path: &str) -> String {
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

/// The caller's file mode creation mask.
fn mask(tid: u32) -> u32 {
    let status = std::fs::read_to_string(format!("/proc/{tid}/status")).unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("Umask:"));
    mask.and_then(|mask| u32::from_str_radix(mask.trim(), 8).ok()).unwrap_or(0o022)
}

/// A device number of the system call (`new_decode_dev`) as `makedev(3)` packs it.
fn decoded(dev: u32) -> u64 {
    rustix::fs::makedev((dev & 0xfff00) >> 8, dev & 0xff | (dev >> 12) & 0xfff00)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_followed_by_their_text() {
        for (path, expected) in
            [("/dev/a", "/dev/a"), ("/tmp/../dev//./b", "/dev/b"), ("/../..", "/"), ("//dev/x/y/..", "/dev/x")]
        {
            assert_eq!(normal(path), expected);
        }
    }

    #[test]
    fn device_numbers_are_unpacked() {
        assert_eq!(decoded(0x10b), rustix::fs::makedev(1, 11));
        assert_eq!(decoded(0x1230_f045), rustix::fs::makedev(240, 0x12345));
    }

    #[test]
    fn the_mask_of_this_process_is_found() {
        assert!(mask(std::process::id()) <= 0o777);
        assert_eq!(mask(u32::MAX), 0o022);
    }
}
