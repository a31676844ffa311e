//! The module tools on a real kernel: Debian's 6.1 in QEMU, by kmod and by lkm in one boot, step by step.
//!
//! A step's output and exit status must be the same; what differs on purpose is listed in [`DIFFERS`] with its reason.
//! Then what only lkm has: causes and cures out of the kernel's log.

mod common;

use common::Folder;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use vm::{Ended, Vm};

/// Modules that are in the machine with all that they need.
const MODULES: [&str; 7] =
    ["btrfs", "crc32c_generic", "xxhash_generic", "sha256_generic", "blake2b_generic", "loop", "dummy"];

/// What both tools do, in this order. Modules stay from step to step, and none is left at the end.
const STEPS: &str = r#"
step lsmod
step modprobe -v btrfs
step lsmod
step modinfo btrfs
step modinfo -F depends btrfs
step modinfo -p loop
step modprobe btrfs
step modprobe --first-time btrfs
step insmod $M/fs/btrfs/btrfs.ko
step rmmod xor
step rmmod -v nothing
step rmmod xor nothing btrfs
step lsmod
step modprobe -r nothing
step modprobe -rv raid6_pq
step modprobe -r xor
step lsmod
step modprobe btrfs
step modprobe -r xor
step modprobe -rv btrfs
step lsmod
step modprobe btrfs
step modprobe -rv --remove-holders xor
step lsmod
step modprobe -a loop dummy nothing
step lsmod
step modprobe -r -a loop dummy
step modprobe -r --first-time loop
step modprobe loop max_loop=3
step cat /sys/module/loop/parameters/max_loop
step rmmod loop
step insmod $M/drivers/block/loop.ko max_loop=5
step cat /sys/module/loop/parameters/max_loop
use 30
step rmmod loop
step rmmod -w loop
step modprobe -r loop
step modprobe -r -w 300 loop
unuse
use 3
step modprobe -r -w 60000 loop
unuse
step lsmod
step insmod cut.ko
step insmod noise.ko
step insmod empty.ko
step insmod missing.ko
step insmod magic.ko
step insmod changed.ko
step insmod $M/fs/btrfs/btrfs.ko
step insmod $M/drivers/block/loop.ko max_loop=many
step modprobe loop max_loop=many
step modprobe -v loop nothing=1
step modprobe -rv loop
step insmod loop.ko.xz
step rmmod loop
step insmod loop.ko.zst
step insmod loop.ko.zst
step rmmod loop
step insmod cut.ko.xz
step modprobe -v -d /work/xz btrfs
step modprobe -rv -d /work/xz btrfs
step modprobe -v -d /work/zst btrfs
step modprobe -rv -d /work/zst btrfs
step modprobe -f dummy
step rmmod -f dummy
step modprobe -n -v btrfs
step modprobe -R fs-btrfs
step modprobe -b btrfs
step modprobe -rq btrfs nothing
step lsmod
"#;

/// What only lkm does: a name, the words, and what must be said.
const OURS: &[(&str, &str, &[&str])] = &[
    ("cut", "insmod --explain cut.ko", &["| Invalid ELF", "because:", "cut short", "cure:"]),
    ("noise", "insmod --explain noise.ko", &["| Invalid ELF", "because:", "no module at all", "cure:"]),
    (
        "magic",
        "insmod --explain magic.ko",
        &["| loop: version magic", "built for another kernel", "modinfo -F vermagic magic.ko"],
    ),
    ("changed", "insmod --explain changed.ko", &["Key was rejected", "signature does not fit", "strip before signing"]),
    (
        "symbol",
        "insmod --explain $M/fs/btrfs/btrfs.ko",
        &["| btrfs: Unknown symbol", "exports", "`modprobe` does that"],
    ),
    (
        "value",
        "insmod --explain $M/drivers/block/loop.ko max_loop=many",
        &["| loop: `many' invalid for parameter `max_loop'", "value was refused", "modinfo -p"],
    ),
    (
        "value-by-modprobe",
        "modprobe --explain loop max_loop=many",
        &["| loop: `many' invalid for parameter", "modinfo -p"],
    ),
    (
        "there",
        "modprobe loop && insmod --explain $M/drivers/block/loop.ko; rmmod loop",
        &["File exists", "loaded already", "rmmod"],
    ),
    // The machine's own kernel is meant, without any instance.
    ("json", "modprobe dummy && lsmod --json; rmmod dummy", &["\"module\": \"dummy\"", "\"used\": 0"]),
];

