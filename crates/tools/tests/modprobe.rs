//! `modprobe` beside kmod 30's: every module and 10,000 aliases of the installed kernels, every option, modprobe.d,
//! commands, and what is better here. Where a load is tried, the host's kernel refuses it for want of rights or modules.

mod common;
#[path = "common/ko.rs"]
mod ko;

use common::{Dice, Folder, Said, ours, releases, run, theirs};
use ko::Ko;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What a modprobe says, without the lines of libkmod that name addresses.
fn say(command: &mut Command) -> Said {
    let mut said = run(command.env_remove("MODPROBE_OPTIONS"));
    let addresses = ["kmod_set_log_fn()", "kmod_unref()", "kmod_module_parse_depline()"];
    let lines = said.err.lines().filter(|line| addresses.iter().all(|name| !line.contains(name)));
    said.err = lines.map(|line| format!("{line}\n")).collect();
    said
}

fn same<S: AsRef<std::ffi::OsStr>>(words: &[S], folder: &Path) -> Said {
    let [want, got] = [theirs("modprobe"), ours("modprobe")].map(|mut tool| say(tool.args(words).current_dir(folder)));
    let shown: Vec<_> = words.iter().take(12).map(|word| word.as_ref().display().to_string()).collect();
    if want.out.len() < 4000 {
        assert_eq!(got, want, "modprobe {shown:?} (left: ours, right: Debian's)");
    }
    let differs = got.out.lines().zip(want.out.lines()).find(|(got, want)| got != want);
    assert_eq!(differs, None, "modprobe {shown:?} (ours, Debian's)");
    assert!(got == want, "modprobe {shown:?}: {} lines, Debian's {}", got.out.len(), want.out.len());
    got
}

/// All modules of a release by their names in modules.dep.
fn names(release: &str) -> Vec<String> {
    let text = std::fs::read_to_string(format!("/lib/modules/{release}/modules.dep")).unwrap();
    let file = |line: &str| line.split(':').next().unwrap().rsplit('/').next().unwrap().to_owned();
    text.lines().map(|line| file(line).split('.').next().unwrap().to_owned()).collect()
}

#[test]
fn every_module_is_planned_alike() {
    for release in releases() {
        let all = names(&release);
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        for options in [&["-aD"][..], &["-anv"], &["-aDi"], &["-aDb"]] {
            let said = same(&[&["-S", &release][..], options, &all].concat(), Path::new("/"));
            assert!(said.out.lines().count() >= all.len());
        }
    }
}

/// Aliases as devices have them: the patterns of a kernel's modules with something for each wildcard.
fn aliases(release: &str, count: usize) -> Vec<String> {
    let text = std::fs::read_to_string(format!("/lib/modules/{release}/modules.alias")).unwrap();
    let mut dice = Dice(3);
    let lines: Vec<&str> = text.lines().skip(1).filter_map(|line| line.split(' ').nth(1)).collect();
    let step = (lines.len() / count).max(1);
    let one = |pattern: &&str| {
        let fill = ["", "0", "00", "FFFF", "0000FFFFsv"][dice.below(5)];
        pattern.replace('*', fill).replace('?', "1").replace("[0-9]", "7")
    };
    lines.iter().step_by(step).map(one).filter(|alias| !alias.starts_with('-')).take(count).collect()
}

#[test]
fn ten_thousand_aliases_lead_to_the_same_modules() {
    for release in releases() {
        let all = aliases(&release, 10_000);
        assert!(all.len() > 9000, "{}", all.len());
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        let said = same(&[&["-S", &release, "-aR"][..], &all].concat(), Path::new("/"));
        assert!(said.out.lines().count() > 5000);
        same(&[&["-S", &release, "-aD"][..], &all[..500]].concat(), Path::new("/"));
    }
}

#[test]
fn the_configuration_is_shown_alike() {
    for release in releases() {
        same(&["-c", "-S", &release], Path::new("/"));
        same(&["-c", "-S", &release, "-C", "/nosuch"], Path::new("/"));
    }
}

