//! Programs that the kernel itself starts inside, such as modprobe. Counterpart: `kernel/umh.c`.
//!
//! A process beside the command, the *starter*, forks them: it is in the namespaces, and does nothing else. The
//! supervisor's side sends it what the kernel process asks for and passes on what came of it. A helper's system calls
//! are caught like the command's; it starts in / with the streams of /dev/null.

use super::channel::{Channel, Message};
use super::uevents;
use crate::link::{Link, lock};
use crate::syscalls;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::pipe::{PipeFlags, pipe_with};
use std::collections::{BTreeSet, HashSet};
use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::{Arc, Mutex};
use sys::process::{Child, Exit, Forked};
use wire::{Ask, Conn, Frame, Told};

const ENOENT: i32 = 2;
const EINTR: i32 = 4;
const EIO: i32 = 5;
const EAGAIN: i32 = 11;

/// The supervisor's side of a starter.
pub(crate) struct Helpers {
    conn: Mutex<Conn>,
    /// Asked and not answered.
    asked: Mutex<BTreeSet<u64>>,
}

impl Helpers {
    /// Takes over the connection to a starter: helpers that the kernel process asks for run there from now on.
    pub(super) fn start(conn: Conn, link: &Arc<Link>) -> Result<Arc<Self>, crate::Error> {
        let helpers = Arc::new(Self { conn: Mutex::new(conn.try_clone()?), asked: Mutex::default() });
        let (served, for_link) = (helpers.clone(), link.clone());
        std::thread::Builder::new()
            .name("lkm-helpers".into())
            .spawn(move || served.serve(&conn, &for_link))
            .map_err(crate::Error::host("starting a thread"))?;
        link.add_helpers(&helpers);
        Ok(helpers)
    }

    /// Asks for a helper; false if the starter is gone.
    pub(crate) fn ask(&self, id: u64, ask: Ask) -> bool {
        lock(&self.asked).insert(id);
        let sent = lock(&self.conn).send(&Frame::Ask { id, call: 0, ask }, &[]).is_ok();
        // Whoever takes the number out answers.
        sent || !lock(&self.asked).remove(&id)
    }

    fn serve(&self, conn: &Conn, link: &Link) {
        while let Ok(received) = conn.receive() {
            if let Frame::Told { id, told } = received.frame
                && lock(&self.asked).remove(&id)
            {
                link.tell(id, told);
            }
        }
        for id in std::mem::take(&mut *lock(&self.asked)) {
            link.tell(id, Told::Helper(-EINTR));
        }
    }
}

/// The answer where nothing can be started.
pub(crate) fn nothing() -> Told {
    Told::Helper(-ENOENT)
}

/// What each helper gets from the starter.
pub(super) struct Inside<'a> {
    /// Which system calls are caught.
    pub(super) wanted: &'a syscalls::Wanted,
    /// Takes the listener of caught calls.
    pub(super) channel: &'a Channel,
}

/// A helper that runs, and who waits for it.
struct Running {
    child: Child,
    id: Option<u64>,
}

/// The starter's main; it has just been forked from init.
pub(super) fn starter(inside: &Inside<'_>, conn: &Conn, uevents: &OwnedFd) -> ! {
    let _ = rustix::thread::set_name(c"lkm-helpers");
    let _ = sys::process::die_with_parent();
    // The command's streams must not stay open because of a process that only waits.
    let _ = quiet();
    let _ = sys::process::close_all_but(&[conn.as_fd(), inside.channel.as_fd(), uevents.as_fd()]);
    let _ = std::env::set_current_dir("/");
    let mut running: Vec<Running> = Vec::new();
    // Who serves it has taken it over.
    let mut uevents = Some(uevents);
    loop {
        let Some(ready) = wait(conn, &running, uevents) else { continue };
        if ready.contains(&running.len().saturating_add(1)) {
            uevents.take().into_iter().for_each(keep);
        }
        if ready.contains(&0) {
            let Ok(received) = conn.receive() else { sys::process::exit_now(0) };
            if let Frame::Ask { id, ask: Ask::Helper { path, argv, envp, wait }, .. } = received.frame {
                match launch(inside, &path, &argv, &envp) {
                    Err(errno) => tell(conn, id, -errno),
                    Ok(child) => {
                        running.push(Running { child, id: wait.then_some(id) });
                        if !wait {
                            tell(conn, id, 0);
                        }
                    }
                }
            }
        }
        let mut index = 0;
        running.retain(|helper| {
            index += 1;
            let ended = ready.contains(&index);
            if let (true, Some(id)) = (ended, helper.id) {
                tell(conn, id, status(helper.child.wait()));
            }
            !ended
        });
    }
}

