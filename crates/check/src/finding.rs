//! What is told of a module.

use serde::Serialize;
use std::fmt;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Good to know.
    Note,
    /// A mistake that does harm under conditions.
    Warning,
    /// The kernel will refuse the module.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident, $name:literal, $severity:ident;)*) => {
        /// What a finding is about.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind {
            $($(#[$doc])* $variant,)*
        }

        impl Kind {
            /// All of them.
            pub const ALL: &'static [Kind] = &[$(Kind::$variant),*];

            /// Its name, as it stands behind a finding.
            pub fn name(self) -> &'static str {
                match self {
                    $(Kind::$variant => $name,)*
                }
            }

            /// How bad it is.
            pub fn severity(self) -> Severity {
                match self {
                    $(Kind::$variant => Severity::$severity,)*
                }
            }
        }
    };
}

kinds! {
    /// The file is damaged, or the kernel refuses it for another reason of its own.
    Refused, "refused", Error;
    /// A symbol that nobody exports, or that the module may not use.
    Symbol, "symbol", Error;
    /// It exports what the kernel or another module exports.
    Duplicate, "duplicate-export", Error;
    /// The result of a function that can fail is not looked at.
    UnusedResult, "unused-result", Warning;
    /// Memory is used without a look whether there was any.
    Allocation, "unchecked-allocation", Warning;
    /// Operations of a device without `.owner`.
    Owner, "no-owner", Warning;
    /// An open function that counts without a lock.
    OpenCount, "racy-open-count", Warning;
    /// Registered, and nothing of the module unregisters it.
    LeftRegistered, "left-registered", Warning;
    /// Code that stays refers to code or data that goes after init.
    SectionMismatch, "section-mismatch", Warning;
    /// No licence.
    License, "license", Warning;
    /// An init function without an exit function.
    NoExit, "no-exit", Note;
    /// No description.
    Description, "description", Note;
    /// Other modules must be loaded before.
    Needs, "needs", Note;
    /// Something was not checked.
    NotChecked, "not-checked", Note;
}

impl Serialize for Kind {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// Where it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default, Serialize)]
pub struct Place {
    /// The source file, below the module's folder or without one; of a place without a known line the module's file.
    pub file: String,
    /// The line.
    pub line: Option<u64>,
    /// `function+0x12`, or a variable.
    pub symbol: Option<String>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        match (self.line, &self.symbol) {
            (Some(line), _) => write!(f, ":{line}"),
            (None, Some(symbol)) => write!(f, ":{symbol}"),
            (None, None) => Ok(()),
        }
    }
}

/// One thing that is wrong, or good to know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What it is about.
    pub kind: Kind,
    /// How bad it is.
    pub severity: Severity,
    /// Where it is.
    pub place: Place,
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub cure: Option<String>,
    /// What the system call would return.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub errno: Option<i32>,
}

impl Finding {
    /// A finding of this kind.
    pub fn new(kind: Kind, place: Place, what: impl Into<String>) -> Self {
        Self { kind, severity: kind.severity(), place, what: what.into(), cure: None, errno: None }
    }

    /// Adds what to do.
    pub fn cure(mut self, cure: impl Into<String>) -> Self {
        self.cure = Some(cure.into());
        self
    }
}
