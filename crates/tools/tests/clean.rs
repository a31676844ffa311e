//! Runs in which nothing is wrong: no mode of checking finds anything. Needs a kernel's image, modules and headers.
//!
//! `make test` runs some of them, `make sweep` (`-- --ignored`) more than 200.

mod common;

use common::{Folder, LKM};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

fn release() -> String {
    abi::newest("6.1", &abi::Options::default()).expect("a 6.1 kernel is installed")
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The report of `lkm run` with these words.
fn report(mode: &str, words: &[&str]) -> Value {
    let mut command = Command::new(LKM);
    command.args(["run", "--json", "--kernel", &release(), &format!("--check={mode}")]).args(words);
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{words:?}: {e}: {text}{output:?}"))
}

/// True if all that was loaded could be, ran to its end, and called nothing that lkm has not.
fn ran(report: &Value) -> bool {
    let calls_traps =
        report["report"]["incomplete"].as_array().is_some_and(|all| all.iter().any(|i| i["how"] == "trap"));
    report["refused"].is_null() && report["report"]["oopses"] == 0 && !calls_traps
}

/// What was found that is not there.
fn wrong(report: &Value, with_leftovers: bool) -> Option<String> {
    let text = |name: &str| match report["report"][name].as_array() {
        Some(all) if !all.is_empty() => format!("{name}: {}", report["report"][name]),
        Some(_) => String::new(),
        None => format!("no {name}: {report}"),
    };
    let left = if with_leftovers { text("leftovers") } else { String::new() };
    Some(text("findings") + &left).filter(|text| !text.is_empty())
}

/// Does the work for each of `what` with two threads until it was good for `enough` of them: how often it was, and what
/// went wrong.
fn each<T: Sync>(what: &[T], enough: usize, work: impl Fn(&T) -> Result<bool, String> + Sync) -> (usize, Vec<String>) {
    let (next, good, bad) = (AtomicUsize::new(0), AtomicUsize::new(0), Mutex::new(Vec::new()));
    let worker = || {
        while let Some(one) = what.get(next.fetch_add(1, Ordering::Relaxed)) {
            match work(one) {
                Ok(is_good) => good.fetch_add(usize::from(is_good), Ordering::Relaxed),
                Err(e) => {
                    bad.lock().unwrap().push(e);
                    0
                }
            };
            if good.load(Ordering::Relaxed) >= enough {
                break;
            }
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(worker);
        scope.spawn(worker);
    });
    (good.into_inner(), bad.into_inner().unwrap())
}

/// The distribution's modules, those first that are likely to run.
fn of_distribution() -> Vec<String> {
    let root = format!("/lib/modules/{}", release());
    let list = std::fs::read_to_string(format!("{root}/modules.dep")).unwrap();
    let mut all: Vec<String> = list.lines().filter_map(|line| Some(line.split_once(':')?.0.to_string())).collect();
    let later =
        |file: &String| !["kernel/lib/", "kernel/fs/nls/", "kernel/crypto/"].iter().any(|d| file.starts_with(d));
    all.sort_by_cached_key(|file| (later(file), file.clone()));
    all.into_iter().map(|file| format!("{root}/{file}")).collect()
}

/// Loads and unloads modules of the distribution until so many got through.
fn distribution_is_clean(enough: usize) {
    let (good, bad) = each(&of_distribution(), enough, |file| {
        let report = report("guard", &["--no-faces", file]);
        let stays = report["report"]["loaded"].as_array().is_some_and(|loaded| !loaded.is_empty());
        if !ran(&report) || stays {
            return Ok(false);
        }
        wrong(&report, true).map_or(Ok(true), |e| Err(format!("{file}: {e}")))
    });
    assert!(bad.is_empty() && good >= enough, "{good} clean runs; {}", bad.join("\n"));
}

/// Cases of modules/ that are one module without a word of the kernel about it.
fn cases() -> Vec<PathBuf> {
    let areas = ["memory", "library", "parameters", "printk", "loading", "system"];
    let folders = areas.iter().flat_map(|area| {
        let folder = std::fs::read_dir(repository().join("modules").join(area)).unwrap();
        folder.flatten().map(|entry| entry.path())
    });
    let is_clean = |folder: &PathBuf| {
        let expect = std::fs::read_to_string(folder.join("expect")).unwrap_or_default();
        !expect.is_empty() && !["BUG", "WARNING", "cut here"].iter().any(|word| expect.contains(word))
    };
    let mut found: Vec<PathBuf> = folders.filter(is_clean).filter_map(|folder| only_source(&folder)).collect();
    found.sort();
    found
}

fn only_source(folder: &Path) -> Option<PathBuf> {
    let files = std::fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path());
    let sources: Vec<PathBuf> = files.filter(|file| file.extension().is_some_and(|end| end == "c")).collect();
    <[PathBuf; 1]>::try_from(sources).ok().map(|[only]| only)
}

