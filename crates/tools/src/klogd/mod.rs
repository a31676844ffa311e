//! `klogd`: the kernel's log, written to syslog or to a file. Counterpart: sysklogd 1.5, `klogd(8)`.
//!
//! | file | what |
//! |---|---|
//! | `options.rs` | the command line |
//! | `source.rs` | where the log is read |
//! | `sink.rs` | where it is written, through rotation |
//! | `symbols.rs` | names for addresses |
//! | `daemon.rs` | the loop, signals |
//! | `background.rs`, `pidfile.rs` | the process |
//! | `printk.rs` | printk's settings |
//!
//! DIFFERS from sysklogd: SIGHUP opens the file again, as daemons do today, and does not end klogd. The status after a
//! proper end is 0. A log that cannot be written waits in the kernel and is not lost.

mod background;
mod daemon;
pub mod options;
mod pidfile;
mod printk;
mod sink;
mod source;
mod symbols;

use crate::Invocation;
use crate::error::Failure;
use options::Action;

/// The tool.
pub fn main(call: &Invocation) -> Result<u8, Failure> {
    let options = match options::parse(call) {
        Ok(options) => options,
        Err(status) => return Ok(status),
    };
    match &options.action {
        Action::Log => daemon::run(&options),
        Action::Signal(what) => pidfile::signal(&options, *what),
        Action::Printk(word) => printk::main(options.instance.as_deref(), word.as_deref()),
    }
}
