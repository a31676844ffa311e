//! `depmod`: writes the indexes of a module directory (kmod's `tools/depmod.c`).
//!
//! New beside kmod 30's: `-o`/`--outdir` and `--moduledir` of kmod 34, `--weakdep` for its `modules.weakdep`. `-m` is
//! kmod 30's, an option without effect, unless a folder follows it.
//!
//! DIFFERS: the files are replaced all or none (`write.rs`), and what cannot be written is a failure. kmod 30 replaces
//! them one by one, and succeeds also where it may not write.

mod write;

pub use write::{COMMIT, commit};

use super::{Messages, short_name};
use crate::Invocation;
use crate::error::Failure;
use crate::getopt::{Arg, Opt, Parser, Spec};
use crate::output::{self, Output};
use moddb::depmod::{self, Known, Level, Listener};
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

/// Its options; `cli` tells of them.
pub const SPEC: Spec = Spec {
    short: "aAb:C:E:F:euqrvnP:wmVho:",
    long: &[
        ("all", Arg::No, 'a'),
        ("quick", Arg::No, 'A'),
        ("basedir", Arg::Required, 'b'),
        ("config", Arg::Required, 'C'),
        ("symvers", Arg::Required, 'E'),
        ("filesyms", Arg::Required, 'F'),
        ("errsyms", Arg::No, 'e'),
        ("unresolved-error", Arg::No, 'U'),
        ("quiet", Arg::No, 'Q'),
        ("root", Arg::No, 'R'),
        ("verbose", Arg::No, 'v'),
        ("show", Arg::No, 'n'),
        ("dry-run", Arg::No, 'n'),
        ("symbol-prefix", Arg::Required, 'P'),
        ("warn", Arg::No, 'w'),
        ("map", Arg::No, 'M'),
        ("version", Arg::No, 'V'),
        ("help", Arg::No, 'h'),
        ("outdir", Arg::Required, 'o'),
        ("moduledir", Arg::Required, 'D'),
        ("weakdep", Arg::No, 'W'),
    ],
};

/// Options that had a meaning once, by what they are reported as.
const DEPRECATED: [(char, &str); 8] = [
    ('u', "-u"),
    ('q', "-q"),
    ('r', "-r"),
    ('m', "-m"),
    ('U', "--unresolved-error"),
    ('Q', "--quiet"),
    ('R', "--root"),
    ('M', "--map"),
];

#[derive(Debug, Default)]
struct Options {
    all: bool,
    quick: bool,
    base: Option<OsString>,
    out: Option<OsString>,
    folder: Option<OsString>,
    config: Vec<PathBuf>,
    symvers: Option<PathBuf>,
    system_map: Option<PathBuf>,
    unknown: bool,
    show: bool,
    verbose: usize,
    prefix: Option<u8>,
    warn: bool,
    weak: bool,
}

/// Passes on what depmod says.
struct Voice {
    messages: Messages,
    verbose: usize,
}

impl Voice {
    fn error(&mut self, text: &str) {
        self.message(Level::Error, text.as_bytes());
    }
}

impl Listener for Voice {
    fn message(&mut self, level: Level, text: &[u8]) {
        let word = match level {
            Level::Fatal => "FATAL",
            Level::Error => "ERROR",
            Level::Warning => "WARNING",
            Level::Info if self.verbose >= 2 => "INFO",
            Level::Info => return,
        };
        self.messages.say(word, text);
    }

    fn needs(&mut self, module: &[u8], symbol: &[u8], owner: &[u8]) {
        if self.verbose > 0 {
            let line = [module, b" needs \"", symbol, b"\": ", owner, b"\n"].concat();
            // kmod does not look whether this can be written, either.
            let _ = output::write_stdout(&line);
        }
    }
}

/// The tool.
pub fn main(call: &Invocation) -> Result<u8, Failure> {
    let words = with_folder(&call.words);
    let mut parser = Parser::new(SPEC, &call.argv0, &words);
    let mut options = Options::default();
    let mut voice = Voice { messages: Messages::new(&call.argv0, false), verbose: 0 };
    while let Some(option) = parser.next_option() {
        let Opt::Known(code, value) = option else { return Ok(1) };
        match code {
            'h' => return Ok(output::print("depmod", &usage(&call.argv0))),
            'V' => return Ok(output::print("depmod", super::VERSION)),
            _ => {}
        }
        if let Err(text) = options.take(code, value, &mut voice) {
            voice.message(Level::Fatal, text.as_bytes());
            return Ok(1);
        }
    }
    voice.verbose = options.verbose;
    Ok(run(&options, &parser.operands(), &mut voice))
}

/// `-m FOLDER` as `--moduledir FOLDER`: kmod 30 takes a folder after `-m` for a version, and stops at it.
fn with_folder(words: &[OsString]) -> Vec<OsString> {
    let mut all = Vec::with_capacity(words.len());
    let mut rest = words.iter().peekable();
    while let Some(word) = rest.next() {
        let folder = rest.peek().is_some_and(|next| next.as_bytes().starts_with(b"/"));
        all.push(if word == "-m" && folder { "--moduledir".into() } else { word.clone() });
        if word == "--" {
            all.extend(rest.by_ref().cloned());
        }
    }
    all
}

