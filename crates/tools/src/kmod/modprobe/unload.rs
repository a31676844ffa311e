//! Unloading (`rmmod_do_module` and its kin of kmod's `tools/modprobe.c`).

use super::{Done, EBUSY, EEXIST, ENOENT, ERROR, Modprobe, Stop, with_options};
use crate::backend::{self, Outcome};
use crate::error::{errno_text, strerror};
use crate::kmod::{c_string, state};
use moddb::plan::{BadAlias, Id};
use rustix::fs::OFlags;
use rustix::io::Errno;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::time::{Duration, Instant};

/// What is done with a module beyond unloading it.
#[derive(Debug, Clone, Copy, Default)]
struct How {
    holders_too: bool,
    builtin_is_fine: bool,
}

/// What a module is to the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Builtin,
    There,
    Absent,
}

impl Modprobe {
    /// Unloads what a word names.
    pub(super) fn remove_word(&mut self, word: &OsStr) -> Done {
        // A word that is no alias is passed over without a word.
        let found = self.database.lookup(word.as_bytes()).map_err(|BadAlias| Stop::Errno(super::EINVAL))?;
        if found.is_empty() {
            return Err(self.complain([b"Module ", word.as_bytes(), b" not found."].concat(), ENOENT));
        }
        let how = How { holders_too: self.options.remove_holders, ..How::default() };
        found.into_iter().try_for_each(|id| self.remove(id, how))
    }

    fn name_text(&self, id: Id) -> String {
        String::from_utf8_lossy(self.database.name(id)).into_owned()
    }

    fn state(&mut self, id: Id) -> Done<State> {
        if self.database.is_builtin(id) {
            return Ok(State::Builtin);
        }
        let name = self.name_text(id);
        let modules = self.modules()?;
        let there = match modules.read(&format!("/sys/module/{name}/initstate")) {
            Ok(text) => matches!(text.trim_ascii(), b"live" | b"coming" | b"going"),
            Err(_) => modules.list(&format!("/sys/module/{name}")).is_ok(),
        };
        Ok(if there { State::There } else { State::Absent })
    }

    /// Unloads a module, what stands after it before and what stands before it after.
    fn remove(&mut self, id: Id, how: How) -> Done {
        let (mut pre, mut post, mut command) = (Vec::new(), Vec::new(), None);
        if !self.options.ignore_commands {
            (pre, post) = self.database.soft_dependencies(id);
            self.say_notes();
            command = self.database.remove_command(id).map(<[u8]>::to_vec);
        }
        let name = self.name_text(id);
        if command.is_none() {
            match self.state(id)? {
                State::There => {}
                State::Absent if self.options.first_time => {
                    return Err(self.complain(format!("Module {name} is not in kernel."), ENOENT));
                }
                State::Absent => return Ok(()),
                State::Builtin if how.builtin_is_fine => return Ok(()),
                State::Builtin => return Err(self.complain(format!("Module {name} is builtin."), ENOENT)),
            }
        }
        self.remove_all(&post, false)?;
        if how.holders_too {
            let holders = self.holders(&name)?;
            self.remove_all(&holders, true)?;
        }
        let Some(command) = command else {
            self.check_unused(&name)?;
            self.unload(id)?;
            for dependency in self.database.dependencies(id) {
                let name = self.name_text(dependency);
                if state::refcount(self.modules()?, &name).is_ok_and(|count| count == 0) {
                    // What became unused may stay, too.
                    self.unless_final(|tool| tool.unload(dependency))?;
                }
            }
            return self.remove_all(&pre, false);
        };
        self.run_remove_command(&command, &name)?;
        self.remove_all(&pre, false)
    }

    /// Unloads modules from the last to the first; `strictly`: one that cannot be ends it.
    fn remove_all(&mut self, ids: &[Id], strictly: bool) -> Done {
        for id in ids.iter().rev() {
            let how = How { builtin_is_fine: true, ..How::default() };
            match strictly {
                true => self.remove(*id, how)?,
                false => self.unless_final(|tool| tool.remove(*id, how))?,
            }
        }
        Ok(())
    }

