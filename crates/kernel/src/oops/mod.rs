//! Reports of faults: everything Linux prints for an oops, a BUG, a WARN, a lockup, a panic, word for word.
//!
//! [`Reporter::trap`] takes a trap of module code and decides as the kernel does: mended by the exception table, a
//! warning, or an oops. The result is a [`Report`]: the lines for the log with their levels, the taint to add, and
//! whether the module goes on. Nothing here reads memory or global state: all that comes through [`World`]. Wording
//! and tables are those of the kernel release in [`Facts::version`].
//!
//! - `world`: what reports ask of the instance; lines and levels;
//! - `trap`: from a trap to what follows it;
//! - `report`: oops, warning, panic, `dump_stack`; `body`: the lines that all of them have;
//! - `orc`, `unwind`: call traces;
//! - `bug`, `extable`: the tables in modules; `gp`: the address behind a general protection fault;
//! - `taint`: taint letters and the list of modules.
//!
//! Kernel counterparts: arch/x86/kernel/{traps,dumpstack,process_64,unwind_orc}.c, arch/x86/mm/{fault,extable}.c,
//! lib/{bug,dump_stack}.c, kernel/{panic,watchdog,exit}.c.

mod body;
mod bug;
pub(crate) mod extable;
pub(crate) mod gp;
mod orc;
mod report;
mod taint;
mod trap;
mod unwind;
mod world;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use report::{Next, Place, Report, Reporter, SIGKILL, SIGSEGV};
pub use report::{dump_stack, exit_notes, panic, show_stack, stack_protector};
pub use taint::{Linked, State, bit, module_letters, modules_in, tainted, tainted_verbose};
pub use unwind::{Frame, Start, chain, unwind};
pub use world::{Control, Facts, Level, Line, Missing, OrcTable, Policy, Symbol, Table, Worker, World};
pub use world::{describe, describe_return};
