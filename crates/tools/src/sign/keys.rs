//! Keys, certificates and hashes: read from files, and used.

use super::read;
use crate::error::Failure;
use kofile::signature::x509::{Certificate, PublicKey};
use ring::rand::SystemRandom;
use ring::signature::{self as ring_signature, EcdsaKeyPair, KeyPair, RsaKeyPair};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use signing::{EC, ECDSA, Hash, P256, P384, RSA};
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// The hash of a word of the command line.
pub fn hash_named(word: &Path) -> Result<Hash, Failure> {
    let text = word.to_string_lossy().to_ascii_lowercase();
    Hash::of(&text).ok_or_else(|| {
        Failure::new(1, format!("the hash {text} is not supported"))
            .cure("take sha256, sha384 or sha512; `CONFIG_MODULE_SIG_HASH` in a kernel's configuration tells its own")
    })
}

/// A certificate's DER, from a file in PEM or DER.
pub fn certificate(path: &Path) -> Result<Vec<u8>, Failure> {
    let bytes = read(path)?;
    if bytes.first() == Some(&0x30) {
        return Ok(bytes);
    }
    match CertificateDer::from_pem_slice(&bytes) {
        Ok(der) => Ok(der.to_vec()),
        Err(error) => Err(no_certificate(path).cause(format!("it is neither DER nor PEM: {error}"))),
    }
}

/// The certificate in DER of a file.
pub fn parse<'a>(der: &'a [u8], path: &Path) -> Result<Certificate<'a>, Failure> {
    Certificate::parse(der).ok_or_else(|| no_certificate(path).cause("its DER is damaged or something else"))
}

fn no_certificate(path: &Path) -> Failure {
    Failure::new(1, format!("{} holds no certificate", path.display()))
        .cure("give the X.509 certificate that was made with the key")
}

/// A private key that belongs to a certificate.
pub enum Key {
    Rsa(Box<RsaKeyPair>),
    Ecdsa(Box<EcdsaKeyPair>, Hash),
}

impl Key {
    /// Reads the key of a file in PEM; it must be that of the certificate's public key.
    pub fn load(path: &Path, public: &PublicKey<'_>, certificate: &Path) -> Result<Self, Failure> {
        let der = private(path)?;
        let (key, own) = match (public.algorithm, public.curve) {
            (RSA, _) => {
                let pair = rsa(&der).map_err(|error| unusable(path, &error))?;
                let own = pair.public_key().as_ref().to_vec();
                (Self::Rsa(Box::new(pair)), own)
            }
            (EC, Some(curve @ (P256 | P384))) => {
                let pair = ecdsa(&der, curve).map_err(|error| unusable(path, &error))?;
                let own = pair.public_key().as_ref().to_vec();
                (Self::Ecdsa(Box::new(pair), if curve == P256 { Hash::Sha256 } else { Hash::Sha384 }), own)
            }
            _ => {
                return Err(Failure::new(1, format!("the kind of key in {} is not supported", certificate.display()))
                    .cure("take an RSA key, or one of the curves P-256 and P-384"));
            }
        };
        if own != public.bits {
            return Err(Failure::new(1, format!("{} is not the key of {}", path.display(), certificate.display()))
                .cause("its public half is another than the certificate's")
                .cure("give the two files that were made together"));
        }
        Ok(key)
    }

    /// Signs contents; gives the object identifier of the signature's algorithm with it.
    pub fn sign(&self, hash: Hash, contents: &[u8]) -> Result<(Vec<u8>, Vec<u8>), Failure> {
        let failed = |_| Failure::new(1, "the signature could not be made").cause("the key is damaged");
        match self {
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(hash.rsa_padding(), &SystemRandom::new(), contents, &mut signature).map_err(failed)?;
                Ok((signature, RSA.to_vec()))
            }
            Self::Ecdsa(pair, own) if *own == hash => {
                let signature = pair.sign(&SystemRandom::new(), contents).map_err(failed)?;
                Ok((signature.as_ref().to_vec(), [ECDSA, &[hash.number() + 1]].concat()))
            }
            Self::Ecdsa(_, own) => Err(Failure::new(1, "this hash is not supported with a key of this curve")
                .cure(format!("take {} with it", if *own == Hash::Sha256 { "sha256" } else { "sha384" }))),
        }
    }
}

