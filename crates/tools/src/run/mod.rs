//! `lkm run` and `lkm sh`: an instance for the time of a module, or of a command.

mod boot;
pub mod build;
pub mod deps;
mod legacy;
mod options;
mod report;
mod sources;

pub use boot::{clear_line, lacks_kernel, progress_line};

use crate::error::{Failure, status};
use crate::kmod::name_from_path;
use crate::term::Paint;
use crate::{Invocation, explain, output};
use boot::Shown;
use build::Built;
use kernel::mm::check::Mode;
use options::Options;
use report::{Refused, Summary};
use rustix::fs::OFlags;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use supervisor::{Calls, Instance, Program};

/// `lkm run`.
pub fn run_main(call: &Invocation) -> Result<u8, Failure> {
    let options = options::parse("run", &call.words)?;
    if options.help {
        return Ok(output::print("lkm", &cli::command("run").help()));
    }
    if options.personality24 { legacy::run(&options) } else { run(&options) }
}

/// `lkm sh`.
pub fn sh_main(call: &Invocation) -> Result<u8, Failure> {
    let options = options::parse("sh", &call.words)?;
    if options.help {
        return Ok(output::print("lkm", &cli::command("sh").help()));
    }
    let profile = boot::profile(&options, &release_for_shell())?;
    let (instance, _) = boot::boot(&options, profile, Mode::Track)?;
    let command = match options.command.as_slice() {
        [] => vec![std::env::var_os("SHELL").filter(|s| !s.is_empty()).unwrap_or_else(|| "/bin/sh".into())],
        words => words.to_vec(),
    };
    let exit = inside(&instance, &options, command)?;
    // A kernel that died was told of already; the command's status counts.
    match instance.shutdown() {
        Err(error @ supervisor::Error::Died(_)) => Err(boot::failure(&error)),
        _ => Ok(exit),
    }
}

fn inside(instance: &Instance, options: &Options, command: Vec<OsString>) -> Result<u8, Failure> {
    let tools = crate::applets(options.personality24).map(|tool| tool.name.to_owned()).collect();
    let (no_faces, personality24) = (options.no_faces, options.personality24);
    let program = Program { command, executable: None, tools, no_faces, personality24 };
    let exit = instance.run(&program).map_err(|error| boot::failure(&error))?;
    Ok(u8::try_from(exit.status()).unwrap_or(u8::MAX))
}

/// The module of a run: a file, and what it says of itself.
#[derive(Debug)]
struct Target {
    path: PathBuf,
    said: Said,
    _built: Option<Built>,
}

/// What a module says of itself.
#[derive(Debug, Default)]
struct Said {
    name: String,
    /// The release that it was built for.
    release: Option<String>,
    /// The modules that it needs.
    depends: Vec<String>,
}

fn target(options: &Options) -> Result<Target, Failure> {
    let file = &options.file;
    if let Err(error) = std::fs::metadata(file) {
        let what = format!("cannot open {}: {}", file.display(), crate::error::errno_text(&error));
        return Err(Failure::new(status::USAGE, what));
    }
    let built = match build::is_source(file) {
        true => {
            let exact = options.check == Some(Mode::Exact);
            Some(build::build(file, options.kernel.as_deref(), exact, options.verbose)?)
        }
        false => None,
    };
    let path = built.as_ref().map_or_else(|| file.clone(), |built| built.module.clone());
    let said = describe(&path);
    Ok(Target { path, said, _built: built })
}

/// What a module says of itself, as far as it tells. A file that is no module is the kernel's to refuse.
fn describe(path: &Path) -> Said {
    let by_file =
        Said { name: String::from_utf8_lossy(&name_from_path(path.as_os_str())).into_owned(), ..Said::default() };
    let Ok(image) = kofile::Image::open(path) else { return by_file };
    let Ok(module) = image.module() else { return by_file };
    let own = module.this_module().ok().map(|this| this.name.to_str_lossy().into_owned());
    let info = module.modinfo();
    let said = info.name().map(|name| name.to_str_lossy().into_owned());
    let release = info.release().map(|release| release.to_str_lossy().into_owned());
    Said {
        name: own.or(said).filter(|name| !name.is_empty()).unwrap_or(by_file.name),
        release: release.filter(|release| !release.is_empty()),
        depends: deps::depends(&module),
    }
}

