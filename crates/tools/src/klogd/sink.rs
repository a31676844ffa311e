//! Where klogd writes: a file that is followed through rotation, standard output, or syslog's socket.
//!
//! What cannot be written now stays here, and klogd reads no more meanwhile: the kernel keeps the rest.

use super::options::Options;
use crate::clock::{self, Local};
use crate::error::Failure;
use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The priority of lines that have none: facility kern, level info.
const DEFAULT: u32 = 6;

/// A place for lines.
pub struct Sink {
    target: Target,
    /// What waits to be written: whole lines for a file, whole messages for syslog.
    waiting: VecDeque<Vec<u8>>,
}

enum Target {
    Stdout,
    File { path: PathBuf, file: File, sync: bool },
    Syslog { path: PathBuf, link: Option<Link> },
}

enum Link {
    Datagram(UnixDatagram),
    Stream(UnixStream),
}

impl Sink {
    /// Opens what the options ask for. A file is emptied, as sysklogd does.
    ///
    /// A syslog that nobody serves is an error only where klogd does not stay: else somebody may serve it later.
    pub fn open(options: &Options) -> Result<Self, Failure> {
        let target = match &options.file {
            Some(path) if path.as_os_str() == "-" => Target::Stdout,
            Some(path) => Target::file(path, !options.once)?,
            None => Target::syslog(&options.socket, options.once)?,
        };
        Ok(Self { target, waiting: VecDeque::new() })
    }

    /// Whether lines go to standard output.
    pub fn is_stdout(&self) -> bool {
        matches!(self.target, Target::Stdout)
    }

    /// Whether lines wait that could not be written.
    pub fn is_clogged(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Takes a line of the kernel's, with its `<priority>` if it has one.
    pub fn push(&mut self, line: &[u8]) {
        let (priority, text) = split_priority(line);
        self.push_as(priority.unwrap_or(DEFAULT), text, line);
    }

    /// Takes a line of klogd's own.
    pub fn push_own(&mut self, level: u32, text: &str) {
        self.push_as(level, text.as_bytes(), text.as_bytes());
    }

    fn push_as(&mut self, priority: u32, text: &[u8], whole: &[u8]) {
        self.waiting.push_back(match self.target {
            Target::Syslog { .. } => {
                let stamp = Local::at(clock::now().0).syslog_stamp();
                [format!("<{priority}>{stamp} kernel: ").as_bytes(), text].concat()
            }
            _ => [whole, b"\n"].concat(),
        });
    }

    /// Writes what waits, as far as it can be written.
    pub fn flush(&mut self) -> io::Result<()> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        self.target.follow();
        while let Some(first) = self.waiting.front_mut() {
            self.target.write(first)?;
            self.waiting.pop_front();
        }
        self.target.sync();
        Ok(())
    }

    /// Opens the file or the socket again; the old file stays where the new one cannot be opened.
    pub fn reopen(&mut self) {
        self.target.reopen();
    }
}

impl Target {
    fn file(path: &Path, sync: bool) -> Result<Self, Failure> {
        let failed = |error: io::Error| {
            Failure::new(1, format!("klogd cannot open {}", path.display())).cause(crate::error::errno_text(&error))
        };
        // klogd goes to the root directory; the path shall keep its meaning.
        let path = std::path::absolute(path).map_err(failed)?;
        let file = append(&path).map_err(failed)?;
        // A pipe or a terminal has nothing to empty.
        if file.metadata().is_ok_and(|meta| meta.is_file()) {
            file.set_len(0).map_err(failed)?;
        }
        Ok(Self::File { path, file, sync })
    }

    fn syslog(path: &Path, must: bool) -> Result<Self, Failure> {
        let link = match Link::open(path) {
            Ok(link) => Some(link),
            Err(error) if must => {
                return Err(Failure::new(1, format!("klogd cannot log to {}", path.display()))
                    .cause(format!("nobody serves it: {}", crate::error::errno_text(&error)))
                    .cure("start a syslog daemon, or log to a file with -f"));
            }
            Err(_) => None,
        };
        Ok(Self::Syslog { path: path.into(), link })
    }

