//! What it costs that every access of a module is checked: the same code as it is, in exact mode as it is, and in exact mode
//! built with KASAN's calls, in nanoseconds a step.

use crate::init::log_of_init;
use crate::stats::{Row, Samples, rows};
use crate::{Bench, fresh, print_sample};
use kernel::Config;
use kernel::mm::check::Mode;

/// What the module times, and what the table calls it.
const STEPS: [(&str, &str); 4] = [
    ("list", "exact: a node of a list, two reads and a change"),
    ("crc", "exact: a byte of a table-driven checksum, two reads"),
    ("sort", "exact: a step of an insertion sort, a read and a write"),
    ("clear", "exact: 64 bytes cleared by a call of memset"),
];
/// The subjects: what the table calls them, mode, file.
const SUBJECTS: [(&str, &str, &str); 3] = [
    ("--check=guard", "guard", "exact.ko"),
    ("--check=exact, the finished module", "exact", "exact.ko"),
    ("--check=exact, built for it", "exact", "instrumented.ko"),
];

/// Measures.
pub fn measure(bench: &Bench) -> Result<Vec<Row>, String> {
    let mut samples = vec![vec![Samples::default(); SUBJECTS.len()]; STEPS.len()];
    for round in 0..=bench.rounds(9) {
        for (subject, (_, mode, file)) in SUBJECTS.iter().enumerate() {
            let path = bench.modules.exact.join(file);
            let numbers = fresh(&["exact", mode, &bench.modules.release, path.to_str().unwrap_or_default()])?;
            for (step, (name, _)) in STEPS.iter().enumerate().filter(|_| round > 0) {
                let value = numbers.iter().find(|(known, _)| known == name).map(|(_, value)| *value);
                let value = value.ok_or_else(|| format!("{file} says nothing of {name}"))?;
                samples[step][subject].0.push(value);
            }
        }
    }
    let names = SUBJECTS.map(|(name, ..)| name);
    Ok(STEPS.iter().zip(&samples).flat_map(|((_, group), samples)| rows(group, "ns", &names, samples, 0)).collect())
}

/// One sample in a fresh kernel.
pub fn sample(mode: &str, release: &str, file: &str) -> Result<(), String> {
    let profile = abi::Profile::for_release(release, &abi::Options::default()).map_err(|e| e.to_string())?;
    let check = if mode == "exact" { Mode::Exact } else { Mode::Guard };
    let text = log_of_init(Config { check, cpus: 1, ..Config::new(profile) }, file)?;
    let number = |name: &str| {
        let line = text.lines().find_map(|line| line.split_once(&format!("exact {name} ")));
        line.and_then(|(_, number)| number.trim().parse::<f64>().ok()).map(|hundredths| hundredths / 100.0)
    };
    let numbers: Vec<(&str, f64)> = STEPS.iter().filter_map(|(name, _)| Some((*name, number(name)?))).collect();
    print_sample(&numbers)
}
