//! File operations on the instance's own trees: /proc, /sys and /dev as the kernel process has them.
//!
//! Shaped after FUSE so that the supervisor's file system forwards without state. Entries of the host (a process's
//! /proc/PID, the host's own devices) never come here: the supervisor answers them itself.

use serde::{Deserialize, Serialize};

/// A file in the kernel process's trees; stays the same while anything refers to it.
pub type NodeId = u64;

/// The root of /proc.
pub const ROOT_PROC: NodeId = 1;
/// The root of /sys.
pub const ROOT_SYS: NodeId = 2;
/// The root of /dev.
pub const ROOT_DEV: NodeId = 3;

/// The directory in /dev with the device nodes that programs made elsewhere; no listing shows it.
pub const NODES: &str = ".lkm-nodes";

/// What kind of file a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum FileKind {
    /// A regular file.
    File,
    /// A directory.
    Dir,
    /// A symbolic link.
    Symlink,
    /// A character device, `rdev` in [`Attr`].
    CharDevice,
    /// A block device, `rdev` in [`Attr`].
    BlockDevice,
}

/// Attributes of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attr {
    /// The node.
    pub node: NodeId,
    /// Its kind.
    pub kind: FileKind,
    /// Permission bits (07777).
    pub mode: u32,
    /// Owner inside the instance.
    pub uid: u32,
    /// Group inside the instance.
    pub gid: u32,
    /// Size in bytes as `stat` shows it (0 in /proc, 4096 in /sys).
    pub size: u64,
    /// Link count.
    pub nlink: u32,
    /// Device number as `makedev(3)` packs it, for devices.
    pub rdev: u64,
    /// Modification time in seconds since the epoch.
    pub mtime_s: i64,
    /// Bytes that programs read at once (`st_blksize`): 1024 in /proc, 4096 elsewhere.
    pub blksize: u32,
}

/// A name found in a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its attributes.
    pub attr: Attr,
    /// How long the answer may be cached, in milliseconds (0: ask again each time).
    pub valid_ms: u64,
}

/// One line of a directory listing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirEntry {
    /// The name, without slashes.
    pub name: String,
    /// The node.
    pub node: NodeId,
    /// Its kind.
    pub kind: FileKind,
}

