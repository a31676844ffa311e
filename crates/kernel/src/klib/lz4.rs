//! LZ4 blocks. Counterpart: lib/lz4/lz4_decompress.c.
//!
//! Written here rather than taken from a library because callers see, in a negative result, where in the input the
//! decoder stopped.

use kabi::{KPtr, KResult, c_int, exports, kexport};
use machine::access;

exports![lz4_decompress_safe];

/// A match is at least this long.
const MIN_MATCH: usize = 4;
/// The largest length that fits into a nibble.
const NIBBLE: usize = 15;
/// A block ends with at least this many literals.
const LAST_LITERALS: usize = 5;
/// No match starts within the last bytes of the output.
const MATCH_LIMIT: usize = 12;

/// A block and how far it is decoded.
struct Decoder<'a> {
    from: &'a [u8],
    at: usize,
    to: &'a mut [u8],
    len: usize,
}

impl Decoder<'_> {
    fn byte(&mut self) -> Result<usize, usize> {
        let byte = *self.from.get(self.at).ok_or(self.at)?;
        self.at += 1;
        Ok(byte.into())
    }

    /// The rest of a literal length that did not fit into the token.
    fn literal_length(&mut self) -> Result<usize, usize> {
        let limit = self.from.len().saturating_sub(NIBBLE);
        if self.at >= limit {
            return Err(self.at);
        }
        let mut length = NIBBLE;
        loop {
            let more = self.byte()?;
            length += more;
            if more != 255 || self.at >= limit {
                return Ok(length);
            }
        }
    }

    /// The rest of a match length that did not fit into the token.
    fn match_length(&mut self) -> Result<usize, usize> {
        let mut length = NIBBLE;
        loop {
            let more = self.byte()?;
            if self.at > self.from.len().saturating_sub(LAST_LITERALS) {
                return Err(self.at);
            }
            length += more;
            if more != 255 {
                return Ok(length);
            }
        }
    }

    /// Copies literals; true if they were the block's last.
    fn literals(&mut self, length: usize) -> Result<bool, usize> {
        let (from_end, to_end) = (self.at.checked_add(length), self.len.checked_add(length));
        let (Some(from_end), Some(to_end)) = (from_end, to_end) else { return Err(self.at) };
        let near_end = to_end + MATCH_LIMIT > self.to.len() || from_end + 3 + LAST_LITERALS > self.from.len();
        if near_end && (from_end != self.from.len() || to_end > self.to.len()) {
            return Err(self.at);
        }
        let (Some(from), Some(to)) = (self.from.get(self.at..from_end), self.to.get_mut(self.len..to_end)) else {
            return Err(self.at);
        };
        to.copy_from_slice(from);
        (self.at, self.len) = (from_end, to_end);
        Ok(near_end)
    }

    /// Copies `length` bytes from `offset` bytes before the end of the output. An offset of 0 gives zeros.
    fn repeat(&mut self, offset: usize, length: usize) -> Result<(), usize> {
        let end = self.len.checked_add(length).filter(|end| end + LAST_LITERALS <= self.to.len()).ok_or(self.at)?;
        if offset == 0 {
            self.to.get_mut(self.len..end).ok_or(self.at)?.fill(0);
        } else {
            let start = self.len.checked_sub(offset).ok_or(self.at)?;
            // What was copied repeats: each step may take twice as much as the one before.
            while self.len < end {
                let step = (end - self.len).min(self.len - start);
                self.to.copy_within(start..start + step, self.len);
                self.len += step;
            }
        }
        self.len = end;
        Ok(())
    }

    fn block(&mut self) -> Result<usize, usize> {
        loop {
            let token = self.byte()?;
            let literals = match token >> 4 {
                NIBBLE => self.literal_length()?,
                short => short,
            };
            if self.literals(literals)? {
                return Ok(self.len);
            }
            let offset = self.byte()? | self.byte()? << 8;
            if offset > self.len {
                return Err(self.at);
            }
            let length = match token & 15 {
                NIBBLE => self.match_length()?,
                short => short,
            };
            self.repeat(offset, length + MIN_MATCH)?;
        }
    }
}

/// Decodes a whole block.
///
/// # Errors
/// How many bytes of the block were read when it turned out to be damaged or too large for `to`.
pub fn decompress(from: &[u8], to: &mut [u8]) -> Result<usize, usize> {
    if to.is_empty() {
        return if from == [0] { Ok(0) } else { Err(0) };
    }
    if from.is_empty() {
        return Err(0);
    }
    Decoder { from, at: 0, to, len: 0 }.block()
}

/// Decodes a block of `packed` bytes into at most `room` bytes: how many they were. A negative result is -1 minus the
/// place in the block where it is damaged or goes beyond the room.
#[kexport(since = "3.11", header = "linux/lz4.h", only, symbol = "LZ4_decompress_safe")]
fn lz4_decompress_safe(source: KPtr, dest: KPtr, packed: c_int, room: c_int) -> KResult<c_int> {
    let (Ok(packed), Ok(room)) = (usize::try_from(packed), usize::try_from(room)) else { return Ok(-1) };
    let from = source.bytes(0, packed)?;
    let mut to = vec![0; room];
    match decompress(&from, &mut to) {
        Ok(len) => {
            access::write(dest.addr(), &to[..len])?;
            Ok(len as c_int)
        }
        Err(at) => Ok(-(at as c_int) - 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unpack(from: &[u8], room: usize) -> Result<Vec<u8>, usize> {
        let mut to = vec![0; room];
        let len = decompress(from, &mut to)?;
        to.truncate(len);
        Ok(to)
    }

    #[test]
    fn what_another_encoder_packed_comes_back() {
        let mut data: Vec<u8> = (0..70_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 27) as u8).collect();
        data.extend([7; 5000]);
        data.extend(b"abcabcabcabcabcabcabcabcabcabcabcabc -- the end is literal");
        for len in [0, 1, 4, 5, 12, 13, 14, 64, 1000, data.len()] {
            let packed = lz4_flex::block::compress(&data[..len]);
            assert_eq!(unpack(&packed, len).as_deref(), Ok(&data[..len]), "{len}");
            if len > 0 {
                assert!(unpack(&packed, len - 1).is_err(), "{len}");
            }
            for cut in 0..packed.len().min(300) {
                // A block cut at the end of a sequence's literals is a shorter block; all others are refused.
                if let Ok(part) = unpack(&packed[..cut], len) {
                    assert!(data.starts_with(&part));
                }
            }
        }
    }

    #[test]
    fn damage_is_told_by_its_place() {
        assert_eq!(unpack(&[0], 0), Ok(vec![]));
        assert_eq!(unpack(&[1], 0), Err(0));
        assert_eq!(unpack(&[], 9), Err(0));
        // Four literals, but three bytes are there.
        assert_eq!(unpack(&[0x40, 1, 2, 3], 64), Err(1));
        // An offset that reaches before the output's start.
        let block = [0x10, b'a', 2, 0, 0x90, 1, 2, 3, 4, 5, 6, 7, 8, 9];
        assert_eq!(unpack(&block, 64), Err(4));
    }

    #[test]
    fn overlapping_matches_repeat() {
        let block = [0x2b, b'a', b'b', 2, 0, 0x50, b'v', b'w', b'x', b'y', b'z'];
        assert_eq!(unpack(&block, 64).as_deref(), Ok(b"ababababababababavwxyz".as_slice()));
    }
}
