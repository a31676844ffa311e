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
            let mut found = syslog_record(record, wanted);
            if end.is_none() {
                // The newline at the end of the buffer is not the last message's.
                if let Cow::Borrowed(text) = found.text {
                    found.text = Cow::Borrowed(text.strip_suffix(b"\n").unwrap_or(text));
                }
            }
            return Some(found);
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
        text = match text.get(1..) {
            Some(inside) if wanted.time => syslog_time(inside, &mut found),
            _ => after(text, b']'),
        };
        text = text.strip_prefix(b" ").unwrap_or(text);
    }
    found.text = Cow::Borrowed(text);
    found
}

/// What follows the first `mark`; nothing where there is none.
fn after(text: &[u8], mark: u8) -> &[u8] {
    text.iter().position(|&c| c == mark).and_then(|at| text.get(at + 1..)).unwrap_or_default()
}

/// Reads `seconds.micros]` (after the opening bracket) and gives what follows. Text of another form stays whole, but a
/// number it begins with is the time all the same.
fn syslog_time<'a>(text: &'a [u8], found: &mut Record<'_>) -> &'a [u8] {
    let Some((seconds, rest)) = number(text) else { return text };
    found.seconds = seconds;
    match rest.strip_prefix(b".").and_then(number) {
        Some((micros, rest)) => {
            found.micros = micros;
            rest.strip_prefix(b"]").unwrap_or(text)
        }
        None => text,
    }
}

/// One record of `/dev/kmsg`; `None` if it is not in that format.
pub fn kmsg_record(bytes: &[u8], wanted: Wanted) -> Option<Record<'_>> {
    let mut found = Record { facility: None, level: None, seconds: 0, micros: 0, text: Cow::Borrowed(&[]) };
    let semicolon = bytes.iter().position(|&c| c == b';')?;
    let (prefix, text) = bytes.split_at(semicolon);
    let mut fields = prefix.split(|&c| c == b',');
    let priority = fields.next()?;
    if let Some((value, _)) = number(priority).filter(|_| wanted.priority) {
        (found.facility, found.level) = split_priority(value);
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
    fn a_syslog_record_goes_on_until_a_line_begins_with_an_angle() {
        let records: Vec<_> = syslog_records(b"<6>[    1.5] a\nb\n<4>c\n", ALL).collect();
        assert_eq!(records.len(), 2);
        assert_eq!(&*records[0].text, b"a\nb");
        assert_eq!((records[0].seconds, records[0].micros), (1, 5));
        assert_eq!((&*records[1].text, records[1].level), (&b"c"[..], Some(4)));
    }
}