#[test]
fn every_option_is_taken_alike() {
    let folder = Folder::new("modprobe-options");
    let release = releases().remove(0);
    for words in [
        "",
        "-h",
        "-V",
        "--help",
        "-z",
        "--nosuch",
        "--show",
        "--re",
        "--remove",
        "-C",
        "-w",
        "-w x crc16",
        "-w 1x crc16",
        "-S none crc16",
        "-d /nowhere crc16",
        "-d here -S none crc16",
        "-S REL nosuch",
        "-S REL -q nosuch",
        "-S REL -a nosuch crc16 nosuch2",
        "-S REL -r nosuch",
        "-S REL -ra nosuch nosuch2",
        "-S REL -r b[d",
        "-S REL -R b[d",
        "-S REL -R crc16 more",
        "-S REL -R nosuch",
        "-S REL -qR nosuch",
        "-S REL -R ext2",
        "-S REL -R fs-ext4",
        "-S REL -R symbol:crc16",
        "-S REL -R symbol:nosuch",
        "-S REL -R crc-itu-t",
        "-S REL -R 8250",
        "-S REL -D 8250",
        "-S REL -nv 8250",
        "-S REL 8250",
        "-S REL --first-time 8250",
        "-S REL -r 8250",
        "-S REL crc16",
        "-S REL -q crc16",
        "-S REL -v crc16",
        "-S REL -vv crc16",
        "-S REL -f crc16",
        "-S REL --force-vermagic --force-modversion -v crc16",
        "-S REL -n btrfs",
        "-S REL -nv btrfs a=1 b=\"x",
        "-S REL -D btrfs a=1 b=2",
        "-S REL -D --ignore-install btrfs",
        "-S REL -i -nv nfsd",
        "-S REL -D cifs",
        "-S REL -D btrfs.ko",
        "-S REL -D .btrfs",
        "-S REL -D a:b",
        "-S REL -r crc16",
        "-S REL -r --first-time crc16",
        "-S REL -rv crc16",
        "-S REL -rnv btrfs",
        "-S REL -r --remove-holders crc16",
        "-S REL -r -w 1 crc16",
        "-S REL --show-modversions nosuch",
        "-S REL --dump-modversions DIR/kernel/lib/crc16.ko",
        "-S REL --show-exports DIR/kernel/lib/crc16.ko",
        "-S REL --show-exports DIR/kernel/fs/ext4/ext4.ko",
        "-S REL --show-exports DIR/modules.dep",
        "-S REL --show-modversions DIR/modules.dep",
        "-S REL --show-exports DIR",
        "--show-modversions",
        "--show-exports --show-modversions nosuch",
    ] {
        let words = words.replace("REL", &release).replace("DIR", &format!("/lib/modules/{release}"));
        same(&words.split_ascii_whitespace().collect::<Vec<_>>(), &folder.0);
    }
    same(&["-nv", "-S", &release, "btrfs", "a=x y", "b=\"x y\"", "c='x y'", "d e"], &folder.0);
}

#[test]
fn options_come_from_the_environment_too() {
    let folder = Folder::new("modprobe-environment");
    let release = releases().remove(0);
    for value in ["", "-v", "-q", "-n -v", "-C /nosuch -v", "-q -v", "'-v' -n", "--nosuch", "crc16"] {
        let [want, got] = [theirs("modprobe"), ours("modprobe")].map(|mut tool| {
            let tool = tool.args(["-n", "-S", &release, "nosuch"]).env("MODPROBE_OPTIONS", value);
            run(tool.current_dir(&folder.0))
        });
        let mut want = want;
        // kmod takes what follows a quoted word for an empty one.
        if value.starts_with('\'') {
            want.err = want.err.replace("Module  not found", "Module nosuch not found");
        }
        assert_eq!(got, want, "{value:?}");
    }
}

/// Runs both on the same words with a modprobe.d.
fn with_config(text: &str, words: &[&str]) -> Said {
    let folder = Folder::new(&format!("modprobe-config-{}", words.join("").len()));
    folder.file("x.conf", text);
    let release = releases().remove(0);
    same(&[&["-S", &release, "-C", "x.conf"][..], words].concat(), &folder.0)
}

