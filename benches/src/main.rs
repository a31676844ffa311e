//! Measures lkm against what it replaces, and where its time goes.
//!
//! ```text
//! cargo run --release -p bench [-- [--json] [--no-qemu] [--rounds N] [NAME ...]]
//! ```
//!
//! NAME: `run`, `phases`, `load`, `printk`, `border`, `memory`, `exact`, `library`, `depmod`, `check`, `tools`; all of them if none is given. Subjects
//! that are compared are measured in turn, round by round, in one run; the table has medians, the middle half of the samples,
//! and the median of the ratios within the rounds. What must not share a process has its own: the program then calls
//! itself with `sample`, and gets numbers back as JSON.
#![forbid(unsafe_code)]

mod border;
mod check;
mod depmod;
mod exact;
mod init;
mod library;
mod load;
mod memory;
mod modules;
mod phases;
mod printk;
mod run;
mod start;
mod stats;
mod tools;

use modules::Modules;
use stats::Row;
use std::process::{Command, ExitCode};

/// What the words of the command line mean.
#[derive(Debug, Default)]
struct Options {
    json: bool,
    no_qemu: bool,
    rounds: Option<usize>,
    names: Vec<String>,
}

/// What a group of measurements needs to know.
#[derive(Debug)]
pub struct Bench {
    modules: Modules,
    no_qemu: bool,
    rounds: Option<usize>,
}

impl Bench {
    /// How many rounds: as the command line says, or `usual`.
    fn rounds(&self, usual: usize) -> usize {
        self.rounds.unwrap_or(usual)
    }
}

type Group = (&'static str, fn(&Bench) -> Result<Vec<Row>, String>);

const GROUPS: &[Group] = &[
    ("run", run::measure),
    ("start", start::measure),
    ("phases", phases::measure),
    ("load", load::measure),
    ("printk", printk::measure),
    ("border", border::measure),
    ("memory", memory::measure),
    ("exact", exact::measure),
    ("depmod", depmod::measure),
    ("library", library::measure),
    ("check", check::measure),
    ("tools", tools::measure),
];

fn main() -> ExitCode {
    match chosen() {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("bench: {e}");
            ExitCode::FAILURE
        }
    }
}

fn chosen() -> Result<(), String> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["sample", "phases", file] => phases::sample(file),
        ["sample", "load", release, name] => load::sample(release, name),
        ["sample", "split", release, name] => load::sample_split(release, name),
        ["sample", "memory", mode, release, module, pairs, size, live] => {
            memory::sample(mode, release, module, pairs, size, live)
        }
        ["sample", "exact", mode, release, file] => exact::sample(mode, release, file),
        ["sample", "library", release, file] => library::sample(release, file),
        ["sample", "border", rounds] => border::sample(rounds),
        ["sample", "lsmod", rounds] => tools::sample_lsmod(rounds),
        _ => all(&options()?),
    }
}

fn options() -> Result<Options, String> {
    use lexopt::prelude::{Long, Value, ValueExt};
    let mut options = Options::default();
    let mut parser = lexopt::Parser::from_env();
    while let Some(arg) = parser.next().map_err(|e| e.to_string())? {
        match arg {
            Long("json") => options.json = true,
            Long("no-qemu") => options.no_qemu = true,
            Long("rounds") => {
                let number = parser.value().and_then(|v| v.parse()).map_err(|e| format!("--rounds: {e}"))?;
                options.rounds = Some(number);
            }
            Value(name) => options.names.push(name.string().map_err(|e| e.to_string())?),
            other => return Err(other.unexpected().to_string()),
        }
    }
    let unknown = options.names.iter().find(|name| GROUPS.iter().all(|(known, _)| known != name));
    if let Some(name) = unknown {
        let known: Vec<&str> = GROUPS.iter().map(|(name, _)| *name).collect();
        return Err(format!("there is no bench `{name}`: there are {}", known.join(", ")));
    }
    Ok(options)
}

fn all(options: &Options) -> Result<(), String> {
    let bench = Bench { modules: Modules::build()?, no_qemu: options.no_qemu, rounds: options.rounds };
    let mut rows = Vec::new();
    for (name, measure) in GROUPS {
        if options.names.is_empty() || options.names.iter().any(|wanted| wanted == name) {
            let new = measure(&bench).map_err(|e| format!("{name}: {e}"))?;
            if !options.json {
                print!("{}", stats::table(&new));
            }
            rows.extend(new);
        }
    }
    if options.json {
        println!("{}", serde_json::to_string_pretty(&rows).map_err(|e| e.to_string())?);
    }
    Ok(())
}

/// Runs `sample` with these words in a fresh process: the named numbers that it printed.
fn fresh(words: &[&str]) -> Result<Vec<(String, f64)>, String> {
    let exe = std::env::current_exe().map_err(|e| e.to_string())?;
    let out = Command::new(exe).arg("sample").args(words).output().map_err(|e| e.to_string())?;
    if !out.status.success() {
        let said = String::from_utf8_lossy(&out.stderr);
        return Err(format!("sample {}: {}: {said}", words.join(" "), out.status));
    }
    serde_json::from_slice(&out.stdout).map_err(|e| format!("sample {}: {e}", words.join(" ")))
}

/// What a fresh process prints.
fn print_sample(numbers: &[(&str, f64)]) -> Result<(), String> {
    println!("{}", serde_json::to_string(numbers).map_err(|e| e.to_string())?);
    Ok(())
}

/// Rounds of fresh processes: for each number they gave, its samples. The first round warms up.
fn fresh_rounds(rounds: usize, words: &[&str]) -> Result<Vec<(String, stats::Samples)>, String> {
    let mut out: Vec<(String, stats::Samples)> = Vec::new();
    for round in 0..=rounds {
        for (name, value) in fresh(words)? {
            if round == 0 {
                out.push((name, stats::Samples::default()));
            } else if let Some((_, samples)) = out.iter_mut().find(|(known, _)| *known == name) {
                samples.0.push(value);
            }
        }
    }
    Ok(out)
}
