//! Answers the supervisor's calls. The main thread reads frames; workers, each a task, do what they ask.

use crate::{fault, files, log, module, personality24, report, sched};
use kabi::Errno;
use kabi::errno::{EFAULT, EINVAL, ENOMEM, ENOSYS};
use module::load::{LoadError, Request};
use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};
use wire::{Answer, Ask, Call, Caller, Conn, Event, Frame, ModuleImage, Told, WireError};

/// Largest module file that is accepted, in bytes.
const LARGEST_FILE: u64 = 512 << 20;
/// Threads that may wait in calls at one time.
const MOST_WORKERS: usize = 512;

/// The sending half of the connection to the supervisor. A frame is several writes: one sends at a time.
struct Out {
    conn: Conn,
    turn: Mutex<()>,
}

static OUT: OnceLock<Out> = OnceLock::new();

/// When nobody listens any more there is nobody to tell: the main thread's loop ends the process then.
fn send(frame: &Frame) {
    if let Some(out) = OUT.get() {
        let _turn = out.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = out.conn.send(frame, &[]);
    }
}

/// Sends an event.
pub fn send_event(event: Event) {
    send(&Frame::Event(event));
}

/// What was asked about callers and is not answered yet.
static ASKED: Mutex<BTreeMap<u64, SyncSender<Told>>> = Mutex::new(BTreeMap::new());

/// Asks the supervisor about the caller of a call that is being worked on, and waits; `None` without a supervisor.
pub fn ask(call: u64, ask: Ask) -> Option<Told> {
    static LAST: AtomicU64 = AtomicU64::new(0);
    OUT.get()?;
    let id = LAST.fetch_add(1, Ordering::Relaxed);
    let (sender, receiver) = sync_channel(1);
    ASKED.lock().unwrap_or_else(PoisonError::into_inner).insert(id, sender);
    send(&Frame::Ask { id, call, ask });
    let wait = || receiver.recv().ok();
    // Whoever holds a spin lock keeps its CPU.
    if sched::preempt_count() == 0 { sched::blocking(wait) } else { wait() }
}

fn told(id: u64, told: Told) {
    let asker = ASKED.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    if let Some(asker) = asker {
        // There is room for one, and only one comes.
        let _ = asker.try_send(told);
    }
}

/// Reports a fault of lkm's own and ends the kernel process.
pub fn bug(what: &str) -> ! {
    if let Some(out) = OUT.get() {
        // This thread may hold the turn itself, or its holder may be the one that is stuck: better a frame in another
        // one's middle than none.
        let patience = Instant::now();
        let mut turn = out.turn.try_lock();
        while turn.is_err() && patience.elapsed() < Duration::from_millis(50) {
            std::thread::yield_now();
            turn = out.turn.try_lock();
        }
        let _ = out.conn.send(&Frame::Event(Event::Bug(what.to_string())), &[]);
    }
    die(what)
}

/// Ends the kernel process with the status that says "a bug of ours".
pub fn die(what: &str) -> ! {
    eprintln!("lkm: kernel process: {what}");
    sys::process::exit_now(125)
}

/// A call that waits for a worker.
struct Job {
    id: u64,
    caller: Caller,
    call: Call,
    fds: Vec<OwnedFd>,
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    idle: usize,
    workers: usize,
}

#[derive(Default)]
struct Pool {
    queue: Mutex<Queue>,
    ready: Condvar,
}

/// The kernel process's side of the connection.
pub struct Server {
    conn: Conn,
}

impl Server {
    /// Takes over the connection.
    ///
    /// # Errors
    /// When it cannot be shared between threads.
    pub fn new(conn: Conn) -> Result<Self, WireError> {
        // A second connection in one process does not exist.
        let _ = OUT.set(Out { conn: conn.try_clone()?, turn: Mutex::new(()) });
        Ok(Self { conn })
    }

    /// The descriptors that the process needs.
    pub fn descriptors(&self) -> Vec<BorrowedFd<'_>> {
        let out = OUT.get().map(|out| out.conn.as_fd());
        [self.conn.as_fd()].into_iter().chain(out).collect()
    }

    /// Serves until the supervisor says `Shutdown` or goes away.
    pub fn serve(self) -> Infallible {
        let pool = Arc::new(Pool::default());
        loop {
            let received = match self.conn.receive() {
                Ok(received) => received,
                Err(WireError::Closed) => sys::process::exit_now(0),
                Err(e) => bug(&format!("reading from the supervisor: {e}")),
            };
            let (id, caller, call) = match received.frame {
                Frame::Call { id, caller, call } => (id, caller, call),
                Frame::Told { id, told: what } => {
                    told(id, what);
                    continue;
                }
                _ => bug("the supervisor sent a frame that is no call"),
            };
            if call == Call::Shutdown {
                answer(id, Answer::Value(0));
                sys::process::exit_now(0);
            }
            pool.submit(Job { id, caller, call, fds: received.fds });
        }
    }
}

fn answer(id: u64, answer: Answer) {
    send(&Frame::Answer { id, answer });
}

impl Pool {
    fn submit(self: &Arc<Self>, job: Job) {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.jobs.push_back(job);
        if queue.idle >= queue.jobs.len() || queue.workers >= MOST_WORKERS {
            self.ready.notify_one();
            return;
        }
        queue.workers += 1;
        drop(queue);
        let pool = Arc::clone(self);
        if std::thread::Builder::new().spawn(move || pool.work()).is_err() {
            let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
            queue.workers -= 1;
            if queue.workers == 0 {
                bug("the host gives no thread to work in");
            }
        }
    }

