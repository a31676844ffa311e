//! Writes archives in cpio's "new ASCII" format, which the kernel unpacks as an initramfs.
//!
//! Counterpart: `init/initramfs.c`; the format is described in
//! `Documentation/driver-api/early-userspace/buffer-format.rst`. Owners are root and times
//! are 0, so the same files give the same bytes.

use crate::Error;
use std::collections::BTreeMap;

const DIRECTORY: u32 = 0o040_000;
const REGULAR: u32 = 0o100_000;
const SYMLINK: u32 = 0o120_000;
const DEVICE: u32 = 0o020_000;

#[derive(Debug)]
struct Entry {
    mode: u32,
    device: (u32, u32),
    data: Vec<u8>,
}

/// An archive in the making. Parent directories are added by themselves; the order of
/// calls does not matter, and the last one for a path counts.
#[derive(Debug, Default)]
pub struct Archive {
    entries: BTreeMap<String, Entry>,
}

impl Archive {
    /// An empty archive.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a directory.
    ///
    /// # Errors
    /// [`Error::BadName`]: the path has a `..` or a NUL.
    pub fn directory(&mut self, path: &str) -> Result<(), Error> {
        self.add(path, DIRECTORY | 0o755, (0, 0), Vec::new())
    }

    /// Adds a regular file with these permissions.
    ///
    /// # Errors
    /// [`Error::BadName`]: the path has a `..` or a NUL.
    pub fn file(&mut self, path: &str, permissions: u32, data: Vec<u8>) -> Result<(), Error> {
        self.add(path, REGULAR | (permissions & 0o7777), (0, 0), data)
    }

    /// Adds a symbolic link.
    ///
    /// # Errors
    /// [`Error::BadName`]: the path has a `..` or a NUL.
    pub fn symlink(&mut self, path: &str, target: &str) -> Result<(), Error> {
        self.add(path, SYMLINK | 0o777, (0, 0), target.as_bytes().to_vec())
    }

    /// Adds a character device node.
    ///
    /// # Errors
    /// [`Error::BadName`]: the path has a `..` or a NUL.
    pub fn char_device(&mut self, path: &str, major: u32, minor: u32) -> Result<(), Error> {
        self.add(path, DEVICE | 0o600, (major, minor), Vec::new())
    }

    /// Whether a path is there already.
    pub fn contains(&self, path: &str) -> bool {
        clean(path).is_ok_and(|p| self.entries.contains_key(&p))
    }

    fn add(&mut self, path: &str, mode: u32, device: (u32, u32), data: Vec<u8>) -> Result<(), Error> {
        let path = clean(path)?;
        for (at, _) in path.match_indices('/') {
            let parent = path.get(..at).unwrap_or_default().to_owned();
            self.entries.entry(parent).or_insert_with(|| Entry {
                mode: DIRECTORY | 0o755,
                device: (0, 0),
                data: Vec::new(),
            });
        }
        self.entries.insert(path, Entry { mode, device, data });
        Ok(())
    }

    /// The archive's bytes. A path sorts after its parents, as the kernel needs it.
    ///
    /// # Errors
    /// [`Error::TooLarge`]: a file has 4 GiB or more.
    pub fn finish(&self) -> Result<Vec<u8>, Error> {
        let mut out = Vec::new();
        for (inode, (path, entry)) in (1u32..).zip(&self.entries) {
            write_entry(&mut out, inode, path, entry)?;
        }
        write_entry(&mut out, 0, "TRAILER!!!", &Entry { mode: 0, device: (0, 0), data: Vec::new() })?;
        Ok(out)
    }
}

fn clean(path: &str) -> Result<String, Error> {
    let parts: Vec<&str> = path.split('/').filter(|p| !p.is_empty() && *p != ".").collect();
    if parts.is_empty() || parts.contains(&"..") || path.contains('\0') {
        return Err(Error::BadName { path: path.to_owned() });
    }
    Ok(parts.join("/"))
}

fn write_entry(out: &mut Vec<u8>, inode: u32, path: &str, entry: &Entry) -> Result<(), Error> {
    let too_large = || Error::TooLarge { path: path.to_owned() };
    let size = u32::try_from(entry.data.len()).map_err(|_| too_large())?;
    let name_size = u32::try_from(path.len()).ok().and_then(|n| n.checked_add(1)).ok_or_else(too_large)?;
    let links = if entry.mode & 0o170_000 == DIRECTORY { 2 } else { 1 };
    let (major, minor) = entry.device;
    // inode, mode, uid, gid, links, time, size, device of the file, device of the node, name, checksum
    let fields = [inode, entry.mode, 0, 0, links, 0, size, 0, 0, major, minor, name_size, 0];
    out.extend_from_slice(b"070701");
    for field in fields {
        out.extend_from_slice(format!("{field:08x}").as_bytes());
    }
    out.extend_from_slice(path.as_bytes());
    out.push(0);
    pad(out);
    out.extend_from_slice(&entry.data);
    pad(out);
    Ok(())
}

/// Names and data end at multiples of four bytes from the archive's start.
fn pad(out: &mut Vec<u8>) {
    out.resize(out.len().next_multiple_of(4), 0);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};

    fn sample() -> Archive {
        let mut a = Archive::new();
        a.file("/etc/deep/er/note", 0o640, b"hello".to_vec()).unwrap();
        a.symlink("bin/sh", "busybox").unwrap();
        a.char_device("dev/console", 5, 1).unwrap();
        a.directory("work").unwrap();
        a
    }

    #[test]
    fn names_and_data_are_aligned_and_parents_go_first() {
        let bytes = sample().finish().unwrap();
        assert_eq!(bytes.len() % 4, 0);
        assert!(bytes.starts_with(b"070701"));
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let at = |s: &str| text.find(s).unwrap_or_else(|| panic!("no {s:?}"));
        assert!(at("etc\0") < at("etc/deep\0"));
        assert!(at("etc/deep/er\0") < at("etc/deep/er/note\0"));
        assert!(at("TRAILER!!!\0") > at("work\0"));
    }

    #[test]
    fn names_that_leave_the_archive_are_refused() {
        for path in ["", "/", "a/../b", "..", "a\0b"] {
            assert!(matches!(Archive::new().file(path, 0o644, Vec::new()), Err(Error::BadName { .. })), "{path:?}");
        }
    }

    /// busybox's cpio reads the archive as it was meant.
    #[test]
    fn busybox_lists_the_archive() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.cpio");
        std::fs::write(&path, sample().finish().unwrap()).unwrap();
        let out = Command::new("busybox")
            .args(["cpio", "-t", "-v"])
            .stdin(std::fs::File::open(&path).unwrap())
            .stderr(Stdio::inherit())
            .output()
            .expect("busybox: install it with `apt install busybox-static`");
        let text = String::from_utf8(out.stdout).unwrap();
        assert!(out.status.success(), "{text}");
        for want in ["bin/sh -> busybox", "etc/deep/er/note", "dev/console", "work"] {
            assert!(text.contains(want), "{want} is not in:\n{text}");
        }
        let note = text.lines().find(|l| l.ends_with("note")).unwrap();
        assert!(note.starts_with("-rw-r-----"), "{note}");
    }
}
