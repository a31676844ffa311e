//! `sscanf`, and the `simple_strto*` family it is built on (`lib/vsprintf.c`).

use super::ctype::is_space;
use super::decode::{byte_at, skip_number};
use super::env::{Args, Fault};

/// Where the results of a scan go.
pub trait Memory {
    /// Writes `bytes` at `addr`.
    ///
    /// # Errors
    /// [`Fault::Access`] with the first address that cannot be written.
    fn write(&mut self, addr: u64, bytes: &[u8]) -> Result<(), Fault>;
}

/// Converts the digits at the start of `s`; base 0 takes it from `0x` or `0`. Too large a number wraps around.
/// Returns the value and how many bytes were used.
#[must_use]
pub fn simple_strtoull(s: &[u8], base: u32) -> (u64, usize) {
    unsigned_in(s, base, i32::MAX as usize)
}

/// [`simple_strtoull`] with a `-` in front.
#[must_use]
pub fn simple_strtoll(s: &[u8], base: u32) -> (i64, usize) {
    signed_in(s, base, i32::MAX as usize)
}

fn signed_in(s: &[u8], base: u32, limit: usize) -> (i64, usize) {
    if byte_at(s, 0) == b'-' && limit > 0 {
        let (value, used) = unsigned_in(s.get(1..).unwrap_or_default(), base, limit - 1);
        return ((value as i64).wrapping_neg(), used + 1);
    }
    let (value, used) = unsigned_in(s, base, limit);
    (value as i64, used)
}

fn unsigned_in(s: &[u8], base: u32, limit: usize) -> (u64, usize) {
    let hex_prefix = byte_at(s, 0) == b'0' && byte_at(s, 1) | 0x20 == b'x';
    let base = match base {
        0 if hex_prefix && byte_at(s, 2).is_ascii_hexdigit() => 16,
        0 if byte_at(s, 0) == b'0' => 8,
        0 => 10,
        base => base,
    };
    let start = if base == 16 && hex_prefix { 2 } else { 0 };
    if start >= limit {
        return (0, limit);
    }
    let mut value = 0u64;
    let mut pos = start;
    while pos < limit {
        let digit = char::from(byte_at(s, pos)).to_digit(16).filter(|&digit| digit < base);
        let Some(digit) = digit else { break };
        value = value.wrapping_mul(u64::from(base)).wrapping_add(u64::from(digit));
        pos += 1;
    }
    (value, pos)
}

/// A scan in progress.
struct Scan<'a> {
    text: &'a [u8],
    at: usize,
    fmt: &'a [u8],
    pos: usize,
    args: &'a mut dyn Args,
    memory: &'a mut dyn Memory,
    count: i32,
}

/// Whether a scan goes on.
type Step = Result<bool, Fault>;

/// Reads values out of `text` as `fmt` says and stores them where the arguments point. Returns how many were stored.
///
/// # Errors
/// [`Fault`] when a result cannot be written or an argument cannot be read.
pub fn vsscanf(text: &[u8], fmt: &[u8], args: &mut dyn Args, memory: &mut dyn Memory) -> Result<i32, Fault> {
    let mut scan = Scan { text, at: 0, fmt, pos: 0, args, memory, count: 0 };
    while scan.format() != 0 && scan.step()? {}
    Ok(scan.count)
}

