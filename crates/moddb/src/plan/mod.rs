//! From a word to the modules to load, and from a module to all that is loaded with it, in order.
//!
//! kmod's counterparts: `kmod_module_new_from_lookup`, `kmod_module_get_probe_list` and what they call in
//! `libkmod/libkmod.c` and `libkmod/libkmod-module.c`. [`Database`] joins the indexes of a module directory with the
//! configuration; it asks no kernel.
//!
//! DIFFERS: `install` holds for a module that has soft dependencies, too: the command takes the place of loading the
//! module, and its soft dependencies are loaded around it. kmod ignores the command then.

mod lookup;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::config::{Config, Forbidden, Text};
use crate::dir::ModuleDir;
use crate::glob;
use crate::name::module_name_of_path;

/// A module of a [`Database`]; the same module that was found in two ways is one that can be told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Id(usize);

/// A module, as far as something was asked of it.
#[derive(Debug, Default)]
struct Entry {
    name: Text,
    /// The alias that led to it.
    alias: Option<Text>,
    path: Option<PathBuf>,
    /// In kmod's order: what is loaded first comes first.
    dependencies: Option<Vec<Id>>,
    builtin: Option<bool>,
    visited: bool,
    required: bool,
}

/// A step of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// The module.
    pub module: Id,
    /// Whether its `install` command does not count.
    pub ignore_command: bool,
    /// Whether the plan fails if this step does: it is no soft dependency.
    pub required: bool,
}

/// A plan: what to load, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// The steps.
    pub steps: Vec<Step>,
    /// Soft dependencies that lead back to a module on the way to them, each way with that module at both ends.
    pub circles: Vec<Vec<Text>>,
}

/// A word that can be neither a name nor an alias: its brackets do not pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BadAlias;

/// Something wrong that a [`Database`] met with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// A soft dependency that cannot be looked up.
    BadWord(Text),
    /// A file of `modules.dep` that cannot be found: nothing is known of what the module needs.
    Missing {
        /// The file.
        path: PathBuf,
        /// Why: an errno.
        errno: i32,
    },
}

/// A module directory with a configuration.
#[derive(Debug)]
pub struct Database {
    dir: ModuleDir,
    config: Config,
    entries: Vec<Entry>,
    by_key: HashMap<Text, Id>,
    notes: Vec<Note>,
}

impl Database {
    /// Joins the two.
    pub fn new(dir: ModuleDir, config: Config) -> Self {
        Self { dir, config, entries: Vec::new(), by_key: HashMap::new(), notes: Vec::new() }
    }

    /// The module directory.
    pub fn dir(&self) -> &ModuleDir {
        &self.dir
    }

    /// The configuration.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// What was wrong since the last call; the database went on without it.
    pub fn take_notes(&mut self) -> Vec<Note> {
        std::mem::take(&mut self.notes)
    }

    /// The module's name.
    pub fn name(&self, id: Id) -> &[u8] {
        self.entries.get(id.0).map_or(&[], |entry| &entry.name)
    }

    /// Whether an alias led to it.
    pub fn is_alias(&self, id: Id) -> bool {
        self.entries.get(id.0).is_some_and(|entry| entry.alias.is_some())
    }

    /// Its file; none if it is built in, or not there at all.
    pub fn path(&mut self, id: Id) -> Option<&Path> {
        if self.entries.get(id.0).is_some_and(|entry| entry.path.is_none()) {
            self.look_at(id);
        }
        self.entries.get(id.0)?.path.as_deref()
    }

    /// Whether it is built into the kernel.
    pub fn is_builtin(&mut self, id: Id) -> bool {
        let dir = &self.dir;
        let Some(entry) = self.entries.get_mut(id.0) else { return false };
        *entry.builtin.get_or_insert_with(|| dir.is_builtin(&entry.name).unwrap_or(false))
    }

    /// The modules it needs, those that are loaded first coming first.
    pub fn dependencies(&mut self, id: Id) -> Vec<Id> {
        self.look_at(id);
        self.entries.get(id.0).and_then(|entry| entry.dependencies.clone()).unwrap_or_default()
    }

    /// Whether `blacklist` names it.
    pub fn is_blacklisted(&self, id: Id) -> bool {
        self.config.blacklist.iter().any(|name| name == self.name(id))
    }

    /// Why it must not be loaded, if `forbid` names it. A plan leaves soft dependencies out that must not be loaded; who
    /// carries it out must refuse one in which a required step must not.
    pub fn forbidden(&self, id: Id) -> Option<&Forbidden> {
        self.config.forbidden.iter().find(|row| glob::matches(&row.pattern, self.name(id)))
    }

