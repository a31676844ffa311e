//! The kernel's printk settings, shown and set as `sysctl(8)` does.

use crate::backend::{self, Modules};
use crate::error::{Failure, errno_text};
use crate::output;
use std::ffi::OsStr;

/// The settings, in sysctl's order.
const NAMES: [&str; 5] = ["printk", "printk_delay", "printk_devkmsg", "printk_ratelimit", "printk_ratelimit_burst"];

/// Shows all of them, or the one that `word` names, which is set first if a value follows it.
pub fn main(instance: Option<&OsStr>, word: Option<&OsStr>) -> Result<u8, Failure> {
    let mut files = backend::modules(instance)?;
    let text = match word {
        None => NAMES.iter().filter_map(|name| line(&mut *files, name).ok()).collect(),
        Some(word) => one(&mut *files, &word.to_string_lossy())?,
    };
    Ok(output::print("klogd", &text))
}

fn one(files: &mut dyn Modules, word: &str) -> Result<String, Failure> {
    let (name, value) = match word.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (word, None),
    };
    let short = name.trim_start_matches("kernel.");
    if !NAMES.contains(&short) {
        return Err(Failure::new(1, format!("klogd: {name} is no printk setting"))
            .cure(format!("they are {}", NAMES.join(", "))));
    }
    let failed = |what: &str, error: std::io::Error| {
        Failure::new(1, format!("klogd: cannot {what} kernel.{short}")).cause(errno_text(&error))
    };
    if let Some(value) = value {
        files.write(&path(short), format!("{value}\n").as_bytes()).map_err(|error| failed("set", error))?;
    }
    line(files, short).map_err(|error| failed("read", error))
}

fn path(name: &str) -> String {
    format!("/proc/sys/kernel/{name}")
}

fn line(files: &mut dyn Modules, name: &str) -> std::io::Result<String> {
    let value = files.read(&path(name))?;
    Ok(format!("kernel.{name} = {}\n", String::from_utf8_lossy(&value).trim_end()))
}
