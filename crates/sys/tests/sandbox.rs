//! Proves the sandbox from inside: each test forks, locks the child in and tries.

use std::io::{Read, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::net::UnixStream;
use sys::process::{Exit, Forked, exit_now, fork};

/// Runs `inside` in a locked child; it returns the names of what went wrong, which the parent shows.
fn locked(inside: impl FnOnce(&mut Vec<String>)) {
    let (mut ours, mut theirs) = UnixStream::pair().unwrap();
    match fork().unwrap() {
        Forked::Child => {
            let mut wrong = Vec::new();
            match sys::sandbox::lock_down(&[theirs.as_fd()]) {
                Ok(_) => inside(&mut wrong),
                Err(e) => wrong.push(e.to_string()),
            }
            let sent = theirs.write_all(wrong.join("\n").as_bytes());
            exit_now(i32::from(sent.is_err()));
        }
        Forked::Parent(child) => {
            drop(theirs);
            let mut wrong = String::new();
            ours.read_to_string(&mut wrong).unwrap();
            assert_eq!(child.wait().unwrap(), Exit::Code(0));
            assert_eq!(wrong, "");
        }
    }
}

/// Notes `name` unless the call failed with `EPERM`.
fn denied(wrong: &mut Vec<String>, name: &str, result: libc::c_long) {
    let error = std::io::Error::last_os_error();
    if result != -1 || error.raw_os_error() != Some(libc::EPERM) {
        wrong.push(format!("{name}: result {result}, {error}"));
    }
}

fn must(wrong: &mut Vec<String>, name: &str, fine: bool) {
    if !fine {
        wrong.push(format!("{name} does not work: {}", std::io::Error::last_os_error()));
    }
}

macro_rules! syscall {
    ($($argument:expr),*) => {
        // SAFETY: called in a throw-away child with pointers to live, zero-terminated constants only.
        unsafe { libc::syscall($($argument),*) }
    };
}

#[test]
fn files_and_mounts_are_out_of_reach() {
    let parent_memory = std::ffi::CString::new(format!("/proc/{}/mem", std::process::id())).unwrap();
    locked(|wrong| {
        let null = c"/dev/null".as_ptr();
        denied(wrong, "open", syscall!(libc::SYS_open, null, libc::O_RDONLY));
        denied(wrong, "openat", syscall!(libc::SYS_openat, libc::AT_FDCWD, null, libc::O_RDONLY));
        denied(wrong, "openat2", syscall!(libc::SYS_openat2, libc::AT_FDCWD, null, 0, 0));
        denied(wrong, "creat", syscall!(libc::SYS_creat, c"/tmp/lkm-sandbox-test".as_ptr(), 0o600));
        denied(wrong, "/proc/ppid/mem", syscall!(libc::SYS_open, parent_memory.as_ptr(), libc::O_RDWR));
        denied(wrong, "stat", syscall!(libc::SYS_stat, null, 0));
        denied(wrong, "readlink", syscall!(libc::SYS_readlink, c"/proc/self/exe".as_ptr(), 0, 0));
        denied(wrong, "unlink", syscall!(libc::SYS_unlink, c"/tmp/lkm-sandbox-test".as_ptr()));
        denied(wrong, "mount", syscall!(libc::SYS_mount, c"x".as_ptr(), c"/mnt".as_ptr(), c"tmpfs".as_ptr(), 0, 0));
        denied(wrong, "umount2", syscall!(libc::SYS_umount2, c"/mnt".as_ptr(), 0));
        denied(wrong, "chroot", syscall!(libc::SYS_chroot, c"/".as_ptr()));
        denied(wrong, "fsopen", syscall!(libc::SYS_fsopen, c"tmpfs".as_ptr(), 0));
        denied(wrong, "name_to_handle", syscall!(libc::SYS_name_to_handle_at, libc::AT_FDCWD, null, 0, 0, 0));
        denied(wrong, "io_uring", syscall!(libc::SYS_io_uring_setup, 8, 0));
        denied(wrong, "ioctl", syscall!(libc::SYS_ioctl, 2, libc::TIOCSTI, c"x".as_ptr()));
    });
}

#[test]
fn other_processes_are_out_of_reach() {
    let parent = std::process::id();
    locked(|wrong| {
        denied(wrong, "kill", syscall!(libc::SYS_kill, parent, 0));
        denied(wrong, "tkill", syscall!(libc::SYS_tkill, parent, 0));
        denied(wrong, "tgkill", syscall!(libc::SYS_tgkill, parent, parent, 0));
        denied(wrong, "sigqueue", syscall!(libc::SYS_rt_sigqueueinfo, parent, 0, 0));
        denied(wrong, "pidfd_open", syscall!(libc::SYS_pidfd_open, parent, 0));
        denied(wrong, "ptrace", syscall!(libc::SYS_ptrace, libc::PTRACE_ATTACH, parent, 0, 0));
        denied(wrong, "process_vm_readv", syscall!(libc::SYS_process_vm_readv, parent, 0, 0, 0, 0, 0));
        denied(wrong, "process_vm_writev", syscall!(libc::SYS_process_vm_writev, parent, 0, 0, 0, 0, 0));
        denied(wrong, "prlimit", syscall!(libc::SYS_prlimit64, parent, libc::RLIMIT_CORE, 0, 0));
        denied(wrong, "setaffinity", syscall!(libc::SYS_sched_setaffinity, parent, 0, 0));
        denied(wrong, "setpriority", syscall!(libc::SYS_setpriority, 0, parent, 5));
        denied(wrong, "F_SETOWN", syscall!(libc::SYS_fcntl, 0, libc::F_SETOWN, parent));
        denied(wrong, "PR_SET_PDEATHSIG", syscall!(libc::SYS_prctl, libc::PR_SET_PDEATHSIG, 0));
        denied(wrong, "PR_SET_DUMPABLE", syscall!(libc::SYS_prctl, libc::PR_SET_DUMPABLE, 1));
    });
}

#[test]
fn nothing_new_is_started() {
    locked(|wrong| {
        denied(wrong, "execve", syscall!(libc::SYS_execve, c"/bin/true".as_ptr(), 0, 0));
        denied(wrong, "execveat", syscall!(libc::SYS_execveat, libc::AT_FDCWD, c"/bin/true".as_ptr(), 0, 0, 0));
        denied(wrong, "fork", syscall!(libc::SYS_fork));
        denied(wrong, "vfork", syscall!(libc::SYS_vfork));
        denied(wrong, "clone of a process", syscall!(libc::SYS_clone, libc::SIGCHLD, 0, 0, 0, 0));
        let clone3 = syscall!(libc::SYS_clone3, 0, 0);
        must(wrong, "clone3", clone3 == -1 && std::io::Error::last_os_error().raw_os_error() == Some(libc::ENOSYS));
        denied(wrong, "socket", syscall!(libc::SYS_socket, libc::AF_INET, libc::SOCK_STREAM, 0));
        denied(wrong, "socketpair", syscall!(libc::SYS_socketpair, libc::AF_UNIX, libc::SOCK_STREAM, 0, 0));
        denied(wrong, "unshare", syscall!(libc::SYS_unshare, libc::CLONE_NEWUSER));
        denied(wrong, "setns", syscall!(libc::SYS_setns, 0, 0));
        denied(wrong, "setuid", syscall!(libc::SYS_setuid, 0));
        denied(wrong, "bpf", syscall!(libc::SYS_bpf, 0, 0, 0));
        denied(wrong, "perf_event_open", syscall!(libc::SYS_perf_event_open, 0, 0, 0, 0, 0));
        denied(wrong, "reboot", syscall!(libc::SYS_reboot, 0, 0, 0, 0));
        denied(wrong, "x32 getpid", syscall!(0x4000_0000 + libc::SYS_getpid));
        denied(wrong, "a number of no call", syscall!(99_999));
        // SAFETY: the 32-bit getpid (20) touches no memory; the gate keeps every register but eax.
        let gate = unsafe {
            let mut eax: i64 = 20;
            std::arch::asm!("int 0x80", inout("rax") eax, out("r8") _, out("r9") _, out("r10") _, out("r11") _);
            eax
        };
        must(wrong, "a denied int 0x80", gate == -i64::from(libc::EPERM));
    });
}

#[test]
fn other_descriptors_are_closed() {
    let other = std::fs::File::open("/etc/passwd").unwrap();
    locked(|wrong| {
        let gone = rustix::io::fcntl_getfd(&other) == Err(rustix::io::Errno::BADF);
        must(wrong, "closing another descriptor", gone);
        let null = rustix::fs::fstat(std::io::stderr()).map(|s| s.st_rdev);
        must(wrong, "stderr as /dev/null", null == Ok(rustix::fs::makedev(1, 3)));
        std::mem::forget(other);
    });
}

#[test]
fn no_capability_and_no_way_to_new_ones_is_left() {
    let (mut ours, mut theirs) = UnixStream::pair().unwrap();
    let Forked::Parent(child) = fork().unwrap() else {
        let locked = sys::sandbox::lock_down(&[theirs.as_fd()]).is_ok();
        let talked = theirs.write_all(&[u8::from(locked)]).and_then(|()| theirs.read_exact(&mut [0]));
        exit_now(i32::from(!locked || talked.is_err()))
    };
    let mut locked = [0];
    ours.read_exact(&mut locked).unwrap();
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.pid())).unwrap();
    for line in ["CapInh:\t0000000000000000", "CapPrm:\t0000000000000000", "CapEff:\t0000000000000000"] {
        assert!(status.contains(line), "{line} is not in {status}");
    }
    assert!(status.contains("NoNewPrivs:\t1") && status.contains("Seccomp:\t2"), "{status}");
    ours.write_all(&[1]).unwrap();
    assert_eq!(child.wait().unwrap(), Exit::Code(0));
}

