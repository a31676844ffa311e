//! The faces: /proc, /sys and /dev as programs inside see them.
//!
//! One FUSE file system with a directory for each tree. What the kernel process has is served from it; the host's own
//! entries are placeholders over which init binds the real files, and processes are symbolic links into the real /proc,
//! which is mounted on the hidden directory `/proc/.host`. All names that are not the kernel process's are fixed when a
//! program starts ([`plan`]); its own are looked up each time.
//!
//! The layer over `/dev/fuse` is our own: every opcode is answered explicitly ([`session`]), because a single `ENOSYS`
//! to some of them (`POLL`, `INTERRUPT`) switches them off for good. Requests that may run module code are forwarded
//! without waiting, so few threads serve any number of blocked readers. Counterpart: `fs/fuse/dev.c`,
//! `include/uapi/linux/fuse.h`.

mod abi;
mod attr;
mod change;
mod dir;
mod file;
mod lookup;
mod node;
pub(crate) mod plan;
mod poll;
mod session;
pub(crate) mod twin;

pub(crate) use attr::type_of;
pub(crate) use plan::Plan;
pub(crate) use session::Session;

/// The number that programs see of a node of the kernel process.
pub(crate) fn number_of(node: wire::NodeId) -> u64 {
    node::Node::Instance(node).number().unwrap_or(0)
}
