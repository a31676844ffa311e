//! Profiles of the kernels that are installed here. A kernel that is not installed is skipped, loudly.

mod common;

use abi::{ExportKind, Options, Profile, RelocKind};
use common::{debian_6_1, debian_6_12};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// A cache of the tests' own, kept between runs by the build folder.
fn cache() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("cache")
}

fn options() -> Options {
    Options { cache_dir: Some(cache()), ..Options::default() }
}

/// The profile of an installed kernel; one import at a time, the others find it in the cache.
fn profile(release: &str) -> Option<Profile> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _guard = ONE_AT_A_TIME.lock().unwrap_or_else(|e| e.into_inner());
    if !Path::new(&format!("/boot/vmlinuz-{release}")).exists() {
        eprintln!("SKIPPED: kernel {release} is not installed (apt install linux-image-{release})");
        return None;
    }
    Some(Profile::for_release(release, &options()).unwrap())
}

/// Every kernel whose image is installed.
fn images() -> Vec<String> {
    abi::list(&options()).into_iter().filter(|a| a.is_image).map(|a| a.release).collect()
}

#[test]
fn layouts_of_6_1_are_the_measured_ones() {
    let Some(p) = profile(debian_6_1()) else { return };
    assert_eq!(p.offset_of("task_struct", "pid"), Some(0x970));
    assert_eq!(p.offset_of("task_struct", "comm"), Some(0xba0));
    assert_eq!(p.member("task_struct", "comm").unwrap().size, 16);
    assert_eq!(p.size_of("struct module"), Some(896));
    assert_eq!(p.size_of("module"), Some(896));
    let (kobj, mkobj) = (p.offset_of("module", "mkobj.kobj").unwrap(), p.offset_of("module", "mkobj").unwrap());
    assert_eq!(kobj, mkobj + p.offset_of("module_kobject", "kobj").unwrap());
    assert_eq!(p.enum_value("MODULE_STATE_GOING"), Some(2));
    assert_eq!(p.size_of("atomic_t"), Some(4));
    assert_eq!(p.size_of("long unsigned int"), Some(8));
}

#[test]
fn layouts_of_6_12_are_the_measured_ones() {
    let Some(p) = profile(debian_6_12()) else { return };
    assert_eq!(p.size_of("struct module"), Some(1280));
    assert_eq!(p.offset_of("pcpu_hot", "current_task"), Some(0));
    assert_eq!(p.offset_of("pcpu_hot", "preempt_count"), Some(8));
    assert_eq!(p.offset_of("pcpu_hot", "cpu_number"), Some(12));
    assert_eq!(p.size_of("struct alt_instr"), Some(14));
}

/// Each member of the most used structs lies where pahole says it does.
#[test]
fn members_agree_with_pahole() {
    let Some(p) = profile(debian_6_1()) else { return };
    let image = std::env::temp_dir().join(format!("lkm-abi-pahole-{}", std::process::id()));
    std::fs::write(&image, p.vmlinux()).unwrap();
    for name in ["task_struct", "module", "inode", "timer_list", "sk_buff", "net_device", "device"] {
        let run = std::process::Command::new("pahole").args(["-F", "btf", "-C", name]).arg(&image).output();
        let Ok(run) = run.inspect_err(|_| eprintln!("SKIPPED: pahole is not installed")) else { break };
        let text = String::from_utf8(run.stdout).unwrap();
        let mut compared = 0;
        for (member, offset, size) in text.lines().filter_map(top_level_member) {
            let ours = p.member(name, member).unwrap_or_else(|| panic!("{name}.{member} is missing"));
            if ours.bit_size == 0 {
                assert_eq!((ours.offset, ours.size), (offset, size), "{name}.{member}");
                compared += 1;
            }
        }
        assert!(compared >= 3, "{name}: only {compared} members in {text}");
    }
    std::fs::remove_file(image).unwrap();
}

/// "\tint x[4]; /* 8 16 */" -> ("x", 8, 16), only for plain members directly in the struct.
fn top_level_member(line: &str) -> Option<(&str, u64, u64)> {
    let line = line.strip_prefix('\t').filter(|l| !l.starts_with('\t'))?;
    let (declaration, comment) = line.split_once(';')?;
    let mut numbers = comment.trim().strip_prefix("/*")?.strip_suffix("*/")?.split_whitespace();
    let (offset, size) = (numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?);
    if declaration.contains(['(', ':', '}']) {
        return None;
    }
    let last = declaration.split_whitespace().last()?.trim_start_matches('*');
    Some((last.split('[').next()?, offset, size))
}

#[test]
fn identity_is_read_of_every_installed_kernel() {
    for release in images() {
        let Some(p) = profile(&release).filter(|p| p.version().contains(" Debian ")) else { continue };
        assert_eq!(p.release(), release);
        assert!(p.version().starts_with("#1 SMP PREEMPT_DYNAMIC Debian "), "{}", p.version());
        assert!(p.banner().starts_with(&format!("Linux version {release} (")), "{}", p.banner());
        assert!(p.banner().ends_with(p.version()));
        assert_eq!(p.vermagic(), Some(format!("{release} SMP preempt mod_unload modversions ").as_str()));
        assert_eq!(p.build_id().map(str::len), Some(40));
        assert!(p.has_image());
        let again = Profile::for_vermagic(p.vermagic().unwrap(), &options()).unwrap();
        assert_eq!(again.build_id(), p.build_id());
    }
}

