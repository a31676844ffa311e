//! `lkm`: every tool in one binary. `lkm TOOL args ...`, or the tool's name as the program's name.
//!
//! A file per tool; this one only finds the tool. Nothing is opened, parsed or allocated before the tool wants it.

#![forbid(unsafe_code)]

// First: its macros are used all over.
#[macro_use]
mod output;

mod backend;
mod checker;
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
mod words;

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

/// A tool: its name, and its code. What it does and takes stands in `cli`.
struct Tool {
    name: &'static str,
    group: &'static str,
    /// Whether it is found by the name of the program, too.
    applet: bool,
    main: fn(&Invocation) -> Result<u8, Failure>,
}

const fn tool_of(name: &'static str, main: fn(&Invocation) -> Result<u8, Failure>) -> Tool {
    Tool { name, group: "As kmod's and util-linux's", applet: true, main }
}

const fn command(name: &'static str, main: fn(&Invocation) -> Result<u8, Failure>) -> Tool {
    Tool { name, group: "A kernel of its own", applet: false, main }
}

const fn author_s(name: &'static str, main: fn(&Invocation) -> Result<u8, Failure>) -> Tool {
    Tool { name, group: "For authors of modules", applet: false, main }
}

const TOOLS: &[Tool] = &[
    command("run", run::run_main),
    command("sh", run::sh_main),
    command("abi", profiles::main),
    tool_of("insmod", insmod),
    tool_of("rmmod", rmmod),
    tool_of("lsmod", lsmod),
    tool_of("modprobe", kmod::modprobe::main),
    tool_of("depmod", kmod::depmod::main),
    tool_of("modinfo", kmod::modinfo::main),
    tool_of("kmod", kmod::multi::main),
    tool_of("dmesg", dmesg::main),
    tool_of("klogd", klogd::main),
    author_s("check", checker::main),
    author_s("sign", sign::main),
];

/// `ksyms` has no meaning but for 2.4's module system.
const KSYMS: Tool = tool_of("ksyms", modutils::ksyms::main);

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
    let what = cli::command("lkm").text.first().copied().unwrap_or_default();
    let mut text = format!("{what}\n\nUsage:\n  lkm COMMAND [arguments]\n");
    let mut group = "";
    for (tool, (_, summary)) in TOOLS.iter().zip(cli::command("lkm").commands) {
        if tool.group != group {
            group = tool.group;
            text.push_str(&format!("\n{group}:\n"));
        }
        text.push_str(&format!("  {:<8} {summary}\n", tool.name));
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
    use getopt::{Arg, Spec};
    use std::collections::BTreeSet;

    #[test]
    fn near_names_are_suggested() {
        assert_eq!(distance("insmdo", "insmod"), 1);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert!(unknown(OsStr::new("dmseg")).cure.unwrap().contains("`lkm dmesg`"));
        assert!(unknown(OsStr::new("zzzzzz")).cure.unwrap().contains("--help"));
    }

    /// The options that a tool's parser has; none where it takes what is defined.
    fn spec(tool: &str) -> Option<Spec> {
        match tool {
            "insmod" => Some(kmod::insmod::SPEC),
            "rmmod" => Some(kmod::rmmod::SPEC),
            "modprobe" => Some(kmod::modprobe::options::SPEC),
            "depmod" => Some(kmod::depmod::SPEC),
            "modinfo" => Some(kmod::modinfo::SPEC),
            "kmod" => Some(kmod::multi::SPEC),
            "static-nodes" => Some(kmod::static_nodes::SPEC),
            "dmesg" => Some(dmesg::options::SPEC),
            "klogd" => Some(klogd::options::SPEC),
            "run" | "sh" | "abi" | "check" | "sign" | "lsmod" => None,
            other => panic!("{other}: where are its options?"),
        }
    }

    /// The options of a parser: how they are typed, and whether they take an argument.
    fn taken(spec: Spec) -> BTreeSet<(String, Arg)> {
        let letters: Vec<char> = spec.short.chars().collect();
        let short = letters.iter().enumerate().filter(|(_, letter)| **letter != ':').map(|(at, letter)| {
            let colons = letters.iter().skip(at + 1).take_while(|next| **next == ':').count();
            (format!("-{letter}"), [Arg::No, Arg::Required, Arg::Optional][colons])
        });
        short.chain(spec.long.iter().map(|(name, arg, _)| (format!("--{name}"), *arg))).collect()
    }

    #[test]
    fn all_that_parsers_take_is_defined_and_nothing_else() {
        let nodes = [cli::command("static-nodes")];
        for command in TOOLS.iter().map(|tool| cli::command(tool.name)).chain(nodes) {
            let Some(spec) = spec(command.name) else { continue };
            let defined = command.options.iter().flat_map(|option| {
                let arg =
                    option.value.map_or(Arg::No, |value| if value.optional { Arg::Optional } else { Arg::Required });
                option.names().map(move |name| (name, arg))
            });
            assert_eq!(taken(spec), defined.collect(), "{}", command.name);
        }
    }

    #[test]
    fn names_of_one_option_do_the_same() {
        for command in cli::commands().filter(|command| TOOLS.iter().any(|tool| tool.name == command.name)) {
            let Some(spec) = spec(command.name) else { continue };
            for option in command.options {
                let long = option.long.iter().map(|name| spec.long.iter().find(|row| row.0 == *name).unwrap().2);
                let codes: BTreeSet<char> = long.chain(option.short.chars()).collect();
                assert_eq!(codes.len(), 1, "{}: {option:?}", command.name);
            }
        }
    }

    #[test]
    fn all_tools_are_defined_in_their_order() {
        let names: Vec<&str> = TOOLS.iter().map(|tool| tool.name).collect();
        assert_eq!(names, cli::command("lkm").commands.iter().map(|(name, _)| *name).collect::<Vec<_>>());
        assert!(names.iter().all(|name| cli::command(name).name == *name));
    }
}
