//! What is wrong with a module, told before it is loaded: nothing of it runs.
//!
//! | part | what it is |
//! |---|---|
//! | `model/` | a module as code: functions, instructions, what they refer to, where control goes |
//! | `debug/` | DWARF: lines, variables, functions |
//! | `kernel.rs` | the kernel that a module is judged against |
//! | `rules/` | a file for each kind of finding |
//! | `session.rs` | several modules together: who exports what, in which order they load |
//!
//! A rule warns only of what it sees in the machine code, the relocations and the debug information. What it cannot follow
//! (an indirect jump, code that replaces other code at boot) it takes for right. No input makes this crate panic.
#![forbid(unsafe_code)]

pub mod debug;
mod finding;
mod kernel;
mod model;
mod rules;
mod session;

pub use finding::{Finding, Kind, Place, Severity};
pub use kernel::{Exporters, Kernel, adopt, is_adopted};
pub use session::{Checked, Input, Outcome, check, check_bytes, missing_symbols};
