//! System calls of programs inside that the kernel process answers: caught by seccomp user notification.
//!
//! Where the faces are not enough: [`module`] (`init_module` and kin), [`log`] (`syslog`), [`names`] (`uname`),
//! [`mounts`] (`mount` of debugfs and kin) and, for that personality, [`legacy`] (the module calls of Linux 2.4). One thread takes all of them and waits for none; arguments are read from
//! the caller's memory, which is checked to be still the caller's afterwards. Programs of another architecture
//! (32-bit) are not caught. Counterpart: `kernel/seccomp.c`.

mod legacy;
mod log;
mod module;
mod mounts;
mod names;

use crate::caller;
use crate::control::MapIds;
use crate::flight::Flights;
use crate::link::Link;
use rustix::process::{Pid, PidfdFlags};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;
use sys::notify::{Listener, Notification, Response};
use sys::seccomp::{Action, Filter};
use wire::{Answer, Call, Caller};

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
    pub(super) const UNAME: i32 = 63;
    pub(super) const SYSLOG: i32 = 103;
    pub(super) const MOUNT: i32 = 165;
    pub(super) const INIT_MODULE: i32 = 175;
    pub(super) const DELETE_MODULE: i32 = 176;
    pub(super) const FINIT_MODULE: i32 = 313;
}

const EINTR: i32 = 4;
const EIO: i32 = 5;
const ENOSYS: i32 = 38;

/// Puts the filter on this process, which is about to become the command.
pub(crate) fn catch(with_uname: bool, personality24: bool) -> std::io::Result<OwnedFd> {
    use number::{DELETE_MODULE, FINIT_MODULE, INIT_MODULE, MOUNT, SYSLOG, UNAME};
    let mut filter = Filter::new(Action::Allow);
    for call in [INIT_MODULE, FINIT_MODULE, DELETE_MODULE, SYSLOG, MOUNT] {
        filter = filter.rule(call.into(), Action::Notify);
    }
    if with_uname {
        filter = filter.rule(UNAME.into(), Action::Notify);
    }
    if personality24 {
        use legacy::number::{CREATE_MODULE, GET_KERNEL_SYMS, QUERY_MODULE};
        for call in [CREATE_MODULE, GET_KERNEL_SYMS, QUERY_MODULE] {
            filter = filter.rule(call.into(), Action::Notify);
        }
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

/// Serves one command's calls.
pub(crate) struct Server {
    listener: Listener,
    link: Arc<Link>,
    map: MapIds,
    uname: Option<Uname>,
    personality24: bool,
    /// By notification, for callers that are killed while they wait.
    flights: Flights,
}

impl Server {
    /// Starts a thread that ends with the last program under the filter.
    pub(crate) fn start(
        fd: OwnedFd,
        link: &Arc<Link>,
        map: MapIds,
        uname: Option<Uname>,
        personality24: bool,
    ) -> std::io::Result<()> {
        let listener = Listener::new(fd);
        let server =
            Arc::new(Self { listener, link: link.clone(), map, uname, personality24, flights: Flights::default() });
        std::thread::Builder::new().name("lkm-syscalls".into()).spawn(move || server.serve()).map(drop)
    }

    fn serve(self: Arc<Self>) {
        loop {
            // A killed caller does not announce itself: look after those who wait.
            let limit = if self.flights.is_empty() { None } else { Some(Duration::from_millis(100)) };
            match self.listener.receive(limit) {
                Ok(sys::notify::Received::Call(caught)) => self.handle(caught),
                Ok(sys::notify::Received::Nothing) => self.interrupt_orphans(),
                Ok(sys::notify::Received::End) | Err(_) => break,
            }
        }
        self.interrupt_orphans();
    }

    fn interrupt_orphans(&self) {
        let orphans = self.flights.orphans(|caught| self.listener.is_valid(caught));
        for call in orphans {
            self.link.interrupt(wire::kernel_caller(), call);
        }
    }

    fn handle(self: &Arc<Self>, caught: Notification) {
        let step = match caught.number {
            legacy::number::CREATE_MODULE => legacy::create(&caught),
            legacy::number::GET_KERNEL_SYMS => legacy::kernel_syms(&caught),
            legacy::number::QUERY_MODULE => legacy::query(&caught),
            number::INIT_MODULE if self.personality24 => legacy::init(&caught),
            number::DELETE_MODULE if self.personality24 => legacy::delete(&caught),
            number::FINIT_MODULE if self.personality24 => Ok(ENOSYS.into()),
            number::INIT_MODULE => module::init(&caught),
            number::FINIT_MODULE => module::finit(&caught),
            number::DELETE_MODULE => module::delete(&caught),
            number::SYSLOG => log::syslog(&caught),
            number::UNAME => names::uname(&caught, self.uname.as_ref()),
            number::MOUNT => mounts::mount(&caught),
            _ => Ok(ENOSYS.into()),
        };
        // What was read is worth nothing if the thread id has been used again meanwhile.
        if !self.listener.is_valid(caught.id) {
            return;
        }
        match step {
            Ok(Step::Respond(response)) => self.respond(caught.id, response),
            Ok(Step::Forward { call, file, convert }) => self.forward(&caught, call, file, convert),
            Err(e) => self.respond(caught.id, Response::Errno(e.raw_os_error().unwrap_or(EIO))),
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
            let response = match result {
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
        let sent = self.link.submit(self.caller(tid), call, &fds, done);
        self.flights.sent(id, sent);
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

fn kill(tid: u32, signal: i32) {
    if let Some(pidfd) = pidfd(tid) {
        let _ = rustix::process::pidfd_send_signal(pidfd, caller::death_signal(signal));
    }
}

/// The pidfd of the thread's process.
fn pidfd(tid: u32) -> Option<OwnedFd> {
    let pid = Pid::from_raw(i32::try_from(caller::process_of(tid)?).ok()?)?;
    rustix::process::pidfd_open(pid, PidfdFlags::empty()).ok()
}
