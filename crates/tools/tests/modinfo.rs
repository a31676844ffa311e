//! `modinfo` beside kmod 30's: every module of the installed kernels, names and aliases, files that are no modules.

mod common;

use common::{Dice, Folder, ours, releases, run, same, theirs};
use std::path::{Path, PathBuf};

fn files(folder: &Path, to: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        match entry.file_type().unwrap().is_dir() {
            true => files(&entry.path(), to),
            false => to.push(entry.path()),
        }
    }
}

fn modules(release: &str) -> Vec<PathBuf> {
    let mut all = Vec::new();
    files(&Path::new("/lib/modules").join(release).join("kernel"), &mut all);
    all.sort();
    assert!(all.len() > 1000, "{release} has only {} modules", all.len());
    all
}

#[test]
fn every_module_is_shown_as_kmod_shows_it() {
    for release in releases() {
        let all = modules(&release);
        for options in [&[][..], &["-0"]] {
            let said =
                [theirs("modinfo"), ours("modinfo")].map(|mut tool| tool.args(options).args(&all).output().unwrap());
            let [want, got] = said;
            assert!(!want.stdout.is_empty(), "{release} {options:?}");
            assert!(got.stdout == want.stdout, "{release} {options:?}: standard output differs");
            assert_eq!((got.stderr, got.status), (want.stderr, want.status), "{release} {options:?}");
        }
    }
}

#[test]
fn fields_of_chosen_modules_are_kmod_s() {
    let release = releases().remove(0);
    let all = modules(&release);
    let some: Vec<_> = all.iter().step_by(40).map(|path| path.to_str().unwrap()).collect();
    let options = ["alias", "author", "depends", "description", "filename", "firmware", "import_ns", "license", "name"];
    let more = [
        "signature",
        "parm",
        "parmtype",
        "signer",
        "sig_id",
        "sig_key",
        "sig_hashalgo",
        "softdep",
        "vermagic",
        "intree",
        "Alias",
        "",
        "nosuch",
    ];
    for field in options.iter().chain(&more) {
        same("modinfo", &[&["-F", field][..], &some].concat(), Path::new("/"));
    }
    for option in ["-a", "-d", "-l", "-n", "-p"] {
        same("modinfo", &[&[option][..], &some].concat(), Path::new("/"));
    }
}

#[test]
fn names_and_aliases_lead_to_the_same_modules() {
    for release in releases() {
        let builtin = std::fs::read_to_string(format!("/lib/modules/{release}/modules.builtin")).unwrap();
        let names: Vec<&str> =
            builtin.lines().map(|line| line.rsplit('/').next().unwrap().trim_end_matches(".ko")).collect();
        same("modinfo", &[&["-k", &release][..], &names].concat(), Path::new("/"));
        for word in [
            "ext2",
            "crc-itu-t",
            "crc_itu_t",
            "8250",
            "net-pf-10",
            "char-major-4-1",
            "symbol:crc16",
            "symbol:nosuch",
            "btrfs.ko",
            "nosuch",
            "",
            ".",
            "/",
            "a[b-c]",
            "a]b",
            "a[b",
            "vt",
            "fs-ext4",
            "devname:vhost-net",
            "pci:v00008086d00001533sv00008086sd00000001bc02sc00i00",
            "usb:v*",
        ] {
            for options in [&[][..], &["-m"], &["-0"], &["-F", "name"], &["-F", "filename"], &["-p"]] {
                same("modinfo", &[&["-k", &release][..], options, &["--", word]].concat(), Path::new("/"));
            }
        }
    }
}

#[test]
fn wrong_words_are_answered_alike() {
    let folder = Folder::new("modinfo-words");
    for words in [
        &[][..],
        &["-h"],
        &["--help"],
        &["-V"],
        &["-z"],
        &["--foo"],
        &["-F"],
        &["--f", "x"],
        &["--mod", "nosuch"],
        &["nosuch"],
        &["./nosuch.ko"],
        &["/dev/null"],
        &["-k", "none", "btrfs"],
        &["-b", "/nowhere", "btrfs"],
        &["-b", ".", "-k", "x", "btrfs"],
        &["--null=1", "x"],
    ] {
        same("modinfo", words, &folder.0);
    }
}

#[test]
fn damaged_files_are_refused_alike() {
    let folder = Folder::new("modinfo-damaged");
    let all = releases().into_iter().flat_map(|release| modules(&release));
    let source = all.into_iter().find(|path| path.extension().is_some_and(|end| end == "ko"));
    let good = std::fs::read(source.expect("no plain .ko is installed")).unwrap();
    let sections = u64::from_le_bytes(good[40..48].try_into().unwrap()) as usize;
    let headers = 64 * usize::from(u16::from_le_bytes(good[60..62].try_into().unwrap()));
    let mut dice = Dice(7);
    for round in 0..120 {
        let mut bytes = good.clone();
        match round % 3 {
            0 => bytes.truncate(dice.below(good.len())),
            1 => bytes[dice.below(64)] = dice.below(256) as u8,
            _ => bytes[sections + dice.below(headers)] = dice.below(256) as u8,
        }
        folder.file("x.ko", &bytes);
        let [want, got] =
            [theirs("modinfo"), ours("modinfo")].map(|mut tool| run(tool.arg("x.ko").current_dir(&folder.0)));
        // kmod 30 asserts (and aborts) where the index of the sections' names is wrong.
        match want.status {
            134 => assert_eq!((got.status, got.err.contains("Invalid argument")), (1, true), "{got:?}"),
            _ => assert_eq!(got, want, "round {round} (left: ours, right: Debian's)"),
        }
    }
    for (name, bytes) in [("e.ko", &b""[..]), ("s.ko.xz", b"x\n"), ("t.ko", b"no module"), ("m.ko", b"\x7fELF\x02\x01")]
    {
        folder.file(name, bytes);
        same("modinfo", &[name], &folder.0);
    }
}

#[test]
fn json_holds_every_field() {
    let release = releases().remove(0);
    let said = ours("modinfo").args(["--json", "-k", &release, "e1000", "btrfs"]).output().unwrap();
    let all: serde_json::Value = serde_json::from_slice(&said.stdout).unwrap();
    assert_eq!((said.status.code(), all.as_array().unwrap().len()), (Some(0), 2));
    assert_eq!(all[1]["license"], "GPL");
    assert!(all[0]["parameters"].as_array().unwrap().iter().any(|p| p["name"] == "debug" && p["type"] == "int"));
    assert!(all[0]["alias"].as_array().unwrap().len() > 10);
    assert_eq!(all[0]["build-id"].as_str().unwrap().len(), 40);
}