/// Steps whose outcome differs on purpose, with the reason.
const DIFFERS: &[(&str, &str)] = &[(
    "modprobe -r -w 300 loop",
    "kmod 30 ends with 0 and without a word when the time is over and the module still there",
)];

/// Runs the steps with one set of tools, then the next.
const SCRIPT: &str = r#"
M=/lib/modules/$(uname -r)/kernel
mkdir ours
for tool in insmod rmmod lsmod modprobe modinfo; do ln -s /work/lkm ours/$tool; done
say() {
	echo "== $1"; sed 's/^/out: /' out; sed 's/^/err: /' err; echo "status $2"
}
step() { "$@" >out 2>err </dev/null; say "$*" $?; }
# Keeps the loop driver in use for some seconds.
use() {
	rm -f open
	( exec 9</dev/loop0 && : >open && exec sleep $1 ) & used=$!
	until [ -e open ] || ! kill -0 $used; do sleep 0.1; done
}
# The device is closed when its user is gone.
unuse() { kill $used; wait $used; } 2>/dev/null
usual=$PATH
steps() {
STEPS
}
echo "@@ theirs"
steps
for module in $(cut -d ' ' -f 1 /proc/modules); do rmmod $module; done
echo "@@ ours"
PATH=/work/ours:$usual
steps
echo "@@ only ours"
"#;

/// The machine's release, and where its modules are.
fn kernel() -> (String, PathBuf) {
    let release = vm::find_release("6.1").expect("/boot: no image of a 6.1 kernel: `apt install linux-image-amd64`");
    let modules = Path::new("/lib/modules").join(&release);
    (release, modules)
}

fn succeed(command: &mut Command) {
    let out = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(out.status.success(), "{command:?}: {}", String::from_utf8_lossy(&out.stderr));
}

/// A copy of the modules and what they need, packed by a tool, with its indexes: paths in the machine, and files.
fn packed_tree(folder: &Folder, name: &str, tool: &[&str], kernel: &(String, PathBuf)) -> Vec<(String, PathBuf)> {
    let (release, modules) = kernel;
    let base = folder.0.join(name).join("lib/modules").join(release);
    let index = std::fs::read_to_string(modules.join("modules.dep")).unwrap();
    let lines = index.lines().filter(|line| MODULES.iter().any(|name| line.contains(&format!("/{name}.ko:"))));
    let files: BTreeSet<&str> = lines.flat_map(|line| line.split([':', ' '])).filter(|file| !file.is_empty()).collect();
    assert!(files.len() > MODULES.len(), "{files:?}");
    for file in files {
        let to = base.join(file);
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(modules.join(file), &to).unwrap();
        succeed(Command::new(tool[0]).args(&tool[1..]).arg(&to));
    }
    for list in ["modules.order", "modules.builtin", "modules.builtin.modinfo"] {
        std::fs::copy(modules.join(list), base.join(list)).unwrap();
    }
    succeed(common::ours("depmod").arg("-b").arg(folder.0.join(name)).arg(release));
    let found = Command::new("find").arg(&base).args(["-type", "f"]).output().unwrap();
    let files = String::from_utf8(found.stdout).unwrap();
    files
        .lines()
        .map(|file| {
            let inside = Path::new(file).strip_prefix(&folder.0).unwrap();
            (inside.display().to_string(), file.into())
        })
        .collect()
}

