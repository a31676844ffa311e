//! A certificate within a signature's message, as the kernel reads it.
//!
//! Counterparts: `crypto/asymmetric_keys/x509_cert_parser.c`, `x509_public_key.c` (`x509_check_for_self_signed`).

use super::keyring::KeyRing;
use super::message::{EBADMSG, ENOPKG};
use super::{EKEYREJECTED, errno_of};
use crate::refusal::{LogLine, Refusal};
use kabi::errno::EINVAL;
use kofile::signature::der::{Reader, SEQUENCE};
use kofile::signature::x509::Certificate;
use signing::{EC, RSA, Verdict};

/// `prime192v1`, `prime256v1`, `secp384r1`, and `secp521r1` of newer kernels.
const CURVES: [&[u8]; 4] =
    [&[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 1], signing::P256, signing::P384, &[0x2b, 0x81, 4, 0, 0x23]];
/// The algorithms of certificates' signatures with the names of their hashes: 1.2.840.113549.1.1.N, 1.2.840.10045.4.N.
const ALGORITHMS: [(&[u8], &str); 10] = [
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 5], "sha1"),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 11], "sha256"),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 12], "sha384"),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 13], "sha512"),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 14], "sha224"),
    (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 1], "sha1"),
    (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 1], "sha224"),
    (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2], "sha256"),
    (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 3], "sha384"),
    (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 4], "sha512"),
];

/// `[0]` to `[2]` and `[4]` of an authority key identifier, `UTCTime`, `GeneralizedTime`.
const BY_KEY: u8 = 0x80;
const BY_NAME: u8 = 0xa1;
const BY_SERIAL: u8 = 0x82;
const DIRECTORY_NAME: u8 = 0xa4;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// Who issued a certificate, as far as it tells.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Authority<'a> {
    /// Issuer and serial number of the issuer's own certificate.
    pub(super) id: Option<(&'a [u8], &'a [u8])>,
    /// The identifier of the issuer's key.
    pub(super) key_id: Option<&'a [u8]>,
}

/// A certificate of a message.
#[derive(Debug)]
pub(super) struct Enclosed<'a> {
    pub(super) certificate: Certificate<'a>,
    pub(super) authority: Authority<'a>,
    /// It is signed with its own key.
    pub(super) self_signed: bool,
    /// The hash of its signature.
    hash: &'static str,
}

fn damaged(what: &str) -> Refusal {
    let detail = format!("a certificate in the signature's message is damaged: {what}");
    Refusal { detail: Some(detail), ..Refusal::silent(EBADMSG) }
}

impl<'a> Enclosed<'a> {
    /// Reads a certificate.
    ///
    /// # Errors
    /// `EBADMSG` for damage, `ENOPKG` for an unknown algorithm, `EINVAL` for two different ones; what is wrong with its
    /// signature if it says that it signed itself.
    pub(super) fn read(der: &'a [u8], ring: &KeyRing<'_>) -> Result<Self, Refusal> {
        let certificate = Certificate::parse(der).ok_or_else(|| damaged("it cannot be read"))?;
        let [within, outside] = certificate.algorithms;
        let hash = ALGORITHMS.iter().find(|(id, _)| *id == within).map(|(_, hash)| *hash);
        let hash = hash.ok_or_else(|| Refusal::silent(ENOPKG))?;
        times(certificate.validity).ok_or_else(|| damaged("its times"))?;
        known_key(&certificate)?;
        if within != outside {
            let number = |id| ring.oid(id).unwrap_or_else(|known| known);
            let (outside, within) = (number(outside), number(within));
            let text =
                format!("X.509: signatureAlgorithm ({outside}) differs from tbsCertificate.signature ({within})");
            return Err(Refusal::logged(EINVAL, LogLine::warn(text)));
        }
        let authority = certificate.authority.map_or(Some(Authority::default()), authority).ok_or_else(|| Refusal {
            log: vec![LogLine::warn("X.509: Couldn't decode AuthKeyIdentifier")],
            ..damaged("its authority key identifier")
        })?;
        let mut enclosed = Self { certificate, authority, self_signed: false, hash };
        enclosed.self_signed = enclosed.signs_itself()?;
        Ok(enclosed)
    }

    /// Whether issuer and serial number are these.
    pub(super) fn is(&self, issuer: &[u8], serial: &[u8]) -> bool {
        (self.certificate.issuer, self.certificate.serial) == (issuer, serial)
    }

    /// Whether a certificate's key signed this one.
    pub(super) fn is_signed_by(&self, issuer: &Certificate<'_>) -> Verdict {
        by_key(issuer, self.certificate.algorithms[0], self.hash, self.certificate.body, self.certificate.signature)
    }

    fn signs_itself(&self) -> Result<bool, Refusal> {
        let certificate = &self.certificate;
        if certificate.subject_name != certificate.issuer {
            return Ok(false);
        }
        let Authority { id, key_id } = self.authority;
        let same_key = key_id.is_some() && key_id == certificate.key_id;
        let same_id = id.is_some_and(|(issuer, serial)| self.is(issuer, serial));
        match (id.is_some() || key_id.is_some(), same_key, same_id) {
            (true, false, false) => return Ok(false),
            (true, key, name) if key != name && id.is_some() && key_id.is_some() => {
                return Err(Refusal::silent(EKEYREJECTED));
            }
            _ => {}
        }
        match self.is_signed_by(certificate) {
            Verdict::Good => Ok(true),
            Verdict::Unsupported => Ok(false),
            wrong => {
                let detail = "a certificate in the signature's message says that it signed itself, and did not";
                Err(Refusal { detail: Some(detail.into()), ..Refusal::silent(errno_of(wrong)) })
            }
        }
    }
}

