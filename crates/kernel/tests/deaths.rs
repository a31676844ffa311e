//! What a task leaves behind when it dies, as recorded on the real kernel.

mod common;

use common::Kernel;
use kernel::module::load::LoadError;
use std::time::{Duration, Instant};

/// The notes behind a report, without the number of the process.
fn notes(log: &str) -> Vec<String> {
    let without = |line: &str| {
        let (start, rest) = line.split_once('[')?;
        Some(format!("{start}{}", rest.split_once(']')?.1))
    };
    log.lines().filter(|line| line.starts_with("note: ")).filter_map(without).collect()
}

#[test]
fn a_lock_that_is_held_shows_in_the_preempt_count() {
    let kernel = Kernel::of_case("faults", "with-lock");
    assert!(matches!(kernel.insert("locked", ""), Err(LoadError::Died)));
    let want = ["note: insmod exited with irqs disabled", "note: insmod exited with preempt_count 1"];
    assert_eq!(notes(&kernel.log()), want, "{}", kernel.log());
    assert_eq!(kernel::sched::preempt_count(), 0);
}

#[test]
fn a_kernel_thread_dies_alone() {
    let kernel = Kernel::of_case("faults", "in-kthread");
    kernel.load(&["worker"]);
    let since = Instant::now();
    while notes(&kernel.log()).is_empty() && since.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(10));
    }
    let log = kernel.log();
    assert_eq!(notes(&log), ["note: lathe/1 exited with irqs disabled"], "{log}");
    assert!(log.contains("Comm: lathe/1"), "{log}");
    kernel.unload(&["worker"]);
    assert!(kernel.log().contains("kt: started 0") && !log.contains("never printed"));
}
