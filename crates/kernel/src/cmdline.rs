//! The kernel's command line: what an instance was booted with. Counterparts: init/main.c, `parse_args` of
//! kernel/params.c, `module_blacklist` of kernel/module/main.c.
//!
//! What lkm's kernel has none of is kept for /proc/cmdline, where modprobe finds parameters for modules. DIFFERS: a
//! built-in parameter that lkm's kernel does not use (`builtin_params.rs`) keeps the value of the image.

use crate::builtin_params::Own;
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

/// Remembers the line, before there is a log: whether it says `quiet`.
pub(crate) fn remember(line: &str) -> bool {
    let line = TEXT.get_or_init(|| line.to_owned());
    words(line.as_bytes()).any(|arg| arg.name == b"quiet")
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
