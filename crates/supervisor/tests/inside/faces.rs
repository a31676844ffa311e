//! /proc, /sys and /dev as programs inside see them.

use crate::{Test, boot, output, output_of, scratch, shell};
use supervisor::{Calls, Exit};

pub const TESTS: &[Test] = &[
    ("the_instances_files_are_served", the_instances_files_are_served),
    ("the_hosts_files_stay", the_hosts_files_stay),
    ("directories_are_merged", directories_are_merged),
    ("usual_programs_work", usual_programs_work),
    ("the_caller_is_known", the_caller_is_known),
    ("files_are_read_and_written_whole", files_are_read_and_written_whole),
    ("a_blocked_read_is_interrupted", a_blocked_read_is_interrupted),
    ("many_blocked_readers_block_nobody_else", many_blocked_readers_block_nobody_else),
    ("poll_wakes_up", poll_wakes_up),
    ("an_oops_in_a_read_kills_the_reader", an_oops_in_a_read_kills_the_reader),
    ("without_faces_the_hosts_files_are_seen", without_faces_the_hosts_files_are_seen),
    ("open_files_are_released", open_files_are_released),
];

fn expect(script: &str, expected: &str) {
    let instance = boot();
    assert_eq!(output(&instance, script), expected, "{script}");
    instance.shutdown().unwrap();
}

fn load(instance: &supervisor::Instance, name: &str) {
    use std::io::Write;
    let memfd = rustix::fs::memfd_create("module", rustix::fs::MemfdFlags::CLOEXEC).unwrap();
    let mut file = std::fs::File::from(memfd);
    writeln!(file, "module {name}").unwrap();
    instance.as_self().init_module(std::os::fd::AsFd::as_fd(&file), b"", 0, None).unwrap();
}

fn the_instances_files_are_served() {
    let instance = boot();
    load(&instance, "abc");
    assert_eq!(output(&instance, "cat /proc/modules"), "abc 16384 0 - Live 0x0000000000000000\n");
    assert_eq!(
        output(&instance, "ls /sys/module /sys/module/abc"),
        "/sys/module:\nabc\n\n/sys/module/abc:\ncoresize\nholders\ninitstate\nrefcnt\nself\n"
    );
    assert_eq!(output(&instance, "cat /sys/module/abc/self; readlink /sys/module/abc/self"), "live\ninitstate\n");
    assert_eq!(output(&instance, "cat /sys/kernel/debug/value /proc/sys/kernel/tainted"), "23\n4096\n");
    // Modules come and go while a program looks.
    let module = scratch("x.ko");
    std::fs::write(&module, "module x\n").unwrap();
    let script = format!(
        "ls /sys/module/x 2>&1; insmod {}; ls -d /sys/module/x; rmmod x; ls -d /sys/module/x; :",
        module.display()
    );
    let text = output(&instance, &script);
    assert_eq!(text.matches("No such file").count(), 2, "{text}");
    assert!(text.contains("\n/sys/module/x\n"), "{text}");
    assert_eq!(
        output(&instance, "stat -c '%F %a %u' /proc/modules /sys/module"),
        "regular empty file 644 0\ndirectory 755 0\n"
    );
    std::fs::remove_file(module).unwrap();
    instance.shutdown().unwrap();
}

fn the_hosts_files_stay() {
    let version = std::fs::read_to_string("/proc/version").unwrap();
    expect("cat /proc/version", &version);
    expect(
        "cat /proc/sys/kernel/osrelease /proc/sys/vm/overcommit_memory",
        &(std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap()
            + &std::fs::read_to_string("/proc/sys/vm/overcommit_memory").unwrap()),
    );
    let online = std::fs::read_to_string("/sys/devices/system/cpu/online").unwrap();
    expect("cat /sys/devices/system/cpu/online", &online);
    expect(
        "readlink /proc/mounts /dev/fd; cat /proc/self/comm /proc/thread-self/comm",
        "self/mounts\n/proc/self/fd\ncat\ncat\n",
    );
    expect("echo x >/dev/null; head -c3 /dev/zero | od -An -tx1; test -c /dev/null && test -c /dev/tty", " 00 00 00\n");
    expect(
        "cat /proc/no-such-file 2>/dev/null || echo none; ls -d /proc/99999 2>/dev/null || echo none",
        "none\nnone\n",
    );
    expect(
        "touch /proc/x 2>/dev/null || echo no; mkdir /sys/x 2>/dev/null || echo no; rm /proc/modules 2>/dev/null || echo no",
        "no\nno\nno\n",
    );
}

fn directories_are_merged() {
    let instance = boot();
    let listed = output(&instance, "ls /proc /sys /dev /sys/kernel /proc/sys/kernel");
    for name in [
        "modules", "echo", "cpuinfo", "self", "1", "module", "devices", "echo0", "null", "debug", "mm", "tainted",
        "hostname",
    ] {
        assert!(listed.lines().any(|line| line == name), "{name} is missing: {listed}");
    }
    assert!(!listed.contains(".host"), "{listed}");
    assert!(!listed.lines().any(|line| line == "class"), "the host's devices are shown");
    instance.shutdown().unwrap();
}

