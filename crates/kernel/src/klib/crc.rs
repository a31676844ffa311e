//! Checksums that are built into the kernel. Counterpart: lib/crc32.c.

use kabi::{KPtr, KResult, exports, kexport};

exports![crc32_le, crc32_be, __crc32c_le, crc32_le_shift, __crc32c_le_shift];

/// The polynomial of Ethernet, bits reversed.
const ETHERNET: u32 = 0xedb8_8320;
/// Castagnoli's polynomial, bits reversed.
const CASTAGNOLI: u32 = 0x82f6_3b78;

/// What each byte does to a checksum whose lowest bit comes first.
const fn table(polynomial: u32) -> [u32; 256] {
    let mut out = [0; 256];
    let mut i = 0;
    while i < 256 {
        let mut crc = i as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 != 0 { crc >> 1 ^ polynomial } else { crc >> 1 };
            bit += 1;
        }
        out[i] = crc;
        i += 1;
    }
    out
}

static ETHERNET_TABLE: [u32; 256] = table(ETHERNET);

fn lowest_first(table: &[u32; 256], crc: u32, bytes: &[u8]) -> u32 {
    bytes.iter().fold(crc, |crc, byte| crc >> 8 ^ table[usize::from(crc as u8 ^ byte)])
}

/// A checksum whose highest bit comes first is the other one, mirrored bit by bit.
fn highest_first(table: &[u32; 256], crc: u32, bytes: &[u8]) -> u32 {
    let mirrored = |crc: u32, byte: &u8| crc >> 8 ^ table[usize::from(crc as u8 ^ byte.reverse_bits())];
    bytes.iter().fold(crc.reverse_bits(), mirrored).reverse_bits()
}

/// The CRC-32 of bytes as most programs have it (zlib's).
pub(crate) fn crc32(bytes: &[u8]) -> u32 {
    !lowest_first(&ETHERNET_TABLE, !0, bytes)
}

/// Continues a CRC-32 (Ethernet's), lowest bit first.
#[kexport(since = "2.6.0", header = "linux/crc32.h")]
fn crc32_le(crc: u32, data: KPtr, len: usize) -> KResult<u32> {
    Ok(lowest_first(&ETHERNET_TABLE, crc, &data.bytes(0, len)?))
}

/// Continues a CRC-32 (Ethernet's), highest bit first.
#[kexport(since = "2.6.0", header = "linux/crc32.h")]
fn crc32_be(crc: u32, data: KPtr, len: usize) -> KResult<u32> {
    Ok(highest_first(&ETHERNET_TABLE, crc, &data.bytes(0, len)?))
}

/// Continues a CRC-32C (Castagnoli's), lowest bit first.
#[kexport(since = "3.4", header = "linux/crc32.h")]
fn __crc32c_le(crc: u32, data: KPtr, len: usize) -> KResult<u32> {
    // The crate inverts before and after, as other interfaces want it.
    Ok(!crc32c::crc32c_append(!crc, &data.bytes(0, len)?))
}

/// The product of two polynomials, bits reversed, by the checksum's.
fn multiply(a: u32, b: u32, polynomial: u32) -> u32 {
    let (mut product, mut b) = (0, b);
    for bit in (0..32).rev() {
        if a >> bit & 1 != 0 {
            product ^= b;
        }
        b = b >> 1 ^ if b & 1 != 0 { polynomial } else { 0 };
    }
    product
}

/// A checksum after `len` more bytes that are 0: times x to the power of their bits.
fn shift(crc: u32, len: usize, polynomial: u32) -> u32 {
    // x^8, squared again and again.
    let (mut power, mut factor, mut len) = (0x0080_0000u32, 0x8000_0000u32, len);
    while len > 0 {
        if len & 1 != 0 {
            factor = multiply(factor, power, polynomial);
        }
        power = multiply(power, power, polynomial);
        len >>= 1;
    }
    multiply(crc, factor, polynomial)
}

/// What a checksum becomes by `len` bytes that are 0: to combine those of two parts.
#[kexport(since = "3.13", header = "linux/crc32.h")]
fn crc32_le_shift(crc: u32, len: usize) -> u32 {
    shift(crc, len, ETHERNET)
}

/// [`crc32_le_shift`] for Castagnoli's.
#[kexport(since = "3.14", header = "linux/crc32.h")]
fn __crc32c_le_shift(crc: u32, len: usize) -> u32 {
    shift(crc, len, CASTAGNOLI)
}

#[test]
fn shifts_append_zeros() {
    for len in [0, 1, 7, 64, 1000] {
        let zeros = vec![0; len];
        assert_eq!(crc32_le_shift(0x1234_5678, len), lowest_first(&ETHERNET_TABLE, 0x1234_5678, &zeros));
    }
}

#[test]
fn checksums_have_their_published_values() {
    let data = b"123456789";
    assert_eq!(!lowest_first(&ETHERNET_TABLE, !0, data), 0xcbf4_3926);
    assert_eq!(!__crc32c_le(!0, KPtr::new(data.as_ptr() as u64), data.len()).unwrap(), 0xe306_9283);
    assert_eq!(!highest_first(&ETHERNET_TABLE, !0, data), 0xfc89_1918);
}
