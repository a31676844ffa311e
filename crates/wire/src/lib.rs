//! The protocol between the supervisor, the kernel process and the tools inside an instance.
//!
//! All three speak in frames over a stream socket: a 4-byte little-endian length, then a
//! [`Frame`] in postcard's encoding. File descriptors travel beside a frame's first byte (`SCM_RIGHTS`).
//! Calls carry an id and are answered out of order; events carry none.
//!
//! The supervisor forwards what programs do (a system call, a FUSE request) as a [`Call`] with its [`Caller`];
//! the kernel process runs module code for it and sends an [`Answer`]. Tools connect to the supervisor's control
//! socket (`/run/lkm/instance`) and send the same calls; the supervisor fills in the caller from the socket's
//! credentials, whatever the tool wrote.

mod conn;
pub mod legacy;
mod vfs;

pub use conn::{Conn, MAX_FRAME, Received, WireError};
pub use legacy::{LegacyCall, LegacyReply};
pub use vfs::{Attr, DirEntry, Entry, FileKind, NODES, NodeId, ROOT_DEV, ROOT_PROC, ROOT_SYS, VfsCall, VfsReply};

use serde::{Deserialize, Serialize};

/// One message, in either direction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Frame {
    /// A request; answered by an `Answer` with the same id.
    Call {
        /// Chosen by the sender, unique among its open calls.
        id: u64,
        /// On whose behalf.
        caller: Caller,
        /// What is asked.
        call: Call,
    },
    /// The reply to a `Call`.
    Answer {
        /// The call's id.
        id: u64,
        /// The result.
        answer: Answer,
    },
    /// Something that happened in the kernel process, in the order in which it happened.
    Event(Event),
    /// The kernel process, while it works on a call, asks about the caller of it; answered by `Told`.
    Ask {
        /// Chosen by the kernel process, unique among what it asks.
        id: u64,
        /// The call whose caller is meant.
        call: u64,
        /// What is asked.
        ask: Ask,
    },
    /// The reply to `Ask`.
    Told {
        /// The id of the `Ask`.
        id: u64,
        /// What came of it.
        told: Told,
    },
}

/// What the kernel process may ask: of a caller's memory, or for a program to be run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ask {
    /// The bytes at an address.
    Read {
        /// Where.
        addr: u64,
        /// How many, at most [`MAX_ASK`].
        len: u32,
    },
    /// Puts bytes there.
    Write {
        /// Where.
        addr: u64,
        /// At most [`MAX_ASK`] bytes.
        data: Vec<u8>,
    },
    /// Runs a program as root inside the instance, for the kernel itself (`call_usermodehelper`).
    Helper {
        /// The file.
        path: Vec<u8>,
        /// Its arguments, with that for its name.
        argv: Vec<Vec<u8>>,
        /// Its environment.
        envp: Vec<Vec<u8>>,
        /// Whether the answer comes when the program ended, or as soon as it runs.
        wait: bool,
    },
}

/// What came of an [`Ask`]. Fewer bytes than asked for: the caller's memory ends there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Told {
    /// What was read.
    Data(Vec<u8>),
    /// How many bytes were put.
    Put(u32),
    /// How a helper ended, as `wait(2)` gives it (0 if nobody waited), or the negative errno that it could not be run for.
    Helper(i32),
}

/// The most bytes of one [`Ask`].
pub const MAX_ASK: usize = 1 << 20;

/// The program (thread) on whose behalf a call is made; becomes `current` of the module code that it runs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caller {
    /// Process id as `current->tgid` shows it.
    pub pid: u32,
    /// Thread id as `current->pid` shows it.
    pub tid: u32,
    /// User id inside the instance.
    pub uid: u32,
    /// Group id inside the instance.
    pub gid: u32,
    /// `current->comm`, at most 15 bytes are used.
    pub comm: String,
}

/// What can be asked of the kernel process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Call {
    /// `init_module(2)` and `finit_module(2)`: the module's bytes are in the file descriptor that travels with the
    /// frame, a memfd or a regular file, read from offset 0.
    InitModule {
        /// What the bytes are.
        image: ModuleImage,
        /// The parameter string, or why it cannot be read: the kernel looks at it late.
        params: Result<Vec<u8>, i32>,
        /// Where the bytes came from, for reports (`file:line` of a leak); never decides anything.
        path: Option<String>,
    },
    /// `delete_module(2)`.
    DeleteModule {
        /// The module's name, or why it cannot be read.
        name: Result<Vec<u8>, i32>,
        /// `O_NONBLOCK`, `O_TRUNC` as for the system call.
        flags: u32,
    },
    /// `syslog(2)`; `len` is the caller's buffer size or the level. Data comes back in `Answer::Data`.
    Syslog {
        /// The `SYSLOG_ACTION_*` number.
        action: i32,
        /// The third argument of the system call.
        len: i32,
    },
    /// Reads a whole file of the instance's own trees by absolute path, such as `/proc/modules`.
    ReadFile {
        /// Absolute path under /proc, /sys or /dev.
        path: String,
    },
    /// Writes a whole file of the instance's own trees by absolute path.
    WriteFile {
        /// Absolute path under /proc, /sys or /dev.
        path: String,
        /// One `write(2)` with these bytes.
        data: Vec<u8>,
    },
    /// A file operation on the instance's trees, as FUSE delivers it.
    Vfs(VfsCall),
    /// A module system call of Linux 2.4; `ENOSYS` unless the kernel was booted with that personality.
    Legacy(LegacyCall),
    /// What the run left behind, for the end of `lkm run`. Never blocks on module code.
    Report,
    /// Ends the kernel process in good order; it answers and exits 0.
    Shutdown,
}

