//! The file that holds the process id of the klogd that runs.
//!
//! It is locked while that klogd lives: what a killed one left behind does not keep the next from starting, and its
//! number is never mistaken for another process.

use super::options::{Options, Reload};
use crate::error::{Failure, errno_text};
use rustix::fs::{FlockOperation, flock};
use rustix::process::{Pid, Signal, getuid, kill_process};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

const NAME: &str = "klogd.pid";

/// The file, locked by this process or by one that it was forked from.
#[derive(Debug)]
pub struct PidFile {
    path: PathBuf,
    file: File,
}

impl PidFile {
    /// Takes the lock; `None` where no place can be written.
    ///
    /// # Errors
    /// Another klogd has it, or the place that was asked for cannot be written.
    pub fn claim(options: &Options) -> Result<Option<Self>, Failure> {
        for path in places(options) {
            match Self::lock(&path) {
                Ok(claimed) => return Ok(Some(claimed)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    let holder = std::fs::read_to_string(&path).unwrap_or_default();
                    return Err(Failure::new(1, "klogd: Already running.")
                        .cause(format!("process {} holds {}", holder.trim(), path.display()))
                        .cure("end that one first, or choose another file with --pid-file"));
                }
                Err(error) if options.pid_file.is_some() => {
                    let what = format!("klogd cannot write {}", path.display());
                    return Err(Failure::new(1, what).cause(errno_text(&error)));
                }
                Err(_) => {}
            }
        }
        Ok(None)
    }

    fn lock(path: &Path) -> io::Result<Self> {
        if let Some(folder) = path.parent().filter(|folder| !folder.exists()) {
            DirBuilder::new().mode(0o700).create(folder)?;
        }
        loop {
            let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o644).open(path)?;
            flock(&file, FlockOperation::NonBlockingLockExclusive)?;
            // The one that held it may have removed the file between the two calls.
            if std::fs::metadata(path).is_ok_and(|named| file.metadata().is_ok_and(|open| open.ino() == named.ino())) {
                return Ok(Self { path: path.to_owned(), file });
            }
        }
    }

    /// Writes the number of this process.
    pub fn write(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.rewind()?;
        writeln!(self.file, "{}", std::process::id())
    }

    /// The open file, which has the lock.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }

    /// Removes the file.
    pub fn remove(self) {
        // A file that stays is no harm: nobody holds its lock.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Where the file may be, the best place first.
fn places(options: &Options) -> Vec<PathBuf> {
    if let Some(path) = &options.pid_file {
        return vec![std::path::absolute(path).unwrap_or_else(|_| path.clone())];
    }
    let instance = Path::new(supervisor::client::SOCKET);
    let system = match instance.parent().filter(|_| instance.exists()) {
        Some(folder) => Some(folder.join(NAME)),
        None => getuid().is_root().then(|| Path::new("/run").join(NAME)),
    };
    let own = std::env::var_os("XDG_RUNTIME_DIR").filter(|folder| !folder.is_empty());
    let own = own.map(|folder| Path::new(&folder).join("lkm").join(NAME));
    system.into_iter().chain(own).collect()
}

/// Has the klogd that runs read its symbols again.
pub fn signal(options: &Options, what: Reload) -> Result<u8, Failure> {
    let number = match what {
        Reload::Modules => Signal::USR1,
        Reload::All => Signal::USR2,
    };
    let places = places(options);
    let Some(pid) = places.iter().find_map(|path| holder(path)) else {
        let shown: Vec<String> = places.iter().map(|path| path.display().to_string()).collect();
        return Err(Failure::new(1, "klogd: no klogd runs that could be signalled")
            .cause(format!("nobody holds {}", if shown.is_empty() { "a file".into() } else { shown.join(" or ") }))
            .cure("start it, or name its file with --pid-file"));
    };
    match kill_process(pid, number) {
        Ok(()) => Ok(0),
        Err(error) => {
            let what = format!("klogd: cannot signal process {}", pid.as_raw_nonzero());
            Err(Failure::new(1, what).cause(errno_text(&error.into())))
        }
    }
}

/// The process that holds a file's lock.
fn holder(path: &Path) -> Option<Pid> {
    let mut file = File::open(path).ok()?;
    if flock(&file, FlockOperation::NonBlockingLockShared).is_ok() {
        return None;
    }
    let mut text = String::new();
    file.read_to_string(&mut text).ok()?;
    Pid::from_raw(text.trim().parse().ok()?)
}

#[test]
fn only_one_holds_the_file() {
    let path = std::env::temp_dir().join(format!("lkm-klogd-{}", std::process::id())).join(NAME);
    let options = Options { pid_file: Some(path.clone()), ..Options::default() };
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, "1\n").unwrap();
    assert_eq!(holder(&path), None, "a file that was left behind");
    let mut first = PidFile::claim(&options).unwrap().unwrap();
    first.write().unwrap();
    let me = Pid::from_raw(std::process::id().try_into().unwrap());
    assert_eq!(holder(&path), me);
    assert!(PidFile::claim(&options).unwrap_err().what.contains("Already running"));
    first.remove();
    assert!(!path.exists() && holder(&path).is_none());
    std::fs::remove_dir_all(path.parent().unwrap()).unwrap();
}
