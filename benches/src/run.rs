//! `lkm run hello.ko`, from the start of the process to its end, against /bin/true and against a virtual machine that
//! boots, loads the same module, and switches off.

use crate::Bench;
use crate::stats::{Row, Subject, in_turn, rows};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const GROUP: &str = "run: a module from the command line";
const SUBJECTS: [&str; 4] = ["/bin/true", "lkm --version", "lkm run hello.ko", "lkm run hello-stripped.ko"];
/// A boot takes seconds: few repetitions do.
const BOOTS: usize = 3;

/// Measures.
pub fn measure(bench: &Bench) -> Result<Vec<Row>, String> {
    let lkm = lkm()?;
    let modules = &bench.modules;
    let lkm_run = |module: &Path| program(&lkm, &[OsStr::new("run"), module.as_os_str()]);
    let mut subjects = [
        Subject::new(SUBJECTS[0], || program(Path::new("/bin/true"), &[])),
        Subject::new(SUBJECTS[1], || program(&lkm, &[OsStr::new("--version")])),
        Subject::new(SUBJECTS[2], || lkm_run(&modules.hello)),
        Subject::new(SUBJECTS[3], || lkm_run(&modules.hello_stripped)),
    ];
    let samples = in_turn(bench.rounds(101), &mut subjects)?;
    let mut out = rows(GROUP, "ms", &SUBJECTS, &samples, 0);
    if !bench.no_qemu {
        out.extend(against_boot(bench, &lkm)?);
    }
    Ok(out)
}

fn against_boot(bench: &Bench, lkm: &Path) -> Result<Vec<Row>, String> {
    let names = ["lkm run hello.ko, between boots", "QEMU (emulated), insmod hello.ko, off"];
    let module = &bench.modules.hello;
    let machine = vm::Vm::new(&bench.modules.release).file("hello.ko", module).timeout(Duration::from_secs(300));
    let boot = || {
        let out = machine.run("insmod hello.ko && rmmod hello").map_err(|e| e.to_string())?;
        match out.status {
            Some(0) => Ok(millis(out.elapsed)),
            _ => Err(format!("{:?}: {}", out.ended, String::from_utf8_lossy(&out.stderr))),
        }
    };
    let run = || program(lkm, &[OsStr::new("run"), module.as_os_str()]);
    let mut subjects = [Subject::new(names[0], run), Subject::new(names[1], boot)];
    let samples = in_turn(bench.rounds(BOOTS).min(BOOTS), &mut subjects)?;
    Ok(rows(GROUP, "ms", &names, &samples, 0))
}

/// The `lkm` next to this program.
pub fn lkm() -> Result<PathBuf, String> {
    let exe = std::env::current_exe().map_err(|e| e.to_string())?;
    let lkm = exe.with_file_name("lkm");
    match lkm.is_file() {
        true => Ok(lkm),
        false => Err(format!("{} is not there: cargo build --release", lkm.display())),
    }
}

/// From spawn to exit, in milliseconds; nothing but success counts.
pub fn program(path: &Path, words: &[&OsStr]) -> Result<f64, String> {
    let mut command = Command::new(path);
    command.args(words).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let start = Instant::now();
    let status = command.status().map_err(|e| format!("{}: {e}", path.display()))?;
    let time = millis(start.elapsed());
    if status.success() { Ok(time) } else { Err(format!("{}: {status}", path.display())) }
}

/// A duration in milliseconds.
pub fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
