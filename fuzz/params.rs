//! Splits any bytes as a module's parameter string.
#![no_main]

use kernel::module::args;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let mut rest = args::skip_spaces(bytes);
    while let Some((arg, after)) = args::next(rest) {
        assert!(after.len() < rest.len(), "nothing was taken");
        let taken = arg.name.len() + arg.value.as_ref().map_or(0, |value| value.len());
        assert!(taken <= rest.len() - after.len(), "more came out than went in");
        rest = after;
    }
});
