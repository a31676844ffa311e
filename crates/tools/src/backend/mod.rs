//! The kernel behind a tool: the machine's own, or an instance of lkm's.
//!
//! Inside an instance (`/run/lkm/instance` exists) and with `--instance NAME` tools speak to the instance's control
//! socket; elsewhere they make the real system calls.

mod host;
mod instance;

pub use instance::{Instance, Log as InstanceLog};

use crate::error::{Failure, status};
use std::ffi::{CStr, OsStr};
use std::io;
use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};
use supervisor::client::Client;

/// Where reading the log begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogStart {
    /// After the last clear.
    Cleared,
    /// Behind the newest record.
    End,
}

/// What `syslog(2)` gave.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Syslog {
    /// Its result.
    pub value: i64,
    /// The bytes it wrote.
    pub data: Vec<u8>,
}

/// A kernel's log.
pub trait KernelLog {
    /// Opens `/dev/kmsg`.
    fn open(&mut self, start: LogStart, follow: bool) -> io::Result<()>;
    /// The next record of `/dev/kmsg`; `None` at the end, which a follower never reaches.
    fn next_record(&mut self) -> io::Result<Option<Vec<u8>>>;
    /// `syslog(2)`.
    fn syslog(&mut self, action: i32, argument: i32) -> io::Result<Syslog>;
}

/// A kernel's modules, and the trees that tell of them.
pub trait Modules {
    /// `finit_module(2)`: the file at `path` was opened as `file`.
    fn insert(&mut self, file: BorrowedFd<'_>, path: &Path, params: &CStr, flags: u32) -> io::Result<Outcome>;
    /// `init_module(2)` with bytes.
    fn insert_bytes(&mut self, image: &[u8], path: &Path, params: &CStr, flags: u32) -> io::Result<Outcome>;
    /// `delete_module(2)`.
    fn remove(&mut self, name: &CStr, flags: u32) -> io::Result<Outcome>;
    /// A file under /proc or /sys.
    fn read(&mut self, path: &str) -> io::Result<Vec<u8>>;
    /// Writes a file under /proc or /sys.
    fn write(&mut self, path: &str, data: &[u8]) -> io::Result<()>;
    /// The names in a folder under /sys, in the kernel's order.
    fn list(&mut self, path: &str) -> io::Result<Vec<String>>;
}

/// How a system call ended that did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It returned.
    Done,
    /// The caller died in the kernel: it must end as by this signal.
    Killed {
        /// The signal's number.
        signal: i32,
    },
}

/// The control socket to use, or `None` for the machine's own kernel.
pub fn socket(name: Option<&OsStr>) -> Result<Option<PathBuf>, Failure> {
    let Some(name) = name else {
        let inside = Path::new(supervisor::client::SOCKET);
        return Ok(inside.exists().then(|| inside.into()));
    };
    let Some(runtime) = std::env::var_os("XDG_RUNTIME_DIR").filter(|d| !d.is_empty()) else {
        let what = format!("cannot find instance {}: XDG_RUNTIME_DIR is not set", name.display());
        return Err(Failure::lacks(what).cure("log in through a session manager, or set it to a folder of your own"));
    };
    let path = Path::new(&runtime).join("lkm").join(name);
    if path.exists() {
        return Ok(Some(path));
    }
    let what = format!("no instance is named {}: {} does not exist", name.display(), path.display());
    Err(Failure::new(status::LACKS, what).cure("`lkm ps` lists instances, `lkm start` makes one"))
}

fn client(name: Option<&OsStr>) -> Result<Option<Client>, Failure> {
    let Some(path) = socket(name)? else { return Ok(None) };
    supervisor::client::connect_to(&path).map_err(|error| {
        let what = format!("cannot reach the instance at {}", path.display());
        Failure::lacks(what).cause(error).cure("it may have ended; start it again")
    })
}

/// A file in memory that holds `bytes`.
pub fn in_memory(bytes: &[u8]) -> io::Result<std::fs::File> {
    let memory = rustix::fs::memfd_create("module", rustix::fs::MemfdFlags::CLOEXEC)?;
    let mut file = std::fs::File::from(memory);
    io::Write::write_all(&mut file, bytes)?;
    Ok(file)
}

/// The log of the chosen kernel.
pub fn kernel_log(name: Option<&OsStr>) -> Result<Box<dyn KernelLog>, Failure> {
    Ok(match client(name)? {
        Some(client) => Box::new(InstanceLog::new(client)),
        None => Box::new(host::Log::default()),
    })
}

/// The modules of the chosen kernel.
pub fn modules(name: Option<&OsStr>) -> Result<Box<dyn Modules>, Failure> {
    Ok(match client(name)? {
        Some(client) => Box::new(Instance(client)),
        None => Box::new(host::Host),
    })
}

/// Ends this process as the kernel ends the caller of a module that oopsed.
pub fn die(signal: i32) -> ! {
    let named = rustix::process::Signal::from_named_raw(signal).unwrap_or(rustix::process::Signal::KILL);
    let _ = rustix::process::kill_process(rustix::process::getpid(), named);
    // The signal is taken on the way back; this is the shell's number for it, should the kernel refuse.
    std::process::exit(128 + signal)
}
