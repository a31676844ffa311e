//! System calls of programs inside that the kernel process answers: caught by seccomp user notification.
//!
//! Where the faces are not enough: sockets for uevents, [`module`] (`init_module` and kin), [`log`] (`syslog`), [`names`] (`uname`),
//! [`mounts`] (`mount` of debugfs and kin), [`node`] (`mknod`, and [`elsewhere`] what hides how that is done), [`device`]: what an open device that is a regular file to
//! Linux cannot do (`lseek`, `fstat` ...) and, for that personality, [`legacy`] (the module calls of Linux 2.4).
//! One thread takes all of them and waits for none; arguments are read from the caller's memory, which is checked to be
//! still the caller's afterwards. Programs of 32 bits are not
//! caught: their module calls and `syslog` give `ENOSYS`, since the host's answers would be about another kernel. A signal for a caller that waits interrupts its call ([`signals`]).
//! Counterpart: `kernel/seccomp.c`.

mod device;
mod elsewhere;
mod legacy;
mod log;
mod module;
mod mounts;
mod names;
mod node;
mod signals;

pub(crate) use elsewhere::Nodes;

use crate::caller;
use crate::control::MapIds;
use crate::faces;
use crate::flight::Flights;
use crate::link::Link;
use crate::run::uevents::Uevents;
use rustix::process::{Pid, PidfdFlags};
use signals::Waiting;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};
use sys::notify::{Listener, Notification, Response};
use sys::seccomp::{Action, Filter, Test};
use wire::{Answer, Call, Caller, VfsReply};

/// What uname(2) tells inside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Uname {
    /// The release, such as `6.1.0-56-amd64`.
    pub(crate) release: String,
    /// The version, such as `#1 SMP PREEMPT_DYNAMIC Debian 6.1.174-1 (2026-10-31)`.
    pub(crate) version: String,
}

impl Uname {
    /// What the kernel process says in /proc/sys/kernel; `None` if it has no release of its own.
    pub(crate) fn ask(link: &Link) -> Option<Self> {
        let read = |name: &str| {
            let call = Call::ReadFile { path: format!("/proc/sys/kernel/{name}") };
            match link.call(wire::kernel_caller(), call, &[]) {
                Ok(Answer::Data(text)) => Some(String::from_utf8_lossy(&text).trim_end().to_owned()),
                _ => None,
            }
        };
        Some(Self { release: read("osrelease")?, version: read("version").unwrap_or_default() })
    }
}

mod number {
    pub(super) const READ: i32 = 0;
    pub(super) const WRITE: i32 = 1;
    pub(super) const FSTAT: i32 = 5;
    pub(super) const LSTAT: i32 = 6;
    pub(super) const LSEEK: i32 = 8;
    pub(super) const IOCTL: i32 = 16;
    pub(super) const PREAD: i32 = 17;
    pub(super) const PWRITE: i32 = 18;
    pub(super) const SOCKET: i32 = 41;
    pub(super) const UNAME: i32 = 63;
    pub(super) const FTRUNCATE: i32 = 77;
    pub(super) const READLINK: i32 = 89;
    pub(super) const CHMOD: i32 = 90;
    pub(super) const LCHOWN: i32 = 94;
    pub(super) const SYSLOG: i32 = 103;
    pub(super) const MKNOD: i32 = 133;
    pub(super) const MOUNT: i32 = 165;
    pub(super) const INIT_MODULE: i32 = 175;
    pub(super) const DELETE_MODULE: i32 = 176;
    pub(super) const MKNODAT: i32 = 259;
    pub(super) const FCHOWNAT: i32 = 260;
    pub(super) const NEWFSTATAT: i32 = 262;
    pub(super) const READLINKAT: i32 = 267;
    pub(super) const FINIT_MODULE: i32 = 313;
    pub(super) const STATX: i32 = 332;
    pub(super) const FCHMODAT2: i32 = 452;
}

const AF_NETLINK: u32 = 16;
const EINTR: i32 = 4;
const EIO: i32 = 5;
const EFAULT: i32 = 14;
const ENOSYS: i32 = 38;

/// `syslog`, `create_module`, `init_module`, `delete_module`, `get_kernel_syms`, `query_module`, `finit_module` of 32-bit programs.
const OF_32_BITS: &[i64] = &[103, 127, 128, 129, 130, 167, 350];

/// How often it is looked whether waiting callers were killed or got a signal: neither announces itself.
const LOOK_AFTER: Duration = Duration::from_millis(10);

/// Which calls are caught beside those of the module system.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted {
    /// `uname`.
    pub(crate) uname: bool,
    /// The module calls of Linux 2.4.
    pub(crate) personality24: bool,
    /// What the instance's devices need.
    pub(crate) faces: bool,
}

