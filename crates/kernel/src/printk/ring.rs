//! The buffer of records: a ring of bytes, the oldest records dropped for the newest
//! (`kernel/printk/printk_ringbuffer.c`).
//!
//! It is not shared by itself: the log keeps it behind one lock that is held for a copy of at most one record. Records
//! cost what they cost in the kernel (8 bytes and the text with its terminator, rounded up to 8; one descriptor for each
//! 32 bytes of the buffer), so that as many of them fit.
//!
//! # Invariants
//! Only the newest record can be open. Blocks of text lie in `data` in the order of their records, each in one piece,
//! between the logical positions `infos[0].begin` and `head`, which are at most `data.len()` apart.

use std::collections::VecDeque;

/// The text ended with a newline.
pub const LOG_NEWLINE: u8 = 2;
/// The text is a fragment that found nothing to continue.
pub const LOG_CONT: u8 = 8;

/// What a block costs besides its text.
const BLOCK_HEADER: usize = 8;
/// The average length of a text, from which the number of descriptors follows.
const BYTES_PER_RECORD: usize = 32;
/// The smallest buffer.
const SIZE_MIN: usize = 4096;

/// What a message is about, for `SUBSYSTEM=` and `DEVICE=` of `/dev/kmsg`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DevInfo {
    /// The subsystem: a class or bus.
    pub subsystem: Vec<u8>,
    /// The device: `b12:8`, `c127:3`, `n8`, `+sound:card0`.
    pub device: Vec<u8>,
}

/// Everything about a record except its text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Info {
    /// When it was printed, in nanoseconds since boot.
    pub time_ns: u64,
    /// The syslog facility: 0 for the kernel, 1 for what programs write.
    pub facility: u8,
    /// 0 (emergency) to 7 (debug).
    pub level: u8,
    /// [`LOG_NEWLINE`], [`LOG_CONT`].
    pub flags: u8,
    /// A task's id, or a CPU's with the highest bit set.
    pub caller_id: u32,
    /// The device it is about.
    pub device: Option<Box<DevInfo>>,
}

/// A finished record as a reader finds it.
#[derive(Debug)]
pub(super) struct View<'a> {
    pub(super) seq: u64,
    pub(super) info: &'a Info,
    pub(super) text: &'a [u8],
}

struct Entry {
    info: Info,
    /// Logical positions of its block.
    begin: u64,
    end: u64,
    text_len: usize,
}

/// The ring.
pub(super) struct Ring {
    data: Box<[u8]>,
    entries: VecDeque<Entry>,
    max_records: usize,
    /// The oldest record's number.
    first_seq: u64,
    /// Where the next block starts.
    head: u64,
    /// The newest record can still be continued, and is not shown yet.
    open: bool,
}

impl Ring {
    pub(super) fn new(size: usize) -> Self {
        let size = size.max(SIZE_MIN).next_power_of_two();
        let max_records = size / BYTES_PER_RECORD;
        Self {
            data: vec![0; size].into_boxed_slice(),
            entries: VecDeque::with_capacity(max_records),
            max_records,
            first_seq: 0,
            head: 0,
            open: false,
        }
    }

    pub(super) fn size(&self) -> usize {
        self.data.len()
    }

    /// The oldest record's number.
    pub(super) fn first_seq(&self) -> u64 {
        self.first_seq
    }

    /// The number behind the newest finished record.
    pub(super) fn next_seq(&self) -> u64 {
        self.end_seq() - u64::from(self.open)
    }

    fn end_seq(&self) -> u64 {
        self.first_seq + self.entries.len() as u64
    }

    /// Adds a record, which closes the one before. `reserve` is the space asked for, at least one more than the text.
    pub(super) fn push(&mut self, info: Info, text: &[u8], reserve: usize, open: bool) {
        while self.entries.len() >= self.max_records {
            self.drop_oldest();
        }
        let begin = self.block_start(self.head, block_size(reserve));
        let end = begin + block_size(reserve) as u64;
        self.make_room(end);
        self.write(begin, text);
        self.entries.push_back(Entry { info, begin, end, text_len: text.len() });
        self.head = end;
        self.open = open;
    }

    /// Adds to the newest record, when it is open, `caller_id`'s, and would need no more than `max` bytes. `newline` ends
    /// it. Returns whether it was.
    pub(super) fn extend_last(
        &mut self,
        caller_id: u32,
        text: &[u8],
        reserve: usize,
        max: usize,
        newline: bool,
    ) -> bool {
        let Some(last) = self.entries.back().filter(|last| self.open && last.info.caller_id == caller_id) else {
            return false;
        };
        let (old_begin, old_len) = (last.begin, last.text_len);
        if reserve + old_len > max {
            return false;
        }
        let size = block_size(reserve + old_len);
        let begin = self.block_start(old_begin, size);
        let end = (begin + size as u64).max(last.end);
        let old = self.offset(old_begin);
        if !self.make_room_keeping_last(end) {
            return false;
        }
        if begin != old_begin {
            let new = self.offset(begin);
            self.data.copy_within(old..old + old_len, new);
        }
        self.write(begin + old_len as u64, text);
        if let Some(last) = self.entries.back_mut() {
            (last.begin, last.end) = (begin, end);
            last.text_len += text.len();
            last.info.flags |= if newline { LOG_NEWLINE } else { 0 };
        }
        self.head = end;
        self.open = !newline;
        true
    }

