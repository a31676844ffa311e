//! `lkm check`: what is wrong with modules, told before they are loaded. What is looked for is in the crate `check`.

mod inputs;
mod print;

use crate::error::{Failure, status};
use crate::run::{clear_line, default_release, lacks_kernel, progress_line};
use crate::{Invocation, explain, output, words};
use abi::Profile;
use check::{Checked, Exporters, Finding, Kernel, Kind, Outcome, Severity};
use inputs::Group;
use lexopt::ValueExt;
use moddb::dir::ModuleDir;
use std::cell::RefCell;
use std::path::{Path, PathBuf};

/// What was asked for.
#[derive(Debug, Default)]
struct Options {
    kernel: Option<String>,
    image: Option<PathBuf>,
    json: bool,
    words: Vec<PathBuf>,
}

/// The command.
pub fn main(call: &Invocation) -> Result<u8, Failure> {
    let mut options = Options::default();
    let mut parser = lexopt::Parser::from_args(call.words.iter().cloned());
    let usage = |error: lexopt::Error| Failure::usage("check", error);
    while let Some(argument) = parser.next().map_err(usage)? {
        let word = |word| options.words.push(PathBuf::from(word));
        let Some(argument) = words::option("check", argument, word).map_err(usage)? else { continue };
        match argument {
            "help" => return Ok(output::print("lkm", &cli::command("check").help())),
            "json" => options.json = true,
            "kernel" => options.kernel = Some(parser.value().and_then(|value| value.string()).map_err(usage)?),
            "image" => options.image = Some(parser.value().map_err(usage)?.into()),
            other => return Err(usage(words::untaken(other))),
        }
    }
    if options.words.is_empty() {
        return Err(Failure::usage("check", "a module or a folder with modules is needed"));
    }
    all(&options)
}

fn all(options: &Options) -> Result<u8, Failure> {
    let found = inputs::find(options)?;
    let mut outcomes = Vec::new();
    let mut is_adopted = false;
    for group in &found.groups {
        outcomes.push((group.release.clone(), of_kernel(options, group, &mut is_adopted)?));
    }
    let text = if options.json { print::json(&outcomes) } else { print::text(&outcomes) };
    let printed = output::print("lkm", &text);
    if printed != 0 {
        return Ok(printed);
    }
    for failure in &found.unread {
        tell_part!("{}", failure.render(crate::term::Paint::for_stderr()));
    }
    let worst = outcomes.iter().flat_map(|(_, outcome)| findings(outcome)).map(|finding| finding.severity).max();
    Ok(match worst {
        _ if !found.unread.is_empty() => status::USAGE,
        Some(Severity::Warning | Severity::Error) => 1,
        _ => 0,
    })
}

fn findings(outcome: &Outcome) -> impl Iterator<Item = &Finding> {
    outcome.files.iter().flat_map(|file| &file.findings)
}

/// Checks the modules of one kernel.
fn of_kernel(options: &Options, group: &Group, is_adopted: &mut bool) -> Result<Outcome, Failure> {
    let kernel = match kernel(options.image.as_deref(), &group.release) {
        Ok(kernel) => Some(kernel),
        Err(failure) if options.kernel.is_some() || options.image.is_some() => {
            return Err(Failure { status: status::USAGE, ..failure });
        }
        Err(_) => None,
    };
    if let (Some(_), false) = (&kernel, *is_adopted) {
        check::adopt(profile(options.image.as_deref(), &group.release)?);
        *is_adopted = true;
    }
    let mut outcome = check::check(&group.inputs, &group.beside, kernel.as_ref());
    for file in &mut outcome.files {
        if kernel.is_none() {
            file.findings.push(unknown_kernel(file, &group.release));
        }
        file.findings.iter_mut().for_each(add_cure);
    }
    Ok(outcome)
}

fn unknown_kernel(file: &Checked, release: &str) -> Finding {
    let place = check::Place { file: file.file.clone(), ..check::Place::default() };
    let what = format!("nothing is known of kernel {release}: symbols, and what it refuses, were not checked");
    let cure =
        format!("apt install linux-image-{release} or linux-headers-{release}, or name another one: --kernel RELEASE");
    Finding::new(Kind::NotChecked, place, what).cure(cure)
}

/// What `lkm run` says of the same refusal.
fn add_cure(finding: &mut Finding) {
    if let (Some(errno), None, Kind::Refused) = (finding.errno, &finding.cure, finding.kind) {
        let known = explain::explain(errno, std::slice::from_ref(&finding.what));
        finding.cure = known.map(|known| known.cure.replace('\n', " "));
    }
}

fn profile(image: Option<&Path>, release: &str) -> Result<Profile, Failure> {
    let options =
        abi::Options { image: image.map(Path::to_owned), progress: progress_line(), ..abi::Options::default() };
    let found = match image {
        Some(image) => Profile::from_image(image, &options),
        None => Profile::for_release(release, &options),
    };
    clear_line();
    found.map_err(|error| lacks_kernel(release, &error))
}

/// The kernel of a release, or of an image, with its module tree.
fn kernel(image: Option<&Path>, release: &str) -> Result<Kernel, Failure> {
    let profile = profile(image, release)?;
    let in_tree = exporters(profile.release());
    Ok(Kernel::new(profile, in_tree))
}

/// What is wrong with the symbols that a module imports; nothing if it cannot be told.
pub fn missing(path: &Path, image: Option<&Path>, release: &str) -> Vec<Finding> {
    let Ok(kernel) = kernel(image, release) else { return Vec::new() };
    let (input, beside) = inputs::with_neighbours(path);
    check::missing_symbols(&input, &beside, &kernel)
}

/// Who exports a symbol, by the indexes of depmod. Without them nobody does.
fn exporters(release: &str) -> Exporters {
    thread_local! {
        /// Each thread reads the indexes once.
        static OPEN: RefCell<Option<ModuleDir>> = const { RefCell::new(None) };
    }
    let path = Path::new("/lib/modules").join(release);
    Box::new(move |symbol| {
        OPEN.with_borrow_mut(|open| {
            if open.as_ref().is_some_and(|dir| dir.path() != path) {
                *open = None;
            }
            let dir = open.get_or_insert_with(|| ModuleDir::new(&path));
            let found = dir.symbols(format!("symbol:{symbol}").as_bytes()).unwrap_or_default();
            found.into_iter().map(|found| String::from_utf8_lossy(&found.module).into_owned()).collect()
        })
    })
}
