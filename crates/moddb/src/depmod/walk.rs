//! Which modules there are: all files below the module directory and the `external` folders that are named like modules.
//! Of several with one name the most preferred counts (`depmod_modules_search` and
//! `depmod_module_is_higher_priority` of kmod's `tools/depmod.c`).

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::{DirEntry, ReadDir};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::config::{Config, Search};
use super::{Listener, Module, Options, Stopped, message};
use crate::error::strerror;
use crate::name::module_name;

/// How module files are named. DIFFERS: Debian's kmod is built without gzip, and takes no notice of `.ko.gz`.
const ENDINGS: [&[u8]; 4] = [b".ko", b".ko.gz", b".ko.xz", b".ko.zst"];
/// The first descriptor that a tool opens: messages name the descriptor of a folder.
pub(super) const FIRST_DESCRIPTOR: usize = 3;
/// The bits of a mode that say what a file is (`S_IFMT`).
pub(super) const KIND: u32 = 0o170_000;

/// Whether a file is named like a module.
pub(super) fn is_module(name: &[u8]) -> bool {
    ENDINGS.iter().any(|ending| name.len() > ending.len() && name.ends_with(ending))
}

fn path_of(bytes: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(bytes))
}

/// The modules that were named one by one.
pub(super) fn only(paths: &[PathBuf], options: &Options, to: &mut dyn Listener) -> Result<Vec<Module>, Stopped> {
    let mut tree = Tree::new(options);
    for path in paths {
        let bytes = path.as_os_str().as_bytes();
        if bytes.first() != Some(&b'/') {
            message!(to, Fatal, bytes, b": not absolute path.");
            return Err(Stopped);
        }
        if let Err(error) = std::fs::metadata(path) {
            message!(to, Fatal, b"could not create module ", bytes, b": ", strerror(&error));
            return Err(Stopped);
        }
        let base = bytes.iter().rposition(|byte| *byte == b'/').map_or(0, |at| at + 1);
        let name = module_name(bytes.get(base..).unwrap_or_default());
        if tree.by_name.contains_key(&name) {
            let exists = strerror(&io::Error::from_raw_os_error(17));
            message!(to, Error, b"hash_add_unique ", name, b": ", exists);
            message!(to, Fatal, b"could not add module ", bytes, b": ", exists);
            return Err(Stopped);
        }
        tree.add(bytes, base, name);
    }
    Ok(tree.modules())
}

/// The modules of the directory and of the external folders.
pub(super) fn all(config: &Config, options: &Options, to: &mut dyn Listener) -> Result<Vec<Module>, Stopped> {
    let mut tree = Tree::new(options);
    let mut walk = Walk { tree: &mut tree, config, to };
    let top = options.directory.as_os_str().as_bytes();
    if let Err(error) = walk.top(top) {
        message!(to, Fatal, b"could not search modules: ", strerror(&error));
        return Err(Stopped);
    }
    // The last one named is searched first.
    for folder in config.externals.iter().rev() {
        let _ = walk.top(folder);
    }
    Ok(tree.modules())
}

/// A file that was found: where its name begins, and the module's name.
#[derive(Debug)]
struct Entry {
    path: Vec<u8>,
    base: usize,
}

/// What was found so far.
#[derive(Debug)]
struct Tree<'o> {
    directory: &'o [u8],
    by_name: HashMap<Vec<u8>, Entry>,
}

impl<'o> Tree<'o> {
    fn new(options: &'o Options) -> Self {
        Self { directory: options.directory.as_os_str().as_bytes(), by_name: HashMap::new() }
    }

    fn add(&mut self, path: &[u8], base: usize, name: Vec<u8>) {
        self.by_name.insert(name, Entry { path: path.to_vec(), base });
    }

    fn modules(self) -> Vec<Module> {
        let inside = |path: &[u8]| {
            let rest = path.strip_prefix(self.directory).and_then(|rest| rest.strip_prefix(b"/"));
            rest.map_or(0, |_| self.directory.len() + 1)
        };
        let all = self.by_name.into_iter();
        all.map(|(name, entry)| {
            let relative = inside(&entry.path);
            Module { path: entry.path, relative, name, ..Module::default() }
        })
        .collect()
    }

    /// Whether the file that is known for a name is preferred to another one, of which `path` ends with the module's name.
    fn keeps(&self, config: &Config, known: &Entry, name: &[u8], path: &[u8], base: usize) -> bool {
        // Paths without their endings, but as long as the module's name is.
        let cut = |path: &[u8], base: usize| path.get(..base + name.len()).unwrap_or(path).to_vec();
        let (new, old) = (cut(path, base), cut(&known.path, known.base));
        let inside = |path: &[u8]| -> Option<Vec<u8>> { Some(path.strip_prefix(self.directory)?.get(1..)?.to_vec()) };
        let (new_inside, old_inside) = (inside(&new), inside(&old));
        for path in config.overrides.iter().rev() {
            if new_inside.as_ref() == Some(path) {
                return false;
            }
            if old_inside.as_ref() == Some(path) {
                return true;
            }
        }
        let (mut place, mut built_in, mut new_at, mut old_at) = (0, -1, -1, -1);
        for search in config.searches.iter().rev() {
            match search {
                Search::BuiltIn => built_in = place,
                Search::External => {
                    for folder in config.externals.iter().rev() {
                        if is_below(&new, folder) {
                            new_at = place;
                        }
                        if is_below(&old, folder) {
                            old_at = place;
                        }
                        place += 1;
                    }
                }
                Search::Path(folder) => {
                    if new_inside.as_ref().is_some_and(|path| is_below(path, folder)) {
                        new_at = place;
                    } else if old_inside.as_ref().is_some_and(|path| is_below(path, folder)) {
                        old_at = place;
                    }
                }
            }
            place += 1;
        }
        let or_built_in = |at: i32| if at < 0 { built_in } else { at };
        or_built_in(new_at) <= or_built_in(old_at)
    }
}

