//! Boots a Debian kernel. These tests need qemu-system-x86, busybox-static, kmod, and a
//! kernel with its headers; what is missing is named by the failure.

use std::path::Path;
use std::process::Command;
use std::time::Duration;
use vm::{Ended, Vm};

fn release() -> String {
    vm::find_release("6.1").unwrap_or_else(|| {
        panic!("/boot: no image of a 6.1 kernel: `apt install linux-image-amd64 linux-headers-amd64`")
    })
}

/// Builds tests/hello with kbuild in a folder of its own.
fn build_hello(release: &str, dir: &Path) {
    let headers = format!("/lib/modules/{release}/build");
    assert!(Path::new(&headers).is_dir(), "{headers}: no headers: `apt install linux-headers-{release}`");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hello");
    for name in ["Kbuild", "hello.c"] {
        std::fs::copy(source.join(name), dir.join(name)).unwrap();
    }
    let out = Command::new("make")
        .args(["-C", &headers, &format!("M={}", dir.display()), "modules"])
        .output()
        .expect("make: install it with `apt install make`");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
}

#[test]
fn a_module_is_loaded_and_unloaded() {
    let release = release();
    let dir = tempfile::tempdir().unwrap();
    build_hello(&release, dir.path());
    let out = Vm::new(&release)
        .file("hello.ko", dir.path().join("hello.ko"))
        .bytes("note", 0o640, "kept\n")
        .module("crc16")
        .append("a_word=1")
        .cpus(1)
        .run(
            "dmesg -C; insmod hello.ko whom=kernel; rmmod hello; rmmod hello; echo status $?\n\
             modprobe crc16 && lsmod; uname -r; nproc; cat note; stat -c %a note; grep -c a_word=1 /proc/cmdline\n\
             dmesg | grep hello:; echo to stderr >&2; printf 'a\\r\\000b'; exit 7",
        )
        .unwrap_or_else(|e| panic!("{e}"));
    let console = String::from_utf8_lossy(&out.console).into_owned();
    assert_eq!(out.ended, Ended::Normally, "{console}");
    assert_eq!(out.status, Some(7));
    assert!(out.boot.is_some_and(|b| b < out.elapsed), "{:?} {:?}", out.boot, out.elapsed);
    let stderr = String::from_utf8_lossy(&out.stderr);
    assert_eq!(stderr, "rmmod: ERROR: Module hello is not currently loaded\nto stderr\n");
    let size = lsmod_size(&out.stdout);
    let want = format!(
        "status 1\nModule                  Size  Used by\ncrc16 {size:>22}  0\nKVER\n1\nkept\n640\n1\n\
         hello: loading out-of-tree module taints kernel.\n\
         hello: module verification failed: signature and/or required key missing - tainting kernel\n\
         hello: hello, kernel\nhello: goodbye\na\r\0b\n"
    );
    if let Some(diff) = vm::compare("expected", &want, "the kernel", &vm::normalise(&out.stdout)) {
        panic!("{diff}");
    }
}

/// The size differs between builds of the kernel.
fn lsmod_size(stdout: &[u8]) -> String {
    let text = String::from_utf8_lossy(stdout);
    let line = text.lines().find(|l| l.starts_with("crc16")).unwrap_or_else(|| panic!("no crc16 in {text}"));
    line.split_ascii_whitespace().nth(1).unwrap().to_owned()
}

#[test]
fn a_panic_is_an_outcome_with_its_console() {
    let out = Vm::new(release()).run("echo c >/proc/sysrq-trigger; echo not reached").unwrap_or_else(|e| panic!("{e}"));
    let console = String::from_utf8_lossy(&out.console).into_owned();
    assert_eq!((out.ended, out.status), (Ended::Died, None), "{console}");
    assert!(console.contains("Kernel panic - not syncing: sysrq triggered crash"), "{console}");
}

#[test]
fn an_endless_script_is_stopped() {
    let vm = Vm::new(release()).timeout(Duration::from_secs(3));
    let out = vm.run("while :; do :; done").unwrap_or_else(|e| panic!("{e}"));
    assert_eq!((out.ended, out.status, out.stdout.len()), (Ended::TimedOut, None, 0));
}
