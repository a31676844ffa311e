//! `lkm run --check=exact` of a source, and of a finished module: mistakes that no closed page shows are found, with the
//! line of the access. Needs the images and headers of the kernels 6.1 and 6.12.

mod common;

use common::{Folder, LKM, build};
use std::path::Path;
use std::process::Command;

const SOURCE: &str = include_str!("exact/planted.c");
const STACK: &str = include_str!("exact/stack.c");
const LIBRARY: &str = include_str!("exact/library.c");

/// The mark of the line, and what is said of it.
const PLANTED: &[(&str, &str)] = &[
    ("E1", "out-of-bounds write of 1 bytes, 0 bytes past the end of a 13-byte kmalloc allocation"),
    ("E2", "out-of-bounds write of 1 bytes, 1 bytes before a 30-byte kmalloc allocation"),
    ("E4", "out-of-bounds read of 4 bytes, 0 bytes past the end of a 12-byte kmalloc allocation"),
    ("E5", "out-of-bounds read of 8 bytes, its last 4 bytes past the end of a 12-byte kmalloc allocation"),
    ("E6", "out-of-bounds write of 31 bytes by memset, its last 1 bytes past the end of a 30-byte kmalloc allocation"),
    ("E7", "out-of-bounds read of 15 bytes by memcpy, its last 2 bytes past the end of a 13-byte kmalloc allocation"),
    ("E8", "use after free: read of 1 bytes, 5 bytes into a 13-byte kmalloc allocation"),
    ("E9", "use after free: write of 1 bytes, 6 bytes into a 13-byte kmalloc allocation"),
    ("E10", "out-of-bounds write of 1 bytes, 0 bytes past the end of letters (13 bytes"),
    ("E11", "out-of-bounds write of 4 bytes, 0 bytes past the end of numbers (20 bytes"),
    ("E12", "out-of-bounds read of 2 bytes, 0 bytes past the end of table (6 bytes"),
    ("E13", "out-of-bounds read of 8 bytes, its last 4 bytes past the end of record (12 bytes"),
    ("E14", "out-of-bounds write of 14 bytes by copy_from_user, its last 1 bytes past the end of letters (13 bytes"),
    ("E15", "out-of-bounds read of 24 bytes by copy_to_user, its last 4 bytes past the end of numbers (20 bytes"),
];

/// Of these a finished module tells something else: the compiler made single moves of the copies.
const FINISHED: &[(&str, &str)] = &[
    ("E6", "its last 1 bytes past the end of a 30-byte kmalloc allocation"),
    ("E7", "its last 2 bytes past the end of a 13-byte kmalloc allocation"),
];
/// And this one is not seen: another variable follows the table without room between them.
const NO_ROOM: &str = "E12";

/// What the library does for a module: the mark of the line of the call, and what is said of it.
const BY_LIBRARY: &[(&str, &str)] = &[
    ("L1", "out-of-bounds write of 16 bytes by strcpy, its last 3 bytes past the end of a 13-byte kmalloc allocation"),
    ("L2", "out-of-bounds read of 1 bytes by strlen, 0 bytes past the end of a 13-byte kmalloc allocation"),
    ("L3", "out-of-bounds write of 12 bytes by sprintf, its last 1 bytes past the end of label (11 bytes"),
    (
        "L4",
        "out-of-bounds write of 14 bytes by snprintf, its last 1 bytes past the end of a 13-byte kmalloc allocation",
    ),
    ("L5", "out-of-bounds read of 1 bytes by strscpy, 0 bytes past the end of letters (5 bytes"),
    ("L6", "out-of-bounds read of 1 bytes by snprintf, 0 bytes past the end of letters (5 bytes"),
    ("L7", "out-of-bounds write of 27 bytes by strcpy, its last 3 bytes past the end of a 24-byte kmalloc allocation"),
    ("L8", "out-of-bounds read of 1 bytes by strlen, 0 bytes past the end of a 24-byte kmalloc allocation"),
    ("L9", "out-of-bounds read of 1 bytes by memcmp, 0 bytes past the end of letters (5 bytes"),
    ("L10", "out-of-bounds read of 1 bytes by memchr, 0 bytes past the end of letters (5 bytes"),
    (
        "L11",
        "out-of-bounds write of 11 bytes by strncpy, its last 1 bytes past the end of a 13-byte kmalloc allocation",
    ),
    ("L12", "out-of-bounds read of 1 bytes by printk, 0 bytes past the end of letters (5 bytes"),
    ("L13", "out-of-bounds read of 16 bytes by sort, its last 4 bytes past the end of a 12-byte kmalloc allocation"),
    ("L14", "out-of-bounds write of 8 bytes by bitmap_set, 0 bytes past the end of a 16-byte kmalloc allocation"),
    ("L15", "out-of-bounds write of 14 bytes by kfifo_out_peek, its last 1 bytes past the end of a 13-byte kmalloc"),
    (
        "L16",
        "out-of-bounds read of 14 bytes by kfifo_in, its last 1 bytes past the end of a 13-byte kmalloc allocation",
    ),
    (
        "L17",
        "out-of-bounds read of 14 bytes by crc32_le, its last 1 bytes past the end of a 13-byte kmalloc allocation",
    ),
    ("L18", "use after free: read of 1 bytes by strlen, 0 bytes into a 13-byte kmalloc allocation"),
];

