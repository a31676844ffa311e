//! Exact mode: modules that are right do what they do without it, and nothing is found.

mod common;

use common::{CHECK, Kernel};
use kernel::mm::check::{Mode, findings};
use kernel::mm::exact::counts;
use wire::Answer;

fn of_case(area: &str, name: &str) -> Kernel {
    CHECK.get_or_init(|| Mode::Exact);
    Kernel::of_case(area, name)
}

fn nothing_is_found(kernel: &Kernel) {
    assert!(counts().looked_at > 0, "{:?}", counts());
    let told: Vec<String> = findings().into_iter().map(|finding| finding.what).collect();
    let planted = |what: &String| what.contains("36-byte kmalloc allocation");
    assert!(told.iter().all(planted), "{told:?}\n{}", kernel.log());
}

#[test]
fn digests_and_checksums_come_out_right() {
    for (case, modules) in [("sha3", ["sha3_generic", "sha3s"]), ("sha512", ["sha512_generic", "sha512s"])] {
        let kernel = of_case("compute", case);
        kernel.load(&modules);
        kernel.unload(&[modules[1], modules[0]]);
        kernel.compare("cm:");
        nothing_is_found(&kernel);
    }
}

#[test]
fn code_that_changes_is_left_where_it_is() {
    let kernel = of_case("loading", "static-branches");
    kernel.load(&["branches"]);
    for value in ["1", "1", "0", "1"] {
        assert_eq!(kernel.set("branches", "toggle", value), Answer::Value(1), "{}", kernel.log());
    }
    kernel.unload(&["branches"]);
    kernel.insert("branches", "toggle=1").unwrap();
    kernel.unload(&["branches"]);
    kernel.compare("jl:");
    nothing_is_found(&kernel);
}

#[test]
fn calls_between_modules_find_their_way() {
    let kernel = of_case("loading", "static-branch-of-another");
    kernel.load(&["sluice", "water"]);
    kernel.set("sluice", "open", "1");
    assert_eq!(kernel.get("water", "look"), Answer::Data("1\n".into()));
    kernel.unload(&["water"]);
    kernel.load(&["water"]);
    kernel.unload(&["water", "sluice"]);
    nothing_is_found(&kernel);
}

#[test]
fn a_death_is_told_at_the_place_of_the_instruction() {
    let kernel = of_case("faults", "two-modules");
    kernel.load(&["lower"]);
    assert!(kernel.insert("upper", "").is_err(), "{}", kernel.log());
    let log = kernel.log();
    let recorded = ["RIP: 0010:lower_store+", " middle+", " upper_in+"];
    assert!(recorded.iter().all(|text| log.contains(text)), "{log}");
}

#[test]
fn each_kind_of_instruction_is_looked_at() {
    CHECK.get_or_init(|| Mode::Exact);
    let kernel = Kernel::of_own_module("accesses");
    kernel.load(&["accesses"]);
    kernel.unload(&["accesses"]);
    let end = "past the end of a 36-byte kmalloc allocation";
    for (what, want) in [
        (1, "read of 16 bytes, its last 4 bytes"),
        (2, "write of 16 bytes, its last 4 bytes"),
        (3, "write of 8 bytes, its last 4 bytes"),
        (4, "write of 39 bytes, its last 3 bytes"),
        (5, "write of 40 bytes, its last 4 bytes"),
        (6, "read of 8 bytes, its last 4 bytes"),
        (7, "read of 4 bytes, its last 1 bytes"),
        (8, "write of 1 bytes, 0 bytes"),
        (9, "write of 1 bytes, 0 bytes"),
    ] {
        let before = findings().len();
        kernel.insert("accesses", &format!("what={what}")).unwrap();
        kernel.unload(&["accesses"]);
        let told: Vec<String> = findings().into_iter().skip(before).map(|finding| finding.what).collect();
        assert_eq!(told, [format!("out-of-bounds {want} {end}")], "{what}");
    }
    assert!(kernel.insert("accesses", "what=10").is_err());
    let log = kernel.log();
    // The code is the module's own, and not the jump that stands in its place.
    let trace =
        ["BUG: kernel NULL pointer dereference, address: 0000000000000008", "RIP: 0010:calls+0x", " 90 90 <ff> 50 08 "];
    assert!(trace.iter().all(|text| log.contains(text)), "{log}");
    assert!(log.lines().any(|line| line.trim_start().starts_with("accesses_init+")), "{log}");
}
