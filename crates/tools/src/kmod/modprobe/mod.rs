//! `modprobe`: loads modules with all that they need, and unloads them (kmod's `tools/modprobe.c`).
//!
//! | file | task |
//! |---|---|
//! | `options.rs` | the command line |
//! | `load.rs` | loading, `--show-depends`, `--resolve-alias` |
//! | `unload.rs` | `-r` |
//! | `show.rs` | `-c`, `--show-modversions`, `--show-exports` |
//!
//! New beside kmod's: `--show-depends --json`; `--explain`, which is on when standard error is a terminal; `forbid` in
//! modprobe.d. DIFFERS: an `install` command holds for a module with soft dependencies, too (`moddb::plan`); a command that
//! a signal ended has failed.

mod load;
pub mod options;
mod show;
mod unload;

use super::{Messages, lookup, short_name};
use crate::Invocation;
use crate::backend::{self, Modules};
use crate::error::{Failure, strerror};
use crate::getopt::{Opt, Parser};
use crate::output;
use moddb::config::{Complaint, Config};
use moddb::dir::ModuleDir;
use moddb::plan::Database;
use options::{Options, SPEC, Task};
use std::ffi::{OsStr, OsString};
use std::io::{self, IsTerminal};
use std::path::Path;
use std::process::Command;

/// Levels of messages, as syslog(3) counts them.
const CRITICAL: i32 = 2;
const ERROR: i32 = 3;
const WARNING: i32 = 4;
const INFO: i32 = 6;
/// What is said without `-v`.
const DEFAULT_LEVEL: i32 = WARNING;

/// Bytes of output that are written before there is more.
const MUCH: usize = 60_000;

const ENOENT: i32 = 2;
const EEXIST: i32 = 17;
const EBUSY: i32 = 16;
const EINVAL: i32 = 22;

/// Why a word's task was not done.
#[derive(Debug)]
enum Stop {
    /// An errno; more words may follow.
    Errno(i32),
    /// What was said is the last word.
    Fatal,
    /// lkm's own: there is no such instance.
    Failure(Failure),
}

type Done<T = ()> = Result<T, Stop>;

/// The tool.
pub fn main(call: &Invocation) -> Result<u8, Failure> {
    let from_environment = std::env::var_os("MODPROBE_OPTIONS").unwrap_or_default();
    let words = [options::words(&from_environment), call.words.clone()].concat();
    let mut parser = Parser::new(SPEC, &call.argv0, &words);
    let mut options = Options::new();
    while let Some(option) = parser.next_option() {
        let Opt::Known(code, value) = option else { return Ok(1) };
        match code {
            'h' => return Ok(output::print("modprobe", &usage(&call.argv0))),
            'V' => return Ok(output::print("modprobe", super::VERSION)),
            _ => {}
        }
        if let Err(text) = options.take(code, value) {
            Messages::new(&call.argv0, false).error(&text);
            return Ok(1);
        }
    }
    let operands = parser.operands();
    let messages = Messages::new(&call.argv0, options.syslog);
    if operands.is_empty() && !options.show_config {
        messages.error("missing parameters. See -h.");
        return Ok(1);
    }
    let mut tool = Modprobe::new(options, messages);
    let done = tool.run(&operands);
    let written = tool.flush();
    match (done, written) {
        (Err(Stop::Failure(failure)), _) => Err(failure),
        (_, Err(error)) => Ok(output::failed("modprobe", &error)),
        (done, Ok(())) => Ok(u8::from(done.is_err())),
    }
}

/// The tool at work.
struct Modprobe {
    options: Options,
    messages: Messages,
    database: Database,
    modules: Option<Box<dyn Modules>>,
    /// What is not written to standard output yet.
    out: Vec<u8>,
    terminal: bool,
    json: Vec<serde_json::Value>,
}

impl Modprobe {
    fn new(options: Options, messages: Messages) -> Self {
        let dir = ModuleDir::new(lookup::directory(options.root.as_deref(), options.release.as_deref()));
        let config = read_config(&options, dir.path());
        let database = Database::new(dir, config);
        let terminal = io::stdout().is_terminal();
        Self { options, messages, database, modules: None, out: Vec::new(), terminal, json: Vec::new() }
    }

    fn run(&mut self, words: &[OsString]) -> Done {
        let first = words.first().map_or(OsStr::new(""), OsString::as_os_str);
        match self.options.task() {
            Task::ShowConfig => self.show_config(),
            Task::ShowVersions => self.show_versions(Path::new(first)),
            Task::ShowExports => self.show_exports(Path::new(first)),
            Task::Remove => self.each(words, Self::remove_word),
            Task::Insert if self.options.all => self.each(words, |tool, word| tool.insert_word(word, None)),
            Task::Insert => {
                let extra = options::parameters(words.get(1..).unwrap_or_default());
                self.insert_word(first, Some(&extra).filter(|extra| !extra.is_empty()).map(Vec::as_slice))
            }
        }?;
        if self.options.json {
            self.print_json();
        }
        Ok(())
    }

