//! depmod.d: where modules are looked for, and which of two with the same name counts (depmod.d(5)).
//!
//! kmod's counterpart: `cfg_load` and what it calls in `tools/depmod.c`. `include` and `make_map_files` are known and
//! without effect, as there. The patterns of releases are extended regular expressions.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::{Listener, message};
use crate::error::strerror;
use crate::lines;

/// Where configuration is looked for. The first folder that has a file of a name decides for that name.
pub const FOLDERS: [&str; 4] = ["/etc/depmod.d", "/run/depmod.d", "/usr/local/lib/depmod.d", "/lib/depmod.d"];

/// A place in the order of preference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Search {
    /// A folder of the module directory.
    Path(Vec<u8>),
    /// `built-in`: what no other place names.
    BuiltIn,
    /// `external`: the folders outside of the module directory.
    External,
}

/// What depmod.d says, each list in the order of the files.
#[derive(Debug, Default)]
pub(super) struct Config {
    /// Folders with the name of a module: this one is taken.
    pub overrides: Vec<Vec<u8>>,
    /// The later, the less preferred.
    pub searches: Vec<Search>,
    /// Folders outside of the module directory.
    pub externals: Vec<Vec<u8>>,
    /// Names of folders that are left out.
    pub excludes: Vec<Vec<u8>>,
}

impl Config {
    /// Reads the files of `sources`: folders or single files.
    pub fn read(sources: &[PathBuf], release: &OsStr, to: &mut dyn Listener) -> Self {
        let mut config = Config::default();
        for file in files(sources, to) {
            match std::fs::read(&file) {
                Ok(text) => config.parse(&file, &text, release, to),
                Err(error) => message!(to, Error, b"file parse ", name(&file), b": ", strerror(&error)),
            }
        }
        if config.searches.is_empty() {
            config.searches.push(Search::Path(b"updates".to_vec()));
        }
        config
    }

    fn parse(&mut self, file: &Path, text: &[u8], release: &OsStr, to: &mut dyn Listener) {
        for (line, number) in lines::wrapped(text) {
            if line.first() == Some(&b'#') {
                continue;
            }
            let mut words = lines::words(&line);
            let Some(command) = words.next() else { continue };
            let place = format!("{number}");
            match self.command(command, words, release) {
                Some(Told::Taken) => {}
                Some(Told::OtherRelease(what, pattern)) => {
                    message!(to, Info, name(file), b":", place, b": ", what, b" did not match ", pattern);
                }
                Some(Told::Ignored) => {
                    message!(to, Info, name(file), b":", place, b": command ", command, b" not implemented yet");
                }
                None => {
                    let what = b": ignoring bad line starting with '";
                    message!(to, Error, name(file), b":", place, what, command, b"'");
                }
            }
        }
    }

    /// Takes one command; `None` if it is none, or lacks words.
    fn command<'l>(
        &mut self,
        command: &[u8],
        mut words: impl Iterator<Item = &'l [u8]>,
        release: &OsStr,
    ) -> Option<Told> {
        match command {
            b"search" => self.searches.extend(words.map(|word| match word {
                b"built-in" => Search::BuiltIn,
                b"external" => Search::External,
                path => Search::Path(path.to_vec()),
            })),
            b"override" => {
                let (module, pattern, folder) = (words.next()?, words.next()?, words.next()?);
                if !matches(release, pattern) {
                    return Some(Told::OtherRelease("override kernel", pattern.to_vec()));
                }
                self.overrides.push([folder, b"/", module].concat());
            }
            b"external" => {
                let (pattern, folder) = (words.next()?, words.next()?);
                if !matches(release, pattern) {
                    return Some(Told::OtherRelease("external directory", pattern.to_vec()));
                }
                self.externals.push(folder.to_vec());
            }
            b"exclude" => self.excludes.extend(words.map(<[u8]>::to_vec)),
            b"include" | b"make_map_files" => return Some(Told::Ignored),
            _ => return None,
        }
        Some(Told::Taken)
    }
}

/// What became of a line.
enum Told {
    Taken,
    OtherRelease(&'static str, Vec<u8>),
    Ignored,
}

/// Whether a release is one that a pattern names.
fn matches(release: &OsStr, pattern: &[u8]) -> bool {
    if pattern == b"*" {
        return true;
    }
    let pattern = std::str::from_utf8(pattern).ok().and_then(|pattern| regex_lite::Regex::new(pattern).ok());
    pattern.is_some_and(|pattern| pattern.is_match(&release.to_string_lossy()))
}

fn name(file: &Path) -> &[u8] {
    file.as_os_str().as_bytes()
}

/// The files in the order in which they are read: by name, each name once.
fn files(sources: &[PathBuf], to: &mut dyn Listener) -> Vec<PathBuf> {
    let mut found = BTreeMap::new();
    for source in sources {
        let Ok(data) = std::fs::metadata(source) else { continue };
        if !data.is_dir() {
            found.entry(source.file_name().unwrap_or_default().to_owned()).or_insert(source.clone());
            continue;
        }
        let entries = match std::fs::read_dir(source) {
            Ok(entries) => entries,
            Err(error) => {
                message!(to, Error, b"files list ", name(source), b": ", strerror(&error));
                continue;
            }
        };
        for path in entries.flatten().map(|entry| entry.path()).filter(|path| is_wanted(path, to)) {
            found.entry(path.file_name().unwrap_or_default().to_owned()).or_insert(path);
        }
    }
    found.into_values().collect()
}

fn is_wanted(path: &Path, to: &mut dyn Listener) -> bool {
    let file = path.file_name().unwrap_or_default().as_bytes();
    if file.first() == Some(&b'.') {
        return false;
    }
    if file.len() < 6 || !file.ends_with(b".conf") {
        message!(to, Info, b"All cfg files need .conf: ", name(path));
        return false;
    }
    if path.is_dir() {
        message!(to, Error, b"Directories inside directories are not supported: ", name(path));
        return false;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::depmod::Level;
    use crate::depmod::tests::Heard;

    fn read(text: &str) -> (Config, Heard) {
        let (mut config, mut heard) = (Config::default(), Heard::default());
        config.parse(Path::new("/d/x.conf"), text.as_bytes(), OsStr::new("6.1.0-9"), &mut heard);
        (config, heard)
    }

    #[test]
    fn every_command_is_read() {
        let text = "search updates built-in external\nsearch last\noverride m * over\noverride n ^5 no\n\
            external 6\\.1 /x\nexclude a b\ninclude y\nmake_map_files no\n# no\n\n";
        let (config, heard) = read(text);
        let path = |path: &str| Search::Path(path.into());
        assert_eq!(config.searches, [path("updates"), Search::BuiltIn, Search::External, path("last")]);
        assert_eq!(config.overrides, [b"over/m".to_vec()]);
        assert_eq!((config.externals, config.excludes), (vec![b"/x".to_vec()], vec![b"a".to_vec(), b"b".to_vec()]));
        let want = [
            "/d/x.conf:4: override kernel did not match ^5",
            "/d/x.conf:7: command include not implemented yet",
            "/d/x.conf:8: command make_map_files not implemented yet",
        ];
        assert_eq!(heard.of(Level::Info), want);
    }

    #[test]
    fn wrong_lines_are_named() {
        let (_, heard) = read("override m *\nexternal 6\nnonsense\n");
        let line = |number, word| format!("/d/x.conf:{number}: ignoring bad line starting with '{word}'");
        assert_eq!(heard.of(Level::Error), [line(1, "override"), line(2, "external"), line(3, "nonsense")]);
    }
}
