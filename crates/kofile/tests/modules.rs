//! Reads every real module of this machine, and compares with what Debian's tools and the kernel's build say.

mod tree;
mod walk;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::process::Command;

use kofile::{DEFAULT_LIMIT as LIMIT, Format, Image, Module};

/// Runs a tool, gives its output; `None` if the tool is not installed.
fn output(tool: &str, args: &[&str], path: &Path) -> Option<String> {
    let output = Command::new(tool).args(args).arg(path).output().ok()?;
    assert!(output.status.success(), "{tool} {args:?} {}: {output:?}", path.display());
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// What holds for every module of a distribution.
fn check_whole(path: &Path) {
    let show = path.display();
    let image = Image::open(path).unwrap();
    let packed = path.extension().is_some_and(|extension| extension == "xz");
    assert_eq!(image.format(), packed.then_some(Format::Xz), "{show}");
    let (good, bad) = walk::everything(image.bytes(), LIMIT);
    assert!(good >= 10 && bad == 0, "{show}: {good} good, {bad} bad");
    let module = image.module().unwrap();
    module.elf().check_module().unwrap();
    let (info, this) = (module.modinfo(), module.this_module().unwrap());
    assert_eq!(Some(this.name), info.name(), "{show}");
    assert!(info.release().is_some_and(|release| show.to_string().contains(&release.to_string())), "{show}");
    assert!(this.init.is_none_or(|init| init == 312), "{show}");
    assert_eq!(module.build_id().map(<[u8]>::len), Some(20), "{show}");
    assert_eq!(module.signature().map(|signature| signature.details().unwrap().id), Some("PKCS#7"), "{show}");
}

#[test]
fn every_module_is_read() {
    tree::for_each(&tree::modules(), check_whole);
}

/// The values of a field as modinfo prints them, one a line.
fn field(module: &Module<'_>, key: &str) -> Vec<String> {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":");
    let signature = module.signature().map(|signature| signature.details().unwrap());
    match (key, signature) {
        ("sig_id", Some(details)) => vec![details.id.to_owned()],
        ("signer", Some(details)) => vec![details.signer.unwrap().to_string()],
        ("sig_key", Some(details)) => vec![hex(details.key)],
        ("sig_hashalgo", Some(details)) => vec![details.hash_algorithm.unwrap().to_owned()],
        ("signature", Some(details)) => vec![hex(details.signature)],
        _ => module.modinfo().get_all(key).map(|value| value.to_string()).collect(),
    }
}

/// Compares all fields of a module with modinfo; gives how many, `None` without modinfo.
fn check_fields(path: &Path) -> Option<usize> {
    let image = Image::open(path).unwrap();
    let module = image.module().unwrap();
    let mut keys: BTreeSet<String> = module.modinfo().iter().map(|field| field.key.to_string()).collect();
    // Which modinfo prints in another form: see the test of the parameters.
    keys.remove("parm");
    keys.extend(["sig_id", "signer", "sig_key", "sig_hashalgo", "signature", "alias", "none"].map(str::to_owned));
    for key in &keys {
        let mut theirs = output("/usr/sbin/modinfo", &["-F", key], path)?;
        if key == "signature" {
            theirs.retain(|c| !c.is_whitespace());
        }
        let ours: String = field(&module, key).iter().map(|value| format!("{value}\n")).collect();
        assert_eq!(ours.trim_end_matches('\n'), theirs.trim_end_matches('\n'), "{}: {key}", path.display());
    }
    Some(keys.len())
}

#[test]
fn fields_are_those_of_modinfo() {
    let sample = tree::sample(40);
    let compared = tree::for_each(&sample, check_fields);
    match compared.iter().flatten().sum::<usize>() {
        0 if !sample.is_empty() => eprintln!("modinfo is not installed: nothing compared"),
        fields => eprintln!("{fields} fields of {} modules compared", sample.len()),
    }
}

/// The parameters as modinfo prints them without -F, and as we would print them, both sorted.
#[test]
fn params_are_those_of_modinfo() {
    tree::for_each(&tree::sample(40), |path| {
        let image = Image::open(path).unwrap();
        let show = |param: kofile::Param<'_>| {
            let kind = param.kind.map(|kind| format!(" ({kind})")).unwrap_or_default();
            format!("{}:{}{kind}", param.name, param.description.unwrap_or_default())
        };
        let mut ours: Vec<String> = image.module().unwrap().modinfo().params().into_iter().map(show).collect();
        let Some(theirs) = output("/usr/sbin/modinfo", &["-p"], path) else { return };
        let mut theirs: Vec<_> = theirs.lines().map(str::to_owned).collect();
        ours = ours.join("\n").lines().map(str::to_owned).collect();
        ours.sort();
        theirs.sort();
        assert_eq!(ours, theirs, "{}", path.display());
    });
}