#[test]
fn modprobe_d_is_obeyed_alike() {
    let text = "alias one crc16\nalias two* crc16\nalias two-x crc7\noptions crc16 a=1\noptions one b=2 c=\"x y\"\n\
        options crc7 d\nblacklist crc7\nblacklist crc-itu-t\nalias three crc_itu_t\nalias four nosuch\nalias five five\n\
        install inst echo run $CMDLINE_OPTS $MODPROBE_MODULE; echo opts $MODPROBE_OPTIONS\noptions inst o=1\n\
        install failing exit 3\ninstall wild* echo wild\nremove rem echo removed\nremove failing exit 4\n\
        softdep crc16 pre: crc7 failing post: inst nosuch\nsoftdep crc64 pre: b[ad\nbogus line\ninclude x\n";
    for words in [
        &["-D", "one"][..],
        &["-D", "two-x"],
        &["-R", "two-x"],
        &["-aR", "two-x", "three", "four", "five", "inst", "wildest", "failing", "rem"],
        &["-D", "crc16", "z=1"],
        &["-nv", "crc16"],
        &["-D", "three"],
        &["-Db", "crc_itu_t"],
        &["-D", "crc_itu_t"],
        &["three"],
        &["-b", "crc7"],
        &["four"],
        &["-D", "four"],
        &["five"],
        &["inst"],
        &["-v", "inst", "p=1", "q=x y"],
        &["-q", "-v", "inst"],
        &["-n", "-v", "inst"],
        &["-i", "inst"],
        &["-D", "inst"],
        &["failing"],
        &["-q", "failing"],
        &["-a", "failing", "inst", "failing"],
        &["wildest"],
        &["-r", "rem"],
        &["-rv", "rem"],
        &["-rnv", "rem"],
        &["-ri", "rem"],
        &["-r", "failing"],
        &["-ra", "failing", "rem"],
        &["-r", "crc16"],
        &["-D", "crc64"],
        &["-D", "-i", "crc16"],
        &["-c"],
    ] {
        with_config(text, words);
    }
}

#[test]
fn a_command_holds_for_a_module_with_soft_dependencies() {
    let folder = Folder::new("modprobe-install");
    folder.file("x.conf", "install crc16 /bin/false\nsoftdep crc16 pre: crc7\n");
    let release = releases().remove(0);
    let said = say(ours("modprobe").args(["-S", &release, "-C", "x.conf", "-D", "crc16"]).current_dir(&folder.0));
    assert!(said.out.contains("/crc7.ko") && said.out.ends_with(" \ninstall /bin/false \n"), "{said:?}");
}

#[test]
fn what_is_forbidden_is_loaded_in_no_way() {
    let folder = Folder::new("modprobe-forbid");
    folder.file("d.conf", "alias mine crc16\nsoftdep crc7 pre: libcrc32c\n");
    std::fs::create_dir(folder.0.join("d")).unwrap();
    std::fs::rename(folder.0.join("d.conf"), folder.0.join("d/a.conf")).unwrap();
    std::fs::write(folder.0.join("d/site.forbid"), "forbid crc16 it is old\nforbid libcrc*\n").unwrap();
    let release = releases().remove(0);
    let modprobe =
        |words: &[&str]| say(ours("modprobe").args(["-S", &release, "-C", "d"]).args(words).current_dir(&folder.0));
    let why = "modprobe: ERROR: module \\'crc16\\' is forbidden by the configuration: it is old\n";
    for words in [&["crc16"][..], &["mine"], &["-i", "crc16"], &["-f", "crc16"], &["-n", "crc16"], &["-D", "ext4"]] {
        let said = modprobe(words);
        assert!(said.err.starts_with(why) || words == ["-D", "ext4"], "{words:?}: {said:?}");
        assert_eq!((said.status, said.out.as_str()), (1, ""), "{words:?}: {said:?}");
        assert!(said.err.contains("\\': Operation not permitted"), "{words:?}: {said:?}");
    }
    // A soft dependency is left out.
    let said = modprobe(&["-D", "crc7"]);
    assert_eq!((said.status, said.out.lines().count()), (0, 1), "{said:?}");
    let said = modprobe(&["-c"]);
    assert!(said.out.contains("forbid crc16 it is old\nforbid libcrc*\n"), "{said:?}");
    // kmod does not read the file.
    let said = say(theirs("modprobe").args(["-S", &release, "-C", "d", "-D", "crc7"]).current_dir(&folder.0));
    assert_eq!(said.err, "");
}

