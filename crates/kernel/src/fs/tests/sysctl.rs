//! /proc/sys/kernel, compared with what the real kernel did.

use super::*;
use crate::fs::sysctl::{KernelSysctls, TaintVar};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

/// Undoes the escapes of the recorded files.
fn bytes(text: &str) -> Vec<u8> {
    if text == "<1 >*3000" {
        return b"1 ".repeat(3000);
    }
    if text == "\"\"" {
        return vec![];
    }
    let mut parts = text.split("\\x");
    let mut out = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let (hex, rest) = part.split_at(2);
        out.push(u8::from_str_radix(hex, 16).expect("hexadecimal"));
        out.extend_from_slice(rest.as_bytes());
    }
    out
}

fn kernel(taint: u64) -> Tree {
    let tree = Tree::new();
    let mut sysctls = KernelSysctls::new("6.1.0-56-amd64", "#1 SMP");
    sysctls.tainted = Arc::new(AtomicU64::new(taint));
    sysctls.register(&tree).expect("registers");
    tree
}

#[test]
fn writes_do_what_linux_does() {
    let tree = kernel(12288);
    let mut rows = 0;
    for line in include_str!("recorded/sysctl-writes").lines().filter(|line| !line.starts_with('#')) {
        let [file, before, data, want, after] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("{line:?}") };
        let path = format!("/proc/sys/kernel/{file}");
        if before != "-" {
            put(&tree, &root(), &path, &bytes(before)).expect("recorded as possible");
        }
        let want = if want == "EINVAL" { Err(EINVAL) } else { Ok(want.parse().expect("a count")) };
        assert_eq!(put(&tree, &root(), &path, &bytes(data)), want, "{line}");
        assert_eq!(get(&tree, &root(), &path).map(String::into_bytes), Ok(bytes(after)), "{line}");
        rows += 1;
    }
    assert!(rows > 400, "{rows} rows");
}

#[test]
fn start_values_and_attributes() {
    let tree = kernel(0);
    for (file, mode, content) in [
        ("printk", 0o644, "7\t4\t1\t7\n"),
        ("printk_ratelimit", 0o644, "5\n"),
        ("printk_ratelimit_burst", 0o644, "10\n"),
        ("printk_devkmsg", 0o644, "ratelimit\n"),
        ("printk_delay", 0o644, "0\n"),
        ("tainted", 0o644, "0\n"),
        ("modules_disabled", 0o644, "0\n"),
        ("kptr_restrict", 0o644, "0\n"),
        ("dmesg_restrict", 0o644, "1\n"),
        ("osrelease", 0o444, "6.1.0-56-amd64\n"),
        ("version", 0o444, "#1 SMP\n"),
        ("ostype", 0o444, "Linux\n"),
        ("hostname", 0o644, "(none)\n"),
        ("domainname", 0o644, "(none)\n"),
    ] {
        let path = format!("/proc/sys/kernel/{file}");
        assert_eq!(get(&tree, &user(), &path), Ok(content.into()));
        let dir = tree.make_path("/proc/sys/kernel").expect("there");
        let attr = lookup(&tree, &user(), dir, file).expect("there");
        assert_eq!((attr.mode, attr.size, attr.nlink), (mode, 0, 1), "{file}");
        assert_eq!(put(&tree, &user(), &path, b"1"), Err(EACCES), "{file}");
        if mode == 0o444 {
            assert_eq!(put(&tree, &root(), &path, b"x"), Err(EACCES), "{file}: binds root too");
        }
    }
    for path in ["/proc/sys", "/proc/sys/kernel"] {
        let attr = getattr(&tree, tree.make_path(path).expect("there")).expect("there");
        assert_eq!((attr.mode, attr.nlink), (0o555, 1), "{path}");
    }
}

#[test]
fn offsets() {
    let tree = kernel(0);
    let dir = tree.make_path("/proc/sys/kernel").expect("there");
    let file = |name| open(&tree, &root(), tree.child(dir, name).expect("there"), 2).expect("opens");
    let h = file("printk");
    for n in 1..8 {
        assert_eq!(pread(&tree, h, n, 0).map(|d| d.len()), Ok(n as usize));
        assert_eq!(pread(&tree, h, n, u64::from(n)), Ok(vec![]), "numbers are there at offset 0 only");
    }
    assert_eq!(pwrite(&tree, h, b"3", 5), Ok(1));
    assert_eq!(pread(&tree, h, 99, 0), Ok(b"7\t4\t1\t7\n".to_vec()), "ignored");
    let h = file("tainted");
    assert_eq!(pwrite(&tree, h, b"1", 1), Ok(1));
    assert_eq!(pread(&tree, h, 99, 0), Ok(b"0\n".to_vec()));
    let h = file("hostname");
    assert_eq!(pread(&tree, h, 2, 0), Ok(b"(n".to_vec()));
    assert_eq!(pread(&tree, h, 20, 2), Ok(b"one)\n".to_vec()));
    assert_eq!(pread(&tree, h, 20, 7), Ok(vec![]));
    for (data, offset, then) in
        [(&b"abc"[..], 0, "abc\n"), (b"def", 3, "abcdef\n"), (b"Z", 1, "aZ\n"), (b"Z", 9, "aZ\n"), (b"", 1, "aZ\n")]
    {
        assert_eq!(pwrite(&tree, h, data, offset), Ok(u32::try_from(data.len()).expect("short")));
        assert_eq!(get(&tree, &root(), "/proc/sys/kernel/hostname"), Ok(then.into()));
    }
    let h = file("printk_devkmsg");
    assert_eq!(pwrite(&tree, h, b"off", 4), Err(EINVAL));
}

#[test]
fn some_need_an_administrator_even_with_an_open_file() {
    let tree = kernel(0);
    let dir = tree.make_path("/proc/sys/kernel").expect("there");
    for (name, want) in [
        ("tainted", Err(EPERM)),
        ("kptr_restrict", Err(EPERM)),
        ("dmesg_restrict", Err(EPERM)),
        ("printk_delay", Ok(VfsReply::Written(1))),
    ] {
        let handle = open(&tree, &root(), tree.child(dir, name).expect("there"), 1).expect("opens");
        let call = VfsCall::Write { handle, offset: 0, data: b"1".to_vec(), flags: 1 };
        assert_eq!(vfs(&tree, &user(), call), want, "{name}");
    }
}

#[test]
fn taints_only_grow() {
    let taint = AtomicU64::new(0x1000);
    TaintVar::add(&taint, 2);
    assert_eq!(TaintVar::get(&taint), 0x1002);
}
