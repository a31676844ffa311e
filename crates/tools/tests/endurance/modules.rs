//! The modules: a base that counts who comes and goes, and any number of others that use it.

use std::path::Path;
use std::process::Command;

const BASE: &str = r#"
#include <linux/module.h>
static atomic_t entered, left;
module_param_named(entered, entered.counter, int, 0444);
module_param_named(left, left.counter, int, 0444);
void lkm_st_enter(void) { atomic_inc(&entered); }
void lkm_st_leave(void) { atomic_inc(&left); }
EXPORT_SYMBOL(lkm_st_enter); EXPORT_SYMBOL(lkm_st_leave);
static int __init base_init(void) { return 0; }
static void __exit base_exit(void) { }
module_init(base_init); module_exit(base_exit); MODULE_LICENSE("GPL");
"#;

const USER: &str = r#"
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/sched.h>
void lkm_st_enter(void); void lkm_st_leave(void);
static int slow; module_param(slow, int, 0444);
static void *memory;
static void wait(void) { if (slow) schedule_timeout_uninterruptible(slow); }
static int __init user_init(void)
{
	memory = kmalloc(1000, GFP_KERNEL);
	if (!memory) return -ENOMEM;
	wait(); lkm_st_enter(); return 0;
}
static void __exit user_exit(void) { wait(); lkm_st_leave(); kfree(memory); }
module_init(user_init); module_exit(user_exit); MODULE_LICENSE("GPL");
"#;

/// The kernel that they are built for: the series that the other tests use.
pub fn release() -> String {
    abi::newest("6.1", &abi::Options::default()).expect("Debian's kernel 6.1 in /boot")
}

/// As long as every name that takes its place.
const NAME: &[u8] = b"lkm_st_0000";

/// Builds `base.ko` and `user.ko` in the folder.
pub fn build(folder: &Path) {
    let source = folder.join("source");
    std::fs::create_dir(&source).unwrap();
    for (name, text) in
        [("Kbuild", "obj-m := lkm_st_base.o lkm_st_0000.o\n"), ("lkm_st_base.c", BASE), ("lkm_st_0000.c", USER)]
    {
        std::fs::write(source.join(name), text).unwrap();
    }
    let tree = format!("/lib/modules/{}/build", release());
    let said = Command::new("make").args(["-s", "-C", &tree]).arg(format!("M={}", source.display())).output().unwrap();
    assert!(said.status.success(), "building the modules: {}", String::from_utf8_lossy(&said.stderr));
    for (built, name) in [("lkm_st_base.ko", "base.ko"), ("lkm_st_0000.ko", "user.ko")] {
        std::fs::copy(source.join(built), folder.join(name)).unwrap();
    }
    std::fs::remove_dir_all(source).unwrap();
}

/// The name of user number `number`.
pub fn name(number: usize) -> String {
    format!("lkm_st_{number:04}")
}

/// The bytes of user number `number`, from those of the built one.
pub fn renamed(user: &[u8], number: usize) -> Vec<u8> {
    let new = name(number);
    let mut bytes = user.to_vec();
    let places: Vec<usize> =
        user.windows(NAME.len()).enumerate().filter(|(_, part)| *part == NAME).map(|(at, _)| at).collect();
    assert!(places.len() >= 2, "the name stands in .modinfo and in the module's structure");
    for at in places {
        bytes[at..at + NAME.len()].copy_from_slice(new.as_bytes());
    }
    bytes
}
