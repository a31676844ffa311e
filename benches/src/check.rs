//! `lkm check` from spawn to exit: of one module against a disassembly of it, and of all modules of 6.1 against reading the
//! names of their symbols, which is the least that anybody who looks at them must do.

use crate::Bench;
use crate::run::{lkm, millis};
use crate::stats::{Row, Subject, in_turn, rows};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

/// Measures.
pub fn measure(bench: &Bench) -> Result<Vec<Row>, String> {
    let root = Path::new("/lib/modules").join(&bench.modules.release).join("kernel");
    let one = root.join("fs/btrfs/btrfs.ko");
    let lkm = lkm()?;
    let check = |what: &Path| -> Vec<PathBuf> { vec![lkm.clone(), "check".into(), what.to_owned()] };
    let disassemble = vec!["objdump".into(), "-dr".into(), one.clone()];
    let list = vec![PathBuf::from("find"), root.clone(), "-name".into(), "*.ko".into(), "-exec".into(), "nm".into()];
    let names = [list, vec!["{}".into(), "+".into()]].concat();
    let first = group("check: btrfs.ko", ["objdump -dr", "lkm check"], [disassemble, check(&one)], bench.rounds(21))?;
    let second = group("check: all modules", ["nm of all", "lkm check"], [names, check(&root)], bench.rounds(5))?;
    Ok([first, second].concat())
}

fn group(group: &str, names: [&str; 2], words: [Vec<PathBuf>; 2], rounds: usize) -> Result<Vec<Row>, String> {
    let [theirs, ours] = words;
    let mut subjects = [Subject::new(names[0], || timed(&theirs)), Subject::new(names[1], || timed(&ours))];
    let samples = in_turn(rounds, &mut subjects)?;
    Ok(rows(group, "ms", &names, &samples, 0))
}

/// Milliseconds from spawn to exit. Warnings are no failure.
fn timed(words: &[PathBuf]) -> Result<f64, String> {
    let (program, rest) = words.split_first().ok_or("no program")?;
    let mut command = Command::new(program);
    command.args(rest).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let start = Instant::now();
    let status = command.status().map_err(|e| format!("{}: {e}", program.display()))?;
    let time = millis(start.elapsed());
    match status.code() {
        Some(0 | 1) => Ok(time),
        _ => Err(format!("{}: {status}", program.display())),
    }
}
