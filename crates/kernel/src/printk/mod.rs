//! The kernel log: `kernel/printk/`.
//!
//! [`Printk`] is the log of one instance. A text that is already formatted enters through [`Printk::emit`] (the kernel's
//! `vprintk_emit`), becomes a record of the ring (`ring.rs`), and leaves through consoles ([`Console`]), `syslog(2)` and
//! `/proc/kmsg` ([`Printk::syslog`]), and `/dev/kmsg` ([`KmsgFile`]). One file per concept: `level`, `ring` (storage),
//! `store` (entering), `text` (how records look), `console`, `syslog`, `devkmsg`, `dump`, `ratelimit`, `device` (`dev_printk`).
//!
//! Whatever needs the instance around it (time, the current task, sleeping, the caller's memory) comes in through
//! [`Context`], [`Wait`] and [`UserBuffer`], so everything here runs, and is tested, without one.
//!
//! Locks, in the order in which they may nest: console, syslog, ring. The ring's is held for one copy only and never
//! while foreign code runs.

mod console;
mod device;
mod devkmsg;
mod dump;
mod level;
mod ratelimit;
mod ring;
mod store;
mod syslog;
mod text;

#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, AtomicU64};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::{error, fmt};

pub use console::Console;
pub use device::{DeviceName, dev_prefix};
pub use devkmsg::{DevkmsgSetting, KmsgFile, Seek, Watch};
pub use dump::DumpCursor;
pub use level::{LOGLEVEL_DEFAULT, LOGLEVEL_SCHED, Levels, Prefix, parse_prefix};
pub use ratelimit::{Allowed, RATELIMIT_MSG_ON_RELEASE, RateLimit, suppressed_message};
pub use ring::{DevInfo, Info, LOG_CONT, LOG_NEWLINE};
pub use syslog::{Source, SyslogCaller};

use ring::Ring;
use text::LineStyle;

/// What a log needs of the instance around it.
pub trait Context: Send + Sync {
    /// Nanoseconds since boot (`local_clock()`).
    fn now_ns(&self) -> u64;

    /// Who prints: the current task's id, or 0x8000_0000 and the CPU's number in an interrupt. Only the same caller
    /// continues a line.
    fn caller_id(&self) -> u32;

    /// Clock ticks since boot.
    fn jiffies(&self) -> u64;

    /// Clock ticks in a second.
    fn hz(&self) -> u32 {
        250
    }

    /// There are new records and somebody watches ([`Printk::watch`]): wake those who sleep or poll on the log.
    fn wake_readers(&self) {}

    /// A message must not reach the consoles from where it was printed: call [`Printk::flush`] soon from elsewhere.
    fn defer_console(&self) {}

    /// Waits (`kernel.printk_delay`).
    fn delay_ms(&self, _ms: u32) {}
}

/// Sleeping until something is true (`wait_event_interruptible`).
pub trait Wait {
    /// Returns when `ready` says so. It has to be asked again after every [`Context::wake_readers`].
    ///
    /// # Errors
    /// [`Error::Interrupted`] when a signal came first.
    fn wait(&self, ready: &dyn Fn() -> bool) -> Result<(), Error>;
}

/// The caller's buffer of a read.
pub trait UserBuffer {
    /// Whether its address can belong to a program at all (`access_ok`).
    fn accessible(&self) -> bool {
        true
    }

    /// Copies `bytes` behind what was copied before.
    ///
    /// # Errors
    /// [`Error::Fault`] when the caller's memory cannot be written.
    fn append(&mut self, bytes: &[u8]) -> Result<(), Error>;
}

impl UserBuffer for Vec<u8> {
    fn append(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.extend_from_slice(bytes);
        Ok(())
    }
}

/// Why an operation on the log failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// The caller lacks CAP_SYSLOG, or the log is closed to programs.
    NotPermitted,
    /// There is nothing to read and the caller does not wait.
    Again,
    /// The caller's memory cannot be used.
    Fault,
    /// An argument is out of range.
    Invalid,
    /// The log has no such position.
    IllegalSeek,
    /// Records that were not read yet are gone.
    Lost,
    /// A signal came while waiting.
    Interrupted,
}

