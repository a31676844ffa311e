//! What root does to /proc/sys/kernel inside an instance stays there.

mod common;

use common::{LKM, run};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

const KERNEL: &str = "/proc/sys/kernel";

fn collect(dir: &Path, found: &mut BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(dir).unwrap().flatten() {
        let path = entry.path();
        match fs::read(&path) {
            _ if path.is_dir() => collect(&path, found),
            Ok(text) => _ = found.insert(path.display().to_string(), text),
            Err(_) => {}
        }
    }
}

/// The host's settings, without those that change by themselves.
fn of_host() -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    collect(Path::new(KERNEL), &mut found);
    found.retain(|path, _| {
        !["/random/", "/ns_last_pid", "/pty/nr", "/hung_task_detect_count"].iter().any(|part| path.contains(part))
    });
    found
}

fn inside(script: &str) -> common::Said {
    run(Command::new(LKM).args(["sh", "--loglevel", "1", "--", "sh", "-c", script]))
}

#[test]
fn no_setting_of_the_host_can_be_written_inside() {
    // First only opened: a mistake must not change this machine. What Linux's own /proc has is either refused, or the process's.
    let opened = inside(
        "cd /proc/sys/kernel && find -L . /proc/.host/sys/kernel -type f ! -name ns_last_pid | while read -r f; do \
         [ \"$(stat -L -f -c %T \"$f\")\" = proc ] && (true >>\"$f\") 2>/dev/null && echo \"$f\"; done; true",
    );
    assert_eq!((opened.out.as_str(), opened.status), ("", 0), "can be opened for writing: {}", opened.err);
    let before = of_host();
    let written = inside(
        "cd /proc/sys/kernel && for f in * */*; do [ -f \"$f\" ] && for v in 1 2 '1 2' x; do (echo \"$v\" >\"$f\") 2>/dev/null; done; done; \
         cat core_pattern randomize_va_space usermodehelper/bset; echo '|/x %p' >core_pattern; cat core_pattern",
    );
    assert_eq!(written.out, "x\n1\n1\\t2\n|/x %p\n", "{}", written.err);
    assert_eq!(of_host(), before);
}
