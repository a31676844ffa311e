//! The first signer of a PKCS#7 (CMS, RFC 5652) `SignedData` message.

use super::der::{INTEGER, OBJECT_ID, OCTET_STRING, Reader, SEQUENCE, SET};
use super::{Details, SignerId, SignerInfo};
use crate::name::Name;

/// `id-signedData`, 1.2.840.113549.1.7.2
const SIGNED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];
/// `commonName`, 2.5.4.3
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
/// `[0]`, constructed
const CONTEXT_0: u8 = 0xa0;
/// `[1]`, constructed
const CONTEXT_1: u8 = 0xa1;
/// `[0]`, primitive
const KEY_ID: u8 = 0x80;

/// The hash algorithms by object identifier, with the names that modinfo shows.
const HASHES: [(&[u8], &str); 12] = [
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x02, 0x04], "md4"),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x02, 0x05], "md5"),
    (&[0x2b, 0x0e, 0x03, 0x02, 0x1a], "sha1"),
    (&[0x2b, 0x24, 0x03, 0x02, 0x01], "rmd160"),
    (&[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01], "sha256"),
    (&[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02], "sha384"),
    (&[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03], "sha512"),
    (&[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x04], "sha224"),
    (&[0x2a, 0x81, 0x1c, 0xcf, 0x55, 0x01, 0x83, 0x11], "sm3"),
    (&[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x08], "sha3-256"),
    (&[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x09], "sha3-384"),
    (&[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x0a], "sha3-512"),
];

/// The name that modinfo shows of the hash with an object identifier (given without its DER tag).
pub fn hash_name(oid: &[u8]) -> Option<&'static str> {
    HASHES.iter().find(|(id, _)| *id == oid).map(|(_, name)| *name)
}

/// The object identifier of the hash that modinfo shows by a name, without its DER tag.
pub fn hash_id(name: &str) -> Option<&'static [u8]> {
    HASHES.iter().find(|(_, known)| *known == name).map(|(id, _)| *id)
}

/// What modinfo shows of a message's first signer.
pub(super) fn details(message: &[u8]) -> Option<Details<'_>> {
    let info = signer_info(message)?;
    let (signer, key) = match info.id {
        SignerId::Certificate { issuer, serial } => (common_name(issuer), unsigned(serial)),
        SignerId::Key(id) => (None, id),
    };
    Some(Details { id: "PKCS#7", signer, key, hash_algorithm: info.hash, signature: info.signature })
}

/// Reads the first signer of a message.
pub(super) fn signer_info(message: &[u8]) -> Option<SignerInfo<'_>> {
    let mut content = Reader::new(message).enter(SEQUENCE)?;
    if content.take(OBJECT_ID)? != SIGNED_DATA {
        return None;
    }
    let mut signed = content.enter(CONTEXT_0)?.enter(SEQUENCE)?;
    signed.take(INTEGER)?;
    signed.take(SET)?;
    signed.take(SEQUENCE)?;
    // Certificates and revocation lists may follow.
    signed.take(CONTEXT_0);
    signed.take(CONTEXT_1);
    signer(signed.enter(SET)?.enter(SEQUENCE)?)
}

/// Reads a `SignerInfo`.
fn signer(mut info: Reader<'_>) -> Option<SignerInfo<'_>> {
    info.take(INTEGER)?;
    let id = match info.peek()? {
        KEY_ID => SignerId::Key(info.take(KEY_ID)?),
        _ => {
            let mut id = info.enter(SEQUENCE)?;
            SignerId::Certificate { issuer: id.take(SEQUENCE)?, serial: id.take(INTEGER)? }
        }
    };
    let hash = info.enter(SEQUENCE)?.take(OBJECT_ID)?;
    let has_attributes = info.take(CONTEXT_0).is_some();
    let algorithm = info.enter(SEQUENCE)?.take(OBJECT_ID)?;
    Some(SignerInfo { id, hash: hash_name(hash), algorithm, has_attributes, signature: info.take(OCTET_STRING)? })
}

/// The first common name of a distinguished name, given without its tag.
pub(super) fn common_name(name: &[u8]) -> Option<Name<'_>> {
    let mut name = Reader::new(name);
    while let Some(mut set) = name.enter(SET) {
        while let Some(mut attribute) = set.enter(SEQUENCE) {
            if attribute.take(OBJECT_ID)? == COMMON_NAME {
                return attribute.any().map(|(_, text)| Name::new(text));
            }
        }
    }
    None
}

/// The bytes of a serial number without the zero that only says that it is positive.
fn unsigned(integer: &[u8]) -> &[u8] {
    match integer {
        [0, rest @ ..] if !rest.is_empty() => rest,
        all => all,
    }
}

#[cfg(test)]
mod tests {
    use super::super::der::tlv;
    use super::*;

    /// A message with the given signer identifier and what stands before the signers.
    fn message(sid: &[u8], optional: &[u8]) -> Vec<u8> {
        let algorithm = tlv(SEQUENCE, &[&tlv(OBJECT_ID, &[HASHES[6].0])]);
        let version = tlv(INTEGER, &[&[1]]);
        let attributes = tlv(CONTEXT_0, &[b""]);
        let signature = tlv(OCTET_STRING, &[b"SIG"]);
        let info = tlv(SEQUENCE, &[&version, sid, &algorithm, &attributes, &algorithm, &signature]);
        let data = tlv(SEQUENCE, &[&version, &tlv(SET, &[]), &tlv(SEQUENCE, &[]), optional, &tlv(SET, &[&info])]);
        tlv(SEQUENCE, &[&tlv(OBJECT_ID, &[SIGNED_DATA]), &tlv(CONTEXT_0, &[&data])])
    }

    fn named_signer() -> Vec<u8> {
        let part = |id: &[u8], text: &[u8]| tlv(SET, &[&tlv(SEQUENCE, &[&tlv(OBJECT_ID, &[id]), &tlv(0x0c, &[text])])]);
        let name = tlv(SEQUENCE, &[&part(&[0x55, 4, 10], b"Org"), &part(COMMON_NAME, b"Key")]);
        tlv(SEQUENCE, &[&name, &tlv(INTEGER, &[&[0, 0x91, 2]])])
    }

    #[test]
    fn details_of_a_named_signer() {
        for optional in [&b""[..], &tlv(CONTEXT_0, &[b"cert"]), &[tlv(CONTEXT_0, &[]), tlv(CONTEXT_1, &[])].concat()] {
            let message = message(&named_signer(), optional);
            let details = details(&message).unwrap();
            assert_eq!((details.signer, details.key), (Some("Key".into()), &[0x91, 2][..]));
            assert_eq!((details.hash_algorithm, details.signature), (Some("sha512"), &b"SIG"[..]));
        }
    }

    #[test]
    fn details_of_a_key_id() {
        let message = message(&tlv(KEY_ID, &[b"id"]), b"");
        let details = details(&message).unwrap();
        assert_eq!((details.signer, details.key), (None, &b"id"[..]));
    }

    #[test]
    fn no_part_of_a_message_is_enough() {
        let message = message(&named_signer(), b"");
        assert!((0..message.len()).all(|end| details(&message[..end]).is_none()));
        assert_eq!(unsigned(&[0]), [0]);
    }
}
