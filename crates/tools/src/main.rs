//! `lkm`: every tool in one binary. `lkm TOOL args ...`, or the tool's name as the program's name.
//!
//! A file per tool; this one only finds the tool. Nothing is opened, parsed or allocated before the tool wants it.

#![forbid(unsafe_code)]

// First: its macros are used all over.
#[macro_use]
mod output;

mod backend;
mod clock;
mod dmesg;
mod error;
mod explain;
mod getopt;
mod klogd;
mod kmod;
mod modutils;
mod profiles;
mod run;
mod sign;
mod term;

use error::Failure;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::ExitCode;
use term::Paint;

/// How a tool was called.
#[derive(Debug)]
pub struct Invocation {
    /// The name it was called by, as messages show it.
    pub argv0: OsString,
    /// The words after the name.
    pub words: Vec<OsString>,
}

/// A tool: its name, what it does in a few words, and its code.
struct Tool {
    name: &'static str,
    summary: &'static str,
    group: &'static str,
    /// Whether it is found by the name of the program, too.
    applet: bool,
    main: fn(&Invocation) -> Result<u8, Failure>,
}

const fn tool_of(name: &'static str, summary: &'static str, main: fn(&Invocation) -> Result<u8, Failure>) -> Tool {
    Tool { name, summary, group: "As kmod's and util-linux's", applet: true, main }
}

const fn command(name: &'static str, summary: &'static str, main: fn(&Invocation) -> Result<u8, Failure>) -> Tool {
    Tool { name, summary, group: "A kernel of its own", applet: false, main }
}

const fn author_s(name: &'static str, summary: &'static str, main: fn(&Invocation) -> Result<u8, Failure>) -> Tool {
    Tool { name, summary, group: "For authors of modules", applet: false, main }
}

const TOOLS: &[Tool] = &[
    command("run", "load a module into a kernel of its own, and tell what it left behind", run::run_main),
    command("sh", "run a command or a shell inside a kernel of its own", run::sh_main),
    command("abi", "what lkm knows of kernels: list, show, import", profiles::main),
    tool_of("insmod", "load a module from a file", insmod),
    tool_of("rmmod", "unload modules", rmmod),
    tool_of("lsmod", "list loaded modules", lsmod),
    tool_of("modprobe", "load and unload modules with what they need", kmod::modprobe::main),
    tool_of("depmod", "write the indexes of a module directory", kmod::depmod::main),
    tool_of("modinfo", "show what a module says of itself", kmod::modinfo::main),
    tool_of("kmod", "the above by one name: help, list, static-nodes", kmod::multi::main),
    tool_of("dmesg", "print or control the kernel's log", dmesg::main),
    tool_of("klogd", "write the kernel's log to a file or to syslog", klogd::main),
    author_s("sign", "sign a module, or verify its signature", sign::main),
];

/// `ksyms` has no meaning but for 2.4's module system.
const KSYMS: Tool = tool_of("ksyms", "list exported symbols (2.4)", modutils::ksyms::main);

fn insmod(call: &Invocation) -> Result<u8, Failure> {
    if modutils::is_here() { modutils::insmod::main(call) } else { kmod::insmod::main(call) }
}

fn rmmod(call: &Invocation) -> Result<u8, Failure> {
    if modutils::is_here() { modutils::rmmod::main(call) } else { kmod::rmmod::main(call) }
}

fn lsmod(call: &Invocation) -> Result<u8, Failure> {
    if modutils::is_here() { modutils::lsmod::main(call) } else { kmod::lsmod::main(call) }
}

/// The tools that programs inside an instance find by their name.
fn applets(personality24: bool) -> impl Iterator<Item = &'static Tool> {
    let legacy = personality24.then_some(&KSYMS);
    TOOLS.iter().filter(|tool| tool.applet).chain(legacy)
}

