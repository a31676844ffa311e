//! The kernel's own symbol table (kernel/kallsyms.c, scripts/kallsyms.c), found in an image without symbols.
//!
//! Names are packed: each is a list of numbers of 256 tokens, and the first character is the type letter.
//! The token table gives itself away (the tokens of the digits are the digits), its index confirms it,
//! and the markers in front of it (where every 256th name starts) confirm the names and their count.
//! Two orders are known: up to 6.3 the offsets and their base come first, from 6.4 on they come last.

use crate::bytes::{align_up, cstr_at, find, slice, u16_at, u32_at, u64_at};

/// A name, its address and its type letter as `nm` has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RawSymbol {
    pub name: String,
    pub addr: u64,
    pub kind: u8,
}

/// Addresses below this are no kernel addresses (x86-64's upper half).
const KERNEL_HALF: u64 = 0xffff_8000_0000_0000;
/// Names between two markers.
const MARKER_STEP: usize = 256;

/// All symbols in the tables' order (by address), or `None` if `rodata` holds no tables.
pub(crate) fn symbols(rodata: &[u8], text: u64) -> Option<Vec<RawSymbol>> {
    let digits: Vec<u8> = (b'0'..=b'9').flat_map(|d| [d, 0]).collect();
    let mut from = 0;
    while let Some(at) = find(rodata, &digits, from) {
        if let Some(found) = Tables::around(rodata, at, text) {
            return found.decode(rodata);
        }
        from = at + 1;
    }
    None
}

struct Tokens<'a> {
    text: Vec<&'a [u8]>,
    start: usize,
    /// Where the token index ends.
    end: usize,
}

impl<'a> Tokens<'a> {
    /// The token table whose token '0' is at `digits_at`, if its index agrees.
    fn at(data: &'a [u8], digits_at: usize) -> Option<Self> {
        let mut start = digits_at;
        for _ in 0..b'0' {
            let before = data.get(..start.checked_sub(1)?)?;
            start = before.iter().rposition(|&b| b == 0)? + 1;
        }
        let (mut text, mut at) = (Vec::with_capacity(256), start);
        for _ in 0..256 {
            let token = cstr_at(data, at)?;
            text.push(token);
            at = at.checked_add(token.len() + 1)?;
        }
        let index = align_up(at, 8)?;
        let mut offset = 0;
        for (i, token) in text.iter().enumerate() {
            if usize::from(u16_at(data, index + i * 2)?) != offset {
                return None;
            }
            offset += token.len() + 1;
        }
        Some(Tokens { text, start, end: index + 512 })
    }
}

struct Tables<'a> {
    tokens: Tokens<'a>,
    count: usize,
    names: usize,
    offsets: usize,
    base: u64,
}

impl<'a> Tables<'a> {
    fn around(data: &'a [u8], digits_at: usize, text: u64) -> Option<Self> {
        let tokens = Tokens::at(data, digits_at)?;
        // 6.2 and 6.3 have another table between the markers and the tokens: 3 bytes a symbol.
        const FARTHEST: usize = 8 << 20;
        let mut markers = tokens.start & !7;
        let stop = markers.saturating_sub(FARTHEST);
        while markers >= stop.max(8) {
            if let Some((names, count)) = names_before(data, markers, tokens.start) {
                let (offsets, base) = offsets_of(data, names, count, tokens.end, text)?;
                return Some(Tables { tokens, count, names, offsets, base });
            }
            markers -= 8;
        }
        None
    }

    fn decode(&self, data: &[u8]) -> Option<Vec<RawSymbol>> {
        let offset = |i: usize| u32_at(data, self.offsets.checked_add(i * 4)?);
        // With per-CPU symbols kept absolute, all others are stored as negative numbers.
        let absolute_percpu = (0..self.count).any(|i| offset(i).is_some_and(|o| (o as i32) < 0));
        let mut symbols = Vec::with_capacity(self.count);
        let mut at = self.names;
        for i in 0..self.count {
            let (start, len) = name_len(data, at)?;
            let packed = slice(data, start, len)?;
            at = start + len;
            let mut text = Vec::with_capacity(32);
            for &token in packed {
                text.extend_from_slice(self.tokens.text.get(usize::from(token))?);
            }
            let (&kind, name) = text.split_first()?;
            let raw = offset(i)?;
            let addr = match (absolute_percpu, raw as i32) {
                (true, o @ 0..) => o as u64,
                (true, o) => self.base.wrapping_sub(1).wrapping_sub(i64::from(o) as u64),
                (false, _) => self.base.wrapping_add(u64::from(raw)),
            };
            symbols.push(RawSymbol { name: String::from_utf8_lossy(name).into_owned(), addr, kind });
        }
        Some(symbols)
    }
}

