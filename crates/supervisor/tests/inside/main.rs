//! Programs inside an instance, as root and as an ordinary user.
//!
//! A harness of its own: each test forks from a process with one thread, the same executable is the tools inside
//! (by argv[0]), and as root everything runs a second time as uid 65534.

mod basics;
#[path = "../common/mod.rs"]
mod common;
mod devices;
mod faces;
mod hostile;
mod lifetime;
mod refusals;
mod syscalls;
mod terminal;
mod tools;

use std::path::PathBuf;
use std::process::{Command, ExitCode};
use supervisor::{Config, Exit, Instance, Program};

type Test = (&'static str, fn());

/// The tools that this executable plays inside.
pub const TOOLS: [&str; 5] = ["insmod", "rmmod", "lsmod", "dmesg", "call"];

fn main() -> ExitCode {
    let mut arguments = std::env::args();
    let name = arguments.next().unwrap_or_default();
    let name = name.rsplit('/').next().unwrap_or_default();
    if TOOLS.contains(&name) {
        return tools::main(name, &arguments.collect::<Vec<_>>());
    }
    let filter = arguments.find(|a| !a.starts_with('-')).unwrap_or_default();
    for (variable, main) in [
        ("LKM_TEST_SUPERVISE", lifetime::supervise as fn() -> ExitCode),
        ("LKM_TEST_SCRIPT", refusals::main),
        ("LKM_TEST_TERMINAL", terminal::main),
    ] {
        if std::env::var_os(variable).is_some() {
            return main();
        }
    }
    let tests: Vec<Test> = [
        basics::TESTS,
        lifetime::TESTS,
        faces::TESTS,
        devices::TESTS,
        hostile::TESTS,
        syscalls::TESTS,
        refusals::TESTS,
        terminal::TESTS,
    ]
    .concat();
    let mut failed = 0;
    for (name, test) in tests.iter().filter(|(name, _)| name.contains(&filter)) {
        let fine = std::panic::catch_unwind(test).is_ok();
        println!("test {} as uid {} ... {}", name, rustix::process::getuid(), if fine { "ok" } else { "FAILED" });
        failed += u8::from(!fine);
    }
    if rustix::process::getuid().is_root() && !as_nobody(&filter) {
        failed += 1;
    }
    println!("{failed} failed");
    ExitCode::from(failed)
}

/// Runs all again as an ordinary user.
fn as_nobody(filter: &str) -> bool {
    let directory = std::env::temp_dir().join(format!("lkm-inside-{}", std::process::id()));
    std::fs::create_dir(&directory).unwrap();
    let copy = directory.join("inside");
    std::fs::copy(std::env::current_exe().unwrap(), &copy).unwrap();
    let status = Command::new("setpriv")
        .args(["--reuid", "65534", "--regid", "65534", "--clear-groups"])
        .arg(&copy)
        .arg(filter)
        .current_dir("/")
        .status();
    std::fs::remove_dir_all(&directory).unwrap();
    status.is_ok_and(|status| status.success())
}

/// An instance of the mock kernel.
pub fn boot() -> Instance {
    Instance::boot(Config { console: Box::new(|_| {}) }, common::kernel_main).unwrap()
}

/// A program of the shell inside; `$OUT` is the file whose content [`output`] returns.
pub fn shell(script: &str) -> Program {
    Program {
        command: vec!["sh".into(), "-c".into(), script.into()],
        tools: TOOLS.map(Into::into).to_vec(),
        ..Program::default()
    }
}

/// Runs the script inside with its standard output in a file; returns how it ended and what it wrote.
pub fn output_of(instance: &Instance, program: &Program) -> (Exit, String) {
    let file = scratch("out");
    let mut program = program.clone();
    let script = program.command.pop().unwrap().into_string().unwrap();
    program.command.push(format!("exec >{} 2>&1\n{script}", file.display()).into());
    let exit = instance.run(&program).unwrap();
    let text = String::from_utf8_lossy(&std::fs::read(&file).unwrap_or_default()).into_owned();
    let _ = std::fs::remove_file(&file);
    (exit, text)
}

/// The output of a script that must succeed.
pub fn output(instance: &Instance, script: &str) -> String {
    let (exit, text) = output_of(instance, &shell(script));
    assert_eq!(exit, Exit::Code(0), "{script}: {text}");
    text
}

/// A path for a file that nobody else uses.
pub fn scratch(name: &str) -> PathBuf {
    static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let count = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    std::env::temp_dir().join(format!("lkm-test-{}-{count}-{name}", std::process::id()))
}
