//! `depmod` beside kmod 30's: whole trees, every option, depmod.d, damaged files; and what is better here.

mod common;
#[path = "depmod/faults.rs"]
mod faults;
#[path = "common/ko.rs"]
mod ko;
#[path = "depmod/tree.rs"]
mod tree;

use common::{Dice, Folder, ours, run, theirs};
use ko::Ko;
use std::path::{Path, PathBuf};
use std::process::Command;
use tree::{RELEASE, Tree, releases, written};

#[test]
fn whole_trees_are_written_as_debian_s() {
    for release in releases() {
        let tree = Tree::new("depmod-whole");
        std::fs::remove_dir(tree.dir.join("kernel")).unwrap();
        std::os::unix::fs::symlink(release.join("kernel"), tree.dir.join("kernel")).unwrap();
        for name in ["modules.order", "modules.builtin", "modules.builtin.modinfo"] {
            std::fs::copy(release.join(name), tree.dir.join(name)).unwrap();
        }
        tree.same(&[RELEASE]);
        assert!(tree.read("modules.dep").lines().count() > 1000);
        tree.same(&["-n", RELEASE]);
        // Without the list every module is in the order of the hash table.
        std::fs::remove_file(tree.dir.join("modules.order")).unwrap();
        tree.same(&[RELEASE]);
    }
}

#[test]
fn every_option_is_taken_as_debian_s() {
    let tree = Tree::with_lists("depmod-options");
    tree.module(
        "kernel/a.ko",
        Ko { info: &["alias=x-1", "alias=x_1", "license=GPL"], exports: &[("one", 1)], needs: &[] },
    );
    let needs = [("one", 1), ("nobody", 7), ("?weak", 3), ("printk", 2), ("__this_module", 0)];
    tree.module("kernel/b.ko", Ko { info: &["softdep=pre: q post: r", "weakdep=w"], needs: &needs, ..Ko::default() });
    tree.module("kernel/c.ko", Ko { needs: &[("one", 9)], ..Ko::default() });
    let root = &tree.root;
    let map = root.file("map", "c0294200 R __ksymtab_printk\nc0294204 R other\nwrong\n").display().to_string();
    let symvers = "0x00000002\tprintk\tvmlinux\tEXPORT_SYMBOL\n0x1\tno\tfs/no\tEXPORT_SYMBOL\nx\n0x2 a vmlinux\n";
    let symvers = root.file("symvers", symvers).display().to_string();
    let b = tree.dir.join("kernel/b.ko").display().to_string();
    for words in [
        &[RELEASE][..],
        &["-a", RELEASE],
        &["-n", RELEASE],
        &["-v", RELEASE],
        &["-vv", RELEASE],
        &["-nv", RELEASE],
        &["-w", RELEASE],
        &["-e", RELEASE],
        &["-e", "-F", &map, RELEASE],
        &["-e", "-E", &symvers, RELEASE],
        &["-E", &symvers, RELEASE],
        &["-e", "-F", "nosuch", RELEASE],
        &["-e", "-E", "nosuch", RELEASE],
        &["-P", "_", RELEASE],
        &["-P", "__", RELEASE],
        &["-e", "-P", "p", "-F", &map, RELEASE],
        &["-uqrm", RELEASE],
        &["--unresolved-error", "--quiet", "--root", "--map", RELEASE],
        &["-A", RELEASE],
        &["-A", "-n", RELEASE],
        &["-n", RELEASE, &b],
        &[RELEASE, &b],
        &["-a", RELEASE, &b],
        &[RELEASE, "b.ko"],
        &[RELEASE, "/nosuch/b.ko"],
        &[RELEASE, &b, &b],
        &["nosuch"],
        &["6"],
        &["6.9.9-nosuch"],
        &["6.9.9-nosuch", &b],
        &["-z"],
        &["--nosuch"],
        &["--show=1"],
        &["-b"],
        &["--ba", "nosuch", RELEASE],
        &["--ver"],
        &["--versio"],
        &["-V"],
        &["-h"],
        &["--help"],
        &["-hV"],
        &["--", "-n"],
    ] {
        tree.same(words);
    }
}

#[test]
fn a_second_run_does_nothing_with_a() {
    let tree = Tree::with_lists("depmod-quick");
    tree.module("kernel/a.ko", Ko::default());
    tree.depmod(&["-a"]);
    let age = |name: &str| std::fs::metadata(tree.dir.join(name)).unwrap().modified().unwrap();
    let before = age("modules.dep");
    for tool in [theirs("depmod"), ours("depmod")] {
        let (said, _) = tree.say(tool, &["-A", RELEASE], &tree.dir);
        assert_eq!((said.status, said.err.as_str()), (0, ""));
        assert_eq!(age("modules.dep"), before);
    }
    let later = before + std::time::Duration::from_secs(5);
    std::fs::File::open(tree.dir.join("kernel/a.ko")).unwrap().set_modified(later).unwrap();
    tree.depmod(&["-A"]);
    assert!(age("modules.dep") > before);
}

