//! `insmod`, `rmmod`, `lsmod` beside kmod 30's: what they say about wrong words and absent modules.

mod common;

use common::{Folder, LKM, ours, run, same, theirs};
use std::process::Command;

#[test]
fn insmod_says_what_kmod_says() {
    let folder = Folder::new("insmod");
    folder.file("empty.ko", "");
    folder.file("text.ko", "no module");
    for words in [
        &[][..],
        &["-z"],
        &["--foo"],
        &["--foo=x"],
        &["-"],
        &["/"],
        &["/tmp/"],
        &["."],
        &["nonexistent.ko"],
        &["no/such/x.ko", "a=1"],
        &[""],
        &["-p"],
        &["-s"],
        &["-p", "nonexistent"],
        &["-f", "nonexistent"],
        &["-V"],
        &["-V", "x"],
        &["-h"],
        &["--help"],
        &["--version"],
        &["--version=3"],
        &["--h"],
        &["nonexistent", "-z"],
        &["--", "-z"],
        &["-hV"],
        &["--", "nonexistent", "-V"],
        &["empty.ko"],
        &["/dev/null"],
    ] {
        same("insmod", words, &folder.0);
    }
}

#[test]
fn rmmod_says_what_kmod_says() {
    let folder = Folder::new("rmmod");
    folder.file("never_there.ko", "");
    folder.file("a-b.ko.xz", "");
    for words in [
        &[][..],
        &["-z"],
        &["--foo"],
        &["-w", "x"],
        &["--wait", "x"],
        &["-"],
        &["x"],
        &["x", "y"],
        &["/"],
        &["x", "/", "y"],
        &["/", "x"],
        &["never_there.ko"],
        &["./never_there.ko"],
        &["a-b.ko.xz"],
        &["a/b/c-d.ko"],
        &["a-b.c"],
        &["a.b-c"],
        &["a[b-c]d-e"],
        &["a]b"],
        &["a[b"],
        &[".x"],
        &["x."],
        &["/dev/null"],
        &["/tmp"],
        &["../.."],
        &["-v", "x"],
        &["-vv", "x"],
        &["-s", "x"],
        &["-V"],
        &["-h"],
        &["--help"],
        &["--verb", "x"],
        &["--force=1", "x"],
        &["--ver"],
        &["-hs"],
        &["x", "-V"],
        &["--", "-V"],
        &["a b"],
        &["\u{e9}"],
        &["kernel"],
        &["printk"],
        &["vt"],
        &[""],
        &["a\nb"],
    ] {
        same("rmmod", words, &folder.0);
    }
}

#[test]
fn names_of_any_length_are_treated_alike() {
    let folder = Folder::new("rmmod-long");
    for length in [55, 56, 255, 300] {
        same("rmmod", &["x".repeat(length)], &folder.0);
    }
}

#[test]
fn lsmod_says_what_kmod_says() {
    let folder = Folder::new("lsmod");
    for words in [&["-z"][..], &["x"], &["--help"], &["-V"], &["-s", "-v"]] {
        same("lsmod", words, &folder.0);
    }
    if !std::path::Path::new("/proc/modules").exists() {
        same::<&str>("lsmod", &[], &folder.0);
    }
}

#[test]
fn kmod_says_what_kmod_says() {
    let folder = Folder::new("kmod");
    for words in [
        "",
        "help",
        "help -h",
        "-h",
        "--help",
        "-V",
        "--vers",
        "-z",
        "--nosuch",
        "--",
        "nosuch",
        "-hV nosuch",
        "list x",
        "list -h",
        "static-nodes",
        "static-nodes -h",
        "static-nodes -f nosuch",
        "static-nodes -f tmpfiles -o sub/out",
        "static-nodes -z",
        "static-nodes -o",
        "insert x",
    ] {
        same("kmod", &words.split_ascii_whitespace().collect::<Vec<_>>(), &folder.0);
    }
    if !std::path::Path::new("/proc/modules").exists() {
        same("kmod", &["list"], &folder.0);
    }
}

#[test]
fn a_tool_called_by_a_path_names_itself_as_kmod_does() {
    let folder = Folder::new("paths");
    for tool in ["insmod", "rmmod"] {
        let link = folder.0.join(tool);
        for words in [&["-z"][..], &["-h"], &[]] {
            let _ = std::fs::remove_file(&link);
            std::os::unix::fs::symlink(LKM, &link).unwrap();
            let got = run(Command::new(&link).args(words));
            std::fs::remove_file(&link).unwrap();
            let kmod = theirs(tool).get_program().to_owned();
            std::os::unix::fs::symlink(std::fs::canonicalize(kmod).unwrap(), &link).unwrap();
            assert_eq!(got, run(Command::new(&link).args(words)), "{tool} {words:?}");
        }
    }
}

#[test]
fn options_of_later_versions_are_known() {
    for option in ["--force", "--force-modversion", "--force-vermagic", "-v", "--syslog"] {
        let said = run(ours("insmod").args([option, "-h"]));
        assert_eq!(said.status, 0, "{option}: {said:?}");
    }
}

#[test]
fn an_unknown_instance_is_named_with_the_cure() {
    let folder = Folder::new("instance");
    for tool in ["lsmod", "dmesg"] {
        let said = run(ours(tool).args(["--instance", "nobody"]).env("XDG_RUNTIME_DIR", &folder.0));
        assert_eq!(said.status, 123, "{said:?}");
        assert!(said.err.contains("nobody") && said.err.contains("cure:"), "{said:?}");
    }
}
