//! Lines into configuration: modprobe.d files and the kernel's command line.

use super::{Complaint, Config, Forbidden, SoftDependency, Text};
use crate::lines::wrapped;
use crate::name::alias_name;

impl Config {
    /// Adds what the text of a file says.
    pub fn parse(&mut self, text: &[u8]) -> Vec<Complaint> {
        let mut complaints = Vec::new();
        for (line, number) in wrapped(text) {
            // Only a comment that begins the line is one.
            if line.first() == Some(&b'#') {
                continue;
            }
            let (command, rest) = word(&line);
            if command.is_empty() || self.command(command, rest).is_some() {
                continue;
            }
            let command = command.to_vec();
            complaints.push(match command.as_slice() {
                b"include" | b"config" => Complaint::Deprecated { command },
                _ => Complaint::BadLine { line: number, command },
            });
        }
        complaints
    }

    /// Adds what a command says; `None` if it is none, or lacks words.
    fn command(&mut self, command: &[u8], rest: &[u8]) -> Option<()> {
        let (first, after) = word(rest);
        let first_name = |first: &[u8]| if first.is_empty() { None } else { alias_name(first) };
        // What follows the separator, all of it.
        let tail = || Some(after.get(1..)?.to_vec()).filter(|tail| !tail.is_empty());
        match command {
            b"alias" => {
                let module = word(after).0;
                self.aliases.push((first_name(first)?, first_name(module)?));
            }
            b"blacklist" => self.blacklist.push(first_name(first)?),
            b"options" => self.options.push((first_name(first)?, spaced(tail()?))),
            b"install" => self.install.push((first_name(first)?, tail()?)),
            b"remove" => self.remove.push((first_name(first)?, tail()?)),
            b"softdep" => self.soft.push(soft_dependency(first_name(first)?, &tail()?)),
            b"forbid" => {
                let reason = after.get(1..).unwrap_or_default().trim_ascii().to_vec();
                self.forbidden.push(Forbidden { pattern: first_name(first)?, reason });
            }
            b"weakdep" => self.weak.push((first_name(first)?, words(&tail()?))),
            _ => return None,
        }
        Some(())
    }

    /// Adds what the kernel's command line says: `module.parameter=value`, `modprobe.blacklist=a,b` and
    /// `modprobe.forbid=a,b`. Gives the words whose module's name has brackets that do not pair.
    pub fn parse_command_line(&mut self, text: &[u8]) -> Vec<Text> {
        let mut bad = Vec::new();
        for word in command_line_words(text) {
            let Some((module, parameter)) = parameter(&word) else { continue };
            let list = |name: &[u8]| {
                let list = parameter.strip_prefix(name).filter(|_| module == b"modprobe")?;
                Some(list.split(|byte| *byte == b',').map(<[u8]>::to_vec))
            };
            if let Some(names) = list(b"blacklist=") {
                self.blacklist.extend(names);
            } else if let Some(names) = list(b"forbid=") {
                let reason = b"the kernel's command line".to_vec();
                self.forbidden.extend(names.map(|pattern| Forbidden { pattern, reason: reason.clone() }));
            } else if let Some(name) = alias_name(module) {
                self.options.push((name, parameter));
            } else {
                bad.push(module.to_vec());
            }
        }
        bad
    }
}

/// The words of the kernel's command line: blanks between quotes belong to a word.
fn command_line_words(text: &[u8]) -> Vec<Text> {
    let (mut words, mut word, mut quoted) = (Vec::new(), Vec::new(), false);
    for byte in text.split(|byte| *byte == 0).next().unwrap_or_default() {
        quoted ^= *byte == b'"';
        // What isspace(3) takes; a quote that began before the value makes the word none.
        match byte {
            b' ' | b'\n' | b'\t' | 0x0b | 0x0c | b'\r' if !(quoted && word.contains(&b'=')) => {
                words.push(std::mem::take(&mut word));
            }
            byte => word.push(*byte),
        }
    }
    words.push(word);
    words
}

/// Module and parameter of a word; `None` if it is of another form.
fn parameter(word: &[u8]) -> Option<(&[u8], Text)> {
    // Some boot loaders write "module.parameter=a b" for module.parameter="a b".
    let (quote, word) = word.strip_prefix(b"\"").map_or((false, word), |rest| (true, rest));
    let mark = word.iter().position(|byte| matches!(byte, b'.' | b'=' | b'"'))?;
    let (module, [b'.', rest @ ..]) = word.split_at_checked(mark)? else { return None };
    let equals = rest.iter().position(|byte| *byte == b'=');
    let name = rest.get(..equals.unwrap_or(rest.len()))?;
    if name.iter().any(|byte| matches!(byte, b'.' | b'"')) {
        return None;
    }
    match equals.filter(|_| quote) {
        Some(at) => {
            let (name, value) = rest.split_at_checked(at + 1)?;
            Some((module, [name, b"\"", value].concat()))
        }
        None => Some((module, rest.to_vec())),
    }
}