fn run(options: &Options) -> Result<u8, Failure> {
    let target = target(options)?;
    let release = target.said.release.clone().unwrap_or_else(default_release);
    let profile = boot::profile(options, &release)?;
    let mut summary = Summary {
        file: options.file.display().to_string(),
        module: target.said.name.clone(),
        kernel: profile.release().to_owned(),
        ..Summary::default()
    };
    let (instance, shown) = boot::boot(options, profile, Mode::Guard)?;
    let result = session(options, &target, &instance, &shown, &mut summary);
    finish(options, summary, instance, result.err())
}

/// Ends the instance and reports; the exit status.
fn finish(
    options: &Options,
    mut summary: Summary,
    instance: Instance,
    failure: Option<Failure>,
) -> Result<u8, Failure> {
    let ended = instance.shutdown();
    summary.status = status_of(&summary, failure.as_ref());
    let paint = Paint::for_stderr();
    if let Some(failure) = &failure {
        tell_part!("{}", failure.render(paint));
    }
    tell_part!("{}", report::render(&summary, paint));
    if let (Err(error @ supervisor::Error::Died(_)), None) = (&ended, &failure) {
        let failure = boot::failure(error);
        summary.status = failure.status;
        tell_part!("{}", failure.render(paint));
    }
    if options.json {
        print_json(&summary);
    }
    Ok(summary.status)
}

fn status_of(summary: &Summary, failure: Option<&Failure>) -> u8 {
    let left = summary.report.as_ref().is_some_and(report::left_behind);
    match (failure, summary.command_status) {
        (Some(failure), _) => failure.status,
        (None, Some(command)) if command != 0 => command,
        _ if left => status::LEFT_BEHIND,
        _ => 0,
    }
}

fn print_json(summary: &Summary) {
    if let Ok(mut text) = serde_json::to_string_pretty(summary) {
        text.push('\n');
        output::print("lkm", &text);
    }
}

/// Loads, runs the command, unloads, asks for the report.
fn session(
    options: &Options,
    target: &Target,
    instance: &Instance,
    shown: &Shown,
    summary: &mut Summary,
) -> Result<(), Failure> {
    let kernel = instance.as_caller(wire::Caller { comm: "insmod".into(), ..supervisor::this_process() });
    let (before, missing) = deps::Finder::new(&target.path, &summary.kernel).plan(&target.path, &target.said.depends);
    if options.verbose && !missing.is_empty() {
        tell!("lkm: not found, so taken for built in: {}", missing.join(", "));
    }
    let mut result = Ok(());
    // All but the last one, if that was refused, are loaded.
    let mut tried: Vec<(String, &Path)> = Vec::new();
    let mut loaded = 0;
    for path in before.iter().chain([&target.path]) {
        let params = if *path == target.path { parameters(&options.params) } else { Vec::new() };
        if options.verbose {
            tell!("lkm: loading {} {}", path.display(), String::from_utf8_lossy(&params));
        }
        let name = if *path == target.path { target.said.name.clone() } else { describe(path).name };
        tried.push((name, path));
        result = load(&kernel, path, &params, options, shown, summary);
        if result.is_err() {
            break;
        }
        loaded += 1;
    }
    if result.is_ok() && !options.command.is_empty() {
        result = inside(instance, options, options.command.clone()).map(|status| summary.command_status = Some(status));
    }
    for (name, _) in tried.iter().take(loaded).rev() {
        // What cannot be unloaded is in the report; what the command unloaded is gone.
        let _ = kernel.delete_module(name.as_bytes(), OFlags::NONBLOCK.bits());
    }
    match kernel.report() {
        Ok(mut report) => {
            let file_of =
                |name: &str| tried.iter().find(|(known, _)| known == name).map(|(_, path)| path.to_path_buf());
            sources::add(&mut report, file_of);
            summary.report = Some(report);
        }
        Err(error) => result = result.and(Err(boot::failure(&error))),
    }
    result
}

fn load(
    kernel: &impl Calls,
    path: &Path,
    params: &[u8],
    options: &Options,
    shown: &Shown,
    summary: &mut Summary,
) -> Result<(), Failure> {
    let file = File::open(path).map_err(|error| {
        Failure::new(status::USAGE, format!("cannot open {}: {}", path.display(), crate::error::errno_text(&error)))
    })?;
    let before = shown.lines().len();
    let error = match kernel.init_module(file.as_fd(), params, 0, path.to_str()) {
        Ok(()) => return Ok(()),
        Err(error) => error,
    };
    // Built modules lie in a folder that nobody knows.
    let named = if build::is_source(&options.file) { options.file.as_path() } else { path };
    let log: Vec<String> = shown.lines().into_iter().skip(before).collect();
    let failure = match error {
        supervisor::Error::Errno(errno) => {
            let failure = refused(kernel, path, named, errno, explain::telling(log));
            about_symbols(failure, path, options, &summary.kernel)
        }
        supervisor::Error::Killed { .. } => {
            Failure::new(status::REFUSED, format!("the init function of {} oopsed", named.display()))
                .cause("the log above shows where")
        }
        other => return Err(boot::failure(&other)),
    };
    summary.refused = Some(Refused {
        file: named.display().to_string(),
        errno: match error {
            supervisor::Error::Errno(errno) => explain::errno_name(errno),
            _ => "killed".into(),
        },
        cause: failure.cause.clone(),
        cure: failure.cure.clone(),
        log: failure.evidence.clone(),
    });
    Err(failure)
}

