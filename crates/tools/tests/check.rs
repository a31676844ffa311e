//! `lkm check` on modules with mistakes: each is told with its line, and nothing else is. Needs the images and headers of
//! Debian's kernels.

mod common;

use common::{Folder, LKM, Said, run};
use serde_json::Value as Json;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

const SOURCES: &[(&str, &str)] = &[
    ("careless", include_str!("check/careless.c")),
    ("tidy", include_str!("check/tidy.c")),
    ("giver", include_str!("check/giver.c")),
    ("needy", include_str!("check/needy.c")),
    ("secret", include_str!("check/secret.c")),
    ("keeper", include_str!("check/keeper.c")),
    ("stays", include_str!("check/stays.c")),
];

fn release(version: &str) -> String {
    abi::newest(version, &abi::Options::default())
        .unwrap_or_else(|| panic!("this test needs Debian's kernel {version}"))
}

/// Builds all modules; modpost's errors about symbols become warnings.
fn built(version: &str) -> Folder {
    let folder = Folder::new(&format!("check-{version}"));
    folder.file("Kbuild", include_str!("check/Kbuild"));
    for (name, source) in SOURCES {
        folder.file(&format!("{name}.c"), source);
    }
    let headers = format!("/lib/modules/{}/build", release(version));
    let here = format!("M={}", folder.0.display());
    let said = run(Command::new("make").args(["-s", "-C", &headers, &here, "KBUILD_MODPOST_WARN=1", "modules"]));
    assert_eq!(said.status, 0, "{said:?}");
    folder
}

static OLDER: LazyLock<Folder> = LazyLock::new(|| built("6.1"));
static NEWER: LazyLock<Folder> = LazyLock::new(|| built("6.12"));

fn check(folder: &Path, words: &[&str]) -> Said {
    plain(Command::new(LKM).arg("check").args(words).current_dir(folder))
}

/// What a program says, as it is.
fn plain(command: &mut Command) -> Said {
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Said { out: text(output.stdout), err: text(output.stderr), status: output.status.code().unwrap_or(-1) }
}

/// Copies a module into a folder of its own, with words in it replaced by others of the same length.
fn changed(name: &str, module: &str, changes: &[(&str, &str)]) -> Folder {
    let folder = Folder::new(name);
    let mut bytes = std::fs::read(OLDER.0.join(format!("{module}.ko"))).unwrap();
    for (from, to) in changes {
        assert_eq!(from.len(), to.len());
        let at = bytes.windows(from.len()).position(|part| part == from.as_bytes()).unwrap_or_else(|| panic!("{from}"));
        bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
    }
    folder.file(&format!("{module}.ko"), bytes);
    folder
}

/// The lines and kinds that a source's comments ask for.
fn wanted(name: &str, source: &str) -> BTreeSet<(String, u64, String)> {
    let lines = (1..).zip(source.lines());
    let marked =
        lines.filter_map(|(number, line)| Some((number, line.split_once("/* WANT ")?.1.trim_end_matches(" */"))));
    marked.map(|(number, kind)| (format!("{name}.c"), number, kind.to_owned())).collect()
}

/// The lines and kinds that were told.
fn told(said: &Said) -> BTreeSet<(String, u64, String)> {
    let json: Json = serde_json::from_str(&said.out).unwrap_or_else(|error| panic!("{error}: {said:?}"));
    let files = json["kernels"].as_array().unwrap().iter().flat_map(|kernel| kernel["files"].as_array().unwrap());
    let findings = files.flat_map(|file| file["findings"].as_array().unwrap());
    let with_line = findings.filter(|finding| !finding["place"]["line"].is_null());
    with_line
        .map(|finding| {
            let text = |value: &Json| value.as_str().unwrap().to_owned();
            let place = &finding["place"];
            (text(&place["file"]), place["line"].as_u64().unwrap(), text(&finding["kind"]))
        })
        .collect()
}

#[test]
fn every_mistake_is_told_with_its_line_and_nothing_else_is() {
    for folder in [&*OLDER, &*NEWER] {
        let said = check(&folder.0, &["--json", "."]);
        let wanted: BTreeSet<_> = SOURCES.iter().flat_map(|(name, source)| wanted(name, source)).collect();
        assert_eq!(told(&said), wanted);
        assert_eq!((said.status, said.err.as_str()), (1, ""));
        let said = check(&folder.0, &["tidy.ko"]);
        assert_eq!(said.status, 0, "{said:?}");
        assert!(said.out.ends_with(": nothing found\n") && said.out.lines().count() == 1, "{said:?}");
    }
}

#[test]
fn a_line_is_as_compilers_write_it() {
    let said = check(&OLDER.0, &["careless.ko"]);
    let first = said.out.lines().next().unwrap();
    assert_eq!(
        first,
        "careless.c:22: warning: racy open count: busy is tested here and raised at line 24, with no lock between: two \
         programs can open the device; cure: use atomic_cmpxchg or test_and_set_bit, or hold a mutex over both \
         [racy-open-count]"
    );
    let last = format!("1 module for {}: 7 warnings", release("6.1"));
    assert_eq!((said.out.lines().last(), said.status), (Some(last.as_str()), 1));
}

#[test]
fn without_debug_information_a_place_is_a_function_and_an_offset() {
    let folder = Folder::new("check-stripped");
    let stripped = folder.0.join("careless.ko");
    let said = run(Command::new("objcopy").arg("-g").arg(OLDER.0.join("careless.ko")).arg(&stripped));
    assert_eq!(said.status, 0, "{said:?}");
    let said = check(&folder.0, &["careless.ko"]);
    for (place, kind) in [("cl_read+0x", "unused-result"), ("cl_open+0x", "racy-open-count"), ("cl_fops:", "no-owner")]
    {
        let line =
            |line: &str| line.starts_with(&format!("careless.ko:{place}")) && line.ends_with(&format!("[{kind}]"));
        assert!(said.out.lines().any(line), "{place} {kind}: {said:?}");
    }
    assert!(said.out.contains(": 7 warnings"), "{said:?}");
}

