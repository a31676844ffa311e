//! The threads that take FUSE's requests, and the table of all of them.

use super::abi::{Header, In, Out, errno, op, out_header};
use super::node::Node;
use super::twin::Twins;
use super::{Plan, dir, poll};
use crate::caller::{self, Cache};
use crate::flight::{Flights, Interrupted};
use crate::link::{Link, lock};
use rustix::process::{Pid, PidfdFlags};
use std::collections::HashMap;
use std::io::IoSlice;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, OnceLock};
use wire::{Answer, Call, Caller, VfsCall, VfsReply};

/// The body of a reply, or a (positive) errno.
pub(super) type Reply = Result<Vec<u8>, i32>;

/// What became of a request.
pub(super) enum Step {
    /// Here is the answer.
    Reply(Reply),
    /// The answer comes from the kernel process.
    Forwarded,
    /// FUSE expects none.
    Silent,
}

/// Enough that one of them is always free: none waits for module code.
const THREADS: usize = 3;
/// The longest write, in bytes and in pages.
const MAX_WRITE: u32 = 1 << 20;
const MAX_PAGES: u16 = 256;
/// A request: a write, its headers, and two pages to spare.
const BUFFER: usize = MAX_WRITE as usize + 12288;

/// One mounted file system.
pub(crate) struct Session {
    device: OwnedFd,
    pub(super) link: Arc<Link>,
    pub(super) plan: Arc<Plan>,
    /// The root of the real /proc of the processes inside.
    pub(super) proc: OnceLock<OwnedFd>,
    pub(super) flights: Flights,
    /// Open file of the kernel process -> FUSE's number of the poller.
    pub(super) pollers: Mutex<HashMap<u64, u64>>,
    pub(super) listings: dir::Listings,
    pub(crate) twins: Twins,
    callers: Cache,
    pub(super) started_s: i64,
}

impl Session {
    /// Serves the mounted device until it is unmounted.
    pub(crate) fn start(device: OwnedFd, link: &Arc<Link>, plan: &Arc<Plan>) -> std::io::Result<Arc<Self>> {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        let session = Arc::new(Self {
            device,
            link: link.clone(),
            plan: plan.clone(),
            proc: OnceLock::new(),
            flights: Flights::default(),
            pollers: Mutex::default(),
            listings: dir::Listings::default(),
            twins: Twins::default(),
            callers: Cache::default(),
            started_s: i64::try_from(now.as_secs()).unwrap_or(0),
        });
        poll::subscribe(&session);
        for _ in 0..THREADS {
            let session = session.clone();
            std::thread::Builder::new().name("lkm-faces".into()).spawn(move || session.serve())?;
        }
        Ok(session)
    }

    /// Tells where the real /proc of the processes inside is.
    pub(crate) fn set_proc(&self, root: OwnedFd) {
        // A second one would be the same.
        let _ = self.proc.set(root);
    }

    fn serve(self: Arc<Self>) {
        let mut buffer = vec![0; BUFFER];
        loop {
            match rustix::io::read(&self.device, &mut buffer) {
                Ok(length) => {
                    if let Some((header, body)) = buffer.get(..length).and_then(In::request) {
                        self.request(header, body);
                    }
                }
                // ENOENT: the request was taken back.
                Err(rustix::io::Errno::INTR | rustix::io::Errno::NOENT | rustix::io::Errno::AGAIN) => {}
                // ENODEV: unmounted.
                Err(_) => return,
            }
        }
    }

    fn request(self: &Arc<Self>, header: Header, body: In<'_>) {
        match self.dispatch(header, body) {
            Some(Step::Reply(reply)) => drop(self.reply(header.unique, &reply)),
            Some(Step::Forwarded | Step::Silent) => {}
            None => drop(self.reply(header.unique, &Err(errno::EPROTO))),
        }
    }

