//! The control socket: tools inside an instance connect to it and send calls.
//!
//! One thread for each connection. Whatever caller a tool writes into its frame, the socket's credentials count.

use crate::link::Link;
use crate::{Error, caller};
use rustix::process::{Pid, PidfdFlags};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;
use wire::{Answer, Call, Caller, Conn, Frame, VfsCall};

const EPERM: i32 = 1;
/// How often a waiting call looks whether its tool is still there.
const LOOK_AFTER: Duration = Duration::from_millis(100);

/// Translates a user and a group id of the host to those inside.
pub(crate) type MapIds = Arc<dyn Fn(u32, u32) -> (u32, u32) + Send + Sync>;

/// Serves `listener` until it is shut down.
///
/// `may_end`: whether who connects may shut the instance down (its owner outside may, programs inside may not).
pub(crate) fn serve(listener: &OwnedFd, link: &Arc<Link>, map: &MapIds, may_end: bool) {
    loop {
        match rustix::net::accept_with(listener, rustix::net::SocketFlags::CLOEXEC) {
            Ok(socket) => {
                let (link, map) = (link.clone(), map.clone());
                // Without a thread left the connection is closed, and the tool says so.
                let _ = std::thread::Builder::new().name("lkm-control".into()).spawn(move || {
                    if let Ok(connection) = Connection::new(socket, link, &map, may_end) {
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

/// A tool's connection: one call after the other. Answers are sent from here and not from the link's reader, which a
/// tool that does not read (a stopped one) must not hold up.
struct Connection {
    conn: Conn,
    pidfd: Option<OwnedFd>,
    caller: Caller,
    link: Arc<Link>,
    may_end: bool,
}

impl Connection {
    fn new(socket: OwnedFd, link: Arc<Link>, map: &MapIds, may_end: bool) -> Result<Self, Error> {
        let peer = rustix::net::sockopt::socket_peercred(&socket).map_err(Error::host("asking who connects"))?;
        let pid = peer.pid.as_raw_nonzero().get().unsigned_abs();
        let pidfd = open_peer(peer.pid);
        let (uid, gid) = map(peer.uid.as_raw(), peer.gid.as_raw());
        Ok(Self { conn: Conn::new(socket), pidfd, caller: caller::resolve(pid, uid, gid), link, may_end })
    }

    fn run(self) {
        while let Ok(received) = self.conn.receive() {
            let Frame::Call { id, call, .. } = received.frame else { return };
            let answer = if refused(&call, self.may_end) {
                Some(Answer::Errno(EPERM))
            } else {
                self.forward(call, &received.fds)
            };
            let Some(answer) = answer else { return };
            if let Answer::Killed { signal } = answer {
                kill(self.pidfd.as_ref(), signal);
            }
            if self.conn.send(&Frame::Answer { id, answer }, &[]).is_err() {
                return;
            }
        }
    }

    /// Makes the call; `None` if the tool went away meanwhile, and the call is interrupted then.
    fn forward(&self, call: Call, fds: &[OwnedFd]) -> Option<Answer> {
        let (sender, receiver) = std::sync::mpsc::sync_channel(1);
        let fds: Vec<_> = fds.iter().map(AsFd::as_fd).collect();
        let done = Box::new(move |result| drop(sender.send(result)));
        let sent = self.link.submit(self.caller.clone(), call, &fds, done);
        loop {
            match receiver.recv_timeout(LOOK_AFTER) {
                Ok(result) => return Some(answer_of(result)),
                Err(RecvTimeoutError::Timeout) if self.is_gone() => {
                    self.link.interrupt(self.caller.clone(), sent);
                    return None;
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return None,
            }
        }
    }

    fn is_gone(&self) -> bool {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        let mut fds = [PollFd::new(&self.conn, PollFlags::RDHUP)];
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        poll(&mut fds, Some(&now)).is_ok_and(|ready| ready > 0)
    }
}

/// The peer's pidfd; `None` if it is gone already.
fn open_peer(pid: Pid) -> Option<OwnedFd> {
    rustix::process::pidfd_open(pid, PidfdFlags::empty()).ok()
}

fn kill(pidfd: Option<&OwnedFd>, signal: i32) {
    if let Some(pidfd) = pidfd {
        let _ = rustix::process::pidfd_send_signal(pidfd, caller::death_signal(signal));
    }
}

/// Ends the instance without leave, or meddles with others' calls.
fn refused(call: &Call, may_end: bool) -> bool {
    match call {
        Call::Shutdown => !may_end,
        Call::Vfs(VfsCall::Interrupt { .. }) => true,
        _ => false,
    }
}

/// A listening socket at a path of the host; dropping it removes it.
pub struct ControlSocket {
    path: PathBuf,
    listener: Arc<OwnedFd>,
}

impl ControlSocket {
    /// Makes the socket, for the user's own processes only, and serves it in a thread.
    pub(crate) fn open(path: &Path, link: &Arc<Link>) -> Result<Self, Error> {
        use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
        let failed = || Error::host(format!("making the socket {}", path.display()));
        let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)
            .map_err(failed())?;
        // The socket's own mode decides who may connect; it is taken over at bind.
        rustix::fs::fchmod(&socket, rustix::fs::Mode::from_raw_mode(0o600)).map_err(failed())?;
        rustix::net::bind(&socket, &SocketAddrUnix::new(path).map_err(failed())?).map_err(failed())?;
        rustix::net::listen(&socket, 64).map_err(failed())?;
        let listener = Arc::new(socket);
        // Who owns the instance is root in it.
        let (owner, group) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
        let inside = move |id, own| if id == own { 0 } else { id };
        let map: MapIds = Arc::new(move |uid, gid| (inside(uid, owner), inside(gid, group)));
        let (served, link) = (listener.clone(), link.clone());
        std::thread::Builder::new()
            .name("lkm-control".into())
            .spawn(move || serve(&served, &link, &map, true))
            .map_err(Error::host("starting a thread"))?;
        Ok(Self { path: path.to_owned(), listener })
    }
}

impl Drop for ControlSocket {
    fn drop(&mut self) {
        // Ends the accepting thread.
        let _ = rustix::net::shutdown(&*self.listener, rustix::net::Shutdown::Both);
        let _ = std::fs::remove_file(&self.path);
    }
}

fn answer_of(result: Result<Answer, Error>) -> Answer {
    match result {
        Ok(answer) => answer,
        Err(Error::Killed { signal }) => Answer::Killed { signal },
        Err(e) => Answer::Errno(e.errno()),
    }
}
