//! Does a module whose init succeeds on lkm do and say the same on the real kernel? Both run one script, with Debian's
//! kmod and dmesg: load what the module needs, load it, unload all, and show the log of each half.
//!
//! The real kernel runs in QEMU, many modules a boot; lkm's has an instance for each. What the emulated machine's
//! hardware adds (a driver that finds its device) is a difference that the table shows like every other.

use crate::inits;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;
use vm::{Ended, Vm, normalise};

/// Reads `MODULE NEEDED...` lines, the nearest first as in modules.dep, from `list`; `$ROOT/` comes before the files' names.
const SCRIPT: &str = r#"
while read -r module needs; do
    echo "@@ $module"
    order=
    for file in $needs; do order="$file $order"; done
    dmesg -C
    loaded=
    for file in $order $module; do
        if insmod "$ROOT$file" 2>.said; then loaded="$file $loaded"; else sed 's/module .*: /module: /' .said; fi
    done
    dmesg
    dmesg -C
    echo "@ unload"
    for file in $loaded; do
        name=${file##*[:/]}
        name=$(echo "${name%%.ko*}" | tr - _)
        rmmod "$name" 2>&1 || echo "rmmod $name: $?"
    done
    dmesg
done <list
"#;

/// Modules of one boot: what dies takes the rest of them with it.
const AT_ONCE: usize = 100;
/// How long a boot with all its modules may take, on a busy machine.
const LIMIT: Duration = Duration::from_secs(1200);
/// What an emulated machine says of its own slowness.
const NOISE: [&str; 3] = ["clocksource: ", "hrtimer: interrupt took", "tsc: "];
/// Lines of a difference that are shown.
const SHOWN: usize = 6;

/// Compares all modules whose init succeeds, as the last `inits` noted, and writes the table.
pub(crate) fn all(version: &str) -> Result<(), String> {
    let noted = inits::noted(version)?;
    let release = &noted.release;
    let mut real = BTreeMap::new();
    for (i, modules) in noted.succeeding.chunks(AT_ONCE).enumerate() {
        eprintln!("{} of {} modules on {release} in QEMU", i * AT_ONCE, noted.succeeding.len());
        real.extend(on_real(release, modules)?);
    }
    let mut ours = BTreeMap::new();
    for line in &noted.succeeding {
        ours.extend(on_lkm(release, line)?);
    }
    let text = table(release, noted.succeeding.len(), &real, &ours);
    let file = format!("docs/generated/inits-real-{version}.md");
    fs::write(&file, text).map_err(|e| format!("{file}: {e}"))
}

/// What each module did and said, by its path.
type Said = BTreeMap<String, Vec<String>>;

/// Boots once; modules after one that takes the kernel down are missing.
fn on_real(release: &str, modules: &[String]) -> Result<Said, String> {
    let mut vm = Vm::new(release).memory_mib(2048).cpus(1).timeout(LIMIT);
    let mut files: Vec<&str> = modules.iter().flat_map(|line| line.split_whitespace()).collect();
    files.sort_unstable();
    files.dedup();
    for file in files {
        vm = vm.file(flat(file), format!("/lib/modules/{release}/{file}"));
    }
    let list: String = modules.iter().map(|line| flat(line) + "\n").collect();
    let out = vm.bytes("list", 0o644, list).run(&format!("ROOT=./\n{SCRIPT}")).map_err(|e| e.to_string())?;
    if out.ended != Ended::Normally {
        eprintln!("QEMU: {:?} with {} modules, of which nothing is known", out.ended, modules.len());
    }
    Ok(said(&out.stdout, modules))
}

/// Paths as names: the machine has one folder.
fn flat(paths: &str) -> String {
    paths.replace('/', ":")
}

/// Runs one module's line in an instance.
fn on_lkm(release: &str, line: &str) -> Result<Said, String> {
    let lkm = std::env::current_exe().map_err(|e| e.to_string())?.with_file_name("lkm");
    let dir = std::env::temp_dir().join(format!("lkm-real-{}", std::process::id()));
    fs::create_dir_all(&dir).map_err(|e| format!("{}: {e}", dir.display()))?;
    fs::write(dir.join("list"), format!("{line}\n")).map_err(|e| format!("{}: {e}", dir.display()))?;
    let out = Command::new(&lkm)
        .args(["sh", "--kernel", release, "--", "dash", "-c", &format!("ROOT=/lib/modules/{release}/\n{SCRIPT}")])
        .current_dir(&dir)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .map_err(|e| format!("{}: {e} (build it: cargo build --release)", lkm.display()))?;
    let _ = fs::remove_dir_all(&dir);
    Ok(said(&out.stdout, &[line.to_string()]))
}

/// Takes an output apart at the heads of its modules.
fn said(output: &[u8], modules: &[String]) -> Said {
    let paths: BTreeMap<String, &str> = modules
        .iter()
        .filter_map(|line| line.split_whitespace().next())
        .flat_map(|path| [(flat(path), path), (path.to_string(), path)])
        .collect();
    let mut out = Said::new();
    let mut current = None;
    for line in normalise(output).lines().filter(|line| !NOISE.iter().any(|noise| line.contains(noise))) {
        match line.strip_prefix("@@ ") {
            Some(head) => {
                current = paths.get(head).map(|path| (*path).to_string());
                current.iter().for_each(|path| drop(out.insert(path.clone(), Vec::new())));
            }
            None => {
                if let Some(lines) = current.as_ref().and_then(|path| out.get_mut(path)) {
                    lines.push(line.to_string());
                }
            }
        }
    }
    out
}

fn table(release: &str, asked: usize, real: &Said, ours: &Said) -> String {
    let both: Vec<(&String, &Vec<String>, &Vec<String>)> =
        real.iter().filter_map(|(path, lines)| Some((path, lines, ours.get(path)?))).collect();
    let different: Vec<_> = both.iter().filter(|(_, real, ours)| real != ours).collect();
    let speaking = both.iter().filter(|(_, real, _)| real.iter().any(|line| !line.starts_with('@'))).count();
    let mut text = format!(
        "# Modules whose init succeeds, on lkm and on the real kernel\n\nWritten by `cargo run --release -p xtask -- \
         real`: the {asked} modules of {release} that `inits` found to succeed on\nlkm's own code are loaded with what \
         they need and unloaded again by Debian's kmod, on the real kernel in QEMU\nand in an instance. Compared are the \
         results and all that the log has, normalised.\n\n| modules | |\n|---|---|\n| {} | ran on both |\n| {} | of \
         them write to the real kernel's log |\n| {} | the same on both |\n| {} | different |\n",
        both.len(),
        speaking,
        both.len() - different.len(),
        different.len(),
    );
    if !different.is_empty() {
        text.push_str("\n## Differences\n\n`-`: the real kernel only; `+`: lkm only; the first lines.\n");
    }
    for (path, real, ours) in different {
        let _ = writeln!(text, "\n{path}\n\n```diff");
        let only = |of: &[String], not: &[String], sign: char| {
            let lines: Vec<String> =
                of.iter().filter(|line| !not.contains(line)).map(|line| format!("{sign}{line}")).collect();
            lines
        };
        let lines = [only(real, ours, '-'), only(ours, real, '+')];
        for line in lines.iter().flat_map(|lines| lines.iter().take(SHOWN)) {
            let _ = writeln!(text, "{line}");
        }
        text.push_str("```\n");
    }
    text
}
