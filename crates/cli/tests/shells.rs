//! The shells and groff accept what is made for them, and the shells complete with it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A folder with all files; removed at the end.
struct Files(PathBuf);

impl Files {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("lkm-cli-{name}-{}", std::process::id()));
        for file in cli::files() {
            let path = folder.join(&file.path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, file.text).unwrap();
        }
        Files(folder)
    }

    /// Files whose paths begin so.
    fn of(&self, start: &str) -> Vec<PathBuf> {
        cli::files().iter().filter(|file| file.path.starts_with(start)).map(|file| self.0.join(&file.path)).collect()
    }

    /// A folder with modules, other files, and the directory of a kernel 1.2.3.
    fn root(&self) -> PathBuf {
        let root = self.0.join("root");
        let directory = root.join("lib/modules/1.2.3");
        std::fs::create_dir_all(&directory).unwrap();
        std::fs::write(directory.join("modules.dep"), "kernel/one.ko: kernel/two-b.ko\nkernel/two-b.ko.xz:\n").unwrap();
        for file in ["a.ko", "b.ko.zst", "c.txt", "d.c"] {
            std::fs::write(root.join(file), "").unwrap();
        }
        root
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn run(command: &mut Command) -> Output {
    command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}: scripts/need.sh test installs what is missing"))
}

#[test]
fn groff_has_no_warnings() {
    let files = Files::new("groff");
    let pages = files.of("man/");
    assert_eq!(pages.len(), cli::documented().count());
    for page in pages {
        let out = run(Command::new("groff").args(["-man", "-ww", "-Tutf8", "-P-cbou"]).arg(&page));
        assert!(out.status.success() && out.stderr.is_empty(), "{}: {out:?}", page.display());
        let text = String::from_utf8(out.stdout).unwrap();
        assert!(text.contains("EXAMPLES") && !text.contains('`'), "{text}");
    }
}

#[test]
fn the_shells_accept_their_files() {
    let files = Files::new("shells");
    for (shell, file) in [("bash", "lkm.bash"), ("zsh", "_lkm"), ("fish", "lkm.fish")] {
        let out = run(Command::new(shell).arg("-n").arg(files.0.join("completions").join(file)));
        assert!(out.status.success() && out.stderr.is_empty(), "{shell}: {out:?}");
    }
}

/// What bash offers for the last word of a command line, as its line editor parts it.
fn completed(files: &Files, folder: &Path, words: &[&str]) -> Vec<String> {
    let script = r#"
        . "$1"; shift
        COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
        # What the line editor calls is what `complete` was told.
        set -- $(complete -p "${COMP_WORDS[0]##*/}")
        "$3"
        printf '%s\n' "${COMPREPLY[@]}"
    "#;
    let file = files.0.join("completions/lkm.bash");
    let mut command = Command::new("bash");
    command.args(["--norc", "-uc", script, "bash"]).arg(file).args(words).current_dir(folder);
    let out = run(&mut command);
    assert!(out.status.success() && out.stderr.is_empty(), "{words:?}: {out:?}");
    let text = String::from_utf8(out.stdout).unwrap();
    let mut all: Vec<String> = text.lines().filter(|line| !line.is_empty()).map(String::from).collect();
    // The line editor sorts them.
    all.sort();
    all
}

#[test]
fn bash_completes_commands_options_and_words() {
    let files = Files::new("words");
    let bash = |words: &[&str]| completed(&files, &files.0, words);
    assert_eq!(bash(&["lkm", "mod"]), ["modinfo", "modprobe"]);
    assert_eq!(bash(&["lkm", "run", "--ke"]), ["--kernel"]);
    assert_eq!(bash(&["modprobe", "--remove-h"]), ["--remove-holders"]);
    assert_eq!(bash(&["lkm", "modprobe", "--remove-h"]), ["--remove-holders"]);
    assert_eq!(bash(&["kmod", "static-nodes", "-f", "t"]), ["tmpfiles"]);
    assert_eq!(bash(&["lkm", "kmod", "static-nodes", "--format", "=", "d"]), ["devname"]);
    assert_eq!(bash(&["dmesg", "--time-format", "=", ""]).len(), 5);
    assert_eq!(bash(&["dmesg", "--time-format", "="]).len(), 5);
    assert_eq!(bash(&["dmesg", "-l", "err,wa"]), ["err,warn"]);
    assert_eq!(bash(&["lkm", "abi", "sh"]), ["show"]);
    assert!(bash(&["lkm", "sh", "--", "prin"]).contains(&"printf".to_string()));
    assert!(bash(&["lsmod", "x"]).is_empty());
    // Every option of every command, by its first letters.
    for command in cli::commands().filter(|command| command.of.is_empty()) {
        for option in command.options.iter().filter(|option| !option.hidden) {
            for name in option.names() {
                assert!(bash(&[command.name, &name]).contains(&name), "{} {name}", command.name);
            }
        }
    }
}

