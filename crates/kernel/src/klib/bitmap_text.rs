//! Bitmaps as text: lists of ranges, hexadecimal words. Counterpart: `bitmap_parse*` and `bitmap_print*` of lib/bitmap.c.

use super::bitmap::{Bits, Words};
use super::memory;
use super::vsprintf::{SliceArgs, vsnprintf};
use crate::env::{Kernel, fault_of};
use kabi::errno::{EINVAL, EOVERFLOW, ERANGE};
use kabi::{Errno, KPtr, KResult, c_int, c_uint, exports, kexport};
use machine::access;

exports![
    bitmap_parse,
    bitmap_parselist,
    bitmap_parse_user,
    bitmap_parselist_user,
    bitmap_print_to_pagebuf,
    bitmap_print_bitmask_to_buf,
    bitmap_print_list_to_buf
];

type Map = KPtr<Words>;

fn separates(b: u8) -> bool {
    matches!(b, b' ' | 9..=13 | 0xa0 | b',')
}

/// A number at the start of `s`, where `N` is the last bit, and what follows it.
fn number(s: &[u8], last: u64) -> Result<(u64, &[u8]), Errno> {
    if let [b'N', rest @ ..] = s {
        return Ok((last, rest));
    }
    let digits = s.iter().take_while(|b| b.is_ascii_digit()).count();
    if digits == 0 {
        return Err(EINVAL);
    }
    let value = s[..digits].iter().try_fold(0u32, |v, b| v.checked_mul(10)?.checked_add(u32::from(b - b'0')));
    Ok((value.ok_or(EOVERFLOW)?.into(), &s[digits..]))
}

fn is_end(s: &[u8]) -> bool {
    s.first().is_none_or(|b| separates(*b) || *b == b'\n')
}

/// `first-last:used/group` at the start of `s`, and what follows.
fn region(s: &[u8], len: u64) -> Result<([u64; 4], &[u8]), Errno> {
    let last_bit = len.wrapping_sub(1) & 0xffff_ffff;
    let (start, end, rest) = if s.len() >= 3 && s[..3].eq_ignore_ascii_case(b"all") {
        (0, last_bit, &s[3..])
    } else {
        let (start, rest) = number(s, last_bit)?;
        if is_end(rest) {
            return Ok(([start, start, start + 1, start + 1], rest));
        }
        let rest = rest.strip_prefix(b"-").ok_or(EINVAL)?;
        let (end, rest) = number(rest, last_bit)?;
        (start, end, rest)
    };
    if is_end(rest) {
        return Ok(([start, end, end + 1, end + 1], rest));
    }
    let (used, rest) = number(rest.strip_prefix(b":").ok_or(EINVAL)?, last_bit)?;
    let (group, rest) = number(rest.strip_prefix(b"/").ok_or(EINVAL)?, last_bit)?;
    Ok(([start, end, used, group], rest))
}

/// A list of regions as a bitmap of `len` bits.
fn parse_list(s: &[u8], len: u64) -> Result<Bits, Errno> {
    let mut out = Bits { words: vec![0; len.div_ceil(64) as usize], len };
    let mut rest = s;
    loop {
        let skip = rest.iter().take_while(|b| separates(**b) && **b != b'\n').count();
        rest = &rest[skip..];
        if rest.first().is_none_or(|b| *b == b'\n') {
            return Ok(out);
        }
        let ([start, end, used, group], after) = region(rest, len)?;
        if start > end || group == 0 || used > group {
            return Err(EINVAL);
        }
        if end >= len {
            return Err(ERANGE);
        }
        for first in (start..=end).step_by(group as usize) {
            (first..(first + used).min(end + 1)).for_each(|bit| out.put(bit, true));
        }
        // What directly follows must separate, or end the list.
        if !is_end(after) {
            return Err(EINVAL);
        }
        rest = after;
    }
}

