//! Code that changes while it runs: static keys and static calls, as recorded on the real kernel.

mod common;

use common::Kernel;
use kabi::errno::EINVAL;
use kernel::module::load::LoadError;
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

#[test]
fn a_livepatch_of_the_kernel_itself_is_refused_with_its_cause() {
    let kernel = Kernel::of_case("refusals", "livepatch");
    let refused = kernel.insert("lp", "how=\"the kernel\"");
    assert!(matches!(refused, Err(LoadError::Refused(refusal)) if refusal.errno == EINVAL), "{}", kernel.log());
    let cause = "lkm: livepatch 'lp' replaces functions of the kernel itself (lt_answer, lt_other)";
    assert!(kernel.log().contains(cause), "{}", kernel.log());
    kernel.load(&["lt"]);
    kernel.unload(&["lt"]);
}

#[test]
fn patches_are_taken_off_one_by_one() {
    let kernel = Kernel::of_case("refusals", "livepatch");
    let answers = |want: &str| assert_eq!(kernel.get("lt", "answers"), Answer::Data(format!("{want}\n").into()));
    kernel.load(&["lt", "lp", "lq"]);
    answers("1000 200 3");
    let write = |patch: &str| kernel.write(&format!("/sys/kernel/livepatch/{patch}/enabled"), "0");
    assert_eq!(write("lq"), Answer::Value(1), "{}", kernel.log());
    answers("100 200 3");
    assert_eq!(write("lp"), Answer::Value(1), "{}", kernel.log());
    answers("1 2 3");
    kernel.unload(&["lq", "lp", "lt"]);
}
