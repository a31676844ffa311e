//! Who asks: the [`Caller`] of a call, from what the host knows of a process.

use std::fs;
use wire::Caller;

/// The calling thread itself, as root inside: for calls that the supervisor makes on its own behalf.
pub fn this_process() -> Caller {
    let comm = rustix::thread::name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let tid = rustix::thread::gettid().as_raw_nonzero().get().unsigned_abs();
    Caller { pid: std::process::id(), tid, uid: 0, gid: 0, comm }
}

/// What a process or thread is called and numbered inside its own pid namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) pid: u32,
    pub(crate) tid: u32,
    pub(crate) comm: String,
}

/// Looks a thread up by its id in the supervisor's numbering; `None` if it is gone.
pub(crate) fn identity(tid: u32) -> Option<Identity> {
    parse_status(&fs::read_to_string(format!("/proc/{tid}/status")).ok()?)
}

fn parse_status(status: &str) -> Option<Identity> {
    let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(":\t"));
    let innermost = |name: &str| field(name)?.split_ascii_whitespace().next_back()?.parse().ok();
    let tid = innermost("NSpid").or_else(|| innermost("Pid"))?;
    let pid = innermost("NStgid").or_else(|| innermost("Tgid"))?;
    Some(Identity { pid, tid, comm: field("Name")?.to_owned() })
}

/// The caller with the host's ids `tid`, `uid` and `gid`.
pub(crate) fn resolve(tid: u32, uid: u32, gid: u32) -> Caller {
    let id = identity(tid).unwrap_or(Identity { pid: tid, tid, comm: String::new() });
    Caller { pid: id.pid, tid: id.tid, uid, gid, comm: id.comm }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_innermost_number_counts() {
        let status = "Name:\tcat\nUmask:\t0022\nTgid:\t700\nPid:\t701\nNStgid:\t700\t4\nNSpid:\t701\t5\n";
        assert_eq!(parse_status(status), Some(Identity { pid: 4, tid: 5, comm: "cat".into() }));
        assert_eq!(parse_status("Name:\tx\nTgid:\t7\nPid:\t8\n").map(|i| (i.pid, i.tid)), Some((7, 8)));
        assert_eq!(parse_status("Name:\tx\n"), None);
    }

    #[test]
    fn this_thread_is_found() {
        let me = this_process();
        let found = resolve(me.tid, 0, 0);
        assert_eq!((found.tid, found.comm), (me.tid, me.comm));
        assert_eq!(identity(u32::MAX), None);
    }
}
