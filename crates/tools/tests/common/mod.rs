//! Runs a tool of ours and the distribution's, and compares what they say.

#![allow(dead_code, reason = "each test file uses its part")]

use std::ffi::OsStr;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

pub const LKM: &str = env!("CARGO_BIN_EXE_lkm");

/// What a program said.
#[derive(Debug, PartialEq, Eq, Clone)]
pub struct Said {
    pub out: String,
    pub err: String,
    pub status: i32,
}

fn escaped(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string().replace("\\n", "\n")
}

/// Runs a command to its end, without input and with a plain environment.
pub fn run(command: &mut Command) -> Said {
    command.stdin(Stdio::null()).env_remove("POSIXLY_CORRECT").env_remove("LC_ALL");
    let output = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    let status = output.status.code().or(output.status.signal().map(|s| 128 + s)).unwrap_or(-1);
    Said { out: escaped(&output.stdout), err: escaped(&output.stderr), status }
}

/// Copies our program. Another program does it: one that a thread starts meanwhile would hold a file that is being written,
/// and what is written cannot be started.
pub fn copy_lkm(to: &Path) {
    let said = run(Command::new("cp").arg(LKM).arg(to));
    assert_eq!(said.status, 0, "{}", said.err);
}

/// Builds the module `name` from its source with the headers of a kernel, in a folder of its own.
pub fn build(folder: &str, name: &str, source: &str, release: &str) -> (Folder, PathBuf) {
    let folder = Folder::new(folder);
    folder.file(&format!("{name}.c"), source);
    folder.file("Kbuild", format!("obj-m += {name}.o\n"));
    let headers = format!("/lib/modules/{release}/build");
    let said = run(Command::new("make").args(["-C", &headers, &format!("M={}", folder.0.display()), "modules"]));
    assert_eq!(said.status, 0, "{said:?}");
    let module = folder.0.join(format!("{name}.ko"));
    (folder, module)
}

/// Our tool, called by its own name.
pub fn ours(tool: &str) -> Command {
    let mut command = Command::new(LKM);
    command.arg0(tool);
    command
}

/// The distribution's tool, called by its plain name; `None` where it is not installed in the version that is compared.
pub fn theirs(tool: &str) -> Command {
    let path =
        ["/usr/bin", "/usr/sbin", "/bin", "/sbin"].iter().map(|dir| Path::new(dir).join(tool)).find(|p| p.exists());
    let path = path.unwrap_or_else(|| panic!("{tool} is not installed; the comparison needs Debian 12's"));
    let mut command = Command::new(path);
    command.arg0(tool);
    command
}

/// Compares both on the same words, in the same folder.
pub fn same<S: AsRef<OsStr>>(tool: &str, words: &[S], folder: &Path) {
    let said = |mut command: Command| run(command.args(words).current_dir(folder).env("LANG", "C.UTF-8"));
    let shown: Vec<_> = words.iter().map(|w| w.as_ref().display().to_string()).collect();
    let (want, got) = (said(theirs(tool)), said(ours(tool)));
    assert_eq!(got, want, "{tool} {shown:?} (left: ours, right: Debian's)");
}

/// The module directories of this machine that depmod has seen.
pub fn releases() -> Vec<String> {
    let folders = std::fs::read_dir("/lib/modules").expect("no /lib/modules: install linux-image-amd64");
    let known = folders.flatten().filter(|folder| folder.path().join("modules.dep.bin").exists());
    let all: Vec<String> = known.map(|folder| folder.file_name().into_string().unwrap()).collect();
    assert!(!all.is_empty(), "no kernel's modules are installed: install linux-image-amd64");
    all
}

/// A folder that is removed at the end.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("lkm-tools-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
    pub fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Numbers that look random and are the same in every run.
pub struct Dice(pub u64);

impl Dice {
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % limit
    }
    pub fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.below(from.len())]
    }
}
