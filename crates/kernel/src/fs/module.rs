//! /sys/module/X.
//!
//! Counterparts: kernel/module/sysfs.c, kernel/params.c (`module_attr_*`), lib/kobject_uevent.c
//! (`kobject_synth_uevent`).

use super::content::{attribute_ro, attribute_wo, binary, blob};
use super::node::{Ctx, Directory, Spec};
use super::proc::{ModuleState, shows_addresses};
use super::sysctl::IntVar;
use super::tree::{Registration, Tree};
use kabi::errno::{EEXIST, EINVAL};
use kabi::{Errno, KResult};
use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use wire::NodeId;

/// `0x`, 16 digits and a newline.
const SECTION_SIZE: u64 = 19;

/// Who answers writes to the `uevent` file of /sys/module/X.
pub trait Uevents: Send + Sync {
    /// Someone asks for a uevent by writing to `uevent`: the action, and the variables that it shall carry
    /// (`SYNTH_UUID=` among them).
    ///
    /// # Errors
    /// What the write shall fail with.
    fn uevent(&self, action: &str, variables: &[(String, String)]) -> KResult;
    /// A write to `uevent` was refused, in the log's words.
    fn refused(&self, why: &str);
}

/// What /sys/module/X shows that changes while the module lives.
pub trait ModuleView: Uevents {
    /// Where it is in its life.
    fn state(&self) -> ModuleState;
    /// References.
    fn refcount(&self) -> i64;
    /// Taint letters such as `OE`; empty for none.
    fn taints(&self) -> String;
    /// Bytes of its core.
    fn core_size(&self) -> u64;
    /// Bytes of its init part; 0 once that is freed.
    fn init_size(&self) -> u64;
    /// Names of the modules that use it.
    fn holders(&self) -> Vec<String>;
}

/// What stays the same.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ModuleFacts {
    /// Its name.
    pub name: String,
    /// `MODULE_VERSION`.
    pub version: Option<String>,
    /// `srcversion` of its modinfo.
    pub srcversion: Option<String>,
    /// Names and addresses of its loaded, non-empty sections (`SHF_ALLOC`, and what kallsyms keeps).
    pub sections: Vec<(String, u64)>,
    /// Names and contents of its note sections.
    pub notes: Vec<(String, Vec<u8>)>,
}

/// The number by which kernfs sorts the names of a directory (`kernfs_name_hash` of fs/kernfs/dir.c, with
/// `full_name_hash`'s steps of include/linux/stringhash.h): tools print holders in this order.
fn kernfs_hash(name: &str) -> u32 {
    let step = |hash: u64, b: u8| hash.wrapping_add(u64::from(b) << 4).wrapping_add(u64::from(b) >> 4).wrapping_mul(11);
    let hash = name.bytes().fold(0, step).wrapping_mul(0x61c8_8646_80b5_83eb) >> 32;
    // 0, 1 and the largest are reserved.
    match (hash as u32) & 0x7fff_ffff {
        small @ 0..2 => small + 2,
        hash => hash.min(i32::MAX as u32 - 1),
    }
}

/// `holders/`: a link to each module that uses this one.
struct Holders(Arc<dyn ModuleView>);

impl Directory for Holders {
    fn list(&self) -> KResult<Vec<(String, Spec)>> {
        let link = |name: String| (name.clone(), Spec::symlink(&format!("../../{name}")));
        let mut names = self.0.holders();
        names.sort_by_key(|name| (kernfs_hash(name), name.clone()));
        Ok(names.into_iter().map(link).collect())
    }
}

/// A directory of /sys/module. Dropping it takes it away.
pub struct ModuleDir {
    tree: Tree,
    parameters: Mutex<Option<NodeId>>,
    dir: Registration,
}

impl ModuleDir {
    /// The node of /sys/module/X.
    pub fn id(&self) -> NodeId {
        self.dir.id()
    }

    /// The node of `parameters/`, made when first asked for: a module without visible parameters has none.
    ///
    /// # Errors
    /// As [`Tree::add`].
    pub fn parameters(&self) -> Result<NodeId, Errno> {
        let mut made = self.parameters.lock().unwrap_or_else(PoisonError::into_inner);
        match *made {
            Some(id) => Ok(id),
            None => {
                let id = self.tree.add(self.id(), "parameters", Spec::dir(0o755))?.keep();
                Ok(*made.insert(id))
            }
        }
    }

    /// Leaves the directory in place for good (a built-in module); the result is its node.
    pub fn keep(self) -> NodeId {
        self.dir.keep()
    }
}

/// What follows the action in a write to `uevent`: a UUID and `NAME=value` words of letters and digits.
fn uevent_variables(rest: &str) -> Result<Vec<(String, String)>, Errno> {
    let mut words = rest.split(' ');
    let uuid = words.next().ok_or(EINVAL)?;
    let dash = |at| matches!(at, 8 | 13 | 18 | 23);
    let good = |(at, b): (usize, u8)| if dash(at) { b == b'-' } else { b.is_ascii_hexdigit() };
    if uuid.len() != 36 || !uuid.bytes().enumerate().all(good) {
        return Err(EINVAL);
    }
    let mut variables = vec![("SYNTH_UUID".to_owned(), uuid.to_owned())];
    for word in words {
        let (name, value) = word.split_once('=').ok_or(EINVAL)?;
        let alnum = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_alphanumeric());
        if !alnum(name) || !alnum(value) {
            return Err(EINVAL);
        }
        variables.push((format!("SYNTH_ARG_{name}"), value.to_owned()));
    }
    Ok(variables)
}

