//! Ready-made files: generated text, sysfs attributes, binary attributes.
//!
//! Counterparts: fs/seq_file.c, fs/sysfs/file.c. Text is made at the first read and stays the same while an open file is
//! read on; a read at offset 0, or at another place than the last one ended, makes it anew.

use super::node::{Ctx, DEFAULT_POLLMASK, File, Methods, OpenFile, POLLERR, POLLPRI, PollWaker, Spec};
use kabi::KResult;
use kabi::errno::EIO;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Size of a page, the most an attribute holds.
const PAGE_SIZE: usize = 4096;

/// Makes the content of a file.
pub type Show = dyn Fn(&Ctx<'_>) -> KResult<Vec<u8>> + Send + Sync;
/// Takes the bytes of one write.
pub type Store = dyn Fn(&Ctx<'_>, &[u8]) -> KResult<usize> + Send + Sync;
/// Reads at an offset.
type ReadAt = dyn Fn(&Ctx<'_>, u64, usize) -> KResult<Vec<u8>> + Send + Sync;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The bytes from `offset` on, at most `size`.
pub(super) fn slice(data: &[u8], offset: u64, size: usize) -> Vec<u8> {
    let rest = usize::try_from(offset).ok().and_then(|offset| data.get(offset..)).unwrap_or_default();
    rest.get(..size).unwrap_or(rest).to_vec()
}

/// What one open file has made, and where the next sequential read begins.
#[derive(Default)]
struct Made {
    data: Arc<Vec<u8>>,
    next: u64,
}

/// The buffer of one open file, as `struct seq_file`. No lock is held while content is made.
#[derive(Default)]
struct SeqBuffer {
    made: Mutex<Made>,
}

impl SeqBuffer {
    fn part(&self, data: &Arc<Vec<u8>>, offset: u64, size: usize) -> Vec<u8> {
        let part = slice(data, offset, size);
        let next = offset.saturating_add(u64::try_from(part.len()).unwrap_or(u64::MAX));
        *lock(&self.made) = Made { data: Arc::clone(data), next };
        part
    }

    /// The next part of what is there; `None` if content has to be made.
    fn rest(&self, offset: u64, size: usize) -> Option<Vec<u8>> {
        let data = {
            let made = lock(&self.made);
            let there = u64::try_from(made.data.len()).unwrap_or(u64::MAX);
            if offset == 0 || offset != made.next || offset >= there {
                return None;
            }
            Arc::clone(&made.data)
        };
        Some(self.part(&data, offset, size))
    }

    fn at_end(&self, offset: u64) -> bool {
        let made = lock(&self.made);
        offset != 0 && offset == made.next && Some(offset) == u64::try_from(made.data.len()).ok()
    }

    fn read(&self, offset: u64, size: usize, make: impl FnOnce() -> KResult<Vec<u8>>) -> KResult<Vec<u8>> {
        if let Some(part) = self.rest(offset, size) {
            return Ok(part);
        }
        if self.at_end(offset) {
            return Ok(Vec::new());
        }
        let data = Arc::new(make()?);
        Ok(self.part(&data, offset, size))
    }
}

/// A proc file: content made as a whole, perhaps writable.
struct Generated {
    show: Option<Arc<Show>>,
    store: Option<Arc<Store>>,
}

struct OpenGenerated {
    show: Option<Arc<Show>>,
    store: Option<Arc<Store>>,
    buffer: SeqBuffer,
}

impl File for Generated {
    fn open(&self, _ctx: &Ctx<'_>) -> KResult<Box<dyn OpenFile>> {
        let (show, store) = (self.show.clone(), self.store.clone());
        Ok(Box::new(OpenGenerated { show, store, buffer: SeqBuffer::default() }))
    }
}

impl OpenFile for OpenGenerated {
    fn read(&self, ctx: &Ctx<'_>, offset: u64, size: usize) -> KResult<Vec<u8>> {
        let show = self.show.as_ref().ok_or(EIO)?;
        self.buffer.read(offset, size, || show(ctx))
    }

    fn write(&self, ctx: &Ctx<'_>, _offset: u64, data: &[u8]) -> KResult<usize> {
        self.store.as_ref().ok_or(EIO)?(ctx, data)
    }
}

/// A read-only proc file with this text.
pub fn text(mode: u32, show: impl Fn() -> String + Send + Sync + 'static) -> Spec {
    generated(mode, move |_| Ok(show().into_bytes()))
}

/// A read-only proc file whose content depends on who reads, or can fail.
pub fn generated(mode: u32, show: impl Fn(&Ctx<'_>) -> KResult<Vec<u8>> + Send + Sync + 'static) -> Spec {
    Spec::file(mode, Arc::new(Generated { show: Some(Arc::new(show)), store: None }))
}

/// A proc file that can be written too; `store` gets the bytes of one write.
pub fn writable(
    mode: u32,
    show: impl Fn(&Ctx<'_>) -> KResult<Vec<u8>> + Send + Sync + 'static,
    store: impl Fn(&Ctx<'_>, &[u8]) -> KResult<usize> + Send + Sync + 'static,
) -> Spec {
    Spec::file(mode, Arc::new(Generated { show: Some(Arc::new(show)), store: Some(Arc::new(store)) }))
}

/// A sysfs attribute: at most a page of content, one buffer a write, `poll` tells of [`Attribute::notify`].
pub struct Attribute {
    show: Option<Arc<Show>>,
    store: Option<Arc<Store>>,
    /// Counts notifications; starts at 1 so that a file never read has one waiting, as in kernfs.
    event: AtomicU64,
    pollers: Mutex<Vec<PollWaker>>,
}

impl Attribute {
    /// An attribute that can be notified, and what registers it. Without `show`, reading gives `EIO`; without `store`,
    /// writing does.
    pub fn new(mode: u32, show: Option<Arc<Show>>, store: Option<Arc<Store>>) -> (Spec, Arc<Self>) {
        let attribute = Arc::new(Self { show, store, event: AtomicU64::new(1), pollers: Mutex::default() });
        (Spec::file(mode, Arc::new(AttributeFile(Arc::clone(&attribute)))), attribute)
    }

    /// Wakes those who poll it (`sysfs_notify`).
    pub fn notify(&self) {
        self.event.fetch_add(1, Ordering::SeqCst);
        let pollers = std::mem::take(&mut *lock(&self.pollers));
        for poller in pollers {
            poller.wake();
        }
    }
}

/// [`Attribute`] by itself is no [`File`]: an open one must reach it.
struct AttributeFile(Arc<Attribute>);

struct OpenAttribute {
    attribute: Arc<Attribute>,
    buffer: SeqBuffer,
    seen: AtomicU64,
}

impl File for AttributeFile {
    fn open(&self, _ctx: &Ctx<'_>) -> KResult<Box<dyn OpenFile>> {
        let attribute = Arc::clone(&self.0);
        Ok(Box::new(OpenAttribute { attribute, buffer: SeqBuffer::default(), seen: AtomicU64::new(0) }))
    }

    fn size(&self) -> u64 {
        4096
    }
}

impl OpenFile for OpenAttribute {
    fn read(&self, ctx: &Ctx<'_>, offset: u64, size: usize) -> KResult<Vec<u8>> {
        self.seen.store(self.attribute.event.load(Ordering::SeqCst), Ordering::SeqCst);
        self.buffer.read(offset, size, || {
            let mut data = self.attribute.show.as_ref().ok_or(EIO)?(ctx)?;
            data.truncate(PAGE_SIZE - 1);
            Ok(data)
        })
    }

    fn buffered(&self, offset: u64, size: usize) -> Option<Vec<u8>> {
        self.buffer.rest(offset, size)
    }

    fn write(&self, ctx: &Ctx<'_>, _offset: u64, data: &[u8]) -> KResult<usize> {
        if data.is_empty() {
            return Ok(0);
        }
        let data = data.get(..PAGE_SIZE).unwrap_or(data);
        self.attribute.store.as_ref().ok_or(EIO)?(ctx, data)
    }

    fn poll(&self, _ctx: &Ctx<'_>, waker: Option<PollWaker>) -> KResult<u32> {
        if let Some(waker) = waker {
            let mut pollers = lock(&self.attribute.pollers);
            pollers.retain(|p| p.handle() != waker.handle());
            pollers.push(waker);
        }
        let news = self.seen.load(Ordering::SeqCst) != self.attribute.event.load(Ordering::SeqCst);
        Ok(DEFAULT_POLLMASK | if news { POLLERR | POLLPRI } else { 0 })
    }
}

/// A sysfs attribute that is shown and stored.
pub fn attribute(
    mode: u32,
    show: impl Fn(&Ctx<'_>) -> KResult<Vec<u8>> + Send + Sync + 'static,
    store: impl Fn(&Ctx<'_>, &[u8]) -> KResult<usize> + Send + Sync + 'static,
) -> Spec {
    Attribute::new(mode, Some(Arc::new(show)), Some(Arc::new(store))).0
}

/// A sysfs attribute that is only shown.
pub fn attribute_ro(mode: u32, show: impl Fn(&Ctx<'_>) -> KResult<Vec<u8>> + Send + Sync + 'static) -> Spec {
    Attribute::new(mode, Some(Arc::new(show)), None).0
}

/// A sysfs attribute that is only stored.
pub fn attribute_wo(mode: u32, store: impl Fn(&Ctx<'_>, &[u8]) -> KResult<usize> + Send + Sync + 'static) -> Spec {
    Attribute::new(mode, None, Some(Arc::new(store))).0
}

/// A binary attribute.
struct Binary {
    size: u64,
    read: Arc<ReadAt>,
}

struct OpenBinary {
    size: u64,
    read: Arc<ReadAt>,
    seen: AtomicU64,
}

impl File for Binary {
    fn open(&self, _ctx: &Ctx<'_>) -> KResult<Box<dyn OpenFile>> {
        Ok(Box::new(OpenBinary { size: self.size, read: Arc::clone(&self.read), seen: AtomicU64::new(0) }))
    }

    fn size(&self) -> u64 {
        self.size
    }

    fn methods(&self) -> Methods {
        Methods { read: true, write: false }
    }
}

impl OpenFile for OpenBinary {
    fn read(&self, ctx: &Ctx<'_>, offset: u64, size: usize) -> KResult<Vec<u8>> {
        self.seen.store(1, Ordering::SeqCst);
        let mut size = size.min(PAGE_SIZE);
        if self.size != 0 {
            let rest = self.size.saturating_sub(offset);
            size = size.min(usize::try_from(rest).unwrap_or(usize::MAX));
        }
        if size == 0 {
            return Ok(Vec::new());
        }
        (self.read)(ctx, offset, size)
    }

    fn poll(&self, _ctx: &Ctx<'_>, _waker: Option<PollWaker>) -> KResult<u32> {
        let news = self.seen.load(Ordering::SeqCst) == 0;
        Ok(DEFAULT_POLLMASK | if news { POLLERR | POLLPRI } else { 0 })
    }
}

/// A read-only binary attribute of `size` bytes (0: unlimited); `read` gets the offset and the most that is wanted, never
/// past `size`.
pub fn binary(
    mode: u32,
    size: u64,
    read: impl Fn(&Ctx<'_>, u64, usize) -> KResult<Vec<u8>> + Send + Sync + 'static,
) -> Spec {
    Spec::file(mode, Arc::new(Binary { size, read: Arc::new(read) }))
}

/// A read-only binary attribute with these bytes.
pub fn blob(mode: u32, data: Vec<u8>) -> Spec {
    let size = u64::try_from(data.len()).unwrap_or(u64::MAX);
    binary(mode, size, move |_, offset, size| Ok(slice(&data, offset, size)))
}
