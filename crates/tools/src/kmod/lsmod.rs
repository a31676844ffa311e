//! `lsmod`: lists loaded modules (kmod's `tools/lsmod.c`).

use super::state;
use crate::Invocation;
use crate::backend::{self, Modules};
use crate::error::{Failure, errno_text};
use crate::output;
use std::io;

/// The tool.
pub fn main(call: &Invocation) -> Result<u8, Failure> {
    let instance = match call.words.as_slice() {
        [] => None,
        [option, name] if option == "--instance" => Some(name.as_os_str()),
        _ => {
            // kmod names the usage by how it was called, and knows no option.
            tell!("Usage: {}", call.argv0.display());
            return Ok(1);
        }
    };
    let mut modules = backend::modules(instance)?;
    match list(&mut *modules) {
        Ok(text) => Ok(output::print("lsmod", &text)),
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

fn list(modules: &mut dyn Modules) -> io::Result<String> {
    let table = modules.read("/proc/modules")?;
    let mut text = String::from("Module                  Size  Used by\n");
    for line in String::from_utf8_lossy(&table).lines() {
        let mut fields = line.split(' ');
        let name = fields.next().unwrap_or_default();
        let listed: Vec<&str> = fields.collect();
        text.push_str(&row(modules, name, &listed));
    }
    Ok(text)
}

/// A line of the table. /sys is asked first, as kmod does; what it does not tell, the line of /proc/modules does.
fn row(modules: &mut dyn Modules, name: &str, listed: &[&str]) -> String {
    let number = |at: usize| listed.get(at).and_then(|field| field.parse::<i64>().ok());
    let size = state::size(modules, name).ok().or_else(|| number(0)).unwrap_or(-2);
    let used = state::refcount(modules, name).ok().or_else(|| number(1)).unwrap_or(-2);
    let holders = state::holders(modules, name).unwrap_or_else(|_| {
        let names = listed.get(2).copied().unwrap_or_default().split(',');
        names.filter(|n| !n.is_empty() && *n != "-" && !n.starts_with('[')).map(String::from).collect()
    });
    let space = if holders.is_empty() { "" } else { " " };
    format!("{name:<19} {size:>8}  {used}{space}{}\n", holders.join(","))
}
