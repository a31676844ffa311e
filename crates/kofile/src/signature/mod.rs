//! The signature that `scripts/sign-file` appends to a module.
//!
//! Kernel counterpart: `mod_check_sig` of `kernel/module_signature.c`, `struct module_signature` of
//! `include/linux/module_signature.h`. From the end of the file: the marker, 12 bytes of trailer, the PKCS#7 message.
//! Nothing is verified here, only read.

mod cms;
pub mod der;
pub mod x509;

pub use cms::{hash_id, hash_name};

use crate::error::{Error, ErrorKind, Result};
use crate::name::Name;

/// The last bytes of a signed file.
pub const MARKER: &[u8] = b"~Module signature appended~\n";
/// Bytes of the trailer before the marker.
const TRAILER_SIZE: usize = 12;
/// `PKEY_ID_PKCS7`
const PKCS7: u8 = 2;

/// A signature as it stands in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signature<'a> {
    /// `algo`: 0 with PKCS#7.
    pub algorithm: u8,
    /// `hash`: 0 with PKCS#7.
    pub hash: u8,
    /// `id_type`: 2 for PKCS#7; 0 (PGP) and 1 (X509) are of kernels before 4.3.
    pub id_type: u8,
    /// The PKCS#7 message; in the older types the signer's name, the key's id and the signature.
    pub data: &'a [u8],
    signer_size: usize,
    key_size: usize,
}

/// What a signature says, as `modinfo` shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Details<'a> {
    /// `sig_id`: what kind of signature it is.
    pub id: &'static str,
    /// `signer`: the common name of the key's issuer.
    pub signer: Option<Name<'a>>,
    /// `sig_key`: the key's serial number, or its id.
    pub key: &'a [u8],
    /// `sig_hashalgo`: how the contents are hashed.
    pub hash_algorithm: Option<&'static str>,
    /// `signature`: the bytes of the signature proper.
    pub signature: &'a [u8],
}

/// Whose key made a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignerId<'a> {
    /// That of the certificate with this issuer (a `Name`) and serial number, both without their DER tags.
    Certificate {
        /// The issuer's distinguished name.
        issuer: &'a [u8],
        /// The serial number's bytes.
        serial: &'a [u8],
    },
    /// That of the certificate with this subject key identifier.
    Key(&'a [u8]),
}

/// The signer of a PKCS#7 message: what verifying a signature needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignerInfo<'a> {
    /// Whose key.
    pub id: SignerId<'a>,
    /// The hash, by the name that modinfo shows; `None` for one without a name here.
    pub hash: Option<&'static str>,
    /// The object identifier of the signature's algorithm, without its DER tag.
    pub algorithm: &'a [u8],
    /// Whether attributes were signed instead of the contents themselves; `sign-file` makes none.
    pub has_attributes: bool,
    /// The signature proper.
    pub signature: &'a [u8],
}

/// Cuts a file into the contents that are signed and the signature, if there is one.
///
/// A type other than PKCS#7 is left uncut but for the marker, as the kernel leaves it: such a module counts as signed
/// in a way that cannot be verified.
///
/// # Errors
/// The marker is there, but what stands before it is no sound trailer (`EBADMSG`).
pub fn split(bytes: &[u8]) -> Result<(&[u8], Option<Signature<'_>>)> {
    let Some(rest) = bytes.strip_suffix(MARKER) else { return Ok((bytes, None)) };
    let place = rest.len().saturating_sub(TRAILER_SIZE) as u64;
    split_trailer(rest).map_err(|what| Error::new(ErrorKind::BadSignature { what }).at(place))
}