fn is_below(path: &[u8], folder: &[u8]) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.first() == Some(&b'/'))
}

/// What a name in a folder is.
enum What {
    Folder { by_link: bool },
    File,
    Other(u32),
}

/// A walk through folders.
struct Walk<'w, 'o> {
    tree: &'w mut Tree<'o>,
    config: &'w Config,
    to: &'w mut dyn Listener,
}

impl Walk<'_, '_> {
    fn top(&mut self, folder: &[u8]) -> io::Result<()> {
        match std::fs::read_dir(path_of(folder)) {
            Ok(entries) => {
                let mut path = [folder, b"/"].concat();
                self.folder(entries, &mut path, 0);
                Ok(())
            }
            Err(error) => {
                message!(self.to, Error, b"could not open directory ", folder, b": ", strerror(&error));
                Err(error)
            }
        }
    }

    /// Takes all that is in a folder, of which `path` is the path with a slash at its end.
    fn folder(&mut self, entries: ReadDir, path: &mut Vec<u8>, depth: usize) {
        let base = path.len();
        for entry in entries.flatten() {
            let name = entry.file_name();
            let name = name.as_bytes();
            if self.is_excluded(name) {
                continue;
            }
            path.truncate(base);
            path.extend_from_slice(name);
            match what(&entry) {
                Ok(What::File) => self.file(path, base),
                Ok(What::Folder { by_link }) => {
                    if by_link && leads_back(path) {
                        message!(
                            self.to,
                            Error,
                            b"symbolic link ",
                            path,
                            b" leads back to a folder it is in. Ignoring."
                        );
                        continue;
                    }
                    self.subfolder(path, base, depth);
                }
                Ok(What::Other(kind)) => {
                    message!(self.to, Error, b"unsupported file type ", path, b": ", format!("{kind:o}"));
                }
                Err(error) => {
                    let at = FIRST_DESCRIPTOR + depth;
                    message!(self.to, Error, format!("fstatat({at}, "), name, b"): ", strerror(&error));
                }
            }
        }
    }

    fn subfolder(&mut self, path: &mut Vec<u8>, base: usize, depth: usize) {
        match std::fs::read_dir(path_of(path)) {
            Ok(entries) => {
                path.push(b'/');
                self.folder(entries, path, depth + 1);
            }
            Err(error) => {
                let name = path.get(base..).unwrap_or_default();
                let at = FIRST_DESCRIPTOR + depth;
                message!(self.to, Error, format!("openat({at}, "), name, b", O_RDONLY): ", strerror(&error));
            }
        }
    }

    fn is_excluded(&self, name: &[u8]) -> bool {
        matches!(name, b"build" | b"source") || self.config.excludes.iter().any(|excluded| excluded == name)
    }

    /// Takes a file if it is a module, and preferred to what is known by its name.
    fn file(&mut self, path: &[u8], base: usize) {
        let file = path.get(base..).unwrap_or_default();
        if !is_module(file) {
            return;
        }
        let name = module_name(file);
        if let Some(known) = self.tree.by_name.get(&name)
            && self.tree.keeps(self.config, known, &name, path, base)
        {
            return;
        }
        self.tree.add(path, base, name);
    }
}

/// What an entry is; a link is what it leads to.
fn what(entry: &DirEntry) -> io::Result<What> {
    let kind = entry.file_type()?;
    if kind.is_file() {
        return Ok(What::File);
    }
    if kind.is_dir() {
        return Ok(What::Folder { by_link: false });
    }
    let data = std::fs::metadata(entry.path())?;
    Ok(match data.file_type() {
        kind if kind.is_file() => What::File,
        kind if kind.is_dir() => What::Folder { by_link: true },
        _ => What::Other(data.mode() & KIND),
    })
}

/// Whether a link to a folder leads to one of those that it is in. DIFFERS: kmod follows it until it runs out of
/// descriptors.
pub(super) fn leads_back(link: &[u8]) -> bool {
    let link = path_of(link);
    let (target, inside) = (std::fs::canonicalize(link), link.parent().map(std::fs::canonicalize));
    matches!((target, inside), (Ok(target), Some(Ok(inside))) if inside.starts_with(&target))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_preferred_of_two_files_counts() {
        let options = Options { directory: "/m".into(), ..Options::default() };
        let keeps = |config: &Config, old: &str, new: &str| {
            let tree = Tree::new(&options);
            let base = |path: &str| path.rfind('/').unwrap() + 1;
            let known = Entry { path: old.into(), base: base(old) };
            tree.keeps(config, &known, b"x", new.as_bytes(), base(new))
        };
        let path = |path: &str| Search::Path(path.into());
        let mut config = Config { searches: vec![path("updates")], ..Config::default() };
        assert!(!keeps(&config, "/m/kernel/x.ko", "/m/updates/x.ko.xz"));
        assert!(keeps(&config, "/m/updates/x.ko", "/m/kernel/x.ko"));
        assert!(keeps(&config, "/m/a/x.ko", "/m/b/x.ko"));
        config.searches = vec![path("a"), Search::External, Search::BuiltIn];
        config.externals = vec![b"/ext".to_vec()];
        assert!(!keeps(&config, "/ext/x.ko", "/m/a/x.ko"));
        assert!(keeps(&config, "/ext/x.ko", "/m/b/x.ko"));
        config.overrides = vec![b"b/x".to_vec()];
        assert!(!keeps(&config, "/m/a/x.ko", "/m/b/x.ko.gz"));
    }
}
