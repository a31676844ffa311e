//! Values that grow evenly with a selector, and fractions. Counterpart: lib/linear_ranges.c, lib/math/rational.c.

use kabi::errno::EINVAL;
use kabi::{KPtr, KResult, Out, c_int, c_uint, c_ulong, exports, kexport};

exports![
    linear_range_values_in_range,
    linear_range_values_in_range_array,
    linear_range_get_max_value,
    linear_range_get_value,
    linear_range_get_value_array,
    linear_range_get_selector_low,
    linear_range_get_selector_low_array,
    linear_range_get_selector_high,
    linear_range_get_selector_within,
    rational_best_approximation
];

/// `struct linear_range`: least value, first and last selector, step.
#[derive(Debug, Clone, Copy)]
pub struct Range {
    min: u32,
    first: u32,
    last: u32,
    step: u32,
}

/// Bytes of one.
const SIZE: u64 = 16;

impl Range {
    fn read(at: KPtr<Self>, i: u64) -> KResult<Self> {
        let word = |n: u64| at.get(SIZE * i + 4 * n);
        Ok(Self { min: word(0)?, first: word(1)?, last: word(2)?, step: word(3)? })
    }

    fn array(at: KPtr<Self>, count: c_int) -> KResult<Vec<Self>> {
        (0..u64::try_from(count).unwrap_or(0)).map(|i| Self::read(at, i)).collect()
    }

    fn count(self) -> u32 {
        self.last.wrapping_sub(self.first).wrapping_add(1)
    }

    fn max(self) -> u32 {
        self.min.wrapping_add(self.last.wrapping_sub(self.first).wrapping_mul(self.step))
    }

    fn value(self, selector: u32) -> Option<u32> {
        let inside = (self.first..=self.last).contains(&selector);
        inside.then(|| self.min.wrapping_add((selector - self.first).wrapping_mul(self.step)))
    }

    /// The selector of the largest value that is not above, and whether the value lies in the range.
    fn low(self, value: u32) -> Option<(u32, bool)> {
        if self.min > value {
            return None;
        }
        if self.max() < value {
            return Some((self.last, false));
        }
        let steps = (value - self.min).checked_div(self.step).unwrap_or(0);
        Some((self.first.wrapping_add(steps), true))
    }

    /// The selector of the least value that is not below, and whether the value lies in the range.
    fn high(self, value: u32) -> Option<(u32, bool)> {
        if self.max() < value {
            return None;
        }
        if self.min > value {
            return Some((self.first, false));
        }
        let steps = if self.step == 0 { 0 } else { (value - self.min).div_ceil(self.step) };
        Some((self.first.wrapping_add(steps), true))
    }
}

type At = KPtr<Range>;

/// How many values a range has.
#[kexport(gpl, since = "5.8", header = "linux/linear_range.h")]
fn linear_range_values_in_range(range: At) -> KResult<c_uint> {
    Ok(if range.is_null() { 0 } else { Range::read(range, 0)?.count() })
}

/// How many values an array of ranges has.
#[kexport(gpl, since = "5.8", header = "linux/linear_range.h")]
fn linear_range_values_in_range_array(ranges: At, count: c_int) -> KResult<c_uint> {
    let mut sum = 0u32;
    for range in Range::array(ranges, count)?.into_iter().map(Range::count) {
        if range == 0 {
            break;
        }
        sum = sum.wrapping_add(range);
    }
    Ok(sum)
}

/// The largest value of a range.
#[kexport(gpl, since = "5.8", header = "linux/linear_range.h")]
fn linear_range_get_max_value(range: At) -> KResult<c_uint> {
    Ok(Range::read(range, 0)?.max())
}

/// The value of a selector.
///
/// # Errors
/// `EINVAL`: it is not one of the range's.
#[kexport(gpl, since = "5.8", header = "linux/linear_range.h")]
fn linear_range_get_value(range: At, selector: c_uint, value: Out<c_uint>) -> KResult<c_int> {
    value.set(Range::read(range, 0)?.value(selector).ok_or(EINVAL)?).map(|()| 0)
}

/// The value of a selector in an array of ranges.
///
/// # Errors
/// `EINVAL`: no range has it.
#[kexport(gpl, since = "5.8", header = "linux/linear_range.h")]
fn linear_range_get_value_array(ranges: At, count: c_int, selector: c_uint, value: Out<c_uint>) -> KResult<c_int> {
    let found = Range::array(ranges, count)?.into_iter().find_map(|range| range.value(selector));
    value.set(found.ok_or(EINVAL)?).map(|()| 0)
}

fn give(found: Option<(u32, bool)>, selector: Out<c_uint>, inside: Out<u8>) -> KResult<c_int> {
    let (value, within) = found.ok_or(EINVAL)?;
    selector.set(value)?;
    inside.set(within.into()).map(|()| 0)
}

