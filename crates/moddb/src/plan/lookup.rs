//! From a word to modules, in kmod's order: aliases of the configuration, names, symbols, modules with a command,
//! aliases of the modules, names and aliases of what is built in. The first source that knows the word decides.

use super::{BadAlias, Database, Id};
use crate::dir::Match;
use crate::error::Result;
use crate::glob;
use crate::name::alias_name;

/// Something that may know a word.
type Source = fn(&mut Database, &[u8]) -> Vec<Id>;

impl Database {
    /// The modules for a word, best first; none if nothing knows it. An index that is missing or damaged counts as empty:
    /// kmod goes on without it, too.
    ///
    /// # Errors
    /// The word's brackets do not pair.
    pub fn lookup(&mut self, word: &[u8]) -> std::result::Result<Vec<Id>, BadAlias> {
        let alias = alias_name(word).ok_or(BadAlias)?;
        let sources: [Source; 7] = [
            Self::by_configured_alias,
            Self::by_name,
            |db, alias| {
                let found = db.dir.symbols(alias);
                db.matches(alias, found)
            },
            Self::by_command,
            |db, alias| {
                let found = db.dir.aliases(alias);
                db.matches(alias, found)
            },
            Self::by_builtin_name,
            Self::by_builtin_alias,
        ];
        let mut found = sources.into_iter().map(|source| source(self, &alias));
        Ok(found.find(|found| !found.is_empty()).unwrap_or_default())
    }

    fn by_configured_alias(&mut self, alias: &[u8]) -> Vec<Id> {
        let rows: Vec<_> =
            self.config.aliases.iter().filter(|(pattern, _)| glob::matches(pattern, alias)).cloned().collect();
        rows.into_iter().map(|(pattern, module)| self.of_alias(&pattern, &module)).collect()
    }

    fn by_name(&mut self, name: &[u8]) -> Vec<Id> {
        // No module's name has a colon: most aliases do, and need not be looked for here.
        if name.contains(&b':') || !matches!(self.dir.module(name), Ok(Some(_))) {
            return Vec::new();
        }
        let id = self.of_word(name);
        self.look_at(id);
        vec![id]
    }

    fn by_command(&mut self, name: &[u8]) -> Vec<Id> {
        let mut commands = self.config.install.iter().chain(&self.config.remove);
        if !commands.any(|(pattern, _)| pattern == name) {
            return Vec::new();
        }
        vec![self.of_word(name)]
    }

    fn by_builtin_name(&mut self, name: &[u8]) -> Vec<Id> {
        if !self.dir.is_builtin(name).unwrap_or(false) {
            return Vec::new();
        }
        let id = self.of_word(name);
        self.set_builtin(id);
        vec![id]
    }

    fn by_builtin_alias(&mut self, alias: &[u8]) -> Vec<Id> {
        let found = self.dir.builtin_aliases(alias);
        let found = self.matches(alias, found);
        found.iter().for_each(|id| self.set_builtin(*id));
        found
    }

    fn set_builtin(&mut self, id: Id) {
        if let Some(entry) = self.entries.get_mut(id.0) {
            entry.builtin = Some(true);
        }
    }

    /// The module of a word that is known as a name: what follows a dot does not belong to it.
    fn of_word(&mut self, word: &[u8]) -> Id {
        self.of_name(&crate::name::module_name(word))
    }

    fn matches(&mut self, alias: &[u8], found: Result<Vec<Match>>) -> Vec<Id> {
        let names = found.unwrap_or_default().into_iter().map(|found| found.module);
        names.map(|name| self.of_alias(alias, &name)).collect()
    }
}
