//! dmesg's command line: util-linux 2.38.1's options, names and refusals (`sys-utils/dmesg.c`, `dmesg(1)`).

use super::names::{self, FACILITIES, LEVELS};
use super::timespec;
use crate::getopt::{Arg, Long, Opt, Parser, Spec};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// What to do with the kernel's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Print it.
    Read,
    /// Print it, then clear it.
    ReadClear,
    /// Clear it.
    Clear,
    /// Stop printing to the console.
    ConsoleOff,
    /// Print to the console again.
    ConsoleOn,
    /// Set the console's level.
    ConsoleLevel(i32),
}

/// How a record's time is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeFormat {
    /// Not at all.
    None,
    /// Seconds since boot.
    Time,
    /// Seconds since boot, and since the last record.
    TimeDelta,
    /// Seconds since the last record.
    Delta,
    /// The minute, then seconds since the last record.
    Reltime,
    /// The date in words.
    Ctime,
    /// The date in words, and seconds since the last record.
    CtimeDelta,
    /// ISO 8601.
    Iso,
}

/// When to colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColorMode {
    /// When standard output is a terminal.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// A command line, read.
#[derive(Debug, Clone)]
pub struct Options {
    pub action: Action,
    pub file: Option<PathBuf>,
    pub syslog: bool,
    pub buffer_size: usize,
    /// Bits of the accepted levels, where the option was given.
    pub levels: Option<u32>,
    /// Bits of the accepted facilities, where an option was given.
    pub facilities: Option<u32>,
    pub time: TimeFormat,
    pub raw: bool,
    pub decode: bool,
    pub json: bool,
    pub color: ColorMode,
    pub pager: bool,
    pub follow: bool,
    /// Skip what is there already.
    pub only_new: bool,
    pub force_prefix: bool,
    pub escape: bool,
    /// Seconds since the epoch.
    pub since: Option<i64>,
    /// Seconds since the epoch.
    pub until: Option<i64>,
    /// `--instance`: whose log.
    pub instance: Option<OsString>,
}

impl Options {
    fn new() -> Self {
        Self {
            action: Action::Read,
            file: None,
            syslog: false,
            buffer_size: 0,
            levels: None,
            facilities: None,
            time: TimeFormat::Time,
            raw: false,
            decode: false,
            json: false,
            color: ColorMode::Auto,
            pager: false,
            follow: false,
            only_new: false,
            force_prefix: false,
            escape: true,
            since: None,
            until: None,
            instance: None,
        }
    }
}

/// Why there are no options.
#[derive(Debug, PartialEq, Eq)]
pub enum Stop {
    /// `--help`.
    Help,
    /// `--version`.
    Version,
    /// A refusal: the text behind `dmesg: ` (or nothing, when it is said already) and whether the hint follows.
    Refused(Option<String>, bool),
}

fn refuse<T>(text: String) -> Result<T, Stop> {
    Err(Stop::Refused(Some(text), false))
}

const NOESCAPE: char = '\u{e000}';
const SINCE: char = '\u{e001}';
const UNTIL: char = '\u{e002}';
const TIME_FORMAT: char = '\u{e003}';
/// The option that every tool of lkm has: which kernel.
pub const INSTANCE: char = '\u{e004}';

const LONG: &[Long] = &[
    ("buffer-size", Arg::Required, 's'),
    ("clear", Arg::No, 'C'),
    ("color", Arg::Optional, 'L'),
    ("console-level", Arg::Required, 'n'),
    ("console-off", Arg::No, 'D'),
    ("console-on", Arg::No, 'E'),
    ("decode", Arg::No, 'x'),
    ("file", Arg::Required, 'F'),
    ("facility", Arg::Required, 'f'),
    ("follow", Arg::No, 'w'),
    ("follow-new", Arg::No, 'W'),
    ("human", Arg::No, 'H'),
    ("help", Arg::No, 'h'),
    ("json", Arg::No, 'J'),
    ("kernel", Arg::No, 'k'),
    ("level", Arg::Required, 'l'),
    ("since", Arg::Required, SINCE),
    ("syslog", Arg::No, 'S'),
    ("raw", Arg::No, 'r'),
    ("read-clear", Arg::No, 'c'),
    ("reltime", Arg::No, 'e'),
    ("show-delta", Arg::No, 'd'),
    ("ctime", Arg::No, 'T'),
    ("noescape", Arg::No, NOESCAPE),
    ("notime", Arg::No, 't'),
    ("nopager", Arg::No, 'P'),
    ("until", Arg::Required, UNTIL),
    ("userspace", Arg::No, 'u'),
    ("version", Arg::No, 'V'),
    ("time-format", Arg::Required, TIME_FORMAT),
    ("force-prefix", Arg::No, 'p'),
    ("instance", Arg::Required, INSTANCE),
];

