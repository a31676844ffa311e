//! /sys/kernel/livepatch. Counterpart: the attributes of kernel/livepatch/core.c.

use super::{ALIVE, Patch, patches};
use crate::fs::{Directory, Spec, Tree, attribute, attribute_ro, attribute_wo};
use crate::klib::kstrtox::parse_bool;
use crate::livepatch::object::Object;
use kabi::errno::{EINVAL, ENODEV};
use kabi::{Errno, KResult};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};

/// Makes the directory, on kernels that have livepatches.
///
/// # Errors
/// As [`Tree::add`].
pub fn register(tree: &Tree) -> Result<(), Errno> {
    if ALIVE.exists() {
        let kernel = tree.make_path("/sys/kernel")?;
        tree.add(kernel, "livepatch", Spec::dynamic(0o755, Arc::new(All)))?.keep();
    }
    Ok(())
}

fn flag(value: bool) -> Vec<u8> {
    format!("{}\n", u8::from(value)).into_bytes()
}

/// The patches.
struct All;

impl Directory for All {
    fn list(&self) -> KResult<Vec<(String, Spec)>> {
        Ok(patches().iter().map(|patch| (patch.name().to_string(), patch.entry())).collect())
    }
}

/// The directory of a patch. Its files stay the same for as long as somebody has the directory.
struct PatchDir {
    patch: Weak<Patch>,
    files: Vec<(String, Spec)>,
}

impl Directory for PatchDir {
    fn list(&self) -> KResult<Vec<(String, Spec)>> {
        let objects = self.patch.upgrade().map(|patch| patch.objects()).unwrap_or_default();
        let dirs = objects.into_iter().map(|object| (object.name().to_string(), object.entry()));
        Ok(self.files.iter().cloned().chain(dirs).collect())
    }
}

impl Patch {
    /// What /sys shows of it; made once.
    fn entry(self: &Arc<Self>) -> Spec {
        self.entry.get_or_init(|| self.make_entry()).clone()
    }

    fn make_entry(self: &Arc<Self>) -> Spec {
        let weak = || Arc::downgrade(self);
        let of = |patch: &Weak<Self>| patch.upgrade().ok_or(ENODEV);
        let (shown, stored, forced) = (weak(), weak(), weak());
        let show = move |_: &crate::fs::Ctx<'_>| Ok(flag(of(&shown)?.enabled.load(Ordering::SeqCst)));
        let store = move |_: &crate::fs::Ctx<'_>, data: &[u8]| {
            of(&stored)?.store(parse_bool(data)?)?;
            Ok(data.len())
        };
        // Nothing is ever on its way when somebody can ask.
        let force = move |_: &crate::fs::Ctx<'_>, data: &[u8]| {
            of(&forced)?;
            if parse_bool(data)? { Err(EINVAL.into()) } else { Ok(data.len()) }
        };
        let files = vec![
            ("enabled".to_string(), attribute(0o644, show, store)),
            ("force".to_string(), attribute_wo(0o200, force)),
            ("transition".to_string(), attribute_ro(0o444, |_| Ok(flag(false)))),
        ];
        Spec::dynamic(0o755, Arc::new(PatchDir { patch: weak(), files }))
    }
}

/// The directory of an object: one of each function, without anything in it.
struct ObjectDir {
    object: Weak<Object>,
    patched: Spec,
}

impl Directory for ObjectDir {
    fn list(&self) -> KResult<Vec<(String, Spec)>> {
        let funcs = self.object.upgrade().map(|object| object.funcs()).unwrap_or_default();
        let dirs = funcs.iter().map(|func| (func.entry(), Spec::dir(0o755)));
        Ok(std::iter::once(("patched".to_string(), self.patched.clone())).chain(dirs).collect())
    }
}

impl Object {
    fn entry(self: &Arc<Self>) -> Spec {
        self.entry.get_or_init(|| self.make_entry()).clone()
    }

    fn make_entry(self: &Arc<Self>) -> Spec {
        let shown = Arc::downgrade(self);
        let patched = attribute_ro(0o444, move |_| Ok(flag(shown.upgrade().ok_or(ENODEV)?.is_patched())));
        Spec::dynamic(0o755, Arc::new(ObjectDir { object: Arc::downgrade(self), patched }))
    }
}
