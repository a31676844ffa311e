//! `__ratelimit()` (`lib/ratelimit.c`) over the fields of a `struct ratelimit_state`.
//!
//! The structure itself is the module's memory. Whoever reads and writes it also tries its lock: while somebody else
//! holds that, the answer is no, without a look at the rest.

/// Report what was suppressed only at the end (in `flags`).
pub const RATELIMIT_MSG_ON_RELEASE: u64 = 1;

/// The fields of a `struct ratelimit_state`, without its lock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RateLimit {
    /// Length of an interval in ticks; 0: no limit.
    pub interval: i32,
    /// How many times in an interval.
    pub burst: i32,
    /// How many times in this interval so far.
    pub printed: i32,
    /// How many times it said no.
    pub missed: i32,
    /// When this interval began.
    pub begin: u64,
    /// [`RATELIMIT_MSG_ON_RELEASE`].
    pub flags: u64,
}

/// The answer of a rate limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowed {
    /// Go ahead.
    pub allowed: bool,
    /// A new interval has begun: report this many suppressed calls (see [`suppressed_message`]).
    pub report: Option<i32>,
}

impl RateLimit {
    /// The usual limit: 10 times in 5 seconds.
    #[must_use]
    pub fn usual(hz: u32) -> Self {
        Self { interval: i32::try_from(hz.saturating_mul(5)).unwrap_or(i32::MAX), burst: 10, ..Self::default() }
    }

    /// Asks whether to go ahead at `jiffies`.
    pub fn ask(&mut self, jiffies: u64) -> Allowed {
        if self.interval == 0 {
            return Allowed { allowed: true, report: None };
        }
        if self.begin == 0 {
            self.begin = jiffies;
        }
        let mut report = None;
        let end = self.begin.wrapping_add(self.interval as i64 as u64);
        if (end.wrapping_sub(jiffies) as i64) < 0 {
            if self.missed != 0 && self.flags & RATELIMIT_MSG_ON_RELEASE == 0 {
                report = Some(std::mem::take(&mut self.missed));
            }
            self.begin = jiffies;
            self.printed = 0;
        }
        let allowed = self.burst != 0 && self.burst > self.printed;
        if allowed {
            self.printed = self.printed.wrapping_add(1);
        } else {
            self.missed = self.missed.wrapping_add(1);
        }
        Allowed { allowed, report }
    }
}

/// The report of suppressed calls, with its level.
#[must_use]
pub fn suppressed_message(function: &str, missed: i32) -> Vec<u8> {
    format!("\x014{function}: {missed} callbacks suppressed\n").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_the_rest_is_counted() {
        let mut limit = RateLimit { interval: 125, burst: 3, ..RateLimit::default() };
        let start = u64::MAX - 50;
        let answers: Vec<bool> = (0..5).map(|_| limit.ask(start).allowed).collect();
        assert_eq!(answers, [true, true, true, false, false]);
        // At the very end of the interval it is still the old one; the counter of ticks wraps around meanwhile.
        assert_eq!(limit.ask(start.wrapping_add(125)), Allowed { allowed: false, report: None });
        assert_eq!(limit.ask(start.wrapping_add(126)), Allowed { allowed: true, report: Some(3) });
        assert_eq!((limit.printed, limit.missed), (1, 0));
        assert_eq!(suppressed_message("own_limit", 2), b"\x014own_limit: 2 callbacks suppressed\n");
    }

    #[test]
    fn special_settings() {
        let mut none = RateLimit { burst: 1, ..RateLimit::default() };
        assert!((0..9).all(|_| none.ask(1).allowed));
        let mut never = RateLimit { interval: 5, ..RateLimit::default() };
        assert!(!never.ask(1).allowed);
        let mut late = RateLimit { flags: RATELIMIT_MSG_ON_RELEASE, ..RateLimit::usual(250) };
        (0..12).for_each(|_| assert!(late.ask(1).report.is_none()));
        assert_eq!((late.missed, late.ask(2000).report, late.missed), (2, None, 2));
    }
}
