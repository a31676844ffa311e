//! A file for each kind of finding.

mod allocations;
mod devices;
mod identity;
mod liveness;
mod open_count;
mod pairs;
pub mod refusal;
mod results;
mod sections;
pub mod symbols;

use crate::debug::{Entries, Lines};
use crate::finding::{Finding, Kind, Place};
use crate::kernel::Kernel;
use crate::model::{Model, Spot};
use kofile::Module;
use std::cell::OnceCell;

/// What the rules look at.
pub struct Subject<'a> {
    /// The name of the file, as it is shown.
    pub shown: &'a str,
    /// The folder of the file, as source files are named from it.
    pub folder: &'a str,
    /// The file.
    pub module: &'a Module<'a>,
    /// Its code.
    pub model: &'a Model<'a>,
    /// The kernel, if it is known.
    pub kernel: Option<&'a Kernel>,
    lines: OnceCell<Lines>,
    entries: OnceCell<Entries>,
}

impl<'a> Subject<'a> {
    /// A module to look at.
    pub fn new(
        shown: &'a str,
        folder: &'a str,
        module: &'a Module<'a>,
        model: &'a Model<'a>,
        kernel: Option<&'a Kernel>,
    ) -> Self {
        Self { shown, folder, module, model, kernel, lines: OnceCell::new(), entries: OnceCell::new() }
    }

    /// The variables and functions of its debug information; read when they are first asked for.
    pub fn entries(&self) -> &Entries {
        self.entries.get_or_init(|| Entries::of(self.module.elf()))
    }

    /// The file as a whole.
    pub fn whole(&self) -> Place {
        Place { file: self.shown.to_owned(), line: None, symbol: None }
    }

    /// The place of an instruction.
    pub fn at(&self, spot: Spot) -> Place {
        let lines = self.lines.get_or_init(|| Lines::of(self.module.elf()));
        let line = lines.at_index(spot.section as u64, spot.offset).map(|line| (line.file, line.number));
        self.place(line, spot)
    }

    /// The place where a variable or function is defined.
    pub fn definition(&self, spot: Spot) -> Place {
        let key = (spot.section, spot.offset);
        let entries = self.entries();
        let variable = entries.variables.iter().find(|variable| variable.place == key).and_then(|v| v.line.clone());
        let line = variable.or_else(|| entries.routines.get(&key).and_then(|routine| routine.line.clone()));
        self.place(line.map(|line| (line.file, line.number)), spot)
    }

    fn place(&self, line: Option<(std::rc::Rc<str>, u64)>, spot: Spot) -> Place {
        let symbol = Some(self.model.describe(spot));
        match line.filter(|(file, line)| !file.is_empty() && *line != 0) {
            Some((file, line)) => Place { file: self.source(&file), line: Some(line), symbol },
            None => Place { file: self.shown.to_owned(), line: None, symbol },
        }
    }

    /// A source file as people look for it: from the module's folder on, or without folder.
    fn source(&self, file: &str) -> String {
        let below =
            file.strip_prefix(self.folder).and_then(|rest| rest.strip_prefix('/')).filter(|_| !self.folder.is_empty());
        below.unwrap_or_else(|| file.rsplit('/').next().unwrap_or(file)).to_owned()
    }
}

/// What is wrong with a module by itself.
pub fn alone(subject: &Subject<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    found.extend(results::find(subject));
    found.extend(allocations::find(subject));
    let devices = devices::Devices::of(subject);
    found.extend(devices::find(subject, &devices));
    found.extend(open_count::find(subject, &devices));
    found.extend(pairs::find(subject));
    found.extend(sections::find(subject));
    found.extend(identity::find(subject));
    found
}

/// A finding at an instruction.
fn at(subject: &Subject<'_>, kind: Kind, spot: Spot, what: impl Into<String>) -> Finding {
    Finding::new(kind, subject.at(spot), what)
}
