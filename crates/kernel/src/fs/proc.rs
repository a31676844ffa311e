//! The files directly in /proc that belong to lkm's own areas, made from data that the areas give.
//!
//! Counterparts: kernel/module/procfs.c, kernel/kallsyms.c, fs/proc/{version,cmdline,devices}.c, drivers/char/misc.c.

use super::content::{generated, text};
use super::node::Ctx;
use super::sysctl::IntVar;
use super::tree::Tree;
use kabi::Errno;
use std::fmt::Write;
use std::sync::Arc;
use wire::ROOT_PROC;

/// Where a module is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModuleState {
    /// Its init function has not ended.
    Coming,
    /// It runs.
    Live,
    /// It is being removed.
    Going,
}

impl ModuleState {
    /// As /proc/modules shows it.
    fn in_list(self) -> &'static str {
        match self {
            Self::Coming => "Loading",
            Self::Live => "Live",
            Self::Going => "Unloading",
        }
    }

    /// As /sys/module/X/initstate shows it.
    pub(super) fn in_sysfs(self) -> &'static str {
        match self {
            Self::Coming => "coming",
            Self::Live => "live",
            Self::Going => "going",
        }
    }
}

/// What /proc/modules shows of a module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModuleLine {
    /// Its name.
    pub name: String,
    /// Bytes of its core (6.1) or of all its parts (6.12).
    pub size: u64,
    /// References.
    pub refcount: i64,
    /// Modules that use it, newest first.
    pub users: Vec<String>,
    /// It has an init but no exit function.
    pub permanent: bool,
    /// Where it is in its life.
    pub state: ModuleState,
    /// Address of its text.
    pub base: u64,
    /// Taint letters such as `OE`; empty for none.
    pub taints: String,
}

/// Gives the loaded modules.
pub trait ModuleList: Send + Sync {
    /// All modules, the newest first.
    fn modules(&self) -> Vec<ModuleLine>;

    /// The whole file; `show` tells whether addresses are shown.
    fn text(&self, show: bool) -> String {
        self.modules().iter().map(|module| module_line(module, show)).collect()
    }
}

/// A symbol of /proc/kallsyms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Symbol<'a> {
    /// Its address.
    pub address: u64,
    /// Its kind as nm(1) has it.
    pub kind: char,
    /// Its name.
    pub name: &'a str,
    /// Its module; `None` for the kernel itself.
    pub module: Option<&'a str>,
}

/// Gives all symbols.
pub trait SymbolSource: Send + Sync {
    /// Calls `each` for every symbol: those of the kernel by address, then those of the modules.
    fn symbols(&self, each: &mut dyn FnMut(Symbol<'_>));
}

/// Gives the registered device numbers.
pub trait DeviceNumbers: Send + Sync {
    /// Major numbers and names of character devices, ascending.
    fn characters(&self) -> Vec<(u32, String)>;
    /// Major numbers and names of block devices, ascending.
    fn blocks(&self) -> Vec<(u32, String)>;
    /// Minor numbers and names of misc devices, the newest first.
    fn misc(&self) -> Vec<(u32, String)>;
}

/// Whether addresses are shown to the caller (`kallsyms_show_value`): root, unless `kptr_restrict` is 2.
pub fn shows_addresses(ctx: &Ctx<'_>, kptr_restrict: i32) -> bool {
    ctx.caller.uid == 0 && kptr_restrict < 2
}

/// One line of /proc/modules.
fn module_line(module: &ModuleLine, show: bool) -> String {
    let mut users: String = module.users.iter().map(|user| format!("{user},")).collect();
    if module.permanent {
        users.push_str("[permanent],");
    }
    if users.is_empty() {
        users.push('-');
    }
    let base = if show { module.base } else { 0 };
    let ModuleLine { name, size, refcount, state, .. } = module;
    let mut line = format!("{name} {size} {refcount} {users} {} 0x{base:016x}", state.in_list());
    if !module.taints.is_empty() {
        let mark = match state {
            ModuleState::Coming => "+",
            ModuleState::Live => "",
            ModuleState::Going => "-",
        };
        line += &format!(" ({}{mark})", module.taints);
    }
    line + "\n"
}

/// /proc/kallsyms.
fn kallsyms(source: &dyn SymbolSource, show: bool) -> String {
    let mut out = String::new();
    source.symbols(&mut |symbol| {
        let address = if show { symbol.address } else { 0 };
        let Symbol { kind, name, module, .. } = symbol;
        // writing to a String cannot fail
        let _ = match module {
            Some(module) => writeln!(out, "{address:016x} {kind} {name}\t[{module}]"),
            None => writeln!(out, "{address:016x} {kind} {name}"),
        };
    });
    out
}

fn numbered(numbers: &[(u32, String)]) -> String {
    numbers.iter().map(|(number, name)| format!("{number:3} {name}\n")).collect()
}

/// /proc/devices.
fn devices(numbers: &dyn DeviceNumbers) -> String {
    let (characters, blocks) = (numbered(&numbers.characters()), numbered(&numbers.blocks()));
    format!("Character devices:\n{characters}\nBlock devices:\n{blocks}")
}

/// What the files in /proc are made from.
#[derive(Clone)]
pub struct ProcSources {
    /// For `modules`.
    pub modules: Arc<dyn ModuleList>,
    /// For `kallsyms`.
    pub symbols: Arc<dyn SymbolSource>,
    /// For `devices` and `misc`.
    pub devices: Arc<dyn DeviceNumbers>,
    /// Decides with the caller whether addresses are shown.
    pub kptr_restrict: Arc<dyn IntVar>,
    /// `version`: the kernel's banner (`linux_proc_banner` filled in), without a newline.
    pub version: String,
    /// `cmdline`, without a newline.
    pub cmdline: String,
}

impl ProcSources {
    /// Registers the files, for good.
    ///
    /// # Errors
    /// As [`Tree::add`].
    pub fn register(&self, tree: &Tree) -> Result<(), Errno> {
        let ProcSources { modules: list, symbols, devices: numbers, .. } = self.clone();
        let (restrict, version, cmdline) =
            (Arc::clone(&self.kptr_restrict), format!("{}\n", self.version), format!("{}\n", self.cmdline));
        let for_symbols = Arc::clone(&restrict);
        let misc = Arc::clone(&numbers);
        for (name, spec) in [
            ("modules", generated(0o444, move |ctx| Ok(list.text(shows_addresses(ctx, restrict.get())).into_bytes()))),
            (
                "kallsyms",
                generated(0o444, move |ctx| {
                    Ok(kallsyms(&*symbols, shows_addresses(ctx, for_symbols.get())).into_bytes())
                }),
            ),
            ("devices", text(0o444, move || devices(&*numbers))),
            ("misc", text(0o444, move || numbered(&misc.misc()))),
            ("version", text(0o444, move || version.clone())),
            ("cmdline", text(0o444, move || cmdline.clone())),
        ] {
            tree.add(ROOT_PROC, name, spec)?.keep();
        }
        Ok(())
    }
}