    /// Its parameters by the configuration; those of the alias count, too.
    pub fn options(&self, id: Id) -> Option<Text> {
        let entry = self.entries.get(id.0)?;
        let is_meant = |name: &Text| *name == entry.name || Some(name) == entry.alias.as_ref();
        let all = self.config.options.iter().filter(|(name, options)| is_meant(name) && !options.is_empty());
        let all: Vec<&[u8]> = all.map(|(_, options)| options.as_slice()).collect();
        (!all.is_empty()).then(|| all.join(&b' '))
    }

    /// The command that takes the place of loading it.
    pub fn install_command(&self, id: Id) -> Option<&[u8]> {
        command(&self.config.install, self.name(id))
    }

    /// The command that takes the place of unloading it.
    pub fn remove_command(&self, id: Id) -> Option<&[u8]> {
        command(&self.config.remove, self.name(id))
    }

    /// Its soft dependencies: what comes before it, and what comes after it.
    pub fn soft_dependencies(&mut self, id: Id) -> (Vec<Id>, Vec<Id>) {
        let name = self.name(id);
        let Some(soft) = self.config.soft.iter().find(|soft| glob::matches(&soft.module, name)) else {
            return (Vec::new(), Vec::new());
        };
        let (pre, post) = (soft.pre.clone(), soft.post.clone());
        (self.lookup_all(&pre), self.lookup_all(&post))
    }

    fn lookup_all(&mut self, words: &[Text]) -> Vec<Id> {
        let mut all = Vec::new();
        for word in words {
            match self.lookup(word) {
                Ok(found) => all.extend(found),
                Err(BadAlias) => self.notes.push(Note::BadWord(word.clone())),
            }
        }
        all
    }

    /// All that is loaded with a module. `ignore_commands`: neither its `install` command nor its soft dependencies count.
    pub fn plan(&mut self, id: Id, ignore_commands: bool) -> Plan {
        for entry in &mut self.entries {
            (entry.visited, entry.required) = (false, false);
        }
        let mut plan = Plan::default();
        self.visit(id, true, ignore_commands, &mut plan, &mut Vec::new());
        for step in &mut plan.steps {
            step.required = self.entries.get(step.module.0).is_some_and(|entry| entry.required);
        }
        plan
    }

    fn visit(&mut self, id: Id, required: bool, ignore_commands: bool, plan: &mut Plan, way: &mut Vec<Id>) {
        if !required && self.forbidden(id).is_some() {
            return;
        }
        let Some(entry) = self.entries.get_mut(id.0) else { return };
        if std::mem::replace(&mut entry.visited, true) {
            if let Some(start) = way.iter().position(|on_way| *on_way == id) {
                let circle = way.iter().skip(start).chain([&id]);
                plan.circles.push(circle.map(|id| self.name(*id).to_vec()).collect());
            }
            return;
        }
        way.push(id);
        let dependencies = self.dependencies(id);
        if required {
            // Before soft dependencies lead to one of them.
            for id in dependencies.iter().chain([&id]) {
                if let Some(entry) = self.entries.get_mut(id.0) {
                    entry.required = true;
                }
            }
        }
        for dependency in dependencies {
            self.add_with_soft(dependency, plan, way);
        }
        match ignore_commands {
            true => plan.steps.push(Step { module: id, ignore_command: true, required: false }),
            false => self.add_with_soft(id, plan, way),
        }
        way.pop();
    }

    /// Adds a module between its soft dependencies.
    fn add_with_soft(&mut self, id: Id, plan: &mut Plan, way: &mut Vec<Id>) {
        let (pre, post) = self.soft_dependencies(id);
        for module in pre {
            self.visit(module, false, false, plan, way);
        }
        plan.steps.push(Step { module: id, ignore_command: false, required: false });
        for module in post {
            self.visit(module, false, false, plan, way);
        }
    }

    /// Reads the module's line of `modules.dep`, once.
    fn look_at(&mut self, id: Id) {
        let Some(entry) = self.entries.get(id.0).filter(|entry| entry.dependencies.is_none()) else { return };
        let Some(found) = self.dir.module(&entry.name).ok().flatten() else { return };
        // A file that is gone ends the list for kmod; what is there is loaded from the last to the first.
        let mut dependencies = Vec::new();
        for path in &found.dependencies {
            let Some(id) = self.of_path(path) else {
                dependencies.clear();
                break;
            };
            dependencies.push(id);
        }
        dependencies.reverse();
        if let Some(entry) = self.entries.get_mut(id.0) {
            entry.path.get_or_insert(found.path);
            entry.dependencies = Some(dependencies);
        }
    }

    /// The module of a file; none if the file is not there.
    fn of_path(&mut self, path: &Path) -> Option<Id> {
        if let Err(error) = std::fs::metadata(path) {
            let errno = error.raw_os_error().unwrap_or_default();
            self.notes.push(Note::Missing { path: path.to_owned(), errno });
            return None;
        }
        let id = self.of_name(&module_name_of_path(path));
        let entry = self.entries.get_mut(id.0)?;
        entry.path.get_or_insert_with(|| path.to_owned());
        entry.builtin = Some(false);
        Some(id)
    }