/// On the stack, where the compiler left room between the variables: only of what was built for it.
const ON_STACK: &[(&str, &str)] = &[
    ("K1", "out-of-bounds write of 1 bytes, 0 bytes past the end of text (13 bytes, on the stack)"),
    ("K2", "out-of-bounds read of 4 bytes, 0 bytes past the end of numbers (12 bytes, on the stack)"),
    ("K3", "out-of-bounds read of 1 bytes, 1 bytes before text (13 bytes, on the stack)"),
    (
        "K4",
        "out-of-bounds write of 27 bytes by strcpy, its last 14 bytes past the end of text (13 bytes, on the stack)",
    ),
    ("K5", "out-of-bounds read of 1 bytes by strlen, 0 bytes past the end of text (13 bytes, on the stack)"),
    ("K9", "out-of-bounds read of 8 bytes, its last 4 bytes past the end of numbers (12 bytes, on the stack)"),
    ("K6", "use after scope: read of 1 bytes, 1 bytes into inner (20 bytes, on the stack)"),
    ("K7", "out-of-bounds write of 1 bytes, past the end of an array of variable length on the stack"),
    ("K8", "out-of-bounds read of 1 bytes, before an array of variable length on the stack"),
];

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
    let (file, source) = match mark.get(..1) {
        Some("L") => ("library.c", LIBRARY),
        Some("K") => ("stack.c", STACK),
        _ => ("planted.c", SOURCE),
    };
    let is_marked = |line: &str| line.split("// ").nth(1).is_some_and(|marks| marks.split(' ').any(|m| m == mark));
    let number = source.lines().position(is_marked).unwrap() + 1;
    format!("{file}:{number}")
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

/// All of the mistakes of the library are found, each at its call; nothing is found where none is made.
fn library_is_checked(module: &Path, release: &str) {
    assert_eq!(found_in(module, release, "0", "exact"), (Vec::new(), 0), "{}", module.display());
    let (told, status) = found_in(module, release, "99", "exact");
    assert_eq!(status, 120, "{told:?}");
    for (mark, want) in BY_LIBRARY {
        let line = line_of(mark);
        let is_it = |(what, at): &(String, String)| what.contains(want) && *at == line;
        assert!(told.iter().any(is_it), "{release} {mark} {line}: {told:#?}");
    }
    // L0 is where the function that sort calls reads what sort hands it.
    let marked: Vec<String> = BY_LIBRARY.iter().map(|(mark, _)| *mark).chain(["L0"]).map(line_of).collect();
    assert_eq!(told.iter().find(|(_, at)| !marked.contains(at)), None, "{told:#?}");
}

#[test]
fn what_the_library_does_for_a_module_is_checked() {
    for series in ["6.1", "6.12"] {
        let release = abi::newest(series, &abi::Options::default()).expect("the kernel is installed");
        let folder = Folder::new(&format!("exact-library-{series}"));
        library_is_checked(&folder.file("library.c", LIBRARY), &release);
        let (_folder, module) = build(&format!("exact-library-finished-{series}"), "library", LIBRARY, &release);
        library_is_checked(&module, &release);
    }
}

#[test]
fn variables_on_the_stack_are_checked() {
    for series in ["6.1", "6.12"] {
        let release = abi::newest(series, &abi::Options::default()).expect("the kernel is installed");
        let folder = Folder::new(&format!("exact-stack-{series}"));
        let source = folder.file("stack.c", STACK);
        assert_eq!(found_in(&source, &release, "0", "exact"), (Vec::new(), 0), "{series}");
        let (told, status) = found_in(&source, &release, "99", "exact");
        assert_eq!(status, 120, "{told:?}");
        let want: Vec<(String, String)> =
            ON_STACK.iter().map(|(mark, what)| (what.to_string(), line_of(mark))).collect();
        assert_eq!(told, want, "{series}");
    }
}
