//! Little-endian reads from byte rows of a known size, and NUL-terminated strings.

use std::ffi::CStr;

/// Reads the `u16` at `AT` of a row; a row too short for it does not compile.
#[inline(always)]
pub(crate) fn le16<const AT: usize, const N: usize>(row: &[u8; N]) -> u16 {
    const { assert!(AT + 2 <= N) };
    u16::from_le_bytes([row[AT], row[AT + 1]])
}

/// Reads the `u32` at `AT` of a row; a row too short for it does not compile.
#[inline(always)]
pub(crate) fn le32<const AT: usize, const N: usize>(row: &[u8; N]) -> u32 {
    const { assert!(AT + 4 <= N) };
    u32::from_le_bytes([row[AT], row[AT + 1], row[AT + 2], row[AT + 3]])
}

/// Reads the `u64` at `AT` of a row; a row too short for it does not compile.
#[inline(always)]
pub(crate) fn le64<const AT: usize, const N: usize>(row: &[u8; N]) -> u64 {
    const { assert!(AT + 8 <= N) };
    u64::from_le_bytes([
        row[AT],
        row[AT + 1],
        row[AT + 2],
        row[AT + 3],
        row[AT + 4],
        row[AT + 5],
        row[AT + 6],
        row[AT + 7],
    ])
}

/// The `size` bytes at `offset`, or `None` where they are not all inside of `bytes`.
#[inline]
pub(crate) fn slice(bytes: &[u8], offset: u64, size: u64) -> Option<&[u8]> {
    let start = usize::try_from(offset).ok()?;
    let end = start.checked_add(usize::try_from(size).ok()?)?;
    bytes.get(start..end)
}

/// The bytes before the first NUL, or all of them where there is none.
#[inline]
pub(crate) fn until_nul(bytes: &[u8]) -> &[u8] {
    CStr::from_bytes_until_nul(bytes).map_or(bytes, CStr::to_bytes)
}

/// The string at `offset` of a string table (empty where the offset is outside; tables are checked when they are read).
#[inline]
pub(crate) fn string_at(table: &[u8], offset: u32) -> &[u8] {
    usize::try_from(offset).ok().and_then(|at| table.get(at..)).map_or(&[], until_nul)
}

#[test]
fn le_reads_at_each_place() {
    let row = [1, 2, 3, 4, 5, 6, 7, 8, 9];
    assert_eq!(le16::<7, 9>(&row), 0x0908);
    assert_eq!(le32::<1, 9>(&row), 0x0504_0302);
    assert_eq!(le64::<1, 9>(&row), 0x0908_0706_0504_0302);
}

#[test]
fn slice_refuses_overflow_and_the_outside() {
    assert_eq!(slice(b"abc", 1, 2), Some(&b"bc"[..]));
    assert_eq!(slice(b"abc", 3, 0), Some(&b""[..]));
    assert_eq!(slice(b"abc", 4, 0), None);
    assert_eq!(slice(b"abc", u64::MAX, 2), None);
    assert_eq!(slice(b"abc", 2, u64::MAX), None);
}

#[test]
fn until_nul_ends_at_the_table_too() {
    assert_eq!(until_nul(b"ab\0c"), b"ab");
    assert_eq!(until_nul(b"ab"), b"ab");
    assert_eq!(string_at(b"\0ab\0", 1), b"ab");
    assert_eq!(string_at(b"\0ab\0", 9), b"");
}
