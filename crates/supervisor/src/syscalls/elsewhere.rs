//! Device nodes that programs make elsewhere than below /dev.
//!
//! Linux makes none in a user namespace. So such a node is two: a symbolic link where the program wants it, and the node
//! itself in a directory of /dev that no listing shows ([`wire::NODES`]). Whoever follows the link gets the device; the
//! link can be renamed, linked and removed by Linux's own means. Caught are the calls that would show that it is a link: `lstat`
//! and kin tell of the node, `lchown` and kin change it, `readlink` fails with `EINVAL`.
//!
//! DIFFERS: a directory listing has the type of a link (`find -type c`), `open` with `O_NOFOLLOW` fails; with the instance
//! the node ends, and the link leads nowhere. The numbers of the host's own basic devices (major 1 but /dev/kmsg, 4, 5) are
//! refused as before.

use super::device::{self, ToBytes, stat_bytes, statx_bytes};
use super::{Step, errno, number, pidfd, write_back};
use crate::faces;
use crate::link::Link;
use rustix::fs::{AtFlags, CWD, Mode, OFlags, ResolveFlags, StatxFlags};
use rustix::process::PidfdGetfdFlags;
use std::ffi::CString;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::os::fd::OwnedFd;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use sys::notify::{Notification, Response};
use sys::seccomp::{Action, Filter, Test};
use wire::{Answer, Call, FileKind, NodeId, ROOT_DEV, VfsCall, VfsReply};

const MAX_PATH: usize = 4095;
const EIO: i32 = 5;
const ENOENT: i32 = 2;
const EEXIST: i32 = 17;
const EINVAL: i32 = 22;
pub(super) const AT_FDCWD: i32 = -100;
const AT_SYMLINK_NOFOLLOW: u32 = 0x100;
const AT_EMPTY_PATH: u32 = 0x1000;

/// The nodes of an instance.
#[derive(Debug)]
pub(crate) struct Nodes {
    /// What no other instance has: a link that an earlier one left must not lead to a node of this one.
    tag: u64,
    made: AtomicU64,
    dir: OnceLock<NodeId>,
}

impl Default for Nodes {
    fn default() -> Self {
        // The hasher's keys are random.
        Self { tag: RandomState::new().build_hasher().finish(), made: AtomicU64::new(0), dir: OnceLock::new() }
    }
}

impl Nodes {
    fn next(&self) -> String {
        format!("{:016x}-{}", self.tag, self.made.fetch_add(1, Ordering::SeqCst))
    }

    fn are_none(&self) -> bool {
        self.made.load(Ordering::SeqCst) == 0
    }

    /// The directory that holds them. It is there from the start, and looking a name up runs nobody's code.
    fn dir(&self, link: &Link) -> Option<NodeId> {
        if let Some(dir) = self.dir.get() {
            return Some(*dir);
        }
        let dir = lookup(link, ROOT_DEV, wire::NODES)?;
        Some(*self.dir.get_or_init(|| dir))
    }

    /// One of them.
    fn find(&self, link: &Link, name: &str) -> Option<NodeId> {
        lookup(link, self.dir(link)?, name)
    }

    /// The node's name in a link's target.
    fn named<'a>(&self, target: &'a [u8]) -> Option<&'a str> {
        let name = std::str::from_utf8(target.strip_prefix(directory().as_bytes())?).ok()?;
        name.starts_with(&format!("{:016x}-", self.tag)).then_some(name)
    }
}

fn lookup(link: &Link, parent: NodeId, name: &str) -> Option<NodeId> {
    let call = VfsCall::Lookup { parent, name: name.into() };
    match link.call(wire::kernel_caller(), Call::Vfs(call), &[]) {
        Ok(Answer::Vfs(VfsReply::Entry(entry))) => Some(entry.attr.node),
        _ => None,
    }
}

fn directory() -> String {
    format!("/dev/{}/", wire::NODES)
}

/// Catches what would show the links, where the arguments do not say already that they are followed.
pub(super) fn rules(filter: Filter) -> Filter {
    filter
        .rule(number::LSTAT.into(), Action::Notify)
        .rule(number::READLINK.into(), Action::Notify)
        .rule(number::READLINKAT.into(), Action::Notify)
        .rule(number::CHMOD.into(), Action::Notify)
        .rule(number::LCHOWN.into(), Action::Notify)
        .rule_if(number::FCHMODAT2.into(), 3, Test::HasAny(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH), Action::Notify)
        .rule_if(number::FCHOWNAT.into(), 4, Test::HasAny(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH), Action::Notify)
        .rule_if(number::NEWFSTATAT.into(), 3, Test::HasAny(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH), Action::Notify)
        .rule_if(number::STATX.into(), 2, Test::HasAny(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH), Action::Notify)
}

