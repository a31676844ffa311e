//! `syslog(2)` and `/proc/kmsg`: `do_syslog()` in `kernel/printk/printk.c`.

use std::sync::atomic::Ordering;

use super::ring::Ring;
use super::text::{LineStyle, print_lines, printed_size};
use super::{Error, Printk, UserBuffer, Wait, lock};

const ACTION_CLOSE: i32 = 0;
const ACTION_OPEN: i32 = 1;
const ACTION_READ: i32 = 2;
const ACTION_READ_ALL: i32 = 3;
const ACTION_READ_CLEAR: i32 = 4;
const ACTION_CLEAR: i32 = 5;
const ACTION_CONSOLE_OFF: i32 = 6;
const ACTION_CONSOLE_ON: i32 = 7;
const ACTION_CONSOLE_LEVEL: i32 = 8;
const ACTION_SIZE_UNREAD: i32 = 9;
const ACTION_SIZE_BUFFER: i32 = 10;

/// Through what the log is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The system call.
    Call,
    /// `/proc/kmsg`, whose open has checked the caller already.
    ProcFile,
}

/// Who calls `syslog(2)`.
#[derive(Clone, Copy, Debug)]
pub struct SyslogCaller<'a> {
    /// It has CAP_SYSLOG.
    pub cap_syslog: bool,
    /// It has CAP_SYS_ADMIN, which is accepted too, with a warning.
    pub cap_sys_admin: bool,
    /// Its name and process id, for that warning.
    pub comm: &'a str,
    /// See `comm`.
    pub pid: i32,
}

/// How far reading that consumes (`SYSLOG_ACTION_READ`) has come.
#[derive(Debug, Default)]
pub(super) struct Position {
    seq: u64,
    /// Bytes of the record's lines that were read already.
    partial: usize,
    /// Whether those bytes had time stamps.
    time: bool,
    /// The warning about CAP_SYS_ADMIN was printed.
    warned: bool,
}

impl Printk {
    /// `syslog(2)`: actions 0 to 10. `len` is its third argument, `buf` its second (`None`: NULL). Returns what the call
    /// returns when it succeeds.
    ///
    /// # Errors
    /// [`Error::NotPermitted`], [`Error::Invalid`], [`Error::Fault`] and, while action 2 waits, [`Error::Interrupted`],
    /// where the kernel has them.
    pub fn syslog(
        &self,
        action: i32,
        buf: Option<&mut dyn UserBuffer>,
        len: i32,
        caller: &SyslogCaller<'_>,
        source: Source,
        wait: &dyn Wait,
    ) -> Result<usize, Error> {
        self.check_syslog(action, caller, source)?;
        match action {
            ACTION_CLOSE | ACTION_OPEN => {}
            ACTION_READ | ACTION_READ_ALL | ACTION_READ_CLEAR => {
                let (Some(buf), Ok(size)) = (buf, usize::try_from(len)) else { return Err(Error::Invalid) };
                return match action {
                    _ if size == 0 => Ok(0),
                    _ if !buf.accessible() => Err(Error::Fault),
                    ACTION_READ => self.syslog_read(buf, size, wait),
                    _ => self.syslog_read_all(buf, size, action == ACTION_READ_CLEAR),
                };
            }
            ACTION_CLEAR => self.clear_seq.store(self.ring().next_seq(), Ordering::SeqCst),
            ACTION_CONSOLE_OFF => self.levels.console_off(),
            ACTION_CONSOLE_ON => self.levels.console_on(),
            ACTION_CONSOLE_LEVEL => self.levels.set_console(len)?,
            ACTION_SIZE_UNREAD => return Ok(self.syslog_unread(source)),
            ACTION_SIZE_BUFFER => return Ok(self.ring().size()),
            _ => return Err(Error::Invalid),
        }
        Ok(0)
    }

    /// Whether the caller may do this (`check_syslog_permissions()`).
    ///
    /// # Errors
    /// [`Error::NotPermitted`].
    pub fn check_syslog(&self, action: i32, caller: &SyslogCaller<'_>, source: Source) -> Result<(), Error> {
        if source == Source::ProcFile && action != ACTION_OPEN {
            return Ok(());
        }
        let restricted = self.settings.dmesg_restrict.load(Ordering::Relaxed) != 0
            || !matches!(action, ACTION_READ_ALL | ACTION_SIZE_BUFFER);
        if !restricted || caller.cap_syslog {
            return Ok(());
        }
        if !caller.cap_sys_admin {
            return Err(Error::NotPermitted);
        }
        if !std::mem::replace(&mut lock(&self.syslog).warned, true) {
            let text = format!(
                "\x014{} ({}): Attempt to access syslog with CAP_SYS_ADMIN but no CAP_SYSLOG (deprecated).\n",
                caller.comm, caller.pid
            );
            self.print(text.as_bytes());
        }
        Ok(())
    }

