//! Bitmaps: arrays of machine words. Counterpart: lib/bitmap.c, include/linux/bitmap.h. Searches are in `bitmap_find`.

use kabi::{KPtr, KResult, c_int, c_uint, c_ulong, exports, kexport};
use machine::access;

exports![
    __bitmap_weight,
    __bitmap_weight_and,
    __bitmap_subset,
    __bitmap_equal,
    __bitmap_intersects,
    __bitmap_and,
    __bitmap_or,
    __bitmap_xor,
    __bitmap_andnot,
    __bitmap_complement,
    __bitmap_replace,
    __bitmap_set,
    __bitmap_clear,
    __bitmap_shift_left,
    __bitmap_shift_right,
    bitmap_find_next_zero_area_off
];

/// The kernel's `unsigned long[]`.
#[derive(Debug)]
pub struct Words;

type Map = KPtr<Words>;

const BITS: u64 = 64;

/// A copy of a bitmap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bits {
    pub(super) words: Vec<u64>,
    pub(super) len: u64,
}

impl Bits {
    pub(super) fn read(map: Map, len: u64) -> KResult<Self> {
        let bytes = map.bytes(0, len.div_ceil(BITS) as usize * 8)?;
        let words = bytes.as_chunks::<8>().0.iter().map(|word| u64::from_le_bytes(*word)).collect();
        Ok(Self { words, len })
    }

    pub(super) fn write(&self, map: Map) -> KResult {
        let bytes: Vec<u8> = self.words.iter().flat_map(|word| word.to_le_bytes()).collect();
        Ok(access::write(map.addr(), &bytes)?)
    }

    /// The bits of word `i` that belong to the bitmap.
    fn mask(&self, i: usize) -> u64 {
        match self.len.saturating_sub(i as u64 * BITS) {
            0 => 0,
            left if left >= BITS => u64::MAX,
            left => (1 << left) - 1,
        }
    }

    fn combine(&self, other: &Self, f: impl Fn(u64, u64) -> u64) -> Self {
        let words = self.words.iter().zip(&other.words).map(|(a, b)| f(*a, *b)).collect();
        Self { words, len: self.len }
    }

    fn inverted(&self) -> Self {
        Self { words: self.words.iter().map(|word| !word).collect(), len: self.len }
    }

    fn weight(&self) -> u32 {
        self.words.iter().enumerate().map(|(i, word)| (word & self.mask(i)).count_ones()).sum()
    }

    fn is_empty(&self) -> bool {
        self.weight() == 0
    }

    pub(super) fn get(&self, bit: u64) -> bool {
        self.words.get((bit / BITS) as usize).is_some_and(|word| word >> (bit % BITS) & 1 != 0)
    }

    pub(super) fn put(&mut self, bit: u64, on: bool) {
        if let Some(word) = self.words.get_mut((bit / BITS) as usize) {
            *word = *word & !(1 << (bit % BITS)) | u64::from(on) << (bit % BITS);
        }
    }

    /// The first set bit from `start` on; the length if there is none.
    fn next(&self, start: u64) -> u64 {
        let mut skip = start % BITS;
        for i in (start / BITS) as usize..self.words.len() {
            let word = self.words.get(i).copied().unwrap_or(0) & self.mask(i) & u64::MAX << skip;
            if word != 0 {
                return i as u64 * BITS + u64::from(word.trailing_zeros());
            }
            skip = 0;
        }
        self.len
    }

    fn shifted(&self, by: impl Fn(u64) -> Option<u64>) -> Self {
        let mut out = Self { words: vec![0; self.words.len()], len: self.len };
        (0..self.len)
            .filter(|bit| by(*bit).is_some_and(|from| from < self.len && self.get(from)))
            .for_each(|bit| out.put(bit, true));
        out
    }
}

fn both(a: Map, b: Map, len: u64) -> KResult<(Bits, Bits)> {
    Ok((Bits::read(a, len)?, Bits::read(b, len)?))
}