/// An operation on the trees.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum VfsCall {
    /// Finds `name` in the directory `parent`.
    Lookup {
        /// The directory.
        parent: NodeId,
        /// The name.
        name: String,
    },
    /// Attributes of a node.
    GetAttr {
        /// The node.
        node: NodeId,
    },
    /// All entries of a directory, without `.` and `..`.
    ReadDir {
        /// The directory.
        node: NodeId,
    },
    /// The target of a symbolic link.
    ReadLink {
        /// The link.
        node: NodeId,
    },
    /// Changes permission bits or owner (`chmod`, `chown`).
    SetAttr {
        /// The node.
        node: NodeId,
        /// New permission bits.
        mode: Option<u32>,
        /// New owner.
        uid: Option<u32>,
        /// New group.
        gid: Option<u32>,
    },
    /// Opens a file.
    Open {
        /// The node.
        node: NodeId,
        /// `open(2)` flags.
        flags: u32,
    },
    /// Reads from an open file, as `read(2)`.
    Read {
        /// From `VfsReply::Opened`.
        handle: u64,
        /// File position; of a stream, which has its own, it says nothing.
        offset: u64,
        /// At most this many bytes.
        size: u32,
        /// The flags of the open file now (`O_NONBLOCK` may change).
        flags: u32,
    },
    /// Writes to an open file, as `write(2)`.
    Write {
        /// From `VfsReply::Opened`.
        handle: u64,
        /// File position; of a stream, which has its own, it says nothing.
        offset: u64,
        /// The bytes of one `write(2)`.
        data: Vec<u8>,
        /// The flags of the open file now.
        flags: u32,
    },
    /// Reads from an open stream at a given place, as `pread(2)`.
    ReadAt {
        /// From `VfsReply::Opened`.
        handle: u64,
        /// The place.
        offset: u64,
        /// At most this many bytes.
        size: u32,
        /// The flags of the open file now.
        flags: u32,
    },
    /// Writes to an open stream at a given place, as `pwrite(2)`.
    WriteAt {
        /// From `VfsReply::Opened`.
        handle: u64,
        /// The place.
        offset: u64,
        /// The bytes.
        data: Vec<u8>,
        /// The flags of the open file now.
        flags: u32,
    },
    /// `read(2)` or `write(2)` on an open stream with a buffer that the program has not: what the file's code copies to
    /// or from it fails.
    BadBuffer {
        /// From `VfsReply::Opened`.
        handle: u64,
        /// The buffer's address.
        buffer: u64,
        /// Bytes to read or write.
        size: u32,
        /// `write(2)`.
        write: bool,
        /// The flags of the open file now.
        flags: u32,
    },
    /// Moves the own position of an open stream, as `lseek(2)`.
    Seek {
        /// From `VfsReply::Opened`.
        handle: u64,
        /// As the system call has it.
        offset: i64,
        /// `SEEK_*`.
        whence: u32,
    },
    /// `ioctl(2)`. Memory that the argument leads to is asked for while the call runs ([`crate::Ask`]).
    Ioctl {
        /// From `VfsReply::Opened`.
        handle: u64,
        /// The command, with or without an encoded size.
        command: u32,
        /// The argument: a number, or an address in the caller's memory.
        argument: u64,
        /// Whether the caller is a 32-bit program (`compat_ioctl`).
        compat: bool,
    },
    /// `mknod(2)` of a device below /dev.
    MakeNode {
        /// Absolute path.
        path: String,
        /// A device.
        kind: FileKind,
        /// Permission bits, without the caller's mask.
        mode: u32,
        /// Device number as `makedev(3)` packs it.
        rdev: u64,
    },
    /// `mkdir(2)` or, with a target, `symlink(2)`, below /dev.
    Make {
        /// The directory.
        parent: NodeId,
        /// The new name.
        name: String,
        /// Permission bits, without the caller's mask.
        mode: u32,
        /// Where a symbolic link leads.
        target: Option<String>,
    },
    /// `unlink(2)` or `rmdir(2)`, below /dev.
    Remove {
        /// The directory.
        parent: NodeId,
        /// The name.
        name: String,
        /// Whether a directory is to be removed.
        dir: bool,
    },
    /// `rename(2)` below /dev.
    Rename {
        /// The directory.
        parent: NodeId,
        /// The name.
        name: String,
        /// The new directory.
        new_parent: NodeId,
        /// The new name.
        new_name: String,
        /// `RENAME_*`.
        flags: u32,
    },
    /// The last descriptor of an open file is gone.
    Release {
        /// From `VfsReply::Opened`.
        handle: u64,
    },
    /// What `poll(2)` would return; with `notify` a later change sends `Event::PollWakeup`.
    Poll {
        /// From `VfsReply::Opened`.
        handle: u64,
        /// Whether to remember the poller.
        notify: bool,
    },
    /// The caller got a signal: call `id` of the same connection should end with `EINTR`.
    Interrupt {
        /// The id of the frame to interrupt.
        id: u64,
        /// The signal ends the caller.
        fatal: bool,
    },
}

/// The result of a [`VfsCall`]; failures are `Answer::Errno`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum VfsReply {
    /// `Lookup`.
    Entry(Entry),
    /// `GetAttr`, `SetAttr`.
    Attr(Attr),
    /// `ReadDir`.
    Dir(Vec<DirEntry>),
    /// `ReadLink`.
    Link(String),
    /// `Open`.
    Opened {
        /// Names the open file in later calls.
        handle: u64,
        /// True for files whose content must never be cached (all of ours).
        direct_io: bool,
        /// True if the file has no position, or keeps its own ([`VfsCall::Seek`] moves it).
        stream: bool,
    },
    /// `Read`.
    Data(Vec<u8>),
    /// `Write`: bytes taken.
    Written(u32),
    /// `Poll`: the `POLL*` bits.
    Poll(u32),
    /// `Seek`: the position; `Ioctl`: the result.
    Value(i64),
    /// `Release`, `Interrupt`, `MakeNode`, `Remove`, `Rename`.
    Done,
}
