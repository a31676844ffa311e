//! What is left when one of the processes is killed: nothing.

use crate::{Test, boot, output, scratch, shell};
use rustix::process::{Pid, Signal, kill_process};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};
use supervisor::Exit;

pub const TESTS: &[Test] = &[
    ("a_killed_kernel_process_is_told_to_the_tools", a_killed_kernel_process_is_told_to_the_tools),
    ("a_killed_kernel_process_ends_reads_of_its_files", a_killed_kernel_process_ends_reads_of_its_files),
    ("what_the_command_left_running_dies_with_it", what_the_command_left_running_dies_with_it),
    ("a_killed_supervisor_takes_everything_along", a_killed_supervisor_takes_everything_along),
    ("no_mount_stays", no_mount_stays),
];

/// A process that runs a long command inside and is killed by the test.
pub fn supervise() -> ExitCode {
    let file = std::env::var("LKM_TEST_SUPERVISE").unwrap();
    let instance = boot();
    println!("{}", instance.kernel_pid());
    let script = format!("sleep 1000 & echo started > {file}; call /proc/sleep");
    drop(instance.run(&shell(&script)));
    ExitCode::FAILURE
}

fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < Duration::from_secs(20), "{what} did not happen");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Processes that descend from this one, by name.
fn descendants_of(pid: u32) -> Vec<u32> {
    let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    let children: Vec<u32> = children.split_whitespace().map(|c| c.parse().unwrap()).collect();
    let below: Vec<u32> = children.iter().flat_map(|c| descendants_of(*c)).collect();
    [children, below].concat()
}

fn a_killed_kernel_process_is_told_to_the_tools() {
    let instance = boot();
    let kernel = Pid::from_raw(instance.kernel_pid() as i32).unwrap();
    let file = scratch("status");
    let script =
        format!("call /proc/sleep 2>{0}.2; echo $? >{0}; call /proc/sleep 2>/dev/null; exit 5", file.display());
    std::thread::scope(|scope| {
        let run = scope.spawn(|| instance.run(&shell(&script)));
        wait_until("the tool's start", || file.with_extension("2").exists());
        std::thread::sleep(Duration::from_millis(50));
        kill_process(kernel, Signal::KILL).unwrap();
        assert_eq!(run.join().unwrap().unwrap(), Exit::Code(5));
    });
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "1\n");
    let said = std::fs::read_to_string(file.with_extension("2")).unwrap();
    assert_eq!(said, "call: No such device (os error 19)\n");
    assert!(instance.death().is_some_and(|d| d.exit == Some(Exit::Signal(9))));
    let _ = std::fs::remove_file(file.with_extension("2"));
    let _ = std::fs::remove_file(file);
}

fn a_killed_kernel_process_ends_reads_of_its_files() {
    let instance = boot();
    let kernel = Pid::from_raw(instance.kernel_pid() as i32).unwrap();
    let file = scratch("read");
    let script =
        format!("exec 2>{}\ncat /proc/sleep; cat /proc/modules; ls /sys/module; cat /proc/1/comm", file.display());
    std::thread::scope(|scope| {
        let run = scope.spawn(|| instance.run(&shell(&script)));
        wait_until("the script's start", || file.exists());
        std::thread::sleep(Duration::from_millis(100));
        kill_process(kernel, Signal::KILL).unwrap();
        assert_eq!(run.join().unwrap().unwrap(), Exit::Code(0));
    });
    let said = std::fs::read_to_string(&file).unwrap();
    assert_eq!(said.matches("No such device").count(), 3, "{said}");
    let _ = std::fs::remove_file(file);
}

fn what_the_command_left_running_dies_with_it() {
    let instance = boot();
    let text = output(&instance, "sleep 1000 & setsid sleep 1000 & sleep 0.05; echo fine");
    assert_eq!(text, "fine\n");
    wait_until("the end of all children", || descendants_of(std::process::id()) == [instance.kernel_pid()]);
    instance.shutdown().unwrap();
}

fn a_killed_supervisor_takes_everything_along() {
    let file = scratch("started");
    let mut supervisor = Command::new(std::env::current_exe().unwrap())
        .env("LKM_TEST_SUPERVISE", &file)
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    wait_until("the command's start", || file.exists());
    wait_until("all processes' start", || descendants_of(supervisor.id()).len() >= 6);
    let all = descendants_of(supervisor.id());
    supervisor.kill().unwrap();
    supervisor.wait().unwrap();
    let runs = |pid: &u32| {
        let state = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        // A zombie waits for the machine's init, which is not ours to reap.
        !state.is_empty() && !state.contains(") Z ")
    };
    wait_until("the end of all processes", || !all.iter().any(runs));
    let _ = std::fs::remove_file(file);
}

fn no_mount_stays() {
    let before = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    let instance = boot();
    output(&instance, "lsmod");
    instance.shutdown().unwrap();
    assert_eq!(std::fs::read_to_string("/proc/self/mountinfo").unwrap(), before);
    assert_eq!(descendants_of(std::process::id()), []);
}