/// Has a process serve what is asked for about uevents.
fn keep(requests: &OwnedFd) {
    match sys::process::fork() {
        Ok(Forked::Child) => uevents::keeper(requests),
        Ok(Forked::Parent(_)) => {}
        // Who asks must not wait for nobody.
        Err(_) => _ = rustix::net::shutdown(requests, rustix::net::Shutdown::Both),
    }
}

fn tell(conn: &Conn, id: u64, status: i32) {
    // A supervisor that is gone takes everything inside with it.
    let _ = conn.send(&Frame::Told { id, told: Told::Helper(status) }, &[]);
}

/// What is ready: 0 the connection, then the helpers from 1 on, and what is asked for about uevents.
fn wait(conn: &Conn, running: &[Running], uevents: Option<&OwnedFd>) -> Option<HashSet<usize>> {
    let mut fds: Vec<PollFd<'_>> = vec![PollFd::from_borrowed_fd(conn.as_fd(), PollFlags::IN)];
    fds.extend(running.iter().map(|r| PollFd::from_borrowed_fd(r.child.as_fd(), PollFlags::IN)));
    fds.extend(uevents.map(|fd| PollFd::from_borrowed_fd(fd.as_fd(), PollFlags::IN)));
    poll(&mut fds, None).ok()?;
    Some(fds.iter().enumerate().filter(|(_, fd)| !fd.revents().is_empty()).map(|(index, _)| index).collect())
}

/// The status as `wait(2)` has it.
fn status(exit: std::io::Result<Exit>) -> i32 {
    match exit {
        Ok(Exit::Code(code)) => (code & 0xff) << 8,
        Ok(Exit::Signal(signal)) => signal,
        Err(_) => -EIO,
    }
}

fn quiet() -> std::io::Result<()> {
    let null = File::options().read(true).write(true).open("/dev/null")?;
    rustix::stdio::dup2_stdin(&null)?;
    rustix::stdio::dup2_stdout(&null)?;
    rustix::stdio::dup2_stderr(&null)?;
    Ok(())
}

/// Starts a program; the error is the errno of its execve.
fn launch(inside: &Inside<'_>, path: &[u8], argv: &[Vec<u8>], envp: &[Vec<u8>]) -> Result<Child, i32> {
    let (mut result, sender) = pipe_with(PipeFlags::CLOEXEC).map(|(r, w)| (File::from(r), w)).map_err(|_| EAGAIN)?;
    let child = match sys::process::fork().map_err(|_| EAGAIN)? {
        Forked::Child => execute(inside, path, argv, envp, sender),
        Forked::Parent(child) => child,
    };
    drop(sender);
    let mut errno = [0; 4];
    match result.read_exact(&mut errno) {
        Ok(()) => {
            let _ = child.wait();
            Err(i32::from_ne_bytes(errno))
        }
        // Nothing was said: the program runs.
        Err(_) => Ok(child),
    }
}

/// Becomes the program.
fn execute(inside: &Inside<'_>, path: &[u8], argv: &[Vec<u8>], envp: &[Vec<u8>], sender: OwnedFd) -> ! {
    if let Ok(listener) = syscalls::catch(inside.wanted) {
        let _ = inside.channel.send(&Message::Syscalls(listener));
    }
    let text = |bytes: &[u8]| OsStr::from_bytes(bytes).to_owned();
    let mut command = Command::new(text(path));
    if let Some((name, arguments)) = argv.split_first() {
        command.arg0(text(name)).args(arguments.iter().map(|argument| text(argument)));
    }
    command.env_clear();
    for variable in envp {
        if let Some(at) = variable.iter().position(|byte| *byte == b'=') {
            let (name, value) = variable.split_at(at);
            command.env(text(name), text(value.get(1..).unwrap_or_default()));
        }
    }
    let error = command.exec();
    let _ = File::from(sender).write_all(&error.raw_os_error().unwrap_or(EIO).to_ne_bytes());
    sys::process::exit_now(127)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_those_of_wait() {
        assert_eq!(status(Ok(Exit::Code(3))), 3 << 8);
        assert_eq!(status(Ok(Exit::Signal(9))), 9);
    }
}
