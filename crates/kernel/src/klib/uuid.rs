//! UUIDs. Counterpart: lib/uuid.c.

use kabi::errno::EINVAL;
use kabi::{DataExport, DataSize, KPtr, KResult, KStr, c_int, exports, kexport};
use machine::access;

exports![generate_random_uuid, generate_random_guid, uuid_gen, guid_gen, uuid_is_valid, uuid_parse, guid_parse];

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

/// Where each byte of a UUID stands in its text, and of a GUID, whose first three numbers are turned around.
const PLACES: [usize; 16] = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];
const GUID_ORDER: [usize; 16] = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];

fn parse(text: &[u8], order: impl Fn(usize) -> usize) -> KResult<[u8; 16]> {
    if !is_valid(text) {
        return Err(EINVAL.into());
    }
    let hex = |at: usize| text.get(at).and_then(|b| char::from(*b).to_digit(16)).unwrap_or(0) as u8;
    let mut out = [0; 16];
    for (i, byte) in out.iter_mut().enumerate() {
        let at = PLACES[order(i)];
        *byte = hex(at) << 4 | hex(at + 1);
    }
    Ok(out)
}

/// Reads a UUID (big endian).
///
/// # Errors
/// `EINVAL`: it is none.
#[kexport(since = "4.13", header = "linux/uuid.h")]
fn uuid_parse(text: KStr, to: KPtr) -> KResult<c_int> {
    access::write(to.addr(), &parse(text.as_bytes(), |i| i)?)?;
    Ok(0)
}

/// Reads a GUID (little endian).
///
/// # Errors
/// `EINVAL`: it is none.
#[kexport(since = "4.13", header = "linux/uuid.h")]
fn guid_parse(text: KStr, to: KPtr) -> KResult<c_int> {
    access::write(to.addr(), &parse(text.as_bytes(), |i| GUID_ORDER[i])?)?;
    Ok(0)
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
