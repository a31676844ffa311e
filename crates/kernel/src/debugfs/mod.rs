//! Modules' files in debugfs. Counterpart: fs/debugfs/inode.c.
//!
//! A `struct dentry` is here what its file is known by: its name and its parent are in it, and nothing else.
//!
//! DIFFERS: a renamed entry is a new one, so who has it open has a removed file.

pub mod attribute;
pub mod values;

use crate::files;
use crate::fs::{Ctx, File, OpenFile, Spec, sys};
use crate::log;
use crate::mm::owned::{self, Block, Kind};
use crate::vfs::file::{self, FILE_OPERATIONS, New};
use kabi::errno::{EEXIST, EINVAL, ENOMEM};
use kabi::{ErrPtr, Field, KError, KPtr, KResult, KStr, exports, kexport, size_of_struct};
use machine::{access, heap};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use wire::NodeId;

exports![
    debugfs_create_dir,
    debugfs_create_file,
    debugfs_create_file_unsafe,
    debugfs_create_file_size,
    debugfs_create_symlink,
    debugfs_remove,
    debugfs_lookup,
    debugfs_lookup_and_remove,
    debugfs_rename,
    debugfs_initialized,
    dput
];

/// The kernel's `struct dentry`.
#[derive(Debug)]
pub struct Dentry;

type Entry = KPtr<Dentry>;

static NAME: Field = Field::new("dentry", "d_name.name");
static NAME_LEN: Field = Field::new("dentry", "d_name.len");
static PARENT: Field = Field::new("dentry", "d_parent");

/// What entries are called in reports.
const KIND: Kind = Kind::Other("entry in debugfs");
/// `S_IFREG`
const REGULAR: u16 = 0o100_000;
/// `S_IALLUGO`
const PERMISSIONS: u16 = 0o7777;

/// An entry: a place in the tree, and what it is made of.
struct Made {
    node: NodeId,
    name: String,
    /// 0 for the root.
    parent: u64,
    spec: Spec,
    /// Its memory for the name.
    text: (u64, usize),
}

static ENTRIES: Mutex<BTreeMap<u64, Made>> = Mutex::new(BTreeMap::new());

fn entries() -> MutexGuard<'static, BTreeMap<u64, Made>> {
    ENTRIES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// True for what is no directory to make something in: an error instead of an entry.
fn is_error(entry: Entry) -> bool {
    entry.addr() > u64::MAX - 4095
}

/// The node of a directory and its name; no entry is the root.
fn directory(entry: Entry) -> KResult<(NodeId, String)> {
    if entry.is_null() {
        return Ok((sys::debugfs(&files::tree()?)?, "/".to_string()));
    }
    let entries = entries();
    let made = entries.get(&entry.addr()).ok_or(EINVAL)?;
    Ok((made.node, made.name.clone()))
}

fn child(parent: Entry, name: &str) -> Option<Entry> {
    let entries = entries();
    let found = entries.iter().find(|(_, made)| made.parent == parent.addr() && made.name == name);
    found.map(|(entry, _)| Entry::new(*entry))
}

fn write_name(entry: Entry, name: &str) -> KResult<(u64, usize)> {
    let len = name.len() + 1;
    let text = heap::alloc(len).ok_or(ENOMEM)?;
    access::write(text, name.as_bytes())?;
    NAME.put(entry, text)?;
    NAME_LEN.put(entry, name.len() as u32)?;
    Ok((text, len))
}

/// Makes an entry.
fn make(name: &str, parent: Entry, what: &str, spec: Spec) -> KResult<Entry> {
    let (node, folder) = directory(parent)?;
    // It goes again if what follows fails.
    let place = match files::tree()?.add(node, name, spec.clone()) {
        Ok(place) => place,
        Err(EEXIST) => {
            let place = if what == "Directory" { "with parent" } else { "in directory" };
            log::line(3, &format!("debugfs: {what} '{name}' {place} '{folder}' already present!"));
            return Err(EEXIST.into());
        }
        Err(e) => return Err(e.into()),
    };
    let size = size_of_struct("dentry")?;
    let entry = Entry::new(heap::alloc(size).ok_or(ENOMEM)?);
    let text = write_name(entry, name)?;
    PARENT.put(entry, if parent.is_null() { entry.addr() } else { parent.addr() })?;
    owned::note(entry.addr(), Block::new(KIND, 0).named(&format!("{folder}/{name}")));
    let made = Made { node: place.keep(), name: name.to_string(), parent: parent.addr(), spec, text };
    entries().insert(entry.addr(), made);
    Ok(entry)
}

