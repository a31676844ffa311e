//! The same services under the names and layouts of 6.12.

mod common;

use common::Kernel;
use kernel::module::load::LoadError;

#[test]
fn a_lock_that_is_held_shows_in_the_preempt_count_of_pcpu_hot() {
    let kernel = Kernel::of_case_on_6_12("faults", "with-lock");
    assert!(matches!(kernel.insert("locked", ""), Err(LoadError::Died)));
    let log = kernel.log();
    assert!(log.contains("exited with preempt_count 1"), "{log}");
    assert_eq!(kernel::sched::preempt_count(), 0);
}

#[test]
fn a_kernel_thread_starts_and_dies() {
    let kernel = Kernel::of_case_on_6_12("faults", "in-kthread");
    kernel.load(&["worker"]);
    let since = std::time::Instant::now();
    while !kernel.log().contains("end trace") && since.elapsed().as_secs() < 60 {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    assert!(kernel.log().contains("Comm: lathe/1"), "{}", kernel.log());
    kernel.unload(&["worker"]);
}