#[test]
fn plans_are_told_to_programs() {
    let folder = Folder::new("modprobe-json");
    folder.file("x.conf", "install inst true\noptions btrfs a=1\n");
    let release = releases().remove(0);
    let words = ["-S", &release, "-C", "x.conf", "-a", "-D", "--json", "btrfs", "inst"];
    let said = ours("modprobe").args(words).current_dir(&folder.0).output().unwrap();
    let all: serde_json::Value = serde_json::from_slice(&said.stdout).unwrap();
    let all = all.as_array().unwrap();
    let btrfs = all.iter().find(|row| row["module"] == "btrfs").unwrap();
    assert_eq!((&btrfs["action"], &btrfs["options"]), (&"insmod".into(), &"a=1".into()));
    assert!(btrfs["path"].as_str().unwrap().contains("/btrfs.ko"));
    assert_eq!((&all.last().unwrap()["action"], &all.last().unwrap()["command"]), (&"install".into(), &"true".into()));
}

#[test]
fn circles_of_soft_dependencies_are_named_when_asked_for() {
    let folder = Folder::new("modprobe-circle");
    folder.file("x.conf", "softdep crc16 pre: crc7\nsoftdep crc7 post: crc16\n");
    let release = releases().remove(0);
    same(&["-S", &release, "-C", "x.conf", "-D", "crc16"], &folder.0);
    let words = ["-S", &release, "-C", "x.conf", "--explain", "-D", "crc16"];
    let said = say(ours("modprobe").args(words).current_dir(&folder.0));
    assert!(said.err.contains("crc16 -> crc7 -> crc16"), "{said:?}");
}

/// A module directory below the root of a file system, with what `depmod` makes of it.
fn tree(name: &str) -> (Folder, PathBuf) {
    let root = Folder::new(name);
    let dir = root.0.join("lib/modules/6.1.0-t");
    std::fs::create_dir_all(&dir).unwrap();
    for (name, own, needs) in [("low", "l", None), ("mid", "m", Some("l")), ("top", "t", Some("m"))] {
        let needs: Vec<(&str, u32)> = needs.iter().map(|need| (*need, 1)).collect();
        let info = [format!("alias=kind:{name}*"), "softdep=post: low".into()];
        let info = [info[0].as_str(), info[1].as_str()];
        let info = if name == "top" { &info[..] } else { &info[..1] };
        std::fs::write(dir.join(format!("{name}.ko")), Ko { info, exports: &[(own, 1)], needs: &needs }.build())
            .unwrap();
    }
    for list in ["modules.order", "modules.builtin", "modules.builtin.modinfo"] {
        std::fs::write(dir.join(list), "").unwrap();
    }
    assert!(theirs("depmod").arg("-b").arg(&root.0).arg("6.1.0-t").status().unwrap().success());
    (root, dir)
}

#[test]
fn indexes_that_are_missing_or_damaged_are_passed_over_alike() {
    let (root, dir) = tree("modprobe-indexes");
    let place = root.0.display().to_string();
    let at = |words: &[&str]| same(&[&["-d", &place, "-S", "6.1.0-t"][..], words].concat(), &root.0);
    let all = |at: &dyn Fn(&[&str]) -> Said| {
        for words in
            [&["-D", "top"][..], &["-R", "kind:mid7"], &["-D", "kind:top"], &["-R", "symbol:m"], &["-nv", "low"]]
        {
            at(words);
        }
    };
    all(&at);
    std::fs::remove_file(dir.join("low.ko")).unwrap();
    at(&["-R", "kind:low"]);
    let said = run(ours("modprobe").args(["-d", &place, "-S", "6.1.0-t", "-D", "mid"]));
    assert!(said.err.contains("/low.ko error=No such file or directory"), "{said:?}");
    for name in ["modules.builtin.alias.bin", "modules.symbols.bin", "modules.alias.bin", "modules.dep.bin"] {
        std::fs::remove_file(dir.join(name)).unwrap();
        at(&["-R", "kind:mid7"]);
        at(&["-D", "mid"]);
    }
}

#[test]
fn every_form_of_a_file_s_symbols_is_shown_alike() {
    let folder = Folder::new("modprobe-symbols");
    let many = [("one", 1), ("two", 0xffff_ffff)];
    folder.file("a.ko", Ko { exports: &many, needs: &many, ..Ko::default() }.build());
    folder.file("none.ko", Ko::default().build());
    folder.file("text.ko", "no module");
    for file in ["a.ko", "none.ko", "text.ko", "nosuch.ko", ""] {
        same(&["--show-exports", file], &folder.0);
        same(&["--show-modversions", file], &folder.0);
    }
}
