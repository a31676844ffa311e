//! The indexes that Debian's depmod wrote, read whole and looked through; and written again, byte for byte the same.

use moddb::dir::{ModuleDir, Which};
use moddb::index::{Builder, Index};
use std::path::PathBuf;

const ALL: [Which; 5] = [Which::Dependencies, Which::Aliases, Which::Symbols, Which::BuiltinAliases, Which::Builtin];

/// The module directories of the distribution's kernels.
fn directories() -> Vec<PathBuf> {
    let all = std::fs::read_dir("/lib/modules").expect("the comparison needs Debian's kernels");
    let found: Vec<PathBuf> =
        all.map(|entry| entry.unwrap().path()).filter(|p| p.join("modules.dep.bin").exists()).collect();
    assert!(!found.is_empty(), "no kernel with modules.dep.bin in /lib/modules");
    found
}

#[test]
fn indexes_are_written_as_debians() {
    for path in directories() {
        for which in ALL {
            let file = path.join(which.file_name());
            let bytes = std::fs::read(&file).unwrap();
            let mut entries = Vec::new();
            let index = Index::new(&file, &bytes).unwrap();
            index.for_each(|key, v| entries.push((key.to_vec(), v.value.to_vec(), v.priority))).unwrap();
            let mut builder = Builder::new();
            // Of equal priorities the last one added comes first.
            for (key, value, priority) in entries.iter().rev() {
                assert!(builder.insert(key, value, *priority));
            }
            assert!(builder.build().unwrap() == bytes, "{}", file.display());
            let open = Index::open(&file).unwrap();
            let mut same = entries.iter();
            open.for_each(|key, v| assert_eq!(same.next(), Some(&(key.to_vec(), v.value.to_vec(), v.priority))))
                .unwrap();
            assert_eq!(same.next(), None);
            for (key, ..) in &entries {
                let found = open.find(key).unwrap().expect("a key is not found");
                let want: Vec<_> = entries.iter().filter(|(k, ..)| entries.len() < 3000 && k == key).collect();
                if !want.is_empty() {
                    assert!(found.values().map(|v| v.value).eq(want.iter().map(|w| &w.1[..])));
                }
            }
        }
    }
}

#[test]
fn every_line_of_modules_dep_is_found() {
    for path in directories() {
        let dir = ModuleDir::new(&path);
        let text = std::fs::read_to_string(path.join("modules.dep")).unwrap();
        for line in text.lines() {
            let (file, needs) = line.split_once(':').unwrap();
            let module = dir.module(&moddb::module_name_of_path(file)).unwrap().expect(file);
            assert_eq!(module.path, path.join(file));
            assert!(
                module.dependencies.iter().eq(needs
                    .split_whitespace()
                    .map(|need| path.join(need))
                    .collect::<Vec<_>>()
                    .iter())
            );
        }
    }
}
