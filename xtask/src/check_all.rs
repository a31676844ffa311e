//! What `lkm check` says of every module of the installed trees. These modules were reviewed and are in use for years: what is
//! told of them must be rare and right, and each warning stands in the table to be read.

use check::{Finding, Input, Kernel, Kind, Outcome, Severity};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::Instant;

/// Where the table goes.
const TABLE: &str = "docs/generated/check.md";
/// The distribution has these kernels' modules built and tested: none of them may be refused.
const VERSIONS: [&str; 2] = ["6.1", "6.12"];

/// What one release gave.
struct Tree {
    release: String,
    outcome: Outcome,
    seconds: f64,
}

/// Checks all trees and writes the table.
pub(crate) fn all() -> Result<(), String> {
    let mut trees = Vec::new();
    for version in VERSIONS {
        let release = abi::newest(version, &abi::Options::default())
            .ok_or_else(|| format!("no kernel {version} is installed"))?;
        trees.push(tree(&release)?);
    }
    let text = table(&trees);
    print!("{text}");
    fs::write(TABLE, text).map_err(|e| format!("{TABLE}: {e}"))?;
    let errors = trees.iter().flat_map(findings).filter(|finding| finding.severity == Severity::Error).count();
    if errors > 0 { Err(format!("{errors} errors are told of modules that load: {TABLE}")) } else { Ok(()) }
}

fn tree(release: &str) -> Result<Tree, String> {
    let profile = || abi::Profile::for_release(release, &abi::Options::default()).map_err(|e| e.to_string());
    check::adopt(profile()?);
    let kernel = Kernel::new(profile()?, Box::new(|_| Vec::new()));
    let root = format!("/lib/modules/{release}/");
    let order = crate::sweep::order(release)?;
    let input = |path: &String| {
        let shown = path.strip_prefix(&root).unwrap_or(path).to_owned();
        Input { path: Path::new(path).to_owned(), shown }
    };
    let mut inputs: Vec<Input> = order.iter().map(input).collect();
    inputs.sort_by(|a, b| a.shown.cmp(&b.shown));
    let start = Instant::now();
    let outcome = check::check(&inputs, &[], Some(&kernel));
    Ok(Tree { release: release.to_owned(), outcome, seconds: start.elapsed().as_secs_f64() })
}

fn findings(tree: &Tree) -> impl Iterator<Item = &Finding> {
    tree.outcome.files.iter().flat_map(|file| &file.findings)
}

fn count(tree: &Tree, kind: Kind) -> usize {
    findings(tree).filter(|finding| finding.kind == kind).count()
}

fn table(trees: &[Tree]) -> String {
    let mut text = String::from(
        "# What `lkm check` says of a distribution's modules\n\n\
         Written by `make sweep`. All modules of a release are checked, without debug information and without running anything.\n\
         Every warning is listed: the modules are old and reviewed, so each is either a mistake that is left, or false.\n\n| kind |",
    );
    for tree in trees {
        let _ = write!(text, " {} |", tree.release);
    }
    let _ = writeln!(text, "\n|---|{}", "---|".repeat(trees.len()));
    let mut row = |name: &str, cells: Vec<String>| {
        let _ = writeln!(text, "| {name} | {} |", cells.join(" | "));
    };
    row("modules", trees.iter().map(|tree| tree.outcome.files.len().to_string()).collect());
    row("seconds", trees.iter().map(|tree| format!("{:.1}", tree.seconds)).collect());
    for kind in Kind::ALL {
        let name = format!("{} ({})", kind.name(), kind.severity());
        row(&name, trees.iter().map(|tree| count(tree, *kind).to_string()).collect());
    }
    for tree in trees {
        let _ = writeln!(text, "\n## {}\n", tree.release);
        for finding in findings(tree).filter(|finding| finding.severity > Severity::Note) {
            let _ =
                writeln!(text, "- {}: {}: {} [{}]", finding.place, finding.severity, finding.what, finding.kind.name());
        }
    }
    text
}