#[test]
fn exports_are_complete_and_agree_with_kallsyms_and_btf() {
    for release in [debian_6_1(), debian_6_12()] {
        let Some(p) = profile(release) else { continue };
        let all: Vec<_> = p.exports().collect();
        assert!(all.iter().filter(|e| e.kind == ExportKind::Function).count() * 10 > all.len() * 9);
        assert!(all.is_sorted_by_key(|e| e.name));
        for e in &all {
            assert_eq!(p.export(e.name), Some(*e));
            let mut symbols = p.symbols_named(e.name);
            assert!(symbols.any(|s| s.addr == e.addr), "{}: {:#x} is not in kallsyms", e.name, e.addr);
            if e.kind == ExportKind::Function {
                assert!(p.image_bytes(e.addr, 4).is_some(), "{}", e.name);
                let letters: Vec<char> = p.symbols_named(e.name).filter(|s| s.addr == e.addr).map(|s| s.kind).collect();
                assert!(letters.iter().all(|l| "TtWw".contains(*l)), "{}: {letters:?}", e.name);
            } else {
                assert_eq!(p.prototype(e.name), None, "{} has a prototype but is no function", e.name);
            }
        }
        assert_eq!(p.export("no_such_export"), None);
        assert_eq!(p.export("_printk").unwrap().kind, ExportKind::Function);
        assert_eq!(p.export("jiffies").unwrap().kind, ExportKind::Data);
        assert_eq!(p.export("this_cpu_off").unwrap().kind, ExportKind::PerCpu);
    }
}

#[test]
fn crcs_agree_with_module_symvers() {
    for release in [debian_6_1(), debian_6_12()] {
        let Some(p) = profile(release) else { continue };
        let Ok(text) = std::fs::read_to_string(format!("/lib/modules/{release}/build/Module.symvers")) else {
            eprintln!("SKIPPED: the headers of {release} are not installed");
            continue;
        };
        let mut compared = 0;
        for line in text.lines() {
            let fields: Vec<&str> = line.split('\t').collect();
            if fields[2] != "vmlinux" {
                continue;
            }
            let e = p.export(fields[1]).unwrap_or_else(|| panic!("{} is missing", fields[1]));
            assert_eq!(e.crc, Some(u32::from_str_radix(&fields[0][2..], 16).unwrap()), "{}", e.name);
            assert_eq!(e.gpl, fields[3] == "EXPORT_SYMBOL_GPL", "{}", e.name);
            assert_eq!(e.namespace, fields[4], "{}", e.name);
            compared += 1;
        }
        assert_eq!(compared, p.exports().count());
    }
}

/// What real modules import: the CRCs in their `__versions` (64-byte entries: CRC, name).
#[test]
fn crcs_agree_with_real_modules() {
    for release in [debian_6_1(), debian_6_12()] {
        let Some(p) = profile(release) else { continue };
        for module in ["drivers/block/loop.ko", "fs/ext4/ext4.ko", "drivers/net/dummy.ko", "lib/crc8.ko"] {
            let path = PathBuf::from(format!("/lib/modules/{release}/kernel/{module}"));
            let Some(ko) = read_module(&path) else {
                eprintln!("SKIPPED: {}", path.display());
                continue;
            };
            let mut compared = 0;
            for entry in section(&ko, "__versions").unwrap().chunks_exact(64) {
                let crc = u32::from_le_bytes(entry[..4].try_into().unwrap());
                let name = std::str::from_utf8(&entry[8..]).unwrap().trim_end_matches('\0');
                // What other modules export is not the kernel's.
                if let Some(e) = p.export(name) {
                    assert_eq!(e.crc, Some(crc), "{module}: {name}");
                    compared += 1;
                }
            }
            assert!(compared > 0, "{module}");
        }
    }
}

/// A module's bytes, unpacked.
fn read_module(path: &Path) -> Option<Vec<u8>> {
    let packed = std::fs::File::open(format!("{}.xz", path.display()));
    match packed {
        Ok(file) => {
            let mut out = Vec::new();
            std::io::Read::read_to_end(&mut liblzma::read::XzDecoder::new(file), &mut out).unwrap();
            Some(out)
        }
        Err(_) => std::fs::read(path).ok(),
    }
}

fn section<'a>(elf: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let number = |at: usize, len: usize| elf[at..at + len].iter().rev().fold(0usize, |n, &b| n << 8 | usize::from(b));
    let (start, count, strings) = (number(0x28, 8), number(0x3c, 2), number(0x3e, 2));
    let header = |i: usize| start + i * 64;
    let names = number(header(strings) + 24, 8);
    (0..count).map(header).find_map(|h| {
        let this = names + number(h, 4);
        elf[this..].starts_with(format!("{name}\0").as_bytes()).then(|| {
            let (offset, size) = (number(h + 24, 8), number(h + 32, 8));
            &elf[offset..offset + size]
        })
    })
}

