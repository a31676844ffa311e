//! Programs of user space that the kernel starts. Counterpart: kernel/umh.c.

use crate::server;
use kabi::errno::ENOENT;
use wire::{Ask, Told};

/// The environment that helpers get (`call_modprobe`, `call_usermodehelper` of drivers).
pub const ENVIRONMENT: [&[u8]; 3] = [b"HOME=/", b"TERM=linux", b"PATH=/sbin:/usr/sbin:/bin:/usr/bin"];

/// Runs a program as root inside the instance: its status as `wait(2)` has it, or the negative errno that it could not
/// be run for. Without `wait` the answer comes as soon as it runs.
///
/// DIFFERS: where no program runs in the instance (`lkm run` without a command), nothing can be started: `ENOENT`.
pub fn run(path: &[u8], argv: &[&[u8]], wait: bool) -> i32 {
    let list = |strings: &[&[u8]]| strings.iter().map(|s| s.to_vec()).collect();
    let ask = Ask::Helper { path: path.to_vec(), argv: list(argv), envp: list(&ENVIRONMENT), wait };
    match server::ask(0, ask) {
        Some(Told::Helper(status)) => status,
        _ => -ENOENT.0,
    }
}
