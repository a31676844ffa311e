//! Words and numbers of command lines. Counterpart: lib/cmdline.c.

use super::vsprintf::{simple_strtoll, simple_strtoull};
use kabi::{KPtr, KResult, c_int, exports, kexport};
use machine::access;

exports![get_option, get_options, memparse, next_arg];

type Chars = KPtr<u8>;

fn text(s: Chars) -> KResult<Vec<u8>> {
    Ok(access::read_str(s.addr(), usize::MAX >> 1)?)
}

/// How an option ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// There is none.
    Nothing = 0,
    /// With the number.
    Number = 1,
    /// With a comma, behind which the rest begins.
    Comma = 2,
    /// With a hyphen: a range follows.
    Range = 3,
}

/// The number at the start of `s`, how it ends, and where the rest begins; no number leaves nothing to store.
fn option(s: &[u8]) -> (Option<i32>, End, usize) {
    if s.is_empty() {
        return (None, End::Nothing, 0);
    }
    let sign = usize::from(s[0] == b'-');
    let (value, used) = simple_strtoull(&s[sign..], 0);
    let value = if sign == 1 { (value as i32).wrapping_neg() } else { value as i32 };
    if used == 0 {
        return (Some(value), End::Nothing, sign);
    }
    match s.get(sign + used) {
        Some(b',') => (Some(value), End::Comma, sign + used + 1),
        Some(b'-') => (Some(value), End::Range, sign + used),
        _ => (Some(value), End::Number, sign + used),
    }
}

/// Reads a number from `*text` and moves it on: 0 for none, 1, 2 if a comma stood behind it, 3 if a hyphen stands there.
#[kexport(since = "2.6.0", header = "linux/kernel.h")]
fn get_option(slot: KPtr, out: KPtr) -> KResult<c_int> {
    let start: u64 = slot.get(0)?;
    if start == 0 {
        return Ok(0);
    }
    let (value, end, used) = option(&text(Chars::new(start))?);
    if let Some(value) = value {
        slot.put(0, start + used as u64)?;
        if !out.is_null() {
            out.put(0, value)?;
        }
    }
    Ok(end as c_int)
}

/// The numbers and ranges at the start of `s`, at most `room` of them (all if there is no limit), how many that are, and
/// where the rest begins.
fn options(s: &[u8], room: Option<usize>) -> (Vec<i32>, usize, usize) {
    let (mut out, mut count, mut at) = (Vec::new(), 0usize, 0);
    let store = |out: &mut Vec<i32>, index: usize, value: i32| {
        if room.is_some_and(|room| index < room) {
            out.resize(out.len().max(index + 1), 0);
            out[index] = value;
        }
    };
    while room.is_none_or(|room| count < room) {
        let (value, end, used) = option(&s[at..]);
        at += used;
        if let Some(value) = value {
            store(&mut out, count, value);
        }
        match end {
            End::Nothing => break,
            End::Range => {
                // The range's upper end is read as the next number.
                at += 1;
                let (upper, _) = simple_strtoll(&s[at..], 0);
                let first = value.unwrap_or(0);
                let span = (upper as i32).wrapping_sub(first);
                if span < 0 {
                    break;
                }
                let fits = room.map_or(0, |room| room - count).min(span as usize);
                (0..fits).for_each(|i| store(&mut out, count + i, first.wrapping_add(i as i32)));
                count += span as usize;
            }
            End::Comma | End::Number => {
                count += 1;
                if end == End::Number {
                    break;
                }
            }
        }
    }
    (out, count, at)
}

/// Reads a list of numbers and ranges into `ints[1..]` and their count into `ints[0]`; returns the rest of the string.
/// With a size of 0 nothing but the count is stored.
#[kexport(since = "2.6.0", header = "linux/kernel.h")]
fn get_options(s: Chars, size: c_int, ints: KPtr) -> KResult<Chars> {
    let room = usize::try_from(size).unwrap_or(0);
    let (numbers, count, used) = options(&text(s)?, (room > 0).then(|| room - 1));
    for (i, number) in (1u64..).zip(numbers) {
        ints.put(4 * i, number)?;
    }
    ints.put(0, count as i32)?;
    Ok(s.offset(used as u64))
}

