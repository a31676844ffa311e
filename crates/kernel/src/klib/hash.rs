//! Hashes of bytes and names. Counterpart: lib/{siphash,xxhash}.c, fs/namei.c (`full_name_hash`).

use kabi::{KPtr, KResult, exports, kexport};
use machine::access;
use std::hash::Hasher;

exports![
    __siphash_unaligned,
    siphash_1u64,
    siphash_2u64,
    siphash_3u64,
    siphash_4u64,
    siphash_1u32,
    siphash_3u32,
    __hsiphash_unaligned,
    hsiphash_1u32,
    hsiphash_2u32,
    hsiphash_3u32,
    hsiphash_4u32,
    xxh32,
    xxh64,
    full_name_hash,
    hashlen_string
];

/// The kernel's `siphash_key_t`: two words.
#[derive(Debug)]
pub struct SipKey;

type Key = KPtr<SipKey>;

/// SipHash-2-4.
fn siphash(bytes: &[u8], key: Key) -> KResult<u64> {
    #[allow(deprecated, reason = "the only SipHash with keys in std; that it is 2-4 is documented")]
    let mut hasher = std::hash::SipHasher::new_with_keys(key.get(0)?, key.get(8)?);
    hasher.write(bytes);
    Ok(hasher.finish())
}

fn words(numbers: &[u64]) -> Vec<u8> {
    numbers.iter().flat_map(|n| n.to_le_bytes()).collect()
}

/// SipHash-1-3, as the kernel's fast hash on 64-bit machines.
fn half_siphash(bytes: &[u8], key: Key) -> KResult<u32> {
    let (k0, k1): (u64, u64) = (key.get(0)?, key.get(8)?);
    Ok(siphash13(bytes, k0, k1) as u32)
}

/// One round of SipHash.
fn sip_round(v: &mut [u64; 4]) {
    let [mut a, mut b, mut c, mut d] = *v;
    a = a.wrapping_add(b);
    b = b.rotate_left(13) ^ a;
    a = a.rotate_left(32);
    c = c.wrapping_add(d);
    d = d.rotate_left(16) ^ c;
    a = a.wrapping_add(d);
    d = d.rotate_left(21) ^ a;
    c = c.wrapping_add(b);
    b = b.rotate_left(17) ^ c;
    c = c.rotate_left(32);
    *v = [a, b, c, d];
}

fn siphash13(bytes: &[u8], k0: u64, k1: u64) -> u64 {
    // The constants are the letters "somepseudorandomlygeneratedbytes".
    let text = |word: &[u8; 8]| u64::from_be_bytes(*word);
    let mut v = [k0 ^ text(b"somepseu"), k1 ^ text(b"dorandom"), k0 ^ text(b"lygenera"), k1 ^ text(b"tedbytes")];
    let (whole, rest) = bytes.as_chunks::<8>();
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    last[7] = bytes.len() as u8;
    for word in whole.iter().chain([&last]).map(|word| u64::from_le_bytes(*word)) {
        v[3] ^= word;
        sip_round(&mut v);
        v[0] ^= word;
    }
    v[2] ^= 0xff;
    (0..3).for_each(|_| sip_round(&mut v));
    v[0] ^ v[1] ^ v[2] ^ v[3]
}

/// The fast SipHash of memory.
#[kexport(since = "4.11", header = "linux/siphash.h", symbol = "__hsiphash_aligned")]
fn __hsiphash_unaligned(data: KPtr, len: usize, key: Key) -> KResult<u32> {
    half_siphash(&data.bytes(0, len)?, key)
}

fn narrow(numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|n| n.to_le_bytes()).collect()
}

/// The fast SipHash of one 32-bit number.
#[kexport(since = "4.11", header = "linux/siphash.h")]
fn hsiphash_1u32(first: u32, key: Key) -> KResult<u32> {
    half_siphash(&narrow(&[first]), key)
}

/// The fast SipHash of two 32-bit numbers.
#[kexport(since = "4.11", header = "linux/siphash.h")]
fn hsiphash_2u32(first: u32, second: u32, key: Key) -> KResult<u32> {
    half_siphash(&narrow(&[first, second]), key)
}

/// The fast SipHash of three 32-bit numbers.
#[kexport(since = "4.11", header = "linux/siphash.h")]
fn hsiphash_3u32(first: u32, second: u32, third: u32, key: Key) -> KResult<u32> {
    half_siphash(&narrow(&[first, second, third]), key)
}

