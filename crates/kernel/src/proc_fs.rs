//! Modules' files in /proc. Counterpart: fs/proc/generic.c.
//!
//! A `struct proc_dir_entry` is nothing that modules look into: here it is the address of an `Entry`.

use crate::fault::warn_in;
use crate::files;
use crate::fs::{Ctx, File, OpenFile, Spec};
use crate::mm::owned::{self, Block, Kind};
use crate::module::symbols;
use crate::vfs::file::{self, New, PROC_OPS};
use crate::vfs::seq_open;
use kabi::errno::{EINVAL, ENOENT, ENOMEM};
use kabi::{Field, KPtr, KResult, KStr, NullPtr, c_int, c_uint, exports, kexport, size_of_struct};
use machine::heap;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use wire::{NodeId, ROOT_PROC};

exports![
    proc_create,
    proc_create_data,
    proc_create_single_data,
    proc_create_seq_private,
    proc_mkdir,
    proc_mkdir_mode,
    proc_mkdir_data,
    proc_symlink,
    proc_remove,
    remove_proc_entry,
    remove_proc_subtree,
    proc_set_size,
    proc_set_user,
    pde_data
];

/// The kernel's `struct proc_dir_entry`.
#[derive(Debug)]
pub struct ProcDirEntry;

type Pde = KPtr<ProcDirEntry>;

static INODE_PRIVATE: Field = Field::new("inode", "i_private");

const SOURCE: &str = "fs/proc/generic.c";
/// What entries are called in reports.
const KIND: Kind = Kind::Other("entry in /proc");
/// Bytes that an entry's address stands for.
const SIZE: usize = 16;
/// `S_IFREG`
const REGULAR: u16 = 0o100_000;
/// `S_IALLUGO`
const PERMISSIONS: u16 = 0o7777;
/// Folders of /proc that Linux has for modules.
const FOLDERS: [&str; 3] = ["bus", "driver", "fs"];

/// A name in /proc.
struct Entry {
    node: NodeId,
    name: String,
    /// 0 for /proc itself.
    parent: u64,
    size: Arc<AtomicU64>,
}

static ENTRIES: Mutex<BTreeMap<u64, Entry>> = Mutex::new(BTreeMap::new());

fn entries() -> MutexGuard<'static, BTreeMap<u64, Entry>> {
    ENTRIES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The directory of an entry, and what it is called in messages.
fn directory(parent: u64) -> KResult<(NodeId, String)> {
    match entries().get(&parent) {
        Some(entry) => Ok((entry.node, entry.name.clone())),
        None if parent == 0 => Ok((ROOT_PROC, "/proc".to_string())),
        None => Err(EINVAL.into()),
    }
}

fn child(parent: u64, name: &str) -> Option<u64> {
    entries().iter().find(|(_, entry)| entry.parent == parent && entry.name == name).map(|(pde, _)| *pde)
}

/// Where a path ends: its last directory, which may be one of the kernel's own, and the name in it.
struct Place {
    parent: u64,
    node: NodeId,
    /// For messages.
    folder: String,
    name: String,
}

/// Follows a path (`xlate_proc_name`), and says so if it does not exist.
fn place(path: &str, parent: Pde) -> KResult<Place> {
    let (mut node, mut folder) = directory(parent.addr())?;
    let mut parent = parent.addr();
    let (folders, name) = path.rsplit_once('/').unwrap_or(("", path));
    for part in folders.split('/').filter(|part| !part.is_empty()) {
        if let Some(found) = child(parent, part) {
            (node, folder) = directory(found)?;
            parent = found;
        } else if node == ROOT_PROC && FOLDERS.contains(&part) {
            node = files::tree()?.make_path(&format!("/proc/{part}"))?;
            folder = part.to_string();
            // Entries there hang on no entry of a module's.
            parent = node << 1 | 1;
        } else {
            warn_in("__xlate_proc_name", SOURCE, 0, Some(&format!("name '{path}'")));
            return Err(ENOENT.into());
        }
    }
    Ok(Place { parent, node, folder, name: name.to_string() })
}

/// Makes an entry.
fn register(path: &str, parent: Pde, spec: impl FnOnce(&Arc<AtomicU64>) -> Spec) -> KResult<Pde> {
    let place = place(path, parent)?;
    if place.name.is_empty() || place.name.len() > 255 {
        warn_in("__proc_create", SOURCE, 0, Some(&format!("name len {}", place.name.len())));
        return Err(EINVAL.into());
    }
    if place.node == ROOT_PROC && place.name.parse::<u32>().is_ok() {
        warn_in("__proc_create", SOURCE, 1, Some(&format!("create '/proc/{}' by hand", place.name)));
        return Err(EINVAL.into());
    }
    let size = Arc::new(AtomicU64::new(0));
    // It goes again if what follows fails.
    let made = match files::tree()?.add(place.node, &place.name, spec(&size)) {
        Ok(made) => made,
        Err(e) => {
            let text = format!("proc_dir_entry '{}/{}' already registered", place.folder, place.name);
            warn_in("proc_register", SOURCE, 0, Some(&text));
            return Err(e.into());
        }
    };
    let pde = heap::alloc(SIZE).ok_or(ENOMEM)?;
    owned::note(pde, Block::new(KIND, 0).named(&format!("{}/{}", place.folder, place.name)));
    entries().insert(pde, Entry { node: made.keep(), name: place.name, parent: place.parent, size });
    Ok(Pde::new(pde))
}