    /// The table of requests; `None` for one whose bytes are too short.
    fn dispatch(self: &Arc<Self>, header: Header, mut body: In<'_>) -> Option<Step> {
        Some(match header.opcode {
            op::INIT => Step::Reply(init(body)?),
            op::LOOKUP => self.lookup(header, body.name()),
            op::GETATTR => self.get_attr(header),
            op::SETATTR => self.set_attr(header, body)?,
            op::READLINK => self.read_link(header),
            op::OPEN => self.open(header, body)?,
            op::READ => self.read(header, body)?,
            op::WRITE => self.write(header, body)?,
            op::RELEASE => self.release(header, body)?,
            op::POLL => self.poll(header, body)?,
            op::OPENDIR => self.open_dir(header),
            op::READDIR => Step::Reply(self.read_dir(body, false)?),
            op::READDIRPLUS => Step::Reply(self.read_dir(body, true)?),
            op::RELEASEDIR => Step::Reply(self.release_dir(body)?),
            op::INTERRUPT => self.interrupt(body)?,
            op::STATFS => Step::Reply(Ok(statfs())),
            op::FLUSH | op::DESTROY => Step::Reply(Ok(Vec::new())),
            op::FORGET => {
                self.forget(header.node);
                Step::Silent
            }
            op::BATCH_FORGET => self.batch_forget(body)?,
            op::NOTIFY_REPLY => Step::Silent,
            op::CREATE => Step::Reply(Err(errno::EACCES)),
            op::MKDIR => self.make_dir(header, body)?,
            op::SYMLINK => self.make_link(header, body)?,
            op::UNLINK => self.remove(header, body, false)?,
            op::RMDIR => self.remove(header, body, true)?,
            op::RENAME => self.rename(header, body, false)?,
            op::RENAME2 => self.rename(header, body, true)?,
            op::MKNOD | op::LINK => Step::Reply(Err(errno::EPERM)),
            op::FSYNC | op::FSYNCDIR => Step::Reply(Err(errno::EINVAL)),
            op::IOCTL => self.ioctl(header, body)?,
            op::FALLOCATE | op::COPY_FILE_RANGE => Step::Reply(Err(errno::EOPNOTSUPP)),
            // For all others it means "never ask again", and Linux then does the right thing without us.
            _ => Step::Reply(Err(errno::ENOSYS)),
        })
    }

    /// Sends a reply; false if nobody waits for it any more.
    pub(super) fn reply(&self, unique: u64, reply: &Reply) -> bool {
        match reply {
            Ok(body) => self.send(unique, 0, body),
            Err(errno) => self.send(unique, *errno, &[]),
        }
    }

    /// Sends a reply or, with `unique` 0, a notification.
    pub(super) fn send(&self, unique: u64, error: i32, body: &[u8]) -> bool {
        let header = out_header(unique, error, body.len());
        loop {
            match rustix::io::writev(&self.device, &[IoSlice::new(&header), IoSlice::new(body)]) {
                Err(rustix::io::Errno::INTR) => {}
                other => return other.is_ok(),
            }
        }
    }

    /// The caller as module code sees it.
    pub(super) fn caller(&self, header: Header) -> Caller {
        self.callers.resolve(header.tid, header.uid, header.gid)
    }

    /// The caller for what runs no module code: only the ids.
    pub(super) fn light_caller(header: Header) -> Caller {
        Caller { pid: header.tid, tid: header.tid, uid: header.uid, gid: header.gid, comm: String::new() }
    }

    /// Sends the call; `convert` makes the reply when the answer comes. DIFFERS: where a signal ends a call, the program gets
    /// `EINTR` also if its handler has SA_RESTART: Linux takes no answer from FUSE that restarts a call.
    pub(super) fn forward(
        self: &Arc<Self>,
        header: Header,
        caller: Caller,
        call: VfsCall,
        convert: impl FnOnce(&Arc<Self>, VfsReply) -> Reply + Send + 'static,
    ) -> Step {
        let session = self.clone();
        self.flights.start(header.unique);
        let done = Box::new(move |result: Result<Answer, crate::Error>| {
            session.flights.finish(header.unique);
            let mut opened = None;
            let reply = match result {
                Ok(Answer::Vfs(reply)) => {
                    if let VfsReply::Opened { handle, .. } = reply {
                        opened = Some(handle);
                    }
                    convert(&session, reply)
                }
                Ok(Answer::Errno(errno)) => Err(errno),
                Ok(Answer::Killed { signal }) => {
                    kill(header.tid, signal);
                    Err(errno::EINTR)
                }
                Ok(_) => Err(errno::EIO),
                Err(e) => Err(e.errno()),
            };
            if !session.reply(header.unique, &reply)
                && let Some(handle) = opened
            {
                // The opener was killed meanwhile; Linux will not tell us to release what it never got.
                session.let_go(header.node, handle);
            }
        });
        let id = self.link.submit_from(Some(header.tid), caller, Call::Vfs(call), &[], done);
        if self.flights.sent(header.unique, id) {
            self.link.interrupt(wire::kernel_caller(), id);
        }
        Step::Forwarded
    }

