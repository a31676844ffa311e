//! The host process as a machine that kernel modules can run on.
//!
//! A module is compiled for the kernel's address space: its code must lie in 2 GiB that 32-bit relocations reach, its
//! per-CPU variables are offsets from the GS base, and its calls expect the kernel's stack and calling conventions.
//! This crate provides exactly that in an ordinary process, and nothing of what the calls mean:
//!
//! - [`arena`]: memory in the low 2 GiB for code, stubs and data, writable and executable never at one address;
//! - [`heap`]: memory that modules ask for;
//! - [`cpu`]: virtual CPUs, each an area that GS points to while a task holds it;
//! - [`stack`]: a task's 16 KiB module stack with a guard page below;
//! - [`enter`]: calls into module code and the way out of it, returned or abandoned;
//! - [`stub`]: the small pieces of code through which module code calls Rust;
//! - [`livepatch`]: changing instructions that may be running;
//! - [`shadow`]: which memory may be accessed, for code that looks before each access;
//! - [`trap`]: what happens when module code faults: its registers, and whether it goes on;
//! - [`access`]: reads and writes of module memory by Rust code, where a bad pointer is an error and not a crash.
//!
//! Three stacks are involved in a call from a module: module code runs on the task's module stack; a stub switches to
//! the thread's own stack, where Rust runs; signal handlers have an alternate stack. Reports of faults therefore never
//! overwrite the frames they describe. There is one machine per process; it is made by [`boot`].
//!
//! Kernel counterparts: arch/x86/entry, arch/x86/mm/{fault,extable}.c, arch/x86/kernel/{traps,process_64}.c,
//! kernel/module/main.c (`module_alloc`).

pub mod access;
pub mod arch;
pub mod arena;
pub mod cpu;
pub mod enter;
pub mod error;
pub mod heap;
pub mod livepatch;
pub mod random;
pub mod shadow;
pub mod stack;
pub mod stub;
pub mod task;
pub mod trap;

pub use enter::{Died, abandon};
pub use error::MachineError;
pub use task::Task;
pub use trap::{Action, Regs, Trap, TrapKind};

/// What [`boot`] needs to know.
#[derive(Debug, Clone, Copy)]
pub struct Config {
    /// Number of virtual CPUs (`nr_cpu_ids`), at least 1.
    pub cpus: usize,
    /// Bytes of each CPU's area, for static and dynamic per-CPU variables together.
    pub percpu_size: usize,
    /// Called for every trap of module code that is not mended by [`access`].
    pub on_trap: fn(&mut Trap) -> Action,
    /// Called when lkm's own code faults: must not return to it. Gets a description.
    pub on_bug: fn(&str) -> !,
}

/// Makes this process a machine: reserves the arena, makes the CPU areas, installs the signal handlers.
///
/// # Errors
/// When the host refuses memory at the arena's address, or the machine exists already.
pub fn boot(config: Config) -> Result<(), MachineError> {
    arena::reserve()?;
    heap::reserve()?;
    livepatch::prepare()?;
    cpu::make(config.cpus, config.percpu_size)?;
    trap::install(config.on_trap, config.on_bug)
}
