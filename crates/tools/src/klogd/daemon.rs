//! The loop: signals, the log's lines, and the end.

use super::background::{self, Side};
use super::options::{Options, Reload, VERSION};
use super::pidfile::PidFile;
use super::sink::Sink;
use super::source::Source;
use super::symbols::{Note, Symbols};
use crate::backend;
use crate::error::{Failure, errno_text};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::Signal;
use std::io;
use std::os::fd::AsFd;
use sys::signalfd::Inbox;

const ERROR: u32 = 3;
const WARNING: u32 = 4;
const INFO: u32 = 6;

/// How often the log is read before signals are looked at again.
const MANY: u32 = 1000;

/// `syslog(2)`'s action that sets the console's level.
const CONSOLE_LEVEL: i32 = 8;

const SIGNALS: [Signal; 7] =
    [Signal::HUP, Signal::INT, Signal::TERM, Signal::TSTP, Signal::CONT, Signal::USR1, Signal::USR2];

/// Logs until a signal ends it, or with `-o` until nothing is left.
pub fn run(options: &Options) -> Result<u8, Failure> {
    let mut pid_file = PidFile::claim(options)?;
    let failed = |error: io::Error| Failure::new(1, "klogd cannot start").cause(errno_text(&error));
    let ready = match options.once || options.foreground {
        true => None,
        false => match background::split(pid_file.as_ref().map(PidFile::fd)).map_err(failed)? {
            Side::Caller(status) => return Ok(status),
            Side::Daemon(ready) => Some(ready),
        },
    };
    let signals = SIGNALS.map(Signal::as_raw);
    let inbox = Inbox::new(&signals).map_err(failed)?;
    if let Some(file) = &mut pid_file {
        file.write().map_err(failed)?;
    }
    let mut daemon = Daemon {
        options,
        inbox,
        sink: Sink::open(options)?,
        source: None,
        symbols: Symbols::default(),
        partial: Vec::new(),
    };
    daemon.start()?;
    if let Some(ready) = ready {
        ready.tell(daemon.sink.is_stdout(), options.debug).map_err(failed)?;
    }
    let result = if options.once { daemon.once() } else { daemon.serve() };
    if let Some(file) = pid_file {
        file.remove();
    }
    result
}

struct Daemon<'a> {
    options: &'a Options,
    inbox: Inbox,
    sink: Sink,
    /// `None` while it is paused.
    source: Option<Source>,
    symbols: Symbols,
    /// The beginning of a line whose end was not read yet.
    partial: Vec<u8>,
}