/// The first word of a text, and what follows it, the separator included.
fn word(text: &[u8]) -> (&[u8], &[u8]) {
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let start = text.iter().position(|byte| !blank(byte)).unwrap_or(text.len());
    let text = text.get(start..).unwrap_or_default();
    text.split_at(text.iter().position(blank).unwrap_or(text.len()))
}

fn spaced(mut text: Text) -> Text {
    text.iter_mut().filter(|byte| **byte == b'\t').for_each(|byte| *byte = b' ');
    text
}

fn words(text: &[u8]) -> Vec<Text> {
    text.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).map(<[u8]>::to_vec).collect()
}

fn soft_dependency(module: Text, text: &[u8]) -> SoftDependency {
    let mut dependency = SoftDependency { module, ..SoftDependency::default() };
    let mut list = None;
    for word in words(text) {
        match (word.as_slice(), list) {
            (b"pre:", _) => list = Some(true),
            (b"post:", _) => list = Some(false),
            (_, Some(true)) => dependency.pre.push(word),
            (_, Some(false)) => dependency.post.push(word),
            (_, None) => {}
        }
    }
    dependency
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(a: &str, b: &str) -> (Text, Text) {
        (a.into(), b.into())
    }

    #[test]
    fn every_command_is_read() {
        let text = b"alias a-b c-d extra\nblacklist x-y z\noptions  m-n   a=1\tb=2 \\\n  c=3\n\tsoftdep s-s pre: a  b post: c\n\
            install i-i  /bin/x  $CMDLINE_OPTS\nremove r c\nweakdep w a b\n# no\n\nalias [a-b]-c m\n";
        let mut config = Config::default();
        assert_eq!(config.parse(text), []);
        assert_eq!(config.aliases, [pair("a_b", "c_d"), pair("[a-b]_c", "m")]);
        assert_eq!(config.blacklist, [b"x_y".to_vec()]);
        assert_eq!(config.options, [pair("m_n", "  a=1 b=2   c=3")]);
        assert_eq!(config.install, [pair("i_i", " /bin/x  $CMDLINE_OPTS")]);
        assert_eq!((config.remove, config.weak.len()), (vec![pair("r", "c")], 1));
        let [soft] = config.soft.as_slice() else { panic!() };
        assert_eq!((soft.pre.len(), soft.post.as_slice()), (2, &[b"c".to_vec()][..]));
    }

    #[test]
    fn wrong_lines_are_named_and_left_out() {
        let mut config = Config::default();
        let text = b"include x\nalias only\n #no comment\nalias x[ y\noptions m\n\nblacklist \\\n\\\n";
        let bad = |line, command: &[u8]| Complaint::BadLine { line, command: command.to_vec() };
        let want = [
            Complaint::Deprecated { command: b"include".to_vec() },
            bad(2, b"alias"),
            bad(3, b"#no"),
            bad(4, b"alias"),
            bad(5, b"options"),
            bad(9, b"blacklist"),
        ];
        assert_eq!(config.parse(text), want);
        assert_eq!(config, Config::default());
    }

    #[test]
    fn the_command_line_has_options_and_blacklists() {
        let mut config = Config::default();
        let line =
            b"quiet a-b.c=1 root=/dev/x.y=z modprobe.blacklist=p-q,r x.flag e.f.g=h v.w=1.5 q.r=\"a b\" a]b.c=d \
            \"s.t=u v\" modprobe.forbid=no\nz.z=1\n";
        assert_eq!(config.parse_command_line(line), [b"a]b".to_vec()]);
        assert_eq!(config.blacklist, [b"p-q".to_vec(), b"r".to_vec()]);
        assert_eq!(config.forbidden.len(), 1);
        let quoted = [pair("q", "r=\"a b\""), pair("s", "t=\"u v\"")];
        let plain = [pair("a_b", "c=1"), pair("x", "flag"), pair("v", "w=1.5")];
        assert_eq!(config.options, [&plain[..], &quoted, &[pair("z", "z=1")]].concat());
    }
}
