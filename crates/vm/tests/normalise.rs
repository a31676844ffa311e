//! The rules here and those of `acceptance/normalise.py` give the same on the same input.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Raw outputs of real runs, and all that was recorded (which must stay as it is).
fn inputs() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders =
        vec![root().join("crates/vm/tests/samples"), root().join("modules"), root().join("acceptance/cases")];
    while let Some(folder) = folders.pop() {
        let entries = std::fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
        for entry in entries.map(Result::unwrap) {
            let path = entry.path();
            let name = entry.file_name().into_string().unwrap();
            if path.is_dir() {
                folders.push(path);
            } else if name.starts_with("expect") && !name.contains(".c") || name.ends_with(".raw") {
                found.push(path);
            }
        }
    }
    found
}

/// Imports normalise.py once for all inputs; each result goes after a line with its length.
const DRIVER: &str = "
import sys
sys.path.insert(0, sys.argv[1])
sys.dont_write_bytecode = True
from normalise import normalise
for path in sys.argv[2:]:
    out = normalise(open(path, 'rb').read().decode('utf-8', 'replace')).encode()
    sys.stdout.buffer.write(b'%d\\n%s' % (len(out), out))
";

fn by_python(inputs: &[PathBuf]) -> Vec<String> {
    let out = Command::new("python3")
        .args(["-c", DRIVER])
        .arg(root().join("acceptance"))
        .args(inputs)
        .stderr(Stdio::inherit())
        .output()
        .expect("python3: install it with `apt install python3`");
    assert!(out.status.success());
    let mut rest = out.stdout.as_slice();
    let mut results = Vec::new();
    while let Some(end) = rest.iter().position(|b| *b == b'\n') {
        let len: usize = std::str::from_utf8(&rest[..end]).unwrap().parse().unwrap();
        let (text, after) = rest[end + 1..].split_at(len);
        results.push(String::from_utf8(text.to_vec()).unwrap());
        rest = after;
    }
    results
}

#[test]
fn both_normalisers_agree() {
    let inputs = inputs();
    let raw = inputs.iter().filter(|p| p.extension().is_some_and(|e| e == "raw")).count();
    assert!(raw >= 3 && inputs.len() > 50, "{raw} raw of {} inputs", inputs.len());
    let theirs = by_python(&inputs);
    assert_eq!(theirs.len(), inputs.len());
    for (input, theirs) in inputs.iter().zip(theirs) {
        let ours = vm::normalise(&std::fs::read(input).unwrap());
        if let Some(diff) = vm::compare("normalise.py", &theirs, "vm::normalise", &ours) {
            panic!("{}:\n{diff}", input.display());
        }
    }
}
