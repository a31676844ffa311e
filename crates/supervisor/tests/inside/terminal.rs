//! Interactive shells and stopped commands, on a terminal.

use crate::{Test, boot};
use rustix::pty::OpenptFlags;
use std::fs::File;
use std::io::{Read, Write};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};
use supervisor::Program;

pub const TESTS: &[Test] = &[
    ("a_shell_inside_has_job_control", a_shell_inside_has_job_control),
    ("a_stopped_command_stops_the_supervisor_too", a_stopped_command_stops_the_supervisor_too),
];

/// Runs the command in `LKM_TEST_TERMINAL` inside an instance.
pub fn main() -> ExitCode {
    let command = std::env::var("LKM_TEST_TERMINAL").unwrap();
    let command = command.split(' ').map(Into::into).collect();
    let exit = boot().run(&Program { command, ..Program::default() }).unwrap();
    ExitCode::from(u8::try_from(exit.status()).unwrap())
}

struct Terminal {
    keyboard: File,
    seen: std::sync::Arc<std::sync::Mutex<String>>,
    child: Child,
    read: usize,
}

impl Terminal {
    fn start(outer: &[&str], inner: &str) -> Self {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let master = rustix::pty::openpt(flags).unwrap();
        rustix::pty::grantpt(&master).unwrap();
        rustix::pty::unlockpt(&master).unwrap();
        let name = rustix::pty::ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
        let side = || Stdio::from(File::options().read(true).write(true).open(&name).unwrap());
        let child = Command::new("setsid")
            // Whoever runs the tests in the background may have switched the keyboard's signals off, and a shell leaves
            // them so.
            .args(["-w", "-c", "env", "--default-signal=INT,QUIT,TSTP"])
            .args(outer)
            .env("LKM_TEST_TERMINAL", inner)
            .env("PS1", "% ")
            .env("SELF", std::env::current_exe().unwrap())
            .stdin(side())
            .stdout(side())
            .stderr(side())
            .spawn()
            .unwrap();
        let keyboard = File::from(master);
        let (mut screen, seen) = (keyboard.try_clone().unwrap(), std::sync::Arc::default());
        let terminal = Self { keyboard, seen: std::sync::Arc::clone(&seen), child, read: 0 };
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(got @ 1..) = screen.read(&mut bytes) {
                seen.lock().unwrap().push_str(&String::from_utf8_lossy(&bytes[..got]));
            }
        });
        terminal
    }

    fn type_(&mut self, text: &str) {
        self.keyboard.write_all(text.as_bytes()).unwrap();
    }

    /// Waits until the text is on the screen, after what was waited for before.
    fn wait_for(&mut self, text: &str) {
        let start = Instant::now();
        loop {
            let seen = self.seen.lock().unwrap().clone();
            if let Some(at) = seen[self.read..].find(text) {
                self.read += at + text.len();
                return;
            }
            assert!(start.elapsed() < Duration::from_secs(20), "no {text:?} in {:?} of {seen:?}", &seen[self.read..]);
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn end(mut self) -> Option<i32> {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(start.elapsed() < Duration::from_secs(20), "no end: {:?}", self.seen.lock().unwrap());
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

fn a_shell_inside_has_job_control() {
    let this = std::env::current_exe().unwrap();
    for shell in ["bash --norc --noprofile --noediting -i", "dash -i"] {
        let mut terminal = Terminal::start(&[this.to_str().unwrap()], shell);
        terminal.wait_for("% ");
        terminal.type_("echo pid=$$; sleep 1000; echo st=$?\n");
        terminal.wait_for("pid=2\r\n");
        std::thread::sleep(Duration::from_millis(300));
        terminal.type_("\x03");
        terminal.wait_for("% ");
        terminal.type_("sleep 1000\n");
        std::thread::sleep(Duration::from_millis(300));
        terminal.type_("\x1a");
        terminal.wait_for("Stopped");
        // Before its prompt a shell may throw away what is typed.
        terminal.wait_for("% ");
        terminal.type_("fg\n");
        terminal.wait_for("sleep 1000\r\n");
        std::thread::sleep(Duration::from_millis(300));
        terminal.type_("\x03");
        terminal.wait_for("% ");
        terminal.type_("exit 7\n");
        assert_eq!(terminal.end(), Some(7), "{shell}");
    }
}

fn a_stopped_command_stops_the_supervisor_too() {
    let outer = ["bash", "--norc", "--noprofile", "--noediting", "-i"];
    let mut terminal = Terminal::start(&outer, "");
    terminal.wait_for("% ");
    terminal.type_("LKM_TEST_TERMINAL='sleep 1000' $SELF; echo st=$?\n");
    std::thread::sleep(Duration::from_millis(700));
    terminal.type_("\x1a");
    terminal.wait_for("Stopped");
    terminal.wait_for("% ");
    terminal.type_("jobs; fg; echo st=$?\n");
    terminal.wait_for("Stopped");
    terminal.wait_for("$SELF");
    std::thread::sleep(Duration::from_millis(300));
    terminal.type_("\x03");
    terminal.wait_for("st=130");
    terminal.wait_for("% ");
    terminal.type_("exit 3\n");
    assert_eq!(terminal.end(), Some(3));
}
