//! What init registers and nothing in the module unregisters.

use super::results::calls;
use super::{Subject, at};
use crate::finding::{Finding, Kind};

/// What registers, and what all of it can be undone with: the first is named.
struct Pair {
    does: &'static [&'static str],
    undoes: &'static [&'static str],
    what: &'static str,
}

const TABLE: &[Pair] = &[
    Pair { does: &["__register_chrdev"], undoes: &["__unregister_chrdev"], what: "a character device" },
    Pair {
        does: &["alloc_chrdev_region", "register_chrdev_region"],
        undoes: &["unregister_chrdev_region"],
        what: "device numbers",
    },
    Pair { does: &["cdev_add"], undoes: &["cdev_del", "cdev_device_del"], what: "a character device" },
    Pair { does: &["misc_register"], undoes: &["misc_deregister"], what: "a miscellaneous device" },
    Pair { does: &["__class_create", "class_create"], undoes: &["class_destroy", "class_unregister"], what: "a class" },
    Pair { does: &["device_create"], undoes: &["device_destroy", "device_unregister", "device_del"], what: "a device" },
    Pair { does: &["register_kprobe"], undoes: &["unregister_kprobe", "unregister_kprobes"], what: "a probe" },
    Pair { does: &["register_kretprobe"], undoes: &["unregister_kretprobe", "unregister_kretprobes"], what: "a probe" },
    Pair {
        does: &["proc_create", "proc_create_data", "proc_create_single_data", "proc_create_seq_private", "proc_mkdir"],
        undoes: &["remove_proc_entry", "proc_remove", "remove_proc_subtree"],
        what: "files in /proc",
    },
    Pair {
        does: &["debugfs_create_dir"],
        undoes: &["debugfs_remove", "debugfs_remove_recursive", "debugfs_lookup_and_remove"],
        what: "files in debugfs",
    },
    Pair { does: &["__platform_driver_register"], undoes: &["platform_driver_unregister"], what: "a driver" },
    Pair { does: &["__pci_register_driver"], undoes: &["pci_unregister_driver"], what: "a driver" },
    Pair { does: &["usb_register_driver"], undoes: &["usb_deregister"], what: "a driver" },
    Pair { does: &["i2c_register_driver"], undoes: &["i2c_del_driver"], what: "a driver" },
    Pair { does: &["register_filesystem"], undoes: &["unregister_filesystem"], what: "a file system" },
    Pair { does: &["register_reboot_notifier"], undoes: &["unregister_reboot_notifier"], what: "a notifier" },
    Pair { does: &["register_netdevice_notifier"], undoes: &["unregister_netdevice_notifier"], what: "a notifier" },
];

/// Calls of init that nothing undoes. A module without exit function keeps what it has.
pub fn find(subject: &Subject<'_>) -> Vec<Finding> {
    let model = subject.model;
    let mut found = Vec::new();
    if subject.module.this_module().map_or(true, |this| this.exit.is_none()) {
        return found;
    }
    let number = |name: &str| TABLE.iter().position(|pair| pair.does.contains(&name));
    for call in calls(model, number) {
        let Some(pair) = TABLE.get(call.of) else { continue };
        let in_init =
            model.elf.section(call.function.section).is_some_and(|section| section.name.starts_with(".init.text"));
        if !in_init || model.imports_any(|name| pair.undoes.contains(&name)) {
            continue;
        }
        let undo = pair.undoes.first().copied().unwrap_or_default().trim_start_matches('_');
        let what =
            format!("init registers {} here, and the module never calls {undo}: it stays behind at unload", pair.what);
        found
            .push(at(subject, Kind::LeftRegistered, call.spot, what).cure(format!("call {undo} in the exit function")));
    }
    found
}
