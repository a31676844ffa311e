//! For zsh, by its `_arguments`.

use super::{lookup, quoted};
use crate::{Command, Kind, Operands, Opt};

/// The file.
pub(crate) fn text() -> String {
    let programs: Vec<&str> = crate::programs().collect();
    let mut text = format!("#compdef {}\n{}", programs.join(" "), include_str!("engine.zsh"));
    for command in crate::commands() {
        text.push_str(&of_command(command));
    }
    text.push_str(
        "_lkm() {\n    local tool=${service:t} curcontext=$curcontext state\n    local -a line\n    typeset -A opt_args\n    \
         if [[ $tool == lkm ]] && (( CURRENT > 2 )) && [[ $words[2] != -* ]]; then\n        tool=$words[2]\n        \
         shift words\n        (( CURRENT-- ))\n    fi\n    \
         if [[ $tool == kmod ]] && (( CURRENT > 2 )) && [[ $words[2] == static-nodes ]]; then\n        tool=static-nodes\n        \
         shift words\n        (( CURRENT-- ))\n    fi\n    \
         if (( $+functions[_lkm_tool_$tool] )); then _lkm_tool_$tool; fi\n}\n\n_lkm \"$@\"\n",
    );
    text
}

/// The function of a command.
fn of_command(command: &Command) -> String {
    let mut words: Vec<String> = command.shown().flat_map(specs).collect();
    words.extend(operands(command).iter().map(|operand| quoted(operand)));
    let all: String = words.iter().map(|word| format!(" \\\n        {word}")).collect();
    format!("_lkm_tool_{}() {{\n    _arguments -s -S{all}\n}}\n\n", command.name)
}

/// An option, for each of its names.
fn specs(option: &Opt) -> Vec<String> {
    let names: Vec<String> = option.names().collect();
    let others = names.join(" ");
    let one = |name: &String| {
        let long = name.starts_with("--");
        let (mark, value) = match option.value {
            None => ("", String::new()),
            Some(value) => {
                let offer = match value.kind {
                    Kind::Choice(words) => format!("({})", words.join(" ")),
                    kind => format!("_lkm_{}", lookup(kind)),
                };
                let mark = match (long, value.optional) {
                    (true, false) => "=",
                    (true, true) => "=-",
                    (false, false) => "+",
                    (false, true) => "-",
                };
                let colons = if value.optional { "::" } else { ":" };
                (mark, format!("{colons}{}:{offer}", meant(value.name)))
            }
        };
        quoted(&format!("({others}){name}{mark}[{}]{value}", meant(option.text)))
    };
    names.iter().map(one).collect()
}

/// Text without a meaning for `_arguments`.
fn meant(text: &str) -> String {
    let mut out = String::new();
    for letter in text.chars() {
        if matches!(letter, '[' | ']' | ':' | '\\') {
            out.push('\\');
        }
        out.push(letter);
    }
    out
}

fn operands(command: &Command) -> Vec<String> {
    let list = |lines: &[crate::Line]| {
        let items = lines.iter().map(|(name, does)| {
            let does: String = meant(does)
                .chars()
                .flat_map(|c| if "\"'`$ ();".contains(c) { vec!['\\', c] } else { vec![c] })
                .collect();
            format!("{name}\\:{does}")
        });
        format!("1:command:(({}))", items.collect::<Vec<_>>().join(" "))
    };
    let all: &[&str] = match command.operands {
        Operands::None => &[],
        Operands::Commands => return vec![list(command.commands)],
        Operands::Words(words) => {
            return vec![format!("1:command:({})", words.join(" ")), "*:release:_lkm_releases".into()];
        }
        Operands::Files => &["*:file:_lkm_files"],
        Operands::Run => &["1:module:_lkm_sources", "*:parameter:_lkm_parameters"],
        Operands::Program => &["*::command:_lkm_program"],
        Operands::ModuleFile => &["1:module file:_lkm_module_files", "*:parameter:_lkm_parameters"],
        Operands::Loaded => &["*:module:_lkm_loaded"],
        Operands::Module => &["*:module:_lkm_module_operand"],
        Operands::ModulesOrFiles => &["*:module:_lkm_modules_or_files"],
        Operands::Release => &["1:release:_lkm_releases", "*:module file:_lkm_module_files"],
    };
    all.iter().map(|operand| (*operand).into()).collect()
}
