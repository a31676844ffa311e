//! Escapes in strings, both ways. Counterpart: `string_escape_mem` and `string_unescape` of lib/string_helpers.c.

/// What is escaped, and how.
const ESCAPE_SPACE: u32 = 1;
const ESCAPE_SPECIAL: u32 = 2;
const ESCAPE_NULL: u32 = 4;
const ESCAPE_OCTAL: u32 = 8;
/// What passes as it is: printable characters, ASCII, both.
const PASS_PRINTABLE: u32 = 0x10;
const ESCAPE_HEX: u32 = 0x20;
const PASS_ASCII: u32 = 0x40;
const PASS_BOTH: u32 = 0x80;
/// The dictionary adds to what does not pass, rather than being all that is escaped.
const APPEND: u32 = 0x100;

const UNESCAPE_SPACE: u32 = 1;
const UNESCAPE_OCTAL: u32 = 2;
const UNESCAPE_HEX: u32 = 4;
const UNESCAPE_SPECIAL: u32 = 8;

/// Characters with a letter of their own, and these letters.
const SPACES: (&[u8], &[u8]) = (b"\n\r\t\x0b\x0c", b"nrtvf");
const SPECIALS: (&[u8], &[u8]) = (b"\\\x07\x1b\"", b"\\ae\"");

/// True for what the kernel's ctype calls printable: Latin-1 too.
fn is_printable(byte: u8) -> bool {
    matches!(byte, 0x20..=0x7e | 0xa0..)
}

fn paired(byte: u8, (from, to): (&[u8], &[u8])) -> Option<u8> {
    from.iter().position(|b| *b == byte).and_then(|i| to.get(i)).copied()
}

fn passes(byte: u8, flags: u32, only: &[u8]) -> bool {
    // A dictionary's own NUL is in it.
    let listed = !only.is_empty() && (byte == 0 || only.contains(&byte));
    let append = flags & APPEND != 0;
    if !append && !only.is_empty() && !listed {
        return true;
    }
    if append && listed {
        return false;
    }
    flags & PASS_BOTH != 0 && byte.is_ascii() && is_printable(byte)
        || flags & PASS_PRINTABLE != 0 && is_printable(byte)
        || flags & PASS_ASCII != 0 && byte.is_ascii()
}

/// What a byte becomes.
pub(crate) fn escape(byte: u8, flags: u32, only: &[u8]) -> Vec<u8> {
    if passes(byte, flags, only) {
        return vec![byte];
    }
    let letter = paired(byte, SPACES)
        .filter(|_| flags & ESCAPE_SPACE != 0)
        .or(paired(byte, SPECIALS).filter(|_| flags & ESCAPE_SPECIAL != 0))
        .or((byte == 0 && flags & ESCAPE_NULL != 0).then_some(b'0'));
    match letter {
        Some(letter) => vec![b'\\', letter],
        None if flags & ESCAPE_OCTAL != 0 => format!("\\{byte:03o}").into_bytes(),
        None if flags & ESCAPE_HEX != 0 => format!("\\x{byte:02x}").into_bytes(),
        None => vec![byte],
    }
}

fn hex(byte: Option<&u8>) -> Option<u8> {
    char::from(*byte?).to_digit(16).map(|d| d as u8)
}

/// The byte that the escape at the start of `text` (behind its backslash) stands for, and its length.
fn resolve(text: &[u8], flags: u32) -> Option<(u8, usize)> {
    let first = *text.first()?;
    if let (true, Some(byte)) = (flags & UNESCAPE_SPACE != 0, paired(first, (SPACES.1, SPACES.0))) {
        return Some((byte, 1));
    }
    if flags & UNESCAPE_OCTAL != 0 && matches!(first, b'0'..=b'7') {
        let (mut value, mut len) = (first & 7, 1);
        while let Some(digit @ b'0'..=b'7') = text.get(len).filter(|_| len < 3 && value < 32) {
            (value, len) = (value << 3 | digit & 7, len + 1);
        }
        return Some((value, len));
    }
    if let (true, b'x', Some(high)) = (flags & UNESCAPE_HEX != 0, first, hex(text.get(1))) {
        return Some(hex(text.get(2)).map_or((high, 2), |low| (high << 4 | low, 3)));
    }
    let special = paired(first, (SPECIALS.1, SPECIALS.0)).filter(|_| flags & UNESCAPE_SPECIAL != 0);
    special.map(|byte| (byte, 1))
}

/// Resolves the escapes of a string into at most `room` bytes, the NUL included.
pub(super) fn unescape(text: &[u8], room: usize, flags: u32) -> Vec<u8> {
    let mut out = Vec::new();
    let (mut at, mut left) = (0, room);
    while let Some(byte) = text.get(at) {
        left -= 1;
        if left == 0 {
            break;
        }
        if *byte == b'\\' && at + 1 < text.len() && left > 1 {
            // A backslash counts as room even where its escape is one byte.
            left -= 1;
            at += 1;
            if let Some((value, len)) = resolve(&text[at..], flags) {
                out.push(value);
                at += len;
                continue;
            }
            out.push(b'\\');
        }
        out.extend(text.get(at));
        at += 1;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_resolve() {
        assert_eq!(unescape(b"\\f\\n\\x41\\101\\e\\z", usize::MAX, 15), b"\x0c\nAA\x1b\\z");
        assert_eq!(unescape(b"\\400\\7", usize::MAX, 2), b"\x200\x07");
        assert_eq!(unescape(b"abcdef", 4, 15), b"abc");
    }

    #[test]
    fn dictionaries_limit_or_add() {
        assert_eq!(escape(b'\n', 15, b"x"), b"\n");
        assert_eq!(escape(b'x', 8, b"x"), b"\\170");
        assert_eq!(escape(b'x', PASS_BOTH | ESCAPE_HEX | APPEND, b"x"), b"\\x78");
        assert_eq!(escape(0xe4, PASS_BOTH | ESCAPE_HEX, b""), b"\\xe4");
    }
}
