//! Runs the init function of every module of a tree, each in a kernel (and process) of its own: which of them need
//! nothing but lkm's own code.
//!
//! The modules that one needs are initialised before it. What a module asks of a machine that the instance has not
//! (`-ENODEV` and kin) is counted apart: nothing is missing there, and yet nothing was shown.

use kernel::mm::check::{Mode, findings};
use kernel::module::load::{LoadError, Request, init_module};
use kernel::{Config, boot, borrow, exports, fault, sched};
use loader::Flags;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// What became of one module.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Outcome {
    pub(crate) verdict: Verdict,
    /// The symbol or errno that it ended at, or what was borrowed.
    pub(crate) at: String,
    /// What was found wrong with its accesses to memory.
    #[serde(default)]
    pub(crate) findings: Vec<String>,
}

impl Outcome {
    fn new(verdict: Verdict, at: String) -> Self {
        Self { verdict, at, findings: Vec::new() }
    }
}

/// Ways for an init to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Verdict {
    /// It returned 0, and neither it nor what it needs called a trap or borrowed code.
    Own,
    /// The same, but something that was called is marked as partial.
    Partial,
    /// It returned 0 and runs code of the kernel's image.
    Borrowed,
    /// It says that this machine has not what it is for.
    NoDevice,
    /// It returned another error.
    Error,
    /// It called what lkm has not.
    Trap,
    /// It died otherwise.
    Died,
    /// A module that it needs came to nothing.
    Dependency,
    /// It did not end in time.
    Late,
}

const VERDICTS: [(Verdict, &str); 9] = [
    (Verdict::Own, "init succeeds: nothing borrowed, no trap called, every function that was called is complete"),
    (Verdict::Partial, "init succeeds: nothing borrowed, no trap called, but a function that was called is partial"),
    (Verdict::Borrowed, "init succeeds with borrowed code"),
    (Verdict::NoDevice, "ends with ENODEV, ENXIO or ENOENT: the instance has no such hardware, and no trap was called"),
    (Verdict::Error, "ends with another error"),
    (Verdict::Trap, "calls a symbol that lkm does not have"),
    (Verdict::Died, "dies otherwise"),
    (Verdict::Dependency, "a module that it needs does not get through"),
    (Verdict::Late, "does not end in time"),
];

/// How long a module and all that it needs may take.
const LIMIT: Duration = Duration::from_secs(20);
/// Symbols that are listed.
const LISTED: usize = 60;

/// Runs all modules of the release that begins with `version` and writes the table.
pub(crate) fn all(version: &str) -> Result<(), String> {
    let (release, outcomes) = run(version, Mode::default())?;
    for (verdict, meaning) in VERDICTS {
        println!("{:5} {meaning}", outcomes.values().filter(|o| o.verdict == verdict).count());
    }
    let file = format!("docs/generated/inits-{version}.md");
    fs::write(&file, table(&release, &outcomes)).map_err(|e| format!("{file}: {e}"))?;
    note(version, &release, &outcomes)
}

/// Runs all modules of the release that begins with `version`: the release, and what became of each.
pub(crate) fn run(version: &str, mode: Mode) -> Result<(String, BTreeMap<String, Outcome>), String> {
    let release =
        abi::newest(version, &abi::Options::default()).ok_or_else(|| format!("no kernel {version} is installed"))?;
    let dep = dependencies(&release)?;
    let mut modules: Vec<&str> = dep.lines().filter_map(|line| Some(line.split_once(':')?.0)).collect();
    modules.sort_unstable();
    let next = AtomicUsize::new(0);
    let outcomes = Mutex::new(BTreeMap::new());
    let work = || {
        while let Some(module) = modules.get(next.fetch_add(1, Ordering::Relaxed)) {
            let outcome = child(&release, module, mode)?;
            outcomes.lock().map_err(|e| e.to_string())?.insert((*module).to_string(), outcome);
        }
        Ok::<(), String>(())
    };
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        workers.into_iter().try_for_each(|worker| worker.join().map_err(|_| "a worker died".to_string())?)
    })?;
    Ok((release, outcomes.into_inner().map_err(|e| e.to_string())?))
}

/// What a run leaves for [`crate::real`].
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Noted {
    /// The kernel.
    pub(crate) release: String,
    /// Lines of modules.dep without colon: a module whose init succeeds on lkm's own code, and what it needs.
    pub(crate) succeeding: Vec<String>,
}

fn notes(version: &str) -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from);
    target.join(format!("inits-{version}.json"))
}

