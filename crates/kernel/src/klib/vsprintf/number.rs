//! Numbers: width, precision, sign and prefix as `number()` in `lib/vsprintf.c` has them.

use super::decode::Spec;
use super::out::Out;

/// Writes the digits of `num` at the end of `buf` and returns where they start.
fn digits(num: u64, base: u8, upper: bool, buf: &mut [u8; 24]) -> usize {
    // With a constant base the divisions become multiplications and shifts.
    match base {
        8 => digits_in::<8>(num, b'a', buf),
        16 => digits_in::<16>(num, if upper { b'A' } else { b'a' }, buf),
        _ => digits_in::<10>(num, b'a', buf),
    }
}

fn digits_in<const BASE: u64>(mut num: u64, ten: u8, buf: &mut [u8; 24]) -> usize {
    let mut start = buf.len();
    for place in buf.iter_mut().rev() {
        let digit = (num % BASE) as u8;
        *place = if digit < 10 { b'0' + digit } else { ten + (digit - 10) };
        start -= 1;
        num /= BASE;
        if num == 0 {
            break;
        }
    }
    start
}

/// Formats `num` as `spec` asks. Without [`Spec::SIGN`] it is unsigned.
pub(super) fn number(out: &mut Out<'_>, num: u64, spec: Spec) {
    let mut width = i64::from(spec.width);
    let (sign, magnitude) = split_sign(num, spec);
    let prefix: &[u8] = match (spec.has(Spec::SPECIAL), spec.base) {
        (true, 16) if spec.has(Spec::SMALL) => b"0x",
        (true, 16) => b"0X",
        (true, 8) if num != 0 => b"0",
        _ => b"",
    };
    width -= i64::from(sign.is_some()) + prefix.len() as i64;

    let mut buf = [0; 24];
    let start = digits(magnitude, spec.base, !spec.has(Spec::SMALL), &mut buf);
    let text = &buf[start..];
    let zeros = usize::try_from(spec.precision).unwrap_or(0).saturating_sub(text.len());
    width -= (zeros + text.len()) as i64;
    let padding = usize::try_from(width).unwrap_or(0);

    let left = spec.has(Spec::LEFT);
    let zero_padded = spec.has(Spec::ZEROPAD) && !left;
    if !left && !zero_padded {
        out.fill(b' ', padding);
    }
    if let Some(sign) = sign {
        out.push(sign);
    }
    out.extend(prefix);
    if zero_padded {
        out.fill(b'0', padding);
    }
    out.fill(b'0', zeros);
    out.extend(text);
    if left {
        out.fill(b' ', padding);
    }
}

fn split_sign(num: u64, spec: Spec) -> (Option<u8>, u64) {
    if !spec.has(Spec::SIGN) {
        return (None, num);
    }
    if (num as i64) < 0 {
        (Some(b'-'), (num as i64).unsigned_abs())
    } else if spec.has(Spec::PLUS) {
        (Some(b'+'), num)
    } else if spec.has(Spec::SPACE) {
        (Some(b' '), num)
    } else {
        (None, num)
    }
}

/// `0x` and all digits of a value of `size` bytes.
pub(super) fn special_hex(out: &mut Out<'_>, num: u64, size: i32) {
    number(out, num, Spec { width: 2 + 2 * size, flags: Spec::SPECIAL | Spec::SMALL | Spec::ZEROPAD, ..Spec::HEX });
}

/// A byte as two lower case digits.
pub(super) fn hex_byte(byte: u8) -> [u8; 2] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]
}
