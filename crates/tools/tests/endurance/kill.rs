//! Each process of an instance is killed at a random moment: programs that wait get an error, and nothing stays.

use crate::common::{Dice, Folder, copy_lkm, run};
use crate::stress::{children, comm};
use crate::{modules, setting};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// What runs inside. Each ends by itself when the instance fails it.
const SCRIPTS: [(&str, &str); 5] = [
    ("start-up", "cat /proc/modules; true"),
    (
        "files",
        "while cat /proc/modules /sys/module/*/refcnt /dev/null >/dev/null; do ls /sys /dev >/dev/null || exit; done",
    ),
    (
        "load and unload",
        "while /sbin/insmod $D/base.ko && insmod $D/user.ko slow=1 && rmmod lkm_st_0000 && /sbin/rmmod lkm_st_base; do :; done",
    ),
    ("a blocked read", "cat /dev/kmsg & cat /dev/kmsg"),
    ("a caught call", "insmod $D/base.ko; /sbin/insmod $D/user.ko slow=50; /sbin/rmmod lkm_st_0000"),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Victim {
    Supervisor,
    Kernel,
    Middle,
    Init,
}

/// The longest that anything may take to end.
const LIMIT: Duration = Duration::from_secs(10);

/// The test.
pub fn killed_at_any_point(seed: u64) {
    let folder = Folder::new("kill");
    modules::build(&folder.0);
    let private = folder.0.join("private");
    std::fs::create_dir(&private).unwrap();
    for path in [&folder.0, &private] {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o777)).unwrap();
    }
    copy_lkm(&folder.0.join("lkm"));
    let mut dice = Dice(seed);
    let rounds = setting("LKM_ENDURE_KILLS", 10) as usize;
    for victim in [Victim::Supervisor, Victim::Kernel, Victim::Middle, Victim::Init] {
        let (mut killed, mut too_late) = (0, 0);
        for round in 0..rounds {
            let (name, script) = SCRIPTS[dice.below(SCRIPTS.len())];
            let delay = Duration::from_micros(dice.below(60_000) as u64);
            let place = Place { folder: &folder.0, private: &private, as_nobody: round % 2 == 1 };
            match place.round(&format!("{victim:?}-{round}"), victim, script, delay) {
                true => killed += 1,
                false => too_late += 1,
            }
            let said = run(place.command("clean").args(["-c", "cat /proc/modules; ls /dev/kmsg"]));
            let clean = (said.out.as_str(), said.status) == ("/dev/kmsg\n", 0);
            assert!(clean, "the next start after {victim:?} in {name}, {delay:?}: {said:?}");
        }
        println!("{victim:?}: {killed} killed, {too_late} ended before");
    }
}

struct Place<'a> {
    folder: &'a Path,
    private: &'a Path,
    as_nobody: bool,
}

impl Place<'_> {
    /// `lkm sh -- sh`, as an ordinary user where that is possible.
    fn command(&self, mark: &str) -> Command {
        let lkm = self.folder.join("lkm");
        let mut command = if self.as_nobody && rustix::process::geteuid().is_root() {
            let mut command = Command::new("setpriv");
            command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]).arg(lkm);
            command
        } else {
            Command::new(lkm)
        };
        let uid = if self.as_nobody { "nobody" } else { "self" };
        command
            .args(["sh", "--kernel", &modules::release(), "--", "sh"])
            .env("LKM_ENDURE_MARK", mark)
            .env("D", self.folder);
        command.env("XDG_CACHE_HOME", self.folder.join(format!("cache-{uid}")));
        command.env("TMPDIR", self.private).env("XDG_RUNTIME_DIR", self.private).current_dir("/");
        command
    }

    /// Starts the script and kills the victim after the delay; false if it had ended by then.
    fn round(&self, name: &str, victim: Victim, script: &str, delay: Duration) -> bool {
        let mark = format!("{}-{name}", std::process::id());
        let mounts = || std::fs::read_to_string("/proc/self/mountinfo").unwrap();
        let before = mounts();
        let mut command = self.command(&mark);
        command.args(["-c", script]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut lkm = command.spawn().unwrap();
        std::thread::sleep(delay);
        let killed = kill(&mut lkm, victim);
        let status = wait(&mut lkm).unwrap_or_else(|| {
            let left: Vec<String> = marked(&mark).into_iter().map(comm).collect();
            let _ = lkm.kill();
            panic!("{name}: lkm did not end after a kill at {delay:?} in: {script}; left: {left:?}")
        });
        // A blocked read never ends well.
        assert!(!killed || !status.success() || !script.contains("kmsg"), "{name}: {status}");
        let end = Instant::now() + LIMIT;
        while !marked(&mark).is_empty() {
            let left: Vec<String> = marked(&mark).into_iter().map(comm).collect();
            assert!(Instant::now() < end, "{name}: processes stay after a kill at {delay:?} in {script}: {left:?}");
            std::thread::sleep(Duration::from_millis(1));
        }
        assert_eq!(mounts(), before, "{name}: mounts");
        let files: Vec<_> = std::fs::read_dir(self.private).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert!(files.is_empty(), "{name}: files stay after a kill at {delay:?} in {script}: {files:?}");
        killed
    }
}

/// Kills the victim as soon as it is there; false if `lkm` ends before.
fn kill(lkm: &mut Child, victim: Victim) -> bool {
    let end = Instant::now() + LIMIT;
    while lkm.try_wait().unwrap().is_none() && Instant::now() < end {
        let of = |parent: u32, name: &str| children(parent).into_iter().find(|pid| comm(*pid) == name);
        let pid = match victim {
            Victim::Supervisor => Some(lkm.id()),
            Victim::Kernel => of(lkm.id(), "lkm-kernel"),
            Victim::Middle => of(lkm.id(), "lkm-middle"),
            Victim::Init => of(lkm.id(), "lkm-middle").and_then(|middle| of(middle, "lkm-init")),
        };
        if let Some(pid) = pid.and_then(|pid| rustix::process::Pid::from_raw(pid.cast_signed())) {
            return rustix::process::kill_process(pid, rustix::process::Signal::KILL).is_ok();
        }
        std::thread::sleep(Duration::from_micros(200));
    }
    false
}

fn wait(lkm: &mut Child) -> Option<ExitStatus> {
    let end = Instant::now() + LIMIT;
    while Instant::now() < end {
        if let Some(status) = lkm.try_wait().unwrap() {
            return Some(status);
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    None
}

/// Processes that have the mark in their environment; dead ones have none.
fn marked(mark: &str) -> Vec<u32> {
    let wanted = format!("LKM_ENDURE_MARK={mark}\0");
    let pids = std::fs::read_dir("/proc").unwrap().flatten().filter_map(|e| e.file_name().to_str()?.parse().ok());
    pids.filter(|pid| {
        std::fs::read(format!("/proc/{pid}/environ"))
            .is_ok_and(|environ| environ.windows(wanted.len()).any(|part| part == wanted.as_bytes()))
    })
    .collect()
}
