//! What a place in the trees can hold: the traits that files and directories implement, and [`Spec`], what is registered.
//!
//! Counterparts: `struct kernfs_ops`, `struct proc_ops`, `struct file_operations`.

use super::tree::Shared;
use kabi::errno::{EFAULT, EIO, ENOTTY, ESPIPE};
use kabi::{Errno, KResult};
use std::sync::{Arc, Weak};
use wire::{Caller, Event, FileKind};

/// `POLLIN`.
pub const POLLIN: u32 = 0x1;
/// `POLLPRI`.
pub const POLLPRI: u32 = 0x2;
/// `POLLOUT`.
pub const POLLOUT: u32 = 0x4;
/// `POLLERR`.
pub const POLLERR: u32 = 0x8;
/// `POLLHUP`.
pub const POLLHUP: u32 = 0x10;
/// `POLLRDNORM`.
pub const POLLRDNORM: u32 = 0x40;
/// `POLLWRNORM`.
pub const POLLWRNORM: u32 = 0x100;
/// What `poll` says of a file without a poll function (`DEFAULT_POLLMASK` of include/linux/poll.h).
pub const DEFAULT_POLLMASK: u32 = POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM;

/// Who calls, and with which `open(2)` flags the file is open now.
#[derive(Debug, Clone, Copy)]
pub struct Ctx<'a> {
    /// The program.
    pub caller: &'a Caller,
    /// `O_*`.
    pub flags: u32,
}

/// What `ioctl(2)` passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ioctl {
    /// The command.
    pub command: u32,
    /// The argument.
    pub argument: u64,
    /// Whether a 32-bit program calls (`compat_ioctl`).
    pub compat: bool,
}

/// Which methods a file has. Only sysfs looks: without the method, opening fails with `EACCES` whoever asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Methods {
    /// It can be read.
    pub read: bool,
    /// It can be written.
    pub write: bool,
}

/// A file (or device) as registered; shared by all who open it. Its code runs without any lock of the trees held and may
/// block.
pub trait File: Send + Sync {
    /// Opens it; permission bits are checked already.
    ///
    /// # Errors
    /// What `open(2)` shall fail with.
    fn open(&self, ctx: &Ctx<'_>) -> KResult<Box<dyn OpenFile>>;

    /// The size that `stat` shows: 0 in /proc, 4096 for an attribute, the real size of a binary attribute.
    fn size(&self) -> u64 {
        0
    }

    /// Which methods it has.
    fn methods(&self) -> Methods {
        Methods { read: true, write: true }
    }
}

/// An open file. Several threads may call it at once. The defaults are those of a proc file without that method.
pub trait OpenFile: Send + Sync {
    /// Reads up to `size` bytes at `offset`; fewer are a short read, none is the end.
    ///
    /// # Errors
    /// What `read(2)` shall fail with.
    fn read(&self, _ctx: &Ctx<'_>, _offset: u64, _size: usize) -> KResult<Vec<u8>> {
        Err(EIO.into())
    }

    /// What has been made already by an earlier read and can be handed out without running code of the file.
    fn buffered(&self, _offset: u64, _size: usize) -> Option<Vec<u8>> {
        None
    }

    /// Takes the bytes of one `write(2)` at `offset`; the result is how many were taken.
    ///
    /// # Errors
    /// What `write(2)` shall fail with.
    fn write(&self, _ctx: &Ctx<'_>, _offset: u64, _data: &[u8]) -> KResult<usize> {
        Err(EIO.into())
    }

    /// The `POLL*` bits now. With a `waker`, keep it and call [`PollWaker::wake`] at the next change.
    ///
    /// # Errors
    /// What the call shall fail with.
    fn poll(&self, _ctx: &Ctx<'_>, _waker: Option<PollWaker>) -> KResult<u32> {
        Ok(DEFAULT_POLLMASK)
    }

