//! Attributes: `GETATTR`, `SETATTR`, and the entries that carry them.

use super::abi::{Header, In, Out, errno};
use super::node::Node;
use super::plan::Entry;
use super::session::{Reply, Session, Step};
use super::twin;
use std::sync::Arc;
use wire::{Attr, FileKind, NodeId, VfsCall, VfsReply};

pub(super) const S_IFDIR: u32 = 0o040_000;
pub(super) const S_IFREG: u32 = 0o100_000;
pub(super) const S_IFLNK: u32 = 0o120_000;
const S_IFCHR: u32 = 0o020_000;
const S_IFBLK: u32 = 0o060_000;

/// How long what never changes may be cached, in milliseconds.
const FOR_EVER_MS: u64 = 1 << 40;

/// The type bits of a kind.
pub(crate) fn type_of(kind: FileKind) -> u32 {
    match kind {
        FileKind::Dir => S_IFDIR,
        FileKind::Symlink => S_IFLNK,
        FileKind::File => S_IFREG,
        FileKind::CharDevice => S_IFCHR,
        FileKind::BlockDevice => S_IFBLK,
    }
}

fn is_device(kind: FileKind) -> bool {
    matches!(kind, FileKind::CharDevice | FileKind::BlockDevice)
}

/// A device number as the protocol has it (`new_encode_dev`).
fn encoded(rdev: u64) -> u32 {
    let (major, minor) = (rustix::fs::major(rdev), rustix::fs::minor(rdev));
    minor & 0xff | (major & 0xfff) << 8 | (minor & 0xfff00) << 12
}

/// The type bits of a node of the plan.
pub(super) fn static_type(entry: &Entry) -> u32 {
    match entry {
        Entry::Dir { .. } | Entry::Host { is_dir: true, .. } => S_IFDIR,
        Entry::Host { is_dir: false, .. } => S_IFREG,
        Entry::Link(_) | Entry::SelfLink | Entry::ThreadSelfLink => S_IFLNK,
    }
}

/// `struct fuse_attr`.
fn attr(number: u64, mode: u32, size: u64, owner: (u32, u32), nlink: u32, time_s: i64, rdev: u32) -> Vec<u8> {
    let time = time_s.cast_unsigned();
    let out = Out::default().u64(number).u64(size).u64(0).u64(time).u64(time).u64(time).zeros(12);
    out.u32(mode).u32(nlink).u32(owner.0).u32(owner.1).u32(rdev).u32(BLOCK).u32(0).0
}

/// Where the block size stands in `struct fuse_attr`.
const BLOCK_AT: usize = 80;
/// `st_blksize` of what is fixed.
const BLOCK: u32 = 4096;

fn instance_attr(number: u64, attr_: &Attr) -> Vec<u8> {
    let twin = matches!(Node::from_number(number), Some(Node::Twin(_)));
    let (kind, rdev) = if twin { (S_IFREG, 0) } else { (type_of(attr_.kind), encoded(attr_.rdev)) };
    let mode = kind | (attr_.mode & 0o7777);
    let mut out = attr(number, mode, attr_.size, (attr_.uid, attr_.gid), attr_.nlink.max(1), attr_.mtime_s, rdev);
    if attr_.blksize.is_power_of_two()
        && let Some(place) = out.get_mut(BLOCK_AT..BLOCK_AT + 4)
    {
        place.copy_from_slice(&attr_.blksize.to_ne_bytes());
    }
    out
}

impl Session {
    fn fixed_attr(&self, number: u64, node: Node) -> Option<Vec<u8>> {
        let (mode, size) = match node {
            Node::Process(_) => (S_IFLNK | 0o777, 0),
            Node::Instance(_) | Node::Twin(_) => return None,
            Node::Static(index) => {
                let entry = self.plan.nodes.get(index)?;
                let (permissions, size) = match entry {
                    Entry::Dir { .. } => (0o555, 0),
                    Entry::Host { is_dir, .. } => (if *is_dir { 0o555 } else { 0o444 }, 0),
                    Entry::Link(target) => (0o777, u64::try_from(target.len()).ok()?),
                    Entry::SelfLink | Entry::ThreadSelfLink => (0o777, 0),
                };
                (static_type(entry) | permissions, size)
            }
        };
        // One link: "who knows", so that no program derives the number of subdirectories from it.
        Some(attr(number, mode, size, (0, 0), 1, self.started_s, 0))
    }

    /// `struct fuse_entry_out` of a node that is not the kernel process's.
    pub(super) fn fixed_entry(&self, node: Node) -> Reply {
        let number = node.number().ok_or(errno::EIO)?;
        let attr = self.fixed_attr(number, node).ok_or(errno::ENOENT)?;
        // Processes end.
        let valid_ms = if matches!(node, Node::Process(_)) { 0 } else { FOR_EVER_MS };
        Ok(entry_out(number, valid_ms, attr))
    }