impl Error {
    /// The errno, positive. [`Error::Interrupted`] is ERESTARTSYS, which the system call's end turns into EINTR or a new
    /// call.
    #[must_use]
    pub fn errno(self) -> i32 {
        match self {
            Error::NotPermitted => 1,
            Error::Again => 11,
            Error::Fault => 14,
            Error::Invalid => 22,
            Error::IllegalSeek => 29,
            Error::Lost => 32,
            Error::Interrupted => 512,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Error::NotPermitted => {
                "the kernel log is closed to this caller: it lacks CAP_SYSLOG (or printk_devkmsg is off)"
            }
            Error::Again => "the kernel log has nothing to read now",
            Error::Fault => "the caller's buffer for the kernel log cannot be used",
            Error::Invalid => "an argument for the kernel log is out of range",
            Error::IllegalSeek => "the kernel log can only be moved to its start, its end or the last clear",
            Error::Lost => "records of the kernel log were overwritten before they were read",
            Error::Interrupted => "waiting for the kernel log was interrupted by a signal",
        })
    }
}

impl error::Error for Error {}

/// How a log is set up.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// Bytes of the buffer (`log_buf_len`), rounded up to a power of two. Debian's kernels have 128 KiB.
    pub buffer_size: usize,
    /// `quiet` is on the command line: the console starts with level 4.
    pub quiet: bool,
    /// The kernel's version and patch level.
    pub release: (u32, u32),
    /// CONFIG_PRINTK_CALLER; Debian's kernels leave it off.
    pub show_caller: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self { buffer_size: 1 << 17, quiet: false, release: (6, 1), show_caller: false }
    }
}

/// Sizes that differ between kernels.
#[derive(Clone, Copy, Debug)]
struct Limits {
    /// A record reserves no more than this; its text is one byte shorter.
    record: usize,
    /// The lines of a record are no longer than this, prefixes included.
    printed: usize,
}

impl Limits {
    fn of(release: (u32, u32)) -> Self {
        // The buffer for printed lines was doubled, and the prefix no longer taken off the record, in 6.3.
        if release >= (6, 3) { Self { record: 1024, printed: 2048 } } else { Self { record: 992, printed: 1024 } }
    }
}

/// Settings under `/proc/sys/kernel` and `/sys/module/printk/parameters` that are plain numbers.
#[derive(Debug)]
pub struct Settings {
    /// `printk.time`: time stamps in front of lines.
    pub time: AtomicBool,
    /// `printk.ignore_loglevel`: consoles show everything.
    pub ignore_loglevel: AtomicBool,
    /// `kernel.printk_delay`: milliseconds before each message.
    pub delay_ms: AtomicU32,
    /// `kernel.dmesg_restrict`: only callers with CAP_SYSLOG read. On in Debian's kernels.
    pub dmesg_restrict: AtomicI32,
    /// Drop everything (`suppress_printk`).
    pub suppress: AtomicBool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            time: true.into(),
            ignore_loglevel: false.into(),
            delay_ms: 0.into(),
            dmesg_restrict: 1.into(),
            suppress: false.into(),
        }
    }
}

/// The log of one instance.
pub struct Printk {
    context: Box<dyn Context>,
    ring: Mutex<Ring>,
    limits: Limits,
    show_caller: bool,
    levels: Levels,
    settings: Settings,
    devkmsg: Mutex<DevkmsgSetting>,
    consoles: Mutex<console::Consoles>,
    has_consoles: AtomicBool,
    syslog: Mutex<syslog::Position>,
    /// The first record after the last clear.
    clear_seq: AtomicU64,
    watchers: AtomicU32,
}

impl fmt::Debug for Printk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Printk").field("levels", &self.levels).field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Printk {
    /// An empty log.
    #[must_use]
    pub fn new(config: Config, context: Box<dyn Context>) -> Self {
        Self {
            context,
            ring: Mutex::new(Ring::new(config.buffer_size)),
            limits: Limits::of(config.release),
            show_caller: config.show_caller,
            levels: Levels::new(config.quiet),
            settings: Settings::default(),
            devkmsg: Mutex::default(),
            consoles: Mutex::default(),
            has_consoles: AtomicBool::new(false),
            syslog: Mutex::default(),
            clear_seq: AtomicU64::new(0),
            watchers: AtomicU32::new(0),
        }
    }

    /// The four numbers of `/proc/sys/kernel/printk`.
    #[must_use]
    pub fn levels(&self) -> &Levels {
        &self.levels
    }

    /// The plain settings.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        lock(&self.ring)
    }

    fn line_style(&self, syslog: bool) -> LineStyle {
        let time = self.settings.time.load(std::sync::atomic::Ordering::Relaxed);
        LineStyle { syslog, time, caller: self.show_caller }
    }
}

/// Takes a lock whose data stays whole even if a holder panicked.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
