//! The header files for modules of Linux 2.4, and how such a module is compiled: by the compiler alone, as 2.4's Makefiles
//! did, without kbuild.

use super::kernel::Symbol;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::{fs, io};

macro_rules! headers {
    ($($name:literal),* $(,)?) => { &[$(($name, include_str!(concat!("../../compat24/", $name)))),*] };
}

/// All header files; `linux/modversions.h` is made for each kernel.
const HEADERS: &[(&str, &str)] = headers!(
    "asm/atomic.h",
    "linux/config.h",
    "linux/errno.h",
    "linux/init.h",
    "linux/kernel.h",
    "linux/kmod.h",
    "linux/list.h",
    "linux/malloc.h",
    "linux/module.h",
    "linux/sched.h",
    "linux/slab.h",
    "linux/stddef.h",
    "linux/string.h",
    "linux/types.h",
    "linux/version.h",
    "linux/vmalloc.h",
);

/// What 2.4's Makefile for x86-64 gave the compiler, and what keeps today's compilers from adding to it.
const FLAGS: &[&str] = &[
    "-c",
    "-O2",
    "-Wall",
    "-nostdinc",
    "-D__KERNEL__",
    "-DMODULE",
    "-fno-strict-aliasing",
    "-fno-common",
    "-mcmodel=kernel",
    "-mno-red-zone",
    "-fno-asynchronous-unwind-tables",
    "-mno-sse",
    "-mno-mmx",
    "-fno-pic",
    "-fno-stack-protector",
    "-fcf-protection=none",
];

/// Writes the header files into a folder.
///
/// # Errors
/// When a file cannot be written.
pub fn write_headers(folder: &Path, symbols: &[Symbol]) -> io::Result<()> {
    for (name, text) in HEADERS {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap_or(folder))?;
        fs::write(path, text)?;
    }
    fs::write(folder.join("linux/modversions.h"), modversions(symbols))
}

/// Names with their versions, for the preprocessor.
fn modversions(symbols: &[Symbol]) -> String {
    let mut text = String::from("#ifndef _LINUX_MODVERSIONS_H\n#define _LINUX_MODVERSIONS_H\n\n");
    for symbol in symbols {
        let name = symbol.name.strip_prefix("GPLONLY_").unwrap_or(&symbol.name);
        if let Some(plain) = super::versions::stripped(name, "") {
            text += &format!("#define {plain} {name}\n");
        }
    }
    text + "\n#endif\n"
}

/// The header with the versions of what a source exports itself.
const OWN: &str = "linux/ownversions.h";

/// kbuild's program that makes versions; every installed kernel's makes the same.
fn genksyms() -> Option<PathBuf> {
    let releases = fs::read_dir("/lib/modules").ok()?.flatten();
    let programs = releases.map(|release| release.path().join("build/scripts/genksyms/genksyms"));
    programs.filter(|program| program.is_file()).max()
}

/// The versions of what a source exports, by the way of 2.4's `make dep`: as genksyms makes them from what the preprocessor
/// leaves. None where there is no genksyms, or the source is no C: the compiler says that better.
fn own_versions(source: &Path, headers: &Path) -> io::Result<String> {
    let mut gcc = Command::new("gcc");
    let flags = FLAGS.iter().filter(|flag| **flag != "-c" && **flag != "-Wall");
    gcc.args(flags).args(["-E", "-D__GENKSYMS__", "-I"]).arg(headers).arg(source);
    let text = gcc.stdin(Stdio::null()).stderr(Stdio::null()).output()?;
    let Some(program) = genksyms().filter(|_| text.status.success()) else { return Ok(String::new()) };
    let preprocessed = headers.join("preprocessed.i");
    fs::write(&preprocessed, &text.stdout)?;
    let made = Command::new(program).stdin(fs::File::open(&preprocessed)?).stderr(Stdio::null()).output()?;
    Ok(String::from_utf8_lossy(&made.stdout).lines().filter_map(versioned).collect())
}

/// The macro of a line of genksyms' output, `#SYMVER name 0x1b7d4074`.
fn versioned(line: &str) -> Option<String> {
    let (name, crc) = line.strip_prefix("#SYMVER ")?.split_once(" 0x")?;
    let crc = u32::from_str_radix(crc.trim_end(), 16).ok()?;
    Some(format!("#define {name} {name}_R{crc:08x}\n"))
}

/// Compiles one file against the headers in a folder: the object, and what the compiler said.
///
/// # Errors
/// When the compiler cannot be started.
pub fn compile(source: &Path, headers: &Path, versions: bool) -> io::Result<(PathBuf, Output)> {
    let stem = source.file_stem().unwrap_or_default().to_string_lossy();
    let object = headers.join(format!("{stem}.o"));
    let mut gcc = Command::new("gcc");
    gcc.args(FLAGS).arg("-I").arg(headers);
    if versions {
        fs::write(headers.join(OWN), own_versions(source, headers)?)?;
        gcc.args(["-DMODVERSIONS", "-include", "linux/modversions.h", "-include", OWN]);
    }
    let output = gcc.arg("-o").arg(&object).arg(source).stdin(Stdio::null()).output()?;
    Ok((object, output))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn genksyms_lines_become_macros() {
        assert_eq!(versioned("#SYMVER f 0x1b7d407\n").as_deref(), Some("#define f f_R01b7d407\n"));
        for other in ["", "#SYMVER", "#SYMVER f", "#SYMVER f 0x", "f 0x1", "#SYMVER f 0x123456789"] {
            assert_eq!(versioned(other), None, "{other}");
        }
    }

    #[test]
    fn versions_are_macros() {
        let symbol = |name: &str| Symbol { value: 1, name: name.into() };
        let text = modversions(&[symbol("printk_R1b7d4074"), symbol("memcpy"), symbol("GPLONLY_f_R00000001")]);
        let lines: Vec<_> = text.lines().filter(|line| line.starts_with("#define ") && line.contains("_R")).collect();
        assert_eq!(lines, ["#define printk printk_R1b7d4074", "#define f f_R00000001"]);
    }
}
