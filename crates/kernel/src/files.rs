//! Which files the instance's trees have. Counterpart: kernel/module/{procfs,sysfs}.c, kernel/sysctl.c.

use crate::fs;
use crate::module::Module;
use std::sync::{Arc, OnceLock};
use wire::{Answer, Caller, VfsCall};

static TREE: OnceLock<fs::Tree> = OnceLock::new();

fn tree() -> &'static fs::Tree {
    TREE.get_or_init(fs::Tree::new)
}

/// Reads a whole file.
pub fn read(caller: &Caller, path: &str) -> Answer {
    fs::read_file(tree(), caller, path)
}

/// Writes a whole file.
pub fn write(caller: &Caller, path: &str, data: &[u8]) -> Answer {
    fs::write_file(tree(), caller, path, data)
}

/// A file operation.
pub fn vfs(caller: &Caller, call: VfsCall) -> Answer {
    fs::serve(tree(), caller, call)
}

/// A module is complete: its files appear.
pub fn add_module(_module: &Arc<Module>) {}

/// A module goes: its files disappear.
pub fn remove_module(_module: &Arc<Module>) {}

/// A module's init memory is gone, and so are the files about it.
pub fn init_freed(_module: &Arc<Module>) {}
