//! Manual pages in the macros of `man(7)`.

use crate::{Command, Line, Opt};

/// The page of a command.
pub(crate) fn page(command: &Command) -> String {
    let title = command.page().to_uppercase();
    let version = env!("CARGO_PKG_VERSION");
    let manual = if command.section == 1 { "User Commands" } else { "System Administration" };
    let mut text = format!(
        ".\\\" Written by `make docs` from crates/cli.\n.TH {} {} \"\" \"lkm {version}\" \"{manual}\"\n",
        escaped(&title),
        command.section
    );
    text.push_str(&format!(".SH NAME\n{} \\- {}\n", escaped(&command.page()), escaped(command.summary)));
    text.push_str(".SH SYNOPSIS\n");
    for (at, (usage, _)) in command.usage.iter().enumerate() {
        let gap = if at > 0 { ".br\n" } else { "" };
        let (name, rest) = split(usage, command);
        text.push_str(&format!("{gap}\\fB{}\\fR{}\n", escaped(name), escaped(rest)));
    }
    text.push_str(".SH DESCRIPTION\n");
    paragraphs(&mut text, command.text);
    let told: Vec<Line> = command.usage.iter().copied().filter(|(_, means)| !means.is_empty()).collect();
    tagged(&mut text, &told);
    if !command.commands.is_empty() {
        text.push_str(".SH COMMANDS\n");
        tagged(&mut text, command.commands);
    }
    if command.shown().next().is_some() {
        text.push_str(".SH OPTIONS\n");
        command.shown().for_each(|option| text.push_str(&of_option(option)));
    }
    for (title, note) in command.notes {
        text.push_str(&format!(".SH {}\n", escaped(&title.to_uppercase())));
        paragraphs(&mut text, &[note]);
    }
    if !command.examples.is_empty() {
        text.push_str(".SH EXAMPLES\n");
        tagged(&mut text, command.examples);
    }
    if !command.see.is_empty() {
        let bold = |page: &&str| {
            let (name, section) = page.split_once('(').unwrap_or((page, ""));
            format!("\\fB{}\\fR({section}", escaped(name))
        };
        let pages: Vec<String> = command.see.iter().map(bold).collect();
        text.push_str(&format!(".SH SEE ALSO\n{}\n", pages.join(",\n")));
    }
    text
}

/// A usage in the name, which is bold, and the rest.
fn split<'u>(usage: &'u str, command: &Command) -> (&'u str, &'u str) {
    let words = if command.of.is_empty() { 1 } else { 2 };
    let end = usage.match_indices(' ').nth(words - 1).map_or(usage.len(), |(at, _)| at);
    usage.split_at_checked(end).unwrap_or((usage, ""))
}

fn paragraphs(text: &mut String, all: &[&str]) {
    for (at, paragraph) in all.iter().enumerate() {
        let gap = if at > 0 { ".PP\n" } else { "" };
        text.push_str(&format!("{gap}{}\n", inline(paragraph)));
    }
}

/// Lines with what they mean below them.
fn tagged(text: &mut String, lines: &[Line]) {
    for (line, means) in lines {
        match means.is_empty() {
            true => text.push_str(&format!(".PP\n\\fB{}\\fR\n", escaped(line))),
            false => text.push_str(&format!(".TP\n\\fB{}\\fR\n{}\n", escaped(line), inline(means))),
        }
    }
}

fn of_option(option: &Opt) -> String {
    let names: Vec<String> = option.names().map(|name| format!("\\fB{}\\fR", escaped(&name))).collect();
    let value = option.value.map_or_else(String::new, |value| {
        let name = format!("\\fI{}\\fR", escaped(value.name));
        match (value.optional, option.long.is_empty()) {
            (false, true) => format!(" {name}"),
            (false, false) => format!("={name}"),
            (true, true) => format!("[{name}]"),
            (true, false) => format!("[={name}]"),
        }
    });
    format!(".TP\n{}{value}\n{}\n", names.join(", "), inline(option.text))
}

/// A paragraph, with what stands in backquotes in bold.
fn inline(paragraph: &str) -> String {
    let parts = paragraph.split('`').enumerate();
    let text: String = parts
        .map(|(at, part)| if at % 2 == 1 { format!("\\fB{}\\fR", escaped(part)) } else { escaped(part) })
        .collect();
    if text.starts_with(['.', '\'']) { format!("\\&{text}") } else { text }
}

/// Text without a meaning for roff.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\\' => out.push_str("\\e"),
            '-' => out.push_str("\\-"),
            '\'' => out.push_str("\\(aq"),
            '`' => out.push_str("\\(ga"),
            '^' => out.push_str("\\(ha"),
            '~' => out.push_str("\\(ti"),
            '"' => out.push_str("\\(dq"),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_has_no_meaning_for_roff() {
        assert_eq!(escaped(r#"-a\b'c'"#), r"\-a\eb\(aqc\(aq");
        assert_eq!(inline(".x `a-b` y"), r"\&.x \fBa\-b\fR y");
    }

    #[test]
    fn every_page_has_its_parts() {
        for command in crate::commands() {
            let page = page(command);
            for part in ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXAMPLES", "SEE ALSO"] {
                assert!(page.contains(&format!("\n.SH {part}\n")), "{}: {part}", command.name);
            }
            for paragraph in command.text.iter().chain(command.notes.iter().map(|(_, note)| note)) {
                assert!(paragraph.matches('`').count() % 2 == 0, "{}: {paragraph}", command.name);
            }
        }
    }
}
