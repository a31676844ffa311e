//! `modinfo`, what `modprobe` answers, and `lsmod` against Debian's kmod, from spawn to exit. A comparison counts only if
//! both print the same.

use crate::Bench;
use crate::run::{lkm, millis};
use crate::stats::{Row, Samples, Subject, in_turn, rows};
use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

/// An Intel 82574L as a board of Supermicro has it.
const ALIAS: &str = "pci:v00008086d000010D3sv000015D9sd0000060Abc02sc00i00";
const NAMES: [&str; 2] = ["kmod's", "lkm's"];

/// A command line that both programs are given.
struct Case {
    group: String,
    /// Debian's program; the last part of its path is the name of lkm's tool.
    kmod: &'static str,
    words: Vec<String>,
    /// How many rounds are usual.
    rounds: usize,
}

/// The samples of the two programs: milliseconds from spawn to exit, and of the processors.
type Measured = [Vec<Samples>; 2];

/// Measures.
pub fn measure(bench: &Bench) -> Result<Vec<Row>, String> {
    let mut out = Vec::new();
    for case in cases(&bench.modules.release)? {
        let measured = case.measure(bench.rounds(case.rounds)).map_err(|e| format!("{}: {e}", case.group))?;
        out.extend(both(&case.group, &measured));
    }
    let rounds = bench.rounds(101);
    out.extend(both(&format!("tools: lsmod of {LOADED} modules, inside"), &lsmod(bench, rounds)?));
    Ok(out)
}

fn cases(release: &str) -> Result<Vec<Case>, String> {
    let files = files(&Path::new("/lib/modules").join(release).join("kernel"))?;
    let btrfs = files.iter().find(|file| file.ends_with("/btrfs.ko")).ok_or(format!("{release} has no btrfs.ko"))?;
    let short = |name: &str, kmod, words: &[&str]| Case {
        group: format!("tools: {name}"),
        kmod,
        words: words.iter().map(|word| (*word).into()).collect(),
        rounds: 301,
    };
    let modprobe = |name: &str, words: &[&str]| short(name, "/usr/sbin/modprobe", &[&["-S", release], words].concat());
    let aliases = aliases(release)?;
    let count = aliases.len();
    let mut many = modprobe(&format!("modprobe -a -R with {count} aliases of PCI devices"), &["-a", "-R"]);
    many.words.extend(aliases);
    let all = Case {
        group: format!("tools: modinfo of the {} module files of {release}", files.len()),
        kmod: "/usr/sbin/modinfo",
        words: files.clone(),
        rounds: 31,
    };
    Ok(vec![
        all,
        short("modinfo btrfs.ko", "/usr/sbin/modinfo", &[btrfs]),
        modprobe("modprobe -n --show-depends btrfs", &["-n", "--show-depends", "btrfs"]),
        modprobe("modprobe -R with the alias of a PCI device", &["-R", ALIAS]),
        Case { rounds: 101, ..many },
        Case { rounds: 51, ..modprobe("modprobe -c", &["-c"]) },
    ])
}

/// Every ninth alias of PCI devices, as a device would have it.
fn aliases(release: &str) -> Result<Vec<String>, String> {
    let file = Path::new("/lib/modules").join(release).join("modules.alias");
    let text = std::fs::read_to_string(&file).map_err(|e| format!("{}: {e}", file.display()))?;
    let patterns = text.lines().filter_map(|line| line.strip_prefix("alias ")?.split(' ').next());
    Ok(patterns.filter(|name| name.starts_with("pci:")).step_by(9).map(|name| name.replace('*', "0")).collect())
}

/// The module files below a folder, in the order of their names.
fn files(folder: &Path) -> Result<Vec<String>, String> {
    let found = Command::new("find").arg(folder).args(["-name", "*.ko"]).output().map_err(|e| format!("find: {e}"))?;
    let mut files: Vec<String> = String::from_utf8_lossy(&found.stdout).lines().map(String::from).collect();
    files.sort();
    Ok(files)
}