/// What a uevent says: the action, and its variables.
type Uevent = (String, Vec<(String, String)>);

/// Takes a write to a `uevent` file apart: the action and the event's variables.
///
/// # Errors
/// What the log says of it: no known action, or bad words behind it.
pub fn parse_uevent(data: &[u8]) -> Result<Uevent, &'static str> {
    // What is no text is no letter either.
    let text = String::from_utf8_lossy(data);
    let text = text.strip_suffix(['\n', '\0']).unwrap_or(&text);
    let (action, rest) = match text.split_once(' ') {
        Some((action, rest)) => (action, Some(rest)),
        None => (text, None),
    };
    if !["add", "remove", "change", "move", "online", "offline", "bind", "unbind"].contains(&action) {
        return Err("unknown uevent action string");
    }
    // without a UUID the event says that nobody in particular asked
    let nobody = || vec![("SYNTH_UUID".to_owned(), "0".to_owned())];
    let variables = rest.map_or_else(|| Ok(nobody()), uevent_variables);
    Ok((action.to_owned(), variables.map_err(|_| "incorrect uevent action arguments")?))
}

fn line(content: impl std::fmt::Display) -> Vec<u8> {
    format!("{content}\n").into_bytes()
}

/// The `uevent` file of /sys/module/X.
fn uevent(view: Arc<dyn Uevents>) -> Spec {
    attribute_wo(0o200, move |_, data| {
        let (action, variables) = parse_uevent(data).map_err(|why| {
            view.refused(why);
            EINVAL
        })?;
        view.uevent(&action, &variables)?;
        Ok(data.len())
    })
}

/// A file of `sections/`: the address in one piece, at offset 0 only.
fn section(address: u64, kptr_restrict: Arc<dyn IntVar>) -> Spec {
    binary(0o400, SECTION_SIZE, move |ctx: &Ctx<'_>, offset, size| {
        if offset != 0 {
            return Err(EINVAL.into());
        }
        let mut text =
            line(format_args!("0x{:016x}", if shows_addresses(ctx, kptr_restrict.get()) { address } else { 0 }));
        text.truncate(size);
        Ok(text)
    })
}

/// The files of a loaded module.
fn attributes(facts: &ModuleFacts, view: &Arc<dyn ModuleView>) -> Vec<(&'static str, Spec)> {
    let show = |make: fn(&dyn ModuleView) -> Vec<u8>| {
        let view = Arc::clone(view);
        attribute_ro(0o444, move |_| Ok(make(&*view)))
    };
    let mut files = vec![
        ("uevent", uevent(Arc::<dyn ModuleView>::clone(view))),
        ("initstate", show(|v| line(v.state().in_sysfs()))),
        ("refcnt", show(|v| line(v.refcount()))),
        ("taint", show(|v| line(v.taints()))),
        ("coresize", show(|v| line(v.core_size()))),
        ("initsize", show(|v| line(v.init_size()))),
        ("holders", Spec::dynamic(0o755, Arc::new(Holders(Arc::clone(view))))),
    ];
    for (name, value) in [("version", &facts.version), ("srcversion", &facts.srcversion)] {
        if let Some(value) = value.clone() {
            files.push((name, attribute_ro(0o444, move |_| Ok(line(&value)))));
        }
    }
    files
}

/// Makes /sys/module/X of a module that is being loaded, with everything but parameters.
///
/// # Errors
/// `EEXIST`, or as [`Tree::add`].
pub fn add_module(
    tree: &Tree,
    facts: &ModuleFacts,
    view: &Arc<dyn ModuleView>,
    kptr_restrict: &Arc<dyn IntVar>,
) -> Result<ModuleDir, Errno> {
    let dir = tree.add(tree.make_path("/sys/module")?, &facts.name, Spec::dir(0o755))?;
    for (name, spec) in attributes(facts, view) {
        tree.add(dir.id(), name, spec)?.keep();
    }
    let sections_shown = can_be_shown(&facts.sections);
    if sections_shown {
        let sections = tree.add(dir.id(), "sections", Spec::dir(0o755))?.keep();
        for (name, address) in &facts.sections {
            tree.add(sections, name, section(*address, Arc::clone(kptr_restrict)))?.keep();
        }
    }
    // Notes come with the sections.
    if sections_shown && can_be_shown(&facts.notes) {
        let notes = tree.add(dir.id(), "notes", Spec::dir(0o755))?.keep();
        for (name, content) in &facts.notes {
            tree.add(notes, name, blob(0o444, content.clone()))?.keep();
        }
    }
    Ok(ModuleDir { tree: tree.clone(), parameters: Mutex::default(), dir })
}

/// Whether there can be a directory of these: the kernel gives it up at the second file of a name.
fn can_be_shown<T>(entries: &[(String, T)]) -> bool {
    let mut names = HashSet::new();
    !entries.is_empty() && entries.iter().all(|(name, _)| names.insert(name))
}

/// Makes /sys/module/X of a built-in module (`kernel`, `printk`): only `uevent` and what goes into its parameters.
///
/// # Errors
/// `EEXIST`, or as [`Tree::add`].
pub fn add_builtin(tree: &Tree, name: &str, view: &Arc<dyn Uevents>) -> Result<ModuleDir, Errno> {
    let parent = tree.make_path("/sys/module")?;
    if tree.child(parent, name).is_some() {
        return Err(EEXIST);
    }
    let dir = tree.add(parent, name, Spec::dir(0o755))?;
    tree.add(dir.id(), "uevent", uevent(Arc::clone(view)))?.keep();
    Ok(ModuleDir { tree: tree.clone(), parameters: Mutex::default(), dir })
}
