//! The sandbox of the process that runs module code.
//!
//! [`lock_down`] leaves that process its memory, its threads, its clocks and the descriptors it has; everything that
//! opens, starts, signals or inspects anything else fails with `EPERM`, which is survivable: the attempt shows in the
//! module's behaviour and not as a dead instance. It cannot be undone, and it assumes nothing about the user: root is
//! locked in the same way.
//!
//! Three layers: descriptors are closed and capabilities dropped; Landlock denies files, the network and signals by
//! object (where the kernel has it); the seccomp filter allows a list of calls ([`ALLOWED`], [`filter`]).

use crate::seccomp::{Action, Filter, Test};
use crate::{check, landlock, process};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

/// What [`lock_down`] achieved; the seccomp filter is always in force.
#[derive(Debug)]
pub struct Report {
    /// Whether Landlock stands behind it.
    pub landlock: landlock::State,
}

/// A step that failed. The process is then only partly locked and must not run module code.
#[derive(Debug)]
pub struct Error {
    /// The step.
    pub step: &'static str,
    /// Why.
    pub source: io::Error,
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "sandbox: {}: {}", self.step, self.source)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

/// Calls allowed with any arguments: none of them names another process or a file.
pub const ALLOWED: &[libc::c_long] = &[
    // Descriptors that are open already, and new ones that lead nowhere outside.
    libc::SYS_read,
    libc::SYS_write,
    libc::SYS_readv,
    libc::SYS_writev,
    libc::SYS_pread64,
    libc::SYS_pwrite64,
    libc::SYS_preadv,
    libc::SYS_pwritev,
    libc::SYS_sendmsg,
    libc::SYS_recvmsg,
    libc::SYS_sendto,
    libc::SYS_recvfrom,
    libc::SYS_shutdown,
    libc::SYS_close,
    libc::SYS_close_range,
    libc::SYS_dup,
    libc::SYS_dup2,
    libc::SYS_dup3,
    libc::SYS_lseek,
    libc::SYS_fstat,
    libc::SYS_ftruncate,
    libc::SYS_fallocate,
    libc::SYS_memfd_create,
    libc::SYS_pipe2,
    libc::SYS_eventfd2,
    libc::SYS_poll,
    libc::SYS_ppoll,
    libc::SYS_select,
    libc::SYS_pselect6,
    libc::SYS_epoll_create1,
    libc::SYS_epoll_ctl,
    libc::SYS_epoll_wait,
    libc::SYS_epoll_pwait,
    libc::SYS_epoll_pwait2,
    // Memory.
    libc::SYS_brk,
    libc::SYS_mmap,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_mprotect,
    libc::SYS_madvise,
    libc::SYS_mincore,
    libc::SYS_msync,
    libc::SYS_mlock,
    libc::SYS_mlock2,
    libc::SYS_munlock,
    libc::SYS_pkey_alloc,
    libc::SYS_pkey_free,
    libc::SYS_pkey_mprotect,
    libc::SYS_membarrier,
    // Threads and signals of its own.
    libc::SYS_futex,
    libc::SYS_set_robust_list,
    libc::SYS_get_robust_list,
    libc::SYS_set_tid_address,
    libc::SYS_rseq,
    libc::SYS_arch_prctl,
    libc::SYS_gettid,
    libc::SYS_getpid,
    libc::SYS_getppid,
    libc::SYS_getuid,
    libc::SYS_geteuid,
    libc::SYS_getgid,
    libc::SYS_getegid,
    libc::SYS_sched_yield,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_getparam,
    libc::SYS_sched_getscheduler,
    libc::SYS_sched_get_priority_max,
    libc::SYS_sched_get_priority_min,
    libc::SYS_getcpu,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigpending,
    libc::SYS_rt_sigsuspend,
    libc::SYS_rt_sigtimedwait,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    libc::SYS_signalfd4,
    libc::SYS_pause,
    libc::SYS_restart_syscall,
    libc::SYS_exit,
    libc::SYS_exit_group,
    // Time.
    libc::SYS_nanosleep,
    libc::SYS_clock_nanosleep,
    libc::SYS_clock_gettime,
    libc::SYS_clock_getres,
    libc::SYS_gettimeofday,
    libc::SYS_time,
    libc::SYS_times,
    libc::SYS_getitimer,
    libc::SYS_setitimer,
    libc::SYS_alarm,
    libc::SYS_timer_create,
    libc::SYS_timer_settime,
    libc::SYS_timer_gettime,
    libc::SYS_timer_getoverrun,
    libc::SYS_timer_delete,
    libc::SYS_timerfd_create,
    libc::SYS_timerfd_settime,
    libc::SYS_timerfd_gettime,
    // What the machine is like.
    libc::SYS_getrandom,
    libc::SYS_uname,
    libc::SYS_sysinfo,
    libc::SYS_getrusage,
    libc::SYS_getrlimit,
];