    /// The module of a name, known or not.
    pub fn of_name(&mut self, name: &[u8]) -> Id {
        self.of_key(name.to_vec(), name, None)
    }

    fn of_alias(&mut self, alias: &[u8], name: &[u8]) -> Id {
        self.of_key([name, b"\\", alias].concat(), name, Some(alias))
    }

    fn of_key(&mut self, key: Text, name: &[u8], alias: Option<&[u8]>) -> Id {
        let entries = &mut self.entries;
        *self.by_key.entry(key).or_insert_with(|| {
            entries.push(Entry { name: name.to_vec(), alias: alias.map(<[u8]>::to_vec), ..Entry::default() });
            Id(entries.len() - 1)
        })
    }
}

/// The first command whose pattern a name matches.
fn command<'c>(commands: &'c [(Text, Text)], name: &[u8]) -> Option<&'c [u8]> {
    commands.iter().find(|(pattern, _)| glob::matches(pattern, name)).map(|(_, command)| command.as_slice())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dir::Which;
    use crate::index::Builder;

    /// A folder with `modules.dep.bin`: each module with those it needs, the last to be loaded coming first.
    fn database(name: &str, modules: &[(&str, &[&str])], config: &str) -> Database {
        let path = std::env::temp_dir().join(format!("moddb-plan-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        let lines: Vec<String> = modules
            .iter()
            .map(|(name, needs)| {
                std::fs::write(path.join(format!("{name}.ko")), "").unwrap();
                let needs: String = needs.iter().map(|need| format!(" {need}.ko")).collect();
                format!("{name}.ko:{needs}")
            })
            .collect();
        let mut builder = Builder::new();
        for ((name, _), line) in modules.iter().zip(&lines) {
            assert!(builder.insert(name.as_bytes(), line.as_bytes(), 0));
        }
        std::fs::write(path.join(Which::Dependencies.file_name()), builder.build().unwrap()).unwrap();
        let mut parsed = Config::default();
        assert_eq!(parsed.parse(config.as_bytes()), []);
        Database::new(ModuleDir::new(&path), parsed)
    }

    fn steps(database: &mut Database, word: &str) -> (String, Vec<Vec<Text>>) {
        let id = database.lookup(word.as_bytes()).unwrap()[0];
        let plan = database.plan(id, false);
        let names = plan.steps.iter().map(|step| {
            let mark = if step.required { "" } else { "?" };
            format!("{}{mark}", String::from_utf8_lossy(database.name(step.module)))
        });
        (names.collect::<Vec<_>>().join(" "), plan.circles)
    }

    #[test]
    fn dependencies_come_first_and_soft_ones_around() {
        let modules: &[(&str, &[&str])] = &[("a", &["b", "c"]), ("b", &["c"]), ("c", &[]), ("p", &["c"]), ("q", &[])];
        let mut database = database("order", modules, "softdep b pre: p post: q\noptions a x=1\noptions a y=2\n");
        assert_eq!(steps(&mut database, "a").0, "c c p? b q? a");
        let a = database.of_name(b"a");
        assert_eq!(database.options(a).unwrap(), b"x=1 y=2");
        assert!(database.path(a).unwrap().ends_with("a.ko"));
        let plan = database.plan(a, true);
        assert!(plan.steps.last().unwrap().ignore_command);
    }

    #[test]
    fn circles_of_soft_dependencies_end_and_have_names() {
        let mut database =
            database("circle", &[("a", &[]), ("b", &[])], "softdep a pre: b\nsoftdep b pre: a\nalias x a\n");
        let (order, circles) = steps(&mut database, "a");
        assert_eq!(order, "b? a");
        assert_eq!(circles, [[b"a".to_vec(), b"b".to_vec(), b"a".to_vec()]]);
        let id = database.lookup(b"x").unwrap()[0];
        assert!(database.is_alias(id));
        assert_eq!(database.lookup(b"x[").unwrap_err(), BadAlias);
        assert_eq!(database.lookup(b"nosuch").unwrap(), []);
    }

    #[test]
    fn a_command_holds_with_soft_dependencies() {
        let mut database =
            database("install", &[("a", &[]), ("b", &[])], "softdep a pre: b\ninstall a false\nforbid b* no\n");
        let a = database.of_name(b"a");
        assert_eq!((database.install_command(a), database.remove_command(a)), (Some(&b"false"[..]), None));
        let plan = database.plan(a, false);
        assert!(plan.steps.iter().all(|step| !step.ignore_command));
        let b = database.of_name(b"b");
        assert_eq!(database.forbidden(b).map(|row| row.reason.as_slice()), Some(&b"no"[..]));
        assert!(database.forbidden(a).is_none() && !database.is_blacklisted(a));
    }
}
