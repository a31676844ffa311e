//! Findings for people, one line each as compilers write them, and for programs.

use super::findings;
use crate::term::Paint;
use check::{Finding, Outcome, Severity};
use serde_json::{Value as Json, json};
use std::fmt::Write as _;

/// The most modules of which the order is told.
const ORDER: usize = 20;

/// One line.
fn line(finding: &Finding, paint: Paint) -> String {
    let severity = format!("{}:", finding.severity);
    let severity = match finding.severity {
        Severity::Error => paint.bad(&severity),
        Severity::Warning => paint.warn(&severity),
        Severity::Note => paint.bold(&severity),
    };
    let place = paint.bold(&format!("{}:", finding.place));
    let cure = finding.cure.as_ref().map(|cure| format!("; {} {cure}", paint.good("cure:"))).unwrap_or_default();
    let kind = paint.faint(&format!("[{}]", finding.kind.name()));
    format!("{place} {severity} {}{cure} {kind}\n", finding.what)
}

/// How many findings there are of each severity.
fn counts(outcomes: &[(String, Outcome)]) -> [(Severity, usize); 3] {
    let count = |severity| {
        let all = outcomes.iter().flat_map(|(_, outcome)| findings(outcome));
        (severity, all.filter(|finding| finding.severity == severity).count())
    };
    [Severity::Error, Severity::Warning, Severity::Note].map(count)
}

fn several(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// For people.
pub fn text(outcomes: &[(String, Outcome)]) -> String {
    let paint = Paint::for_stdout();
    let mut text = String::new();
    for (_, outcome) in outcomes {
        findings(outcome).for_each(|finding| text.push_str(&line(finding, paint)));
        if (1..=ORDER).contains(&outcome.order.len()) {
            let _ = writeln!(text, "load in this order: {}", outcome.order.join(", "));
        }
    }
    let files = outcomes.iter().map(|(_, outcome)| outcome.files.len()).sum();
    let kernels: Vec<&str> = outcomes.iter().map(|(release, _)| release.as_str()).collect();
    let counts = counts(outcomes).into_iter().filter(|(_, count)| *count > 0);
    let counts: Vec<String> = counts.map(|(severity, count)| several(count, &severity.to_string())).collect();
    let found = if counts.is_empty() { "nothing found".to_owned() } else { counts.join(", ") };
    let _ = writeln!(text, "{} for {}: {found}", several(files, "module"), kernels.join(", "));
    text
}

/// For programs.
pub fn json(outcomes: &[(String, Outcome)]) -> String {
    let kernels = outcomes
        .iter()
        .map(|(release, outcome)| json!({ "kernel": release, "files": outcome.files, "order": outcome.order }));
    let [errors, warnings, notes] = counts(outcomes).map(|(_, count)| count);
    let kernels: Vec<Json> = kernels.collect();
    format!("{:#}\n", json!({ "kernels": kernels, "errors": errors, "warnings": warnings, "notes": notes }))
}
