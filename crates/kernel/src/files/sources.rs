//! What the files of /proc and /proc/sys/kernel are made from.

use super::modules::Restrict;
use super::state_of;
use crate::base::uevent;
use crate::fs::proc::{DeviceNumbers, ModuleLine, ModuleList, Symbol, SymbolSource};
use crate::fs::sys::KernelCounters;
use crate::fs::sysctl::{IntVar, KernelSysctls, StrVar, TaintVar};
use crate::log::log;
use crate::module::{self, holders, kmod, taint};
use crate::{env, fault};
use kabi::profile;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

/// The modules.
pub(super) struct List;

impl ModuleList for List {
    fn modules(&self) -> Vec<ModuleLine> {
        let line = |m: &Arc<module::Module>| ModuleLine {
            name: m.name().to_string(),
            size: m.sizes().0 as u64,
            refcount: m.refcount(),
            users: holders(m).iter().map(|h| h.name().to_string()).collect(),
            permanent: m.is_permanent(),
            state: state_of(m),
            base: m.image().core.addr(),
            taints: taint::module_letters(m.taints.load(Ordering::Relaxed)),
        };
        module::links::listed().iter().map(line).collect()
    }
}

/// The symbols of the kernel image and of the modules.
pub(super) struct Symbols;

impl SymbolSource for Symbols {
    fn symbols(&self, each: &mut dyn FnMut(Symbol<'_>)) {
        for s in profile().symbols() {
            each(Symbol { address: s.addr, kind: s.kind, name: s.name, module: None });
        }
        for module in module::links::listed() {
            for s in module.image().symbols() {
                // As is_exported of kernel/module/kallsyms.c has it: GPL-only exports do not count.
                let exported = module.exports.get(s.name).is_some_and(|e| !e.gpl_only);
                let kind = if exported { s.letter.to_ascii_uppercase() } else { s.letter };
                each(Symbol { address: s.addr, kind, name: s.name, module: Some(module.name()) });
            }
        }
    }
}

/// Device numbers: no device area registers any yet.
pub(super) struct Devices;

impl DeviceNumbers for Devices {
    fn characters(&self) -> Vec<(u32, String)> {
        crate::chrdev::numbers::list()
    }

    fn blocks(&self) -> Vec<(u32, String)> {
        Vec::new()
    }

    fn misc(&self) -> Vec<(u32, String)> {
        crate::chrdev::misc::list()
    }
}

/// What /sys/kernel counts.
pub(super) struct Counters;

impl KernelCounters for Counters {
    fn uevents(&self) -> u64 {
        uevent::sequence()
    }

    fn oopses(&self) -> u64 {
        fault::oopses().into()
    }

    fn warnings(&self) -> u64 {
        fault::warnings().into()
    }
}

/// One of the four numbers of `kernel.printk`.
struct Level(usize);

impl IntVar for Level {
    fn get(&self) -> i32 {
        log().levels().get()[self.0]
    }

    fn set(&self, value: i32) {
        let mut levels = log().levels().get();
        levels[self.0] = value;
        log().levels().set(levels);
        crate::log::publish_levels();
    }
}

/// `kernel.printk_delay`.
struct Delay;

impl IntVar for Delay {
    fn get(&self) -> i32 {
        log().settings().delay_ms.load(Ordering::Relaxed) as i32
    }

    fn set(&self, value: i32) {
        log().settings().delay_ms.store(value.max(0) as u32, Ordering::Relaxed);
    }
}

/// `kernel.dmesg_restrict`.
struct DmesgRestrict;

impl IntVar for DmesgRestrict {
    fn get(&self) -> i32 {
        log().settings().dmesg_restrict.load(Ordering::Relaxed)
    }

    fn set(&self, value: i32) {
        log().settings().dmesg_restrict.store(value, Ordering::Relaxed);
    }
}

/// `kernel.printk_devkmsg`: the text as it was written, which may have one byte more than the word.
#[derive(Default)]
struct Devkmsg(Mutex<Option<Vec<u8>>>);

impl StrVar for Devkmsg {
    fn get(&self) -> Vec<u8> {
        let text = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        text.unwrap_or_else(|| log().devkmsg().as_bytes().to_vec())
    }

    fn set(&self, value: Vec<u8>) {
        let word = if value.starts_with(b"ratelimit") {
            9
        } else if value.starts_with(b"off") {
            3
        } else {
            2
        };
        let word = value.get(..word).unwrap_or(&value);
        // What the command line has set stays.
        if log().set_devkmsg(&[word, b"\n"].concat()).is_ok() {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(value);
        }
    }
}

/// `kernel.tainted`.
struct Tainted;

impl TaintVar for Tainted {
    fn get(&self) -> u64 {
        taint::bits()
    }

    fn add(&self, flags: u64) {
        taint::add_bits(flags);
    }
}

/// `kernel.modules_disabled`.
struct ModulesDisabled;

impl IntVar for ModulesDisabled {
    fn get(&self) -> i32 {
        env::MODULES_DISABLED.load(Ordering::Relaxed)
    }

    fn set(&self, value: i32) {
        env::MODULES_DISABLED.store(value, Ordering::Relaxed);
    }
}

/// `kernel.modprobe`.
struct Modprobe;

impl StrVar for Modprobe {
    fn get(&self) -> Vec<u8> {
        kmod::modprobe()
    }

    fn set(&self, value: Vec<u8>) {
        kmod::set_modprobe(value);
    }
}

/// Connects the sysctl files with what they change.
pub(super) fn connect(sysctls: &mut KernelSysctls) {
    sysctls.printk = std::array::from_fn(|i| Arc::new(Level(i)) as Arc<dyn IntVar>);
    sysctls.printk_delay = Arc::new(Delay);
    sysctls.printk_devkmsg = Arc::<Devkmsg>::default();
    sysctls.tainted = Arc::new(Tainted);
    sysctls.modules_disabled = Arc::new(ModulesDisabled);
    sysctls.modprobe = Arc::new(Modprobe);
    sysctls.kptr_restrict = Arc::new(Restrict);
    sysctls.dmesg_restrict = Arc::new(DmesgRestrict);
}