/// What an entry's open file does before its operations are called.
#[derive(Clone, Copy)]
enum Opening {
    /// The module's own function.
    Module,
    /// One record, which a function shows.
    Single { show: u64 },
    /// Records, with memory of this size.
    Records { operations: u64, private: c_uint },
}

/// A regular file.
struct Regular {
    ops: KPtr,
    opening: Opening,
    mode: u16,
    data: u64,
    size: Arc<AtomicU64>,
}

impl File for Regular {
    fn open(&self, ctx: &Ctx<'_>) -> KResult<Box<dyn OpenFile>> {
        let opening = |file: KPtr| match self.opening {
            Opening::Module => Ok(()),
            Opening::Single { show } => seq_open::single(file, KPtr::new(show), self.data),
            Opening::Records { operations, private: 0 } => seq_open::open(file, operations).map(drop),
            Opening::Records { operations, private } => {
                seq_open::open_private(file, KPtr::new(operations), private as c_int).map(drop)
            }
        };
        let new = New {
            kind: &PROC_OPS,
            ops: self.ops,
            mode: REGULAR | self.mode,
            dev: 0,
            cdev: 0,
            inode_private: self.data,
            private: 0,
            size: self.size(),
            own_position: false,
            open: (!matches!(self.opening, Opening::Module)).then_some(&opening),
        };
        file::open(&new, Box::new(()), ctx)
    }

    fn size(&self) -> u64 {
        self.size.load(Ordering::Relaxed)
    }
}

/// Operations of lkm's own, on `struct seq_file`, with this release function.
fn own_operations(release: &str) -> KResult<KPtr> {
    static READ: Field = Field::new("proc_ops", "proc_read");
    static SEEK: Field = Field::new("proc_ops", "proc_lseek");
    static RELEASE: Field = Field::new("proc_ops", "proc_release");
    static MADE: Mutex<BTreeMap<String, u64>> = Mutex::new(BTreeMap::new());
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(ops) = made.get(release) {
        return Ok(KPtr::new(*ops));
    }
    let ops = crate::mm::slab::permanent(size_of_struct("proc_ops")?)?;
    for (field, name) in [(&READ, "seq_read"), (&SEEK, "seq_lseek"), (&RELEASE, release)] {
        field.put(ops, symbols::address_of(name).ok().flatten().ok_or(ENOENT)?)?;
    }
    made.insert(release.to_string(), ops.addr());
    Ok(ops)
}

fn create(name: &KStr, mode: u16, parent: Pde, ops: KPtr, opening: Opening, data: u64) -> KResult<Pde> {
    let mode = if mode & PERMISSIONS == 0 { 0o444 } else { mode & PERMISSIONS };
    register(&name.to_string_lossy(), parent, |size| {
        let file = Regular { ops, opening, mode, data, size: Arc::clone(size) };
        Spec::file(mode.into(), Arc::new(file))
    })
}

/// Makes a file; NULL if that cannot be.
#[kexport(
    since = "2.6.12",
    header = "linux/proc_fs.h",
    partial = "proc_lseek, proc_mmap and proc_read_iter are not called"
)]
fn proc_create(name: KStr, mode: u16, parent: Pde, ops: KPtr) -> NullPtr<ProcDirEntry> {
    NullPtr(create(&name, mode, parent, ops, Opening::Module, 0))
}

/// [`proc_create`] of a file with data, which its inode then has.
#[kexport(
    since = "2.6.26",
    header = "linux/proc_fs.h",
    partial = "proc_lseek, proc_mmap and proc_read_iter are not called"
)]
fn proc_create_data(name: KStr, mode: u16, parent: Pde, ops: KPtr, data: KPtr) -> NullPtr<ProcDirEntry> {
    NullPtr(create(&name, mode, parent, ops, Opening::Module, data.addr()))
}

/// Makes a file of one record, which `show` makes.
#[kexport(since = "4.18", header = "linux/proc_fs.h")]
fn proc_create_single_data(name: KStr, mode: u16, parent: Pde, show: KPtr, data: KPtr) -> NullPtr<ProcDirEntry> {
    let opening = Opening::Single { show: show.addr() };
    NullPtr(own_operations("single_release").and_then(|ops| create(&name, mode, parent, ops, opening, data.addr())))
}

/// Makes a file of records, with `size` bytes of memory for each who has it open.
#[kexport(since = "4.18", header = "linux/proc_fs.h")]
fn proc_create_seq_private(
    name: KStr,
    mode: u16,
    parent: Pde,
    operations: KPtr,
    size: c_uint,
    data: KPtr,
) -> NullPtr<ProcDirEntry> {
    let opening = Opening::Records { operations: operations.addr(), private: size };
    let release = if size == 0 { "seq_release" } else { "seq_release_private" };
    NullPtr(own_operations(release).and_then(|ops| create(&name, mode, parent, ops, opening, data.addr())))
}

