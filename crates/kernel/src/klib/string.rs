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

fn text(s: Chars) -> KResult<Vec<u8>> {
    Ok(access::read_str(s.addr(), usize::MAX >> 1)?)
}

/// At most `count` bytes, up to the NUL.
fn text_n(s: Chars, count: usize) -> KResult<Vec<u8>> {
    Ok(access::read_str(s.addr(), count)?)
}

fn found(s: Chars, at: Option<usize>) -> Chars {
    at.map_or(Chars::NULL, |at| s.offset(at as u64))
}

/// C's comparison: the difference of the first bytes that differ, as -1, 0 or 1.
fn compare(a: &[u8], b: &[u8]) -> i32 {
    match a.cmp(b) {
        std::cmp::Ordering::Less => -1,
        std::cmp::Ordering::Equal => 0,
        std::cmp::Ordering::Greater => 1,
    }
}

/// Length of a string.
#[kexport(since = "2.6.0", header = "linux/string.h")]
fn strlen(s: Chars) -> KResult<usize> {
    Ok(text(s)?.len())
}

/// Length of a string, at most `count`.
#[kexport(since = "2.6.0", header = "linux/string.h")]
fn strnlen(s: Chars, count: usize) -> KResult<usize> {
    Ok(text_n(s, count)?.len())
}

/// Compares two strings.
#[kexport(since = "2.6.0", header = "linux/string.h")]
fn strcmp(a: KStr, b: KStr) -> i32 {
    compare(a.as_bytes(), b.as_bytes())
}

/// Compares the first `count` bytes of two strings.
#[kexport(since = "2.6.0", header = "linux/string.h")]
fn strncmp(a: Chars, b: Chars, count: usize) -> KResult<i32> {
    Ok(compare(&text_n(a, count)?, &text_n(b, count)?))
}

/// Compares two strings without regard to ASCII case: the difference of the first bytes that differ.
#[kexport(since = "2.6.22", header = "linux/string.h")]
fn strcasecmp(a: KStr, b: KStr) -> i32 {
    difference(a.as_bytes(), b.as_bytes())
}

/// [`strcasecmp`] of at most `count` bytes.
#[kexport(since = "2.6.22", header = "linux/string.h")]
fn strncasecmp(a: Chars, b: Chars, count: usize) -> KResult<i32> {
    Ok(difference(&text_n(a, count)?, &text_n(b, count)?))
}

fn difference(a: &[u8], b: &[u8]) -> i32 {
    let at = |s: &[u8], i: usize| i32::from(s.get(i).copied().unwrap_or(0).to_ascii_lowercase());
    (0..a.len().max(b.len())).map(|i| at(a, i) - at(b, i)).find(|d| *d != 0).unwrap_or(0)
}

fn put(to: Chars, bytes: &[u8]) -> KResult {
    access::write(to.addr(), bytes)?;
    to.put(bytes.len() as u64, 0u8)
}

/// Copies a string with its NUL.
#[kexport(since = "2.6.0", header = "linux/string.h")]
fn strcpy(to: Chars, from: Chars) -> KResult<Chars> {
    put(to, &text(from)?)?;
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
    let bytes = text(from)?;
    if size > 0 {
        put(to, &bytes[..bytes.len().min(size - 1)])?;
    }
    Ok(bytes.len())
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
    let bytes = text_n(from, size)?;
    if bytes.len() == size {
        put(to, &bytes[..size - 1])?;
        return Err(E2BIG.into());
    }
    put(to, &bytes)?;
    Ok(bytes.len() as i64)
}

/// Appends a string.
#[kexport(since = "2.6.0", header = "linux/string.h")]
fn strcat(to: Chars, from: Chars) -> KResult<Chars> {
    put(to.offset(text(to)?.len() as u64), &text(from)?)?;
    Ok(to)
}

/// Appends at most `count` bytes of a string.
#[kexport(since = "2.6.0", header = "linux/string.h")]
fn strncat(to: Chars, from: Chars, count: usize) -> KResult<Chars> {
    put(to.offset(text(to)?.len() as u64), &text_n(from, count)?)?;
    Ok(to)
}

