//! Bytes as hexadecimal digits and back. Counterpart: lib/hexdump.c, lib/ctype.c.

use kabi::errno::EINVAL;
use kabi::{DataExport, DataSize, KPtr, KResult, c_int, exports, kexport};
use machine::access;

exports![hex_to_bin, hex2bin, bin2hex];

const LOWER: &[u8; 16] = b"0123456789abcdef";
const UPPER: &[u8; 16] = b"0123456789ABCDEF";

fn digit(c: u8) -> Option<u8> {
    char::from(c).to_digit(16).map(|value| value as u8)
}

/// The value of a hexadecimal digit; -1 for anything else.
#[kexport(since = "2.6.36", header = "linux/hex.h")]
fn hex_to_bin(c: u8) -> c_int {
    digit(c).map_or(-1, c_int::from)
}

/// Turns 2 * `count` digits into `count` bytes.
///
/// # Errors
/// `EINVAL`: a character that is no digit; the bytes before it are written.
#[kexport(since = "2.6.37", header = "linux/hex.h")]
fn hex2bin(to: KPtr, from: KPtr, count: usize) -> KResult {
    for i in 0..count as u64 {
        let pair = [digit(from.get(2 * i)?), digit(from.get(2 * i + 1)?)];
        let [Some(high), Some(low)] = pair else { return Err(EINVAL.into()) };
        to.put(i, high << 4 | low)?;
    }
    Ok(())
}

/// Turns `count` bytes into 2 * `count` lower-case digits without a NUL; returns the place behind them.
#[kexport(since = "3.18", header = "linux/hex.h")]
fn bin2hex(to: KPtr, from: KPtr, count: usize) -> KResult<KPtr> {
    let bytes = from.bytes(0, count)?;
    let digits: Vec<u8> = bytes.iter().flat_map(|b| [LOWER[usize::from(b >> 4)], LOWER[usize::from(b & 15)]]).collect();
    access::write(to.addr(), &digits)?;
    Ok(to.offset(digits.len() as u64))
}

/// What a character is, as the bits of include/linux/ctype.h say; 0x80 and above as in Latin-1.
fn class(c: u8) -> u8 {
    const UPPER: u8 = 0x01;
    const LOWER: u8 = 0x02;
    const DIGIT: u8 = 0x04;
    const CONTROL: u8 = 0x08;
    const PUNCTUATION: u8 = 0x10;
    const SPACE: u8 = 0x20;
    const HEX: u8 = 0x40;
    const HARD_SPACE: u8 = 0x80;
    match c {
        9..=13 => CONTROL | SPACE,
        0..=8 | 14..=31 | 127 => CONTROL,
        b' ' | 0xa0 => SPACE | HARD_SPACE,
        b'0'..=b'9' => DIGIT,
        b'A'..=b'F' => UPPER | HEX,
        b'a'..=b'f' => LOWER | HEX,
        b'G'..=b'Z' => UPPER,
        b'g'..=b'z' => LOWER,
        128..=159 => 0,
        0xd7 | 0xf7 => PUNCTUATION,
        0xc0..=0xd6 | 0xd8..=0xde => UPPER,
        0xdf..=0xf6 | 0xf8..=0xff => LOWER,
        _ => PUNCTUATION,
    }
}

fn table(addr: u64, bytes: &[u8]) -> KResult {
    Ok(access::write(addr, bytes)?)
}

const fn data(
    names: &'static [&'static str],
    bytes: usize,
    init: fn(u64, usize) -> KResult,
    doc: &'static str,
) -> DataExport {
    DataExport { names, size: DataSize::Bytes(bytes), percpu: false, gpl: false, init, doc }
}

/// Tables that modules look into.
pub(crate) static DATA: &[DataExport] = &[
    data(&["hex_asc"], 17, |addr, _| table(addr, LOWER), "The hexadecimal digits in lower case."),
    data(&["hex_asc_upper"], 17, |addr, _| table(addr, UPPER), "The hexadecimal digits in upper case."),
    data(
        &["_ctype"],
        256,
        |addr, _| table(addr, &std::array::from_fn::<u8, 256, _>(|c| class(c as u8))),
        "What each character is: letter, digit, space ...",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_have_values() {
        let got = b"0a9FgG \0".map(hex_to_bin);
        assert_eq!(got, [0, 10, 9, 15, -1, -1, -1, -1]);
    }

    #[test]
    fn classes_agree_with_ascii() {
        for c in 0..128u8 {
            let has = |bits: u8| class(c) & bits != 0;
            assert_eq!(has(0x01), c.is_ascii_uppercase(), "{c}");
            assert_eq!(has(0x02), c.is_ascii_lowercase(), "{c}");
            assert_eq!(has(0x08), c.is_ascii_control(), "{c}");
            assert_eq!(has(0x10), c.is_ascii_punctuation(), "{c}");
            assert_eq!(has(0x44), c.is_ascii_hexdigit(), "{c}");
        }
    }
}