    /// The last descriptor is gone, or the file is removed (/proc, /sys); called once.
    fn release(&self, _ctx: &Ctx<'_>) {}

    /// True for a file that has no position (`stream_open`), or moves its own: then `read(2)` comes as
    /// [`OpenFile::read_on`]. Reads and writes of a stream do not wait for each other, as on a device.
    fn stream(&self) -> bool {
        false
    }

    /// Where it is, for a file that keeps its own position where its code sees and changes it (`f_pos`).
    fn position(&self) -> Option<u64> {
        None
    }

    /// Such a file is at `pos` now.
    fn moved(&self, _pos: u64) {}

    /// Reads at `pos` and moves it (`*ppos` of `struct file_operations`).
    ///
    /// # Errors
    /// What `read(2)` shall fail with; the position then stays.
    fn read_on(&self, ctx: &Ctx<'_>, pos: &mut u64, size: usize) -> KResult<Vec<u8>> {
        let data = self.read(ctx, *pos, size)?;
        *pos = pos.saturating_add(data.len() as u64);
        Ok(data)
    }

    /// Writes at `pos` and moves it.
    ///
    /// # Errors
    /// What `write(2)` shall fail with; the position then stays.
    fn write_on(&self, ctx: &Ctx<'_>, pos: &mut u64, data: &[u8]) -> KResult<usize> {
        let taken = self.write(ctx, *pos, data)?;
        *pos = pos.saturating_add(taken as u64);
        Ok(taken)
    }

    /// `read(2)` or `write(2)` of `size` bytes at `pos` with a buffer at `buffer` that the program has not. Only code that copies
    /// itself looks at more than that.
    ///
    /// # Errors
    /// `EFAULT`, or what the call fails with before.
    fn bad_buffer(&self, _ctx: &Ctx<'_>, _pos: &mut u64, _buffer: u64, _size: usize, _write: bool) -> KResult<usize> {
        Err(EFAULT.into())
    }

    /// `lseek(2)` on a stream that is at `pos`; the result is where it is then.
    ///
    /// # Errors
    /// What the call shall fail with: `ESPIPE` where there is no position.
    fn seek(&self, _ctx: &Ctx<'_>, _pos: u64, _offset: i64, _whence: u32) -> KResult<u64> {
        Err(ESPIPE.into())
    }

    /// `ioctl(2)`. While it runs, addresses that the caller passes are its memory ([`crate::mm::uaccess`]).
    ///
    /// # Errors
    /// What the call shall fail with.
    fn ioctl(&self, _ctx: &Ctx<'_>, _call: &Ioctl) -> KResult<i64> {
        Err(ENOTTY.into())
    }
}

/// A directory whose content is made when someone looks.
pub trait Directory: Send + Sync {
    /// All entries. Return the same [`Arc`]s for an entry that is still the same: it then keeps its node id.
    ///
    /// # Errors
    /// What reading the directory shall fail with.
    fn list(&self) -> KResult<Vec<(String, Spec)>>;

    /// One entry.
    ///
    /// # Errors
    /// What the lookup shall fail with; an absent name is `Ok(None)`.
    fn lookup(&self, name: &str) -> KResult<Option<Spec>> {
        Ok(self.list()?.into_iter().find(|(n, _)| n == name).map(|(_, spec)| spec))
    }
}

/// What opens device nodes: the character and block device tables.
pub trait Devices: Send + Sync {
    /// Opens the device `rdev` (as `makedev(3)` packs it).
    ///
    /// # Errors
    /// `ENXIO` when nothing drives it, or what the driver says.
    fn open(&self, kind: FileKind, rdev: u64, ctx: &Ctx<'_>) -> KResult<Box<dyn OpenFile>>;
}

/// Wakes the poller of one open file.
#[derive(Clone)]
pub struct PollWaker {
    pub(super) handle: u64,
    pub(super) tree: Weak<Shared>,
}

impl PollWaker {
    /// Tells the poller to look again; harmless when the file is closed.
    pub fn wake(&self) {
        if let Some(tree) = self.tree.upgrade() {
            tree.send(Event::PollWakeup { handle: self.handle });
        }
    }

