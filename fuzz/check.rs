//! Tells what is wrong with any bytes that are read as a module.
//!
//! Needs a kernel's profile on this machine.
#![no_main]

#[path = "kofile-mutate.rs"]
mod mutate;

use check::Kernel;
use std::sync::LazyLock;

static KERNEL: LazyLock<Kernel> = LazyLock::new(|| {
    let options = abi::Options::default();
    let found = abi::list(&options).into_iter().find(|a| a.is_image).expect("a kernel image is installed");
    let profile = || abi::Profile::for_release(&found.release, &options).expect("its profile can be made");
    check::adopt(profile());
    Kernel::new(profile(), Box::new(|_| Vec::new()))
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    // Every other time nothing is known of the kernel.
    let kernel = (bytes.len() % 2 == 0).then_some(&*KERNEL);
    for finding in check::check_bytes("fuzz.ko", bytes, kernel) {
        assert!(!finding.what.is_empty() && !finding.place.file.is_empty());
    }
});

libfuzzer_sys::fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    mutate::mutate(data, size, max_size, seed)
});
