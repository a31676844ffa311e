//! The kernel's character classes (`lib/ctype.c`): ASCII, and Latin-1 above it.

/// A letter, also those of Latin-1.
pub(super) fn is_alpha(c: u8) -> bool {
    c.is_ascii_alphabetic() || (c >= 0xc0 && c != 0xd7 && c != 0xf7)
}

/// A letter or a digit.
pub(super) fn is_alnum(c: u8) -> bool {
    c.is_ascii_digit() || is_alpha(c)
}

/// Printable: everything from the no-break space on counts as such.
pub(super) fn is_print(c: u8) -> bool {
    (0x20..0x7f).contains(&c) || c >= 0xa0
}

/// White space; the no-break space is one.
pub(super) fn is_space(c: u8) -> bool {
    matches!(c, 9..=13 | b' ' | 0xa0)
}
