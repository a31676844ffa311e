//! Who asks: the [`Caller`] of a call, from what the host knows of a process.

use crate::link::lock;
use std::collections::HashMap;
use std::fs;
use std::sync::Mutex;
use std::time::{Duration, Instant};
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
    // The first number is the supervisor's own, the second that inside the instance; further ones belong to
    // namespaces that a program inside made for itself.
    let inside = |name: &str| numbers(status, name).take(2).last();
    let tid = inside("NSpid").or_else(|| inside("Pid"))?;
    let pid = inside("NStgid").or_else(|| inside("Tgid"))?;
    Some(Identity { pid, tid, comm: field(status, "Name")?.to_owned() })
}

fn field<'a>(status: &'a str, name: &str) -> Option<&'a str> {
    status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(":\t"))
}

fn numbers<'a>(status: &'a str, name: &str) -> impl Iterator<Item = u32> + use<'a> {
    field(status, name).unwrap_or_default().split_ascii_whitespace().map_while(|number| number.parse().ok())
}

/// The process of a thread, both in the supervisor's numbering.
pub(crate) fn process_of(tid: u32) -> Option<u32> {
    numbers(&fs::read_to_string(format!("/proc/{tid}/status")).ok()?, "Tgid").next()
}

/// The effective user and group id of a thread, in the supervisor's numbering.
pub(crate) fn ids_of(tid: u32) -> Option<(u32, u32)> {
    let status = fs::read_to_string(format!("/proc/{tid}/status")).ok()?;
    // Real, effective, saved, file system.
    let effective = |name| numbers(&status, name).nth(1);
    Some((effective("Uid")?, effective("Gid")?))
}

/// Whether a signal waits for a thread (in the supervisor's numbering) that it does not block. One that it ignores never
/// does.
pub(crate) fn has_signal(tid: u32) -> bool {
    fs::read_to_string(format!("/proc/{tid}/status")).is_ok_and(|status| is_signalled(&status))
}

fn is_signalled(status: &str) -> bool {
    let set = |name| pending(status, name);
    (set("SigPnd") | set("ShdPnd")) & !set("SigBlk") != 0
}

/// Whether a signal ends a thread, or has ended it: Linux then makes a SIGKILL of its own of it.
pub(crate) fn is_dying(tid: u32) -> bool {
    fs::read_to_string(format!("/proc/{tid}/status")).map_or(true, |status| pending(&status, "SigPnd") >> 8 & 1 == 1)
}

fn pending(status: &str, set: &str) -> u64 {
    field(status, set).and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok()).unwrap_or(0)
}

/// Whether a thread may load modules, as far as it is root inside (`CAP_SYS_MODULE`).
pub(crate) fn may_load_modules(tid: u32) -> bool {
    has_capability(tid, 16)
}

/// Whether a thread may make device nodes (`CAP_MKNOD`).
pub(crate) fn may_make_nodes(tid: u32) -> bool {
    has_capability(tid, 27)
}

fn has_capability(tid: u32, number: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{tid}/status")).unwrap_or_default();
    let effective = field(&status, "CapEff").and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    effective.is_some_and(|mask| mask >> number & 1 == 1)
}

/// The caller with the host's ids `tid`, `uid` and `gid`.
pub(crate) fn resolve(tid: u32, uid: u32, gid: u32) -> Caller {
    with_ids(identity(tid), tid, uid, gid)
}

fn with_ids(id: Option<Identity>, tid: u32, uid: u32, gid: u32) -> Caller {
    let id = id.unwrap_or(Identity { pid: tid, tid, comm: String::new() });
    Caller { pid: id.pid, tid: id.tid, uid, gid, comm: id.comm }
}

/// Remembers identities for a moment: a program makes many calls in a row.
#[derive(Debug, Default)]
pub(crate) struct Cache(Mutex<HashMap<u32, (Instant, Identity)>>);

impl Cache {
    /// Shorter than a number can be used again, and than a person sees a new name late.
    const FRESH: Duration = Duration::from_millis(10);

    /// As [`resolve`].
    pub(crate) fn resolve(&self, tid: u32, uid: u32, gid: u32) -> Caller {
        let known = lock(&self.0).get(&tid).filter(|(when, _)| when.elapsed() < Self::FRESH).map(|(_, id)| id.clone());
        if known.is_some() || tid == 0 {
            return with_ids(known, tid, uid, gid);
        }
        let found = identity(tid);
        if let Some(id) = &found {
            let mut cache = lock(&self.0);
            if cache.len() >= 256 {
                cache.clear();
            }
            cache.insert(tid, (Instant::now(), id.clone()));
        }
        with_ids(found, tid, uid, gid)
    }
}

/// The signal that ends a caller whose task died: what the kernel process named, if it is one that can.
pub(crate) fn death_signal(signal: i32) -> rustix::process::Signal {
    rustix::process::Signal::from_named_raw(signal).unwrap_or(rustix::process::Signal::KILL)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_one_namespace_further_in_counts() {
        let status = "Name:\tcat\nUmask:\t0022\nTgid:\t700\nPid:\t701\nNStgid:\t700\t4\t1\nNSpid:\t701\t5\t2\n";
        assert_eq!(parse_status(status), Some(Identity { pid: 4, tid: 5, comm: "cat".into() }));
        assert_eq!(parse_status("Name:\tx\nTgid:\t7\nPid:\t8\n").map(|i| (i.pid, i.tid)), Some((7, 8)));
        assert_eq!(parse_status("Name:\tx\n"), None);
    }

    #[test]
    fn blocked_signals_do_not_count() {
        let status = |own: &str, shared: &str, blocked: &str| {
            is_signalled(&format!("Name:\tx\nSigQ:\t1/9\nSigPnd:\t{own}\nShdPnd:\t{shared}\nSigBlk:\t{blocked}\n"))
        };
        assert!(status("0000000000002000", "0", "0") && status("0", "4", "2"));
        assert!(!status("0", "0", "0") && !status("2000", "0", "ffffffffffffffff"));
        assert!(!has_signal(std::process::id()) && !has_signal(u32::MAX));
    }

    #[test]
    fn this_thread_is_found() {
        let me = this_process();
        let found = resolve(me.tid, 0, 0);
        assert_eq!((found.tid, found.comm), (me.tid, me.comm));
        assert_eq!(identity(u32::MAX), None);
    }
}
