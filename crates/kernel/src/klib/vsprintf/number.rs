//! Numbers: width, precision, sign and prefix as `number()` in `lib/vsprintf.c` has them.

use super::decode::Spec;
use super::out::Out;

/// Writes the digits of `num` at the end of `buf` and returns where they start.
fn digits(mut num: u64, base: u8, upper: bool, buf: &mut [u8; 24]) -> usize {
    let table: &[u8; 16] = if upper { b"0123456789ABCDEF" } else { b"0123456789abcdef" };
    let base = u64::from(base.max(2));
    let mut start = buf.len();
    loop {
        start -= 1;
        buf[start] = table[(num % base) as usize & 15];
        num /= base;
        if num == 0 || start == 0 {
            return start;
        }
    }
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
