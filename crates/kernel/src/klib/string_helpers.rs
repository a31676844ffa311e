//! Helpers for strings: sizes for people, escapes, tables of words. Counterpart: lib/string_helpers.c, lib/argv_split.c,
//! and what lib/string.c has beyond C's own functions.

use super::memory;
use super::string::{first, first_in};
use super::string_escape::{escape, unescape};
use crate::mm::slab;
use kabi::errno::{E2BIG, EINVAL};
use kabi::{KPtr, KResult, KStr, NullPtr, c_int, c_uint, exports, kexport};
use machine::access;

exports![
    string_get_size,
    string_escape_mem,
    string_unescape,
    strscpy_pad,
    memcpy_and_pad,
    strreplace,
    strchrnul,
    memscan,
    match_string,
    __sysfs_match_string,
    memweight,
    argv_split,
    argv_free
];

type Chars = KPtr<u8>;

/// A size in the largest unit of which it has at least one, with three digits, and the unit.
fn size_text(size: u64, block: u64, binary: bool) -> (String, &'static str) {
    const DECIMAL: [&str; 9] = ["B", "kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"];
    const BINARY: [&str; 9] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB"];
    let (step, names) = if binary { (1024u128, BINARY) } else { (1000, DECIMAL) };
    let (mut whole, mut rest, mut unit) = (u128::from(size) * u128::from(block), 0, 0);
    while whole >= step {
        (whole, rest, unit) = (whole / step, whole % step, unit + 1);
    }
    let digits = match whole {
        // Nothing at all is said without a fraction.
        0 => 0,
        1..=9 => 2,
        10..=99 => 1,
        _ => 0,
    };
    // Thousandths, rounded at the first digit that is not shown.
    let mut thousandths = if binary { rest * 1000 / 1024 } else { rest } + [500, 50, 5][digits];
    if size == 0 || block == 0 {
        thousandths = 0;
    }
    whole += thousandths / 1000;
    let fraction = format!(".{:03}", thousandths % 1000);
    let fraction = if digits == 0 { "" } else { &fraction[..=digits] };
    (format!("{whole}{fraction}"), names.get(unit).copied().unwrap_or("UNK"))
}

/// Writes `text` with its NUL into `len` bytes, cut if need be.
fn put_cut(to: Chars, len: usize, text: &[u8]) -> KResult {
    if len > 0 {
        let cut = &text[..text.len().min(len - 1)];
        access::write(to.addr(), cut)?;
        to.put(cut.len() as u64, 0u8)?;
    }
    Ok(())
}

/// Writes a size for people: units of 1000 (0) or 1024 (1), since 6.10 also without the space or the B. The length of the
/// whole text.
#[kexport(since = "2.6.28", header = "linux/string_helpers.h")]
fn string_get_size(size: u64, block: u64, units: c_uint, to: Chars, len: c_int) -> KResult<c_int> {
    const NO_SPACE: u32 = 1 << 30;
    const NO_BYTES: u32 = 1 << 31;
    let (number, unit) = size_text(size, block, units & 1 == 1);
    let mut text = number;
    text.push_str(if units & NO_SPACE == 0 { " " } else { "" });
    text.push_str(unit.strip_suffix('B').unwrap_or(unit));
    // An unknown unit has no B of its own.
    let bytes = unit.ends_with('B') || loader::series() >= (6, 10);
    text.push_str(if bytes && units & NO_BYTES == 0 { "B" } else { "" });
    put_cut(to, usize::try_from(len).unwrap_or(0), text.as_bytes())?;
    Ok(text.len() as c_int)
}

/// Escapes bytes; the length that the whole result has. What does not fit is left out, and no NUL is written.
#[kexport(since = "3.19", header = "linux/string_helpers.h")]
fn string_escape_mem(
    from: Chars,
    len: usize,
    to: Chars,
    room: usize,
    flags: c_uint,
    only: Option<KStr>,
) -> KResult<c_int> {
    let only = only.unwrap_or_default();
    let mut out = Vec::new();
    let mut whole = 0;
    for byte in from.bytes(0, len)? {
        // An escape is written whole or as far as there is room, byte by byte.
        let text = escape(byte, flags, only.as_bytes());
        whole += text.len();
        out.extend(text);
    }
    out.truncate(room);
    access::write(to.addr(), &out)?;
    Ok(whole as c_int)
}

/// Resolves escapes; the length of the result. `size` is the room with the NUL, 0 for as much as it takes.
#[kexport(since = "3.9", header = "linux/string_helpers.h")]
fn string_unescape(from: Chars, to: Chars, size: usize, flags: c_uint) -> KResult<c_int> {
    let text = access::read_str(from.addr(), usize::MAX >> 1)?;
    let out = unescape(&text, if size == 0 { usize::MAX } else { size }, flags);
    access::write(to.addr(), &out)?;
    to.put(out.len() as u64, 0u8)?;
    Ok(out.len() as c_int)
}

/// Copies a string into `size` bytes and fills the rest with NULs; returns the bytes copied.
///
/// # Errors
/// `E2BIG` when it had to be cut.
#[kexport(since = "5.2", until = "6.8", header = "linux/string.h")]
fn strscpy_pad(to: Chars, from: Chars, size: usize) -> KResult<i64> {
    if size == 0 || size > i32::MAX as usize {
        return Err(E2BIG.into());
    }
    let text = access::read_str(from.addr(), size)?;
    let kept = text.len().min(size - 1);
    access::write(to.addr(), &text[..kept])?;
    access::fill(to.offset(kept as u64).addr(), 0, size - kept)?;
    if text.len() == size { Err(E2BIG.into()) } else { Ok(kept as i64) }
}

