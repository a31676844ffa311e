//! Commands, their status, their tools.

use crate::{Test, boot, output, output_of, scratch, shell};
use supervisor::{Calls, Exit, Program};

pub const TESTS: &[Test] = &[
    ("the_status_of_the_command_comes_back", the_status_of_the_command_comes_back),
    ("tools_inside_reach_the_instance", tools_inside_reach_the_instance),
    ("the_socket_says_who_calls", the_socket_says_who_calls),
    ("an_oops_kills_the_tool", an_oops_kills_the_tool),
    ("the_command_is_root_in_its_own_process_ids", the_command_is_root_in_its_own_process_ids),
    ("run_keeps_the_hosts_entries", run_keeps_the_hosts_entries),
    ("signals_and_descriptors_are_the_callers", signals_and_descriptors_are_the_callers),
    ("several_commands_one_after_another_and_at_once", several_commands_one_after_another_and_at_once),
];

fn the_status_of_the_command_comes_back() {
    let instance = boot();
    for (script, exit) in [("exit 0", Exit::Code(0)), ("exit 43", Exit::Code(43)), ("kill -SEGV $$", Exit::Signal(11))]
    {
        assert_eq!(instance.run(&shell(script)).unwrap(), exit, "{script}");
    }
    let missing = Program { command: vec!["/no/such/program".into()], ..Program::default() };
    assert_eq!(instance.run(&missing).unwrap(), Exit::Code(127));
    let no_program = Program { command: vec!["/etc/passwd".into()], ..Program::default() };
    assert_eq!(instance.run(&no_program).unwrap(), Exit::Code(126));
    instance.shutdown().unwrap();
}

fn tools_inside_reach_the_instance() {
    let instance = boot();
    let module = scratch("x.ko");
    std::fs::write(&module, "module x\n").unwrap();
    let path = module.display();
    let text =
        output(&instance, &format!("insmod {path} a=1 b=2 && lsmod && dmesg && command -v insmod && insmod {path}; :"));
    assert_eq!(
        text,
        "x 16384 0 - Live 0x0000000000000000\n<6>[    0.000000] mock\n/run/lkm/bin/insmod\ninsmod: File exists (os error 17)\n"
    );
    assert_eq!(instance.as_self().read_file("/proc/modules").unwrap(), b"x 16384 0 - Live 0x0000000000000000\n");
    assert_eq!(output(&instance, "rmmod x; rmmod x; echo $?"), "rmmod: No such file or directory (os error 2)\n1\n");
    assert_eq!(output(&instance, "call shutdown; :"), "call: Operation not permitted (os error 1)\n");
    std::fs::remove_file(&module).unwrap();
    instance.shutdown().unwrap();
}

fn the_socket_says_who_calls() {
    let instance = boot();
    // The shell's second child after the first one's end: pid 2 is the shell itself.
    let text = output(&instance, "true; call /proc/caller; echo; echo $$");
    let expected = "Caller { pid: 4, tid: 4, uid: 0, gid: 0, comm: \"call\" }\n2\n";
    assert_eq!(text.replace("pid: 3, tid: 3", "pid: 4, tid: 4"), expected);
    instance.shutdown().unwrap();
}

fn an_oops_kills_the_tool() {
    let instance = boot();
    let module = scratch("oops.ko");
    std::fs::write(&module, "module oops\n").unwrap();
    let (exit, text) = output_of(&instance, &shell(&format!("insmod {}; echo status $?", module.display())));
    assert_eq!(exit, Exit::Code(0));
    assert!(text.contains("Killed") && text.contains("status 137\n"), "{text}");
    std::fs::remove_file(&module).unwrap();
    instance.shutdown().unwrap();
}

fn the_command_is_root_in_its_own_process_ids() {
    let instance = boot();
    assert_eq!(
        output(&instance, "id -u; id -g; echo $$; readlink /proc/self; sh -c 'cat /proc/1/comm'"),
        "0\n0\n2\n4\nlkm-init\n".replace("4\n", &first_child(&instance))
    );
    instance.shutdown().unwrap();
}

/// The pid of the shell's first child and its newline: shells differ in whether they fork for the redirections before.
fn first_child(instance: &supervisor::Instance) -> String {
    output(instance, "id -u >/dev/null; id -g >/dev/null; sh -c 'echo $$'")
}

fn run_keeps_the_hosts_entries() {
    let instance = boot();
    let mut outside: Vec<String> =
        std::fs::read_dir("/run").unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    outside.push("lkm".into());
    outside.sort();
    outside.dedup();
    let inside = output(&instance, "LC_ALL=C ls -A /run");
    assert_eq!(inside.lines().collect::<Vec<_>>(), outside);
    assert_eq!(output(&instance, "echo x > /run/lkm/new && cat /run/lkm/new"), "x\n");
    assert!(!std::path::Path::new("/run/lkm/new").exists());
    instance.shutdown().unwrap();
}

fn signals_and_descriptors_are_the_callers() {
    let instance = boot();
    // As outside, except SIGPIPE (bit 12), which is Rust's own doing and not the caller's.
    let ignored = |status: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix("SigIgn:\t")).unwrap();
        u64::from_str_radix(line, 16).unwrap() & !(1 << 12)
    };
    let outside = ignored(&std::fs::read_to_string("/proc/self/status").unwrap());
    assert_eq!(ignored(&output(&instance, "cat /proc/self/status")), outside);
    let plain = std::process::Command::new("sh").args(["-c", "exec 2>&1; ls /proc/self/fd"]).output().unwrap();
    assert_eq!(output(&instance, "ls /proc/self/fd"), String::from_utf8_lossy(&plain.stdout));
    let directory = output(&instance, "pwd -P");
    assert_eq!(directory.trim_end(), std::env::current_dir().unwrap().to_str().unwrap());
    instance.shutdown().unwrap();
}

fn several_commands_one_after_another_and_at_once() {
    let instance = boot();
    std::thread::scope(|scope| {
        let runs: Vec<_> = (0..4)
            .map(|n| {
                (
                    n,
                    scope.spawn({
                        let instance = &instance;
                        move || instance.run(&shell(&format!("lsmod; exit {n}")))
                    }),
                )
            })
            .collect();
        for (n, run) in runs {
            assert_eq!(run.join().unwrap().unwrap(), Exit::Code(n));
        }
    });
    instance.shutdown().unwrap();
}
