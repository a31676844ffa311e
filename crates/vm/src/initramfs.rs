//! Makes the initramfs: busybox, the distribution's dash, kmod and dmesg with their libraries,
//! modules, the caller's files and script.

use crate::cpio::Archive;
use crate::{Error, guest, modules};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Names under which kmod is called.
const KMOD_TOOLS: &[&str] = &["insmod", "rmmod", "lsmod", "modprobe", "modinfo", "depmod"];

/// What the caller puts into the machine's `/work`.
#[derive(Clone, Debug)]
pub(crate) enum Content {
    File(PathBuf),
    /// A file with its shared libraries.
    Program(PathBuf),
    Bytes {
        data: Vec<u8>,
        permissions: u32,
    },
}

/// The archive's bytes for this kernel, these files in `/work` and this script.
pub(crate) fn build(
    release: &str,
    files: &[(String, Content)],
    module_names: &[String],
    script: &str,
) -> Result<Vec<u8>, Error> {
    let mut archive = Archive::new();
    archive.char_device("dev/console", 5, 1)?;
    archive.char_device("dev/null", 1, 3)?;
    archive.file("init", 0o755, guest::INIT.as_bytes().to_vec())?;
    add_busybox(&mut archive)?;
    add_tools(&mut archive)?;
    archive.directory(&format!("lib/modules/{release}"))?;
    modules::add(&mut archive, release, module_names)?;
    archive.file("work/.script", 0o755, script.as_bytes().to_vec())?;
    for (name, content) in files {
        let (permissions, data) = match content {
            Content::File(path) => read(path)?,
            Content::Program(path) => {
                add_libraries(&mut archive, path)?;
                read(path)?
            }
            Content::Bytes { data, permissions } => (*permissions, data.clone()),
        };
        archive.file(&format!("work/{name}"), permissions, data)?;
    }
    archive.finish()
}

/// busybox has to be the static one: nothing else is there when `/init` starts.
fn add_busybox(archive: &mut Archive) -> Result<(), Error> {
    let path = program("busybox", "busybox-static")?;
    if !libraries(&path)?.is_empty() {
        return Err(Error::MissingProgram { program: "a static busybox".into(), package: "busybox-static" });
    }
    let (permissions, data) = read(&path)?;
    archive.file("bin/busybox", permissions, data)
}

fn add_tools(archive: &mut Archive) -> Result<(), Error> {
    for (name, package) in [("dash", "dash"), ("kmod", "kmod"), ("dmesg", "util-linux")] {
        let path = program(name, package)?;
        let (permissions, data) = read(&path)?;
        archive.file(&format!("distribution/{name}"), permissions, data)?;
        add_libraries(archive, &path)?;
    }
    for name in KMOD_TOOLS {
        archive.symlink(&format!("distribution/{name}"), "kmod")?;
    }
    Ok(())
}

/// The shared libraries of a program, where it looks for them.
fn add_libraries(archive: &mut Archive, program: &Path) -> Result<(), Error> {
    for library in libraries(program)? {
        if !archive.contains(&library) {
            let (permissions, data) = read(Path::new(&library))?;
            archive.file(&library, permissions, data)?;
        }
    }
    Ok(())
}

/// Finds a program in the folders that Debian uses, whatever PATH says.
pub(crate) fn program(name: &str, package: &'static str) -> Result<PathBuf, Error> {
    ["/usr/bin", "/bin", "/usr/sbin", "/sbin", "/usr/local/bin"]
        .iter()
        .map(|dir| Path::new(dir).join(name))
        .find(|path| path.is_file())
        .ok_or_else(|| Error::MissingProgram { program: name.to_owned(), package })
}

/// The shared libraries and the dynamic linker of a program, as ldd names them; none for a static one.
fn libraries(path: &Path) -> Result<Vec<String>, Error> {
    let out = Command::new("ldd").arg(path).env("LC_ALL", "C").output().map_err(Error::io("run ldd on it", path))?;
    let text = String::from_utf8_lossy(&out.stdout);
    if !out.status.success() {
        let not_dynamic =
            text.contains("not a dynamic") || String::from_utf8_lossy(&out.stderr).contains("not a dynamic");
        let command = format!("ldd {}", path.display());
        return if not_dynamic { Ok(Vec::new()) } else { Err(Error::Host { command, status: out.status.to_string() }) };
    }
    Ok(ldd_paths(&text))
}

/// Lines are `NAME => PATH (ADDRESS)`, `PATH (ADDRESS)` or, for the vDSO, `NAME (ADDRESS)`.
fn ldd_paths(text: &str) -> Vec<String> {
    text.lines()
        .filter_map(|l| l.rsplit("=> ").next()?.split_ascii_whitespace().next())
        .filter(|p| p.starts_with('/'))
        .map(str::to_owned)
        .collect()
}

pub(crate) fn read(path: &Path) -> Result<(u32, Vec<u8>), Error> {
    let data = std::fs::read(path).map_err(Error::io("read it", path))?;
    let meta = std::fs::metadata(path).map_err(Error::io("read its permissions", path))?;
    Ok((meta.permissions().mode() & 0o7777, data))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ldd_output_gives_paths_only() {
        let text = "\tlinux-vdso.so.1 (0x00007f2)\n\tlibc.so.6 => /lib/x/libc.so.6 (0x1)\n\tlibm.so => not found\n\t/lib64/ld.so (0x2)\n";
        assert_eq!(ldd_paths(text), ["/lib/x/libc.so.6", "/lib64/ld.so"]);
        assert!(ldd_paths("\tstatically linked\n").is_empty());
    }

    #[test]
    fn a_missing_program_names_its_package() {
        let e = program("no-such-program", "a-package").unwrap_err().to_string();
        assert!(e.contains("no-such-program") && e.contains("apt install a-package"), "{e}");
    }
}