/// The start and length of the packed name at `at`: one byte, or two when the first has its high bit set.
fn name_len(data: &[u8], at: usize) -> Option<(usize, usize)> {
    let first = usize::from(*data.get(at)?);
    if first & 0x80 == 0 {
        return Some((at + 1, first));
    }
    let second = usize::from(*data.get(at + 1)?);
    Some((at + 2, first & 0x7f | second << 7))
}

/// Where the names start and how many there are, if `markers` is where the markers start.
fn names_before(data: &[u8], markers: usize, end: usize) -> Option<(usize, usize)> {
    let marker = |k: usize| u32_at(data, markers + k * 4).map(|m| m as usize);
    // Cheap checks first: most places are none.
    if marker(0)? != 0 || !(MARKER_STEP..MARKER_STEP * 512).contains(&marker(1)?) || marker(2)? <= marker(1)? {
        return None;
    }
    let mut marker_count = 1;
    while markers + marker_count * 4 < end && marker(marker_count)? > marker(marker_count - 1)? {
        marker_count += 1;
    }
    // The table behind an even number of markers follows without a gap, and its first words can look like more of them.
    const TOO_MANY: usize = 16;
    let fewest = marker_count.saturating_sub(TOO_MANY).max(1);
    (fewest..=marker_count).rev().find_map(|count| names_of(data, markers, count, marker(count - 1)?))
}

/// Where the names start and how many there are, if there are `marker_count` markers, the last of them `last`.
fn names_of(data: &[u8], markers: usize, marker_count: usize, last: usize) -> Option<(usize, usize)> {
    let latest = markers.checked_sub(last)? & !7;
    let earliest = latest.saturating_sub(MARKER_STEP * 512).max(8);
    let mut names = latest;
    while names >= earliest {
        let count = u32_at(data, names - 8)? as usize;
        let fits = count.div_ceil(MARKER_STEP) == marker_count && u32_at(data, names - 4)? == 0;
        if fits && names_agree(data, names, count, markers) == Some(true) {
            return Some((names, count));
        }
        names -= 8;
    }
    None
}

/// Whether walking `count` names meets every marker and ends where the markers start.
fn names_agree(data: &[u8], names: usize, count: usize, markers: usize) -> Option<bool> {
    let mut at = names;
    for i in 0..count {
        if i % MARKER_STEP == 0 && u32_at(data, markers + i / MARKER_STEP * 4)? as usize != at - names {
            return Some(false);
        }
        let (start, len) = name_len(data, at)?;
        at = start + len;
    }
    Some(align_up(at, 8)? == markers)
}

