//! Memory that is read forwards, as far as it is needed: nobody knows beforehand where a string ends.
//!
//! Pieces are copied up to the next multiple of [`PIECE`], so that none reaches into a page that its reader would not come
//! to. What a watcher is told of is not the piece, but the first byte that was needed and is not open; one a string, since
//! what lies behind it is wrong for the same reason.

use super::{Fault, HIGHEST, is_watched, look_closely, unwatched};
use crate::shadow;

const PIECE: usize = 64;

/// Bytes up to the next piece, at most `limit`.
fn piece_at(addr: u64, limit: usize) -> usize {
    (PIECE - (addr % PIECE as u64) as usize).min(limit)
}

/// Module memory, read piece by piece.
#[derive(Debug)]
struct Bytes {
    next: u64,
    piece: [u8; PIECE],
    /// Where in the piece the bytes at `next` begin, and where they end.
    at: usize,
    end: usize,
    was_told: bool,
}

impl Bytes {
    /// From `addr` on.
    fn at(addr: u64) -> Self {
        Self { next: addr, piece: [0; PIECE], at: 0, end: 0, was_told: false }
    }

    /// The next bytes, at least one and at most `limit`. They count as read when they are skipped.
    ///
    /// # Errors
    /// The address that faulted.
    fn piece(&mut self, limit: usize) -> Result<&[u8], Fault> {
        if self.at == self.end {
            (self.at, self.end) = (0, piece_at(self.next, limit));
            self.fill().inspect_err(|_| self.end = 0)?;
        }
        let end = self.end.min(self.at.saturating_add(limit));
        Ok(&self.piece[self.at..end])
    }

    /// Closed memory is told of before it is read, so that whoever is told can open it.
    fn fill(&mut self) -> Result<(), Fault> {
        if is_watched() {
            self.look(1);
        }
        let to = &mut self.piece[..self.end];
        match unwatched::read(self.next, to) {
            // The page behind the one that was told of.
            Err(fault) if self.was_told => {
                look_closely(fault.addr, 1, false);
                unwatched::read(self.next, to)
            }
            read => read,
        }
    }

    /// Looks at bytes that are needed.
    fn look(&mut self, len: usize) {
        let (addr, end) = (self.next, self.next.saturating_add(len as u64));
        if self.was_told || shadow::is_open(addr, len) || end > HIGHEST {
            return;
        }
        self.was_told = true;
        let first = (addr..end).find(|byte| !shadow::is_open(*byte, 1)).unwrap_or(addr);
        look_closely(first, 1, false);
    }

    /// The first `len` bytes of the piece were needed.
    fn skip(&mut self, len: usize) {
        if is_watched() {
            self.look(len);
        }
        self.at = self.end.min(self.at + len);
        self.next = self.next.wrapping_add(len as u64);
    }
}

/// Reads at most `limit` bytes until `stop` says how many of a piece were needed.
///
/// # Errors
/// The address that faulted before that.
pub fn scan(addr: u64, limit: usize, mut stop: impl FnMut(&[u8]) -> Option<usize>) -> Result<(), Fault> {
    let (mut bytes, mut left) = (Bytes::at(addr), limit);
    while left > 0 {
        let piece = bytes.piece(left)?;
        let (len, needed) = (piece.len(), stop(piece));
        bytes.skip(needed.unwrap_or(len));
        if needed.is_some() {
            break;
        }
        left -= len;
    }
    Ok(())
}

/// Reads at most `limit` bytes of two places until `stop` says how many bytes of two pieces were needed.
///
/// # Errors
/// The address that faulted before that.
pub fn scan_both(
    a: u64,
    b: u64,
    limit: usize,
    mut stop: impl FnMut(&[u8], &[u8]) -> Option<usize>,
) -> Result<(), Fault> {
    let (mut a, mut b, mut left) = (Bytes::at(a), Bytes::at(b), limit);
    while left > 0 {
        let of_a = a.piece(left)?;
        let of_b = b.piece(of_a.len())?;
        let len = of_b.len();
        let needed = stop(&of_a[..len], of_b);
        [&mut a, &mut b].into_iter().for_each(|bytes| bytes.skip(needed.unwrap_or(len)));
        if needed.is_some() {
            break;
        }
        left -= len;
    }
    Ok(())
}

/// Appends a NUL-terminated string of at most `limit` bytes to `out`, without its NUL. Longer ones are cut.
///
/// # Errors
/// The address that faulted before a NUL was found.
pub fn append_str(addr: u64, limit: usize, out: &mut Vec<u8>) -> Result<(), Fault> {
    scan(addr, limit, |piece| {
        let end = piece.iter().position(|b| *b == 0);
        out.extend_from_slice(&piece[..end.unwrap_or(piece.len())]);
        end.map(|end| end + 1)
    })
}

/// Reads a NUL-terminated string of at most `limit` bytes, without its NUL. Longer ones are cut.
///
/// # Errors
/// The address that faulted before a NUL was found.
pub fn read_str(addr: u64, limit: usize) -> Result<Vec<u8>, Fault> {
    let mut out = Vec::new();
    append_str(addr, limit, &mut out)?;
    Ok(out)
}
