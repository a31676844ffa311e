//! docs/refusals.md: what its rows name exists.

use std::path::Path;

/// The cells of a row of a table, without those of its head.
fn cells(line: &str) -> Option<Vec<String>> {
    let inner = line.strip_prefix("| ")?.strip_suffix(" |")?;
    // A bar within a cell is written with a backslash.
    let inner = inner.replace("\\|", "\u{0}");
    let cells: Vec<String> = inner.split('|').map(|cell| cell.trim().replace('\u{0}', "|")).collect();
    (cells.first()? != "provoked by").then_some(cells)
}

/// Where a case of a row lies: `refusals/X` is the rule, `AREA/X` another area, `cases/X` one of acceptance/.
fn folder(root: &Path, name: &str) -> std::path::PathBuf {
    match name.split_once('/') {
        None if root.join("modules").join(name).is_dir() => root.join("modules").join(name),
        None => root.join("modules/refusals").join(name),
        Some(("cases", case)) => root.join("acceptance/cases").join(case),
        Some(("kernel" | "loader" | "tools", _)) => root.join("crates").join(name),
        Some(_) => root.join("modules").join(name),
    }
}

#[test]
fn every_row_has_its_case_or_says_that_it_has_none() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let text = std::fs::read_to_string(root.join("docs/refusals.md")).unwrap();
    let rows: Vec<Vec<String>> = text.lines().filter_map(cells).collect();
    assert!(rows.len() > 100, "only {} rows are read", rows.len());
    for row in rows {
        let [provoked, errno, said, cases, lkm] = row.as_slice() else { panic!("not five cells: {row:?}") };
        assert!(!provoked.is_empty() && !lkm.is_empty(), "{row:?}");
        assert!(!errno.is_empty() || !said.is_empty() || lkm.contains("same"), "nothing happens: {row:?}");
        let none = cases.is_empty();
        assert!(!none || lkm.starts_with("no file provokes it: "), "no case, and not said why: {row:?}");
        assert!(!lkm.contains("lacks") && !lkm.contains("not recorded"), "{row:?}");
        for case in cases.split(", ").filter(|case| !case.is_empty()) {
            let folder = folder(&root, case);
            assert!(folder.exists(), "{case} of {provoked:?}: there is no {}", folder.display());
        }
    }
}

#[test]
fn every_recorded_refusal_is_in_the_list() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let text = std::fs::read_to_string(root.join("docs/refusals.md")).unwrap();
    let named: Vec<String> = text.lines().filter_map(cells).filter_map(|row| row.get(3).cloned()).collect();
    let named: Vec<&str> = named.iter().flat_map(|cases| cases.split(", ")).collect();
    for entry in std::fs::read_dir(root.join("modules/refusals")).unwrap().flatten().filter(|e| e.path().is_dir()) {
        let name = entry.file_name().into_string().unwrap();
        assert!(named.contains(&name.as_str()), "no row names the case {name}");
    }
}