/// Where the offsets are, and what they are relative to.
fn offsets_of(data: &[u8], names: usize, count: usize, after_tokens: usize, text: u64) -> Option<(usize, u64)> {
    let table = align_up(count.checked_mul(4)?, 8)?;
    // Up to 6.3: offsets, base, count, names.
    if let (Some(base_at), Some(offsets)) = (names.checked_sub(16), names.checked_sub(16 + table))
        && let Some(base) = u64_at(data, base_at).filter(|&b| b >= KERNEL_HALF)
    {
        return Some((offsets, base));
    }
    // From 6.4 on: ..., token index, offsets, base.
    let offsets = align_up(after_tokens, 8)?;
    let base = u64_at(data, offsets.checked_add(table)?).filter(|&b| b >= KERNEL_HALF);
    // Without a base the offsets count from the start of the text.
    Some((offsets, base.unwrap_or(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pad(out: &mut Vec<u8>) {
        out.resize(out.len().next_multiple_of(8), 0);
    }

    /// Tables of `count` symbols in one of the two orders, every name spelled with one-character tokens; `sequence`
    /// stands between markers and tokens.
    fn tables(count: usize, offsets_first: bool, sequence: &[u8]) -> Vec<u8> {
        let mut out = vec![0xaa; 64];
        if offsets_first {
            out.extend_from_slice(&offsets(count));
        }
        out.extend_from_slice(&(count as u64).to_le_bytes());
        names_and_markers(count, &mut out);
        out.extend_from_slice(sequence);
        pad(&mut out);
        tokens(&mut out);
        if !offsets_first {
            out.extend_from_slice(&offsets(count));
        }
        out.extend_from_slice(&[0; 64]);
        out
    }

    /// Symbol 0 is per-CPU at 0x40; the others are 16 bytes apart. The base follows.
    fn offsets(count: usize) -> Vec<u8> {
        let raw = |i: usize| if i == 0 { 0x40 } else { -1 - (i as i32 * 16) };
        let mut out: Vec<u8> = (0..count).flat_map(|i| raw(i).to_le_bytes()).collect();
        pad(&mut out);
        out.extend_from_slice(&0xffff_ffff_8100_0000u64.to_le_bytes());
        out
    }

    /// Symbol 3 has a name whose length needs two bytes.
    fn names_and_markers(count: usize, out: &mut Vec<u8>) {
        let (start, mut markers) = (out.len(), Vec::new());
        for i in 0..count {
            if i % 256 == 0 {
                markers.extend_from_slice(&((out.len() - start) as u32).to_le_bytes());
            }
            let long = if i == 3 { "y".repeat(200) } else { String::new() };
            let name = format!("Tsym{i}{long}");
            match name.len() {
                len @ 0..128 => out.push(len as u8),
                len => out.extend_from_slice(&[(len & 0x7f | 0x80) as u8, (len >> 7) as u8]),
            }
            out.extend_from_slice(name.as_bytes());
        }
        pad(out);
        out.extend_from_slice(&markers);
        pad(out);
    }

    fn tokens(out: &mut Vec<u8>) {
        let (mut at, mut index) = (0u16, Vec::new());
        for c in 0..=255u8 {
            let token: &[u8] = if c < 0x20 { b"zz" } else { &[c] };
            index.extend_from_slice(&at.to_le_bytes());
            out.extend_from_slice(token);
            out.push(0);
            at += token.len() as u16 + 1;
        }
        pad(out);
        out.extend_from_slice(&index);
    }

    #[test]
    fn both_orders_are_read() {
        for offsets_first in [true, false] {
            let symbols = symbols(&tables(1000, offsets_first, &[]), 0).unwrap();
            assert_eq!(symbols.len(), 1000);
            assert_eq!(symbols[0], RawSymbol { name: "sym0".into(), addr: 0x40, kind: b'T' });
            assert_eq!(symbols[3].name.len(), 204);
            assert_eq!((symbols[999].name.as_str(), symbols[999].addr), ("sym999", 0xffff_ffff_8100_3e70));
        }
    }

    /// The names' order (3 bytes each) stands there in 6.2 and later, and in Debian's 6.1.
    #[test]
    fn what_follows_the_markers_may_look_like_markers() {
        for (count, first) in [(1000, 0x0093_0096u32), (1000, 0x7fff_ffff), (700, 0x0093_0096)] {
            let sequence: Vec<u8> = (0..count as u32).flat_map(|i| (first + i).to_le_bytes()).collect();
            assert_eq!(symbols(&tables(count, true, &sequence[..12]), 0).unwrap().len(), count);
        }
    }

    #[test]
    fn damaged_tables_never_panic() {
        let good = tables(600, true, &[]);
        for at in (0..good.len()).step_by(3) {
            let mut bad = good.clone();
            bad[at] ^= 0xff;
            let _ = symbols(&bad, 0);
        }
        for cut in (0..good.len()).step_by(17) {
            let _ = symbols(&good[..cut], 0);
        }
    }
}
