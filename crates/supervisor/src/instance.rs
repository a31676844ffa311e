//! An instance: boot, call, shutdown.
//!
//! Booting forks the kernel process from the caller's own process, which costs less than a millisecond; no namespace
//! and no mount is made before a program runs inside.

use crate::api::As;
use crate::link::{Link, lock};
use crate::memory::{self, Memory};
use crate::{Death, Error, caller};
use std::convert::Infallible;
use std::os::fd::BorrowedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;
use sys::process::{Child, Exit, Forked};
use wire::{Answer, Ask, Call, Caller, Conn, Event, Frame, WireError};

/// How long the kernel process may take to end after it closed its connection, or after a shutdown.
const END_LIMIT: Duration = Duration::from_secs(2);

/// Held from the making of a descriptor that must not leak into another child until it is closed here.
pub(crate) static FORKING: Mutex<()> = Mutex::new(());

/// Takes console output.
pub type Console = Box<dyn FnMut(&[u8]) + Send>;

/// How an instance is started.
pub struct Config {
    /// Takes what Linux would print on its console: complete lines, filtered by the log level. It runs in the
    /// instance's reader thread, before any answer that came later.
    pub console: Console,
}

impl Config {
    /// The console on standard error.
    pub fn stderr() -> Self {
        Self {
            console: Box::new(|text| {
                // Nothing is left to tell it to if stderr is gone.
                let _ = std::io::Write::write_all(&mut std::io::stderr(), text);
            }),
        }
    }
}

/// A running instance. Dropping it kills the kernel process; [`Instance::shutdown`] ends it in good order.
pub struct Instance {
    pub(crate) link: Arc<Link>,
    child: Arc<Child>,
    reader: Option<JoinHandle<Option<Exit>>>,
}

impl Instance {
    /// Forks the kernel process, which runs `kernel_main` with its end of the connection.
    ///
    /// Call it from a process with one thread where possible (see [`sys::process::fork`]), and from a thread that
    /// lives as long as the instance: the kernel process is killed when that thread ends. `kernel_main` locks itself
    /// down with [`sys::sandbox::lock_down`]; before that it shares all descriptors with the caller.
    ///
    /// # Errors
    /// When the host has no process, thread or descriptor left.
    pub fn boot(config: Config, kernel_main: impl FnOnce(Conn) -> Infallible) -> Result<Self, Error> {
        let parent = std::process::id();
        let forking = lock(&FORKING);
        let (ours, theirs) = Conn::pair()?;
        let child = match sys::process::fork().map_err(Error::host("starting the kernel process"))? {
            Forked::Child => {
                drop(ours);
                kernel_process(parent, theirs, kernel_main)
            }
            Forked::Parent(child) => Arc::new(child),
        };
        drop(theirs);
        drop(forking);
        let link = Arc::new(Link::new(ours.try_clone()?));
        let reader = Reader {
            conn: ours,
            link: link.clone(),
            child: child.clone(),
            memory: Arc::default(),
            console: config.console,
            bug: None,
        };
        let reader = std::thread::Builder::new()
            .name("lkm-reader".into())
            .stack_size(256 << 10)
            .spawn(move || reader.run())
            .map_err(|e| {
                child.kill();
                let _ = child.wait();
                Error::host("starting a thread")(e)
            })?;
        Ok(Self { link, child, reader: Some(reader) })
    }

    /// The kernel process's id.
    pub fn kernel_pid(&self) -> u32 {
        self.child.pid()
    }

    /// Why the kernel process is gone, if it is.
    pub fn death(&self) -> Option<Death> {
        self.link.death()
    }

    /// Makes a call on behalf of `caller` and waits for the answer; any number of threads may do so at once.
    ///
    /// # Errors
    /// `Errno` and `Killed` as the kernel process answered; [`Error::Died`] when it is gone.
    pub fn call(&self, caller: Caller, call: Call, fds: &[BorrowedFd<'_>]) -> Result<Answer, Error> {
        self.link.call(caller, call, fds)
    }

    /// The typed calls ([`crate::Calls`]) on behalf of `caller`.
    pub fn as_caller(&self, caller: Caller) -> As<'_> {
        As { instance: self, caller }
    }

