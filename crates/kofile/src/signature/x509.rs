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
/// `authorityKeyIdentifier`, 2.5.29.35
const AUTHORITY: &[u8] = &[0x55, 0x1d, 0x23];

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
    /// The distinguished name of the one it is for, without its DER tag.
    pub subject_name: &'a [u8],
    /// From when to when it is valid: two times.
    pub validity: &'a [u8],
    /// What the authority key identifier says of the issuer's key: a DER value.
    pub authority: Option<&'a [u8]>,
    /// What the issuer signed: a DER value.
    pub body: &'a [u8],
    /// The object identifiers of the signature's algorithm, without their DER tags: within what is signed, and outside.
    pub algorithms: [&'a [u8]; 2],
    /// The issuer's signature.
    pub signature: &'a [u8],
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
        let mut outer = Reader::new(der).enter(SEQUENCE)?;
        let start = outer.rest();
        let mut body = outer.enter(SEQUENCE)?;
        let signed = start.get(..start.len() - outer.rest().len())?;
        let outside = outer.enter(SEQUENCE)?.take(OBJECT_ID)?;
        let signature = bits(&mut outer)?;
        body.take(VERSION);
        let serial = body.take(INTEGER)?;
        let within = body.enter(SEQUENCE)?.take(OBJECT_ID)?;
        let issuer = body.take(SEQUENCE)?;
        let validity = body.take(SEQUENCE)?;
        let subject_name = body.take(SEQUENCE)?;
        let key = public_key(body.enter(SEQUENCE)?)?;
        // Two unique identifiers of old may stand before the extensions.
        while body.peek().is_some_and(|tag| tag != EXTENSIONS) {
            body.any()?;
        }
        let extensions = body.enter(EXTENSIONS).and_then(|mut outer| outer.enter(SEQUENCE));
        let extension = |wanted| extensions.and_then(|all| extension(all, wanted));
        Some(Self {
            issuer,
            serial,
            subject: cms::common_name(subject_name),
            key,
            key_id: extension(KEY_ID).and_then(|value| Reader::new(value).take(OCTET_STRING)),
            subject_name,
            validity,
            authority: extension(AUTHORITY),
            body: signed,
            algorithms: [within, outside],
            signature,
        })
        .filter(|_| outer.peek().is_none())
    }
}

/// The contents of a bit string of whole bytes.
fn bits<'a>(from: &mut Reader<'a>) -> Option<&'a [u8]> {
    from.take(BIT_STRING)?.strip_prefix(&[0])
}

fn public_key(mut info: Reader<'_>) -> Option<PublicKey<'_>> {
    let mut algorithm = info.enter(SEQUENCE)?;
    let (id, curve) = (algorithm.take(OBJECT_ID)?, algorithm.take(OBJECT_ID));
    Some(PublicKey { algorithm: id, curve, bits: bits(&mut info)? })
}

/// The value of an extension: the contents of an octet string.
fn extension<'a>(mut extensions: Reader<'a>, wanted: &[u8]) -> Option<&'a [u8]> {
    while let Some(mut extension) = extensions.enter(SEQUENCE) {
        let found = extension.take(OBJECT_ID)? == wanted;
        extension.take(BOOLEAN);
        let value = extension.take(OCTET_STRING)?;
        if found {
            return Some(value);
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
        tlv(SEQUENCE, &[&tlv(SEQUENCE, &body), &algorithm, &tlv(BIT_STRING, &[&[0], b"SIG"])])
    }

    #[test]
    fn a_certificate_is_read() {
        let der = certificate();
        let found = Certificate::parse(&der).unwrap();
        assert_eq!((found.serial, found.subject, found.key_id), (&[0, 0x91][..], Some("Me".into()), Some(&b"ID"[..])));
        assert_eq!(cms::common_name(found.issuer), Some("Issuer".into()));
        assert_eq!((found.key.bits, found.key.curve), (&b"KEY"[..], None));
        assert_eq!((found.signature, found.algorithms[0]), (&b"SIG"[..], found.algorithms[1]));
        assert_eq!(
            (found.authority, Reader::new(&der).enter(SEQUENCE).unwrap().rest().get(..found.body.len())),
            (None, Some(found.body))
        );
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