    /// Opens the file again if its name leads elsewhere by now, or nowhere.
    fn follow(&mut self) {
        let Self::File { path, file, .. } = self else { return };
        let place = |meta: std::fs::Metadata| (meta.dev(), meta.ino());
        let (named, open) = (std::fs::metadata(path).map(place), file.metadata().map(place));
        if named.ok() != open.ok() {
            self.reopen();
        }
    }

    fn reopen(&mut self) {
        match self {
            Self::File { path, file, .. } => {
                if let Ok(new) = append(path) {
                    *file = new;
                }
            }
            Self::Syslog { link, .. } => *link = None,
            Self::Stdout => {}
        }
    }

    /// Writes all of `bytes`; when that fails what is left of them stays.
    fn write(&mut self, bytes: &mut Vec<u8>) -> io::Result<()> {
        match self {
            Self::Stdout => write_rest(&mut io::stdout().lock(), bytes),
            Self::File { file, .. } => write_rest(file, bytes),
            Self::Syslog { path, link } => {
                let connected = match link.take() {
                    Some(old) => old,
                    None => Link::open(path)?,
                };
                // A daemon that was started again made another socket.
                let connected = match connected.send(bytes) {
                    Err(error) if error.kind() != io::ErrorKind::WouldBlock => {
                        let new = Link::open(path)?;
                        new.send(bytes)?;
                        new
                    }
                    sent => {
                        *link = Some(connected);
                        return sent;
                    }
                };
                *link = Some(connected);
                Ok(())
            }
        }
    }

    fn sync(&mut self) {
        if let Self::File { file, sync: true, .. } = self {
            // What cannot be synchronised (a pipe) is written all the same.
            let _ = file.sync_data();
        }
    }
}

/// DIFFERS: sysklogd leaves the mode to the umask; but the log may be kept from users (`dmesg_restrict`).
fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(0o640).open(path)
}

fn write_rest(file: &mut impl Write, bytes: &mut Vec<u8>) -> io::Result<()> {
    while !bytes.is_empty() {
        match file.write(bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(length) => drop(bytes.drain(..length.min(bytes.len()))),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    file.flush()
}

impl Link {
    /// Connects as `openlog(3)` does: datagrams, or a stream where the daemon wants that.
    fn open(path: &Path) -> io::Result<Self> {
        let datagram = UnixDatagram::unbound()?;
        match datagram.connect(path) {
            Ok(()) => {
                // A daemon that hangs must not keep klogd from its signals.
                datagram.set_nonblocking(true)?;
                Ok(Self::Datagram(datagram))
            }
            Err(error) if error.raw_os_error() == Some(rustix::io::Errno::PROTOTYPE.raw_os_error()) => {
                let stream = UnixStream::connect(path)?;
                stream.set_write_timeout(Some(Duration::from_secs(1)))?;
                Ok(Self::Stream(stream))
            }
            Err(error) => Err(error),
        }
    }

    fn send(&self, message: &[u8]) -> io::Result<()> {
        match self {
            Self::Datagram(socket) => socket.send(message).map(drop),
            // In a stream a NUL ends each message.
            Self::Stream(stream) => (&mut &*stream).write_all(&[message, b"\0"].concat()),
        }
    }
}

/// Splits `<priority>text`.
fn split_priority(line: &[u8]) -> (Option<u32>, &[u8]) {
    let found = line.strip_prefix(b"<").and_then(|rest| {
        let end = rest.iter().take(5).position(|&c| c == b'>')?;
        let digits = rest.get(..end).filter(|digits| digits.iter().all(u8::is_ascii_digit))?;
        let number = std::str::from_utf8(digits).ok()?.parse().ok()?;
        Some((number, rest.get(end + 1..)?))
    });
    match found {
        Some((priority, text)) => (Some(priority), text),
        None => (None, line),
    }
}

#[test]
fn priorities_are_split_off() {
    assert_eq!(split_priority(b"<4>[ 1.0] x"), (Some(4), &b"[ 1.0] x"[..]));
    assert_eq!(split_priority(b"<30>daemon"), (Some(30), &b"daemon"[..]));
    for whole in [&b"text"[..], b"<>", b"<x>y", b"<-1>y", b"<", b"<123456>y"] {
        assert_eq!(split_priority(whole), (None, whole));
    }
}
