//! `depmod` on all modules of a kernel, against Debian's: plain, and compressed with zstd and xz.

use crate::Bench;
use crate::run::{lkm, millis};
use crate::stats::{Row, Samples, Subject, in_turn, rows};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

const KMOD: &str = "/usr/sbin/depmod";
/// The files of a module directory that depmod reads beside the modules.
const LISTS: [&str; 3] = ["modules.order", "modules.builtin", "modules.builtin.modinfo"];
/// How the modules are compressed: the name, the tool with its options, and how many rounds are usual.
const FORMS: [(&str, &[&str], usize); 3] =
    [("plain", &[], 21), ("zstd", &["zstd", "-q", "--rm"], 15), ("xz", &["xz", "-0"], 5)];

/// Measures.
pub fn measure(bench: &Bench) -> Result<Vec<Row>, String> {
    let release = &bench.modules.release;
    let place = Place::new(release)?;
    let mut out = Vec::new();
    for (form, tool, usual) in FORMS {
        place.compress(tool)?;
        let group = format!("depmod -a: {} modules of {release}, {form}", place.modules()?.len());
        let names = ["kmod's", "lkm's"];
        let lkm = lkm()?;
        let (ours, theirs) = (|| place.depmod(&lkm, &["depmod"]), || place.depmod(Path::new(KMOD), &[]));
        let mut subjects = [Subject::new(names[0], theirs), Subject::new(names[1], ours)];
        let samples = in_turn(bench.rounds(usual), &mut subjects)?;
        out.extend(rows(&group, "ms", &names, &samples, 0));
        let costs = [place.cost(KMOD, &[])?, place.cost(&lkm.display().to_string(), &["depmod"])?];
        for (name, Cost { processors, peak }) in names.iter().zip(costs) {
            out.push(Samples(vec![processors]).row(&group, &format!("{name}, time of all processors"), "ms"));
            out.push(Samples(vec![peak]).row(&group, &format!("{name}, most memory at once"), "MiB"));
        }
    }
    Ok(out)
}

/// A copy of a module directory; removed at the end.
struct Place {
    root: PathBuf,
    release: String,
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.root);
    }
}

impl Place {
    fn new(release: &str) -> Result<Self, String> {
        let root = std::env::temp_dir().join(format!("lkm-bench-depmod-{}", std::process::id()));
        let place = Place { root, release: release.into() };
        let (from, to) = (Path::new("/lib/modules").join(release), place.dir());
        std::fs::create_dir_all(&to).map_err(|e| format!("{}: {e}", to.display()))?;
        for list in LISTS {
            std::fs::copy(from.join(list), to.join(list)).map_err(|e| format!("{list} of {release}: {e}"))?;
        }
        succeed(Command::new("cp").arg("-r").arg(from.join("kernel")).arg(&to))?;
        Ok(place)
    }

    fn dir(&self) -> PathBuf {
        self.root.join("lib/modules").join(&self.release)
    }

    fn modules(&self) -> Result<Vec<PathBuf>, String> {
        let found = Command::new("find").arg(self.dir().join("kernel")).args(["-name", "*.ko*"]).output();
        let found = found.map_err(|e| format!("find: {e}"))?;
        Ok(String::from_utf8_lossy(&found.stdout).lines().map(PathBuf::from).collect())
    }

    /// Compresses all modules with a tool; those of the form before are unpacked first.
    fn compress(&self, tool: &[&str]) -> Result<(), String> {
        let Some((program, options)) = tool.split_first() else { return Ok(()) };
        let modules = self.modules()?;
        let packed: Vec<&PathBuf> =
            modules.iter().filter(|path| path.extension().is_some_and(|end| end == "zst")).collect();
        if !packed.is_empty() {
            succeed(Command::new("zstd").args(["-q", "-d", "--rm"]).args(packed))?;
        }
        succeed(Command::new(program).args(options).args(self.modules()?))
    }

    fn command(&self, program: &Path, words: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(words).arg("-b").arg(&self.root).arg(&self.release);
        command
    }

    /// From spawn to exit, in milliseconds.
    fn depmod(&self, program: &Path, words: &[&str]) -> Result<f64, String> {
        let start = Instant::now();
        succeed(&mut self.command(program, words))?;
        Ok(millis(start.elapsed()))
    }

    /// What a run took, as the shell's `time` cannot tell: from the kernel, by `/usr/bin/time` if it is there.
    fn cost(&self, program: &str, words: &[&str]) -> Result<Cost, String> {
        let timed = Command::new("/usr/bin/time")
            .args(["-f", "%U %S %M", program])
            .args(words)
            .arg("-b")
            .arg(&self.root)
            .arg(&self.release)
            .output()
            .map_err(|e| format!("/usr/bin/time (package time): {e}"))?;
        let text = String::from_utf8_lossy(&timed.stderr);
        let numbers: Option<Vec<f64>> =
            text.lines().last().and_then(|line| line.split(' ').map(|word| word.parse().ok()).collect());
        match numbers.as_deref() {
            Some([user, system, kib]) => Ok(Cost { processors: (user + system) * 1000.0, peak: kib / 1024.0 }),
            _ => Err(format!("/usr/bin/time said {text}")),
        }
    }
}

/// What a run took.
struct Cost {
    /// Milliseconds of all processors, in steps of 10: other programs hardly change it.
    processors: f64,
    /// The most memory at once, in MiB.
    peak: f64,
}

fn succeed(command: &mut Command) -> Result<(), String> {
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{command:?}: {status}").chars().take(200).collect()),
        Err(error) => Err(format!("{}: {error}", command.get_program().display())),
    }
}
