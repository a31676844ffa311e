//! Where data comes from or goes to, in pieces: memory of programs, of the kernel, pages. Counterpart: lib/iov_iter.c,
//! include/linux/uio.h.
//!
//! Inline code reads kind, counts and place in the structure, so they are Linux's. An iterator points to the piece where it
//! is, with an offset in it. `folios` has those over XArrays and queues of folios. Pipes have no iterators here yet.

pub mod copy;
pub mod folios;

use crate::env;
use crate::fault;
use crate::klib::memory;
use crate::mm::{page, slab, uaccess};
use kabi::errno::{EFAULT, EINVAL};
use kabi::{Field, KError, KPtr, KResult, c_int, c_long, c_uint, c_ulong, exports, kexport, profile};

exports![
    iov_iter_init,
    iov_iter_kvec,
    iov_iter_bvec,
    iov_iter_discard,
    iov_iter_advance,
    iov_iter_revert,
    iov_iter_single_seg_count,
    iov_iter_npages,
    iov_iter_alignment,
    iov_iter_gap_alignment,
    iov_iter_is_aligned,
    dup_iter,
    import_iovec,
    import_single_range,
    import_ubuf,
    fault_in_iov_iter_readable
];

/// The kernel's `struct iov_iter`.
#[derive(Debug)]
pub struct IovIter;

pub(super) type Iter = KPtr<IovIter>;

macro_rules! fields {
    ($($name:ident = $path:literal),* $(,)?) => {
        $(static $name: Field = Field::new("iov_iter", $path);)*
    };
}
fields!(
    KIND = "iter_type",
    IS_SOURCE = "data_source",
    USER_BACKED = "user_backed",
    OFFSET = "iov_offset",
    COUNT = "count",
    PIECES = "kvec",
    LEFT = "nr_segs",
);
static BV_PAGE: Field = Field::new("bio_vec", "bv_page");
static BV_LEN: Field = Field::new("bio_vec", "bv_len");
static BV_OFFSET: Field = Field::new("bio_vec", "bv_offset");

/// Bytes of a `struct iovec`, `kvec` or `bio_vec`.
const PIECE: u64 = 16;
/// `MAX_RW_COUNT`.
const MOST: u64 = 0x7fff_f000;
/// `UIO_MAXIOV`.
const MOST_PIECES: u32 = 1024;
const PAGE: u64 = 4096;

/// What the pieces are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// One piece of a program's memory, without an array.
    User,
    /// An array of such.
    Users,
    /// An array of pieces of the kernel's.
    Kernel,
    /// An array of parts of pages.
    Pages,
    /// The folios of an XArray.
    Array,
    /// A queue of folios.
    Queue,
    /// Nothing is kept.
    Discard,
}

impl Kind {
    const ALL: [(Self, &'static str); 7] = [
        (Self::User, "ITER_UBUF"),
        (Self::Users, "ITER_IOVEC"),
        (Self::Kernel, "ITER_KVEC"),
        (Self::Pages, "ITER_BVEC"),
        (Self::Array, "ITER_XARRAY"),
        (Self::Queue, "ITER_FOLIOQ"),
        (Self::Discard, "ITER_DISCARD"),
    ];

    fn of(iter: Iter) -> KResult<Self> {
        let number = i64::from(KIND.get::<u8, _>(iter)?);
        let known = Self::ALL.into_iter().find(|(_, name)| profile().enum_value(name) == Some(number));
        known.map(|(kind, _)| kind).ok_or(KError::Bug("iterators over pipes are not there yet"))
    }

    fn number(self) -> KResult<u8> {
        let name = Self::ALL.into_iter().find(|(kind, _)| *kind == self).map(|(_, name)| name);
        let number = name.and_then(|name| profile().enum_value(name)).and_then(|number| u8::try_from(number).ok());
        number.ok_or(KError::Bug("this kernel has no such iterator"))
    }

    fn is_user(self) -> bool {
        matches!(self, Self::User | Self::Users)
    }
}

/// Some bytes in one place.
#[derive(Debug, Clone, Copy)]
struct Piece {
    addr: u64,
    len: u64,
}

/// Where an iterator stands.
#[derive(Debug, Clone)]
struct Place {
    kind: Kind,
    offset: u64,
    count: u64,
    /// The array at the present piece, or the one piece itself.
    pieces: u64,
    left: u64,
}

impl Place {
    fn of(iter: Iter) -> KResult<Self> {
        Ok(Self {
            kind: Kind::of(iter)?,
            offset: OFFSET.get(iter)?,
            count: COUNT.get(iter)?,
            pieces: PIECES.get(iter)?,
            left: LEFT.get(iter)?,
        })
    }

