//! A thousand modules, loaded and unloaded in random order by eight programs at once.

use crate::common::{Dice, Folder, LKM};
use crate::{modules, setting};
use rustix::io::Errno;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

const MODULES: usize = 1000;
const PROGRAMS: usize = 8;
/// How much the kernel process may have grown from one run to the next: its allocator's slack. Single runs of 3 s grew
/// by 1 to 5 MiB, with nothing lost: over ten times the calls the size stays between 15 and 17 MiB.
const SLACK_KIB: u64 = 8192;
const O_NONBLOCK: i32 = 0o4000;

/// The test: starts the driver inside and looks at the kernel process from outside.
pub fn modules_come_and_go(seed: u64) {
    let folder = Folder::new("stress");
    modules::build(&folder.0);
    let seconds = setting("LKM_ENDURE_SECONDS", 3);
    let mut lkm = Command::new(LKM)
        .args(["sh", "--kernel", &modules::release(), "--"])
        .arg(std::env::current_exe().unwrap())
        .env("LKM_ENDURE", "driver")
        .env("LKM_ENDURE_DIR", &folder.0)
        .env("LKM_ENDURE_SECONDS", seconds.to_string())
        .env("LKM_ENDURE_SEED", seed.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let watchdog = Watchdog::start(&lkm, Duration::from_secs(2 * seconds + 120));
    let mut said = BufReader::new(lkm.stdout.take().unwrap()).lines();
    let mut phases = Vec::new();
    for phase in ["settled", "done"] {
        let line = said.next().and_then(Result::ok).unwrap_or_default();
        assert!(line.starts_with(phase), "the driver inside failed before it was {phase}: {line}");
        phases.push((line, resident_kib(lkm.id())));
        lkm.stdin.as_mut().unwrap().write_all(b"\n").unwrap();
    }
    assert!(lkm.wait().unwrap().success());
    watchdog.stop();
    let [(_, before), (line, after)] = phases.as_slice() else { panic!() };
    println!("{line}; kernel process {before} KiB before, {after} KiB after");
    assert!(*after <= before + SLACK_KIB, "the kernel process grew from {before} to {after} KiB");
}

/// Kills what hangs, so that the test fails instead.
struct Watchdog(std::sync::mpsc::Sender<()>);

impl Watchdog {
    fn start(lkm: &Child, limit: Duration) -> Self {
        let (sender, receiver) = std::sync::mpsc::channel();
        let pid = rustix::process::Pid::from_child(lkm);
        std::thread::spawn(move || {
            if receiver.recv_timeout(limit).is_err() {
                let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
            }
        });
        Self(sender)
    }

    fn stop(self) {
        let _ = self.0.send(());
    }
}

/// Children of a process, of all of its threads.
pub fn children(pid: u32) -> Vec<u32> {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let lists = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok());
    lists.flat_map(|list| list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<u32>>()).collect()
}

/// What a process is called.
pub fn comm(pid: u32) -> String {
    std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default().trim_end().to_owned()
}

