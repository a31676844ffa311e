//! Changes modules so that they stay modules: most of libFuzzer's own changes move bytes, after which no section is
//! where its header says, and nothing behind the headers is ever reached.

use kofile::Format;

/// Where the fields of a section header are, and how wide.
const FIELDS: [(usize, usize); 10] =
    [(0, 4), (4, 4), (8, 8), (16, 8), (24, 8), (32, 8), (40, 4), (44, 4), (48, 8), (56, 8)];

/// A small generator of random numbers (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as usize % end.max(1)
    }
}

/// Changes the first `size` bytes of `data`, gives the new size. Of a packed file mostly the contents are taken, since a
/// changed one fails at its checksum; fields of an ELF file are overwritten in place; the rest is left to libFuzzer.
pub fn mutate(data: &mut [u8], mut size: usize, max_size: usize, seed: u32) -> usize {
    let mut random = Random(u64::from(seed).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    if random.below(16) != 0 {
        size = unpack(data, size, max_size);
    }
    if size < 128 || !data.starts_with(b"\x7fELF") || random.below(8) == 0 {
        return libfuzzer_sys::fuzzer_mutate(data, size, max_size);
    }
    for _ in 0..=random.below(2) * random.below(4) {
        let (place, width) = pick(&data[..size], &mut random);
        overwrite(&mut data[..size], place, width, &mut random);
    }
    size
}

/// Replaces a packed file by its contents, if it is one and they fit.
fn unpack(data: &mut [u8], size: usize, max_size: usize) -> usize {
    let plain = Format::detect(&data[..size]).and_then(|format| format.unpack(&data[..size], max_size as u64).ok());
    let Some(plain) = plain.filter(|plain| plain.len() <= data.len()) else { return size };
    data[..plain.len()].copy_from_slice(&plain);
    plain.len()
}

/// The number at a place, 0 outside of the file.
fn number(data: &[u8], place: usize, width: usize) -> u64 {
    let bytes = place.checked_add(width).and_then(|end| data.get(place..end)).unwrap_or_default();
    bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// A place worth a change: rarely the ELF header or the end of the file, often a section header, mostly a field in a
/// section that is chosen with the same chance as every other, whatever its size.
fn pick(data: &[u8], random: &mut Random) -> (usize, usize) {
    let rows = number(data, 40, 8) as usize;
    let count = number(data, 60, 2) as usize;
    let row = rows.saturating_add(random.below(count) * 64);
    match random.below(16) {
        0 => (16 + random.below(48), 1 << random.below(4)),
        1 => (data.len() - 1 - random.below(800.min(data.len())), 1),
        2..4 => {
            let (field, width) = FIELDS[random.below(FIELDS.len())];
            (row.saturating_add(field), width)
        }
        _ => {
            let (start, size) = (number(data, row.saturating_add(24), 8), number(data, row.saturating_add(32), 8));
            let width = 1 << random.below(4);
            let inside = random.below(size.min(data.len() as u64) as usize) / width * width;
            ((start as usize).saturating_add(inside), width)
        }
    }
}

/// Writes a likely wrong number.
fn overwrite(data: &mut [u8], place: usize, width: usize, random: &mut Random) {
    let old = number(data, place, width);
    let new = match random.below(8) {
        0 => 0,
        1 => u64::MAX,
        2 => old.wrapping_add(1),
        3 => old.wrapping_sub(1),
        4 => old ^ 1 << random.below(8 * width),
        5 => (data.len() as u64).wrapping_add(random.below(17) as u64).wrapping_sub(8),
        6 => number(data, random.below(data.len()), width),
        _ => random.below(256) as u64,
    };
    let end = place.saturating_add(width);
    if let Some(bytes) = data.get_mut(place..end) {
        bytes.copy_from_slice(&new.to_le_bytes()[..width]);
    }
}
