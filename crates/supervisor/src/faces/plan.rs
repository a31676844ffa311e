//! Which names are whose: made once, before a program starts.
//!
//! A name in one of the trees belongs to the kernel process if it has it, else to the host. A directory that both have
//! is either the kernel process's alone or *merged* ([`merged`]). Supervisor and init both follow the plan: the one
//! serves placeholders, the other binds the host's files over them.

use crate::link::Link;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use wire::{Answer, Call, FileKind, NodeId, ROOT_DEV, ROOT_PROC, ROOT_SYS, VfsCall, VfsReply};

/// The hidden directory in /proc on which the real one is mounted; the same in /proc/sys.
pub(crate) const HIDDEN: &str = ".host";

/// The host's devices that a program needs in any case.
const HOST_DEVICES: &[&str] = &[
    "null",
    "zero",
    "full",
    "random",
    "urandom",
    "tty",
    "console",
    "ptmx",
    "pts",
    "shm",
    "mqueue",
    "hugepages",
    "fd",
    "stdin",
    "stdout",
    "stderr",
    "core",
    "log",
    "fuse",
    "net",
    "kvm",
];

/// A node of the plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Entry {
    /// A directory of ours; names that are not in `children` are looked up in the kernel process's directory.
    Dir {
        children: BTreeMap<String, usize>,
        own: Option<OwnDir>,
        /// Whether processes are listed, too.
        processes: bool,
    },
    /// A placeholder that init covers with the host's file or directory.
    Host { is_dir: bool, listed: bool },
    /// A symbolic link.
    Link(String),
    /// `/proc/self`.
    SelfLink,
    /// `/proc/thread-self`.
    ThreadSelfLink,
}

/// A directory of the kernel process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OwnDir {
    /// The tree's root.
    pub(crate) root: NodeId,
    /// The names from there; the directory may come later.
    pub(crate) path: Vec<String>,
    /// The node, if it was there when the plan was made.
    pub(crate) node: Option<NodeId>,
}

/// The plan of all trees. Node 0 is the root over them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Plan {
    pub(crate) nodes: Vec<Entry>,
}

/// The trees: name, root node in the kernel process.
pub(crate) const TREES: [(&str, NodeId); 3] = [("proc", ROOT_PROC), ("sys", ROOT_SYS), ("dev", ROOT_DEV)];

/// How the host's entries appear in a merged directory.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    /// Each is bound.
    Bind,
    /// Each is a symbolic link into the hidden /proc/sys: for directories with very many.
    Link,
}

/// Whether the directory is shared between host and kernel process, and how. `path` is absolute.
fn merged(path: &Path) -> Option<Style> {
    match path.to_str()? {
        "/proc" | "/proc/sys" | "/sys" | "/sys/kernel" | "/sys/devices" | "/dev" => Some(Style::Bind),
        path if path.starts_with("/proc/sys/") => Some(Style::Link),
        _ => None,
    }
}

/// Whether the directory is merged even if the kernel process has nothing there yet: its modules may add names.
fn always_merged(path: &Path) -> bool {
    let path = path.to_str();
    matches!(path, Some("/proc/sys" | "/proc/sys/kernel" | "/proc/sys/dev" | "/sys/kernel" | "/sys/devices"))
}

fn is_dir(entry: Option<&(NodeId, FileKind)>) -> bool {
    entry.is_some_and(|(_, kind)| *kind == FileKind::Dir)
}

/// Whether the host's entry is shown where the kernel process has none of that name.
fn host_has(path: &Path, name: &str) -> bool {
    match path.to_str() {
        // Processors and memory are the machine's; all other devices are the instance's.
        Some("/sys/devices") => name == "system",
        Some("/sys") => !matches!(name, "module" | "class" | "bus" | "dev"),
        Some("/sys/kernel") => !matches!(name, "debug" | "tracing"),
        Some("/dev") => HOST_DEVICES.contains(&name),
        _ => true,
    }
}

impl Plan {
    /// Asks the kernel process and the host.
    pub(crate) fn make(link: &Link) -> Self {
        let mut plan = Self::default();
        let root = plan.add(Entry::Dir { children: BTreeMap::new(), own: None, processes: false });
        for (name, node) in TREES {
            let own = OwnDir { root: node, path: Vec::new(), node: Some(node) };
            let dir = plan.directory(link, &Path::new("/").join(name), own, Style::Bind);
            plan.insert(root, name, dir);
        }
        plan
    }

    fn add(&mut self, entry: Entry) -> usize {
        self.nodes.push(entry);
        self.nodes.len() - 1
    }

    fn insert(&mut self, dir: usize, name: &str, node: usize) {
        if let Some(Entry::Dir { children, .. }) = self.nodes.get_mut(dir) {
            children.insert(name.to_owned(), node);
        }
    }

