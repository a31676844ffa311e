//! `rmmod`: unloads modules (kmod's `tools/rmmod.c`).

use super::state::{self, State};
use super::{Messages, c_string, name_from_path, name_from_word, short_name};
use crate::Invocation;
use crate::backend::{self, Modules, Outcome};
use crate::error::{Failure, errno_text, strerror};
use crate::getopt::{Arg, Opt, Parser, Spec};
use crate::output;
use rustix::fs::OFlags;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

/// Its options; `cli` tells of them.
pub const SPEC: Spec = Spec {
    short: "fsvVwh",
    long: &[
        ("force", Arg::No, 'f'),
        ("syslog", Arg::No, 's'),
        ("verbose", Arg::No, 'v'),
        ("version", Arg::No, 'V'),
        ("help", Arg::No, 'h'),
        ("instance", Arg::Required, 'I'),
    ],
};

/// The tool.
pub fn main(call: &Invocation) -> Result<u8, Failure> {
    let mut parser = Parser::new(SPEC, &call.argv0, &call.words);
    let (mut force, mut syslog) = (false, false);
    let mut instance = None;
    while let Some(option) = parser.next_option() {
        let Opt::Known(code, value) = option else { return Ok(1) };
        match code {
            'f' => force = true,
            's' => syslog = true,
            'I' => instance = value,
            'v' => {}
            'h' => return Ok(output::print("rmmod", &usage(&call.argv0))),
            'V' => return Ok(output::print("rmmod", super::VERSION)),
            other => {
                // kmod 30 still takes -w from the command line, and then does not know it.
                Messages::new(&call.argv0, false).error(&format!("unexpected getopt_long() value '{other}'."));
                return Ok(1);
            }
        }
    }
    let messages = Messages::new(&call.argv0, syslog);
    let operands = parser.operands();
    if operands.is_empty() {
        messages.error("missing module name.");
        return Ok(1);
    }
    let mut modules = backend::modules(instance.as_deref())?;
    Ok(remove_all(&mut *modules, &operands, force, &messages))
}

fn usage(argv0: &OsStr) -> String {
    format!(
        "Usage:\n\t{} [options] modulename ...\nOptions:\n\
         \t-f, --force       forces a module unload and may crash your\n\
         \t                  machine. This requires Forced Module Removal\n\
         \t                  option in your kernel. DANGEROUS\n\
         \t-s, --syslog      print to syslog, not stderr\n\
         \t-v, --verbose     enables more messages\n\
         \t-V, --version     show version\n\
         \t-h, --help        show this help\n",
        short_name(argv0)
    )
}

fn remove_all(modules: &mut dyn Modules, words: &[OsString], force: bool, messages: &Messages) -> u8 {
    let mut failed = false;
    for word in words {
        let shown = word.to_string_lossy();
        let is_path = std::fs::metadata(word).is_ok();
        if is_path && word.as_bytes().ends_with(b"/") {
            messages.error(&format!("could not use module {shown}: {}", strerror(2)));
            // kmod stops here without counting it as a failure.
            break;
        }
        let name = match is_path {
            true => name_from_path(word),
            false => name_from_word(word.as_bytes()),
        };
        failed |= !remove(modules, &shown, &name, force, messages);
    }
    u8::from(failed)
}

fn remove(modules: &mut dyn Modules, shown: &str, name: &[u8], force: bool, messages: &Messages) -> bool {
    let text = String::from_utf8_lossy(name);
    if !force && !unused(modules, &text, messages) {
        return false;
    }
    let flags = OFlags::NONBLOCK | if force { OFlags::TRUNC } else { OFlags::empty() };
    match modules.remove(&c_string(name), flags.bits()) {
        Ok(Outcome::Done) => true,
        Ok(Outcome::Killed { signal }) => backend::die(signal),
        Err(error) => {
            let error = errno_text(&error);
            messages.error(&format!(
                "../libkmod/libkmod-module.c:856 kmod_module_remove_module() could not remove '{text}': {error}"
            ));
            messages.error(&format!("could not remove module {shown}: {error}"));
            false
        }
    }
}

/// Whether nothing uses the module; says what does.
fn unused(modules: &mut dyn Modules, name: &str, messages: &Messages) -> bool {
    match state::state(modules, name) {
        State::Builtin => {
            messages.error(&format!("Module {name} is builtin."));
            return false;
        }
        State::Absent => {
            messages.error(&format!("Module {name} is not currently loaded"));
            return false;
        }
        State::Loaded => {}
    }
    match state::holders(modules, name) {
        Ok(holders) if !holders.is_empty() => {
            messages.error(&format!("Module {name} is in use by: {}", holders.join(" ")));
            return false;
        }
        Ok(_) => {}
        Err(error) => messages.error(&format!(
            "../libkmod/libkmod-module.c:1998 kmod_module_get_holders() could not open '/sys/module/{name}/holders': {}",
            errno_text(&error)
        )),
    }
    match state::refcount(modules, name) {
        Ok(0) => true,
        Ok(count) if count > 0 => {
            messages.error(&format!("Module {name} is in use"));
            false
        }
        Ok(_) => false,
        Err(_) => {
            messages.error("Module unloading is not supported");
            false
        }
    }
}
