//! `lkm run --personality 2.4`: a module of Linux 2.4 from its source or its object, through 2.4's system calls.

use super::boot::Shown;
use super::build::Workshop;
use super::options::Options;
use super::report::{Refused, Summary};
use super::{boot, default_release, finish, inside};
use crate::error::{Failure, status};
use crate::modutils::kernel::Kernel;
use crate::modutils::{Messages, compat, insmod};
use crate::run::build;
use std::path::{Path, PathBuf};
use supervisor::{Calls, Instance};

/// Builds, loads, runs the command, unloads, reports.
pub fn run(options: &Options) -> Result<u8, Failure> {
    let file = &options.file;
    if let Err(error) = std::fs::metadata(file) {
        let what = format!("cannot open {}: {}", file.display(), crate::error::errno_text(&error));
        return Err(Failure::new(status::USAGE, what));
    }
    if file.is_dir() {
        let what = format!("{} is a folder", file.display());
        return Err(Failure::new(status::USAGE, what)
            .cure("name the .c or the .o file: 2.4's modules are built without kbuild"));
    }
    let profile = boot::profile(options, &default_release())?;
    let mut summary = Summary {
        file: file.display().to_string(),
        module: insmod::name_of(Path::new(&file.with_extension(""))),
        kernel: format!("{}, module system of 2.4", profile.release()),
        ..Summary::default()
    };
    let (instance, shown) = boot::boot(options, profile, ::kernel::mm::check::Mode::Track)?;
    let result = session(options, &instance, &shown, &mut summary);
    finish(options, summary, instance, result.err())
}

fn session(options: &Options, instance: &Instance, shown: &Shown, summary: &mut Summary) -> Result<(), Failure> {
    let caller = instance.as_caller(wire::Caller { comm: "insmod".into(), ..supervisor::this_process() });
    let kernel = Kernel(&caller);
    let built;
    let object = if build::is_source(&options.file) {
        built = compiled(options, &kernel)?;
        built.1.as_path()
    } else {
        options.file.as_path()
    };
    let mut result = load(options, object, &kernel, shown, summary);
    if result.is_ok() && !options.command.is_empty() {
        result = inside(instance, options, options.command.clone()).map(|status| summary.command_status = Some(status));
    }
    // What cannot be unloaded is in the report; what the command unloaded is gone.
    let _ = kernel.delete(Some(&summary.module));
    match caller.report() {
        Ok(report) => summary.report = Some(report),
        Err(error) => result = result.and(Err(boot::failure(&error))),
    }
    result
}

/// Compiles the source for the running kernel; the object lives as long as its folder.
fn compiled(options: &Options, kernel: &Kernel<'_>) -> Result<(Workshop, PathBuf), Failure> {
    let failed = |what: &str, error: &dyn std::fmt::Display| {
        Failure::new(status::BUILD, format!("cannot build {}: {what}: {error}", options.file.display()))
    };
    let symbols = kernel.symbols(None).map_err(|error| failed("asking the kernel for its symbols", &error.text()))?;
    let workshop = Workshop::new().map_err(|error| failed("making a temporary folder", &error))?;
    compat::write_headers(workshop.path(), &symbols).map_err(|error| failed("writing the headers", &error))?;
    let versions = symbols.iter().any(|s| s.name == "Using_Versions");
    let (object, said) = compat::compile(&options.file, workshop.path(), versions).map_err(|error| {
        Failure::lacks(format!("cannot run gcc: {error}"))
            .cure("apt install gcc (a module of 2.4 is compiled by it alone)")
    })?;
    if !said.status.success() || options.verbose {
        // Nothing is left to tell it to if standard error is gone.
        let _ = std::io::Write::write_all(&mut std::io::stderr(), &said.stderr);
    }
    if !said.status.success() {
        let what = format!("building {} with the headers of 2.4 failed", options.file.display());
        return Err(Failure::new(status::BUILD, what).cure("the compiler's message is above"));
    }
    Ok((workshop, object))
}

fn load(
    options: &Options,
    object: &Path,
    kernel: &Kernel<'_>,
    shown: &Shown,
    summary: &mut Summary,
) -> Result<(), Failure> {
    let mut messages = Messages::new("insmod");
    // Standard output is the command's.
    messages.quiet_output = true;
    let how = insmod::Options::plain(&summary.module, &options.params, summary.file.clone());
    let before = shown.lines().len();
    let stop = match insmod::run(kernel, &object.as_os_str().to_owned(), &how, &mut messages) {
        Ok(()) => return Ok(()),
        Err(stop) => stop,
    };
    let log = shown.lines().into_iter().skip(before).collect();
    let (errno, failure) = match stop {
        insmod::Stop::Killed(_) => (
            "killed",
            Failure::new(status::REFUSED, format!("the init function of {} oopsed", summary.file))
                .cause("the log above shows where"),
        ),
        insmod::Stop::Failed => (
            "refused",
            Failure::new(status::REFUSED, format!("{} was not loaded", summary.file))
                .cause("insmod's message is above"),
        ),
    };
    summary.refused = Some(Refused {
        file: summary.file.clone(),
        errno: errno.into(),
        cause: failure.cause.clone(),
        cure: failure.cure.clone(),
        log,
    });
    Err(failure)
}
