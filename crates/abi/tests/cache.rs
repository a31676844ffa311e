//! The cache: where profiles are found, kept and made anew.

mod common;

use abi::{Options, Profile};
use common::debian_6_1;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

fn scratch(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("cache-test-{name}"));
    let _ = std::fs::remove_dir_all(&path);
    std::fs::create_dir_all(&path).unwrap();
    path
}

/// A root with a self-built kernel: the unpacked image at lib/modules/RELEASE/build/vmlinux.
fn self_built(root: &Path) -> Option<()> {
    if !Path::new(&format!("/boot/vmlinuz-{}", debian_6_1())).exists() {
        eprintln!("SKIPPED: kernel {} is not installed (apt install linux-image-{})", debian_6_1(), debian_6_1());
        return None;
    }
    let shared = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("cache");
    let installed =
        Profile::for_release(debian_6_1(), &Options { cache_dir: Some(shared), ..Options::default() }).unwrap();
    let build = root.join(format!("lib/modules/{}/build", debian_6_1()));
    std::fs::create_dir_all(&build).unwrap();
    std::fs::write(build.join("vmlinux"), installed.vmlinux()).unwrap();
    Some(())
}

/// Options that count the imports.
fn counting(root: &Path, cache: &Path) -> (Options, Arc<AtomicU32>) {
    let imports = Arc::new(AtomicU32::new(0));
    let counter = imports.clone();
    let progress: abi::ProgressFn = Arc::new(move |p| {
        counter.fetch_add(u32::from(p.phase == "read"), Ordering::Relaxed);
    });
    let (root, cache_dir) = (root.to_owned(), Some(cache.to_owned()));
    (Options { root, cache_dir, progress: Some(progress), ..Options::default() }, imports)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect()
}

#[test]
fn a_profile_is_made_once_and_anew_when_the_file_is_damaged_or_the_image_replaced() {
    let root = scratch("once");
    let Some(()) = self_built(&root) else { return };
    let cache = root.join("cache/deep");
    let (options, imports) = counting(&root, &cache);
    let open = || Profile::for_release(debian_6_1(), &options).unwrap();
    let count = || imports.load(Ordering::Relaxed);
    let path = open().path().unwrap().to_owned();
    open();
    assert_eq!(count(), 1, "the second open finds the first one's file");
    assert_eq!(files(&cache), std::slice::from_ref(&path), "nothing temporary is left");

    let damage = |at: u64| {
        let file = std::fs::File::options().read(true).write(true).open(&path).unwrap();
        let mut byte = [0];
        file.read_exact_at(&mut byte, at).unwrap();
        file.write_all_at(&[byte[0] ^ 0xff], at).unwrap();
    };
    for (n, at) in [0, 8, 20, 30, 60, 500].into_iter().enumerate() {
        damage(at);
        assert_eq!(open().size_of("struct module"), Some(896), "byte {at}");
        assert_eq!(count(), n as u32 + 2, "byte {at} is in the head: made anew");
    }
    let whole = std::fs::metadata(&path).unwrap().len();
    std::fs::File::options().write(true).open(&path).unwrap().set_len(whole - 1).unwrap();
    open();
    assert_eq!(count(), 8, "cut short: made anew");

    let image = root.join(format!("lib/modules/{}/build/vmlinux", debian_6_1()));
    let copy = std::fs::read(&image).unwrap();
    std::fs::remove_file(&image).unwrap();
    std::fs::write(&image, copy).unwrap();
    let p = open();
    assert_eq!(count(), 9, "another file at the image's place: made anew");
    assert_eq!(files(&cache), [p.path().unwrap()], "the old image's profile is removed");
    std::fs::remove_dir_all(root).unwrap();
}

/// Damage behind the head is not noticed at the open; the answers may be wrong, but nothing may panic.
#[test]
fn damage_anywhere_never_panics() {
    let root = scratch("damage");
    let Some(()) = self_built(&root) else { return };
    let (options, _) = counting(&root, &root.join("cache"));
    let path = Profile::for_release(debian_6_1(), &options).unwrap().path().unwrap().to_owned();
    let file = std::fs::File::options().write(true).open(&path).unwrap();
    let len = file.metadata().unwrap().len();
    let mut random = 0x9e37_79b9_7f4a_7c15u64;
    for round in 0..6 {
        for _ in 0..40_000 {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            // The head, which is checked, stays; the tables are in the last part of the file.
            let from = if random & 1 == 0 { 8192 } else { len - (len - 8192) / 3 };
            file.write_all_at(&random.to_le_bytes()[..1], from + random % (len - from)).unwrap();
        }
        let p = Profile::for_release(debian_6_1(), &options).unwrap();
        assert_eq!(p.release(), debian_6_1(), "round {round}: the head is whole");
        ask_everything(&p);
    }
    std::fs::remove_dir_all(root).unwrap();
}

fn ask_everything(p: &Profile) {
    for e in p.exports().collect::<Vec<_>>() {
        p.export(e.name);
        p.prototype(e.name);
        p.image_bytes(e.addr, 16);
        p.symbol_at(e.addr);
    }
    for s in p.symbols().step_by(7) {
        p.symbol(s.name);
    }
    for (of, member) in [("task_struct", "comm"), ("module", "mkobj.kobj.name"), ("page", "lru"), ("sk_buff", "len")] {
        p.member(of, member);
        p.size_of(of);
        p.declaration(of);
    }
    if let Some(btf) = p.btf() {
        for id in (0..btf.type_count()).step_by(11).map(abi::TypeId) {
            btf.size(id);
            btf.member(id, "x.y[3].z");
            btf.prototype_of(id);
            btf.type_name(id);
        }
    }
    p.relocations().map(|r| r.iter().count());
    p.percpu_template();
    p.sections().count();
    p.enum_value("MODULE_STATE_LIVE");
}

