//! Services that modules use, as recorded on the real kernel.

mod common;

use common::Kernel;
use kernel::module::load::LoadError;

#[test]
fn per_cpu_variables_are_apart() {
    let kernel = Kernel::of_case("loading", "per-cpu");
    kernel.load(&["percpus", "other"]);
    kernel.unload(&["other", "percpus"]);
    kernel.compare("pc:");
    kernel.load(&["percpus"]);
    kernel.unload(&["percpus"]);
    assert_eq!(kernel.log().lines().filter(|line| line.starts_with("pc: all fresh 1 zero 1 aligned 1")).count(), 2);
}

#[test]
fn symbols_are_found_by_name_and_hold_their_module() {
    let kernel = Kernel::of_case("loading", "references");
    let again = |result: Result<(), LoadError>| match result {
        Err(LoadError::Refused(refusal)) => assert_eq!(refusal.errno, kabi::errno::EAGAIN),
        other => panic!("{other:?}\n{}", kernel.log()),
    };
    again(kernel.insert("asker", ""));
    kernel.load(&["kept"]);
    again(kernel.insert("asker", ""));
    for step in ["+", "+", "-", "-"] {
        kernel.set("kept", "hold", step);
    }
    kernel.unload(&["kept"]);
    kernel.compare("rf:");
}

#[test]
fn hashes_of_the_distribution_compute() {
    for (case, modules) in [("sha3", ["sha3_generic", "sha3s"]), ("sha512", ["sha512_generic", "sha512s"])] {
        let kernel = Kernel::of_case("compute", case);
        kernel.load(&modules);
        kernel.unload(&[modules[1], modules[0]]);
        kernel.compare("cm:");
    }
}

#[test]
fn checksums_of_the_distribution_compute() {
    let kernel = Kernel::of_case("compute", "crc");
    kernel.load(&["crc16", "crc-itu-t", "crc7", "crc8", "crcs"]);
    kernel.unload(&["crcs", "crc8", "crc7", "crc_itu_t", "crc16"]);
    kernel.compare("cm:");
}

#[test]
fn arithmetic_sorting_and_hashes_agree() {
    let kernel = Kernel::of_acceptance("27-arithmetic-and-hashes");
    kernel.load(&["abacus"]);
    kernel.unload(&["abacus"]);
    kernel.compare("ab:");
}

#[test]
fn lz4_goes_there_and_back() {
    let kernel = Kernel::of_case("compute", "lz4");
    kernel.load(&["lz4_compress", "lz4s"]);
    kernel.unload(&["lz4s", "lz4_compress"]);
    kernel.compare("cm:");
}

#[test]
fn messages_about_devices_name_them() {
    let kernel = Kernel::of_case("printk", "device");
    kernel.load(&["devs"]);
    kernel.unload(&["devs"]);
    let log = kernel.log();
    for line in [
        " brook: dv: emerg",
        " brook: dv: info 5",
        " brook: dv: debug by dev_printk",
        "(NULL device *): dv: no device",
        " brook: error -EINVAL: dv: probing",
        "dv: dev_err_probe gave -22",
        " brook: dv: once",
    ] {
        assert!(log.lines().any(|got| got == line), "{line:?} is missing in\n{log}");
    }
    assert!(!log.contains("not shown"), "{log}");
}
