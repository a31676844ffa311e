//! The three trees: registering, removing and finding nodes.
//!
//! One lock guards the shape of the trees and is never held while code of a file or of a dynamic directory runs.
//! Counterparts: fs/kernfs/dir.c, fs/proc/generic.c, fs/debugfs/inode.c.

use super::gate::Gate;
use super::node::{Content, Devices, Fs, Spec};
use super::open::OpenTable;
use kabi::Errno;
use kabi::errno::{EACCES, EEXIST, EINVAL, ENAMETOOLONG, ENOENT, ENOTDIR};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, Weak};
use std::time::{SystemTime, UNIX_EPOCH};
use wire::{Attr, Caller, Event, FileKind, NodeId, ROOT_DEV, ROOT_PROC, ROOT_SYS};

/// Node ids below this one are the roots'.
const FIRST_ID: NodeId = 16;
/// The longest name (`NAME_MAX`).
const NAME_MAX: usize = 255;

/// Attributes that `chmod` and `chown` change.
#[derive(Debug, Clone, Copy)]
pub(super) struct Meta {
    pub(super) mode: u32,
    pub(super) uid: u32,
    pub(super) gid: u32,
}

/// A node: a place in a tree.
pub(super) struct Inode {
    pub(super) id: NodeId,
    pub(super) parent: NodeId,
    pub(super) name: String,
    pub(super) fs: Fs,
    pub(super) content: Content,
    pub(super) gate: Arc<Gate>,
    meta: Mutex<Meta>,
    mtime_s: i64,
}

impl Inode {
    pub(super) fn meta(&self) -> Meta {
        *self.meta.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn change(&self, change: impl FnOnce(&mut Meta)) {
        change(&mut self.meta.lock().unwrap_or_else(PoisonError::into_inner));
    }

    pub(super) fn is_dir(&self) -> bool {
        self.content.kind() == FileKind::Dir
    }

    /// Checks permission bits (`want`: 4 read, 2 write, 1 search) as `generic_permission` does; root passes except
    /// under /proc/sys, and except for executing.
    pub(super) fn permit(&self, caller: &Caller, want: u32) -> Result<(), Errno> {
        let meta = self.meta();
        if caller.uid == 0 && self.fs != Fs::Sysctl {
            return Ok(());
        }
        let bits = if caller.uid == meta.uid {
            meta.mode >> 6
        } else if caller.gid == meta.gid {
            meta.mode >> 3
        } else {
            meta.mode
        };
        if bits & want == want { Ok(()) } else { Err(EACCES) }
    }
}

/// The shape of the trees.
pub(super) struct Index {
    nodes: HashMap<NodeId, Arc<Inode>>,
    children: HashMap<NodeId, BTreeMap<String, NodeId>>,
    next: NodeId,
}

type Blocker = dyn Fn(&dyn Fn()) + Send + Sync;
type EventSink = dyn Fn(Event) + Send + Sync;
type InterruptHook = dyn Fn(u64, bool) + Send + Sync;

/// What all clones of a [`Tree`] share.
pub struct Shared {
    index: RwLock<Index>,
    pub(super) open: OpenTable,
    pub(super) devices: OnceLock<Arc<dyn Devices>>,
    pub(super) interrupt: OnceLock<Box<InterruptHook>>,
    events: OnceLock<Box<EventSink>>,
    blocker: OnceLock<Box<Blocker>>,
}

impl Shared {
    pub(super) fn send(&self, event: Event) {
        if let Some(sink) = self.events.get() {
            sink(event);
        }
    }

    pub(super) fn read(&self) -> RwLockReadGuard<'_, Index> {
        self.index.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Index> {
        self.index.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn block(&self, wait: &dyn Fn()) {
        match self.blocker.get() {
            Some(blocker) => blocker(wait),
            None => wait(),
        }
    }
}

/// The file trees of an instance. Clones are the same trees; any thread may use them.
#[derive(Clone)]
pub struct Tree {
    pub(super) shared: Arc<Shared>,
}

impl Default for Tree {
    fn default() -> Self {
        Self::new()
    }
}

fn now_s() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| i64::try_from(d.as_secs()).unwrap_or(i64::MAX))
}

