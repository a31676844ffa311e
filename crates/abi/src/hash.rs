//! A hash index stored in a file: names to numbers, searched in place, built once at import.
//!
//! Layout (little endian): u32 mask, u32 zero, then mask + 1 slots of {u32 hash, u32 value}; a slot whose
//! value is `EMPTY` ends a search. The index holds no names: the caller checks each candidate.

use crate::bytes::{hash64, u32_at};

const EMPTY: u32 = u32::MAX;
const HEADER: usize = 8;

/// The hash of a name within a class (a namespace of names).
fn hash(class: u8, name: &[u8]) -> u32 {
    hash64(u64::from(class) + 1, name) as u32
}

/// Collects names, then writes the index.
#[derive(Default)]
pub(crate) struct Builder {
    entries: Vec<(u32, u32)>,
}

impl Builder {
    /// Adds a name; entries with the same name are found in the order they were added.
    pub fn add(&mut self, class: u8, name: &[u8], value: u32) {
        self.entries.push((hash(class, name), value));
    }

    /// The bytes of the index.
    pub fn finish(self) -> Vec<u8> {
        let slots = (self.entries.len() * 2).next_power_of_two().max(2);
        let mask = slots - 1;
        let mut table = vec![(0u32, EMPTY); slots];
        for (hash, value) in self.entries {
            let mut at = hash as usize & mask;
            while table[at].1 != EMPTY {
                at = (at + 1) & mask;
            }
            table[at] = (hash, value);
        }
        let mut out = Vec::with_capacity(HEADER + slots * 8);
        out.extend_from_slice(&(mask as u32).to_le_bytes());
        out.extend_from_slice(&[0; 4]);
        for (hash, value) in table {
            out.extend_from_slice(&hash.to_le_bytes());
            out.extend_from_slice(&value.to_le_bytes());
        }
        out
    }
}

/// The candidates for a name: every value whose hash equals the name's, in the order they were added.
pub(crate) fn candidates<'a>(index: &'a [u8], class: u8, name: &[u8]) -> impl Iterator<Item = u32> + use<'a> {
    let want = hash(class, name);
    let mask = u32_at(index, 0).unwrap_or(0);
    let mut at = want & mask;
    // The mask of a damaged index may promise any number of slots.
    let mut left = (u64::from(mask) + 1).min((index.len().saturating_sub(HEADER) / 8) as u64);
    std::iter::from_fn(move || {
        while left > 0 {
            let slot = HEADER + at as usize * 8;
            let (hash, value) = (u32_at(index, slot)?, u32_at(index, slot + 4)?);
            if value == EMPTY {
                return None;
            }
            left -= 1;
            at = at.wrapping_add(1) & mask;
            if hash == want {
                return Some(value);
            }
        }
        None
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_all_in_order_and_nothing_else() {
        let mut b = Builder::default();
        for i in 0..1000u32 {
            b.add(1, format!("n{}", i % 500).as_bytes(), i);
        }
        let index = b.finish();
        assert_eq!(candidates(&index, 1, b"n7").collect::<Vec<_>>(), [7, 507]);
        assert_eq!(candidates(&index, 2, b"n7").count(), 0);
        assert_eq!(candidates(&index, 1, b"n500").count(), 0);
    }

    #[test]
    fn a_false_mask_does_not_make_a_search_long() {
        // Every step leads to slot 0 again, 2^31 times if the mask were believed.
        let index = [0x8000_0000u32, 0, 1, 2].map(u32::to_le_bytes).concat();
        let name = (0..=u8::MAX).find(|byte| hash(0, &[*byte]) & 0x8000_0000 == 0).unwrap();
        let candidate = hash(0, &[name]);
        let index = [&index[..8], &candidate.to_le_bytes(), &index[12..]].concat();
        assert_eq!(candidates(&index, 0, &[name]).count(), 1);
    }

    #[test]
    fn damaged_indexes_end() {
        for bytes in [&[][..], &[0xff; 8][..], &[0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8][..]] {
            assert_eq!(candidates(bytes, 0, b"x").count(), 0);
        }
    }
}
