//! Names as they stand in a file: bytes that are text in practice, but that nobody promised to be UTF-8.

use std::borrow::Cow;
use std::fmt;

/// A symbol's, section's or module's name, without its NUL; compares with `&str`, prints invalid UTF-8 replaced.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Name<'a>(&'a [u8]);

impl<'a> Name<'a> {
    /// Takes bytes without a NUL at the end.
    #[inline]
    pub fn new(bytes: &'a [u8]) -> Self {
        Name(bytes)
    }

    /// The bytes of the name.
    #[inline]
    pub fn as_bytes(self) -> &'a [u8] {
        self.0
    }

    /// The name as text, if it is UTF-8.
    pub fn to_str(self) -> Option<&'a str> {
        std::str::from_utf8(self.0).ok()
    }

    /// The name as text, with invalid parts replaced.
    pub fn to_str_lossy(self) -> Cow<'a, str> {
        String::from_utf8_lossy(self.0)
    }

    /// Whether there is no name.
    #[inline]
    pub fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// Whether the name begins with `prefix`.
    #[inline]
    pub fn starts_with(self, prefix: &str) -> bool {
        self.0.starts_with(prefix.as_bytes())
    }

    /// What follows `prefix`, if the name begins with it.
    #[inline]
    pub fn strip_prefix(self, prefix: &str) -> Option<Name<'a>> {
        self.0.strip_prefix(prefix.as_bytes()).map(Name)
    }
}

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.to_str_lossy(), f)
    }
}

impl fmt::Debug for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.to_str_lossy(), f)
    }
}

impl AsRef<[u8]> for Name<'_> {
    fn as_ref(&self) -> &[u8] {
        self.0
    }
}

impl PartialEq<str> for Name<'_> {
    #[inline]
    fn eq(&self, other: &str) -> bool {
        self.0 == other.as_bytes()
    }
}

impl PartialEq<&str> for Name<'_> {
    #[inline]
    fn eq(&self, other: &&str) -> bool {
        self.0 == other.as_bytes()
    }
}

impl<'a> From<&'a str> for Name<'a> {
    fn from(text: &'a str) -> Self {
        Name(text.as_bytes())
    }
}

#[test]
fn name_compares_and_prints() {
    let name = Name::new(b"__crc_foo");
    assert_eq!(name, "__crc_foo");
    assert_eq!(name.strip_prefix("__crc_"), Some(Name::from("foo")));
    assert_eq!(name.strip_prefix("foo"), None);
    assert!(name.starts_with("__") && !name.is_empty());
    assert_eq!(Name::new(b"a\xff").to_string(), "a\u{fffd}");
    assert_eq!(Name::new(b"a\xff").to_str(), None);
}
