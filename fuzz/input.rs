//! Takes numbers and pieces off the front of a fuzzer's bytes; what is not there is zero or empty.

/// The bytes that are left.
pub struct Input<'a>(pub &'a [u8]);

#[allow(dead_code, reason = "not every target needs every kind of piece")]
impl<'a> Input<'a> {
    /// The next byte.
    pub fn byte(&mut self) -> u8 {
        self.piece(1).first().copied().unwrap_or(0)
    }

    /// The next number of 16 bits.
    pub fn short(&mut self) -> u16 {
        u16::from_le_bytes([self.byte(), self.byte()])
    }

    /// The next number of 64 bits.
    pub fn word(&mut self) -> u64 {
        self.piece(8).iter().rev().fold(0, |n, b| n << 8 | u64::from(*b))
    }

    /// A likely address: mostly one of the `len` bytes at `base`, sometimes any.
    pub fn address(&mut self, base: u64, len: u64) -> u64 {
        match self.byte() {
            0..16 => self.word(),
            16..24 => base.wrapping_add(len).wrapping_sub(u64::from(self.byte())),
            24..28 => u64::from(self.short()),
            _ => base.wrapping_add(u64::from(self.short()) % len.max(1)),
        }
    }

    /// The next bytes, as many as there are of `len`.
    pub fn piece(&mut self, len: usize) -> &'a [u8] {
        let (piece, rest) = self.0.split_at(len.min(self.0.len()));
        self.0 = rest;
        piece
    }

    /// A piece with its length in front.
    pub fn counted(&mut self) -> &'a [u8] {
        let len = self.short();
        self.piece(usize::from(len))
    }
}
