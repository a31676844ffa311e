//! The numbers in a write to /proc/sys, with the kernel's peculiarities.
//!
//! Counterpart: `proc_get_long`, `do_proc_dointvec` and `__do_proc_doulongvec_minmax` of kernel/sysctl.c.

use kabi::Errno;
use kabi::errno::EINVAL;

/// A write beyond this many bytes is cut, and the cut bytes count as not taken (`PAGE_SIZE - 1`).
const MOST: usize = 4095;
/// A number of this many characters is refused, for the next one might belong to it (`TMPBUFLEN - 1`).
const LONGEST: usize = 21;

/// The kernel's `isspace`, which knows Latin-1.
fn is_space(byte: u8) -> bool {
    matches!(byte, b'\t'..=b'\r' | b' ' | 0xa0)
}

/// What may follow a number.
fn ends_number(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n')
}

fn skip_spaces(text: &[u8]) -> &[u8] {
    let at = text.iter().position(|b| !is_space(*b)).unwrap_or(text.len());
    text.get(at..).unwrap_or_default()
}

/// Digits in the base that the prefix tells; the value and how many bytes it took.
fn unsigned(text: &[u8]) -> Result<(u64, usize), Errno> {
    let hex = matches!(text, [b'0', b'x' | b'X', digit, ..] if digit.is_ascii_hexdigit());
    let (base, prefix) = match text.first() {
        _ if hex => (16, 2),
        Some(b'0') => (8, 0),
        _ => (10, 0),
    };
    let mut value = 0_u64;
    let mut used = prefix;
    while let Some(digit) = text.get(used).and_then(|b| char::from(*b).to_digit(base)) {
        value = value.checked_mul(u64::from(base)).and_then(|v| v.checked_add(u64::from(digit))).ok_or(EINVAL)?;
        used = used.saturating_add(1);
    }
    Ok((value, used))
}

/// One number at the start of `text`: negative?, magnitude, and the rest.
fn number(text: &[u8]) -> Result<(bool, u64, &[u8]), Errno> {
    let window = text.get(..LONGEST).unwrap_or(text);
    let negative = window.first() == Some(&b'-') && text.len() > 1;
    let digits = window.get(usize::from(negative)..).unwrap_or_default();
    if !digits.first().is_some_and(u8::is_ascii_digit) {
        return Err(EINVAL);
    }
    let (value, used) = unsigned(digits)?;
    let used = used.saturating_add(usize::from(negative));
    let rest = text.get(used..).unwrap_or_default();
    if used >= LONGEST || rest.first().is_some_and(|b| !ends_number(*b)) {
        return Err(EINVAL);
    }
    Ok((negative, value, rest))
}

/// Goes through at most `count` numbers of a write; `take` gets the index, the sign and the magnitude, and what it took
/// stays taken when a later number is bad. The result is how many bytes the write took.
pub(super) fn numbers(
    data: &[u8],
    count: usize,
    mut take: impl FnMut(usize, bool, u64) -> Result<(), Errno>,
) -> Result<usize, Errno> {
    if data.is_empty() {
        return Ok(0);
    }
    let mut rest = data.get(..MOST).unwrap_or(data);
    for index in 0..count {
        rest = skip_spaces(rest);
        if rest.is_empty() {
            if index == 0 {
                return Err(EINVAL);
            }
            break;
        }
        let (negative, value, after) = number(rest)?;
        take(index, negative, value)?;
        rest = after;
    }
    Ok(data.len().saturating_sub(skip_spaces(rest).len()))
}

/// The value as an `int`.
pub(super) fn int(negative: bool, value: u64) -> Result<i32, Errno> {
    let value = i64::try_from(value).map_err(|_| EINVAL)?;
    i32::try_from(if negative { value.saturating_neg() } else { value }).map_err(|_| EINVAL)
}