    /// The finished record with this number, or the oldest one after it.
    pub(super) fn get(&self, seq: u64) -> Option<View<'_>> {
        let seq = seq.max(self.first_seq);
        if seq >= self.next_seq() {
            return None;
        }
        let entry = self.entries.get(usize::try_from(seq - self.first_seq).ok()?)?;
        let start = self.offset(entry.begin);
        Some(View { seq, info: &entry.info, text: &self.data[start..start + entry.text_len] })
    }

    /// Where a block of `size` bytes that should start at `pos` starts: blocks are not split at the buffer's end.
    fn block_start(&self, pos: u64, size: usize) -> u64 {
        let left = self.data.len() - self.offset(pos);
        if size <= left { pos } else { pos + left as u64 }
    }

    fn offset(&self, pos: u64) -> usize {
        (pos % self.data.len() as u64) as usize
    }

    fn write(&mut self, pos: u64, text: &[u8]) {
        let start = self.offset(pos);
        self.data[start..start + text.len()].copy_from_slice(text);
    }

    fn make_room(&mut self, end: u64) {
        while self.entries.front().is_some_and(|oldest| end - oldest.begin > self.data.len() as u64) {
            self.drop_oldest();
        }
    }

    fn make_room_keeping_last(&mut self, end: u64) -> bool {
        while self.entries.len() > 1
            && self.entries.front().is_some_and(|oldest| end - oldest.begin > self.data.len() as u64)
        {
            self.drop_oldest();
        }
        self.entries.front().is_some_and(|oldest| end - oldest.begin <= self.data.len() as u64)
    }

    fn drop_oldest(&mut self) {
        if self.entries.pop_front().is_some() {
            self.first_seq += 1;
        }
    }
}

/// What a text that reserves `len` bytes takes of the buffer.
fn block_size(len: usize) -> usize {
    (BLOCK_HEADER + len).next_multiple_of(8)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(ring: &mut Ring, text: &str) {
        ring.push(Info::default(), text.as_bytes(), text.len() + 1, false);
    }

    fn texts(ring: &Ring) -> Vec<(u64, String)> {
        (ring.first_seq()..ring.next_seq())
            .map(|seq| {
                let view = ring.get(seq).unwrap();
                (view.seq, String::from_utf8(view.text.to_vec()).unwrap())
            })
            .collect()
    }

    #[test]
    fn the_oldest_records_go() {
        let mut ring = Ring::new(4096);
        for i in 0..1000 {
            push(&mut ring, &format!("{i}:{}", "x".repeat(i % 600)));
            let all = texts(&ring);
            assert_eq!(all.last().unwrap().0, i as u64);
            for (seq, text) in &all {
                assert_eq!(*text, format!("{seq}:{}", "x".repeat(*seq as usize % 600)));
            }
            let used: usize = all.iter().map(|(_, text)| block_size(text.len() + 1)).sum();
            assert!(used <= 4096 && all.len() <= 128);
        }
        assert!(ring.first_seq() > 900);
        assert_eq!(ring.get(0).unwrap().seq, ring.first_seq());
        assert!(ring.get(1000).is_none());
    }

    #[test]
    fn short_records_are_limited_by_descriptors() {
        let mut ring = Ring::new(4096);
        (0..500).for_each(|_| push(&mut ring, "s"));
        assert_eq!(ring.next_seq() - ring.first_seq(), 128);
    }

    #[test]
    fn an_open_record_grows_across_the_end_of_the_buffer() {
        for before in (0..4096).step_by(8) {
            let mut ring = Ring::new(4096);
            while ring.head < before {
                push(&mut ring, "1234567");
            }
            ring.push(Info { caller_id: 7, ..Info::default() }, b"start", 6, true);
            let hidden = ring.next_seq();
            assert!(ring.get(hidden).is_none());
            for i in 0..40 {
                assert!(ring.extend_last(7, format!(" {i:02}").as_bytes(), 4, 992, i == 39));
            }
            let text = String::from_utf8(ring.get(hidden).unwrap().text.to_vec()).unwrap();
            assert_eq!(text.len(), 5 + 40 * 3);
            assert!(text.starts_with("start 00 01") && text.ends_with(" 38 39"));
            assert!(!ring.extend_last(7, b"x", 2, 992, true), "it is closed");
        }
    }

    #[test]
    fn only_its_caller_continues_a_record() {
        let mut ring = Ring::new(4096);
        ring.push(Info { caller_id: 7, ..Info::default() }, b"a", 2, true);
        assert!(!ring.extend_last(8, b"b", 2, 992, true));
        assert!(!ring.extend_last(7, b"b", 992, 992, true), "too long together");
        push(&mut ring, "c");
        assert_eq!(texts(&ring), [(0, "a".into()), (1, "c".into())]);
    }
}
