//! Replacing the files of a module directory: all of them, or none.
//!
//! They are first written, with `fsync`, to a folder of their own in the module directory, `.depmod-PID`. Until the last one
//! is there nothing of the old set is touched. Then another process, in a process group of its own, renames them one after
//! the other. So whatever ends depmod itself, and be it SIGKILL, a full disk or a damaged module, leaves the old set or the
//! new one whole. What is left is a power failure, or somebody who ends all processes of the machine, in the few
//! microseconds of the renames: each file is then whole, and old or new; the next run mends that.
//!
//! The folder is locked as long as somebody works in it; one that nobody holds is what a killed depmod left, and the next one
//! removes it.

use moddb::depmod::File;
use rustix::fs::FlockOperation;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The name that the renaming process is called by.
pub const COMMIT: &str = "lkm-depmod-commit";
/// What the names of temporary folders begin with.
const TEMPORARY: &str = ".depmod-";

/// What could not be done, with which file, and why.
#[derive(Debug)]
pub(super) struct Failed {
    what: &'static str,
    path: PathBuf,
    cause: io::Error,
}

impl Failed {
    pub(super) fn new(what: &'static str, path: &Path, cause: io::Error) -> Self {
        Self { what, path: path.to_owned(), cause }
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.what, self.path.display(), crate::error::errno_text(&self.cause))
    }
}

/// The temporary folder; removed at the end, whatever happens.
struct Folder {
    path: PathBuf,
    lock: fs::File,
}

impl Folder {
    fn new(directory: &Path) -> Result<Self, Failed> {
        let path = directory.join(format!("{TEMPORARY}{}", std::process::id()));
        let failed = |error| Failed::new("could not make directory", &path, error);
        DirBuilder::new().mode(0o700).create(&path).map_err(failed)?;
        let lock = fs::File::open(&path).map_err(failed)?;
        // Where there are no locks nobody cleans up, either.
        let _ = rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive);
        Ok(Self { path, lock })
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// Replaces the files.
pub(super) fn store(directory: &Path, files: &[File]) -> Result<(), Failed> {
    let entries = fs::read_dir(directory).map_err(|error| Failed::new("could not open directory", directory, error))?;
    entries.flatten().for_each(|entry| remove_left(&entry));
    let folder = Folder::new(directory)?;
    fill(&folder.path, files)?;
    match apart(&folder) {
        Some(true) => Ok(()),
        Some(false) => Err(Failed::new("could not replace all files in", directory, io::Error::other("see above"))),
        None => rename_all(&folder.path),
    }
}

/// Removes a temporary folder in which nobody works any more.
fn remove_left(entry: &fs::DirEntry) {
    if !entry.file_name().to_string_lossy().starts_with(TEMPORARY) {
        return;
    }
    let path = entry.path();
    let free = fs::File::open(&path)
        .is_ok_and(|folder| rustix::fs::flock(&folder, FlockOperation::NonBlockingLockExclusive).is_ok());
    if free {
        let _ = fs::remove_dir_all(path);
    }
}

/// Writes all files, and waits until the disk has them; together, since a disk does that at once.
fn fill(folder: &Path, files: &[File]) -> Result<(), Failed> {
    let one = |file: &File| -> Result<(), Failed> {
        let path = folder.join(file.name);
        let failed = |error| Failed::new("could not write", &path, error);
        let mut to = OpenOptions::new().write(true).create_new(true).mode(0o644).open(&path).map_err(failed)?;
        to.write_all(&file.contents).map_err(failed)?;
        to.sync_all().map_err(failed)
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = files.iter().map(|file| scope.spawn(move || one(file))).collect();
        let results = threads.into_iter().map(|thread| thread.join().unwrap_or_else(|e| std::panic::resume_unwind(e)));
        results.collect::<Vec<_>>().into_iter().collect()
    })
}

/// Renames in a process that nobody ends together with this one: whether that worked; `None` if there can be none.
fn apart(folder: &Folder) -> Option<bool> {
    let lock = folder.lock.try_clone().ok()?;
    let mut command = Command::new("/proc/self/exe");
    // The lock goes with it.
    command.arg0(COMMIT).arg(&folder.path).process_group(0).stdin(lock);
    let status = command.status().ok()?;
    Some(status.success())
}

/// The renaming process.
pub fn commit(words: &[OsString]) -> u8 {
    let Some(folder) = words.first() else { return 1 };
    match rename_all(Path::new(folder)) {
        Ok(()) => 0,
        Err(failed) => {
            tell!("depmod: ERROR: {failed}");
            1
        }
    }
}

/// The order of the renames: paths before what leads to names, so that no index names a file that is gone.
fn place(name: &OsStr) -> usize {
    const FIRST: [&str; 2] = ["modules.dep.bin", "modules.dep"];
    FIRST.iter().position(|first| name == *first).unwrap_or(FIRST.len())
}

fn rename_all(folder: &Path) -> Result<(), Failed> {
    let failed = |error| Failed::new("could not replace the files by those in", folder, error);
    let directory = folder.parent().ok_or_else(|| failed(io::ErrorKind::InvalidInput.into()))?;
    let mut names: Vec<OsString> = fs::read_dir(folder)
        .map_err(failed)?
        .map(|entry| entry.map(|e| e.file_name()))
        .collect::<Result<_, _>>()
        .map_err(failed)?;
    names.sort_by_key(|name| place(name));
    for name in &names {
        let to = directory.join(name);
        fs::rename(folder.join(name), &to).map_err(|error| Failed::new("could not replace", &to, error))?;
    }
    let _ = fs::remove_dir(folder);
    fs::File::open(directory).and_then(|directory| directory.sync_all()).map_err(failed)
}
