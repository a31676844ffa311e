//! Machines that lack something: what still works, and what is said.

use crate::{TOOLS, Test, scratch};
use std::process::{Command, ExitCode, Output};
use supervisor::{Exit, Instance, Program};

pub const TESTS: &[Test] = &[
    ("without_a_fuse_device_programs_still_run", without_a_fuse_device_programs_still_run),
    ("a_refused_user_namespace_names_the_cure", a_refused_user_namespace_names_the_cure),
    ("a_masked_proc_keeps_the_hosts", a_masked_proc_keeps_the_hosts),
];

/// Runs `LKM_TEST_SCRIPT` inside an instance; a failure's text goes to stderr.
pub fn main() -> ExitCode {
    let script = std::env::var("LKM_TEST_SCRIPT").unwrap();
    let instance: Instance = crate::boot();
    let program = Program {
        command: vec!["sh".into(), "-c".into(), script.into()],
        tools: TOOLS.map(Into::into).to_vec(),
        ..Program::default()
    };
    let status = match instance.run(&program) {
        Ok(exit) => exit.status(),
        Err(e) => {
            eprintln!("{e}");
            123
        }
    };
    ExitCode::from(u8::try_from(status).unwrap())
}

/// Runs this executable in namespaces made by `unshare`, after `prepare`.
fn prepared(unshare: &str, prepare: &str, script: &str) -> Output {
    let root = rustix::process::getuid().is_root();
    let user = if root { "" } else { "-Ur" };
    let mut command = Command::new("unshare");
    command.args([user, unshare].iter().filter(|a| !a.is_empty()));
    command.arg("sh").arg("-c").arg(format!("{prepare}\nexec \"$0\"")).arg(std::env::current_exe().unwrap());
    command.env("LKM_TEST_SCRIPT", script).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn without_a_fuse_device_programs_still_run() {
    // A directory cannot be opened as a device, by root neither.
    let directory = scratch("fuse");
    std::fs::write(&directory, "").unwrap();
    let prepare = format!("mount --bind {} /dev/fuse", directory.display());
    let output = prepared("-m", &prepare, "lsmod; echo $$; ls -d /proc/echo 2>/dev/null; exit 6");
    std::fs::remove_file(directory).unwrap();
    assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(6), "2\n"), "{}", text(&output.stderr));
    let said = text(&output.stderr);
    assert!(said.contains("/proc, /sys and /dev stay the host's") && said.contains("FUSE"), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
}

fn a_refused_user_namespace_names_the_cure() {
    let output = prepared("-Ur", "echo 0 >/proc/sys/user/max_user_namespaces", "exit 0");
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(123), "{said}");
    assert!(said.contains("sysctl user.max_user_namespaces"), "{said}");
}

fn a_masked_proc_keeps_the_hosts() {
    // As in a container: part of /proc is hidden, so that Linux refuses a new one.
    let output = prepared("-m", "mount -t tmpfs none /proc/sys", "lsmod; cat /sys/kernel/debug/value; exit 6");
    let said = text(&output.stderr);
    assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(6), "23\n"), "{said}");
    assert!(said.contains("/proc stays the host's"), "{said}");
    assert_eq!(Exit::Code(6).status(), 6);
}
