//! modutils, as Linux 2.4 had it: `insmod` links a module in user space. Inside an instance with that personality, and
//! nowhere else, these tools stand in for kmod's.
//!
//! Counterpart: modutils 2.4.27 (insmod/, obj/, util/), insmod(8), rmmod(8), lsmod(8), ksyms(8). `object` and `link` make
//! an image of a file, `exports` its tables, `versions` compares names with versions, `params` writes parameters into it, `kernel` asks the kernel,
//! `compat` has the header files for modules of that time.

pub mod compat;
mod exports;
pub mod insmod;
pub mod kernel;
pub mod ksyms;
mod link;
pub mod lsmod;
mod object;
mod options;
mod params;
pub mod rmmod;
mod versions;

use crate::clock::{self, Local};
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use supervisor::client;

/// What `-V` prints: the version whose behaviour this is.
pub const VERSION: &str = "2.4.27";

/// Whether this process runs inside an instance with 2.4's module system.
pub fn is_here() -> bool {
    Path::new(client::PERSONALITY).exists()
}

/// The connection to the instance, or what is told without it.
fn connect(tool: &str) -> Result<client::Client, String> {
    match client::connect() {
        Ok(Some(client)) => Ok(client),
        Ok(None) => {
            Err(format!("{tool}: no instance with the personality 2.4 is around; start one: lkm sh --personality 2.4"))
        }
        Err(error) => Err(format!("{tool}: {error}")),
    }
}

/// What a tool says: reports to standard output, errors to standard error with what they are about, or all of it to the
/// system's log (util/logger.c).
#[derive(Debug)]
pub struct Messages {
    tool: &'static str,
    /// What errors are about: the tool, and later the file.
    pub subject: String,
    /// To the system's log.
    pub syslog: bool,
    /// Reports to standard error, too.
    pub quiet_output: bool,
    /// How many errors there were.
    pub errors: usize,
    /// How many warnings there were.
    pub warnings: usize,
}

impl Messages {
    /// Messages of a tool.
    pub fn new(tool: &'static str) -> Self {
        Self { tool, subject: tool.into(), syslog: false, quiet_output: false, errors: 0, warnings: 0 }
    }

    fn log(&self, priority: u8, text: &str) {
        let stamp = Local::at(clock::now().0).syslog_stamp();
        let line = format!("<{priority}>{stamp} {}[{}]: {text}", self.tool, std::process::id());
        // Nobody listening is no reason to fail.
        let _ = UnixDatagram::unbound().and_then(|socket| socket.send_to(line.as_bytes(), "/dev/log"));
    }

    /// A report.
    pub fn say(&self, text: &str) {
        if self.syslog {
            self.log(30, text);
        } else if self.quiet_output {
            tell!("{text}");
        } else {
            crate::output::print(self.tool, &format!("{text}\n"));
        }
    }

    /// A warning.
    pub fn warn(&mut self, text: &str) {
        self.warnings += 1;
        self.say(text);
    }

    /// An error.
    pub fn error(&mut self, text: &str) {
        self.errors += 1;
        if self.syslog {
            self.log(27, text);
        } else {
            tell!("{}: {text}", self.subject);
        }
    }
}
