//! Writing the module database: from the module files of a directory to its indexes, as depmod(8) does.
//!
//! | file | step |
//! |---|---|
//! | `config.rs` | depmod.d |
//! | `walk.rs`, `order.rs` | which module files there are, which of two with one name counts, in which order |
//! | `elf.rs`, `summary.rs` | the few parts of a file that matter, read with `pread`, and what they say |
//! | `read.rs` | all files, on all processors |
//! | `known.rs` | the kernel's own symbols, from `Module.symvers` or `System.map` |
//! | `graph.rs`, `cycles.rs` | who needs whom, in what order, and who needs himself |
//! | `files.rs`, `text.rs` | the contents of the files |
//! | `fresh.rs` | whether there is anything to do |
//!
//! kmod's counterpart: `tools/depmod.c`, `libkmod/libkmod-elf.c`. What is said is said in kmod 30's words, through a
//! [`Listener`]. Nothing is written here: [`run`] gives the contents, so that they can be put in place all or none.

mod config;
mod cycles;
mod elf;
mod files;
mod fresh;
mod graph;
pub mod hash;
mod known;
mod order;
mod read;
mod summary;
mod text;
mod walk;

pub use config::FOLDERS;
pub use fresh::is_up_to_date;
pub use summary::{Symbol, exports, versions};
pub use text::is_release;

use crate::error::strerror;
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// How much a message matters (kmod's `tools/log.c`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Nothing can be done.
    Fatal,
    /// Something is left out.
    Error,
    /// Something may be wrong.
    Warning,
    /// For those who want to know.
    Info,
}

/// Who hears what is found.
pub trait Listener {
    /// A message: a line without its end. Paths in it are bytes.
    fn message(&mut self, level: Level, text: &[u8]);
    /// A module needs a symbol of another one.
    fn needs(&mut self, module: &[u8], symbol: &[u8], owner: &[u8]);
}

/// A [`Listener::message`] from parts.
macro_rules! message {
    ($to:expr, $level:ident, $($part:expr),+ $(,)?) => {
        $to.message($crate::depmod::Level::$level, &[$(AsRef::<[u8]>::as_ref(&$part)),+].concat())
    };
}
use message;

/// Where the kernel's own symbols come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known {
    /// A `Module.symvers`: versions are compared, too.
    Symvers(PathBuf),
    /// A `System.map`.
    SystemMap(PathBuf),
}

/// What is to be done.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The module directory: absolute.
    pub directory: PathBuf,
    /// Where the files will be put; must be there unless only text is wanted.
    pub output: PathBuf,
    /// Which release `override` and `external` lines must name.
    pub release: OsString,
    /// Folders and files of depmod.d; [`FOLDERS`] usually.
    pub config: Vec<PathBuf>,
    /// Only these modules, by absolute paths, instead of those in the directory.
    pub only: Option<Vec<PathBuf>>,
    /// The kernel's own symbols.
    pub known: Option<Known>,
    /// Whether symbols that nobody has are reported; needs `known`.
    pub report_unknown: bool,
    /// A character before the symbols of this architecture.
    pub prefix: Option<u8>,
    /// Whether aliases that a module has twice are reported.
    pub warn_duplicates: bool,
    /// Whether only the text files are wanted.
    pub text_only: bool,
    /// Whether `modules.weakdep` is written, too, as kmod 33 does.
    pub weak: bool,
    /// How many threads read; 0: as there are processors.
    pub threads: usize,
}

/// A file of the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its name.
    pub name: &'static str,
    /// Its contents.
    pub contents: Vec<u8>,
}

/// Nothing can be written; the listener heard why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stopped;

/// Reads the modules, and gives the contents of all files in the order in which kmod writes them.
///
/// # Errors
/// The directory or the list of known symbols cannot be read, or modules need each other in a circle.
pub fn run(options: &Options, to: &mut dyn Listener) -> Result<Vec<File>, Stopped> {
    let known = known::load(options, to)?;
    // kmod stops here with a warning only.
    let report_unknown = options.report_unknown && options.known.is_some();
    let mut modules = match &options.only {
        Some(paths) => walk::only(paths, options, to)?,
        None => {
            let config = config::Config::read(&options.config, &options.release, to);
            walk::all(&config, options, to)?
        }
    };
    order::sort(&mut modules, options, to);
    let checks = graph::Checks { report_unknown, versions: matches!(options.known, Some(Known::Symvers(_))) };
    let wanted = summary::Wanted { crcs: checks.versions };
    let batches = read::all(&mut modules, wanted, options.threads, to);
    let symbols = graph::Symbols::collect(known, &modules, options.prefix);
    graph::resolve(&mut modules, &batches, &symbols, checks, options.prefix, to);
    drop(batches);
    graph::sort(&mut modules, to)?;
    if !options.text_only
        && let Err(error) = std::fs::read_dir(&options.output)
    {
        message!(
            to,
            Fatal,
            b"could not open directory ",
            options.output.as_os_str().as_bytes(),
            b": ",
            strerror(&error)
        );
        return Err(Stopped);
    }
    files::all(&modules, &symbols, options, to)
}

/// A module, as the steps fill it in.
#[derive(Debug, Default)]
struct Module {
    /// Its file.
    path: Vec<u8>,
    /// Where the path within the module directory begins; 0 for a file outside of it.
    relative: usize,
    /// The name of the module.
    name: Vec<u8>,
    /// What its file says.
    summary: summary::Summary,
    /// The modules it needs directly.
    needs: Vec<u32>,
    /// How many modules need it directly.
    users: u32,
    /// Its place among all modules, those that nobody needs first.
    rank: u32,
}

impl Module {
    /// The path that the files name it by.
    fn shown(&self) -> &[u8] {
        self.path.get(self.relative..).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What was said.
    #[derive(Debug, Default)]
    pub(super) struct Heard(pub Vec<(Level, String)>);

    impl Heard {
        /// The messages of a level.
        pub(super) fn of(&self, level: Level) -> Vec<&str> {
            self.0.iter().filter(|(of, _)| *of == level).map(|(_, text)| text.as_str()).collect()
        }
    }

    impl Listener for Heard {
        fn message(&mut self, level: Level, text: &[u8]) {
            self.0.push((level, String::from_utf8_lossy(text).into_owned()));
        }
        fn needs(&mut self, _: &[u8], _: &[u8], _: &[u8]) {}
    }
}
