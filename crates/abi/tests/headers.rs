//! Profiles made from headers alone, compared with those of the images.

mod common;

use abi::{ExportKind, Options, Profile};
use common::{debian_6_1, debian_6_12};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

fn cache() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("cache-headers")
}

/// A root that has the headers of a release but no image.
fn headers_only(release: &str, test: &str) -> Option<Options> {
    let build = Path::new("/lib/modules").join(release).join("build");
    if !build.join("Module.symvers").exists() || !Path::new(&format!("/boot/vmlinuz-{release}")).exists() {
        eprintln!("SKIPPED: image and headers of {release} are not both installed");
        return None;
    }
    let root = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("headers-root-{test}"));
    let _ = std::fs::remove_dir_all(&root);
    std::fs::create_dir_all(root.join("lib/modules").join(release)).unwrap();
    std::fs::create_dir_all(root.join("usr")).unwrap();
    symlink(std::fs::read_link(build).unwrap(), root.join("lib/modules").join(release).join("build")).unwrap();
    symlink("/usr/src", root.join("usr/src")).unwrap();
    Some(Options { root, cache_dir: Some(cache()), ..Options::default() })
}

fn image(release: &str) -> Profile {
    Profile::for_release(release, &Options { cache_dir: Some(cache()), ..Options::default() }).unwrap()
}

/// Compares sizes and members of all structs that both know; gives (equal, different).
fn compare_structs(ours: &Profile, truth: &Profile) -> (u32, Vec<String>) {
    let (a, b) = (ours.btf().unwrap(), truth.btf().unwrap());
    let (mut equal, mut different) = (0, Vec::new());
    for id in (1..a.type_count()).map(abi::TypeId) {
        let name = a.name(id).unwrap_or("");
        let is_struct = a.kind(id) == Some(abi::btf::Kind::Struct);
        let Some(other) = (is_struct && !name.is_empty()).then(|| b.type_by_name(&format!("struct {name}"))).flatten()
        else {
            continue;
        };
        let shape = |btf: &abi::Btf<'_>, id| {
            let members = btf.members(id).into_iter();
            let members = members.map(|(n, m)| (n.to_owned(), m.bit_offset, m.bit_size, m.size)).collect::<Vec<_>>();
            (btf.size(id), members)
        };
        if shape(&a, id) == shape(&b, other) { equal += 1 } else { different.push(name.to_owned()) }
    }
    (equal, different)
}

#[test]
fn the_probes_layouts_are_the_images() {
    let Some(options) = headers_only(debian_6_1(), "dwarf") else { return };
    let (p, truth) = (Profile::for_release(debian_6_1(), &options).unwrap(), image(debian_6_1()));
    assert_eq!((p.origin(), p.has_image()), ("headers: DWARF", false));
    assert_eq!(p.offset_of("task_struct", "pid"), Some(0x970));
    assert_eq!(p.size_of("struct module"), Some(896));
    for (of, member) in [("module", "mkobj.kobj"), ("net_device", "netdev_ops"), ("inode", "i_mode"), ("page", "lru")] {
        assert_eq!(p.offset_of(of, member), truth.offset_of(of, member), "{of}.{member}");
    }
    let (equal, different) = compare_structs(&p, &truth);
    assert!(equal > 3000, "only {equal} structs agree");
    // A few names stand for several structs (each driver's own), of which the image's BTF gives another one first.
    assert!(different.len() * 100 < equal as usize, "{equal} agree, but not {different:?}");
    for name in ["MODULE_STATE_GOING", "PG_locked", "NETREG_REGISTERED"] {
        assert!(p.enum_value(name).is_some() && p.enum_value(name) == truth.enum_value(name), "{name}");
    }
    assert_eq!((p.version(), p.banner(), p.vermagic()), (truth.version(), truth.banner(), truth.vermagic()));
    exports_agree(&p, &truth);
    prototypes_agree(&p, &truth);
}

