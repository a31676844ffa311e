//! What drivers use for their operations. Counterpart: fs/libfs.c, fs/read_write.c, fs/open.c.

use super::file::mode;
use crate::mm::uaccess;
use kabi::errno::{EFAULT, EINVAL, ENXIO, ESPIPE};
use kabi::{Field, KPtr, KResult, c_int, exports, kexport};

exports![
    simple_read_from_buffer,
    simple_write_to_buffer,
    no_llseek,
    noop_llseek,
    default_llseek,
    fixed_size_llseek,
    no_seek_end_llseek,
    no_seek_end_llseek_size,
    generic_file_llseek,
    generic_file_llseek_size,
    simple_open,
    nonseekable_open,
    stream_open
];

static MODE: Field = Field::new("file", "f_mode");
static POS: Field = Field::new("file", "f_pos");
static PRIVATE: Field = Field::new("file", "private_data");
static INODE: Field = Field::new("file", "f_inode");
static INODE_PRIVATE: Field = Field::new("inode", "i_private");
static INODE_SIZE: Field = Field::new("inode", "i_size");

const SEEK_SET: c_int = 0;
const SEEK_CUR: c_int = 1;
const SEEK_END: c_int = 2;
const SEEK_DATA: c_int = 3;
const SEEK_HOLE: c_int = 4;
/// `OFFSET_MAX`
const LARGEST: i64 = i64::MAX;

/// Hands out a part of a buffer: up to `count` bytes from `*pos`, which moves.
///
/// # Errors
/// `EINVAL`: a position below 0. `EFAULT`: nothing could be copied.
#[kexport(since = "2.6.18", header = "linux/fs.h")]
fn simple_read_from_buffer(to: KPtr, count: usize, pos: KPtr, from: KPtr, available: usize) -> KResult<isize> {
    let at: i64 = pos.get(0)?;
    let start = usize::try_from(at).map_err(|_| EINVAL)?;
    if start >= available || count == 0 {
        return Ok(0);
    }
    let len = count.min(available - start);
    let left = uaccess::copy(to.addr(), from.addr().wrapping_add(start as u64), len, to.addr());
    moved(pos, at, len, left)
}

/// Takes a part of a buffer: up to `count` bytes to `*pos`, which moves.
///
/// # Errors
/// As [`simple_read_from_buffer`].
#[kexport(gpl, since = "2.6.35", header = "linux/fs.h")]
fn simple_write_to_buffer(to: KPtr, available: usize, pos: KPtr, from: KPtr, count: usize) -> KResult<isize> {
    let at: i64 = pos.get(0)?;
    let start = usize::try_from(at).map_err(|_| EINVAL)?;
    if start >= available || count == 0 {
        return Ok(0);
    }
    let len = count.min(available - start);
    let left = uaccess::copy(to.addr().wrapping_add(start as u64), from.addr(), len, from.addr());
    moved(pos, at, len, left)
}

fn moved(pos: KPtr, at: i64, len: usize, left: usize) -> KResult<isize> {
    if left == len {
        return Err(EFAULT.into());
    }
    let done = len - left;
    pos.put(0, at.wrapping_add(done as i64))?;
    Ok(done as isize)
}

/// There is no position.
#[kexport(since = "2.4.0", header = "linux/fs.h")]
fn no_llseek(_file: KPtr, _offset: i64, _whence: c_int) -> KResult<i64> {
    Err(ESPIPE.into())
}

/// The position stays, and that is no error.
#[kexport(since = "2.6.35", header = "linux/fs.h")]
fn noop_llseek(file: KPtr, _offset: i64, _whence: c_int) -> KResult<i64> {
    POS.get(file)
}

/// Moves the position in a file of `size` bytes whose positions end at `limit`; the end of data is at `end`.
fn seek(file: KPtr, offset: i64, whence: c_int, limit: i64, end: i64) -> KResult<i64> {
    let to = match whence {
        SEEK_SET => offset,
        // Asking where it is changes nothing.
        SEEK_CUR if offset == 0 => return POS.get(file),
        SEEK_CUR => POS.get::<i64, _>(file)?.wrapping_add(offset),
        SEEK_END => end.wrapping_add(offset),
        SEEK_DATA if (0..end).contains(&offset) => offset,
        SEEK_HOLE if (0..end).contains(&offset) => end,
        SEEK_DATA | SEEK_HOLE => return Err(ENXIO.into()),
        _ => return Err(EINVAL.into()),
    };
    if !(0..=limit).contains(&to) {
        return Err(EINVAL.into());
    }
    POS.put(file, to)?;
    Ok(to)
}