/// The selector of the largest value that is not above `value`; `*inside` tells whether the range has such values.
///
/// # Errors
/// `EINVAL`: all are above.
#[kexport(gpl, since = "5.8", header = "linux/linear_range.h")]
fn linear_range_get_selector_low(range: At, value: c_uint, selector: Out<c_uint>, inside: Out<u8>) -> KResult<c_int> {
    inside.set(0)?;
    give(Range::read(range, 0)?.low(value), selector, inside)
}

/// [`linear_range_get_selector_low`] in an array of ranges.
///
/// # Errors
/// `EINVAL`: all are above.
#[kexport(gpl, since = "5.8", header = "linux/linear_range.h")]
fn linear_range_get_selector_low_array(
    ranges: At,
    count: c_int,
    value: c_uint,
    selector: Out<c_uint>,
    inside: Out<u8>,
) -> KResult<c_int> {
    inside.set(0)?;
    let mut best = None;
    for found in Range::array(ranges, count)?.into_iter().filter_map(|range| range.low(value)) {
        best = Some(found);
        if found.1 {
            break;
        }
    }
    give(best, selector, inside)
}

/// The selector of the least value that is not below `value`; `*inside` tells whether the range has such values.
///
/// # Errors
/// `EINVAL`: all are below.
#[kexport(gpl, since = "5.8", header = "linux/linear_range.h")]
fn linear_range_get_selector_high(range: At, value: c_uint, selector: Out<c_uint>, inside: Out<u8>) -> KResult<c_int> {
    inside.set(0)?;
    give(Range::read(range, 0)?.high(value), selector, inside)
}

/// The selector whose value is nearest to `value` from below, within the range's bounds.
#[kexport(gpl, since = "5.15", header = "linux/linear_range.h")]
fn linear_range_get_selector_within(range: At, value: c_uint, selector: Out<c_uint>) -> KResult {
    let range = Range::read(range, 0)?;
    selector.set(range.low(value).map_or(range.first, |(found, _)| found))
}

/// A fraction: numerator, denominator.
type Fraction = (u64, u64);

/// How often `step` can be added to `start`, numerators and denominators for themselves, within a limit.
fn most_steps(start: Fraction, step: Fraction, limit: Fraction) -> u64 {
    let room = |limit: u64, start: u64, step: u64| limit.saturating_sub(start).checked_div(step).unwrap_or(u64::MAX);
    room(limit.0, start.0, step.0).min(room(limit.1, start.1, step.1))
}

/// `start` with `step` added so often.
fn after(start: Fraction, step: Fraction, count: u64) -> Fraction {
    let add = |start: u64, step: u64| start.wrapping_add(step.wrapping_mul(count));
    (add(start.0, step.0), add(start.1, step.1))
}

/// Whether `a` is nearer to `target` than `b`. All of them are parts of one continued fraction: the differences are small.
fn is_nearer(target: Fraction, a: Fraction, b: Fraction) -> bool {
    let product = |x: u64, y: u64| u128::from(x) * u128::from(y);
    let off = |of: Fraction| product(target.0, of.1).abs_diff(product(of.0, target.1));
    off(a).saturating_mul(b.1.into()) < off(b).saturating_mul(a.1.into())
}

/// The fraction nearest to `n / d` within the limits: the last one of its continued fraction that fits, or, where the next
/// is too large, as much of the way to that as fits, whichever is nearer.
fn approximate(n: u64, d: u64, max_n: u64, max_d: u64) -> Fraction {
    let (mut older, mut newer): (Fraction, Fraction) = ((0, 1), (1, 0));
    let (mut rest, mut divisor) = (n, d);
    while divisor != 0 {
        let term = rest / divisor;
        let steps = most_steps(older, newer, (max_n, max_d));
        if steps < term {
            let part = after(older, newer, steps);
            return if newer.1 == 0 || is_nearer((n, d), part, newer) { part } else { newer };
        }
        (older, newer) = (newer, after(older, newer, term));
        (rest, divisor) = (divisor, rest % divisor);
    }
    newer
}

/// The fraction nearest to another one whose numerator and denominator are not above limits.
#[kexport(since = "2.6.32", header = "linux/rational.h")]
fn rational_best_approximation(
    n: c_ulong,
    d: c_ulong,
    max_n: c_ulong,
    max_d: c_ulong,
    best_n: Out<c_ulong>,
    best_d: Out<c_ulong>,
) -> KResult {
    let (n, d) = approximate(n, d, max_n, max_d);
    best_n.set(n)?;
    best_d.set(d)
}

#[test]
fn fractions_come_near() {
    let cases = [
        ((1230, 10, 100, 20), (100, 1)),
        ((34567, 100, 120, 20), (120, 1)),
        ((1, 30, 100, 10), (0, 1)),
        ((31, 32, 100, 10), (1, 1)),
        ((1155, 7735, 255, 255), (33, 221)),
        ((87, 32, 70, 32), (68, 25)),
        ((14533, 4626, 15000, 2400), (7433, 2366)),
    ];
    for ((n, d, max_n, max_d), want) in cases {
        assert_eq!(approximate(n, d, max_n, max_d), want, "{n}/{d}");
    }
}
