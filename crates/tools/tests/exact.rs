//! `lkm run --check=exact` of a source, and of a finished module: mistakes that no closed page shows are found, with the
//! line of the access. Needs the images and headers of the kernels 6.1 and 6.12.

mod common;

use common::{Folder, LKM, build};
use std::path::Path;
use std::process::Command;

const SOURCE: &str = include_str!("exact/planted.c");

/// The mark of the line, and what is said of it.
const PLANTED: &[(&str, &str)] = &[
    ("E1", "out-of-bounds write of 1 bytes, 0 bytes past the end of a 13-byte kmalloc allocation"),
    ("E2", "out-of-bounds write of 1 bytes, 1 bytes before a 30-byte kmalloc allocation"),
    ("E4", "out-of-bounds read of 4 bytes, 0 bytes past the end of a 12-byte kmalloc allocation"),
    ("E5", "out-of-bounds read of 8 bytes, its last 4 bytes past the end of a 12-byte kmalloc allocation"),
    ("E6", "out-of-bounds write of 31 bytes, its last 1 bytes past the end of a 30-byte kmalloc allocation"),
    ("E7", "out-of-bounds read of 15 bytes, its last 2 bytes past the end of a 13-byte kmalloc allocation"),
    ("E8", "use after free: read of 1 bytes, 5 bytes into a 13-byte kmalloc allocation"),
    ("E9", "use after free: write of 1 bytes, 6 bytes into a 13-byte kmalloc allocation"),
    ("E10", "out-of-bounds write of 1 bytes, 0 bytes past the end of letters (13 bytes"),
    ("E11", "out-of-bounds write of 4 bytes, 0 bytes past the end of numbers (20 bytes"),
    ("E12", "out-of-bounds read of 2 bytes, 0 bytes past the end of table (6 bytes"),
    ("E13", "out-of-bounds read of 8 bytes, its last 4 bytes past the end of record (12 bytes"),
    ("E14", "out-of-bounds copy_from_user of 14 bytes, its last 1 bytes past the end of letters (13 bytes"),
    ("E15", "out-of-bounds copy_to_user of 24 bytes, its last 4 bytes past the end of numbers (20 bytes"),
];

/// Of these a finished module tells something else: the compiler made single moves of the copies.
const FINISHED: &[(&str, &str)] = &[
    ("E6", "its last 1 bytes past the end of a 30-byte kmalloc allocation"),
    ("E7", "its last 2 bytes past the end of a 13-byte kmalloc allocation"),
];
/// And this one is not seen: another variable follows the table without room between them.
const NO_ROOM: &str = "E12";

/// What was found in a run of the source, with the first frame's line of the source; and the exit status.
fn found(release: &str, wrong: &str, mode: &str) -> (Vec<(String, String)>, i32) {
    let folder = Folder::new(&format!("exact-{release}-{wrong}"));
    let source = folder.file("planted.c", SOURCE);
    found_in(&source, release, wrong, mode)
}

/// The same of a file that is built or a source.
fn found_in(source: &Path, release: &str, wrong: &str, mode: &str) -> (Vec<(String, String)>, i32) {
    let mut command = Command::new(LKM);
    command.args(["run", "--json", "--no-faces", "-k", release, "--check", mode]).arg(source);
    let output = command.arg(format!("wrong={wrong}")).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let report: serde_json::Value = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}{output:?}"));
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_string();
    let findings = report["report"]["findings"].as_array().cloned().unwrap_or_default();
    let told = findings.into_iter().map(|f| (text(&f["what"]), text(&f["chains"][0][1][0]["source"]))).collect();
    (told, output.status.code().unwrap_or(-1))
}

fn line_of(mark: &str) -> String {
    let is_marked = |line: &str| line.split("// ").nth(1).is_some_and(|marks| marks.split(' ').any(|m| m == mark));
    let number = SOURCE.lines().position(is_marked).unwrap() + 1;
    format!("planted.c:{number}")
}

#[test]
fn every_access_is_checked() {
    for series in ["6.1", "6.12"] {
        let release = abi::newest(series, &abi::Options::default()).expect("the kernel is installed");
        let (told, status) = found(&release, "16383", "exact");
        assert_eq!(status, 120, "{told:?}");
        for (mark, want) in PLANTED {
            let line = line_of(mark);
            assert!(
                told.iter().any(|(what, at)| what.contains(want) && *at == line),
                "{series} {mark} {line}: {told:?}"
            );
        }
        assert_eq!(told.len(), PLANTED.len(), "{told:?}");
    }
}

#[test]
fn a_right_module_is_clean() {
    for series in ["6.1", "6.12"] {
        let release = abi::newest(series, &abi::Options::default()).expect("the kernel is installed");
        assert_eq!(found(&release, "0", "exact"), (Vec::new(), 0), "{series}");
    }
}

#[test]
fn a_finished_module_is_checked_as_it_is() {
    for series in ["6.1", "6.12"] {
        let release = abi::newest(series, &abi::Options::default()).expect("the kernel is installed");
        let (_folder, module) = build(&format!("exact-finished-{series}"), "planted", SOURCE, &release);
        assert_eq!(found_in(&module, &release, "0", "exact"), (Vec::new(), 0), "{series}");
        let (told, status) = found_in(&module, &release, "16383", "exact");
        assert_eq!(status, 120, "{told:?}");
        for (mark, want) in PLANTED.iter().filter(|(mark, _)| *mark != NO_ROOM) {
            let want = FINISHED.iter().find(|(other, _)| other == mark).map_or(want, |(_, want)| want);
            let line = line_of(mark);
            let is_it = |(what, at): &(String, String)| what.contains(want) && *at == line;
            assert!(told.iter().any(is_it), "{series} {mark} {line}: {told:?}");
        }
        assert_eq!(told.len(), PLANTED.len() - 1, "{told:?}");
    }
}
