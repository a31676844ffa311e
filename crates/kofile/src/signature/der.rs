//! As much of DER (X.690) as a PKCS#7 message needs: values with one-byte tags and definite lengths.

/// `SEQUENCE`
pub const SEQUENCE: u8 = 0x30;
/// `SET`
pub const SET: u8 = 0x31;
/// `INTEGER`
pub const INTEGER: u8 = 0x02;
/// `OCTET STRING`
pub const OCTET_STRING: u8 = 0x04;
/// `OBJECT IDENTIFIER`
pub const OBJECT_ID: u8 = 0x06;

/// Reads values one after the other.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// Reads from these bytes.
    pub fn new(bytes: &'a [u8]) -> Self {
        Reader(bytes)
    }

    /// What has not been read yet.
    pub fn rest(&self) -> &'a [u8] {
        self.0
    }

    /// The tag of the next value.
    pub fn peek(&self) -> Option<u8> {
        self.0.first().copied()
    }

    /// The next value: its tag and contents.
    pub fn any(&mut self) -> Option<(u8, &'a [u8])> {
        let (&[tag, first], mut rest) = self.0.split_first_chunk::<2>()?;
        let mut size = usize::from(first);
        if first >= 0x80 {
            let (digits, after) = rest.split_at_checked(usize::from(first & 0x7f))?;
            if digits.is_empty() || digits.len() > 4 {
                return None;
            }
            size = digits.iter().fold(0, |size, digit| size << 8 | usize::from(*digit));
            rest = after;
        }
        let (contents, after) = rest.split_at_checked(size)?;
        self.0 = after;
        Some((tag, contents))
    }

    /// The contents of the next value, if it has the wanted tag.
    pub fn take(&mut self, tag: u8) -> Option<&'a [u8]> {
        let mut next = *self;
        let (found, contents) = next.any()?;
        (found == tag).then(|| {
            *self = next;
            contents
        })
    }

    /// A reader of the contents of the next value, if it has the wanted tag.
    pub fn enter(&mut self, tag: u8) -> Option<Reader<'a>> {
        self.take(tag).map(Reader)
    }
}

/// A value, for tests of what reads them.
#[cfg(test)]
pub(super) fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let contents = parts.concat();
    [&[tag, 0x82][..], &(contents.len() as u16).to_be_bytes(), &contents].concat()
}

#[test]
fn values_are_read_in_order() {
    let mut reader = Reader::new(b"\x02\x01\x05\x30\x03\x04\x01x");
    assert_eq!((reader.peek(), reader.take(SEQUENCE)), (Some(INTEGER), None));
    assert_eq!(reader.take(INTEGER), Some(&b"\x05"[..]));
    assert_eq!(reader.enter(SEQUENCE).and_then(|mut inner| inner.take(OCTET_STRING)), Some(&b"x"[..]));
    assert_eq!((reader.peek(), reader.any()), (None, None));
}

#[test]
fn lengths_may_be_long_but_not_wrong() {
    assert_eq!(Reader::new(b"\x04\x82\x00\x01x").any(), Some((4, &b"x"[..])));
    for wrong in [
        &b"\x04"[..],
        b"\x04\x02x",
        b"\x04\x80x\0\0",
        b"\x04\x82\x00",
        b"\x04\x85\0\0\0\0\x01x",
        b"\x04\x84\xff\xff\xff\xff",
    ] {
        assert_eq!(Reader::new(wrong).any(), None, "{wrong:x?}");
    }
}
