//! Documents made from the code: the functions and variables that lkm offers to modules.

use std::fmt::Write as _;
use std::fs;

const EXPORTS: &str = "docs/generated/exports.md";

/// Writes the generated documents.
pub(crate) fn write() -> Result<(), String> {
    fs::create_dir_all("docs/generated").map_err(|e| format!("docs/generated: {e}"))?;
    fs::write(EXPORTS, exports()).map_err(|e| format!("{EXPORTS}: {e}"))
}

/// Compares the generated documents with what the code gives now.
pub(crate) fn check() -> Result<(), String> {
    let have = fs::read_to_string(EXPORTS).map_err(|e| format!("{EXPORTS}: {e}"))?;
    if have == exports() { Ok(()) } else { Err(format!("{EXPORTS} is out of date: run `make docs`")) }
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
