//! Prints records the way dmesg does.

use super::escape::{self, Style};
use super::json;
use super::names::{self, FACILITIES, LEVELS};
use super::options::{Options, TimeFormat};
use super::record::Record;
use crate::clock::Local;

const BROWN: &[u8] = b"\x1b[33m";
const GREEN: &[u8] = b"\x1b[32m";
const GREEN_BOLD: &[u8] = b"\x1b[32m\x1b[1m";
const RESET: &[u8] = b"\x1b[0m";

/// Which interface records come from; a few of dmesg's habits depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// `/dev/kmsg`.
    Kmsg,
    /// `syslog(2)` or a file.
    Syslog,
}

/// Prints records one after the other into a buffer.
#[derive(Debug)]
pub struct Printer<'o> {
    options: &'o Options,
    source: Source,
    color: bool,
    utf8: bool,
    epoch: i64,
    last: Option<f64>,
    minute: Option<i64>,
    indent: usize,
    json_open: bool,
}

/// A time stamp, and whether it begins a new minute of the relative format.
struct Stamp {
    text: String,
    breaks: bool,
}

impl<'o> Printer<'o> {
    /// A printer for records from `source`, of a log whose time zero is the second `epoch`.
    pub fn new(options: &'o Options, source: Source, color: bool, utf8: bool, epoch: i64) -> Self {
        let color = color && !options.json;
        Self { options, source, color, utf8, epoch, last: None, minute: None, indent: 0, json_open: false }
    }

    /// Prints one record, if the filters accept it.
    pub fn record(&mut self, record: &Record<'_>, out: &mut Vec<u8>) {
        if !self.accepts(record) {
            return;
        }
        if self.options.json {
            if !record.text.is_empty() {
                json::record(record, self.options.decode, !std::mem::replace(&mut self.json_open, true), out);
            }
            return;
        }
        if record.text.is_empty() {
            out.push(b'\n');
            return;
        }
        let prefix = self.decoded(record);
        let stamp = self.stamp(record);
        if self.options.raw || self.options.time != TimeFormat::None {
            self.indent = stamp.text.len();
        } else {
            self.indent = 0;
        }
        self.indent += prefix.len();
        if !(self.options.force_prefix && self.source == Source::Kmsg) {
            self.line(&prefix, &stamp, record, &record.text, out);
            out.push(b'\n');
            return;
        }
        let mut lines = record.text.split(|&c| c == b'\n').filter(|line| !line.is_empty()).peekable();
        if lines.peek().is_none() {
            self.line(&prefix, &stamp, record, b"", out);
            out.push(b'\n');
        }
        for (n, line) in lines.enumerate() {
            let zero = Stamp { text: "[  +0.000000] ".into(), breaks: stamp.breaks };
            let again = n > 0 && self.options.time == TimeFormat::Reltime;
            self.line(&prefix, if again { &zero } else { &stamp }, record, line, out);
            out.push(b'\n');
        }
    }