#[test]
fn depmod_d_is_obeyed_as_debian_s_does() {
    let tree = Tree::with_lists("depmod-config");
    for folder in ["kernel", "updates", "extra/deep", "build", "skip"] {
        tree.module(&format!("{folder}/a.ko"), Ko { info: &[&format!("alias=from:{folder}")], ..Ko::default() });
        tree.module(&format!("{folder}/only-{}.ko", folder.len()), Ko::default());
    }
    let outside = Folder::new("depmod-external");
    outside.file("a.ko", Ko { info: &["alias=from:outside"], ..Ko::default() }.build());
    outside.file("out.ko", Ko { needs: &[("q", 1)], ..Ko::default() }.build());
    let external = |pattern: &str| format!("external {pattern} {}\n", outside.0.display());
    let conf = tree.root.0.join("d");
    std::fs::create_dir_all(conf.join("sub.conf")).unwrap();
    std::fs::write(conf.join("no"), "search nothing\n").unwrap();
    for text in [
        "",
        "search kernel updates\n",
        "search extra built-in updates\n",
        "search built-in extra\n# comment\n\n",
        "search extra/deep \\\n kernel\n",
        "override a * extra/deep\n",
        "override a ^6\\.1 updates\noverride a 5.* kernel\n",
        "override a 6.1.0-test kernel\noverride a * extra/deep\n",
        "exclude skip extra\n",
        "include x\nmake_map_files no\nnonsense here\noverride a\nexternal\nsearch\n",
        &external("*"),
        &format!("search external built-in\n{}", external(".*")),
        &format!("search built-in external\n{}", external("^6")),
        &external("^5"),
        "external * /nosuch\n",
    ] {
        let file = conf.join("x.conf");
        std::fs::write(&file, text).unwrap();
        for source in [&conf, &file, &conf.join("nosuch")] {
            tree.same(&["-C", source.to_str().unwrap(), RELEASE]);
        }
        tree.same(&["-vv", "-C", file.to_str().unwrap(), RELEASE]);
    }
}

#[test]
fn odd_files_are_answered_as_debian_s_does() {
    use std::os::unix::fs::symlink;
    let tree = Tree::with_some("depmod-odd");
    tree.same(&[RELEASE]);
    tree.file("kernel/empty.ko", "");
    tree.same(&[RELEASE]);
    tree.file("kernel/text.ko", "no module at all");
    tree.file("kernel/short.ko", "\x7fELF\x02\x01\x01");
    tree.file("kernel/bad.ko.xz", "\u{fd}7zXZ\0 no xz");
    tree.file("kernel/bad.ko.xz", b"\xfd7zXZ\0 no xz");
    tree.file("kernel/bad2.ko.zst", b"\x28\xb5\x2f\xfd no zstd");
    tree.file("kernel/.hidden.ko", Ko::default().build());
    tree.file("kernel/.ko", Ko::default().build());
    tree.file("kernel/a.b.ko", Ko::default().build());
    tree.file("kernel/upper.KO", "x");
    tree.file("source", "a file");
    tree.file("kernel/folder.ko/in.ko", Ko::default().build());
    tree.same(&[RELEASE]);
    symlink("nowhere", tree.dir.join("kernel/dangling.ko")).unwrap();
    symlink("a.b.ko", tree.dir.join("kernel/linked.ko")).unwrap();
    symlink("../kernel/folder.ko", tree.dir.join("linked-folder")).unwrap();
    assert!(Command::new("mkfifo").arg(tree.dir.join("kernel/pipe.ko")).status().unwrap().success());
    tree.same(&[RELEASE]);
    tree.same(&["-A", RELEASE]);
    for (name, contents) in [
        ("modules.order", Some("kernel/a.b.ko\nkernel/no-end.ko")),
        ("modules.order", Some("")),
        ("modules.order", None),
        ("modules.builtin", None),
        ("modules.builtin.modinfo", None),
    ] {
        match contents {
            Some(contents) => drop(tree.file(name, contents)),
            None => std::fs::remove_file(tree.dir.join(name)).unwrap(),
        }
        tree.same(&[RELEASE]);
    }
}

