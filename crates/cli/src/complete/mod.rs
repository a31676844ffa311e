//! Completions: commands, options, and values that are looked up when they are wanted.
//!
//! A file for each shell serves `lkm` and, where it is linked so, the tools by their own names. The part that looks things
//! up is written by hand (`engine.*`); what differs from command to command is made from the definitions.

mod bash;
mod fish;
mod zsh;

pub(crate) use bash::text as bash;
pub(crate) use fish::text as fish;
pub(crate) use zsh::text as zsh;

use crate::{Command, Kind};

/// The programs with the command lines of one command.
fn programs_of(command: &Command) -> Vec<&'static str> {
    match (command.of, command.name) {
        (_, "lkm") => vec!["lkm"],
        ("kmod", _) => vec!["lkm", "kmod"],
        ("", name) => vec!["lkm", name],
        _ => vec!["lkm"],
    }
}

/// A text between single quotes, as all three shells read it.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// The function that offers values of a kind, without the shell's prefix.
fn lookup(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "nothing",
        Kind::File => "files",
        Kind::Folder => "folders",
        Kind::Release => "releases",
        Kind::Choice(_) => "words",
    }
}
