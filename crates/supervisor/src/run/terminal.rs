//! The terminal and its signals, while a command runs.
//!
//! A command that has the terminal to itself (standard input, output and error are it, and we are in its foreground)
//! gets a process group of its own and the foreground, as from a shell; when it stops, we stop, too. Otherwise it shares
//! our group, and we ignore interrupts, which are for the command to take.

use crate::link::lock;
use std::os::fd::AsFd;
use std::sync::Mutex;
use sys::signal::{Disposition, Previous};
use sys::terminal::{foreground, own_group, set_foreground};

const SIGINT: i32 = 2;
const SIGQUIT: i32 = 3;

/// Whether the terminal is the command's alone. A pager behind a pipe, for example, must stay in the foreground.
pub(super) fn is_ours() -> bool {
    use std::io::IsTerminal;
    let all = std::io::stdin().is_terminal() && std::io::stdout().is_terminal() && std::io::stderr().is_terminal();
    all && in_foreground()
}

/// Gives the command, which is this process, the foreground.
pub(super) fn take() {
    // A session's leader has its own group already.
    let _ = sys::terminal::lead_new_group();
    let _ = set_foreground(std::io::stdin().as_fd(), own_group());
}

/// The command stopped: stop as well, and come back when somebody lets us go on.
pub(super) fn stop() {
    let terminal = std::io::stdin();
    let (ours, theirs) = (own_group(), foreground(terminal.as_fd()));
    let _ = set_foreground(terminal.as_fd(), ours);
    sys::terminal::stop_own_group();
    // In the background again (`bg`) the foreground is not ours to give.
    if let Some(theirs) = theirs.filter(|_| foreground(terminal.as_fd()) == Some(ours)) {
        let _ = set_foreground(terminal.as_fd(), theirs);
    }
}

/// How many commands run, and what the process did about the two signals before the first of them.
static WAITING: Mutex<(usize, Vec<Previous>)> = Mutex::new((0, Vec::new()));

/// The dispositions that a command gets: those from before this process began to wait for any.
pub(super) fn for_command() -> Vec<Previous> {
    lock(&WAITING).1.clone()
}

/// Ignores interrupts until it is dropped, then takes the terminal back if it was ours: an interactive shell inside
/// gives it to its own jobs.
pub(super) struct Waiting {
    was_foreground: bool,
}

impl Waiting {
    /// Starts to wait. The command must have been forked before; `was_foreground` is from before that, too.
    pub(super) fn start(was_foreground: bool) -> Self {
        let mut waiting = lock(&WAITING);
        if waiting.0 == 0 {
            let ignore = |signal| sys::signal::set(signal, Disposition::Ignore).ok();
            waiting.1 = [SIGINT, SIGQUIT].into_iter().filter_map(ignore).collect();
        }
        waiting.0 += 1;
        Self { was_foreground }
    }
}

/// Whether our group is in the terminal's foreground.
pub(super) fn in_foreground() -> bool {
    foreground(std::io::stdin().as_fd()) == Some(own_group())
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let terminal = std::io::stdin();
        if self.was_foreground && foreground(terminal.as_fd()) != Some(own_group()) {
            let _ = set_foreground(terminal.as_fd(), own_group());
        }
        let mut waiting = lock(&WAITING);
        waiting.0 = waiting.0.saturating_sub(1);
        if waiting.0 == 0 {
            waiting.1.drain(..).for_each(sys::signal::restore);
        }
    }
}
