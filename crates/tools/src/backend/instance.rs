//! An instance of lkm's kernel, through the supervisor's calls: over the control socket, or in this very process.

use super::{KernelLog, LogStart, Modules, Outcome, Syslog};
use rustix::io::Errno;
use std::collections::VecDeque;
use std::ffi::CStr;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;
use supervisor::{Calls, Error};
use wire::{NodeId, VfsCall, VfsReply};

fn io_error(error: Error) -> io::Error {
    match error {
        Error::Errno(errno) => io::Error::from_raw_os_error(errno),
        other => io::Error::other(other.to_string()),
    }
}

fn unexpected(reply: &VfsReply) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the instance gave an answer of the wrong kind: {reply:?}"))
}

fn outcome(result: Result<(), Error>) -> io::Result<Outcome> {
    match result {
        Ok(()) => Ok(Outcome::Done),
        Err(Error::Killed { signal }) => Ok(Outcome::Killed { signal }),
        Err(error) => Err(io_error(error)),
    }
}

/// The node of an absolute path under /proc, /sys or /dev.
fn walk(machine: &impl Calls, path: &str) -> io::Result<NodeId> {
    let mut names = path.split('/').filter(|name| !name.is_empty());
    let mut node = match names.next() {
        Some("proc") => wire::ROOT_PROC,
        Some("sys") => wire::ROOT_SYS,
        Some("dev") => wire::ROOT_DEV,
        _ => return Err(Errno::NOENT.into()),
    };
    for name in names {
        node = match machine.vfs(VfsCall::Lookup { parent: node, name: name.into() }).map_err(io_error)? {
            VfsReply::Entry(entry) => entry.attr.node,
            other => return Err(unexpected(&other)),
        };
    }
    Ok(node)
}

/// The modules of an instance.
#[derive(Debug)]
pub struct Instance<C>(pub C);

impl<C: Calls> Modules for Instance<C> {
    fn insert(&mut self, file: BorrowedFd<'_>, path: &Path, params: &CStr, flags: u32) -> io::Result<Outcome> {
        outcome(self.0.init_module(file, params.to_bytes(), flags, path.to_str()))
    }

    fn insert_bytes(&mut self, image: &[u8], path: &Path, params: &CStr, flags: u32) -> io::Result<Outcome> {
        let file = super::in_memory(image)?;
        self.insert(file.as_fd(), path, params, flags)
    }

    fn remove(&mut self, name: &CStr, flags: u32) -> io::Result<Outcome> {
        outcome(self.0.delete_module(name.to_bytes(), flags))
    }

    fn read(&mut self, path: &str) -> io::Result<Vec<u8>> {
        self.0.read_file(path).map_err(io_error)
    }

    fn write(&mut self, path: &str, data: &[u8]) -> io::Result<()> {
        self.0.write_file(path, data).map_err(io_error)
    }

    fn list(&mut self, path: &str) -> io::Result<Vec<String>> {
        let node = walk(&self.0, path)?;
        match self.0.vfs(VfsCall::ReadDir { node }).map_err(io_error)? {
            VfsReply::Dir(entries) => Ok(entries.into_iter().map(|entry| entry.name).collect()),
            other => Err(unexpected(&other)),
        }
    }
}

/// The log of an instance.
#[derive(Debug)]
pub struct Log<C> {
    machine: C,
    records: VecDeque<Vec<u8>>,
    /// The open /dev/kmsg of a follower.
    handle: Option<u64>,
}

impl<C: Calls> Log<C> {
    /// The log behind a machine.
    pub fn new(machine: C) -> Self {
        Self { machine, records: VecDeque::new(), handle: None }
    }

    fn open_kmsg(&mut self, flags: u32) -> io::Result<u64> {
        let node = walk(&self.machine, "/dev/kmsg")?;
        match self.machine.vfs(VfsCall::Open { node, flags }).map_err(io_error)? {
            VfsReply::Opened { handle, .. } => Ok(handle),
            other => Err(unexpected(&other)),
        }
    }

    fn read_kmsg(&mut self, handle: u64, flags: u32) -> io::Result<Option<Vec<u8>>> {
        loop {
            let read = VfsCall::Read { handle, offset: 0, size: 8191, flags };
            match self.machine.vfs(read) {
                Ok(VfsReply::Data(record)) if record.is_empty() => return Ok(None),
                Ok(VfsReply::Data(record)) => return Ok(Some(record)),
                Ok(other) => return Err(unexpected(&other)),
                Err(Error::Errno(errno)) if errno == Errno::AGAIN.raw_os_error() => return Ok(None),
                Err(Error::Errno(errno)) if [Errno::PIPE, Errno::INTR].map(Errno::raw_os_error).contains(&errno) => {}
                Err(error) => return Err(io_error(error)),
            }
        }
    }

    /// How many lines `syslog(2)` shows: those after the last clear. The protocol cannot seek in /dev/kmsg.
    fn lines_since_clear(&mut self) -> io::Result<usize> {
        const READ_ALL: i32 = 3;
        const EVERYTHING: i32 = 16 << 20;
        let text = self.syslog(READ_ALL, EVERYTHING)?.data;
        Ok(text.split(|&c| c == b'\n').filter(|line| !line.is_empty()).count())
    }
}

