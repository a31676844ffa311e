//! Memory as lines of hexadecimal digits. Counterpart: lib/hexdump.c (`hex_dump_to_buffer`, `print_hex_dump`).

use super::vsprintf::{SliceArgs, vsnprintf};
use crate::env::{Kernel, fault_of};
use crate::log;
use kabi::{KPtr, KResult, KStr, c_int, exports, kexport};
use machine::access;

exports![hex_dump_to_buffer, print_hex_dump];

/// Bytes in a row: 16 or 32.
fn row_size(asked: c_int) -> usize {
    if asked == 32 { 32 } else { 16 }
}

/// How one row is written.
struct Row {
    size: usize,
    group: usize,
    ascii: bool,
}

impl Row {
    fn new(size: c_int, group: c_int, ascii: bool, len: usize) -> Self {
        let group = usize::try_from(group).unwrap_or(0);
        let even = matches!(group, 1 | 2 | 4 | 8) && len.is_multiple_of(group);
        Self { size: row_size(size), group: if even { group } else { 1 }, ascii }
    }

    /// Groups of bytes, each as one number of this machine.
    fn digits(&self, bytes: &[u8]) -> Vec<String> {
        let number = |group: &[u8]| group.iter().rev().map(|b| format!("{b:02x}")).collect();
        bytes.chunks(self.group).map(number).collect()
    }

    fn ascii_column(&self) -> usize {
        self.size * 2 + self.size / self.group + 1
    }

    fn text(&self, bytes: &[u8]) -> String {
        let mut out = self.digits(bytes).join(" ");
        if self.ascii && !bytes.is_empty() {
            out.push_str(&" ".repeat(self.ascii_column().saturating_sub(out.len())));
            out.extend(bytes.iter().map(|b| if matches!(b, 0x20..=0x7e) { char::from(*b) } else { '.' }));
        }
        out
    }
}

/// The rows of a dump, each with where it begins.
pub(crate) fn rows(bytes: &[u8], row: c_int, group: c_int, ascii: bool) -> impl Iterator<Item = (usize, String)> {
    let size = row_size(row);
    let line = move |(nth, part): (usize, &[u8])| (nth * size, Row::new(row, group, ascii, part.len()).text(part));
    bytes.chunks(size).enumerate().map(line)
}

/// One line of a dump of what lies at `from`, as the kind of its prefix has it.
pub(crate) fn dump_line(prefix: &KStr, kind: c_int, from: u64, (at, row): (usize, &str)) -> KResult<Vec<u8>> {
    let place = match kind {
        1 => format!("{}: ", pointer(from + at as u64)?),
        2 => format!("{at:08x}: "),
        _ => String::new(),
    };
    Ok([prefix.as_bytes(), place.as_bytes(), row.as_bytes(), b"\n"].concat())
}

/// Writes one row into `room` bytes; the length that the whole of it has.
#[kexport(since = "2.6.23", header = "linux/printk.h")]
fn hex_dump_to_buffer(
    from: KPtr,
    len: usize,
    row: c_int,
    group: c_int,
    to: KPtr,
    room: usize,
    ascii: bool,
) -> KResult<c_int> {
    let len = len.min(row_size(row));
    let row = Row::new(row, group, ascii, len);
    let bytes = from.bytes(0, len)?;
    let text = row.text(&bytes);
    let expected = if ascii && len > 0 { row.ascii_column() + len } else { text.len() };
    if room == 0 {
        // The kernel's own sum for what did not fit at all.
        let empty = if ascii { row.ascii_column() + len } else { (row.group * 2 + 1) * (len / row.group) };
        return Ok(if ascii { empty } else { empty.wrapping_sub(1) } as c_int);
    }
    let kept = &text.as_bytes()[..text.len().min(room - 1)];
    access::write(to.addr(), kept)?;
    to.put(kept.len() as u64, 0u8)?;
    Ok(expected as c_int)
}

/// A level that stands at the start of a text (`KERN_INFO`), as a number.
fn level(text: &[u8]) -> Option<u8> {
    match text {
        [1, digit @ b'0'..=b'7', ..] => Some(digit - b'0'),
        _ => None,
    }
}

/// A pointer as `%p` shows it.
fn pointer(addr: u64) -> KResult<String> {
    let mut out = Vec::new();
    vsnprintf(&Kernel, &mut out, 64, b"%p", &mut SliceArgs::new(&[addr])).map_err(fault_of)?;
    Ok(String::from_utf8_lossy(&out).into_owned())
}

/// Prints memory row by row. A prefix of kind 1 is followed by each row's address, of kind 2 by its offset.
#[kexport(since = "2.6.23", header = "linux/printk.h")]
#[allow(clippy::too_many_arguments, reason = "they are Linux's")]
fn print_hex_dump(
    level_text: KStr,
    prefix: KStr,
    kind: c_int,
    row: c_int,
    group: c_int,
    from: KPtr,
    len: usize,
    ascii: bool,
) -> KResult {
    let bytes = from.bytes(0, len)?;
    for (start, line) in rows(&bytes, row, group, ascii) {
        let text = dump_line(&prefix, kind, from.addr(), (start, &line))?;
        log::printk(level(level_text.as_bytes()), &text);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_numbers_of_this_machine() {
        let bytes = b"0123456789abcdef";
        assert_eq!(Row::new(16, 4, false, 16).text(bytes), "33323130 37363534 62613938 66656463");
        assert_eq!(Row::new(16, 1, true, 3).text(b"a\0z"), format!("61 00 7a{}a.z", " ".repeat(41)));
        assert_eq!(Row::new(16, 4, false, 6).group, 1);
    }

    #[test]
    fn levels_stand_in_front() {
        assert_eq!((level(b"\x016"), level(b"")), (Some(6), None));
    }
}