#[test]
fn bash_completes_files_modules_and_parameters() {
    let files = Files::new("modules");
    let root = files.root();
    let bash = |words: &[&str]| completed(&files, &root, words);
    assert_eq!(bash(&["insmod", ""]), ["a.ko", "b.ko.zst", "lib"]);
    assert_eq!(bash(&["lkm", "run", ""]), ["a.ko", "b.ko.zst", "d.c", "lib"]);
    assert_eq!(bash(&["lkm", "sign", "c"]), ["c.txt"]);
    let tree = root.display().to_string();
    assert_eq!(bash(&["modprobe", "-d", &tree, "-S", "1.2.3", ""]), ["one", "two-b"]);
    assert_eq!(bash(&["modprobe", "--dirname", "=", &tree, "--set-version", "=", "1.2.3", "t"]), ["two-b"]);
    assert_eq!(bash(&["modinfo", "-b", &tree, "-k", "1.2.3", "o"]), ["one"]);
    let loaded = std::fs::read_to_string("/proc/modules").unwrap_or_default();
    assert_eq!(bash(&["rmmod", ""]).len(), loaded.lines().count());
}

#[test]
fn fish_completes() {
    let files = Files::new("fish");
    let fish = |line: &str| {
        let script = format!("source completions/lkm.fish; complete -C '{line}'");
        let mut command = Command::new("fish");
        let out = run(command.args(["--no-config", "-c", &script]).current_dir(&files.0).env("HOME", &files.0));
        assert!(out.status.success() && out.stderr.is_empty(), "{line}: {out:?}");
        let text = String::from_utf8(out.stdout).unwrap();
        text.lines().map(|line| line.split('\t').next().unwrap_or_default().to_string()).collect::<Vec<_>>()
    };
    assert_eq!(fish("lkm run --ke"), ["--kernel"]);
    assert_eq!(fish("lkm kmod static-nodes -f tm"), ["tmpfiles"]);
    assert_eq!(fish("lkm mod"), ["modinfo", "modprobe"]);
    assert_eq!(fish("dmesg --follow-n"), ["--follow-new"]);
    assert!(fish("lsmod --ke").is_empty());
    let releases = std::fs::read_dir("/lib/modules").unwrap().count();
    assert_eq!(fish("lkm sh -k ").len(), releases);
}

/// What an interactive zsh offers for the last word of a command line.
fn offered_by_zsh(files: &Files, folder: &Path, line: &str) -> Vec<String> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/capture.zsh");
    let out = files.0.join("offered");
    let _ = std::fs::remove_file(&out);
    let mut command = Command::new("zsh");
    command.args(["-f", script]).arg(files.0.join("completions")).arg(&out).arg(folder).arg(line);
    let ran = run(command.env("HOME", &files.0).env("TERM", "dumb"));
    let text = std::fs::read_to_string(&out).unwrap_or_default();
    let words = text.strip_suffix("end\n").unwrap_or_else(|| panic!("{line}: {text:?}, {ran:?}"));
    let mut all: Vec<String> = words.lines().map(String::from).collect();
    all.sort();
    all.dedup();
    all
}

#[test]
fn zsh_completes_commands_options_files_and_modules() {
    let files = Files::new("zsh");
    let root = files.root();
    let zsh = |line: &str| offered_by_zsh(&files, &root, line);
    assert_eq!(zsh("lkm mod"), ["modinfo", "modprobe"]);
    assert_eq!(zsh("lkm run --ke"), ["--kernel"]);
    assert_eq!(zsh("modprobe --remove-h"), ["--remove-holders"]);
    assert_eq!(zsh("lkm modprobe --remove-h"), ["--remove-holders"]);
    assert_eq!(zsh("kmod static-nodes -f t"), ["tmpfiles"]);
    assert_eq!(zsh("lkm abi sh"), ["show"]);
    assert_eq!(zsh("lsmod x"), Vec::<String>::new());
    assert_eq!(zsh("insmod a"), ["a.ko"]);
    let tree = root.display();
    assert_eq!(zsh(&format!("modprobe -d {tree} -S 1.2.3 ")), ["one", "two-b"]);
    assert_eq!(zsh(&format!("modinfo -b {tree} -k 1.2.3 o")), ["one"]);
}

#[test]
fn bash_completes_the_parameters_of_a_module() {
    let files = Files::new("parameters");
    let releases = std::fs::read_dir("/lib/modules").unwrap().flatten().map(|entry| entry.file_name());
    let release = releases.filter_map(|name| name.into_string().ok()).find(|name| name.starts_with("6.1.")).unwrap();
    let file = format!("/lib/modules/{release}/kernel/drivers/block/loop.ko");
    let bash = |words: &[&str]| completed(&files, &files.0, words);
    assert_eq!(bash(&["modprobe", "-S", &release, "loop", "max_l"]), ["max_loop="]);
    assert_eq!(bash(&["insmod", &file, "max_p"]), ["max_part="]);
}