/// How many lines `syslog(2)` makes of a record: an embedded newline stands as `\x0a`.
fn lines_of(record: &[u8]) -> usize {
    let end = record.iter().position(|&c| c == b'\n').unwrap_or(record.len());
    record.get(..end).unwrap_or_default().windows(4).filter(|w| w == b"\\x0a").count() + 1
}

impl<C: Calls> KernelLog for Log<C> {
    fn open(&mut self, start: LogStart, follow: bool) -> io::Result<()> {
        let flags = rustix::fs::OFlags::NONBLOCK.bits();
        let handle = self.open_kmsg(flags)?;
        let mut lines = if start == LogStart::Cleared { self.lines_since_clear()? } else { 0 };
        let mut all = Vec::new();
        while let Some(record) = self.read_kmsg(handle, flags)? {
            all.push(record);
        }
        while let Some(record) = all.pop() {
            let own = lines_of(&record);
            if own > lines {
                break;
            }
            lines -= own;
            self.records.push_front(record);
        }
        if follow {
            self.handle = Some(handle);
        } else {
            self.machine.vfs(VfsCall::Release { handle }).map_err(io_error)?;
        }
        Ok(())
    }

    fn next_record(&mut self) -> io::Result<Option<Vec<u8>>> {
        match (self.records.pop_front(), self.handle) {
            (Some(record), _) => Ok(Some(record)),
            (None, Some(handle)) => self.read_kmsg(handle, 0),
            (None, None) => Ok(None),
        }
    }

    fn syslog(&mut self, action: i32, len: i32) -> io::Result<Syslog> {
        let (value, data) = self.machine.syslog(action, len).map_err(io_error)?;
        Ok(Syslog { value, data })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;
    use wire::{Answer, Attr, Call, Entry, FileKind, ROOT_DEV};

    /// An instance that has a log: records, of which `cleared` are before the last clear.
    struct Scripted {
        records: RefCell<VecDeque<&'static str>>,
        since_clear: &'static str,
    }

    impl Calls for Scripted {
        fn call(&self, call: Call, _fds: &[BorrowedFd<'_>]) -> Result<Answer, Error> {
            let again = Error::Errno(Errno::AGAIN.raw_os_error());
            Ok(match call {
                Call::Syslog { action: 3, .. } => Answer::Data(self.since_clear.into()),
                Call::Vfs(VfsCall::Lookup { parent: ROOT_DEV, name }) if name == "kmsg" => {
                    let attr = Attr {
                        node: 9,
                        kind: FileKind::CharDevice,
                        mode: 0o644,
                        uid: 0,
                        gid: 0,
                        size: 0,
                        nlink: 1,
                        rdev: 0,
                        mtime_s: 0,
                        blksize: 4096,
                    };
                    Answer::Vfs(VfsReply::Entry(Entry { attr, valid_ms: 0 }))
                }
                Call::Vfs(VfsCall::Open { node: 9, .. }) => {
                    Answer::Vfs(VfsReply::Opened { handle: 4, direct_io: true, stream: true })
                }
                Call::Vfs(VfsCall::Read { handle: 4, .. }) => match self.records.borrow_mut().pop_front() {
                    Some("EPIPE") => return Err(Error::Errno(Errno::PIPE.raw_os_error())),
                    Some(record) => Answer::Vfs(VfsReply::Data(record.into())),
                    None => return Err(again),
                },
                Call::Vfs(VfsCall::Release { handle: 4 }) => Answer::Vfs(VfsReply::Done),
                other => panic!("unexpected {other:?}"),
            })
        }
    }

    fn read(since_clear: &'static str, start: LogStart) -> Vec<String> {
        let records = ["6,1,0,-;one\n", "EPIPE", "6,2,0,-;two\\x0alines\n K=v\n", "4,3,0,-;three\n"];
        let mut log = Log::new(Scripted { records: RefCell::new(records.into()), since_clear });
        log.open(start, false).unwrap();
        let mut got = Vec::new();
        while let Some(record) = log.next_record().unwrap() {
            got.push(String::from_utf8(record).unwrap());
        }
        got.iter().map(|r| r[8..].lines().next().unwrap().to_owned()).collect()
    }

    #[test]
    fn records_before_the_last_clear_are_left_out() {
        let (one, two, three) =
            ("<6>[    0.0] one\n", "<6>[    0.0] two\n<6>[    0.0] lines\n", "<4>[    0.0] three\n");
        let text = |parts: &[&str]| -> &'static str { parts.concat().leak() };
        assert_eq!(read(text(&[one, two, three]), LogStart::Cleared), ["one", "two\\x0alines", "three"]);
        assert_eq!(read(text(&[two, three]), LogStart::Cleared), ["two\\x0alines", "three"]);
        assert_eq!(read(three, LogStart::Cleared), ["three"]);
        assert_eq!(read("", LogStart::Cleared), [""; 0]);
        assert_eq!(read(text(&[one, two, three]), LogStart::End), [""; 0]);
    }
}
