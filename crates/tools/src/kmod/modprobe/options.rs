//! The command line of `modprobe`, with `$MODPROBE_OPTIONS` before it.

use crate::getopt::{Arg, Long, Spec};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

/// kmod 30's options, and `--json`, `--explain` and `--instance`. The digits are kmod's own numbers for options without
/// a letter.
pub const SPEC: Spec = Spec { short: "arw:RibfDcnC:d:S:sqvVh", long: LONG };

const LONG: &[Long] = &[
    ("all", Arg::No, 'a'),
    ("remove", Arg::No, 'r'),
    ("remove-dependencies", Arg::No, '5'),
    ("remove-holders", Arg::No, '5'),
    ("wait", Arg::Required, 'w'),
    ("resolve-alias", Arg::No, 'R'),
    ("first-time", Arg::No, '3'),
    ("ignore-install", Arg::No, 'i'),
    ("ignore-remove", Arg::No, 'i'),
    ("use-blacklist", Arg::No, 'b'),
    ("force", Arg::No, 'f'),
    ("force-modversion", Arg::No, '2'),
    ("force-vermagic", Arg::No, '1'),
    ("show-depends", Arg::No, 'D'),
    ("showconfig", Arg::No, 'c'),
    ("show-config", Arg::No, 'c'),
    ("show-modversions", Arg::No, '4'),
    ("dump-modversions", Arg::No, '4'),
    ("show-exports", Arg::No, '6'),
    ("dry-run", Arg::No, 'n'),
    ("show", Arg::No, 'n'),
    ("config", Arg::Required, 'C'),
    ("dirname", Arg::Required, 'd'),
    ("set-version", Arg::Required, 'S'),
    ("syslog", Arg::No, 's'),
    ("quiet", Arg::No, 'q'),
    ("verbose", Arg::No, 'v'),
    ("version", Arg::No, 'V'),
    ("help", Arg::No, 'h'),
    ("json", Arg::No, 'J'),
    ("explain", Arg::No, 'X'),
    ("instance", Arg::Required, 'I'),
];

/// What is to be done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Task {
    /// Load; with `-a` all words.
    #[default]
    Insert,
    /// `-r`
    Remove,
    /// `-c`
    ShowConfig,
    /// `--show-modversions`
    ShowVersions,
    /// `--show-exports`
    ShowExports,
}

/// The options.
#[derive(Debug, Default)]
pub(super) struct Options {
    pub all: bool,
    pub remove: bool,
    pub remove_holders: bool,
    pub wait_ms: u64,
    pub lookup_only: bool,
    pub first_time: bool,
    pub ignore_commands: bool,
    pub use_blacklist: bool,
    pub force: bool,
    pub force_modversion: bool,
    pub force_vermagic: bool,
    pub show_depends: bool,
    pub show_config: bool,
    pub show_versions: bool,
    pub show_exports: bool,
    pub dry_run: bool,
    pub json: bool,
    pub explain: bool,
    pub config: Vec<PathBuf>,
    pub root: Option<OsString>,
    pub release: Option<OsString>,
    pub syslog: bool,
    /// How much is said: [`super::DEFAULT_LEVEL`] and up with `-v`; 0 with `-q`.
    pub level: i32,
    pub instance: Option<OsString>,
    /// `$MODPROBE_OPTIONS` of the commands that are run.
    pub for_commands: Option<OsString>,
}

impl Options {
    /// Those with what the environment says.
    pub(super) fn new() -> Self {
        let level = super::DEFAULT_LEVEL;
        Self { level, for_commands: std::env::var_os("MODPROBE_OPTIONS"), ..Self::default() }
    }

    /// Takes an option; an error says what is wrong with its argument.
    pub(super) fn take(&mut self, code: char, value: Option<OsString>) -> Result<(), String> {
        match code {
            'a' => self.all = true,
            'r' => self.remove = true,
            '5' => self.remove_holders = true,
            'w' => self.wait_ms = wait(value.unwrap_or_default().as_os_str())?,
            'R' => self.lookup_only = true,
            '3' => self.first_time = true,
            'i' => self.ignore_commands = true,
            'b' => self.use_blacklist = true,
            'f' => self.force = true,
            '2' => self.force_modversion = true,
            '1' => self.force_vermagic = true,
            'D' => (self.show_depends, self.dry_run) = (true, true),
            'c' => self.show_config = true,
            '4' => self.show_versions = true,
            '6' => self.show_exports = true,
            'n' => self.dry_run = true,
            'C' => {
                let path = value.unwrap_or_default();
                self.pass_on("-C");
                self.pass_on(&path);
                self.config.push(path.into());
            }
            'd' => self.root = value,
            'S' => self.release = value,
            's' => {
                self.pass_on("-s");
                self.syslog = true;
            }
            'q' => {
                self.pass_on("-q");
                self.level = 0;
            }
            'v' => {
                self.pass_on("-v");
                self.level = self.level.saturating_add(1);
            }
            'J' => self.json = true,
            'X' => self.explain = true,
            'I' => self.instance = value,
            _ => {}
        }
        Ok(())
    }

