//! Reads a signature's PKCS#7 message as the kernel does, with its errors and log lines.
//!
//! Counterparts: `crypto/asymmetric_keys/pkcs7_parser.c` and `pkcs7.asn1`. DIFFERS: indefinite lengths are refused as
//! damage, and what attributes say is not read: a module's signature that has some is refused in any case.

use super::certificate::Enclosed;
use super::keyring::KeyRing;
use crate::refusal::{LogLine, Refusal};
use kabi::Errno;
use kabi::errno::EINVAL;
use kofile::signature::der::{INTEGER, OBJECT_ID, OCTET_STRING, Reader, SEQUENCE, SET};
use kofile::signature::{SignerId, SignerInfo, hash_name};

pub(super) const EBADMSG: Errno = Errno(74);
/// A hash or cipher that the kernel lacks.
pub(super) const ENOPKG: Errno = Errno(65);

/// `id-data` and `id-signedData`, 1.2.840.113549.1.7.N
const DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01];
const SIGNED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];
/// `msIndirectData`, 1.3.6.1.4.1.311.2.1.4
const INDIRECT_DATA: &[u8] = &[0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x02, 0x01, 0x04];
/// `ecdsa-with-SHA2`, 1.2.840.10045.4.3.N, and `ecdsa-with-SHA1`, 1.2.840.10045.4.1
const ECDSA_SHA2: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03];
const ECDSA_SHA1: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x01];
/// Context tags: constructed 0 to 3, and primitive 0.
const CONTEXT: [u8; 4] = [0xa0, 0xa1, 0xa2, 0xa3];
const KEY_ID: u8 = 0x80;

/// A message that was read.
#[derive(Debug)]
pub(super) struct Message<'a> {
    /// Plain data was signed, not something of another type.
    pub(super) is_data: bool,
    /// The message holds contents of its own.
    pub(super) has_contents: bool,
    /// The certificates in it.
    pub(super) certificates: Vec<Enclosed<'a>>,
    /// Who signed.
    pub(super) signers: Vec<SignerInfo<'a>>,
}

/// Reads a message; what the kernel says meanwhile goes to `log`.
///
/// # Errors
/// `EBADMSG` for damage, `EINVAL` for what the kernel does not take, `ENOPKG` for an unknown hash or cipher.
pub(super) fn read<'a>(bytes: &'a [u8], ring: &KeyRing<'_>, log: &mut Vec<LogLine>) -> Result<Message<'a>, Refusal> {
    Parser { bytes, ring, log }.message()
}

fn damaged() -> Refusal {
    let detail = "the PKCS#7 message of the signature is damaged or holds no signature";
    Refusal { detail: Some(detail.into()), ..Refusal::silent(EBADMSG) }
}

fn refused<T>(errno: Errno, text: impl std::fmt::Display) -> Result<T, Refusal> {
    Err(Refusal::logged(errno, LogLine::warn(format!("PKCS7: {text}"))))
}

struct Parser<'a, 'p> {
    bytes: &'a [u8],
    ring: &'p KeyRing<'p>,
    log: &'p mut Vec<LogLine>,
}

