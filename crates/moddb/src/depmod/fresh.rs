//! Whether the indexes are older than the modules: `depmod -A` (`depfile_up_to_date` of kmod's `tools/depmod.c`).

use std::ffi::OsStr;
use std::fs::Metadata;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::walk::{self, FIRST_DESCRIPTOR};
use super::{Listener, message};
use crate::error::strerror;

/// Whether `modules.dep` of a folder is younger than all modules of a module directory.
pub fn is_up_to_date(directory: &Path, written: &Path, to: &mut dyn Listener) -> bool {
    let shown = directory.as_os_str().as_bytes();
    let entries = match std::fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) => {
            message!(to, Error, b"could not open directory ", shown, b": ", strerror(&error));
            return false;
        }
    };
    match std::fs::metadata(written.join("modules.dep")) {
        Ok(data) => entries_older(entries, data.mtime(), shown, 0, to),
        Err(error) => {
            message!(to, Error, b"could not fstatat(", shown, b", modules.dep): ", strerror(&error));
            false
        }
    }
}

fn entries_older(entries: std::fs::ReadDir, than: i64, folder: &[u8], depth: usize, to: &mut dyn Listener) -> bool {
    entries.flatten().all(|entry| {
        let name = entry.file_name();
        matches!(name.as_bytes(), b"build" | b"source")
            || is_older(&[folder, b"/", name.as_bytes()].concat(), name.as_bytes(), than, depth, to)
    })
}

/// Whether an entry is no module, or not younger; a folder: all in it.
fn is_older(path: &[u8], name: &[u8], than: i64, depth: usize, to: &mut dyn Listener) -> bool {
    let file = Path::new(OsStr::from_bytes(path));
    let at = FIRST_DESCRIPTOR + depth;
    let failed = |what: String, end: &str, error: &io::Error, to: &mut dyn Listener| {
        message!(to, Error, what, name, end, strerror(error));
        true
    };
    let data: Metadata = match std::fs::metadata(file) {
        Ok(data) => data,
        Err(error) => return failed(format!("fstatat({at}, "), "): ", &error, to),
    };
    if data.is_dir() {
        return match std::fs::read_dir(file) {
            Ok(_) if walk::leads_back(path) => true,
            Ok(entries) => entries_older(entries, than, path, depth + 1, to),
            Err(error) => failed(format!("openat({at}, "), ", O_RDONLY): ", &error, to),
        };
    }
    if !data.is_file() {
        let kind = format!("{:o}", data.mode() & walk::KIND);
        message!(to, Error, b"unsupported file type ", path, b": ", kind);
        return true;
    }
    !walk::is_module(name) || data.mtime() <= than
}
