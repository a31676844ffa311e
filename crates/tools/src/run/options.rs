//! The command line of `lkm run` and `lkm sh`.

use crate::error::Failure;
use crate::words;
use kernel::mm::check::Mode;
use lexopt::ValueExt;
use std::ffi::OsString;
use std::path::PathBuf;

/// What is asked of the instance.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// The module, source file or folder (`run`).
    pub file: PathBuf,
    /// `name=value` words (`run`).
    pub params: Vec<OsString>,
    /// The command to run inside.
    pub command: Vec<OsString>,
    /// The report as JSON on standard output.
    pub json: bool,
    /// Tell what is done.
    pub verbose: bool,
    /// The kernel to take, whatever the module was built for.
    pub kernel: Option<String>,
    /// The image to take.
    pub image: Option<PathBuf>,
    /// How many CPUs the instance has; the host's where `None`.
    pub cpus: Option<usize>,
    /// The console's level; the kernel's default where `None`.
    pub console_level: Option<u8>,
    /// The kernel's command line.
    pub cmdline: String,
    /// Leave /proc, /sys and /dev as they are.
    pub no_faces: bool,
    /// Linux 2.4's module system in place of the present one.
    pub personality24: bool,
    /// How much is watched of what modules do with memory; the command's own default where `None`.
    pub check: Option<Mode>,
    /// `--help`.
    pub help: bool,
}

/// Splits the words at the first `--`: ours, and the command's.
fn split(words: &[OsString]) -> (&[OsString], &[OsString]) {
    match words.iter().position(|word| word == "--") {
        Some(at) => (words.get(..at).unwrap_or_default(), words.get(at + 1..).unwrap_or_default()),
        None => (words, &[]),
    }
}

/// Reads the words after `lkm run` or `lkm sh`.
pub fn parse(tool: &str, words: &[OsString]) -> Result<Options, Failure> {
    let (own, command) = split(words);
    let mut options = Options { command: command.to_vec(), ..Options::default() };
    let operands = read(tool, own, &mut options).map_err(|error| Failure::usage(tool, error))?;
    if options.help {
        return Ok(options);
    }
    if tool == "run" {
        operands_of_run(&mut options, operands)?
    } else {
        no_operands(tool, operands)?
    }
    Ok(options)
}

/// Reads our words; gives those that are no options.
fn read(tool: &str, own: &[OsString], options: &mut Options) -> Result<Vec<OsString>, lexopt::Error> {
    let mut parser = lexopt::Parser::from_args(own.iter().cloned());
    let mut operands = Vec::new();
    while let Some(argument) = parser.next()? {
        let Some(argument) = words::option(tool, argument, |word| operands.push(word))? else { continue };
        match argument {
            "json" => options.json = true,
            "verbose" => options.verbose = true,
            "kernel" => options.kernel = Some(parser.value()?.string()?),
            "image" => options.image = Some(parser.value()?.into()),
            "cpus" => options.cpus = Some(parser.value()?.parse_with(count)?),
            "loglevel" => options.console_level = Some(parser.value()?.parse_with(level)?),
            "cmdline" => options.cmdline = parser.value()?.string()?,
            "check" => options.check = Some(parser.value()?.parse_with(check)?),
            "no-faces" => options.no_faces = true,
            "personality" => options.personality24 = parser.value()?.parse_with(personality)?,
            "help" => options.help = true,
            other => return Err(words::untaken(other)),
        }
    }
    Ok(operands)
}

fn count(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|n| (1..=8192).contains(n)).ok_or_else(|| "a number from 1 to 8192 is needed".into())
}

fn check(text: &str) -> Result<Mode, String> {
    match text {
        "fast" => Ok(Mode::Fast),
        "track" => Ok(Mode::Track),
        "guard" => Ok(Mode::Guard),
        "exact" => Ok(Mode::Exact),
        _ => Err("fast, track, guard or exact is needed".into()),
    }
}

/// Whether it is 2.4's.
fn personality(text: &str) -> Result<bool, String> {
    match text {
        "2.4" => Ok(true),
        _ => Err("2.4 is the only one besides the present kernel's".into()),
    }
}

fn level(text: &str) -> Result<u8, String> {
    text.parse().ok().filter(|n| (1..=8).contains(n)).ok_or_else(|| "a number from 1 to 8 is needed".into())
}

fn operands_of_run(options: &mut Options, operands: Vec<OsString>) -> Result<(), Failure> {
    let mut operands = operands.into_iter();
    match operands.next() {
        Some(file) => options.file = file.into(),
        None => return Err(Failure::usage("run", "no module is named")),
    }
    options.params = operands.collect();
    let stray = options.params.iter().find(|word| looks_like_a_module(word));
    match stray {
        Some(word) => Err(Failure::usage("run", format!("{} is a second module; run takes one", word.display()))
            .cause("modules that it depends on are found in its folder and loaded by themselves")),
        None => Ok(()),
    }
}

fn looks_like_a_module(word: &OsString) -> bool {
    let text = word.to_string_lossy();
    !text.contains('=') && [".ko", ".ko.xz", ".ko.zst", ".ko.gz", ".c"].iter().any(|end| text.ends_with(end))
}

fn no_operands(tool: &str, operands: Vec<OsString>) -> Result<(), Failure> {
    match operands.first() {
        Some(word) => {
            let what = format!("{} stands before `--`", word.display());
            Err(Failure::usage(tool, what).cause("the command to run inside comes after `--`"))
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(tool: &str, words: &[&str]) -> Result<Options, Failure> {
        parse(tool, &words.iter().map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn file_parameters_and_command_are_told_apart() {
        let options = parsed("run", &["-v", "x.ko", "a=1", "--cpus=2", "flag", "--", "ls", "--json", "--"]).unwrap();
        assert_eq!(options.file, PathBuf::from("x.ko"));
        assert_eq!(options.params, ["a=1", "flag"]);
        assert_eq!(options.command, ["ls", "--json", "--"]);
        assert_eq!((options.cpus, options.verbose, options.json), (Some(2), true, false));
    }

    #[test]
    fn wrong_words_are_refused() {
        for words in [
            &[][..],
            &["--nope", "x.ko"],
            &["x.ko", "y.ko"],
            &["x.ko", "--cpus", "0"],
            &["x.ko", "--cpus"],
            &["x.ko", "-l99"],
            &["x.ko", "--personality", "2.2"],
        ] {
            assert_eq!(parsed("run", words).unwrap_err().status, 2, "{words:?}");
        }
        assert_eq!(parsed("sh", &["ls"]).unwrap_err().status, 2);
    }
}