impl<'a> Parser<'a, '_> {
    fn message(&mut self) -> Result<Message<'a>, Refusal> {
        let mut content = Reader::new(self.bytes).enter(SEQUENCE).ok_or_else(damaged)?;
        if self.oid(&mut content)? != SIGNED_DATA {
            return refused(EINVAL, "Only support pkcs7_signedData type");
        }
        let mut body = content.enter(CONTEXT[0]).and_then(|mut c| c.enter(SEQUENCE)).ok_or_else(damaged)?;
        let version = version(&mut body, "SignedData")?;
        let mut digests = body.enter(SET).or_else(|| body.enter(SEQUENCE)).ok_or_else(damaged)?;
        while digests.peek().is_some() {
            self.algorithm(&mut digests)?;
        }
        let mut inner = body.enter(SEQUENCE).ok_or_else(damaged)?;
        let kind = self.oid(&mut inner)?;
        if kind != DATA && kind != INDIRECT_DATA {
            let number = self.ring.oid(kind).unwrap_or_else(|known| known);
            return refused(EINVAL, format_args!("Unsupported data type {number}"));
        }
        let has_contents = inner.enter(CONTEXT[0]).is_some_and(|mut contents| contents.any().is_some());
        let certificates = certificates(&mut body, self.ring)?;
        let _revoked = body.take(CONTEXT[1]).or_else(|| body.take(CONTEXT[3]));
        let mut infos = body.enter(SET).or_else(|| body.enter(SEQUENCE)).ok_or_else(damaged)?;
        let mut signers = Vec::new();
        while infos.peek().is_some() {
            signers.push(self.signer(infos.enter(SEQUENCE).ok_or_else(damaged)?, version, kind)?);
        }
        let with = signers.iter().filter(|signer| signer.has_attributes).count();
        if signers.is_empty() || (with != 0 && with != signers.len()) {
            return refused(EINVAL, "Inconsistently supplied authAttrs");
        }
        Ok(Message { is_data: kind == DATA, has_contents, certificates, signers })
    }

    fn signer(&mut self, mut info: Reader<'a>, message: u8, kind: &[u8]) -> Result<SignerInfo<'a>, Refusal> {
        let version = version(&mut info, "SignerInfo")?;
        if (version == 1) != (message == 1) {
            let text = "PKCS7: SignedData-SignerInfo version mismatch";
            return Err(Refusal::logged(EBADMSG, LogLine::warn(text)));
        }
        let id = self.signer_id(&mut info)?;
        let digest = self.algorithm(&mut info)?;
        let Some(hash) = self.hash(digest) else { return self.unsupported("digest", digest) };
        let has_attributes = info.take(CONTEXT[0]).or_else(|| info.take(CONTEXT[2])).is_some();
        if kind == INDIRECT_DATA && !has_attributes {
            return Err(Refusal::logged(EBADMSG, LogLine::warn("PKCS7: Authenticode requires AuthAttrs")));
        }
        let algorithm = self.algorithm(&mut info)?;
        let is_ecdsa = algorithm == ECDSA_SHA1 || algorithm.strip_prefix(ECDSA_SHA2).is_some_and(|n| n.len() == 1);
        if algorithm != signing::RSA && !is_ecdsa {
            return self.unsupported("pkey", algorithm);
        }
        let signature = info.take(OCTET_STRING).ok_or_else(damaged)?;
        Ok(SignerInfo { id, hash: Some(hash), algorithm, has_attributes, signature })
    }

    fn signer_id(&mut self, info: &mut Reader<'a>) -> Result<SignerId<'a>, Refusal> {
        if let Some(id) = info.take(KEY_ID) {
            return Ok(SignerId::Key(id));
        }
        let mut id = info.enter(SEQUENCE).ok_or_else(damaged)?;
        let issuer = id.take(SEQUENCE).ok_or_else(damaged)?;
        let mut names = Reader::new(issuer);
        while names.peek().is_some() {
            let mut set = names.enter(SET).ok_or_else(damaged)?;
            while set.peek().is_some() {
                self.algorithm(&mut set)?;
            }
        }
        Ok(SignerId::Certificate { issuer, serial: id.take(INTEGER).ok_or_else(damaged)? })
    }

    /// A sequence that begins with an object identifier: an algorithm, or a part of a name.
    fn algorithm(&mut self, from: &mut Reader<'a>) -> Result<&'a [u8], Refusal> {
        let mut parts = from.enter(SEQUENCE).ok_or_else(damaged)?;
        self.oid(&mut parts)
    }

    /// An object identifier; one that the kernel has not is told in the log (`pkcs7_note_OID`).
    fn oid(&mut self, from: &mut Reader<'a>) -> Result<&'a [u8], Refusal> {
        let value = from.take(OBJECT_ID).ok_or_else(damaged)?;
        if self.ring.oid(value).is_err() {
            let place = value.as_ptr().addr() - self.bytes.as_ptr().addr();
            self.log.push(LogLine::warn(format!("PKCS7: Unknown OID: [{place}] {}", dotted(value))));
        }
        Ok(value)
    }

    /// The name of a hash that this kernel reads in messages.
    fn hash(&self, oid: &[u8]) -> Option<&'static str> {
        hash_name(oid).filter(|name| match *name {
            "md4" | "md5" => !self.ring.knows_sha3,
            "sha3-256" | "sha3-384" | "sha3-512" => self.ring.knows_sha3,
            "rmd160" => false,
            _ => true,
        })
    }

    fn unsupported<T>(&self, what: &str, oid: &[u8]) -> Result<T, Refusal> {
        let number = self.ring.oid(oid).unwrap_or_else(|known| known);
        Err(Refusal::logged(ENOPKG, LogLine::warn(format!("Unsupported {what} algo: {number}"))))
    }
}

/// The version of a part: 1 for PKCS#7, 3 for CMS with key identifiers.
fn version(from: &mut Reader<'_>, of: &str) -> Result<u8, Refusal> {
    match from.take(INTEGER).ok_or_else(damaged)? {
        [version @ (1 | 3)] => Ok(*version),
        _ => refused(EINVAL, format_args!("Unsupported {of} version")),
    }
}

fn certificates<'a>(from: &mut Reader<'a>, ring: &KeyRing<'_>) -> Result<Vec<Enclosed<'a>>, Refusal> {
    let Some(mut list) = from.enter(CONTEXT[0]).or_else(|| from.enter(CONTEXT[2])) else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    while list.peek().is_some() {
        let before = list.rest();
        list.take(SEQUENCE).ok_or_else(damaged)?;
        let der = before.get(..before.len() - list.rest().len()).unwrap_or_default();
        found.push(Enclosed::read(der, ring)?);
    }
    Ok(found)
}

/// An object identifier with dots (`sprint_oid` of `lib/oid_registry.c`).
fn dotted(oid: &[u8]) -> String {
    let Some((first, rest)) = oid.split_first() else { return "(bad)".into() };
    if rest.last().is_some_and(|last| last & 0x80 != 0) {
        return "(bad)".into();
    }
    let mut text = format!("{}.{}", first / 40, first % 40);
    for number in rest.split_inclusive(|byte| byte & 0x80 == 0) {
        let value = number.iter().fold(0u64, |value, byte| value << 7 | u64::from(byte & 0x7f));
        text.push_str(&format!(".{value}"));
    }
    text
}

#[test]
fn identifiers_are_written_with_dots() {
    let cases: [(&[u8], &str); 5] = [
        (&[0x2a, 3, 4], "1.2.3.4"),
        (signing::RSA, "1.2.840.113549.1.1.1"),
        (&[0x2a], "1.2"),
        (b"", "(bad)"),
        (&[0x2a, 0x86], "(bad)"),
    ];
    for (oid, text) in cases {
        assert_eq!(dotted(oid), text);
    }
}