/// Hexadecimal words of 32 bits, the highest first, separated by commas, as a bitmap of `len` bits.
fn parse_hex(s: &[u8], len: u64) -> Result<Bits, Errno> {
    let text = s.split(|b| *b == b'\n').next().unwrap_or_default();
    let mut words = vec![0u64; len.div_ceil(64) as usize];
    let mut chunks = 0u64;
    let mut end = text.len();
    loop {
        end -= text[..end].iter().rev().take_while(|b| separates(**b)).count();
        if end == 0 {
            break;
        }
        if chunks * 32 >= len.next_multiple_of(32) {
            return Err(EOVERFLOW);
        }
        let digits = text[..end].iter().rev().take_while(|b| b.is_ascii_hexdigit()).count();
        if digits == 0 {
            return Err(EINVAL);
        }
        let start = end - digits.min(8);
        // More than 8 digits in a row are more than a word.
        if digits > 8 {
            return Err(EOVERFLOW);
        }
        let value =
            text[start..end].iter().fold(0u64, |v, b| v << 4 | u64::from(char::from(*b).to_digit(16).unwrap_or(0)));
        if start > 0 && !separates(text[start - 1]) {
            return Err(EINVAL);
        }
        if let Some(word) = words.get_mut((chunks / 2) as usize) {
            *word |= value << (chunks % 2 * 32);
        }
        chunks += 1;
        end = start;
    }
    let last = len % 64;
    let over = if last == 0 { 0 } else { words.last().map_or(0, |word| word >> last) };
    if over != 0 { Err(EOVERFLOW) } else { Ok(Bits { words, len }) }
}

/// Reads a list such as `1,4-7,0-31:2/4`.
///
/// # Errors
/// `EINVAL`: no such list. `ERANGE`: a bit beyond the end. `EOVERFLOW`: too large a number.
#[kexport(since = "2.6.9", header = "linux/bitmap.h")]
fn bitmap_parselist(text: KPtr, map: Map, len: c_int) -> KResult<c_int> {
    let text = access::read_str(text.addr(), usize::MAX >> 1)?;
    let len = u64::try_from(len).unwrap_or(0);
    match parse_list(&text, len) {
        Ok(bits) => bits.write(map).map(|()| 0),
        Err(errno) => {
            // The kernel has cleared the bitmap by then.
            Bits { words: vec![0; len.div_ceil(64) as usize], len }.write(map)?;
            Err(errno.into())
        }
    }
}

/// Reads at most `count` bytes of hexadecimal words, the highest first.
///
/// # Errors
/// `EINVAL`: no such words. `EOVERFLOW`: more than there is room for.
#[kexport(since = "5.8", header = "linux/bitmap.h")]
fn bitmap_parse(text: KPtr, count: c_uint, map: Map, len: c_int) -> KResult<c_int> {
    let text = access::read_str(text.addr(), count as usize)?;
    parse_hex(&text, u64::try_from(len).unwrap_or(0))?.write(map)?;
    Ok(0)
}

/// [`bitmap_parse`] of what a program passes.
///
/// # Errors
/// As there; `EFAULT`.
#[kexport(since = "2.6.11", header = "linux/bitmap.h")]
fn bitmap_parse_user(text: KPtr, count: c_uint, map: Map, len: c_int) -> KResult<c_int> {
    let copy = memory::from_user(text, count as usize)?;
    let text = copy.split(|b| *b == 0).next().unwrap_or_default();
    parse_hex(text, u64::try_from(len).unwrap_or(0))?.write(map)?;
    Ok(0)
}

/// [`bitmap_parselist`] of what a program passes.
///
/// # Errors
/// As there; `EFAULT`.
#[kexport(since = "2.6.39", header = "linux/bitmap.h")]
fn bitmap_parselist_user(text: KPtr, count: c_uint, map: Map, len: c_int) -> KResult<c_int> {
    let copy = memory::from_user(text, count as usize)?;
    let text = copy.split(|b| *b == 0).next().unwrap_or_default();
    parse_list(text, u64::try_from(len).unwrap_or(0))?.write(map)?;
    Ok(0)
}

