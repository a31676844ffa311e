//! The PKCS#7 message that `sign-file` has OpenSSL make (CMS `SignedData`, RFC 5652: detached, without certificates and
//! without signed attributes), and the trailer behind it (`struct module_signature`).

use crate::error::Failure;
use kofile::signature::{MARKER, SignerId};
use signing::{Hash, RSA};

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const INTEGER: u8 = 0x02;
const OCTET_STRING: u8 = 0x04;
const NULL: u8 = 0x05;
const OBJECT_ID: u8 = 0x06;
/// `[0]`, constructed and primitive.
const CONTEXT_0: u8 = 0xa0;
const KEY_ID: u8 = 0x80;

/// `id-data` and `id-signedData`, 1.2.840.113549.1.7.N
const DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01];
const SIGNED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];
/// The hashes of SHA-2, 2.16.840.1.101.3.4.2.N
const SHA2: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02];
/// `PKEY_ID_PKCS7`
const PKCS7: u8 = 2;

/// A DER value.
fn der(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let contents = parts.concat();
    let mut out = vec![tag];
    match u8::try_from(contents.len()) {
        Ok(short) if short < 0x80 => out.push(short),
        _ => {
            let size = contents.len().to_be_bytes();
            let digits = size.iter().skip_while(|digit| **digit == 0);
            out.push(0x80 | u8::try_from(digits.clone().count()).unwrap_or(0x7f));
            out.extend(digits);
        }
    }
    out.extend(contents);
    out
}

/// The message.
pub fn signed_data(id: SignerId<'_>, hash: Hash, algorithm: &[u8], signature: &[u8]) -> Vec<u8> {
    let digest = der(SEQUENCE, &[&der(OBJECT_ID, &[SHA2, &[hash.number()]])]);
    // RSA's identifier has a NULL with it, those of ECDSA nothing (RFC 3370, RFC 5754).
    let null = if algorithm == RSA { der(NULL, &[]) } else { Vec::new() };
    let algorithm = der(SEQUENCE, &[&der(OBJECT_ID, &[algorithm]), &null]);
    let (number, name) = match id {
        SignerId::Certificate { issuer, serial } => {
            (1, der(SEQUENCE, &[&der(SEQUENCE, &[issuer]), &der(INTEGER, &[serial])]))
        }
        SignerId::Key(id) => (3, der(KEY_ID, &[id])),
    };
    let version = der(INTEGER, &[&[number]]);
    let signer = der(SEQUENCE, &[&version, &name, &digest, &algorithm, &der(OCTET_STRING, &[signature])]);
    let contents = der(SEQUENCE, &[&der(OBJECT_ID, &[DATA])]);
    let body = der(SEQUENCE, &[&version, &der(SET, &[&digest]), &contents, &der(SET, &[&signer])]);
    der(SEQUENCE, &[&der(OBJECT_ID, &[SIGNED_DATA]), &der(CONTEXT_0, &[&body])])
}

/// A SEC1 key as PKCS#8 (`PrivateKeyInfo`, RFC 5208).
pub fn private_key_info(algorithm: &[u8], curve: &[u8], key: &[u8]) -> Vec<u8> {
    let algorithm = der(SEQUENCE, &[&der(OBJECT_ID, &[algorithm]), &der(OBJECT_ID, &[curve])]);
    der(SEQUENCE, &[&der(INTEGER, &[&[0]]), &algorithm, &der(OCTET_STRING, &[key])])
}

/// A module with a message and the trailer behind it.
pub fn appended(module: &[u8], message: &[u8]) -> Result<Vec<u8>, Failure> {
    let size = u32::try_from(message.len()).map_err(|_| Failure::new(1, "the signature is longer than 4 GiB"))?;
    Ok([module, message, &[0, 0, PKCS7, 0, 0, 0, 0, 0], &size.to_be_bytes(), MARKER].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_as_short_as_they_can_be() {
        assert_eq!(der(4, &[b"ab", b"c"]), b"\x04\x03abc");
        assert_eq!(der(4, &[&[0; 127]])[..2], [4, 127]);
        assert_eq!(der(4, &[&[0; 128]])[..3], [4, 0x81, 128]);
        assert_eq!(der(4, &[&[0; 256]])[..4], [4, 0x82, 1, 0]);
    }

    #[test]
    fn what_is_written_is_read() {
        for id in [SignerId::Certificate { issuer: b"", serial: b"\x07" }, SignerId::Key(b"id")] {
            let module = appended(b"\x7fELF", &signed_data(id, Hash::Sha384, RSA, b"SIG")).unwrap();
            let (contents, signature) = kofile::signature::split(&module).unwrap();
            let info = signature.unwrap().signer_info().unwrap();
            assert_eq!((contents, info.id, info.hash), (&b"\x7fELF"[..], id, Some("sha384")));
            assert_eq!((info.algorithm, info.has_attributes, info.signature), (RSA, false, &b"SIG"[..]));
        }
    }
}