impl Daemon<'_> {
    fn start(&mut self) -> Result<(), Failure> {
        self.open_source()?;
        self.reload(Reload::All);
        Ok(())
    }

    fn open_source(&mut self) -> Result<(), Failure> {
        self.set_console_level()?;
        let source = Source::open(self.options)?;
        self.own(INFO, &format!("{VERSION}, log source = {} started.", source.name()));
        self.source = Some(source);
        Ok(())
    }

    fn set_console_level(&mut self) -> Result<(), Failure> {
        let Some(level) = self.options.console else { return Ok(()) };
        let mut log = backend::kernel_log(self.options.instance.as_deref())?;
        if let Err(error) = log.syslog(CONSOLE_LEVEL, level) {
            self.own(WARNING, &format!("Cannot set console log level: {}.", errno_text(&error)));
        }
        Ok(())
    }

    /// Logs what is there.
    fn once(&mut self) -> Result<u8, Failure> {
        let status = self.read_all();
        self.stop();
        self.sink.flush().map_err(|error| Failure::new(1, "klogd cannot write the log").cause(errno_text(&error)))?;
        Ok(status)
    }

    fn serve(&mut self) -> Result<u8, Failure> {
        loop {
            while let Some(signal) = self.inbox.next_signal() {
                if [Signal::INT, Signal::TERM].map(Signal::as_raw).contains(&signal) {
                    // What could not be written anyway stays in the kernel.
                    let status = if self.sink.is_clogged() { 0 } else { self.read_all() };
                    self.stop();
                    // Nobody is left to be told when that fails.
                    let _ = self.sink.flush();
                    return Ok(status);
                }
                self.signal(signal);
            }
            if !self.sink.is_clogged() && self.read_all() != 0 {
                self.stop();
                let _ = self.sink.flush();
                return Ok(1);
            }
            // What fails now is tried again later.
            let _ = self.sink.flush();
            self.wait();
        }
    }

    /// Takes all that the log has now; gives 1 when it cannot be read any more.
    fn read_all(&mut self) -> u8 {
        // Bounded: a log that never ends must not keep klogd from its signals.
        for _ in 0..MANY {
            let Some(source) = &mut self.source else { break };
            match source.read() {
                Ok(Some(bytes)) => self.take(&bytes),
                Ok(None) => break,
                Err(error) => {
                    let text = format!(
                        "Cannot read {}: {} - {}.",
                        source.name(),
                        error.raw_os_error().unwrap_or(0),
                        errno_text(&error)
                    );
                    self.own(ERROR, &text);
                    return 1;
                }
            }
            if self.sink.flush().is_err() {
                break;
            }
        }
        0
    }

    /// Logs the lines in what was read.
    fn take(&mut self, bytes: &[u8]) {
        self.partial.extend_from_slice(bytes);
        let Some(end) = self.partial.iter().rposition(|&c| c == b'\n') else { return };
        let rest = self.partial.split_off(end + 1);
        let lines = std::mem::replace(&mut self.partial, rest);
        for line in lines.split(|&c| c == b'\n') {
            // sysklogd leaves zero bytes out, too.
            let line: Vec<u8> = line.iter().copied().filter(|&c| c != 0).collect();
            if !line.is_empty() {
                self.line(&line);
            }
        }
    }

    fn line(&mut self, line: &[u8]) {
        if self.options.paranoid && self.options.symbols && line.windows(5).any(|part| part == b"Oops:") {
            self.reload(Reload::Modules);
        }
        let expanded = if self.options.symbols { self.symbols.expand(line) } else { None };
        if let Some(expanded) = &expanded {
            self.debug(expanded, INFO);
            self.sink.push(expanded);
        }
        if expanded.is_none() || self.options.twice {
            self.debug(line, INFO);
            self.sink.push(line);
        }
    }

    fn own(&mut self, level: u32, text: &str) {
        self.debug(text.as_bytes(), level);
        self.sink.push_own(level, text);
    }

    fn debug(&self, line: &[u8], priority: u32) {
        if self.options.debug {
            tell!("Logging line:\n\tLine: {}\n\tPriority: {priority}", String::from_utf8_lossy(line));
        }
    }

    fn signal(&mut self, signal: i32) {
        self.own(INFO, &format!("{VERSION}, ---------- state change ----------"));
        match Signal::from_named_raw(signal) {
            Some(Signal::HUP) => self.sink.reopen(),
            Some(Signal::USR1) => self.reload(Reload::Modules),
            Some(Signal::USR2) => self.reload(Reload::All),
            Some(Signal::TSTP) => self.close_source(),
            _ if self.source.is_some() => self.own(INFO, "Kernel logging re-started after SIGSTOP."),
            _ => {
                if let Err(failure) = self.open_source() {
                    self.own(ERROR, &failure.what);
                }
            }
        }
    }

    fn reload(&mut self, what: Reload) {
        if !self.options.symbols {
            return;
        }
        let read =
            backend::modules(self.options.instance.as_deref()).ok().map(|mut files| files.read("/proc/kallsyms"));
        let text = match read {
            Some(Ok(bytes)) => String::from_utf8_lossy(&bytes).into_owned(),
            _ => String::new(),
        };
        let mut notes: Vec<Note> = Vec::new();
        if what == Reload::All {
            let release = rustix::system::uname().release().to_string_lossy().into_owned();
            notes.extend(self.symbols.load_kernel(self.options.map.as_deref(), &release, &text));
        }
        notes.extend(self.symbols.load_modules(&text));
        notes.iter().for_each(|(level, line)| self.own(*level, line));
    }

    fn close_source(&mut self) {
        if let Some(source) = self.source.take() {
            self.own(INFO, &format!("Kernel logging ({}) stopped.", source.kind()));
        }
    }

    fn stop(&mut self) {
        let rest = std::mem::take(&mut self.partial);
        if !rest.is_empty() {
            self.line(&rest);
        }
        self.close_source();
        self.own(INFO, "Kernel log daemon terminating.");
    }

    /// Waits for a signal, for more of the log, or until it is time to look again.
    fn wait(&self) {
        let clogged = self.sink.is_clogged();
        let readable = self.source.as_ref().filter(|_| !clogged).map(Source::pollable);
        // Where nothing tells of news, look ten times a second.
        let again = clogged || matches!(readable, Some(None));
        let limit = again.then_some(Timespec { tv_sec: 0, tv_nsec: 100_000_000 });
        let mut files = vec![PollFd::from_borrowed_fd(self.inbox.as_fd(), PollFlags::IN)];
        files.extend(readable.flatten().map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)));
        // Interrupted or not, the loop looks at everything again.
        let _ = poll(&mut files, limit.as_ref());
    }
}
