//! Command lines as the C library's `getopt_long(3)` reads them.
//!
//! The tools that scripts know (kmod's, util-linux's) answer a wrong option with the C library's words, accept any
//! unambiguous beginning of a long option, and take options after operands. No argument library does that to the byte,
//! so this one follows the manual page. lkm's own commands use `lexopt`.

use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

/// Whether an option takes an argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Arg {
    /// It takes none.
    No,
    /// It takes one, attached or as the next word.
    Required,
    /// It takes one only when attached.
    Optional,
}

/// A long option: its name, its argument, and the character it is reported as.
pub type Long = (&'static str, Arg, char);

/// The options that a tool has.
#[derive(Debug, Clone, Copy)]
pub struct Spec {
    /// The short options in the notation of `getopt(3)` (`"ab:c::"`).
    pub short: &'static str,
    /// The long options.
    pub long: &'static [Long],
}

/// What stands at the next place of the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opt {
    /// A known option, with its argument.
    Known(char, Option<OsString>),
    /// Something wrong; the message is already on standard error.
    Bad,
}

/// The state of reading one command line.
#[derive(Debug)]
pub struct Parser<'a> {
    spec: Spec,
    argv0: &'a OsStr,
    words: std::iter::Cloned<std::slice::Iter<'a, OsString>>,
    cluster: Vec<u8>,
    operands: Vec<OsString>,
    posix: bool,
}

impl<'a> Parser<'a> {
    /// Reads `words` (without the program's name, which is `argv0`).
    pub fn new(spec: Spec, argv0: &'a OsStr, words: &'a [OsString]) -> Self {
        let posix = std::env::var_os("POSIXLY_CORRECT").is_some();
        Self { spec, argv0, words: words.iter().cloned(), cluster: Vec::new(), operands: Vec::new(), posix }
    }

    /// The words that are no options, in order; call it when [`Parser::next_option`] has returned `None`.
    pub fn operands(self) -> Vec<OsString> {
        let mut all = self.operands;
        all.extend(self.words);
        all
    }

    /// The next option, or `None` at the end.
    pub fn next_option(&mut self) -> Option<Opt> {
        loop {
            if !self.cluster.is_empty() {
                return Some(self.short());
            }
            let word = self.words.next()?;
            let bytes = word.as_bytes();
            if bytes == b"--" {
                return None;
            }
            if let Some(long) = bytes.strip_prefix(b"--") {
                let long = long.to_vec();
                return Some(self.long(&long));
            }
            match bytes.strip_prefix(b"-") {
                Some(rest) if !rest.is_empty() => self.cluster = rest.to_vec(),
                _ if self.posix => {
                    self.operands.push(word);
                    return None;
                }
                _ => self.operands.push(word),
            }
        }
    }

    fn complain(&self, parts: &[&[u8]]) -> Opt {
        let mut line = self.argv0.as_bytes().to_vec();
        line.extend_from_slice(b": ");
        parts.iter().for_each(|p| line.extend_from_slice(p));
        line.push(b'\n');
        let _ = std::io::stderr().write_all(&line);
        Opt::Bad
    }

    fn short(&mut self) -> Opt {
        let letter = self.cluster.remove(0);
        let spec = self.spec.short.as_bytes();
        let found = spec.iter().position(|&c| c == letter && c != b':');
        let Some(at) = found else {
            return self.complain(&[b"invalid option -- '", &[letter], b"'"]);
        };
        let colons = spec.iter().skip(at + 1).take_while(|&&c| c == b':').count();
        if colons == 0 {
            return Opt::Known(char::from(letter), None);
        }
        let attached = std::mem::take(&mut self.cluster);
        if !attached.is_empty() || colons == 2 {
            return Opt::Known(char::from(letter), (!attached.is_empty()).then(|| OsString::from_vec(attached)));
        }
        match self.words.next() {
            Some(word) => Opt::Known(char::from(letter), Some(word)),
            None => self.complain(&[b"option requires an argument -- '", &[letter], b"'"]),
        }
    }

    fn long(&mut self, word: &[u8]) -> Opt {
        let (name, value) = match word.iter().position(|&c| c == b'=') {
            Some(at) => {
                let (name, value) = word.split_at(at);
                (name, value.get(1..).map(|v| OsString::from_vec(v.to_vec())))
            }
            None => (word, None),
        };
        let exact = self.spec.long.iter().find(|(long, ..)| long.as_bytes() == name);
        let candidates: Vec<&Long> = match exact {
            Some(one) => vec![one],
            None => self.spec.long.iter().filter(|(long, ..)| long.as_bytes().starts_with(name)).collect(),
        };
        let Some(&&(full, arg, code)) = candidates.first() else {
            return self.complain(&[b"unrecognized option '--", word, b"'"]);
        };
        if candidates.iter().any(|&&(_, other_arg, other)| other != code || other_arg != arg) {
            let mut list = Vec::new();
            for (long, ..) in candidates {
                list.extend_from_slice(format!(" '--{long}'").as_bytes());
            }
            return self.complain(&[b"option '--", word, b"' is ambiguous; possibilities:", &list]);
        }
        match (arg, value) {
            (Arg::No, Some(_)) => self.complain(&[b"option '--", full.as_bytes(), b"' doesn't allow an argument"]),
            (Arg::Required, None) => match self.words.next() {
                Some(next) => Opt::Known(code, Some(next)),
                None => self.complain(&[b"option '--", full.as_bytes(), b"' requires an argument"]),
            },
            (_, value) => Opt::Known(code, value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPEC: Spec = Spec {
        short: "ab:c::",
        long: &[
            ("alpha", Arg::No, 'a'),
            ("beta", Arg::Required, 'b'),
            ("bet-all", Arg::No, 'B'),
            ("see", Arg::Optional, 'c'),
        ],
    };

    fn read(words: &[&str]) -> (Vec<Opt>, Vec<OsString>) {
        let words: Vec<OsString> = words.iter().map(OsString::from).collect();
        let mut parser = Parser::new(SPEC, OsStr::new("t"), &words);
        let mut options = Vec::new();
        while let Some(option) = parser.next_option() {
            options.push(option);
        }
        (options, parser.operands())
    }

    fn known(code: char, value: Option<&str>) -> Opt {
        Opt::Known(code, value.map(OsString::from))
    }

    #[test]
    fn short_options_cluster_and_take_arguments() {
        let (options, operands) = read(&["-ab", "x", "op", "-cy", "-c", "-bz", "--", "-a"]);
        assert_eq!(
            options,
            [known('a', None), known('b', Some("x")), known('c', Some("y")), known('c', None), known('b', Some("z"))]
        );
        assert_eq!(operands, ["op", "-a"]);
    }

    #[test]
    fn long_options_may_be_shortened_while_unambiguous() {
        assert_eq!(
            read(&["--al", "--beta=1", "--beta", "2", "--s=", "--see"]).0,
            [known('a', None), known('b', Some("1")), known('b', Some("2")), known('c', Some("")), known('c', None)]
        );
        for bad in [&["--bet"][..], &["--alpha=1"], &["--beta"], &["--nothing"], &["-z"], &["-b"]] {
            assert_eq!(read(bad).0, [Opt::Bad], "{bad:?}");
        }
    }
}
