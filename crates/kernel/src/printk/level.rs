//! Levels: `KERN_*` prefixes, and the four numbers of `/proc/sys/kernel/printk`.

use std::sync::atomic::{AtomicI32, Ordering};

use super::Error;

/// No level was given: the default message level applies (`LOGLEVEL_DEFAULT`).
pub const LOGLEVEL_DEFAULT: i32 = -1;
/// As [`LOGLEVEL_DEFAULT`], but consoles must not be written now (`LOGLEVEL_SCHED`).
pub const LOGLEVEL_SCHED: i32 = -2;

/// What the `KERN_*` prefixes in front of a text say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Prefix {
    /// Bytes of all prefixes.
    pub len: usize,
    /// The first level among them.
    pub level: Option<u8>,
    /// `KERN_CONT` is among them.
    pub cont: bool,
}

/// Parses `KERN_SOH` prefixes: a byte 1 and a level `0` to `7`, or `c` for a continuation. Any number may follow each
/// other.
#[must_use]
pub fn parse_prefix(text: &[u8]) -> Prefix {
    let mut prefix = Prefix::default();
    for pair in text.chunks_exact(2) {
        match *pair {
            [1, level @ b'0'..=b'7'] => {
                prefix.level.get_or_insert(level - b'0');
            }
            [1, b'c'] => prefix.cont = true,
            _ => break,
        }
        prefix.len += 2;
    }
    prefix
}

/// `console_printk[4]`: which messages the console shows, and what a message without a level gets.
#[derive(Debug)]
pub struct Levels {
    console: AtomicI32,
    default_message: AtomicI32,
    minimum_console: AtomicI32,
    default_console: AtomicI32,
    /// The console's level before it was switched off; [`LOGLEVEL_DEFAULT`] while it is on.
    saved: AtomicI32,
}

impl Levels {
    /// What Debian's kernels boot with: `7 4 1 7`; with `quiet` on the command line `4 4 1 7`.
    #[must_use]
    pub fn new(quiet: bool) -> Self {
        Self {
            console: AtomicI32::new(if quiet { 4 } else { 7 }),
            default_message: AtomicI32::new(4),
            minimum_console: AtomicI32::new(1),
            default_console: AtomicI32::new(7),
            saved: AtomicI32::new(LOGLEVEL_DEFAULT),
        }
    }

    fn cells(&self) -> [&AtomicI32; 4] {
        [&self.console, &self.default_message, &self.minimum_console, &self.default_console]
    }

    /// The four values in the order of `/proc/sys/kernel/printk`: console, default message, minimum console, default
    /// console.
    #[must_use]
    pub fn get(&self) -> [i32; 4] {
        self.cells().map(|cell| cell.load(Ordering::Relaxed))
    }

    /// Sets the four values, whatever they are: the kernel checks nothing here.
    pub fn set(&self, values: [i32; 4]) {
        for (cell, value) in self.cells().into_iter().zip(values) {
            cell.store(value, Ordering::Relaxed);
        }
    }

    /// The console shows messages whose level is below this.
    #[must_use]
    pub fn console(&self) -> i32 {
        self.console.load(Ordering::Relaxed)
    }

    pub(super) fn default_message(&self) -> i32 {
        self.default_message.load(Ordering::Relaxed)
    }

    /// SYSLOG_ACTION_CONSOLE_OFF.
    pub(super) fn console_off(&self) {
        let _ = self.saved.compare_exchange(LOGLEVEL_DEFAULT, self.console(), Ordering::Relaxed, Ordering::Relaxed);
        self.console.store(self.minimum_console.load(Ordering::Relaxed), Ordering::Relaxed);
    }

    /// SYSLOG_ACTION_CONSOLE_ON.
    pub(super) fn console_on(&self) {
        let saved = self.saved.swap(LOGLEVEL_DEFAULT, Ordering::Relaxed);
        if saved != LOGLEVEL_DEFAULT {
            self.console.store(saved, Ordering::Relaxed);
        }
    }

    /// SYSLOG_ACTION_CONSOLE_LEVEL: 1 to 8; also switches the console on again.
    pub(super) fn set_console(&self, level: i32) -> Result<(), Error> {
        if !(1..=8).contains(&level) {
            return Err(Error::Invalid);
        }
        self.console.store(level.max(self.minimum_console.load(Ordering::Relaxed)), Ordering::Relaxed);
        self.saved.store(LOGLEVEL_DEFAULT, Ordering::Relaxed);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes() {
        for (text, len, level, cont) in [
            ("\x016text", 2, Some(6), false),
            ("\x01ctext", 2, None, true),
            ("\x01c\x013two", 4, Some(3), true),
            ("\x013\x016x", 4, Some(3), false),
            ("\x019x", 0, None, false),
            ("<3>old", 0, None, false),
            ("\x01", 0, None, false),
            ("", 0, None, false),
        ] {
            assert_eq!(parse_prefix(text.as_bytes()), Prefix { len, level, cont }, "{text:?}");
        }
    }

    #[test]
    fn the_console_goes_off_and_on() {
        let levels = Levels::new(false);
        levels.console_off();
        levels.console_off();
        assert_eq!(levels.get(), [1, 4, 1, 7]);
        levels.console_on();
        levels.console_on();
        assert_eq!(levels.console(), 7);
        levels.set([7, 4, 3, 7]);
        levels.set_console(1).unwrap();
        assert_eq!(levels.console(), 3);
        assert_eq!([0, 9, -1].map(|n| levels.set_console(n)), [Err(Error::Invalid); 3]);
        assert_eq!(Levels::new(true).console(), 4);
    }
}