/// Cuts off trailer and signature.
fn split_trailer(rest: &[u8]) -> std::result::Result<(&[u8], Option<Signature<'_>>), &'static str> {
    let too_short = "the trailer is cut short";
    let (before, trailer) = rest.split_last_chunk::<TRAILER_SIZE>().ok_or(too_short)?;
    let [algorithm, hash, id_type, signer_size, key_size, pad @ .., a, b, c, d] = *trailer;
    let size = u32::from_be_bytes([a, b, c, d]) as usize;
    let start = before.len().checked_sub(size).filter(|start| *start != 0).ok_or("sig_len is larger than the file")?;
    let (signer_size, key_size) = (usize::from(signer_size), usize::from(key_size));
    let mut signature = Signature { algorithm, hash, id_type, data: &[], signer_size, key_size };
    if id_type != PKCS7 {
        // The older types do not count the names in sig_len.
        let start = start.checked_sub(signer_size + key_size).ok_or("the signer's name is larger than the file")?;
        signature.data = before.get(start..).unwrap_or_default();
        return Ok((rest, Some(signature)));
    }
    if [algorithm, hash].iter().chain(&pad).any(|byte| *byte != 0) || signer_size != 0 || key_size != 0 {
        return Err("a field that is 0 with PKCS#7 is not 0");
    }
    let (contents, data) = before.split_at_checked(start).ok_or(too_short)?;
    signature.data = data;
    Ok((contents, Some(signature)))
}

impl<'a> Signature<'a> {
    /// A signature from its PKCS#7 message alone.
    pub fn pkcs7(message: &'a [u8]) -> Self {
        Signature { algorithm: 0, hash: 0, id_type: PKCS7, data: message, signer_size: 0, key_size: 0 }
    }

    /// Whether the kernel can verify signatures of this type.
    pub fn is_pkcs7(&self) -> bool {
        self.id_type == PKCS7
    }

    /// Reads who signed and how.
    ///
    /// # Errors
    /// The PKCS#7 message is damaged or holds no signature (`EBADMSG`), or the type is unknown (`ENOPKG`).
    pub fn details(&self) -> Result<Details<'a>> {
        match self.id_type {
            PKCS7 => cms::details(self.data).ok_or_else(|| {
                Error::new(ErrorKind::BadSignature { what: "the PKCS#7 message is damaged or holds no signature" })
            }),
            0 | 1 => Ok(self.old_details()),
            id_type => Err(Error::new(ErrorKind::UnsupportedSignature { id_type })),
        }
    }

    /// Reads the signer of a PKCS#7 signature.
    ///
    /// # Errors
    /// The message is damaged or holds no signature (`EBADMSG`), or it is no PKCS#7 (`ENOPKG`).
    pub fn signer_info(&self) -> Result<SignerInfo<'a>> {
        let what = "the PKCS#7 message is damaged or holds no signature";
        match self.id_type {
            PKCS7 => cms::signer_info(self.data).ok_or_else(|| Error::new(ErrorKind::BadSignature { what })),
            id_type => Err(Error::new(ErrorKind::UnsupportedSignature { id_type })),
        }
    }

    /// The fields of the types before PKCS#7: three byte strings one after the other.
    fn old_details(&self) -> Details<'a> {
        let (signer, rest) = self.data.split_at_checked(self.signer_size).unwrap_or_default();
        let (key, signature) = rest.split_at_checked(self.key_size).unwrap_or_default();
        const HASHES: [&str; 8] = ["md4", "md5", "sha1", "rmd160", "sha256", "sha384", "sha512", "sha224"];
        Details {
            id: if self.id_type == 0 { "PGP" } else { "X509" },
            signer: Some(Name::new(signer)),
            key,
            hash_algorithm: HASHES.get(usize::from(self.hash)).copied(),
            signature,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signed(contents: &[u8], data: &[u8], head: [u8; 8], size: u32) -> Vec<u8> {
        [contents, data, &head, &size.to_be_bytes(), MARKER].concat()
    }

    #[test]
    fn split_cuts_the_signature_off() {
        let bytes = signed(b"elf", b"cms", [0, 0, 2, 0, 0, 0, 0, 0], 3);
        let (contents, signature) = split(&bytes).unwrap();
        let signature = signature.unwrap();
        assert_eq!((contents, signature.data, signature.is_pkcs7()), (&b"elf"[..], &b"cms"[..], true));
        assert_eq!(signature.details().unwrap_err().errno(), 74);
        assert_eq!(split(b"elf").unwrap(), (&b"elf"[..], None));
    }

    #[test]
    fn split_refuses_what_the_kernel_refuses() {
        let good = [0, 0, 2, 0, 0, 0, 0, 0];
        for (head, size, cause) in [
            (good, 6, "sig_len is larger"),
            (good, u32::MAX, "sig_len is larger"),
            ([1, 0, 2, 0, 0, 0, 0, 0], 3, "not 0"),
            ([0, 0, 2, 1, 0, 0, 0, 0], 3, "not 0"),
            ([0, 0, 2, 0, 0, 0, 0, 9], 3, "not 0"),
            ([0, 0, 1, 9, 0, 0, 0, 0], 3, "signer's name"),
        ] {
            let bytes = signed(b"elf", b"cms", head, size);
            let error = split(&bytes).unwrap_err();
            assert!(error.to_string().contains(cause), "{error}");
            assert_eq!((error.errno(), error.offset()), (74, Some(6)));
        }
        assert_eq!(split(MARKER).unwrap_err().errno(), 74);
    }

    #[test]
    fn older_types_are_read_but_stay() {
        let bytes = signed(b"elf", b"SIGNERkeySIG", [1, 4, 1, 6, 3, 0, 0, 0], 3);
        let (contents, signature) = split(&bytes).unwrap();
        assert_eq!(contents.len(), bytes.len() - MARKER.len());
        let details = signature.unwrap().details().unwrap();
        assert_eq!((details.id, details.signer), ("X509", Some("SIGNER".into())));
        assert_eq!(
            (details.key, details.signature, details.hash_algorithm),
            (&b"key"[..], &b"SIG"[..], Some("sha256"))
        );
        let bytes = signed(b"elf", b"x", [0, 0, 77, 0, 0, 0, 0, 0], 1);
        let error = split(&bytes).unwrap().1.unwrap().details().unwrap_err();
        assert_eq!(error.errno(), 65);
    }
}
