//! What kmod's tools have in common: names, messages, usage, and the states of modules (kmod 30).

pub mod depmod;
mod force;
pub mod insmod;
mod lookup;
pub mod lsmod;
pub mod modinfo;
pub mod modprobe;
pub mod multi;
mod reason;
pub mod rmmod;
mod state;
pub mod static_nodes;

use crate::clock::{self, Local};
use std::ffi::{CString, OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixDatagram;

/// What `--version` prints: the version whose behaviour this is.
pub const VERSION: &str = "kmod version 30\n+ZSTD +XZ -ZLIB +LIBCRYPTO -EXPERIMENTAL\n";

/// The name of a tool as its messages show it: the last part of how it was called.
fn short_name(argv0: &OsStr) -> String {
    let bytes = argv0.as_bytes();
    let start = bytes.iter().rposition(|&c| c == b'/').map_or(0, |at| at + 1);
    String::from_utf8_lossy(bytes.get(start..).unwrap_or_default()).into_owned()
}

/// Where messages go.
#[derive(Debug)]
pub struct Messages {
    tool: String,
    syslog: bool,
}

impl Messages {
    /// Messages of a tool, to standard error or to the system's log.
    pub fn new(argv0: &OsStr, syslog: bool) -> Self {
        Self { tool: short_name(argv0), syslog }
    }

    /// An error.
    pub fn error(&self, text: &str) {
        self.say("ERROR", text.as_bytes());
    }

    /// A message: the word for its level (`ERROR`), and its text, which need not be UTF-8.
    pub fn say(&self, level: &str, text: &[u8]) {
        if !self.syslog {
            let line = [self.tool.as_bytes(), b": ", level.as_bytes(), b": ", text, b"\n"].concat();
            // Nobody listening is no reason to fail.
            let _ = io::Write::write_all(&mut io::stderr(), &line);
            return;
        }
        // Facility daemon; the priorities of syslog(3).
        let priority = match level {
            "FATAL" => 26,
            "ERROR" => 27,
            "WARNING" => 28,
            _ => 30,
        };
        let stamp = Local::at(clock::now().0).syslog_stamp();
        let head = format!("<{priority}>{stamp} {}[{}]: {level}: ", self.tool, std::process::id());
        let line = [head.as_bytes(), text].concat();
        let _ = UnixDatagram::unbound().and_then(|socket| socket.send_to(&line, "/dev/log"));
    }
}

/// The module name in a path: the file's name up to the first dot, with underscores.
pub fn name_from_path(path: &OsStr) -> Vec<u8> {
    let bytes = path.as_bytes();
    let start = bytes.iter().rposition(|&c| c == b'/').map_or(0, |at| at + 1);
    name_from_word(bytes.get(start..).unwrap_or_default())
}

/// A name as the kernel has it: underscores for dashes, nothing from the first dot on.
pub fn name_from_word(word: &[u8]) -> Vec<u8> {
    word.iter().take_while(|&&c| c != b'.').map(|&c| if c == b'-' { b'_' } else { c }).collect()
}

/// A C string of bytes from the command line, which cannot hold zeros.
fn c_string(bytes: &[u8]) -> CString {
    CString::new(bytes.split(|&c| c == 0).next().unwrap_or_default()).unwrap_or_default()
}

/// Joins words with spaces, as parameters reach the kernel.
fn join(words: &[OsString]) -> Vec<u8> {
    words.iter().map(|word| word.as_bytes()).collect::<Vec<_>>().join(&b' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_normalised() {
        for (path, want) in [("/a-b/my-mod.ko.xz", "my_mod"), ("x", "x"), ("/", ""), ("a.b", "a")] {
            assert_eq!(name_from_path(OsStr::new(path)), want.as_bytes());
        }
        assert_eq!(name_from_word(b"a/b/c-d.ko"), b"a/b/c_d");
    }
}
