//! The configuration as `modprobe -c` shows it (kmod's `show_config` of `tools/modprobe.c`).

use super::{Config, Text};

impl Config {
    /// All lines: a command, a module or pattern, and what is said of it.
    pub fn show(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let mut line = |parts: &[&[u8]]| {
            out.extend(parts.join(&b' '));
            out.push(b'\n');
        };
        self.blacklist.iter().for_each(|module| line(&[b"blacklist", module]));
        self.install.iter().for_each(|(module, command)| line(&[b"install", module, command]));
        self.remove.iter().for_each(|(module, command)| line(&[b"remove", module, command]));
        self.aliases.iter().for_each(|(alias, module)| line(&[b"alias", alias, module]));
        self.options.iter().for_each(|(module, options)| line(&[b"options", module, options]));
        for soft in &self.soft {
            // Between the two lists kmod writes no space. DIFFERS: where `pre:` comes again after `post:`, kmod 30 also
            // shows the latter's modules among the former.
            line(&[b"softdep", &soft.module, &[list(b"pre:", &soft.pre), list(b"post:", &soft.post)].concat()]);
        }
        self.weak.iter().for_each(|(module, others)| line(&[b"weakdep", module, &others.join(&b' ')]));
        self.forbidden.iter().for_each(|row| match row.reason.as_slice() {
            b"" => line(&[b"forbid", &row.pattern]),
            reason => line(&[b"forbid", &row.pattern, reason]),
        });
        out
    }
}

fn list(label: &[u8], modules: &[Text]) -> Vec<u8> {
    let words: Vec<&[u8]> = std::iter::once(label).chain(modules.iter().map(Vec::as_slice)).collect();
    if modules.is_empty() { Vec::new() } else { words.join(&b' ') }
}

#[test]
fn lines_come_by_kind() {
    let mut config = Config::default();
    config.parse(b"softdep s pre: a b post: c\nsoftdep t\t-\noptions o  x=1\nblacklist b\n");
    assert_eq!(config.show(), b"blacklist b\noptions o  x=1\nsoftdep s pre: a bpost: c\nsoftdep t \n");
}
