//! The command line of modutils' `insmod`: insmod(8) of modutils 2.4.27.

use super::Messages;
use crate::Invocation;
use crate::getopt::{Arg, Opt, Parser, Spec};
use std::ffi::OsString;
use std::path::PathBuf;

const SPEC: Spec = Spec {
    short: "fhkLmnpqrsSvVxXyYe:o:O:P:",
    long: &[
        ("force", Arg::No, 'f'),
        ("help", Arg::No, 'h'),
        ("autoclean", Arg::No, 'k'),
        ("lock", Arg::No, 'L'),
        ("map", Arg::No, 'm'),
        ("noload", Arg::No, 'n'),
        ("probe", Arg::No, 'p'),
        ("poll", Arg::No, 'p'),
        ("quiet", Arg::No, 'q'),
        ("root", Arg::No, 'r'),
        ("syslog", Arg::No, 's'),
        ("kallsyms", Arg::No, 'S'),
        ("verbose", Arg::No, 'v'),
        ("version", Arg::No, 'V'),
        ("noexport", Arg::No, 'x'),
        ("export", Arg::No, 'X'),
        ("noksymoops", Arg::No, 'y'),
        ("ksymoops", Arg::No, 'Y'),
        ("persist", Arg::Required, 'e'),
        ("name", Arg::Required, 'o'),
        ("blob", Arg::Required, 'O'),
        ("prefix", Arg::Required, 'P'),
    ],
};

const USAGE: &str = "\
Usage:
insmod [-fhkLmnpqrsvVxXyY] [-o module_name] [-O blob_name] [-P prefix] module [ symbol=value ... ]

  module                Name of a loadable kernel module ('.o' can be omitted)
  -f, --force           Force loading under wrong kernel version
  -h, --help            Print this message
  -k, --autoclean       Make module autoclean-able
  -L, --lock            Prevent simultaneous loads of the same module
  -m, --map             Generate load map (so crashes can be traced)
  -n, --noload          Don't load, just show
  -p, --probe           Probe mode; check if the module matches the kernel
  -q, --quiet           Don't print unresolved symbols
  -r, --root            Allow root to load modules not owned by root
  -s, --syslog          Report errors via syslog
  -v, --verbose         Verbose output
  -V, --version         Show version
  -x, --noexport        Do not export externs
  -X, --export          Do export externs (default)
  -y, --noksymoops      Do not add ksymoops symbols
  -Y, --ksymoops        Do add ksymoops symbols (default)
  -o NAME, --name=NAME  Set internal module name to NAME
  -O NAME, --blob=NAME  Save the object as a binary blob in NAME
  -P PREFIX
      --prefix=PREFIX   Prefix for kernel or module symbols
";

/// What is asked for.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The module's name, if not the file's.
    pub(super) name: Option<String>,
    /// `name=value` words.
    pub(super) params: Vec<OsString>,
    /// The file's name in messages, if people know it by another.
    pub(super) shown: Option<String>,
    pub(super) force: bool,
    pub(super) autoclean: bool,
    pub(super) lock: bool,
    pub(super) map: bool,
    pub(super) noload: bool,
    pub(super) probe: bool,
    pub(super) quiet: bool,
    pub(super) verbose: bool,
    pub(super) noexport: bool,
    pub(super) noksymoops: bool,
    pub(super) blob: Option<PathBuf>,
    pub(super) prefix: Option<String>,
}

impl Options {
    /// A load without options, of a file that messages call `shown`.
    pub fn plain(name: &str, params: &[OsString], shown: String) -> Self {
        Self { name: Some(name.into()), params: params.to_vec(), shown: Some(shown), ..Self::default() }
    }

    /// Reads the command line: the file, and the options. `None` where there is nothing to do; that was told.
    pub fn parse(call: &Invocation, messages: &mut Messages) -> Option<(OsString, Self)> {
        let mut parser = Parser::new(SPEC, &call.argv0, &call.words);
        let mut options = Self::default();
        while let Some(option) = parser.next_option() {
            let Opt::Known(code, value) = option else { return usage() };
            let text = || value.as_ref().map(|v| v.to_string_lossy().into_owned());
            match code {
                'f' => options.force = true,
                'k' => options.autoclean = true,
                'L' => options.lock = true,
                'm' => options.map = true,
                'n' => options.noload = true,
                'p' => options.probe = true,
                'q' => options.quiet = true,
                's' => messages.syslog = true,
                'v' => options.verbose = true,
                'V' => tell!("insmod version {}", super::VERSION),
                'x' | 'X' => options.noexport = code == 'x',
                'y' | 'Y' => options.noksymoops = code == 'y',
                'o' => options.name = text(),
                'O' => options.blob = value.map(PathBuf::from),
                'P' => options.prefix = text(),
                // Who owns a file does not matter inside an instance.
                'r' => {}
                'e' | 'S' => {
                    messages.error(&format!("lkm's insmod does not have the option -{code}"));
                    return None;
                }
                _ => return usage(),
            }
        }
        let mut operands = parser.operands().into_iter();
        let Some(file) = operands.next() else { return usage() };
        options.params = operands.collect();
        Some((file, options))
    }
}

fn usage<T>() -> Option<T> {
    tell_part!("{USAGE}");
    None
}
