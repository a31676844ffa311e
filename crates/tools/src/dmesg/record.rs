//! Records of the kernel's log in the two formats in which the kernel gives them.
//!
//! `syslog(2)` and files: lines of `<level>[seconds.micros] text`, a record ends where a line begins with `<`.
//! `/dev/kmsg`: one record per read, `prefix,sequence,micros,flags;text`, then lines of ` KEY=value`
//! (the kernel's `Documentation/ABI/testing/dev-kmsg`).

use std::borrow::Cow;

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record<'a> {
    /// The facility, where it was asked for and is known.
    pub facility: Option<u8>,
    /// The level, likewise.
    pub level: Option<u8>,
    /// Seconds since boot.
    pub seconds: i64,
    /// Microseconds; a number as it was written, so it may exceed a million.
    pub micros: i64,
    /// The text, which may have several lines.
    pub text: Cow<'a, [u8]>,
}

/// What of a record's prefix is wanted: reading less shows less, as in dmesg.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    /// Level and facility.
    pub priority: bool,
    /// The time.
    pub time: bool,
}

/// A decimal number as `strtol(3)` reads it: the value and what follows it.
pub fn number(bytes: &[u8]) -> Option<(i64, &[u8])> {
    let start = bytes.iter().position(|c| !matches!(c, b' ' | b'\t'..=b'\r'))?;
    let body = bytes.get(start..)?;
    let (negative, digits) = match body.split_first()? {
        (b'-', rest) => (true, rest),
        (b'+', rest) => (false, rest),
        _ => (false, body),
    };
    let length = digits.iter().take_while(|c| c.is_ascii_digit()).count();
    let (digits, rest) = digits.split_at_checked(length)?;
    if digits.is_empty() {
        return None;
    }
    let value = digits.iter().try_fold(0_i64, |n, &c| n.checked_mul(10)?.checked_add(i64::from(c - b'0')))?;
    Some((if negative { -value } else { value }, rest))
}

/// Splits a priority into facility and level; numbers that have no name give `None`.
fn split_priority(value: i64) -> (Option<u8>, Option<u8>) {
    let facility = u8::try_from((value & 0x3f8) >> 3).ok().filter(|&f| f < 12);
    let level = u8::try_from(value & 7).ok();
    (facility, level)
}

/// The records of a `syslog(2)` buffer or file.
pub fn syslog_records(mut rest: &[u8], wanted: Wanted) -> impl Iterator<Item = Record<'_>> {
    std::iter::from_fn(move || {
        loop {
            // Zeros stand at the end of a buffer that the kernel did not fill.
            let zeros = rest.iter().take_while(|&&c| c == 0).count();
            rest = rest.get(zeros..)?;
            if rest.is_empty() {
                return None;
            }
            let end = rest.windows(2).skip(1).position(|w| w == b"\n<").map(|at| at + 1);
            let (record, tail) = rest.split_at_checked(end.unwrap_or(rest.len()))?;
            rest = tail.get(1..).unwrap_or_default();
            if record.is_empty() {
                continue;
            }
            return Some(syslog_record(record, wanted));
        }
    })
}

fn syslog_record(record: &[u8], wanted: Wanted) -> Record<'_> {
    let mut found = Record { facility: None, level: None, seconds: 0, micros: 0, text: Cow::Borrowed(&[]) };
    let mut text = record;
    if let Some(rest) = text.strip_prefix(b"<") {
        text = if wanted.priority {
            match number(rest) {
                Some((value, rest)) => {
                    (found.facility, found.level) = split_priority(value);
                    rest.get(1..).unwrap_or_default()
                }
                None => rest,
            }
        } else {
            after(text, b'>')
        };
    }
    if text.first() == Some(&b'[') && text.get(1).is_some_and(|&c| c == b' ' || c.is_ascii_digit()) {
        text = match text.get(1..).and_then(syslog_time).filter(|_| wanted.time) {
            Some((seconds, micros, rest)) => {
                (found.seconds, found.micros) = (seconds, micros);
                rest
            }
            None if wanted.time => text.get(1..).unwrap_or_default(),
            None => after(text, b']'),
        };
        text = text.strip_prefix(b" ").unwrap_or(text);
    }
    found.text = Cow::Borrowed(text.strip_suffix(b"\n").unwrap_or(text));
    found
}

/// What follows the first `mark`; nothing where there is none.
fn after(text: &[u8], mark: u8) -> &[u8] {
    text.iter().position(|&c| c == mark).and_then(|at| text.get(at + 1..)).unwrap_or_default()
}

