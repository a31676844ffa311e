//! Where the kernel's log is read: `/proc/kmsg`, `syslog(2)`, or `/dev/kmsg` for those who may not consume it.
//!
//! Nothing here waits: what is read is there. klogd waits for files and signals in one place.

use super::options::Options;
use crate::backend::{self, KernelLog};
use crate::dmesg::record::{self, Wanted};
use crate::error::Failure;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

const PROC: &str = "/proc/kmsg";
const DEV: &str = "/dev/kmsg";
/// `FUSE_SUPER_MAGIC`: an instance's own files.
const FUSE: i64 = 0x6573_5546;

const OPEN: i32 = 1;
const READ: i32 = 2;
const SIZE_UNREAD: i32 = 9;

/// A log that is open.
pub enum Source {
    /// `/proc/kmsg`: lines of `<priority>[seconds.micros] text`, which reading consumes.
    Lines(OwnedFd),
    /// `/dev/kmsg`: a record per read; they are made lines.
    Records(OwnedFd),
    /// `syslog(2)`: lines.
    Calls(Box<dyn KernelLog>),
}

impl Source {
    /// Opens the log that the options ask for, or the best there is.
    pub fn open(options: &Options) -> Result<Self, Failure> {
        let inside = options.instance.is_none() && backend::socket(None)?.is_some();
        // Inside an instance without files of its own /proc/kmsg is the host's.
        if options.syscall || options.instance.is_some() || (inside && !is_fuse(PROC)) {
            return Self::calls(options);
        }
        let refused = match open(PROC) {
            Ok(file) => return Ok(Self::Lines(file)),
            Err(Errno::NOENT) => return Self::calls(options),
            Err(error) => error,
        };
        // DIFFERS: sysklogd gives up here. Everyone may read /dev/kmsg where dmesg is not restricted.
        match open(DEV) {
            Ok(file) => Ok(Self::Records(file)),
            Err(_) => Err(unreadable(&format!("{PROC} cannot be opened"), &refused.into())),
        }
    }

    fn calls(options: &Options) -> Result<Self, Failure> {
        let mut log = backend::kernel_log(options.instance.as_deref())?;
        match log.syslog(OPEN, 0) {
            Ok(_) => Ok(Self::Calls(log)),
            Err(error) => Err(unreadable("syslog(2) is refused", &error)),
        }
    }

    /// Its name in klogd's line about the start.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Lines(_) => PROC,
            Self::Records(_) => DEV,
            Self::Calls(_) => "ksyslog",
        }
    }

    /// Its name in klogd's line about the end.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Lines(_) => "proc",
            Self::Records(_) => "kmsg",
            Self::Calls(_) => "ksyslog",
        }
    }

    /// What to poll, if that tells when there is more. An instance's files do not.
    pub fn pollable(&self) -> Option<BorrowedFd<'_>> {
        match self {
            Self::Lines(file) | Self::Records(file) => {
                let kind = rustix::fs::fstatfs(file).map_or(FUSE, |at| at.f_type);
                (kind != FUSE).then(|| file.as_fd())
            }
            Self::Calls(_) => None,
        }
    }

    /// Bytes of the log; `None` when nothing is there now.
    pub fn read(&mut self) -> io::Result<Option<Vec<u8>>> {
        match self {
            Self::Lines(file) => read(file),
            Self::Records(file) => Ok(read(file)?.map(|record| lines(&record))),
            Self::Calls(log) => {
                if log.syslog(SIZE_UNREAD, 0)?.value <= 0 {
                    return Ok(None);
                }
                let data = log.syslog(READ, 8191)?.data;
                Ok((!data.is_empty()).then_some(data))
            }
        }
    }
}

fn is_fuse(path: &str) -> bool {
    rustix::fs::statfs(path).is_ok_and(|at| at.f_type == FUSE)
}

fn open(path: &str) -> Result<OwnedFd, Errno> {
    rustix::fs::open(path, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty())
}

fn unreadable(what: &str, error: &io::Error) -> Failure {
    Failure::new(1, "klogd cannot read the kernel's log")
        .cause(format!("{what}: {}", crate::error::errno_text(error)))
        .cure("run it as root (or with CAP_SYSLOG), or inside an instance: `lkm sh -- klogd ...`")
}

fn read(file: &OwnedFd) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = vec![0; 8191];
    loop {
        match rustix::io::read(file, &mut bytes) {
            // EPIPE: records were overwritten before they were read.
            Err(Errno::INTR | Errno::PIPE) => {}
            Err(Errno::AGAIN) | Ok(0) => return Ok(None),
            Ok(length) => {
                bytes.truncate(length);
                return Ok(Some(bytes));
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// The lines that `/proc/kmsg` would give for a record of `/dev/kmsg`; none for what is no record.
fn lines(record: &[u8]) -> Vec<u8> {
    let Some(found) = record::kmsg_record(record, Wanted { priority: false, time: true }) else { return Vec::new() };
    let priority = record::number(record).map_or(6, |(number, _)| number);
    let prefix = format!("<{priority}>[{:5}.{:06}] ", found.seconds, found.micros);
    let mut out = Vec::new();
    for line in found.text.split(|&c| c == b'\n') {
        out.extend_from_slice(prefix.as_bytes());
        out.extend_from_slice(line);
        out.push(b'\n');
    }
    out
}

#[test]
fn records_become_the_lines_of_proc_kmsg() {
    let text = lines(b"30,3,100000007,-;a\\x0ab \\x01\n SUBSYSTEM=x\n");
    assert_eq!(text, b"<30>[  100.000007] a\n<30>[  100.000007] b \x01\n");
    assert_eq!(lines(b"no record"), b"");
}
