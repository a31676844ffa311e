//! What the supervisor does to its own process while a command runs: it leaves the terminal's signals to the command.

use crate::link::lock;
use rustix::process::{Pid, getpgrp};
use rustix::termios::{tcgetpgrp, tcsetpgrp};
use std::sync::Mutex;
use sys::signal::{Disposition, Previous};

const SIGINT: i32 = 2;
const SIGQUIT: i32 = 3;
const SIGTTOU: i32 = 22;

/// How many commands run, and what the process did about the two signals before the first of them.
static WAITING: Mutex<(usize, Vec<Previous>)> = Mutex::new((0, Vec::new()));

/// The dispositions that a command gets: those from before this process began to wait for any.
pub(super) fn for_command() -> Vec<Previous> {
    lock(&WAITING).1.clone()
}

/// Ignores interrupts until it is dropped, then takes the terminal back if it was ours: an interactive shell inside
/// gives it to its own jobs.
pub(super) struct Waiting {
    foreground: Option<Pid>,
}

impl Waiting {
    /// Starts to wait. The command must have been forked before.
    pub(super) fn start() -> Self {
        let mut waiting = lock(&WAITING);
        if waiting.0 == 0 {
            let ignore = |signal| sys::signal::set(signal, Disposition::Ignore).ok();
            waiting.1 = [SIGINT, SIGQUIT].into_iter().filter_map(ignore).collect();
        }
        waiting.0 += 1;
        let ours = getpgrp();
        let foreground = tcgetpgrp(std::io::stdin()).ok().filter(|group| *group == ours);
        Self { foreground }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(group) = self.foreground
            && tcgetpgrp(std::io::stdin()) != Ok(group)
        {
            // A background group that sets the foreground one is stopped by SIGTTOU otherwise.
            sys::signal::block(SIGTTOU);
            let _ = tcsetpgrp(std::io::stdin(), group);
            sys::signal::unblock(SIGTTOU);
        }
        let mut waiting = lock(&WAITING);
        waiting.0 = waiting.0.saturating_sub(1);
        if waiting.0 == 0 {
            waiting.1.drain(..).for_each(sys::signal::restore);
        }
    }
}
