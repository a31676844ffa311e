//! UUIDs. Counterpart: lib/uuid.c.

use kabi::{DataExport, DataSize, KPtr, KResult, KStr, exports, kexport};
use machine::access;

exports![generate_random_uuid, generate_random_guid, uuid_gen, guid_gen, uuid_is_valid];

/// Random bytes with the marks of a random UUID: version and variant.
fn random(version_at: usize) -> [u8; 16] {
    let mut bytes = [0; 16];
    machine::random::fill(&mut bytes);
    bytes[version_at] = bytes[version_at] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    bytes
}

/// Makes a random UUID (big endian).
#[kexport(since = "3.19", header = "linux/uuid.h")]
fn generate_random_uuid(to: KPtr) -> KResult {
    Ok(access::write(to.addr(), &random(6))?)
}

/// Makes a random GUID (little endian).
#[kexport(since = "5.5", header = "linux/uuid.h")]
fn generate_random_guid(to: KPtr) -> KResult {
    Ok(access::write(to.addr(), &random(7))?)
}

/// [`generate_random_uuid`] for a `uuid_t`.
#[kexport(since = "4.13", header = "linux/uuid.h")]
fn uuid_gen(to: KPtr) -> KResult {
    generate_random_uuid(to)
}

/// [`generate_random_guid`] for a `guid_t`.
#[kexport(since = "4.13", header = "linux/uuid.h")]
fn guid_gen(to: KPtr) -> KResult {
    generate_random_guid(to)
}

fn is_valid(s: &[u8]) -> bool {
    let fits = |(i, c): (usize, &u8)| if matches!(i, 8 | 13 | 18 | 23) { *c == b'-' } else { c.is_ascii_hexdigit() };
    s.len() >= 36 && s.iter().take(36).enumerate().all(fits)
}

/// True if a string starts with a UUID.
#[kexport(since = "4.12", header = "linux/uuid.h")]
fn uuid_is_valid(s: KStr) -> bool {
    is_valid(s.as_bytes())
}

const fn null(name: &'static [&'static str]) -> DataExport {
    let doc = "The UUID whose bytes are all 0.";
    DataExport { names: name, size: DataSize::Bytes(16), percpu: false, gpl: false, init: |_, _| Ok(()), doc }
}

/// Variables that modules can see.
pub(crate) static DATA: &[DataExport] = &[null(&["uuid_null"]), null(&["guid_null"])];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_ones_are_marked_and_differ() {
        let (a, b) = (random(6), random(6));
        assert_ne!(a, b);
        assert_eq!((a[6] >> 4, a[8] >> 6), (4, 2));
        assert_eq!(random(7)[7] >> 4, 4);
    }

    #[test]
    fn dashes_must_stand_where_they_belong() {
        assert!(is_valid(b"c33f4995-3701-450e-9fbf-206a2e98e576\n"));
        assert!(!is_valid(b"c33f49953701-450e-9fbf-206a2e98e576-"));
        assert!(!is_valid(b"c33f4995-3701-450e-9fbf-206a2e98e57"));
    }
}
