//! `dmesg`: prints or controls the kernel's log, with util-linux 2.38.1's options and output (`sys-utils/dmesg.c`).
//!
//! DIFFERS: with `--json` and a log read through `syslog(2)` or `--file`, util-linux 2.38.1 prints each message with
//! all that follows it in the buffer; here it is the message.

mod escape;
mod json;
mod names;
pub mod options;
mod print;
pub mod record;
mod timespec;

use crate::Invocation;
use crate::backend::{self, KernelLog, LogStart};
use crate::clock;
use crate::error::Failure;
use crate::output::{self, Output};
use options::{Action, ColorMode, Options, Stop, TimeFormat};
use print::{Printer, Source};
use record::Wanted;
use std::io::{self, IsTerminal};

const HELP: &str = include_str!("help.txt");

const READ_ALL: i32 = 3;
const READ_CLEAR: i32 = 4;
const CLEAR: i32 = 5;
const CONSOLE_OFF: i32 = 6;
const CONSOLE_ON: i32 = 7;
const CONSOLE_LEVEL: i32 = 8;
const SIZE_BUFFER: i32 = 10;

/// The tool.
pub fn main(call: &Invocation) -> Result<u8, Failure> {
    let options = match options::parse(&call.argv0, &call.words) {
        Ok(options) => options,
        Err(stop) => return stopped(stop),
    };
    let result = match &options.file {
        Some(_) if options.action == Action::Read => print_file(&options),
        // The kernel's log is cleared though another one was read.
        Some(_) if options.action == Action::ReadClear => print_file(&options).and_then(|()| clear(&options)),
        _ => act(&options),
    };
    match result {
        Ok(()) => Ok(0),
        Err(Trouble::Output(error)) => Ok(output::failed("dmesg", &error)),
        Err(Trouble::Said(text)) => {
            tell!("dmesg: {text}");
            Ok(1)
        }
        Err(Trouble::Backend(failure)) => Err(failure),
    }
}

fn stopped(stop: Stop) -> Result<u8, Failure> {
    match stop {
        Stop::Help => return Ok(output::print("dmesg", HELP)),
        Stop::Version => return Ok(output::print("dmesg", "dmesg from util-linux 2.38.1\n")),
        Stop::Refused(text, hint) => {
            if let Some(text) = text {
                tell!("dmesg: {text}");
            }
            if hint {
                tell!("Try 'dmesg --help' for more information.");
            }
        }
    }
    Ok(1)
}

enum Trouble {
    /// Standard output failed.
    Output(io::Error),
    /// A message in dmesg's own words.
    Said(String),
    /// The kernel that was chosen is not there.
    Backend(Failure),
}

fn said<T>(what: impl std::fmt::Display, error: &io::Error) -> Result<T, Trouble> {
    Err(Trouble::Said(format!("{what}: {}", crate::error::errno_text(error))))
}

fn act(options: &Options) -> Result<(), Trouble> {
    let mut log = backend::kernel_log(options.instance.as_deref()).map_err(Trouble::Backend)?;
    let control = |log: &mut dyn KernelLog, action, argument, what: &str| match log.syslog(action, argument) {
        Ok(_) => Ok(()),
        Err(error) => said(what, &error),
    };
    match options.action {
        Action::Clear => control(&mut *log, CLEAR, 0, "clear kernel buffer failed"),
        Action::ConsoleOff => control(&mut *log, CONSOLE_OFF, 0, "klogctl failed"),
        Action::ConsoleOn => control(&mut *log, CONSOLE_ON, 0, "klogctl failed"),
        Action::ConsoleLevel(level) => control(&mut *log, CONSOLE_LEVEL, level, "klogctl failed"),
        Action::Read | Action::ReadClear => print_log(options, &mut *log),
    }
}

fn clear(options: &Options) -> Result<(), Trouble> {
    let mut log = backend::kernel_log(options.instance.as_deref()).map_err(Trouble::Backend)?;
    log.syslog(CLEAR, 0).map(drop).or_else(|error| said("clear kernel buffer failed", &error))
}

/// Prints from `/dev/kmsg`, or where that cannot be read, from `syslog(2)`.
fn print_log(options: &Options, log: &mut dyn KernelLog) -> Result<(), Trouble> {
    let start = if options.only_new { LogStart::End } else { LogStart::Cleared };
    if !options.syslog && log.open(start, options.follow).is_ok() {
        print_kmsg(options, log)?;
        return match options.action {
            Action::ReadClear => {
                log.syslog(CLEAR, 0).map(drop).or_else(|error| said("clear kernel buffer failed", &error))
            }
            _ => Ok(()),
        };
    }
    let action = if options.action == Action::ReadClear { READ_CLEAR } else { READ_ALL };
    let size = match options.buffer_size {
        0 => log.syslog(SIZE_BUFFER, 0).ok().and_then(|got| i32::try_from(got.value).ok()).unwrap_or(16_392),
        size => i32::try_from(size).unwrap_or(i32::MAX),
    };
    match log.syslog(action, size) {
        Ok(got) => print_syslog(options, &got.data),
        Err(error) => said("read kernel buffer failed", &error),
    }
}