/// Puts the filter on this process, which is about to become the command.
pub(crate) fn catch(wanted: &Wanted) -> std::io::Result<OwnedFd> {
    use number::{DELETE_MODULE, FINIT_MODULE, INIT_MODULE, MOUNT, SYSLOG, UNAME};
    let mut filter = Filter::new(Action::Allow);
    for call in [INIT_MODULE, FINIT_MODULE, DELETE_MODULE, SYSLOG, MOUNT] {
        filter = filter.rule(call.into(), Action::Notify);
    }
    for call in OF_32_BITS {
        filter = filter.rule_of_32_bits(*call, Action::Errno(ENOSYS));
    }
    if wanted.uname {
        filter = filter.rule(UNAME.into(), Action::Notify);
    }
    if wanted.personality24 {
        use legacy::number::{CREATE_MODULE, GET_KERNEL_SYMS, QUERY_MODULE};
        for call in [CREATE_MODULE, GET_KERNEL_SYMS, QUERY_MODULE] {
            filter = filter.rule(call.into(), Action::Notify);
        }
    }
    filter = filter.rule_if(number::SOCKET.into(), 0, Test::OneOf(&[AF_NETLINK]), Action::Notify);
    if wanted.faces {
        filter = node::rules(elsewhere::rules(device::rules(filter)));
    }
    filter.install_with_listener()
}

/// What happens to a caught call.
enum Step {
    /// It ends here.
    Respond(Response),
    /// The kernel process answers.
    Forward { call: Call, file: Option<OwnedFd>, convert: Box<dyn FnOnce(Answer) -> Response + Send> },
}

impl From<i32> for Step {
    fn from(errno: i32) -> Self {
        Self::Respond(Response::Errno(errno))
    }
}

/// What a command has around it.
pub(crate) struct Around {
    pub(crate) uname: Option<Uname>,
    pub(crate) personality24: bool,
    pub(crate) faces: Option<Arc<faces::Session>>,
    pub(crate) uevents: Arc<Uevents>,
}

/// Serves one command's calls.
pub(crate) struct Server {
    listener: Listener,
    link: Arc<Link>,
    map: MapIds,
    around: Around,
    /// By notification, for callers that are killed while they wait.
    flights: Flights,
    /// The same callers, for their signals.
    waiting: Waiting,
}

impl Server {
    /// Starts a thread that ends with the last program under the filter.
    pub(crate) fn start(fd: OwnedFd, link: &Arc<Link>, map: MapIds, around: Around) -> std::io::Result<()> {
        let server = Arc::new(Self {
            listener: Listener::new(fd),
            link: link.clone(),
            map,
            around,
            flights: Flights::default(),
            waiting: Waiting::default(),
        });
        std::thread::Builder::new().name("lkm-syscalls".into()).spawn(move || server.serve()).map(drop)
    }

    fn serve(self: Arc<Self>) {
        let mut looked = Instant::now();
        loop {
            let limit = if self.flights.is_empty() { None } else { Some(LOOK_AFTER) };
            match self.listener.receive(limit) {
                Ok(sys::notify::Received::Call(caught)) => self.handle(caught),
                Ok(sys::notify::Received::Nothing) => {}
                Ok(sys::notify::Received::End) | Err(_) => break,
            }
            if limit.is_some() && looked.elapsed() >= LOOK_AFTER {
                self.look_after_waiting();
                looked = Instant::now();
            }
        }
        self.look_after_waiting();
    }

    /// Interrupts the calls of callers that are gone or have a signal to take.
    fn look_after_waiting(&self) {
        let orphans = self.flights.orphans(|caught| self.listener.is_valid(caught));
        let signalled = self.waiting.signalled(caller::has_signal);
        for call in orphans.into_iter().chain(signalled) {
            self.link.interrupt(wire::kernel_caller(), call);
        }
    }

    fn handle(self: &Arc<Self>, caught: Notification) {
        let step = match caught.number {
            legacy::number::CREATE_MODULE => legacy::create(&caught),
            legacy::number::GET_KERNEL_SYMS => legacy::kernel_syms(&caught),
            legacy::number::QUERY_MODULE => legacy::query(&caught),
            number::INIT_MODULE if self.around.personality24 => legacy::init(&caught),
            number::DELETE_MODULE if self.around.personality24 => legacy::delete(&caught),
            number::FINIT_MODULE if self.around.personality24 => Ok(ENOSYS.into()),
            number::INIT_MODULE => module::init(&caught),
            number::FINIT_MODULE => module::finit(&caught),
            number::DELETE_MODULE => module::delete(&caught),
            number::SYSLOG => log::syslog(&caught),
            number::UNAME => names::uname(&caught, self.around.uname.as_ref()),
            number::MOUNT => mounts::mount(&caught),
            number::SOCKET => return self.make_socket(caught),
            number::MKNOD | number::MKNODAT => node::make(&caught, &self.link.nodes),
            _ => self.about_a_file(&caught),
        };
        let response = match step {
            // Decided without looking at anything of the caller's.
            Ok(Step::Respond(Response::Continue)) => Response::Continue,
            // What was read is worth nothing if the thread id has been used again meanwhile.
            _ if !self.listener.is_valid(caught.id) => return,
            Ok(Step::Respond(response)) => response,
            Ok(Step::Forward { call, file, convert }) => return self.forward(&caught, call, file, convert),
            Err(e) => Response::Errno(e.raw_os_error().unwrap_or(EIO)),
        };
        self.respond(caught.id, response);
    }