fn main() -> ExitCode {
    let mut words = std::env::args_os();
    let argv0 = words.next().unwrap_or_default();
    let words: Vec<OsString> = words.collect();
    let short = Path::new(&argv0).file_name().unwrap_or_default();
    if short == kmod::depmod::COMMIT {
        return ExitCode::from(kmod::depmod::commit(&words));
    }
    let result = match tool(short).filter(|tool| tool.applet) {
        Some(tool) => (tool.main)(&Invocation { argv0, words }),
        None => multi_call(words),
    };
    match result {
        Ok(status) => ExitCode::from(status),
        Err(failure) => {
            tell_part!("{}", failure.render(Paint::for_stderr()));
            ExitCode::from(failure.status)
        }
    }
}

fn tool(name: &OsStr) -> Option<&'static Tool> {
    TOOLS.iter().chain([&KSYMS]).find(|tool| tool.name.as_bytes() == name.as_bytes())
}

fn multi_call(mut words: Vec<OsString>) -> Result<u8, Failure> {
    let Some(first) = words.first().cloned() else {
        tell_part!("{}", help());
        return Ok(error::status::USAGE);
    };
    words.remove(0);
    match first.to_str() {
        Some("--help" | "-h" | "help") => Ok(output::print("lkm", &help())),
        Some("--version" | "-V") => Ok(output::print("lkm", concat!("lkm ", env!("CARGO_PKG_VERSION"), "\n"))),
        _ => match tool(&first) {
            Some(tool) => (tool.main)(&Invocation { argv0: first, words }),
            None => Err(unknown(&first)),
        },
    }
}

fn help() -> String {
    let mut text = String::from(
        "Runs, loads and looks into Linux kernel modules, in an ordinary process or on this machine's kernel.\n\nUsage:\n  lkm COMMAND [arguments]\n",
    );
    let mut group = "";
    for tool in TOOLS {
        if tool.group != group {
            group = tool.group;
            text.push_str(&format!("\n{group}:\n"));
        }
        text.push_str(&format!("  {:<8} {}\n", tool.name, tool.summary));
    }
    text.push_str("\n`lkm COMMAND --help` tells more.\n");
    text
}

fn unknown(name: &OsStr) -> Failure {
    let shown = name.to_string_lossy();
    let mut near: Vec<(usize, &str)> = TOOLS
        .iter()
        .map(|tool| (distance(&shown, tool.name), tool.name))
        .filter(|(far, name)| *far <= 2 || name.starts_with(&*shown))
        .collect();
    near.sort();
    let names: Vec<String> = near.iter().take(3).map(|(_, name)| format!("`lkm {name}`")).collect();
    let cure = match names.is_empty() {
        true => "`lkm --help` lists the commands".into(),
        false => format!("did you mean {}?", names.join(" or ")),
    };
    Failure::new(error::status::USAGE, format!("there is no command `{shown}`")).cure(cure)
}

/// How many letters must be changed, added, left out or swapped to make `b` of `a`.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows: Vec<Vec<usize>> = vec![(0..=b.len()).collect()];
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let at = |back: usize, column: usize| {
                rows.len()
                    .checked_sub(back)
                    .and_then(|r| rows.get(r))
                    .and_then(|r| r.get(column))
                    .copied()
                    .unwrap_or(usize::MAX / 2)
            };
            let swapped = j > 0 && i > 0 && a.get(i - 1) == Some(y) && b.get(j - 1) == Some(x);
            let change = at(1, j) + usize::from(x != y);
            let swap = if swapped { at(2, j - 1) + 1 } else { usize::MAX };
            let left = row.last().copied().unwrap_or_default() + 1;
            row.push(change.min(swap).min(left).min(at(1, j + 1) + 1));
        }
        rows.push(row);
    }
    rows.last().and_then(|row| row.last()).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_suggested() {
        assert_eq!(distance("insmdo", "insmod"), 1);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert!(unknown(OsStr::new("dmseg")).cure.unwrap().contains("`lkm dmesg`"));
        assert!(unknown(OsStr::new("zzzzzz")).cure.unwrap().contains("--help"));
    }
}
