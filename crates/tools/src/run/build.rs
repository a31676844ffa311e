//! Builds a module from a C file or a folder with a Kbuild, with kbuild, in a folder that goes away.

use super::releases;
use crate::error::{Failure, status};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A folder under the system's temporary folder, removed when dropped.
#[derive(Debug)]
pub struct Workshop(PathBuf);

impl Workshop {
    /// Makes the folder.
    pub fn new() -> io::Result<Self> {
        let base = std::env::temp_dir();
        for n in 0..1000 {
            let path = base.join(format!("lkm-build-{}-{n}", std::process::id()));
            match fs::create_dir(&path) {
                Ok(()) => return Ok(Self(path)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }
}

impl Workshop {
    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Workshop {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A module that was built, and the folder that it lives in.
#[derive(Debug)]
pub struct Built {
    /// The module.
    pub module: PathBuf,
    _workshop: Workshop,
}

/// Whether `file` is something to build.
pub fn is_source(file: &Path) -> bool {
    file.is_dir() || file.extension().is_some_and(|end| end == "c")
}

/// What the compiler makes of each access to memory: a call that `kernel::mm::kasan` answers. Around variables on the stack
/// functions close the shadow themselves, where `machine::shadow` has it: at an eighth of the address.
const INSTRUMENTED: &str = "-fsanitize=kernel-address --param asan-instrumentation-with-call-threshold=0 \
                            --param asan-globals=1 --param asan-stack=1 --param asan-instrument-allocas=1 \
                            -fsanitize-address-use-after-scope -fasan-shadow-offset=0";

/// Builds `file` for `kernel`, or for the newest kernel whose headers are installed; `instrumented`: so that every access
/// to memory can be checked.
pub fn build(file: &Path, kernel: Option<&str>, instrumented: bool, verbose: bool) -> Result<Built, Failure> {
    let headers = headers(kernel)?;
    let failed = |what: &str, error: &io::Error| {
        Failure::new(status::BUILD, format!("cannot build {}: {what}: {error}", file.display()))
    };
    let workshop = Workshop::new().map_err(|error| failed("making a temporary folder", &error))?;
    let source = if file.is_dir() {
        copy_folder(file, &workshop.0).map_err(|error| failed("copying the folder", &error))?;
        has_kbuild(file)?;
        file
    } else {
        one_file(file, &workshop.0).map_err(|error| failed("copying the file", &error))?
    };
    let made = make(&headers, &workshop.0, instrumented)?;
    // The compiler saw the copy; people want the name of their file.
    let said = replace(&made.stdout, &workshop.0, source);
    let said = [said, replace(&made.stderr, &workshop.0, source)].concat();
    if !made.status.success() {
        // Nothing is left to tell it to if standard error is gone.
        let _ = io::Write::write_all(&mut io::stderr(), &said);
        let what = format!("building {} for {} failed", file.display(), headers.display());
        return Err(Failure::new(status::BUILD, what).cure("the compiler's message is above"));
    }
    if verbose {
        let _ = io::Write::write_all(&mut io::stderr(), &said);
    }
    let module = the_module(file, &workshop.0)?;
    Ok(Built { module, _workshop: workshop })
}

fn headers(kernel: Option<&str>) -> Result<PathBuf, Failure> {
    let folder = |release: &str| Path::new("/lib/modules").join(release).join("build");
    match kernel {
        Some(release) if folder(release).join("Makefile").exists() => Ok(folder(release)),
        Some(release) => Err(Failure::lacks(format!("the headers of kernel {release} are not installed"))
            .cause(format!("{} is not there", folder(release).display()))
            .cure(format!("apt install linux-headers-{release}"))),
        None => {
            let newest = releases().into_iter().rev().find(|release| folder(release).join("Makefile").exists());
            newest.map(|release| folder(&release)).ok_or_else(|| {
                Failure::lacks("no kernel's headers are installed, and a module is built with them")
                    .cure("apt install linux-headers-amd64 (or name a kernel's with --kernel)")
            })
        }
    }
}

fn has_kbuild(folder: &Path) -> Result<(), Failure> {
    if ["Kbuild", "Makefile"].iter().any(|name| folder.join(name).exists()) {
        return Ok(());
    }
    let what = format!("{} has neither a Kbuild nor a Makefile", folder.display());
    Err(Failure::new(status::BUILD, what).cure("write `obj-m := NAME.o` into a file Kbuild there, or name the .c file"))
}

/// Copies what kbuild reads: all files but the results of an earlier build.
fn copy_folder(from: &Path, to: &Path) -> io::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        let shown = name.to_string_lossy();
        let made = [".o", ".ko", ".mod", ".mod.c", ".cmd", ".order"].iter().any(|end| shown.ends_with(end));
        if made || shown.starts_with('.') || shown == "Module.symvers" {
            continue;
        }
        if entry.path().is_dir() {
            fs::create_dir(to.join(&name))?;
            copy_folder(&entry.path(), &to.join(&name))?;
        } else {
            fs::copy(entry.path(), to.join(&name))?;
        }
    }
    Ok(())
}

/// Makes a folder for one C file; gives the folder that the file came from.
fn one_file<'f>(file: &'f Path, to: &Path) -> io::Result<&'f Path> {
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    let folder = match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    fs::copy(file, to.join(file.file_name().unwrap_or_default()))?;
    let include = quoted(&fs::canonicalize(folder)?.to_string_lossy());
    fs::write(to.join("Kbuild"), format!("obj-m := {stem}.o\nccflags-y := -I{include}\n"))?;
    Ok(folder)
}

/// A path as make hands it to the shell unharmed.
fn quoted(path: &str) -> String {
    format!("'{}'", path.replace('\'', r"'\''").replace('$', "$$").replace('#', r"\#"))
}

/// Tells modpost of the functions that instrumented code calls, which the kernel does not have.
fn write_symvers(path: &Path) -> io::Result<()> {
    let lines: String =
        kernel::mm::kasan::names().map(|name| format!("0x00000000\t{name}\tvmlinux\tEXPORT_SYMBOL\t\n")).collect();
    fs::write(path, lines)
}

fn make(headers: &Path, folder: &Path, instrumented: bool) -> Result<Output, Failure> {
    let mut make = Command::new("make");
    make.arg("-C").arg(headers).arg(format!("M={}", folder.display())).args(["-s", "modules"]);
    if instrumented {
        let symvers = folder.join(".lkm-symvers");
        write_symvers(&symvers)
            .map_err(|error| Failure::new(status::BUILD, format!("cannot write {}: {error}", symvers.display())))?;
        make.arg(format!("KCFLAGS={INSTRUMENTED}")).arg(format!("KBUILD_EXTRA_SYMBOLS={}", symvers.display()));
    }
    // A make above this one must not hand down its jobs and flags.
    make.env_remove("MAKEFLAGS").env_remove("MAKELEVEL").env_remove("MFLAGS").stdin(Stdio::null());
    make.output().map_err(|error| {
        Failure::lacks(format!("cannot run make: {error}")).cure("apt install make gcc (kbuild needs both)")
    })
}

fn replace(text: &[u8], from: &Path, to: &Path) -> Vec<u8> {
    let text = String::from_utf8_lossy(text);
    let to = if to == Path::new(".") {
        String::new()
    } else {
        format!("{}/", to.display().to_string().trim_end_matches('/'))
    };
    text.replace(&format!("{}/", from.display()), &to).into_bytes()
}

/// The module that the build made: the only one, or the only one that no other needs.
fn the_module(file: &Path, folder: &Path) -> Result<PathBuf, Failure> {
    let mut found = Vec::new();
    collect(folder, &mut found);
    let needed: Vec<String> = found.iter().flat_map(|path| super::deps::depends_of(path)).collect();
    let name = |path: &PathBuf| String::from_utf8_lossy(&crate::kmod::name_from_path(path.as_os_str())).into_owned();
    let tops: Vec<&PathBuf> = found.iter().filter(|path| !needed.contains(&name(path))).collect();
    match tops.as_slice() {
        [one] => Ok((*one).clone()),
        [] => Err(Failure::new(status::BUILD, format!("the build of {} made no module", file.display()))
            .cure("its Kbuild must have a line `obj-m := NAME.o`")),
        many => {
            let names: Vec<String> = many.iter().map(|path| name(path)).collect();
            let what = format!("the build of {} made several modules: {}", file.display(), names.join(", "));
            Err(Failure::new(status::USAGE, what).cure("build them with make and name the .ko to run"))
        }
    }
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|end| end == "ko") {
            found.push(path);
        }
    }
    found.sort();
}
