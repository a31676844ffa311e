//! Opening, reading and closing files of records. Counterpart: fs/seq_file.c.

use super::seq_file::{LOCK, OPS, SHOW, Seq, SeqFile};
use crate::fault;
use crate::locking::mutex;
use crate::mm::slab;
use kabi::errno::ENOMEM;
use kabi::{Field, KPtr, KResult, NullPtr, c_int, exports, kexport, size_of_struct};
use machine::heap;

exports![
    seq_open,
    seq_read,
    seq_lseek,
    seq_release,
    single_open,
    single_open_size,
    single_release,
    __seq_open_private,
    seq_open_private,
    seq_release_private
];

static FILE: Field = Field::new("seq_file", "file");
static PRIVATE: Field = Field::new("seq_file", "private");
static FILE_PRIVATE: Field = Field::new("file", "private_data");
static FILE_MODE: Field = Field::new("file", "f_mode");

/// `GFP_KERNEL | __GFP_ZERO`
const ZEROED: u32 = 0xdc0;

fn of_file(file: KPtr) -> KResult<Seq> {
    Ok(Seq(KPtr::new(FILE_PRIVATE.get(file)?)))
}

/// Makes a file one of records.
pub(crate) fn open(file: KPtr, ops: u64) -> KResult<KPtr<SeqFile>> {
    /// `FMODE_PWRITE`
    const PWRITE: u32 = 0x10;
    if FILE_PRIVATE.get::<u64, _>(file)? != 0 {
        fault::warn_in("seq_open", "fs/seq_file.c", 0, None);
    }
    let seq: KPtr<SeqFile> = slab::permanent(size_of_struct("seq_file")?)?.cast();
    mutex::init(KPtr::new(LOCK.of(seq)?.addr()))?;
    OPS.put(seq, ops)?;
    FILE.put(seq, file.addr())?;
    FILE_PRIVATE.put(file, seq.addr())?;
    let mode: u32 = FILE_MODE.get(file)?;
    FILE_MODE.put(file, mode & !PWRITE)?;
    Ok(seq)
}

/// Makes a file one of records: its private data is a `struct seq_file` afterwards.
#[kexport(since = "2.4.15", header = "linux/seq_file.h")]
fn seq_open(file: KPtr, ops: KPtr) -> KResult<c_int> {
    open(file, ops.addr()).map(|_| 0)
}

/// Reads records.
///
/// # Errors
/// What the operations say; `EFAULT`, `ENOMEM`.
#[kexport(since = "2.4.15", header = "linux/seq_file.h")]
fn seq_read(file: KPtr, to: KPtr, size: usize, pos: KPtr) -> KResult<isize> {
    let seq = of_file(file)?;
    seq.locked(|| seq.read(to.addr(), size as u64, pos)).map(|done| done as isize)
}

/// Moves the position: the records before it are made again.
///
/// # Errors
/// `EINVAL`; what the operations say.
#[kexport(since = "2.4.15", header = "linux/seq_file.h")]
fn seq_lseek(file: KPtr, offset: i64, whence: c_int) -> KResult<i64> {
    let seq = of_file(file)?;
    seq.locked(|| seq.seek(file, offset, whence))
}

/// The file is closed.
#[kexport(since = "2.4.15", header = "linux/seq_file.h")]
fn seq_release(_inode: KPtr, file: KPtr) -> KResult<c_int> {
    let seq = of_file(file)?;
    seq.free_buffer()?;
    heap::free(seq.0.addr(), size_of_struct("seq_file")?);
    Ok(0)
}

/// Operations of a file with one record. DIFFERS: `start`, `next` and `stop` are not there, and stand for Linux's own.
fn single_operations(show: KPtr) -> KResult<KPtr> {
    let ops = slab::permanent(size_of_struct("seq_operations")?)?;
    SHOW.put(ops, show.addr())?;
    Ok(ops)
}

/// A file with one record, which `show` makes.
///
/// # Errors
/// `ENOMEM`.
#[kexport(since = "2.5.60", header = "linux/seq_file.h")]
fn single_open(file: KPtr, show: KPtr, data: KPtr) -> KResult<c_int> {
    single(file, show, data.addr()).map(|()| 0)
}

/// [`single_open`] for lkm's own code.
pub(crate) fn single(file: KPtr, show: KPtr, data: u64) -> KResult {
    let ops = single_operations(show)?;
    let seq = open(file, ops.addr())?;
    PRIVATE.put(seq, data)
}

/// [`single_open`] with a buffer of this size.
///
/// # Errors
/// `ENOMEM`.
#[kexport(since = "3.10", header = "linux/seq_file.h")]
fn single_open_size(file: KPtr, show: KPtr, data: KPtr, size: usize) -> KResult<c_int> {
    single_open(file, show, data)?;
    of_file(file)?.rebuffer(size)?;
    Ok(0)
}

/// A file of [`single_open`] is closed.
#[kexport(since = "2.5.60", header = "linux/seq_file.h")]
fn single_release(inode: KPtr, file: KPtr) -> KResult<c_int> {
    let ops = of_file(file)?.get(&OPS)?;
    seq_release(inode, file)?;
    heap::free(ops, size_of_struct("seq_operations")?);
    Ok(0)
}

/// [`seq_open`] with zeroed memory of the module's own; NULL if there is none.
#[kexport(since = "2.6.24", header = "linux/seq_file.h")]
fn __seq_open_private(file: KPtr, ops: KPtr, size: c_int) -> NullPtr {
    NullPtr(open_private(file, ops, size))
}

pub(crate) fn open_private(file: KPtr, ops: KPtr, size: c_int) -> KResult<KPtr> {
    let size = usize::try_from(size).map_err(|_| ENOMEM)?;
    let private = slab::alloc(size, ZEROED)?;
    let seq = open(file, ops.addr())?;
    PRIVATE.put(seq, private.addr())?;
    Ok(private)
}

/// [`__seq_open_private`].
///
/// # Errors
/// `ENOMEM`.
#[kexport(since = "2.6.20", header = "linux/seq_file.h")]
fn seq_open_private(file: KPtr, ops: KPtr, size: c_int) -> KResult<c_int> {
    open_private(file, ops, size).map(|_| 0)
}

/// A file of [`__seq_open_private`] is closed.
#[kexport(since = "2.6.0", header = "linux/seq_file.h")]
fn seq_release_private(inode: KPtr, file: KPtr) -> KResult<c_int> {
    let private = of_file(file)?.get(&PRIVATE)?;
    slab::free(KPtr::new(private), "kfree")?;
    seq_release(inode, file)
}
