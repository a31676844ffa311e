//! As much of an X.509 certificate (RFC 5280) as signing a module and verifying its signature need.

use super::cms;
use super::der::{INTEGER, OBJECT_ID, OCTET_STRING, Reader, SEQUENCE};
use crate::name::Name;

/// `BIT STRING`
const BIT_STRING: u8 = 0x03;
/// `BOOLEAN`
const BOOLEAN: u8 = 0x01;
/// `[0]`, constructed: the version
const VERSION: u8 = 0xa0;
/// `[3]`, constructed: the extensions
const EXTENSIONS: u8 = 0xa3;
/// `subjectKeyIdentifier`, 2.5.29.14
const KEY_ID: &[u8] = &[0x55, 0x1d, 0x0e];

/// A certificate. Nothing of it is verified: whoever gives it says that it is trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Certificate<'a> {
    /// The issuer's distinguished name, without its DER tag.
    pub issuer: &'a [u8],
    /// The serial number's bytes.
    pub serial: &'a [u8],
    /// The common name of the one it is for.
    pub subject: Option<Name<'a>>,
    /// The public key.
    pub key: PublicKey<'a>,
    /// The subject key identifier.
    pub key_id: Option<&'a [u8]>,
}

/// A public key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublicKey<'a> {
    /// The object identifier of its algorithm, without the DER tag.
    pub algorithm: &'a [u8],
    /// The object identifier of its curve, if it has one.
    pub curve: Option<&'a [u8]>,
    /// The key itself: for RSA an `RSAPublicKey` (PKCS#1), for curves a point.
    pub bits: &'a [u8],
}

impl<'a> Certificate<'a> {
    /// Reads a certificate in DER; `None` if it is none.
    pub fn parse(der: &'a [u8]) -> Option<Self> {
        let mut body = Reader::new(der).enter(SEQUENCE)?.enter(SEQUENCE)?;
        body.take(VERSION);
        let serial = body.take(INTEGER)?;
        body.take(SEQUENCE)?;
        let issuer = body.take(SEQUENCE)?;
        // The time it is valid; the kernel does not look at it either.
        body.take(SEQUENCE)?;
        let subject = cms::common_name(body.take(SEQUENCE)?);
        let key = public_key(body.enter(SEQUENCE)?)?;
        // Two unique identifiers of old may stand before the extensions.
        while body.peek().is_some_and(|tag| tag != EXTENSIONS) {
            body.any()?;
        }
        let key_id = body.enter(EXTENSIONS).and_then(|mut outer| key_id(outer.enter(SEQUENCE)?));
        Some(Self { issuer, serial, subject, key, key_id })
    }
}

fn public_key(mut info: Reader<'_>) -> Option<PublicKey<'_>> {
    let mut algorithm = info.enter(SEQUENCE)?;
    let (id, curve) = (algorithm.take(OBJECT_ID)?, algorithm.take(OBJECT_ID));
    match info.take(BIT_STRING)?.split_first()? {
        (0, bits) => Some(PublicKey { algorithm: id, curve, bits }),
        _ => None,
    }
}

fn key_id(mut extensions: Reader<'_>) -> Option<&[u8]> {
    while let Some(mut extension) = extensions.enter(SEQUENCE) {
        let wanted = extension.take(OBJECT_ID)? == KEY_ID;
        extension.take(BOOLEAN);
        let value = extension.take(OCTET_STRING)?;
        if wanted {
            return Reader::new(value).take(OCTET_STRING);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::der::tlv;
    use super::*;

    fn certificate() -> Vec<u8> {
        let rsa: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1];
        let algorithm = tlv(SEQUENCE, &[&tlv(OBJECT_ID, &[rsa])]);
        let name = |text: &[u8]| {
            let pair = tlv(SEQUENCE, &[&tlv(OBJECT_ID, &[&[0x55, 4, 3]]), &tlv(0x0c, &[text])]);
            tlv(SEQUENCE, &[&tlv(0x31, &[&pair])])
        };
        let key = tlv(SEQUENCE, &[&algorithm, &tlv(BIT_STRING, &[&[0], b"KEY"])]);
        let other =
            tlv(SEQUENCE, &[&tlv(OBJECT_ID, &[&[0x55, 0x1d, 0x0f]]), &tlv(BOOLEAN, &[&[255]]), &tlv(4, &[b"x"])]);
        let id = tlv(SEQUENCE, &[&tlv(OBJECT_ID, &[KEY_ID]), &tlv(4, &[&tlv(4, &[b"ID"])])]);
        let extensions = tlv(EXTENSIONS, &[&tlv(SEQUENCE, &[&other, &id])]);
        let version = tlv(VERSION, &[&tlv(INTEGER, &[&[2]])]);
        let (serial, validity) = (tlv(INTEGER, &[&[0, 0x91]]), tlv(SEQUENCE, &[]));
        let body = [&version[..], &serial, &algorithm, &name(b"Issuer"), &validity, &name(b"Me"), &key, &extensions];
        tlv(SEQUENCE, &[&tlv(SEQUENCE, &body), &algorithm])
    }

    #[test]
    fn a_certificate_is_read() {
        let der = certificate();
        let found = Certificate::parse(&der).unwrap();
        assert_eq!((found.serial, found.subject, found.key_id), (&[0, 0x91][..], Some("Me".into()), Some(&b"ID"[..])));
        assert_eq!(cms::common_name(found.issuer), Some("Issuer".into()));
        assert_eq!((found.key.bits, found.key.curve), (&b"KEY"[..], None));
    }

    #[test]
    fn no_damage_panics() {
        let der = certificate();
        for end in 0..der.len() {
            let _ = Certificate::parse(&der[..end]);
        }
        for at in 0..der.len() {
            let mut bad = der.clone();
            bad[at] ^= 0x55;
            let _ = Certificate::parse(&bad);
        }
        assert_eq!(Certificate::parse(b""), None);
    }
}
