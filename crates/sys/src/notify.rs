//! Seccomp user notification: system calls of other processes, answered here. Counterpart: `kernel/seccomp.c`.

use crate::check;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::Duration;

/// A caught system call. Its caller waits for [`Listener::respond`].
#[derive(Debug, Clone, Copy)]
pub struct Notification {
    /// Names it in the answer.
    pub id: u64,
    /// The calling thread, in the numbering of the listener's process.
    pub tid: u32,
    /// The call's number.
    pub number: i32,
    /// Its arguments.
    pub args: [u64; 6],
}

/// What [`Listener::receive`] found.
#[derive(Debug, Clone, Copy)]
pub enum Received {
    /// A call.
    Call(Notification),
    /// None within the limit.
    Nothing,
    /// No process under the filter is left.
    End,
}

/// How a caught call ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Response {
    /// It returns this value.
    Value(i64),
    /// It fails with this (positive) errno.
    Errno(i32),
    /// A signal is pending: it begins again after the signal's handler if that has SA_RESTART, else it fails with EINTR.
    /// Without a signal the caller would see a nonsensical errno.
    Restart,
    /// The kernel runs it after all. No security may hang on that: the arguments can change meanwhile.
    Continue,
}

/// The descriptor of a filter with [`crate::seccomp::Action::Notify`].
#[derive(Debug)]
pub struct Listener(OwnedFd);

impl Listener {
    /// Wraps what [`crate::seccomp::Filter::install_with_listener`] returned, here or in another process.
    pub fn new(fd: OwnedFd) -> Self {
        let sync_wake: libc::c_ulong = 0x4008_2104;
        // SAFETY: takes a number, no memory. Linux before 6.6 refuses it: only slower.
        unsafe { libc::ioctl(fd.as_raw_fd(), sync_wake, 1) };
        Self(fd)
    }

    /// Waits for the next call, at most for `limit` if there is one.
    ///
    /// # Errors
    /// When the descriptor fails.
    pub fn receive(&self, limit: Option<Duration>) -> io::Result<Received> {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        let timeout = limit.and_then(|limit| Timespec::try_from(limit).ok());
        loop {
            let mut fds = [PollFd::new(&self.0, PollFlags::IN)];
            match poll(&mut fds, timeout.as_ref()) {
                Err(rustix::io::Errno::INTR) => continue,
                Err(e) => return Err(e.into()),
                Ok(0) => return Ok(Received::Nothing),
                Ok(_) => {}
            }
            if !fds[0].revents().contains(PollFlags::IN) {
                return Ok(Received::End);
            }
            if let Some(caught) = self.take()? {
                return Ok(Received::Call(caught));
            }
        }
    }

