//! Pid 1 inside: mounts /proc, starts the command, reaps orphans.

use super::channel::{Channel, Failure, Message};
use super::directory::mount_tree;
use super::helper::{self, Inside};
use super::{Setup, directory, mounts, terminal};
use crate::syscalls;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::WaitOptions;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use sys::process::{Exit, Forked};

/// Init's main; it has just been forked. `parent` hangs up when its parent, whose number it cannot see, dies.
pub(super) fn main(setup: &Setup, channel: &Channel, parent: OwnedFd) -> ! {
    let _ = rustix::thread::set_name(c"lkm-init");
    let tied = sys::process::die_with_parent().map_err(Failure::at("tying init to its parent"));
    if hung_up(&parent) {
        sys::process::exit_now(1);
    }
    drop(parent);
    let outcome = match tied.and_then(|()| start(setup, channel)) {
        Ok(command) => {
            let _ = sys::process::close_all_but(&[channel.as_fd()]);
            Message::Ended(reap(command, setup.own_terminal.then_some(channel)))
        }
        Err(failure) => Message::Failed(failure),
    };
    let _ = channel.send(&outcome);
    sys::process::exit_now(0)
}

/// True if nobody holds the other end: who died before init was tied to it sends no signal any more.
fn hung_up(parent: &OwnedFd) -> bool {
    let mut fds = [PollFd::new(parent, PollFlags::empty())];
    let found = rustix::io::retry_on_intr(|| poll(&mut fds, Some(&Timespec::default())));
    found.is_ok() && fds[0].revents().contains(PollFlags::HUP)
}

fn start(setup: &Setup, channel: &Channel) -> Result<u32, Failure> {
    mount(setup, channel)?;
    // The command comes first: it is process 2, and need not wait for what may never be asked.
    let command = match sys::process::fork().map_err(Failure::at("forking the command"))? {
        Forked::Child => command(setup, channel),
        Forked::Parent(child) => child.pid(),
    };
    if let Err(failure) = start_starter(setup, channel) {
        let _ = channel.send(&Message::Note(failure));
    }
    Ok(command)
}

/// Starts what runs the kernel's own programs.
fn start_starter(setup: &Setup, channel: &Channel) -> Result<(), Failure> {
    let at = "modules get no programs started (request_module): forking the starter of helpers";
    match sys::process::fork().map_err(Failure::at(at))? {
        Forked::Child => {
            setup.dispositions.iter().copied().for_each(sys::signal::restore);
            let inside = Inside { wanted: &wanted(setup), channel };
            helper::starter(&inside, &setup.helpers, &setup.uevents)
        }
        Forked::Parent(_) => Ok(()),
    }
}

/// The system calls of programs inside that are caught.
fn wanted(setup: &Setup) -> syscalls::Wanted {
    syscalls::Wanted {
        uname: setup.uname.is_some(),
        personality24: setup.program.personality24,
        faces: setup.plan.is_some(),
    }
}

/// Mounts the faces, or at least a /proc with the right process ids.
fn mount(setup: &Setup, channel: &Channel) -> Result<(), Failure> {
    let proc = mounts::own_proc().map_err(Failure::at(
        "/proc stays the host's, with the host's process ids: mounting a new one (a container needs an unmasked /proc)",
    ));
    let proc = match proc {
        Ok(proc) => Some(proc),
        Err(failure) => {
            let _ = channel.send(&Message::Note(failure));
            None
        }
    };
    match (&setup.plan, proc) {
        (Some(plan), proc) => {
            let copy =
                proc.as_ref().map(OwnedFd::try_clone).transpose().map_err(Failure::at("copying a descriptor"))?;
            if let Some(copy) = copy {
                channel.send(&Message::Proc(copy)).map_err(Failure::at("talking to the supervisor"))?;
                channel.receive();
            }
            mounts::cover(plan, proc.as_ref())
        }
        (None, Some(proc)) => mount_tree(&proc, Path::new("/proc")).map_err(Failure::at("mounting /proc")),
        (None, None) => Ok(()),
    }
}

/// Becomes the command.
fn command(setup: &Setup, channel: &Channel) -> ! {
    let Some((program, arguments)) = setup.program.command.split_first() else { sys::process::exit_now(0) };
    if setup.own_terminal {
        terminal::take();
    }
    setup.dispositions.iter().copied().for_each(sys::signal::restore);
    // The old working directory may be hidden under a mount now.
    let _ = std::env::set_current_dir(&setup.directory);
    let path = std::env::var_os("PATH").unwrap_or_else(|| "/usr/sbin:/usr/bin:/sbin:/bin".into());
    let mut search = std::ffi::OsString::from(directory::BIN);
    search.push(":");
    search.push(path);
    let caught = match syscalls::catch(&wanted(setup)) {
        Ok(listener) => Message::Syscalls(listener),
        Err(e) => {
            Message::Note(Failure::at("only lkm's own tools reach the instance, no system calls: catching them")(e))
        }
    };
    let _ = channel.send(&caught);
    drop(caught);
    let error = Command::new(program).args(arguments).env("PATH", search).exec();
    eprintln!("lkm: {}: {error}", program.display());
    sys::process::exit_now(if error.kind() == std::io::ErrorKind::NotFound { 127 } else { 126 })
}

/// Reaps everything until the command ends. With a channel, the supervisor is told when the command stops.
fn reap(command: u32, stops: Option<&Channel>) -> Exit {
    let options = if stops.is_some() { WaitOptions::UNTRACED } else { WaitOptions::empty() };
    loop {
        let (pid, status) = match rustix::process::wait(options) {
            Ok(Some((pid, status))) => (pid.as_raw_nonzero().get(), status),
            Ok(None) | Err(rustix::io::Errno::INTR) => continue,
            Err(_) => return Exit::Code(125),
        };
        if pid.unsigned_abs() != command {
            continue;
        }
        if let (true, Some(channel)) = (status.stopped(), stops) {
            let _ = channel.send(&Message::Stopped);
            channel.receive();
            sys::terminal::continue_group(pid);
            continue;
        }
        return match (status.exit_status(), status.terminating_signal()) {
            (Some(code), _) => Exit::Code(code),
            (None, signal) => Exit::Signal(signal.unwrap_or(0)),
        };
    }
}