/// Where the console says nothing, the log may.
fn refused(kernel: &impl Calls, path: &Path, named: &Path, errno: i32, log: Vec<String>) -> Failure {
    const READ_ALL: i32 = 3;
    let said = || explain::place(path, &kernel.syslog(READ_ALL, 1 << 20).ok()?.1);
    // The log does not tell of a packed file that cannot be unpacked.
    let packed = || kofile::Image::open(path).err().map(|error| error.to_string());
    let place = || said().or_else(packed);
    match log.is_empty().then(place).flatten() {
        Some(place) => explain::damaged(named, errno, place),
        None => explain::refusal(named, errno, log),
    }
}

/// Names the symbols that are missing, who has them and what to do, as `lkm check` does.
fn about_symbols(failure: Failure, path: &Path, options: &Options, release: &str) -> Failure {
    if !failure.evidence.iter().any(|line| line.contains("Unknown symbol")) {
        return failure;
    }
    let found = crate::checker::missing(path, options.image.as_deref(), release);
    let join = |texts: Vec<String>| Some(texts.join("; ")).filter(|text| !text.is_empty());
    let what = join(found.iter().map(|finding| finding.what.clone()).collect());
    let mut cures: Vec<String> = found.iter().filter_map(|finding| finding.cure.clone()).collect();
    cures.dedup();
    match what {
        Some(what) => Failure { cause: Some(what), cure: join(cures), ..failure },
        None => failure,
    }
}

/// Words as a parameter string: a value with blanks gets quotes, which the shell took away.
fn parameters(words: &[OsString]) -> Vec<u8> {
    let quoted = words.iter().map(|word| {
        let bytes = word.as_bytes();
        let blank = bytes.iter().any(u8::is_ascii_whitespace) && !bytes.contains(&b'"');
        match bytes.iter().position(|&c| c == b'=') {
            Some(at) if blank => {
                let (name, value) = bytes.split_at(at + 1);
                [name, b"\"", value, b"\""].concat()
            }
            _ => bytes.to_vec(),
        }
    });
    quoted.collect::<Vec<_>>().join(&b' ')
}

/// The releases that have a folder in /lib/modules, oldest first.
pub fn releases() -> Vec<String> {
    let entries = std::fs::read_dir("/lib/modules").into_iter().flatten().flatten();
    let mut names: Vec<String> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort_by(|a, b| abi::compare_releases(a, b));
    names
}

/// The kernel for a module that does not say which: this machine's, or the newest with an image.
pub fn default_release() -> String {
    let host = rustix::system::uname().release().to_string_lossy().into_owned();
    let available = abi::list(&abi::Options::default());
    if available.iter().any(|kernel| kernel.release == host) {
        return host;
    }
    let better = |a: &&abi::Available, b: &&abi::Available| {
        a.is_image.cmp(&b.is_image).then_with(|| abi::compare_releases(&a.release, &b.release))
    };
    available.iter().max_by(better).map_or(host, |newest| newest.release.clone())
}

/// The kernel for `lkm sh`: the one that most modules in this folder were built for, if it can be had.
fn release_for_shell() -> String {
    let mut votes: BTreeMap<String, usize> = BTreeMap::new();
    let entries = std::fs::read_dir(".").into_iter().flatten().flatten().map(|entry| entry.path());
    for path in entries.filter(|path| path.to_string_lossy().contains(".ko")).take(64) {
        if let Some(release) = describe(&path).release {
            *votes.entry(release).or_default() += 1;
        }
    }
    if !votes.is_empty() {
        let available = abi::list(&abi::Options::default());
        votes.retain(|release, _| available.iter().any(|kernel| kernel.release == *release));
    }
    votes.into_iter().max_by_key(|(_, count)| *count).map_or_else(default_release, |(release, _)| release)
}

#[cfg(test)]
mod tests;