/// The fast SipHash of four 32-bit numbers.
#[kexport(since = "4.11", header = "linux/siphash.h")]
fn hsiphash_4u32(first: u32, second: u32, third: u32, forth: u32, key: Key) -> KResult<u32> {
    half_siphash(&narrow(&[first, second, third, forth]), key)
}

/// SipHash of memory.
#[kexport(since = "4.11", header = "linux/siphash.h", symbol = "__siphash_aligned")]
fn __siphash_unaligned(data: KPtr, len: usize, key: Key) -> KResult<u64> {
    siphash(&data.bytes(0, len)?, key)
}

/// SipHash of one 64-bit number.
#[kexport(since = "4.11", header = "linux/siphash.h")]
fn siphash_1u64(first: u64, key: Key) -> KResult<u64> {
    siphash(&words(&[first]), key)
}

/// SipHash of two 64-bit numbers.
#[kexport(since = "4.11", header = "linux/siphash.h")]
fn siphash_2u64(first: u64, second: u64, key: Key) -> KResult<u64> {
    siphash(&words(&[first, second]), key)
}

/// SipHash of three 64-bit numbers.
#[kexport(since = "4.11", header = "linux/siphash.h")]
fn siphash_3u64(first: u64, second: u64, third: u64, key: Key) -> KResult<u64> {
    siphash(&words(&[first, second, third]), key)
}

/// SipHash of four 64-bit numbers.
#[kexport(since = "4.11", header = "linux/siphash.h")]
fn siphash_4u64(first: u64, second: u64, third: u64, fourth: u64, key: Key) -> KResult<u64> {
    siphash(&words(&[first, second, third, fourth]), key)
}

/// SipHash of one 32-bit number.
#[kexport(since = "4.11", header = "linux/siphash.h")]
fn siphash_1u32(first: u32, key: Key) -> KResult<u64> {
    siphash(&first.to_le_bytes(), key)
}

/// SipHash of three 32-bit numbers.
#[kexport(since = "4.11", header = "linux/siphash.h")]
fn siphash_3u32(first: u32, second: u32, third: u32, key: Key) -> KResult<u64> {
    let bytes: Vec<u8> = [first, second, third].into_iter().flat_map(u32::to_le_bytes).collect();
    siphash(&bytes, key)
}

const P32: [u32; 5] = [0x9e37_79b1, 0x85eb_ca77, 0xc2b2_ae3d, 0x27d4_eb2f, 0x1656_67b1];

fn hash32(bytes: &[u8], seed: u32) -> u32 {
    let [p1, p2, p3, p4, p5] = P32;
    let (blocks, rest) = bytes.as_chunks::<16>();
    let mut hash = seed.wrapping_add(p5);
    if !blocks.is_empty() {
        let mut lanes = [seed.wrapping_add(p1).wrapping_add(p2), seed.wrapping_add(p2), seed, seed.wrapping_sub(p1)];
        for block in blocks {
            for (lane, word) in lanes.iter_mut().zip(block.as_chunks::<4>().0) {
                let mixed = lane.wrapping_add(u32::from_le_bytes(*word).wrapping_mul(p2));
                *lane = mixed.rotate_left(13).wrapping_mul(p1);
            }
        }
        let turned = lanes.iter().zip([1, 7, 12, 18]).map(|(lane, by)| lane.rotate_left(by));
        hash = turned.fold(0, u32::wrapping_add);
    }
    hash = hash.wrapping_add(bytes.len() as u32);
    let (quads, rest) = rest.as_chunks::<4>();
    for word in quads {
        hash = hash.wrapping_add(u32::from_le_bytes(*word).wrapping_mul(p3)).rotate_left(17).wrapping_mul(p4);
    }
    for byte in rest {
        hash = hash.wrapping_add(u32::from(*byte).wrapping_mul(p5)).rotate_left(11).wrapping_mul(p1);
    }
    hash = (hash ^ hash >> 15).wrapping_mul(p2);
    hash = (hash ^ hash >> 13).wrapping_mul(p3);
    hash ^ hash >> 16
}

const P64: [u64; 5] =
    [0x9e37_79b1_85eb_ca87, 0xc2b2_ae3d_27d4_eb4f, 0x1656_67b1_9e37_79f9, 0x85eb_ca77_c2b2_ae63, 0x27d4_eb2f_1656_67c5];

