//! The taints that a load brings, with their notices. Counterpart: `check_modinfo`, `set_license`,
//! `check_module_license_and_versions` (6.1) and `module_augment_kernel_taints` (6.12) of kernel/module/main.c.

use crate::log;
use crate::module::taint::{self, Taint};
use loader::Identity;
use std::sync::atomic::{AtomicBool, Ordering};

/// The taints of a module that is being loaded; the kernel's own are set at once.
#[derive(Debug, Default)]
pub(super) struct Taints(u64);

impl Taints {
    /// The bits of the module.
    pub(super) fn bits(&self) -> u64 {
        self.0
    }

    /// The module has a taint, and the kernel with it.
    fn add(&mut self, taint: Taint) {
        self.0 |= 1 << taint as u32;
        taint::add(taint);
    }

    /// [`Taints::add`], with a warning if the kernel did not have it.
    fn add_saying(&mut self, taint: Taint, text: &str) {
        if !taint::has(taint) {
            log::line(4, text);
        }
        self.add(taint);
    }

    /// A load by force, which Debian's kernels allow (`try_to_force_load`).
    pub(super) fn forced(&mut self, identity: &Identity, reason: &str) {
        self.add_saying(Taint::ForcedModule, &format!("{}: {reason}: kernel tainted.", identity.name));
    }

    /// The module uses symbols of a proprietary one; the kernel is tainted already.
    pub(super) fn inherit(&mut self) {
        self.0 |= 1 << Taint::ProprietaryModule as u32;
    }

    /// True if GPL-only symbols do not exist for the module.
    pub(super) fn proprietary(&self) -> bool {
        self.0 & 1 << Taint::ProprietaryModule as u32 != 0
    }

    /// What `.modinfo` says.
    pub(super) fn modinfo(&mut self, identity: &Identity) {
        let name = &identity.name;
        if !identity.in_tree {
            self.add_saying(Taint::OotModule, &format!("{name}: loading out-of-tree module taints kernel."));
        }
        if !identity.retpoline {
            log::line(3, "Spectre V2 : System may be vulnerable to spectre v2");
            log::line(4, &format!("{name}: loading module not compiled with retpoline compiler."));
        }
        if identity.staging {
            self.add(Taint::Crap);
            let text = "module is from the staging directory, the quality is unknown, you have been warned.";
            log::line(4, &format!("{name}: {text}"));
        }
        if identity.livepatch {
            self.add(Taint::Livepatch);
            static TOLD: AtomicBool = AtomicBool::new(false);
            notice_once(&TOLD, &format!("{name}: tainting kernel with TAINT_LIVEPATCH"));
        }
        if !identity.is_gpl_compatible() {
            let license = identity.license.as_deref().unwrap_or("unspecified");
            self.add_saying(Taint::ProprietaryModule, &format!("{name}: module license '{license}' taints kernel."));
        }
        if identity.test {
            self.add_saying(Taint::Test, &format!("{name}: loading test module taints kernel."));
        }
    }

    /// Without a good signature. DIFFERS: see [`loader::signature`].
    pub(super) fn signature(&mut self, identity: &Identity) {
        static TOLD: AtomicBool = AtomicBool::new(false);
        if !identity.signed {
            let text = "module verification failed: signature and/or required key missing - tainting kernel";
            notice_once(&TOLD, &format!("{}: {text}", identity.name));
            self.add(Taint::UnsignedModule);
        }
    }

    /// Modules that are known to say the wrong thing of their licence; `before`: the kernel was proprietary already.
    pub(super) fn names(&mut self, identity: &Identity, before: bool) {
        match identity.name.as_str() {
            // It is free itself, but loads what is not, and uses GPL-only symbols.
            "ndiswrapper" => _ = taint::add(Taint::ProprietaryModule),
            "driverloader" | "lve" => self.add(Taint::ProprietaryModule),
            _ => {}
        }
        if !before && taint::has(Taint::ProprietaryModule) {
            log::line(4, &format!("{}: module license taints kernel.", identity.name));
        }
    }

    /// All of it, in the order of newer kernels.
    pub(super) fn augment(&mut self, identity: &Identity) {
        let before = taint::has(Taint::ProprietaryModule);
        self.modinfo(identity);
        self.signature(identity);
        self.names(identity, before);
    }
}

fn notice_once(told: &AtomicBool, text: &str) {
    if !told.swap(true, Ordering::Relaxed) {
        log::line(5, text);
    }
}
