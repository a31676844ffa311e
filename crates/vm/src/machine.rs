//! Starts QEMU, waits for it within a time limit, collects what came out.

use crate::Error;
use crate::guest::{self, Ended, Outcome};
use crate::initramfs::{self, Content};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// A virtual machine to be: a kernel release and options. [`Vm::run`] boots it once.
///
/// ```no_run
/// let release = vm::find_release("6.1").expect("a 6.1 kernel in /boot");
/// let out = vm::Vm::new(release).file("hello.ko", "/tmp/hello/hello.ko").run("insmod hello.ko; dmesg")?;
/// print!("{}", vm::normalise(&out.stdout));
/// # Ok::<(), vm::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Vm {
    release: String,
    kernel: Option<PathBuf>,
    files: Vec<(String, Content)>,
    modules: Vec<String>,
    append: String,
    cpus: u32,
    memory_mib: u32,
    timeout: Duration,
}

impl Vm {
    /// A machine with two processors, 512 MiB and a minute's time that boots
    /// `/boot/vmlinuz-RELEASE`.
    pub fn new(release: impl Into<String>) -> Self {
        Self {
            release: release.into(),
            kernel: None,
            files: Vec::new(),
            modules: Vec::new(),
            append: String::new(),
            cpus: 2,
            memory_mib: 512,
            timeout: Duration::from_secs(60),
        }
    }

    /// Boots this image instead of the one in /boot.
    pub fn kernel(mut self, image: impl Into<PathBuf>) -> Self {
        self.kernel = Some(image.into());
        self
    }

    /// Puts a file of the host into `/work`, where the script runs, under this name.
    pub fn file(mut self, name: impl Into<String>, path: impl Into<PathBuf>) -> Self {
        self.files.push((name.into(), Content::File(path.into())));
        self
    }

    /// Puts a file with these bytes and permissions into `/work`.
    pub fn bytes(mut self, name: impl Into<String>, permissions: u32, data: impl Into<Vec<u8>>) -> Self {
        self.files.push((name.into(), Content::Bytes { data: data.into(), permissions }));
        self
    }

    /// Puts a program of the host into `/work` under this name, and the shared libraries that it needs where it looks for
    /// them.
    pub fn program(mut self, name: impl Into<String>, path: impl Into<PathBuf>) -> Self {
        self.files.push((name.into(), Content::Program(path.into())));
        self
    }

    /// Makes a distribution module and its dependencies available to modprobe.
    pub fn module(mut self, name: impl Into<String>) -> Self {
        self.modules.push(name.into());
        self
    }

    /// Adds words to the kernel's command line.
    pub fn append(mut self, words: &str) -> Self {
        self.append.push(' ');
        self.append.push_str(words);
        self
    }

    /// Sets the number of processors.
    pub fn cpus(mut self, cpus: u32) -> Self {
        self.cpus = cpus;
        self
    }

    /// Sets the size of the memory.
    pub fn memory_mib(mut self, memory_mib: u32) -> Self {
        self.memory_mib = memory_mib;
        self
    }

