//! Programs inside that mean no good, or know nothing of what is around them: the instance serves the next one as before.

use crate::{Test, boot, output, scratch};

pub const TESTS: &[Test] = &[
    ("hostile_programs_leave_the_instance_whole", hostile_programs_leave_the_instance_whole),
    ("signals_end_waiting_calls", signals_end_waiting_calls),
    ("debuggers_and_tools_work", debuggers_and_tools_work),
];

/// Python scripts, and what each prints.
const HOSTILE: &[(&str, &str)] = &[
    // Deep paths, long names, names that are no text.
    (
        "import os\nfor p in (b'/sys/' + b'module/../' * 380 + b'module', b'/sys/' + b'x' * 255, b'/sys/' + b'x' * 256, b'/dev/\\xff\\xfe', b'/proc/' + b'9' * 200):\n\
         \x20try: os.stat(p); print('ok')\n except OSError as e: print(e.strerror)\n",
        "ok\nNo such file or directory\nFile name too long\nNo such file or directory\nNo such file or directory\n",
    ),
    // Huge reads and writes, odd offsets.
    (
        "import os\nf = os.open('/proc/big', 0)\nprint(len(os.read(f, 1 << 30)), len(os.pread(f, 99, 1 << 62)), len(os.pread(f, 7, 1)))\n\
         f = os.open('/dev/slate', os.O_RDWR)\nprint(os.write(f, b'x' * (3 << 20)), len(os.read(f, 1 << 28)))\n",
        "1048576 0 7\n64 0\n",
    ),
    // Many descriptors, all at once and by a program that is then gone.
    (
        "import os, resource\nresource.setrlimit(resource.RLIMIT_NOFILE, (1000, 1000))\nfs = []\n\
         try:\n while True: fs.append(os.open(('/dev/slate', '/proc/modules', '/sys/module')[len(fs) % 3], 0))\nexcept OSError as e: print(len(fs) > 900, e.strerror)\n",
        "True Too many open files\n",
    ),
    // Forks while others read, half of them killed.
    (
        "import os, signal\npids = []\nfor i in range(40):\n pid = os.fork()\n if pid == 0:\n  f = os.open(('/dev/echo0', '/proc/sleep')[i % 2], 0); os.read(f, 9); os._exit(0)\n pids.append(pid)\n\
         import time; time.sleep(0.3)\nfor pid in pids: os.kill(pid, signal.SIGKILL)\nprint(sum(os.waitpid(p, 0)[1] == 9 for p in pids))\n",
        "40\n",
    ),
    // Threads that look at a device while others open it.
    (
        "import os, stat, threading\nbad = []\ndef look():\n for _ in range(200):\n  if not stat.S_ISCHR(os.stat('/dev/slate').st_mode): bad.append(1)\n\
         def use():\n for _ in range(200):\n  f = os.open('/dev/slate', 0)\n  if os.pread(f, 1, 0) == b'' or not stat.S_ISCHR(os.fstat(f).st_mode): bad.append(2)\n  os.close(f)\n\
         ts = [threading.Thread(target=t) for t in (look, use) * 4]\nfor t in ts: t.start()\nfor t in ts: t.join()\nprint(bad)\n",
        "[]\n",
    ),
    // Bad pointers and numbers in calls that are caught.
    (
        "import ctypes, errno, os\nl = ctypes.CDLL(None, use_errno=True)\nf = os.open('/dev/slate', os.O_RDWR)\np = ctypes.c_void_p(8)\n\
         for a in ((5, f, p), (262, f, b'', p, 0x1000), (332, f, b'', 0x1000, 0x7ff, p), (133, p, 0o20600, 5), (259, 99, b'x', 0o20600, 5), (103, 3, p, 100), (17, f, p, 9, 0), (18, f, p, 9, 0), (63, p)):\n\
         \x20print(errno.errorcode[ctypes.get_errno()] if l.syscall(*a) < 0 else 'fine', end=' ')\n",
        "EFAULT EFAULT EFAULT EFAULT ENOENT EFAULT EFAULT EFAULT EFAULT ",
    ),
];

fn hostile_programs_leave_the_instance_whole() {
    let instance = boot();
    let file = scratch("hostile.py");
    let mut failures = Vec::new();
    for (script, expected) in HOSTILE {
        std::fs::write(&file, script).unwrap();
        let said = output(&instance, &format!("python3 {} 2>&1", file.display()));
        if said != *expected {
            failures.push(format!("{script} said {said:?} and not {expected:?}"));
        }
        assert_eq!(
            output(&instance, "head -c 3 /dev/zero | wc -c; stat -c %F /dev/slate; cat /proc/modules"),
            "3\ncharacter special file\n"
        );
    }
    std::fs::remove_file(file).unwrap();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    // A program for another machine, and one that is none.
    assert_eq!(
        output(
            &instance,
            "printf '\\177ELF\\2\\1\\1' >/run/lkm-elf; chmod +x /run/lkm-elf; /run/lkm-elf 2>/dev/null; echo $?; /dev/slate 2>/dev/null; echo $?"
        ),
        "126\n126\n"
    );
    instance.shutdown().unwrap();
}

