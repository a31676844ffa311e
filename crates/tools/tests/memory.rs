//! Planted mistakes: each is found in the mode that must find it, told with the line of the source, and nothing is found
//! in a clean run. Needs a kernel's image and headers.

mod common;

use common::{Folder, LKM, build};
use std::path::PathBuf;
use std::process::Command;
use std::sync::LazyLock;

const SOURCE: &str = include_str!("memory/planted.c");

/// Number, the mode that must find it (`guard` finds what `track` does, and `exact` what `guard` does), what is said.
const PLANTED: &[(u32, &str, &str)] = &[
    (1, "guard", "out-of-bounds read of 1 bytes, 0 bytes past the end of a 40-byte kmalloc allocation"),
    (2, "guard", "out-of-bounds write of 1 bytes, 0 bytes past the end of a 40-byte kmalloc allocation"),
    (3, "guard", "out-of-bounds write, found at the free: 0 bytes past the end of a 13-byte kmalloc allocation"),
    (4, "guard", "out-of-bounds write, found at the free: 1 bytes before a 13-byte kmalloc allocation"),
    (5, "guard", "use after free: read of 1 bytes, 8 bytes into a 40-byte kmalloc allocation"),
    (6, "guard", "use after free: write of 1 bytes, 8 bytes into a 40-byte kmalloc allocation"),
    (7, "track", "double free: kfree of a 40-byte kmalloc allocation that was freed before"),
    (8, "track", "invalid free of an interior pointer: kfree of 8 bytes into a 40-byte kmalloc allocation"),
    (9, "track", "kfree of 100-byte vmalloc allocation"),
    (10, "track", "kfree of 4096-byte page allocation"),
    (12, "track", "kmalloc memory"),
    (13, "track", "vmalloc memory"),
    (14, "track", "pages"),
    (15, "track", "per-CPU memory"),
    (16, "track", "mempool"),
    (17, "guard", "use after free: read of 1 bytes, 0 bytes into a 48-byte object of planted_a"),
    (18, "guard", "out-of-bounds write of 1 bytes, 0 bytes past the end of a 48-byte object of planted_a"),
    (19, "track", "kmem_cache_free to planted_b of an object of planted_a"),
    (20, "guard", "out-of-bounds write of 1 bytes, 0 bytes past the end of a 20000-byte kmalloc allocation"),
    (21, "guard", "use after free: read of 1 bytes, 19999 bytes into a 20000-byte kmalloc allocation"),
    (22, "guard", "use after free: write of 1 bytes, 23 bytes into a 24-byte kmalloc allocation"),
    (23, "track", "invalid free of an interior pointer: kfree of 39 bytes into a 40-byte kmalloc allocation"),
    (24, "guard", "out-of-bounds write"),
    (25, "track", "kmalloc memory"),
    (26, "guard", "use after free: read of 1 bytes, 0 bytes into a 40-byte kmalloc allocation"),
    (28, "track", "invalid free of an interior pointer: kfree of 4096 bytes into a 50000-byte kmalloc allocation"),
    (29, "guard", "out-of-bounds write of 1 bytes, 0 bytes past the end of a 40-byte kmalloc allocation"),
    (30, "track", "invalid free of an interior pointer: kmem_cache_free of 8 bytes into a 48-byte object of planted_a"),
    (31, "track", "__free_pages with order 0 of pages allocated with order 1"),
    (38, "guard", "out-of-bounds read of 1 bytes, 4100 bytes before a 40-byte kmalloc allocation"),
    (35, "track", "kernel thread"),
    (36, "track", "notifier"),
    (37, "track", "root device"),
    (39, "track", "PCI driver planted_pci"),
    (40, "track", "I2C driver planted_i2c"),
    (41, "track", "platform driver planted_platform"),
    (42, "track", "SPI driver planted_spi"),
    (43, "track", "serio driver planted_serio"),
    (44, "track", "character set planted"),
    (45, "track", "software node planted"),
    (46, "track", "crypto algorithm planted-lkm"),
    (47, "track", "XArray node"),
    (48, "track", "ids of an IDA"),
    (49, "track", "DMA pool planted"),
    (50, "track", "kmem_cache planted_left"),
    (59, "track", "memory of DMA pool planted"),
    (51, "guard", "out-of-bounds read of 1 bytes, 0 bytes past the end of a 8192-byte page allocation"),
    (52, "guard", "use after free: read of 1 bytes, 100 bytes into a 4096-byte page allocation"),
    (53, "guard", "out-of-bounds write, found at the free: 0 bytes past the end of a 100-byte vmalloc allocation"),
    (56, "guard", "out-of-bounds write of 1 bytes, 0 bytes past the end of a 1048576-byte kmalloc allocation"),
    (57, "track", "double free: kfree of a 4194304-byte kmalloc allocation that was freed before"),
    (58, "guard", "use after free: read of 1 bytes, 8 bytes into a 4096-byte page allocation"),
    (33, "guard", "use after free: read of 8 bytes, 40 bytes into a 4000-byte kmalloc allocation"),
    (34, "track", "invalid free of an interior pointer: kfree of 40 bytes into a 4000-byte kmalloc allocation"),
    (32, "track", "__free_pages of pages that are not allocated"),
];

