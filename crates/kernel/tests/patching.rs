//! Code that changes while it runs: static keys and static calls, as recorded on the real kernel.

mod common;

use common::Kernel;
use wire::Answer;

#[test]
fn static_branches_follow_their_keys() {
    let kernel = Kernel::of_case("loading", "static-branches");
    kernel.load(&["branches"]);
    for value in ["1", "1", "0", "1"] {
        assert_eq!(kernel.set("branches", "toggle", value), Answer::Value(1), "{}", kernel.log());
    }
    kernel.unload(&["branches"]);
    kernel.insert("branches", "toggle=1").unwrap();
    kernel.unload(&["branches"]);
    kernel.compare("jl:");
}

#[test]
fn static_branches_follow_the_key_of_another_module() {
    let kernel = Kernel::of_case("loading", "static-branch-of-another");
    let flows = |want: &str| assert_eq!(kernel.get("water", "look"), Answer::Data(format!("{want}\n").into()));
    kernel.load(&["sluice", "water"]);
    flows("0");
    kernel.set("sluice", "open", "1");
    flows("1");
    kernel.unload(&["water"]);
    kernel.load(&["water"]);
    flows("1");
    kernel.set("sluice", "open", "0");
    flows("0");
    kernel.unload(&["water", "sluice"]);
    kernel.compare("sw:");
}

#[test]
fn static_calls_go_where_they_were_sent() {
    let kernel = Kernel::of_case("loading", "static-calls");
    kernel.load(&["calls"]);
    kernel.unload(&["calls"]);
    kernel.compare("sc:");
}