/// Appends a string within `size` bytes; returns the length that the result would have.
#[kexport(since = "2.6.0", header = "linux/string.h")]
fn strlcat(to: Chars, from: Chars, size: usize) -> KResult<usize> {
    let have = text(to)?.len();
    let bytes = text(from)?;
    if have < size {
        put(to.offset(have as u64), &bytes[..bytes.len().min(size - have - 1)])?;
    }
    Ok(have + bytes.len())
}

/// The first `c` in a string, its NUL included.
#[kexport(since = "2.6.0", header = "linux/string.h")]
fn strchr(s: Chars, c: i32) -> KResult<Chars> {
    let bytes = text(s)?;
    let at = if c as u8 == 0 { Some(bytes.len()) } else { bytes.iter().position(|b| *b == c as u8) };
    Ok(found(s, at))
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
    let bytes = text_n(s, count)?;
    let nul = (c as u8 == 0 && bytes.len() < count).then_some(bytes.len());
    Ok(found(s, bytes.iter().position(|b| *b == c as u8).or(nul)))
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
    Ok(text(s)?.iter().take_while(|b| accept.as_bytes().contains(b)).count())
}

/// Length of the start of a string that has no byte of `reject`.
#[kexport(since = "2.6.0", header = "linux/string.h")]
fn strcspn(s: Chars, reject: KStr) -> KResult<usize> {
    Ok(text(s)?.iter().take_while(|b| !reject.as_bytes().contains(b)).count())
}

/// The first byte of a string that is one of `accept`.
#[kexport(since = "2.6.0", header = "linux/string.h")]
fn strpbrk(s: Chars, accept: KStr) -> KResult<Chars> {
    Ok(found(s, text(s)?.iter().position(|b| accept.as_bytes().contains(b))))
}

/// Cuts the next token off: `*s` moves behind it, or becomes NULL.
#[kexport(since = "2.6.0", header = "linux/string.h")]
fn strsep(slot: KPtr, separators: KStr) -> KResult<Chars> {
    let start: u64 = slot.get(0)?;
    if start == 0 {
        return Ok(Chars::NULL);
    }
    let s = Chars::new(start);
    match text(s)?.iter().position(|b| separators.as_bytes().contains(b)) {
        Some(at) => {
            s.put(at as u64, 0u8)?;
            slot.put(0, start + at as u64 + 1)?;
        }
        None => slot.put(0, 0u64)?,
    }
    Ok(s)
}

/// Compares memory.
#[kexport(since = "2.6.0", header = "linux/string.h")]
fn memcmp(a: Chars, b: Chars, len: usize) -> KResult<i32> {
    let (a, b) = (a.bytes(0, len)?, b.bytes(0, len)?);
    let differ = a.iter().zip(&b).find(|(a, b)| a != b);
    Ok(differ.map_or(0, |(a, b)| i32::from(*a) - i32::from(*b)))
}

/// Not 0 if memory differs.
#[kexport(since = "5.3", header = "linux/string.h")]
fn bcmp(a: Chars, b: Chars, len: usize) -> KResult<i32> {
    memcmp(a, b, len)
}

/// The first byte `c` in memory.
#[kexport(since = "2.6.0", header = "linux/string.h")]
fn memchr(s: Chars, c: i32, len: usize) -> KResult<Chars> {
    Ok(found(s, s.bytes(0, len)?.iter().position(|b| *b == c as u8)))
}

/// The first byte in memory that is not `c`.
#[kexport(since = "3.2", header = "linux/string.h")]
fn memchr_inv(s: Chars, c: i32, len: usize) -> KResult<Chars> {
    Ok(found(s, s.bytes(0, len)?.iter().position(|b| *b != c as u8)))
}

/// True if two strings are the same but for a newline at the end.
#[kexport(since = "2.6.28", header = "linux/string.h")]
fn sysfs_streq(a: KStr, b: KStr) -> bool {
    let cut = |s: &KStr| s.as_bytes().strip_suffix(b"\n").unwrap_or(s.as_bytes()).to_vec();
    cut(&a) == cut(&b)
}

fn is_space(b: u8) -> bool {
    matches!(b, b' ' | b'\t' | b'\n' | 0x0b | 0x0c | b'\r' | 0xa0)
}

/// The first byte of a string that is no white space.
#[kexport(since = "2.6.33", header = "linux/string.h")]
fn skip_spaces(s: Chars) -> KResult<Chars> {
    Ok(s.offset(text(s)?.iter().take_while(|b| is_space(**b)).count() as u64))
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
