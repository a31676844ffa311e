//! The control socket: tools inside an instance connect to it and send calls.
//!
//! One thread for each connection. Whatever caller a tool writes into its frame, the socket's credentials count.

use crate::link::{Link, lock};
use crate::{Error, caller};
use rustix::process::{Pid, PidfdFlags, Signal};
use std::collections::HashSet;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex};
use wire::{Answer, Call, Caller, Conn, Frame, VfsCall};

const EPERM: i32 = 1;

/// Translates a user and a group id of the host to those inside.
pub(crate) type MapIds = Arc<dyn Fn(u32, u32) -> (u32, u32) + Send + Sync>;

/// Serves `listener` until it is shut down.
pub(crate) fn serve(listener: &OwnedFd, link: &Arc<Link>, map: &MapIds) {
    loop {
        match rustix::net::accept_with(listener, rustix::net::SocketFlags::CLOEXEC) {
            Ok(socket) => {
                let (link, map) = (link.clone(), map.clone());
                // Without a thread left the connection is closed, and the tool says so.
                let _ = std::thread::Builder::new().name("lkm-control".into()).spawn(move || {
                    if let Ok(connection) = Connection::new(socket, link, &map) {
                        connection.run();
                    }
                });
            }
            Err(rustix::io::Errno::INTR | rustix::io::Errno::CONNABORTED) => {}
            Err(rustix::io::Errno::MFILE | rustix::io::Errno::NFILE) => {
                std::thread::sleep(std::time::Duration::from_millis(10));
            }
            Err(_) => return,
        }
    }
}

struct Connection {
    conn: Conn,
    answers: Arc<Mutex<Conn>>,
    pidfd: Option<Arc<OwnedFd>>,
    caller: Caller,
    link: Arc<Link>,
    /// Ids of the link's calls that are not answered yet.
    open: Arc<Mutex<HashSet<u64>>>,
}

impl Connection {
    fn new(socket: OwnedFd, link: Arc<Link>, map: &MapIds) -> Result<Self, Error> {
        let peer = rustix::net::sockopt::socket_peercred(&socket).map_err(Error::host("asking who connects"))?;
        let pid = peer.pid.as_raw_nonzero().get().unsigned_abs();
        let pidfd = open_peer(peer.pid);
        let (uid, gid) = map(peer.uid.as_raw(), peer.gid.as_raw());
        let conn = Conn::new(socket);
        let answers = Arc::new(Mutex::new(conn.try_clone()?));
        Ok(Self { conn, answers, pidfd, caller: caller::resolve(pid, uid, gid), link, open: Arc::default() })
    }

    fn run(self) {
        while let Ok(received) = self.conn.receive() {
            let Frame::Call { id, call, .. } = received.frame else { break };
            if refused(&call) {
                let _ = lock(&self.answers).send(&Frame::Answer { id, answer: Answer::Errno(EPERM) }, &[]);
                continue;
            }
            self.forward(id, call, &received.fds);
        }
        // The tool is gone; what it waits for should not go on for ever.
        let open: Vec<u64> = lock(&self.open).iter().copied().collect();
        for id in open {
            self.link.interrupt(self.caller.clone(), id);
        }
    }

    fn forward(&self, id: u64, call: Call, fds: &[OwnedFd]) {
        let (answers, pidfd, open) = (self.answers.clone(), self.pidfd.clone(), self.open.clone());
        let ours = Arc::new(Mutex::new((None, false)));
        let state = ours.clone();
        let done = Box::new(move |result| {
            let answer = answer_of(result);
            if answer == Answer::Killed {
                kill(pidfd.as_deref());
            }
            let mut state = lock(&state);
            state.1 = true;
            if let Some(id) = state.0 {
                lock(&open).remove(&id);
            }
            let _ = lock(&answers).send(&Frame::Answer { id, answer }, &[]);
        });
        let fds: Vec<_> = fds.iter().map(AsFd::as_fd).collect();
        let sent = self.link.submit(self.caller.clone(), call, &fds, done);
        let mut state = lock(&ours);
        if !state.1 {
            state.0 = Some(sent);
            lock(&self.open).insert(sent);
        }
    }
}

/// The peer's pidfd; `None` if it is gone already.
fn open_peer(pid: Pid) -> Option<Arc<OwnedFd>> {
    rustix::process::pidfd_open(pid, PidfdFlags::empty()).ok().map(Arc::new)
}

fn kill(pidfd: Option<&OwnedFd>) {
    if let Some(pidfd) = pidfd {
        let _ = rustix::process::pidfd_send_signal(pidfd, Signal::KILL);
    }
}

/// Ends an instance or meddles with others' calls: not for programs inside.
fn refused(call: &Call) -> bool {
    matches!(call, Call::Shutdown | Call::Vfs(VfsCall::Interrupt { .. }))
}

fn answer_of(result: Result<Answer, Error>) -> Answer {
    match result {
        Ok(answer) => answer,
        Err(Error::Killed) => Answer::Killed,
        Err(e) => Answer::Errno(e.errno()),
    }
}
