//! What a kernel build trusts and knows, read from its image: the certificates it was built with
//! (`system_certificate_list` of `certs/system_certificates.S`) and its table of object identifiers
//! (`lib/oid_registry.c`).

use abi::Profile;
use kofile::signature::der::{Reader, SEQUENCE};
use kofile::signature::x509::Certificate;

/// The keys and identifiers of one kernel.
#[derive(Debug, Default)]
pub struct KeyRing<'a> {
    certificates: Vec<Certificate<'a>>,
    /// Where each of the known identifiers begins, and the last one ends.
    oid_index: &'a [[u8; 2]],
    oid_data: &'a [u8],
    /// The kernel asks a second ring for a key that the first has not (`CONFIG_INTEGRITY_PLATFORM_KEYRING`).
    pub(super) has_platform_ring: bool,
    /// `sha3` counts as a hash, `md4` and `md5` do not (6.7).
    pub(super) knows_sha3: bool,
}

impl<'a> KeyRing<'a> {
    /// The ring of a kernel; `None` if its image is not there.
    pub fn of(profile: &'a Profile) -> Option<Self> {
        let list = profile.initial_value("system_certificate_list")?;
        let size = profile.initial_value("system_certificate_list_size").and_then(|bytes| bytes.first_chunk::<8>());
        let size = size.map_or(list.len(), |bytes| u64::from_le_bytes(*bytes) as usize);
        Some(Self {
            certificates: certificates(list.get(..size).unwrap_or(list)),
            oid_index: growing(profile.initial_value("oid_index").unwrap_or_default()),
            oid_data: profile.initial_value("oid_data").unwrap_or_default(),
            has_platform_ring: profile.symbol("platform_trusted_keys").is_some(),
            knows_sha3: profile.enum_value("OID_sha3_256").is_some(),
        })
    }

    /// The certificates whose keys are trusted.
    pub fn certificates(&self) -> &[Certificate<'a>] {
        &self.certificates
    }

    /// The key with this issuer and serial number, with this identifier, or with both (`find_asymmetric_key`).
    pub(super) fn find(&self, id: Option<(&[u8], &[u8])>, key_id: Option<&[u8]>) -> Option<&Certificate<'a>> {
        let is_it = |certificate: &&Certificate<'_>| {
            id.is_none_or(|id| id == (certificate.issuer, certificate.serial))
                && key_id.is_none_or(|key_id| certificate.key_id == Some(key_id))
        };
        self.certificates.iter().filter(|_| id.is_some() || key_id.is_some()).find(is_it)
    }

    /// The kernel's number of an object identifier (`look_up_OID`), or how many it knows (`OID__NR`).
    pub(super) fn oid(&self, wanted: &[u8]) -> Result<usize, usize> {
        let place = |entry: [u8; 2]| usize::from(u16::from_le_bytes(entry));
        let is_wanted = |pair: &[[u8; 2]]| self.oid_data.get(place(pair[0])..place(pair[1])) == Some(wanted);
        self.oid_index.windows(2).position(is_wanted).ok_or(self.oid_index.len().saturating_sub(1))
    }
}

/// The entries of a table up to the last that grows: what lies behind it to the next symbol is padding.
fn growing(table: &[u8]) -> &[[u8; 2]] {
    let (entries, _) = table.as_chunks::<2>();
    let steps = entries.windows(2).take_while(|pair| u16::from_le_bytes(pair[0]) < u16::from_le_bytes(pair[1])).count();
    entries.get(..=steps).unwrap_or_default()
}

/// The certificates of a list without anything between them; what is none ends it.
fn certificates(list: &[u8]) -> Vec<Certificate<'_>> {
    let mut found = Vec::new();
    let mut rest = list;
    let mut reader = Reader::new(list);
    while reader.take(SEQUENCE).is_some() {
        let left = reader.rest();
        found.extend(rest.get(..rest.len() - left.len()).and_then(Certificate::parse));
        rest = left;
    }
    found
}
