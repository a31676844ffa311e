//! The modules that the words of the command line mean, by the kernel that they are for.

use super::{Options, default_release};
use crate::error::{Failure, errno_text, status};
use crate::run::build::{self, Built};
use check::Input;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// How deep folders are looked into.
const DEPTH: usize = 32;

/// Modules for one kernel.
#[derive(Debug, Default)]
pub struct Group {
    /// The kernel's release.
    pub release: String,
    /// What is checked.
    pub inputs: Vec<Input>,
    /// What else they may need: the modules in the folders of those that were named.
    pub beside: Vec<Input>,
}

/// All of them.
#[derive(Debug, Default)]
pub struct Found {
    /// By kernel.
    pub groups: Vec<Group>,
    /// Files that cannot be read.
    pub unread: Vec<Failure>,
    /// What was built goes at the end.
    _built: Vec<Built>,
}

/// Finds the modules.
pub fn find(options: &Options) -> Result<Found, Failure> {
    let mut found = Found::default();
    let (mut seen, mut folders) = (BTreeSet::new(), BTreeSet::new());
    for word in &options.words {
        let meta = match std::fs::metadata(word)
            .and_then(|meta| if meta.is_dir() { Ok(meta) } else { std::fs::File::open(word).map(|_| meta) })
        {
            Ok(meta) => meta,
            Err(error) => {
                let what = format!("cannot open {}: {}", word.display(), errno_text(&error));
                found.unread.push(Failure::new(status::USAGE, what));
                continue;
            }
        };
        let mut files = Vec::new();
        if meta.is_dir() {
            collect(word, DEPTH, &mut files);
            files.sort();
        } else if word.extension().is_none_or(|end| end != "c") {
            files.push(word.clone());
            folders.insert(folder(word));
        }
        if files.is_empty() {
            found.build(word, meta.is_dir(), options)?;
        }
        for path in files.into_iter().filter(|path| seen.insert(canonical(path))) {
            found.add(input(&path), options, true);
        }
    }
    for folder in folders {
        let mut files = Vec::new();
        collect(&folder, 1, &mut files);
        files.sort();
        for path in files.into_iter().filter(|path| seen.insert(canonical(path))) {
            found.add(input(&path), options, false);
        }
    }
    found.groups.retain(|group| !group.inputs.is_empty());
    Ok(found)
}

/// A module, and the others in its folder.
pub fn with_neighbours(path: &Path) -> (Input, Vec<Input>) {
    let mut files = Vec::new();
    collect(&folder(path), 1, &mut files);
    files.sort();
    let own = canonical(path);
    let others = files.into_iter().filter(|file| canonical(file) != own);
    (input(path), others.map(|file| input(&file)).collect())
}

fn input(path: &Path) -> Input {
    Input { path: path.to_owned(), shown: shown(path) }
}

impl Found {
    /// Builds a C file, or a folder that has no modules yet.
    fn build(&mut self, word: &Path, is_folder: bool, options: &Options) -> Result<(), Failure> {
        if is_folder && !["Kbuild", "Makefile"].iter().any(|name| word.join(name).exists()) {
            let what = format!("{} has neither modules nor a Kbuild", word.display());
            return Err(Failure::new(status::USAGE, what).cure("name a .ko, a .c, or a folder with one of these"));
        }
        let built = build::build(word, options.kernel.as_deref(), false, false)?;
        let input = Input { path: built.module.clone(), shown: shown(word) };
        self.add(input, options, true);
        self._built.push(built);
        Ok(())
    }

    fn add(&mut self, input: Input, options: &Options, is_checked: bool) {
        let release = options.kernel.clone().unwrap_or_else(|| release(&input.path).unwrap_or_else(default_release));
        let group = match self.groups.iter_mut().position(|group| group.release == release) {
            Some(at) => self.groups.get_mut(at),
            None => {
                self.groups.push(Group { release, ..Group::default() });
                self.groups.last_mut()
            }
        };
        if let Some(group) = group {
            if is_checked { group.inputs.push(input) } else { group.beside.push(input) }
        }
    }
}

/// The release that a module was built for.
fn release(path: &Path) -> Option<String> {
    let parts = crate::kmod::modinfo::file::read(path).ok()?;
    let release = kofile::Modinfo::new(&parts.info).release()?.to_str()?.to_owned();
    Some(release).filter(|release| !release.is_empty())
}

fn shown(path: &Path) -> String {
    path.strip_prefix(".").unwrap_or(path).display().to_string()
}

fn canonical(path: &Path) -> PathBuf {
    std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

fn folder(path: &Path) -> PathBuf {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned()
}

/// The modules in a folder, and `depth - 1` folders below.
fn collect(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let (path, kind) = (entry.path(), entry.file_type());
        let name = entry.file_name().to_string_lossy().into_owned();
        if kind.is_ok_and(|kind| kind.is_dir()) {
            if depth > 1 {
                collect(&path, depth - 1, files);
            }
        } else if [".ko", ".ko.xz", ".ko.zst", ".ko.gz"].iter().any(|end| name.ends_with(end)) {
            files.push(path);
        }
    }
}