#[test]
fn memory_threads_and_time_keep_working() {
    locked(|wrong| {
        let vector: Vec<u64> = (0..1_000_000).collect();
        must(wrong, "malloc", vector.iter().sum::<u64>() == 499_999_500_000);
        let shared = std::sync::Arc::new(std::sync::Mutex::new(0));
        let threads: Vec<_> = (0..8)
            .map(|_| {
                let shared = shared.clone();
                std::thread::Builder::new().spawn(move || (0..1000).for_each(|_| *shared.lock().unwrap() += 1))
            })
            .collect();
        let joined = threads.into_iter().all(|t| t.is_ok_and(|t| t.join().is_ok()));
        must(wrong, "threads and futexes", joined && *shared.lock().unwrap() == 8000);
        std::thread::sleep(std::time::Duration::from_micros(10));
        let fd = rustix::fs::memfd_create("x", rustix::fs::MemfdFlags::CLOEXEC);
        must(wrong, "memfd", fd.as_ref().is_ok_and(|fd| rustix::fs::ftruncate(fd, 8192).is_ok()));
        let prot = libc::PROT_READ | libc::PROT_EXEC;
        let number = fd.map_or(-1, std::os::fd::IntoRawFd::into_raw_fd);
        // SAFETY: a new mapping at an address of the kernel's choice.
        let map = unsafe { libc::mmap(std::ptr::null_mut(), 8192, prot, libc::MAP_SHARED, number, 0) };
        must(wrong, "executable mapping", map != libc::MAP_FAILED);
        // SAFETY: the calls take numbers; signal 0 sends nothing.
        let own = unsafe { libc::syscall(libc::SYS_tgkill, libc::getpid(), libc::gettid(), 0) };
        must(wrong, "tgkill of itself", own == 0);
        must(wrong, "pipe", rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).is_ok());
    });
}