/// A file of a module's own operations.
struct Regular {
    ops: KPtr,
    mode: u16,
    data: u64,
    size: u64,
}

impl File for Regular {
    fn open(&self, ctx: &Ctx<'_>) -> KResult<Box<dyn OpenFile>> {
        let new = New {
            kind: &FILE_OPERATIONS,
            ops: self.ops,
            mode: REGULAR | self.mode,
            dev: 0,
            cdev: 0,
            inode_private: self.data,
            private: 0,
            size: self.size,
            open: None,
            own_position: false,
        };
        file::open(&new, Box::new(()), ctx)
    }

    fn size(&self) -> u64 {
        self.size
    }
}

/// Makes an entry unless its parent is an error already, which then is the answer.
fn under(parent: Entry, work: impl FnOnce() -> KResult<Entry>) -> ErrPtr<Dentry> {
    if is_error(parent) {
        return ErrPtr(Err(KError::Errno(kabi::Errno(-(parent.addr() as i64) as i32))));
    }
    ErrPtr(work())
}

fn regular(name: &KStr, mode: u16, parent: Entry, data: u64, ops: KPtr, size: u64) -> KResult<Entry> {
    let file = Regular { ops, mode: mode & PERMISSIONS, data, size };
    make(&name.to_string_lossy(), parent, "File", Spec::file((mode & PERMISSIONS).into(), Arc::new(file)))
}

/// A file of lkm's own.
fn own(name: &KStr, parent: Entry, spec: Spec) -> ErrPtr<Dentry> {
    under(parent, || make(&name.to_string_lossy(), parent, "File", spec))
}

/// Makes a directory.
///
/// # Errors
/// `EEXIST`; the parent's.
#[kexport(gpl, since = "2.6.10", header = "linux/debugfs.h")]
fn debugfs_create_dir(name: KStr, parent: Entry) -> ErrPtr<Dentry> {
    under(parent, || make(&name.to_string_lossy(), parent, "Directory", Spec::dir(0o755)))
}

/// Makes a file with operations.
///
/// # Errors
/// `EEXIST`; the parent's.
#[kexport(
    gpl,
    since = "2.6.10",
    header = "linux/debugfs.h",
    partial = "llseek, mmap, read_iter and write_iter are not called"
)]
fn debugfs_create_file(name: KStr, mode: u16, parent: Entry, data: KPtr, ops: KPtr) -> ErrPtr<Dentry> {
    under(parent, || regular(&name, mode, parent, data.addr(), ops, 0))
}

/// [`debugfs_create_file`] of operations that look after removal themselves; here they need not.
///
/// # Errors
/// `EEXIST`; the parent's.
#[kexport(
    gpl,
    since = "4.7",
    header = "linux/debugfs.h",
    partial = "llseek, mmap, read_iter and write_iter are not called"
)]
fn debugfs_create_file_unsafe(name: KStr, mode: u16, parent: Entry, data: KPtr, ops: KPtr) -> ErrPtr<Dentry> {
    under(parent, || regular(&name, mode, parent, data.addr(), ops, 0))
}

/// [`debugfs_create_file`] with a size that `stat(2)` shows.
#[kexport(
    gpl,
    since = "3.14",
    header = "linux/debugfs.h",
    partial = "llseek, mmap, read_iter and write_iter are not called"
)]
fn debugfs_create_file_size(name: KStr, mode: u16, parent: Entry, data: KPtr, ops: KPtr, size: i64) {
    // As in Linux nobody is told of an error.
    let _ = under(parent, || regular(&name, mode, parent, data.addr(), ops, size as u64));
}

/// Makes a symbolic link.
///
/// # Errors
/// `EEXIST`; the parent's.
#[kexport(gpl, since = "2.6.20", header = "linux/debugfs.h")]
fn debugfs_create_symlink(name: KStr, parent: Entry, target: KStr) -> ErrPtr<Dentry> {
    under(parent, || make(&name.to_string_lossy(), parent, "File", Spec::symlink(&target.to_string_lossy())))
}