fn size_of(file: KPtr) -> KResult<i64> {
    INODE_SIZE.get(KPtr::<()>::new(INODE.get(file)?))
}

/// Moves the position of an ordinary file.
///
/// # Errors
/// `EINVAL`: no such place.
#[kexport(since = "2.6.0", header = "linux/fs.h")]
fn generic_file_llseek(file: KPtr, offset: i64, whence: c_int) -> KResult<i64> {
    seek(file, offset, whence, LARGEST, size_of(file)?)
}

/// [`generic_file_llseek`] where positions and data end elsewhere.
///
/// # Errors
/// `EINVAL`.
#[kexport(since = "3.2", header = "linux/fs.h")]
fn generic_file_llseek_size(file: KPtr, offset: i64, whence: c_int, limit: i64, end: i64) -> KResult<i64> {
    seek(file, offset, whence, limit, end)
}

/// [`generic_file_llseek`] of drivers; only a place below 0 differs.
///
/// # Errors
/// `EINVAL`: no such place. `ENXIO`: no data behind it.
#[kexport(since = "2.4.0", header = "linux/fs.h")]
fn default_llseek(file: KPtr, offset: i64, whence: c_int) -> KResult<i64> {
    match whence {
        SEEK_DATA | SEEK_HOLE if offset < 0 => Err(EINVAL.into()),
        _ => seek(file, offset, whence, LARGEST, size_of(file)?),
    }
}

/// Moves the position in a device of `size` bytes.
///
/// # Errors
/// `EINVAL`.
#[kexport(since = "3.11", header = "linux/fs.h")]
fn fixed_size_llseek(file: KPtr, offset: i64, whence: c_int, size: i64) -> KResult<i64> {
    match whence {
        SEEK_SET | SEEK_CUR | SEEK_END => seek(file, offset, whence, size, size),
        _ => Err(EINVAL.into()),
    }
}

/// Moves the position in a device without an end.
///
/// # Errors
/// `EINVAL`.
#[kexport(since = "4.5", header = "linux/fs.h")]
fn no_seek_end_llseek(file: KPtr, offset: i64, whence: c_int) -> KResult<i64> {
    no_seek_end_llseek_size(file, offset, whence, LARGEST)
}

/// [`no_seek_end_llseek`] with a largest position.
///
/// # Errors
/// `EINVAL`.
#[kexport(since = "4.5", header = "linux/fs.h")]
fn no_seek_end_llseek_size(file: KPtr, offset: i64, whence: c_int, size: i64) -> KResult<i64> {
    match whence {
        SEEK_SET | SEEK_CUR => seek(file, offset, whence, size, 0),
        _ => Err(EINVAL.into()),
    }
}

/// Hands the inode's private pointer to the file.
#[kexport(since = "3.4", header = "linux/fs.h")]
fn simple_open(inode: KPtr, file: KPtr) -> KResult<c_int> {
    let private: u64 = INODE_PRIVATE.get(inode)?;
    if private != 0 {
        PRIVATE.put(file, private)?;
    }
    Ok(0)
}

/// The file has no position that can be moved (`nonseekable_open`).
pub(crate) fn nonseekable(file: KPtr) -> KResult<c_int> {
    without(file, mode::LSEEK | mode::PREAD | mode::PWRITE, 0)
}

fn without(file: KPtr, gone: u32, also: u32) -> KResult<c_int> {
    let mode: u32 = MODE.get(file)?;
    MODE.put(file, mode & !gone | also)?;
    Ok(0)
}

/// The file has no position that can be moved.
#[kexport(since = "2.6.8", header = "linux/fs.h")]
fn nonseekable_open(_inode: KPtr, file: KPtr) -> KResult<c_int> {
    nonseekable(file)
}

/// The file has no position at all: its operations get none.
#[kexport(since = "5.1", header = "linux/fs.h")]
fn stream_open(_inode: KPtr, file: KPtr) -> KResult<c_int> {
    without(file, mode::LSEEK | mode::PREAD | mode::PWRITE | mode::ATOMIC_POS, mode::STREAM)
}