/// A handler with and without SA_RESTART, in a caught call and in a read.
fn signals_end_waiting_calls() {
    let script = "import ctypes, errno, os, signal, sys, time\nl = ctypes.CDLL(None, use_errno=True)\nb = ctypes.create_string_buffer(99)\n\
        def run(name, call, again):\n\
        \x20pid = os.fork()\n\
        \x20if pid == 0:\n\
        \x20 signal.signal(signal.SIGALRM, lambda *a: os.write(1, b'handler '))\n\
        \x20 signal.siginterrupt(signal.SIGALRM, not again)\n\
        \x20 signal.setitimer(signal.ITIMER_REAL, 0.2)\n\
        \x20 r = call(); os.write(1, f'{name} {errno.errorcode[ctypes.get_errno()] if r < 0 else r}\\n'.encode()); os._exit(0)\n\
        \x20return pid\n\
        f = os.open('/proc/sleep', 0)\n\
        for name, call in (('syslog', lambda: l.klogctl(2, b, 99)), ('read', lambda: l.read(f, b, 9))):\n\
        \x20os.waitpid(run(name, call, False), 0)\n\
        pid = run('restarted', lambda: l.klogctl(2, b, 99), True); time.sleep(0.8)\n\
        done = os.waitpid(pid, os.WNOHANG)[0]; os.write(1, b'waits\\n' if done == 0 else b'ended\\n')\n\
        os.kill(pid, signal.SIGTERM); print(os.WTERMSIG(os.waitpid(pid, 0)[1]))\n\
        for number in (signal.SIGKILL, signal.SIGINT, signal.SIGQUIT):\n\
        \x20for call in (lambda: l.klogctl(2, b, 99), lambda: l.read(f, b, 9)):\n\
        \x20 pid = os.fork()\n\
        \x20 if pid == 0: signal.signal(number, signal.SIG_DFL) if number != 9 else 0; call(); os._exit(1)\n\
        \x20 time.sleep(0.1); os.kill(pid, number); print(os.WTERMSIG(os.waitpid(pid, 0)[1]), end=' ')\n\
        print()\n";
    let file = scratch("signals.py");
    std::fs::write(&file, script).unwrap();
    let instance = boot();
    // Python's handlers run when the call has ended, so that a call that begins again shows none.
    assert_eq!(
        output(&instance, &format!("ulimit -c 0; python3 -u {}", file.display())),
        "handler syslog EINTR\nhandler read EINTR\nwaits\n15\n9 9 2 2 3 3 \n"
    );
    std::fs::remove_file(file).unwrap();
    instance.shutdown().unwrap();
}

/// Those that are installed.
fn debuggers_and_tools_work() {
    let instance = boot();
    let mut failures = Vec::new();
    for (tool, script, expected) in [
        (
            "gdb",
            "gdb -batch -ex run -ex 'print 6*7' --args /bin/true 2>/dev/null | grep -E 'exited normally|\\$1'",
            "[Inferior 1 (process N) exited normally]\n$1 = 42\n",
        ),
        ("strace", "strace -e trace=openat cat /dev/null 2>&1 | grep -c '/dev/null'", "1\n"),
        ("make", "cd /run; printf 'all: a b\\na b:\\n\\t@echo $@ | cat\\n' >mf; make -s -j2 -f mf | sort", "a\nb\n"),
        ("top", "top -b -n 1 | grep -c Tasks", "1\n"),
        ("df", "df /dev /proc /sys >/dev/null && echo ok", "ok\n"),
        (
            "mount",
            "mount | grep -c ' on /proc type fuse'; mount -t tmpfs none /mnt && umount /mnt && echo ok",
            "1\nok\n",
        ),
        (
            "script",
            "script -qc 'tty | cut -c1-9; stty size >/dev/null && echo sized' /dev/null | tr -d '\\r'",
            "/dev/pts/\nsized\n",
        ),
        ("find", "find /proc/self/fd /sys/module /dev -maxdepth 1 >/dev/null && echo ok", "ok\n"),
        ("tar", "tar -cf - /dev/slate 2>/dev/null | tar -tvf - | cut -c1,5-7", "cr--\n"),
    ] {
        if output(&instance, &format!("command -v {tool} || :")).is_empty() {
            println!("{tool} is not installed");
            continue;
        }
        let said = output(&instance, script);
        let said = said
            .split(' ')
            .map(|w| if w.starts_with(|c: char| c.is_ascii_digit()) && w.ends_with(')') { "N)" } else { w });
        let said = said.collect::<Vec<_>>().join(" ");
        if said != expected {
            failures.push(format!("{tool} said {said:?} and not {expected:?}"));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    instance.shutdown().unwrap();
}
