//! Owns an instance: starts the kernel process, forwards calls to it, and runs programs inside.
//!
//! The supervisor never runs module code. One file per concept: [`Instance`] (boot, call, shutdown), `link` and `flight` (calls
//! that wait), `memory` (of the callers), [`Calls`] (the typed calls, the same for an [`Instance`] and for a tool's [`client::Client`]), `caller` (who
//! asks), `control` (the socket that tools inside connect to), `run` (programs inside), `faces` (the file
//! systems they see), `syscalls` (their system calls that go to the instance).

#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test"))]

mod api;
mod caller;
pub mod client;
mod control;
mod error;
mod faces;
mod flight;
mod instance;
mod link;
mod memory;
mod run;
mod syscalls;

pub use api::{As, Calls};
pub use caller::this_process;
pub use control::ControlSocket;
pub use error::{Death, Error};
pub use instance::{Config, Console, Instance};
pub use run::Program;
pub use sys::process::Exit;