    /// Ends the output.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        if self.options.json {
            json::end(self.json_open, out);
        }
    }

    fn accepts(&self, record: &Record<'_>) -> bool {
        let within = |bits: Option<u32>, number: Option<u8>| match (bits, number) {
            (None, _) => true,
            (Some(bits), Some(number)) => bits & (1 << number) != 0,
            (Some(_), None) => false,
        };
        if self.options.levels.is_some() && record.facility.is_none() {
            return false;
        }
        let when = self.epoch.saturating_add(record.seconds);
        within(self.options.levels, record.level)
            && within(self.options.facilities, record.facility)
            && self.options.since.is_none_or(|since| since < when)
            && self.options.until.is_none_or(|until| when < until)
    }

    fn decoded(&self, record: &Record<'_>) -> String {
        let facility = names::name_of(record.facility, &FACILITIES);
        let level = names::name_of(record.level, &LEVELS);
        match (facility, level) {
            (Some(facility), Some(level)) if self.options.decode => format!("{facility:<6}:{level:<6}: "),
            _ => String::new(),
        }
    }

    fn stamp(&mut self, record: &Record<'_>) -> Stamp {
        let Record { seconds, micros, .. } = record;
        let time = || format!("{seconds:5}.{micros:06}");
        let plain = |text: String| Stamp { text, breaks: false };
        if self.options.raw {
            return plain(format!("<{}>[{}] ", priority(record), time()));
        }
        match self.options.time {
            TimeFormat::None => plain(String::new()),
            TimeFormat::Time => plain(format!("[{}] ", time())),
            TimeFormat::TimeDelta => plain(format!("[{} <{:12.6}>] ", time(), self.delta(record))),
            TimeFormat::Delta => plain(format!("[<{:12.6}>] ", self.delta(record))),
            TimeFormat::Ctime => plain(format!("[{}] ", self.local(record).in_words())),
            TimeFormat::CtimeDelta => {
                plain(format!("[{} <{:12.6}>] ", self.local(record).in_words(), self.delta(record)))
            }
            TimeFormat::Iso => plain(format!("{} ", self.local(record).iso(record.micros))),
            TimeFormat::Reltime => self.relative(record),
        }
    }

    fn relative(&mut self, record: &Record<'_>) -> Stamp {
        let local = self.local(record);
        let delta = self.delta(record);
        let minute = (local.days * 24 + local.hour) * 60 + local.minute;
        let breaks = self.minute.replace(minute) != Some(minute);
        let text = if breaks {
            format!("[{}] ", local.short())
        } else if delta < 10.0 {
            format!("[  {delta:+8.6}] ")
        } else {
            format!("[ {delta:+9.6}] ")
        };
        Stamp { text, breaks }
    }

    fn local(&self, record: &Record<'_>) -> Local {
        Local::at(self.epoch.saturating_add(record.seconds))
    }

    /// Seconds since the last record; nothing after a record whose time is zero.
    fn delta(&mut self, record: &Record<'_>) -> f64 {
        // Both parts are exact in a double long after any machine's uptime.
        let now = record.seconds as f64 + record.micros as f64 / 1e6;
        let last = self.last.replace(now);
        last.filter(|&last| last != 0.0).map_or(0.0, |last| now - last)
    }

    fn line(&self, prefix: &str, stamp: &Stamp, record: &Record<'_>, text: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(prefix.as_bytes());
        if !self.color {
            out.extend_from_slice(stamp.text.as_bytes());
            return self.text(text, out);
        }
        if !stamp.text.is_empty() {
            out.extend_from_slice(if stamp.breaks { GREEN_BOLD } else { GREEN });
            out.extend_from_slice(stamp.text.as_bytes());
            out.extend_from_slice(RESET);
        }
        let (subsystem, rest) = text.split_at(subsystem_end(text));
        if !subsystem.is_empty() {
            out.extend_from_slice(BROWN);
            self.text(subsystem, out);
            out.extend_from_slice(RESET);
        }
        match level_color(record.level, rest) {
            Some(color) => {
                out.extend_from_slice(color);
                self.text(rest, out);
                out.extend_from_slice(RESET);
            }
            None => self.text(rest, out),
        }
    }

    fn text(&self, text: &[u8], out: &mut Vec<u8>) {
        // The byte after a text of /dev/kmsg is a zero, of a file the next record: dmesg looks there.
        let style = Style {
            utf8: self.utf8,
            escape: self.options.escape,
            indent: self.indent,
            last: self.source == Source::Syslog,
        };
        escape::text(text, style, out);
    }
}

/// The number in a record's angle brackets, made as util-linux 2.38 makes it: the facility is not shifted.
pub fn priority(record: &Record<'_>) -> i32 {
    let part = |number: Option<u8>| number.map_or(-1, i32::from);
    part(record.facility) | part(record.level)
}

/// Where a subsystem's name (`usb 1-1: `) ends; 0 without one, or with nothing after it.
fn subsystem_end(text: &[u8]) -> usize {
    let named = |w: &[u8]| matches!(w, [b':', b' ' | b'\t', _]);
    text.windows(3).position(named).map_or(0, |at| at + 2)
}

fn level_color(level: Option<u8>, text: &[u8]) -> Option<&'static [u8]> {
    match level {
        Some(1) => Some(b"\x1b[7m\x1b[31m"),
        Some(2) => Some(b"\x1b[1m\x1b[31m"),
        Some(3) => Some(b"\x1b[31m"),
        Some(4) => Some(b"\x1b[1m"),
        _ => text.windows(11).any(|w| w == b"segfault at").then_some(b"\x1b[2m\x1b[31m".as_slice()),
    }
}
