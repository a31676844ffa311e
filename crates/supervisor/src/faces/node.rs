//! Node numbers: which part of the number space belongs to whom. Nothing is counted or forgotten: a number says it all.

use wire::NodeId;

/// The root, which holds a directory for each tree.
pub(super) const ROOT: u64 = 1;

const PROCESSES: u64 = 1 << 32;
const INSTANCE: u64 = 1 << 33;
const TWINS: u64 = 1 << 62;

/// What a node number names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Node {
    /// A node of the plan.
    Static(usize),
    /// The link to a process in the real /proc.
    Process(u32),
    /// A node of the kernel process.
    Instance(NodeId),
    /// The open file of a device ([`super::twin`]).
    Twin(u64),
}

impl Node {
    pub(super) fn from_number(number: u64) -> Option<Self> {
        if let Some(twin) = number.checked_sub(TWINS) {
            return Some(Self::Twin(twin));
        }
        if let Some(id) = number.checked_sub(INSTANCE) {
            return Some(Self::Instance(id));
        }
        if let Some(pid) = number.checked_sub(PROCESSES) {
            return u32::try_from(pid).ok().map(Self::Process);
        }
        usize::try_from(number.checked_sub(ROOT)?).ok().map(Self::Static)
    }

    /// `None` for a node id of the kernel process that is larger than any real one.
    pub(super) fn number(self) -> Option<u64> {
        match self {
            Self::Static(index) => ROOT.checked_add(u64::try_from(index).ok()?),
            Self::Process(pid) => Some(PROCESSES + u64::from(pid)),
            Self::Instance(id) => INSTANCE.checked_add(id).filter(|number| *number < TWINS),
            Self::Twin(twin) => TWINS.checked_add(twin),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_nodes_correspond() {
        let process = [Node::Process(1), Node::Process(u32::MAX)];
        let own = [Node::Instance(3), Node::Twin(0), Node::Twin(9)];
        for node in [Node::Static(0), Node::Static(77)].into_iter().chain(process).chain(own) {
            assert_eq!(Node::from_number(node.number().unwrap()), Some(node));
        }
        assert_eq!(Node::Static(0).number(), Some(ROOT));
        assert_eq!(Node::Instance(u64::MAX).number(), None);
        assert_eq!(Node::Instance(TWINS).number(), None);
        assert_eq!(Node::from_number(0), None);
    }
}
