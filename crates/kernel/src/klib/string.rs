//! Strings and memory. Counterpart: lib/string.c, lib/string_helpers.c. memcpy, memmove and memset are module code
//! (machine's thunks): they are called most, and a fault in them shows the module's registers.

use kabi::errno::E2BIG;
use kabi::{KPtr, KResult, KStr, exports, kexport};
use machine::access;

exports![
    strlen,
    strnlen,
    strcmp,
    strncmp,
    strcasecmp,
    strncasecmp,
    strcpy,
    strncpy,
    strlcpy,
    strscpy,
    strcat,
    strncat,
    strlcat,
    strchr,
    strrchr,
    strnchr,
    strstr,
    strnstr,
    strspn,
    strcspn,
    strpbrk,
    strsep,
    memcmp,
    memchr,
    memchr_inv,
    bcmp,
    sysfs_streq,
    skip_spaces,
    strim
];

type Chars = KPtr<u8>;

/// As many bytes as a string has.
const ALL: usize = usize::MAX >> 1;

fn text(s: Chars) -> KResult<Vec<u8>> {
    Ok(access::read_str(s.addr(), ALL)?)
}

/// At most `count` bytes, up to the NUL.
fn text_n(s: Chars, count: usize) -> KResult<Vec<u8>> {
    Ok(access::read_str(s.addr(), count)?)
}

fn found(s: Chars, at: Option<usize>) -> Chars {
    at.map_or(Chars::NULL, |at| s.offset(at as u64))
}

/// Where the first of at most `count` bytes lies that `is_it`. What lies behind it is not looked at, as in Linux: it may be
/// nobody's.
pub(super) fn first(s: Chars, count: usize, is_it: impl Fn(u8) -> bool) -> KResult<Option<(usize, u8)>> {
    let (mut before, mut found) = (0, None);
    access::scan(s.addr(), count, |piece| {
        let at = piece.iter().position(|b| is_it(*b));
        found = at.map(|at| (before + at, piece[at]));
        before += piece.len();
        at.map(|at| at + 1)
    })?;
    Ok(found)
}

/// The same of a string with its NUL, which is the end of it.
pub(super) fn first_in(s: Chars, is_it: impl Fn(u8) -> bool) -> KResult<(usize, u8)> {
    let found = first(s, ALL, |b| b == 0 || is_it(b))?;
    Ok(found.unwrap_or_default())
}

/// Where the first bytes lie, of at most `count`, that `end` a comparison, and they.
fn first_two(
    a: Chars,
    b: Chars,
    count: usize,
    ends_with_nul: bool,
    end: impl Fn(u8, u8) -> bool,
) -> KResult<Option<(usize, u8, u8)>> {
    let (mut before, mut found) = (0, None);
    access::scan_both(a.addr(), b.addr(), count, |a, b| {
        // Memory that is the same is compared faster than byte by byte.
        if !ends_with_nul && a == b {
            before += b.len();
            return None;
        }
        let at = a.iter().zip(b).position(|(a, b)| end(*a, *b));
        found = at.map(|at| (before + at, a[at], b[at]));
        before += b.len();
        at.map(|at| at + 1)
    })?;
    Ok(found)
}

/// The first bytes of two strings that differ, or their NULs.
fn difference(a: Chars, b: Chars, count: usize, fold: fn(u8) -> u8) -> KResult<(u8, u8)> {
    let found = first_two(a, b, count, true, |a, b| a == 0 || fold(a) != fold(b))?;
    Ok(found.map_or((0, 0), |(_, a, b)| (fold(a), fold(b))))
}

fn same(byte: u8) -> u8 {
    byte
}

fn lower(byte: u8) -> u8 {
    byte.to_ascii_lowercase()
}

/// Length of a string.
#[kexport(since = "2.6.0", header = "linux/string.h")]
fn strlen(s: Chars) -> KResult<usize> {
    Ok(first_in(s, |_| false)?.0)
}

/// Length of a string, at most `count`.
#[kexport(since = "2.6.0", header = "linux/string.h")]
fn strnlen(s: Chars, count: usize) -> KResult<usize> {
    Ok(first(s, count, |b| b == 0)?.map_or(count, |(at, _)| at))
}

/// Compares two strings.
#[kexport(since = "2.6.0", header = "linux/string.h")]
fn strcmp(a: Chars, b: Chars) -> KResult<i32> {
    strncmp(a, b, ALL)
}

/// Compares the first `count` bytes of two strings.
#[kexport(since = "2.6.0", header = "linux/string.h")]
fn strncmp(a: Chars, b: Chars, count: usize) -> KResult<i32> {
    let (a, b) = difference(a, b, count, same)?;
    Ok(a.cmp(&b) as i32)
}

