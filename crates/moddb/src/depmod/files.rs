//! The contents of the files (`output_deps` and its kin of kmod's `tools/depmod.c`).

use std::collections::HashSet;

use super::graph::{Collector, Symbols};
use super::summary::Field;
use super::text::{self, pair};
use super::{File, Listener, Module, Options, Stopped, message};
use crate::index::Builder;
use crate::name::{alias_name, module_name_of_path};

/// Makes all files, in the order in which kmod writes them.
pub(super) fn all(
    modules: &[Module],
    symbols: &Symbols,
    options: &Options,
    to: &mut dyn Listener,
) -> Result<Vec<File>, Stopped> {
    let mut files = Vec::new();
    let mut add = |name, contents| files.push(File { name, contents });
    let (text, index) = dependencies(modules, options);
    add("modules.dep", text);
    let binary = !options.text_only;
    if binary {
        add("modules.dep.bin", finish(index, "modules.dep.bin", to)?);
    }
    add("modules.alias", aliases(modules));
    if binary {
        add("modules.alias.bin", alias_index(modules, options, to)?);
    }
    let soft = "# Soft dependencies extracted from modules themselves.\n";
    add("modules.softdep", fields(modules, Field::Soft, soft, "softdep"));
    if options.weak {
        let weak = "# Weak dependencies extracted from modules themselves.\n";
        add("modules.weakdep", fields(modules, Field::Weak, weak, "weakdep"));
    }
    let symbols = symbols.of_modules();
    add("modules.symbols", symbol_text(modules, &symbols));
    if binary {
        add("modules.symbols.bin", symbol_index(modules, &symbols, to)?);
        add("modules.builtin.bin", builtin(options, to)?);
        add("modules.builtin.alias.bin", builtin_aliases(options, to)?);
    }
    add("modules.devname", devices(modules, to));
    Ok(files)
}

/// Keys and values of an index, one after the other, in the order in which they are added.
#[derive(Debug, Default)]
struct Entries {
    text: Vec<u8>,
    /// Where each key begins, where its value begins, and its priority.
    rows: Vec<(usize, usize, u32)>,
}

impl Entries {
    fn add(&mut self, key: &[&[u8]], value: &[&[u8]], priority: u32) {
        let start = self.text.len();
        key.iter().for_each(|part| self.text.extend_from_slice(part));
        self.rows.push((start, self.text.len(), priority));
        value.iter().for_each(|part| self.text.extend_from_slice(part));
    }
}

/// Makes the index.
fn finish(entries: Entries, name: &str, to: &mut dyn Listener) -> Result<Vec<u8>, Stopped> {
    let mut builder = Builder::with_capacity(entries.rows.len());
    let ends = entries.rows.iter().skip(1).map(|row| row.0).chain([entries.text.len()]);
    for ((start, middle, priority), end) in entries.rows.iter().copied().zip(ends) {
        let key = entries.text.get(start..middle).unwrap_or_default();
        let value = entries.text.get(middle..end).unwrap_or_default();
        if !builder.insert(key, value, priority) {
            // DIFFERS: kmod writes beside its tables here, and dies with half of the files written.
            let what = b": only 7-bit ASCII can be looked up: left out: '";
            message!(
                to,
                Warning,
                name,
                what,
                key.escape_ascii().to_string(),
                b"' of ",
                value.escape_ascii().to_string()
            );
        }
    }
    builder.build().map_err(|_| {
        message!(to, Fatal, b"Could not write index '", name, b"': more than the 256 MiB that an index can hold");
        Stopped
    })
}

/// `modules.dep`, and what goes into its index.
fn dependencies(modules: &[Module], options: &Options) -> (Vec<u8>, Entries) {
    let (mut text, mut entries) = (Vec::new(), Entries::default());
    let mut collector = Collector::new(modules);
    for (priority, module) in (0u32..).zip(modules) {
        let start = text.len();
        text.extend_from_slice(module.shown());
        text.push(b':');
        for need in collector.of(module) {
            text.push(b' ');
            text.extend_from_slice(need.shown());
        }
        if !options.text_only {
            entries.add(&[&module.name], &[text.get(start..).unwrap_or_default()], priority);
        }
        text.push(b'\n');
    }
    (text, entries)
}

fn aliases(modules: &[Module]) -> Vec<u8> {
    let mut text = b"# Aliases extracted from modules themselves.\n".to_vec();
    for module in modules {
        for alias in module.summary.fields(Field::Alias) {
            line(&mut text, &[b"alias ", alias, b" ", &module.name]);
        }
    }
    text
}

