//! Programs inside an instance.
//!
//! Three processes take part, besides the kernel process. The supervisor stays outside of all namespaces. It forks the
//! *middle* process ([`namespace`]), which makes the user, mount and pid namespace, mounts what needs the supervisor's
//! own pid numbering, forks *init* ([`init`]) and waits. Init is pid 1 inside: it mounts the rest, starts the command,
//! reaps orphans and tells the supervisor how the command ended; with init everything inside dies. A fourth, the
//! starter ([`helper`]), runs the programs that the kernel itself wants; where somebody listens to uevents, a fifth
//! ([`uevents`]). All die with their
//! parent, so nothing is left when the supervisor is killed.

mod channel;
mod directory;
pub(crate) mod helper;
mod init;
mod mounts;
mod namespace;
mod outside;
mod terminal;
pub(crate) mod uevents;

use crate::faces::Plan;
use crate::syscalls::Uname;
use std::ffi::OsString;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;

/// A command to run inside an instance.
#[derive(Debug, Clone, Default)]
pub struct Program {
    /// The program and its arguments; found in PATH.
    pub command: Vec<OsString>,
    /// The multi-call executable behind the tools; this process's own where `None`.
    pub executable: Option<PathBuf>,
    /// The tools' names, such as `insmod`: first in PATH inside.
    pub tools: Vec<String>,
    /// Whether to leave /proc, /sys and /dev as the host has them.
    pub no_faces: bool,
    /// Whether its module system calls are those of Linux 2.4; the kernel must have been booted so.
    pub personality24: bool,
}

/// What both sides of the fork know.
struct Setup {
    program: Program,
    executable: PathBuf,
    directory: PathBuf,
    dispositions: Vec<sys::signal::Previous>,
    plan: Option<Arc<Plan>>,
    uname: Option<Uname>,
    /// Whether the command gets the terminal's foreground.
    own_terminal: bool,
    /// Where helpers are asked for.
    helpers: wire::Conn,
    /// Where sockets for uevents are asked for.
    uevents: OwnedFd,
}
