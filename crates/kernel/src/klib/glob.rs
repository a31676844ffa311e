//! Shell patterns. Counterpart: lib/glob.c.

use kabi::{KStr, exports, kexport};

exports![glob_match];

/// The length of the class at the start of `pattern` (behind its bracket), and whether it has `c`; `None` if it never
/// ends: then the bracket is an ordinary character.
fn class(pattern: &[u8], c: u8) -> Option<(usize, bool)> {
    let inverted = pattern.first() == Some(&b'!');
    let mut at = usize::from(inverted);
    let first = at;
    let mut found = false;
    loop {
        let low = *pattern.get(at)?;
        // A closing bracket ends the class unless it comes first.
        if low == b']' && at > first {
            return Some((at + 1, found != inverted));
        }
        let high = match pattern.get(at + 1..) {
            Some([b'-', high, ..]) if *high != b']' => {
                at += 2;
                *high
            }
            Some([b'-']) => return None,
            _ => low,
        };
        found |= (low..=high).contains(&c);
        at += 1;
    }
}

/// Whether the whole string fits. One place to go back to, the last star, is enough, as a star stands for anything.
fn fits(pattern: &[u8], s: &[u8]) -> bool {
    let (mut p, mut at) = (0, 0);
    let mut back: Option<(usize, usize)> = None;
    loop {
        let c = s.get(at).copied();
        let step = match (pattern.get(p), c) {
            (Some(b'*'), _) => {
                back = Some((p + 1, at));
                p += 1;
                continue;
            }
            (None, None) => return true,
            (Some(b'?'), Some(_)) => Some(1),
            (Some(b'['), Some(c)) => match class(&pattern[p + 1..], c) {
                Some((len, true)) => Some(1 + len),
                Some((_, false)) => None,
                None => (c == b'[').then_some(1),
            },
            (Some(b'\\'), Some(c)) => (pattern.get(p + 1) == Some(&c)).then_some(2),
            (Some(d), Some(c)) => (*d == c).then_some(1),
            _ => None,
        };
        match (step, &mut back) {
            (Some(len), _) => (p, at) = (p + len, at + 1),
            (None, Some((star, start))) if *start < s.len() => {
                *start += 1;
                (p, at) = (*star, *start);
            }
            _ => return false,
        }
    }
}

/// True if a string fits a pattern with `?`, `*`, `[a-z]`, `[!a]` and `\`.
///
/// DIFFERS: `[!a]` does not fit the end of the string, which Linux compares like a character.
#[kexport(since = "3.17", header = "linux/glob.h")]
fn glob_match(pattern: KStr, s: KStr) -> bool {
    fits(pattern.as_bytes(), s.as_bytes())
}

#[test]
fn patterns_are_those_of_the_shell() {
    for (pattern, s, want) in [
        ("", "", true),
        ("*", "", true),
        ("a*b*c", "aXbYbc", true),
        ("[a-c]x", "bx", true),
        ("[!a-c]x", "bx", false),
        ("[]]", "]", true),
        ("[", "[", true),
        ("[a-", "[", false),
        ("\\*", "*", true),
        ("\\*", "a", false),
        ("*\\?", "ab?", true),
        ("a?", "a", false),
    ] {
        assert_eq!(fits(pattern.as_bytes(), s.as_bytes()), want, "{pattern} {s}");
    }
}
