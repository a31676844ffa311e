//! Buffers of bytes and bits: `%ph`, `%pb`, `%pE`, `%pU`, `%p4cc`.

use super::Printer;
use super::ctype::is_print;
use super::decode::{Spec, byte_at};
use super::env::{Fault, at, read_array, read_u32};
use super::number::{hex_byte, number, special_hex};
use super::out::Out;

/// `%ph` shows no more bytes than this.
const HEX_STRING_MAX: i32 = 64;

const ESCAPE_SPACE: u32 = 1;
const ESCAPE_SPECIAL: u32 = 2;
const ESCAPE_NULL: u32 = 4;
const ESCAPE_OCTAL: u32 = 8;
const ESCAPE_ANY: u32 = ESCAPE_SPACE | ESCAPE_SPECIAL | ESCAPE_NULL | ESCAPE_OCTAL;
/// Printable bytes stay as they are.
const ESCAPE_NP: u32 = 16;
const ESCAPE_HEX: u32 = 32;

/// The order of a UUID's bytes in its text: big endian, and mixed as in a GUID.
const UUID_ORDER: [usize; 16] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
const GUID_ORDER: [usize; 16] = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];

/// Escapes one byte as `string_escape_mem()` in `lib/string_helpers.c` does.
fn escape(out: &mut Out<'_>, c: u8, flags: u32) {
    let on = |flag| flags & flag != 0;
    let space = b"\n\r\t\x0b\x0c".iter().position(|&s| s == c).map(|i| b"nrtvf"[i]);
    let special = b"\\\x07\x1b\"".iter().position(|&s| s == c).map(|i| b"\\ae\""[i]);
    if on(ESCAPE_NP) && is_print(c) {
        return out.push(c);
    }
    let letter = space
        .filter(|_| on(ESCAPE_SPACE))
        .or(special.filter(|_| on(ESCAPE_SPECIAL)))
        .or((c == 0 && on(ESCAPE_NULL)).then_some(b'0'));
    if let Some(letter) = letter {
        out.extend(&[b'\\', letter]);
    } else if on(ESCAPE_OCTAL) {
        out.extend(&[b'\\', b'0' + (c >> 6), b'0' + (c >> 3 & 7), b'0' + (c & 7)]);
    } else if on(ESCAPE_HEX) {
        out.extend(b"\\x");
        out.extend(&hex_byte(c));
    } else {
        out.push(c);
    }
}

fn escape_flags(suffix: &[u8]) -> u32 {
    let mut flags = 0;
    for c in suffix.iter().skip(1) {
        flags |= match c {
            b'a' => ESCAPE_ANY,
            b'c' => ESCAPE_SPECIAL,
            b'h' => ESCAPE_HEX,
            b'n' => ESCAPE_NULL,
            b'o' => ESCAPE_OCTAL,
            b'p' => ESCAPE_NP,
            b's' => ESCAPE_SPACE,
            _ => break,
        };
    }
    if flags == 0 { ESCAPE_ANY | ESCAPE_NP } else { flags }
}

impl Printer<'_, '_> {
    /// `%*ph`: the width is the number of bytes.
    pub(super) fn hex_string(&mut self, suffix: &[u8], addr: u64, spec: Spec) -> Result<(), Fault> {
        if spec.width == 0 || self.bad_pointer(addr, spec) {
            return Ok(());
        }
        let separator = match byte_at(suffix, 1) {
            b'C' => Some(b':'),
            b'D' => Some(b'-'),
            b'N' => None,
            _ => Some(b' '),
        };
        let len = if spec.width > 0 { spec.width.min(HEX_STRING_MAX) } else { 1 };
        let mut bytes = [0; HEX_STRING_MAX as usize];
        let bytes = &mut bytes[..len as usize];
        self.env.read(addr, bytes)?;
        for (i, &byte) in bytes.iter().enumerate() {
            if let Some(separator) = separator.filter(|_| i > 0) {
                self.out.push(separator);
            }
            self.out.extend(&hex_byte(byte));
        }
        Ok(())
    }

    /// `%*pb` and `%*pbl`: the width is the number of bits.
    pub(super) fn bitmap(&mut self, suffix: &[u8], addr: u64, spec: Spec) -> Result<(), Fault> {
        if self.bad_pointer(addr, spec) {
            return Ok(());
        }
        let bits = spec.width.max(0) as usize;
        let mut map = vec![0; bits.div_ceil(64) * 8];
        self.env.read(addr, &mut map)?;
        if byte_at(suffix, 1) == b'l' {
            self.bit_ranges(&map, bits);
        } else {
            self.bit_chunks(&map, bits);
        }
        Ok(())
    }