/// How many bits are set.
#[kexport(since = "2.6.9", header = "linux/bitmap.h")]
fn __bitmap_weight(map: Map, len: c_uint) -> KResult<c_uint> {
    Ok(Bits::read(map, len.into())?.weight())
}

/// How many bits are set in both bitmaps.
#[kexport(since = "6.1", header = "linux/bitmap.h")]
fn __bitmap_weight_and(a: Map, b: Map, len: c_uint) -> KResult<c_uint> {
    let (a, b) = both(a, b, len.into())?;
    Ok(a.combine(&b, |a, b| a & b).weight())
}

/// True if all bits of the first bitmap are set in the second.
#[kexport(since = "2.6.9", header = "linux/bitmap.h")]
fn __bitmap_subset(a: Map, b: Map, len: c_uint) -> KResult<bool> {
    let (a, b) = both(a, b, len.into())?;
    Ok(a.combine(&b, |a, b| a & !b).is_empty())
}

/// True if both bitmaps have the same bits set.
#[kexport(since = "2.6.9", header = "linux/bitmap.h")]
fn __bitmap_equal(a: Map, b: Map, len: c_uint) -> KResult<bool> {
    let (a, b) = both(a, b, len.into())?;
    Ok(a.combine(&b, |a, b| a ^ b).is_empty())
}

/// True if some bit is set in both bitmaps.
#[kexport(since = "2.6.9", header = "linux/bitmap.h")]
fn __bitmap_intersects(a: Map, b: Map, len: c_uint) -> KResult<bool> {
    let (a, b) = both(a, b, len.into())?;
    Ok(!a.combine(&b, |a, b| a & b).is_empty())
}

/// Writes the bits that both bitmaps have; true if there are any.
#[kexport(since = "2.6.9", header = "linux/bitmap.h")]
fn __bitmap_and(to: Map, a: Map, b: Map, len: c_uint) -> KResult<bool> {
    let (a, b) = both(a, b, len.into())?;
    let out = a.combine(&b, |a, b| a & b);
    out.write(to)?;
    Ok(!out.is_empty())
}

/// Writes the bits that either bitmap has.
#[kexport(since = "2.6.9", header = "linux/bitmap.h")]
fn __bitmap_or(to: Map, a: Map, b: Map, len: c_uint) -> KResult {
    let (a, b) = both(a, b, len.into())?;
    a.combine(&b, |a, b| a | b).write(to)
}

/// Writes the bits that exactly one of the bitmaps has.
#[kexport(since = "2.6.9", header = "linux/bitmap.h")]
fn __bitmap_xor(to: Map, a: Map, b: Map, len: c_uint) -> KResult {
    let (a, b) = both(a, b, len.into())?;
    a.combine(&b, |a, b| a ^ b).write(to)
}

/// Writes the bits that the first bitmap has and the second has not; true if there are any.
#[kexport(since = "2.6.9", header = "linux/bitmap.h")]
fn __bitmap_andnot(to: Map, a: Map, b: Map, len: c_uint) -> KResult<bool> {
    let (a, b) = both(a, b, len.into())?;
    let out = a.combine(&b, |a, b| a & !b);
    out.write(to)?;
    Ok(!out.is_empty())
}

/// Writes the bits that a bitmap has not.
#[kexport(since = "2.6.9", header = "linux/bitmap.h")]
fn __bitmap_complement(to: Map, from: Map, len: c_uint) -> KResult {
    Bits::read(from, len.into())?.inverted().write(to)
}

/// Writes the bits of `new` where `mask` has one, of `old` elsewhere.
#[kexport(since = "4.19", header = "linux/bitmap.h")]
fn __bitmap_replace(to: Map, old: Map, new: Map, mask: Map, len: c_uint) -> KResult {
    let (old, new) = both(old, new, len.into())?;
    let mask = Bits::read(mask, len.into())?;
    let kept = old.combine(&mask, |old, mask| old & !mask);
    kept.combine(&new.combine(&mask, |new, mask| new & mask), |a, b| a | b).write(to)
}