#[test]
fn without_a_place_to_write_the_profile_lives_in_memory() {
    let root = scratch("memory");
    let Some(()) = self_built(&root) else { return };
    let file = root.join("a-file");
    std::fs::write(&file, "").unwrap();
    let (options, _) = counting(&root, &file.join("cache"));
    let p = Profile::for_release(debian_6_1(), &options).unwrap();
    assert_eq!((p.path(), p.size_of("struct module")), (None, Some(896)));
    assert!(p.image_file().is_some());
    std::fs::remove_dir_all(root).unwrap();
}

/// A folder others can write to is not used: they could have put a false profile there.
#[test]
fn a_cache_folder_open_to_others_is_not_trusted() {
    let root = scratch("open");
    let Some(()) = self_built(&root) else { return };
    let cache = root.join("cache");
    let (options, imports) = counting(&root, &cache);
    assert!(Profile::for_release(debian_6_1(), &options).unwrap().path().is_some());
    std::fs::set_permissions(&cache, std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
    assert!(Profile::for_release(debian_6_1(), &options).unwrap().path().is_none());
    assert_eq!(imports.load(Ordering::Relaxed), 2);
    std::fs::remove_dir_all(root).unwrap();
}

/// Two processes (this test's own program, started twice) import at the same time.
#[test]
fn two_processes_import_at_the_same_time() {
    const ROOT: &str = "LKM_ABI_TEST_ROOT";
    if let Some(root) = std::env::var_os(ROOT).map(PathBuf::from) {
        let (options, _) = counting(&root, &root.join("cache"));
        let p = Profile::for_release(debian_6_1(), &options).unwrap();
        assert_eq!((p.size_of("struct module"), p.path().is_some()), (Some(896), true));
        return;
    }
    let root = scratch("two");
    let Some(()) = self_built(&root) else { return };
    let start = || {
        let mut command = std::process::Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "two_processes_import_at_the_same_time"]).env(ROOT, &root);
        command.stdout(std::process::Stdio::null()).spawn().unwrap()
    };
    let (mut one, mut two) = (start(), start());
    assert!(one.wait().unwrap().success() && two.wait().unwrap().success());
    assert_eq!(files(&root.join("cache")).len(), 1, "one file, nothing temporary");
    std::fs::remove_dir_all(root).unwrap();
}

/// Debian's and Fedora's places under another root, and a given path.
#[test]
fn images_are_found_under_a_root() {
    let installed = PathBuf::from(format!("/boot/vmlinuz-{}", debian_6_1()));
    if !installed.exists() {
        eprintln!("SKIPPED: kernel {} is not installed", debian_6_1());
        return;
    }
    let root = scratch("root");
    for place in [format!("boot/vmlinuz-{}", debian_6_1()), format!("lib/modules/{}/vmlinuz", debian_6_1())] {
        let at = root.join(place);
        std::fs::create_dir_all(at.parent().unwrap()).unwrap();
        std::fs::copy(&installed, &at).unwrap();
        let (options, _) = counting(&root, &root.join("cache"));
        let p = Profile::for_release(debian_6_1(), &options).unwrap();
        assert_eq!((p.source(), p.release()), (at.as_path(), debian_6_1()));
        let listed = abi::list(&options);
        let want = abi::Available { release: debian_6_1().into(), source: at.clone(), is_image: true, cached: true };
        assert_eq!(listed, [want]);
        std::fs::remove_file(at).unwrap();
    }
    let (options, _) = counting(&root, &root.join("cache"));
    let given = Options { image: Some(installed.clone()), ..options.clone() };
    assert_eq!(Profile::for_release(debian_6_1(), &given).unwrap().source(), installed);
    let error = Profile::for_release("6.1.0-1-amd64", &given).unwrap_err().to_string();
    assert!(error.contains(&format!("it is a kernel {}, not 6.1.0-1-amd64", debian_6_1())), "{error}");
    std::fs::remove_dir_all(root).unwrap();
}

#[test]
fn what_is_missing_is_named_with_the_cure() {
    let root = scratch("missing");
    let (options, _) = counting(&root, &root.join("cache"));
    let error = Profile::for_vermagic("5.0.0-none SMP mod_unload ", &options).unwrap_err().to_string();
    assert!(error.contains("boot/vmlinuz-5.0.0-none (absent)"), "{error}");
    assert!(error.contains("apt install linux-image-5.0.0-none"), "{error}");
    std::fs::create_dir_all(root.join("boot")).unwrap();
    std::fs::write(root.join("boot/vmlinuz-5.0.0-none"), "no kernel").unwrap();
    let error = Profile::for_release("5.0.0-none", &options).unwrap_err().to_string();
    assert!(error.contains("vmlinuz-5.0.0-none: neither a bzImage"), "{error}");
    let error = Profile::from_image(&root.join("nothing"), &options).unwrap_err().to_string();
    assert!(error.contains("nothing: cannot read"), "{error}");
    assert_eq!(abi::list(&Options { root: root.join("nothing"), ..options }), []);
    std::fs::remove_dir_all(root).unwrap();
}

#[test]
fn a_profile_can_be_shared_between_threads() {
    fn shared<T: Send + Sync + 'static>() {}
    shared::<Profile>();
    shared::<abi::Error>();
}
