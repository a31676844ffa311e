//! `%ptR` and `%ptT`: dates and times.

use super::Printer;
use super::decode::{Spec, byte_at};
use super::env::{Fault, read_array};
use super::number::number;

/// The members of `struct rtc_time` that are shown.
struct RtcTime {
    sec: i32,
    min: i32,
    hour: i32,
    mday: i32,
    /// 0 is January.
    mon: i32,
    /// Years since 1900.
    year: i32,
}

impl RtcTime {
    /// Six leading `int`s of the structure, in this order.
    fn from_bytes(bytes: [u8; 24]) -> Self {
        let field = |i: usize| i32::from_le_bytes([bytes[i], bytes[i + 1], bytes[i + 2], bytes[i + 3]]);
        Self { sec: field(0), min: field(4), hour: field(8), mday: field(12), mon: field(16), year: field(20) }
    }

    /// The civil time of seconds since 1970, as `time64_to_tm()` has it.
    fn from_time64(time: i64) -> Self {
        let (days, second) = (time.div_euclid(86_400), time.rem_euclid(86_400));
        let second = second as i32;
        // Days are counted from 0000-03-01, in eras of 400 years, so that a leap day ends its year.
        let day = i128::from(days) + 719_468;
        let (era, day) = (day.div_euclid(146_097), day.rem_euclid(146_097));
        let year_of_era = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
        let day_of_year = day - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month = (5 * day_of_year + 2) / 153;
        let mday = day_of_year - (153 * month + 2) / 5 + 1;
        let mon = (month + 2) % 12;
        let year = era * 400 + year_of_era + i128::from(mon < 2);
        Self {
            sec: second % 60,
            min: second / 60 % 60,
            hour: second / 3600,
            mday: mday as i32,
            mon: mon as i32,
            year: (year - 1900) as i32,
        }
    }
}

impl Printer<'_, '_> {
    pub(super) fn time(&mut self, suffix: &[u8], addr: u64, spec: Spec) -> Result<(), Fault> {
        if self.bad_pointer(addr, spec) {
            return Ok(());
        }
        let time = match byte_at(suffix, 1) {
            b'R' => RtcTime::from_bytes(read_array(self.env, addr)?),
            b'T' => RtcTime::from_time64(i64::from_le_bytes(read_array(self.env, addr)?)),
            _ => {
                self.error_text("(%pt?)", spec);
                return Ok(());
            }
        };
        self.rtc(suffix.get(2..).unwrap_or_default(), &time);
        Ok(())
    }

    /// `d` or `t` first (only the date, only the time), then any of `r` (raw numbers) and `s` (a space in the middle).
    fn rtc(&mut self, options: &[u8], time: &RtcTime) {
        let (date, clock) = match byte_at(options, 0) {
            b'd' => (true, false),
            b't' => (false, true),
            _ => (true, true),
        };
        let rest = options.get(usize::from(date != clock)..).unwrap_or_default();
        let rest = &rest[..rest.iter().position(|c| !matches!(c, b'r' | b's')).unwrap_or(rest.len())];
        if date {
            self.date(time, rest.contains(&b'r'));
        }
        if date && clock {
            self.out.push(if rest.contains(&b's') { b' ' } else { b'T' });
        }
        if clock {
            self.fields([time.hour, time.min, time.sec], b':', 2);
        }
    }

    fn date(&mut self, time: &RtcTime, raw: bool) {
        let (year, mon) = if raw { (0, 0) } else { (1900, 1) };
        self.fields([time.year.wrapping_add(year), time.mon.wrapping_add(mon), time.mday], b'-', 4);
    }

    /// Numbers of two digits (the first one of `first_width`). They are printed unsigned, a negative one as 64 bits.
    fn fields(&mut self, values: [i32; 3], separator: u8, first_width: i32) {
        for (i, value) in values.into_iter().enumerate() {
            if i > 0 {
                self.out.push(separator);
            }
            let width = if i == 0 { first_width } else { 2 };
            number(&mut self.out, value as i64 as u64, Spec::dec_zero(width));
        }
    }
}
