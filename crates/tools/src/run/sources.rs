//! Source lines of a report: from a place in a module's file to the line of its source.

use check::debug::Lines;
use std::collections::BTreeMap;
use wire::{CallFrame, CodePlace, Report};

/// `file.c:12` of a place.
fn at(lines: &Lines, place: &CodePlace) -> Option<String> {
    let line = lines.at(&place.section, place.offset)?;
    Some(format!("{}:{}", line.base_name(), line.number))
}

/// Adds source lines to a report. `file_of` names a module's file.
pub fn add(report: &mut Report, file_of: impl Fn(&str) -> Option<std::path::PathBuf>) {
    let mut known: BTreeMap<String, Lines> = BTreeMap::new();
    let chains = report.findings.iter_mut().flat_map(|finding| finding.chains.iter_mut().map(|chain| &mut chain.1));
    let all = report.leftovers.iter_mut().map(|left| &mut left.made_by).chain(chains);
    for frame in all.flatten() {
        let CallFrame { place: Some(place), source, .. } = frame else { continue };
        let lines = known
            .entry(place.module.clone())
            .or_insert_with(|| file_of(&place.module).map(|path| Lines::read(&path)).unwrap_or_default());
        *source = at(lines, place);
    }
}
