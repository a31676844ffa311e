//! Where profiles are kept, under which names, and how they get there.
//!
//! A name is RELEASE-SOURCE-STATE.abi: SOURCE is a hash of the path a profile was made from, STATE one of
//! that file's time, size and inode and of the format's version. So a start finds the file with stat(2) alone, and an
//! import can remove what a replaced kernel image left behind.

use super::format::{Contents, Head, VERSION};
use super::map::Bytes;
use crate::bytes::hash64;
use crate::error::{Error, Result};
use std::fs::{self, File};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

const SUFFIX: &str = ".abi";

/// The name of the profile of a release made from `sources` (the first one names it; the state of all counts).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Key {
    prefix: String,
    state: u64,
}

impl Key {
    /// The key of files as they are now. `None` if one does not exist.
    pub fn of(release: &str, sources: &[&Path]) -> Option<Self> {
        let first = sources.first()?;
        let mut state = u64::from(VERSION);
        for source in sources {
            let meta = fs::metadata(source).ok()?;
            for number in [meta.len(), meta.mtime() as u64, meta.mtime_nsec() as u64, meta.ino()] {
                state = hash64(state, &number.to_le_bytes());
            }
        }
        let path = hash64(0, first.as_os_str().as_encoded_bytes()) as u32;
        let release: String = release.chars().map(|c| if c == '/' || c == '\0' { '_' } else { c }).collect();
        Some(Key { prefix: format!("{release}-{path:08x}-"), state })
    }

    fn name(&self) -> String {
        format!("{}{:016x}{SUFFIX}", self.prefix, self.state)
    }
}

/// The folders to look for profiles in, best first.
pub(crate) fn folders(wanted: Option<&Path>) -> Vec<PathBuf> {
    if let Some(folder) = wanted {
        return vec![folder.to_owned()];
    }
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|p| p.is_absolute());
    let cache = absolute("XDG_CACHE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".cache")));
    let uid = rustix::process::geteuid().as_raw();
    cache.map(|c| c.join("lkm")).into_iter().chain([PathBuf::from(format!("/tmp/lkm-cache-{uid}"))]).collect()
}

/// Whether a folder is ours alone to write: another user could put a false profile there, or change one.
fn usable(folder: &Path) -> bool {
    let uid = rustix::process::geteuid().as_raw();
    // A link of one's own to elsewhere is fine if what it leads to is.
    let link_is_ours = fs::symlink_metadata(folder).is_ok_and(|m| m.uid() == uid);
    link_is_ours && fs::metadata(folder).is_ok_and(|m| m.is_dir() && m.uid() == uid && m.mode() & 0o022 == 0)
}

/// Opens the profile for `key`, if there is a whole one of this version.
pub(crate) fn open(folders: &[PathBuf], key: &Key) -> Option<(Bytes, Head, PathBuf)> {
    for folder in folders.iter().filter(|f| usable(f)) {
        let path = folder.join(key.name());
        let Ok(file) = File::open(&path) else { continue };
        let Ok(bytes) = Bytes::map(file, &path) else { continue };
        match Head::read(&bytes) {
            Ok(head) => return Some((bytes, head, path)),
            // Damaged: the import that follows replaces it.
            Err(_) => continue,
        }
    }
    None
}

/// Writes a profile into the first folder that takes it and opens it from there; without any, into memory.
pub(crate) fn store(folders: &[PathBuf], key: &Key, contents: &Contents<'_>) -> Result<(Bytes, Head, Option<PathBuf>)> {
    for folder in folders {
        if let Ok(path) = store_in(folder, key, contents) {
            let file = File::open(&path).map_err(|e| Error::io("read", &path, e))?;
            return opened(file, &path).map(|(bytes, head)| (bytes, head, Some(path)));
        }
    }
    let path = Path::new("memfd:lkm-profile");
    let io = |e: std::io::Error| Error::io("write", path, e);
    let fd = rustix::fs::memfd_create("lkm-profile", rustix::fs::MemfdFlags::CLOEXEC).map_err(|e| io(e.into()))?;
    let mut file = File::from(fd);
    contents.write(&mut file).map_err(io)?;
    opened(file, path).map(|(bytes, head)| (bytes, head, None))
}

/// The profile in a file.
pub(crate) fn opened(file: File, path: &Path) -> Result<(Bytes, Head)> {
    let bytes = Bytes::map(file, path)?;
    let head =
        Head::read(&bytes).map_err(|reason| Error::Image { path: path.to_owned(), reason: reason.to_owned() })?;
    Ok((bytes, head))
}

/// Writes under a temporary name, then renames: a reader sees a whole file or none, and of two processes that
/// import at the same time the later one wins with the same content.
fn store_in(folder: &Path, key: &Key, contents: &Contents<'_>) -> std::io::Result<PathBuf> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    if !usable(folder) {
        return Err(std::io::ErrorKind::PermissionDenied.into());
    }
    let path = folder.join(key.name());
    let temporary = folder.join(format!(".{}.{}.{:x}", key.name(), std::process::id(), unique()));
    let result = (|| {
        let mut file = File::options().write(true).create_new(true).open(&temporary)?;
        contents.write(&mut file)?;
        file.sync_all()?;
        fs::rename(&temporary, &path)
    })();
    if result.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    result?;
    remove_stale(folder, key);
    Ok(path)
}

/// A number that no other thread of this process has.
fn unique() -> u64 {
    static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed)
}

/// Removes profiles made from the same file in an earlier state (who has one mapped keeps it), and what an import
/// that was killed left behind.
fn remove_stale(folder: &Path, key: &Key) {
    let current = key.name();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        let earlier = name.starts_with(&key.prefix) && name.ends_with(SUFFIX) && name != current;
        let abandoned = name.strip_prefix('.').is_some_and(|n| n.starts_with(&key.prefix)) && is_old(&entry);
        if earlier || abandoned {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Whether nobody can still be writing a file: its last change is over an hour ago.
fn is_old(entry: &fs::DirEntry) -> bool {
    let age = entry.metadata().and_then(|m| m.modified()).ok().and_then(|time| time.elapsed().ok());
    age.is_some_and(|age| age.as_secs() > 3600)
}