/// Compares two strings without regard to ASCII case: the difference of the first bytes that differ.
#[kexport(since = "2.6.22", header = "linux/string.h")]
fn strcasecmp(a: Chars, b: Chars) -> KResult<i32> {
    strncasecmp(a, b, ALL)
}

/// [`strcasecmp`] of at most `count` bytes.
#[kexport(since = "2.6.22", header = "linux/string.h")]
fn strncasecmp(a: Chars, b: Chars, count: usize) -> KResult<i32> {
    let (a, b) = difference(a, b, count, lower)?;
    Ok(i32::from(a) - i32::from(b))
}

/// Writes a string with its NUL.
fn put(to: Chars, mut bytes: Vec<u8>) -> KResult {
    bytes.push(0);
    Ok(access::write(to.addr(), &bytes)?)
}

/// Copies a string with its NUL.
#[kexport(since = "2.6.0", header = "linux/string.h")]
fn strcpy(to: Chars, from: Chars) -> KResult<Chars> {
    put(to, text(from)?)?;
    Ok(to)
}

/// Copies at most `count` bytes and fills the rest with NULs; no NUL if there is no room.
#[kexport(since = "2.6.0", header = "linux/string.h")]
fn strncpy(to: Chars, from: Chars, count: usize) -> KResult<Chars> {
    let bytes = text_n(from, count)?;
    access::write(to.addr(), &bytes)?;
    access::fill(to.offset(bytes.len() as u64).addr(), 0, count - bytes.len())?;
    Ok(to)
}

/// Copies a string into `size` bytes, always with a NUL; returns the source's length.
#[kexport(since = "2.6.0", header = "linux/string.h", until = "6.8")]
fn strlcpy(to: Chars, from: Chars, size: usize) -> KResult<usize> {
    let mut bytes = text(from)?;
    let len = bytes.len();
    if size > 0 {
        bytes.truncate(size - 1);
        put(to, bytes)?;
    }
    Ok(len)
}

/// Copies a string into `size` bytes, always with a NUL; returns the bytes copied.
///
/// # Errors
/// `E2BIG` when it had to be cut.
#[kexport(since = "4.3", header = "linux/string.h", symbol = "sized_strscpy")]
fn strscpy(to: Chars, from: Chars, size: usize) -> KResult<i64> {
    if size == 0 || size > i32::MAX as usize {
        return Err(E2BIG.into());
    }
    let mut bytes = text_n(from, size)?;
    let len = bytes.len();
    bytes.truncate(size - 1);
    put(to, bytes)?;
    if len == size { Err(E2BIG.into()) } else { Ok(len as i64) }
}

/// Appends a string.
#[kexport(since = "2.6.0", header = "linux/string.h")]
fn strcat(to: Chars, from: Chars) -> KResult<Chars> {
    put(to.offset(text(to)?.len() as u64), text(from)?)?;
    Ok(to)
}

/// Appends at most `count` bytes of a string.
#[kexport(since = "2.6.0", header = "linux/string.h")]
fn strncat(to: Chars, from: Chars, count: usize) -> KResult<Chars> {
    put(to.offset(text(to)?.len() as u64), text_n(from, count)?)?;
    Ok(to)
}

/// Appends a string within `size` bytes; returns the length that the result would have.
#[kexport(since = "2.6.0", header = "linux/string.h")]
fn strlcat(to: Chars, from: Chars, size: usize) -> KResult<usize> {
    let have = text(to)?.len();
    let mut bytes = text(from)?;
    let whole = have + bytes.len();
    if have < size {
        bytes.truncate(size - have - 1);
        put(to.offset(have as u64), bytes)?;
    }
    Ok(whole)
}

/// The first `c` in a string, its NUL included.
#[kexport(since = "2.6.0", header = "linux/string.h")]
fn strchr(s: Chars, c: i32) -> KResult<Chars> {
    let (at, byte) = first_in(s, |b| b == c as u8)?;
    Ok(found(s, (byte == c as u8).then_some(at)))
}

/// The last `c` in a string, its NUL included.
#[kexport(since = "2.6.0", header = "linux/string.h")]
fn strrchr(s: Chars, c: i32) -> KResult<Chars> {
    let bytes = text(s)?;
    let at = if c as u8 == 0 { Some(bytes.len()) } else { bytes.iter().rposition(|b| *b == c as u8) };
    Ok(found(s, at))
}

/// The first `c` within `count` bytes of a string.
#[kexport(since = "2.6.0", header = "linux/string.h")]
fn strnchr(s: Chars, count: usize, c: i32) -> KResult<Chars> {
    let at = first(s, count, |b| b == 0 || b == c as u8)?;
    Ok(found(s, at.filter(|(_, byte)| *byte == c as u8).map(|(at, _)| at)))
}

fn position(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    if needle.is_empty() { Some(0) } else { haystack.windows(needle.len()).position(|w| w == needle) }
}