/// Sets or clears bits word by word: words without one of them are not touched.
fn change(map: Map, start: c_uint, count: c_int, on: bool) -> KResult {
    let end = u64::from(start) + u64::try_from(count).unwrap_or(0);
    let mut at = u64::from(start);
    while at < end {
        let word_start = at / BITS * BITS;
        let last = end.min(word_start + BITS) - word_start;
        let upto = if last == BITS { u64::MAX } else { (1 << last) - 1 };
        let mask = upto & u64::MAX << (at % BITS);
        let old: u64 = map.get(word_start / 8)?;
        map.put(word_start / 8, if on { old | mask } else { old & !mask })?;
        at = word_start + BITS;
    }
    Ok(())
}

/// Sets `count` bits from `start` on.
#[kexport(since = "2.6.33", header = "linux/bitmap.h", symbol = "bitmap_set")]
fn __bitmap_set(map: Map, start: c_uint, count: c_int) -> KResult {
    change(map, start, count, true)
}

/// Clears `count` bits from `start` on.
#[kexport(since = "2.6.33", header = "linux/bitmap.h", symbol = "bitmap_clear")]
fn __bitmap_clear(map: Map, start: c_uint, count: c_int) -> KResult {
    change(map, start, count, false)
}

/// Moves all bits towards higher numbers.
#[kexport(since = "2.6.9", header = "linux/bitmap.h")]
fn __bitmap_shift_left(to: Map, from: Map, by: c_uint, len: c_uint) -> KResult {
    Bits::read(from, len.into())?.shifted(|bit| bit.checked_sub(by.into())).write(to)
}

/// Moves all bits towards lower numbers.
#[kexport(since = "2.6.9", header = "linux/bitmap.h")]
fn __bitmap_shift_right(to: Map, from: Map, by: c_uint, len: c_uint) -> KResult {
    Bits::read(from, len.into())?.shifted(|bit| bit.checked_add(by.into())).write(to)
}

/// The first place from `start` on where `count` bits are clear and whose number plus `offset` has no bit of
/// `align_mask`; beyond `len` if there is none.
#[kexport(since = "3.19", header = "linux/bitmap.h")]
fn bitmap_find_next_zero_area_off(
    map: Map,
    len: c_ulong,
    start: c_ulong,
    count: c_uint,
    align_mask: c_ulong,
    offset: c_ulong,
) -> KResult<c_ulong> {
    let bits = Bits::read(map, len)?;
    let clear = bits.inverted();
    let mut start = start;
    loop {
        let at = clear.next(start).wrapping_add(offset).wrapping_add(align_mask) & !align_mask;
        let at = at.wrapping_sub(offset);
        let end = at.wrapping_add(count.into());
        if end > len || end < at {
            return Ok(end);
        }
        match bits.next(at) {
            used if used < end => start = used + 1,
            _ => return Ok(at),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Bits;

    fn bits(len: u64, set: &[u64]) -> Bits {
        let mut out = Bits { words: vec![0; len.div_ceil(64) as usize], len };
        set.iter().for_each(|bit| out.put(*bit, true));
        out
    }

    #[test]
    fn searches_stop_at_the_length() {
        let map = bits(70, &[3, 63, 64, 69]);
        assert_eq!([0, 3, 4, 64, 65, 70, 500].map(|start| map.next(start)), [3, 3, 63, 64, 69, 70, 70]);
        assert_eq!(map.weight(), 4);
        let mut beyond = map.clone();
        beyond.put(71, true);
        assert_eq!((beyond.next(70), beyond.weight()), (70, 4));
        assert_eq!(bits(66, &(0..66).collect::<Vec<_>>()).inverted().next(0), 66);
    }

    #[test]
    fn shifts_lose_what_leaves() {
        let map = bits(70, &[0, 63, 69]);
        assert_eq!(map.shifted(|bit| bit.checked_sub(5)), bits(70, &[5, 68]));
        assert_eq!(map.shifted(|bit| bit.checked_add(63)), bits(70, &[0, 6]));
    }
}