/// Where a path of the caller's leads: the directory, and the last name.
fn place(tid: u32, dir: i32, path: &[u8]) -> io::Result<(OwnedFd, CString)> {
    let path = path.strip_suffix(b"/").unwrap_or(path);
    let (parent, name) = match path.iter().rposition(|byte| *byte == b'/') {
        Some(at) => (path.get(..=at).unwrap_or_default(), path.get(at + 1..).unwrap_or_default()),
        None => (&b""[..], path),
    };
    let name = CString::new(name).map_err(|_| errno(EINVAL))?;
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let start = match (parent.first(), dir) {
        (Some(b'/'), _) => format!("/proc/{tid}/root"),
        (_, AT_FDCWD) => format!("/proc/{tid}/cwd"),
        (_, dir) => format!("/proc/{tid}/fd/{dir}"),
    };
    let start = rustix::fs::open(start, flags, Mode::empty())?;
    if parent.is_empty() {
        return Ok((start, name));
    }
    let resolve = if parent.starts_with(b"/") { ResolveFlags::IN_ROOT } else { ResolveFlags::empty() };
    Ok((rustix::fs::openat2(&start, parent, flags, Mode::empty(), resolve)?, name))
}

/// Makes a node; `None` if the kernel shall say what it says.
pub(super) fn make(
    caught: &Notification,
    (dir, path): (i32, &[u8]),
    (kind, mode, rdev): (FileKind, u32, u64),
    nodes: &Nodes,
) -> io::Result<Option<Step>> {
    const MEMORY: u32 = 1;
    const TERMINALS: [u32; 2] = [4, 5];
    const KMSG: u32 = 11;
    let (major, minor) = (rustix::fs::major(rdev), rustix::fs::minor(rdev));
    let of_host = (major == MEMORY && minor != KMSG) || TERMINALS.contains(&major);
    if !crate::caller::may_make_nodes(caught.tid) || (kind == FileKind::CharDevice && of_host) {
        return Ok(None);
    }
    let (parent, name) = place(caught.tid, dir, path)?;
    if name.is_empty() || rustix::fs::statat(&parent, &name, AtFlags::SYMLINK_NOFOLLOW).is_ok() {
        return Err(errno(if name.is_empty() && path.is_empty() { ENOENT } else { EEXIST }));
    }
    let target = directory() + &nodes.next();
    let call = VfsCall::MakeNode { path: target.clone(), kind, mode, rdev };
    let convert = move |answer| match answer {
        Answer::Vfs(VfsReply::Done) => match rustix::fs::symlinkat(target.as_str(), &parent, &name) {
            Ok(()) => Response::Value(0),
            Err(e) => Response::Errno(e.raw_os_error()),
        },
        _ => Response::Errno(EIO),
    };
    Ok(Some(Step::Forward { call: Call::Vfs(call), file: None, convert: Box::new(convert) }))
}

/// What a call wants of a node.
enum Wish {
    /// Its attributes, at an address in the caller's memory.
    Stat(u64, ToBytes),
    /// Where the link leads, which there is none.
    Target,
    /// Other permission bits, owner, group.
    Change(Option<u32>, Option<u32>, Option<u32>),
}

/// How a call names a file: a path from a directory, or an open descriptor.
enum Name {
    Path(i32, Vec<u8>),
    Descriptor(i32),
}

/// What a caught call is about, if it can be about a link itself.
fn question(caught: &Notification) -> Option<(Name, Wish)> {
    let [a, b, c, d, e, _] = caught.args;
    let (dir, low) = (a as i32, |word: u64| word as u32);
    let id = |word: u64| Some(low(word)).filter(|id| *id != u32::MAX);
    let (dir, path, flags, wish) = match caught.number {
        number::LSTAT => (AT_FDCWD, a, AT_SYMLINK_NOFOLLOW, Wish::Stat(b, stat_bytes)),
        number::NEWFSTATAT => (dir, b, low(d), Wish::Stat(c, stat_bytes)),
        number::STATX => (dir, b, low(c), Wish::Stat(e, statx_bytes)),
        number::READLINK => (AT_FDCWD, a, AT_SYMLINK_NOFOLLOW, Wish::Target),
        number::READLINKAT => (dir, b, AT_SYMLINK_NOFOLLOW, Wish::Target),
        number::CHMOD => (AT_FDCWD, a, 0, Wish::Change(Some(low(b) & 0o7777), None, None)),
        number::FCHMODAT2 => (dir, b, low(d), Wish::Change(Some(low(c) & 0o7777), None, None)),
        number::LCHOWN => (AT_FDCWD, a, AT_SYMLINK_NOFOLLOW, Wish::Change(None, id(b), id(c))),
        number::FCHOWNAT => (dir, b, low(e), Wish::Change(None, id(c), id(d))),
        _ => return None,
    };
    // What cannot be read is the kernel's to refuse.
    let path = sys::memory::read_c_string(caught.tid, path, MAX_PATH).ok()?;
    // The C library changes what it may not follow by its descriptor.
    let open = path.strip_prefix(b"/proc/self/fd/").and_then(|number| std::str::from_utf8(number).ok()?.parse().ok());
    let name = match open {
        Some(open) if caught.number == number::CHMOD => Name::Descriptor(open),
        _ if path.is_empty() && flags & AT_EMPTY_PATH != 0 => Name::Descriptor(dir),
        _ if !path.is_empty() && flags & AT_SYMLINK_NOFOLLOW != 0 => Name::Path(dir, path),
        _ => return None,
    };
    Some((name, wish))
}

