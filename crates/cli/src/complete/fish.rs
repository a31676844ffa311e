//! For fish.

use super::{lookup, programs_of};
use crate::{Command, Kind, Operands, Opt};

/// The file.
pub(crate) fn text() -> String {
    let mut text = String::from(include_str!("engine.fish"));
    crate::commands().for_each(|command| text.push_str(&of_command(command)));
    text
}

/// A text between single quotes.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

fn of_command(command: &Command) -> String {
    let mut text = format!("for program in {}\n", programs_of(command).join(" "));
    let is = format!("__lkm_is {}", command.name);
    let mut add = |words: &str| text.push_str(&format!("    complete -c $program {words}\n"));
    for option in command.shown() {
        add(&format!("-n {} {}", quoted(&is), of_option(option)));
    }
    for (condition, words) in operands(command) {
        let condition = if condition.is_empty() { is.clone() } else { format!("{is}; and {condition}") };
        add(&format!("-n {} {words}", quoted(&condition)));
    }
    text.push_str("end\n\n");
    text
}

fn of_option(option: &Opt) -> String {
    let mut words = Vec::new();
    if !option.short.is_empty() {
        words.push(format!("-s {}", option.short));
    }
    words.extend(option.long.iter().map(|name| format!("-l {name}")));
    if let Some(value) = option.value {
        let offer = match value.kind {
            Kind::Choice(all) => quoted(&all.join(" ")),
            kind => quoted(&format!("(__lkm_{})", lookup(kind))),
        };
        // Arguments that may be left out are none for fish.
        let how = if value.optional { "-f" } else { "-x" };
        words.push(format!("{how} -a {offer}"));
    }
    words.push(format!("-d {}", quoted(option.text)));
    words.join(" ")
}

/// What is offered beside options: on what condition, and how.
fn operands(command: &Command) -> Vec<(&'static str, String)> {
    const FIRST: &str = "__lkm_operands_at_most 0";
    const LATER: &str = "not __lkm_operands_at_most 0";
    let by = |condition, function: &str| (condition, format!("-f -a {}", quoted(&format!("(__lkm_{function})"))));
    match command.operands {
        Operands::None => vec![("", "-f".into())],
        Operands::Commands => {
            let one = |(name, does): &crate::Line| (FIRST, format!("-f -a {name} -d {}", quoted(does)));
            command.commands.iter().map(one).collect()
        }
        Operands::Words(words) => vec![(FIRST, format!("-f -a {}", quoted(&words.join(" ")))), by(LATER, "releases")],
        Operands::Files => vec![("", "-F".into())],
        Operands::Run => vec![by("", "sources"), by(LATER, "parameters")],
        Operands::Program => vec![("", "-a '(__fish_complete_subcommand)'".into())],
        Operands::ModuleFile => vec![by("", "module_files"), by(LATER, "parameters")],
        Operands::Loaded => vec![by("", "loaded")],
        Operands::Module => vec![by("", "module_operand")],
        Operands::ModulesOrFiles => vec![by("", "modules"), by("", "module_files")],
        Operands::Release => vec![by(FIRST, "releases"), by(LATER, "module_files")],
    }
}