/// Builds cases for exact mode and runs them.
fn sources_are_clean(cases: &[PathBuf], enough: usize) {
    let (good, bad) = each(cases, usize::MAX, |source| {
        let folder = Folder::new(&format!("clean-{}", source.file_stem().unwrap().display()));
        let copy = folder.file(&source.file_name().unwrap().to_string_lossy(), std::fs::read(source).unwrap());
        let report = report("exact", &["--no-faces", &copy.to_string_lossy()]);
        // What a case leaves behind is its own business: it may want its script.
        let found = wrong(&report, false);
        found.map_or_else(|| Ok(ran(&report)), |e| Err(format!("{}: {e}", source.display())))
    });
    assert!(bad.is_empty() && good >= enough, "{good} clean runs; {}", bad.join("\n"));
}

#[test]
fn some_modules_of_the_distribution_are_clean() {
    distribution_is_clean(15);
}

#[test]
#[ignore = "takes a minute: make sweep"]
fn two_hundred_modules_of_the_distribution_are_clean() {
    distribution_is_clean(200);
}

#[test]
fn some_sources_are_clean_to_the_byte() {
    let wanted = ["memory/kmalloc/", "library/trees/", "printk/format-strings/"];
    let cases: Vec<PathBuf> =
        cases().into_iter().filter(|file| wanted.iter().any(|part| file.to_string_lossy().contains(part))).collect();
    sources_are_clean(&cases, wanted.len());
}

#[test]
#[ignore = "takes minutes: make sweep"]
fn all_sources_of_cases_are_clean_to_the_byte() {
    sources_are_clean(&cases(), 40);
}

/// The kernel's self-tests as scripts/build-selftests.sh built them; `LKM_SELFTESTS` is its folder.
#[test]
#[ignore = "wants the self-tests built: make sweep"]
fn the_kernels_self_tests_are_clean() {
    let folder = std::env::var("LKM_SELFTESTS").expect("LKM_SELFTESTS is the folder of scripts/build-selftests.sh");
    let mut tests: Vec<PathBuf> =
        std::fs::read_dir(Path::new(&folder).join("builds")).unwrap().flatten().map(|entry| entry.path()).collect();
    tests.sort();
    let failing = std::fs::read_to_string(repository().join("modules/selftests/expected-fail.txt")).unwrap();
    let fails = |name: &str| failing.lines().any(|line| line.split_whitespace().next() == Some(name));
    let (good, bad) = each(&tests, usize::MAX, |folder| {
        let name = folder.file_name().unwrap().to_string_lossy();
        if fails(&name) {
            return Ok(false);
        }
        let file = folder.join(format!("{name}.ko"));
        let kunit = folder.join("kunit.ko");
        let (file, first) = (file.to_string_lossy(), kunit.to_string_lossy());
        let then = format!("insmod {file}; rmmod {name}");
        let with_kunit = ["--no-faces", &first, "enable=1", "--", "sh", "-c", &then];
        let alone = ["--no-faces", &*file];
        let report = report("guard", if kunit.exists() { &with_kunit } else { &alone });
        let found = wrong(&report, true);
        found.map_or_else(|| Ok(report["report"]["oopses"] == 0), |e| Err(format!("{name}: {e}")))
    });
    assert!(bad.is_empty() && good >= 40, "{good} clean runs; {}", bad.join("\n"));
}
