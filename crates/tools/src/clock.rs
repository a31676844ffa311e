//! Wall-clock time for records: when the machine booted, and local time as the C library shows it.

use rustix::time::{ClockId, clock_gettime};
use std::sync::OnceLock;
use tz::{LocalTimeType, TimeZone};

const DAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Now, in seconds and nanoseconds since the epoch.
pub fn now() -> (i64, i64) {
    let now = clock_gettime(ClockId::Realtime);
    (now.tv_sec, now.tv_nsec)
}

/// The second since the epoch that a record with time zero belongs to: the boot, corrected by the time asleep.
pub fn epoch_of_log() -> i64 {
    let uptime = clock_gettime(ClockId::Boottime);
    let monotonic = clock_gettime(ClockId::Monotonic);
    let (seconds, nanos) = now();
    let borrow = i64::from(nanos / 1000 < uptime.tv_nsec / 1000);
    let asleep = micros(uptime.tv_sec, uptime.tv_nsec).saturating_sub(micros(monotonic.tv_sec, monotonic.tv_nsec));
    seconds.saturating_sub(uptime.tv_sec).saturating_sub(borrow).saturating_add(asleep / 1_000_000)
}

fn micros(seconds: i64, nanos: i64) -> i64 {
    seconds.saturating_mul(1_000_000).saturating_add(nanos / 1000)
}

fn zone() -> &'static TimeZone {
    static ZONE: OnceLock<TimeZone> = OnceLock::new();
    ZONE.get_or_init(|| match std::env::var("TZ") {
        Ok(name) if name.is_empty() => TimeZone::utc(),
        Ok(name) => TimeZone::from_posix_tz(&name).unwrap_or_else(|_| TimeZone::utc()),
        Err(_) => TimeZone::local().unwrap_or_else(|_| TimeZone::utc()),
    })
}

/// A broken-down local time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Local {
    pub year: i64,
    /// 1 to 12.
    pub month: usize,
    pub day: i64,
    pub hour: i64,
    pub minute: i64,
    pub second: i64,
    /// Seconds east of Greenwich.
    pub offset: i64,
    /// Days since the epoch, locally.
    pub days: i64,
}

impl Local {
    /// The local time of a second since the epoch.
    pub fn at(epoch: i64) -> Self {
        let offset = zone().find_local_time_type(epoch).map_or(0, LocalTimeType::ut_offset);
        Self::with_offset(epoch, i64::from(offset))
    }

    fn with_offset(epoch: i64, offset: i64) -> Self {
        let local = epoch.saturating_add(offset);
        let (days, rest) = (local.div_euclid(86_400), local.rem_euclid(86_400));
        let (year, month, day) = civil(days);
        Self { year, month, day, hour: rest / 3600, minute: rest / 60 % 60, second: rest % 60, offset, days }
    }

    /// The second since the epoch at which local clocks show this date and time (fields may be out of range).
    pub fn epoch(year: i64, month: i64, day: i64, hour: i64, minute: i64, second: i64) -> i64 {
        let months = year.saturating_mul(12).saturating_add(month - 1);
        let days = days_from_civil(months.div_euclid(12), months.rem_euclid(12) + 1).saturating_add(day - 1);
        let local = days
            .saturating_mul(86_400)
            .saturating_add(hour.saturating_mul(3600))
            .saturating_add(minute.saturating_mul(60))
            .saturating_add(second);
        let guess = local.saturating_sub(Self::at(local).offset);
        local.saturating_sub(Self::at(guess).offset)
    }

    /// The day of the week, Sunday being 0.
    pub fn weekday(&self) -> usize {
        usize::try_from((self.days + 4).rem_euclid(7)).unwrap_or(0)
    }

    fn month_name(&self) -> &'static str {
        MONTHS.get(self.month.wrapping_sub(1)).copied().unwrap_or("?")
    }

    /// `Sat Nov 21 05:07:15 2026`.
    pub fn in_words(&self) -> String {
        let day = DAYS.get(self.weekday()).copied().unwrap_or("?");
        let Self { day: date, hour, minute, second, year, .. } = self;
        format!("{day} {} {date:>2} {hour:02}:{minute:02}:{second:02} {year}", self.month_name())
    }

    /// `Nov21 05:07`.
    pub fn short(&self) -> String {
        format!("{}{:>2} {:02}:{:02}", self.month_name(), self.day, self.hour, self.minute)
    }

    /// `Nov 21 05:07:15`, the stamp of syslog's messages.
    pub fn syslog_stamp(&self) -> String {
        format!("{} {:>2} {:02}:{:02}:{:02}", self.month_name(), self.day, self.hour, self.minute, self.second)
    }

    /// `2026-11-21T05:07:15,000000+00:00`.
    pub fn iso(&self, micros: i64) -> String {
        let Self { year, month, day, hour, minute, second, .. } = self;
        let sign = if self.offset < 0 { '-' } else { '+' };
        let offset = self.offset.abs() / 60;
        format!(
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02},{micros:06}{sign}{:02}:{:02}",
            offset / 60,
            offset % 60
        )
    }
}

/// Days since the epoch of the first of a month, in the Gregorian calendar.
fn days_from_civil(year: i64, month: i64) -> i64 {
    let year = if month <= 2 { year.saturating_sub(1) } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era.saturating_mul(146_097).saturating_add(day_of_era).saturating_sub(719_468)
}

/// Year, month and day of a day since the epoch.
fn civil(days: i64) -> (i64, usize, i64) {
    let days = days.saturating_add(719_468);
    let era = days.div_euclid(146_097);
    let day = days.rem_euclid(146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let shifted = (5 * day + 2) / 153;
    let date = day - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year + era * 400 + i64::from(month <= 2);
    (year, usize::try_from(month).unwrap_or(1), date)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_right_around_leap_days() {
        for (epoch, want) in [
            (0, "Thu Jan  1 00:00:00 1970"),
            (951_782_399, "Mon Feb 28 23:59:59 2000"),
            (951_782_400, "Tue Feb 29 00:00:00 2000"),
            (4_107_542_400, "Mon Mar  1 00:00:00 2100"),
            (-1, "Wed Dec 31 23:59:59 1969"),
        ] {
            assert_eq!(Local::with_offset(epoch, 0).in_words(), want);
        }
        assert_eq!(Local::with_offset(0, -12_600).iso(5), "1969-12-31T20:30:00,000005-03:30");
        assert_eq!(days_from_civil(2000, 3), 11_017);
    }
}
