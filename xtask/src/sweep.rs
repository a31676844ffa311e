//! Loads and relocates every module of a tree, each with its dependencies, in one kernel: nothing may fail.
//!
//! Nothing of the modules runs. A release has a process of its own, so a crash of one is told and not fatal.

use kernel::module::load::{LoadError, Request, place_only};
use kernel::{Config, boot, sched};
use loader::Flags;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

/// What one release gave.
#[derive(Debug, Serialize, Deserialize)]
struct Outcome {
    release: String,
    modules: usize,
    loaded: usize,
    relocations: usize,
    seconds: f64,
    failures: Vec<String>,
}

/// Where the table goes.
const TABLE: &str = "docs/generated/sweep.md";

/// Sweeps the given releases, or all that have modules here, and writes the table.
pub(crate) fn all(releases: &[&str]) -> Result<(), String> {
    let mut wanted: Vec<String> = releases.iter().map(|r| (*r).to_string()).collect();
    if wanted.is_empty() {
        wanted = installed()?;
    }
    let mut outcomes = Vec::new();
    for release in wanted {
        let outcome = child(&release)?;
        println!(
            "{release}: {} of {} modules placed and relocated, {} relocations, {:.1} s, {} failures",
            outcome.loaded,
            outcome.modules,
            outcome.relocations,
            outcome.seconds,
            outcome.failures.len()
        );
        outcome.failures.iter().take(20).for_each(|f| println!("  {f}"));
        outcomes.push(outcome);
    }
    write_table(&outcomes)?;
    let failed: usize = outcomes.iter().map(|o| o.modules - o.loaded).sum();
    println!("{} passed, {failed} failed", outcomes.iter().map(|o| o.loaded).sum::<usize>());
    if failed == 0 { Ok(()) } else { Err(format!("{failed} modules cannot be loaded")) }
}

fn installed() -> Result<Vec<String>, String> {
    let entries = fs::read_dir("/lib/modules").map_err(|e| format!("/lib/modules: {e}"))?;
    let mut out: Vec<String> = entries
        .filter_map(|e| e.ok()?.file_name().into_string().ok())
        .filter(|release| Path::new("/lib/modules").join(release).join("modules.dep").exists())
        .collect();
    out.sort();
    if out.is_empty() {
        return Err("no module tree in /lib/modules: install linux-image-amd64".to_string());
    }
    Ok(out)
}

fn child(release: &str) -> Result<Outcome, String> {
    let exe = std::env::current_exe().map_err(|e| e.to_string())?;
    let out = Command::new(exe).args(["sweep-one", release]).output().map_err(|e| e.to_string())?;
    if !out.status.success() {
        return Err(format!("{release}: {}: {}", out.status, String::from_utf8_lossy(&out.stderr)));
    }
    serde_json::from_slice(&out.stdout).map_err(|e| format!("{release}: {e}"))
}

/// Sweeps one release in this process and prints the outcome as JSON.
pub(crate) fn one(release: &str) -> Result<(), String> {
    let profile = abi::Profile::for_release(release, &abi::Options::default()).map_err(|e| e.to_string())?;
    boot(Config::new(profile))?;
    let task = sched::Task::attach().map_err(|e| e.to_string())?;
    let order = order(release)?;
    let start = Instant::now();
    let mut outcome = Outcome {
        release: release.to_string(),
        modules: order.len(),
        loaded: 0,
        relocations: 0,
        seconds: 0.0,
        failures: Vec::new(),
    };
    task.run(&wire::kernel_caller(), || {
        for path in &order {
            match load(path) {
                Ok(relocations) => {
                    outcome.loaded += 1;
                    outcome.relocations += relocations;
                }
                Err(e) => outcome.failures.push(format!("{path}: {e}")),
            }
        }
    });
    outcome.seconds = start.elapsed().as_secs_f64();
    println!("{}", serde_json::to_string(&outcome).map_err(|e| e.to_string())?);
    Ok(())
}

pub(crate) fn load(path: &str) -> Result<usize, String> {
    let image = kofile::Image::open(path).map_err(|e| e.to_string())?;
    let request = Request { file: path, bytes: image.bytes(), params: Ok(b""), flags: Flags(0), path: None };
    place_only(&request).map_err(|e| match e {
        LoadError::Refused(refusal) => refusal.to_string(),
        LoadError::Died => "died".to_string(),
    })
}

/// Full paths of all modules, dependencies first.
pub(crate) fn order(release: &str) -> Result<Vec<String>, String> {
    let root = format!("/lib/modules/{release}");
    let dep = fs::read_to_string(format!("{root}/modules.dep")).map_err(|e| format!("{root}/modules.dep: {e}"))?;
    let needs: BTreeMap<&str, Vec<&str>> = dep
        .lines()
        .filter_map(|line| line.split_once(':'))
        .map(|(module, deps)| (module, deps.split_whitespace().collect()))
        .collect();
    let mut done = HashSet::new();
    let mut out = Vec::with_capacity(needs.len());
    for module in needs.keys() {
        visit(module, &needs, &mut done, &mut out);
    }
    Ok(out.into_iter().map(|m| format!("{root}/{m}")).collect())
}

fn visit<'a>(
    module: &'a str,
    needs: &BTreeMap<&'a str, Vec<&'a str>>,
    done: &mut HashSet<&'a str>,
    out: &mut Vec<&'a str>,
) {
    if !done.insert(module) {
        return;
    }
    for dependency in needs.get(module).into_iter().flatten() {
        visit(dependency, needs, done, out);
    }
    out.push(module);
}

fn write_table(outcomes: &[Outcome]) -> Result<(), String> {
    let mut text = String::from(
        "# Every module of a distribution, placed and relocated\n\n\
         Written by `make sweep`. All modules of a release are loaded into one kernel, dependencies first; nothing of\n\
         them runs.\n\n| release | modules | loaded | failures | relocations | seconds |\n|---|---|---|---|---|---|\n",
    );
    for o in outcomes {
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {:.1} |",
            o.release,
            o.modules,
            o.loaded,
            o.failures.len(),
            o.relocations,
            o.seconds
        );
    }
    for failure in outcomes.iter().flat_map(|o| &o.failures) {
        let _ = writeln!(text, "\n- {failure}");
    }
    fs::create_dir_all("docs/generated").and_then(|()| fs::write(TABLE, text)).map_err(|e| format!("{TABLE}: {e}"))
}
