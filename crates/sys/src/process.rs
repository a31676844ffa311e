//! Processes: fork, wait by pidfd, namespaces.
//!
//! Counterpart: `kernel/fork.c`, `kernel/exit.c`, `kernel/nsproxy.c` of Linux, as far as a parent sees them.

use crate::check;
use rustix::process::{Pid, PidfdFlags, Signal, WaitId, WaitIdOptions};
use rustix::thread::UnshareFlags;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

/// Lets the C library's allocator share two heaps among all threads. It would make up to eight for each processor, and
/// keep in each of them what the busiest time needed. To be called before there is a second thread.
pub fn share_heaps() {
    // SAFETY: mallopt only sets a number of the allocator's.
    #[cfg(target_env = "gnu")]
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 2);
    }
}

/// Which side of a [`fork`] runs.
#[derive(Debug)]
pub enum Forked {
    /// The caller, with its new child.
    Parent(Child),
    /// The new process: one thread, a copy of the caller's memory.
    Child,
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// It called `exit` with this status.
    Code(i32),
    /// This signal ended it.
    Signal(i32),
}

impl Exit {
    /// The status a shell shows: the exit code, or 128 and the signal's number.
    pub fn status(self) -> i32 {
        match self {
            Self::Code(code) => code,
            Self::Signal(signal) => signal.saturating_add(128),
        }
    }
}

impl std::fmt::Display for Exit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exited with status {code}"),
            Self::Signal(signal) => write!(f, "was killed by {}", crate::signal::name(*signal)),
        }
    }
}

/// A child process. Dropping it neither kills nor reaps it.
#[derive(Debug)]
pub struct Child {
    pid: Pid,
    pidfd: OwnedFd,
}

impl Child {
    /// Its process id in the caller's namespace.
    pub fn pid(&self) -> u32 {
        self.pid.as_raw_nonzero().get().unsigned_abs()
    }

    /// Sends it SIGKILL; a child that is gone already is no error.
    pub fn kill(&self) {
        // ESRCH: it ended before, which is what the caller wants.
        let _ = rustix::process::pidfd_send_signal(&self.pidfd, Signal::KILL);
    }

    /// Waits for its end and reaps it.
    ///
    /// # Errors
    /// `ECHILD` when it was reaped before.
    pub fn wait(&self) -> io::Result<Exit> {
        loop {
            match rustix::process::waitid(WaitId::PidFd(self.pidfd.as_fd()), WaitIdOptions::EXITED) {
                Ok(Some(status)) => return Ok(exit_of(&status)),
                Ok(None) | Err(rustix::io::Errno::INTR) => {}
                Err(e) => return Err(e.into()),
            }
        }
    }

    /// Waits at most `limit` for its end; `Ok(None)` if it still runs then.
    ///
    /// # Errors
    /// As [`Child::wait`], and when polling fails.
    pub fn wait_for(&self, limit: Duration) -> io::Result<Option<Exit>> {
        if has_ended(self.pidfd.as_fd(), limit)? { self.wait().map(Some) } else { Ok(None) }
    }
}

impl AsFd for Child {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }
}

fn exit_of(status: &rustix::process::WaitIdStatus) -> Exit {
    match (status.exit_status(), status.terminating_signal()) {
        (Some(code), _) => Exit::Code(code),
        (None, signal) => Exit::Signal(signal.unwrap_or(0)),
    }
}

/// Waits at most `limit` until the process of a pidfd has ended.
///
/// # Errors
/// When polling fails.
pub fn has_ended(pidfd: BorrowedFd<'_>, limit: Duration) -> io::Result<bool> {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let deadline = std::time::Instant::now() + limit;
    loop {
        let left = deadline.saturating_duration_since(std::time::Instant::now());
        let timeout =
            Timespec { tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX), tv_nsec: left.subsec_nanos().into() };
        match poll(&mut [PollFd::new(&pidfd, PollFlags::IN)], Some(&timeout)) {
            Ok(count) => return Ok(count > 0),
            Err(rustix::io::Errno::INTR) => {}
            Err(e) => return Err(e.into()),
        }
    }
}

/// The time that processors spent for children which were waited for, and for theirs: in programs, and in the kernel
/// for them.
///
/// # Errors
/// Never on Linux, in practice.
pub fn children_time() -> io::Result<Duration> {
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: `usage` is room for what the call writes.
    check(unsafe { libc::getrusage(libc::RUSAGE_CHILDREN, usage.as_mut_ptr()) }.into())?;
    // SAFETY: numbers alone, for which zeros are values, too.
    let usage = unsafe { usage.assume_init() };
    let time = |time: libc::timeval| {
        Duration::from_secs(time.tv_sec.unsigned_abs()) + Duration::from_micros(time.tv_usec.unsigned_abs())
    };
    Ok(time(usage.ru_utime) + time(usage.ru_stime))
}

