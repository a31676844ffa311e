//! klogd's command line: that of sysklogd 1.5 (`klogd(8)`), and long options of lkm's own.

use crate::Invocation;
use crate::getopt::{Arg, Opt, Parser, Spec};
use crate::output;
use std::ffi::OsString;
use std::path::PathBuf;

/// What `-v` prints: the version whose behaviour this is.
pub const VERSION: &str = "klogd 1.5.0";

/// Its options; `cli` tells of them.
pub const SPEC: Spec = Spec {
    short: "c:df:hiIk:nopsvx2",
    long: &[
        ("help", Arg::No, 'h'),
        ("version", Arg::No, 'v'),
        ("instance", Arg::Required, 'N'),
        ("log-socket", Arg::Required, 'L'),
        ("pid-file", Arg::Required, 'P'),
        ("printk", Arg::Optional, 'K'),
    ],
};

/// Which symbols are read again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reload {
    /// Those of modules.
    Modules,
    /// The kernel's, too.
    All,
}

/// What klogd shall do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Log.
    Log,
    /// Signal the one that runs.
    Signal(Reload),
    /// Show or set printk's settings.
    Printk(Option<OsString>),
}

/// A command line, read.
#[derive(Debug, Clone)]
pub struct Options {
    pub action: Action,
    pub console: Option<i32>,
    pub debug: bool,
    /// `-f`; `None`: syslog.
    pub file: Option<PathBuf>,
    pub map: Option<PathBuf>,
    pub foreground: bool,
    pub once: bool,
    pub paranoid: bool,
    pub syscall: bool,
    pub symbols: bool,
    pub twice: bool,
    pub instance: Option<OsString>,
    pub socket: PathBuf,
    pub pid_file: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            action: Action::Log,
            console: None,
            debug: false,
            file: None,
            map: None,
            foreground: false,
            once: false,
            paranoid: false,
            syscall: false,
            symbols: true,
            twice: false,
            instance: None,
            socket: "/dev/log".into(),
            pid_file: None,
        }
    }
}

/// Reads the command line, or says what was wrong with it (or the help) and gives the exit status.
pub fn parse(call: &Invocation) -> Result<Options, u8> {
    let mut options = Options::default();
    let mut parser = Parser::new(SPEC, &call.argv0, &call.words);
    while let Some(option) = parser.next_option() {
        let Opt::Known(code, value) = option else { return Err(1) };
        take(&mut options, code, value)?;
    }
    // DIFFERS: sysklogd ignores words that are no options.
    if let Some(word) = parser.operands().first() {
        tell!("klogd: {} is no option, and klogd takes nothing else; `klogd --help` shows the usage", word.display());
        return Err(1);
    }
    Ok(options)
}

fn take(options: &mut Options, code: char, value: Option<OsString>) -> Result<(), u8> {
    let path = || Some(PathBuf::from(value.clone().unwrap_or_default()));
    match code {
        'c' => options.console = Some(level(&value.unwrap_or_default())?),
        'd' => options.debug = true,
        'f' => options.file = path(),
        'i' => options.action = Action::Signal(Reload::Modules),
        'I' => options.action = Action::Signal(Reload::All),
        'k' => options.map = path(),
        'n' => options.foreground = true,
        'o' => options.once = true,
        'p' => options.paranoid = true,
        's' => options.syscall = true,
        'x' => options.symbols = false,
        '2' => options.twice = true,
        'N' => options.instance = value,
        'L' => options.socket = path().unwrap_or_default(),
        'P' => options.pid_file = path(),
        'K' => options.action = Action::Printk(value),
        // DIFFERS: sysklogd's status is 1.
        'v' => return Err(output::print("klogd", &format!("{VERSION}\n"))),
        _ => return Err(output::print("klogd", &cli::command("klogd").help())),
    }
    Ok(())
}

/// A console level: one digit from 1 to 8.
fn level(word: &std::ffi::OsStr) -> Result<i32, u8> {
    match word.as_encoded_bytes() {
        [digit @ b'1'..=b'8'] => Ok(i32::from(digit - b'0')),
        _ => {
            tell!("klogd: Invalid console logging level <{}> specified.", word.display());
            Err(1)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &[&str]) -> Result<Options, u8> {
        parse(&Invocation { argv0: "klogd".into(), words: words.iter().map(OsString::from).collect() })
    }

    #[test]
    fn options_cluster_as_in_sysklogd() {
        let options = read(&["-nox2c4", "-f", "log", "-kmap"]).unwrap();
        assert!(options.foreground && options.once && options.twice && !options.symbols && !options.paranoid);
        assert_eq!((options.console, options.file, options.map), (Some(4), Some("log".into()), Some("map".into())));
        assert_eq!(read(&["-i"]).unwrap().action, Action::Signal(Reload::Modules));
        assert_eq!(read(&["-I"]).unwrap().action, Action::Signal(Reload::All));
        assert_eq!(read(&["--printk=printk"]).unwrap().action, Action::Printk(Some("printk".into())));
    }

    #[test]
    fn wrong_levels_and_words_are_refused() {
        for words in [&["-c", "0"][..], &["-c9"], &["-c", "44"], &["-c", ""], &["-z"], &["word"], &["-f"]] {
            assert_eq!(read(words).unwrap_err(), 1, "{words:?}");
        }
    }
}
