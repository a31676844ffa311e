//! The kernel's command line: what an instance was booted with. Counterparts: init/main.c, `parse_args` of
//! kernel/params.c, `module_blacklist` of kernel/module/main.c.
//!
//! What lkm's kernel has none of is kept for /proc/cmdline, where modprobe finds parameters for modules. DIFFERS: a
//! built-in parameter that lkm's kernel does not use (`builtin_params.rs`) keeps the value of the image.

use crate::builtin_params::Own;
use crate::klib::cmdline::memory;
use crate::log::log;
use crate::module::args::{self, Arg};
use std::sync::OnceLock;
use std::sync::atomic::Ordering;

static TEXT: OnceLock<String> = OnceLock::new();

/// The whole line.
pub fn text() -> &'static str {
    TEXT.get().map_or("", String::as_str)
}

/// The words up to `--`; what follows is for init.
fn words(line: &[u8]) -> impl Iterator<Item = Arg> {
    let mut rest = args::skip_spaces(line);
    std::iter::from_fn(move || {
        let (arg, after) = args::next(rest)?;
        rest = after;
        Some(arg)
    })
    .take_while(|arg| arg.name != b"--")
}

/// What the log is made with.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Early {
    /// The console shows errors and worse only.
    pub(crate) quiet: bool,
    /// Bytes of the log's buffer (`log_buf_len`).
    pub(crate) buffer: Option<u64>,
}

/// Remembers the line, before there is a log.
pub(crate) fn remember(line: &str) -> Early {
    early(TEXT.get_or_init(|| line.to_owned()))
}

fn early(line: &str) -> Early {
    let mut early = Early::default();
    for arg in words(line.as_bytes()) {
        match (arg.name.as_slice(), &arg.value) {
            (b"quiet", _) => early.quiet = true,
            (b"log_buf_len", Some(size)) => early.buffer = Some(memory(size).0),
            _ => {}
        }
    }
    early
}

#[test]
fn the_log_is_made_as_the_line_says() {
    assert_eq!(early("a quiet log_buf_len=4M"), Early { quiet: true, buffer: Some(4 << 20) });
    assert_eq!(early("log_buf_len -- quiet"), Early::default());
}

/// Does what the words say, once there is a log.
pub(crate) fn obey() {
    for arg in words(text().as_bytes()) {
        let name = String::from_utf8_lossy(&arg.name);
        let value = arg.value.as_deref();
        match name.as_ref() {
            "loglevel" => set_console_level(value),
            "ignore_loglevel" => log().settings().ignore_loglevel.store(true, Ordering::Relaxed),
            _ => set_parameter(&name.replace('-', "_"), value),
        }
    }
}

fn set_console_level(value: Option<&[u8]>) {
    let level = value.and_then(|v| std::str::from_utf8(v).ok()?.parse().ok());
    if let Some(level) = level {
        let mut levels = log().levels().get();
        levels[0] = level;
        log().levels().set(levels);
    }
}

/// Sets a built-in parameter; a flag alone is `1`.
fn set_parameter(name: &str, value: Option<&[u8]>) {
    let (module, parameter) = name.split_once('.').unwrap_or(("kernel", name));
    if let Some(own) = Own::find(module, parameter).filter(|own| !matches!(own, Own::Fixed(_)))
        && own.set(value.unwrap_or(b"1")).is_err()
    {
        let value = String::from_utf8_lossy(value.unwrap_or_default());
        crate::log::line(3, &format!("Booting kernel: `{value}' invalid for parameter `{name}'"));
    }
}

/// The value of `module_blacklist`: names with commas between them.
pub fn module_blacklist() -> Option<Vec<u8>> {
    words(text().as_bytes()).filter(|arg| arg.name == b"module_blacklist").filter_map(|arg| arg.value).last()
}

/// Whether modules of this name must not be loaded.
pub fn forbids(module: &str) -> bool {
    module_blacklist().is_some_and(|list| list.split(|b| *b == b',').any(|name| name == module.as_bytes()))
}
