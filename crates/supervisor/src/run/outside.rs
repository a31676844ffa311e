//! The supervisor's side: starts the middle process and serves what is inside until the command has ended.

use super::channel::{Channel, Failure, Message};
use super::helper::Helpers;
use super::uevents::{self, Uevents};
use super::{Program, Setup, namespace, terminal};
use crate::control::{self, MapIds};
use crate::faces::{self, Plan};
use crate::instance::FORKING;
use crate::link::lock;
use crate::syscalls::{self, Around, Uname};
use crate::{Error, Exit, Instance};
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex};
use sys::process::{Child, Forked};
use wire::Conn;

impl Instance {
    /// Runs a command inside the instance and waits for its end. What it started and left running dies with it.
    ///
    /// Standard streams, working directory and environment are the caller's; PATH starts with the tools. Call it from
    /// a thread that lives until the command ends.
    ///
    /// # Errors
    /// [`Error::Lacks`] where the machine denies what is needed; a command that cannot be executed is no error but
    /// status 126 or 127, as in a shell.
    pub fn run(&self, program: &Program) -> Result<Exit, Error> {
        let executable = match &program.executable {
            Some(path) => path.clone(),
            None => std::env::current_exe().map_err(Error::host("finding this program's file"))?,
        };
        let directory = std::env::current_dir().unwrap_or_else(|_| "/".into());
        let plan = (!program.no_faces).then(|| Arc::new(Plan::make(&self.link)));
        let uname = Uname::ask(&self.link);
        let (helpers, inside) = Conn::pair()?;
        let (uevents, keeper) = uevents::pair().map_err(Error::host("making a socket pair"))?;
        let setup = Setup {
            helpers: inside,
            uevents: keeper,
            uname: uname.clone(),
            own_terminal: terminal::is_ours(),
            program: program.clone(),
            executable,
            directory,
            dispositions: terminal::for_command(),
            plan: plan.clone(),
        };
        let was_foreground = terminal::in_foreground();
        let (channel, middle) = fork_middle(setup)?;
        let waiting = terminal::Waiting::start(was_foreground);
        let personality24 = program.personality24;
        let helpers = Helpers::start(helpers, &self.link)?;
        let uevents = Arc::new(uevents);
        self.link.add_uevents(&uevents);
        let mut session = Session {
            instance: self,
            middle: &middle,
            channel,
            control: None,
            uname,
            personality24,
            plan,
            faces: None,
            uevents: uevents.clone(),
        };
        let ended = session.serve();
        drop(session);
        self.link.remove_helpers(&helpers);
        self.link.remove_uevents(&uevents);
        if ended.is_err() {
            middle.kill();
        }
        let _ = middle.wait();
        drop(waiting);
        ended
    }
}

fn fork_middle(setup: Setup) -> Result<(Channel, Child), Error> {
    let forking = lock(&FORKING);
    let (ours, theirs) = Channel::pair().map_err(Error::host("making a socket pair"))?;
    match sys::process::fork().map_err(Error::host("starting a process"))? {
        Forked::Child => {
            drop(ours);
            namespace::middle(setup, theirs)
        }
        Forked::Parent(child) => {
            drop(theirs);
            drop(forking);
            Ok((ours, child))
        }
    }
}

/// One command's time inside.
struct Session<'a> {
    instance: &'a Instance,
    middle: &'a Child,
    channel: Channel,
    control: Option<Arc<OwnedFd>>,
    uname: Option<Uname>,
    personality24: bool,
    plan: Option<Arc<Plan>>,
    faces: Option<Arc<faces::Session>>,
    uevents: Arc<Uevents>,
}

impl Session<'_> {
    fn serve(&mut self) -> Result<Exit, Error> {
        while let Some(message) = self.channel.receive() {
            match message {
                Message::Unshared => {
                    namespace::map_ids(self.middle.pid())?;
                    self.go_on()?;
                }
                Message::Control(listener) => self.start_control(listener)?,
                Message::Note(failure) => note(&failure),
                Message::NoNamespace(failure) => return Err(namespace::denied(&failure)),
                Message::Failed(Failure { what, errno }) => {
                    return Err(Error::Host { what, source: std::io::Error::from_raw_os_error(errno) });
                }
                Message::Ended(exit) => return Ok(exit),
                Message::Fuse(device) => {
                    if let Some(plan) = &self.plan {
                        let faces = faces::Session::start(device, &self.instance.link, plan);
                        self.faces = Some(faces.map_err(Error::host("starting a thread"))?);
                    }
                }
                Message::Proc(root) => {
                    if let Some(faces) = &self.faces {
                        faces.set_proc(root);
                    }
                    self.go_on()?;
                }
                Message::Syscalls(listener) => {
                    let around = Around {
                        uname: self.uname.clone(),
                        personality24: self.personality24,
                        faces: self.faces.clone(),
                        uevents: self.uevents.clone(),
                    };
                    syscalls::Server::start(listener, &self.instance.link, ids_inside(), around)
                        .map_err(Error::host("starting a thread"))?;
                }
                Message::Stopped => {
                    terminal::stop();
                    self.go_on()?;
                }
                Message::Continue => {}
            }
        }
        Err(Error::Host {
            what: "the first process inside the instance was killed".into(),
            source: std::io::ErrorKind::BrokenPipe.into(),
        })
    }

    fn go_on(&self) -> Result<(), Error> {
        self.channel.send(&Message::Continue).map_err(Error::host("talking to the processes inside"))
    }

    fn start_control(&mut self, listener: OwnedFd) -> Result<(), Error> {
        let listener = Arc::new(listener);
        self.control = Some(listener.clone());
        let link = self.instance.link.clone();
        let map = ids_inside();
        std::thread::Builder::new()
            .name("lkm-control".into())
            .spawn(move || control::serve(&listener, &link, &map, false))
            .map(drop)
            .map_err(Error::host("starting a thread"))
    }
}

impl Drop for Session<'_> {
    fn drop(&mut self) {
        if let Some(listener) = &self.control {
            // Ends the accepting thread.
            let _ = rustix::net::shutdown(&**listener, rustix::net::Shutdown::Both);
        }
    }
}

/// How ids of the host look inside; see [`namespace::map_ids`].
fn ids_inside() -> MapIds {
    const NOBODY: u32 = 65534;
    let (uid, gid) = (rustix::process::geteuid(), rustix::process::getegid());
    if uid.is_root() {
        return Arc::new(|uid, gid| (uid, gid));
    }
    let (uid, gid) = (uid.as_raw(), gid.as_raw());
    Arc::new(move |u, g| (if u == uid { 0 } else { NOBODY }, if g == gid { 0 } else { NOBODY }))
}

/// Tells on standard error, once, what a command inside has to do without.
fn note(failure: &Failure) {
    static TOLD: Mutex<Vec<String>> = Mutex::new(Vec::new());
    let mut told = lock(&TOLD);
    if told.contains(&failure.what) {
        return;
    }
    told.push(failure.what.clone());
    let cause = std::io::Error::from_raw_os_error(failure.errno);
    eprintln!("lkm: note: {}: {cause}", failure.what);
}
