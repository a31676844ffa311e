//! The output of a format: at most as many bytes as fit are kept, all are counted.

/// A bounded writer that keeps counting when it is full, as C's `snprintf` does.
pub(super) struct Out<'a> {
    buf: &'a mut Vec<u8>,
    /// Where this output starts in `buf`.
    start: usize,
    /// Bytes that are kept.
    limit: usize,
    /// Bytes that were written, kept or not.
    len: usize,
}

impl<'a> Out<'a> {
    /// Appends to `buf`, keeping at most `limit` bytes.
    pub(super) fn new(buf: &'a mut Vec<u8>, limit: usize) -> Self {
        let start = buf.len();
        Self { buf, start, limit, len: 0 }
    }

    /// Bytes written so far, also those that did not fit.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Bytes that still fit.
    fn room(&self) -> usize {
        self.limit.saturating_sub(self.len)
    }

    pub(super) fn push(&mut self, byte: u8) {
        if self.room() > 0 {
            self.buf.push(byte);
        }
        self.len = self.len.saturating_add(1);
    }

    pub(super) fn extend(&mut self, bytes: &[u8]) {
        let kept = bytes.len().min(self.room());
        self.buf.extend_from_slice(&bytes[..kept]);
        self.len = self.len.saturating_add(bytes.len());
    }

    pub(super) fn fill(&mut self, byte: u8, count: usize) {
        let kept = count.min(self.room());
        self.buf.resize(self.buf.len() + kept, byte);
        self.len = self.len.saturating_add(count);
    }

    /// Lets `write` append to the buffer itself, then cuts off what does not fit. Returns how many bytes it appended.
    pub(super) fn append_with<E>(&mut self, write: impl FnOnce(&mut Vec<u8>) -> Result<(), E>) -> Result<usize, E> {
        let before = self.buf.len();
        let result = write(self.buf);
        let added = self.buf.len() - before;
        self.buf.truncate(before + added.min(self.room()));
        self.len = self.len.saturating_add(added);
        result.map(|()| added)
    }

    /// Pads the last `count` bytes to `width` columns.
    pub(super) fn widen(&mut self, count: usize, width: i32, left: bool) {
        let Ok(width) = usize::try_from(width) else { return };
        let Some(spaces) = width.checked_sub(count).filter(|&s| s > 0) else { return };
        if left {
            return self.fill(b' ', spaces);
        }
        let text = (self.start + self.len.saturating_sub(count)).min(self.buf.len());
        self.fill(b' ', spaces);
        let tail = &mut self.buf[text..];
        let shift = spaces.min(tail.len());
        tail.rotate_right(shift);
        tail[..shift].fill(b' ');
    }
}

#[cfg(test)]
mod tests {
    use super::Out;

    fn widened(limit: usize) -> (Vec<u8>, usize) {
        let mut buf = b"x".to_vec();
        let mut out = Out::new(&mut buf, limit);
        out.extend(b"ab");
        out.extend(b"cde");
        out.widen(3, 6, false);
        let len = out.len();
        (buf, len)
    }

    #[test]
    fn a_full_buffer_keeps_counting_and_moves_right_like_c() {
        for (limit, want) in [
            (0, "x"),
            (1, "xa"),
            (3, "xab "),
            (5, "xab   "),
            (6, "xab   c"),
            (7, "xab   cd"),
            (8, "xab   cde"),
            (9, "xab   cde"),
        ] {
            assert_eq!(widened(limit), (want.as_bytes().to_vec(), 8), "limit {limit}");
        }
    }
}