fn text_of(list: bool, map: Map, len: c_int) -> KResult<Vec<u8>> {
    let fmt: &[u8] = if list { b"%*pbl\n" } else { b"%*pb\n" };
    let mut out = Vec::new();
    let slots = [len as u64, map.addr()];
    vsnprintf(&Kernel, &mut out, i32::MAX as usize, fmt, &mut SliceArgs::new(&slots)).map_err(fault_of)?;
    Ok(out)
}

/// Writes a bitmap into the rest of a page, as a list or as hexadecimal words; the bytes written.
#[kexport(since = "4.0", header = "linux/bitmap.h")]
fn bitmap_print_to_pagebuf(list: bool, to: KPtr, map: Map, len: c_int) -> KResult<c_int> {
    let room = (4096 - to.addr() % 4096) as usize;
    let mut text = text_of(list, map, len)?;
    text.truncate(room - 1);
    access::write(to.addr(), &text)?;
    to.put(text.len() as u64, 0u8)?;
    Ok(text.len() as c_int)
}

/// The part of the text (its NUL included) from `offset` on, at most `count` bytes.
fn part(list: bool, to: KPtr, map: Map, len: c_int, offset: i64, count: usize) -> KResult<c_int> {
    let offset = usize::try_from(offset).map_err(|_| EINVAL)?;
    let mut text = text_of(list, map, len)?;
    text.push(0);
    let rest = text.get(offset..).unwrap_or_default();
    let rest = &rest[..rest.len().min(count)];
    access::write(to.addr(), rest)?;
    Ok(rest.len() as c_int)
}

/// Writes a part of a bitmap's hexadecimal words; the bytes written.
#[kexport(since = "5.15", header = "linux/bitmap.h")]
fn bitmap_print_bitmask_to_buf(to: KPtr, map: Map, len: c_int, offset: i64, count: usize) -> KResult<c_int> {
    part(false, to, map, len, offset, count)
}

/// Writes a part of a bitmap's list; the bytes written.
#[kexport(since = "5.15", header = "linux/bitmap.h")]
fn bitmap_print_list_to_buf(to: KPtr, map: Map, len: c_int, offset: i64, count: usize) -> KResult<c_int> {
    part(true, to, map, len, offset, count)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(s: &str, len: u64) -> Result<Vec<u64>, Errno> {
        parse_list(s.as_bytes(), len).map(|bits| (0..len).filter(|bit| bits.get(*bit)).collect())
    }

    #[test]
    fn lists_have_ranges_and_groups() {
        assert_eq!(list("1,4-6 9\n", 10), Ok(vec![1, 4, 5, 6, 9]));
        assert_eq!(list("0-10:2/4", 20), Ok(vec![0, 1, 4, 5, 8, 9]));
        assert_eq!(list("all", 3), Ok(vec![0, 1, 2]));
        assert_eq!(list("N", 3), Ok(vec![2]));
        assert_eq!(list("", 3), Ok(vec![]));
        for (s, errno) in
            [("5-3", EINVAL), ("0-9:3/2", EINVAL), ("8", ERANGE), ("4294967296", EOVERFLOW), ("a", EINVAL)]
        {
            assert_eq!(list(s, 8), Err(errno), "{s}");
        }
    }

    #[test]
    fn words_come_highest_first() {
        assert_eq!(parse_hex(b"1,00000002", 64).unwrap().words, [1 << 32 | 2]);
        assert_eq!(parse_hex(b"3,00000000,deadbeef\n", 66).unwrap().words, [0xdead_beef, 3]);
        assert_eq!(parse_hex(b"4", 2).unwrap_err(), EOVERFLOW);
        assert_eq!(parse_hex(b"123456789", 64).unwrap_err(), EOVERFLOW);
        assert_eq!(parse_hex(b"x", 64).unwrap_err(), EINVAL);
    }
}