#[test]
fn what_a_neighbour_keeps_to_itself_is_told_with_the_cure() {
    let said = check(&OLDER.0, &["needy.ko"]);
    for text in [
        "needy.c:11: error: needy needs withheld; giver.ko defines it but does not export it (Unknown symbol withheld (err -2)): \
         add EXPORT_SYMBOL(withheld) at giver.c:8; load giver first [symbol]",
        "add EXPORT_SYMBOL(given_function) at giver.c:11; load giver first",
        "needy needs given of giver.ko: load giver first [needs]",
        "needy needs nowhere_function; neither kernel",
        "load in this order: giver, needy\n",
    ] {
        assert!(said.out.contains(text), "{text}\n{}", said.out);
    }
    assert_eq!(said.status, 1);
    // Both named: the same.
    let both = check(&OLDER.0, &["needy.ko", "giver.ko"]);
    assert!(both.out.contains("add EXPORT_SYMBOL(withheld) at giver.c:8; load giver first"), "{}", both.out);
}

#[test]
fn what_the_kernel_keeps_to_itself_is_told_with_what_to_use() {
    let said = check(&OLDER.0, &["secret.ko"]);
    let text = format!("secret needs find_module; kernel {} has it but does not export it to modules", release("6.1"));
    assert!(said.out.contains(&text) && said.out.contains("symbol_get(FUNCTION)"), "{}", said.out);
    assert!(said.out.contains("secret needs kallsyms_lookup_name;") && said.out.contains("kprobe"), "{}", said.out);
    let folder = changed("check-ns", "secret", &[("import_ns=DMA_BUF", "import_nt=DMA_BUF")]);
    let said = check(&folder.0, &["secret.ko"]);
    let text = "module uses symbol (dma_buf_put) from namespace DMA_BUF, but does not import it.; cure: add MODULE_IMPORT_NS(DMA_BUF)";
    assert!(said.out.contains(text), "{}", said.out);
}

#[test]
fn licences_are_looked_at() {
    let folder = changed("check-proprietary", "secret", &[("license=Dual MIT/GPL", "license=Proprietary\0")]);
    let said = check(&folder.0, &["secret.ko"]);
    assert!(said.out.contains("secret may not use dma_buf_put"), "{}", said.out);
    let folder = changed("check-unlicensed", "tidy", &[("license=", "licensf=")]);
    let said = check(&folder.0, &["tidy.ko"]);
    assert!(said.out.contains("tidy.ko: warning: no licence") && said.status == 1, "{said:?}");
}

#[test]
fn refusals_have_the_kernel_s_words() {
    let release = release("6.1");
    let magic = format!("vermagic={release} SMP");
    let other = format!("vermagic={release} SMQ");
    let folder = changed("check-magic", "tidy", &[(&magic, &other)]);
    let said = check(&folder.0, &["tidy.ko"]);
    assert!(said.out.contains("tidy.ko: error: the kernel refuses it: tidy: version magic '"), "{}", said.out);
    assert!(said.out.contains("; cure: rebuild it against the headers"), "{}", said.out);
    let whole = std::fs::read(OLDER.0.join("tidy.ko")).unwrap();
    folder.file("tidy.ko", &whole[..whole.len() / 2]);
    let said = check(&folder.0, &["--kernel", &release, "tidy.ko"]);
    assert!(said.out.contains("tidy.ko: error: the kernel refuses it: Invalid ELF"), "{}", said.out);
    assert_eq!(said.status, 1);
}

#[test]
fn a_note_is_no_failure_and_a_missing_file_is_one() {
    let said = check(&OLDER.0, &["stays.ko"]);
    assert_eq!(said.status, 0, "{said:?}");
    assert!(
        said.out.contains("stays.c:4: note: init without exit: once loaded it stays ([permanent])"),
        "{}",
        said.out
    );
    assert!(said.out.contains("stays.ko: note: no description"), "{}", said.out);
    let said = check(&OLDER.0, &["stays.ko", "absent.ko"]);
    assert_eq!(
        (said.status, said.err.lines().next()),
        (2, Some("lkm: cannot open absent.ko: No such file or directory"))
    );
    assert!(said.out.contains("stays.c:4: note"), "{}", said.out);
    assert_eq!(check(&OLDER.0, &[]).status, 2);
    assert_eq!(check(&OLDER.0, &["--kernel", "9.9.9-none", "stays.ko"]).status, 2);
}

#[test]
fn a_source_is_built_first() {
    let folder = Folder::new("check-source");
    folder.file("careless.c", include_str!("check/careless.c"));
    let said = check(&folder.0, &["--json", "careless.c", "--kernel", &release("6.1")]);
    assert_eq!(told(&said), wanted("careless", include_str!("check/careless.c")), "{said:?}");
}

#[test]
fn what_run_says_of_a_missing_symbol_is_what_check_says() {
    let said = plain(Command::new(LKM).arg("run").arg("needy.ko").current_dir(&OLDER.0));
    assert_eq!(said.status, 121, "{said:?}");
    for text in [
        "Unknown symbol withheld (err -2)",
        "needy needs withheld; giver.ko defines it but does not export it",
        "add EXPORT_SYMBOL(withheld) at giver.c:8; load giver first",
    ] {
        assert!(said.err.contains(text), "{text}\n{}", said.err);
    }
}
