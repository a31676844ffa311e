//! Reads any bytes as a module: containers, ELF, and all that a module says of itself.
#![no_main]

#[path = "kofile-mutate.rs"]
mod mutate;
#[path = "../crates/kofile/tests/walk/mod.rs"]
mod walk;

/// Enough for every seed, and small enough to be fast.
const LIMIT: u64 = 1 << 20;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    walk::everything(bytes, LIMIT);
});

libfuzzer_sys::fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    mutate::mutate(data, size, max_size, seed)
});