/// Takes an entry away with all below it, once nobody runs its code.
fn remove(entry: Entry) -> KResult {
    let Some(made) = entries().remove(&entry.addr()) else { return Ok(()) };
    files::tree()?.remove(made.node);
    let mut gone = vec![(entry.addr(), made)];
    while let Some((entry, made)) = gone.pop() {
        owned::take(KIND, entry);
        heap::free(made.text.0, made.text.1);
        heap::free(entry, size_of_struct("dentry")?);
        let mut entries = entries();
        let below: Vec<u64> =
            entries.iter().filter(|(_, made)| made.parent == entry).map(|(below, _)| *below).collect();
        gone.extend(below.into_iter().filter_map(|below| Some((below, entries.remove(&below)?))));
    }
    Ok(())
}

/// Removes an entry with all below it; none, or an error instead of one, is fine.
#[kexport(gpl, since = "2.6.10", header = "linux/debugfs.h")]
fn debugfs_remove(entry: Entry) -> KResult {
    remove(entry)
}

/// Looks an entry up; NULL if there is none.
#[kexport(gpl, since = "4.7", header = "linux/debugfs.h")]
fn debugfs_lookup(name: KStr, parent: Entry) -> KPtr<Dentry> {
    child(parent, &name.to_string_lossy()).unwrap_or(Entry::new(0))
}

/// Looks an entry up and removes it.
#[kexport(gpl, since = "6.2", header = "linux/debugfs.h")]
fn debugfs_lookup_and_remove(name: KStr, parent: Entry) -> KResult {
    child(parent, &name.to_string_lossy()).map_or(Ok(()), remove)
}

/// Gives an entry another name or place.
///
/// # Errors
/// `EINVAL`: there is something of that name, or no such entry.
#[kexport(gpl, since = "2.6.22", header = "linux/debugfs.h")]
fn debugfs_rename(_old_parent: Entry, entry: Entry, parent: Entry, name: KStr) -> ErrPtr<Dentry> {
    ErrPtr(rename(entry, parent, &name.to_string_lossy()))
}

fn rename(entry: Entry, parent: Entry, name: &str) -> KResult<Entry> {
    if is_error(entry) || is_error(parent) || child(parent, name).is_some() {
        return Err(EINVAL.into());
    }
    let tree = files::tree()?;
    let (folder, _) = directory(parent)?;
    let (node, spec) = {
        let entries = entries();
        let made = entries.get(&entry.addr()).ok_or(EINVAL)?;
        (made.node, made.spec.clone())
    };
    // The old one stays where the new one cannot be made.
    let old = node;
    let node = tree.add(folder, name, spec)?.keep();
    tree.remove(old);
    let text = write_name(entry, name)?;
    PARENT.put(entry, if parent.is_null() { entry.addr() } else { parent.addr() })?;
    if let Some(made) = entries().get_mut(&entry.addr()) {
        heap::free(made.text.0, made.text.1);
        (made.node, made.name, made.parent, made.text) = (node, name.to_string(), parent.addr(), text);
    }
    below_again(entry.addr(), node)?;
    Ok(entry)
}

/// Makes what is below a renamed directory once more.
fn below_again(directory: u64, node: NodeId) -> KResult {
    let tree = files::tree()?;
    let below: Vec<(u64, String, Spec)> = entries()
        .iter()
        .filter(|(_, made)| made.parent == directory)
        .map(|(entry, made)| (*entry, made.name.clone(), made.spec.clone()))
        .collect();
    for (entry, name, spec) in below {
        let node = tree.add(node, &name, spec)?.keep();
        if let Some(made) = entries().get_mut(&entry) {
            made.node = node;
        }
        below_again(entry, node)?;
    }
    Ok(())
}

/// True: there is a debugfs.
#[kexport(gpl, since = "2.6.38", header = "linux/debugfs.h")]
fn debugfs_initialized() -> bool {
    true
}

/// Gives an entry back that was looked up. Entries count nobody here.
#[kexport(
    since = "2.4.0",
    header = "linux/dcache.h",
    partial = "entries are not counted: they live until they are removed"
)]
fn dput(_entry: Entry) {}
