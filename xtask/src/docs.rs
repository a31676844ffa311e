//! Documents made from the code: the functions and variables that lkm offers to modules, manual pages, completions.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

const FOLDER: &str = "docs/generated";
/// Folders in which everything is made.
const WHOLE: [&str; 2] = ["man", "completions"];

/// All documents: paths and contents.
fn all() -> Vec<(PathBuf, String)> {
    let folder = Path::new(FOLDER);
    let files = cli::files().into_iter().map(|file| (folder.join(file.path), file.text));
    std::iter::once((folder.join("exports.md"), exports())).chain(files).collect()
}

/// Files that nothing makes any more.
fn left_over(made: &[(PathBuf, String)]) -> Vec<PathBuf> {
    let made: BTreeSet<&Path> = made.iter().map(|(path, _)| path.as_path()).collect();
    let entries = WHOLE.iter().flat_map(|folder| fs::read_dir(Path::new(FOLDER).join(folder)).into_iter().flatten());
    entries.flatten().map(|entry| entry.path()).filter(|path| !made.contains(path.as_path())).collect()
}

/// Writes the generated documents.
pub(crate) fn write() -> Result<(), String> {
    let all = all();
    for (path, text) in &all {
        let failed = |e| format!("{}: {e}", path.display());
        path.parent().map_or(Ok(()), fs::create_dir_all).map_err(failed)?;
        fs::write(path, text).map_err(failed)?;
    }
    left_over(&all).iter().try_for_each(|path| fs::remove_file(path).map_err(|e| format!("{}: {e}", path.display())))
}

/// Compares the generated documents with what the code gives now.
pub(crate) fn check() -> Result<(), String> {
    let all = all();
    for (path, text) in &all {
        let have = fs::read_to_string(path).map_err(|e| format!("{}: {e}: run `make docs`", path.display()))?;
        if have != *text {
            return Err(format!("{} is out of date: run `make docs`", path.display()));
        }
    }
    match left_over(&all).first() {
        Some(path) => Err(format!("nothing makes {} any more: run `make docs`", path.display())),
        None => Ok(()),
    }
}

fn exports() -> String {
    let mut functions: Vec<_> = kernel::exports::functions().collect();
    functions.sort_by_key(|e| e.names.first());
    let mut data: Vec<_> = kernel::exports::data().collect();
    data.sort_by_key(|d| d.names.first());
    let mut text = String::from("# What lkm's kernel offers to modules\n\nWritten by `make docs` from the code.\n");
    let _ = write!(
        text,
        "\n{} functions, {} variables.\n\n| function | header | since | until | what it does | missing |\n|---|---|---|---|---|---|\n",
        functions.len(),
        data.len()
    );
    for e in functions {
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} |",
            names(e.names),
            e.header,
            e.since,
            e.until.unwrap_or(""),
            cell(e.doc),
            cell(e.partial.unwrap_or(""))
        );
    }
    text.push_str("\n| variable | what it is |\n|---|---|\n");
    for d in data {
        let _ = writeln!(text, "| {} | {} |", names(d.names), cell(d.doc));
    }
    text
}

fn names(names: &[&str]) -> String {
    names.iter().map(|n| format!("`{n}`")).collect::<Vec<_>>().join(" ")
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}
