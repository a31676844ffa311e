//! A module directory for depmod, and what both depmods say and write there.

use crate::common::{Folder, Said, ours, run, theirs};
use crate::ko::Ko;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

pub(crate) const RELEASE: &str = "6.1.0-test";

/// The module directories of this machine.
pub(crate) fn releases() -> Vec<PathBuf> {
    let folders = std::fs::read_dir("/lib/modules").expect("no /lib/modules: install linux-image-amd64");
    let all: Vec<PathBuf> = folders.flatten().map(|f| f.path()).filter(|f| f.join("modules.order").exists()).collect();
    assert!(!all.is_empty(), "no kernel's modules are installed: install linux-image-amd64");
    all
}

/// A module directory below the root of a file system.
pub(crate) struct Tree {
    pub(crate) root: Folder,
    pub(crate) dir: PathBuf,
}

impl Tree {
    pub(crate) fn new(name: &str) -> Self {
        let root = Folder::new(name);
        let dir = root.0.join("lib/modules").join(RELEASE);
        std::fs::create_dir_all(dir.join("kernel")).unwrap();
        Self { root, dir }
    }

    /// With the files that every kernel's package has.
    pub(crate) fn with_lists(name: &str) -> Self {
        let tree = Self::new(name);
        tree.file("modules.order", "kernel/b.ko\nkernel/a.ko\n");
        tree.file("modules.builtin", "kernel/fs/ext-4.ko\nkernel/x.ko\n\n7bad\n");
        tree.file("modules.builtin.modinfo", "ext_4.alias=fs-ext4\0ext_4.license=GPL\0x.alias=a[b\0.alias=n\0");
        tree
    }

    pub(crate) fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.dir.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        path
    }

    pub(crate) fn module(&self, name: &str, ko: Ko<'_>) {
        self.file(name, ko.build());
    }

    /// Every 80th module of an installed kernel, as it is there.
    pub(crate) fn with_some(name: &str) -> Self {
        let (tree, from) = (Self::with_lists(name), releases().remove(0));
        let order = std::fs::read_to_string(from.join("modules.order")).unwrap();
        tree.file("modules.order", &order);
        for line in order.lines().step_by(80) {
            for end in ["", ".xz"] {
                if let Ok(bytes) = std::fs::read(from.join(format!("{line}{end}"))) {
                    tree.file(&format!("{line}{end}"), bytes);
                }
            }
        }
        tree
    }

    /// What a depmod says, and what it leaves in a folder.
    pub(crate) fn say(&self, mut command: Command, words: &[&str], from: &Path) -> (Said, BTreeMap<String, Vec<u8>>) {
        let mut said = run(command.arg("-b").arg(&self.root.0).args(words).current_dir(&self.root.0));
        // These name addresses in kmod's memory.
        let lines =
            said.err.lines().filter(|line| !line.contains("kmod_set_log_fn()") && !line.contains("kmod_unref()"));
        said.err = lines.map(|line| format!("{line}\n")).collect();
        (said, written(from))
    }

    /// Compares both on the same words, with what they write.
    pub(crate) fn same(&self, words: &[&str]) {
        self.clean();
        let want = self.say(theirs("depmod"), words, &self.dir);
        self.clean();
        let got = self.say(ours("depmod"), words, &self.dir);
        assert_eq!(got.0, want.0, "depmod {words:?} (left: ours, right: Debian's)");
        let names = |files: &BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&got.1), names(&want.1), "depmod {words:?}");
        for (name, contents) in got.1 {
            let (got, want) = (contents.escape_ascii().to_string(), want.1[&name].escape_ascii().to_string());
            assert!(got == want, "depmod {words:?}: {name} differs from Debian's");
        }
    }

    /// What our depmod says of the tree, which must be fine.
    pub(crate) fn depmod(&self, words: &[&str]) -> Said {
        let said = self.say(ours("depmod"), &[words, &[RELEASE]].concat(), &self.dir).0;
        assert_eq!(said.status, 0, "{said:?}");
        said
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.dir.join(name)).unwrap()
    }

    pub(crate) fn clean(&self) {
        for name in written(&self.dir).keys() {
            std::fs::remove_file(self.dir.join(name)).unwrap();
        }
    }
}

/// The files that a depmod wrote into a folder, and what it forgot there.
pub(crate) fn written(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    const GIVEN: [&str; 3] = ["modules.order", "modules.builtin", "modules.builtin.modinfo"];
    let mut all = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let name = entry.file_name().into_string().unwrap();
        if (name.starts_with("modules.") && !GIVEN.contains(&name.as_str())) || name.starts_with('.') {
            all.insert(name, std::fs::read(entry.path()).unwrap_or_default());
        }
    }
    all
}
