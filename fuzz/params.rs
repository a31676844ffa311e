//! Splits any text as a module's parameter string.
#![no_main]

use kernel::module::params::split;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let parts = split(&text);
    let taken: usize = parts.iter().map(|(name, value)| name.len() + value.as_ref().map_or(0, String::len)).sum();
    assert!(taken <= text.len(), "more came out than went in");
    for (name, value) in &parts {
        assert!(text.contains(name.as_str()) && value.as_ref().is_none_or(|v| text.contains(v.as_str())));
    }
});