/// The options; `cli` tells of them.
pub const SPEC: Spec = Spec { short: "CcDdEeF:f:HhiJkL::l:n:PprSs:TtuVWwx", long: LONG };

/// Options that exclude each other, in the order in which a refusal names them.
const EXCLUSIVE: &[&[char]] = &[
    &['C', 'D', 'E', 'c', 'n', 'r'],
    &['H', 'r'],
    &['L', 'r'],
    &['S', 'w'],
    &['T', 'r'],
    &['d', 'r'],
    &['e', 'r'],
    &['r', 'x'],
    &['r', 't'],
];

/// Refuses options that exclude each other as soon as the second one stands there.
#[derive(Default)]
struct Exclusion {
    seen: [Option<char>; EXCLUSIVE.len()],
}

impl Exclusion {
    fn check(&mut self, code: char) -> Result<(), Stop> {
        for (group, seen) in EXCLUSIVE.iter().zip(&mut self.seen) {
            if !group.contains(&code) {
                continue;
            }
            match *seen {
                None => *seen = Some(code),
                Some(first) if first != code => {
                    let names = group.iter().map(|&c| format!(" {}", spelled(c))).collect::<String>();
                    return refuse(format!("mutually exclusive arguments:{names}"));
                }
                Some(_) => {}
            }
        }
        Ok(())
    }
}

fn spelled(code: char) -> String {
    match LONG.iter().find(|&&(_, _, c)| c == code) {
        Some((name, ..)) => format!("--{name}"),
        None => format!("-{code}"),
    }
}

/// Reads the command line.
pub fn parse(argv0: &OsStr, words: &[OsString]) -> Result<Options, Stop> {
    let mut parser = Parser::new(SPEC, argv0, words);
    let mut options = Options::new();
    let mut exclusion = Exclusion::default();
    let mut delta = false;
    while let Some(option) = parser.next_option() {
        let Opt::Known(code, value) = option else { return Err(Stop::Refused(None, true)) };
        exclusion.check(code)?;
        match value {
            Some(value) => options.take_value(code, value)?,
            None if code == 'd' => delta = true,
            None => options.take_flag(code)?,
        }
    }
    if !parser.operands().is_empty() {
        return Err(Stop::Refused(Some("bad usage".into()), true));
    }
    if options.json {
        options.time = TimeFormat::Time;
        delta = false;
        options.force_prefix = false;
        options.raw = false;
        options.escape = true;
    }
    if delta {
        options.time = match options.time {
            TimeFormat::Ctime => TimeFormat::CtimeDelta,
            TimeFormat::Time => TimeFormat::TimeDelta,
            TimeFormat::Iso => {
                tell!("dmesg: --show-delta is ignored when used together with iso8601 time format");
                TimeFormat::Iso
            }
            _ => TimeFormat::Delta,
        };
    }
    Ok(options)
}

impl Options {
    fn take_flag(&mut self, code: char) -> Result<(), Stop> {
        match code {
            'C' => self.action = Action::Clear,
            'c' => self.action = Action::ReadClear,
            'D' => self.action = Action::ConsoleOff,
            'E' => self.action = Action::ConsoleOn,
            'e' => self.time = TimeFormat::Reltime,
            'H' => {
                self.time = TimeFormat::Reltime;
                self.color = ColorMode::Auto;
                self.pager = true;
            }
            'J' => self.json = true,
            'k' => *self.facilities.get_or_insert(0) |= 1,
            'L' => self.color = ColorMode::Auto,
            'P' => self.pager = false,
            'p' => self.force_prefix = true,
            'r' => self.raw = true,
            'S' => self.syslog = true,
            'T' => self.time = TimeFormat::Ctime,
            't' => self.time = TimeFormat::None,
            'u' => *self.facilities.get_or_insert(0) |= names::all_bits(FACILITIES.len()) & !1,
            'W' => (self.follow, self.only_new) = (true, true),
            'w' => self.follow = true,
            'x' => self.decode = true,
            NOESCAPE => self.escape = false,
            'h' => return Err(Stop::Help),
            'V' => return Err(Stop::Version),
            _ => return Err(Stop::Refused(None, true)),
        }
        Ok(())
    }

