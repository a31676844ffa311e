//! The modules that a module needs: found in its folder or in the kernel's module tree, loaded before it.

use crate::kmod::name_from_path;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The names in a module's `depends=`; none if it cannot be read.
pub fn depends_of(path: &Path) -> Vec<String> {
    let Ok(image) = kofile::Image::open(path) else { return Vec::new() };
    image.module().map_or_else(|_| Vec::new(), |module| depends(&module))
}

/// The names in a module's `depends=`.
pub fn depends(module: &kofile::Module<'_>) -> Vec<String> {
    module.modinfo().depends().map(|name| normal(&name.to_str_lossy())).collect()
}

fn normal(name: &str) -> String {
    name.replace('-', "_")
}

/// Where modules are found: a folder, then the tree of a kernel. Each is read when it is first needed.
#[derive(Debug)]
pub struct Finder {
    folder: PathBuf,
    in_folder: Option<BTreeMap<String, PathBuf>>,
    root: PathBuf,
    in_tree: Option<BTreeMap<String, PathBuf>>,
}

impl Finder {
    /// Looks in the folder of `file`, then in /lib/modules of the release.
    pub fn new(file: &Path, release: &str) -> Self {
        let folder = match file.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        Self { folder: folder.into(), in_folder: None, root: Path::new("/lib/modules").join(release), in_tree: None }
    }

    fn find(&mut self, name: &str) -> Option<PathBuf> {
        let (folder, root) = (&self.folder, &self.root);
        let here = self.in_folder.get_or_insert_with(|| read_folder(folder)).get(name);
        here.or_else(|| self.in_tree.get_or_insert_with(|| read_tree(root)).get(name)).cloned()
    }

    /// What must be loaded before `file`, which names `needs`, in order; and the names that were not found (they may be
    /// built in).
    pub fn plan(&mut self, file: &Path, needs: &[String]) -> (Vec<PathBuf>, Vec<String>) {
        let mut plan = Vec::new();
        let mut missing = Vec::new();
        let mut seen = vec![name_of(file)];
        for name in needs {
            self.visit(name, &mut seen, &mut plan, &mut missing);
        }
        (plan, missing)
    }

    fn visit(&mut self, name: &str, seen: &mut Vec<String>, plan: &mut Vec<PathBuf>, missing: &mut Vec<String>) {
        if seen.iter().any(|known| known == name) {
            return;
        }
        seen.push(name.to_owned());
        let Some(path) = self.find(name) else {
            missing.push(name.to_owned());
            return;
        };
        for below in depends_of(&path) {
            self.visit(&below, seen, plan, missing);
        }
        plan.push(path);
    }
}

fn name_of(path: &Path) -> String {
    String::from_utf8_lossy(&name_from_path(path.as_os_str())).into_owned()
}

/// The modules that lie in a folder.
fn read_folder(folder: &Path) -> BTreeMap<String, PathBuf> {
    let mut found = BTreeMap::new();
    for path in std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()) {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if [".ko", ".ko.xz", ".ko.zst", ".ko.gz"].iter().any(|end| name.ends_with(end)) {
            found.insert(name_of(&path), path);
        }
    }
    found
}

/// The modules that `modules.dep` lists.
fn read_tree(root: &Path) -> BTreeMap<String, PathBuf> {
    let list = std::fs::read_to_string(root.join("modules.dep")).unwrap_or_default();
    let files = list.lines().filter_map(|line| line.split(':').next()).filter(|file| !file.is_empty());
    files.map(|file| (name_of(Path::new(file)), root.join(file))).collect()
}
