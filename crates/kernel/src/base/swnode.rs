//! Firmware nodes that the kernel itself describes. Counterpart: drivers/base/swnode.c, include/linux/property.h.
//!
//! What is registered is known by its handle (`struct fwnode_handle`), which `%pfw` prints.

use crate::mm::owned::{self, Block, Kind};
use crate::mm::slab;
use kabi::errno::{EEXIST, EINVAL};
use kabi::{Field, KPtr, KResult, c_int, exports, kexport, size_of_struct};
use machine::access;
use std::sync::{Mutex, MutexGuard, PoisonError};

exports![
    software_node_register,
    software_node_unregister,
    software_node_register_nodes,
    software_node_unregister_nodes,
    software_node_fwnode
];

/// `struct software_node`: name, parent, properties.
#[derive(Debug)]
pub struct SoftwareNode;

static NAME: Field = Field::new("software_node", "name");
static PARENT: Field = Field::new("software_node", "parent");

/// What it is called in reports.
const NODE: Kind = Kind::Other("software node");

/// A registered node.
#[derive(Debug, Clone)]
struct Node {
    /// The module's description.
    described: u64,
    /// Its `struct fwnode_handle`.
    handle: u64,
    parent: Option<u64>,
    name: Vec<u8>,
}

static NODES: Mutex<Vec<Node>> = Mutex::new(Vec::new());

fn nodes() -> MutexGuard<'static, Vec<Node>> {
    NODES.lock().unwrap_or_else(PoisonError::into_inner)
}

fn handle_of(described: u64) -> Option<u64> {
    nodes().iter().find(|node| node.described == described).map(|node| node.handle)
}

fn by_handle<R>(handle: u64, tell: impl FnOnce(&Node) -> R) -> Option<R> {
    nodes().iter().find(|node| node.handle == handle).map(tell)
}

/// The handle of a node's parent.
pub fn parent(handle: u64) -> Option<u64> {
    by_handle(handle, |node| node.parent).flatten()
}

/// A node's name.
pub fn name(handle: u64) -> Option<Vec<u8>> {
    by_handle(handle, |node| node.name.clone())
}

/// What stands between its parent's name and its own.
pub fn prefix(handle: u64) -> Option<Vec<u8>> {
    by_handle(handle, |node| if node.parent.is_some() { b"/".to_vec() } else { Vec::new() })
}

/// Registers a node; its parent must have been.
///
/// # Errors
/// `EEXIST`: it is registered. `EINVAL`: its parent is not.
#[kexport(
    gpl,
    since = "5.4",
    header = "linux/property.h",
    partial = "there is nothing in /sys/kernel/software_nodes, and properties are not read"
)]
fn software_node_register(described: KPtr<SoftwareNode>) -> KResult<c_int> {
    let parent = match PARENT.get::<u64, _>(described)? {
        0 => None,
        parent => Some(handle_of(parent).ok_or(EINVAL)?),
    };
    if handle_of(described.addr()).is_some() {
        return Err(EEXIST.into());
    }
    let name = match NAME.get::<u64, _>(described)? {
        0 => format!("node{}", nodes().len()).into_bytes(),
        name => access::read_str(name, 256)?,
    };
    // The handle stays: whoever still has it finds memory there.
    let handle = slab::permanent(size_of_struct("fwnode_handle")?)?.addr();
    owned::note(described.addr(), Block::new(NODE, 0).named(&String::from_utf8_lossy(&name)));
    nodes().push(Node { described: described.addr(), handle, parent, name });
    Ok(0)
}

/// Takes a node out; nothing happens if it is not registered.
#[kexport(gpl, since = "5.4", header = "linux/property.h")]
fn software_node_unregister(described: KPtr<SoftwareNode>) {
    nodes().retain(|node| node.described != described.addr());
    owned::take(NODE, described.addr());
}

/// The nodes of an array that ends with one without a name.
fn array(first: KPtr<SoftwareNode>) -> KResult<Vec<KPtr<SoftwareNode>>> {
    let size = size_of_struct("software_node")? as u64;
    let mut out = Vec::new();
    let mut at = first;
    while NAME.get::<u64, _>(at)? != 0 {
        out.push(at);
        at = at.offset(size);
    }
    Ok(out)
}

/// Registers the nodes of an array that ends with one without a name; all or none.
///
/// # Errors
/// As [`software_node_register`].
#[kexport(
    gpl,
    since = "5.3",
    until = "6.4",
    header = "linux/property.h",
    partial = "there is nothing in /sys/kernel/software_nodes, and properties are not read"
)]
fn software_node_register_nodes(first: KPtr<SoftwareNode>) -> KResult<c_int> {
    for node in array(first)? {
        if let Err(e) = software_node_register(node) {
            software_node_unregister_nodes(first)?;
            return Err(e);
        }
    }
    Ok(0)
}

/// Takes the nodes of an array out, children first.
#[kexport(gpl, since = "5.3", until = "6.4", header = "linux/property.h")]
fn software_node_unregister_nodes(first: KPtr<SoftwareNode>) -> KResult {
    array(first)?.into_iter().rev().for_each(software_node_unregister);
    Ok(())
}

/// The handle of a registered node, or NULL.
#[kexport(gpl, since = "5.3", header = "linux/property.h")]
fn software_node_fwnode(described: KPtr<SoftwareNode>) -> u64 {
    handle_of(described.addr()).unwrap_or(0)
}
