//! From a word to modules: a name, an alias, or `symbol:NAME` (kmod's `libkmod/libkmod-module.c`,
//! `kmod_module_new_from_lookup`).

use moddb::dir::{Match, ModuleDir};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The module directory of a release below `root` (nothing: the root of the file system). Both default to what runs.
pub fn directory(root: Option<&OsStr>, release: Option<&OsStr>) -> PathBuf {
    let running = rustix::system::uname();
    let release = release.unwrap_or(OsStr::from_bytes(running.release().to_bytes()));
    let mut path = root.unwrap_or_default().to_owned();
    path.push("/lib/modules/");
    path.push(release);
    absolute(Path::new(&path))
}

/// The path from the root on, otherwise as it was given.
pub fn absolute(path: &Path) -> PathBuf {
    if path.is_absolute() {
        return path.to_owned();
    }
    std::env::current_dir().map(|folder| folder.join(path)).unwrap_or_else(|_| path.to_owned())
}

/// The names of the modules for a word, best first; `None` for a word that cannot be an alias.
///
/// An index that is missing or damaged counts as empty: kmod goes on without it, too.
pub fn lookup(dir: &ModuleDir, word: &[u8]) -> Option<Vec<Vec<u8>>> {
    let alias = moddb::alias_name(word)?;
    if by_name(dir, &alias).is_some() {
        return Some(vec![alias]);
    }
    let names = |found: moddb::Result<Vec<Match>>| -> Vec<Vec<u8>> {
        found.unwrap_or_default().into_iter().map(|found| found.module).collect()
    };
    let mut found = names(dir.symbols(&alias));
    if found.is_empty() {
        found = names(dir.aliases(&alias));
    }
    if found.is_empty() && dir.is_builtin(&alias).unwrap_or(false) {
        return Some(vec![alias]);
    }
    if found.is_empty() {
        found = names(dir.builtin_aliases(&alias));
    }
    Some(found)
}

/// The name of a module for a word that is one.
pub fn lookup_name(dir: &ModuleDir, word: &[u8]) -> Option<Vec<u8>> {
    let name = moddb::module_name(word);
    if by_name(dir, &name).is_some() || dir.is_builtin(&name).unwrap_or(false) {
        return Some(name);
    }
    // kmod takes aliases of modules that are built in for names.
    dir.builtin_aliases(&name).unwrap_or_default().into_iter().next().map(|found| found.module)
}

fn by_name(dir: &ModuleDir, name: &[u8]) -> Option<PathBuf> {
    // No module's name has a colon: most aliases do, and need not be looked for here.
    if name.contains(&b':') {
        return None;
    }
    file_of(dir, name)
}

/// The file of a module; none for one that is built in.
pub fn file_of(dir: &ModuleDir, name: &[u8]) -> Option<PathBuf> {
    dir.module(name).ok().flatten().map(|module| module.path)
}
