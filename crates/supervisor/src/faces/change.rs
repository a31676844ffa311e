//! Names that programs make, remove and change, which the kernel process allows in /dev: `MKDIR`, `SYMLINK`, `UNLINK`,
//! `RMDIR`, `RENAME`. (`mknod` of a device is caught before it comes here: `crate::syscalls`.)

use super::abi::{Header, In, errno};
use super::attr::entry_reply;
use super::node::Node;
use super::plan::Entry;
use super::session::{Session, Step};
use std::sync::Arc;
use wire::{NodeId, VfsCall};

impl Session {
    /// The kernel process's directory behind a number, if `name` in it is not the host's.
    fn own_parent(&self, number: u64, name: &str) -> Result<NodeId, i32> {
        match Node::from_number(number) {
            Some(Node::Instance(node)) => Ok(node),
            Some(Node::Static(index)) => match self.plan.nodes.get(index) {
                Some(Entry::Dir { children, .. }) if children.contains_key(name) => Err(errno::EPERM),
                Some(Entry::Dir { own: Some(own), .. }) => self.own_node(own).ok_or(errno::EPERM),
                _ => Err(errno::EPERM),
            },
            _ => Err(errno::ENOTDIR),
        }
    }

    fn make(self: &Arc<Self>, header: Header, name: &str, mode: u32, target: Option<&str>) -> Step {
        let parent = match self.own_parent(header.node, name) {
            Ok(parent) => parent,
            Err(errno) => return Step::Reply(Err(errno)),
        };
        let call = VfsCall::Make { parent, name: name.into(), mode, target: target.map(Into::into) };
        self.forward(header, self.caller(header), call, entry_reply(header.tid))
    }

    pub(super) fn make_dir(self: &Arc<Self>, header: Header, mut body: In<'_>) -> Option<Step> {
        let (mode, _mask) = (body.u32()?, body.u32()?);
        Some(self.make(header, body.name()?, mode & 0o7777, None))
    }

    pub(super) fn make_link(self: &Arc<Self>, header: Header, mut body: In<'_>) -> Option<Step> {
        let (name, target) = (body.name()?, body.name()?);
        Some(self.make(header, name, 0o777, Some(target)))
    }

    pub(super) fn remove(self: &Arc<Self>, header: Header, mut body: In<'_>, dir: bool) -> Option<Step> {
        let name = body.name()?;
        Some(match self.own_parent(header.node, name) {
            Ok(parent) => {
                let call = VfsCall::Remove { parent, name: name.into(), dir };
                self.forward(header, self.caller(header), call, |_, _| Ok(Vec::new()))
            }
            Err(errno) => Step::Reply(Err(errno)),
        })
    }

    pub(super) fn rename(self: &Arc<Self>, header: Header, mut body: In<'_>, with_flags: bool) -> Option<Step> {
        let new_number = body.u64()?;
        let flags = if with_flags { body.u32()? } else { 0 };
        if with_flags {
            body.skip(4)?;
        }
        let (name, new_name) = (body.name()?, body.name()?);
        let parents = (self.own_parent(header.node, name), self.own_parent(new_number, new_name));
        Some(match parents {
            (Ok(parent), Ok(new_parent)) => {
                let (name, new_name) = (name.into(), new_name.into());
                let call = VfsCall::Rename { parent, name, new_parent, new_name, flags };
                self.forward(header, self.caller(header), call, |_, _| Ok(Vec::new()))
            }
            (Err(errno), _) | (_, Err(errno)) => Step::Reply(Err(errno)),
        })
    }
}
