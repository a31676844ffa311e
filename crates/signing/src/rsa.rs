//! Signatures of RSA keys, padded as PKCS#1 v1.5 says (RFC 8017, 8.2). Kernel counterpart: crypto/rsa.c,
//! crypto/rsa-pkcs1pad.c.
//!
//! Nothing is secret here, so that the time that it takes may tell everything.

use crate::{Verdict, hashes};
use kofile::signature::der::{INTEGER, Reader, SEQUENCE};
use kofile::signature::hash_id;
use num_bigint::BigUint;

/// The lengths of keys that the kernel takes, in bytes.
const KEY_SIZES: [usize; 6] = [64, 128, 192, 256, 384, 512];
/// The least bytes of padding.
const LEAST_PADDING: usize = 8;

/// Whether the key made a signature of contents, and if not, what the kernel finds wrong first.
pub(crate) fn verify(key: &[u8], hash: &str, contents: &[u8], signature: &[u8]) -> Verdict {
    let Some((modulus, exponent)) = numbers(key) else { return Verdict::Malformed };
    let size = modulus.to_bytes_be().len();
    let (Some(digest), Some(id)) = (hashes::digest(hash, contents), hash_id(hash)) else {
        return Verdict::Unsupported;
    };
    let value = BigUint::from_bytes_be(signature);
    if !KEY_SIZES.contains(&size) || signature.len() != size || value >= modulus {
        return Verdict::Impossible;
    }
    if value <= BigUint::from(1u8) {
        return Verdict::Trivial;
    }
    let block = value.modpow(&exponent, &modulus).to_bytes_be();
    // The block's first byte is a zero.
    if block.len() == size {
        return Verdict::Impossible;
    }
    match unpad(&block, size - 1).and_then(|rest| rest.strip_prefix(&head(id, digest.len())[..])) {
        None => Verdict::Malformed,
        Some(found) if found == digest => Verdict::Good,
        Some(_) => Verdict::Changed,
    }
}

/// The modulus and the exponent of an `RSAPublicKey`.
fn numbers(key: &[u8]) -> Option<(BigUint, BigUint)> {
    let mut numbers = Reader::new(key).enter(SEQUENCE)?;
    let mut number = || numbers.take(INTEGER).map(BigUint::from_bytes_be);
    let (modulus, exponent) = (number()?, number()?);
    (modulus > BigUint::ZERO).then_some((modulus, exponent))
}

/// What stands behind the padding of a block that has `size` bytes without its first zero.
fn unpad(block: &[u8], size: usize) -> Option<&[u8]> {
    let padded = block.strip_prefix(&[1]).filter(|_| block.len() == size)?;
    let padding = padded.iter().take_while(|byte| **byte == 0xff).count();
    padded.get(padding..)?.strip_prefix(&[0]).filter(|_| padding >= LEAST_PADDING)
}

/// A `DigestInfo` up to the hash itself.
fn head(id: &[u8], digest: usize) -> Vec<u8> {
    let byte = |length: usize| u8::try_from(length).unwrap_or(u8::MAX);
    let algorithm = id.len() + 4;
    let mut head = vec![SEQUENCE, byte(algorithm + digest + 4), SEQUENCE, byte(algorithm), 6, byte(id.len())];
    head.extend_from_slice(id);
    head.extend_from_slice(&[5, 0, 4, byte(digest)]);
    head
}

#[cfg(test)]
mod tests {
    use super::*;
    use kofile::signature::der::{INTEGER, SEQUENCE};

    /// A key of 1024 bits: of the primes 2^512 - 569 and 2^512 - 629.
    struct Key {
        modulus: BigUint,
        secret: BigUint,
    }

    impl Key {
        fn new() -> Self {
            let prime = |less: u16| (BigUint::from(1u8) << 512) - less;
            let (p, q) = (prime(569), prime(629));
            let order = (&p - 1u8) * (&q - 1u8);
            Self { modulus: &p * &q, secret: BigUint::from(65537u32).modinv(&order).unwrap() }
        }

        fn public(&self) -> Vec<u8> {
            let modulus = [&[2, 0x81, 129, 0][..], &self.modulus.to_bytes_be()].concat();
            let numbers = [&modulus[..], &[INTEGER, 3, 1, 0, 1]].concat();
            [&[SEQUENCE, 0x81, u8::try_from(numbers.len()).unwrap()], &numbers[..]].concat()
        }

        fn sign(&self, block: &[u8]) -> Vec<u8> {
            let bytes = BigUint::from_bytes_be(block).modpow(&self.secret, &self.modulus).to_bytes_be();
            [vec![0; 128 - bytes.len()], bytes].concat()
        }
    }

    /// A block with this hash behind so many bytes of padding.
    fn block(padding: usize, rest: &[u8]) -> Vec<u8> {
        [&[0, 1][..], &vec![0xff; padding], &[0], rest].concat()
    }

    #[test]
    fn each_way_to_be_wrong_is_told() {
        let key = Key::new();
        let info = [head(hash_id("sha256").unwrap(), 32), hashes::digest("sha256", b"text").unwrap()].concat();
        let good = key.sign(&block(125 - info.len(), &info));
        let told = |signature: &[u8]| verify(&key.public(), "sha256", b"text", signature);
        assert_eq!(told(&good), Verdict::Good);
        assert_eq!(verify(&key.public(), "sha256", b"texts", &good), Verdict::Changed);
        assert_eq!(verify(&key.public(), "sha224", b"text", &good), Verdict::Malformed);
        assert_eq!(verify(&key.public(), "md5", b"text", &good), Verdict::Unsupported);
        assert_eq!(verify(b"x", "sha256", b"text", &good), Verdict::Malformed);
        assert_eq!(told(&good[1..]), Verdict::Impossible);
        assert_eq!(told(&[0xff; 128]), Verdict::Impossible);
        assert_eq!(told(&[0; 128]), Verdict::Trivial);
        // A shorter block: what is behind the hash does not count as padding.
        assert_eq!(told(&key.sign(&block(124 - info.len(), &[&info[..], b"x"].concat()))), Verdict::Changed);
        assert_eq!(told(&key.sign(&block(7, &[&info[..], &[0; 67]].concat()))), Verdict::Malformed);
        assert_eq!(told(&key.sign(&[&[0, 2][..], &[0xff; 126]].concat())), Verdict::Malformed);
        assert_eq!(told(&key.sign(&[&[1][..], &[0xff; 127]].concat())), Verdict::Impossible);
    }
}
