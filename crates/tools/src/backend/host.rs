//! The machine's own kernel, through system calls and files.

use super::{KernelLog, LogStart, Modules, Outcome, Syslog};
use rustix::fs::{Mode, OFlags, SeekFrom};
use rustix::io::Errno;
use std::ffi::CStr;
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::Path;

/// The longest record that is read at once; the kernel cuts none shorter than this.
const RECORD: usize = 8191;

/// `/dev/kmsg` and `syslog(2)`.
#[derive(Debug, Default)]
pub struct Log {
    kmsg: Option<OwnedFd>,
    first: Option<Vec<u8>>,
    ended: bool,
}

impl KernelLog for Log {
    fn open(&mut self, start: LogStart, follow: bool) -> io::Result<()> {
        let wait = if follow { OFlags::empty() } else { OFlags::NONBLOCK };
        let kmsg = rustix::fs::open("/dev/kmsg", OFlags::RDONLY | OFlags::CLOEXEC | wait, Mode::empty())?;
        let place = match start {
            LogStart::Cleared => SeekFrom::Data(0),
            LogStart::End => SeekFrom::End(0),
        };
        // A file that cannot seek is read from its beginning.
        let _ = rustix::fs::seek(&kmsg, place);
        self.kmsg = Some(kmsg);
        if !follow {
            // Opening may succeed where reading is refused; the caller must learn that now.
            self.first = self.read()?;
            self.ended = self.first.is_none();
        }
        Ok(())
    }

    fn next_record(&mut self) -> io::Result<Option<Vec<u8>>> {
        if self.ended {
            return Ok(None);
        }
        match self.first.take() {
            Some(first) => Ok(Some(first)),
            None => self.read(),
        }
    }

    fn syslog(&mut self, action: i32, argument: i32) -> io::Result<Syslog> {
        klogctl(action, argument)
    }
}

impl Log {
    fn read(&mut self) -> io::Result<Option<Vec<u8>>> {
        let Some(kmsg) = &self.kmsg else { return Ok(None) };
        let mut record = vec![0; RECORD];
        loop {
            match rustix::io::read(kmsg, &mut record) {
                // EPIPE: the record was overwritten meanwhile, the next read gives the oldest that is left.
                Err(Errno::INTR | Errno::PIPE) => {}
                Err(Errno::AGAIN) | Ok(0) => return Ok(None),
                Ok(length) => {
                    record.truncate(length);
                    return Ok(Some(record));
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// `syslog(2)`, with a buffer where the action reads.
fn klogctl(action: i32, argument: i32) -> io::Result<Syslog> {
    let (value, data) = sys::klog::klogctl(action, argument)?;
    Ok(Syslog { value, data })
}

/// The machine's modules.
#[derive(Debug)]
pub struct Host;

fn done(result: rustix::io::Result<()>) -> io::Result<Outcome> {
    result.map(|()| Outcome::Done).map_err(io::Error::from)
}

impl Modules for Host {
    fn insert(&mut self, file: BorrowedFd<'_>, _path: &Path, params: &CStr, flags: u32) -> io::Result<Outcome> {
        let flags = i32::try_from(flags).map_err(|_| Errno::INVAL)?;
        done(rustix::system::finit_module(file, params, flags))
    }

    fn insert_bytes(&mut self, image: &[u8], _path: &Path, params: &CStr, _flags: u32) -> io::Result<Outcome> {
        done(rustix::system::init_module(image, params))
    }

    fn remove(&mut self, name: &CStr, flags: u32) -> io::Result<Outcome> {
        let flags = i32::try_from(flags).map_err(|_| Errno::INVAL)?;
        done(rustix::system::delete_module(name, flags))
    }

    fn read(&mut self, path: &str) -> io::Result<Vec<u8>> {
        std::fs::read(path)
    }

    fn write(&mut self, path: &str, data: &[u8]) -> io::Result<()> {
        // Such a file exists or is none: making one would only hide the mistake.
        io::Write::write_all(&mut std::fs::OpenOptions::new().write(true).open(path)?, data)
    }

    fn list(&mut self, path: &str) -> io::Result<Vec<String>> {
        std::fs::read_dir(path)?.map(|entry| entry.map(|e| e.file_name().to_string_lossy().into_owned())).collect()
    }
}