fn exports_agree(p: &Profile, truth: &Profile) {
    let (mut functions, mut known) = (0, 0);
    for t in truth.exports() {
        let e = p.export(t.name).unwrap_or_else(|| panic!("{} is missing", t.name));
        assert_eq!((e.crc, e.gpl, e.namespace), (t.crc, t.gpl, t.namespace), "{}", t.name);
        functions += u32::from(t.kind == ExportKind::Function);
        if e.kind != ExportKind::Unknown {
            assert_eq!(e.kind, t.kind, "{}", t.name);
            known += 1;
        }
    }
    assert_eq!(p.exports().count(), truth.exports().count());
    assert!(known * 10 > functions * 8, "only {known} of {functions} functions are known as such");
}

fn prototypes_agree(p: &Profile, truth: &Profile) {
    let (mut equal, mut different) = (0, Vec::new());
    for e in truth.exports() {
        let (Some(a), Some(b)) = (p.prototype(e.name), truth.prototype(e.name)) else { continue };
        let shape = |p: &abi::Prototype| {
            let params: Vec<_> = p.params.iter().map(|p| (p.value.size, p.value.class)).collect();
            (p.ret.size, p.ret.class, params, p.variadic)
        };
        if shape(&a) == shape(&b) { equal += 1 } else { different.push(e.name) }
    }
    assert!(equal > 7000, "only {equal} prototypes agree");
    assert!(different.len() * 100 < equal, "{equal} agree, but not {different:?}");
}

#[test]
fn btf_that_the_headers_bring_is_used() {
    let Some(options) = headers_only(debian_6_12(), "btf") else { return };
    let (p, truth) = (Profile::for_release(debian_6_12(), &options).unwrap(), image(debian_6_12()));
    assert_eq!((p.origin(), p.has_image()), ("headers: BTF", false));
    assert_eq!(p.size_of("struct module"), Some(1280));
    assert_eq!(p.btf().unwrap().type_count(), truth.btf().unwrap().type_count());
    assert_eq!((p.version(), p.banner(), p.vermagic()), (truth.version(), truth.banner(), truth.vermagic()));
    exports_agree(&p, &truth);
    // What only an image tells is absent, not wrong.
    assert_eq!((p.symbol("_printk"), p.image_bytes(0, 1), p.percpu_template()), (None, None, None));
    assert!(p.relocations().is_none() && p.image_file().is_none() && p.build_id().is_none());
    let listed = abi::list(&options);
    assert!(listed.iter().any(|a| a.release == debian_6_12() && !a.is_image && a.cached), "{listed:?}");
}

/// An image without BTF: symbols and exports from it, layouts from the headers.
#[test]
fn an_image_without_btf_takes_the_layouts_from_headers() {
    let Some(options) = headers_only(debian_6_12(), "no-btf") else { return };
    let root = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("no-btf-root");
    let _ = std::fs::remove_dir_all(&root);
    std::fs::create_dir_all(root.join("boot")).unwrap();
    for name in ["lib", "usr"] {
        symlink(options.root.join(name), root.join(name)).unwrap();
    }
    let truth = image(debian_6_12());
    let mut elf = truth.vmlinux().to_vec();
    // The section is renamed in the string table, which stands last.
    let at = elf.windows(6).rposition(|w| w == b"\0.BTF\0").unwrap();
    elf[at + 1..at + 5].copy_from_slice(b".XXX");
    std::fs::write(root.join(format!("boot/vmlinuz-{}", debian_6_12())), elf).unwrap();
    let options = Options { root: root.clone(), ..options };
    let p = Profile::for_release(debian_6_12(), &options).unwrap();
    assert_eq!((p.origin(), p.has_image()), ("image and headers: BTF", true));
    assert_eq!(p.size_of("struct module"), Some(1280));
    assert_eq!(p.symbol("vprintk_emit"), truth.symbol("vprintk_emit"));

    std::fs::remove_file(root.join("lib")).unwrap();
    std::fs::remove_file(root.join("usr")).unwrap();
    let none = Options { cache_dir: Some(root.join("cache")), ..options };
    let error = Profile::for_release(debian_6_12(), &none).unwrap_err().to_string();
    assert!(error.contains("built without BTF") && error.contains("install this kernel's headers"), "{error}");
    std::fs::remove_dir_all(root).unwrap();
}
