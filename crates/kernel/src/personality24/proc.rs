//! /proc/modules and /proc/ksyms of 2.4. Counterpart: `get_module_list` and `ksyms_op` of kernel/module.c of Linux 2.4.
//!
//! DIFFERS: 2.4's /proc/modules ends after one page.

use super::{Entry, List, Stage, list, symbols};
use crate::fs::proc::{ModuleLine, ModuleList};
use crate::fs::{Tree, text};
use kabi::Errno;
use std::fmt::Write;
use std::sync::Arc;
use wire::ROOT_PROC;
use wire::legacy::flag;

/// The contents of /proc/modules, if the personality is 2.4's.
pub fn list_of_modules() -> Option<Arc<dyn ModuleList>> {
    super::enabled().then(|| Arc::new(Modules) as Arc<dyn ModuleList>)
}

/// Makes /proc/ksyms, if the personality is 2.4's.
///
/// # Errors
/// As [`Tree::add`].
pub fn register(tree: &Tree) -> Result<(), Errno> {
    if super::enabled() {
        tree.add(ROOT_PROC, "ksyms", text(0o444, ksyms))?.keep();
    }
    Ok(())
}

struct Modules;

impl ModuleList for Modules {
    fn modules(&self) -> Vec<ModuleLine> {
        Vec::new()
    }

    fn text(&self, _show: bool) -> String {
        let list = list();
        list.entries.iter().map(|entry| line(&list, entry)).collect()
    }
}

fn line(list: &List, entry: &Entry) -> String {
    let name = String::from_utf8_lossy(&entry.name);
    let mut line = format!("{name:<20}{:>8}", entry.size);
    let running = entry.stage == Stage::Running;
    if running {
        // writing to a String cannot fail
        let _ = write!(line, "{:>4}", entry.shown_count());
    }
    let flags = entry.flags();
    line += match entry.stage {
        _ if entry.deleted => " (deleted)",
        Stage::Running if flags & flag::AUTOCLEAN != 0 => " (autoclean)",
        Stage::Running => "",
        Stage::Initializing => " (initializing)",
        Stage::Created => " (uninitialized)",
    };
    if running && !entry.deleted && flags & flag::USED_ONCE == 0 {
        line += " (unused)";
    }
    let users: Vec<_> = list.users(entry).into_iter().map(String::from_utf8_lossy).collect();
    if !users.is_empty() {
        let _ = write!(line, " [{}]", users.join(" "));
    }
    line + "\n"
}

fn ksyms() -> String {
    let mut out = String::new();
    for entry in list().entries.iter().filter(|e| e.can_query()) {
        let module = String::from_utf8_lossy(&entry.name);
        for symbol in &entry.syms {
            // writing to a String cannot fail
            let _ = writeln!(out, "{:016x} {}\t[{module}]", symbol.value, String::from_utf8_lossy(&symbol.name));
        }
    }
    for symbol in symbols::kernel() {
        let _ = writeln!(out, "{:016x} {}", symbol.value, symbol.name);
    }
    out
}