fn inode(id: NodeId, parent: NodeId, name: &str, fs: Fs, spec: Spec) -> Arc<Inode> {
    let meta = Meta { mode: spec.mode, uid: spec.uid, gid: spec.gid };
    Arc::new(Inode {
        id,
        parent,
        name: name.to_owned(),
        fs: spec.fs.unwrap_or(fs),
        content: spec.content,
        gate: Arc::default(),
        meta: Mutex::new(meta),
        mtime_s: now_s(),
    })
}

/// Checks a name that is to be registered.
fn check_name(name: &str) -> Result<(), Errno> {
    if name.is_empty() || name == "." || name == ".." || name.contains(['/', '\0']) {
        return Err(EINVAL);
    }
    if name.len() > NAME_MAX { Err(ENAMETOOLONG) } else { Ok(()) }
}

impl Index {
    pub(super) fn get(&self, id: NodeId) -> Option<Arc<Inode>> {
        self.nodes.get(&id).cloned()
    }

    pub(super) fn child(&self, parent: NodeId, name: &str) -> Option<Arc<Inode>> {
        self.get(*self.children.get(&parent)?.get(name)?)
    }

    pub(super) fn list(&self, parent: NodeId) -> Vec<Arc<Inode>> {
        self.children.get(&parent).into_iter().flatten().filter_map(|(_, id)| self.get(*id)).collect()
    }

    fn insert(&mut self, parent: &Inode, name: &str, spec: Spec) -> Result<Arc<Inode>, Errno> {
        let id = self.next;
        self.next = self.next.checked_add(1).ok_or(kabi::errno::ENOSPC)?;
        let node = inode(id, parent.id, name, parent.fs, spec);
        self.nodes.insert(id, Arc::clone(&node));
        self.children.entry(parent.id).or_default().insert(name.to_owned(), id);
        Ok(node)
    }

    /// Takes a subtree out of the trees and shuts it; the result is all its nodes.
    fn take(&mut self, id: NodeId) -> Vec<Arc<Inode>> {
        let Some(top) = self.get(id) else { return Vec::new() };
        if let Some(siblings) = self.children.get_mut(&top.parent)
            && siblings.get(&top.name) == Some(&id)
        {
            siblings.remove(&top.name);
        }
        let (mut taken, mut todo) = (Vec::new(), vec![id]);
        while let Some(id) = todo.pop() {
            if let Some(node) = self.nodes.remove(&id) {
                node.gate.shut();
                taken.push(node);
            }
            todo.extend(self.children.remove(&id).into_iter().flat_map(BTreeMap::into_values));
        }
        taken
    }
}

impl Tree {
    /// The three roots, empty.
    pub fn new() -> Self {
        let mut nodes = HashMap::new();
        for (id, mode, fs) in [(ROOT_PROC, 0o555, Fs::Proc), (ROOT_SYS, 0o555, Fs::Sys), (ROOT_DEV, 0o755, Fs::Dev)] {
            nodes.insert(id, inode(id, id, "", fs, Spec::dir(mode)));
        }
        let index = Index { nodes, children: HashMap::new(), next: FIRST_ID };
        Self {
            shared: Arc::new(Shared {
                index: RwLock::new(index),
                open: OpenTable::default(),
                devices: OnceLock::new(),
                interrupt: OnceLock::new(),
                events: OnceLock::new(),
                blocker: OnceLock::new(),
            }),
        }
    }

    /// Sets what opens device nodes (until then: `ENXIO`). False if it is set already.
    pub fn set_devices(&self, devices: Arc<dyn Devices>) -> bool {
        self.shared.devices.set(devices).is_ok()
    }

    /// Sets where [`Event::PollWakeup`]s go. False if it is set already.
    pub fn set_event_sink(&self, sink: impl Fn(Event) + Send + Sync + 'static) -> bool {
        self.shared.events.set(Box::new(sink)).is_ok()
    }