    /// Groups of 32 bits, the highest first.
    fn bit_chunks(&mut self, map: &[u8], bits: usize) {
        for (i, chunk) in map.chunks(4).take(bits.div_ceil(32)).enumerate().rev() {
            let used = (bits - i * 32).min(32);
            let word = chunk.iter().rev().fold(0u64, |word, &byte| word << 8 | u64::from(byte));
            let spec = Spec { flags: Spec::SMALL | Spec::ZEROPAD, width: used.div_ceil(4) as i32, ..Spec::HEX };
            number(&mut self.out, word & ((1 << used) - 1), spec);
            if i > 0 {
                self.out.push(b',');
            }
        }
    }

    /// Ranges of set bits, the lowest first.
    fn bit_ranges(&mut self, map: &[u8], bits: usize) {
        let set = |i: usize| i < bits && map.get(i / 8).is_some_and(|byte| byte >> (i % 8) & 1 != 0);
        let mut first = true;
        let mut i = 0;
        while i < bits {
            if !set(i) {
                i += 1;
                continue;
            }
            let start = i;
            while set(i) {
                i += 1;
            }
            if !first {
                self.out.push(b',');
            }
            first = false;
            number(&mut self.out, start as u64, Spec::DEC);
            if i - 1 > start {
                self.out.push(b'-');
                number(&mut self.out, (i - 1) as u64, Spec::DEC);
            }
        }
    }

    /// `%*pE`: the width is the number of bytes.
    pub(super) fn escaped(&mut self, suffix: &[u8], addr: u64, spec: Spec) -> Result<(), Fault> {
        if spec.width == 0 || self.bad_pointer(addr, spec) {
            return Ok(());
        }
        let flags = escape_flags(suffix);
        let mut left = if spec.width < 0 { 1 } else { spec.width as usize };
        let mut addr = addr;
        let mut block = [0; 256];
        while left > 0 {
            let part = &mut block[..left.min(256)];
            self.env.read(addr, part)?;
            for &byte in part.iter() {
                escape(&mut self.out, byte, flags);
            }
            left -= part.len();
            if left > 0 {
                addr = at(addr, part.len() as u64)?;
            }
        }
        Ok(())
    }

    /// `%pUb`, `%pUB`, `%pUl`, `%pUL`.
    pub(super) fn uuid(&mut self, suffix: &[u8], addr: u64, spec: Spec) -> Result<(), Fault> {
        if self.bad_pointer(addr, spec) {
            return Ok(());
        }
        let kind = byte_at(suffix, 1);
        let order = if matches!(kind, b'l' | b'L') { GUID_ORDER } else { UUID_ORDER };
        let bytes: [u8; 16] = read_array(self.env, addr)?;
        let mut text = Vec::with_capacity(36);
        for (i, index) in order.into_iter().enumerate() {
            if matches!(i, 4 | 6 | 8 | 10) {
                text.push(b'-');
            }
            text.extend_from_slice(&hex_byte(bytes[index]));
        }
        if matches!(kind, b'L' | b'B') {
            text.make_ascii_uppercase();
        }
        self.text(&text, spec);
        Ok(())
    }

    /// `%p4cc`: a four character code with its byte order and value.
    pub(super) fn fourcc(&mut self, suffix: &[u8], addr: u64, spec: Spec) -> Result<(), Fault> {
        if !suffix.starts_with(b"4cc") {
            self.error_text("(%p4?)", spec);
            return Ok(());
        }
        if self.bad_pointer(addr, spec) {
            return Ok(());
        }
        let code = read_u32(self.env, addr)?;
        let mut text: Vec<u8> = (code & !(1 << 31))
            .to_le_bytes()
            .into_iter()
            .map(|c| if c.is_ascii() && is_print(c) { c } else { b'.' })
            .collect();
        let order: &[u8] = if code >> 31 != 0 { b" big-endian (" } else { b" little-endian (" };
        text.extend_from_slice(order);
        special_hex(&mut Out::new(&mut text, 10), u64::from(code), 4);
        text.push(b')');
        self.text(&text, spec);
        Ok(())
    }
}