/// What exact mode says instead, at the line with the mark X: it sees the access itself.
const EXACT: &[(u32, &str)] = &[
    (3, "out-of-bounds write of 1 bytes, 0 bytes past the end of a 13-byte kmalloc allocation"),
    (4, "out-of-bounds write of 1 bytes, 1 bytes before a 13-byte kmalloc allocation"),
];

static MODULE: LazyLock<(Folder, PathBuf)> = LazyLock::new(|| {
    let release = abi::newest("6.1", &abi::Options::default()).expect("a 6.1 kernel is installed");
    build("planted", "planted", SOURCE, &release)
});

/// The report of a run, and its exit status.
fn report(error: u32, mode: &str) -> (serde_json::Value, i32) {
    let mut command = Command::new(LKM);
    command.args(["run", "--json", "--no-faces", &format!("--check={mode}")]).arg(&MODULE.1);
    let output = command.arg(format!("error={error}")).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let parsed = serde_json::from_str(&text);
    let parsed = parsed.unwrap_or_else(|e| panic!("{error} {mode}: {e}: {text}{output:?}"));
    (parsed, output.status.code().unwrap_or(-1))
}

/// The lines of the source that are marked for an error with this letter.
fn marked(letter: char, error: u32) -> Vec<String> {
    let mark = format!("{letter}{error}");
    let is_marked = |line: &str| line.split("// ").nth(1).is_some_and(|marks| marks.split(' ').any(|m| m == mark));
    (1..).zip(SOURCE.lines()).filter(|(_, line)| is_marked(line)).map(|(n, _)| format!("planted.c:{n}")).collect()
}

/// What a report tells: the text, and the source line of the first frame.
fn told(report: &serde_json::Value) -> Vec<(String, String)> {
    let list = |name: &str| report["report"][name].as_array().cloned().unwrap_or_default();
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_string();
    let findings = list("findings").into_iter().map(|f| (text(&f["what"]), text(&f["chains"][0][1][0]["source"])));
    let kind = |left: &serde_json::Value| format!("{} {}", text(&left["kind"]), text(&left["name"]));
    let left = list("leftovers").into_iter().map(|l| (kind(&l), text(&l["made_by"][0]["source"])));
    findings.chain(left).collect()
}

#[test]
fn every_planted_mistake_is_found_in_its_mode() {
    let mut wrong = Vec::new();
    for (error, mode, want) in PLANTED {
        for mode in ["track", "guard", "exact"].into_iter().skip_while(|m| m != mode) {
            let exact = EXACT.iter().find(|(number, _)| number == error && mode == "exact");
            let (letter, want) = exact.map_or(('E', *want), |(_, want)| ('X', *want));
            let lines = marked(letter, *error);
            assert!(!lines.is_empty(), "{error} is not marked");
            let (report, status) = report(*error, mode);
            let told = told(&report);
            if status != 120 || !told.iter().any(|(what, line)| what.contains(want) && lines.contains(line)) {
                wrong.push(format!("{error} {mode}: status {status}, wanted {want} at {lines:?}, got {told:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Behind an area of vmalloc's nothing is mapped in Linux either: the access is told, and then it is an oops.
#[test]
fn accesses_outside_of_vmallocs_areas_are_told_before_the_oops() {
    let planted = [
        (54, "out-of-bounds read of 1 bytes, 3996 bytes past the end of a 100-byte vmalloc allocation"),
        (55, "use after free: read of 1 bytes, 8 bytes into a 5000-byte vmalloc allocation"),
    ];
    for (error, want) in planted {
        let (report, status) = report(error, "guard");
        let told = told(&report);
        assert!(told.iter().any(|(what, line)| what == want && marked('E', error).contains(line)), "{error}: {told:?}");
        assert_eq!((status, &report["report"]["oopses"]), (121, &serde_json::json!(1)), "{error}: {report}");
    }
}

#[test]
fn a_clean_run_finds_nothing_in_any_mode() {
    for mode in ["fast", "track", "guard", "exact"] {
        let (report, status) = report(0, mode);
        assert_eq!((told(&report), status), (Vec::new(), 0), "{mode}: {report}");
    }
}

#[test]
fn elements_of_one_block_are_told_once_with_their_number_and_advice() {
    let (report, _) = report(34, "track");
    let finding = &report["report"]["findings"][0];
    assert_eq!(finding["count"], 99, "{report}");
    assert!(finding["advice"].as_str().is_some_and(|advice| advice.contains("one kfree(base)")), "{report}");
}

#[test]
fn more_blocks_than_the_host_can_guard_are_told_and_served() {
    let output = Command::new(LKM).args(["run", "--no-faces"]).arg(&MODULE.1).arg("error=100").output().unwrap();
    let log = String::from_utf8_lossy(&output.stderr);
    let host = std::fs::read_to_string("/proc/sys/vm/max_map_count").unwrap();
    let enough = host.trim().parse::<u64>().unwrap() > 100_000;
    assert_eq!(output.status.code(), Some(0), "{log}");
    assert_eq!(log.contains("vm.max_map_count"), !enough, "{log}");
}

#[test]
fn a_free_of_what_is_no_memory_is_an_oops_that_says_so() {
    let (report, status) = report(27, "track");
    assert_eq!((status, &report["report"]["oopses"]), (121, &serde_json::json!(1)), "{report}");
}
