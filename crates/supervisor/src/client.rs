//! For tools: the connection to the instance that they run in.

use crate::{Calls, Error};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use std::os::fd::BorrowedFd;
use std::path::Path;
use std::sync::Mutex;
use wire::{Answer, Call, Caller, Conn, Frame};

/// Where the control socket is, inside an instance and nowhere else.
pub const SOCKET: &str = "/run/lkm/instance";

/// Inside an instance with the module system of Linux 2.4 a file with that number.
pub const PERSONALITY: &str = "/run/lkm/personality";

/// A tool's connection to its instance. Calls are made one at a time, on behalf of the tool's process: the supervisor
/// fills in the caller. If an oops kills the task, SIGKILL arrives before the answer does.
#[derive(Debug)]
pub struct Client {
    conn: Mutex<Conn>,
}

/// Connects to the instance around this process; `None` outside of any instance.
///
/// # Errors
/// When there is a socket but nobody answers: the instance is ending.
pub fn connect() -> Result<Option<Client>, Error> {
    connect_to(Path::new(SOCKET))
}

/// Connects to the control socket at `path`; `None` if there is no such file.
///
/// # Errors
/// When there is a socket but nobody answers.
pub fn connect_to(path: &Path) -> Result<Option<Client>, Error> {
    let failed = || Error::host(format!("connecting to {}", path.display()));
    let address = SocketAddrUnix::new(path).map_err(failed())?;
    let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)
        .map_err(failed())?;
    match rustix::net::connect(&socket, &address) {
        Ok(()) => Ok(Some(Client { conn: Mutex::new(Conn::new(socket)) })),
        Err(rustix::io::Errno::NOENT | rustix::io::Errno::NOTDIR) => Ok(None),
        Err(e) => Err(failed()(e)),
    }
}

impl Calls for Client {
    fn call(&self, call: Call, fds: &[BorrowedFd<'_>]) -> Result<Answer, Error> {
        let conn = crate::link::lock(&self.conn);
        conn.send(&Frame::Call { id: 1, caller: Caller::default(), call }, fds)?;
        match conn.receive()?.frame {
            Frame::Answer { answer: Answer::Errno(errno), .. } => Err(Error::Errno(errno)),
            Frame::Answer { answer: Answer::Killed { signal }, .. } => Err(Error::Killed { signal }),
            Frame::Answer { answer, .. } => Ok(answer),
            other => Err(Error::Unexpected(format!("{other:?}"))),
        }
    }
}
