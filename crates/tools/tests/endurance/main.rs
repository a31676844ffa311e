//! Many programs, many modules, and processes killed at any point: for as long, or as often, as the environment says.
//!
//! A harness of its own: the same executable is the programs inside. `LKM_ENDURE_SECONDS` (3) is how long modules are loaded
//! and unloaded, `LKM_ENDURE_KILLS` (10) how often each kind of process is killed, `LKM_ENDURE_SEED` what decides all choices.

#[path = "../common/mod.rs"]
mod common;
mod kill;
mod modules;
mod stress;

use std::process::ExitCode;

/// A number from the environment.
pub fn setting(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

type Test = (&'static str, fn(u64));

const TESTS: [Test; 2] =
    [("modules_come_and_go", stress::modules_come_and_go), ("killed_at_any_point", kill::killed_at_any_point)];

fn main() -> ExitCode {
    match std::env::var("LKM_ENDURE").as_deref() {
        Ok("driver") => return stress::driver(),
        Ok("program") => return stress::program(),
        _ => {}
    }
    let filter = std::env::args().skip(1).find(|a| !a.starts_with('-')).unwrap_or_default();
    let seed = setting("LKM_ENDURE_SEED", std::process::id().into());
    println!("seed {seed} (LKM_ENDURE_SEED={seed} repeats it)");
    let mut failed = 0;
    for (name, test) in TESTS.into_iter().filter(|(name, _)| name.contains(&filter)) {
        let fine = std::panic::catch_unwind(|| test(seed)).is_ok();
        println!("test {name} ... {}", if fine { "ok" } else { "FAILED" });
        failed += u8::from(!fine);
    }
    println!("{failed} failed");
    ExitCode::from(failed)
}