    fn interrupt(&self, mut body: In<'_>) -> Option<Step> {
        Some(match self.flights.interrupt(body.u64()?) {
            Interrupted::Call(id) => {
                self.link.interrupt(wire::kernel_caller(), id);
                Step::Silent
            }
            Interrupted::Later => Step::Silent,
            // Answered meanwhile, or another thread has not registered it yet; Linux knows and asks again.
            Interrupted::Unknown => Step::Reply(Err(errno::EAGAIN)),
        })
    }

    /// Releases an open file that no program has.
    fn let_go(&self, number: u64, handle: u64) {
        self.closed(number, handle);
        let call = Call::Vfs(VfsCall::Release { handle });
        self.link.submit(wire::kernel_caller(), call, &[], Box::new(|_| {}));
    }

    /// The open file of the node with this number is closed.
    pub(super) fn closed(&self, number: u64, handle: u64) {
        lock(&self.pollers).remove(&handle);
        if let Some(Node::Twin(_)) = Node::from_number(number) {
            self.twins.closed();
        }
    }

    /// Numbers that Linux has forgotten: only twins are counted.
    fn forget(&self, number: u64) {
        if let Some(Node::Twin(twin)) = Node::from_number(number) {
            self.twins.forget(twin);
        }
    }

    fn batch_forget(&self, mut body: In<'_>) -> Option<Step> {
        let count = body.u32()?;
        body.skip(4)?;
        for _ in 0..count {
            let (number, _lookups) = (body.u64()?, body.u64()?);
            self.forget(number);
        }
        Some(Step::Silent)
    }
}

/// What an oops in a system call does to the task.
fn kill(tid: u32, signal: i32) {
    let pid = caller::process_of(tid).and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?));
    if let Some(Ok(pidfd)) = pid.map(|pid| rustix::process::pidfd_open(pid, PidfdFlags::empty())) {
        // It cannot be another one: the caller waits for our reply.
        let _ = rustix::process::pidfd_send_signal(&pidfd, caller::death_signal(signal));
    }
}

fn init(mut body: In<'_>) -> Option<Reply> {
    const ASYNC_READ: u32 = 1;
    // A device's open function sees `O_TRUNC`; otherwise a request of its own would make the file empty.
    const ATOMIC_O_TRUNC: u32 = 1 << 3;
    const BIG_WRITES: u32 = 1 << 5;
    const DO_READDIRPLUS: u32 = 1 << 13;
    const PARALLEL_DIROPS: u32 = 1 << 18;
    const MAX_PAGES_FLAG: u32 = 1 << 22;
    let (major, minor) = (body.u32()?, body.u32()?);
    if major != 7 || minor < 28 {
        // max_pages came with 7.28 (Linux 4.20).
        return Some(Err(errno::EPROTO));
    }
    let read_ahead = body.u32()?;
    let wanted = ASYNC_READ | ATOMIC_O_TRUNC | BIG_WRITES | DO_READDIRPLUS | PARALLEL_DIROPS | MAX_PAGES_FLAG;
    let flags = body.u32()? & wanted;
    let out = Out::default().u32(7).u32(minor.min(38)).u32(read_ahead).u32(flags);
    // Background requests at once, the limit for congestion; one nanosecond of time granularity.
    let out = out.u16(64).u16(48).u32(MAX_WRITE).u32(1).u16(MAX_PAGES).u16(0);
    Some(Ok(out.zeros(32).0))
}

fn statfs() -> Vec<u8> {
    Out::default().zeros(40).u32(4096).u32(255).u32(4096).zeros(28).0
}
