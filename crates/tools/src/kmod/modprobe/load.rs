//! Loading (`insmod`, `print_action` of kmod's `tools/modprobe.c`; `kmod_module_probe_insert_module` of libkmod).

use super::super::reason::{self, Before};
use super::{CRITICAL, Done, EEXIST, EINVAL, ENOENT, ERROR, INFO, Modprobe, Stop, WARNING, reason_text, with_options};
use crate::backend::{self, Outcome};
use crate::error::{errno_text, strerror};
use crate::kmod::insmod;
use moddb::plan::{BadAlias, Id, Note, Step};
use rustix::io::Errno;
use serde_json::json;
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// `MODULE_INIT_IGNORE_MODVERSIONS`, `MODULE_INIT_IGNORE_VERMAGIC`.
const IGNORE_VERSIONS: u32 = 1;
const IGNORE_VERMAGIC: u32 = 2;
const EPERM: i32 = 1;

impl Modprobe {
    /// Loads what a word names, or shows what would be loaded.
    pub(super) fn insert_word(&mut self, word: &OsStr, extra: Option<&[u8]>) -> Done {
        let found = self.database.lookup(word.as_bytes()).unwrap_or_else(|BadAlias| Vec::new());
        self.say_notes();
        if found.is_empty() {
            let dir = self.database.dir().path().as_os_str().as_bytes();
            let text = [b"Module ", word.as_bytes(), b" not found in directory ", dir].concat();
            return Err(self.complain(text, ENOENT));
        }
        let mut last = Ok(());
        for id in found {
            if self.options.lookup_only {
                let name = self.database.name(id).to_vec();
                self.print(&[&name]);
                continue;
            }
            last = match self.probe(id, extra) {
                Err(Stop::Errno(errno)) => {
                    let name = String::from_utf8_lossy(self.database.name(id)).into_owned();
                    self.say(ERROR, format!("could not insert '{name}': {}", reason_text(errno)));
                    Err(Stop::Errno(errno))
                }
                Ok(()) => Ok(()),
                Err(stop) => return Err(stop),
            };
        }
        last
    }

    /// Says what was wrong in the configuration or the indexes where the database looked.
    pub(super) fn say_notes(&mut self) {
        let place = "../libkmod/libkmod-module.c:";
        for note in self.database.take_notes() {
            let text = match note {
                Note::BadWord(word) => {
                    let head = format!("{place}1567 lookup_softdep() failed to lookup soft dependency '");
                    [head.as_bytes(), &word, b"', continuing anyway."].concat()
                }
                // kmod also says where in its memory it met with this.
                Note::Missing { path, errno } => {
                    let (path, error) = (path.display(), strerror(errno));
                    format!("{place}191 kmod_module_parse_depline() path={path} error={error}").into_bytes()
                }
            };
            self.say(ERROR, text);
        }
    }

    /// Whether a module is part of the kernel, or loaded and alive.
    fn is_in_kernel(&mut self, id: Id) -> Done<bool> {
        if self.database.is_builtin(id) {
            return Ok(true);
        }
        let path = format!("/sys/module/{}/initstate", String::from_utf8_lossy(self.database.name(id)));
        Ok(self.modules()?.read(&path).is_ok_and(|state| state == b"live\n"))
    }

    /// Loads a module with all that it needs.
    fn probe(&mut self, id: Id, extra: Option<&[u8]>) -> Done {
        let ignore_loaded = self.options.show_depends;
        if !ignore_loaded && self.is_in_kernel(id)? {
            return if self.options.first_time { Err(Stop::Errno(EEXIST)) } else { Ok(()) };
        }
        let by_blacklist = self.database.is_alias(id) || self.options.use_blacklist;
        if by_blacklist && self.database.is_blacklisted(id) {
            return Ok(());
        }
        let plan = self.database.plan(id, self.options.ignore_commands);
        self.say_notes();
        if self.explains() {
            for circle in &plan.circles {
                let way = circle.join(&b" -> "[..]);
                self.say(WARNING, [&b"soft dependencies lead back to where they began: "[..], &way].concat());
            }
        }
        self.check_forbidden(&plan.steps)?;
        for step in plan.steps {
            let result = self.step(step, Some(extra).filter(|_| step.module == id).flatten(), ignore_loaded);
            match result {
                Err(Stop::Errno(EEXIST)) if step.module == id && self.options.first_time => {
                    return Err(Stop::Errno(EEXIST));
                }
                Err(Stop::Errno(errno)) if errno != EEXIST && step.required => return Err(Stop::Errno(errno)),
                // A soft dependency may fail, and what is loaded already is.
                Ok(()) | Err(Stop::Errno(_)) => {}
                Err(stop) => return Err(stop),
            }
        }
        Ok(())
    }

    /// Refuses a plan with a module that must not be loaded, before anything of it is.
    fn check_forbidden(&mut self, steps: &[Step]) -> Done {
        for step in steps.iter().filter(|step| step.required) {
            let Some(row) = self.database.forbidden(step.module) else { continue };
            let because = if row.reason.is_empty() { Vec::new() } else { [b": ", row.reason.as_slice()].concat() };
            let name = self.database.name(step.module);
            let text = [b"module '", name, b"' is forbidden by the configuration", &because].concat();
            self.say(ERROR, text);
            return Err(Stop::Errno(EPERM));
        }
        Ok(())
    }

