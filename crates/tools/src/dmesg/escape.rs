//! Writes a message's text: unsafe bytes as `\xHH`, further lines indented.

/// How text is written.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    /// Whether the locale has UTF-8 characters.
    pub utf8: bool,
    /// Whether what no terminal should get becomes `\xHH`.
    pub escape: bool,
    /// Spaces before further lines.
    pub indent: usize,
    /// Whether a newline at the very end is followed by them, too.
    pub last: bool,
}

/// Appends `text`.
pub fn text(text: &[u8], style: Style, out: &mut Vec<u8>) {
    let Style { utf8, escape, indent, last } = style;
    let mut rest = text;
    while let Some((&first, tail)) = rest.split_first() {
        if first == 0 {
            return;
        }
        let length = if utf8 { character(rest) } else { usize::from(first < 0x80) };
        if first == b'\n' {
            out.push(b'\n');
            if last || !tail.is_empty() {
                out.extend(std::iter::repeat_n(b' ', indent));
            }
            rest = tail;
            continue;
        }
        let (unit, tail) = rest.split_at_checked(length.max(1)).unwrap_or((rest, &[]));
        if escape && !(length > 0 && printable(unit)) {
            unit.iter().for_each(|byte| out.extend_from_slice(format!("\\x{byte:02x}").as_bytes()));
        } else {
            out.extend_from_slice(unit);
        }
        rest = tail;
    }
}

/// The length of the character at the beginning; 0 if the bytes are none.
fn character(bytes: &[u8]) -> usize {
    (1..=4).find(|&n| bytes.get(..n).is_some_and(|unit| std::str::from_utf8(unit).is_ok())).unwrap_or(0)
}

fn printable(unit: &[u8]) -> bool {
    let Some(c) = std::str::from_utf8(unit).ok().and_then(|text| text.chars().next()) else { return false };
    match c {
        '\t'..='\r' => true,
        '\u{fffe}' | '\u{ffff}' | '\u{2028}' | '\u{2029}' => false,
        c => !c.is_control(),
    }
}

/// Whether the locale of the environment has UTF-8 characters.
pub fn locale_is_utf8() -> bool {
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let name = set("LC_ALL").or_else(|| set("LC_CTYPE")).or_else(|| set("LANG")).unwrap_or_default();
    let Some((language, codeset)) = name.split_once('.') else { return false };
    let codeset = codeset.split('@').next().unwrap_or_default().to_ascii_lowercase().replace('-', "");
    // A locale that is not installed leaves the C locale in force.
    codeset == "utf8"
        && !name.contains('/')
        && (language == "C"
            || std::path::Path::new("/usr/lib/locale/locale-archive").exists()
            || std::path::Path::new("/usr/lib/locale").join(format!("{language}.utf8")).exists())
}

#[cfg(test)]
mod tests {
    #[test]
    fn unsafe_bytes_are_spelled_and_lines_are_indented() {
        let run = |text: &[u8], utf8, escape| {
            let mut out = Vec::new();
            super::text(text, super::Style { utf8, escape, indent: 2, last: false }, &mut out);
            String::from_utf8_lossy(&out).into_owned()
        };
        assert_eq!(run(b"a\x01\nb\x7f\xc3\xa9\xff", true, true), "a\\x01\n  b\\x7f\u{e9}\\xff");
        assert_eq!(run(b"\xc3\xa9\t", false, true), "\\xc3\\xa9\t");
        assert_eq!(run(b"\x1b[1m\0hidden", true, false), "\x1b[1m");
        assert_eq!(run("\u{85}".as_bytes(), true, true), "\\xc2\\x85");
    }
}
