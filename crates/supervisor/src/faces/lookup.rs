//! Names: `LOOKUP` and `READLINK`.

use super::abi::{Header, errno};
use super::attr::entry_reply;
use super::node::Node;
use super::plan::{Entry, HIDDEN, OwnDir};
use super::session::{Reply, Session, Step};
use crate::caller;
use rustix::fs::AtFlags;
use std::sync::Arc;
use wire::{Answer, Call, NodeId, VfsCall, VfsReply};

impl Session {
    pub(super) fn lookup(self: &Arc<Self>, header: Header, name: Option<&str>) -> Step {
        // A name that is no text cannot be ours.
        let Some(name) = name else { return Step::Reply(Err(errno::ENOENT)) };
        // FUSE itself takes longer ones than the file systems that it stands for.
        if name.len() > 255 {
            return Step::Reply(Err(errno::ENAMETOOLONG));
        }
        match Node::from_number(header.node) {
            Some(Node::Instance(parent)) => self.lookup_own(header, parent, name),
            Some(Node::Static(index)) => match self.plan.nodes.get(index) {
                Some(Entry::Dir { children, own, processes }) => {
                    if let Some(child) = children.get(name) {
                        return Step::Reply(self.fixed_entry(Node::Static(*child)));
                    }
                    if *processes && name.bytes().all(|b| b.is_ascii_digit()) {
                        return Step::Reply(self.process_entry(name));
                    }
                    match own.as_ref().and_then(|own| self.own_node(own)) {
                        Some(parent) => self.lookup_own(header, parent, name),
                        None => Step::Reply(Err(errno::ENOENT)),
                    }
                }
                _ => Step::Reply(Err(errno::ENOTDIR)),
            },
            _ => Step::Reply(Err(errno::ENOTDIR)),
        }
    }

    fn lookup_own(self: &Arc<Self>, header: Header, parent: NodeId, name: &str) -> Step {
        let call = VfsCall::Lookup { parent, name: name.to_owned() };
        self.forward(header, Self::light_caller(header), call, entry_reply(header.tid))
    }

    /// The kernel process's node behind a merged directory; walks there if it was not known at the start.
    pub(super) fn own_node(&self, own: &OwnDir) -> Option<NodeId> {
        own.node.or_else(|| {
            own.path.iter().try_fold(own.root, |parent, name| {
                let call = Call::Vfs(VfsCall::Lookup { parent, name: name.clone() });
                match self.link.call(wire::kernel_caller(), call, &[]) {
                    Ok(Answer::Vfs(VfsReply::Entry(entry))) => Some(entry.attr.node),
                    _ => None,
                }
            })
        })
    }

    fn process_entry(&self, name: &str) -> Reply {
        let pid = name.parse().map_err(|_| errno::ENOENT)?;
        let root = self.proc.get().ok_or(errno::ENOENT)?;
        rustix::fs::statat(root, name, AtFlags::SYMLINK_NOFOLLOW).map_err(rustix::io::Errno::raw_os_error)?;
        self.fixed_entry(Node::Process(pid))
    }

    pub(super) fn read_link(self: &Arc<Self>, header: Header) -> Step {
        let text = match Node::from_number(header.node) {
            Some(Node::Instance(node)) => {
                return self.forward(header, Self::light_caller(header), VfsCall::ReadLink { node }, |_, reply| {
                    if let VfsReply::Link(target) = reply { Ok(target.into_bytes()) } else { Err(errno::EIO) }
                });
            }
            Some(Node::Process(pid)) => Ok(format!("{HIDDEN}/{pid}")),
            Some(Node::Twin(_)) => Err(errno::EINVAL),
            Some(Node::Static(index)) => match self.plan.nodes.get(index) {
                Some(Entry::Link(target)) => Ok(target.clone()),
                Some(Entry::SelfLink) => caller::identity(header.tid).map(|id| id.pid.to_string()).ok_or(errno::ENOENT),
                Some(Entry::ThreadSelfLink) => {
                    caller::identity(header.tid).map(|id| format!("{}/task/{}", id.pid, id.tid)).ok_or(errno::ENOENT)
                }
                _ => Err(errno::EINVAL),
            },
            None => Err(errno::ENOENT),
        };
        Step::Reply(text.map(String::into_bytes))
    }
}
