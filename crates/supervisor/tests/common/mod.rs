//! A small kernel process for the tests: a few files, modules that are just names, and calls that hang or crash.
#![allow(dead_code, reason = "each test file uses its own part")]

pub mod device;
pub mod tree;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Condvar, Mutex};
use wire::{Answer, Ask, Call, Caller, Conn, Event, Frame, ModuleImage, Told, VfsCall, VfsReply};

pub const ENOENT: i32 = 2;
pub const ENOSYS: i32 = 38;
pub const EINTR: i32 = 4;
pub const EBADF: i32 = 9;
pub const EEXIST: i32 = 17;
pub const EINVAL: i32 = 22;
pub const ENOEXEC: i32 = 8;

#[derive(Default)]
pub struct State {
    /// Module name -> parameters.
    pub modules: BTreeMap<String, String>,
    /// Open handle -> (node, write position, pending bytes).
    pub handles: BTreeMap<u64, u64>,
    pub last_handle: u64,
    pub echo: Vec<u8>,
    pub pollers: Vec<u64>,
    pub interrupted: Vec<u64>,
    pub releases: u64,
    pub devices: device::State,
    /// What the supervisor told, by the id of what was asked.
    pub told: BTreeMap<u64, Told>,
    pub asked: u64,
}

pub struct Mock {
    pub sender: Mutex<Conn>,
    pub state: Mutex<State>,
    pub changed: Condvar,
}

/// The kernel process's main.
pub fn kernel_main(conn: Conn) -> Infallible {
    let mock = Arc::new(Mock {
        sender: Mutex::new(conn.try_clone().unwrap()),
        state: Mutex::default(),
        changed: Condvar::new(),
    });
    loop {
        let Ok(received) = conn.receive() else { sys::process::exit_now(3) };
        let (id, caller, call) = match received.frame {
            Frame::Call { id, caller, call } => (id, caller, call),
            Frame::Told { id, told } => {
                mock.state.lock().unwrap().told.insert(id, told);
                mock.changed.notify_all();
                continue;
            }
            _ => sys::process::exit_now(4),
        };
        if let Call::Vfs(VfsCall::Interrupt { id: other, .. }) = call {
            mock.state.lock().unwrap().interrupted.push(other);
            mock.changed.notify_all();
            mock.answer(id, Answer::Vfs(VfsReply::Done));
            continue;
        }
        let mock = mock.clone();
        std::thread::spawn(move || {
            let last = call == Call::Shutdown;
            let answer = mock.serve(id, &caller, call, received.fds);
            mock.answer(id, answer);
            if last {
                sys::process::exit_now(0);
            }
        });
    }
}

impl Mock {
    fn answer(&self, id: u64, answer: Answer) {
        let _ = self.sender.lock().unwrap().send(&Frame::Answer { id, answer }, &[]);
    }

    pub fn event(&self, event: Event) {
        let _ = self.sender.lock().unwrap().send(&Frame::Event(event), &[]);
    }

    /// Asks about the caller of the call that is being worked on.
    pub fn ask(&self, call: u64, ask: Ask) -> Told {
        let mut state = self.state.lock().unwrap();
        state.asked += 1;
        let id = state.asked;
        let _ = self.sender.lock().unwrap().send(&Frame::Ask { id, call, ask }, &[]);
        self.changed.wait_while(state, |s| !s.told.contains_key(&id)).unwrap().told.remove(&id).unwrap()
    }

    fn log(&self, text: &str) {
        self.event(Event::Console(format!("{text}\n").into_bytes()));
    }

