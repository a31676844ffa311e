//! Where something is wrong: circles, names and links that no index can hold, a killed depmod, no room.

use crate::common::{Dice, LKM, ours, run, theirs};
use crate::ko::Ko;
use crate::tree::{RELEASE, Tree, written};
use std::collections::BTreeMap;
use std::process::{Command, Stdio};

#[test]
fn circles_are_named_and_change_nothing() {
    let tree = Tree::with_lists("depmod-circle");
    tree.module("kernel/top.ko", Ko { needs: &[("a", 0)], ..Ko::default() });
    for (name, own, other) in [("a", "a", "b"), ("b", "b", "c"), ("c", "c", "a")] {
        tree.module(&format!("kernel/{name}.ko"), Ko { exports: &[(own, 1)], needs: &[(other, 1)], ..Ko::default() });
    }
    tree.same(&[RELEASE]);
    let said = tree.say(ours("depmod"), &[RELEASE], &tree.dir);
    assert!(said.0.err.contains("Cycle detected: b -> c -> a -> b"), "{:?}", said.0);
    assert_eq!((said.0.status, said.1.len()), (1, 0));
    tree.module("kernel/self.ko", Ko { exports: &[("s", 1)], needs: &[("s", 1)], ..Ko::default() });
    let said = tree.say(ours("depmod"), &[RELEASE], &tree.dir).0;
    assert!(said.err.contains("Cycle detected: self -> self"), "{said:?}");
}

#[test]
fn an_alias_that_no_index_can_hold_is_left_out() {
    let tree = Tree::with_lists("depmod-ascii");
    tree.module("kernel/a.ko", Ko { info: &["alias=caf\u{e9}:*", "alias=tea:*"], ..Ko::default() });
    let said = tree.depmod(&[]);
    assert!(said.err.contains("WARNING: modules.alias.bin: only 7-bit ASCII"), "{said:?}");
    assert!(said.err.contains("caf\\\\xc3\\\\xa9:*"), "{said:?}");
    assert_eq!(tree.read("modules.alias").lines().count(), 3);
    let root = tree.root.0.to_str().unwrap();
    let said = run(theirs("modprobe").args(["-d", root, "-S", RELEASE, "-R", "tea:x"]));
    assert_eq!(said.out, "a\n");
}

#[test]
fn a_link_that_leads_back_is_not_followed() {
    let tree = Tree::with_lists("depmod-loop");
    tree.module("kernel/a.ko", Ko::default());
    std::os::unix::fs::symlink(".", tree.dir.join("kernel/again")).unwrap();
    let said = tree.depmod(&[]);
    assert!(said.err.contains("/kernel/again leads back to a folder it is in"), "{said:?}");
    assert_eq!(tree.read("modules.dep"), "kernel/a.ko:\n");
}

/// A tree with two sets of indexes: what depmod writes with one module, and with another one beside it.
fn two_sets(name: &str) -> (Tree, [BTreeMap<String, Vec<u8>>; 2]) {
    let tree = Tree::with_some(name);
    tree.depmod(&[]);
    let old = written(&tree.dir);
    let exports: Vec<(String, u32)> = (0..3000).map(|n| (format!("new_{n}"), n)).collect();
    let exports: Vec<(&str, u32)> = exports.iter().map(|(name, crc)| (name.as_str(), *crc)).collect();
    let info = ["alias=new:1", "softdep=pre: a", "alias=devname:new", "alias=char-major-1-2"];
    tree.module("kernel/new.ko", Ko { info: &info, exports: &exports, needs: &[] });
    tree.file("modules.builtin", "kernel/other.ko\n");
    tree.file("modules.builtin.modinfo", "other.alias=o\0");
    tree.depmod(&[]);
    let new = written(&tree.dir);
    assert!(new.iter().all(|(name, contents)| *contents != old[name]), "a file is the same in both sets");
    (tree, [old, new])
}

/// Kills depmod so many times, each time somewhere else.
fn killed(rounds: usize) {
    let (tree, [old, new]) = two_sets("depmod-killed");
    let start = std::time::Instant::now();
    tree.depmod(&[]);
    let whole = start.elapsed();
    let (mut dice, mut kept) = (Dice(5), 0);
    for round in 0..rounds {
        tree.clean_all();
        old.iter().for_each(|(name, contents)| drop(tree.file(name, contents)));
        let mut command = Command::new(LKM);
        command.args(["depmod", "-b"]).arg(&tree.root.0).arg(RELEASE).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        std::thread::sleep(whole * dice.below(1200) as u32 / 1000);
        child.kill().unwrap();
        child.wait().unwrap();
        // The process that renames ends what it began.
        std::thread::sleep(std::time::Duration::from_millis(30));
        let mut left = written(&tree.dir);
        left.retain(|name, _| !name.starts_with('.'));
        assert!(left == old || left == new, "round {round}: neither the old set nor the new one");
        kept += usize::from(left == old);
    }
    assert!(kept > 0, "depmod was never killed before it had ended");
    tree.depmod(&[]);
    assert_eq!(written(&tree.dir), new, "something of a killed depmod is left");
}

impl Tree {
    /// Removes what depmod wrote, finished or not.
    fn clean_all(&self) {
        for name in written(&self.dir).keys() {
            let path = self.dir.join(name);
            let _ = std::fs::remove_file(&path).or_else(|_| std::fs::remove_dir_all(&path));
        }
    }
}

#[test]
fn a_killed_depmod_leaves_the_old_set_or_the_new_one() {
    killed(20);
}

#[test]
#[ignore = "takes long: scripts/sweep.sh runs it"]
fn a_killed_depmod_leaves_the_old_set_or_the_new_one_200_times() {
    killed(200);
}

#[test]
fn a_full_disk_changes_nothing() {
    let (tree, [old, _]) = two_sets("depmod-full");
    tree.clean_all();
    old.iter().for_each(|(name, contents)| drop(tree.file(name, contents)));
    let out = tree.root.0.join("small");
    let into = out.join("lib/modules").join(RELEASE);
    std::fs::create_dir_all(&out).unwrap();
    let size = old.values().map(Vec::len).sum::<usize>() * 3 / 2;
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"])
        .arg(&out)
        .stderr(Stdio::null())
        .status();
    if !mounted.is_ok_and(|status| status.success()) {
        println!("skipped: mounting a small tmpfs needs root");
        return;
    }
    std::fs::create_dir_all(&into).unwrap();
    old.iter().for_each(|(name, contents)| std::fs::write(into.join(name), contents).unwrap());
    let said = run(ours("depmod").arg("-b").arg(&tree.root.0).arg("-o").arg(&out).arg(RELEASE));
    let left = written(&into);
    assert!(Command::new("umount").arg(&out).status().unwrap().success());
    assert_eq!(said.status, 1);
    assert!(said.err.contains("ERROR: could not write") && said.err.contains("No space left"), "{said:?}");
    assert!(left == old, "the old set is not what it was: {:?}", left.keys());
}

#[test]
fn where_nothing_can_be_written_depmod_fails() {
    let tree = Tree::with_lists("depmod-unwritable");
    tree.module("kernel/a.ko", Ko::default());
    tree.file("out", "a file");
    let out = tree.dir.join("out").display().to_string();
    let said = tree.say(ours("depmod"), &["-o", &out, RELEASE], &tree.dir);
    assert_eq!(said.0.status, 1);
    assert!(said.0.err.contains("depmod: ERROR: could not make directory"), "{:?}", said.0);
}