fn wanted(options: &Options, color: bool) -> Wanted {
    let priority = options.levels.is_some()
        || options.facilities.is_some()
        || options.decode
        || options.raw
        || options.json
        || color;
    Wanted { priority, time: options.time != TimeFormat::None }
}

fn colors(options: &Options) -> bool {
    let wanted = match options.color {
        ColorMode::Always => true,
        ColorMode::Never => false,
        ColorMode::Auto => io::stdout().is_terminal(),
    };
    wanted && !options.raw
}

fn printer(options: &Options, source: Source, color: bool) -> Printer<'_> {
    let needs_clock =
        !matches!(options.time, TimeFormat::None | TimeFormat::Time | TimeFormat::TimeDelta | TimeFormat::Delta)
            || options.since.is_some()
            || options.until.is_some();
    let epoch = if needs_clock { clock::epoch_of_log() } else { 0 };
    Printer::new(options, source, color, escape::locale_is_utf8(), epoch)
}

fn print_kmsg(options: &Options, log: &mut dyn KernelLog) -> Result<(), Trouble> {
    let color = colors(options);
    let wanted = wanted(options, color);
    let mut printer = printer(options, Source::Kmsg, color);
    let mut out = Output::open(options.pager).map_err(Trouble::Output)?;
    loop {
        match log.next_record() {
            Ok(Some(bytes)) => {
                if let Some(record) = record::kmsg_record(&bytes, wanted) {
                    printer.record(&record, out.buffer());
                }
            }
            Ok(None) => break,
            Err(_) => break,
        }
        if options.follow { out.flush() } else { out.spill() }.map_err(Trouble::Output)?;
    }
    printer.finish(out.buffer());
    out.close().map_err(Trouble::Output)
}

fn print_syslog(options: &Options, bytes: &[u8]) -> Result<(), Trouble> {
    if options.raw && (options.levels.is_some() || options.facilities.is_some()) {
        let text = "--raw can be used together with --level or --facility only when reading messages from /dev/kmsg";
        return Err(Trouble::Said(text.into()));
    }
    let color = colors(options);
    let mut out = Output::open(options.pager).map_err(Trouble::Output)?;
    if options.raw {
        raw(bytes, options.escape, out.buffer());
        return out.close().map_err(Trouble::Output);
    }
    let mut printer = printer(options, Source::Syslog, color);
    for record in record::syslog_records(bytes, wanted(options, color)) {
        printer.record(&record, out.buffer());
        out.spill().map_err(Trouble::Output)?;
    }
    printer.finish(out.buffer());
    out.close().map_err(Trouble::Output)
}

/// The buffer as it is, but for unsafe bytes.
fn raw(bytes: &[u8], escapes: bool, out: &mut Vec<u8>) {
    let style = escape::Style { utf8: escape::locale_is_utf8(), escape: escapes, indent: 0, last: false };
    escape::text(bytes, style, out);
    if !bytes.is_empty() && bytes.last() != Some(&b'\n') {
        out.push(b'\n');
    }
}

fn print_file(options: &Options) -> Result<(), Trouble> {
    let Some(path) = &options.file else { return Ok(()) };
    let shown = path.display();
    let opened = std::fs::File::open(path);
    let file = match opened {
        Ok(file) => file,
        Err(error) => return said(format_args!("cannot open {shown}"), &error),
    };
    // util-linux maps the file; say what mapping would have said of things that cannot be mapped.
    let kind = match file.metadata() {
        Ok(meta) if meta.is_dir() => Some(rustix::io::Errno::NODEV),
        Ok(meta) if meta.len() == 0 => Some(rustix::io::Errno::INVAL),
        Ok(_) => None,
        Err(error) => return said(format_args!("stat of {shown} failed"), &error),
    };
    if let Some(errno) = kind {
        return said(format_args!("cannot mmap: {shown}"), &errno.into());
    }
    let mut bytes = Vec::new();
    match io::Read::read_to_end(&mut { file }, &mut bytes) {
        Ok(_) => print_syslog(options, &bytes),
        Err(error) => said(format_args!("cannot read {shown}"), &error),
    }
}