    fn work(&self) {
        let task = match sched::Task::attach() {
            Ok(task) => task,
            Err(e) => bug(&format!("making a task: {e}")),
        };
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let Some(job) = queue.jobs.pop_front() else {
                queue.idle += 1;
                queue = self.ready.wait(queue).unwrap_or_else(PoisonError::into_inner);
                queue.idle -= 1;
                continue;
            };
            drop(queue);
            let id = job.id;
            sched::set_frame(Some((id, task.structure())));
            answer(id, perform(&task, job));
            sched::set_frame(None);
            queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        }
    }
}

fn perform(task: &sched::Task, job: Job) -> Answer {
    let Job { caller, call, fds, .. } = job;
    match call {
        Call::InitModule { .. } | Call::DeleteModule { .. } if personality24::enabled() => Answer::Errno(ENOSYS.0),
        Call::InitModule { image, params, path } => init_module(task, &caller, image, params, path, fds),
        Call::DeleteModule { name, flags } => delete_module(task, &caller, name, flags),
        Call::Syslog { action, len } => log::syslog(&caller, action, len),
        Call::Report => Answer::Report(report::make()),
        Call::ReadFile { path } => task.run(&caller, || files::read(&caller, &path)),
        Call::WriteFile { path, data } => task.run(&caller, || files::write(&caller, &path, &data)),
        Call::Vfs(call) => task.run(&caller, || files::vfs(&caller, call)),
        Call::Legacy(call) => task.run(&caller, || personality24::serve(&caller, call, fds)),
        Call::Shutdown => Answer::Value(0),
    }
}

fn outcome(result: Result<(), LoadError>) -> Answer {
    match result {
        Ok(()) => Answer::Value(0),
        Err(LoadError::Died) => Answer::Killed { signal: fault::death_signal() },
        Err(LoadError::Refused(refusal)) => Answer::Errno(refusal.errno.0),
    }
}

fn delete_module(task: &sched::Task, caller: &Caller, name: Result<Vec<u8>, i32>, flags: u32) -> Answer {
    if let Err(errno) = module::load::may() {
        return Answer::Errno(errno.0);
    }
    match name {
        Ok(name) => task.run(caller, || outcome(module::unload::delete_module(&String::from_utf8_lossy(&name), flags))),
        Err(errno) => Answer::Errno(errno),
    }
}

fn init_module(
    task: &sched::Task,
    caller: &Caller,
    image: ModuleImage,
    params: Result<Vec<u8>, i32>,
    path: Option<String>,
    fds: Vec<OwnedFd>,
) -> Answer {
    let file = path.clone().unwrap_or_else(|| "module".to_string());
    let bytes = match module::load::may().and_then(|()| module_bytes(&file, image, fds)) {
        Ok(bytes) => bytes,
        Err(errno) => return Answer::Errno(errno.0),
    };
    let flags = match image {
        ModuleImage::File { flags } | ModuleImage::Tool { flags } => loader::Flags(flags),
        ModuleImage::Memory | ModuleImage::Missing(_) => loader::Flags(0),
    };
    let params = params.as_deref().map_err(|errno| Errno(*errno));
    let request = Request { file: &file, bytes: &bytes, params, flags, path };
    let result = task.run(caller, || module::load::init_module(&request));
    if let Err(LoadError::Refused(refusal)) = &result
        && let Some(detail) = &refusal.detail
    {
        // What lkm knows beyond the kernel's own words goes to the log below the console's level.
        log::line(7, &format!("lkm: {detail}"));
    }
    outcome(result)
}

/// The module's bytes, unpacked where they may be packed.
fn module_bytes(file: &str, image: ModuleImage, fds: Vec<OwnedFd>) -> Result<Vec<u8>, Errno> {
    if let ModuleImage::Missing(errno) = image {
        return Err(Errno(errno));
    }
    let bytes = read_all(fds.into_iter().next().ok_or(EFAULT)?)?;
    let unpacked = match image {
        ModuleImage::Tool { .. } => kofile::Image::from_bytes(file, bytes).map(kofile::Image::into_bytes),
        ModuleImage::File { flags } if loader::Flags(flags).is_compressed() => {
            return module::decompress::decompress(file, &bytes);
        }
        _ => return Ok(bytes),
    };
    unpacked.map_err(|e| {
        log::line(7, &format!("lkm: {e}"));
        Errno(e.errno())
    })
}

/// Reads by offset: the sender's file position is its own.
fn read_all(fd: OwnedFd) -> Result<Vec<u8>, Errno> {
    const PIECE: usize = 1 << 20;
    let file = File::from(fd);
    let mut bytes = Vec::new();
    loop {
        let start = bytes.len();
        if start as u64 > LARGEST_FILE {
            return Err(ENOMEM);
        }
        bytes.resize(start + PIECE, 0);
        let got = file.read_at(bytes.get_mut(start..).unwrap_or_default(), start as u64);
        let got = got.map_err(|e| e.raw_os_error().map_or(EINVAL, Errno))?;
        bytes.truncate(start + got);
        if got == 0 {
            return Ok(bytes);
        }
    }
}