/// The first `needle` in a string.
#[kexport(since = "2.6.0", header = "linux/string.h")]
fn strstr(s: Chars, needle: KStr) -> KResult<Chars> {
    Ok(found(s, position(&text(s)?, needle.as_bytes())))
}

/// The first `needle` within `len` bytes of a string.
#[kexport(since = "2.6.34", header = "linux/string.h")]
fn strnstr(s: Chars, needle: KStr, len: usize) -> KResult<Chars> {
    Ok(found(s, position(&text_n(s, len)?, needle.as_bytes())))
}

/// Length of the start of a string that consists of bytes of `accept`.
#[kexport(since = "2.6.0", header = "linux/string.h")]
fn strspn(s: Chars, accept: KStr) -> KResult<usize> {
    Ok(first_in(s, |b| !accept.as_bytes().contains(&b))?.0)
}

/// Length of the start of a string that has no byte of `reject`.
#[kexport(since = "2.6.0", header = "linux/string.h")]
fn strcspn(s: Chars, reject: KStr) -> KResult<usize> {
    Ok(first_in(s, |b| reject.as_bytes().contains(&b))?.0)
}

/// The first byte of a string that is one of `accept`.
#[kexport(since = "2.6.0", header = "linux/string.h")]
fn strpbrk(s: Chars, accept: KStr) -> KResult<Chars> {
    let (at, byte) = first_in(s, |b| accept.as_bytes().contains(&b))?;
    Ok(found(s, (byte != 0).then_some(at)))
}

/// Cuts the next token off: `*s` moves behind it, or becomes NULL.
#[kexport(since = "2.6.0", header = "linux/string.h")]
fn strsep(slot: KPtr, separators: KStr) -> KResult<Chars> {
    let start: u64 = slot.get(0)?;
    if start == 0 {
        return Ok(Chars::NULL);
    }
    let s = Chars::new(start);
    let end = strpbrk(s, separators)?;
    if end.is_null() {
        slot.put(0, 0u64)?;
    } else {
        end.put(0, 0u8)?;
        slot.put(0, end.addr() + 1)?;
    }
    Ok(s)
}

/// Compares memory.
#[kexport(since = "2.6.0", header = "linux/string.h")]
fn memcmp(a: Chars, b: Chars, len: usize) -> KResult<i32> {
    let differ = first_two(a, b, len, false, |a, b| a != b)?;
    Ok(differ.map_or(0, |(_, a, b)| i32::from(a) - i32::from(b)))
}

/// Not 0 if memory differs.
#[kexport(since = "5.3", header = "linux/string.h")]
fn bcmp(a: Chars, b: Chars, len: usize) -> KResult<i32> {
    memcmp(a, b, len)
}

/// The first byte `c` in memory.
#[kexport(since = "2.6.0", header = "linux/string.h")]
fn memchr(s: Chars, c: i32, len: usize) -> KResult<Chars> {
    Ok(found(s, first(s, len, |b| b == c as u8)?.map(|(at, _)| at)))
}

/// The first byte in memory that is not `c`.
#[kexport(since = "3.2", header = "linux/string.h")]
fn memchr_inv(s: Chars, c: i32, len: usize) -> KResult<Chars> {
    Ok(found(s, first(s, len, |b| b != c as u8)?.map(|(at, _)| at)))
}

/// True if two strings are the same but for a newline at the end.
#[kexport(since = "2.6.28", header = "linux/string.h")]
fn sysfs_streq(a: Chars, b: Chars) -> KResult<bool> {
    let Some((at, x, y)) = first_two(a, b, ALL, true, |x, y| x == 0 || x != y)? else { return Ok(false) };
    let ends_behind = |s: Chars| KResult::Ok(s.get::<u8>(at as u64 + 1)? == 0);
    match (x, y) {
        (0, b'\n') => ends_behind(b),
        (b'\n', 0) => ends_behind(a),
        _ => Ok(x == y),
    }
}

fn is_space(b: u8) -> bool {
    matches!(b, b' ' | b'\t' | b'\n' | 0x0b | 0x0c | b'\r' | 0xa0)
}

/// The first byte of a string that is no white space.
#[kexport(since = "2.6.33", header = "linux/string.h")]
fn skip_spaces(s: Chars) -> KResult<Chars> {
    Ok(s.offset(first_in(s, |b| !is_space(b))?.0 as u64))
}

/// Cuts white space off the end of a string in place and skips it at the start.
#[kexport(since = "2.6.33", header = "linux/string.h")]
fn strim(s: Chars) -> KResult<Chars> {
    let bytes = text(s)?;
    let end = bytes.iter().rposition(|b| !is_space(*b)).map_or(0, |at| at + 1);
    if end < bytes.len() {
        s.put(end as u64, 0u8)?;
    }
    Ok(s.offset(bytes[..end].iter().take_while(|b| is_space(**b)).count() as u64))
}
