//! Files with a function that gets a number and one that sets it. Counterpart: `simple_attr_*` of fs/libfs.c,
//! `debugfs_attr_*` of fs/debugfs/file.c.

use super::values::number;
use crate::klib::vsprintf::{SliceArgs, vsnprintf};
use crate::mm::uaccess;
use crate::{env, mm::slab};
use kabi::errno::{EACCES, EFAULT, ENOMEM};
use kabi::{Errno, Field, KPtr, KResult, c_int, exports, kexport};
use machine::{access, heap};

exports![
    simple_attr_open,
    simple_attr_release,
    simple_attr_read,
    simple_attr_write,
    simple_attr_write_signed,
    debugfs_attr_read,
    debugfs_attr_write,
    debugfs_attr_write_signed
];

static FILE_PRIVATE: Field = Field::new("file", "private_data");
static INODE_PRIVATE: Field = Field::new("inode", "i_private");

/// What an open one is kept in: the functions, their argument, the format, then the text.
const GET: u64 = 0;
const SET: u64 = 8;
const DATA: u64 = 16;
const FORMAT: u64 = 24;
const TEXT_LEN: u64 = 32;
const TEXT: u64 = 40;
/// Bytes of the text.
const ROOM: usize = 24;
const SIZE: usize = TEXT as usize + ROOM;

fn attribute(file: KPtr) -> KResult<KPtr> {
    Ok(KPtr::new(FILE_PRIVATE.get(file)?))
}

/// What a function of the module says.
fn said(value: u64) -> KResult {
    let value = value as c_int;
    if value < 0 { Err(Errno(value.wrapping_neg()).into()) } else { Ok(()) }
}

/// Opens a file with these functions; `format` is what a number is shown with.
///
/// # Errors
/// `ENOMEM`.
#[kexport(gpl, since = "2.6.10", header = "linux/fs.h")]
fn simple_attr_open(inode: KPtr, file: KPtr, get: KPtr, set: KPtr, format: KPtr) -> KResult<c_int> {
    let attribute = KPtr::<()>::new(heap::alloc(SIZE).ok_or(ENOMEM)?);
    let data: u64 = INODE_PRIVATE.get(inode)?;
    for (at, value) in [(GET, get.addr()), (SET, set.addr()), (DATA, data), (FORMAT, format.addr())] {
        attribute.put(at, value)?;
    }
    FILE_PRIVATE.put(file, attribute.addr())?;
    crate::vfs::libfs::nonseekable(file)
}

/// Closes it.
#[kexport(gpl, since = "2.6.10", header = "linux/fs.h")]
fn simple_attr_release(_inode: KPtr, file: KPtr) -> KResult<c_int> {
    heap::free(attribute(file)?.addr(), SIZE);
    Ok(0)
}

/// The number as text.
fn text_of(attribute: KPtr, get: u64) -> KResult<Vec<u8>> {
    let place = slab::permanent(8)?;
    let value = kabi::call(get, &[attribute.get(DATA)?, place.addr()]).and_then(said).and_then(|()| place.get(0));
    heap::free(place.addr(), 8);
    let format = access::read_str(attribute.get(FORMAT)?, 1 << 10)?;
    let mut out = Vec::new();
    vsnprintf(&env::Kernel, &mut out, ROOM, &format, &mut SliceArgs::new(&[value?])).map_err(env::fault_of)?;
    Ok(out)
}

fn read(file: KPtr, to: KPtr, count: usize, pos: KPtr) -> KResult<isize> {
    let attribute = attribute(file)?;
    let get: u64 = attribute.get(GET)?;
    if get == 0 {
        return Err(EACCES.into());
    }
    let at: u64 = pos.get(0)?;
    let mut len: u64 = attribute.get(TEXT_LEN)?;
    // Who reads on gets the rest of the text that was made.
    if at == 0 || len == 0 {
        let text = text_of(attribute, get)?;
        access::write(attribute.addr() + TEXT, &text)?;
        len = text.len() as u64;
        attribute.put(TEXT_LEN, len)?;
    }
    let take = len.saturating_sub(at).min(count as u64);
    if take == 0 {
        return Ok(0);
    }
    let left = uaccess::copy(to.addr(), attribute.addr() + TEXT + at, take as usize, to.addr()) as u64;
    if left == take {
        return Err(EFAULT.into());
    }
    pos.put(0, at + take - left)?;
    Ok((take - left) as isize)
}

fn write(file: KPtr, from: KPtr, count: usize, signed: bool) -> KResult<isize> {
    let attribute = attribute(file)?;
    let set: u64 = attribute.get(SET)?;
    if set == 0 {
        return Err(EACCES.into());
    }
    let len = count.min(ROOM - 1);
    let copy = slab::permanent(ROOM)?;
    let left = uaccess::copy(copy.addr(), from.addr(), len, from.addr());
    let bytes = copy.bytes(0, len);
    heap::free(copy.addr(), ROOM);
    if left > 0 {
        return Err(EFAULT.into());
    }
    let value = number(&bytes?, signed)?;
    kabi::call(set, &[attribute.get(DATA)?, value]).and_then(said)?;
    Ok(count as isize)
}

/// Reads the number.
///
/// # Errors
/// `EACCES`: there is no function for that; what it says.
#[kexport(gpl, since = "2.6.10", header = "linux/fs.h")]
fn simple_attr_read(file: KPtr, to: KPtr, count: usize, pos: KPtr) -> KResult<isize> {
    read(file, to, count, pos)
}

/// Writes the number.
///
/// # Errors
/// As [`simple_attr_read`]; `EINVAL`: no number.
#[kexport(gpl, since = "2.6.10", header = "linux/fs.h")]
fn simple_attr_write(file: KPtr, from: KPtr, count: usize, _pos: KPtr) -> KResult<isize> {
    write(file, from, count, false)
}

/// [`simple_attr_write`] of a number with a sign.
///
/// # Errors
/// As [`simple_attr_write`].
#[kexport(gpl, since = "6.2", header = "linux/fs.h")]
fn simple_attr_write_signed(file: KPtr, from: KPtr, count: usize, _pos: KPtr) -> KResult<isize> {
    write(file, from, count, true)
}

/// [`simple_attr_read`] in debugfs.
///
/// # Errors
/// As [`simple_attr_read`].
#[kexport(gpl, since = "4.7", header = "linux/debugfs.h")]
fn debugfs_attr_read(file: KPtr, to: KPtr, count: usize, pos: KPtr) -> KResult<isize> {
    read(file, to, count, pos)
}

/// [`simple_attr_write`] in debugfs.
///
/// # Errors
/// As [`simple_attr_write`].
#[kexport(gpl, since = "4.7", header = "linux/debugfs.h")]
fn debugfs_attr_write(file: KPtr, from: KPtr, count: usize, _pos: KPtr) -> KResult<isize> {
    write(file, from, count, false)
}

/// [`simple_attr_write_signed`] in debugfs.
///
/// # Errors
/// As [`simple_attr_write`].
#[kexport(gpl, since = "6.2", header = "linux/debugfs.h")]
fn debugfs_attr_write_signed(file: KPtr, from: KPtr, count: usize, _pos: KPtr) -> KResult<isize> {
    write(file, from, count, true)
}
