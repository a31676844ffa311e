//! Every command, option and example.

pub mod kmod;
pub mod lkm;
pub mod log;
pub mod modutils;

use crate::{Command, Kind, Operands, Opt};

const HELP: Opt = Opt::flag("h", &["help"], "show this help");
const INSTANCE: Opt = Opt::with(
    "",
    &["instance"],
    "NAME",
    Kind::Text,
    "the instance of lkm's kernel with this name, not this machine's kernel",
);

/// A command with nothing in it.
const BLANK: Command = Command {
    name: "",
    of: "",
    section: 8,
    summary: "",
    usage: &[],
    text: &[],
    options: &[],
    operands: Operands::None,
    commands: &[],
    notes: &[],
    examples: &[],
    see: &[],
};