    /// Does something for each word; what fails for one does not keep it from the others.
    fn each(&mut self, words: &[OsString], mut task: impl FnMut(&mut Self, &OsStr) -> Done) -> Done {
        let mut all = Ok(());
        for word in words {
            match task(self, word) {
                Ok(()) => {}
                Err(Stop::Errno(errno)) => all = Err(Stop::Errno(errno)),
                Err(stop) => return Err(stop),
            }
        }
        all
    }

    /// The kernel's modules, reached when they are first needed.
    fn modules(&mut self) -> Done<&mut (dyn Modules + 'static)> {
        let modules = match self.modules.take() {
            Some(modules) => modules,
            None => backend::modules(self.options.instance.as_deref()).map_err(Stop::Failure)?,
        };
        Ok(&mut **self.modules.insert(modules))
    }

    /// Says something, unless it is less than what is asked for.
    fn say(&self, level: i32, text: impl AsRef<[u8]>) {
        if level > self.options.level {
            return;
        }
        let word = match level {
            CRITICAL => "FATAL",
            ERROR => "ERROR",
            WARNING => "WARNING",
            _ => "INFO",
        };
        self.messages.say(word, text.as_ref());
    }

    /// Says what went wrong with a word: with `-a` and more words to come a warning, otherwise the last thing said.
    fn complain(&self, text: impl AsRef<[u8]>, errno: i32) -> Stop {
        if self.options.all {
            self.say(WARNING, text);
            return Stop::Errno(errno);
        }
        self.say(CRITICAL, text);
        // A message that nobody sees ends nothing, either.
        if self.options.level >= CRITICAL { Stop::Fatal } else { Stop::Errno(errno) }
    }

    /// Whether what is done is shown.
    fn shows(&self) -> bool {
        self.options.show_depends || self.options.level > DEFAULT_LEVEL
    }

    /// Shows a line of what is done, now.
    fn show(&mut self, parts: &[&[u8]]) {
        if self.shows() {
            self.print(parts);
            let _ = self.flush();
        }
    }

