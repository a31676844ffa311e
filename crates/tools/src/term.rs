//! What the terminal can show: whether a stream is one, and whether colours are wanted.

use std::io::IsTerminal;

/// Paints words for a stream: with escape sequences, or not at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paint {
    on: bool,
}

impl Paint {
    /// Colours only when standard error is a terminal and `NO_COLOR` is not set.
    pub fn for_stderr() -> Self {
        Self { on: std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty()) }
    }

    /// The same for standard output.
    pub fn for_stdout() -> Self {
        Self { on: std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty()) }
    }

    /// Never colours.
    #[cfg(test)]
    pub fn off() -> Self {
        Self { on: false }
    }

    fn wrap(self, code: &str, text: &str) -> String {
        if self.on { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// What went wrong.
    pub fn bad(self, text: &str) -> String {
        self.wrap("1;31", text)
    }

    /// What deserves attention.
    pub fn warn(self, text: &str) -> String {
        self.wrap("1;33", text)
    }

    /// What went right.
    pub fn good(self, text: &str) -> String {
        self.wrap("1;32", text)
    }

    /// A name or a heading.
    pub fn bold(self, text: &str) -> String {
        self.wrap("1", text)
    }

    /// Detail.
    pub fn faint(self, text: &str) -> String {
        self.wrap("2", text)
    }
}
