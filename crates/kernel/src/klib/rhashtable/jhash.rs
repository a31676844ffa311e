//! Jenkins' hash lookup3, which modules have inline and call through a table's parameters. Counterpart:
//! include/linux/jhash.h; the function is Bob Jenkins', in the public domain.

use crate::module::symbols;
use kabi::errno::ENOMEM;
use kabi::{KPtr, KResult, c_uint, exports, kexport};
use machine::access;
use std::sync::OnceLock;

exports![jhash, rhashtable_jhash2];

/// Keys of so many bytes and less need no memory.
const SHORT: usize = 64;

/// What the three words begin with, before length and seed.
const START: u32 = 0xdead_beef;

/// Mixes three words reversibly: by turns, each loses another one, takes a rotation of it, and gives.
fn mix(words: &mut [u32; 3]) {
    for (turn, by) in [4, 6, 8, 16, 19, 4].into_iter().enumerate() {
        let (a, b, c) = (turn % 3, (turn + 1) % 3, (turn + 2) % 3);
        words[a] = words[a].wrapping_sub(words[c]) ^ words[c].rotate_left(by);
        words[c] = words[c].wrapping_add(words[b]);
    }
}

/// Mixes them so that every bit changes the last one.
fn finish(words: &mut [u32; 3]) -> u32 {
    for (turn, by) in [14, 11, 25, 16, 4, 14, 24].into_iter().enumerate() {
        let (a, b) = ((turn + 2) % 3, (turn + 1) % 3);
        words[a] = (words[a] ^ words[b]).wrapping_sub(words[b].rotate_left(by));
    }
    words[2]
}

/// The hash of bytes; `len` is what counts for their length.
fn hash(bytes: &[u8], len: u32, seed: u32) -> u32 {
    let mut words = [START.wrapping_add(len).wrapping_add(seed); 3];
    let mut rest = bytes;
    let add = |words: &mut [u32; 3], block: &[u8]| {
        let mut whole = [0; 12];
        whole[..block.len()].copy_from_slice(block);
        for (word, four) in words.iter_mut().zip(whole.as_chunks::<4>().0) {
            *word = word.wrapping_add(u32::from_le_bytes(*four));
        }
    };
    while let Some((block, more)) = rest.split_at_checked(12).filter(|(_, more)| !more.is_empty()) {
        add(&mut words, block);
        mix(&mut words);
        rest = more;
    }
    if rest.is_empty() {
        return words[2];
    }
    add(&mut words, rest);
    finish(&mut words)
}

/// [`hash`] of bytes in a module's memory.
fn hash_at(key: KPtr, bytes: usize, len: u32, seed: u32) -> KResult<u32> {
    let mut short = [0; SHORT];
    match short.get_mut(..bytes) {
        Some(short) => {
            access::read(key.addr(), short)?;
            Ok(hash(short, len, seed))
        }
        None => Ok(hash(&key.bytes(0, bytes)?, len, seed)),
    }
}

/// The hash of bytes.
#[kexport(since = "2.6.0", header = "linux/jhash.h")]
fn jhash(key: KPtr, len: c_uint, seed: c_uint) -> KResult<c_uint> {
    hash_at(key, len as usize, len, seed)
}

/// The hash of so many words of four bytes.
#[kexport(since = "3.17", header = "linux/jhash.h")]
fn rhashtable_jhash2(key: KPtr, len: c_uint, seed: c_uint) -> KResult<c_uint> {
    jhash2(key.addr(), len, seed)
}

fn jhash2(key: u64, words: u32, seed: u32) -> KResult<u32> {
    // DIFFERS from the hash of bytes in nothing but how the length is counted in.
    hash_at(KPtr::new(key), words as usize * 4, words << 2, seed)
}

/// The addresses under which modules call them: for words, for bytes.
fn addresses() -> KResult<(u64, u64)> {
    static MADE: OnceLock<Option<(u64, u64)>> = OnceLock::new();
    let of = |name| symbols::address_of(name).ok().flatten();
    // Once: no kernel exports them, so that each question makes an entry of its own.
    let made = MADE.get_or_init(|| of("rhashtable_jhash2").zip(of("jhash")));
    made.ok_or_else(|| ENOMEM.into())
}

/// The address under which modules call one of them.
pub(super) fn address(words: bool) -> KResult<u64> {
    addresses().map(|(for_words, for_bytes)| if words { for_words } else { for_bytes })
}

/// Calls a hash function, ours without a detour.
pub(super) fn call(function: u64, key: u64, len: u32, seed: u32) -> KResult<u32> {
    if function == address(true)? {
        return jhash2(key, len, seed);
    }
    if function == address(false)? {
        return jhash(KPtr::new(key), len, seed);
    }
    Ok(kabi::call(function, &[key, len.into(), seed.into()])? as u32)
}

#[test]
fn it_is_the_published_function() {
    // The published test values of lookup3's hashlittle().
    assert_eq!(hash(b"", 0, 0), 0xdead_beef);
    assert_eq!(hash(b"", 0, 0xdead_beef), 0xbd5b_7dde);
    assert_eq!(hash(b"Four score and seven years ago", 30, 0), 0x1777_0551);
    assert_eq!(hash(b"Four score and seven years ago", 30, 1), 0xcd62_8161);
}
