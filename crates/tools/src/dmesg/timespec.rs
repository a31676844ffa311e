//! Times as people write them, for `--since` and `--until` (util-linux's `parse_timestamp`, described in `dmesg(1)`
//! and systemd.time(7)): dates, clock times, `now`, `yesterday`, `5 min ago`, `+2h`, `@1348331662`.

use crate::clock::{self, Local};

/// Seconds since the epoch, or `None` if this is no time.
pub fn parse(word: &str) -> Option<i64> {
    let (now, _) = clock::now();
    parse_at(word, now)
}

fn parse_at(word: &str, now: i64) -> Option<i64> {
    let local = Local::at(now);
    let midnight = |days: i64| Local::epoch(local.year, month(&local), local.day + days, 0, 0, 0);
    let micros = match word {
        "now" => return Some(now),
        "today" => return Some(midnight(0)),
        "yesterday" => return Some(midnight(-1)),
        "tomorrow" => return Some(midnight(1)),
        _ => {
            if let Some(seconds) = word.strip_prefix('@') {
                Some(span(seconds)?)
            } else if let Some(plus) = word.strip_prefix('+') {
                Some(now.checked_mul(1_000_000)?.checked_add(span(plus)?)?)
            } else if let Some(minus) = word.strip_prefix('-') {
                Some(now.checked_mul(1_000_000)?.checked_sub(span(minus)?)?)
            } else if let Some(ago) = word.strip_suffix(" ago") {
                Some(now.checked_mul(1_000_000)?.checked_sub(span(ago)?)?)
            } else {
                None
            }
        }
    };
    match micros {
        Some(micros) => Some(micros.div_euclid(1_000_000)),
        None => date(word, &local),
    }
}

fn month(local: &Local) -> i64 {
    i64::try_from(local.month).unwrap_or(1)
}

/// A span such as `5min 3s` in microseconds; a number without a unit is seconds.
fn span(text: &str) -> Option<i64> {
    let mut rest = text.trim_start();
    let mut total = 0_i64;
    let mut any = false;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (whole, tail) = rest.split_at(digits);
        let (fraction, tail) = match tail.strip_prefix('.') {
            Some(tail) => tail.split_at(tail.find(|c: char| !c.is_ascii_digit()).unwrap_or(tail.len())),
            None => ("", tail),
        };
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let tail = tail.trim_start();
        let letters = tail.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(tail.len());
        let (name, tail) = tail.split_at(letters);
        let factor = unit(name)?;
        let whole: i64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
        total = total.checked_add(whole.checked_mul(factor)?)?;
        let mut part = factor;
        for digit in fraction.bytes() {
            part /= 10;
            total = total.checked_add(i64::from(digit - b'0').checked_mul(part)?)?;
        }
        any = true;
        rest = tail.trim_start();
    }
    any.then_some(total)
}

fn unit(name: &str) -> Option<i64> {
    const SECOND: i64 = 1_000_000;
    Some(match name {
        "" | "s" | "sec" | "second" | "seconds" => SECOND,
        "m" | "min" | "minute" | "minutes" => 60 * SECOND,
        "h" | "hr" | "hour" | "hours" => 3600 * SECOND,
        "d" | "day" | "days" => 86_400 * SECOND,
        "w" | "week" | "weeks" => 7 * 86_400 * SECOND,
        "month" | "months" => 2_629_800 * SECOND,
        "y" | "year" | "years" => 31_557_600 * SECOND,
        "ms" | "msec" => 1000,
        "us" | "usec" => 1,
        _ => return None,
    })
}

/// A date, a clock time, or both; a weekday before it must be right.
fn date(word: &str, today: &Local) -> Option<i64> {
    let (weekday, rest) = strip_weekday(word);
    let (year, month, day, hour, minute, second) = compact(rest).or_else(|| spelled(rest, today))?;
    let in_range = (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && (0..24).contains(&hour)
        && (0..60).contains(&minute)
        && (0..=60).contains(&second);
    let epoch = Local::epoch(year, month, day, hour, minute, second);
    (in_range && weekday.is_none_or(|w| Local::at(epoch).weekday() == w)).then_some(epoch)
}

type Fields = (i64, i64, i64, i64, i64, i64);

/// `20120922163422`.
fn compact(text: &str) -> Option<Fields> {
    if text.len() != 14 || !text.bytes().all(|c| c.is_ascii_digit()) {
        return None;
    }
    let part = |from: usize, to: usize| text.get(from..to)?.parse().ok();
    Some((part(0, 4)?, part(4, 6)?, part(6, 8)?, part(8, 10)?, part(10, 12)?, part(12, 14)?))
}

fn spelled(text: &str, today: &Local) -> Option<Fields> {
    let (day, time) = match text.find(['T', ' ']) {
        Some(at) => (text.get(..at)?, text.get(at + 1..)?),
        None if text.contains(':') => ("", text),
        None => (text, ""),
    };
    let (year, month, day) = match numbers(day, '-')?.as_slice() {
        [] => (today.year, month(today), today.day),
        &[year, month, day] if year < 100 => (year + if year < 69 { 2000 } else { 1900 }, month, day),
        &[year, month, day] => (year, month, day),
        _ => return None,
    };
    match numbers(time, ':')?.as_slice() {
        [] if text.contains('-') => Some((year, month, day, 0, 0, 0)),
        &[hour, minute] => Some((year, month, day, hour, minute, 0)),
        &[hour, minute, second] => Some((year, month, day, hour, minute, second)),
        _ => None,
    }
}

fn numbers(text: &str, mark: char) -> Option<Vec<i64>> {
    if text.is_empty() {
        return Some(Vec::new());
    }
    text.split(mark).map(|part| part.bytes().all(|c| c.is_ascii_digit()).then(|| part.parse().ok()).flatten()).collect()
}

fn strip_weekday(word: &str) -> (Option<usize>, &str) {
    const NAMES: [&str; 7] = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];
    if let Some((first, rest)) = word.split_once(' ') {
        let first = first.to_ascii_lowercase();
        let found = NAMES.iter().position(|name| *name == first || name.get(..3) == Some(first.as_str()));
        if found.is_some() {
            return (found, rest);
        }
    }
    (None, word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_added_up() {
        for (text, want) in [
            ("5min", Some(300)),
            ("1 hour 2s", Some(3602)),
            ("1.5h", Some(5400)),
            ("90", Some(90)),
            ("5 x", None),
            ("", None),
            ("min", None),
        ] {
            assert_eq!(span(text), want.map(|s: i64| s * 1_000_000), "{text:?}");
        }
    }

    #[test]
    fn relative_and_absolute_times_are_read() {
        let now = 1_800_000_000;
        assert_eq!(parse_at("2 hours ago", now), Some(now - 7200));
        assert_eq!(parse_at("+1d", now), Some(now + 86_400));
        assert_eq!(parse_at("@1348331662", now), Some(1_348_331_662));
        assert_eq!(parse_at("20120922163422", now), parse_at("2012-09-22T16:34:22", now));
        assert_eq!(parse_at("12-09-22 16:34", now), parse_at("Sat 2012-09-22 16:34:00", now));
        for bad in
            ["foo", "2012-13-01", "12", "2012-09", "25:00", "Sun 2012-09-22", "2012-09-22 x", "", "@", "5 left over"]
        {
            assert_eq!(parse_at(bad, now), None, "{bad:?}");
        }
    }
}
