//! Records per second: into the ring, and from modules that call `printk`.

use crate::Bench;
use crate::modules::Modules;
use crate::stats::{Row, Subject, in_turn, rows};
use kernel::printk::{Config, Context, LOGLEVEL_DEFAULT, Printk};
use std::fs::File;
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::Barrier;
use std::time::Instant;
use supervisor::{Calls, Instance};

const GROUP: &str = "printk: records per second, no console shows them";
const SUBJECTS: [&str; 4] =
    ["ring, 1 thread", "ring, 2 threads", "module's printk, 1 thread", "module's printk, 2 threads"];
/// Records of one thread in one sample.
const RECORDS: usize = 100_000;

/// The world around the log: a clock and a number for each thread.
struct Around(Instant);

impl Context for Around {
    fn now_ns(&self) -> u64 {
        u64::try_from(self.0.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    fn caller_id(&self) -> u32 {
        thread_local! { static ID: u32 = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed) }
        static NEXT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(1);
        ID.with(|id| *id)
    }

    fn jiffies(&self) -> u64 {
        self.now_ns() / 4_000_000
    }
}

/// Measures.
pub fn measure(bench: &Bench) -> Result<Vec<Row>, String> {
    let modules = &bench.modules;
    let mut subjects = [
        Subject::new(SUBJECTS[0], || ring(1)),
        Subject::new(SUBJECTS[1], || ring(2)),
        Subject::new(SUBJECTS[2], || from_modules(modules, 1)),
        Subject::new(SUBJECTS[3], || from_modules(modules, 2)),
    ];
    let samples = in_turn(bench.rounds(11), &mut subjects)?;
    Ok(rows(GROUP, "records/s", &SUBJECTS, &samples, 0))
}

/// From the moment when all threads are ready to the end of the last: records in a second.
fn together(threads: usize, work: impl Fn(usize) -> Result<(), String> + Sync) -> Result<f64, String> {
    let barrier = Barrier::new(threads + 1);
    std::thread::scope(|scope| {
        let (barrier, work) = (&barrier, &work);
        let running: Vec<_> = (0..threads)
            .map(|number| {
                scope.spawn(move || {
                    barrier.wait();
                    work(number)
                })
            })
            .collect();
        barrier.wait();
        let start = Instant::now();
        for thread in running {
            thread.join().map_err(|_| "a thread panicked".to_string())??;
        }
        Ok((threads * RECORDS) as f64 / start.elapsed().as_secs_f64())
    })
}

fn ring(threads: usize) -> Result<f64, String> {
    let log = Printk::new(Config::default(), Box::new(Around(Instant::now())));
    together(threads, |number| {
        for i in 0..RECORDS {
            log.emit(0, LOGLEVEL_DEFAULT, None, format!("\x017bench: record {i} of {number}\n").as_bytes());
        }
        Ok(())
    })
}

/// Each thread loads a module whose init prints. The instance's boot and the threads' start do not count.
fn from_modules(modules: &Modules, threads: usize) -> Result<f64, String> {
    let told = |e: supervisor::Error| e.to_string();
    let profile = abi::Profile::for_release(&modules.release, &abi::Options::default()).map_err(|e| e.to_string())?;
    let config = kernel::Config::new(profile);
    let console = supervisor::Config { console: Box::new(|_| {}) };
    let instance = Instance::boot(console, move |conn| kernel::main(conn, config)).map_err(told)?;
    // SYSLOG_ACTION_CONSOLE_LEVEL: emergencies only.
    instance.as_self().syslog(8, 1).map_err(told)?;
    let insmod = |path: &Path, count: usize| {
        let file = File::open(path).map_err(|e| format!("{}: {e}", path.display()))?;
        instance
            .as_self()
            .init_module(file.as_fd(), format!("count={count}").as_bytes(), 0, path.to_str())
            .map_err(told)
    };
    let speed = together(threads, |number| match modules.noise.get(number) {
        Some(path) => insmod(path, RECORDS),
        None => Err("there are two modules".into()),
    })?;
    instance.shutdown().map_err(told)?;
    Ok(speed)
}