    /// Does something that may fail.
    fn unless_final(&mut self, task: impl FnOnce(&mut Self) -> Done) -> Done {
        match task(self) {
            Err(Stop::Errno(_)) => Ok(()),
            other => other,
        }
    }

    fn holders(&mut self, name: &str) -> Done<Vec<Id>> {
        match state::holders(self.modules()?, name) {
            Ok(names) => Ok(names.iter().map(|name| self.database.of_name(name.as_bytes())).collect()),
            Err(error) => {
                let place = "../libkmod/libkmod-module.c:1998 kmod_module_get_holders()";
                let error = errno_text(&error);
                self.say(ERROR, format!("{place} could not open '/sys/module/{name}/holders': {error}"));
                Ok(Vec::new())
            }
        }
    }

    fn check_unused(&mut self, name: &str) -> Done {
        if self.options.wait_ms > 0 {
            return Ok(());
        }
        let used = state::refcount(self.modules()?, name).is_ok_and(|count| count > 0);
        if used { Err(self.complain(format!("Module {name} is in use."), EBUSY)) } else { Ok(()) }
    }

    fn run_remove_command(&mut self, command: &[u8], name: &str) -> Done {
        let command = with_options(command, b"");
        self.show(&[b"remove ", &command]);
        if self.options.dry_run {
            return Ok(());
        }
        match self.shell(&command, name.as_bytes()) {
            Ok(0) => Ok(()),
            Ok(status) => Err(self.complain(format!("Error running remove command for {name}"), status)),
            Err(_) => Err(self.complain(format!("Error running remove command for {name}"), EEXIST)),
        }
    }

    /// Asks the kernel to unload a module; with `-w` again and again. DIFFERS: when the time is over and the module still in
    /// use, kmod 30 ends with 0 and without a word: its loop gives the result of its last pause.
    fn unload(&mut self, id: Id) -> Done {
        let name = self.name_text(id);
        self.show(&[b"rmmod ", name.as_bytes()]);
        if self.options.dry_run {
            return Ok(());
        }
        let end = Instant::now() + Duration::from_millis(self.options.wait_ms);
        let mut pause = Duration::from_millis(1);
        let error = loop {
            let Err(error) = self.ask_to_unload(&name)? else { return Ok(()) };
            let left = end.saturating_duration_since(Instant::now());
            if error != Errno::AGAIN || left.is_zero() {
                break error;
            }
            std::thread::sleep(pause.min(left));
            pause *= 2;
        };
        if error == Errno::EXIST {
            let text = format!("Module {name} is not in kernel.");
            return if self.options.first_time { Err(self.complain(text, EEXIST)) } else { Ok(()) };
        }
        let text = strerror(error.raw_os_error());
        if self.options.wait_ms > 0 {
            self.say(ERROR, format!("could not remove '{name}': {text}"));
        } else {
            let place = "../libkmod/libkmod-module.c:856 kmod_module_remove_module()";
            self.say(ERROR, format!("{place} could not remove '{name}': {text}"));
        }
        Err(Stop::Errno(error.raw_os_error()))
    }

    /// One `delete_module(2)`.
    fn ask_to_unload(&mut self, name: &str) -> Done<Result<(), Errno>> {
        let force = if self.options.force { OFlags::TRUNC } else { OFlags::empty() };
        let flags = (OFlags::NONBLOCK | force).bits();
        match self.modules()?.remove(&c_string(name.as_bytes()), flags) {
            Ok(Outcome::Done) => Ok(Ok(())),
            Ok(Outcome::Killed { signal }) => {
                let _ = self.flush();
                backend::die(signal)
            }
            Err(error) => Ok(Err(Errno::from_io_error(&error).unwrap_or(Errno::INVAL))),
        }
    }
}