/// The bytes of a module to load.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ModuleImage {
    /// Of `init_module(2)`.
    Memory,
    /// Of `finit_module(2)`.
    File {
        /// `MODULE_INIT_IGNORE_MODVERSIONS` (1), `MODULE_INIT_IGNORE_VERMAGIC` (2), `MODULE_INIT_COMPRESSED_FILE` (4).
        flags: u32,
    },
    /// Of one of lkm's own tools, which may give any of kmod's compressions without saying so.
    Tool {
        /// As above.
        flags: u32,
    },
    /// None: no descriptor travels with the frame, and the call fails with this errno unless the kernel loads no
    /// modules at all.
    Missing(i32),
}

/// The result of a [`Call`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// The system call's non-negative result.
    Value(i64),
    /// The call failed with this (positive) errno.
    Errno(i32),
    /// Bytes: of a file, of the log. A system call's result is their length.
    Data(Vec<u8>),
    /// The caller's task died in the kernel (an oops): the supervisor ends it by this signal, as Linux would: SIGKILL (9)
    /// after a page fault, SIGSEGV (11) after other traps.
    Killed {
        /// The signal's number.
        signal: i32,
    },
    /// The result of `Call::Vfs`.
    Vfs(VfsReply),
    /// The result of `query_module`.
    Legacy(LegacyReply),
    /// The result of `Call::Report`.
    Report(Report),
}

/// Something that happened in the kernel process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// Text for the console: what Linux would print there, complete lines, already filtered by `console_loglevel`.
    Console(Vec<u8>),
    /// A poller of this open file should look again (FUSE notify).
    PollWakeup {
        /// The file handle of `VfsReply::Opened`.
        handle: u64,
    },
    /// What those read who listen to uevents, but for its number.
    Uevent(Vec<u8>),
    /// The kernel process found a fault in lkm's own code; it is the last event. `lkm run` exits 125.
    Bug(String),
}

/// What `Call::Report` tells.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Modules still loaded, with the reason where they cannot be removed.
    pub loaded: Vec<LoadedModule>,
    /// Objects that modules made and never gave back.
    pub leftovers: Vec<Leftover>,
    /// What modules did wrong with memory.
    pub findings: Vec<Finding>,
    /// Imported functions that were called and are not complete: partial, borrowed or trapped.
    pub incomplete: Vec<IncompleteImport>,
    /// How many oopses the instance saw.
    pub oopses: u32,
    /// How many warnings (WARN) the instance saw.
    pub warnings: u32,
    /// The taint bits (`/proc/sys/kernel/tainted`).
    pub tainted: u64,
}

/// A module that is still loaded at the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadedModule {
    /// Its name.
    pub name: String,
    /// `Live`, `Loading`, `Unloading`, as /proc/modules shows it.
    pub state: String,
    /// Reference count.
    pub refcount: i64,
    /// True if it has an init but no exit function.
    pub permanent: bool,
}

/// Objects of one kind, made in one place, that were left behind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leftover {
    /// What it is: `kmalloc memory`, `character device` ...
    pub kind: String,
    /// Its name, where it has one.
    pub name: Option<String>,
    /// The module that made it.
    pub module: String,
    /// How many.
    pub count: u64,
    /// Bytes in all; 0 where size means nothing.
    pub bytes: u64,
    /// Who made it: call chain, innermost first.
    pub made_by: Vec<CallFrame>,
}

/// A place in a call chain.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CallFrame {
    /// `function+0x1f/0x30 [module]`.
    pub text: String,
    /// The call itself, in the module's file.
    pub place: Option<CodePlace>,
    /// `file.c:12`, where the file's debug information tells.
    pub source: Option<String>,
}

/// A place in a module's file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CodePlace {
    /// The module's name.
    pub module: String,
    /// The section's name.
    pub section: String,
    /// Bytes from its beginning.
    pub offset: u64,
}

/// Something that a module did wrong, found in the run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What, in one line.
    pub what: String,
    /// How often, in one place.
    pub count: u64,
    /// The call chains: what happened there, the frames, innermost first.
    pub chains: Vec<(String, Vec<CallFrame>)>,
    /// What to do, where that is known.
    pub advice: Option<String>,
}

/// An import that was called though lkm does not implement it completely.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncompleteImport {
    /// The symbol.
    pub symbol: String,
    /// `partial`, `borrowed` or `trap`.
    pub how: String,
    /// What is missing, for partial ones.
    pub missing: Option<String>,
}

/// `Caller` of the kernel process itself.
pub fn kernel_caller() -> Caller {
    Caller { comm: "swapper/0".into(), ..Caller::default() }
}
