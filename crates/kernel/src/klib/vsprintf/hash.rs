//! Ids for pointers: SipHash-2-4 with a random key, the low 32 bits of it.

use std::hash::{BuildHasher, Hasher, RandomState};

/// The key with which `%p` hides addresses.
#[derive(Clone, Copy)]
pub struct PointerHash {
    key: [u64; 2],
}

impl PointerHash {
    /// Makes a key nobody knows.
    #[must_use]
    pub fn random() -> Self {
        // The standard library seeds its hashers from the system; their output for nothing is as random as the seed.
        let word = || RandomState::new().build_hasher().finish();
        Self::new([word(), word()])
    }

    /// Takes a key.
    #[must_use]
    pub fn new(key: [u64; 2]) -> Self {
        Self { key }
    }

    /// The id of `pointer`.
    #[must_use]
    pub fn id(&self, pointer: u64) -> u32 {
        siphash_u64(self.key, pointer) as u32
    }
}

fn siphash_u64(key: [u64; 2], value: u64) -> u64 {
    let mut v = [
        key[0] ^ 0x736f_6d65_7073_6575,
        key[1] ^ 0x646f_7261_6e64_6f6d,
        key[0] ^ 0x6c79_6765_6e65_7261,
        key[1] ^ 0x7465_6462_7974_6573,
    ];
    // One full word, then the last word, which holds only the length.
    for word in [value, 8 << 56] {
        v[3] ^= word;
        round(&mut v);
        round(&mut v);
        v[0] ^= word;
    }
    v[2] ^= 0xff;
    for _ in 0..4 {
        round(&mut v);
    }
    v[0] ^ v[1] ^ v[2] ^ v[3]
}

fn round(v: &mut [u64; 4]) {
    v[0] = v[0].wrapping_add(v[1]);
    v[1] = v[1].rotate_left(13) ^ v[0];
    v[0] = v[0].rotate_left(32);
    v[2] = v[2].wrapping_add(v[3]);
    v[3] = v[3].rotate_left(16) ^ v[2];
    v[0] = v[0].wrapping_add(v[3]);
    v[3] = v[3].rotate_left(21) ^ v[0];
    v[2] = v[2].wrapping_add(v[1]);
    v[1] = v[1].rotate_left(17) ^ v[2];
    v[2] = v[2].rotate_left(32);
}

#[test]
fn siphash_gives_the_published_vector() {
    let key = [0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908];
    // From the reference implementation: key 00..0f, input 00..07.
    assert_eq!(siphash_u64(key, 0x0706_0504_0302_0100), 0x93f5_f579_9a93_2462);
}
