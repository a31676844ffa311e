//! `kmod`: the tool with commands (kmod's `tools/kmod.c`): `help`, `list`, `static-nodes`.

use super::{VERSION, lsmod, static_nodes};
use crate::Invocation;
use crate::error::Failure;
use crate::getopt::{Arg, Opt, Parser, Spec};
use crate::output;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

/// Its options; `cli` tells of them.
pub const SPEC: Spec = Spec { short: "hV", long: &[("help", Arg::No, 'h'), ("version", Arg::No, 'V')] };

/// What `help` says of the commands, and of the names that the program is called by.
const COMMANDS: [(&str, &str); 3] = [
    ("help", "Show help message"),
    ("list", "list currently loaded modules"),
    ("static-nodes", "outputs the static-node information installed with the currently running kernel"),
];
const NAMES: [&str; 6] = ["lsmod", "rmmod", "insmod", "modinfo", "modprobe", "depmod"];

/// The tool.
pub fn main(call: &Invocation) -> Result<u8, Failure> {
    // Options end at the first word that is none: the command has its own.
    let ends = |word: &OsStr| word == "--" || word == "-" || !word.as_bytes().starts_with(b"-");
    let own = call.words.iter().position(|word| ends(word)).unwrap_or(call.words.len());
    let (options, rest) = call.words.split_at_checked(own).unwrap_or_default();
    let mut parser = Parser::new(SPEC, &call.argv0, options);
    // Every option is the last one.
    match parser.next_option() {
        None => {}
        Some(Opt::Known('h', _)) => return Ok(output::print("kmod", &help(&call.argv0))),
        Some(Opt::Known('V', _)) => return Ok(output::print("kmod", VERSION)),
        Some(_) => return Ok(1),
    }
    let rest = if rest.first().is_some_and(|word| word == "--") { rest.get(1..).unwrap_or_default() } else { rest };
    let Some((command, words)) = rest.split_first() else {
        tell!("missing command");
        output::print("kmod", &help(&call.argv0));
        return Ok(1);
    };
    let inner = Invocation { argv0: command.clone(), words: words.to_vec() };
    match command.as_bytes() {
        b"help" => Ok(output::print("kmod", &help(command))),
        b"list" => lsmod::main(&inner),
        b"static-nodes" => static_nodes::main(&inner),
        _ => {
            tell!("invalid command '{}'", command.display());
            output::print("kmod", &help(&call.argv0));
            Ok(1)
        }
    }
}

fn help(argv0: &OsStr) -> String {
    let mut text = format!(
        "kmod - Manage kernel modules: list, load, unload, etc\nUsage:\n\t{} [options] command [command_options]\n\n\
         Options:\n\t-V, --version     show version\n\t-h, --help        show this help\n\nCommands:\n",
        super::short_name(argv0)
    );
    let mut row = |name: &str, does: &str| text.push_str(&format!("  {name:<12} {does}\n"));
    COMMANDS.iter().for_each(|(name, does)| row(name, does));
    text.push_str("\nkmod also handles gracefully if called from following symlinks:\n");
    for name in NAMES {
        text.push_str(&format!("  {name:<12} compat {name} command\n"));
    }
    text
}