/// A number with a suffix for units of 1024: K, M, G, T, P, E. `*rest` gets what follows.
#[kexport(since = "2.6.0", header = "linux/kernel.h")]
fn memparse(s: Chars, rest: KPtr) -> KResult<u64> {
    let (value, used) = memory(&text(s)?);
    if !rest.is_null() {
        rest.put(0, s.addr() + used as u64)?;
    }
    Ok(value)
}

/// A size and the bytes that it takes.
pub(crate) fn memory(s: &[u8]) -> (u64, usize) {
    let (value, used) = simple_strtoull(s, 0);
    let unit = s.get(used).and_then(|unit| b"KMGTPE".iter().position(|u| *u == unit.to_ascii_uppercase()));
    match unit {
        Some(power) => (value << (10 * (power + 1)), used + 1),
        None => (value, used),
    }
}

/// Where the parts of the next `name=value` lie, relative to the line's start.
#[derive(Debug, Default, PartialEq, Eq)]
struct Arg {
    name: usize,
    value: Option<usize>,
    /// Bytes that become NUL.
    cuts: Vec<usize>,
    next: usize,
}

fn is_space(b: u8) -> bool {
    matches!(b, b' ' | 9..=13 | 0xa0)
}

fn argument(line: &[u8]) -> Arg {
    let at = |i: usize| line.get(i).copied().unwrap_or(0);
    let quoted = at(0) == b'"';
    let name = usize::from(quoted);
    let (mut end, mut inside, mut equals) = (name, quoted, None);
    while at(end) != 0 && (inside || !is_space(at(end))) {
        // An equals sign right at the start does not count.
        if equals.is_none() && at(end) == b'=' && end > name {
            equals = Some(end);
        }
        inside ^= at(end) == b'"';
        end += 1;
    }
    let mut arg = Arg { name, ..Arg::default() };
    let closed = end > name && at(end - 1) == b'"';
    if let Some(equals) = equals {
        arg.cuts.push(equals);
        let open = at(equals + 1) == b'"';
        arg.value = Some(equals + 1 + usize::from(open));
        if open && closed {
            arg.cuts.push(end - 1);
        }
    }
    if quoted && closed {
        arg.cuts.push(end - 1);
    }
    if at(end) != 0 {
        arg.cuts.push(end);
        end += 1;
    }
    while is_space(at(end)) {
        end += 1;
    }
    arg.next = end;
    arg
}

/// Cuts the next `name` or `name=value` off a line; quotes hold white space together. Returns the rest.
#[kexport(since = "4.14", header = "linux/kernel.h")]
fn next_arg(line: Chars, name: KPtr, value: KPtr) -> KResult<Chars> {
    let arg = argument(&text(line)?);
    for cut in &arg.cuts {
        line.put(*cut as u64, 0u8)?;
    }
    name.put(0, line.addr() + arg.name as u64)?;
    value.put(0, arg.value.map_or(0, |at| line.addr() + at as u64))?;
    Ok(line.offset(arg.next as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_end_in_four_ways() {
        assert_eq!(option(b""), (None, End::Nothing, 0));
        assert_eq!(option(b"x"), (Some(0), End::Nothing, 0));
        assert_eq!(option(b"-7,8"), (Some(-7), End::Comma, 3));
        assert_eq!(option(b"0x10-20"), (Some(16), End::Range, 4));
        assert_eq!(option(b"3 "), (Some(3), End::Number, 1));
    }

    #[test]
    fn ranges_count_as_their_numbers() {
        assert_eq!(options(b"1,4-6,9", Some(10)), (vec![1, 4, 5, 6, 9], 5, 7));
        assert_eq!(options(b"1,4-6,9", None).1, 5);
        assert_eq!(options(b"6-4", Some(10)).1, 0);
        assert_eq!(options(b"1,2,3", Some(2)), (vec![1, 2], 2, 4));
    }

    #[test]
    fn sizes_have_units() {
        assert_eq!([memory(b"4k"), memory(b"0x10M,"), memory(b"7q")], [(4096, 2), (16 << 20, 5), (7, 1)]);
    }

    #[test]
    fn quotes_hold_arguments_together() {
        assert_eq!(argument(b"a=\"b c\" d"), Arg { name: 0, value: Some(3), cuts: vec![1, 6, 7], next: 8 });
        assert_eq!(argument(b"plain"), Arg { name: 0, value: None, cuts: vec![], next: 5 });
        assert_eq!(argument(b"\"a b\" c"), Arg { name: 1, value: None, cuts: vec![4, 5], next: 6 });
    }
}
