//! The words of a parameter string. Counterpart: `next_arg` of lib/cmdline.c, `parameq` of kernel/params.c.
//!
//! Bytes, not text: what the caller gave goes to the setters and into the log as it is.

/// One word of a parameter string.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arg {
    /// What stands before the `=`.
    pub name: Vec<u8>,
    /// What stands behind it; `None` without `=`.
    pub value: Option<Vec<u8>>,
}

/// The kernel's `isspace`, which knows Latin-1.
pub fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r' | 0xa0)
}

/// `text` without the blanks at its start.
pub fn skip_spaces(text: &[u8]) -> &[u8] {
    let at = text.iter().position(|b| !is_space(*b)).unwrap_or(text.len());
    &text[at..]
}

/// Takes the first word off `text`, which starts with no blank: the word, and what follows it and its blanks. Double
/// quotes keep blanks; one around the whole word and one around the value are taken off.
pub fn next(text: &[u8]) -> Option<(Arg, &[u8])> {
    if text.is_empty() {
        return None;
    }
    let whole = text.strip_prefix(b"\"");
    let word = whole.unwrap_or(text);
    let (end, equals) = end_of(word, whole.is_some());
    let (word, rest) = word.split_at(end);
    let arg = match equals {
        None => Arg { name: unquote_end(word, whole.is_some()).to_vec(), value: None },
        Some(at) => {
            let value = &word[at + 1..];
            let inner = value.strip_prefix(b"\"");
            // A lone quote opens and closes nothing more.
            let value = match inner {
                Some([]) => &[],
                Some(inner) => unquote_end(inner, true),
                None => unquote_end(value, whole.is_some()),
            };
            Arg { name: word[..at].to_vec(), value: Some(value.to_vec()) }
        }
    };
    Some((arg, skip_spaces(rest)))
}

fn unquote_end(text: &[u8], quoted: bool) -> &[u8] {
    if quoted { text.strip_suffix(b"\"").unwrap_or(text) } else { text }
}

/// Where the word ends, and its first `=`; one at the very start is part of the name.
fn end_of(text: &[u8], mut quoted: bool) -> (usize, Option<usize>) {
    let mut equals = None;
    for (i, byte) in text.iter().enumerate() {
        match byte {
            byte if is_space(*byte) && !quoted => return (i, equals),
            b'=' if equals.is_none() && i > 0 => equals = Some(i),
            b'"' => quoted = !quoted,
            _ => {}
        }
    }
    (text.len(), equals)
}

/// Whether two names are the same; `-` and `_` are.
pub fn same_name(a: &[u8], b: &[u8]) -> bool {
    let dash = |c: &u8| if *c == b'-' { b'_' } else { *c };
    a.len() == b.len() && a.iter().map(dash).eq(b.iter().map(dash))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        let mut out = Vec::new();
        let mut rest = skip_spaces(text.as_bytes());
        while let Some((arg, after)) = next(rest) {
            let value = arg.value.map_or("-".into(), |v| String::from_utf8_lossy(&v).into_owned());
            out.push(format!("{}|{value}", String::from_utf8_lossy(&arg.name)));
            rest = after;
        }
        out
    }

    #[test]
    fn strings_are_split_as_the_kernel_does() {
        assert_eq!(words("a=1 b c=\"x y\"  "), ["a|1", "b|-", "c|x y"]);
        assert_eq!(words("\"d=p q\" e="), ["d|p q", "e|"]);
        assert_eq!(words("f=a=b g=\"q\"r"), ["f|a=b", "g|q\"r"]);
        assert_eq!(words("  "), Vec::<String>::new());
        assert_eq!(words("h=x\"y z\""), ["h|x\"y z\""]);
        assert_eq!(words("= == =1 ==2"), ["=|-", "=|", "=1|-", "=|2"]);
        assert_eq!(words("\"a\"=1 \"b\"=\"1\""), ["a\"|1", "b\"|1"]);
        assert_eq!(words("\""), ["|-"]);
        assert_eq!(words("\"\" \"\"\""), ["|-", "\"|-"]);
        assert_eq!(words("a=\" x"), ["a| x"]);
        assert_eq!(words("a=\""), ["a|"]);
        assert_eq!(words("\" a=1"), [" a|1"]);
        assert_eq!(words("\"a=\"b c\""), ["a|b", "c\"|-"]);
        assert_eq!(words("\"a=\"\""), ["a|"]);
        assert_eq!(words("\"a=\" b=1"), ["a|", "b|1"]);
    }

    #[test]
    fn dashes_and_underscores_are_the_same() {
        assert!(same_name(b"a-b_c", b"a_b-c"));
        assert!(!same_name(b"a", b"ab"));
    }
}
