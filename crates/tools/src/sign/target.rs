//! Writes a file at once or not at all.

use crate::error::{Failure, errno_text};
use std::fs::{File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Replaces `place` with `bytes`; a new file gets the mode of `like`. A link stays a link, and what is no file (a pipe,
/// a device) is written to.
pub fn write(place: &Path, like: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let place = std::fs::canonicalize(place).unwrap_or_else(|_| place.to_owned());
    let written = match std::fs::metadata(&place) {
        Ok(meta) if !meta.is_file() => {
            File::options().write(true).open(&place).and_then(|mut file| file.write_all(bytes))
        }
        _ => replace(&place, like, bytes),
    };
    written.map_err(|error| Failure::new(1, format!("cannot write {}", place.display())).cause(errno_text(&error)))
}

fn replace(place: &Path, like: &Path, bytes: &[u8]) -> io::Result<()> {
    let mode = std::fs::metadata(place).or_else(|_| std::fs::metadata(like))?.permissions();
    let folder = place.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = place.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let mut hidden = std::ffi::OsString::from(".");
    hidden.push(name);
    hidden.push(format!(".{}", std::process::id()));
    let temporary = folder.join(hidden);
    let written = fill(&temporary, bytes, mode).and_then(|()| std::fs::rename(&temporary, place));
    if written.is_err() {
        // What the error was is told; a file that cannot be removed either adds nothing to that.
        let _ = std::fs::remove_file(&temporary);
    }
    written?;
    File::open(folder)?.sync_all()
}

fn fill(path: &Path, bytes: &[u8], mode: Permissions) -> io::Result<()> {
    let mut file = File::options().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.set_permissions(mode)?;
    file.sync_all()
}