    /// `socket(AF_NETLINK, type, protocol)`: one for uevents is the instance's ([`crate::run::uevents`]). That takes a moment, in
    /// which other calls go on.
    fn make_socket(self: &Arc<Self>, caught: Notification) {
        const UEVENTS: u64 = 15;
        const CLOEXEC: u32 = 0o2_000_000;
        let [_, kind, protocol, ..] = caught.args;
        let kind = kind as u32;
        // Stream or packet sockets are the kernel's to refuse.
        if protocol as u32 as u64 != UEVENTS || !matches!(kind & 0xf, 2 | 3) {
            return self.respond(caught.id, Response::Continue);
        }
        let server = self.clone();
        let make = move || {
            let socket = server.around.uevents.socket(kind).ok();
            let given = |fd: OwnedFd| server.listener.respond_with_fd(caught.id, fd.as_fd(), kind & CLOEXEC != 0);
            if socket.is_none_or(|fd| given(fd).is_err()) {
                server.respond(caught.id, Response::Continue);
            }
        };
        if std::thread::Builder::new().name("lkm-socket".into()).spawn(make).is_err() {
            self.respond(caught.id, Response::Continue);
        }
    }

    /// A call about a name or a descriptor, which may be a device of the instance.
    fn about_a_file(&self, caught: &Notification) -> std::io::Result<Step> {
        match elsewhere::look(caught, &self.link) {
            Some(step) => Ok(step),
            None => device::answer(caught, self.around.faces.as_deref()),
        }
    }

    fn respond(&self, id: u64, response: Response) {
        // Only a caller that is gone refuses it.
        let _ = self.listener.respond(id, response);
    }

    fn forward(
        self: &Arc<Self>,
        caught: &Notification,
        call: Call,
        file: Option<OwnedFd>,
        convert: Box<dyn FnOnce(Answer) -> Response + Send>,
    ) {
        let (server, id, tid) = (self.clone(), caught.id, caught.tid);
        let done = Box::new(move |result: Result<Answer, crate::Error>| {
            server.flights.finish(id);
            let has_signal = server.waiting.finish(id);
            let response = match result {
                Ok(Answer::Errno(EINTR)) if has_signal => Response::Restart,
                Ok(Answer::Errno(errno)) => Response::Errno(errno),
                Ok(Answer::Killed { signal }) => {
                    kill(tid, signal);
                    Response::Errno(EINTR)
                }
                Ok(answer) => convert(answer),
                Err(e) => Response::Errno(e.errno()),
            };
            server.respond(id, response);
        });
        let fds: Vec<_> = file.iter().map(AsFd::as_fd).collect();
        self.flights.start(id);
        self.waiting.start(id, tid);
        let sent = self.link.submit_from(Some(tid), self.caller(tid), call, &fds, done);
        self.flights.sent(id, sent);
        self.waiting.sent(id, sent);
    }

    fn caller(&self, tid: u32) -> Caller {
        let (uid, gid) = caller::ids_of(tid).unwrap_or((u32::MAX, u32::MAX));
        let (uid, gid) = (self.map)(uid, gid);
        caller::resolve(tid, uid, gid)
    }
}

/// The plain result of a system call.
fn value(answer: Answer) -> Response {
    match answer {
        Answer::Value(value) => Response::Value(value),
        _ => Response::Errno(EIO),
    }
}

/// The result of a system call that only succeeds.
fn value_of_done(answer: Answer) -> Response {
    match answer {
        Answer::Vfs(VfsReply::Done) => Response::Value(0),
        _ => Response::Errno(EIO),
    }
}

fn errno(number: i32) -> std::io::Error {
    std::io::Error::from_raw_os_error(number)
}

fn kill(tid: u32, signal: i32) {
    if let Some(pidfd) = pidfd(tid) {
        let _ = rustix::process::pidfd_send_signal(pidfd, caller::death_signal(signal));
    }
}

/// Puts what a call gives into the caller's memory; the call's result is `value`. The caller still waits, so that its thread
/// id is its own.
fn write_back(tid: u32, address: u64, data: &[u8], value: usize) -> Response {
    let written = if data.is_empty() { Ok(0) } else { sys::memory::write(tid, address, data) };
    match written {
        Ok(written) if written == data.len() => i64::try_from(value).map_or(Response::Errno(EIO), Response::Value),
        _ => Response::Errno(EFAULT),
    }
}

/// The pidfd of the thread's process.
fn pidfd(tid: u32) -> Option<OwnedFd> {
    let pid = Pid::from_raw(i32::try_from(caller::process_of(tid)?).ok()?)?;
    rustix::process::pidfd_open(pid, PidfdFlags::empty()).ok()
}
