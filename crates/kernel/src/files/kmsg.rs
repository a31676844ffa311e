//! /dev/kmsg and /proc/kmsg. Counterpart: `kmsg_fops` of kernel/printk/printk.c, fs/proc/kmsg.c.

use crate::chrdev;
use crate::fs::{self, Ctx, File, OpenFile, POLLIN, POLLRDNORM, PollWaker};
use crate::log::{Sleep, log, syslog_caller};
use crate::printk::{Error, KmsgFile, Seek, Source, Watch};
use crate::sched;
use kabi::errno::{EINTR, ENXIO};
use kabi::{Errno, KError, KResult};
use std::sync::{Mutex, MutexGuard, PoisonError};
use wire::FileKind;

/// Device number of /dev/kmsg: memory devices, minor 11.
pub(super) const RDEV: u64 = 1 << 8 | 11;
/// `O_NONBLOCK`.
const NONBLOCK: u32 = 0o4000;
/// `O_ACCMODE`, and its value for writing only.
const ACCESS_MODE: u32 = 3;
const WRITE_ONLY: u32 = 1;

fn errno_of(e: Error) -> KError {
    match e {
        Error::Interrupted => EINTR.into(),
        other => Errno(other.errno()).into(),
    }
}

/// The device that lkm itself drives, and those of modules.
pub(super) struct Devices;

impl fs::Devices for Devices {
    fn open(&self, kind: FileKind, rdev: u64, ctx: &Ctx<'_>) -> KResult<Box<dyn OpenFile>> {
        match kind {
            FileKind::CharDevice if rdev == RDEV => {}
            FileKind::CharDevice => return chrdev::open(rdev, ctx),
            _ => return Err(ENXIO.into()),
        }
        let reads = ctx.flags & ACCESS_MODE != WRITE_ONLY;
        let file = KmsgFile::open(log(), reads, &syslog_caller(ctx.caller)).map_err(errno_of)?;
        Ok(Box::new(Kmsg(Mutex::new(file))))
    }
}

struct Kmsg(Mutex<KmsgFile>);

impl Kmsg {
    fn file(&self) -> MutexGuard<'_, KmsgFile> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl OpenFile for Kmsg {
    fn read(&self, ctx: &Ctx<'_>, _offset: u64, size: usize) -> KResult<Vec<u8>> {
        loop {
            let mut data = Vec::new();
            match self.file().read(log(), &mut data, size, None) {
                Ok(_) => return Ok(data),
                Err(Error::Again) if ctx.flags & NONBLOCK == 0 => {}
                Err(e) => return Err(errno_of(e)),
            }
            // The file is not locked while this waits: another thread may write to it.
            let ready = || self.file().poll(log()) != 0;
            sched::blocking(|| Sleep.wait_until(&ready)).map_err(errno_of)?;
        }
    }

    fn write(&self, ctx: &Ctx<'_>, _offset: u64, data: &[u8]) -> KResult<usize> {
        self.file().write(log(), data, &ctx.caller.comm).map_err(errno_of)
    }

    fn poll(&self, _ctx: &Ctx<'_>, waker: Option<PollWaker>) -> KResult<u32> {
        wait_in_poll(waker);
        Ok(self.file().poll(log()))
    }

    fn seek(&self, _ctx: &Ctx<'_>, _pos: u64, offset: i64, whence: u32) -> KResult<u64> {
        // The offset is looked at before what it is counted from.
        let to = if offset == 0 { Seek::from_whence(whence as i32) } else { Err(Error::IllegalSeek) };
        to.and_then(|to| self.file().seek(log(), offset, to)).map_err(errno_of)?;
        Ok(0)
    }

    fn stream(&self) -> bool {
        true
    }
}

/// Programs that wait in `poll` for the log to grow. The log tells while anybody watches.
static POLLERS: Mutex<Vec<(PollWaker, Watch<'static>)>> = Mutex::new(Vec::new());

fn pollers() -> MutexGuard<'static, Vec<(PollWaker, Watch<'static>)>> {
    POLLERS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Before looking whether there is something: what comes later wakes.
fn wait_in_poll(waker: Option<PollWaker>) {
    let Some(waker) = waker else { return };
    let watch = log().watch();
    let mut pollers = pollers();
    pollers.retain(|(other, _)| other.handle() != waker.handle());
    pollers.push((waker, watch));
}

/// The log has grown.
pub fn wake_pollers() {
    let waiting = std::mem::take(&mut *pollers());
    waiting.iter().for_each(|(waker, _)| waker.wake());
}

/// /proc/kmsg: what `SYSLOG_ACTION_READ` gives.
pub(super) struct ProcFile;

struct OpenProc;

impl File for ProcFile {
    fn open(&self, ctx: &Ctx<'_>) -> KResult<Box<dyn OpenFile>> {
        log().check_syslog(1, &syslog_caller(ctx.caller), Source::ProcFile).map_err(errno_of)?;
        Ok(Box::new(OpenProc))
    }
}

impl OpenFile for OpenProc {
    fn read(&self, ctx: &Ctx<'_>, _offset: u64, size: usize) -> KResult<Vec<u8>> {
        if ctx.flags & NONBLOCK != 0 && !log().syslog_readable() {
            return Err(kabi::errno::EAGAIN.into());
        }
        let size = i32::try_from(size).unwrap_or(i32::MAX);
        let mut data = Vec::new();
        let who = syslog_caller(ctx.caller);
        sched::blocking(|| log().syslog(2, Some(&mut data), size, &who, Source::ProcFile, &Sleep)).map_err(errno_of)?;
        Ok(data)
    }

    fn poll(&self, _ctx: &Ctx<'_>, waker: Option<PollWaker>) -> KResult<u32> {
        wait_in_poll(waker);
        Ok(if log().syslog_readable() { POLLIN | POLLRDNORM } else { 0 })
    }

    fn stream(&self) -> bool {
        true
    }
}