    /// Prints a line: at a terminal now, otherwise when much has come together or at the end.
    fn print(&mut self, parts: &[&[u8]]) {
        parts.iter().for_each(|part| self.out.extend_from_slice(part));
        self.out.push(b'\n');
        if self.terminal || self.out.len() > MUCH {
            let _ = self.flush();
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        output::write_stdout(&std::mem::take(&mut self.out))
    }

    /// Runs a command of modprobe.d through the shell, `$CMDLINE_OPTS` replaced: its status, or why there is none.
    fn shell(&self, command: &[u8], module: &[u8]) -> io::Result<i32> {
        use std::os::unix::ffi::OsStrExt;
        use std::os::unix::process::ExitStatusExt;
        let mut shell = Command::new("/bin/sh");
        shell.arg("-c").arg(OsStr::from_bytes(command)).env("MODPROBE_MODULE", OsStr::from_bytes(module));
        if let Some(options) = &self.options.for_commands {
            shell.env("MODPROBE_OPTIONS", options);
        }
        let status = shell.status()?;
        Ok(status.code().or(status.signal().map(|signal| 128 + signal)).unwrap_or_default())
    }
}

/// A command with `$CMDLINE_OPTS` replaced.
fn with_options(command: &[u8], options: &[u8]) -> Vec<u8> {
    const MARK: &[u8] = b"$CMDLINE_OPTS";
    let (mut out, mut rest) = (Vec::new(), command);
    while let Some(at) = rest.windows(MARK.len()).position(|part| part == MARK) {
        let (before, after) = rest.split_at(at);
        out.extend_from_slice(before);
        out.extend_from_slice(options);
        rest = after.get(MARK.len()..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
    out
}

/// Reads the configuration, and says what is wrong with it in libkmod's words.
fn read_config(options: &Options, dir: &Path) -> Config {
    let (mut config, complaints) = Config::read(&options.config, dir);
    let wanted = log_level();
    let complain = |line: u32, function: &str, text: String| {
        if wanted >= ERROR {
            tell!("libkmod: ERROR ../libkmod/libkmod-config.c:{line} {function}: {text}");
        }
    };
    for (file, complaint) in complaints {
        let file = file.display();
        match complaint {
            Complaint::Folder => {
                let text = format!("Directories inside directories are not supported: {file}");
                complain(772, "conf_files_filter_out", text);
            }
            Complaint::Deprecated { command } => {
                let command = String::from_utf8_lossy(&command).into_owned();
                let text = format!("{file}: command {command} is deprecated and not parsed anymore");
                complain(708, "kmod_config_parse", text);
            }
            Complaint::BadLine { line, command } => {
                let command = String::from_utf8_lossy(&command).into_owned();
                let text = format!("{file} line {line}: ignoring bad line starting with '{command}'");
                complain(712, "kmod_config_parse", text);
            }
            // kmod goes on without a word.
            Complaint::Unreadable(_) => {}
        }
    }
    for module in config.parse_command_line(&std::fs::read("/proc/cmdline").unwrap_or_default()) {
        let module = String::from_utf8_lossy(&module).into_owned();
        let text = format!("Ignoring bad option on kernel command line while parsing module name: '{module}'");
        complain(489, "kcmdline_parse_result", text);
    }
    config
}

/// What `$KMOD_LOG` wants to hear before the options say so.
fn log_level() -> i32 {
    let Some(word) = std::env::var_os("KMOD_LOG") else { return ERROR };
    let word = word.to_string_lossy();
    let number = word.split_ascii_whitespace().next().unwrap_or_default().parse();
    match number {
        Ok(level) => level,
        Err(_) if word.starts_with("err") => ERROR,
        Err(_) if word.starts_with("info") => INFO,
        Err(_) if word.starts_with("debug") => INFO + 1,
        Err(_) => 0,
    }
}

/// kmod's words for why a module was not loaded.
fn reason_text(errno: i32) -> String {
    match errno {
        EEXIST => "Module already in kernel".into(),
        ENOENT => "Unknown symbol in module, or unknown parameter (see dmesg)".into(),
        _ => strerror(errno),
    }
}

fn usage(argv0: &OsStr) -> String {
    let name = short_name(argv0);
    let mut text = String::from("Usage:\n");
    for form in [
        "[options] [-i] [-b] modulename",
        "[options] -a [-i] [-b] modulename [modulename...]",
        "[options] -r [-i] modulename",
        "[options] -r -a [-i] modulename [modulename...]",
        "[options] -c",
        "[options] --dump-modversions filename",
    ] {
        text.push_str(&format!("\t{name} {form}\n"));
    }
    text.push_str(USAGE);
    text
}

const USAGE: &str = "Management Options:
\t-a, --all                   Consider every non-argument to
\t                            be a module name to be inserted
\t                            or removed (-r)
\t-r, --remove                Remove modules instead of inserting
\t    --remove-dependencies   Deprecated: use --remove-holders
\t    --remove-holders        Also remove module holders (use together with -r)
\t-w, --wait <MSEC>           When removing a module, wait up to MSEC for
\t                            module's refcount to become 0 so it can be
\t                            removed (use together with -r)
\t    --first-time            Fail if module already inserted or removed
\t-i, --ignore-install        Ignore install commands
\t-i, --ignore-remove         Ignore remove commands
\t-b, --use-blacklist         Apply blacklist to resolved alias.
\t-f, --force                 Force module insertion or removal.
\t                            implies --force-modversions and
\t                            --force-vermagic
\t    --force-modversion      Ignore module's version
\t    --force-vermagic        Ignore module's version magic

Query Options:
\t-R, --resolve-alias         Only lookup and print alias and exit
\t-D, --show-depends          Only print module dependencies and exit
\t-c, --showconfig            Print out known configuration and exit
\t-c, --show-config           Same as --showconfig
\t    --show-modversions      Dump module symbol version and exit
\t    --dump-modversions      Same as --show-modversions
\t    --show-exports          Only print module exported symbol versions and exit

General Options:
\t-n, --dry-run               Do not execute operations, just print out
\t-n, --show                  Same as --dry-run
\t-C, --config=FILE           Use FILE instead of default search paths
\t-d, --dirname=DIR           Use DIR as filesystem root for /lib/modules
\t-S, --set-version=VERSION   Use VERSION instead of `uname -r`
\t-s, --syslog                print to syslog, not stderr
\t-q, --quiet                 disable messages
\t-v, --verbose               enables more messages
\t-V, --version               show version
\t-h, --help                  show this help
";

#[test]
fn every_mark_is_replaced_once() {
    assert_eq!(
        with_options(b"a $CMDLINE_OPTS b $CMDLINE_OPTS", b"x=$CMDLINE_OPTS"),
        b"a x=$CMDLINE_OPTS b x=$CMDLINE_OPTS"
    );
    assert_eq!(with_options(b"plain", b"x"), b"plain");
}
