//! Takes out of an output what differs from run to run: time stamps, addresses, process
//! numbers, offsets and sizes of code, directories of sources.
//!
//! The rules are those of `acceptance/normalise.py`, in the same order; a test runs both
//! on the same inputs. Change both together.

use fancy_regex::Regex;
use std::borrow::Cow;
use std::sync::LazyLock;

/// Pattern and replacement, applied to each line one after the other.
const RULES: &[(&str, &str)] = &[
    (r"\r$", ""),
    // the build of the kernel's version
    (r"\b6\.1\.0-\d+-amd64\b", "KVER"),
    (r"\b6\.2\.0-\d+-amd64\b", "OTHERKVER"),
    (r"\b6\.12\.\d+\+deb12-amd64\b", "KVER"),
    // the log's time, also after a raw <level> or a decoded "kern  :info  : "
    (r"^((?:<\d+>)|(?:\w+ *:\w+ *: ))?\[ *\d+\.\d{6}\] ", "$1"),
    // symbol+offset/size: offset 0 stays, it means something
    (r"\+0x0/0x[0-9a-f]+", "+0x0/SIZE"),
    (r"\+0x[1-9a-f][0-9a-f]*/0x[0-9a-f]+", "+OFF/SIZE"),
    // compilers differ in which copies of functions they make
    (r"(?<=\w)\.(?:constprop|isra|part|cold)\.?\d*(?=\+|\b)", ""),
    // hashed or real pointers printed bare (0x-prefixed numbers stay)
    (r"(?<![0-9a-zA-Z_])(?!0{16})[0-9a-f]{16}(?![0-9a-zA-Z_])", "ADDR"),
    (r"\b0xffff[0-9a-f]{12}\b", "ADDR"),
    // heads of oopses and warnings
    (r"\bCPU: \d+", "CPU: N"),
    (r"\bPID: \d+", "PID: N"),
    (r"\bpid: ?\d+", "pid: N"),
    (r"\bat /?(?:[\w.+-]+/)*([\w-]+\.[ch]):\d+", "at $1:LINE"),
    (r"\bAt /?(?:[\w.+-]+/)*([\w-]+\.[ch]):\d+", "At $1:LINE"),
    (r" (?:P?NO|)PTI$", " PTI"),
];

/// Lines with kmod's own source position are left out.
const DROPPED: &str = r"ERROR: \.\./libkmod/\S+:\d+ ";

struct Rules {
    replace: Vec<(Regex, &'static str)>,
    dropped: Regex,
}

static COMPILED: LazyLock<Rules> = LazyLock::new(|| {
    let compile = |p: &str| Regex::new(p).expect("the rules are constants that a test compiles");
    Rules { replace: RULES.iter().map(|(p, r)| (compile(p), *r)).collect(), dropped: compile(DROPPED) }
});

/// Normalises an output; bytes that are not UTF-8 become U+FFFD. The result has no blank
/// lines at its end and one newline after the last line.
pub fn normalise(output: &[u8]) -> String {
    let text = String::from_utf8_lossy(output);
    let mut lines: Vec<String> = text.split('\n').filter_map(line).collect();
    while lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    let mut out = lines.join("\n");
    out.push('\n');
    out
}

/// A match can fail on a line that needs too much backtracking; the line then stays as it is.
fn line(line: &str) -> Option<String> {
    if COMPILED.dropped.is_match(line).unwrap_or(false) {
        return None;
    }
    let mut line = Cow::Borrowed(line);
    for (pattern, replacement) in &COMPILED.replace {
        if let Ok(Cow::Owned(new)) = pattern.try_replacen(&line, 0, *replacement) {
            line = Cow::Owned(new);
        }
    }
    Some(line.trim_end_matches(is_blank).to_owned())
}

/// What Python's `str.rstrip` takes away: white space and the four separators.
fn is_blank(c: char) -> bool {
    c.is_whitespace() || ('\x1c'..='\x1f').contains(&c)
}

#[cfg(test)]
mod tests {
    use super::normalise;

    #[test]
    fn each_rule() {
        for (input, want) in [
            ("[    3.141592] hello  \r", "hello\n"),
            ("<6>[   13.141592] hello", "<6>hello\n"),
            ("kern  :info  : [    3.141592] x", "kern  :info  : x\n"),
            ("6.1.0-56-amd64 6.12.117+deb12-amd64 6.2.0-1-amd64", "KVER KVER OTHERKVER\n"),
            ("f+0x0/0x10 g+0x12/0x3f [m]", "f+0x0/SIZE g+OFF/SIZE [m]\n"),
            ("f.constprop.0+0x1/0x2 g.isra.12 h.cold", "f+OFF/SIZE g h\n"),
            ("ffff888012345678 0000000000000000 0x0000000000012345", "ADDR 0000000000000000 0x0000000000012345\n"),
            ("0xffff888012345678 xffff888012345678", "ADDR xffff888012345678\n"),
            ("CPU: 1 PID: 77 pid: 8", "CPU: N PID: N pid: N\n"),
            ("kernel BUG at /tmp/a b/x.c:7!", "kernel BUG at /tmp/a b/x.c:7!\n"),
            ("kernel BUG at /tmp/a-b/x.c:7!", "kernel BUG at x.c:LINE!\n"),
            ("Oops: 0002 [#1] SMP NOPTI", "Oops: 0002 [#1] SMP PTI\n"),
            ("libkmod: ERROR: ../libkmod/libkmod.c:1 x: y\nkept\n\n\n", "kept\n"),
            ("", "\n"),
        ] {
            assert_eq!(normalise(input.as_bytes()), want, "{input:?}");
        }
    }
}
