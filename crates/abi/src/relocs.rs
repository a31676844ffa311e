//! The relocations appended to `vmlinux` for KASLR (arch/x86/tools/relocs.c writes them,
//! arch/x86/boot/compressed/misc.c applies them): where the image must change when it is moved.
//!
//! Format: after the section headers, lists of 32-bit numbers, each list after a zero, in the order 64-bit
//! places, then (up to 6.14, where per-CPU symbols are absolute) inverse 32-bit places, then 32-bit places.
//! A number is the low half of the place's link-time address.

use crate::bytes::u32_at;

/// How a place changes when the image moves by `delta`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RelocKind {
    /// Add `delta` to the 64-bit number.
    Abs64,
    /// Subtract `delta` from the 32-bit number (a place relative to itself that names a per-CPU symbol).
    Inverse32,
    /// Add `delta` to the 32-bit number.
    Abs32,
}

/// The lists, read in place.
#[derive(Debug, Clone, Copy)]
pub struct Relocations<'a> {
    table: &'a [u8],
}

impl<'a> Relocations<'a> {
    /// The lists in `table`, the bytes after the section headers. `None` if it does not have two or three lists.
    pub fn new(table: &'a [u8]) -> Option<Self> {
        let this = Relocations { table: table.get(..table.len() & !3)? };
        let lists = this.lists();
        (this.words().next() == Some(0) && (2..=3).contains(&lists)).then_some(this)
    }

    /// How many lists there are: each follows a zero.
    fn lists(&self) -> usize {
        let (words, _) = self.table.as_chunks::<4>();
        words.iter().map(|word| usize::from(u32::from_le_bytes(*word) == 0)).sum()
    }

    fn words(&self) -> impl Iterator<Item = u32> + use<'a> {
        let table = self.table;
        (0..table.len() / 4).filter_map(move |i| u32_at(table, i * 4))
    }

    /// Whether a place lies in a range of link-time addresses. Faster than looking through [`Self::iter`]: whole parts of
    /// the lists are compared at once, whatever kind they are of.
    pub fn touches(&self, range: std::ops::Range<u64>) -> bool {
        const PART: usize = 1024;
        let (start, len) = (range.start as u32, range.end.saturating_sub(range.start) as u32);
        let (words, _) = self.table.as_chunks::<4>();
        let is_inside = |word: &[u8; 4]| u32::from_le_bytes(*word).wrapping_sub(start) < len;
        words.chunks(PART).any(|part| part.iter().fold(false, |hit, word| hit | is_inside(word)))
    }

    /// Every place with its kind, as a link-time address.
    pub fn iter(&self) -> impl Iterator<Item = (RelocKind, u64)> + use<'a> {
        use RelocKind::*;
        let lists = self.lists();
        let order: &[RelocKind] = if lists == 3 { &[Abs64, Inverse32, Abs32] } else { &[Abs64, Abs32] };
        let mut list = 0usize;
        self.words().filter_map(move |word| {
            if word == 0 {
                list += 1;
                return None;
            }
            Some((*order.get(list.checked_sub(1)?)?, i64::from(word as i32) as u64))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|w| w.to_le_bytes()).collect()
    }

    #[test]
    fn lists_are_told_apart() {
        use RelocKind::*;
        let three = table(&[0, 0x8100_0000, 0, 0x8100_0008, 0x8100_0010, 0, 0x8100_0020]);
        let got: Vec<_> = Relocations::new(&three).unwrap().iter().collect();
        let at = |n: u64| 0xffff_ffff_8100_0000 + n;
        assert_eq!(got, [(Abs64, at(0)), (Inverse32, at(8)), (Inverse32, at(0x10)), (Abs32, at(0x20))]);
        let all = Relocations::new(&three).unwrap();
        assert!(all.touches(at(8)..at(9)) && all.touches(at(0x1f)..at(0x21)) && all.touches(at(0)..at(1)));
        assert!(!all.touches(at(9)..at(0x10)) && !all.touches(at(0x21)..at(0x100)) && !all.touches(at(8)..at(8)));
        let two = table(&[0, 0x8100_0000, 0, 0x8100_0008]);
        assert_eq!(Relocations::new(&two).unwrap().iter().map(|r| r.0).collect::<Vec<_>>(), [Abs64, Abs32]);
        for wrong in [&[][..], &[1, 2], &[0, 1], &[0, 0, 0, 0]] {
            assert!(Relocations::new(&table(wrong)).is_none(), "{wrong:?}");
        }
    }
}
