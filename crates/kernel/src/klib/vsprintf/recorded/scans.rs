//! `sscanf` into `int a, b, c; long l; char h; short s; char t[32], u[32]; int n`.

use super::{Recorder, SliceArgs};
use crate::klib::vsprintf::{Fault, Memory, vsscanf};

/// The module's variables, 32 bytes each, at the addresses 0, 32, 64, ...
struct Variables([u8; 9 * 32]);

impl Memory for Variables {
    fn write(&mut self, addr: u64, bytes: &[u8]) -> Result<(), Fault> {
        let start = addr as usize;
        self.0.get_mut(start..start + bytes.len()).ok_or(Fault::Access(addr))?.copy_from_slice(bytes);
        Ok(())
    }
}

impl Variables {
    fn new() -> Self {
        let mut variables = Self([0; 9 * 32]);
        for (slot, value) in [(0, -9i64), (1, -9), (2, -9), (3, 7), (4, 7), (5, 7), (8, -1)] {
            variables.0[slot * 32..slot * 32 + 8].copy_from_slice(&value.to_le_bytes());
        }
        variables
    }

    fn number(&self, slot: usize) -> i64 {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&self.0[slot * 32..slot * 32 + 8]);
        i64::from_le_bytes(bytes)
    }

    fn text(&self, slot: usize) -> String {
        let bytes = &self.0[slot * 32..][..32];
        bytes.iter().take_while(|&&b| b != 0).map(|&b| char::from(b)).collect()
    }
}

const SCANS: &[(&str, &str, &str)] = &[
    ("12 -34 0x1f", "%d %d %i", "abc"),
    ("ff,0xFF,0x", "%x,%x,%x", "abc"),
    ("123456", "%2d%3d%d", "abc"),
    ("0x1", "%1i%s", "at"),
    ("0x1f", "%3i%s", "at"),
    ("0x1f", "%2i%s", "at"),
    ("-12", "%2d%s", "at"),
    ("-12", "%1d%s", "at"),
    ("300 300 -1", "%hhu %hd %lx", "hsl"),
    ("-1", "%u", "a"),
    ("08", "%o%n", "an"),
    ("08", "%i%n", "an"),
    ("99999999999999999999", "%lu", "l"),
    ("  one two", "%s %3s", "tu"),
    ("onetwo", "%3s%2s", "tu"),
    ("abc", "%2c%c", "tu"),
    ("a b", "%c%c", "tu"),
    ("ab", "%5c", "t"),
    ("00:0a:95", "%2[^:]:%2[^:]:%x", "tua"),
    ("abab", "%3[ab]%s", "tu"),
    ("abab", "%[ab]", "t"),
    ("7% x", "%d%% %c%n", "atn"),
    ("skip 5", "%*s %d", "a"),
    ("skip5 5", "%*[a] %d", "a"),
    ("5 6", "%*d%d", "a"),
    ("x5", "y%d", "a"),
    ("", "%d", "a"),
    ("5", "%0d", "a"),
    ("5", "%d %d", "ab"),
    ("5 ", "%d %n", "an"),
    ("5", "%d%n", "an"),
    ("5", "%y", "a"),
    ("+5", "%d", "a"),
    ("1\t\n2", "%d %d", "ab"),
    ("12345678901", "%zu", "l"),
    ("1,2", "%d , %d", "ab"),
    ("ffffffffff", "%5x%n", "an"),
];

pub(super) fn scans(r: &mut Recorder) {
    for (text, fmt, names) in SCANS {
        let slots: Vec<u64> = names.chars().map(|name| "abclhstun".find(name).unwrap() as u64 * 32).collect();
        let mut v = Variables::new();
        let count = vsscanf(text.as_bytes(), fmt.as_bytes(), &mut SliceArgs::new(&slots), &mut v).unwrap();
        let [a, b, c] = [0, 1, 2].map(|slot| v.number(slot) as i32);
        let (l, h, s, n) = (v.number(3), v.number(4) as u8, v.number(5) as i16, v.number(8) as i32);
        r.lines.push(format!("scan {count}: {a} {b} {c} {l:x} {h} {s} {n} '{}' '{}'", v.text(6), v.text(7)));
    }
}