fn usual_programs_work() {
    let instance = boot();
    let text = output(&instance, "ps -e -o pid= -o comm= | awk '{print $1, $2}' | head -2");
    assert_eq!(text, "1 lkm-init\n2 sh\n");
    assert_eq!(output(&instance, "bash -c 'cat <(echo a) <(echo b)'"), "a\nb\n");
    assert_eq!(output(&instance, "nproc; getconf _NPROCESSORS_ONLN | sed s/.*/x/").lines().count(), 2);
    assert_eq!(
        output(&instance, "grep -c processor /proc/cpuinfo | sed s/.*/x/; sysctl -n kernel.ostype"),
        "x\nLinux\n"
    );
    let python = "import multiprocessing as m\ndef f(x): return x*x\nif __name__=='__main__':\n print(m.Pool(2).map(f, range(4)))\n";
    let file = scratch("pool.py");
    std::fs::write(&file, python).unwrap();
    assert_eq!(output(&instance, &format!("python3 {}", file.display())), "[0, 1, 4, 9]\n");
    std::fs::remove_file(file).unwrap();
    let source = scratch("hello.c");
    std::fs::write(&source, "#include <stdio.h>\nint main(void) { puts(\"built\"); }\n").unwrap();
    let program = source.with_extension("out");
    let script = format!("gcc -o {1} {0} && {1}; rm -f {1}", source.display(), program.display());
    assert_eq!(output(&instance, &script), "built\n");
    std::fs::remove_file(source).unwrap();
    instance.shutdown().unwrap();
}

fn the_caller_is_known() {
    let instance = boot();
    let text = output(&instance, "exec cat /proc/caller");
    assert_eq!(text, "Caller { pid: 2, tid: 2, uid: 0, gid: 0, comm: \"cat\" }\n");
    instance.shutdown().unwrap();
}

fn files_are_read_and_written_whole() {
    expect(
        "wc -c </proc/big; head -c 16 /proc/big; tail -c +1048561 /proc/big",
        "1048576\n0123456789abcde\n0123456789abcde\n",
    );
    expect("echo hello >/proc/echo; echo there >>/dev/echo0; head -c 12 /proc/echo", "hello\nthere\n");
    let script = "head -c 1048576 /dev/zero | dd bs=1M iflag=fullblock of=/dev/echo0 2>/dev/null; head -c 1048576 /dev/echo0 | wc -c";
    expect(script, "1048576\n");
}

fn a_blocked_read_is_interrupted() {
    expect("timeout 0.2 cat /proc/sleep; echo $?", "124\n");
    expect("timeout -s KILL 0.2 cat /proc/echo; echo $?", "Killed\n137\n");
    expect("timeout 0.2 dd if=/dev/echo0 iflag=nonblock 2>&1 | grep -c 'temporarily unavailable'", "1\n");
}

fn many_blocked_readers_block_nobody_else() {
    let script =
        "for i in 1 2 3 4 5 6 7 8 9; do cat /proc/sleep & done 2>/dev/null\nsleep 0.1; cat /sys/kernel/debug/value";
    expect(script, "23\n");
}

fn poll_wakes_up() {
    let python = "import os, select, threading, time\n\
        f = os.open('/dev/echo0', os.O_RDWR)\n\
        p = select.poll(); p.register(f, select.POLLIN)\n\
        print(p.poll(50))\n\
        threading.Thread(target=lambda: (time.sleep(0.2), os.write(f, b'x'))).start()\n\
        print([event for _, event in p.poll(10000)], os.read(f, 9))\n";
    let file = scratch("poll.py");
    std::fs::write(&file, python).unwrap();
    expect(&format!("python3 {}", file.display()), "[]\n[1] b'x'\n");
    std::fs::remove_file(file).unwrap();
}

fn an_oops_in_a_read_kills_the_reader() {
    let instance = boot();
    let (exit, text) = output_of(&instance, &shell("cat /proc/oops; echo status $?; cat /sys/kernel/debug/value"));
    assert_eq!(exit, Exit::Code(0));
    assert!(text.contains("status 137\n23\n"), "{text}");
    instance.shutdown().unwrap();
}

fn without_faces_the_hosts_files_are_seen() {
    let instance = boot();
    let mut program = shell("ls -d /proc/echo /sys/class; echo $$; lsmod");
    program.no_faces = true;
    let (_, text) = output_of(&instance, &program);
    assert!(text.contains("/sys/class\n2\n") && text.contains("No such file"), "{text}");
    instance.shutdown().unwrap();
}

fn open_files_are_released() {
    let instance = boot();
    output(
        &instance,
        "for i in 1 2 3; do cat /proc/modules /sys/kernel/debug/value >/dev/null; done; cat /proc/echo </dev/null & sleep 0.1; kill $!; wait; :",
    );
    let count = || String::from_utf8(instance.as_self().read_file("/proc/handles").unwrap()).unwrap();
    let start = std::time::Instant::now();
    while count() != "0" {
        assert!(start.elapsed() < std::time::Duration::from_secs(10), "{} files stay open", count());
    }
    instance.shutdown().unwrap();
}