impl Options {
    /// Takes an option; an error ends depmod.
    fn take(&mut self, code: char, value: Option<OsString>, voice: &mut Voice) -> Result<(), String> {
        let path = value.clone().map(PathBuf::from);
        match code {
            'a' => self.all = true,
            'A' => self.quick = true,
            'b' => self.base = value,
            'o' => self.out = value,
            'D' => self.folder = value,
            'C' => self.config.extend(path),
            'E' => self.symvers = path,
            'F' => self.system_map = path,
            'e' => self.unknown = true,
            'v' => self.verbose += 1,
            'n' => self.show = true,
            'w' => self.warn = true,
            'W' => self.weak = true,
            'P' => match value.unwrap_or_default().as_bytes() {
                [] => self.prefix = None,
                [prefix] => self.prefix = Some(*prefix),
                _ => return Err("-P only takes a single char".into()),
            },
            other => {
                let name = DEPRECATED.iter().find(|(code, _)| *code == other).map_or("", |(_, name)| name);
                voice.message(Level::Warning, format!("Ignored deprecated option {name}").as_bytes());
            }
        }
        Ok(())
    }

    /// The module directory of a release below the root of a file system.
    fn directory(&self, root: Option<&OsStr>, release: &OsStr) -> PathBuf {
        let mut path = root.map(absolute).unwrap_or_default();
        path.extend_from_slice(self.folder.as_deref().unwrap_or(OsStr::new("/lib/modules")).as_bytes());
        path.push(b'/');
        path.extend_from_slice(release.as_bytes());
        OsString::from_vec(path).into()
    }

    fn of_library(&self, directory: PathBuf, output: PathBuf, release: OsString) -> depmod::Options {
        let config = match self.config.is_empty() {
            true => depmod::FOLDERS.iter().map(PathBuf::from).collect(),
            false => self.config.clone(),
        };
        let known = self.symvers.clone().map(Known::Symvers).or(self.system_map.clone().map(Known::SystemMap));
        depmod::Options {
            directory,
            output,
            release,
            config,
            known,
            report_unknown: self.unknown,
            prefix: self.prefix,
            warn_duplicates: self.warn,
            text_only: self.show,
            weak: self.weak,
            ..depmod::Options::default()
        }
    }
}

/// A path from the root on, otherwise as it was given (`path_make_absolute_cwd` of kmod's `shared/util.c`).
fn absolute(path: &OsStr) -> Vec<u8> {
    let path = path.as_bytes();
    match std::env::current_dir() {
        Ok(folder) if !path.starts_with(b"/") => [folder.as_os_str().as_bytes(), b"/", path].concat(),
        _ => path.to_vec(),
    }
}

fn run(options: &Options, operands: &[OsString], voice: &mut Voice) -> u8 {
    let running = rustix::system::uname();
    let (release, paths) = match operands.split_first() {
        Some((first, _)) if !depmod::is_release(first.as_bytes()) => {
            voice.error(&format!("Bad version passed {}", first.display()));
            return 1;
        }
        Some((first, rest)) => (first.clone(), rest),
        None => (OsStr::from_bytes(running.release().to_bytes()).to_owned(), operands),
    };
    let directory = options.directory(options.base.as_deref(), &release);
    let written = match &options.out {
        Some(out) => options.directory(Some(out), &release),
        None => directory.clone(),
    };
    if options.quick && (options.show || depmod::is_up_to_date(&directory, &written, voice)) {
        return 0;
    }
    let mut wanted = options.of_library(directory, written, release);
    if !(options.all || options.quick || paths.is_empty()) {
        wanted.only = Some(paths.iter().map(PathBuf::from).collect());
    }
    if options.out.is_some()
        && let Err(error) = std::fs::create_dir_all(&wanted.output)
    {
        voice.error(&write::Failed::new("could not make directory", &wanted.output, error).to_string());
        return 1;
    }
    // The largest module takes as much memory as all that is kept of all of them.
    sys::malloc::give_large_blocks_back();
    let Ok(files) = depmod::run(&wanted, voice) else { return 1 };
    if options.show {
        return print(&files).map_or_else(|error| output::failed("depmod", &error), |()| 0);
    }
    match write::store(&wanted.output, &files) {
        Ok(()) => 0,
        Err(failed) => {
            voice.error(&failed.to_string());
            1
        }
    }
}

fn print(files: &[depmod::File]) -> io::Result<()> {
    let mut out = Output::open(false)?;
    for file in files {
        out.buffer().extend_from_slice(&file.contents);
        out.spill()?;
    }
    out.close()
}

fn usage(argv0: &OsStr) -> String {
    format!(
        "Usage:\n\t{} -[aA] [options] [forced_version]\n\n\
         If no arguments (except options) are given, \"depmod -a\" is assumed\n\n\
         depmod will output a dependency list suitable for the modprobe utility.\n\n\
         Options:\n\
         \t-a, --all            Probe all modules\n\
         \t-A, --quick          Only does the work if there's a new module\n\
         \t-e, --errsyms        Report not supplied symbols\n\
         \t-n, --show           Write the dependency file on stdout only\n\
         \t-P, --symbol-prefix  Architecture symbol prefix\n\
         \t-C, --config=PATH    Read configuration from PATH\n\
         \t-v, --verbose        Enable verbose mode\n\
         \t-w, --warn           Warn on duplicates\n\
         \t-V, --version        show version\n\
         \t-h, --help           show this help\n\n\
         The following options are useful for people managing distributions:\n\
         \t-b, --basedir=DIR    Use an image of a module tree.\n\
         \t-F, --filesyms=FILE  Use the file instead of the\n\
         \t                     current kernel symbols.\n\
         \t-E, --symvers=FILE   Use Module.symvers file to check\n\
         \t                     symbol versions.\n",
        short_name(argv0)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_after_m_is_the_module_folder() {
        let words = |text: &str| text.split(' ').map(OsString::from).collect::<Vec<_>>();
        assert_eq!(with_folder(&words("-m /x -m 6.1 -m")), words("--moduledir /x -m 6.1 -m"));
        assert_eq!(with_folder(&words("-a -- -m /x")), words("-a -- -m /x"));
    }
}