#[test]
fn descriptors_still_arrive_over_a_kept_socket() {
    use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
    let (ours, theirs) = UnixStream::pair().unwrap();
    let Forked::Parent(child) = fork().unwrap() else {
        if sys::sandbox::lock_down(&[theirs.as_fd()]).is_err() {
            exit_now(1);
        }
        let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let mut byte = [0];
        let mut parts = [std::io::IoSliceMut::new(&mut byte)];
        if recvmsg(&theirs, &mut parts, &mut ancillary, RecvFlags::CMSG_CLOEXEC).is_err() {
            exit_now(2);
        }
        let Some(RecvAncillaryMessage::ScmRights(mut fds)) = ancillary.drain().next() else { exit_now(3) };
        let mut text = [0; 4];
        let read = fds.next().map(|fd| rustix::io::pread(&fd, &mut text, 0));
        exit_now(i32::from(read != Some(Ok(4)) || &text != b"root"))
    };
    let file = std::fs::File::open("/etc/passwd").unwrap();
    let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = rustix::net::SendAncillaryBuffer::new(&mut space);
    let fds = [file.as_fd()];
    assert!(ancillary.push(rustix::net::SendAncillaryMessage::ScmRights(&fds)));
    rustix::net::sendmsg(&ours, &[std::io::IoSlice::new(b"x")], &mut ancillary, rustix::net::SendFlags::empty())
        .unwrap();
    assert_eq!(child.wait().unwrap(), Exit::Code(0));
}

static HANDLED: std::sync::atomic::AtomicBool = std::sync::atomic::AtomicBool::new(false);

extern "C" fn skip_fault(_: libc::c_int, _: *mut libc::siginfo_t, context: *mut libc::c_void) {
    HANDLED.store(true, std::sync::atomic::Ordering::SeqCst);
    // SAFETY: the kernel passes a valid context to a SA_SIGINFO handler, and nothing else uses it.
    let context = unsafe { &mut *context.cast::<libc::ucontext_t>() };
    // The faulting instruction is `mov rax, [rax]` of three bytes.
    context.uc_mcontext.gregs[libc::REG_RIP as usize] += 3;
}

#[test]
fn a_fault_handler_keeps_working() {
    locked(|wrong| {
        // SAFETY: all-zero bytes are a valid `sigaction`.
        let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
        let handler: extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void) = skip_fault;
        action.sa_sigaction = handler as libc::sighandler_t;
        action.sa_flags = libc::SA_SIGINFO;
        // SAFETY: the handler has the type that SA_SIGINFO asks for.
        must(
            wrong,
            "sigaction",
            unsafe { libc::sigaction(libc::SIGSEGV, &raw const action, std::ptr::null_mut()) } == 0,
        );
        // SAFETY: the load faults, and the handler steps over its three bytes.
        unsafe { std::arch::asm!("mov rax, [rax]", inout("rax") 0_u64 => _) };
        must(wrong, "the handler", HANDLED.load(std::sync::atomic::Ordering::SeqCst));
    });
}

#[test]
fn a_panic_in_the_locked_process_does_not_hang() {
    let Forked::Parent(child) = fork().unwrap() else {
        let null = std::fs::File::open("/dev/null").unwrap();
        assert!(sys::sandbox::lock_down(&[null.as_fd()]).is_ok() && null.as_raw_fd() > 2);
        let caught = std::panic::catch_unwind(|| panic!("on purpose"));
        exit_now(i32::from(caught.is_ok()))
    };
    assert_eq!(child.wait().unwrap(), Exit::Code(0));
}
