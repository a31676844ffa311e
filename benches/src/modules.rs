//! The modules to measure with: built by kbuild, or the distribution's.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Kernels are looked for by this version.
const VERSION: &str = "6.1";

/// Where modules are built.
const WORK: &str = "target/bench";

/// The modules of a run.
#[derive(Debug)]
pub struct Modules {
    /// The kernel's release.
    pub release: String,
    /// Says hello, as kbuild made it.
    pub hello: PathBuf,
    /// The same without debug information.
    pub hello_stripped: PathBuf,
    /// Two modules that print as many records as they are told.
    pub noise: [PathBuf; 2],
    /// The folder of the one that takes and gives memory, and of a program that does the same.
    pub churn: PathBuf,
    /// Times the library's operations.
    pub library: PathBuf,
    /// The folder of the one that does little but reach memory, plain and with KASAN's calls.
    pub exact: PathBuf,
}

impl Modules {
    /// Builds them with the installed headers.
    pub fn build() -> Result<Self, String> {
        let release = vm::find_release(VERSION)
            .ok_or(format!("no {VERSION} kernel in /boot: apt install linux-image-amd64 linux-headers-amd64"))?;
        let hello = kbuild("hello", &release)?.join("hello.ko");
        let hello_stripped = hello.with_file_name("hello-stripped.ko");
        let strip = Command::new("strip").arg("--strip-debug").arg("-o").arg(&hello_stripped).arg(&hello).status();
        match strip {
            Ok(status) if status.success() => {}
            Ok(status) => return Err(format!("strip {}: {status}", hello.display())),
            Err(e) => return Err(format!("cannot run strip: {e}: apt install binutils")),
        }
        let noise = kbuild("noise", &release)?;
        let churn = kbuild("churn", &release)?;
        let library = kbuild("library", &release)?.join("library.ko");
        let exact = kbuild("exact", &release)?;
        let noise = [noise.join("noise1.ko"), noise.join("noise2.ko")];
        Ok(Self { exact, library, release, hello, hello_stripped, noise, churn })
    }
}

/// Copies a folder of modules/ and runs make there.
fn kbuild(name: &str, release: &str) -> Result<PathBuf, String> {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("modules").join(name);
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(WORK).join(name);
    let told = |path: &Path, e: std::io::Error| format!("{}: {e}", path.display());
    fs::create_dir_all(&root).map_err(|e| told(&root, e))?;
    let to = root.canonicalize().map_err(|e| told(&root, e))?;
    for entry in fs::read_dir(&from).map_err(|e| told(&from, e))?.flatten() {
        fs::copy(entry.path(), to.join(entry.file_name())).map_err(|e| told(&entry.path(), e))?;
    }
    let headers = format!("/lib/modules/{release}/build");
    let mut make = Command::new("make");
    make.args(["-s", "-C", &headers, &format!("M={}", to.display()), "modules"]);
    // KASAN's functions are no exports of the kernel that is built for.
    make.arg("KBUILD_MODPOST_WARN=1");
    make.env_remove("MAKEFLAGS").env_remove("MAKELEVEL").env_remove("MFLAGS");
    let out = make.output().map_err(|e| format!("cannot run make: {e}: apt install make gcc"))?;
    if !out.status.success() {
        let said = String::from_utf8_lossy(&out.stderr);
        return Err(format!("building {name} with {headers}: {}\n{said}", out.status));
    }
    Ok(to)
}

/// A module of the distribution, and what it depends on, in the order of loading.
pub fn of_distribution(release: &str, name: &str) -> Result<(PathBuf, Vec<PathBuf>), String> {
    let root = Path::new("/lib/modules").join(release);
    let dep = root.join("modules.dep");
    let text = fs::read_to_string(&dep).map_err(|e| format!("{}: {e}", dep.display()))?;
    let is_it = |file: &str| {
        let stem = file.rsplit('/').next().and_then(|f| f.split_once(".ko")).map(|(stem, _)| stem);
        stem.is_some_and(|stem| stem == name)
    };
    let line = text.lines().filter_map(|line| line.split_once(':')).find(|(file, _)| is_it(file));
    let (file, needs) = line.ok_or(format!("{}: there is no module {name}", dep.display()))?;
    // A line names the direct and indirect dependencies, those that are needed first last.
    let needs = needs.split_whitespace().rev().map(|file| root.join(file)).collect();
    Ok((root.join(file), needs))
}
