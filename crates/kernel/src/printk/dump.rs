//! Reading the log for a dump (`kmsg_dump_*()` in `kernel/printk/printk.c`): pstore and kin, and modules that show the
//! log themselves.

use std::sync::atomic::Ordering;

use super::Printk;
use super::text::print_lines;

/// Where a dump stands: the two members of a `struct kmsg_dump_iter`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DumpCursor {
    /// The next record that [`Printk::dump_line`] gives.
    pub cur_seq: u64,
    /// The record in front of which [`Printk::dump_buffer`] ends.
    pub next_seq: u64,
}

impl Printk {
    /// A dump of everything since the last clear (`kmsg_dump_rewind()`).
    #[must_use]
    pub fn dump_rewind(&self) -> DumpCursor {
        DumpCursor { cur_seq: self.clear_seq.load(Ordering::SeqCst), next_seq: self.ring().next_seq() }
    }

    /// The next record's lines, oldest first, in a buffer of `size` bytes (`kmsg_dump_get_line()`).
    pub fn dump_line(&self, cursor: &mut DumpCursor, syslog: bool, size: usize) -> Option<Vec<u8>> {
        let style = self.line_style(syslog);
        let ring = self.ring();
        let record = ring.get(cursor.cur_seq.max(self.clear_seq.load(Ordering::SeqCst)))?;
        let mut text = Vec::new();
        print_lines(&record, style, size, &mut text);
        cursor.cur_seq = record.seq + 1;
        Some(text)
    }

    /// The newest records that fit into `size` bytes; the next call gives those in front of them
    /// (`kmsg_dump_get_buffer()`).
    pub fn dump_buffer(&self, cursor: &mut DumpCursor, syslog: bool, size: usize) -> Option<Vec<u8>> {
        let style = self.line_style(syslog);
        let clear_seq = self.clear_seq.load(Ordering::SeqCst);
        let ring = self.ring();
        cursor.cur_seq = cursor.cur_seq.max(clear_seq).max(ring.first_seq());
        if size == 0 || cursor.cur_seq >= cursor.next_seq {
            return None;
        }
        let first = Self::first_fitting(&ring, cursor.cur_seq, cursor.next_seq, size, style);
        let mut text = Vec::new();
        for record in (first..cursor.next_seq).map_while(|seq| ring.get(seq)) {
            let room = size - text.len();
            print_lines(&record, style, room, &mut text);
        }
        cursor.next_seq = first;
        Some(text)
    }
}
