//! The command lines of lkm's tools as data, and what is made of it.
//!
//! | file | what it is |
//! |---|---|
//! | `data/` | every command, option and example, once |
//! | `help.rs` | `--help` of lkm's own commands; that of kmod's and util-linux's tools is theirs, and stays in `tools` |
//! | `man.rs` | manual pages, in the macros of `man(7)` |
//! | `complete/` | completions for bash, zsh and fish |
//!
//! Nothing is parsed here: `tools` does, with `lexopt` or as `getopt_long(3)`, and its tests compare what it takes with what
//! stands here. Crates that make pages and completions (`clap_mangen`, `clap_complete`) take a parser of `clap`'s, and
//! complete no values that must be looked up, such as modules; so both are made here.

#![forbid(unsafe_code)]

mod complete;
mod data;
mod help;
mod man;

/// What an argument is; completions offer it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Nothing that can be offered.
    Text,
    /// A file.
    File,
    /// A folder.
    Folder,
    /// A kernel with a module directory.
    Release,
    /// One of these.
    Choice(&'static [&'static str]),
}

/// The argument of an option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Value {
    /// What it is called.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// Whether the option does without it; then it must be attached.
    pub optional: bool,
}

/// An option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opt {
    /// Its letter; empty for none.
    pub short: &'static str,
    /// Its long names.
    pub long: &'static [&'static str],
    /// Its argument.
    pub value: Option<Value>,
    /// What it does.
    pub text: &'static str,
    /// Whether it is taken for the sake of old scripts only, and told to nobody.
    pub hidden: bool,
}

impl Opt {
    /// An option without an argument.
    const fn flag(short: &'static str, long: &'static [&'static str], text: &'static str) -> Self {
        Opt { short, long, value: None, text, hidden: false }
    }

    /// An option with one.
    const fn with(
        short: &'static str,
        long: &'static [&'static str],
        name: &'static str,
        kind: Kind,
        text: &'static str,
    ) -> Self {
        let mut option = Self::flag(short, long, text);
        option.value = Some(Value { name, kind, optional: false });
        option
    }

    /// The argument may be left out.
    const fn optional(mut self) -> Self {
        if let Some(value) = self.value {
            self.value = Some(Value { optional: true, ..value });
        }
        self
    }

    /// Told to nobody.
    const fn hidden(short: &'static str, long: &'static [&'static str]) -> Self {
        let mut option = Self::flag(short, long, "");
        option.hidden = true;
        option
    }

    /// Its names as they are written: `-k`, `--kernel`.
    pub fn names(&self) -> impl Iterator<Item = String> {
        let long = self.long.iter().map(|name| format!("--{name}"));
        let short = Some(self.short).filter(|letter| !letter.is_empty()).map(|letter| format!("-{letter}"));
        short.into_iter().chain(long)
    }

    /// What a parser knows it by: its first long name, or its letter.
    pub fn key(&self) -> &'static str {
        self.long.first().copied().unwrap_or(self.short)
    }
}

/// What stands on a command line beside options.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operands {
    /// Nothing.
    None,
    /// One of [`Command::commands`], with its own command line.
    Commands,
    /// One of the first words, then releases.
    Words(&'static [&'static str]),
    /// Files.
    Files,
    /// A module, a source file or a folder, parameters, and after `--` a command.
    Run,
    /// After `--` a command.
    Program,
    /// A module file, then its parameters.
    ModuleFile,
    /// Loaded modules.
    Loaded,
    /// A module of the database, then its parameters; loaded modules where they are removed.
    Module,
    /// Modules of the database or module files.
    ModulesOrFiles,
    /// A release, then module files.
    Release,
}

/// Something to type, and what it does; the latter may be empty.
pub type Line = (&'static str, &'static str);

/// A command.
#[derive(Debug, Clone, Copy)]
pub struct Command {
    /// Its name, as it is typed after `lkm`.
    pub name: &'static str,
    /// The command that it belongs to; empty for a program.
    pub of: &'static str,
    /// The section of the manual.
    pub section: u8,
    /// What it does in a few words.
    pub summary: &'static str,
    /// How it is called.
    pub usage: &'static [Line],
    /// What it does; a paragraph each. In backquotes: what is typed.
    pub text: &'static [&'static str],
    /// Its options.
    pub options: &'static [Opt],
    /// What else it takes.
    pub operands: Operands,
    /// Its commands.
    pub commands: &'static [Line],
    /// What else there is to say: a title and a paragraph.
    pub notes: &'static [(&'static str, &'static str)],
    /// Examples.
    pub examples: &'static [Line],
    /// Other pages.
    pub see: &'static [&'static str],
}

impl Command {
    /// The name of its manual page: `lkm-run`.
    pub fn page(&self) -> String {
        if self.of.is_empty() { self.name.into() } else { format!("{}-{}", self.of, self.name) }
    }

    /// Its options but the hidden ones.
    fn shown(&self) -> impl Iterator<Item = &'static Opt> {
        self.options.iter().filter(|option| !option.hidden)
    }

    /// The option with this letter.
    pub fn short(&self, letter: char) -> Option<&'static Opt> {
        self.options.iter().find(|option| option.short.chars().eq([letter]))
    }

    /// The option with this long name.
    pub fn long(&self, name: &str) -> Option<&'static Opt> {
        self.options.iter().find(|option| option.long.contains(&name))
    }

    /// Its `--help`.
    pub fn help(&self) -> String {
        help::text(self)
    }
}

/// The programs: `lkm`, and the tools that lkm can be called as.
pub fn programs() -> impl Iterator<Item = &'static str> {
    commands().filter(|command| command.of.is_empty()).map(|command| command.name)
}

/// All commands, `lkm` itself first.
pub fn commands() -> impl Iterator<Item = &'static Command> {
    [&data::lkm::LKM].into_iter().chain(data::lkm::OWN).chain(data::kmod::TOOLS).chain(data::log::TOOLS)
}

/// All that have a manual page: the commands, and those of 2.4's modutils.
pub fn documented() -> impl Iterator<Item = &'static Command> {
    commands().chain(data::modutils::TOOLS)
}

/// The command that is typed after `lkm`, or of that name (`lkm`).
pub fn command(name: &str) -> &'static Command {
    commands().find(|command| command.name == name).unwrap_or(&data::lkm::LKM)
}

/// A file that is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its path below the folder of the generated documents.
    pub path: String,
    /// Its contents.
    pub text: String,
}

/// All manual pages and completions.
pub fn files() -> Vec<File> {
    let pages = documented()
        .map(|command| File { path: format!("man/{}.{}", command.page(), command.section), text: man::page(command) });
    let shells = [("completions/lkm.bash", complete::bash()), ("completions/_lkm", complete::zsh())];
    let shells = shells.into_iter().chain([("completions/lkm.fish", complete::fish())]);
    pages.chain(shells.map(|(path, text)| File { path: path.into(), text })).collect()
}
