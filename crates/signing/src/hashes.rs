//! The hashes of signatures. Kernel counterpart: crypto/asymmetric_keys/x509_public_key.c (`x509_get_sig_params`).

use ring::digest::{self, SHA1_FOR_LEGACY_USE_ONLY, SHA256, SHA384, SHA512};
use sha2::{Digest, Sha224};
use sha3::{Sha3_256, Sha3_384, Sha3_512};

/// What a hash, by the name that modinfo shows, gives for contents; `None` for one that is not here.
pub fn digest(hash: &str, contents: &[u8]) -> Option<Vec<u8>> {
    let algorithm = match hash {
        "sha1" => &SHA1_FOR_LEGACY_USE_ONLY,
        "sha256" => &SHA256,
        "sha384" => &SHA384,
        "sha512" => &SHA512,
        "sha224" => return Some(Sha224::digest(contents).to_vec()),
        "sha3-256" => return Some(Sha3_256::digest(contents).to_vec()),
        "sha3-384" => return Some(Sha3_384::digest(contents).to_vec()),
        "sha3-512" => return Some(Sha3_512::digest(contents).to_vec()),
        _ => return None,
    };
    Some(digest::digest(algorithm, contents).as_ref().to_vec())
}

#[test]
fn each_hash_is_the_one_of_its_name() {
    // The first bytes of the hash of nothing, from FIPS 180-4 and FIPS 202.
    for (name, length, first) in [
        ("sha1", 20, [0xda, 0x39]),
        ("sha224", 28, [0xd1, 0x4a]),
        ("sha256", 32, [0xe3, 0xb0]),
        ("sha384", 48, [0x38, 0xb0]),
        ("sha512", 64, [0xcf, 0x83]),
        ("sha3-256", 32, [0xa7, 0xff]),
        ("sha3-384", 48, [0x0c, 0x63]),
        ("sha3-512", 64, [0xa6, 0x9f]),
    ] {
        let made = digest(name, b"").unwrap();
        assert_eq!((made.len(), &made[..2]), (length, &first[..]), "{name}");
    }
    assert_eq!(digest("md5", b""), None);
}