fn round64(lane: u64, word: u64) -> u64 {
    lane.wrapping_add(word.wrapping_mul(P64[1])).rotate_left(31).wrapping_mul(P64[0])
}

fn hash64(bytes: &[u8], seed: u64) -> u64 {
    let [p1, p2, p3, p4, p5] = P64;
    let (blocks, rest) = bytes.as_chunks::<32>();
    let mut hash = seed.wrapping_add(p5);
    if !blocks.is_empty() {
        let mut lanes = [seed.wrapping_add(p1).wrapping_add(p2), seed.wrapping_add(p2), seed, seed.wrapping_sub(p1)];
        for block in blocks {
            for (lane, word) in lanes.iter_mut().zip(block.as_chunks::<8>().0) {
                *lane = round64(*lane, u64::from_le_bytes(*word));
            }
        }
        let turned = lanes.iter().zip([1, 7, 12, 18]).map(|(lane, by)| lane.rotate_left(by));
        hash = turned.fold(0, u64::wrapping_add);
        hash = lanes.iter().fold(hash, |hash, lane| (hash ^ round64(0, *lane)).wrapping_mul(p1).wrapping_add(p4));
    }
    hash = hash.wrapping_add(bytes.len() as u64);
    let (words, rest) = rest.as_chunks::<8>();
    for word in words {
        hash = (hash ^ round64(0, u64::from_le_bytes(*word))).rotate_left(27).wrapping_mul(p1).wrapping_add(p4);
    }
    let (quads, rest) = rest.as_chunks::<4>();
    for word in quads {
        let mixed = hash ^ u64::from(u32::from_le_bytes(*word)).wrapping_mul(p1);
        hash = mixed.rotate_left(23).wrapping_mul(p2).wrapping_add(p3);
    }
    for byte in rest {
        hash = (hash ^ u64::from(*byte).wrapping_mul(p5)).rotate_left(11).wrapping_mul(p1);
    }
    hash = (hash ^ hash >> 33).wrapping_mul(p2);
    hash = (hash ^ hash >> 29).wrapping_mul(p3);
    hash ^ hash >> 32
}

/// xxHash with 32 bits.
#[kexport(since = "4.14", header = "linux/xxhash.h")]
fn xxh32(data: KPtr, len: usize, seed: u32) -> KResult<u32> {
    Ok(hash32(&data.bytes(0, len)?, seed))
}

/// xxHash with 64 bits.
#[kexport(since = "4.14", header = "linux/xxhash.h")]
fn xxh64(data: KPtr, len: usize, seed: u64) -> KResult<u64> {
    Ok(hash64(&data.bytes(0, len)?, seed))
}

/// The hash of names that machines with fast unaligned words use.
fn name_hash(salt: u64, name: &[u8]) -> u32 {
    /// `GOLDEN_RATIO_64`.
    const GOLDEN: u64 = 0x61c8_8646_80b5_83eb;
    let (mut x, mut y) = (0u64, salt);
    let (words, rest) = name.as_chunks::<8>();
    for word in words {
        x ^= u64::from_le_bytes(*word);
        y ^= x;
        x = x.rotate_left(12).wrapping_add(y);
        y = y.rotate_left(45).wrapping_mul(9);
    }
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    x ^= u64::from_le_bytes(last);
    let folded = (y ^ x.wrapping_mul(GOLDEN)).wrapping_mul(GOLDEN);
    (folded >> 32) as u32
}

/// The hash of a name of `len` bytes.
#[kexport(since = "2.6.38", header = "linux/stringhash.h")]
fn full_name_hash(salt: u64, name: KPtr, len: u32) -> KResult<u32> {
    Ok(name_hash(salt, &name.bytes(0, len as usize)?))
}

/// The hash of a string in the low half, its length in the high one.
#[kexport(since = "4.8", header = "linux/stringhash.h")]
fn hashlen_string(salt: u64, name: KPtr) -> KResult<u64> {
    let name = access::read_str(name.addr(), 1 << 20)?;
    Ok(u64::from(name_hash(salt, &name)) | (name.len() as u64) << 32)
}

#[test]
fn hashes_have_their_published_values() {
    assert_eq!((hash32(b"", 0), hash64(b"", 0)), (0x02cc_5d05, 0xef46_db37_51d8_e999));
    assert_eq!((hash32(b"abc", 0), hash64(b"abc", 0)), (0x32d1_53ff, 0x44bc_2cf5_ad77_0999));
}
