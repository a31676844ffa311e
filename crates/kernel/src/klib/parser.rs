//! Options of file systems by patterns. Counterpart: lib/parser.c.

use super::kstrtox::parse_unsigned;
use super::vsprintf::{simple_strtoll, simple_strtoull};
use crate::mm::slab;
use kabi::errno::{EINVAL, ERANGE};
use kabi::{KPtr, KResult, KStr, NullPtr, Out, c_int, c_uint, exports, kexport};
use machine::access;

exports![
    match_token,
    match_int,
    match_uint,
    match_u64,
    match_octal,
    match_hex,
    match_wildcard,
    match_strlcpy,
    match_strdup
];

/// `MAX_OPT_ARGS`.
const MOST_ARGS: usize = 3;

/// `substring_t`: where a part begins and ends.
#[derive(Debug)]
pub struct Substring;

impl Substring {
    fn bytes(part: KPtr<Self>) -> KResult<Vec<u8>> {
        let (from, to): (u64, u64) = (part.get(0)?, part.get(8)?);
        KPtr::<()>::new(from).bytes(0, to.wrapping_sub(from) as usize)
    }
}

/// The parts of `s` that a pattern's conversions match, if the whole of it matches.
fn matched(s: &[u8], pattern: &[u8]) -> Option<Vec<(usize, usize)>> {
    let (mut at, mut p, mut parts) = (0, 0, Vec::new());
    while let Some(literal) = pattern[p..].iter().position(|b| *b == b'%') {
        if pattern[p..p + literal] != *s.get(at..at + literal)? {
            return None;
        }
        (at, p) = (at + literal, p + literal + 1);
        let (width, digits) = match pattern.get(p) {
            Some(b'0'..=b'9') => simple_strtoull(&pattern[p..], 10),
            _ => (u64::MAX, 0),
        };
        if digits == 0 && pattern.get(p) == Some(&b'%') {
            s.get(at).filter(|b| **b == b'%')?;
            (at, p) = (at + 1, p + 1);
            continue;
        }
        p += digits;
        let rest = &s[at..];
        let len = match pattern.get(p).filter(|_| parts.len() < MOST_ARGS)? {
            b's' => rest.len().min(usize::try_from(width).unwrap_or(usize::MAX)),
            b'd' => number_len(rest, 0),
            b'u' => simple_strtoull(rest, 0).1,
            b'o' => simple_strtoull(rest, 8).1,
            b'x' => simple_strtoull(rest, 16).1,
            _ => return None,
        };
        if len == 0 {
            return None;
        }
        parts.push((at, at + len));
        (at, p) = (at + len, p + 1);
    }
    (pattern[p..] == s[at..]).then_some(parts)
}

/// Bytes of a number with a sign; a lone sign is one, as for the kernel.
fn number_len(s: &[u8], base: u32) -> usize {
    simple_strtoll(s, base).1
}

/// The token of the first row of a table whose pattern matches a string; the parts that its conversions match go to
/// `args`. A row without a pattern matches everything.
#[kexport(since = "2.6.0", header = "linux/parser.h")]
fn match_token(s: KPtr, table: KPtr, args: KPtr<Substring>) -> KResult<c_int> {
    let text = access::read_str(s.addr(), usize::MAX >> 1)?;
    for row in 0.. {
        let pattern: u64 = table.get(16 * row + 8)?;
        if pattern == 0 {
            return table.get(16 * row);
        }
        if let Some(parts) = matched(&text, &access::read_str(pattern, usize::MAX >> 1)?) {
            for (i, (from, to)) in (0u64..).zip(parts) {
                args.put(16 * i, s.addr() + from as u64)?;
                args.put(16 * i + 8, s.addr() + to as u64)?;
            }
            return table.get(16 * row);
        }
    }
    Err(EINVAL.into())
}

fn number(part: KPtr<Substring>, base: u32) -> KResult<i32> {
    let text = Substring::bytes(part)?;
    let text = text.split(|b| *b == 0).next().unwrap_or_default();
    match simple_strtoll(text, base) {
        (_, 0) => Err(EINVAL.into()),
        (value, _) => i32::try_from(value).map_err(|_| ERANGE.into()),
    }
}

/// Reads a part as a number whose prefix tells its base.
///
/// # Errors
/// `EINVAL`: no digits. `ERANGE`: too large.
#[kexport(since = "2.6.0", header = "linux/parser.h")]
fn match_int(part: KPtr<Substring>, out: Out<c_int>) -> KResult {
    out.set(number(part, 0)?)
}

