//! What switches debug messages: `func foo file bar.c +p`. Counterpart: `ddebug_exec_queries` of lib/dynamic_debug.c.
//!
//! Pure text work; what a query does to messages stands in [`super`].

use crate::module::args::{is_space, skip_spaces};

/// More words than this are no query.
const MAX_WORDS: usize = 9;
/// The flags by their letters.
pub(super) const LETTERS: [(u8, u32); 7] =
    [(b'p', 1), (b'm', 1 << 1), (b'f', 1 << 2), (b's', 1 << 5), (b'l', 1 << 3), (b't', 1 << 4), (b'_', 0)];

/// How a query changes flags: what stays, and what is added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) mask: u32,
    pub(super) flags: u32,
}

/// Which messages a query means, and what becomes of them.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Query {
    pub(super) module: Option<Vec<u8>>,
    pub(super) function: Option<Vec<u8>>,
    pub(super) file: Option<Vec<u8>>,
    pub(super) format: Option<Vec<u8>>,
    pub(super) class: Option<Vec<u8>>,
    /// First and last line; 0 where it does not matter.
    pub(super) lines: (u32, u32),
    pub(super) change: Change,
}

/// The lines that the log gets when a query is not understood.
type Complaints = Vec<Vec<u8>>;

fn complain<T>(parts: &[&[u8]]) -> Result<T, Complaints> {
    Err(vec![parts.concat()])
}

/// The queries of a text, which `;` and line ends separate; comments and empty ones are left out.
pub(super) fn split(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|b| matches!(b, b';' | b'\n')).map(skip_spaces).filter(|q| !q.is_empty() && q[0] != b'#')
}

/// Words between blanks or in quotes.
fn words(mut text: &[u8]) -> Result<Vec<&[u8]>, Complaints> {
    let mut out = Vec::new();
    loop {
        text = skip_spaces(text);
        let Some(first) = text.first().copied().filter(|b| *b != b'#') else { return Ok(out) };
        let quoted = matches!(first, b'"' | b'\'');
        let body = if quoted { &text[1..] } else { text };
        let end = body.iter().position(|b| if quoted { *b == first } else { is_space(*b) });
        if quoted && end.is_none() {
            return complain(&[b"unclosed quote: ", body]);
        }
        if out.len() == MAX_WORDS {
            return complain(&[format!("too many words, legal max <={MAX_WORDS}").as_bytes()]);
        }
        let end = end.unwrap_or(body.len());
        out.push(&body[..end]);
        text = body.get(end + 1..).unwrap_or_default();
    }
}

fn change(text: &[u8], known: &[(u8, u32)]) -> Result<Change, Complaints> {
    let (op, letters) = match text.split_first() {
        Some((op @ (b'+' | b'-' | b'='), letters)) => (*op, letters),
        _ => return complain(&[b"bad flag-op ", text.get(..1).unwrap_or_default(), b", at start of ", text]),
    };
    let mut flags = 0;
    for letter in letters {
        match known.iter().find(|(l, _)| l == letter) {
            Some((_, flag)) => flags |= flag,
            None => return complain(&[b"unknown flag '", &[*letter], b"'"]),
        }
    }
    Ok(match op {
        b'=' => Change { mask: 0, flags },
        b'+' => Change { mask: !0, flags },
        _ => Change { mask: !flags, flags: 0 },
    })
}

fn line_number(text: &[u8]) -> Result<u32, Complaints> {
    if text.is_empty() {
        return Ok(0);
    }
    let number = crate::klib::kstrtox::parse_unsigned(text, 10).ok().and_then(|n| u32::try_from(n).ok());
    number.ok_or_else(|| vec![[b"bad line-number: ", text].concat()])
}

fn lines(text: &[u8]) -> Result<(u32, u32), Complaints> {
    let Some(dash) = text.iter().position(|b| *b == b'-') else {
        let only = line_number(text)?;
        return Ok((only, only));
    };
    let first = line_number(&text[..dash])?;
    let last = match line_number(&text[dash + 1..])? {
        0 => u32::MAX,
        last => last,
    };
    if last < first {
        return complain(&[format!("last-line:{last} < 1st-line:{first}").as_bytes()]);
    }
    Ok((first, last))
}

/// `\n`, `\040`, `\"` and their like, as a format in a query may have them.
fn unescape(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some((byte, after)) = rest.split_first() {
        let octal = after.iter().take(3).take_while(|b| (b'0'..=b'7').contains(*b)).count();
        let (byte, used) = match (*byte, after.first()) {
            (b'\\', Some(_)) if octal > 0 => {
                (after[..octal].iter().fold(0u32, |n, b| n * 8 + u32::from(b - b'0')) as u8, octal)
            }
            (b'\\', Some(escape)) => match b"nrtvfae\\\"".iter().position(|b| b == escape) {
                Some(at) => (b"\n\r\t\x0b\x0c\x07\x1b\\\""[at], 1),
                None => (b'\\', 0),
            },
            (byte, _) => (byte, 0),
        };
        out.push(byte);
        rest = &after[used..];
    }
    out
}

fn set(slot: &mut Option<Vec<u8>>, name: &[u8], value: &[u8]) -> Result<(), Complaints> {
    match slot.replace(value.to_vec()) {
        None => Ok(()),
        Some(old) => complain(&[b"match-spec:", name, b" val:", &old, b" overridden by ", value]),
    }
}

