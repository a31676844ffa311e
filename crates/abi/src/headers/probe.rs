//! The probe: a C file that includes the kernel's headers, compiled the way a module is (kbuild, out of tree).
//!
//! Headers that do not compile here are left out, told by the compiler's own messages. Prototypes come from
//! variables declared as pointers to the exported functions; which of those the headers declare, gcc's
//! -aux-info tells.

use super::dwarf::PREFIX;
use crate::error::{Error, Result};
use crate::import::{Progress, Tell};
use std::collections::{BTreeSet, HashSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The headers that are asked, in an order in which they compile.
const HEADERS: &str = include_str!("probe_headers.txt");
/// Lines of the source for each item, so that a line tells the item.
const LINES: usize = 3;
const MAX_ROUNDS: u64 = 16;

const KBUILD: &str = "obj-m := probe.o
ccflags-y := -w -fno-diagnostics-show-caret -fdiagnostics-color=never -g -gno-split-dwarf -gz=none
ccflags-y += -fno-eliminate-unused-debug-types
ccflags-$(CONFIG_CC_IS_GCC) += -gdwarf-5 -fmax-errors=0 -aux-info $(M)/declared
ccflags-$(CONFIG_CC_IS_CLANG) += -ferror-limit=0
";

/// A folder of our own that is removed at the end.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Compiles the probe with the headers in `build`; gives the object file's bytes.
pub(crate) fn compile(build: &Path, exports: &HashSet<&str>, tell: Tell<'_>) -> Result<Vec<u8>> {
    let folder = new_folder()?;
    let mut probe = Probe { build, folder: &folder.0, tell, rounds: 0 };
    let mut items: Vec<String> =
        HEADERS.lines().map(|h| format!("#if __has_include(<{h}>)\n#include <{h}>\n#endif\n")).collect();
    let object = probe.until_it_compiles(&mut items)?;
    let mut functions = declared_functions(&folder.0.join("declared"), exports);
    if functions.is_empty() {
        return Ok(object);
    }
    functions.sort_unstable();
    items.extend(
        functions.iter().map(|f| format!("extern __typeof__({f}) *{PREFIX}{f};\n__typeof__({f}) *{PREFIX}{f};\n\n")),
    );
    probe.until_it_compiles(&mut items)
}

fn new_folder() -> Result<Folder> {
    static NEXT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let number = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let path = std::env::temp_dir().join(format!("lkm-probe-{}-{number}", std::process::id()));
    let mut builder = std::fs::DirBuilder::new();
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(&path).map_err(|e| Error::io("create", &path, e))?;
    std::fs::write(path.join("Kbuild"), KBUILD).map_err(|e| Error::io("write", path.join("Kbuild"), e))?;
    Ok(Folder(path))
}

struct Probe<'p> {
    build: &'p Path,
    folder: &'p Path,
    tell: Tell<'p>,
    rounds: u64,
}

impl Probe<'_> {
    /// Compiles, leaving out what the compiler blames, until nothing is left to blame.
    fn until_it_compiles(&mut self, items: &mut Vec<String>) -> Result<Vec<u8>> {
        let source = self.folder.join("probe.c");
        loop {
            self.rounds += 1;
            (self.tell)(Progress { phase: "compile", done: self.rounds, total: 0 });
            std::fs::write(&source, items.concat()).map_err(|e| Error::io("write", &source, e))?;
            let Err(messages) = self.make()? else {
                let object = self.folder.join("probe.o");
                return std::fs::read(&object).map_err(|e| Error::io("read", object, e));
            };
            let blamed: BTreeSet<usize> = blamed_lines(&messages).iter().map(|line| (line - 1) / LINES).collect();
            let before = items.len();
            let mut number = 0;
            items.retain(|_| {
                number += 1;
                !blamed.contains(&(number - 1))
            });
            if items.len() == before || self.rounds >= MAX_ROUNDS {
                return Err(self.failed(&messages));
            }
        }
    }

    /// Runs make; `Ok(Err(messages))` when the compiler refused.
    fn make(&self) -> Result<std::result::Result<(), String>> {
        let mut command = Command::new("make");
        command.arg("-s").arg("-C").arg(self.build).arg(format!("M={}", self.folder.display())).arg("probe.o");
        command.env("LC_ALL", "C").stdin(Stdio::null());
        for inherited in ["MAKEFLAGS", "MAKELEVEL", "MFLAGS", "KBUILD_OUTPUT", "O", "M"] {
            command.env_remove(inherited);
        }
        let output = command.output().map_err(|e| Error::Headers {
            path: self.build.to_owned(),
            reason: format!("make does not run: {e}; cure: apt install make gcc"),
        })?;
        if output.status.success() {
            return Ok(Ok(()));
        }
        let text = [output.stdout, output.stderr].concat();
        Ok(Err(String::from_utf8_lossy(&text).into_owned()))
    }

    fn failed(&self, messages: &str) -> Error {
        let telling = messages.lines().filter(|l| l.contains("error") || l.contains("Error") || l.contains("***"));
        let shown: Vec<&str> = telling.take(3).collect();
        let reason = format!(
            "the probe does not compile: {}; cure: apt install make gcc and complete headers",
            shown.join("; ")
        );
        Error::Headers { path: self.build.to_owned(), reason }
    }
}

/// The lines of probe.c (from 1) that errors are about, or that include what they are about.
fn blamed_lines(messages: &str) -> BTreeSet<usize> {
    let mut blamed = BTreeSet::new();
    let mut included_from = None;
    for line in messages.lines() {
        if let Some(number) = probe_line(line).filter(|_| line.contains("from ")) {
            included_from = Some(number);
        } else if line.contains(": error: ") || line.contains(": fatal error: ") {
            blamed.extend(probe_line(line).or(included_from));
        }
    }
    blamed.remove(&0);
    blamed
}

/// The number after "probe.c:" in a message's place.
fn probe_line(line: &str) -> Option<usize> {
    let (_, rest) = line.split_once("/probe.c:")?;
    rest.split([':', ',']).next()?.parse().ok()
}

/// The exported names among the functions in the compiler's list ("/* file:line:NC */ extern int f (int);").
fn declared_functions(list: &Path, exports: &HashSet<&str>) -> Vec<String> {
    let text = std::fs::read(list).map(|t| String::from_utf8_lossy(&t).into_owned()).unwrap_or_default();
    let mut found = HashSet::new();
    for line in text.lines() {
        let declaration = line.split_once("*/").map_or(line, |(_, d)| d);
        let words = declaration.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        found.extend(words.filter(|w| exports.contains(w)).map(str::to_owned));
    }
    found.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_blame_the_including_line() {
        let text = "In file included from /k/include/linux/a.h:5,\n                 from /tmp/x/probe.c:8:\n\
                    /k/include/linux/b.h:6:2: error: no\n/k/include/linux/b.h:7:2: warning: no\n\
                    /tmp/x/probe.c:31:1: error: 'f' undeclared\nmake: *** error\n";
        assert_eq!(blamed_lines(text).into_iter().collect::<Vec<_>>(), [8, 31]);
        assert_eq!(blamed_lines("gcc: fatal error: no input files\n").len(), 0);
    }
}
