//! Tasks that wait for each other.

mod common;

use common::Kernel;

#[test]
fn threads_share_a_sum_under_a_mutex_and_end_when_asked() {
    let kernel = Kernel::of_own_module("waiters");
    kernel.load(&["waiters"]);
    kernel.unload(&["waiters"]);
    let log = kernel.log();
    let lines: Vec<&str> = log.lines().filter(|line| line.starts_with("wt:")).collect();
    let want = [
        "wt: locked 0",
        "wt: locked 1 try 0",
        "wt: sum 400",
        "wt: stopped 7",
        "wt: stopped 7",
        "wt: timeout 0",
        "wt: never",
        "wt: never ran -4",
        "wt: ticked 1",
        "wt: notifier 0",
        // MODULE_STATE_LIVE of the module itself: it is told after init.
        "wt: waiters 0",
    ];
    assert_eq!(lines, want, "{log}");
}