/// The table of each export, by name, as nm sees it: symbols `__ksymtab_NAME` in a section.
fn nm_exports(path: &Path, image: &Image<'_>) -> Option<BTreeMap<String, bool>> {
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    let plain = std::env::temp_dir().join(format!("kofile-nm-{}-{name}", std::process::id()));
    std::fs::write(&plain, image.bytes()).unwrap();
    let listing = output("nm", &["--format=sysv"], &plain);
    std::fs::remove_file(&plain).unwrap();
    let mut exports = BTreeMap::new();
    for line in listing?.lines() {
        let mut columns = line.split('|').map(str::trim);
        let name = columns.next().and_then(|name| name.strip_prefix("__ksymtab_"));
        if let (Some(name), Some(section)) = (name, columns.next_back()) {
            exports.insert(name.to_owned(), section == "__ksymtab_gpl");
        }
    }
    Some(exports)
}

#[test]
fn exports_are_those_of_nm() {
    let counts = tree::for_each(&tree::sample(40), |path| {
        let image = Image::open(path).unwrap();
        let exports = image.module().unwrap().exports().unwrap();
        let ours: BTreeMap<_, _> = exports.iter().map(|export| (export.name.to_string(), export.gpl_only)).collect();
        let theirs = nm_exports(path, &image)?;
        assert_eq!((&ours, ours.len()), (&theirs, exports.len()), "{}", path.display());
        Some(ours.len())
    });
    eprintln!("{} exports compared", counts.iter().flatten().sum::<usize>());
}

/// A kernel's `Module.symvers`: CRC, module, kind of export and namespace by symbol.
fn symvers(release: &str) -> HashMap<String, (u32, String, bool, String)> {
    let text = std::fs::read_to_string(format!("/lib/modules/{release}/build/Module.symvers")).unwrap_or_default();
    let parse = |line: &str| {
        let mut columns = line.split('\t');
        let mut next = || columns.next().unwrap_or_default().to_owned();
        let (crc, name, module, kind, namespace) = (next(), next(), next(), next(), next());
        let crc = u32::from_str_radix(crc.trim_start_matches("0x"), 16).unwrap();
        (name, (crc, module, kind == "EXPORT_SYMBOL_GPL", namespace))
    };
    text.lines().map(parse).collect()
}

/// Compares exports and imports of every module with the list that the kernel's build made.
#[test]
fn crcs_are_those_of_the_build() {
    let mut by_release: BTreeMap<String, Vec<_>> = BTreeMap::new();
    for path in tree::modules() {
        let release = path.components().nth(3).unwrap().as_os_str().to_string_lossy().into_owned();
        by_release.entry(release).or_default().push(path);
    }
    for (release, paths) in by_release {
        let list = symvers(&release);
        if list.is_empty() {
            eprintln!("{release}: no Module.symvers (install linux-headers-{release})");
            continue;
        }
        let exported = tree::for_each(&paths, |path| check_crcs(path, &list)).into_iter().sum::<usize>();
        let wanted = list.values().filter(|(_, module, ..)| module != "vmlinux").count();
        eprintln!("{release}: {exported} exports and all imports compared");
        // A list may have more: modules in another package.
        assert!(exported > 0 && exported <= wanted, "{release}: {exported} of {wanted}");
    }
}

fn check_crcs(path: &Path, list: &HashMap<String, (u32, String, bool, String)>) -> usize {
    let image = Image::open(path).unwrap();
    let module = image.module().unwrap();
    let exports = module.exports().unwrap();
    let symbols = module.elf().symbols().unwrap();
    for export in &exports {
        let (crc, file, gpl_only, namespace) = &list[&export.name.to_string()];
        let ours = (export.crc, export.gpl_only, export.namespace.unwrap_or_default());
        assert_eq!(ours, (Some(*crc), *gpl_only, namespace.as_str().into()), "{}: {}", path.display(), export.name);
        assert!(path.to_string_lossy().contains(&format!("/{file}.ko")), "{}: {file}", path.display());
        let symbol = symbols.get(export.symbol).unwrap();
        assert!(symbol.name() == export.name || symbol.name().is_empty(), "{}: {}", path.display(), export.name);
    }
    for version in module.versions().unwrap().iter().filter(|version| version.name != "module_layout") {
        let crc = list[&version.name.to_string()].0;
        assert_eq!(version.crc, crc, "{}: {}", path.display(), version.name);
    }
    exports.len()
}

#[test]
fn a_truncated_module_is_an_error_or_less_but_no_panic() {
    let small = |path: &std::path::PathBuf| std::fs::metadata(path).is_ok_and(|data| data.len() < 40_000);
    let paths: Vec<_> = tree::sample(100).into_iter().filter(small).take(40).collect();
    let counts = tree::for_each(&paths, |path| {
        let packed = std::fs::read(path).unwrap();
        let image = Image::open(path).unwrap();
        for bytes in [&packed[..], image.bytes()] {
            let whole = walk::everything(bytes, LIMIT);
            for end in (0..bytes.len()).step_by(64) {
                let (good, bad) = walk::everything(&bytes[..end], LIMIT);
                assert!(bad > 0 || good < whole.0, "{} cut at {end} is as good as whole", path.display());
            }
        }
        image.bytes().len() / 64
    });
    eprintln!("{} truncations of {} modules", counts.iter().sum::<usize>(), paths.len());
}
