//! Wildcards as `fnmatch(3)` takes them, without flags and in the C locale: `*`, `?`, `[a-z]`, `[!x]`, `\x`.
//!
//! libkmod matches aliases with it (`libkmod/libkmod-index.c`, `libkmod/libkmod-config.c`). DIFFERS: collating symbols
//! and equivalence classes (`[[.x.]]`, `[[=x=]]`) stand for nothing but the one character in them.

/// Whether all of `text` matches `pattern`.
pub fn matches(pattern: &[u8], text: &[u8]) -> bool {
    matches_up_to(pattern, text, false)
}

/// Whether a beginning of `text` matches `pattern`: if not, no pattern that begins so matches all of it. `pattern` ends
/// between two elements, not inside of `[a-z]` or `\x`.
pub fn begins(pattern: &[u8], text: &[u8]) -> bool {
    matches_up_to(pattern, text, true)
}

/// [`matches()`], where with `open` something may follow in the text.
fn matches_up_to(pattern: &[u8], text: &[u8], open: bool) -> bool {
    let (mut pattern, mut text) = (pattern, text);
    // Where to go on when what follows the last `*` does not match: one more byte goes to that `*`.
    let mut retry: Option<(&[u8], &[u8])> = None;
    loop {
        if let [b'*', rest @ ..] = pattern {
            pattern = rest;
            retry = Some((rest, text));
            continue;
        }
        let step = match (pattern, text) {
            ([], []) => return true,
            ([], _) if open => return true,
            (_, []) | ([], _) => None,
            (_, [byte, after @ ..]) => one(pattern, *byte).map(|rest| (rest, after)),
        };
        match (step, retry) {
            (Some((rest, after)), _) => (pattern, text) = (rest, after),
            (None, Some((again, [_, after @ ..]))) => {
                retry = Some((again, after));
                (pattern, text) = (again, after);
            }
            (None, _) => return false,
        }
    }
}

/// Whether a pattern has a character that does not stand for itself.
pub fn is_pattern(text: &[u8]) -> bool {
    text.iter().any(|byte| matches!(byte, b'*' | b'?' | b'['))
}

/// The rest of the pattern after the element that matches `byte`; `None` if that does not.
fn one(pattern: &[u8], byte: u8) -> Option<&[u8]> {
    match pattern {
        [b'?', rest @ ..] => Some(rest),
        [b'\\', literal, rest @ ..] => (*literal == byte).then_some(rest),
        [b'\\'] => None,
        [b'[', inside @ ..] => match bracket(inside, byte) {
            Some((true, rest)) => Some(rest),
            Some((false, _)) => None,
            // Without its end it is no bracket expression.
            None => (byte == b'[').then_some(inside),
        },
        [literal, rest @ ..] => (*literal == byte).then_some(rest),
        [] => None,
    }
}

/// Whether `byte` is in the bracket expression, and what follows it; `None` if it does not end.
fn bracket(inside: &[u8], byte: u8) -> Option<(bool, &[u8])> {
    let (negated, mut rest) = match inside {
        [b'!' | b'^', rest @ ..] => (true, rest),
        _ => (false, inside),
    };
    let mut found = false;
    let mut first = true;
    loop {
        match rest {
            [] => return None,
            [b']', after @ ..] if !first => return Some((found != negated, after)),
            [b'[', b':', after @ ..] if class(after).is_some() => {
                let (name, after) = class(after)?;
                found |= in_class(name, byte);
                rest = after;
            }
            _ => {
                let (low, after) = member(rest)?;
                let (high, after) = match after {
                    [b'-', next, ..] if *next != b']' => member(after.get(1..)?)?,
                    _ => (low, after),
                };
                found |= (low..=high).contains(&byte);
                rest = after;
            }
        }
        first = false;
    }
}

/// One character of a bracket expression, perhaps quoted.
fn member(rest: &[u8]) -> Option<(u8, &[u8])> {
    match rest {
        [b'\\', literal, after @ ..] => Some((*literal, after)),
        [b'[', b'.', literal, b'.', b']', after @ ..] | [b'[', b'=', literal, b'=', b']', after @ ..] => {
            Some((*literal, after))
        }
        [literal, after @ ..] => Some((*literal, after)),
        [] => None,
    }
}

/// The name of a class up to its `:]`.
fn class(rest: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = rest.windows(2).position(|pair| pair == b":]")?;
    let (name, after) = rest.split_at_checked(end)?;
    name.iter().all(u8::is_ascii_lowercase).then_some((name, after.get(2..)?))
}

fn in_class(name: &[u8], byte: u8) -> bool {
    match name {
        b"alpha" => byte.is_ascii_alphabetic(),
        b"digit" => byte.is_ascii_digit(),
        b"alnum" => byte.is_ascii_alphanumeric(),
        b"upper" => byte.is_ascii_uppercase(),
        b"lower" => byte.is_ascii_lowercase(),
        b"space" => byte.is_ascii_whitespace() || byte == 0x0b,
        b"blank" => byte == b' ' || byte == b'\t',
        b"punct" => byte.is_ascii_punctuation(),
        b"print" => byte.is_ascii_graphic() || byte == b' ',
        b"graph" => byte.is_ascii_graphic(),
        b"cntrl" => byte.is_ascii_control(),
        b"xdigit" => byte.is_ascii_hexdigit(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_fnmatch_says() {
        for (pattern, text, want) in [
            ("", "", true),
            ("a", "", false),
            ("*", "", true),
            ("a*b*c", "aXbYbZc", true),
            ("a*b*c", "aXbYbZ", false),
            ("pci:v00008086d*sv*sd*bc03sc*i*", "pci:v00008086d00001234sv00001AF4sd0bc03sc00i00", true),
            ("?", "", false),
            ("?x", "ax", true),
            ("[a-c]x", "bx", true),
            ("[!a-c]x", "bx", false),
            ("[^a-c]x", "dx", true),
            ("[]]x", "]x", true),
            ("[a-]", "-", true),
            ("[z-a]", "m", false),
            ("[abc", "[abc", true),
            ("[abc", "a", false),
            ("[[:digit:]]*", "7abc", true),
            ("[[:nope:]]", "n", false),
            ("\\*", "*", true),
            ("\\*", "x", false),
            ("a\\", "a\\", false),
            ("[\\]]", "]", true),
            ("a**", "a", true),
        ] {
            assert_eq!(matches(pattern.as_bytes(), text.as_bytes()), want, "{pattern} {text}");
        }
    }

    #[test]
    fn many_stars_take_no_exponential_time() {
        let pattern = b"*a".repeat(40);
        assert!(!matches(&pattern, &b"a".repeat(39)));
        assert!(!matches(&[&pattern[..], b"b"].concat(), &b"a".repeat(5000)));
    }
}
