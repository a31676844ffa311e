//! `rmmod` of modutils. Counterpart: insmod/rmmod.c of modutils 2.4.27; rmmod(8).
//!
//! DIFFERS: persistent data (`-e`) is refused.

use super::Messages;
use super::kernel::{Failed, Kernel, Module};
use crate::Invocation;
use crate::error::Failure;
use crate::getopt::{Arg, Opt, Parser, Spec};
use std::collections::HashSet;

const SPEC: Spec = Spec {
    short: "aehrsvV",
    long: &[
        ("all", Arg::No, 'a'),
        ("persist", Arg::No, 'e'),
        ("help", Arg::No, 'h'),
        ("stacks", Arg::No, 'r'),
        ("syslog", Arg::No, 's'),
        ("verbose", Arg::No, 'v'),
        ("version", Arg::No, 'V'),
    ],
};

const USAGE: &str = "Usage: rmmod [-ahrsvV] module ...\n";
const ENOENT: i32 = 2;

/// The tool.
pub fn main(call: &Invocation) -> Result<u8, Failure> {
    let mut parser = Parser::new(SPEC, &call.argv0, &call.words);
    let mut messages = Messages::new("rmmod");
    let (mut all, mut stacks, mut verbose) = (false, false, false);
    while let Some(option) = parser.next_option() {
        match option {
            Opt::Known('a', _) => all = true,
            Opt::Known('r', _) => stacks = true,
            Opt::Known('s', _) => messages.syslog = true,
            Opt::Known('v', _) => verbose = true,
            Opt::Known('V', _) => tell!("rmmod version {}", super::VERSION),
            Opt::Known('e', _) => {
                messages.error("lkm's rmmod does not have the option -e");
                return Ok(1);
            }
            _ => {
                tell_part!("{USAGE}");
                return Ok(1);
            }
        }
    }
    let words: Vec<String> = parser.operands().iter().map(|word| word.to_string_lossy().into_owned()).collect();
    if words.is_empty() && !all {
        tell_part!("{USAGE}");
        return Ok(1);
    }
    let client = match super::connect("rmmod") {
        Ok(client) => client,
        Err(error) => {
            tell!("{error}");
            return Ok(1);
        }
    };
    let mut tool = Tool { kernel: Kernel(&client), messages, verbose };
    if all {
        tool.unused();
    } else if stacks {
        tool.stacks(&words);
    } else {
        words.iter().for_each(|word| tool.one(word));
    }
    Ok(u8::from(tool.messages.errors > 0))
}

struct Tool<'a> {
    kernel: Kernel<'a>,
    messages: Messages,
    verbose: bool,
}

impl Tool<'_> {
    fn delete(&mut self, name: Option<&str>) -> Result<(), Failed> {
        if let Some(name) = name.filter(|_| self.verbose) {
            self.messages.say(&format!("Checking {name} for removal"));
        }
        match self.kernel.delete(name) {
            Err(Failed::Killed(signal)) => crate::backend::die(signal),
            result => result,
        }
    }

    /// `-a`: what nobody uses.
    fn unused(&mut self) {
        if let Err(error) = self.delete(None) {
            self.messages.error(&error.text());
        }
    }

    fn one(&mut self, name: &str) {
        match self.delete(Some(name)) {
            Ok(()) => {}
            Err(Failed::Errno(ENOENT)) => self.messages.error(&format!("module {name} is not loaded")),
            // perror(3): the name in place of the tool.
            Err(error) => {
                let subject = std::mem::replace(&mut self.messages.subject, name.to_owned());
                self.messages.error(&error.text());
                self.messages.subject = subject;
            }
        }
    }

    /// `-r`: the named modules, and those below them that nobody else uses.
    fn stacks(&mut self, words: &[String]) {
        let modules = match self.kernel.modules() {
            Ok(modules) => modules,
            Err(error) => return self.messages.error(&format!("query_module: {}", error.text())),
        };
        for word in words.iter().filter(|word| !modules.iter().any(|m| m.name == **word)) {
            self.messages.error(&format!("module {word} not loaded"));
        }
        let mut gone: HashSet<&str> = HashSet::new();
        // Users come before those that they use.
        for module in &modules {
            let Module { name, refs, .. } = module;
            let wanted = words.contains(name);
            let free = refs.iter().all(|user| gone.contains(user.as_str()));
            if free && (wanted || !refs.is_empty()) {
                gone.insert(name);
                if let Err(error) = self.delete(Some(name)) {
                    self.messages.error(&format!("{name}: {}", error.text()));
                }
            } else if wanted {
                self.messages.error(&format!("{name} is in use"));
            }
        }
    }
}