    /// One step of a plan.
    fn step(&mut self, step: Step, extra: Option<&[u8]>, ignore_loaded: bool) -> Done {
        let id = step.module;
        if !step.required && self.database.forbidden(id).is_some() {
            return Ok(());
        }
        if !ignore_loaded && self.is_in_kernel(id)? {
            return Err(Stop::Errno(EEXIST));
        }
        let configured = self.database.options(id);
        let options = match (configured, extra) {
            (Some(configured), Some(extra)) => [configured, extra.to_vec()].join(&b' '),
            // kmod leaves the blank there.
            (Some(configured), None) => [&configured[..], b" "].concat(),
            (None, extra) => extra.unwrap_or_default().to_vec(),
        };
        let command = self.database.install_command(id).filter(|_| !step.ignore_command).map(<[u8]>::to_vec);
        match command {
            Some(command) => {
                self.show_command(id, &command, &options);
                if self.options.dry_run { Ok(()) } else { self.install(id, &command, &options) }
            }
            None => {
                self.show_insertion(id, &options)?;
                if self.options.dry_run { Ok(()) } else { self.insert(id, &options) }
            }
        }
    }

    fn show_command(&mut self, id: Id, command: &[u8], options: &[u8]) {
        if self.options.json {
            let name = String::from_utf8_lossy(self.database.name(id)).into_owned();
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            let row =
                json!({ "action": "install", "module": name, "command": text(command), "options": text(options) });
            self.json.push(row);
        } else if self.shows() {
            self.print(&[b"install ", command, b" ", options]);
        }
    }

    fn show_insertion(&mut self, id: Id, options: &[u8]) -> Done {
        if !self.shows() {
            return Ok(());
        }
        let name = self.database.name(id).to_vec();
        let path = self.database.path(id).map(Path::to_owned);
        let builtin = path.is_none() && self.database.is_builtin(id);
        if self.options.json {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            if path.is_some() || builtin {
                let action = if builtin { "builtin" } else { "insmod" };
                let path = path.map(|path| path.display().to_string());
                let options = text(options.trim_ascii());
                self.json.push(json!({ "action": action, "module": text(&name), "path": path, "options": options }));
            }
            return Ok(());
        }
        match path {
            Some(path) => self.print(&[b"insmod ", path.as_os_str().as_bytes(), b" ", options]),
            None if builtin => self.print(&[b"builtin ", &name]),
            None => {}
        }
        Ok(())
    }

    /// Prints what `--json` collected.
    pub(super) fn print_json(&mut self) {
        let text = serde_json::to_vec_pretty(&self.json).unwrap_or_default();
        self.print(&[&text]);
    }

    /// Runs the command that takes the place of loading a module.
    fn install(&mut self, id: Id, command: &[u8], options: &[u8]) -> Done {
        let command = with_options(command, options);
        let name = self.database.name(id).to_vec();
        let place = "../libkmod/libkmod-module.c:";
        let what = |words: &str| [words.as_bytes(), &command, b"' for module ", &name].concat();
        let text = match self.shell(&command, &name) {
            Ok(0) => return Ok(()),
            Ok(status) => {
                let text = what("Error running install command '");
                [format!("{place}1047 command_do() ").as_bytes(), &text, format!(": retcode {status}").as_bytes()]
                    .concat()
            }
            Err(error) => {
                let text = what("Could not run install command '");
                let error = format!(": {}", errno_text(&error));
                [format!("{place}1041 command_do() ").as_bytes(), &text, error.as_bytes()].concat()
            }
        };
        self.say(ERROR, text);
        Err(Stop::Errno(EINVAL))
    }

    /// Gives a module to the kernel.
    fn insert(&mut self, id: Id, options: &[u8]) -> Done {
        let Some(path) = self.database.path(id).map(Path::to_owned) else {
            let name = self.database.name(id);
            let place = b"../libkmod/libkmod-module.c:895 kmod_module_insert_module() could not find module by name='";
            self.say(ERROR, [&place[..], name, b"'"].concat());
            return Err(Stop::Errno(ENOENT));
        };
        let mut flags = 0;
        if self.options.force || self.options.force_modversion {
            flags |= IGNORE_VERSIONS;
        }
        if self.options.force || self.options.force_vermagic {
            flags |= IGNORE_VERMAGIC;
        }
        let before = if self.explains() { Before::now(self.options.instance.as_deref()) } else { Before::default() };
        match insmod::load(self.modules()?, &path, options, flags) {
            Ok(Outcome::Done) => Ok(()),
            Ok(Outcome::Killed { signal }) => {
                let _ = self.flush();
                backend::die(signal)
            }
            Err(error) => {
                let errno = Errno::from_io_error(&error).map_or(EINVAL, Errno::raw_os_error);
                let shown = path.display();
                let place = "../libkmod/libkmod-module.c:949 kmod_module_insert_module()";
                self.say(INFO, format!("{place} Failed to insert module '{shown}': {}", strerror(errno)));
                if self.explains() {
                    reason::explain(self.options.instance.as_deref(), &before, errno, &path);
                }
                Err(Stop::Errno(errno))
            }
        }
    }

    /// Whether more is said than kmod says.
    fn explains(&self) -> bool {
        let wanted = self.options.explain || io::IsTerminal::is_terminal(&io::stderr());
        wanted && self.options.level >= CRITICAL && !self.options.syslog
    }
}