/// Copies memory and fills what is left of the room with a byte.
#[kexport(since = "4.12", header = "linux/string.h")]
fn memcpy_and_pad(to: Chars, room: usize, from: Chars, len: usize, pad: c_int) -> KResult {
    let len = len.min(room);
    access::copy(to.addr(), from.addr(), len)?;
    Ok(access::fill(to.offset(len as u64).addr(), pad as u8, room - len)?)
}

/// Replaces each `old` of a string. Before 6.6 it gives back the place of its NUL, since then its start.
#[kexport(since = "4.2", header = "linux/string.h")]
fn strreplace(s: Chars, old: u8, new: u8) -> KResult<Chars> {
    let text = access::read_str(s.addr(), usize::MAX >> 1)?;
    for (i, _) in (0u64..).zip(&text).filter(|(_, byte)| **byte == old) {
        s.put(i, new)?;
    }
    Ok(if loader::series() < (6, 6) { s.offset(text.len() as u64) } else { s })
}

/// The first `c` of a string, or its NUL.
#[kexport(since = "3.17", header = "linux/string.h")]
fn strchrnul(s: Chars, c: c_int) -> KResult<Chars> {
    Ok(s.offset(first_in(s, |b| b == c as u8)?.0 as u64))
}

/// The first `c` in memory, or the place behind it.
#[kexport(since = "2.6.0", header = "linux/string.h")]
fn memscan(s: Chars, c: c_int, len: usize) -> KResult<Chars> {
    Ok(s.offset(first(s, len, |b| b == c as u8)?.map_or(len, |(at, _)| at) as u64))
}

/// The index of the first of `count` strings for which `is_it` holds; a NULL ends the table.
fn find_in(table: KPtr, count: usize, is_it: impl Fn(&[u8]) -> bool) -> KResult<c_int> {
    for i in 0..count as u64 {
        let entry: u64 = table.get(8 * i)?;
        if entry == 0 {
            break;
        }
        if is_it(&access::read_str(entry, usize::MAX >> 1)?) {
            return Ok(i as c_int);
        }
    }
    Err(EINVAL.into())
}

/// The index of a string in a table of `count`, or of as many as come before a NULL.
///
/// # Errors
/// `EINVAL`: it is not there.
#[kexport(since = "4.6", header = "linux/string.h")]
fn match_string(table: KPtr, count: usize, wanted: KStr) -> KResult<c_int> {
    find_in(table, count, |entry| entry == wanted.as_bytes())
}

/// [`match_string`] that overlooks a newline at the end, as sysfs_streq does.
///
/// # Errors
/// `EINVAL`: it is not there.
#[kexport(since = "4.12", header = "linux/string.h")]
fn __sysfs_match_string(table: KPtr, count: usize, wanted: KStr) -> KResult<c_int> {
    let cut = |s: &[u8]| s.strip_suffix(b"\n").unwrap_or(s).to_vec();
    find_in(table, count, |entry| cut(entry) == cut(wanted.as_bytes()))
}

/// How many bits are set in memory.
#[kexport(since = "3.6", header = "linux/string.h")]
fn memweight(s: Chars, len: usize) -> KResult<usize> {
    Ok(s.bytes(0, len)?.iter().map(|b| b.count_ones() as usize).sum())
}

/// Splits a string at white space into a table of words that ends with NULL; `*count` gets how many there are.
#[kexport(since = "2.6.23", header = "linux/string.h")]
fn argv_split(_flags: c_uint, text: KStr, count: KPtr) -> NullPtr {
    NullPtr(split(&text, count))
}

fn split(text: &KStr, count: KPtr) -> KResult<KPtr> {
    let space = |b: &u8| matches!(b, b' ' | 9..=13 | 0xa0);
    let copy = slab::give(&[text.as_bytes(), &[0]].concat())?;
    let mut words = Vec::new();
    let mut inside = false;
    for (i, byte) in (0u64..).zip(text.as_bytes()) {
        if space(byte) {
            copy.put(i, 0u8)?;
        } else if !inside {
            words.push(copy.addr() + i);
        }
        inside = !space(byte);
    }
    if !count.is_null() {
        count.put(0, words.len() as i32)?;
    }
    // The copy's own address stands before the table: argv_free finds it there.
    let table: Vec<u8> = [copy.addr()].iter().chain(&words).chain(&[0]).flat_map(|w| w.to_le_bytes()).collect();
    Ok(slab::give(&table)?.offset(8))
}

/// Frees what [`argv_split`] gave.
#[kexport(since = "2.6.23", header = "linux/string.h")]
fn argv_free(table: KPtr) -> KResult {
    let start = KPtr::<()>::new(table.addr().wrapping_sub(8));
    memory::kfree(KPtr::new(start.get(0)?))?;
    memory::kfree(start)
}

#[cfg(test)]
mod tests {
    use super::size_text;

    #[test]
    fn sizes_have_three_digits() {
        let cases = [
            ((0, 512, true), "0 B"),
            ((1, 512, true), "512 B"),
            ((1100, 1, true), "1.07 KiB"),
            ((1100, 1, false), "1.10 kB"),
            ((16384, 512, true), "8.00 MiB"),
            ((16384, 512, false), "8.39 MB"),
            ((8192, 4096, true), "32.0 MiB"),
            ((500_118_192, 512, true), "238 GiB"),
            ((500_118_192, 512, false), "256 GB"),
            ((1999, u64::MAX >> 8, false), "144 EB"),
        ];
        for ((size, block, binary), want) in cases {
            let (number, unit) = size_text(size, block, binary);
            assert_eq!(format!("{number} {unit}"), want);
        }
    }
}