    fn serve(&self, id: u64, caller: &Caller, call: Call, fds: Vec<OwnedFd>) -> Answer {
        match call {
            Call::InitModule { image: ModuleImage::Missing(errno), .. } => Answer::Errno(errno),
            Call::InitModule { params: Ok(params), .. } => self.init_module(params, fds),
            Call::InitModule { params: Err(errno), .. } => Answer::Errno(errno),
            Call::DeleteModule { name, .. } => {
                let name = String::from_utf8_lossy(&name.unwrap_or_default()).into_owned();
                match self.state.lock().unwrap().modules.remove(&name) {
                    Some(_) => {
                        self.log(&format!("{name}: goodbye"));
                        Answer::Value(0)
                    }
                    None => Answer::Errno(ENOENT),
                }
            }
            Call::Syslog { action: 2, .. } => self.sleep(id),
            Call::Syslog { action: 3, .. } => Answer::Data(b"<6>[    0.000000] mock\n".to_vec()),
            Call::Syslog { action: 10, .. } => Answer::Value(4096),
            Call::Syslog { .. } => Answer::Errno(EINVAL),
            Call::ReadFile { path } => self.read_path(id, caller, &path),
            Call::WriteFile { .. } => Answer::Value(0),
            Call::Legacy(_) => Answer::Errno(ENOSYS),
            Call::Vfs(call) => tree::serve(self, id, caller, call),
            Call::Report => Answer::Report(wire::Report { oopses: 7, ..Default::default() }),
            Call::Shutdown => {
                self.log("the end");
                Answer::Value(0)
            }
        }
    }

    /// A module is a file whose first line is its name; one called `oops` kills its task.
    fn init_module(&self, params: Vec<u8>, fds: Vec<OwnedFd>) -> Answer {
        let mut bytes = vec![0; 4096];
        let Some(Ok(got)) = fds.first().map(|fd| rustix::io::pread(fd, &mut bytes, 0)) else {
            return Answer::Errno(EBADF);
        };
        bytes.truncate(got);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some(name) = text.strip_prefix("module ").and_then(|rest| rest.lines().next()) else {
            return Answer::Errno(ENOEXEC);
        };
        if name == "oops" {
            self.log("BUG: oops");
            return Answer::Killed { signal: 9 };
        }
        let params = String::from_utf8_lossy(&params).into_owned();
        self.log(&format!("{name}: hello, {params}"));
        match self.state.lock().unwrap().modules.insert(name.to_owned(), params) {
            None => Answer::Value(0),
            Some(_) => Answer::Errno(EEXIST),
        }
    }

    fn read_path(&self, id: u64, caller: &Caller, path: &str) -> Answer {
        match path {
            "/proc/modules" => Answer::Data(self.modules().into_bytes()),
            "/proc/caller" => Answer::Data(format!("{caller:?}").into_bytes()),
            "/proc/handles" => Answer::Data(self.state.lock().unwrap().handles.len().to_string().into_bytes()),
            "/proc/interrupted" => Answer::Data(self.state.lock().unwrap().interrupted.len().to_string().into_bytes()),
            "/proc/sys/kernel/osrelease" => Answer::Data(b"6.1.0-mock\n".to_vec()),
            "/proc/sys/kernel/version" => Answer::Data(b"#1 mock\n".to_vec()),
            "/proc/sleep" => self.sleep(id),
            "/proc/abort" => std::process::abort(),
            "/proc/bug" => {
                self.event(Event::Bug("a mistake of ours".into()));
                sys::process::exit_now(125)
            }
            "/proc/garbage" => {
                rustix::io::write(&*self.sender.lock().unwrap(), &[255; 64]).unwrap();
                self.sleep(id)
            }
            _ => Answer::Errno(ENOENT),
        }
    }

    pub fn modules(&self) -> String {
        let state = self.state.lock().unwrap();
        state.modules.keys().map(|name| format!("{name} 16384 0 - Live 0x0000000000000000\n")).collect()
    }

    /// Until somebody interrupts the call.
    pub fn sleep(&self, id: u64) -> Answer {
        let state = self.state.lock().unwrap();
        drop(self.changed.wait_while(state, |s| !s.interrupted.contains(&id)).unwrap());
        Answer::Errno(EINTR)
    }
}
