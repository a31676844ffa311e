//! Timers, works and tasklets that a module leaves behind: they are told, and never run; and those whose handlers fault.
//! Needs a kernel's image and headers.

mod common;

use common::{Folder, LKM, build};
use std::path::PathBuf;
use std::process::Command;
use std::sync::LazyLock;

static MODULE: LazyLock<(Folder, PathBuf)> = LazyLock::new(|| {
    let release = abi::newest("6.1", &abi::Options::default()).expect("a 6.1 kernel is installed");
    build("later", "later", include_str!("later/later.c"), &release)
});

/// A run: its report, and the log. The instance stays for a while after the unload, so that what is left could run.
fn report(what: u32) -> (serde_json::Value, String) {
    let mut command = Command::new(LKM);
    command.args(["run", "--json", "--no-faces"]).arg(&MODULE.1).arg(format!("what={what}"));
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let parsed = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{what}: {e}: {text}{output:?}"));
    (parsed, String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn what_is_left_armed_is_told_and_never_runs() {
    let left =
        [(1, "armed timer"), (2, "armed hrtimer"), (3, "delayed work"), (5, "scheduled tasklet"), (9, "workqueue")];
    for (what, kind) in left {
        let (report, log) = report(what);
        let text = report.to_string();
        assert!(text.contains(kind), "{what}: no {kind} in {text}");
        assert!(!log.contains("later: rang") && !log.contains("Oops"), "{what}: {log}");
        assert_eq!(report["report"]["oopses"], 0, "{what}: {text}");
    }
}

#[test]
fn a_work_that_waits_behind_another_goes_with_its_module() {
    let (report, log) = report(4);
    let text = report.to_string();
    assert!(text.contains("workqueue") && !log.contains("Oops"), "{text} {log}");
}

#[test]
fn handlers_that_fault_are_oopses_and_others_go_on() {
    let (timer, log) = report(6);
    assert_eq!(timer["report"]["oopses"], 1, "{log}");
    assert!(log.contains("swapper/0") && log.contains("later: rang"), "{log}");
    let (work, log) = report(7);
    assert_eq!(work["report"]["oopses"], 1, "{log}");
    assert!(log.contains("Workqueue: events bad_work [later]") && log.contains("later: worked"), "{log}");
}

#[test]
fn a_timer_that_was_freed_while_armed_never_runs() {
    let (report, log) = report(8);
    assert!(log.contains("was freed while it was armed") && !log.contains("later: rang"), "{log}");
    assert!(report.to_string().contains("use after free"), "{report}");
}