#[test]
fn symbols_are_found_both_ways() {
    for release in images() {
        let Some(p) = profile(&release).filter(|p| p.version().contains(" Debian ")) else { continue };
        assert!(p.symbol_count() > 90_000, "{}", p.symbol_count());
        let vprintk = p.symbol("vprintk_emit").unwrap();
        assert!(vprintk.kind == 'T' && vprintk.size > 100);
        let (found, offset) = p.symbol_at(vprintk.addr + 7).unwrap();
        assert_eq!((found.name, offset), ("vprintk_emit", 7));
        assert_eq!(p.symbol_at(1), p.symbol_at(0).map(|(s, _)| (s, 1)), "per-CPU symbols start at 0");
        assert_eq!(p.symbol_at(u64::MAX), None);
        assert_eq!(p.symbol_at(0xffff_8880_0000_0000), None);
        let mut last = 0;
        for s in p.symbols() {
            assert!(s.addr >= last);
            last = s.addr;
        }
        let text = p.section(".text").unwrap();
        assert_eq!(p.symbol("_text").unwrap().addr, text.addr);
        let banner = p.symbol("linux_banner").unwrap();
        let bytes = p.image_bytes(banner.addr, p.banner().len()).unwrap();
        assert_eq!(bytes, p.banner().as_bytes());
    }
}

#[test]
fn prototypes_tell_what_a_stub_needs() {
    let Some(p) = profile(debian_6_1()) else { return };
    let printk = p.prototype("_printk").unwrap();
    assert!(printk.variadic && printk.params.len() == 1 && printk.params[0].value.is_pointer());
    let kmalloc = p.prototype("__kmalloc").unwrap();
    let sizes: Vec<u64> = kmalloc.params.iter().map(|p| p.value.size).collect();
    assert_eq!((sizes, kmalloc.ret.is_pointer()), (vec![8, 4], true));
    assert!(p.prototype("mount_bdev").is_some_and(|m| !m.has_stack_arguments()));
    assert!(p.exports().filter_map(|e| p.prototype(e.name)).any(|p| p.has_stack_arguments()));
    assert_eq!(p.declaration("kstrdup").unwrap(), "char *kstrdup(const char *s, gfp_t gfp);");
    assert!(p.declaration("list_head").unwrap().contains("struct list_head *next; /* 0 +8 */"));
}

#[test]
fn the_image_can_be_borrowed_from() {
    for release in [debian_6_1(), debian_6_12()] {
        let Some(p) = profile(release) else { continue };
        let (base, template) = p.percpu_template().unwrap();
        assert_eq!((base, template.len() as u64), (0, p.section(".data..percpu").unwrap().size));
        let load = p.symbol("__per_cpu_load").unwrap().addr;
        assert!(p.image_bytes(load, template.len()) == Some(template), "the template is at {load:#x} too");
        let relocations = p.relocations().unwrap();
        let count = |kind| relocations.iter().filter(|r| r.0 == kind).count();
        let counts = (count(RelocKind::Abs32), count(RelocKind::Inverse32), count(RelocKind::Abs64));
        if release == "6.1.0-56-amd64" {
            assert_eq!(counts, (76_906, 8_385, 137_699), "as measured with another program");
        }
        assert!(counts.0 > 0 && counts.2 > 0);
        for (kind, addr) in relocations.iter() {
            assert!(p.image_bytes(addr, 4).is_some(), "{kind:?} at {addr:#x}");
        }
        let (file, offset) = p.image_file().unwrap();
        let mut head = [0; 4];
        std::os::unix::fs::FileExt::read_exact_at(file, &mut head, offset).unwrap();
        assert_eq!((&head, offset % 4096), (b"\x7fELF", 0));
        assert_eq!(p.image_bytes(u64::MAX, 1), None);
        assert_eq!(p.image_bytes(p.section(".text").unwrap().addr, usize::MAX), None);
    }
}

/// Not a test of speed (nothing here may depend on the machine), but what it prints is the number to watch.
#[test]
fn a_start_parses_nothing() {
    let Some(p) = profile(debian_6_1()) else { return };
    let names: Vec<String> = p.exports().step_by(210).map(|e| e.name.to_owned()).take(50).collect();
    drop(p);
    let members = ["pid", "comm", "mm", "thread", "cred", "files", "fs", "stack", "flags", "state"];
    let (mut first, mut best) = (None, std::time::Duration::MAX);
    for _ in 0..20 {
        let start = std::time::Instant::now();
        let p = Profile::for_release(debian_6_1(), &options()).unwrap();
        let mut found = 0;
        for (of, m) in ["task_struct", "module", "device"].iter().flat_map(|s| members.iter().map(move |m| (s, m))) {
            found += usize::from(p.offset_of(of, m).is_some());
        }
        found += names.iter().filter(|n| p.export(n).is_some()).count();
        best = best.min(start.elapsed());
        first.get_or_insert(best);
        assert!(found > 55);
    }
    eprintln!("open, 30 members, 50 exports: first {first:?}, best {best:?}");
}