fn private(path: &Path) -> Result<PrivateKeyDer<'static>, Failure> {
    let no_key = || Failure::new(1, format!("{} holds no private key that can be used", path.display()));
    if path.to_string_lossy().starts_with("pkcs11:") {
        let cure =
            "let the token sign (`sign-file`, or `openssl cms -sign`), and append its message with `lkm sign -s`";
        return Err(no_key().cause("PKCS#11 tokens are not supported").cure(cure));
    }
    let bytes = read(path)?;
    let contains = |wanted: &[u8]| bytes.windows(wanted.len()).any(|part| part == wanted);
    if contains(ENCRYPTED.as_bytes()) {
        let plain = format!("or `openssl pkey -in {} -out PLAIN` decrypts it", path.display());
        let cure = format!("set {PIN} to its passphrase, {plain}; keys are read that `openssl pkcs8 -topk8` encrypts");
        return decrypted(&bytes, std::env::var_os(PIN)).map_err(|cause| no_key().cause(cause).cure(cure));
    }
    PrivateKeyDer::from_pem_slice(&bytes).map_err(|error| match contains(b"ENCRYPTED") {
        true => no_key()
            .cause("it is encrypted in OpenSSL's old way, which is not supported")
            .cure(format!("`openssl pkcs8 -topk8 -in {} -out NEW` encrypts it in the way of PKCS#8", path.display())),
        false => no_key().cause(error).cure("give a private key in PEM"),
    })
}

/// The variable in which kbuild and sign-file take the passphrase of a key.
const PIN: &str = "KBUILD_SIGN_PIN";
/// How such a key begins.
const ENCRYPTED: &str = "-----BEGIN ENCRYPTED PRIVATE KEY-----";

/// A key that is encrypted as PKCS#8 tells, or why it cannot be had.
fn decrypted(pem: &[u8], pin: Option<OsString>) -> Result<PrivateKeyDer<'static>, String> {
    let pin = pin.ok_or_else(|| format!("it is encrypted, and {PIN} is not set"))?;
    // Other things may stand before the key.
    let text = String::from_utf8_lossy(pem);
    let text = text.find(ENCRYPTED).and_then(|at| text.get(at..)).unwrap_or_default();
    let (_, document) =
        pkcs8::SecretDocument::from_pem(text).map_err(|error| format!("its PEM is damaged: {error}"))?;
    let refused = |error: String| format!("it is encrypted, and the passphrase in {PIN} does not open it ({error})");
    let key = pkcs8::EncryptedPrivateKeyInfoRef::try_from(document.as_bytes());
    let key = key.map_err(|error| refused(error.to_string()))?;
    let plain = key.decrypt(pin.as_bytes()).map_err(|error| refused(error.to_string()))?;
    Ok(PrivatePkcs8KeyDer::from(plain.as_bytes().to_vec()).into())
}

fn unusable(path: &Path, error: &ring::error::KeyRejected) -> Failure {
    Failure::new(1, format!("{} holds no key that can be used with the certificate", path.display()))
        .cause(error)
        .cure("give the two files that were made together; RSA keys must have 2048 to 4096 bits")
}

fn rsa(der: &PrivateKeyDer<'_>) -> Result<RsaKeyPair, ring::error::KeyRejected> {
    match der {
        PrivateKeyDer::Pkcs1(_) => RsaKeyPair::from_der(der.secret_der()),
        _ => RsaKeyPair::from_pkcs8(der.secret_der()),
    }
}

fn ecdsa(der: &PrivateKeyDer<'_>, curve: &[u8]) -> Result<EcdsaKeyPair, ring::error::KeyRejected> {
    let algorithm = match curve {
        P256 => &ring_signature::ECDSA_P256_SHA256_ASN1_SIGNING,
        _ => &ring_signature::ECDSA_P384_SHA384_ASN1_SIGNING,
    };
    let wrapped;
    let pkcs8 = match der {
        PrivateKeyDer::Sec1(_) => {
            wrapped = super::message::private_key_info(EC, curve, der.secret_der());
            wrapped.as_slice()
        }
        _ => der.secret_der(),
    };
    EcdsaKeyPair::from_pkcs8(algorithm, pkcs8, &SystemRandom::new())
}
