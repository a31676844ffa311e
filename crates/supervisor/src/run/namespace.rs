//! The middle process: makes the namespaces and waits for init.
//!
//! It stays in the supervisor's pid namespace, so that a file system that it mounts speaks of callers in the
//! supervisor's numbering.

use super::channel::{Channel, Failure, Message};
use super::{Setup, directory, init, mounts};
use crate::Error;
use rustix::mount::MountPropagationFlags;
use rustix::pipe::PipeFlags;
use rustix::thread::UnshareFlags;
use std::os::fd::{AsFd, OwnedFd};
use sys::process::{Child, Forked};
use sys::signal::Disposition;

/// The middle process's main; it has just been forked.
pub(super) fn middle(mut setup: Setup, channel: Channel) -> ! {
    let _ = rustix::thread::set_name(c"lkm-middle");
    let (init, life) = match enter(&mut setup, &channel) {
        Ok(Some(entered)) => entered,
        // The supervisor is gone, or knows already.
        Ok(None) => sys::process::exit_now(1),
        Err(failure) => {
            let _ = channel.send(&Message::Failed(failure));
            sys::process::exit_now(1)
        }
    };
    for signal in [2, 3] {
        let _ = sys::signal::set(signal, Disposition::Ignore);
    }
    // Pipes and the supervisor's sockets must not stay open because of a process that only waits.
    let _ = sys::process::close_all_but(&[init.as_fd(), life.as_fd()]);
    let _ = init.wait();
    sys::process::exit_now(0)
}

/// Forks init; what comes with it is open as long as this process lives, and in no other one.
fn enter(setup: &mut Setup, channel: &Channel) -> Result<Option<(Child, OwnedFd)>, Failure> {
    let flags = UnshareFlags::NEWUSER | UnshareFlags::NEWNS | UnshareFlags::NEWPID;
    if let Err(e) = sys::process::unshare(flags) {
        let _ = channel.send(&Message::NoNamespace(Failure::at("making a user namespace")(e)));
        return Ok(None);
    }
    sys::process::die_with_parent().map_err(Failure::at("tying a process to its parent"))?;
    channel.send(&Message::Unshared).map_err(Failure::at("talking to the supervisor"))?;
    if !matches!(channel.receive(), Some(Message::Continue)) {
        return Ok(None);
    }
    rustix::mount::mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)
        .map_err(Failure::at("making the mounts private"))?;
    let listener = directory::make(setup)?;
    channel.send(&Message::Control(listener)).map_err(Failure::at("talking to the supervisor"))?;
    if setup.plan.is_some() {
        match mounts::mount_fuse() {
            Ok(device) => channel.send(&Message::Fuse(device)).map_err(Failure::at("talking to the supervisor"))?,
            Err(failure) => {
                let _ = channel.send(&Message::Note(failure));
                setup.plan = None;
            }
        }
    }
    let (parent, life) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC).map_err(Failure::at("making a pipe for init"))?;
    match sys::process::fork().map_err(Failure::at("forking init"))? {
        Forked::Child => {
            drop(life);
            init::main(setup, channel, parent)
        }
        Forked::Parent(child) => Ok(Some((child, life))),
    }
}

/// Maps ids for the user namespace of the process `pid`, from outside: everything for root, else only the caller, to
/// root inside.
pub(super) fn map_ids(pid: u32) -> Result<(), Error> {
    let write = |file: &str, text: &str| {
        let path = format!("/proc/{pid}/{file}");
        std::fs::write(&path, text).map_err(Error::host(format!("writing {path}")))
    };
    let (uid, gid) = (rustix::process::geteuid(), rustix::process::getegid());
    if uid.is_root()
        && let (Some(uids), Some(gids)) = (identity("uid_map"), identity("gid_map"))
        && write("uid_map", &uids).is_ok()
    {
        return write("gid_map", &gids);
    }
    write("setgroups", "deny")?;
    write("uid_map", &format!("0 {uid} 1\n"))?;
    write("gid_map", &format!("0 {gid} 1\n"))
}

/// A map of all ids that this process's own namespace has, each to itself.
fn identity(file: &str) -> Option<String> {
    let own = std::fs::read_to_string(format!("/proc/self/{file}")).ok()?;
    own.lines()
        .map(|line| {
            let mut fields = line.split_ascii_whitespace();
            let (first, _, count) = (fields.next()?, fields.next()?, fields.next()?);
            Some(format!("{first} {first} {count}\n"))
        })
        .collect()
}

/// Turns a refused user namespace into what a person can do about it.
pub(super) fn denied(failure: &Failure) -> Error {
    const EPERM: i32 = 1;
    const ENOSPC: i32 = 28;
    let cause = std::io::Error::from_raw_os_error(failure.errno);
    let zero = |path: &str| std::fs::read_to_string(path).is_ok_and(|text| text.trim() == "0");
    let one = |path: &str| std::fs::read_to_string(path).is_ok_and(|text| text.trim() == "1");
    let cure = if zero("/proc/sys/kernel/unprivileged_userns_clone") {
        "allow it with: sysctl kernel.unprivileged_userns_clone=1"
    } else if zero("/proc/sys/user/max_user_namespaces") || failure.errno == ENOSPC {
        "raise the limit with: sysctl user.max_user_namespaces=10000"
    } else if one("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") {
        "allow it with: sysctl kernel.apparmor_restrict_unprivileged_userns=0"
    } else if failure.errno == EPERM {
        "in a container, start it with --security-opt seccomp=unconfined --security-opt apparmor=unconfined, or --privileged; \
         outside of one, leave the chroot"
    } else {
        "the kernel needs CONFIG_USER_NS, CONFIG_PID_NS"
    };
    Error::Lacks { what: format!("this machine refuses a user namespace: {cause}"), cure: cure.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_denied_namespace_names_the_limit() {
        let error = denied(&Failure { what: String::new(), errno: 28 }).to_string();
        assert!(error.contains("No space left") && error.contains("sysctl user.max_user_namespaces"), "{error}");
    }

    #[test]
    fn the_identity_map_covers_this_process() {
        assert!(identity("uid_map").is_some_and(|map| map.lines().all(|line| {
            let fields: Vec<_> = line.split(' ').collect();
            fields.len() == 3 && fields.first() == fields.get(1)
        })));
        assert_eq!(identity("no_map"), None);
    }
}
