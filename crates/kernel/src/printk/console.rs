//! Consoles: whoever prints also brings the new records to them (`console_unlock()` in `kernel/printk/printk.c`).

use std::sync::TryLockError;
use std::sync::atomic::Ordering;

use super::text::{print_extended, print_lines};
use super::{Printk, lock};

/// A place where the log appears live.
pub trait Console: Send {
    /// Takes whole lines. What it prints itself appears after it returns.
    fn write(&mut self, lines: &[u8]);

    /// Whether it wants records as `/dev/kmsg` shows them instead of lines.
    fn extended(&self) -> bool {
        false
    }
}

struct Registered {
    console: Box<dyn Console>,
    /// The next record to show.
    seq: u64,
    /// Records that were overwritten before they were shown.
    dropped: u64,
}

/// All consoles.
#[derive(Default)]
pub(super) struct Consoles {
    list: Vec<Registered>,
}

impl Printk {
    /// Adds a console. With `replay` it starts with the oldest record, as one registered at boot does; without, with the
    /// next.
    pub fn register_console(&self, console: Box<dyn Console>, replay: bool) {
        let mut consoles = lock(&self.consoles);
        let ring = self.ring();
        let seq = if replay { ring.first_seq() } else { ring.next_seq() };
        drop(ring);
        consoles.list.push(Registered { console, seq, dropped: 0 });
        drop(consoles);
        self.has_consoles.store(true, Ordering::SeqCst);
        self.flush();
    }

    /// Shows on all consoles what is new. When somebody else is doing so already, it is left to them.
    pub fn flush(&self) {
        if !self.has_consoles.load(Ordering::Relaxed) {
            return;
        }
        loop {
            let mut consoles = match self.consoles.try_lock() {
                Ok(consoles) => consoles,
                Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
                Err(TryLockError::WouldBlock) => return,
            };
            // Each console in turn, so that none runs far ahead of the others.
            while consoles.list.iter_mut().filter_map(|console| self.show_next(console).then_some(())).count() > 0 {}
            let shown = consoles.list.iter().map(|console| console.seq).min();
            drop(consoles);
            // A record may have come after the last look, from somebody who found the consoles taken.
            if shown.is_none_or(|seq| self.ring().next_seq() <= seq) {
                return;
            }
        }
    }

    /// Shows one record; false when there is none. Suppressed ones are passed over.
    fn show_next(&self, console: &mut Registered) -> bool {
        let limit = self.levels.console();
        let all = self.settings.ignore_loglevel.load(Ordering::Relaxed);
        let mut text = Vec::new();
        let ring = self.ring();
        loop {
            let Some(record) = ring.get(console.seq) else { return false };
            console.dropped += record.seq - console.seq;
            console.seq = record.seq + 1;
            if !all && i32::from(record.info.level) >= limit {
                continue;
            }
            if console.console.extended() {
                text = print_extended(&record, self.show_caller);
            } else {
                print_lines(&record, self.line_style(false), self.limits.printed, &mut text);
            }
            break;
        }
        drop(ring);
        if console.dropped > 0 && !console.console.extended() {
            console.console.write(format!("** {} printk messages dropped **\n", console.dropped).as_bytes());
            console.dropped = 0;
        }
        console.console.write(&text);
        true
    }
}
