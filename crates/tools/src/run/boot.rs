//! From a release to a running instance.

use super::options::Options;
use crate::error::{Failure, status};
use abi::{Profile, Progress};
use kernel::mm::check::Mode;
use std::io::{IsTerminal, Write};
use std::sync::{Arc, Mutex, PoisonError};
use supervisor::{Calls, Config, Instance};

/// The lines that the console showed, for the explanation of a refusal.
#[derive(Debug, Clone, Default)]
pub struct Shown(Arc<Mutex<Vec<u8>>>);

/// How much of the console is remembered.
const REMEMBERED: usize = 256 << 10;

impl Shown {
    fn add(&self, text: &[u8]) {
        let mut bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if bytes.len() + text.len() <= REMEMBERED {
            bytes.extend_from_slice(text);
        }
    }

    /// A console that prints to standard error and remembers.
    pub fn sink(&self) -> supervisor::Console {
        let keep = self.clone();
        Box::new(move |text: &[u8]| {
            keep.add(text);
            // Nothing is left to tell it to if standard error is gone.
            let _ = std::io::stderr().write_all(text);
        })
    }

    /// All lines so far.
    pub fn lines(&self) -> Vec<String> {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&bytes).lines().map(String::from).collect()
    }
}

/// The profile of the kernel to run: of `--image`, of `--kernel`, or of `release`.
pub fn profile(options: &Options, release: &str) -> Result<Profile, Failure> {
    let abi_options =
        abi::Options { image: options.image.clone(), progress: progress_line(), ..abi::Options::default() };
    let release = options.kernel.as_deref().unwrap_or(release);
    let found = match &options.image {
        Some(image) => Profile::from_image(image, &abi_options),
        None => Profile::for_release(release, &abi_options),
    };
    clear_line();
    found.map_err(|error| lacks_kernel(release, &error))
}

/// Why there is no profile of a release.
pub fn lacks_kernel(release: &str, error: &abi::Error) -> Failure {
    let failure = Failure::lacks(format!("nothing is known of kernel {release}"));
    match error {
        abi::Error::NotFound { looked, .. } => failure.cause(format!("looked at {}", looked.join(", "))).cure(format!(
            "apt install linux-image-{release} (linux-headers-{release} serve, too),\n\
                 or name another kernel: --kernel RELEASE (`lkm abi list` shows them) or --image FILE"
        )),
        _ => failure.cause(error),
    }
}

/// Tells of an import on a terminal; nothing elsewhere.
pub fn progress_line() -> Option<abi::ProgressFn> {
    if !std::io::stderr().is_terminal() {
        return None;
    }
    Some(Arc::new(|Progress { phase, done, total, .. }| {
        let mut line = format!("\r\x1b[Klkm: reading the kernel once: {phase}");
        if let Some(percent) = done.saturating_mul(100).checked_div(total) {
            line.push_str(&format!(" {percent} %"));
        }
        let _ = std::io::stderr().write_all(line.as_bytes());
    }))
}

/// Takes the progress line away.
pub fn clear_line() {
    if std::io::stderr().is_terminal() {
        let _ = std::io::stderr().write_all(b"\r\x1b[K");
    }
}

/// Boots an instance whose console goes to standard error; `check` where the options do not say.
pub fn boot(options: &Options, profile: Profile, check: Mode) -> Result<(Instance, Shown), Failure> {
    const CONSOLE_LEVEL: i32 = 8;
    let shown = Shown::default();
    let mut config = kernel::Config::new(profile);
    if let Some(cpus) = options.cpus {
        config.cpus = cpus;
    }
    config.cmdline.clone_from(&options.cmdline);
    config.personality24 = options.personality24;
    config.check = options.check.unwrap_or(check);
    let console = Config { console: shown.sink() };
    let instance = Instance::boot(console, move |conn| kernel::main(conn, config)).map_err(|error| failure(&error))?;
    if let Some(level) = options.console_level {
        instance.as_self().syslog(CONSOLE_LEVEL, i32::from(level)).map_err(|error| failure(&error))?;
    }
    Ok((instance, shown))
}

/// What a failure of the supervisor means for the command.
pub fn failure(error: &supervisor::Error) -> Failure {
    use supervisor::Error;
    match error {
        Error::Lacks { what, cure } => Failure::lacks(what.clone()).cure(cure),
        Error::Host { what, source } => Failure::lacks(format!("{what}: {}", crate::error::errno_text(source))),
        Error::Died(_) | Error::Unexpected(_) | Error::Wire(_) => Failure::new(status::BUG, error.to_string())
            .cause("this is a fault of lkm, not of the module")
            .cure("please report it with the module and the log above"),
        Error::Errno(_) | Error::Killed { .. } => Failure::new(status::REFUSED, error.to_string()),
    }
}