    fn take_value(&mut self, code: char, value: OsString) -> Result<(), Stop> {
        let bytes = value.as_bytes();
        match code {
            'F' => self.file = Some(PathBuf::from(value)),
            'f' => *self.facilities.get_or_insert(0) |= list(bytes, "facility", &FACILITIES)?,
            'l' => *self.levels.get_or_insert(0) |= list(bytes, "level", &LEVELS)?,
            'L' => self.color = color_mode(bytes)?,
            'n' => self.action = Action::ConsoleLevel(console_level(bytes)?),
            's' => self.buffer_size = buffer_size(bytes)?,
            SINCE => self.since = Some(time_value(bytes)?),
            UNTIL => self.until = Some(time_value(bytes)?),
            TIME_FORMAT => self.time = time_format(bytes)?,
            INSTANCE => self.instance = Some(value),
            _ => return Err(Stop::Refused(None, true)),
        }
        Ok(())
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A comma-separated list of names or numbers, as bits. A comma at the very end belongs to the last name.
fn list(bytes: &[u8], what: &str, names: &[(&str, &str)]) -> Result<u32, Stop> {
    let mut bits = 0;
    let mut rest = bytes;
    while !rest.is_empty() {
        let end = match rest.iter().position(|&c| c == b',') {
            Some(at) if at + 1 < rest.len() => at,
            _ => rest.len(),
        };
        let (name, tail) = rest.split_at(end);
        if name.is_empty() {
            return Err(Stop::Refused(None, false));
        }
        match names::number_of(name, names) {
            Some(number) => bits |= 1 << number,
            None => return refuse(format!("unknown {what} '{}'", text(rest))),
        }
        rest = tail.get(1..).unwrap_or_default();
    }
    Ok(bits)
}

fn console_level(bytes: &[u8]) -> Result<i32, Stop> {
    let number = std::str::from_utf8(bytes).ok().filter(|t| t.starts_with(|c: char| c.is_ascii_digit()));
    let level = match number {
        Some(number) => number.parse().ok().filter(|n| (1..=8).contains(n)),
        None => names::number_of(bytes, &LEVELS).map(|n| n + 1),
    };
    match level.and_then(|n| i32::try_from(n).ok()) {
        Some(level) => Ok(level),
        None => refuse(format!("unknown level '{}'", text(bytes))),
    }
}

fn color_mode(bytes: &[u8]) -> Result<ColorMode, Stop> {
    let name = bytes.strip_prefix(b"=").unwrap_or(bytes);
    match name.to_ascii_lowercase().as_slice() {
        b"auto" => Ok(ColorMode::Auto),
        b"always" => Ok(ColorMode::Always),
        b"never" => Ok(ColorMode::Never),
        _ => refuse(format!("unsupported color mode: '{}'", text(name))),
    }
}

fn buffer_size(bytes: &[u8]) -> Result<usize, Stop> {
    let word = text(bytes);
    let number = word.trim_start();
    let digits = number.strip_prefix(['-', '+']).unwrap_or(number);
    if digits.is_empty() || !digits.bytes().all(|c| c.is_ascii_digit()) {
        return refuse(format!("invalid buffer size argument: '{word}'"));
    }
    match number.parse::<u32>().ok().and_then(|n| usize::try_from(n).ok()) {
        Some(size) => Ok(size.max(4096)),
        None => refuse(format!("invalid buffer size argument: '{word}': {}", crate::error::strerror(34))),
    }
}

fn time_value(bytes: &[u8]) -> Result<i64, Stop> {
    match timespec::parse(&text(bytes)) {
        Some(seconds) => Ok(seconds),
        None => refuse(format!("invalid time value \"{}\"", text(bytes))),
    }
}

fn time_format(bytes: &[u8]) -> Result<TimeFormat, Stop> {
    Ok(match bytes {
        b"delta" => TimeFormat::Delta,
        b"ctime" => TimeFormat::Ctime,
        b"reltime" => TimeFormat::Reltime,
        b"notime" => TimeFormat::None,
        b"iso" => TimeFormat::Iso,
        _ => return refuse(format!("unknown time format: {}", text(bytes))),
    })
}