/// `seconds.micros]`, after the opening bracket.
fn syslog_time(text: &[u8]) -> Option<(i64, i64, &[u8])> {
    let (seconds, rest) = number(text)?;
    let (micros, rest) = number(rest.strip_prefix(b".")?)?;
    Some((seconds, micros, rest.get(1..).unwrap_or_default()))
}

/// One record of `/dev/kmsg`; `None` if it is not in that format.
pub fn kmsg_record(bytes: &[u8], wanted: Wanted) -> Option<Record<'_>> {
    let mut found = Record { facility: None, level: None, seconds: 0, micros: 0, text: Cow::Borrowed(&[]) };
    let semicolon = bytes.iter().position(|&c| c == b';')?;
    let (prefix, text) = bytes.split_at(semicolon);
    let mut fields = prefix.split(|&c| c == b',');
    let priority = fields.next()?;
    if wanted.priority {
        if let Some((value, _)) = number(priority) {
            (found.facility, found.level) = split_priority(value);
        }
    }
    fields.next()?;
    let time = fields.next()?;
    if wanted.time {
        let (micros, _) = number(time)?;
        (found.seconds, found.micros) = (micros / 1_000_000, micros % 1_000_000);
    }
    let text = text.get(1..).unwrap_or_default();
    let end = text.iter().position(|&c| c == b'\n').unwrap_or(text.len());
    found.text = unescape(text.get(..end).unwrap_or_default());
    Some(found)
}

/// Turns `\xHH` back into the byte it stands for.
fn unescape(text: &[u8]) -> Cow<'_, [u8]> {
    if !text.windows(2).any(|w| w == b"\\x") {
        return Cow::Borrowed(text);
    }
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&first, tail)) = rest.split_first() {
        let byte = match tail.split_first() {
            Some((b'x', digits)) if first == b'\\' => digits.get(..2).and_then(hex),
            _ => None,
        };
        out.push(byte.unwrap_or(first));
        rest = if byte.is_some() { tail.get(3..).unwrap_or_default() } else { tail };
    }
    Cow::Owned(out)
}

fn hex(digits: &[u8]) -> Option<u8> {
    digits.iter().try_fold(0_u8, |n, &c| {
        let digit = char::from(c).to_digit(16)?;
        n.checked_mul(16)?.checked_add(u8::try_from(digit).ok()?)
    })
}

/// Splits text that holds several `/dev/kmsg` records (a whole-file read gives that): a record is a line and the lines
/// after it that begin with a space.
pub fn split_kmsg(mut bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        if bytes.is_empty() {
            return None;
        }
        let end = bytes.windows(2).position(|w| matches!(w, [b'\n', next] if *next != b' ')).map_or(bytes.len(), |at| at + 1);
        let (record, rest) = bytes.split_at(end);
        bytes = rest;
        Some(record)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Wanted = Wanted { priority: true, time: true };

    #[test]
    fn kmsg_records_are_read() {
        let record = kmsg_record(b"30,3,100000007,c,caller=T1;a\\x0ab\\x\\x4 \\\\x41;c\n SUBSYSTEM=x\n", ALL).unwrap();
        assert_eq!((record.facility, record.level), (Some(3), Some(6)));
        assert_eq!((record.seconds, record.micros), (100, 7));
        assert_eq!(&*record.text, b"a\nb\\x\\x4 \\A;c");
    }

    #[test]
    fn no_kmsg_garbage_panics() {
        for bytes in [&b""[..], b";", b"6;x", b"6,1;x", b"6,1,2;", b"x,y,z;t", b"999999999999999999999,1,1;t", b"\\x"] {
            let _ = kmsg_record(bytes, ALL);
        }
        assert_eq!(kmsg_record(b"6,1,2", ALL), None);
    }

    #[test]
    fn several_kmsg_records_are_split() {
        let all = b"6,1,0,-;a\n K=v\n L=w\n4,2,0,-;b\n6,3,0,-;c";
        let parts: Vec<&[u8]> = split_kmsg(all).collect();
        assert_eq!(parts, [&b"6,1,0,-;a\n K=v\n L=w\n"[..], b"4,2,0,-;b\n", b"6,3,0,-;c"]);
    }

    #[test]
    fn a_syslog_record_goes_on_until_a_line_begins_with_an_angle() {
        let records: Vec<_> = syslog_records(b"<6>[    1.5] a\nb\n<4>c\n", ALL).collect();
        assert_eq!(records.len(), 2);
        assert_eq!(&*records[0].text, b"a\nb");
        assert_eq!((records[0].seconds, records[0].micros), (1, 5));
        assert_eq!((&*records[1].text, records[1].level), (&b"c"[..], Some(4)));
    }
}
