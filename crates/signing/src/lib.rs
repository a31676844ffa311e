//! Hashes and keys of module signatures: whether a key made a signature. Used by the loader, which asks the kernel's
//! keys, and by `lkm sign`. Kernel counterpart: `crypto/asymmetric_keys/public_key.c`. Elliptic curves are `ring`'s.
#![forbid(unsafe_code)]

mod hashes;
mod rsa;

use kofile::signature::x509::{Certificate, PublicKey};
use kofile::signature::{SignerId, SignerInfo};
use ring::signature::{self as ring_signature, RsaEncoding, UnparsedPublicKey, VerificationAlgorithm};

/// `rsaEncryption`, 1.2.840.113549.1.1.1
pub const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
/// `id-ecPublicKey`, 1.2.840.10045.2.1
pub const EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
/// `prime256v1`, 1.2.840.10045.3.1.7
pub const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
/// `secp384r1`, 1.3.132.0.34
pub const P384: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x22];
/// `ecdsa-with-SHA256` and its fellows without their last number: 1.2.840.10045.4.3.
pub const ECDSA: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03];

/// How contents are hashed when they are signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hash {
    /// SHA-2 with 256 bits.
    Sha256,
    /// SHA-2 with 384 bits.
    Sha384,
    /// SHA-2 with 512 bits.
    Sha512,
}

impl Hash {
    /// The hash of a name as modinfo shows it; `None` for one that nothing can be signed with here.
    pub fn of(name: &str) -> Option<Self> {
        match name {
            "sha256" => Some(Self::Sha256),
            "sha384" => Some(Self::Sha384),
            "sha512" => Some(Self::Sha512),
            _ => None,
        }
    }

    /// The last number of its object identifiers: 2.16.840.1.101.3.4.2.N and 1.2.840.10045.4.3.N+1.
    pub fn number(self) -> u8 {
        match self {
            Self::Sha256 => 1,
            Self::Sha384 => 2,
            Self::Sha512 => 3,
        }
    }

    /// The padding that an RSA key signs with.
    pub fn rsa_padding(self) -> &'static dyn RsaEncoding {
        match self {
            Self::Sha256 => &ring_signature::RSA_PKCS1_SHA256,
            Self::Sha384 => &ring_signature::RSA_PKCS1_SHA384,
            Self::Sha512 => &ring_signature::RSA_PKCS1_SHA512,
        }
    }
}

/// What verifying a signature gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The key made it.
    Good,
    /// It is a signature of something else, or by another key.
    Changed,
    /// The key, or the padding of the signature, is damaged.
    Malformed,
    /// No key of this size makes it.
    Impossible,
    /// It is the number 0 or 1, which any key makes.
    Trivial,
    /// This combination of key and hash is not supported.
    Unsupported,
}

/// Whether a key made a signature of contents that were hashed as the name of a hash tells.
pub fn verify(key: &PublicKey<'_>, hash: &str, contents: &[u8], signature: &[u8]) -> Verdict {
    let algorithm: &'static dyn VerificationAlgorithm = match (key.algorithm, key.curve, hash) {
        (RSA, ..) => return rsa::verify(key.bits, hash, contents, signature),
        (EC, Some(P256), "sha256") => &ring_signature::ECDSA_P256_SHA256_ASN1,
        (EC, Some(P256), "sha384") => &ring_signature::ECDSA_P256_SHA384_ASN1,
        (EC, Some(P384), "sha256") => &ring_signature::ECDSA_P384_SHA256_ASN1,
        (EC, Some(P384), "sha384") => &ring_signature::ECDSA_P384_SHA384_ASN1,
        _ => return Verdict::Unsupported,
    };
    match UnparsedPublicKey::new(algorithm, key.bits).verify(contents, signature) {
        Ok(()) => Verdict::Good,
        Err(_) => Verdict::Changed,
    }
}

/// Whether a signature says that the certificate's key made it.
pub fn is_of(info: &SignerInfo<'_>, certificate: &Certificate<'_>) -> bool {
    match info.id {
        SignerId::Certificate { issuer, serial } => (issuer, serial) == (certificate.issuer, certificate.serial),
        SignerId::Key(id) => Some(id) == certificate.key_id,
    }
}