    /// The kernel process's node behind a number.
    pub(super) fn own(&self, number: u64) -> Option<NodeId> {
        match Node::from_number(number)? {
            Node::Instance(node) => Some(node),
            Node::Twin(twin) => self.twins.get(twin).map(|twin| twin.node),
            _ => None,
        }
    }

    pub(super) fn get_attr(self: &Arc<Self>, header: Header) -> Step {
        if let Some(node) = self.own(header.node) {
            return self.forward(
                header,
                Self::light_caller(header),
                VfsCall::GetAttr { node },
                attr_reply(header.node),
            );
        }
        let attr = Node::from_number(header.node).and_then(|node| self.fixed_attr(header.node, node));
        Step::Reply(attr.map(|attr| attr_out(FOR_EVER_MS, attr)).ok_or(errno::ENOENT))
    }

    pub(super) fn set_attr(self: &Arc<Self>, header: Header, mut body: In<'_>) -> Option<Step> {
        const MODE: u32 = 1;
        const UID: u32 = 2;
        const GID: u32 = 4;
        let valid = body.u32()?;
        body.skip(64)?;
        let mode = body.u32()?;
        body.skip(4)?;
        let (uid, gid) = (body.u32()?, body.u32()?);
        let Some(node) = self.own(header.node) else { return Some(Step::Reply(Err(errno::EPERM))) };
        let given = |bit, value| (valid & bit != 0).then_some(value);
        let (mode, uid, gid) = (given(MODE, mode & 0o7777), given(UID, uid), given(GID, gid));
        // Without any of them it is a new size (a file opened with O_TRUNC) or time, which our files do not keep.
        let call = if mode.is_none() && uid.is_none() && gid.is_none() {
            VfsCall::GetAttr { node }
        } else {
            VfsCall::SetAttr { node, mode, uid, gid }
        };
        Some(self.forward(header, Self::light_caller(header), call, attr_reply(header.node)))
    }
}

/// Makes the reply about the node with this number.
fn attr_reply(number: u64) -> impl FnOnce(&Arc<Session>, VfsReply) -> Reply + Send + 'static {
    move |_, reply| {
        let VfsReply::Attr(attr) = reply else { return Err(errno::EIO) };
        Ok(attr_out(0, instance_attr(number, &attr)))
    }
}

/// Makes the reply to a lookup in the kernel process for the thread `tid`.
pub(super) fn entry_reply(tid: u32) -> impl FnOnce(&Arc<Session>, VfsReply) -> Reply + Send + 'static {
    move |session, reply| {
        let VfsReply::Entry(entry) = reply else { return Err(errno::EIO) };
        let node = if is_device(entry.attr.kind) && twin::is_opening(tid) {
            Node::Twin(session.twins.make(entry.attr.node))
        } else {
            Node::Instance(entry.attr.node)
        };
        let number = node.number().ok_or(errno::EIO)?;
        // A device is another node for each open.
        let valid_ms = if is_device(entry.attr.kind) { 0 } else { entry.valid_ms };
        Ok(entry_out(number, valid_ms, instance_attr(number, &entry.attr)))
    }
}

/// Seconds, and nanoseconds beyond.
fn split(ms: u64) -> (u64, u32) {
    (ms / 1000, u32::try_from(ms % 1000).unwrap_or(0) * 1_000_000)
}

fn entry_out(number: u64, valid_ms: u64, attr: Vec<u8>) -> Vec<u8> {
    let (s, ns) = split(valid_ms);
    let mut out = Out::default().u64(number).u64(0).u64(s).u64(s).u32(ns).u32(ns).0;
    out.extend(attr);
    out
}

fn attr_out(valid_ms: u64, attr: Vec<u8>) -> Vec<u8> {
    let (s, ns) = split(valid_ms);
    let mut out = Out::default().u64(s).u32(ns).u32(0).0;
    out.extend(attr);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn device_numbers_are_those_of_the_protocol() {
        assert_eq!(encoded(rustix::fs::makedev(1, 11)), 0x10b);
        assert_eq!(encoded(rustix::fs::makedev(240, 0x12345)), 0x1230_f045);
    }

    #[test]
    fn lengths_are_those_of_the_structures() {
        let attr = attr(1, S_IFDIR, 0, (0, 0), 1, -1, 0);
        assert_eq!(attr.len(), 88);
        assert_eq!(entry_out(1, 1500, attr.clone()).len(), 128);
        assert_eq!(attr_out(1500, attr)[..16], [1, 0, 0, 0, 0, 0, 0, 0, 0, 101, 205, 29, 0, 0, 0, 0]);
    }
}