    /// The call that is there; `None` if its caller was killed meanwhile.
    fn take(&self) -> io::Result<Option<Notification>> {
        // SAFETY: all-zero bytes are a valid `seccomp_notif`, and the kernel wants it zeroed.
        let mut raw: libc::seccomp_notif = unsafe { std::mem::zeroed() };
        // SAFETY: the request takes a pointer to a live `seccomp_notif`.
        match check(unsafe { libc::ioctl(self.0.as_raw_fd(), RECEIVE, &raw mut raw) }.into()) {
            Ok(_) => {
                let data = raw.data;
                Ok(Some(Notification { id: raw.id, tid: raw.pid, number: data.nr, args: data.args }))
            }
            Err(e) if matches!(e.raw_os_error(), Some(libc::EINTR | libc::ENOENT)) => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// Whether the caller still waits. Ask after opening anything by its thread id: the number may have been reused.
    pub fn is_valid(&self, id: u64) -> bool {
        // SAFETY: the request takes a pointer to a live u64.
        unsafe { libc::ioctl(self.0.as_raw_fd(), ID_VALID, &raw const id) == 0 }
    }

    /// Ends the call. A caller that is gone is no error.
    ///
    /// # Errors
    /// When the kernel refuses the answer.
    pub fn respond(&self, id: u64, response: Response) -> io::Result<()> {
        const CONTINUE: u32 = 1;
        const ERESTARTSYS: i32 = 512;
        let (val, error, flags) = match response {
            Response::Value(value) => (value, 0, 0),
            Response::Errno(errno) => (0, -errno.saturating_abs(), 0),
            Response::Restart => (0, -ERESTARTSYS, 0),
            Response::Continue => (0, 0, CONTINUE),
        };
        let raw = libc::seccomp_notif_resp { id, val, error, flags };
        // SAFETY: the request takes a pointer to a live `seccomp_notif_resp`.
        match check(unsafe { libc::ioctl(self.0.as_raw_fd(), SEND, &raw const raw) }.into()) {
            Err(e) if e.raw_os_error() != Some(libc::ENOENT) => Err(e),
            _ => Ok(()),
        }
    }

    /// Puts a copy of `fd` into the caller's descriptor table (close-on-exec if asked) and ends the call with its number.
    ///
    /// # Errors
    /// `ENOENT` when the caller is gone, `EMFILE` when its table is full; the call still waits then.
    pub fn respond_with_fd(&self, id: u64, fd: BorrowedFd<'_>, cloexec: bool) -> io::Result<()> {
        let raw = libc::seccomp_notif_addfd {
            id,
            flags: 2, // SECCOMP_ADDFD_FLAG_SEND
            srcfd: fd.as_raw_fd().unsigned_abs(),
            newfd: 0,
            newfd_flags: if cloexec { libc::O_CLOEXEC.unsigned_abs() } else { 0 },
        };
        // SAFETY: the request takes a pointer to a live `seccomp_notif_addfd`.
        check(unsafe { libc::ioctl(self.0.as_raw_fd(), ADD_FD, &raw const raw) }.into()).map(drop)
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

const RECEIVE: libc::c_ulong = request(3, size_of::<libc::seccomp_notif>(), 0);
const SEND: libc::c_ulong = request(3, size_of::<libc::seccomp_notif_resp>(), 1);
const ID_VALID: libc::c_ulong = request(1, size_of::<u64>(), 2);
const ADD_FD: libc::c_ulong = request(1, size_of::<libc::seccomp_notif_addfd>(), 3);

/// `_IOC(direction, '!', number, size)`.
const fn request(direction: libc::c_ulong, size: usize, number: libc::c_ulong) -> libc::c_ulong {
    direction << 30 | (size as libc::c_ulong) << 16 | 0x2100 | number
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::{Exit, Forked, exit_now, fork};
    use crate::seccomp::{Action, Filter};
    use rustix::process::{PidfdFlags, PidfdGetfdFlags};
    use std::io::{Read, Write};

    #[test]
    fn a_caught_call_gets_our_answer_or_our_descriptor() {
        let (mut mine, mut theirs) = std::os::unix::net::UnixStream::pair().unwrap();
        let Forked::Parent(child) = fork().unwrap() else {
            rustix::thread::set_no_new_privs(true).unwrap();
            let fd =
                Filter::new(Action::Allow).rule(libc::SYS_getppid, Action::Notify).install_with_listener().unwrap();
            theirs.write_all(&fd.as_raw_fd().to_le_bytes()).unwrap();
            theirs.read_exact(&mut [0]).unwrap();
            drop(fd);
            // SAFETY: the calls touch no memory.
            let (value, fd) = unsafe { (libc::syscall(libc::SYS_getppid), libc::syscall(libc::SYS_getppid)) };
            // SAFETY: the call touches no memory; -1 is refused.
            let open = unsafe { libc::fcntl(fd as i32, libc::F_GETFD) };
            exit_now(i32::from(value != 4_000_000_000 || open != libc::FD_CLOEXEC))
        };
        let mut number = [0; 4];
        mine.read_exact(&mut number).unwrap();
        let pid = rustix::process::Pid::from_raw(child.pid() as i32).unwrap();
        let pidfd = rustix::process::pidfd_open(pid, PidfdFlags::empty()).unwrap();
        let fd = rustix::process::pidfd_getfd(&pidfd, i32::from_le_bytes(number), PidfdGetfdFlags::empty()).unwrap();
        mine.write_all(&[1]).unwrap();
        let listener = Listener::new(fd);
        let next = || match listener.receive(None).unwrap() {
            Received::Call(caught) => caught,
            other => panic!("{other:?}"),
        };
        let first = next();
        assert_eq!((i64::from(first.number), first.tid), (libc::SYS_getppid, child.pid()));
        assert!(listener.is_valid(first.id) && !listener.is_valid(first.id + 9));
        listener.respond(first.id, Response::Value(4_000_000_000)).unwrap();
        let second = next();
        let null = std::fs::File::open("/dev/null").unwrap();
        listener.respond_with_fd(second.id, null.as_fd(), true).unwrap();
        assert!(matches!(listener.receive(None).unwrap(), Received::End));
        assert_eq!(child.wait().unwrap(), Exit::Code(0));
        listener.respond(first.id, Response::Value(0)).unwrap();
    }
}