impl Query {
    /// Reads one query. `module` is meant when it names none; `known` are the flags of the kernel.
    ///
    /// # Errors
    /// What the log shall say, without the prefix.
    pub(super) fn parse(text: &[u8], module: Option<&[u8]>, known: &[(u8, u32)]) -> Result<Self, Complaints> {
        let because = |what: &'static [u8]| {
            move |mut complaints: Complaints| {
                complaints.push(what.to_vec());
                complaints
            }
        };
        let words = words(text).map_err(because(b"tokenize failed"))?;
        let Some((flags, specs)) = words.split_last() else { return complain(&[b"tokenize failed"]) };
        let change = change(flags, known).map_err(because(b"flags parse failed"))?;
        let mut query =
            Self { module: None, function: None, file: None, format: None, class: None, lines: (0, 0), change };
        query.specs(specs).map_err(because(b"query parse failed"))?;
        query.module = query.module.or_else(|| module.map(<[u8]>::to_vec));
        Ok(query)
    }

    fn specs(&mut self, words: &[&[u8]]) -> Result<(), Complaints> {
        if !words.len().is_multiple_of(2) {
            return complain(&[b"expecting pairs of match-spec <value>"]);
        }
        for pair in words.chunks_exact(2) {
            let (keyword, value) = (pair[0], pair[1]);
            match keyword {
                b"func" => set(&mut self.function, keyword, value)?,
                b"file" => self.file(value)?,
                b"module" => set(&mut self.module, keyword, value)?,
                b"format" => set(&mut self.format, keyword, &unescape(value))?,
                b"line" => self.range(value)?,
                b"class" => set(&mut self.class, keyword, value)?,
                _ => return complain(&[b"unknown keyword \"", keyword, b"\""]),
            }
        }
        Ok(())
    }

    /// `file NAME`, with a function or lines behind a colon.
    fn file(&mut self, value: &[u8]) -> Result<(), Complaints> {
        let Some(colon) = value.iter().position(|b| *b == b':') else { return set(&mut self.file, b"file", value) };
        set(&mut self.file, b"file", &value[..colon])?;
        let tail = &value[colon + 1..];
        if tail.first().is_some_and(|b| b.is_ascii_alphabetic() || matches!(b, b'*' | b'?')) {
            return set(&mut self.function, b"func", tail);
        }
        self.range(tail)
    }

    fn range(&mut self, value: &[u8]) -> Result<(), Complaints> {
        if self.lines != (0, 0) {
            return complain(&[b"match-spec: line used 2x"]);
        }
        self.lines = lines(value)?;
        Ok(())
    }
}

/// `match_wildcard` of lib/parser.c: `*` and `?`.
pub(super) fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p + 1, t));
                p += 1;
            }
            Some(c) if *c == b'?' || *c == text[t] => (p, t) = (p + 1, t + 1),
            _ => match star {
                Some((after, from)) => {
                    (p, t) = (after, from + 1);
                    star = Some((after, from + 1));
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|b| *b == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Query, String> {
        Query::parse(text.as_bytes(), Some(b"me"), &LETTERS).map_err(|lines| {
            lines.iter().map(|l| String::from_utf8_lossy(l).into_owned()).collect::<Vec<_>>().join("|")
        })
    }

    #[test]
    fn queries_name_messages_and_flags() {
        let q = parse("func foo file 'a b.c:10-' format \"x\\040\\n\" +pf").unwrap();
        assert_eq!((q.function.as_deref(), q.file.as_deref()), (Some(&b"foo"[..]), Some(&b"a b.c"[..])));
        assert_eq!((q.format.as_deref(), q.lines), (Some(&b"x \n"[..]), (10, u32::MAX)));
        assert_eq!((q.module.as_deref(), q.change), (Some(&b"me"[..]), Change { mask: !0, flags: 5 }));
        assert_eq!(parse("module other =_").unwrap().module.as_deref(), Some(&b"other"[..]));
        assert_eq!(parse("file a.c:f* -p").unwrap().function.as_deref(), Some(&b"f*"[..]));
        assert_eq!(parse("-p").unwrap().change, Change { mask: !1, flags: 0 });
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, want) in [
            ("bad", "bad flag-op b, at start of bad|flags parse failed"),
            ("+x", "unknown flag 'x'|flags parse failed"),
            ("func +p", "expecting pairs of match-spec <value>|query parse failed"),
            ("colour red +p", "unknown keyword \"colour\"|query parse failed"),
            ("func a func b +p", "match-spec:func val:a overridden by b|query parse failed"),
            ("line 5-3 +p", "last-line:3 < 1st-line:5|query parse failed"),
            ("line x +p", "bad line-number: x|query parse failed"),
            ("func 'a +p", "unclosed quote: a +p|tokenize failed"),
            ("1 2 3 4 5 6 7 8 9 10", "too many words, legal max <=9|tokenize failed"),
        ] {
            assert_eq!(parse(text).unwrap_err(), want, "{text}");
        }
        assert_eq!(split(b"a; # no\n ;\nb").collect::<Vec<_>>(), [b"a", b"b"]);
    }

    #[test]
    fn wildcards_match() {
        for (pattern, text, want) in [
            ("f*", "first", true),
            ("*t", "first", true),
            ("f?rst", "first", true),
            ("f*s*", "first", true),
            ("", "", true),
            ("**", "", true),
            ("f", "first", false),
            ("*x", "first", false),
            ("?", "", false),
        ] {
            assert_eq!(matches(pattern.as_bytes(), text.as_bytes()), want, "{pattern} {text}");
        }
    }
}
