//! The state of a module as /sys/module tells it (`libkmod/libkmod-module.c`).

use crate::backend::Modules;
use std::io;

/// A module's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Part of the kernel's image.
    Builtin,
    /// Loaded, loading or unloading.
    Loaded,
    /// Not there.
    Absent,
}

/// The state of a module.
pub fn state(modules: &mut dyn Modules, name: &str) -> State {
    if is_builtin(name) {
        return State::Builtin;
    }
    let there = match modules.read(&format!("/sys/module/{name}/initstate")) {
        Ok(text) => matches!(text.trim_ascii(), b"live" | b"coming" | b"going"),
        // Between the folder and its files there is a moment.
        Err(_) => modules.list(&format!("/sys/module/{name}")).is_ok(),
    };
    if there { State::Loaded } else { State::Absent }
}

/// Whether the running kernel's `modules.builtin` lists the module.
fn is_builtin(name: &str) -> bool {
    if name.is_empty() {
        return false;
    }
    let uname = rustix::system::uname();
    let Ok(release) = uname.release().to_str() else { return false };
    let Ok(list) = std::fs::read(format!("/lib/modules/{release}/modules.builtin")) else { return false };
    list.split(|&c| c == b'\n').any(|line| {
        let file = line.rsplit(|&c| c == b'/').next().unwrap_or_default();
        let stem = file.strip_suffix(b".ko").unwrap_or(file);
        stem.len() == name.len()
            && stem.iter().zip(name.as_bytes()).all(|(&a, &b)| (if a == b'-' { b'_' } else { a }) == b)
    })
}

/// The modules that use a module.
pub fn holders(modules: &mut dyn Modules, name: &str) -> io::Result<Vec<String>> {
    modules.list(&format!("/sys/module/{name}/holders"))
}

/// The reference count.
pub fn refcount(modules: &mut dyn Modules, name: &str) -> io::Result<i64> {
    number(&modules.read(&format!("/sys/module/{name}/refcnt"))?)
}

/// The size in memory: of /sys, or of /proc/modules where /sys has none.
pub fn size(modules: &mut dyn Modules, name: &str) -> io::Result<i64> {
    number(&modules.read(&format!("/sys/module/{name}/coresize"))?)
}

fn number(text: &[u8]) -> io::Result<i64> {
    let text = std::str::from_utf8(text).ok().and_then(|text| text.trim().parse().ok());
    text.ok_or_else(|| io::ErrorKind::InvalidData.into())
}
