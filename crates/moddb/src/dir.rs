//! A module directory, `/lib/modules/RELEASE`, to look things up in.
//!
//! kmod's counterparts: `kmod_lookup_alias_from_*` of `libkmod/libkmod-module.c` and `libkmod/libkmod.c`. An index is
//! opened when it is first asked, and only the needed parts of it are read. A missing index is an error
//! ([`Error::is_missing`]); where kmod goes on without it, that is the caller's to decide.

use std::cell::OnceCell;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::error::{Error, ErrorKind, Result};
use crate::index::{Found, Index};

/// The indexes of a module directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// `modules.dep.bin`: a module's name to its path and its dependencies.
    Dependencies,
    /// `modules.alias.bin`: an alias, as a pattern, to modules' names.
    Aliases,
    /// `modules.symbols.bin`: `symbol:NAME` to the modules that export it.
    Symbols,
    /// `modules.builtin.alias.bin`: an alias, as a pattern, to names of modules that are built in.
    BuiltinAliases,
    /// `modules.builtin.bin`: the names of modules that are built in.
    Builtin,
}

impl Which {
    /// The name of the file.
    pub fn file_name(self) -> &'static str {
        match self {
            Which::Dependencies => "modules.dep.bin",
            Which::Aliases => "modules.alias.bin",
            Which::Symbols => "modules.symbols.bin",
            Which::BuiltinAliases => "modules.builtin.alias.bin",
            Which::Builtin => "modules.builtin.bin",
        }
    }
}

/// A module directory.
#[derive(Debug)]
pub struct ModuleDir {
    path: PathBuf,
    open: [OnceCell<Index<'static>>; 5],
}

/// A module of the directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Module {
    /// Its file: absolute, unless the directory's path is not.
    pub path: PathBuf,
    /// The files of the modules it needs, direct or not, in the order of `modules.dep`: load them from the last to
    /// the first.
    pub dependencies: Vec<PathBuf>,
}

/// A module that an alias or a symbol leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match {
    /// The module's name, as the indexes have it (with underscores).
    pub module: Vec<u8>,
    /// Its place among the modules of the directory; the smallest is the best.
    pub priority: u32,
}

impl From<Found> for Match {
    fn from(found: Found) -> Self {
        Match { module: found.value, priority: found.priority }
    }
}

impl ModuleDir {
    /// A directory; nothing is opened yet.
    pub fn new(path: impl AsRef<Path>) -> Self {
        Self { path: path.as_ref().to_owned(), open: Default::default() }
    }

    /// The path of the directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// An index of the directory.
    ///
    /// # Errors
    /// It is not there, cannot be read, or is no index.
    pub fn index(&self, which: Which) -> Result<&Index<'static>> {
        let [dependencies, aliases, symbols, builtin_aliases, builtin] = &self.open;
        let cell = match which {
            Which::Dependencies => dependencies,
            Which::Aliases => aliases,
            Which::Symbols => symbols,
            Which::BuiltinAliases => builtin_aliases,
            Which::Builtin => builtin,
        };
        if let Some(index) = cell.get() {
            return Ok(index);
        }
        let index = Index::open(self.path.join(which.file_name()))?;
        Ok(cell.get_or_init(|| index))
    }

    /// The module with a name (with underscores; see [`crate::module_name`]), and what it needs.
    ///
    /// # Errors
    /// `modules.dep.bin` cannot be read or is damaged.
    pub fn module(&self, name: &[u8]) -> Result<Option<Module>> {
        let index = self.index(Which::Dependencies)?;
        let Some(line) = index.search(name)? else { return Ok(None) };
        let what = "the value is not of the form `path: dependencies`";
        let damaged = || Error::new(index.file(), ErrorKind::Damaged { offset: 0, what });
        let colon = line.iter().position(|byte| *byte == b':').ok_or_else(damaged)?;
        let (path, rest) = line.split_at_checked(colon).ok_or_else(damaged)?;
        let words = rest.get(1..).unwrap_or_default().split(|byte| matches!(byte, b' ' | b'\t'));
        let dependencies = words.filter(|word| !word.is_empty()).map(|word| self.resolve(word)).collect();
        Ok(Some(Module { path: self.resolve(path), dependencies }))
    }

    /// The path of a module as a line of `modules.dep` has it: relative to the directory, or absolute.
    pub fn resolve(&self, path: &[u8]) -> PathBuf {
        self.path.join(OsStr::from_bytes(path))
    }

    /// The modules for an alias (as [`crate::alias_name`] writes it), best first; all patterns that match count.
    ///
    /// # Errors
    /// `modules.alias.bin` cannot be read or is damaged.
    pub fn aliases(&self, alias: &[u8]) -> Result<Vec<Match>> {
        self.wild(Which::Aliases, alias)
    }

    /// The modules that export a symbol, best first; `symbol` begins with `symbol:`, anything else is found nowhere.
    ///
    /// # Errors
    /// `modules.symbols.bin` cannot be read or is damaged.
    pub fn symbols(&self, symbol: &[u8]) -> Result<Vec<Match>> {
        if !symbol.starts_with(b"symbol:") {
            return Ok(Vec::new());
        }
        self.wild(Which::Symbols, symbol)
    }

    /// The modules that are built in and have an alias, best first.
    ///
    /// # Errors
    /// `modules.builtin.alias.bin` cannot be read or is damaged.
    pub fn builtin_aliases(&self, alias: &[u8]) -> Result<Vec<Match>> {
        self.wild(Which::BuiltinAliases, alias)
    }

    /// Whether a module with this name is built into the kernel.
    ///
    /// # Errors
    /// `modules.builtin.bin` cannot be read or is damaged.
    pub fn is_builtin(&self, name: &[u8]) -> Result<bool> {
        Ok(self.index(Which::Builtin)?.find(name)?.is_some_and(|node| node.has_values()))
    }

    fn wild(&self, which: Which, text: &[u8]) -> Result<Vec<Match>> {
        Ok(self.index(which)?.search_wild(text)?.into_iter().map(Match::from).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::Builder;

    #[test]
    fn things_are_looked_up() {
        let path = std::env::temp_dir().join(format!("moddb-dir-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        let write = |which: Which, key: &str, value: &str| {
            let mut builder = Builder::new();
            assert!(builder.insert(key.as_bytes(), value.as_bytes(), 7));
            std::fs::write(path.join(which.file_name()), builder.build().unwrap()).unwrap();
        };
        write(Which::Dependencies, "a_b", "kernel/a-b.ko: /abs/c.ko kernel/d.ko");
        write(Which::Aliases, "x:*", "a_b");
        write(Which::Symbols, "symbol:f", "a_b");
        write(Which::Builtin, "core", "");
        let dir = ModuleDir::new(&path);
        let module = dir.module(b"a_b").unwrap().unwrap();
        assert_eq!(module.path, path.join("kernel/a-b.ko"));
        assert_eq!(module.dependencies, [PathBuf::from("/abs/c.ko"), path.join("kernel/d.ko")]);
        assert_eq!(dir.module(b"a").unwrap(), None);
        assert_eq!(dir.aliases(b"x:y").unwrap(), [Match { module: b"a_b".to_vec(), priority: 7 }]);
        assert_eq!((dir.symbols(b"symbol:f").unwrap().len(), dir.symbols(b"f").unwrap().len()), (1, 0));
        assert!(dir.is_builtin(b"core").unwrap() && !dir.is_builtin(b"cor").unwrap());
        assert!(dir.builtin_aliases(b"x").unwrap_err().is_missing());
        std::fs::remove_dir_all(&path).unwrap();
    }
}