    fn save(&self, iter: Iter) -> KResult {
        OFFSET.put(iter, self.offset)?;
        COUNT.put(iter, self.count)?;
        if self.kind != Kind::Discard {
            PIECES.put(iter, self.pieces)?;
            LEFT.put(iter, self.left)?;
        }
        Ok(())
    }

    /// A whole piece of the array.
    fn piece_at(&self, at: u64) -> KResult<Piece> {
        let piece: KPtr = KPtr::new(at);
        if self.kind != Kind::Pages {
            return Ok(Piece { addr: piece.get(0)?, len: piece.get(8)? });
        }
        let page = KPtr::new(BV_PAGE.get(piece)?);
        let start = page::address(page).ok_or(KError::Bug("a bio_vec has no page"))?;
        Ok(Piece { addr: start + u64::from(BV_OFFSET.get::<u32, _>(piece)?), len: BV_LEN.get::<u32, _>(piece)?.into() })
    }

    /// What is left of the present piece, with those that are used up passed; `None` at the end.
    fn here(&mut self) -> KResult<Option<Piece>> {
        if self.count == 0 {
            return Ok(None);
        }
        match self.kind {
            Kind::Discard => return Ok(Some(Piece { addr: 0, len: self.count })),
            Kind::User => return Ok(Some(Piece { addr: self.pieces.wrapping_add(self.offset), len: self.count })),
            Kind::Array | Kind::Queue => return self.in_folio(),
            _ => {}
        }
        while self.left > 0 {
            let whole = self.piece_at(self.pieces)?;
            if self.offset < whole.len {
                let len = (whole.len - self.offset).min(self.count);
                return Ok(Some(Piece { addr: whole.addr.wrapping_add(self.offset), len }));
            }
            self.offset -= whole.len;
            self.pieces = self.pieces.wrapping_add(PIECE);
            self.left -= 1;
        }
        Ok(None)
    }

    /// Goes on by bytes of the present piece.
    fn pass(&mut self, bytes: u64) -> KResult {
        self.count -= bytes.min(self.count);
        match self.kind {
            Kind::Discard => return Ok(()),
            Kind::Queue => return self.pass_in_queue(bytes),
            _ => self.offset = self.offset.wrapping_add(bytes),
        }
        if !matches!(self.kind, Kind::User | Kind::Array)
            && self.left > 0
            && self.offset >= self.piece_at(self.pieces)?.len
        {
            self.offset = 0;
            self.pieces = self.pieces.wrapping_add(PIECE);
            self.left -= 1;
        }
        Ok(())
    }

