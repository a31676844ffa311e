//! `/dev/kmsg`: records for programs, and messages from them (`devkmsg_*()` in `kernel/printk/printk.c`).

use std::sync::atomic::Ordering;

use super::ratelimit::{RATELIMIT_MSG_ON_RELEASE, RateLimit};
use super::text::print_extended;
use super::{Error, Printk, Source, SyslogCaller, UserBuffer, Wait, lock};
use crate::klib::vsprintf::simple_strtoull;

/// The facility of what programs write.
const LOG_USER: u8 = 1;
/// The system call's action that opening for reading is like.
const ACTION_READ_ALL: i32 = 3;

/// `kernel.printk_devkmsg`: what happens to what programs write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DevkmsgSetting {
    mode: Mode,
    locked: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Mode {
    #[default]
    RateLimited,
    On,
    Off,
}

impl Mode {
    /// The mode whose name the text starts with, and that name's length.
    fn parse(text: &[u8]) -> Option<(Mode, usize)> {
        [("on", Mode::On), ("off", Mode::Off), ("ratelimit", Mode::RateLimited)]
            .into_iter()
            .find(|(name, _)| text.starts_with(name.as_bytes()))
            .map(|(name, mode)| (mode, name.len()))
    }
}

/// Where a seek goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seek {
    /// SEEK_SET: the oldest record.
    Set,
    /// SEEK_DATA: the first one after the last clear.
    Data,
    /// SEEK_END: behind the newest one.
    End,
}

impl Seek {
    /// From the number in `lseek(2)`.
    ///
    /// # Errors
    /// [`Error::Invalid`] for what the device does not know.
    pub fn from_whence(whence: i32) -> Result<Self, Error> {
        match whence {
            0 => Ok(Seek::Set),
            2 => Ok(Seek::End),
            3 => Ok(Seek::Data),
            _ => Err(Error::Invalid),
        }
    }
}

/// An open `/dev/kmsg`. Its methods take the log it belongs to.
#[derive(Debug)]
pub struct KmsgFile {
    seq: u64,
    limit: RateLimit,
}

/// What poll finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Readiness {
    Nothing,
    Readable,
    /// Readable, but records were lost: POLLERR and POLLPRI too.
    Lost,
}

const POLLIN: u32 = 0x1;
const POLLPRI: u32 = 0x2;
const POLLERR: u32 = 0x8;
const POLLRDNORM: u32 = 0x40;

impl KmsgFile {
    /// Opens it; `reads` unless it is opened for writing only.
    ///
    /// # Errors
    /// [`Error::NotPermitted`].
    pub fn open(log: &Printk, reads: bool, caller: &SyslogCaller<'_>) -> Result<Self, Error> {
        if lock(&log.devkmsg).mode == Mode::Off {
            return Err(Error::NotPermitted);
        }
        if reads {
            log.check_syslog(ACTION_READ_ALL, caller, Source::Call)?;
        }
        let limit = RateLimit { flags: RATELIMIT_MSG_ON_RELEASE, ..RateLimit::usual(log.context.hz()) };
        Ok(Self { seq: log.ring().first_seq(), limit })
    }

    /// Reads one record into `buf`, which has room for `count` bytes. Without `wait` it does not wait (O_NONBLOCK).
    ///
    /// # Errors
    /// [`Error::Again`]; [`Error::Lost`] once after records were overwritten; [`Error::Invalid`] when the record does not
    /// fit (it is then gone for this file); [`Error::Fault`]; [`Error::Interrupted`].
    pub fn read(
        &mut self,
        log: &Printk,
        buf: &mut dyn UserBuffer,
        count: usize,
        wait: Option<&dyn Wait>,
    ) -> Result<usize, Error> {
        match wait {
            Some(wait) => log.wait_for(self.seq, wait)?,
            None if log.ring().next_seq() <= self.seq => return Err(Error::Again),
            None => {}
        }
        let ring = log.ring();
        let record = ring.get(self.seq).ok_or(Error::Again)?;
        if record.seq != self.seq {
            self.seq = record.seq;
            return Err(Error::Lost);
        }
        let text = print_extended(&record, log.show_caller);
        drop(ring);
        self.seq += 1;
        if text.len() > count {
            return Err(Error::Invalid);
        }
        buf.append(&text)?;
        Ok(text.len())
    }

    /// Writes one message: `<prio>text`. Returns how many bytes were taken, which is all of them even when the message
    /// is dropped.
    ///
    /// # Errors
    /// [`Error::Invalid`] when it is longer than a record.
    pub fn write(&mut self, log: &Printk, text: &[u8], comm: &str) -> Result<usize, Error> {
        if text.len() > log.limits.record {
            return Err(Error::Invalid);
        }
        let mode = lock(&log.devkmsg).mode;
        if mode == Mode::Off || (mode == Mode::RateLimited && !log.ratelimit(&mut self.limit, comm)) {
            return Ok(text.len());
        }
        let line = text.split(|&b| b == 0).next().unwrap_or_default();
        let (facility, level, line) = split_priority(line);
        let level = level.map_or_else(|| log.levels.default_message(), i32::from);
        log.emit(facility, level, None, line);
        Ok(text.len())
    }