fn note(version: &str, release: &str, outcomes: &BTreeMap<String, Outcome>) -> Result<(), String> {
    let dep = dependencies(release)?;
    let succeeds =
        |module: &str| outcomes.get(module).is_some_and(|o| matches!(o.verdict, Verdict::Own | Verdict::Partial));
    let lines = dep.lines().filter(|line| line.split_once(':').is_some_and(|(module, _)| succeeds(module)));
    let noted =
        Noted { release: release.to_string(), succeeding: lines.map(|line| line.replacen(':', "", 1)).collect() };
    let file = notes(version);
    let json = serde_json::to_string(&noted).map_err(|e| e.to_string())?;
    fs::write(&file, json).map_err(|e| format!("{}: {e}", file.display()))
}

/// What the last run for a version noted.
pub(crate) fn noted(version: &str) -> Result<Noted, String> {
    let file = notes(version);
    let json = fs::read(&file).map_err(|e| format!("{}: {e} (`xtask inits {version}` writes it)", file.display()))?;
    serde_json::from_slice(&json).map_err(|e| format!("{}: {e}", file.display()))
}

fn dependencies(release: &str) -> Result<String, String> {
    let file = format!("/lib/modules/{release}/modules.dep");
    fs::read_to_string(&file).map_err(|e| format!("{file}: {e}"))
}

