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
    assert_eq!(format!("{:?}", findings()), "[]", "{}", kernel.log());
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
    // The module's own code, and not the jump that stands in its place.
    let code = log.lines().find_map(|line| line.strip_prefix("Code: ")).unwrap_or_default();
    let at = code.find('<').unwrap_or_default();
    assert!(code.contains('<') && !code[at..].starts_with("<e9>") && !code[at..].starts_with("<cc>"), "{log}");
}
