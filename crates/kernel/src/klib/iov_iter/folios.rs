//! Iterators over the folios of an XArray, as the page cache has them, and over a queue of folios.
//!
//! Where the arrays of other iterators lie, these have the XArray and where it begins, in bytes, or the queue's segment and
//! the slot in it. Counterpart: the same parts of lib/iov_iter.c, include/linux/folio_queue.h.

use super::{Iter, Kind, PAGE, Piece, Place, init, over};
use crate::klib::xarray::Cursor;
use crate::mm::page::{self, Page};
use crate::rcu;
use kabi::{Field, KError, KPtr, KResult, c_uint, exports, kexport};

exports![iov_iter_xarray, iov_iter_folio_queue];

static FOLIOS: Field = Field::new("folio_queue", "vec.folios");
static ORDERS: Field = Field::new("folio_queue", "orders");
static NEXT: Field = Field::new("folio_queue", "next");
static PREV: Field = Field::new("folio_queue", "prev");

/// Makes an iterator over bytes of the folios in an XArray.
#[kexport(since = "5.13", header = "linux/uio.h")]
fn iov_iter_xarray(i: Iter, direction: c_uint, xarray: KPtr, start: i64, count: usize) -> KResult {
    init(i, direction, &over(Kind::Array, xarray.addr(), start as u64, count as u64))
}

/// Makes an iterator over the folios of a queue, from a slot of its segment on.
#[kexport(since = "6.12", header = "linux/uio.h")]
fn iov_iter_folio_queue(
    i: Iter,
    direction: c_uint,
    queue: KPtr,
    slot: c_uint,
    offset: c_uint,
    count: usize,
) -> KResult {
    let place = over(Kind::Queue, queue.addr(), slot.into(), count as u64);
    init(i, direction, &place)?;
    Place { offset: offset.into(), ..place }.save(i)
}

/// Slots of a queue's segment.
fn slots() -> KResult<u64> {
    Ok((ORDERS.offset()? - FOLIOS.offset()?) / 8)
}

impl Place {
    fn segment(&self) -> KPtr {
        KPtr::new(self.pieces)
    }

    /// Bytes of the folio in the present slot of a queue.
    pub(super) fn folio_len(&self) -> KResult<u64> {
        let order: u8 = self.segment().get(ORDERS.offset()? + self.left)?;
        Ok(PAGE.checked_shl(order.into()).unwrap_or(PAGE))
    }

    /// Goes on to the next segment of a queue if it is behind the last slot of one that is not the last.
    fn next_segment(&mut self) -> KResult {
        let next = if self.left >= slots()? { NEXT.get(self.segment())? } else { 0u64 };
        if next != 0 {
            (self.pieces, self.left) = (next, 0);
        }
        Ok(())
    }

    /// To the end of the folio before, in a queue.
    pub(super) fn previous_folio(&mut self) -> KResult {
        if self.left == 0 {
            (self.pieces, self.left) = (PREV.get(self.segment())?, slots()?);
        }
        self.left -= 1;
        self.offset = self.folio_len()?;
        Ok(())
    }

    /// Where it is among the folios' bytes, which are taken to be aligned; `None` for other iterators.
    pub(super) fn among_folios(&self) -> Option<u64> {
        match self.kind {
            Kind::Array => Some(self.left.wrapping_add(self.offset)),
            Kind::Queue => Some(self.offset),
            _ => None,
        }
    }

    /// What is left of the present page of an XArray, or of the present folio of a queue.
    pub(super) fn in_folio(&mut self) -> KResult<Option<Piece>> {
        let piece = if self.kind == Kind::Array { self.in_array()? } else { self.in_queue()? };
        Ok(piece.map(|piece| Piece { len: piece.len.min(self.count), ..piece }))
    }

    fn in_array(&self) -> KResult<Option<Piece>> {
        let at = self.left.wrapping_add(self.offset);
        let index = at / PAGE;
        let entry = rcu::reading(|| Cursor::new(KPtr::new(self.pieces), index).load())?.visible();
        if entry.is_null() || entry.is_value() {
            return Ok(None);
        }
        let first: KPtr<Page> = KPtr::new(entry.0);
        let pages = 1u64 << page::order(first)?.min(31);
        let start = address(first)? + index % pages * PAGE;
        Ok(Some(Piece { addr: start + at % PAGE, len: PAGE - at % PAGE }))
    }

    fn in_queue(&mut self) -> KResult<Option<Piece>> {
        loop {
            self.next_segment()?;
            if self.left >= slots()? {
                return Ok(None);
            }
            let folio: u64 = self.segment().get(FOLIOS.offset()? + 8 * self.left)?;
            if folio == 0 {
                return Ok(None);
            }
            let len = self.folio_len()?;
            if self.offset < len {
                let addr = address(KPtr::new(folio))? + self.offset;
                return Ok(Some(Piece { addr, len: len - self.offset }));
            }
            (self.offset, self.left) = (0, self.left + 1);
        }
    }

    /// Goes on by bytes of the present folio of a queue.
    pub(super) fn pass_in_queue(&mut self, bytes: u64) -> KResult {
        self.offset += bytes;
        if self.offset >= self.folio_len()? {
            (self.offset, self.left) = (0, self.left + 1);
            self.next_segment()?;
        }
        Ok(())
    }
}

fn address(page: KPtr<Page>) -> KResult<u64> {
    page::address(page).ok_or(KError::Bug("an iterator's folio is no page"))
}
