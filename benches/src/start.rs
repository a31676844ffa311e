//! `lkm sh -- true` with all faces, from spawn to exit, against `unshare` making the same namespaces; and what programs
//! inside pay for the system calls that are caught.

use crate::Bench;
use crate::run::{lkm, program};
use crate::stats::{Row, Subject, in_turn, rows};
use std::ffi::OsStr;
use std::path::Path;

const GROUP: &str = "start: a command inside, from spawn to exit";
const SUBJECTS: [&str; 3] =
    ["unshare -Urmpf --mount-proc true", "lkm sh -- true, all faces", "lkm sh --no-faces -- true"];
const INSIDE: &str = "inside: a program that makes caught calls";
/// Opens, stats, seeks in and reads 2,000 times a file that is none of the instance's.
const CALLS: &str = "import os\nfor i in range(2000):\n f = os.open('/etc/passwd', 0); os.fstat(f); os.lseek(f, 0, 2); os.pread(f, 9, 0); os.close(f)\n";

/// Measures.
pub fn measure(bench: &Bench) -> Result<Vec<Row>, String> {
    let lkm = lkm()?;
    let run = |path: &Path, words: &[&str]| {
        let words: Vec<&OsStr> = words.iter().map(OsStr::new).collect();
        program(path, &words)
    };
    let release = bench.modules.release.as_str();
    let mut subjects = [
        Subject::new(SUBJECTS[0], || run(Path::new("unshare"), &["-Urmpf", "--mount-proc", "true"])),
        Subject::new(SUBJECTS[1], || run(&lkm, &["sh", "-k", release, "--", "true"])),
        Subject::new(SUBJECTS[2], || run(&lkm, &["sh", "-k", release, "--no-faces", "--", "true"])),
    ];
    let samples = in_turn(bench.rounds(51), &mut subjects)?;
    let mut out = rows(GROUP, "ms", &SUBJECTS, &samples, 0);
    let names = ["10,000 calls of python, outside", "the same inside, all faces"];
    let mut subjects = [
        Subject::new(names[0], || run(Path::new("python3"), &["-c", CALLS])),
        Subject::new(names[1], || run(&lkm, &["sh", "-k", release, "--", "python3", "-c", CALLS])),
    ];
    let samples = in_turn(bench.rounds(21), &mut subjects)?;
    out.extend(rows(INSIDE, "ms", &names, &samples, 0));
    Ok(out)
}