impl Scan<'_> {
    fn format(&self) -> u8 {
        byte_at(self.fmt, self.pos)
    }

    fn input(&self) -> u8 {
        byte_at(self.text, self.at)
    }

    fn skip_input_spaces(&mut self) {
        while is_space(self.input()) {
            self.at += 1;
        }
    }

    /// Space, one character that must match, or a conversion.
    fn step(&mut self) -> Step {
        if is_space(self.format()) {
            while is_space(self.format()) {
                self.pos += 1;
            }
            self.skip_input_spaces();
        }
        match self.format() {
            0 => Ok(false),
            b'%' => {
                self.pos += 1;
                if self.format() == b'*' { Ok(self.skip_field()) } else { self.conversion() }
            }
            c => {
                let same = c == self.input();
                self.pos += 1;
                self.at += 1;
                Ok(same)
            }
        }
    }

    /// `%*d`: everything up to the next space, in both.
    fn skip_field(&mut self) -> bool {
        if self.input() == 0 {
            return false;
        }
        while !is_space(self.format()) && !matches!(self.format(), b'%' | 0) {
            if self.format() == b'[' {
                return false;
            }
            self.pos += 1;
        }
        while self.input() != 0 && !is_space(self.input()) {
            self.at += 1;
        }
        true
    }

    fn conversion(&mut self) -> Step {
        let mut width = None;
        if self.format().is_ascii_digit() {
            match skip_number(self.fmt, &mut self.pos) as i16 {
                w @ 1.. => width = Some(w as usize),
                _ => return Ok(false),
            }
        }
        let size = self.size();
        match self.format() {
            0 => return Ok(false),
            b'n' => {
                self.pos += 1;
                let read = self.at as u32;
                return self.store(&read.to_le_bytes()).map(|()| true);
            }
            _ if self.input() == 0 => return Ok(false),
            _ => {}
        }
        let kind = self.format();
        self.pos += 1;
        match kind {
            b'c' => self.chars(width.unwrap_or(1)),
            b's' => self.word(width.unwrap_or(i16::MAX as usize)),
            b'[' => self.set(width),
            b'o' => self.number(8, false, width, size),
            b'x' | b'X' => self.number(16, false, width, size),
            b'i' => self.number(0, true, width, size),
            b'd' => self.number(10, true, width, size),
            b'u' => self.number(10, false, width, size),
            b'%' => {
                let same = self.input() == b'%';
                self.at += 1;
                Ok(same)
            }
            _ => Ok(false),
        }
    }

    /// The qualifier, as the size of the result.
    fn size(&mut self) -> usize {
        let c = self.format();
        if !matches!(c, b'h' | b'l' | b'L' | b'z') {
            return 4;
        }
        self.pos += 1;
        let doubled = self.format() == c && matches!(c, b'h' | b'l');
        self.pos += usize::from(doubled);
        match (c, doubled) {
            (b'h', true) => 1,
            (b'h', false) => 2,
            _ => 8,
        }
    }

    fn store(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        let addr = self.args.next_slot()?;
        self.memory.write(addr, bytes)
    }

    fn take(&mut self, len: usize) -> &[u8] {
        let start = self.at.min(self.text.len());
        self.at = (start + len).min(self.text.len());
        &self.text[start..self.at]
    }

    /// `%c`: that many characters, without a terminator.
    fn chars(&mut self, width: usize) -> Step {
        let bytes = self.take(width).to_vec();
        self.store(&bytes)?;
        self.count += 1;
        Ok(true)
    }

    fn store_string(&mut self, len: usize) -> Step {
        let mut bytes = self.take(len).to_vec();
        bytes.push(0);
        self.store(&bytes)?;
        self.count += 1;
        Ok(true)
    }

    /// `%s`: up to the next space.
    fn word(&mut self, width: usize) -> Step {
        self.skip_input_spaces();
        let rest = self.text.get(self.at..).unwrap_or_default();
        let len = rest.iter().take(width).take_while(|&&c| !is_space(c)).count();
        self.store_string(len)
    }

    /// `%5[abc]` and `%5[^abc]`: no ranges, and a width is required.
    fn set(&mut self, width: Option<usize>) -> Step {
        let Some(width) = width else { return Ok(false) };
        let negate = self.format() == b'^';
        self.pos += usize::from(negate);
        let rest = self.fmt.get(self.pos..).unwrap_or_default();
        let Some(len) = rest.iter().position(|&c| c == b']').filter(|&len| len > 0) else { return Ok(false) };
        let set = &rest[..len];
        self.pos += len + 1;
        let rest = self.text.get(self.at..).unwrap_or_default();
        let matching = rest.iter().take(width).take_while(|c| set.contains(c) != negate).count();
        if matching == 0 {
            return Ok(false);
        }
        self.store_string(matching)
    }

    fn number(&mut self, base: u32, signed: bool, width: Option<usize>, size: usize) -> Step {
        self.skip_input_spaces();
        let mut digit = self.input();
        if signed && digit == b'-' {
            if width == Some(1) {
                return Ok(false);
            }
            digit = byte_at(self.text, self.at + 1);
        }
        let valid = match base {
            16 => digit.is_ascii_hexdigit(),
            8 => matches!(digit, b'0'..=b'7'),
            _ => digit.is_ascii_digit(),
        };
        if !valid {
            return Ok(false);
        }
        let rest = self.text.get(self.at..).unwrap_or_default();
        let limit = width.unwrap_or(i32::MAX as usize);
        let (value, used) = if signed {
            let (value, used) = signed_in(rest, base, limit);
            (value as u64, used)
        } else {
            unsigned_in(rest, base, limit)
        };
        self.store(&value.to_le_bytes()[..size])?;
        self.count += 1;
        self.at += used;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::klib::vsprintf::SliceArgs;

    /// Every result goes to its own 16 bytes.
    #[derive(Default)]
    struct Results(std::collections::BTreeMap<u64, Vec<u8>>);

    impl Memory for Results {
        fn write(&mut self, addr: u64, bytes: &[u8]) -> Result<(), Fault> {
            self.0.insert(addr, bytes.to_vec());
            Ok(())
        }
    }

    fn scan(text: &str, fmt: &str) -> (i32, Vec<Vec<u8>>) {
        let mut results = Results::default();
        let slots: Vec<u64> = (1..20).collect();
        let count = vsscanf(text.as_bytes(), fmt.as_bytes(), &mut SliceArgs::new(&slots), &mut results).unwrap();
        (count, results.0.into_values().collect())
    }

    fn int(value: i32) -> Vec<u8> {
        value.to_le_bytes().to_vec()
    }

    #[test]
    fn numbers() {
        assert_eq!(scan("12 -34 0x1f 017", "%d %d %i %i"), (4, vec![int(12), int(-34), int(31), int(15)]));
        assert_eq!(scan("ff,0xFF", "%x,%x"), (2, vec![int(255), int(255)]));
        assert_eq!(scan("123456", "%2d%3d%d"), (3, vec![int(12), int(345), int(6)]));
        assert_eq!(scan("0x1", "%1i%c"), (2, vec![int(0), b"x".to_vec()]));
        assert_eq!(scan("300 300 -1", "%hhu %hu %ld"), (3, vec![vec![44], vec![44, 1], vec![0xff; 8]]));
        assert_eq!(scan("08", "%o"), (1, vec![int(0)]));
        for (text, fmt) in [("x", "%d"), ("-", "%1d"), ("-5", "%u"), ("", "%d"), ("8", "%o"), ("5", "%0d"), ("5", "%y")]
        {
            assert_eq!(scan(text, fmt), (0, vec![]), "{text} {fmt}");
        }
    }

    #[test]
    fn text_and_sets() {
        assert_eq!(scan("  one two", "%s %3s"), (2, vec![b"one\0".to_vec(), b"two\0".to_vec()]));
        assert_eq!(scan("abc", "%2c%c"), (2, vec![b"ab".to_vec(), b"c".to_vec()]));
        assert_eq!(
            scan("00:0a:95", "%2[^:]:%2[^:]:%2[0123456789]"),
            (3, vec![b"00\0".to_vec(), b"0a\0".to_vec(), b"95\0".to_vec()])
        );
        assert_eq!(scan("7% x", "%d%% %c%n"), (2, vec![int(7), b"x".to_vec(), int(4)]));
        assert_eq!(scan("skip 5", "%*s %d"), (1, vec![int(5)]));
        for (text, fmt) in [("a", "%[a]"), ("a", "%2[b]"), ("a", "%*[a]"), ("a", "%2[]"), ("ab", "b%d")] {
            assert_eq!(scan(text, fmt), (0, vec![]), "{text} {fmt}");
        }
    }

    #[test]
    fn the_simple_conversions() {
        assert_eq!(simple_strtoull(b"0x1fz", 0), (31, 4));
        assert_eq!(simple_strtoull(b"0x", 0), (0, 1));
        assert_eq!(simple_strtoull(b"0x", 16), (0, 2));
        assert_eq!(simple_strtoull(b"99999999999999999999", 10), (7_766_279_631_452_241_919, 20));
        assert_eq!(simple_strtoll(b"-12x", 10), (-12, 3));
        assert_eq!(simple_strtoll(b"", 10), (0, 0));
    }
}