    /// Whether the system call's read would find something now; for poll on `/proc/kmsg`.
    #[must_use]
    pub fn syslog_readable(&self) -> bool {
        let seq = lock(&self.syslog).seq;
        seq < self.ring().next_seq()
    }

    /// Reads and consumes; waits for the first record.
    fn syslog_read(&self, buf: &mut dyn UserBuffer, mut size: usize, wait: &dyn Wait) -> Result<usize, Error> {
        let mut position = lock(&self.syslog);
        loop {
            let seq = position.seq;
            drop(position);
            self.wait_for(seq, wait)?;
            position = lock(&self.syslog);
            if position.seq == seq {
                break;
            }
        }
        let mut copied = 0;
        let mut text = Vec::new();
        while size > 0 {
            text.clear();
            let Some(part) = self.next_part(&mut position, &mut text, size, copied > 0) else { break };
            let bytes = &text[part.clone()];
            match buf.append(bytes) {
                Ok(()) => {}
                Err(error) if copied == 0 => return Err(error),
                Err(_) => break,
            }
            copied += bytes.len();
            size -= bytes.len();
        }
        Ok(copied)
    }

    /// Prints the record at the position and moves it: by a whole record that fits, or, when it is the first of this
    /// read, by what fits of it. Gives the bytes of `text` to copy.
    fn next_part(
        &self,
        position: &mut Position,
        text: &mut Vec<u8>,
        size: usize,
        continued: bool,
    ) -> Option<std::ops::Range<usize>> {
        let ring = self.ring();
        let record = ring.get(position.seq)?;
        if record.seq != position.seq {
            position.seq = record.seq;
            position.partial = 0;
        }
        if position.partial == 0 {
            position.time = self.settings.time.load(Ordering::Relaxed);
        }
        let style = LineStyle { time: position.time, ..self.line_style(true) };
        let len = print_lines(&record, style, self.limits.printed, text);
        let start = position.partial.min(len);
        if len - start <= size {
            position.seq += 1;
            position.partial = 0;
            return (start < len).then_some(start..len);
        }
        if continued {
            return None;
        }
        position.partial = start + size;
        Some(start..start + size)
    }

    /// Reads the newest records that fit, from the last clear on.
    fn syslog_read_all(&self, buf: &mut dyn UserBuffer, size: usize, clear: bool) -> Result<usize, Error> {
        let style = self.line_style(true);
        let from = self.clear_seq.load(Ordering::SeqCst);
        let mut seq = Self::first_fitting(&self.ring(), from, u64::MAX, size, style);
        let mut text = Vec::new();
        let mut copied = 0;
        let mut result = Ok(());
        loop {
            text.clear();
            let ring = self.ring();
            let Some(record) = ring.get(seq) else { break };
            let len = print_lines(&record, style, self.limits.printed, &mut text);
            if copied + len > size {
                break;
            }
            seq = record.seq + 1;
            drop(ring);
            result = buf.append(&text);
            if result.is_err() {
                break;
            }
            copied += len;
        }
        if clear {
            self.clear_seq.store(seq, Ordering::SeqCst);
        }
        result.map(|()| copied)
    }

    /// The first record from `from` on with which everything newer, up to `end`, fits into `size` bytes.
    pub(super) fn first_fitting(ring: &Ring, from: u64, end: u64, size: usize, style: LineStyle) -> u64 {
        let from = from.max(ring.first_seq());
        let mut used = 0;
        let mut seq = end.min(ring.next_seq()).max(from);
        while seq > from {
            let Some(record) = ring.get(seq - 1) else { break };
            used += printed_size(&record, style);
            if used > size {
                break;
            }
            seq -= 1;
        }
        seq
    }

    /// Bytes that reading would give; for `/proc/kmsg` the number of records is enough.
    fn syslog_unread(&self, source: Source) -> usize {
        let mut position = lock(&self.syslog);
        let ring = self.ring();
        let Some(first) = ring.get(position.seq) else { return 0 };
        if first.seq != position.seq {
            position.seq = first.seq;
            position.partial = 0;
        }
        if source == Source::ProcFile {
            return usize::try_from(ring.next_seq() - position.seq).unwrap_or(usize::MAX);
        }
        let style = self.line_style(true);
        let first_style = LineStyle { time: if position.partial > 0 { position.time } else { style.time }, ..style };
        let size: usize = (position.seq..ring.next_seq())
            .filter_map(|seq| ring.get(seq))
            .map(|record| printed_size(&record, if record.seq == position.seq { first_style } else { style }))
            .sum();
        size.saturating_sub(position.partial)
    }
}