#[test]
fn damaged_modules_stay_listed() {
    let tree = Tree::with_lists("depmod-damaged");
    let needs = [("one", 1), ("two", 2)];
    let good = Ko { info: &["alias=a:b"], exports: &[("three", 3), ("four", 4)], needs: &needs }.build();
    tree.module("kernel/a.ko", Ko { exports: &[("one", 1)], ..Ko::default() });
    tree.module("kernel/c.ko", Ko { needs: &[("three", 5)], ..Ko::default() });
    let mut dice = Dice(11);
    for round in 0..150 {
        let mut bytes = good.clone();
        match round % 3 {
            0 => bytes.truncate(dice.below(good.len())),
            1 => bytes[dice.below(64)] = dice.below(256) as u8,
            _ => {
                let at = dice.below(good.len());
                bytes[at] = dice.below(256) as u8;
            }
        }
        tree.file("kernel/b.ko", bytes);
        tree.clean();
        let want = tree.say(theirs("depmod"), &[RELEASE], &tree.dir);
        tree.clean();
        let got = tree.say(ours("depmod"), &[RELEASE], &tree.dir);
        // kmod asserts (and aborts), or reads beyond the file.
        if want.0.status < 128 {
            assert_eq!(got, want, "round {round} (left: ours, right: Debian's)");
        }
        assert!(got.1["modules.dep"].starts_with(b"kernel/b.ko:") || got.0.status == 1, "round {round}: {:?}", got.0);
    }
}

#[test]
fn every_compression_gives_the_same_indexes() {
    let plain = Tree::with_some("depmod-plain");
    let mut all = Vec::new();
    files(&plain.dir.join("kernel"), &mut all);
    for path in all.iter().filter(|path| path.extension().is_some_and(|end| end == "xz")) {
        assert!(Command::new("unxz").arg(path).status().unwrap().success());
    }
    plain.depmod(&[]);
    for (tool, end, kmod_too) in [("gzip", "gz", false), ("xz", "xz", true), ("zstd", "zst", true)] {
        let packed = Tree::with_some(&format!("depmod-{end}"));
        std::fs::remove_dir_all(packed.dir.join("kernel")).unwrap();
        let copied = Command::new("cp").arg("-r").arg(plain.dir.join("kernel")).arg(&packed.dir).status();
        assert!(copied.unwrap().success());
        let mut all = Vec::new();
        files(&packed.dir.join("kernel"), &mut all);
        let quick = Command::new(tool).args(["-q", "-1"]).args(&all).status().unwrap();
        assert!(quick.success());
        all.iter().for_each(|path| drop(std::fs::remove_file(path)));
        packed.depmod(&[]);
        for (name, contents) in written(&plain.dir) {
            let want = String::from_utf8_lossy(&contents).replace(".ko", &format!(".ko.{end}"));
            let got = String::from_utf8_lossy(&std::fs::read(packed.dir.join(&name)).unwrap()).into_owned();
            // Longer values move what comes after them in an index.
            assert!(name == "modules.dep.bin" || got == want, "{end}: {name}");
        }
        if kmod_too {
            packed.same(&[RELEASE]);
        }
    }
}

fn files(folder: &Path, to: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        match entry.file_type().unwrap().is_dir() {
            true => files(&entry.path(), to),
            false => to.push(entry.path()),
        }
    }
}

#[test]
fn debian_s_modprobe_reads_the_indexes() {
    let tree = Tree::with_some("depmod-modprobe");
    tree.depmod(&[]);
    let names: Vec<String> = tree.read("modules.dep").lines().map(|l| l.split(':').next().unwrap().into()).collect();
    for name in &names {
        let name = name.rsplit('/').next().unwrap().split('.').next().unwrap();
        let root = tree.root.0.to_str().unwrap();
        let said = run(theirs("modprobe").args(["-d", root, "-S", RELEASE, "-D", name]));
        assert!(said.status == 0 && said.out.contains(&format!("/{name}.ko")), "{name}: {said:?}");
    }
}

#[test]
fn options_of_kmod_34_choose_folders() {
    let tree = Tree::with_lists("depmod-folders");
    tree.module("kernel/a.ko", Ko { info: &["weakdep=b c"], ..Ko::default() });
    let out = tree.root.0.join("out");
    for option in [vec!["-o", out.to_str().unwrap()], vec!["--outdir", out.to_str().unwrap(), "--weakdep"]] {
        tree.depmod(&option);
        let into = out.join("lib/modules").join(RELEASE);
        assert_eq!((written(&tree.dir).len(), written(&into).len()), (0, 8 + option.len()));
        std::fs::remove_dir_all(&out).unwrap();
    }
    tree.depmod(&["--weakdep"]);
    assert_eq!(tree.read("modules.weakdep").lines().last(), Some("weakdep a b c"));
    let usr = tree.root.0.join("usr/lib/modules").join(RELEASE);
    std::fs::create_dir_all(usr.parent().unwrap()).unwrap();
    std::fs::rename(&tree.dir, &usr).unwrap();
    for option in [&["-m", "/usr/lib/modules"][..], &["--moduledir=/usr/lib/modules"]] {
        std::fs::remove_file(usr.join("modules.dep")).unwrap();
        let said = run(ours("depmod").arg("-b").arg(&tree.root.0).args(option).arg(RELEASE));
        assert_eq!((said.status, usr.join("modules.dep").exists()), (0, true), "{said:?}");
    }
}