    /// Sets what is done for `VfsCall::Interrupt`, with the frame's id and whether the caller dies. False if it is set already.
    pub fn set_interrupt(&self, hook: impl Fn(u64, bool) + Send + Sync + 'static) -> bool {
        self.shared.interrupt.set(Box::new(hook)).is_ok()
    }

    /// Sets how a removal waits for running file code: the hook calls what it gets, which blocks the thread, having
    /// given up the virtual CPU. False if it is set already.
    pub fn set_blocker(&self, blocker: impl Fn(&dyn Fn()) + Send + Sync + 'static) -> bool {
        self.shared.blocker.set(Box::new(blocker)).is_ok()
    }

    pub(super) fn node(&self, id: NodeId) -> Result<Arc<Inode>, Errno> {
        self.shared.read().get(id).ok_or(ENOENT)
    }

    /// The node, also when it is removed but still open somewhere.
    pub(super) fn node_or_open(&self, id: NodeId) -> Result<Arc<Inode>, Errno> {
        self.node(id).or_else(|e| self.shared.open.node(id).ok_or(e))
    }

    /// Whether there was a node with this id, which is removed.
    pub(super) fn was_node(&self, id: NodeId) -> bool {
        let index = self.shared.read();
        (FIRST_ID..index.next).contains(&id) && index.get(id).is_none()
    }

    /// How many files are open.
    pub fn open_files(&self) -> usize {
        self.shared.open.len()
    }

    /// Registers `spec` as `name` in the directory `parent`. It is gone when the result is dropped.
    ///
    /// # Errors
    /// `EINVAL` or `ENAMETOOLONG` for a bad name, `ENOENT` when `parent` is gone, `ENOTDIR` when it is no directory of
    /// registered entries, `EEXIST`.
    pub fn add(&self, parent: NodeId, name: &str, spec: Spec) -> Result<Registration, Errno> {
        check_name(name)?;
        let mut index = self.shared.write();
        let dir = index.get(parent).ok_or(ENOENT)?;
        if !matches!(dir.content, Content::Dir) {
            return Err(ENOTDIR);
        }
        if index.child(parent, name).is_some() {
            return Err(EEXIST);
        }
        let id = index.insert(&dir, name, spec)?.id;
        drop(index);
        Ok(Registration { tree: Arc::downgrade(&self.shared), id })
    }

    /// The directory at an absolute path below /proc, /sys or /dev, made (for good, mode 0755; 0555 in /proc) where it
    /// is missing.
    ///
    /// # Errors
    /// As [`Tree::add`]; `ENOENT` for a path outside.
    pub fn make_path(&self, path: &str) -> Result<NodeId, Errno> {
        let mut parts = path.split('/').filter(|part| !part.is_empty());
        let mut at = root(parts.next().unwrap_or_default()).ok_or(ENOENT)?;
        let mode = if at == ROOT_PROC { 0o555 } else { 0o755 };
        let dir = |at, part: &str| match (at, part) {
            (ROOT_PROC, "sys") => Spec::dir(mode).under(Fs::Sysctl),
            _ => Spec::dir(mode),
        };
        for part in parts {
            let found = self.shared.read().child(at, part);
            at = match found {
                Some(node) if node.is_dir() => node.id,
                Some(_) => return Err(ENOTDIR),
                None => match self.add(at, part, dir(at, part)) {
                    Ok(made) => made.keep(),
                    // another thread was quicker
                    Err(EEXIST) => self.shared.read().child(at, part).ok_or(ENOENT)?.id,
                    Err(e) => return Err(e),
                },
            };
        }
        Ok(at)
    }

    /// The entry `name` of the directory `parent`, if it is registered (not for dynamic directories).
    pub fn child(&self, parent: NodeId, name: &str) -> Option<NodeId> {
        self.shared.read().child(parent, name).map(|node| node.id)
    }

    /// Removes a node and everything below it; waits until none of their code runs.
    pub fn remove(&self, id: NodeId) {
        self.shared.remove(id);
    }

    /// Sets permission bits from inside (`sysfs_chmod_file`, a bus's rule).
    ///
    /// # Errors
    /// `ENOENT`.
    pub fn chmod(&self, id: NodeId, mode: u32) -> Result<(), Errno> {
        self.node(id)?.change(|meta| meta.mode = mode & 0o7777);
        Ok(())
    }