    /// The task; where several are asked for, kmod's order decides.
    pub(super) fn task(&self) -> Task {
        match self {
            Self { show_config: true, .. } => Task::ShowConfig,
            Self { show_versions: true, .. } => Task::ShowVersions,
            Self { show_exports: true, .. } => Task::ShowExports,
            Self { remove: true, .. } => Task::Remove,
            _ => Task::Insert,
        }
    }

    /// Gives an option to the commands that are run, too.
    fn pass_on(&mut self, word: impl AsRef<OsStr>) {
        let mut all = self.for_commands.take().unwrap_or_default();
        if !all.is_empty() {
            all.push(" ");
        }
        all.push(word);
        self.for_commands = Some(all);
    }
}

/// `strtoul(3)` of the whole word, in any base.
fn wait(word: &OsStr) -> Result<u64, String> {
    let text = word.to_string_lossy();
    let digits = text.trim_start();
    let number = match (digits.strip_prefix("0x").or(digits.strip_prefix("0X")), digits.strip_prefix('0')) {
        (Some(hex), _) => u64::from_str_radix(hex, 16),
        (None, Some(octal)) if !octal.is_empty() => u64::from_str_radix(octal, 8),
        _ => digits.parse(),
    };
    number.map_err(|_| format!("unexpected wait value '{text}'."))
}

/// The words of `$MODPROBE_OPTIONS`: blanks part them, but not between quotes.
pub(super) fn words(text: &OsStr) -> Vec<OsString> {
    let (mut all, mut word, mut quote, mut any) = (Vec::new(), Vec::new(), None, false);
    for byte in text.as_bytes() {
        match (byte, quote) {
            (b' ', None) => {
                if any {
                    all.push(OsString::from_vec(std::mem::take(&mut word)));
                }
                any = false;
            }
            (b'"' | b'\'', None) => (quote, any) = (Some(*byte), true),
            (end, Some(begin)) if *end == begin => quote = None,
            (byte, _) => {
                word.push(*byte);
                any = true;
            }
        }
    }
    if any {
        all.push(OsString::from_vec(word));
    }
    all
}

/// Parameters as one text: a value with a blank gets quotes, unless it has some.
pub(super) fn parameters(words: &[OsString]) -> Vec<u8> {
    let quoted = words.iter().map(|word| {
        let word = word.as_bytes();
        let Some(at) = word.iter().position(|byte| *byte == b'=') else { return word.to_vec() };
        let (key, value) = word.split_at(at + 1);
        match value.first() {
            Some(b'"' | b'\'') => word.to_vec(),
            _ if value.contains(&b' ') => [key, b"\"", value, b"\""].concat(),
            _ => word.to_vec(),
        }
    });
    quoted.collect::<Vec<_>>().join(&b' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_s_words_are_parted_at_blanks() {
        let all = |text: &str| words(OsStr::new(text)).iter().map(|w| w.display().to_string()).collect::<Vec<_>>();
        assert_eq!(all("-q  -C '/a b/c' -S\"x y\""), ["-q", "-C", "/a b/c", "-Sx y"]);
        assert_eq!(all(""), [""; 0]);
    }

    #[test]
    fn values_with_blanks_are_quoted() {
        let words: Vec<OsString> = ["a=1", "b=x y", "c=\"x y\"", "flag"].map(OsString::from).into();
        assert_eq!(parameters(&words), b"a=1 b=\"x y\" c=\"x y\" flag");
    }

    #[test]
    fn waiting_times_are_numbers() {
        assert_eq!(
            [wait(OsStr::new("10")), wait(OsStr::new("0x10")), wait(OsStr::new("010"))],
            [Ok(10), Ok(16), Ok(8)]
        );
        assert_eq!(wait(OsStr::new("1s")).unwrap_err(), "unexpected wait value '1s'.");
    }
}