/// Where the link leads that a name means, and how many names it has.
fn target(tid: u32, name: &Name) -> Option<(Vec<u8>, u64)> {
    let (file, name) = match name {
        Name::Path(dir, path) => place(tid, *dir, path).ok()?,
        Name::Descriptor(fd) => {
            let pidfd = pidfd(tid)?;
            (rustix::process::pidfd_getfd(&pidfd, *fd, PidfdGetfdFlags::empty()).ok()?, CString::default())
        }
    };
    let target = rustix::fs::readlinkat(&file, &name, Vec::new()).ok()?.into_bytes();
    let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::EMPTY_PATH;
    Some((target, rustix::fs::statat(&file, &name, flags).ok()?.st_nlink))
}

/// Answers a call about the link of a node; `None` for all others.
pub(super) fn look(caught: &Notification, link: &Link) -> Option<Step> {
    if link.nodes.are_none() {
        return None;
    }
    let (name, wish) = question(caught)?;
    let (target, links) = target(caught.tid, &name)?;
    let node = link.nodes.named(&target)?;
    let (buffer, to_bytes) = match wish {
        Wish::Target => return Some(EINVAL.into()),
        Wish::Stat(buffer, to_bytes) => (buffer, to_bytes),
        Wish::Change(mode, uid, gid) => {
            let node = link.nodes.find(link, node)?;
            return Some(device::forward(VfsCall::SetAttr { node, mode, uid, gid }, |_| Response::Value(0)));
        }
    };
    let call = VfsCall::Lookup { parent: link.nodes.dir(link)?, name: node.into() };
    let (tid, dev) = (caught.tid, of_faces(caught.tid)?);
    Some(device::forward(call, move |reply| match reply {
        VfsReply::Entry(wire::Entry { mut attr, .. }) => {
            attr.nlink = u32::try_from(links).unwrap_or(u32::MAX);
            write_back(tid, buffer, &to_bytes(&attr, faces::number_of(attr.node), dev), 0)
        }
        _ => Response::Errno(EIO),
    }))
}

/// The device number of the file system that /dev is on.
fn of_faces(tid: u32) -> Option<(u32, u32)> {
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    let dev = rustix::fs::openat(CWD, format!("/proc/{tid}/root/dev"), flags, Mode::empty()).ok()?;
    let stat = rustix::fs::statx(&dev, "", AtFlags::EMPTY_PATH, StatxFlags::empty()).ok()?;
    Some((stat.stx_dev_major, stat.stx_dev_minor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_leads_to_a_node_of_its_own_instance_only() {
        let (nodes, other) = (Nodes::default(), Nodes::default());
        assert!(nodes.are_none());
        let name = nodes.next();
        assert!(!nodes.are_none() && name != nodes.next());
        let target = directory() + &name;
        assert_eq!(nodes.named(target.as_bytes()), Some(name.as_str()));
        assert_eq!(other.named(target.as_bytes()), None);
        assert_eq!(nodes.named(b"/dev/null"), None);
    }

    #[test]
    fn paths_are_followed_to_their_last_name() {
        let me = std::process::id();
        let target = |path: &str| {
            let (parent, name) = place(me, AT_FDCWD, path.as_bytes()).map_err(|e| e.raw_os_error().unwrap_or(0))?;
            let stat = rustix::fs::fstat(&parent).unwrap();
            Ok::<_, i32>(((stat.st_dev, stat.st_ino), name.into_string().unwrap()))
        };
        let of = |path: &str| {
            use std::os::unix::fs::MetadataExt;
            let meta = std::fs::metadata(path).unwrap();
            (meta.dev(), meta.ino())
        };
        assert_eq!(target("/usr/bin/x"), Ok((of("/usr/bin"), "x".into())));
        assert_eq!(target("/usr/lib/../bin/y/"), Ok((of("/usr/bin"), "y".into())));
        assert_eq!(target("z"), Ok((of("."), "z".into())));
        assert_eq!(target("src/z"), Ok((of("src"), "z".into())));
        assert_eq!(target("/usr/none/x"), Err(ENOENT));
    }
}