fn make_directory(name: &KStr, mode: u16, parent: Pde) -> KResult<Pde> {
    let mode = if mode & PERMISSIONS == 0 { 0o555 } else { mode & PERMISSIONS };
    register(&name.to_string_lossy(), parent, |_| Spec::dir(mode.into()))
}

/// Makes a directory; NULL if that cannot be.
#[kexport(since = "2.4.0", header = "linux/proc_fs.h")]
fn proc_mkdir(name: KStr, parent: Pde) -> NullPtr<ProcDirEntry> {
    NullPtr(make_directory(&name, 0, parent))
}

/// [`proc_mkdir`] with permission bits.
#[kexport(since = "2.6.12", header = "linux/proc_fs.h")]
fn proc_mkdir_mode(name: KStr, mode: u16, parent: Pde) -> NullPtr<ProcDirEntry> {
    NullPtr(make_directory(&name, mode, parent))
}

/// [`proc_mkdir_mode`] with data.
#[kexport(since = "3.10", header = "linux/proc_fs.h", gpl, partial = "proc_get_parent_data does not exist")]
fn proc_mkdir_data(name: KStr, mode: u16, parent: Pde, _data: KPtr) -> NullPtr<ProcDirEntry> {
    NullPtr(make_directory(&name, mode, parent))
}

/// Makes a symbolic link; NULL if that cannot be.
#[kexport(since = "2.4.0", header = "linux/proc_fs.h")]
fn proc_symlink(name: KStr, parent: Pde, target: KStr) -> NullPtr<ProcDirEntry> {
    NullPtr(register(&name.to_string_lossy(), parent, |_| Spec::symlink(&target.to_string_lossy())))
}

/// Takes an entry away with all below it, once nobody runs its code.
fn remove(pde: u64) -> KResult {
    let Some(entry) = entries().remove(&pde) else { return Ok(()) };
    files::tree()?.remove(entry.node);
    let mut gone = vec![pde];
    while let Some(pde) = gone.pop() {
        owned::take(KIND, pde);
        heap::free(pde, SIZE);
        let mut entries = entries();
        let below: Vec<u64> = entries.iter().filter(|(_, entry)| entry.parent == pde).map(|(pde, _)| *pde).collect();
        below.iter().for_each(|pde| drop(entries.remove(pde)));
        gone.extend(below);
    }
    Ok(())
}

/// Removes an entry with all below it; none is fine.
#[kexport(since = "3.10", header = "linux/proc_fs.h")]
fn proc_remove(pde: Pde) -> KResult {
    remove(pde.addr())
}

/// Removes an entry by its name.
#[kexport(since = "2.4.0", header = "linux/proc_fs.h")]
fn remove_proc_entry(name: KStr, parent: Pde) -> KResult {
    let path = name.to_string_lossy();
    let Ok(place) = place(&path, parent) else { return Ok(()) };
    let Some(pde) = child(place.parent, &place.name) else {
        warn_in("remove_proc_entry", SOURCE, 0, Some(&format!("name '{path}'")));
        return Ok(());
    };
    let below = entries().values().filter(|entry| entry.parent == pde).map(|entry| entry.name.clone()).min();
    if let Some(first) = below {
        let text = format!(
            "remove_proc_entry: removing non-empty directory '{}/{}', leaking at least '{first}'",
            place.folder, place.name
        );
        warn_in("remove_proc_entry", SOURCE, usize::MAX, Some(&text));
    }
    remove(pde)
}

/// Removes an entry by its name, with all below it.
///
/// # Errors
/// `ENOENT`.
#[kexport(since = "3.9", header = "linux/proc_fs.h")]
fn remove_proc_subtree(name: KStr, parent: Pde) -> KResult<c_int> {
    let place = place(&name.to_string_lossy(), parent)?;
    remove(child(place.parent, &place.name).ok_or(ENOENT)?)?;
    Ok(0)
}

/// The size that `stat(2)` shows.
#[kexport(since = "3.10", header = "linux/proc_fs.h")]
fn proc_set_size(pde: Pde, size: i64) {
    if let Some(entry) = entries().get(&pde.addr()) {
        entry.size.store(size as u64, Ordering::Relaxed);
    }
}

/// The owner that `stat(2)` shows.
#[kexport(since = "3.10", header = "linux/proc_fs.h")]
fn proc_set_user(pde: Pde, uid: c_uint, gid: c_uint) -> KResult {
    let node = entries().get(&pde.addr()).map(|entry| entry.node);
    node.map_or(Ok(()), |node| Ok(files::tree()?.chown(node, uid, gid)?))
}

/// The data of the entry behind an inode.
#[kexport(since = "5.17", header = "linux/proc_fs.h")]
fn pde_data(inode: KPtr) -> KResult<KPtr> {
    Ok(KPtr::new(INODE_PRIVATE.get(inode)?))
}