fn resident_kib(lkm: u32) -> u64 {
    let kernel = children(lkm).into_iter().find(|pid| comm(*pid) == "lkm-kernel").expect("a kernel process");
    let status = std::fs::read_to_string(format!("/proc/{kernel}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

fn folder() -> PathBuf {
    std::env::var_os("LKM_ENDURE_DIR").unwrap().into()
}

/// The driver: starts the programs and checks what they say against what the kernel says.
pub fn driver() -> ExitCode {
    let folder = folder();
    let base = File::open(folder.join("base.ko")).unwrap();
    rustix::system::finit_module(&base, c"", 0).unwrap();
    programs("all");
    assert_eq!(loaded(), Vec::<String>::new());
    // The same once before it counts: what the allocator needs for eight programs at a time is then there.
    programs("random");
    unload_all(&loaded());
    tell("settled");
    programs("random");
    let (mut calls, mut expected) = (0, Vec::new());
    let counts: Vec<Vec<i64>> = (0..PROGRAMS).map(|program| read_counts(&folder, program)).collect();
    for number in 0..MODULES {
        let balance: i64 = counts.iter().map(|count| count[number]).sum();
        assert!(balance == 0 || balance == 1, "{}: loaded {balance} times more than unloaded", modules::name(number));
        if balance == 1 {
            expected.push(modules::name(number));
        }
    }
    calls += counts.iter().map(|count| count[MODULES]).sum::<i64>();
    assert_eq!(loaded(), expected, "/proc/modules");
    let mut holders: Vec<String> = std::fs::read_dir("/sys/module/lkm_st_base/holders")
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    holders.sort();
    assert_eq!(holders, expected, "holders of the base");
    assert_eq!(refcnt(), expected.len().to_string(), "references to the base");
    unload_all(&expected);
    assert_eq!((loaded(), refcnt()), (Vec::new(), "0".into()));
    let parameter = |name: &str| std::fs::read_to_string(format!("/sys/module/lkm_st_base/parameters/{name}")).unwrap();
    assert_eq!(parameter("entered"), parameter("left"), "init and exit functions that ran");
    tell(&format!("done: {calls} modules loaded or unloaded, {} loaded at the end", expected.len()));
    rustix::system::delete_module(c"lkm_st_base", O_NONBLOCK).unwrap();
    assert_eq!(std::fs::read_to_string("/proc/modules").unwrap(), "");
    ExitCode::SUCCESS
}

fn unload_all(names: &[String]) {
    for name in names {
        rustix::system::delete_module(&std::ffi::CString::new(name.as_str()).unwrap(), O_NONBLOCK).unwrap();
    }
}

/// Says where it is and waits until that was looked at.
fn tell(phase: &str) {
    println!("{phase}");
    let _ = std::io::stdin().lock().read_line(&mut String::new());
}

fn refcnt() -> String {
    std::fs::read_to_string("/sys/module/lkm_st_base/refcnt").unwrap().trim().to_owned()
}

/// The users that are loaded, by /proc/modules; all of them live.
fn loaded() -> Vec<String> {
    let text = std::fs::read_to_string("/proc/modules").unwrap();
    let mut names = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with("lkm_st_base ")) {
        assert!(line.contains(" Live "), "{line}");
        names.push(line.split(' ').next().unwrap().to_owned());
    }
    names.sort();
    names
}

fn programs(what: &str) {
    let start = |number: usize| {
        Command::new(std::env::current_exe().unwrap())
            .env("LKM_ENDURE", "program")
            .env("LKM_ENDURE_WHAT", what)
            .env("LKM_ENDURE_NUMBER", number.to_string())
            .spawn()
            .unwrap()
    };
    let running: Vec<Child> = (0..PROGRAMS).map(start).collect();
    for mut program in running {
        assert!(program.wait().unwrap().success(), "a program failed");
    }
}

fn read_counts(folder: &std::path::Path, program: usize) -> Vec<i64> {
    let text = std::fs::read_to_string(folder.join(format!("count-{program}"))).unwrap();
    text.split_whitespace().map(|number| number.parse().unwrap()).collect()
}

/// One of the programs.
pub fn program() -> ExitCode {
    let folder = folder();
    let number = setting("LKM_ENDURE_NUMBER", 0) as usize;
    let user = std::fs::read(folder.join("user.ko")).unwrap();
    if std::env::var("LKM_ENDURE_WHAT").as_deref() == Ok("all") {
        let own = || (0..MODULES).filter(|module| module % PROGRAMS == number);
        assert!(own().all(|module| load(&user, module)) && own().all(unload));
        return ExitCode::SUCCESS;
    }
    let mut dice = Dice(setting("LKM_ENDURE_SEED", 0) ^ (number as u64 + 1) << 32);
    let end = Instant::now() + Duration::from_secs(setting("LKM_ENDURE_SECONDS", 3));
    let (mut balance, mut calls) = (vec![0_i64; MODULES], 0);
    while Instant::now() < end {
        let module = dice.below(MODULES);
        let change = match dice.below(2) {
            0 => i64::from(load(&user, module)),
            _ => -i64::from(unload(module)),
        };
        balance[module] += change;
        calls += change.abs();
    }
    balance.push(calls);
    let text: Vec<String> = balance.iter().map(ToString::to_string).collect();
    std::fs::write(folder.join(format!("count-{number}")), text.join("\n")).unwrap();
    ExitCode::SUCCESS
}

/// Whether it was loaded; it may be there already.
fn load(user: &[u8], module: usize) -> bool {
    let mut file = File::from(rustix::fs::memfd_create("module", rustix::fs::MemfdFlags::CLOEXEC).unwrap());
    file.write_all(&modules::renamed(user, module)).unwrap();
    match rustix::system::finit_module(file.as_fd(), c"", 0) {
        Ok(()) => true,
        Err(Errno::EXIST | Errno::BUSY) => false,
        Err(e) => panic!("loading {}: {e}", modules::name(module)),
    }
}

/// Whether it was unloaded; it may be gone, on its way, or so new that its loader still refers to it.
fn unload(module: usize) -> bool {
    let name = std::ffi::CString::new(modules::name(module)).unwrap();
    match rustix::system::delete_module(&name, O_NONBLOCK) {
        Ok(()) => true,
        Err(Errno::NOENT | Errno::BUSY | Errno::AGAIN) => false,
        Err(e) => panic!("unloading {}: {e}", modules::name(module)),
    }
}