/// `fcntl` commands that stay within the process: `F_SETOWN` and `F_SETSIG` could signal others.
const FCNTL: &[u32] = &[
    libc::F_DUPFD as u32,
    libc::F_DUPFD_CLOEXEC as u32,
    libc::F_GETFD as u32,
    libc::F_SETFD as u32,
    libc::F_GETFL as u32,
    libc::F_SETFL as u32,
    libc::F_ADD_SEALS as u32,
    libc::F_GET_SEALS as u32,
];

/// `prctl` options: names, for people who debug; `PR_SET_PDEATHSIG` would let it outlive its supervisor.
const PRCTL: &[u32] = &[
    libc::PR_SET_NAME as u32,
    libc::PR_GET_NAME as u32,
    libc::PR_SET_VMA as u32,
    libc::PR_SET_TIMERSLACK as u32,
    libc::PR_GET_DUMPABLE as u32,
    libc::PR_GET_PDEATHSIG as u32,
    libc::PR_GET_NO_NEW_PRIVS as u32,
    libc::PR_GET_SECCOMP as u32,
];

/// Locks the process in, for ever: to be called with one thread, before the first byte of module code runs.
///
/// Of the descriptors only those in `keep` stay open; standard input, output and error become `/dev/null` unless they
/// are among them. Whatever owns another descriptor must not use it again.
///
/// # Errors
/// The step that failed; the process must end then.
pub fn lock_down(keep: &[BorrowedFd<'_>]) -> Result<Report, Error> {
    let step = |step| move |source: io::Error| Error { step, source };
    close_others(keep).map_err(step("closing descriptors"))?;
    rustix::thread::set_no_new_privs(true).map_err(|e| Error { step: "no_new_privs", source: e.into() })?;
    let landlock = landlock::deny_all().map_err(step("landlock"))?;
    drop_capabilities().map_err(step("dropping capabilities"))?;
    filter(std::process::id()).install().map_err(step("seccomp filter"))?;
    Ok(Report { landlock })
}

fn close_others(keep: &[BorrowedFd<'_>]) -> io::Result<()> {
    let null = std::fs::OpenOptions::new().read(true).write(true).open("/dev/null")?;
    let mut kept = keep.to_vec();
    for standard in 0..=2 {
        if kept.iter().all(|fd| fd.as_raw_fd() != standard) {
            // SAFETY: takes two numbers; the target becomes /dev/null, as the caller was told.
            check(unsafe { libc::dup2(null.as_raw_fd(), standard) }.into())?;
            // SAFETY: the descriptor was opened on the line above and stays open.
            kept.push(unsafe { BorrowedFd::borrow_raw(standard) });
        }
    }
    if null.as_raw_fd() <= 2 {
        // It filled one of the three places itself.
        std::mem::forget(null);
    } else {
        drop(null);
    }
    process::close_all_but(&kept)
}

fn drop_capabilities() -> io::Result<()> {
    use rustix::thread::{CapabilitySet, CapabilitySets, set_capabilities};
    let none = CapabilitySet::empty();
    // Linux refuses to shrink the bounding set without CAP_SETPCAP; without exec it has no meaning.
    let _ = rustix::thread::clear_ambient_capability_set();
    Ok(set_capabilities(None, CapabilitySets { effective: none, permitted: none, inheritable: none })?)
}

/// The filter for the process `pid` (its own id, as it sees it).
pub fn filter(pid: u32) -> Filter {
    const CLONE_THREAD: u32 = libc::CLONE_THREAD as u32;
    let own = [0, pid];
    let mut filter = Filter::new(Action::Errno(libc::EPERM));
    for call in ALLOWED {
        filter = filter.rule(*call, Action::Allow);
    }
    filter
        .rule_if(libc::SYS_clone, 0, Test::Has(CLONE_THREAD), Action::Allow)
        // Its flags are in memory, out of a filter's sight; the C library then falls back to clone.
        .rule(libc::SYS_clone3, Action::Errno(libc::ENOSYS))
        .rule_if(libc::SYS_tgkill, 0, Test::OneOf(&[pid]), Action::Allow)
        .rule_if(libc::SYS_rt_sigqueueinfo, 0, Test::OneOf(&[pid]), Action::Allow)
        .rule_if(libc::SYS_rt_tgsigqueueinfo, 0, Test::OneOf(&[pid]), Action::Allow)
        .rule_if(libc::SYS_fcntl, 1, Test::OneOf(FCNTL), Action::Allow)
        .rule_if(libc::SYS_prctl, 0, Test::OneOf(PRCTL), Action::Allow)
        .rule_if(libc::SYS_prlimit64, 0, Test::OneOf(&own), Action::Allow)
        .rule_if(libc::SYS_sched_setaffinity, 0, Test::OneOf(&own), Action::Allow)
        .rule_if(libc::SYS_sched_setscheduler, 0, Test::OneOf(&own), Action::Allow)
}