    /// The typed calls on behalf of this process, as root.
    pub fn as_self(&self) -> As<'_> {
        self.as_caller(caller::this_process())
    }

    /// Lets tools outside reach the instance through a socket at `path`, for the same user only; they may shut it down.
    ///
    /// # Errors
    /// When the socket cannot be made there, for example because the file exists.
    pub fn listen(&self, path: &std::path::Path) -> Result<crate::ControlSocket, Error> {
        crate::ControlSocket::open(path, &self.link)
    }

    /// Ends the kernel process in good order and delivers all of its console output.
    ///
    /// # Errors
    /// [`Error::Died`] unless it ended with status 0; it is gone in any case.
    pub fn shutdown(mut self) -> Result<(), Error> {
        let (sender, receiver) = std::sync::mpsc::sync_channel(1);
        let done = Box::new(move |result| drop(sender.send(result)));
        self.link.submit(wire::kernel_caller(), Call::Shutdown, &[], done);
        // A module that holds the kernel process up must not hold up its end.
        let answered = receiver.recv_timeout(END_LIMIT).is_ok();
        let ended =
            answered && sys::process::has_ended(std::os::fd::AsFd::as_fd(&*self.child), END_LIMIT).unwrap_or(false);
        if !ended {
            self.child.kill();
        }
        match self.join() {
            Some(Exit::Code(0)) => Ok(()),
            exit => Err(Error::Died(self.death().unwrap_or(Death { exit, bug: None }))),
        }
    }

    fn join(&mut self) -> Option<Exit> {
        self.reader.take().and_then(|reader| reader.join().ok().flatten())
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        if self.reader.is_some() {
            self.child.kill();
            self.join();
        }
    }
}

/// What the child does: never returns, whatever `kernel_main` does.
fn kernel_process(parent: u32, conn: Conn, kernel_main: impl FnOnce(Conn) -> Infallible) -> ! {
    let _ = sys::process::die_with_parent();
    let orphan = rustix::process::getppid().is_none_or(|pid| pid.as_raw_nonzero().get().unsigned_abs() != parent);
    if orphan {
        sys::process::exit_now(1);
    }
    // Out of the terminal's foreground group: an interrupt is for the programs inside.
    let _ = rustix::process::setpgid(None, None);
    let _ = rustix::thread::set_name(c"lkm-kernel");
    // An unwinding panic must not run on into the caller's frames, which belong to the parent.
    match catch_unwind(AssertUnwindSafe(|| kernel_main(conn))) {
        Ok(never) => match never {},
        Err(_) => sys::process::exit_now(101),
    }
}

/// Takes everything that the kernel process sends.
struct Reader {
    conn: Conn,
    link: Arc<Link>,
    child: Arc<Child>,
    memory: Arc<Memory>,
    console: Console,
    bug: Option<String>,
}

impl Reader {
    fn run(mut self) -> Option<Exit> {
        loop {
            match self.conn.receive().map(|received| received.frame) {
                Ok(Frame::Answer { id, answer }) => self.link.finish(id, Ok(answer)),
                Ok(Frame::Event(Event::Console(text))) => (self.console)(&text),
                Ok(Frame::Event(Event::PollWakeup { handle })) => self.link.poll_wakeup(handle),
                Ok(Frame::Event(Event::Uevent(message))) => self.link.uevent(&message),
                Ok(Frame::Event(Event::Bug(text))) => self.bug = Some(text),
                Ok(Frame::Ask { id, call, ask }) => self.ask(id, call, ask),
                Ok(Frame::Call { .. } | Frame::Told { .. }) => {
                    self.refuse("it sent what only a supervisor sends".into())
                }
                Err(WireError::Closed) => break,
                Err(e) => {
                    self.refuse(e.to_string());
                    break;
                }
            }
        }
        let exit = self.reap();
        self.memory.close();
        self.link.close(&Death { exit, bug: self.bug });
        exit
    }

    fn ask(&self, id: u64, call: u64, ask: Ask) {
        if matches!(ask, Ask::Helper { .. }) {
            return self.link.start_helper(id, ask);
        }
        match self.link.tid_of(call) {
            Some(tid) => self.memory.submit(&self.link, id, tid, ask),
            None => self.link.tell(id, memory::nothing(&ask)),
        }
    }

    /// The kernel process broke the protocol; it is not to be trusted any more.
    fn refuse(&mut self, why: String) {
        self.bug.get_or_insert(why);
        self.child.kill();
    }

    fn reap(&self) -> Option<Exit> {
        match self.child.wait_for(END_LIMIT) {
            Ok(Some(exit)) => Some(exit),
            Ok(None) => {
                self.child.kill();
                self.child.wait().ok()
            }
            Err(_) => None,
        }
    }
}
