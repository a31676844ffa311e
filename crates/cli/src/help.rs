//! The text of `--help`.

use crate::{Command, Line, Opt};

/// Where lines are broken.
const WIDTH: usize = 120;
/// The widest column of options; what is wider stands on a line of its own.
const COLUMN: usize = 24;

/// The help of a command.
pub(crate) fn text(command: &Command) -> String {
    let mut text = String::new();
    let mut paragraphs = command.text.iter();
    if let Some(first) = paragraphs.next() {
        text.push_str(&wrapped(first, 0, WIDTH));
    }
    text.push_str("\nUsage:\n");
    lines(&mut text, command.usage);
    for paragraph in paragraphs {
        text.push('\n');
        text.push_str(&wrapped(paragraph, 0, WIDTH));
    }
    if !command.commands.is_empty() {
        text.push_str("\nCommands:\n");
        lines(&mut text, command.commands);
    }
    text.push_str("\nOptions:\n");
    options(&mut text, command);
    for (title, note) in command.notes.iter().filter(|(title, _)| *title != "Exit status") {
        text.push('\n');
        text.push_str(&wrapped(&format!("{title}: {note}"), 0, WIDTH));
    }
    if !command.examples.is_empty() {
        text.push_str("\nExamples:\n");
        lines(&mut text, command.examples);
    }
    for (title, note) in command.notes.iter().filter(|(title, _)| *title == "Exit status") {
        text.push('\n');
        text.push_str(&wrapped(&format!("{title}: {note}"), 0, WIDTH));
    }
    text
}

/// Lines with what they mean beside them.
fn lines(text: &mut String, lines: &[Line]) {
    let told = lines.iter().filter(|(_, means)| !means.is_empty());
    let width = told.map(|(line, _)| line.chars().count()).max().unwrap_or_default();
    for (line, means) in lines {
        match means.is_empty() {
            true => text.push_str(&format!("  {line}\n")),
            false => text.push_str(&format!("  {line:<width$}  {means}\n")),
        }
    }
}

/// An option as it is typed.
fn label(option: &Opt) -> String {
    let names: Vec<String> = option.names().collect();
    let before = if option.short.is_empty() { "    " } else { "" };
    let value = option.value.map_or_else(String::new, |value| match (value.optional, option.long.is_empty()) {
        (false, _) => format!(" {}", value.name),
        (true, true) => format!("[{}]", value.name),
        (true, false) => format!("[={}]", value.name),
    });
    format!("{before}{}{value}", names.join(", "))
}

fn options(text: &mut String, command: &Command) {
    let labels: Vec<(String, &str)> = command.shown().map(|option| (label(option), option.text)).collect();
    let fitting = labels.iter().map(|(label, _)| label.chars().count()).filter(|width| *width <= COLUMN);
    let width = fitting.max().unwrap_or_default();
    let indent = width + 4;
    for (label, does) in labels {
        let does = wrapped(does, indent, WIDTH);
        match label.chars().count() > width {
            true => text.push_str(&format!("  {label}\n{}{does}", " ".repeat(indent))),
            false => text.push_str(&format!("  {label:<width$}  {does}")),
        }
    }
}

/// A paragraph in lines; all but the first are indented.
fn wrapped(paragraph: &str, indent: usize, width: usize) -> String {
    let (mut text, mut column) = (String::new(), indent);
    for word in paragraph.split_whitespace() {
        let long = word.chars().count();
        if column > indent && column + 1 + long > width {
            text.push('\n');
            text.push_str(&" ".repeat(indent));
            column = indent;
        } else if column > indent {
            text.push(' ');
            column += 1;
        }
        text.push_str(word);
        column += long;
    }
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_no_longer_than_the_page() {
        for command in crate::commands() {
            let example = |line: &str| command.examples.iter().any(|(typed, _)| line.trim_start().starts_with(typed));
            for line in text(command).lines().filter(|line| !example(line)) {
                assert!(line.chars().count() <= WIDTH, "{}: {line}", command.name);
            }
        }
    }

    #[test]
    fn every_option_but_the_hidden_ones_is_told() {
        for command in crate::commands() {
            let help = text(command);
            for option in command.options.iter().filter(|option| !option.hidden) {
                assert!(help.contains(&format!("  {}", label(option))), "{}: {option:?}", command.name);
                assert!(!option.text.is_empty(), "{}: {option:?}", command.name);
            }
        }
    }

    #[test]
    fn what_does_not_fit_the_column_has_a_line() {
        let klogd = text(crate::command("klogd"));
        let indent = klogd.lines().find_map(|line| line.find("the socket of syslog")).unwrap();
        let line = format!("\n      --printk[=NAME[=VALUE]]\n{}show the", " ".repeat(indent));
        assert!(klogd.contains(&line), "{klogd}");
    }

    #[test]
    fn words_are_wrapped_at_the_width() {
        assert_eq!(wrapped("aa bb cc", 2, 7), "aa bb\n  cc\n");
        assert_eq!(wrapped("aaaaaaaaaa b", 0, 5), "aaaaaaaaaa\nb\n");
    }
}