/// Whether a certificate's key made a signature, which says with which algorithm (`public_key_verify_signature`).
pub(super) fn by_key(
    certificate: &Certificate<'_>,
    algorithm: &[u8],
    hash: &str,
    contents: &[u8],
    signature: &[u8],
) -> Verdict {
    // `rsaEncryption` and the algorithms of certificates differ in the last number.
    let is_rsa = algorithm.starts_with(RSA.split_last().map_or(RSA, |(_, start)| start));
    match is_rsa == (certificate.key.algorithm == RSA) {
        true => signing::verify(&certificate.key, hash, contents, signature),
        false => Verdict::Changed,
    }
}

/// The kind of key is one that the kernel knows, and its identifier is as the kernel wants it.
fn known_key(certificate: &Certificate<'_>) -> Result<(), Refusal> {
    let key = &certificate.key;
    match (key.algorithm, key.curve) {
        (RSA, _) => {}
        (EC, None) => return Err(damaged("its elliptic curve has no name")),
        (EC, Some(curve)) if CURVES.contains(&curve) => {}
        _ => return Err(Refusal::silent(ENOPKG)),
    }
    // One byte tells the length.
    match certificate.key_id {
        Some(id) if id.is_empty() || id.len() > 0x7f => Err(damaged("the identifier of its key")),
        _ => Ok(()),
    }
}

/// Reads an authority key identifier (`x509_akid.asn1`).
fn authority(value: &[u8]) -> Option<Authority<'_>> {
    let mut outer = Reader::new(value);
    let mut parts = outer.enter(SEQUENCE)?;
    let key_id = parts.take(BY_KEY);
    let mut issuer = None;
    if let Some(mut names) = parts.enter(BY_NAME) {
        while let Some((tag, name)) = names.any() {
            if tag == DIRECTORY_NAME {
                issuer = Reader::new(name).take(SEQUENCE);
            }
        }
    }
    let id = parts.take(BY_SERIAL).and_then(|serial| Some((issuer?, serial)));
    parts.peek().is_none().then_some(Authority { id, key_id })
}

/// Two times, each of which is one (`x509_decode_time`).
fn times(validity: &[u8]) -> Option<()> {
    let mut times = Reader::new(validity);
    for _ in 0..2 {
        let (tag, text) = times.any()?;
        let (digits, years) = match (tag, text.len()) {
            (UTC_TIME, 13) => (12, 2),
            (GENERALIZED_TIME, 15) => (14, 4),
            _ => return None,
        };
        let (numbers, end) = text.split_at_checked(digits)?;
        let value = |at: usize, len: usize| -> Option<u32> {
            numbers
                .get(at..at + len)?
                .iter()
                .try_fold(0, |value, digit| digit.is_ascii_digit().then(|| value * 10 + u32::from(digit - b'0')))
        };
        let year = match (value(0, years)?, tag) {
            // These years have the shorter form.
            (1950..=2049, GENERALIZED_TIME) => return None,
            (year, GENERALIZED_TIME) => year,
            (year @ 50.., _) => 1900 + year,
            (year, _) => 2000 + year,
        };
        let part = |index: usize| value(years + 2 * index, 2);
        let (month, day) = (part(0)?, part(1)?);
        let sound = year >= 1970
            && (1..=12).contains(&month)
            && (1..=days(year, month)).contains(&day)
            && (part(2)? <= 24 && part(3)? <= 59 && part(4)? <= 60)
            && end == b"Z";
        sound.then_some(())?;
    }
    Some(())
}

fn days(year: u32, month: u32) -> u32 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_times_that_there_are_pass() {
        let time = |text: &str| {
            let tag = if text.len() == 13 { UTC_TIME } else { GENERALIZED_TIME };
            let one = [&[tag, u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
            times(&[&one[..], &one[..]].concat()).is_some()
        };
        for good in ["700101000000Z", "491231235960Z", "240229240000Z", "20500101000000Z"] {
            assert!(time(good), "{good}");
        }
        for bad in
            ["690101000000Z", "230229000000Z", "241301000000Z", "240100000000Z", "2401010000000", "20300101000000Z"]
        {
            assert!(!time(bad), "{bad}");
        }
        assert!(times(b"").is_none());
    }

    #[test]
    fn an_authority_is_named_by_key_or_by_number() {
        let none = Authority::default();
        assert_eq!(authority(&[0x30, 0]), Some(none));
        assert_eq!(authority(b"\x30\x03\x80\x01k"), Some(Authority { key_id: Some(b"k"), ..none }));
        let by_number = b"\x30\x0b\xa1\x06\xa4\x04\x30\x02\x31\x00\x82\x01\x07";
        assert_eq!(authority(by_number), Some(Authority { id: Some((b"\x31\x00", b"\x07")), ..none }));
        assert_eq!(authority(b"\x30\x02\x80\x7f"), None);
        assert_eq!(authority(b"x"), None);
    }
}
