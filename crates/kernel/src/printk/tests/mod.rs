//! The log as its users see it. What is expected was seen on the real kernel (6.1) where a comment does not say otherwise.

mod reading;
mod showing;
mod storing;

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};

use super::*;

/// Time stands still unless a test moves it; the caller is the thread's.
#[derive(Default)]
struct Instance {
    now_ns: AtomicU64,
    jiffies: AtomicU64,
    deferred: AtomicU64,
    woken: Condvar,
    generation: Mutex<u64>,
}

thread_local! {
    static CALLER: Cell<u32> = const { Cell::new(1) };
}

struct Handle(Arc<Instance>);

impl Context for Handle {
    fn now_ns(&self) -> u64 {
        self.0.now_ns.load(Ordering::Relaxed)
    }

    fn caller_id(&self) -> u32 {
        CALLER.get()
    }

    fn jiffies(&self) -> u64 {
        self.0.jiffies.load(Ordering::Relaxed)
    }

    fn wake_readers(&self) {
        *self.0.generation.lock().unwrap() += 1;
        self.0.woken.notify_all();
    }

    fn defer_console(&self) {
        self.0.deferred.fetch_add(1, Ordering::Relaxed);
    }
}

/// Sleeps until the instance wakes its readers.
struct Sleep(Arc<Instance>);

impl Wait for Sleep {
    fn wait(&self, ready: &dyn Fn() -> bool) -> Result<(), Error> {
        let mut generation = self.0.generation.lock().unwrap();
        loop {
            let seen = *generation;
            drop(generation);
            if ready() {
                return Ok(());
            }
            generation = self.0.generation.lock().unwrap();
            while *generation == seen {
                generation = self.0.woken.wait(generation).unwrap();
            }
        }
    }
}

/// A signal is pending.
struct Signal;

impl Wait for Signal {
    fn wait(&self, _ready: &dyn Fn() -> bool) -> Result<(), Error> {
        Err(Error::Interrupted)
    }
}

const ROOT: SyslogCaller<'static> = SyslogCaller { cap_syslog: true, cap_sys_admin: true, comm: "root", pid: 1 };
const NOBODY: SyslogCaller<'static> = SyslogCaller { cap_syslog: false, cap_sys_admin: false, comm: "nobody", pid: 2 };

fn log_with(config: Config) -> (Arc<Printk>, Arc<Instance>) {
    let instance = Arc::new(Instance::default());
    (Arc::new(Printk::new(config, Box::new(Handle(instance.clone())))), instance)
}

fn log() -> Arc<Printk> {
    log_with(Config::default()).0
}

/// A call with a buffer of `size` bytes: what it returns, and what it copied.
fn call(log: &Printk, action: i32, size: i32) -> (Result<usize, Error>, String) {
    let mut buf = Vec::new();
    let result = log.syslog(action, Some(&mut buf), size, &ROOT, Source::Call, &Signal);
    (result, String::from_utf8(buf).unwrap())
}

/// All records through `/dev/kmsg`, without sequence number and time.
fn records(log: &Printk) -> String {
    let mut file = KmsgFile::open(log, true, &ROOT).unwrap();
    let mut all = String::new();
    loop {
        let mut buf = Vec::new();
        match file.read(log, &mut buf, 8192, None) {
            Ok(len) => assert_eq!(len, buf.len()),
            Err(error) => {
                assert_eq!(error, Error::Again);
                return all;
            }
        }
        let text = String::from_utf8(buf).unwrap();
        let (head, text) = text.split_once(';').unwrap();
        let fields: Vec<&str> = head.split(',').collect();
        all += &format!("{},{};{text}", fields[0], fields[3]);
    }
}
