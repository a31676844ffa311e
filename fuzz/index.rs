//! Reads any bytes as an index of a module directory: everything in it, and the first bytes as a key and as an alias.
#![no_main]

use moddb::index::Index;

#[path = "input.rs"]
mod input;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let mut input = input::Input(bytes);
    let key = input.counted();
    let Ok(index) = Index::new("modules.bin", input.0) else { return };
    let mut seen = 0;
    let whole = index.for_each(|_, _| seen += 1);
    let found = index.search(key);
    if let (Ok(()), Ok(Some(_))) = (&whole, &found) {
        assert!(seen > 0, "a key was found in an index without any");
    }
    if let Ok(all) = index.search_wild(key) {
        assert!(all.is_sorted_by_key(|found| found.priority), "not sorted by priority");
    }
});
