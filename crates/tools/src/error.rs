//! What can go wrong in lkm's own commands, with cause and cure, rendered in one place.

use crate::term::Paint;

/// Exit statuses of lkm's own commands (`DESIGN.md`, "Commands").
pub mod status {
    /// Wrong usage.
    pub const USAGE: u8 = 2;
    /// The run ended but left something behind, or oopsed.
    pub const LEFT_BEHIND: u8 = 120;
    /// The kernel refused the module, or its init function failed.
    pub const REFUSED: u8 = 121;
    /// The build failed.
    pub const BUILD: u8 = 122;
    /// This machine lacks something.
    pub const LACKS: u8 = 123;
    /// A bug of lkm's.
    pub const BUG: u8 = 125;
}

/// A failure: what, why, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The exit status.
    pub status: u8,
    /// What did not work, naming the file or symbol.
    pub what: String,
    /// Why, where it is known.
    pub cause: Option<String>,
    /// Lines that show it (a log, a compiler's error).
    pub evidence: Vec<String>,
    /// What to do.
    pub cure: Option<String>,
}

impl Failure {
    /// A failure with only its first line.
    pub fn new(status: u8, what: impl Into<String>) -> Self {
        Self { status, what: what.into(), cause: None, evidence: Vec::new(), cure: None }
    }

    /// Wrong usage of `tool`.
    pub fn usage(tool: &str, what: impl std::fmt::Display) -> Self {
        Self::new(status::USAGE, format!("{what}")).cure(format!("`lkm {tool} --help` shows the usage"))
    }

    /// This machine lacks something.
    pub fn lacks(what: impl Into<String>) -> Self {
        Self::new(status::LACKS, what)
    }

    /// Adds why.
    pub fn cause(mut self, cause: impl std::fmt::Display) -> Self {
        self.cause = Some(cause.to_string());
        self
    }

    /// Adds what to do.
    pub fn cure(mut self, cure: impl std::fmt::Display) -> Self {
        self.cure = Some(cure.to_string());
        self
    }

    /// Adds lines that show it.
    pub fn evidence(mut self, lines: impl IntoIterator<Item = String>) -> Self {
        self.evidence.extend(lines);
        self
    }

    /// The text for standard error.
    pub fn render(&self, paint: Paint) -> String {
        let mut text = format!("{} {}\n", paint.bad("lkm:"), self.what);
        if let Some(cause) = &self.cause {
            text.push_str(&format!("  {} {cause}\n", paint.faint("because:")));
        }
        for line in &self.evidence {
            text.push_str(&format!("  {} {line}\n", paint.faint("|")));
        }
        if let Some(cure) = &self.cure {
            let mut lines = cure.lines();
            text.push_str(&format!("  {} {}\n", paint.good("cure:"), lines.next().unwrap_or_default()));
            lines.for_each(|line| text.push_str(&format!("        {line}\n")));
        }
        text
    }
}

/// An error as `strerror(3)` says it, without Rust's number behind it.
pub fn errno_text(error: &std::io::Error) -> String {
    let text = error.to_string();
    match text.rfind(" (os error ") {
        Some(at) => text.get(..at).unwrap_or(&text).to_owned(),
        None => text,
    }
}

/// `strerror(3)` of a number.
pub fn strerror(errno: i32) -> String {
    errno_text(&std::io::Error::from_raw_os_error(errno))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_shows_cause_evidence_and_cure() {
        let failure =
            Failure::new(121, "x.ko was refused").cause("it is old").evidence(["log line".into()]).cure("rebuild\nit");
        let want = "lkm: x.ko was refused\n  because: it is old\n  | log line\n  cure: rebuild\n        it\n";
        assert_eq!(failure.render(Paint::off()), want);
    }

    #[test]
    fn errno_texts_are_the_c_library_s() {
        assert_eq!(strerror(2), "No such file or directory");
        assert_eq!(strerror(122), "Disk quota exceeded");
    }
}