/// Module files that are not as they should be, and packed ones.
fn odd_files(folder: &Folder, kernel: &(String, PathBuf)) -> Vec<(String, PathBuf)> {
    let (release, modules) = kernel;
    let loop_ko = std::fs::read(modules.join("kernel/drivers/block/loop.ko")).unwrap();
    // With versions of symbols the release does not count, but what follows it.
    let magic = format!("vermagic={release} ");
    let at = loop_ko.windows(magic.len()).position(|part| part == magic.as_bytes()).expect("loop.ko has no vermagic");
    let mut other = loop_ko.clone();
    other[at + magic.len()] = b'X';
    let cut = &loop_ko[..loop_ko.len() / 2];
    let mut files = vec![
        ("loop.ko", &loop_ko[..]),
        ("cut.ko", cut),
        ("noise.ko", b"#!/bin/sh\necho no module, but long enough to be looked at by the kernel\n"),
        ("empty.ko", b""),
        ("changed.ko", &other),
    ];
    for (name, bytes) in &files {
        folder.file(name, bytes);
    }
    succeed(Command::new("xz").args(["-k", "--check=crc32"]).arg(folder.0.join("loop.ko")));
    succeed(Command::new("zstd").args(["-q", "-k"]).arg(folder.0.join("loop.ko")));
    succeed(
        Command::new(common::LKM)
            .args(["sign", "--strip"])
            .arg(folder.0.join("changed.ko"))
            .arg(folder.0.join("magic.ko")),
    );
    let whole = std::fs::read(folder.0.join("loop.ko.xz")).unwrap();
    folder.file("cut.ko.xz", &whole[..whole.len() / 2]);
    files.remove(0);
    let names = files.iter().map(|(name, _)| *name).chain(["magic.ko", "loop.ko.xz", "loop.ko.zst", "cut.ko.xz"]);
    names.map(|name| (name.into(), folder.0.join(name))).collect()
}

/// The steps of a part of the output, each with its number: the command, and what came.
fn steps(part: &str) -> Vec<(&str, &str)> {
    part.split("== ").skip(1).map(|step| step.split_once('\n').unwrap_or((step, ""))).collect()
}

#[test]
fn kmod_and_lkm_do_the_same_on_debian_s_kernel() {
    let kernel = kernel();
    let folder = Folder::new("host");
    // Without what a debugger wants the program is a third as large.
    let program = folder.0.join("lkm");
    succeed(Command::new("objcopy").arg("--strip-debug").arg(common::LKM).arg(&program));
    let mut machine = Vm::new(&kernel.0).program("lkm", program).memory_mib(1024).timeout(Duration::from_secs(300));
    machine = MODULES.iter().fold(machine, |machine, module| machine.module(*module));
    let files = odd_files(&folder, &kernel);
    let trees = [("xz", &["xz", "--check=crc32"][..]), ("zst", &["zstd", "-q", "--rm"])];
    let trees = trees.iter().flat_map(|(name, tool)| packed_tree(&folder, name, tool, &kernel));
    machine = files.into_iter().chain(trees).fold(machine, |machine, (name, path)| machine.file(name, path));
    let mut script = SCRIPT.replace("STEPS", STEPS);
    for (name, words, _) in OURS {
        script.push_str(&format!("( {words} ) >out 2>err </dev/null; say {name} $?\n"));
    }
    let out = machine.run(&script).unwrap_or_else(|error| panic!("{error}"));
    let console = String::from_utf8_lossy(&out.console);
    assert_eq!(out.ended, Ended::Normally, "{console}");
    let text = String::from_utf8_lossy(&out.stdout);
    assert!(out.stderr.is_empty(), "{}", String::from_utf8_lossy(&out.stderr));
    let parts: BTreeMap<&str, &str> =
        text.split("@@ ").skip(1).map(|part| part.split_once('\n').unwrap_or((part, ""))).collect();
    compare(&steps(parts["theirs"]), &steps(parts["ours"]));
    let only_ours: BTreeMap<&str, &str> = steps(parts["only ours"]).into_iter().collect();
    for (name, words, wanted) in OURS {
        for wanted in *wanted {
            assert!(only_ours[name].contains(wanted), "{words}: no `{wanted}` in\n{}", only_ours[name]);
        }
    }
}

fn compare(theirs: &[(&str, &str)], ours: &[(&str, &str)]) {
    let wanted = STEPS.lines().filter(|line| line.starts_with("step ")).count();
    assert_eq!((theirs.len(), ours.len()), (wanted, wanted), "{theirs:?}\n{ours:?}");
    let mut different = Vec::new();
    for ((step, want), (_, got)) in theirs.iter().zip(ours) {
        let known = DIFFERS.iter().any(|(known, _)| known == step);
        if (want == got) == known {
            different.push(format!("{step}\n--- kmod\n{want}--- lkm\n{got}"));
        }
    }
    assert!(different.is_empty(), "{} steps:\n{}", different.len(), different.join("\n"));
    // The steps do what they are there for: some succeed, some are refused.
    let status = |wanted: &str| theirs.iter().filter(|(_, said)| said.ends_with(wanted)).count();
    assert!(status("status 0\n") > 30 && status("status 1\n") > 15, "{theirs:?}");
}