    /// Plans the merged directory `path`.
    fn directory(&mut self, link: &Link, path: &Path, own: OwnDir, style: Style) -> usize {
        let is_proc = path == Path::new("/proc");
        let theirs = own.node.map(|node| names(link, node)).unwrap_or_default();
        let dir = self.add(Entry::Dir { children: BTreeMap::new(), own: Some(own.clone()), processes: is_proc });
        for (name, kind) in host_names(path) {
            let below = path.join(&name);
            let node = match merged(&below).filter(|_| kind.is_dir()) {
                _ if is_proc && name.bytes().all(|b| b.is_ascii_digit()) => continue,
                _ if is_proc && name == "self" => self.add(Entry::SelfLink),
                _ if is_proc && name == "thread-self" => self.add(Entry::ThreadSelfLink),
                // A node that is bound alone does not find the terminals beside it.
                _ if below == Path::new("/dev/ptmx") => self.add(Entry::Link("pts/ptmx".into())),
                Some(style) if always_merged(&below) || is_dir(theirs.get(&name)) => {
                    let path = own.path.iter().cloned().chain([name.clone()]).collect();
                    let node = theirs.get(&name).map(|(node, _)| *node);
                    self.directory(link, &below, OwnDir { root: own.root, path, node }, style)
                }
                // Programs need the host's basic devices whatever else there is.
                _ if theirs.contains_key(&name) && path != Path::new("/dev") => continue,
                _ if !host_has(path, &name) => continue,
                _ if style == Style::Link => self.add(Entry::Link(into_hidden(&below))),
                _ => self.add(host(kind, &below)),
            };
            self.insert(dir, &name, node);
        }
        if is_proc || path == Path::new("/proc/sys") {
            let hidden = self.add(Entry::Host { is_dir: true, listed: false });
            self.insert(dir, HIDDEN, hidden);
        }
        dir
    }

    /// All placeholders below the tree `name`, as absolute paths.
    pub(crate) fn placeholders(&self, tree: &str) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let root = match self.nodes.first() {
            Some(Entry::Dir { children, .. }) => children.get(tree).copied(),
            _ => None,
        };
        if let Some(root) = root {
            self.collect(root, &Path::new("/").join(tree), &mut found);
        }
        found
    }

    fn collect(&self, node: usize, path: &Path, found: &mut Vec<PathBuf>) {
        match self.nodes.get(node) {
            Some(Entry::Host { .. }) => found.push(path.to_owned()),
            Some(Entry::Dir { children, .. }) => {
                for (name, child) in children {
                    self.collect(*child, &path.join(name), found);
                }
            }
            _ => {}
        }
    }
}

fn host(kind: std::fs::FileType, path: &Path) -> Entry {
    if !kind.is_symlink() {
        return Entry::Host { is_dir: kind.is_dir(), listed: true };
    }
    Entry::Link(std::fs::read_link(path).map(|t| t.to_string_lossy().into_owned()).unwrap_or_default())
}

/// `/proc/sys/kernel/x` as a link target from where it stands: `../.host/kernel/x`. It has to stay below /proc/sys,
/// because sysctl(8) refuses to leave that.
fn into_hidden(path: &Path) -> String {
    let inside = path.strip_prefix("/proc/sys").unwrap_or(path);
    let up = "../".repeat(inside.components().count().saturating_sub(1));
    format!("{up}{HIDDEN}/{}", inside.display())
}

fn host_names(path: &Path) -> Vec<(String, std::fs::FileType)> {
    let Ok(list) = std::fs::read_dir(path) else { return Vec::new() };
    list.flatten().filter_map(|entry| Some((entry.file_name().into_string().ok()?, entry.file_type().ok()?))).collect()
}

/// The kernel process's entries of a directory.
fn names(link: &Link, node: NodeId) -> BTreeMap<String, (NodeId, FileKind)> {
    match link.call(wire::kernel_caller(), Call::Vfs(VfsCall::ReadDir { node }), &[]) {
        Ok(Answer::Vfs(VfsReply::Dir(list))) => list.into_iter().map(|e| (e.name, (e.node, e.kind))).collect(),
        _ => BTreeMap::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_into_the_hidden_directory_are_relative() {
        assert_eq!(into_hidden(Path::new("/proc/sys/kernel/hostname")), "../.host/kernel/hostname");
        assert_eq!(into_hidden(Path::new("/proc/sys/dev/a/b")), "../../.host/dev/a/b");
    }

    #[test]
    fn placeholders_are_found_at_any_depth() {
        let dir = |children: &[(&str, usize)]| Entry::Dir {
            children: children.iter().map(|(name, node)| ((*name).to_owned(), *node)).collect(),
            own: None,
            processes: false,
        };
        let file = Entry::Host { is_dir: false, listed: true };
        let hidden = Entry::Host { is_dir: true, listed: false };
        let nodes = vec![
            dir(&[("proc", 1)]),
            dir(&[("stat", 2), ("sys", 3), (".host", 4)]),
            file.clone(),
            dir(&[("vm", 5), ("x", 6)]),
            hidden,
            file,
            Entry::Link("y".into()),
        ];
        let plan = Plan { nodes };
        assert_eq!(
            plan.placeholders("proc"),
            [Path::new("/proc/.host"), Path::new("/proc/stat"), Path::new("/proc/sys/vm")]
        );
        assert_eq!(plan.placeholders("sys"), Vec::<PathBuf>::new());
    }
}