/// Splits the process in two.
///
/// The child has only the calling thread: a lock that another thread held stays held for ever in it. Call it while the
/// process has one thread, or do little in the child (glibc keeps its allocator usable).
///
/// # Errors
/// `EAGAIN` at the limit of processes, `ENOMEM`; `ENOSYS` without pidfds (Linux before 5.3).
pub fn fork() -> io::Result<Forked> {
    // SAFETY: to the child it is as if all other threads had stopped for ever, which safe code must allow for anyway.
    let pid = check(unsafe { libc::fork() }.into())?;
    let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) else { return Ok(Forked::Child) };
    match rustix::process::pidfd_open(pid, PidfdFlags::empty()) {
        Ok(pidfd) => Ok(Forked::Parent(Child { pid, pidfd })),
        Err(e) => {
            let _ = rustix::process::kill_process(pid, Signal::KILL);
            let _ = rustix::process::waitpid(Some(pid), rustix::process::WaitOptions::empty());
            Err(e.into())
        }
    }
}

/// Ends the process at once: no destructors, no exit handlers, no flushing. For children made by [`fork`].
pub fn exit_now(status: i32) -> ! {
    // SAFETY: `_exit` takes any status and does not return.
    unsafe { libc::_exit(status) }
}

/// Leaves the given namespaces for new ones; `FILES` is refused.
///
/// # Errors
/// `EPERM` where the machine denies user namespaces, `ENOSPC` at their limit, `EINVAL` in a process with threads.
pub fn unshare(flags: UnshareFlags) -> io::Result<()> {
    if flags.contains(UnshareFlags::FILES) {
        return Err(io::ErrorKind::Unsupported.into());
    }
    // SAFETY: only unsharing the descriptor table could pull descriptors away from other threads; that was refused.
    Ok(unsafe { rustix::thread::unshare_unsafe(flags) }?)
}

/// Has the kernel send SIGKILL to this process when the thread that forked it ends.
///
/// # Errors
/// Never on Linux, in practice.
pub fn die_with_parent() -> io::Result<()> {
    Ok(rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?)
}

/// Closes every descriptor that is not in `keep`.
///
/// For a child after [`fork`]: whatever owns the other descriptors in its copy of the memory must not be used again.
///
/// # Errors
/// `ENOSYS` before Linux 5.9.
pub fn close_all_but(keep: &[BorrowedFd<'_>]) -> io::Result<()> {
    use std::os::fd::AsRawFd;
    let mut kept: Vec<u32> = keep.iter().map(|fd| fd.as_raw_fd().unsigned_abs()).collect();
    kept.sort_unstable();
    let mut first: u32 = 0;
    for fd in kept {
        if fd > first {
            close_range(first, fd - 1)?;
        }
        first = first.max(fd.saturating_add(1));
    }
    close_range(first, u32::MAX)
}

fn close_range(first: u32, last: u32) -> io::Result<()> {
    // SAFETY: closing touches no memory; the caller's documentation says that owners must not use them again.
    check(unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) }).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forked(run: impl FnOnce() -> i32) -> Exit {
        match fork().unwrap() {
            Forked::Child => exit_now(run()),
            Forked::Parent(child) => child.wait().unwrap(),
        }
    }

    #[test]
    fn exit_codes_and_signals_come_back() {
        assert_eq!(forked(|| 41), Exit::Code(41));
        let killed = forked(|| {
            let _ = rustix::process::kill_process(rustix::process::getpid(), Signal::KILL);
            0
        });
        assert_eq!((killed, killed.status()), (Exit::Signal(9), 137));
        assert_eq!(killed.to_string(), "was killed by SIGKILL");
    }

    #[test]
    fn a_child_that_runs_on_is_not_waited_for() {
        let Forked::Parent(child) = fork().unwrap() else {
            std::thread::sleep(Duration::from_secs(60));
            exit_now(0)
        };
        assert_eq!(child.wait_for(Duration::from_millis(1)).unwrap(), None);
        child.kill();
        assert_eq!(child.wait().unwrap(), Exit::Signal(9));
    }

    #[test]
    fn the_time_of_a_child_counts_when_it_was_waited_for() {
        use rustix::time::{ClockId, clock_gettime};
        let before = children_time().unwrap();
        let exit = forked(|| {
            // By its own clock, however much else runs.
            while clock_gettime(ClockId::ProcessCPUTime).tv_nsec < 20_000_000 {}
            0
        });
        assert_eq!(exit, Exit::Code(0));
        let spent = children_time().unwrap() - before;
        assert!(spent >= Duration::from_millis(15), "{spent:?}");
    }

    #[test]
    fn only_kept_descriptors_stay_open() {
        let keep = std::fs::File::open("/dev/null").unwrap();
        let other = std::fs::File::open("/dev/null").unwrap();
        let exit = forked(|| {
            if close_all_but(&[keep.as_fd()]).is_err() {
                return 1;
            }
            let kept = rustix::io::fcntl_getfd(&keep).is_ok();
            let closed = rustix::io::fcntl_getfd(&other) == Err(rustix::io::Errno::BADF);
            i32::from(!kept) + 2 * i32::from(!closed)
        });
        assert_eq!(exit, Exit::Code(0));
    }
}
