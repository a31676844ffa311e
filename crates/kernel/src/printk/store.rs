//! How a message enters the log: `vprintk_emit()` and `vprintk_store()` in `kernel/printk/printk.c`.

use std::sync::atomic::Ordering;

use super::level::{LOGLEVEL_DEFAULT, LOGLEVEL_SCHED, parse_prefix};
use super::ring::{DevInfo, Info, LOG_CONT, LOG_NEWLINE};
use super::{Printk, ratelimit};

/// Level and flags are looked for only in this many bytes of a text.
const PREFIX_BYTES: usize = 7;

/// A text split into what is stored and what it means.
struct Message<'a> {
    text: &'a [u8],
    newline: bool,
}

/// Cuts `text` to what a reservation of `reserve` bytes holds, takes off a newline, and off the kernel's own messages
/// the prefixes.
fn split(text: &[u8], reserve: usize, facility: u8) -> Message<'_> {
    let text = &text[..text.len().min(reserve.saturating_sub(1))];
    let (text, newline) = text.strip_suffix(b"\n").map_or((text, false), |text| (text, true));
    let skip = if facility == 0 { parse_prefix(text).len } else { 0 };
    Message { text: &text[skip..], newline }
}

impl Printk {
    /// Prints a text that is formatted already: what `vprintk_emit` does with it.
    ///
    /// `level` is 0 to 7, [`LOGLEVEL_DEFAULT`], or [`LOGLEVEL_SCHED`] for a deferred message. With facility 0 the text may
    /// start with `KERN_*` prefixes. A message about a device is always a whole line. Returns the length of the stored
    /// text.
    pub fn emit(&self, facility: u8, level: i32, device: Option<&DevInfo>, text: &[u8]) -> usize {
        if self.settings.suppress.load(Ordering::Relaxed) {
            return 0;
        }
        let deferred = level == LOGLEVEL_SCHED;
        let level = if deferred { LOGLEVEL_DEFAULT } else { level };
        let delay = self.settings.delay_ms.load(Ordering::Relaxed);
        if delay > 0 {
            self.context.delay_ms(delay);
        }
        let stored = self.store(facility, level, device, text);
        if deferred {
            self.context.defer_console();
        } else {
            self.flush();
        }
        // The new record also closed the one before, so there may be something to read even if this one stays open.
        if self.watchers.load(Ordering::SeqCst) > 0 {
            self.context.wake_readers();
        }
        stored
    }

    /// `printk()` of a formatted text.
    pub fn print(&self, text: &[u8]) -> usize {
        self.emit(0, LOGLEVEL_DEFAULT, None, text)
    }

    /// `printk_deferred()`: the same, but consoles show it later.
    pub fn print_deferred(&self, text: &[u8]) -> usize {
        self.emit(0, LOGLEVEL_SCHED, None, text)
    }

    /// `___ratelimit()`: asks `state` at the current time and reports what was suppressed before. `function` is the name
    /// that the report carries.
    pub fn ratelimit(&self, state: &mut ratelimit::RateLimit, function: &str) -> bool {
        let allowed = state.ask(self.context.jiffies());
        if let Some(missed) = allowed.report {
            self.print_deferred(&ratelimit::suppressed_message(function, missed));
        }
        allowed.allowed
    }

    fn store(&self, facility: u8, level: i32, device: Option<&DevInfo>, text: &[u8]) -> usize {
        let time_ns = self.context.now_ns();
        let caller_id = self.context.caller_id();
        let reserve = text.len().saturating_add(1).min(self.limits.record);

        let head = &text[..text.len().min(PREFIX_BYTES)];
        let prefix = if facility == 0 { parse_prefix(head) } else { Default::default() };
        let level = match (level, prefix.level) {
            (LOGLEVEL_DEFAULT, Some(level)) => i32::from(level),
            (LOGLEVEL_DEFAULT, None) => self.levels.default_message(),
            (level, _) => level,
        };
        let message = split(text, reserve, facility);
        let newline = message.newline || device.is_some();

        let mut flags = if newline { LOG_NEWLINE } else { 0 };
        let device = device.cloned().map(Box::new);
        let mut ring = self.ring();
        if prefix.cont {
            if ring.extend_last(caller_id, message.text, reserve, self.limits.record, newline) {
                return message.text.len();
            }
            flags |= LOG_CONT;
        }
        let info = Info { time_ns, facility, level: (level & 7) as u8, flags, caller_id, device };
        ring.push(info, message.text, reserve, !newline);
        message.text.len()
    }
}