fn child(release: &str, module: &str, mode: Mode) -> Result<Outcome, String> {
    let exe = std::env::current_exe().map_err(|e| e.to_string())?;
    let mut child = Command::new(exe)
        .args(["inits-one", release, module])
        .args((mode == Mode::Exact).then_some("exact"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|e| e.to_string())?;
    if !ended(&mut child)? {
        return Ok(Outcome::new(Verdict::Late, String::new()));
    }
    let out = child.wait_with_output().map_err(|e| e.to_string())?;
    let died = || Outcome::new(Verdict::Died, format!("the kernel process: {}", out.status));
    Ok(serde_json::from_slice(&out.stdout).unwrap_or_else(|_| died()))
}

/// False if it had to be killed.
fn ended(child: &mut Child) -> Result<bool, String> {
    let start = Instant::now();
    let mut pause = Duration::from_millis(1);
    while start.elapsed() < LIMIT {
        if child.try_wait().map_err(|e| e.to_string())?.is_some() {
            return Ok(true);
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(20));
    }
    child.kill().and_then(|()| child.wait()).map_err(|e| e.to_string())?;
    Ok(false)
}

/// Runs one module and what it needs in this process and prints the outcome as JSON.
pub(crate) fn one(release: &str, module: &str, check: Mode) -> Result<(), String> {
    let profile = abi::Profile::for_release(release, &abi::Options::default()).map_err(|e| e.to_string())?;
    let files = needed(release, module)?;
    // Module code runs here: it gets the sandbox that it has in the kernel process.
    sys::sandbox::lock_down(&[std::io::stdout().as_fd()]).map_err(|e| e.to_string())?;
    boot(Config { check, ..Config::new(profile) })?;
    let task = sched::Task::attach().map_err(|e| e.to_string())?;
    let mut outcome = task.run(&wire::kernel_caller(), || judge(&files));
    outcome.findings = findings().into_iter().map(|finding| finding.what).collect();
    println!("{}", serde_json::to_string(&outcome).map_err(|e| e.to_string())?);
    Ok(())
}

/// The module's file and those that it needs, in the order in which they are loaded.
fn needed(release: &str, module: &str) -> Result<Vec<(String, kofile::Image<'static>)>, String> {
    let root = format!("/lib/modules/{release}");
    let dep = dependencies(release)?;
    let line = dep.lines().find_map(|line| line.split_once(':').filter(|(name, _)| *name == module));
    let (_, needs) = line.ok_or_else(|| format!("{module} is not in modules.dep"))?;
    let files = needs.split_whitespace().rev().chain([module]);
    files
        .map(|file| {
            let path = format!("{root}/{file}");
            kofile::Image::open(&path).map(|image| (path, image)).map_err(|e| e.to_string())
        })
        .collect()
}

fn judge(files: &[(String, kofile::Image<'_>)]) -> Outcome {
    for (i, (path, image)) in files.iter().enumerate() {
        let request = Request { file: path, bytes: image.bytes(), params: Ok(b""), flags: Flags(0), path: None };
        let mut outcome = verdict(init_module(&request));
        if matches!(outcome.verdict, Verdict::Own | Verdict::Partial | Verdict::Borrowed) {
            continue;
        }
        if i + 1 < files.len() && outcome.verdict != Verdict::Trap {
            outcome.verdict = Verdict::Dependency;
            outcome.at = path.rsplit('/').next().unwrap_or_default().to_string();
        }
        return outcome;
    }
    verdict(Ok(()))
}

fn verdict(result: Result<(), LoadError>) -> Outcome {
    let trapped = fault::trapped();
    if let Some(symbol) = trapped.into_iter().next() {
        return Outcome::new(Verdict::Trap, symbol);
    }
    let borrowed = borrow::called();
    match result {
        Ok(()) if borrowed.is_empty() => {
            let at = partial().join(" ");
            Outcome::new(if at.is_empty() { Verdict::Own } else { Verdict::Partial }, at)
        }
        Ok(()) => Outcome::new(Verdict::Borrowed, borrowed.join(" ")),
        Err(LoadError::Died) => Outcome::new(Verdict::Died, String::new()),
        Err(LoadError::Refused(refusal)) => {
            let number = refusal.errno.0;
            let absent = [kabi::errno::ENODEV, kabi::errno::ENXIO, kabi::errno::ENOENT].contains(&refusal.errno);
            let verdict = if absent && borrowed.is_empty() { Verdict::NoDevice } else { Verdict::Error };
            Outcome::new(verdict, format!("errno {number}"))
        }
    }
}

/// Functions that were called although something of them is missing.
fn partial() -> Vec<&'static str> {
    let called = exports::functions().filter(|e| e.partial.is_some() && e.was_called());
    called.filter_map(|e| e.names.first().copied()).collect()
}

fn table(release: &str, outcomes: &BTreeMap<String, Outcome>) -> String {
    let count = |verdict: Verdict| outcomes.values().filter(|o| o.verdict == verdict).count();
    let mut text = format!(
        "# Init functions of a distribution's modules\n\nWritten by `cargo run --release -p xtask -- inits`. Each of the \
         {} modules of {release} is loaded with\nall that it needs into a kernel of its own, and their init functions run.\n\n\
         | modules | outcome |\n|---|---|\n",
        outcomes.len()
    );
    for (verdict, meaning) in VERDICTS {
        let _ = writeln!(text, "| {} | {meaning} |", count(verdict));
    }
    for (verdict, title) in [
        (Verdict::Trap, "Symbols that modules end at"),
        (Verdict::Partial, "Partial functions where init succeeds"),
        (Verdict::Borrowed, "What is borrowed where init succeeds"),
        (Verdict::Error, "Other errors"),
        (Verdict::Died, "Other deaths"),
    ] {
        let _ = writeln!(text, "\n## {title}\n\n| modules | what |\n|---|---|");
        for (at, modules) in ranking(outcomes, verdict).into_iter().take(LISTED) {
            let _ = writeln!(text, "| {modules} | {at} |");
        }
    }
    let _ =
        writeln!(text, "\n## Modules whose init succeeds on lkm's own code, with complete functions or partial ones\n");
    for (folder, modules) in by_folder(outcomes) {
        let _ = writeln!(text, "- {folder}: {}", modules.join(" "));
    }
    text
}

/// What modules ended at, the commonest first.
fn ranking(outcomes: &BTreeMap<String, Outcome>, verdict: Verdict) -> Vec<(String, usize)> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for outcome in outcomes.values().filter(|o| o.verdict == verdict) {
        // Of borrowed and of partial functions there may be several.
        let separator = if matches!(verdict, Verdict::Borrowed | Verdict::Partial) { ' ' } else { '\n' };
        outcome.at.split(separator).for_each(|what| *counts.entry(what).or_default() += 1);
    }
    let mut out: Vec<(String, usize)> = counts.into_iter().map(|(at, n)| (at.to_string(), n)).collect();
    out.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
    out
}

/// Names of the modules that need nothing else, by the first two folders of their paths.
fn by_folder(outcomes: &BTreeMap<String, Outcome>) -> BTreeMap<String, Vec<&str>> {
    let mut out: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (path, _) in outcomes.iter().filter(|(_, o)| matches!(o.verdict, Verdict::Own | Verdict::Partial)) {
        let folders: Vec<&str> = path.split('/').skip(1).collect();
        let (name, folders) = folders.split_last().unwrap_or((&"", &[]));
        let folder = folders.iter().take(2).copied().collect::<Vec<_>>().join("/");
        out.entry(folder).or_default().push(name.split('.').next().unwrap_or(name));
    }
    out
}
