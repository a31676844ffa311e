//! Looking for bits, word by word: nothing beyond the answer is read. Counterpart: lib/find_bit.c.

use super::bitmap::Words;
use kabi::{KPtr, KResult, c_ulong, exports, kexport};

exports![
    _find_first_bit,
    _find_first_zero_bit,
    _find_first_and_bit,
    _find_next_bit,
    _find_next_zero_bit,
    _find_next_and_bit,
    _find_next_andnot_bit,
    _find_next_or_bit,
    _find_last_bit,
    __find_nth_bit,
    __find_nth_and_bit,
    __find_nth_andnot_bit,
    find_next_clump8
];

type Map = KPtr<Words>;

const BITS: u64 = 64;

/// The first set bit from `start` on of the words that `word` gives, or `len`.
fn next(len: u64, start: u64, word: impl Fn(u64) -> KResult<u64>) -> KResult<u64> {
    if start >= len {
        return Ok(len);
    }
    let mut at = start / BITS;
    let mut bits = word(at)? & u64::MAX << (start % BITS);
    while bits == 0 {
        at += 1;
        if at * BITS >= len {
            return Ok(len);
        }
        bits = word(at)?;
    }
    Ok(len.min(at * BITS + u64::from(bits.trailing_zeros())))
}

/// The set bit number `n` (from 0 on) of the words that `word` gives, or `len`.
fn nth(len: u64, mut n: u64, word: impl Fn(u64) -> KResult<u64>) -> KResult<u64> {
    for at in 0..len.div_ceil(BITS) {
        let mut bits = word(at)?;
        let count = u64::from(bits.count_ones());
        if n < count {
            (0..n).for_each(|_| bits &= bits - 1);
            return Ok(len.min(at * BITS + u64::from(bits.trailing_zeros())));
        }
        n -= count;
    }
    Ok(len)
}

fn at(map: Map, i: u64) -> KResult<u64> {
    map.get(8 * i)
}

/// The first set bit, or `len`.
#[kexport(since = "5.18", header = "linux/find.h")]
fn _find_first_bit(map: Map, len: c_ulong) -> KResult<c_ulong> {
    next(len, 0, |i| at(map, i))
}

/// The first clear bit, or `len`.
#[kexport(since = "5.18", header = "linux/find.h")]
fn _find_first_zero_bit(map: Map, len: c_ulong) -> KResult<c_ulong> {
    next(len, 0, |i| Ok(!at(map, i)?))
}

/// The first bit that is set in both bitmaps, or `len`.
#[kexport(since = "5.18", header = "linux/find.h")]
fn _find_first_and_bit(a: Map, b: Map, len: c_ulong) -> KResult<c_ulong> {
    next(len, 0, |i| Ok(at(a, i)? & at(b, i)?))
}

/// The first set bit from `start` on, or `len`.
#[kexport(since = "5.12", header = "linux/find.h")]
fn _find_next_bit(map: Map, len: c_ulong, start: c_ulong) -> KResult<c_ulong> {
    next(len, start, |i| at(map, i))
}

/// The first clear bit from `start` on, or `len`.
#[kexport(since = "6.1", header = "linux/find.h")]
fn _find_next_zero_bit(map: Map, len: c_ulong, start: c_ulong) -> KResult<c_ulong> {
    next(len, start, |i| Ok(!at(map, i)?))
}

/// The first bit from `start` on that is set in both bitmaps, or `len`.
#[kexport(since = "6.1", header = "linux/find.h")]
fn _find_next_and_bit(a: Map, b: Map, len: c_ulong, start: c_ulong) -> KResult<c_ulong> {
    next(len, start, |i| Ok(at(a, i)? & at(b, i)?))
}

/// The first bit from `start` on that the first bitmap has and the second has not, or `len`.
#[kexport(since = "6.1", header = "linux/find.h")]
fn _find_next_andnot_bit(a: Map, b: Map, len: c_ulong, start: c_ulong) -> KResult<c_ulong> {
    next(len, start, |i| Ok(at(a, i)? & !at(b, i)?))
}

/// The first bit from `start` on that either bitmap has, or `len`.
#[kexport(since = "6.2", header = "linux/find.h")]
fn _find_next_or_bit(a: Map, b: Map, len: c_ulong, start: c_ulong) -> KResult<c_ulong> {
    next(len, start, |i| Ok(at(a, i)? | at(b, i)?))
}

/// The last set bit, or `len`.
#[kexport(since = "5.12", header = "linux/find.h")]
fn _find_last_bit(map: Map, len: c_ulong) -> KResult<c_ulong> {
    let mut mask = u64::MAX >> ((BITS - len % BITS) % BITS);
    for i in (0..len.div_ceil(BITS)).rev() {
        let bits = at(map, i)? & mask;
        if bits != 0 {
            return Ok(i * BITS + 63 - u64::from(bits.leading_zeros()));
        }
        mask = u64::MAX;
    }
    Ok(len)
}

/// The set bit number `n`, or `len`.
#[kexport(since = "6.1", header = "linux/find.h")]
fn __find_nth_bit(map: Map, len: c_ulong, n: c_ulong) -> KResult<c_ulong> {
    nth(len, n, |i| at(map, i))
}

/// The bit number `n` that is set in both bitmaps, or `len`.
#[kexport(since = "6.1", header = "linux/find.h")]
fn __find_nth_and_bit(a: Map, b: Map, len: c_ulong, n: c_ulong) -> KResult<c_ulong> {
    nth(len, n, |i| Ok(at(a, i)? & at(b, i)?))
}

/// The bit number `n` that the first bitmap has and the second has not, or `len`.
#[kexport(since = "6.1", header = "linux/find.h")]
fn __find_nth_andnot_bit(a: Map, b: Map, len: c_ulong, n: c_ulong) -> KResult<c_ulong> {
    nth(len, n, |i| Ok(at(a, i)? & !at(b, i)?))
}

/// The first group of 8 bits from `start` on that has a set one, or `len`; `*clump` gets its bits.
#[kexport(since = "5.5", header = "linux/find.h")]
fn find_next_clump8(clump: KPtr, map: Map, len: c_ulong, start: c_ulong) -> KResult<c_ulong> {
    let bit = next(len, start, |i| at(map, i))?;
    if bit == len {
        return Ok(len);
    }
    let first = bit & !7;
    clump.put(0, at(map, first / BITS)? >> (first % BITS) & 0xff)?;
    Ok(first)
}

#[test]
fn searches_stop_at_the_length() {
    let words = [1u64 << 3 | 1 << 63, 1 | 1 << 5 | 1 << 7];
    let map = Map::new(words.as_ptr() as u64);
    let found = [0, 3, 4, 64, 65, 70, 500].map(|start| _find_next_bit(map, 70, start).unwrap());
    assert_eq!(found, [3, 3, 63, 64, 69, 70, 70]);
    assert_eq!([70, 72, 63, 3].map(|len| _find_last_bit(map, len).unwrap()), [69, 71, 3, 3]);
    assert_eq!([0, 1, 2, 3, 4].map(|n| __find_nth_bit(map, 70, n).unwrap()), [3, 63, 64, 69, 70]);
    assert_eq!(_find_first_zero_bit(map, 2).unwrap(), 0);
    let mut clump = 0u64;
    let out = KPtr::new(&raw mut clump as u64);
    assert_eq!((find_next_clump8(out, map, 72, 65).unwrap(), clump), (64, 0xa1));
}
