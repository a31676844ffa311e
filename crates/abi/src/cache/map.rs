//! A profile's bytes: a mapped file, or memory.

use crate::error::{Error, Result};
use std::fs::File;
use std::path::Path;

/// The bytes of a profile; cheap to open, readable from every thread and from forked processes.
#[derive(Debug)]
pub(crate) struct Bytes {
    map: memmap2::Mmap,
    file: File,
}

impl Bytes {
    /// Maps a file.
    #[allow(unsafe_code, reason = "mapping a file is unsafe: it may change below; see the safety argument")]
    pub fn map(file: File, path: &Path) -> Result<Self> {
        // SAFETY: nobody changes or shortens this file while it is mapped: profiles are written under a
        // temporary name, renamed when complete, and only ever replaced by another rename (or unlinked),
        // in a folder that belongs to this user (`dir::usable` checks that), or live in a memfd of ours.
        let map = unsafe { memmap2::Mmap::map(&file) }.map_err(|e| Error::io("map", path, e))?;
        Ok(Bytes { map, file })
    }

    /// The mapped file.
    pub fn file(&self) -> &File {
        &self.file
    }
}

impl std::ops::Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.map
    }
}
