//! How a record looks: the lines of `syslog(2)` and the console, and the fields of `/dev/kmsg`.

use super::ring::{Info, LOG_CONT, View};

/// How lines are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LineStyle {
    /// `<6>` in front.
    pub(super) syslog: bool,
    /// `[    1.234567] ` in front (`printk.time`).
    pub(super) time: bool,
    /// `[  T123]`, with CONFIG_PRINTK_CALLER.
    pub(super) caller: bool,
}

/// Number of a message with its facility.
fn priority(info: &Info) -> u32 {
    u32::from(info.facility) << 3 | u32::from(info.level)
}

fn caller(info: &Info) -> String {
    let kind = if info.caller_id >> 31 != 0 { 'C' } else { 'T' };
    format!("{kind}{}", info.caller_id & !(1 << 31))
}

/// What stands in front of every line of a record.
fn prefix(info: &Info, style: LineStyle) -> String {
    let mut text = String::new();
    if style.syslog {
        text += &format!("<{}>", priority(info));
    }
    if style.time {
        let (seconds, rest) = (info.time_ns / 1_000_000_000, info.time_ns % 1_000_000_000);
        text += &format!("[{seconds:5}.{:06}]", rest / 1000);
    }
    if style.caller {
        text += &format!("[{:>6}]", caller(info));
    }
    if style.time || style.caller {
        text.push(' ');
    }
    text
}

/// Appends the record's lines, each with its prefix and a newline. No more than `limit - 1` bytes come out: the last line
/// is cut, and lines that do not fit at all are left out. Returns how many bytes were appended.
pub(super) fn print_lines(record: &View<'_>, style: LineStyle, limit: usize, out: &mut Vec<u8>) -> usize {
    let prefix = prefix(record.info, style);
    let mut text = &record.text[..record.text.len().min(limit)];
    let mut truncated = false;
    let mut len = 0;
    loop {
        let newline = text.iter().position(|&b| b == b'\n');
        if newline.is_none() && truncated {
            break;
        }
        let line_len = newline.unwrap_or(text.len());
        // A newline and a terminator follow.
        if len + prefix.len() + text.len() + 2 > limit {
            if len + prefix.len() + line_len + 2 > limit {
                break;
            }
            text = &text[..limit - len - prefix.len() - 2];
            truncated = true;
        }
        out.extend_from_slice(prefix.as_bytes());
        out.extend_from_slice(&text[..line_len]);
        out.push(b'\n');
        len += prefix.len() + line_len + 1;
        let Some(rest) = text.get(line_len + 1..) else { break };
        text = rest;
    }
    len
}

/// How many bytes the record's lines take when nothing cuts them.
pub(super) fn printed_size(record: &View<'_>, style: LineStyle) -> usize {
    let lines = record.text.iter().filter(|&&b| b == b'\n').count() + 1;
    prefix(record.info, style).len() * lines + record.text.len() + 1
}

/// What `/dev/kmsg` and extended consoles give no more of than this (`CONSOLE_EXT_LOG_MAX`).
pub(super) const EXTENDED_MAX: usize = 8192;

/// The record as `/dev/kmsg` shows it: `prio,seq,microseconds,flag;text` and its dictionary, unprintable bytes escaped.
pub(super) fn print_extended(record: &View<'_>, with_caller: bool) -> Vec<u8> {
    let info = record.info;
    let flag = if info.flags & LOG_CONT != 0 { 'c' } else { '-' };
    let mut head = format!("{},{},{},{flag}", priority(info), record.seq, info.time_ns / 1000);
    if with_caller {
        head += &format!(",caller={}", caller(info));
    }
    let mut out = head.into_bytes();
    out.push(b';');
    escape(record.text, &mut out);
    out.push(b'\n');
    if let Some(device) = &info.device {
        dictionary("SUBSYSTEM", &device.subsystem, &mut out);
        dictionary("DEVICE", &device.device, &mut out);
    }
    out.truncate(EXTENDED_MAX);
    out
}

fn dictionary(key: &str, value: &[u8], out: &mut Vec<u8>) {
    if value.is_empty() {
        return;
    }
    out.push(b' ');
    out.extend_from_slice(key.as_bytes());
    out.push(b'=');
    escape(value, out);
    out.push(b'\n');
}

fn escape(text: &[u8], out: &mut Vec<u8>) {
    for &byte in text {
        if (b' '..127).contains(&byte) && byte != b'\\' {
            out.push(byte);
        } else {
            out.extend_from_slice(format!("\\x{byte:02x}").as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::ring::DevInfo;
    use super::*;

    const SYSLOG: LineStyle = LineStyle { syslog: true, time: true, caller: false };

    fn lines(text: &str, style: LineStyle, limit: usize) -> String {
        let info = Info { time_ns: 1_234_567_890, level: 6, caller_id: 42, ..Info::default() };
        let record = View { seq: 3, info: &info, text: text.as_bytes() };
        let mut out = Vec::new();
        let len = print_lines(&record, style, limit, &mut out);
        assert_eq!(len, out.len());
        assert!(len < limit);
        if limit > 500 {
            assert_eq!(len, printed_size(&record, style));
        }
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn every_line_has_a_prefix() {
        assert_eq!(lines("one", SYSLOG, 1024), "<6>[    1.234567] one\n");
        assert_eq!(lines("a\nb", SYSLOG, 1024), "<6>[    1.234567] a\n<6>[    1.234567] b\n");
        assert_eq!(lines("a\n", SYSLOG, 1024), "<6>[    1.234567] a\n<6>[    1.234567] \n");
        assert_eq!(lines("", LineStyle { syslog: false, time: false, caller: false }, 1024), "\n");
        assert_eq!(lines("x", LineStyle { syslog: true, time: false, caller: false }, 1024), "<6>x\n");
        assert_eq!(
            lines("x", LineStyle { syslog: false, time: true, caller: true }, 1024),
            "[    1.234567][   T42] x\n"
        );
    }

    #[test]
    fn long_records_lose_lines() {
        // 18 bytes of prefix; a newline and a terminator are kept free.
        assert_eq!(lines("abcdef", SYSLOG, 23), "");
        assert_eq!(lines("ab\ncd\nef", SYSLOG, 23), "<6>[    1.234567] ab\n");
        assert_eq!(lines("ab\ncd\nef", SYSLOG, 44), "<6>[    1.234567] ab\n<6>[    1.234567] cd\n");
    }

    #[test]
    fn extended_records_escape_what_cannot_be_printed() {
        let device = DevInfo { subsystem: b"net".to_vec(), device: b"n8\t".to_vec() };
        let mut info = Info { time_ns: 5_000_999, facility: 1, level: 4, flags: LOG_CONT, ..Info::default() };
        let text = b"a\tb\\\n\x7f\xc3\xa9~";
        assert_eq!(
            print_extended(&View { seq: 9, info: &info, text }, false),
            b"12,9,5000,c;a\\x09b\\x5c\\x0a\\x7f\\xc3\\xa9~\n"
        );
        info.device = Some(Box::new(device));
        (info.flags, info.caller_id) = (0, 0x8000_0001);
        assert_eq!(
            print_extended(&View { seq: 9, info: &info, text: b"" }, true),
            b"12,9,5000,-,caller=C1;\n SUBSYSTEM=net\n DEVICE=n8\\x09\n"
        );
    }
}
