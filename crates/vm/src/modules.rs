//! Puts distribution modules with all that they depend on into the initramfs, at the paths
//! where modprobe looks for them.

use crate::cpio::Archive;
use crate::{Error, initramfs};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// What modprobe reads besides the modules themselves.
const INDEXES: &[&str] = &[
    "modules.alias.bin",
    "modules.builtin",
    "modules.builtin.alias.bin",
    "modules.builtin.bin",
    "modules.builtin.modinfo",
    "modules.dep",
    "modules.dep.bin",
    "modules.order",
    "modules.softdep",
    "modules.symbols.bin",
];

/// Adds the named modules, their dependencies and the indexes; nothing if no name is given.
pub(crate) fn add(archive: &mut Archive, release: &str, names: &[String]) -> Result<(), Error> {
    if names.is_empty() {
        return Ok(());
    }
    let base = PathBuf::from(format!("/lib/modules/{release}"));
    let index = base.join("modules.dep");
    let text = std::fs::read_to_string(&index).map_err(Error::io("read the module index", &index))?;
    let builtin = std::fs::read_to_string(base.join("modules.builtin")).unwrap_or_default();
    for file in wanted(&text, &builtin, names, &index)? {
        let (permissions, data) = initramfs::read(&base.join(&file))?;
        archive.file(&format!("lib/modules/{release}/{file}"), permissions, data)?;
    }
    for name in INDEXES {
        let path = base.join(name);
        if path.is_file() {
            let (permissions, data) = initramfs::read(&path)?;
            archive.file(&format!("lib/modules/{release}/{name}"), permissions, data)?;
        }
    }
    Ok(())
}

/// The files of these modules and of their dependencies. A name that is built into the
/// kernel needs no file.
fn wanted(dep: &str, builtin: &str, names: &[String], index: &Path) -> Result<BTreeSet<String>, Error> {
    let lines: BTreeMap<String, (&str, &str)> =
        dep.lines().filter_map(|l| l.split_once(':')).map(|(file, deps)| (module_name(file), (file, deps))).collect();
    let mut files = BTreeSet::new();
    for name in names {
        let key = module_name(name);
        match lines.get(&key) {
            // the line lists indirect dependencies too
            Some((file, deps)) => {
                files.insert((*file).to_owned());
                files.extend(deps.split_ascii_whitespace().map(str::to_owned));
            }
            None if builtin.lines().any(|l| module_name(l) == key) => {}
            None => return Err(Error::MissingModule { name: name.clone(), index: index.to_owned() }),
        }
    }
    Ok(files)
}

/// A module's name from its file's: `a/b-c.ko.xz` is `b_c`.
fn module_name(file: &str) -> String {
    let name = file.rsplit('/').next().unwrap_or(file);
    name.split_once(".ko").map_or(name, |(stem, _)| stem).replace('-', "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEP: &str = "kernel/lib/crc16.ko:\nkernel/fs/ext-4.ko.xz: kernel/lib/crc16.ko kernel/fs/mbcache.ko\n";

    fn files(names: &[&str]) -> Result<Vec<String>, Error> {
        let names: Vec<String> = names.iter().map(|n| (*n).to_owned()).collect();
        wanted(DEP, "kernel/lib/built-in.ko\n", &names, Path::new("INDEX")).map(|s| s.into_iter().collect())
    }

    #[test]
    fn dependencies_come_along() {
        let want = ["kernel/fs/ext-4.ko.xz", "kernel/fs/mbcache.ko", "kernel/lib/crc16.ko"];
        assert_eq!(files(&["ext_4"]).unwrap(), want);
        assert_eq!(files(&["ext-4", "crc16"]).unwrap(), want);
    }

    #[test]
    fn built_in_needs_no_file_and_unknown_is_refused() {
        assert!(files(&["built_in"]).unwrap().is_empty());
        let e = files(&["nothing"]).unwrap_err().to_string();
        assert!(e.contains("nothing") && e.contains("INDEX"), "{e}");
    }
}
