//! A kmalloc and its kfree, or those of a kmem_cache, in module code, in each mode of checking, against malloc and free of a C program.
//!
//! The C program runs with glibc's malloc and, where libjemalloc2 is installed, with jemalloc's. lkm clears what it gives,
//! as Debian's kernels do; the others do not.

use crate::stats::{Row, Subject, in_turn, rows};
use crate::{Bench, fresh, print_sample};
use kernel::mm::check::Mode;
use kernel::module::load::{Request, init_module};
use kernel::{Config, boot, sched};
use loader::Flags;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

const JEMALLOC: &str = "/usr/lib/x86_64-linux-gnu/libjemalloc.so.2";

/// What is measured: the table's words; bytes; 1 for many sizes with 256 blocks there, 2 for a cache of the module's.
const WORKS: [(&str, &str, &str); 3] = [
    ("memory: kmalloc and kfree of 64 bytes", "64", "0"),
    ("memory: kmem_cache_alloc and kmem_cache_free of 64 bytes", "64", "2"),
    ("memory: of 8 to 1007 bytes, 256 blocks there", "0", "1"),
];
const MODES: [(&str, &str, &str); 3] = [
    ("lkm --check=fast", "fast", "3000000"),
    ("lkm --check=track", "track", "30000"),
    ("lkm --check=guard", "guard", "10000"),
];
const PROGRAM_PAIRS: &str = "3000000";

/// Measures.
pub fn measure(bench: &Bench) -> Result<Vec<Row>, String> {
    let program = compile(&bench.modules.churn)?;
    let module = bench.modules.churn.join("churn.ko");
    let module = module.to_str().ok_or("the path of the bench's modules is no text")?;
    let release = bench.modules.release.as_str();
    let jemalloc = Path::new(JEMALLOC).exists();
    let mut out = Vec::new();
    for (group, size, live) in WORKS {
        let mut subjects = vec![Subject::new("glibc", || run(&program, None, size, live))];
        if jemalloc {
            subjects.push(Subject::new("jemalloc", || run(&program, Some(JEMALLOC), size, live)));
        } else {
            eprintln!("bench: no {JEMALLOC}: apt install libjemalloc2");
        }
        for (name, mode, pairs) in MODES {
            let words = ["memory", mode, release, module, pairs, size, live];
            subjects.push(Subject::new(name, move || Ok(fresh(&words)?.first().map_or(f64::NAN, |(_, value)| *value))));
        }
        let names: Vec<&str> = subjects.iter().map(|subject| subject.name).collect();
        let samples = in_turn(bench.rounds(11), &mut subjects)?;
        out.extend(rows(group, "ns", &names, &samples, 0));
    }
    Ok(out)
}

fn compile(folder: &Path) -> Result<PathBuf, String> {
    let program = folder.join("malloc");
    let mut cc = Command::new("cc");
    cc.args(["-O2", "-o"]).arg(&program).arg(folder.join("malloc.c"));
    let out = cc.output().map_err(|e| format!("cannot run cc: {e}: apt install gcc"))?;
    if out.status.success() { Ok(program) } else { Err(String::from_utf8_lossy(&out.stderr).into_owned()) }
}

fn run(program: &Path, preload: Option<&str>, size: &str, live: &str) -> Result<f64, String> {
    let mut command = Command::new(program);
    command.args([PROGRAM_PAIRS, size, live]);
    if let Some(library) = preload {
        command.env("LD_PRELOAD", library);
    }
    let out = command.output().map_err(|e| format!("{}: {e}", program.display()))?;
    String::from_utf8_lossy(&out.stdout).trim().parse().map_err(|e| format!("{}: {e}", program.display()))
}

/// One sample in a fresh kernel: nanoseconds a pair.
pub fn sample(mode: &str, release: &str, module: &str, pairs: &str, size: &str, live: &str) -> Result<(), String> {
    let profile = abi::Profile::for_release(release, &abi::Options::default()).map_err(|e| e.to_string())?;
    let check = match mode {
        "fast" => Mode::Fast,
        "track" => Mode::Track,
        _ => Mode::Guard,
    };
    boot(Config { check, cpus: 1, ..Config::new(profile) })?;
    let image = kofile::Image::open(module).map_err(|e| e.to_string())?;
    let params = format!("pairs={pairs} size={size} live={live}");
    let request =
        Request { file: module, bytes: image.bytes(), params: Ok(params.as_bytes()), flags: Flags(0), path: None };
    let task = sched::Task::attach().map_err(|e| e.to_string())?;
    let start = Instant::now();
    let done = task.run(&wire::kernel_caller(), || init_module(&request));
    let time = start.elapsed();
    done.map_err(|e| format!("{module}: {e:?}"))?;
    let pairs: f64 = pairs.parse().map_err(|e| format!("{pairs}: {e}"))?;
    print_sample(&[("pair", time.as_secs_f64() * 1e9 / pairs)])
}
