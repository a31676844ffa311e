//! Bounds-checked little-endian access to foreign bytes. Nothing here panics: what lies outside is `None`.

/// `len` bytes of `data` at `off`.
pub(crate) fn slice(data: &[u8], off: usize, len: usize) -> Option<&[u8]> {
    data.get(off..off.checked_add(len)?)
}

/// `N` bytes of `data` at `off`, by value.
fn array<const N: usize>(data: &[u8], off: usize) -> Option<[u8; N]> {
    slice(data, off, N)?.try_into().ok()
}

/// A 16-bit number at `off`.
pub(crate) fn u16_at(data: &[u8], off: usize) -> Option<u16> {
    array(data, off).map(u16::from_le_bytes)
}

/// A 32-bit number at `off`.
pub(crate) fn u32_at(data: &[u8], off: usize) -> Option<u32> {
    array(data, off).map(u32::from_le_bytes)
}

/// A 64-bit number at `off`.
pub(crate) fn u64_at(data: &[u8], off: usize) -> Option<u64> {
    array(data, off).map(u64::from_le_bytes)
}

/// The NUL-terminated bytes at `off`, without the NUL.
pub(crate) fn cstr_at(data: &[u8], off: usize) -> Option<&[u8]> {
    let rest = data.get(off..)?;
    let end = rest.iter().position(|&b| b == 0)?;
    rest.get(..end)
}

/// The NUL-terminated text at `off`; `None` if it is not UTF-8.
pub(crate) fn str_at(data: &[u8], off: usize) -> Option<&str> {
    std::str::from_utf8(cstr_at(data, off)?).ok()
}

/// Whether the NUL-terminated bytes at `off` are exactly `want`.
pub(crate) fn str_is(data: &[u8], off: usize, want: &str) -> bool {
    slice(data, off, want.len()) == Some(want.as_bytes())
        && off.checked_add(want.len()).and_then(|end| data.get(end)) == Some(&0)
}

/// `n` rounded up to a multiple of `align` (a power of two).
pub(crate) fn align_up(n: usize, align: usize) -> Option<usize> {
    n.checked_add(align.checked_sub(1)?).map(|n| n & !(align - 1))
}

/// Where `needle` first starts in `data`, searching from `from`.
pub(crate) fn find(data: &[u8], needle: &[u8], from: usize) -> Option<usize> {
    let first = *needle.first()?;
    let mut at = from;
    loop {
        let rest = data.get(at..)?;
        at = at.checked_add(rest.iter().position(|&b| b == first)?)?;
        if data.get(at..)?.starts_with(needle) {
            return Some(at);
        }
        at = at.checked_add(1)?;
    }
}

/// A 64-bit hash (FNV-1a with a final mix), stable over versions: it is stored in files.
pub(crate) fn hash64(seed: u64, bytes: &[u8]) -> u64 {
    let mut h = 0xcbf2_9ce4_8422_2325u64 ^ seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    for &b in bytes {
        h = (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3);
    }
    h ^= h >> 32;
    h = h.wrapping_mul(0xd6e8_feb8_6659_fd93);
    h ^ (h >> 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_only_inside() {
        let d = [1u8, 2, 3, 4, 0, 6, 7, 8];
        assert_eq!(u16_at(&d, 0), Some(0x0201));
        assert_eq!(u32_at(&d, 4), Some(0x0807_0600));
        assert_eq!(u32_at(&d, 5), None);
        assert_eq!(u64_at(&d, usize::MAX), None);
        assert_eq!(cstr_at(&d, 1), Some(&[2u8, 3, 4][..]));
        assert_eq!(cstr_at(&d, 5), None);
    }

    #[test]
    fn find_sees_overlapping_starts() {
        assert_eq!(find(b"aaab", b"aab", 0), Some(1));
        assert_eq!(find(b"aaab", b"b", 4), None);
    }
}
