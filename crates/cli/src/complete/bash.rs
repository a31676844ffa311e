//! For bash, without the helpers of the package bash-completion.

use super::{lookup, quoted};
use crate::{Command, Kind, Operands};

/// The file.
pub(crate) fn text() -> String {
    let mut text = String::from(include_str!("engine.bash"));
    text.push_str("# What a command takes.\n_lkm_command() {\n    case $1 in\n");
    crate::commands().for_each(|command| text.push_str(&of_command(command)));
    text.push_str("    *) return 1 ;;\n    esac\n}\n\n");
    text.push_str(
        "# How the argument of an option is completed; fails for an option that takes none in the next word.\n",
    );
    text.push_str("_lkm_value() {\n    values=\n    case \"$1 $2\" in\n");
    crate::commands().for_each(|command| text.push_str(&values(command)));
    text.push_str("    *) return 1 ;;\n    esac\n}\n\n");
    let programs: Vec<&str> = crate::programs().collect();
    text.push_str(&format!("complete -F _lkm {}\n", programs.join(" ")));
    text
}

fn of_command(command: &Command) -> String {
    let options: Vec<String> = command.shown().flat_map(|option| option.names()).collect();
    let operands = match command.operands {
        Operands::None => "none",
        Operands::Commands => "commands",
        Operands::Words(_) => "words",
        Operands::Files => "files",
        Operands::Run => "run",
        Operands::Program => "program",
        Operands::ModuleFile => "module-file",
        Operands::Loaded => "loaded",
        Operands::Module => "module",
        Operands::ModulesOrFiles => "modules-or-files",
        Operands::Release => "release",
    };
    let commands: Vec<&str> = match command.operands {
        Operands::Words(words) => words.to_vec(),
        _ => command.commands.iter().map(|(name, _)| *name).collect(),
    };
    format!(
        "    {})\n        operands={operands}\n        options={}\n        commands={} ;;\n",
        command.name,
        quoted(&options.join(" ")),
        quoted(&commands.join(" ")),
    )
}

fn values(command: &Command) -> String {
    let mut text = String::new();
    for option in command.shown() {
        let Some(value) = option.value else { continue };
        let names: Vec<String> = option.names().map(|name| quoted(&format!("{} {name}", command.name))).collect();
        let offer = match value.kind {
            Kind::Choice(words) => format!("_lkm_words {}", quoted(&words.join(" "))),
            kind => format!("_lkm_{}", lookup(kind)),
        };
        let status = if value.optional { "; return 1" } else { "" };
        text.push_str(&format!("    {}) values={}{status} ;;\n", names.join("|"), quoted(&offer)));
    }
    text
}