    /// Sets the owner from inside (`proc_set_user`).
    ///
    /// # Errors
    /// `ENOENT`.
    pub fn chown(&self, id: NodeId, uid: u32, gid: u32) -> Result<(), Errno> {
        self.node(id)?.change(|meta| (meta.uid, meta.gid) = (uid, gid));
        Ok(())
    }

    /// Brings the cached nodes of a dynamic directory in line with what it has now.
    pub(super) fn reconcile(&self, dir: &Inode, name: &str, spec: Option<Spec>) -> Result<Arc<Inode>, Errno> {
        let mut index = self.shared.write();
        if index.get(dir.id).is_none() || check_name(name).is_err() {
            return Err(ENOENT);
        }
        let old = index.child(dir.id, name);
        let Some(spec) = spec else {
            old.map(|old| index.take(old.id));
            return Err(ENOENT);
        };
        if let Some(old) = old {
            if old.content.same(&spec.content) {
                return Ok(old);
            }
            index.take(old.id);
        }
        index.insert(dir, name, spec)
    }

    /// Forgets the cached nodes of a dynamic directory that are not in `names`.
    pub(super) fn prune(&self, dir: &Inode, names: &[String]) {
        let stale: Vec<NodeId> = {
            let index = self.shared.read();
            index.list(dir.id).iter().filter(|n| !names.contains(&n.name)).map(|n| n.id).collect()
        };
        for id in stale {
            self.shared.write().take(id);
        }
    }

    pub(super) fn attr(&self, node: &Inode) -> Attr {
        let meta = node.meta();
        let (size, rdev) = match &node.content {
            Content::File(file) => (file.size(), 0),
            Content::Device { rdev, .. } => (0, *rdev),
            Content::Symlink(target) if node.fs != Fs::Sys => (target.len() as u64, 0),
            _ => (0, 0),
        };
        let nlink = if !node.is_dir() || node.fs == Fs::Sysctl {
            1
        } else {
            let dirs = self.shared.read().list(node.id).iter().filter(|n| n.is_dir()).count();
            u32::try_from(dirs).unwrap_or(u32::MAX).saturating_add(2)
        };
        Attr {
            node: node.id,
            kind: node.content.kind(),
            mode: meta.mode,
            uid: meta.uid,
            gid: meta.gid,
            size,
            nlink,
            rdev,
            mtime_s: node.mtime_s,
            blksize: if matches!(node.fs, Fs::Proc | Fs::Sysctl) { 1024 } else { 4096 },
        }
    }
}

impl Shared {
    fn remove(&self, id: NodeId) {
        let taken = self.write().take(id);
        for node in &taken {
            if node.gate.is_busy() {
                self.block(&|| node.gate.wait());
            }
        }
        for node in &taken {
            if matches!(node.fs, Fs::Proc | Fs::Sys) {
                self.open.release_all(node.id);
            }
        }
    }
}

/// The root with this name.
pub(super) fn root(name: &str) -> Option<NodeId> {
    match name {
        "proc" => Some(ROOT_PROC),
        "sys" => Some(ROOT_SYS),
        "dev" => Some(ROOT_DEV),
        _ => None,
    }
}

/// A registered node. Dropping it removes the node and everything below it, and waits until none of their code runs.
#[must_use = "dropping it removes the node at once"]
pub struct Registration {
    tree: Weak<Shared>,
    id: NodeId,
}

impl std::fmt::Debug for Registration {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Registration({})", self.id)
    }
}

impl Registration {
    /// The node.
    pub fn id(&self) -> NodeId {
        self.id
    }

    /// Removes it now; the same as dropping.
    pub fn remove(self) {}

    /// Leaves it in place for good (or until [`Tree::remove`]); the result is the node.
    pub fn keep(mut self) -> NodeId {
        self.tree = Weak::new();
        self.id
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        if let Some(tree) = self.tree.upgrade() {
            tree.remove(self.id);
        }
    }
}
