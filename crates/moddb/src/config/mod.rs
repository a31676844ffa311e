//! The configuration of modprobe: modprobe.d and what the kernel's command line says.
//!
//! kmod's counterpart: `libkmod/libkmod-config.c`, `getline_wrapped` of `shared/util.c`; the format is in
//! modprobe.d(5). A wrong line is a [`Complaint`] and is left out; the rest counts.

mod parse;
mod show;

use std::path::{Path, PathBuf};

/// Where configuration is looked for. The first folder that has a file of a name decides for that name.
pub const FOLDERS: [&str; 5] =
    ["/etc/modprobe.d", "/run/modprobe.d", "/usr/local/lib/modprobe.d", "/usr/lib/modprobe.d", "/lib/modprobe.d"];

/// Text of a file: bytes that are text in practice.
pub type Text = Vec<u8>;

/// `softdep` of a module.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SoftDependency {
    /// The module.
    pub module: Text,
    /// What is loaded before it.
    pub pre: Vec<Text>,
    /// What is loaded after it.
    pub post: Vec<Text>,
}

/// `forbid`: what must not be loaded in any way.
///
/// DIFFERS: kmod knows nothing like it. `blacklist` only takes a module's own aliases away, and `install` can be passed
/// over with an option. In a file `*.forbid`, which kmod does not read, the line disturbs nobody.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Forbidden {
    /// A module, or a pattern of modules.
    pub pattern: Text,
    /// Why, for who wants to load it; may be empty.
    pub reason: Text,
}

/// All that was said, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Config {
    /// `alias`: a pattern and a module.
    pub aliases: Vec<(Text, Text)>,
    /// `blacklist`: modules whose own aliases do not count.
    pub blacklist: Vec<Text>,
    /// `options`: a module and its parameters.
    pub options: Vec<(Text, Text)>,
    /// `install`: a module and the command that takes the place of loading it.
    pub install: Vec<(Text, Text)>,
    /// `remove`: a module and the command that takes the place of unloading it.
    pub remove: Vec<(Text, Text)>,
    /// `softdep`.
    pub soft: Vec<SoftDependency>,
    /// `weakdep`: a module and those it may use. DIFFERS: kmod 30 calls such a line bad.
    pub weak: Vec<(Text, Vec<Text>)>,
    /// `forbid`.
    pub forbidden: Vec<Forbidden>,
}

/// A line that does not count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Complaint {
    /// `include` and `config`, which are no commands any more.
    Deprecated {
        /// The command.
        command: Text,
    },
    /// Something that is no command, or lacks words.
    BadLine {
        /// The number of the (last) line.
        line: u32,
        /// The first word.
        command: Text,
    },
    /// A folder that is named like a file.
    Folder,
    /// The file cannot be read.
    Unreadable(std::io::ErrorKind),
}

impl Config {
    /// Reads the files of `sources` (folders or single files; nothing: [`FOLDERS`]), with `modules.softdep` and
    /// `modules.weakdep` of the module directory in their place among them. Complaints come with their file.
    pub fn read(sources: &[PathBuf], modules: &Path) -> (Config, Vec<(PathBuf, Complaint)>) {
        let (mut config, mut complaints) = (Config::default(), Vec::new());
        for file in files(sources, modules, &mut complaints) {
            match std::fs::read(&file) {
                Ok(text) => {
                    let found = config.parse(&text);
                    complaints.extend(found.into_iter().map(|complaint| (file.clone(), complaint)));
                }
                Err(error) => complaints.push((file, Complaint::Unreadable(error.kind()))),
            }
        }
        (config, complaints)
    }
}

/// The files in the order in which they are read: by name, each name once, from the first folder that has it.
fn files(sources: &[PathBuf], modules: &Path, complaints: &mut Vec<(PathBuf, Complaint)>) -> Vec<PathBuf> {
    let standard: Vec<PathBuf> = FOLDERS.iter().map(PathBuf::from).filter(|folder| !is_lib(folder)).collect();
    let mut found = std::collections::BTreeMap::new();
    let mut add = |path: PathBuf| {
        if let Some(name) = path.file_name() {
            found.entry(name.to_owned()).or_insert(path);
        }
    };
    for source in if sources.is_empty() { &standard } else { sources } {
        if source.is_dir() {
            let entries = std::fs::read_dir(source).into_iter().flatten().flatten();
            for path in entries.map(|entry| entry.path()).filter(|path| is_named_right(path)) {
                match path.is_dir() {
                    true => complaints.push((path, Complaint::Folder)),
                    false => add(path),
                }
            }
        } else if source.exists() {
            add(source.clone());
        }
    }
    for name in ["modules.softdep", "modules.weakdep"] {
        let path = modules.join(name);
        if path.exists() {
            add(path);
        }
    }
    found.into_values().collect()
}

/// Whether a folder is that in `/usr/lib` where `/lib` is the same: messages name it by `/lib`, as kmod's do.
fn is_lib(folder: &Path) -> bool {
    let is = |other: &str| std::fs::canonicalize(other).ok();
    folder.starts_with("/usr/lib") && is("/lib").is_some_and(|lib| Some(lib) == is("/usr/lib"))
}

/// Whether a file in a folder counts: `*.conf`, `*.alias` and `*.forbid`, none that is hidden.
fn is_named_right(path: &Path) -> bool {
    use std::os::unix::ffi::OsStrExt;
    let name = path.file_name().unwrap_or_default().as_bytes();
    let long_enough = name.len() >= 6 && name.first() != Some(&b'.');
    long_enough
        && [&b".conf"[..], b".alias", b".forbid"].iter().any(|end| name.len() > end.len() && name.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_folder_decides_for_a_name() {
        let root = std::env::temp_dir().join(format!("moddb-config-{}", std::process::id()));
        let folders = [root.join("one"), root.join("two"), root.join("modules")];
        folders.iter().for_each(|folder| std::fs::create_dir_all(folder).unwrap());
        let [one, two, modules] = &folders;
        std::fs::write(one.join("b.conf"), "blacklist first").unwrap();
        std::fs::write(two.join("b.conf"), "blacklist hidden").unwrap();
        std::fs::write(two.join("a.conf"), "blacklist second").unwrap();
        std::fs::write(two.join("z.conf"), "blacklist last\nnonsense").unwrap();
        std::fs::write(two.join("z.txt"), "blacklist no").unwrap();
        std::fs::write(modules.join("modules.softdep"), "blacklist middle").unwrap();
        std::fs::create_dir_all(two.join("sub.conf")).unwrap();
        let (config, complaints) = Config::read(&[one.clone(), two.clone()], modules);
        std::fs::remove_dir_all(&root).unwrap();
        let names: Vec<_> = config.blacklist.iter().map(|name| String::from_utf8_lossy(name).into_owned()).collect();
        assert_eq!(names, ["second", "first", "middle", "last"]);
        let bad = Complaint::BadLine { line: 2, command: b"nonsense".to_vec() };
        assert_eq!(complaints, [(two.join("sub.conf"), Complaint::Folder), (two.join("z.conf"), bad)]);
    }
}
