//! `lsmod`: lists loaded modules (kmod's `tools/lsmod.c`). New beside kmod's: `--json`.

use super::state;
use crate::Invocation;
use crate::backend::{self, Modules};
use crate::error::{Failure, errno_text};
use crate::output;
use std::ffi::OsString;
use std::io;

/// The tool.
pub fn main(call: &Invocation) -> Result<u8, Failure> {
    let (mut instance, mut json) = (None, false);
    let mut words = call.words.iter();
    while let Some(word) = words.next() {
        let name = word.to_str().and_then(|word| word.strip_prefix("--"));
        let option = name.and_then(|name| cli::command("lsmod").long(name));
        match option.map(cli::Opt::key) {
            Some("json") => json = true,
            Some("instance") if words.len() > 0 => instance = words.next().map(OsString::as_os_str),
            _ => {
                // kmod names the usage by how it was called, and knows no option.
                tell!("Usage: {}", call.argv0.display());
                return Ok(1);
            }
        }
    }
    let mut modules = backend::modules(instance)?;
    match rows(&mut *modules) {
        Ok(rows) if json => {
            let text = serde_json::to_string_pretty(&rows).unwrap_or_default();
            Ok(output::print("lsmod", &(text + "\n")))
        }
        Ok(rows) => Ok(output::print("lsmod", &table(&rows))),
        Err(error) => {
            let error = errno_text(&error);
            tell!(
                "libkmod: ERROR ../libkmod/libkmod-module.c:1725 kmod_module_new_from_loaded: could not open /proc/modules: {error}"
            );
            tell!("Error: could not get list of modules: {error}");
            Ok(1)
        }
    }
}

/// A loaded module.
#[derive(Debug, serde::Serialize)]
struct Row {
    module: String,
    size: i64,
    used: i64,
    holders: Vec<String>,
}

fn rows(modules: &mut dyn Modules) -> io::Result<Vec<Row>> {
    let table = modules.read("/proc/modules")?;
    let text = String::from_utf8_lossy(&table);
    let row = |line: &str| {
        let mut fields = line.split(' ');
        let name = fields.next().unwrap_or_default();
        let listed: Vec<&str> = fields.collect();
        row(modules, name, &listed)
    };
    Ok(text.lines().map(row).collect())
}

/// A row. /sys is asked first, as kmod does; what it does not tell, the line of /proc/modules does.
fn row(modules: &mut dyn Modules, name: &str, listed: &[&str]) -> Row {
    let number = |at: usize| listed.get(at).and_then(|field| field.parse::<i64>().ok());
    let size = state::size(modules, name).ok().or_else(|| number(0)).unwrap_or(-2);
    let used = state::refcount(modules, name).ok().or_else(|| number(1)).unwrap_or(-2);
    let holders = state::holders(modules, name).unwrap_or_else(|_| {
        let names = listed.get(2).copied().unwrap_or_default().split(',');
        names.filter(|n| !n.is_empty() && *n != "-" && !n.starts_with('[')).map(String::from).collect()
    });
    Row { module: name.into(), size, used, holders }
}

fn table(rows: &[Row]) -> String {
    let mut text = String::from("Module                  Size  Used by\n");
    for Row { module, size, used, holders } in rows {
        let space = if holders.is_empty() { "" } else { " " };
        text.push_str(&format!("{module:<19} {size:>8}  {used}{space}{}\n", holders.join(",")));
    }
    text
}
