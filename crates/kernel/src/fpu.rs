//! Vector registers in module code. Counterpart: arch/x86/kernel/fpu/core.c.
//!
//! Module code keeps values in vector registers only between these two calls; stubs save the registers there, since Rust
//! code uses them too (`machine/src/arch/x86_64/stub.rs`).

use crate::sched;
use kabi::{exports, kexport};
use machine::task;

exports![kernel_fpu_begin_mask, kernel_fpu_end, irq_fpu_usable];

/// Begins a stretch that uses vector registers; the task cannot be preempted in it.
#[kexport(gpl, since = "5.11", header = "asm/fpu/api.h")]
fn kernel_fpu_begin_mask(_what: u32) {
    sched::preempt_add(1);
    task::keep_vectors(true);
}

/// Ends it.
#[kexport(gpl, since = "2.6.39", header = "asm/fpu/api.h")]
fn kernel_fpu_end() {
    task::keep_vectors(false);
    sched::preempt_add(-1);
}

/// True: nothing of lkm's runs in interrupts, so vector registers can always be used.
#[kexport(since = "2.6.39", header = "asm/fpu/api.h")]
fn irq_fpu_usable() -> bool {
    true
}