/// Reads a part as an octal number.
///
/// # Errors
/// As [`match_int`].
#[kexport(since = "2.6.0", header = "linux/parser.h")]
fn match_octal(part: KPtr<Substring>, out: Out<c_int>) -> KResult {
    out.set(number(part, 8)?)
}

/// Reads a part as a hexadecimal number.
///
/// # Errors
/// As [`match_int`].
#[kexport(since = "2.6.0", header = "linux/parser.h")]
fn match_hex(part: KPtr<Substring>, out: Out<c_int>) -> KResult {
    out.set(number(part, 16)?)
}

/// Reads all of a part as a decimal number without a sign.
///
/// # Errors
/// As [`match_int`].
#[kexport(since = "5.14", header = "linux/parser.h")]
fn match_uint(part: KPtr<Substring>, out: Out<c_uint>) -> KResult {
    let value = parse_unsigned(&Substring::bytes(part)?, 10)?;
    out.set(c_uint::try_from(value).map_err(|_| ERANGE)?)
}

/// Reads all of a part as a 64-bit number whose prefix tells its base.
///
/// # Errors
/// As [`match_int`].
#[kexport(since = "4.16", header = "linux/parser.h")]
fn match_u64(part: KPtr<Substring>, out: Out<u64>) -> KResult {
    out.set(parse_unsigned(&Substring::bytes(part)?, 0)?)
}

/// True if `?` and `*` can stand for something that makes the pattern the string.
fn fits(pattern: &[u8], s: &[u8]) -> bool {
    let (mut p, mut at, mut back) = (0, 0, None);
    while at < s.len() {
        match pattern.get(p) {
            Some(b'*') => {
                p += 1;
                back = Some((p, at));
            }
            Some(c) if *c == b'?' || *c == s[at] => (p, at) = (p + 1, at + 1),
            _ => {
                let Some((star, start)) = back else { return false };
                back = Some((star, start + 1));
                (p, at) = (star, start + 1);
            }
        }
    }
    // One star may stand for nothing at the end.
    matches!(&pattern[p..], [] | [b'*'])
}

/// True if a string fits a pattern with `?` and `*`.
#[kexport(since = "3.13", header = "linux/parser.h")]
fn match_wildcard(pattern: KStr, s: KStr) -> bool {
    fits(pattern.as_bytes(), s.as_bytes())
}

/// Copies a part into `size` bytes with a NUL, cut if need be; the part's length.
#[kexport(since = "2.6.27", header = "linux/parser.h")]
fn match_strlcpy(to: KPtr, part: KPtr<Substring>, size: usize) -> KResult<usize> {
    let text = Substring::bytes(part)?;
    if size > 0 {
        let kept = text.len().min(size - 1);
        access::write(to.addr(), &text[..kept])?;
        to.put(kept as u64, 0u8)?;
    }
    Ok(text.len())
}

/// Copies a part into a new block.
#[kexport(since = "2.6.0", header = "linux/parser.h")]
fn match_strdup(part: KPtr<Substring>) -> NullPtr {
    NullPtr(Substring::bytes(part).and_then(|text| slab::give(&[text.as_slice(), &[0]].concat())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conversions_take_their_parts() {
        assert_eq!(matched(b"uid=0x12", b"uid=%u"), Some(vec![(4, 8)]));
        assert_eq!(matched(b"a=-5,b", b"a=%d,%s"), Some(vec![(2, 4), (5, 6)]));
        assert_eq!(matched(b"n=abcd", b"n=%2scd"), Some(vec![(2, 4)]));
        assert_eq!(matched(b"100%", b"%d%%"), Some(vec![(0, 3)]));
        assert_eq!(matched(b"uid=", b"uid=%u"), None);
        assert_eq!(matched(b"ro", b"rw"), None);
    }

    #[test]
    fn wildcards_backtrack() {
        for (pattern, s, want) in [
            ("*", "", true),
            ("a*c", "abcbc", true),
            ("a?c", "abc", true),
            ("a*b", "abc", false),
            ("", "a", false),
            ("a**", "a", false),
        ] {
            assert_eq!(fits(pattern.as_bytes(), s.as_bytes()), want, "{pattern} {s}");
        }
    }
}
