//! Copying to and from what an iterator is over.

use super::{IS_SOURCE, Iter, Kind, Piece, Place};
use crate::fault;
use crate::mm::page::{self, Page};
use crate::mm::uaccess;
use kabi::{KError, KPtr, KResult, exports, kexport};
use machine::access;

exports![
    _copy_to_iter,
    _copy_from_iter,
    iov_iter_zero,
    copy_page_to_iter,
    copy_page_from_iter,
    copy_page_from_iter_atomic
];

/// Takes pieces until so many bytes are done or a piece is not done whole; how many bytes were.
fn each(iter: Iter, bytes: u64, mut step: impl FnMut(Kind, Piece, u64) -> KResult<u64>) -> KResult<u64> {
    let mut place = Place::of(iter)?;
    let mut done = 0;
    while done < bytes
        && let Some(piece) = place.here()?
    {
        let len = piece.len.min(bytes - done);
        let moved = step(place.kind, Piece { len, ..piece }, done)?;
        place.pass(moved)?;
        done += moved;
        if moved < len {
            break;
        }
    }
    place.save(iter)?;
    Ok(done)
}

/// True if data goes in the direction for which the iterator was made; the kernel warns otherwise.
fn goes_right(iter: Iter, is_source: bool, function: &'static str) -> KResult<bool> {
    let right = (IS_SOURCE.get::<u8, _>(iter)? != 0) == is_source;
    if !right {
        fault::warn_in(function, "lib/iov_iter.c", 0, None);
    }
    Ok(right)
}

fn to_iter(from: u64, bytes: u64, iter: Iter) -> KResult<u64> {
    each(iter, bytes, |kind, to, done| {
        let from = from.wrapping_add(done);
        if kind == Kind::Discard {
            return Ok(to.len);
        }
        if kind.is_user() {
            return Ok(to.len - uaccess::copy(to.addr, from, to.len as usize, to.addr) as u64);
        }
        access::copy(to.addr, from, to.len as usize)?;
        Ok(to.len)
    })
}

fn from_iter(to: u64, bytes: u64, iter: Iter) -> KResult<u64> {
    if Place::of(iter)?.kind == Kind::Discard {
        return Ok(0);
    }
    each(iter, bytes, |kind, from, done| {
        let to = to.wrapping_add(done);
        if kind.is_user() {
            return Ok(from.len - uaccess::copy(to, from.addr, from.len as usize, from.addr) as u64);
        }
        access::copy(to, from.addr, from.len as usize)?;
        Ok(from.len)
    })
}

/// Copies bytes to where the iterator leads: how many.
#[kexport(since = "4.13", header = "linux/uio.h", symbol = "_copy_mc_to_iter")]
fn _copy_to_iter(from: KPtr, bytes: usize, i: Iter) -> KResult<usize> {
    if !goes_right(i, false, "_copy_to_iter")? {
        return Ok(0);
    }
    Ok(to_iter(from.addr(), bytes as u64, i)? as usize)
}

/// Copies bytes from where the iterator leads: how many.
#[kexport(
    since = "4.13",
    header = "linux/uio.h",
    symbol = "_copy_from_iter_nocache",
    symbol = "_copy_from_iter_flushcache"
)]
fn _copy_from_iter(to: KPtr, bytes: usize, i: Iter) -> KResult<usize> {
    if !goes_right(i, true, "_copy_from_iter")? {
        return Ok(0);
    }
    Ok(from_iter(to.addr(), bytes as u64, i)? as usize)
}

/// Writes zeros where the iterator leads: how many bytes.
#[kexport(since = "3.16", header = "linux/uio.h")]
fn iov_iter_zero(bytes: usize, i: Iter) -> KResult<usize> {
    const ZEROS: [u8; 4096] = [0; 4096];
    let done = each(i, bytes as u64, |kind, to, _| {
        match kind {
            Kind::Discard => {}
            kind if kind.is_user() => {
                let mut done = 0;
                while done < to.len {
                    let len = (to.len - done).min(ZEROS.len() as u64) as usize;
                    let left = uaccess::put_bytes(to.addr.wrapping_add(done), &ZEROS[..len]);
                    done += (len - left) as u64;
                    if left > 0 {
                        return Ok(done);
                    }
                }
            }
            _ => access::fill(to.addr, 0, to.len as usize)?,
        }
        Ok(to.len)
    })?;
    Ok(done as usize)
}

fn in_page(page: KPtr<Page>, offset: u64) -> KResult<u64> {
    let start = page::address(page).ok_or(KError::Bug("a copy from or to what is no page"))?;
    Ok(start.wrapping_add(offset))
}

/// [`_copy_to_iter`] from a page.
#[kexport(since = "3.15", header = "linux/uio.h")]
fn copy_page_to_iter(page: KPtr<Page>, offset: usize, bytes: usize, i: Iter) -> KResult<usize> {
    if !goes_right(i, false, "copy_page_to_iter")? {
        return Ok(0);
    }
    Ok(to_iter(in_page(page, offset as u64)?, bytes as u64, i)? as usize)
}

/// [`_copy_from_iter`] to a page.
#[kexport(since = "3.16", header = "linux/uio.h")]
fn copy_page_from_iter(page: KPtr<Page>, offset: usize, bytes: usize, i: Iter) -> KResult<usize> {
    Ok(from_iter(in_page(page, offset as u64)?, bytes as u64, i)? as usize)
}

/// [`copy_page_from_iter`] for who must not sleep.
#[kexport(since = "6.0", header = "linux/uio.h")]
fn copy_page_from_iter_atomic(page: KPtr<Page>, offset: u32, bytes: usize, i: Iter) -> KResult<usize> {
    if !goes_right(i, true, "copy_page_from_iter_atomic")? {
        return Ok(0);
    }
    Ok(from_iter(in_page(page, offset.into())?, bytes as u64, i)? as usize)
}