    /// The open file it belongs to.
    pub fn handle(&self) -> u64 {
        self.handle
    }
}

/// Whose rules a node follows; children inherit it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fs {
    /// procfs.
    Proc,
    /// /proc/sys: permission bits bind root too, nothing can be changed.
    Sysctl,
    /// sysfs (kernfs).
    Sys,
    /// debugfs and tracefs.
    Debug,
    /// devtmpfs.
    Dev,
}

impl Fs {
    /// What using an open file of a removed node fails with.
    pub(super) fn removed(self) -> Errno {
        match self {
            Self::Sys => kabi::errno::ENODEV,
            _ => EIO,
        }
    }

    /// What `poll` says of an open file of a removed node.
    pub(super) fn removed_poll(self) -> u32 {
        match self {
            Self::Sys => DEFAULT_POLLMASK | POLLERR | POLLPRI,
            Self::Debug => POLLHUP,
            _ => DEFAULT_POLLMASK,
        }
    }
}

/// What is behind a node.
#[derive(Clone)]
pub(super) enum Content {
    Dir,
    Dynamic(Arc<dyn Directory>),
    File(Arc<dyn File>),
    Symlink(Arc<str>),
    Device { kind: FileKind, rdev: u64 },
}

impl Content {
    pub(super) fn kind(&self) -> FileKind {
        match self {
            Self::Dir | Self::Dynamic(_) => FileKind::Dir,
            Self::File(_) => FileKind::File,
            Self::Symlink(_) => FileKind::Symlink,
            Self::Device { kind, .. } => *kind,
        }
    }

    /// Whether it is the same thing, so that a dynamic entry keeps its node.
    pub(super) fn same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Dir, Self::Dir) => true,
            (Self::Dynamic(a), Self::Dynamic(b)) => Arc::ptr_eq(a, b),
            (Self::File(a), Self::File(b)) => Arc::ptr_eq(a, b),
            (Self::Symlink(a), Self::Symlink(b)) => a == b,
            (Self::Device { kind: k, rdev: r }, Self::Device { kind, rdev }) => k == kind && r == rdev,
            _ => false,
        }
    }
}

/// What is registered at a name: content and attributes.
#[derive(Clone)]
pub struct Spec {
    pub(super) content: Content,
    pub(super) mode: u32,
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) fs: Option<Fs>,
}

impl Spec {
    fn new(content: Content, mode: u32) -> Self {
        Self { content, mode: mode & 0o7777, uid: 0, gid: 0, fs: None }
    }

    /// A directory of registered entries.
    pub fn dir(mode: u32) -> Self {
        Self::new(Content::Dir, mode)
    }

    /// A directory whose content is made when someone looks.
    pub fn dynamic(mode: u32, directory: Arc<dyn Directory>) -> Self {
        Self::new(Content::Dynamic(directory), mode)
    }

    /// A regular file.
    pub fn file(mode: u32, file: Arc<dyn File>) -> Self {
        Self::new(Content::File(file), mode)
    }

    /// A symbolic link.
    pub fn symlink(target: &str) -> Self {
        Self::new(Content::Symlink(target.into()), 0o777)
    }

    /// A character device node; `rdev` as `makedev(3)` packs it. [`Devices`] opens it.
    pub fn char_device(mode: u32, rdev: u64) -> Self {
        Self::new(Content::Device { kind: FileKind::CharDevice, rdev }, mode)
    }

    /// A block device node.
    pub fn block_device(mode: u32, rdev: u64) -> Self {
        Self::new(Content::Device { kind: FileKind::BlockDevice, rdev }, mode)
    }

    /// With this owner instead of root.
    #[must_use]
    pub fn owner(mut self, uid: u32, gid: u32) -> Self {
        (self.uid, self.gid) = (uid, gid);
        self
    }

    /// Under the rules of this file system instead of its parent's.
    #[must_use]
    pub fn under(mut self, fs: Fs) -> Self {
        self.fs = Some(fs);
        self
    }
}