impl Case {
    fn measure(&self, rounds: usize) -> Result<Measured, String> {
        let lkm = lkm()?;
        let theirs = || {
            let mut command = Command::new(self.kmod);
            command.args(&self.words);
            command
        };
        let ours = || {
            let mut command = Command::new(&lkm);
            command.args(Path::new(self.kmod).file_name()).args(&self.words);
            command
        };
        if printed(theirs())? != printed(ours())? {
            return Err("the two do not print the same".into());
        }
        let processors = [RefCell::default(), RefCell::default()];
        let mut subjects = [
            Subject::new(NAMES[0], || timed(theirs(), &processors[0])),
            Subject::new(NAMES[1], || timed(ours(), &processors[1])),
        ];
        let wall = in_turn(rounds, &mut subjects)?;
        drop(subjects);
        // The first round warmed up.
        let counted = |all: RefCell<Vec<f64>>| Samples(all.into_inner().into_iter().skip(1).collect());
        Ok([wall, processors.into_iter().map(counted).collect()])
    }
}

fn printed(mut command: Command) -> Result<Vec<u8>, String> {
    let out = command.stdin(Stdio::null()).output().map_err(|e| format!("{}: {e}", command.get_program().display()))?;
    match out.status.success() && !out.stdout.is_empty() {
        true => Ok(out.stdout),
        false => Err(format!("{}: {}", command.get_program().display(), String::from_utf8_lossy(&out.stderr))),
    }
}

/// Milliseconds from spawn to exit; those of the processors are added to a list.
fn timed(mut command: Command, processors: &RefCell<Vec<f64>>) -> Result<f64, String> {
    let told = |e| format!("{}: {e}", command.get_program().display());
    let before = sys::process::children_time().map_err(told)?;
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let start = Instant::now();
    let status = command.status();
    let time = millis(start.elapsed());
    let status = status.map_err(|e| format!("{}: {e}", command.get_program().display()))?;
    let after = sys::process::children_time().map_err(|e| e.to_string())?;
    processors.borrow_mut().push(millis(after.saturating_sub(before)));
    if status.success() { Ok(time) } else { Err(format!("{}: {status}", command.get_program().display())) }
}

fn both(group: &str, measured: &Measured) -> Vec<Row> {
    let processors = NAMES.map(|name| format!("{name}, time of the processors"));
    let processors: Vec<&str> = processors.iter().map(String::as_str).collect();
    let [wall, spent] = measured;
    [rows(group, "ms", &NAMES, wall, 0), rows(group, "ms", &processors, spent, 0)].concat()
}

/// How many modules an instance has loaded when `lsmod` is measured.
const LOADED: usize = 3;

/// This machine's kernel need not have modules: both list those of one instance.
fn lsmod(bench: &Bench, rounds: usize) -> Result<Measured, String> {
    let modules = &bench.modules;
    let files: [&PathBuf; LOADED] = [&modules.hello, &modules.noise[0], &modules.noise[1]];
    let exe = std::env::current_exe().map_err(|e| e.to_string())?;
    let mut command = Command::new(lkm()?);
    command.args(["sh", "-k", &modules.release, "--", "sh", "-e", "-c"]);
    command
        .arg("exe=$1 rounds=$2; shift 2; for file; do insmod \"$file\"; done; exec \"$exe\" sample lsmod \"$rounds\"");
    command.arg("sh").arg(exe).arg(rounds.to_string()).args(files);
    serde_json::from_slice(&printed(command)?).map_err(|e| format!("lsmod: {e}"))
}

/// What runs in the instance: prints the samples.
pub fn sample_lsmod(rounds: &str) -> Result<(), String> {
    let rounds = rounds.parse().map_err(|e| format!("{rounds}: {e}"))?;
    let case = Case { group: String::new(), kmod: "/bin/lsmod", words: Vec::new(), rounds };
    println!("{}", serde_json::to_string(&case.measure(rounds)?).map_err(|e| e.to_string())?);
    Ok(())
}
