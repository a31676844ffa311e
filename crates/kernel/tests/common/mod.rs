//! A kernel in the test's process, and the cases of modules/ that were recorded on the real one.
//!
//! A process boots once, so each test file has one kernel; its cases run one after the other.
#![allow(dead_code, reason = "each test file uses a part")]

use kernel::mm::check::Mode;
use kernel::module::load::{LoadError, Request, init_module};
use kernel::module::unload::delete_module;
use kernel::{Config, boot, files, log, sched};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, Once, OnceLock, PoisonError};
use wire::{Answer, Caller};

static BOOTED: Once = Once::new();
static TURN: Mutex<()> = Mutex::new(());
/// What this process's kernel watches, if a test says so before the first one boots.
pub static CHECK: OnceLock<Mode> = OnceLock::new();

/// A booted kernel and a task of this thread.
pub struct Kernel {
    task: sched::Task,
    folder: PathBuf,
    case: PathBuf,
    _turn: MutexGuard<'static, ()>,
}

impl Kernel {
    /// For the case modules/`area`/`name` on 6.1. Its modules must have been built.
    pub fn of_case(area: &str, name: &str) -> Self {
        Self::boot("6.1", &format!("modules/{area}"), &format!("-{area}"), name)
    }

    /// For the case modules/`area`/`name` on 6.12.
    pub fn of_case_on_6_12(area: &str, name: &str) -> Self {
        Self::boot("6.12", &format!("modules/{area}"), &format!("-{area}-6.12"), name)
    }

    /// For the case acceptance/cases/`name` on 6.1.
    pub fn of_acceptance(name: &str) -> Self {
        Self::boot("6.1", "acceptance/cases", "", name)
    }

    /// For the module tests/modules/`name`, which is built with the headers of the installed 6.1.
    pub fn of_own_module(name: &str) -> Self {
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/modules").join(name);
        let to = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::create_dir_all(&to).unwrap();
        for file in [format!("{name}.c"), "Kbuild".to_string()] {
            std::fs::copy(from.join(&file), to.join(&file)).unwrap();
        }
        let release = abi::newest("6.1", &abi::Options::default()).expect("a 6.1 kernel is installed");
        let make = std::process::Command::new("make")
            .arg("-C")
            .arg(format!("/lib/modules/{release}/build"))
            .arg(format!("M={}", to.display()))
            .arg("modules")
            .output()
            .unwrap();
        assert!(make.status.success(), "{}", String::from_utf8_lossy(&make.stderr));
        Self::at("6.1", to, from)
    }

    fn boot(version: &str, cases: &str, suffix: &str, name: &str) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        // `make test` builds them in its own folder, for each user another.
        let folder = match std::env::var_os("LKM_CASES").map(PathBuf::from) {
            Some(builds) => {
                let area = Path::new(cases).file_name().unwrap();
                builds.join(version).join(area).join(name)
            }
            None => PathBuf::from(format!("/tmp/lkm-accept-build{suffix}/{name}")),
        };
        assert!(folder.is_dir(), "{} is missing: CASES={cases} sh acceptance/build.sh", folder.display());
        Self::at(version, folder, root.join(cases).join(name))
    }

    fn at(version: &str, folder: PathBuf, case: PathBuf) -> Self {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        BOOTED.call_once(|| {
            let options = abi::Options::default();
            let release = abi::newest(version, &options);
            let release = release.unwrap_or_else(|| panic!("no kernel image {version}* is installed"));
            let config = Config::new(abi::Profile::for_release(&release, &options).unwrap());
            let check = *CHECK.get_or_init(Mode::default);
            boot(Config { cpus: 2, check, ..config }).unwrap();
        });
        let task = sched::Task::attach().unwrap();
        let _ = log::syslog(&caller(), 5, 0);
        Self { task, folder, case, _turn: turn }
    }

    /// Loads a module of the case: what its caller gets.
    pub fn insert(&self, module: &str, params: &str) -> Result<(), LoadError> {
        let path = self.folder.join(format!("{module}.ko")).display().to_string();
        let image = kofile::Image::open(&path).unwrap();
        let request = Request {
            file: &path,
            bytes: image.bytes(),
            params: Ok(params.as_bytes()),
            flags: loader::Flags(0),
            path: Some(path.clone()),
        };
        self.task.run(&caller(), || init_module(&request))
    }

    /// Loads modules that must load.
    pub fn load(&self, modules: &[&str]) {
        for module in modules {
            let result = self.insert(module, "");
            assert!(result.is_ok(), "{module}: {result:?}\n{}", self.log());
        }
    }

    /// Unloads modules that must unload.
    pub fn unload(&self, modules: &[&str]) {
        for module in modules {
            let result = self.task.run(&caller(), || delete_module(module, 0));
            assert!(result.is_ok(), "{module}: {result:?}\n{}", self.log());
        }
    }

    /// Writes a parameter.
    pub fn set(&self, module: &str, parameter: &str, value: &str) -> Answer {
        self.write(&format!("/sys/module/{module}/parameters/{parameter}"), value)
    }

    /// Writes a file.
    pub fn write(&self, path: &str, value: &str) -> Answer {
        self.task.run(&caller(), || files::write(&caller(), path, value.as_bytes()))
    }

    /// Reads a parameter.
    pub fn get(&self, module: &str, parameter: &str) -> Answer {
        let path = format!("/sys/module/{module}/parameters/{parameter}");
        self.task.run(&caller(), || files::read(&caller(), &path))
    }

    /// The log, without times.
    pub fn log(&self) -> String {
        let Answer::Data(data) = log::syslog(&caller(), 3, 1 << 20) else { panic!("the log cannot be read") };
        let text = String::from_utf8_lossy(&data).into_owned();
        text.lines().map(|line| line.split_once("] ").map_or(line, |(_, rest)| rest).to_string() + "\n").collect()
    }

    /// Compares the lines of the log that start with `prefix` with those that were recorded.
    pub fn compare(&self, prefix: &str) {
        let recorded = std::fs::read_to_string(self.case.join("expect")).unwrap();
        let select = |text: &str| -> Vec<String> {
            text.lines().filter(|line| line.starts_with(prefix)).map(str::to_string).collect()
        };
        assert!(!select(&recorded).is_empty(), "nothing was recorded for {prefix}");
        assert_eq!(select(&self.log()), select(&recorded), "\n{}", self.log());
    }
}

/// Who loads.
pub fn caller() -> Caller {
    Caller { pid: 7, tid: 7, comm: "insmod".into(), ..Caller::default() }
}
