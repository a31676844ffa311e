//! Numbers from strings. Counterpart: lib/kstrtox.c.

use kabi::errno::{EINVAL, ERANGE};
use kabi::{KError, KResult, KStr, Out, c_int, c_long, c_uint, c_ulong, exports, kexport};

exports![
    kstrtoull, kstrtoll, _kstrtoul, _kstrtol, kstrtouint, kstrtoint, kstrtou16, kstrtos16, kstrtou8, kstrtos8,
    kstrtobool
];

/// The digits of `s` in `base` (0: by prefix) up to an optional newline.
fn magnitude(s: &[u8], base: c_uint) -> KResult<u64> {
    let s = s.strip_suffix(b"\n").unwrap_or(s);
    let (base, digits) = base_of(s, base);
    if digits.is_empty() {
        return Err(EINVAL.into());
    }
    let mut value = 0u64;
    let mut overflow = false;
    for b in digits {
        let digit = char::from(*b).to_digit(base).ok_or(EINVAL)?;
        let next = value.checked_mul(base.into()).and_then(|v| v.checked_add(digit.into()));
        overflow |= next.is_none();
        value = next.unwrap_or(0);
    }
    if overflow { Err(ERANGE.into()) } else { Ok(value) }
}

fn base_of(s: &[u8], base: c_uint) -> (u32, &[u8]) {
    let hex = s.len() > 2 && s[0] == b'0' && s[1].eq_ignore_ascii_case(&b'x') && s[2].is_ascii_hexdigit();
    match base {
        0 if hex => (16, &s[2..]),
        0 if s.first() == Some(&b'0') => (8, s),
        0 => (10, s),
        16 if s.len() >= 2 && s[0] == b'0' && s[1].eq_ignore_ascii_case(&b'x') => (16, &s[2..]),
        // char::to_digit knows bases up to 36, as the callers here do.
        other => (other.clamp(2, 36), s),
    }
}

/// An unsigned number: an optional `+`, digits, at most one newline.
///
/// # Errors
/// `EINVAL`: no digits or bytes left over. `ERANGE`: too large.
pub fn parse_unsigned(s: &[u8], base: c_uint) -> KResult<u64> {
    magnitude(s.strip_prefix(b"+").unwrap_or(s), base)
}

/// A signed number: an optional sign, digits, at most one newline.
///
/// # Errors
/// As [`parse_unsigned`].
pub fn parse_signed(s: &[u8], base: c_uint) -> KResult<i64> {
    match s.strip_prefix(b"-") {
        Some(digits) => match magnitude(digits, base)? {
            m if m <= 1 << 63 => Ok((m as i64).wrapping_neg()),
            _ => Err(ERANGE.into()),
        },
        None => i64::try_from(parse_unsigned(s, base)?).map_err(|_| ERANGE.into()),
    }
}

/// A truth value: y, Y, 1, on; n, N, 0, off. Only the first letters count.
///
/// # Errors
/// `EINVAL` for anything else.
pub fn parse_bool(s: &[u8]) -> KResult<bool> {
    match s {
        [b'y' | b'Y' | b'1' | b't' | b'T', ..] => Ok(true),
        [b'n' | b'N' | b'0' | b'f' | b'F', ..] => Ok(false),
        [b'o' | b'O', b'n' | b'N', ..] => Ok(true),
        [b'o' | b'O', b'f' | b'F', ..] => Ok(false),
        _ => Err(EINVAL.into()),
    }
}

fn narrow<T: TryFrom<u64>>(s: &KStr, base: c_uint) -> KResult<T> {
    T::try_from(parse_unsigned(s.as_bytes(), base)?).map_err(|_| KError::from(ERANGE))
}

fn narrow_signed<T: TryFrom<i64>>(s: &KStr, base: c_uint) -> KResult<T> {
    T::try_from(parse_signed(s.as_bytes(), base)?).map_err(|_| KError::from(ERANGE))
}

macro_rules! kstrto {
    ($name:ident, $t:ty, $narrow:ident, $since:literal, $what:literal) => {
        #[doc = concat!("Converts all of `s` (at most one newline behind it) to ", $what, ".")]
        ///
        /// # Errors
        /// `EINVAL`: no digits, or bytes left over. `ERANGE`: too large. `*res` is then untouched.
        #[kexport(since = $since, header = "linux/kstrtox.h")]
        fn $name(s: KStr, base: c_uint, res: Out<$t>) -> KResult {
            res.set($narrow(&s, base)?)
        }
    };
}

kstrto!(kstrtoull, u64, narrow, "2.6.39", "an `unsigned long long`");
kstrto!(kstrtoll, i64, narrow_signed, "2.6.39", "a `long long`");
kstrto!(_kstrtoul, c_ulong, narrow, "2.6.39", "an `unsigned long`");
kstrto!(_kstrtol, c_long, narrow_signed, "2.6.39", "a `long`");
kstrto!(kstrtouint, c_uint, narrow, "2.6.39", "an `unsigned int`");
kstrto!(kstrtoint, c_int, narrow_signed, "2.6.39", "an `int`");
kstrto!(kstrtou16, u16, narrow, "2.6.39", "a `u16`");
kstrto!(kstrtos16, i16, narrow_signed, "2.6.39", "an `s16`");
kstrto!(kstrtou8, u8, narrow, "2.6.39", "a `u8`");
kstrto!(kstrtos8, i8, narrow_signed, "2.6.39", "an `s8`");

/// Converts a word to a truth value: y, 1, on; n, 0, off.
///
/// # Errors
/// `EINVAL` for anything else, NULL too.
#[kexport(since = "4.6", header = "linux/kstrtox.h")]
fn kstrtobool(s: Option<KStr>, res: Out<u8>) -> KResult {
    let value = parse_bool(s.ok_or(EINVAL)?.as_bytes())?;
    res.set(value.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_of_the_string_must_be_a_number() {
        let cases: [(&str, KResult<u64>); 9] = [
            ("+0x1f\n", Ok(31)),
            ("0", Ok(0)),
            ("010", Ok(8)),
            ("1 ", Err(EINVAL.into())),
            ("", Err(EINVAL.into())),
            ("\n", Err(EINVAL.into())),
            ("0x", Err(EINVAL.into())),
            ("18446744073709551615", Ok(u64::MAX)),
            ("18446744073709551616", Err(ERANGE.into())),
        ];
        for (s, want) in cases {
            assert_eq!(parse_unsigned(s.as_bytes(), 0), want, "{s:?}");
        }
    }

    #[test]
    fn signed_numbers_reach_their_bounds() {
        assert_eq!(parse_signed(b"-9223372036854775808", 10), Ok(i64::MIN));
        assert_eq!(parse_signed(b"-9223372036854775809", 10), Err(ERANGE.into()));
        assert_eq!(parse_signed(b"9223372036854775808", 10), Err(ERANGE.into()));
        assert_eq!(parse_signed(b"--1", 10), Err(EINVAL.into()));
    }

    #[test]
    fn truth_is_told_by_the_first_letters() {
        for (s, want) in [("yes", true), ("1", true), ("On", true), ("0", false), ("off", false), ("N\n", false)] {
            assert_eq!(parse_bool(s.as_bytes()), Ok(want), "{s}");
        }
        assert!(parse_bool(b"").is_err() && parse_bool(b"o").is_err() && parse_bool(b"2").is_err());
    }
}