fn alias_index(modules: &[Module], options: &Options, to: &mut dyn Listener) -> Result<Vec<u8>, Stopped> {
    let mut entries = Entries::default();
    let mut seen: HashSet<(Vec<u8>, &[u8])> = HashSet::new();
    for (priority, module) in (0u32..).zip(modules) {
        for alias in module.summary.fields(Field::Alias) {
            let Some(name) = alias_name(alias) else {
                message!(to, Warning, b"Unmatched bracket in ", alias);
                continue;
            };
            entries.add(&[&name], &[&module.name], priority);
            if options.warn_duplicates && !seen.insert((name.clone(), &module.name)) {
                message!(to, Warning, b"duplicate module alias:\n", name, b" ", module.name);
            }
        }
    }
    finish(entries, "modules.alias.bin", to)
}

/// `modules.softdep` and `modules.weakdep`.
fn fields(modules: &[Module], field: Field, head: &str, command: &str) -> Vec<u8> {
    let mut text = head.as_bytes().to_vec();
    for module in modules {
        for value in module.summary.fields(field) {
            line(&mut text, &[command.as_bytes(), b" ", &module.name, b" ", value]);
        }
    }
    text
}

fn name_of(modules: &[Module], at: u32) -> &[u8] {
    modules.get(at as usize).map_or(&[], |module| &module.name)
}

fn symbol_text(modules: &[Module], symbols: &[(&[u8], u32)]) -> Vec<u8> {
    let mut text = b"# Aliases for symbols, used by symbol_request().\n".to_vec();
    for (symbol, owner) in symbols {
        line(&mut text, &[b"alias symbol:", symbol, b" ", name_of(modules, *owner)]);
    }
    text
}

fn symbol_index(modules: &[Module], symbols: &[(&[u8], u32)], to: &mut dyn Listener) -> Result<Vec<u8>, Stopped> {
    let mut entries = Entries::default();
    for (symbol, owner) in symbols {
        entries.add(&[b"symbol:", symbol], &[name_of(modules, *owner)], *owner);
    }
    finish(entries, "modules.symbols.bin", to)
}

/// `modules.builtin.bin`; empty where there is no list.
fn builtin(options: &Options, to: &mut dyn Listener) -> Result<Vec<u8>, Stopped> {
    let Some(list) = text::open(&options.directory, "modules.builtin", to) else { return Ok(Vec::new()) };
    let mut entries = Entries::default();
    for line in list.split_inclusive(|byte| *byte == b'\n') {
        if !line.first().is_some_and(u8::is_ascii_alphabetic) {
            message!(to, Error, b"Invalid modules.builtin line: ", line);
            continue;
        }
        use std::os::unix::ffi::OsStrExt;
        entries.add(&[&module_name_of_path(std::ffi::OsStr::from_bytes(line))], &[], 0);
    }
    finish(entries, "modules.builtin.bin", to)
}

/// `modules.builtin.alias.bin`, from `MODULE.alias=VALUE` with a NUL each; empty where there is no list.
fn builtin_aliases(options: &Options, to: &mut dyn Listener) -> Result<Vec<u8>, Stopped> {
    let Some(list) = text::open(&options.directory, "modules.builtin.modinfo", to) else { return Ok(Vec::new()) };
    let mut entries = Entries::default();
    for line in list.split(|byte| *byte == 0) {
        let mut halves = line.splitn(2, |byte| *byte == b'.');
        let (Some(module), Some(field)) = (halves.next(), halves.next()) else { continue };
        let Some(value) = field.strip_prefix(b"alias=").filter(|value| !value.is_empty()) else { continue };
        match alias_name(value).filter(|_| !module.is_empty()) {
            Some(name) => entries.add(&[&name], &[module], 0),
            None if module.is_empty() => {}
            None => message!(to, Warning, b"Unmatched bracket in ", value),
        }
    }
    finish(entries, "modules.builtin.alias.bin", to)
}

/// `modules.devname`: the device nodes that are there before their modules are.
fn devices(modules: &[Module], to: &mut dyn Listener) -> Vec<u8> {
    let mut text = Vec::new();
    for module in modules {
        let (mut name, mut node) = (None, None);
        for alias in module.summary.fields(Field::Alias) {
            if let Some(device) = alias.strip_prefix(b"devname:") {
                name = Some(device);
            } else if let Some(numbers) = pair(alias, b"char-major-") {
                node = Some(('c', numbers));
            } else if let Some(numbers) = pair(alias, b"block-major-") {
                node = Some(('b', numbers));
            }
            if name.is_some() && node.is_some() {
                break;
            }
        }
        let Some(name) = name else { continue };
        let Some((kind, (major, minor))) = node else {
            let what = b") but lacks major and minor information. Ignoring.";
            message!(to, Error, b"Module '", module.name, b"' has devname (", name, what);
            continue;
        };
        if text.is_empty() {
            text.extend_from_slice(b"# Device nodes to trigger on-demand module loading.\n");
        }
        let numbers = format!(" {kind}{major}:{minor}");
        line(&mut text, &[&module.name, b" ", name, numbers.as_bytes()]);
    }
    text
}

fn line(text: &mut Vec<u8>, parts: &[&[u8]]) {
    parts.iter().for_each(|part| text.extend_from_slice(part));
    text.push(b'\n');
}