    /// Moves it; the position in bytes must be 0.
    ///
    /// # Errors
    /// [`Error::IllegalSeek`] for any other position.
    pub fn seek(&mut self, log: &Printk, offset: i64, to: Seek) -> Result<(), Error> {
        if offset != 0 {
            return Err(Error::IllegalSeek);
        }
        self.seq = match to {
            Seek::Set => log.ring().first_seq(),
            Seek::Data => log.clear_seq.load(Ordering::SeqCst),
            Seek::End => log.ring().next_seq(),
        };
        Ok(())
    }

    fn readiness(&self, log: &Printk) -> Readiness {
        match log.ring().get(self.seq) {
            None => Readiness::Nothing,
            Some(record) if record.seq == self.seq => Readiness::Readable,
            Some(_) => Readiness::Lost,
        }
    }

    /// The bits of `poll(2)`.
    #[must_use]
    pub fn poll(&self, log: &Printk) -> u32 {
        match self.readiness(log) {
            Readiness::Nothing => 0,
            Readiness::Readable => POLLIN | POLLRDNORM,
            Readiness::Lost => POLLIN | POLLRDNORM | POLLERR | POLLPRI,
        }
    }

    /// Closes it; `comm` names the program in the report of what was suppressed.
    pub fn close(self, log: &Printk, comm: &str) {
        if self.limit.missed != 0 {
            let missed = self.limit.missed;
            log.print(format!("\x014{comm}: {missed} output lines suppressed due to ratelimiting\n").as_bytes());
        }
    }
}

/// Takes `<number>` off a line: the lower three bits are the level, the next eight the facility, which cannot be the
/// kernel's.
fn split_priority(line: &[u8]) -> (u8, Option<u8>, &[u8]) {
    if let Some(rest) = line.strip_prefix(b"<") {
        let (number, used) = simple_strtoull(rest, 10);
        if let Some(text) = rest.get(used..).and_then(|rest| rest.strip_prefix(b">")) {
            let facility = (number as u32 >> 3) as u8;
            return (if facility == 0 { LOG_USER } else { facility }, Some((number & 7) as u8), text);
        }
    }
    (LOG_USER, None, line)
}

impl Printk {
    /// The text of `/proc/sys/kernel/printk_devkmsg`, without a newline.
    #[must_use]
    pub fn devkmsg(&self) -> &'static str {
        match lock(&self.devkmsg).mode {
            Mode::RateLimited => "ratelimit",
            Mode::On => "on",
            Mode::Off => "off",
        }
    }

    /// A write to `/proc/sys/kernel/printk_devkmsg`: one of the three words and a newline.
    ///
    /// # Errors
    /// [`Error::Invalid`] for anything else, or when the command line has set it for good.
    pub fn set_devkmsg(&self, text: &[u8]) -> Result<(), Error> {
        let mut setting = lock(&self.devkmsg);
        match Mode::parse(text) {
            Some((mode, len)) if !setting.locked && text.len() == len + 1 => setting.mode = mode,
            _ => return Err(Error::Invalid),
        }
        Ok(())
    }

    /// `printk.devkmsg=` on the command line: sets it for good.
    pub fn set_devkmsg_at_boot(&self, text: &str) {
        match Mode::parse(text.as_bytes()) {
            Some((mode, _)) => *lock(&self.devkmsg) = DevkmsgSetting { mode, locked: true },
            None => {
                self.print(format!("\x014printk.devkmsg: bad option string '{text}'\n").as_bytes());
            }
        }
    }

    /// Waits until there is a record with this number or a later one.
    pub(super) fn wait_for(&self, seq: u64, wait: &dyn Wait) -> Result<(), Error> {
        let ready = || seq < self.ring().next_seq();
        if ready() {
            return Ok(());
        }
        let _watch = self.watch();
        wait.wait(&ready)
    }

    /// From now on, until the result is dropped, [`Context::wake_readers`](super::Context::wake_readers) is called for
    /// every new record. Whoever polls the log takes one before looking.
    #[must_use]
    pub fn watch(&self) -> Watch<'_> {
        self.watchers.fetch_add(1, Ordering::SeqCst);
        Watch(self)
    }
}

/// Somebody watches the log; see [`Printk::watch`].
#[derive(Debug)]
pub struct Watch<'a>(&'a Printk);

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        self.0.watchers.fetch_sub(1, Ordering::SeqCst);
    }
}
