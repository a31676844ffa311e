//! Functions whose result must be looked at, and calls that do not.
//!
//! The result registers of the access helpers are those of `arch/x86/include/asm/uaccess.h`: `__put_user_N` takes the
//! pointer in RCX and leaves the error in ECX, `__get_user_N` leaves it in EAX.

use super::liveness::Liveness;
use super::{Subject, at};
use crate::finding::{Finding, Kind};
use crate::model::{Model, Spot};
use iced_x86::{FlowControl, Register};

/// A function whose result must be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MustUse {
    /// Its name, or what its helpers' names begin with.
    name: &'static str,
    /// What it is called in a source; empty for its own name.
    shown: &'static str,
    /// Where the result is.
    register: Register,
    /// What happens otherwise.
    harm: &'static str,
    cure: &'static str,
}

const fn result(name: &'static str, shown: &'static str, harm: &'static str, cure: &'static str) -> MustUse {
    MustUse { name, shown, register: Register::RAX, harm, cure }
}

const FAULT: &str = "return -EFAULT if it is not 0";
const ERROR: &str = "return it if it is negative";

const TABLE: &[MustUse] = &[
    MustUse {
        register: Register::RCX,
        ..result("__put_user_", "put_user", "a bad address of the program goes unnoticed", FAULT)
    },
    result("__get_user_", "get_user", "a bad address of the program goes unnoticed, and the value is then 0", FAULT),
    result("_copy_to_user", "copy_to_user", "a bad address of the program goes unnoticed", FAULT),
    result(
        "_copy_from_user",
        "copy_from_user",
        "a bad address of the program goes unnoticed, and the rest of the buffer is zeroed",
        FAULT,
    ),
    MustUse {
        register: Register::RCX,
        ..result("clear_user_original", "clear_user", "a bad address of the program goes unnoticed", FAULT)
    },
    result("clear_user", "", "a bad address of the program goes unnoticed", FAULT),
    result("strncpy_from_user", "", "a bad address of the program goes unnoticed", ERROR),
    result(
        "try_module_get",
        "",
        "the module may be going, and a later module_put takes a reference that nobody took",
        "fail with -ENODEV if it is false, or leave the counting to .owner = THIS_MODULE",
    ),
    result("mutex_lock_interruptible", "", "after a signal the lock is not held", "return -ERESTARTSYS if it is not 0"),
    result("mutex_lock_killable", "", "after a signal the lock is not held", "return -ERESTARTSYS if it is not 0"),
    result("down_interruptible", "", "after a signal the semaphore is not held", "return -ERESTARTSYS if it is not 0"),
    result("down_killable", "", "after a signal the semaphore is not held", "return -ERESTARTSYS if it is not 0"),
    result("mutex_trylock", "", "the lock may not be held", "go on only if it is not 0"),
    result("down_trylock", "", "the semaphore may not be held", "go on only if it is 0"),
    result("kstrtoint", "", "a text that is no number goes unnoticed", ERROR),
    result("kstrtouint", "", "a text that is no number goes unnoticed", ERROR),
    result("kstrtoll", "", "a text that is no number goes unnoticed", ERROR),
    result("kstrtoull", "", "a text that is no number goes unnoticed", ERROR),
    result("kstrtobool", "", "a text that is neither yes nor no goes unnoticed", ERROR),
    result("__register_chrdev", "register_chrdev", "nobody knows whether there is a device, or its number", ERROR),
    result("register_chrdev_region", "", "the numbers may be another driver's", ERROR),
    result("alloc_chrdev_region", "", "there may be no number", ERROR),
    result("cdev_add", "", "there may be no device", ERROR),
    result("misc_register", "", "there may be no device", ERROR),
    result("request_threaded_irq", "request_irq", "the interrupt may not be the module's", ERROR),
];

/// The row of a function. One that ends with `_` stands for its helpers of each width.
fn row(name: &str) -> Option<&'static MustUse> {
    let is_width = |rest: &str| matches!(rest.strip_prefix("nocheck_").unwrap_or(rest), "1" | "2" | "4" | "8");
    let fits = |row: &&MustUse| match row.name.ends_with('_') {
        true => name.strip_prefix(row.name).is_some_and(is_width),
        false => name == row.name,
    };
    TABLE.iter().find(fits)
}

/// A call of a function of the kernel or another module.
#[derive(Debug, Clone, Copy)]
pub(super) struct Call<T> {
    /// Where the function that calls begins.
    pub function: Spot,
    /// The instruction.
    pub spot: Spot,
    /// The next one.
    pub next: Spot,
    /// The function returns what the call gives, by a jump in place of a call.
    pub is_tail: bool,
    /// What `wanted` gave.
    pub of: T,
}

/// The calls of imports that `wanted` gives something for.
pub(super) fn calls<T: Copy>(model: &Model<'_>, wanted: impl Fn(&str) -> Option<T>) -> Vec<Call<T>> {
    let imports = model.imports(wanted);
    let mut found = Vec::new();
    if imports.is_empty() {
        return found;
    }
    let sections = model.elf.sections().iter().map(|section| section.index);
    for section in sections.filter(|section| model.is_code(*section)) {
        for relocation in model.relocations(section) {
            let Some(of) = imports.get(&relocation.symbol) else { continue };
            let inside = Spot { section, offset: relocation.offset };
            let Some(number) = model.function_at(inside) else { continue };
            let Some(function) = model.functions().get(number) else { continue };
            let code = model.code(number);
            let Some(call) = code.index_around(relocation.offset).and_then(|index| code.instructions.get(index)) else {
                continue;
            };
            let is_tail = match call.flow_control() {
                FlowControl::Call => false,
                FlowControl::UnconditionalBranch => true,
                _ => continue,
            };
            let next = Spot { section, offset: call.next_ip() };
            found.push(Call { function: function.start, spot: code.spot(call), next, is_tail, of: *of });
        }
    }
    found
}

/// Results that nobody looks at.
pub fn find(subject: &Subject<'_>) -> Vec<Finding> {
    let mut liveness = Liveness::new(subject);
    let mut found = Vec::new();
    for call in calls(subject.model, row) {
        let row = call.of;
        if call.is_tail || !liveness.is_dead(call.next, row.register, call.function) {
            continue;
        }
        let shown = if row.shown.is_empty() { row.name } else { row.shown };
        let what = format!("result of {shown} unused: {}", row.harm);
        found.push(at(subject, Kind::UnusedResult, call.spot, what).cure(row.cure));
    }
    found
}

#[test]
fn rows_are_found_by_beginning_or_name() {
    assert_eq!(row("__put_user_nocheck_4").map(|row| row.register), Some(Register::RCX));
    assert_eq!(row("__get_user_8").map(|row| row.shown), Some("get_user"));
    assert_eq!(row("kstrtoint").map(|row| row.name), Some("kstrtoint"));
    assert_eq!(row("kstrtoint_from_user"), None);
    assert_eq!(row("__put_user_ns"), None);
}
