//! The table of open files.

use super::gate::{Gate, Pass};
use super::node::{Ctx, Fs, Ioctl, OpenFile, PollWaker};
use super::tree::Inode;
use crate::mm::uaccess;
use kabi::errno::EBADF;
use kabi::{Errno, KResult};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use wire::{Caller, NodeId};

/// An open file in the table.
pub(super) struct OpenEntry {
    pub(super) node: Arc<Inode>,
    pub(super) file: Box<dyn OpenFile>,
    pub(super) flags: u32,
    /// Where a stream is.
    pos: Mutex<u64>,
    released: AtomicBool,
}

/// Where a read or write takes place.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place {
    /// Here.
    At(u64),
    /// Where the open file is, which moves.
    Own,
}

impl OpenEntry {
    /// An open device outlives its node (as on tmpfs); every other file ends with it.
    fn gate(&self) -> Option<&Arc<Gate>> {
        (self.node.fs != Fs::Dev).then_some(&self.node.gate)
    }

    /// Passes the node's gate, or says that the node is removed.
    fn pass(&self) -> Result<Option<Pass>, Errno> {
        match self.gate() {
            None => Ok(None),
            Some(gate) => gate.pass().map(Some).ok_or(self.node.fs.removed()),
        }
    }

    /// Where `read(2)` and `write(2)` take place, of which FUSE says that it is at `offset`.
    pub(super) fn place(&self, offset: u64) -> Place {
        if self.file.stream() { Place::Own } else { Place::At(offset) }
    }

    /// Runs `work` with a position. As in Linux the file's own is copied in and out, and not locked meanwhile.
    fn at<R>(&self, place: Place, work: impl FnOnce(&mut u64) -> KResult<R>) -> KResult<R> {
        let own = || self.pos.lock().unwrap_or_else(PoisonError::into_inner);
        match place {
            Place::At(mut pos) => work(&mut pos),
            Place::Own => {
                let mut pos = self.file.position().unwrap_or_else(|| *own());
                let result = work(&mut pos)?;
                *own() = pos;
                self.file.moved(pos);
                Ok(result)
            }
        }
    }

    pub(super) fn read(&self, ctx: &Ctx<'_>, place: Place, size: usize) -> KResult<Vec<u8>> {
        // seq_file hands out what it has made already, even of a removed file
        if let Place::At(offset) = place
            && let Some(data) = self.file.buffered(offset, size)
        {
            return Ok(data);
        }
        let _pass = self.pass()?;
        let mut data = self.at(place, |pos| self.file.read_on(ctx, pos, size))?;
        data.truncate(size);
        Ok(data)
    }

    pub(super) fn write(&self, ctx: &Ctx<'_>, place: Place, data: &[u8]) -> KResult<usize> {
        let _pass = self.pass()?;
        Ok(self.at(place, |pos| self.file.write_on(ctx, pos, data))?.min(data.len()))
    }

    pub(super) fn bad_buffer(&self, ctx: &Ctx<'_>, buffer: u64, size: usize, write: bool) -> KResult<usize> {
        let _pass = self.pass()?;
        self.at(Place::Own, |pos| self.file.bad_buffer(ctx, pos, buffer, size, write))
    }

    pub(super) fn seek(&self, ctx: &Ctx<'_>, offset: i64, whence: u32) -> KResult<u64> {
        let _pass = self.pass()?;
        if let Some(pos) = self.file.position() {
            return self.file.seek(ctx, pos, offset, whence);
        }
        self.at(Place::Own, |pos| {
            *pos = self.file.seek(ctx, *pos, offset, whence)?;
            Ok(*pos)
        })
    }

    pub(super) fn ioctl(&self, ctx: &Ctx<'_>, call: &Ioctl) -> KResult<i64> {
        let _pass = self.pass()?;
        uaccess::with_caller(|| self.file.ioctl(ctx, call))
    }

    pub(super) fn poll(&self, ctx: &Ctx<'_>, waker: Option<PollWaker>) -> KResult<u32> {
        match self.pass() {
            Ok(_pass) => self.file.poll(ctx, waker),
            Err(_) => Ok(self.node.fs.removed_poll()),
        }
    }

    fn release(&self, ctx: &Ctx<'_>) {
        if !self.released.swap(true, Ordering::SeqCst) {
            self.file.release(ctx);
        }
    }
}

/// All open files, by handle.
#[derive(Default)]
pub(super) struct OpenTable {
    files: RwLock<HashMap<u64, Arc<OpenEntry>>>,
    last: AtomicU64,
}

impl OpenTable {
    fn read(&self) -> RwLockReadGuard<'_, HashMap<u64, Arc<OpenEntry>>> {
        self.files.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashMap<u64, Arc<OpenEntry>>> {
        self.files.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn insert(&self, node: Arc<Inode>, file: Box<dyn OpenFile>, flags: u32) -> u64 {
        let handle = self.last.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        let entry = OpenEntry { node, file, flags, pos: Mutex::new(0), released: AtomicBool::new(false) };
        self.write().insert(handle, Arc::new(entry));
        handle
    }

    pub(super) fn get(&self, handle: u64) -> Result<Arc<OpenEntry>, Errno> {
        self.read().get(&handle).cloned().ok_or(EBADF)
    }

    /// The node of a file that is still open though the node may be removed.
    pub(super) fn node(&self, id: NodeId) -> Option<Arc<Inode>> {
        self.read().values().find(|entry| entry.node.id == id).map(|entry| Arc::clone(&entry.node))
    }

    /// The last descriptor of `handle` is gone.
    pub(super) fn close(&self, handle: u64, caller: &Caller) -> Result<(), Errno> {
        let entry = self.write().remove(&handle).ok_or(EBADF)?;
        let ctx = Ctx { caller, flags: entry.flags };
        match entry.pass() {
            Ok(_pass) => entry.release(&ctx),
            // debugfs lets the file's code finish what is open; the others released it at the removal
            Err(_) if entry.node.fs == Fs::Debug => entry.release(&ctx),
            Err(_) => {}
        }
        Ok(())
    }

    /// Releases all open files of a removed node, as `proc_entry_rundown` does; they stay open and fail.
    pub(super) fn release_all(&self, id: NodeId) {
        let caller = wire::kernel_caller();
        let entries: Vec<_> = self.read().values().filter(|entry| entry.node.id == id).cloned().collect();
        for entry in entries {
            entry.release(&Ctx { caller: &caller, flags: entry.flags });
        }
    }

    pub(super) fn len(&self) -> usize {
        self.read().len()
    }
}
