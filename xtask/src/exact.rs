//! Exact mode over a distribution's modules: which accesses of their text are looked at, and whether their init functions
//! do the same with it as without it, with nothing found.

use crate::inits::{self, Outcome};
use crate::sweep;
use kernel::mm::check::Mode;
use kernel::mm::exact::{Counts, counts};
use kernel::{Config, boot, sched};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::process::Command;

/// Does both for the release that begins with `version` and writes the table.
pub(crate) fn all(version: &str) -> Result<(), String> {
    let release =
        abi::newest(version, &abi::Options::default()).ok_or_else(|| format!("no kernel {version} is installed"))?;
    let planned = child(&release)?;
    let (_, before) = inits::run(version, Mode::default())?;
    let (_, after) = inits::run(version, Mode::Exact)?;
    let text = table(&release, &planned, &before, &after);
    print!("{text}");
    let file = format!("docs/generated/exact-{}.md", version.trim_end_matches('.'));
    fs::write(&file, text).map_err(|e| format!("{file}: {e}"))?;
    let told = after.values().filter(|outcome| !outcome.findings.is_empty()).count();
    if told > 0 { Err(format!("something is found in {told} modules: {file}")) } else { Ok(()) }
}

/// What was planned.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Planned {
    modules: usize,
    refused: usize,
    /// Those of [`Counts::rows`].
    numbers: Vec<usize>,
}

fn child(release: &str) -> Result<Planned, String> {
    let exe = std::env::current_exe().map_err(|e| e.to_string())?;
    let out = Command::new(exe).args(["exact-one", release]).output().map_err(|e| e.to_string())?;
    if !out.status.success() {
        return Err(format!("{release}: {}: {}", out.status, String::from_utf8_lossy(&out.stderr)));
    }
    serde_json::from_slice(&out.stdout).map_err(|e| e.to_string())
}

/// Places all modules in this process and prints the counts as JSON.
pub(crate) fn one(release: &str) -> Result<(), String> {
    let profile = abi::Profile::for_release(release, &abi::Options::default()).map_err(|e| e.to_string())?;
    boot(Config { check: Mode::Exact, ..Config::new(profile) })?;
    let task = sched::Task::attach().map_err(|e| e.to_string())?;
    let order = sweep::order(release)?;
    let mut planned = Planned::default();
    task.run(&wire::kernel_caller(), || {
        for path in &order {
            planned.modules += 1;
            planned.refused += usize::from(sweep::load(path).is_err());
        }
    });
    planned.numbers = counts().rows().into_iter().map(|(number, _)| number).collect();
    println!("{}", serde_json::to_string(&planned).map_err(|e| e.to_string())?);
    Ok(())
}

fn table(
    release: &str,
    planned: &Planned,
    before: &BTreeMap<String, Outcome>,
    after: &BTreeMap<String, Outcome>,
) -> String {
    let mut text = format!(
        "# Exact mode on a distribution's modules\n\nWritten by `cargo run --release -p xtask -- exact`. {} modules of \
         {release} are placed ({} not); what\nreaches memory in their text:\n\n| number | what |\n|---|---|\n",
        planned.modules, planned.refused
    );
    for ((_, what), number) in Counts::default().rows().into_iter().zip(&planned.numbers) {
        let _ = writeln!(text, "| {number} | {what} |");
    }
    let same =
        |name: &String| before.get(name).is_some_and(|o| after.get(name).is_some_and(|n| n.verdict == o.verdict));
    let differing: Vec<_> = after.keys().filter(|name| !same(name)).collect();
    let told: Vec<_> = after.iter().filter(|(_, outcome)| !outcome.findings.is_empty()).collect();
    let _ = writeln!(
        text,
        "\nThe init functions of {} modules run as in `inits`, without and with it: {} end the same way, in {} of them \
         something\nis found.\n",
        after.len(),
        after.len() - differing.len(),
        told.len()
    );
    for name in differing {
        let verdict = |outcomes: &BTreeMap<String, Outcome>| {
            outcomes.get(name).map(|o| format!("{:?} {}", o.verdict, o.at)).unwrap_or_default()
        };
        let _ = writeln!(text, "- {name}: {} without, {} with it", verdict(before), verdict(after));
    }
    for (name, outcome) in told {
        let _ = writeln!(text, "- {name}: {}", outcome.findings.join("; "));
    }
    text
}