    /// Sets the time after which the machine is stopped.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Boots, runs `script` with Debian's `sh` in `/work`, switches off. A kernel that
    /// dies or takes too long is not an error but an [`Outcome`].
    ///
    /// # Errors
    /// A missing program, kernel, module or file; an option that QEMU cannot take; QEMU
    /// ended by itself before the kernel wrote anything.
    pub fn run(&self, script: &str) -> Result<Outcome, Error> {
        self.check()?;
        let qemu = initramfs::program("qemu-system-x86_64", "qemu-system-x86")?;
        let kernel = self.image()?;
        let dir = tempfile::tempdir().map_err(Error::io("make a work folder in it", std::env::temp_dir()))?;
        let image = initramfs::build(&self.release, &self.files, &self.modules, script)?;
        let path = dir.path().join("initramfs");
        std::fs::write(&path, image).map_err(Error::io("write it", &path))?;
        let log = dir.path().join("qemu");
        let stderr = File::create(&log).map_err(Error::io("create it", &log))?;
        let start = Instant::now();
        let mut child = self
            .command(&qemu, &kernel, dir.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(stderr)
            .spawn()
            .map_err(Error::io("start it", &qemu))?;
        let ended = wait(&mut child, start + self.timeout).map_err(Error::io("wait for it", &qemu))?;
        collect(dir.path(), ended, start.elapsed())
    }

    /// QEMU's options are separated by commas, the kernel's by blanks and newlines end them.
    fn check(&self) -> Result<(), Error> {
        let bad = |what: &str| Err(Error::BadOption { what: what.to_owned() });
        if !(1..=255).contains(&self.cpus) {
            return bad(&format!("cpus {}: QEMU takes 1 to 255", self.cpus));
        }
        if self.memory_mib < 128 {
            return bad(&format!("memory_mib {}: a Debian kernel needs 128 at least", self.memory_mib));
        }
        if self.release.is_empty() || self.release.contains(['/', '\0']) {
            return bad(&format!("release {:?}: not the name of a kernel release", self.release));
        }
        if self.append.contains(['\n', '\0']) {
            return bad("append: the kernel's command line is one line");
        }
        Ok(())
    }

    fn image(&self) -> Result<PathBuf, Error> {
        let path = self.kernel.clone().unwrap_or_else(|| format!("/boot/vmlinuz-{}", self.release).into());
        if path.is_file() { Ok(path) } else { Err(Error::MissingKernel { release: self.release.clone(), path }) }
    }

    /// Software emulation only, so that it runs where /dev/kvm is missing or forbidden.
    fn command(&self, qemu: &Path, kernel: &Path, dir: &Path) -> Command {
        let serial = |name: &str| format!("file:{}", dir.join(name).display());
        let mut c = Command::new(qemu);
        c.args(["-accel", "tcg,thread=multi", "-cpu", "max", "-nodefaults", "-no-user-config", "-no-reboot"]);
        c.args(["-display", "none", "-monitor", "none"]);
        c.args(["-smp", &self.cpus.to_string(), "-m", &self.memory_mib.to_string()]);
        c.arg("-kernel").arg(kernel).arg("-initrd").arg(dir.join("initramfs"));
        c.args(["-serial", &serial("console"), "-serial", &serial("frame")]);
        // on a busy machine the emulated timer is late, which the kernel would take for a dead one
        c.args(["-append", &format!("console=ttyS0 quiet panic=-1 no_timer_check{}", self.append)]);
        c
    }
}

/// The end of the emulator, or `None` when it had to be stopped at `deadline`.
fn wait(child: &mut Child, deadline: Instant) -> std::io::Result<Option<ExitStatus>> {
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() >= deadline {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn collect(dir: &Path, ended: Option<ExitStatus>, elapsed: Duration) -> Result<Outcome, Error> {
    // QEMU makes the files when it starts; without them it did not
    let console = std::fs::read(dir.join("console")).unwrap_or_default();
    let raw = std::fs::read(dir.join("frame")).unwrap_or_default();
    let frame = guest::parse_frame(&raw);
    if let Some(status) = ended
        && !status.success()
        && frame.is_none()
    {
        let stderr = std::fs::read(dir.join("qemu")).unwrap_or_default();
        let stderr = String::from_utf8_lossy(&stderr).into_owned();
        return Err(Error::Qemu { status: status.to_string(), stderr });
    }
    let how = match (&frame, ended) {
        (Some(_), _) => Ended::Normally,
        (None, Some(_)) => Ended::Died,
        (None, None) => Ended::TimedOut,
    };
    let (status, boot) = (frame.as_ref().map(|f| f.status), frame.as_ref().and_then(|f| f.boot));
    let (stdout, stderr) = frame.map(|f| (f.stdout, f.stderr)).unwrap_or_default();
    Ok(Outcome { ended: how, status, stdout, stderr, console, boot, elapsed })
}

/// The newest installed release that is `version` or starts with it (`6.1` finds
/// `6.1.0-56-amd64`, not `6.12.1`), by the images in /boot.
pub fn find_release(version: &str) -> Option<String> {
    let names = std::fs::read_dir("/boot").ok()?.filter_map(|e| e.ok()?.file_name().into_string().ok());
    newest(version, names.filter_map(|n| n.strip_prefix("vmlinuz-").map(str::to_owned)))
}

fn newest(version: &str, releases: impl Iterator<Item = String>) -> Option<String> {
    let fits = |r: &String| r.strip_prefix(version).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '-']));
    releases.filter(fits).max_by_key(|r| {
        r.split(|c: char| !c.is_ascii_digit()).filter_map(|n| n.parse::<u64>().ok()).collect::<Vec<_>>()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_release_of_a_version() {
        let all = ["6.1.0-9-amd64", "6.1.0-56-amd64", "6.12.117+deb12-amd64", "6.1.0-56-rt-amd64x"];
        let find = |v: &str| newest(v, all.iter().map(|s| (*s).to_owned()).filter(|s| !s.contains("-rt")));
        assert_eq!(find("6.1").as_deref(), Some("6.1.0-56-amd64"));
        assert_eq!(find("6.12").as_deref(), Some("6.12.117+deb12-amd64"));
        assert_eq!(find("6.1.0-9-amd64").as_deref(), Some("6.1.0-9-amd64"));
        assert_eq!(find("5"), None);
    }

    #[test]
    fn what_is_missing_is_named() {
        let e = Vm::new("9.9.9-none").run("true").unwrap_err().to_string();
        assert!(e.contains("apt install"), "{e}");
        let e = Vm::new("9.9.9-none").image().unwrap_err().to_string();
        assert!(e.contains("/boot/vmlinuz-9.9.9-none") && e.contains("apt install linux-image-9.9.9-none"), "{e}");
    }

    #[test]
    fn options_that_cannot_be_taken_are_refused() {
        for vm in [Vm::new("x").cpus(0), Vm::new("x").memory_mib(1), Vm::new("a/b"), Vm::new("x").append("a\nb")] {
            assert!(matches!(vm.run("true"), Err(Error::BadOption { .. })), "{vm:?}");
        }
    }
}