    /// All that is left, piece by piece.
    fn rest(&self) -> KResult<Vec<Piece>> {
        let (mut place, mut all) = (self.clone(), Vec::new());
        while let Some(piece) = place.here()? {
            all.push(piece);
            place.pass(piece.len)?;
        }
        Ok(all)
    }
}

/// Makes an iterator.
fn init(iter: Iter, direction: c_uint, place: &Place) -> KResult {
    if direction & !1 != 0 {
        fault::warn_at_caller();
    }
    machine::access::fill(iter.addr(), 0, kabi::size_of_struct("iov_iter")?)?;
    KIND.put(iter, place.kind.number()?)?;
    IS_SOURCE.put(iter, direction as u8 & 1)?;
    if USER_BACKED.exists() {
        USER_BACKED.put(iter, u8::from(place.kind.is_user()))?;
    }
    PIECES.put(iter, place.pieces)?;
    LEFT.put(iter, place.left)?;
    COUNT.put(iter, place.count)
}

fn over(kind: Kind, pieces: u64, left: u64, count: u64) -> Place {
    Place { kind, offset: 0, count, pieces, left }
}

/// Makes an iterator over pieces of a program's memory; direction 1: they are read.
#[kexport(since = "3.15", header = "linux/uio.h")]
fn iov_iter_init(i: Iter, direction: c_uint, iov: KPtr, pieces: c_ulong, count: usize) -> KResult {
    init(i, direction, &over(Kind::Users, iov.addr(), pieces, count as u64))
}

/// [`iov_iter_init`] over pieces of the kernel's memory.
#[kexport(since = "3.19", header = "linux/uio.h")]
fn iov_iter_kvec(i: Iter, direction: c_uint, kvec: KPtr, pieces: c_ulong, count: usize) -> KResult {
    init(i, direction, &over(Kind::Kernel, kvec.addr(), pieces, count as u64))
}

/// [`iov_iter_init`] over parts of pages.
#[kexport(since = "3.16", header = "linux/uio.h")]
fn iov_iter_bvec(i: Iter, direction: c_uint, bvec: KPtr, pieces: c_ulong, count: usize) -> KResult {
    init(i, direction, &over(Kind::Pages, bvec.addr(), pieces, count as u64))
}

/// An iterator that keeps nothing of so many bytes.
#[kexport(since = "5.0", header = "linux/uio.h")]
fn iov_iter_discard(i: Iter, direction: c_uint, count: usize) -> KResult {
    init(i, direction, &over(Kind::Discard, 0, 0, count as u64))
}

/// Goes on by bytes.
#[kexport(since = "2.6.24", header = "linux/uio.h")]
fn iov_iter_advance(i: Iter, bytes: usize) -> KResult {
    let mut place = Place::of(i)?;
    let mut left = (bytes as u64).min(place.count);
    while left > 0
        && let Some(piece) = place.here()?
    {
        let step = piece.len.min(left);
        place.pass(step)?;
        left -= step;
    }
    place.save(i)
}

/// Goes back by bytes that it has passed.
#[kexport(since = "4.10", header = "linux/uio.h")]
fn iov_iter_revert(i: Iter, bytes: usize) -> KResult {
    let mut place = Place::of(i)?;
    let mut back = bytes as u64;
    if back == 0 {
        return Ok(());
    }
    if back > MOST {
        fault::warn_in("iov_iter_revert", "lib/iov_iter.c", 0, None);
        return Ok(());
    }
    place.count = place.count.wrapping_add(back);
    while place.kind != Kind::Discard && back > place.offset {
        if matches!(place.kind, Kind::User | Kind::Array) {
            return Err(fault::bug_in("iov_iter_revert", "lib/iov_iter.c", 0));
        }
        back -= place.offset;
        if place.kind == Kind::Queue {
            place.previous_folio()?;
            continue;
        }
        place.pieces = place.pieces.wrapping_sub(PIECE);
        place.left += 1;
        place.offset = place.piece_at(place.pieces)?.len;
    }
    if place.kind != Kind::Discard {
        place.offset -= back;
    }
    place.save(i)
}

/// Bytes that are left of the present piece.
#[kexport(since = "2.6.24", header = "linux/uio.h")]
fn iov_iter_single_seg_count(i: Iter) -> KResult<usize> {
    let mut place = Place::of(i)?;
    Ok(match place.kind {
        Kind::Array => place.count,
        Kind::Queue if place.count > 0 => place.folio_len()?.min(place.count),
        _ => place.here()?.map_or(0, |piece| piece.len),
    } as usize)
}

/// How many pages the rest touches, up to a number.
#[kexport(since = "3.16", header = "linux/uio.h")]
fn iov_iter_npages(i: Iter, most: c_int) -> KResult<c_int> {
    let place = Place::of(i)?;
    if place.kind == Kind::Discard {
        return Ok(0);
    }
    if let Some(at) = place.among_folios() {
        let pages = if place.count == 0 { 0 } else { (at % PAGE + place.count).div_ceil(PAGE) };
        return Ok(i32::try_from(pages).unwrap_or(i32::MAX).min(most));
    }
    let pages = place.rest()?.iter().map(|piece| (piece.addr % PAGE + piece.len).div_ceil(PAGE)).sum::<u64>();
    Ok(i32::try_from(pages).unwrap_or(i32::MAX).min(most))
}

/// All bits of the rest's addresses and lengths.
#[kexport(since = "3.16", header = "linux/uio.h")]
fn iov_iter_alignment(i: Iter) -> KResult<c_ulong> {
    let place = Place::of(i)?;
    if place.kind == Kind::Discard {
        return Ok(0);
    }
    if let Some(at) = place.among_folios() {
        return Ok(at | place.count);
    }
    // Of pages, the place in the page counts.
    let within = if place.kind == Kind::Pages { PAGE - 1 } else { u64::MAX };
    Ok(place.rest()?.iter().fold(0, |bits, piece| bits | piece.addr & within | piece.len))
}

/// The bits in which the rest's pieces do not follow each other.
#[kexport(since = "4.8", header = "linux/uio.h")]
fn iov_iter_gap_alignment(i: Iter) -> KResult<c_ulong> {
    let place = Place::of(i)?;
    if place.kind == Kind::User {
        return Ok(0);
    }
    let pieces = place.rest()?;
    let gap = |pair: &[Piece]| match pair {
        [a, b] => b.addr | a.addr.wrapping_add(a.len),
        _ => 0,
    };
    Ok(pieces.windows(2).fold(0, |bits, pair| bits | gap(pair)))
}

/// Whether the rest's addresses and lengths have none of these bits.
#[kexport(gpl, since = "6.0", header = "linux/uio.h")]
fn iov_iter_is_aligned(i: Iter, addr_mask: c_uint, len_mask: c_uint) -> KResult<bool> {
    let place = Place::of(i)?;
    if let Some(at) = place.among_folios() {
        return Ok(at & u64::from(addr_mask) == 0 && place.count & u64::from(len_mask) == 0);
    }
    let within = if place.kind == Kind::Pages { PAGE - 1 } else { u64::MAX };
    let addr_mask = u64::from(addr_mask) & within;
    let bad = |piece: &Piece| piece.addr & addr_mask != 0 || piece.len & u64::from(len_mask) != 0;
    Ok(place.kind == Kind::Discard || !place.rest()?.iter().any(bad))
}

/// A second iterator at the same place, with an array of its own, which is returned.
#[kexport(since = "3.19", header = "linux/uio.h")]
fn dup_iter(new: Iter, old: Iter, _gfp: c_uint) -> KResult<KPtr> {
    let place = Place::of(old)?;
    machine::access::copy(new.addr(), old.addr(), kabi::size_of_struct("iov_iter")?)?;
    if matches!(place.kind, Kind::User | Kind::Discard | Kind::Array | Kind::Queue) {
        return Ok(KPtr::NULL);
    }
    let len = usize::try_from(place.left.saturating_mul(PIECE)).unwrap_or(usize::MAX).min(1 << 20);
    let array = slab::give(&KPtr::<()>::new(place.pieces).bytes(0, len)?)?;
    PIECES.put(new, array.addr())?;
    Ok(array)
}

/// Whether an address can be a program's.
fn may_be_user(addr: u64, len: u64) -> bool {
    addr.checked_add(len).is_some_and(|end| end <= machine::access::HIGHEST)
}

/// The array of a program, with its lengths cut to what one call moves, and their sum.
fn take_array(array: &mut [u8]) -> KResult<u64> {
    let mut total = 0u64;
    for piece in array.as_chunks_mut::<16>().0 {
        let word = |at: usize| u64::from_le_bytes(std::array::from_fn(|i| piece[at + i]));
        let (addr, len) = (word(0), word(8));
        if i64::try_from(len).is_err() {
            return Err(EINVAL.into());
        }
        if !may_be_user(addr, len) {
            return Err(EFAULT.into());
        }
        let len = len.min(MOST - total);
        piece[8..].copy_from_slice(&len.to_le_bytes());
        total += len;
    }
    Ok(total)
}

/// Brings a program's array of pieces here and makes an iterator over them: how many bytes they are. `*array` is a small
/// array for them; it becomes NULL if it was large enough, and otherwise one that the caller frees.
///
/// # Errors
/// `EINVAL`, `EFAULT`.
#[kexport(since = "3.19", header = "linux/uio.h", partial = "32-bit programs are not known")]
fn import_iovec(direction: c_int, from: KPtr, pieces: c_uint, small: c_uint, array: KPtr, i: Iter) -> KResult<c_long> {
    let given: u64 = array.get(0)?;
    array.put(0, 0u64)?;
    if pieces > MOST_PIECES {
        return Err(EINVAL.into());
    }
    let mut bytes = memory::from_user(from, pieces as usize * PIECE as usize)?;
    let total = take_array(&mut bytes)?;
    let own = if pieces > small { slab::give(&bytes)?.addr() } else { given };
    if own == given && !bytes.is_empty() {
        machine::access::write(given, &bytes)?;
    }
    // One piece needs no array in newer kernels.
    if pieces == 1 && env::version() >= (6, 4) {
        let piece = KPtr::<()>::new(own);
        init(i, direction as u32, &over(Kind::User, piece.get(0)?, 1, total))?;
    } else {
        init(i, direction as u32, &over(Kind::Users, own, pieces.into(), total))?;
    }
    array.put(0, if own == given { 0 } else { own })?;
    Ok(total as c_long)
}

/// Makes an iterator over one piece of a program's memory.
///
/// # Errors
/// `EFAULT`.
#[kexport(since = "3.19", until = "6.10", header = "linux/uio.h")]
fn import_single_range(direction: c_int, buffer: KPtr, len: usize, piece: KPtr, i: Iter) -> KResult<c_int> {
    let len = (len as u64).min(MOST);
    if !may_be_user(buffer.addr(), len) {
        return Err(EFAULT.into());
    }
    piece.put(0, buffer.addr())?;
    piece.put(8, len)?;
    init(i, direction as u32, &over(Kind::Users, piece.addr(), 1, len)).map(|()| 0)
}

/// [`import_single_range`] without an array.
///
/// # Errors
/// `EFAULT`.
#[kexport(gpl, since = "6.3", header = "linux/uio.h")]
fn import_ubuf(direction: c_int, buffer: KPtr, len: usize, i: Iter) -> KResult<c_int> {
    let len = (len as u64).min(MOST);
    if !may_be_user(buffer.addr(), len) {
        return Err(EFAULT.into());
    }
    init(i, direction as u32, &over(Kind::User, buffer.addr(), 1, len)).map(|()| 0)
}

/// How many of the next bytes cannot be reached in the program's memory.
#[kexport(since = "5.16", header = "linux/uio.h", symbol = "fault_in_iov_iter_writeable")]
fn fault_in_iov_iter_readable(i: Iter, bytes: usize) -> KResult<usize> {
    let place = Place::of(i)?;
    let mut left = (bytes as u64).min(place.count);
    if !place.kind.is_user() {
        return Ok(0);
    }
    for piece in place.rest()? {
        let len = piece.len.min(left);
        if len > 0 && !(uaccess::is_reachable(piece.addr) && uaccess::is_reachable(piece.addr + len - 1)) {
            break;
        }
        left -= len;
    }
    Ok(left as usize)
}
