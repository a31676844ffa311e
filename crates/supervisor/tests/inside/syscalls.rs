//! System calls of programs that know nothing of lkm: the distribution's own tools among them.

use crate::{Test, boot, output, output_of, scratch, shell};
use supervisor::{Calls, Exit};

pub const TESTS: &[Test] = &[
    ("uname_tells_the_instances_release", uname_tells_the_instances_release),
    ("the_distributions_tools_reach_the_instance", the_distributions_tools_reach_the_instance),
    ("modules_come_from_memory_too", modules_come_from_memory_too),
    ("the_log_comes_through_the_system_call", the_log_comes_through_the_system_call),
    ("a_killed_caller_interrupts_its_call", a_killed_caller_interrupts_its_call),
    ("an_oops_in_a_system_call_kills_the_caller", an_oops_in_a_system_call_kills_the_caller),
    ("debugfs_is_mounted_already", debugfs_is_mounted_already),
];

fn python(script: &str) -> String {
    format!("python3 -c '\nimport ctypes, os, sys\nl = ctypes.CDLL(None, use_errno=True)\n{script}'")
}

fn uname_tells_the_instances_release() {
    let instance = boot();
    assert_eq!(output(&instance, "uname -s; uname -r; uname -v"), "Linux\n6.1.0-mock\n#1 mock\n");
    let host = std::process::Command::new("uname").args(["-n", "-m"]).output().unwrap();
    assert_eq!(output(&instance, "uname -n -m"), String::from_utf8_lossy(&host.stdout));
    instance.shutdown().unwrap();
}

fn the_distributions_tools_reach_the_instance() {
    let instance = boot();
    let module = scratch("y.ko");
    std::fs::write(&module, "module y\n").unwrap();
    let script = format!("/sbin/insmod {} a=1 b=2 && /sbin/lsmod && /sbin/rmmod y && /sbin/rmmod y", module.display());
    let (exit, text) = output_of(&instance, &shell(&script));
    assert_eq!(exit, Exit::Code(1));
    assert_eq!(
        text,
        "Module                  Size  Used by\ny                      16384  0\nrmmod: ERROR: Module y is not currently loaded\n"
    );
    std::fs::remove_file(module).unwrap();
    instance.shutdown().unwrap();
}

fn modules_come_from_memory_too() {
    let instance = boot();
    // What is shorter than an ELF header is no module. init_module, twice; then one whose bytes and one whose parameters are nowhere; delete_module of a long name.
    let script = "m = b\"module z\\n\".ljust(64)\n\
        print(l.syscall(175, m, len(m), b\"p=1\"), l.syscall(175, m, len(m), b\"\"), ctypes.get_errno())\n\
        print(l.syscall(175, ctypes.c_void_p(8), 4096, b\"\"), ctypes.get_errno())\n\
        print(l.syscall(175, m, len(m), ctypes.c_void_p(8)), ctypes.get_errno())\n\
        print(l.syscall(176, b\"n\" * 99, 0), ctypes.get_errno(), l.syscall(176, b\"z\", 0))\n\
        print(l.syscall(313, 999, b\"\", 0), ctypes.get_errno())\n";
    assert_eq!(output(&instance, &python(script)), "0 -1 17\n-1 14\n-1 14\n-1 2 0\n-1 9\n");
    instance.shutdown().unwrap();
}

fn the_log_comes_through_the_system_call() {
    let instance = boot();
    let script = "b = ctypes.create_string_buffer(100)\n\
        print(l.klogctl(3, b, 100), b.value)\n\
        print(l.klogctl(3, b, 5), b.value[:6])\n\
        print(l.klogctl(3, ctypes.c_void_p(8), 5), ctypes.get_errno())\n\
        print(l.klogctl(10, None, 0), l.klogctl(77, None, 0), ctypes.get_errno())\n";
    let text = output(&instance, &python(script));
    assert_eq!(
        text,
        "23 b\"<6>[    0.000000] mock\\n\"\n5 b\"<6>[  \"\n-1 14\n4096 -1 22\n"
            .replace("b\"<6>[    0.000000] mock\\n\"", "b'<6>[    0.000000] mock\\n'")
            .replace("b\"<6>[  \"", "b'<6>[  '")
    );
    assert_eq!(output(&instance, "/bin/dmesg --syslog"), "[    0.000000] mock\n");
    instance.shutdown().unwrap();
}

fn a_killed_caller_interrupts_its_call() {
    let instance = boot();
    // Action 2 waits for ever in the mock.
    let called = scratch("called");
    let program =
        python(&format!("open(\"{}\", \"w\")\nl.klogctl(2, ctypes.create_string_buffer(9), 9)", called.display()));
    let wait = format!("while ! test -e {}; do sleep 0.05; done; sleep 0.3", called.display());
    assert_eq!(output(&instance, &format!("exec 2>/dev/null\n{program} & {wait}; kill $!; wait $!; echo $?")), "143\n");
    std::fs::remove_file(called).unwrap();
    let start = std::time::Instant::now();
    while instance.as_self().read_file("/proc/interrupted").unwrap() != b"1" {
        assert!(start.elapsed() < std::time::Duration::from_secs(10), "the call still waits");
    }
    instance.shutdown().unwrap();
}

fn an_oops_in_a_system_call_kills_the_caller() {
    let instance = boot();
    let (exit, text) = output_of(
        &instance,
        &shell(&format!("{}; echo $?", python("l.syscall(175, b\"module oops\\n\".ljust(64), 64, b\"\")"))),
    );
    assert_eq!(exit, Exit::Code(0));
    assert!(text.ends_with("137\n"), "{text}");
    instance.shutdown().unwrap();
}

fn debugfs_is_mounted_already() {
    let instance = boot();
    let text = output(
        &instance,
        "mount -t debugfs none /sys/kernel/debug && cat /sys/kernel/debug/value; mount -t tmpfs x /mnt && stat -f -c %T /mnt",
    );
    assert_eq!(text, "23\ntmpfs\n");
    instance.shutdown().unwrap();
}
