//! What a task's structure says of it: names, users, relatives. Counterpart: kernel/fork.c (`copy_process`),
//! kernel/cred.c, init/init_task.c.
//!
//! The relatives are init and kthreadd, whose structures exist for that; the tree of the host's processes is not shown.
//! DIFFERS: each task is the leader of its own group and list; a program's memory map is an empty structure, there so
//! that `current->mm` tells programs from kernel threads.

use super::TaskStruct;
use crate::klib::list::init_list_head;
use crate::mm::slab;
use crate::module::symbols;
use kabi::{DataExport, DataSize, Field, KPtr, KResult, c_int, c_uint, exports, kexport, size_of_struct};
use std::sync::OnceLock;
use wire::Caller;

exports![from_kuid, capable, ns_capable];

/// Bytes of `task_struct.comm`.
pub const COMM_LEN: usize = 16;

/// `CAP_FULL_SET` of the kernels since 5.9, whose last capability is 40.
const ALL_CAPABILITIES: u64 = u64::MAX >> (63 - 40);
/// `PF_KTHREAD`.
const KTHREAD: u32 = 0x0020_0000;
/// The nice value 0 (`DEFAULT_PRIO`).
const PRIO: u32 = 120;

macro_rules! fields {
    ($of:literal: $($name:ident = $path:literal),* $(,)?) => {
        $(static $name: Field = Field::new($of, $path);)*
    };
}
fields!("task_struct": PID = "pid", TGID = "tgid", COMM = "comm", FLAGS = "flags", MM = "mm", ACTIVE_MM = "active_mm",
    LEADER = "group_leader", REAL_PARENT = "real_parent", PARENT = "parent", CRED = "cred", REAL_CRED = "real_cred",
    CHILDREN = "children", SIBLING = "sibling", TASKS = "tasks", POLICY_PRIO = "prio", STATIC_PRIO = "static_prio",
    NORMAL_PRIO = "normal_prio", TASK_USAGE = "usage", CPUS = "nr_cpus_allowed");
fields!("cred": USAGE = "usage", EFFECTIVE = "cap_effective", PERMITTED = "cap_permitted", BOUNDING = "cap_bset",
    USER_NS = "user_ns");

/// The user and group ids of `struct cred`, in its order: real, saved, effective, of the file system.
static IDS: [(Field, Field); 4] = [
    (Field::new("cred", "uid"), Field::new("cred", "gid")),
    (Field::new("cred", "suid"), Field::new("cred", "sgid")),
    (Field::new("cred", "euid"), Field::new("cred", "egid")),
    (Field::new("cred", "fsuid"), Field::new("cred", "fsgid")),
];

/// A new structure of a task that is nobody yet.
///
/// # Errors
/// When there is no memory for it.
pub fn new_task(is_kthread: bool) -> KResult<KPtr<TaskStruct>> {
    let task = bare(is_kthread)?;
    descend(task, if is_kthread { &KTHREADD } else { &INIT })?;
    Ok(task)
}

/// A task that has always been there.
struct Ancestor {
    pid: u32,
    comm: &'static str,
    is_kthread: bool,
    /// `None`: its own.
    parent: Option<&'static Ancestor>,
    /// Its structure, once somebody descends from it.
    made: OnceLock<u64>,
}

impl Ancestor {
    const fn new(pid: u32, comm: &'static str, is_kthread: bool, parent: Option<&'static Self>) -> Self {
        Self { pid, comm, is_kthread, parent, made: OnceLock::new() }
    }

    fn task(&self) -> KResult<KPtr<TaskStruct>> {
        if let Some(addr) = self.made.get() {
            return Ok(KPtr::new(*addr));
        }
        let task = bare(self.is_kthread)?;
        label(task, &Caller { pid: self.pid, tid: self.pid, comm: self.comm.into(), ..wire::kernel_caller() })?;
        match self.parent {
            Some(parent) => descend(task, parent)?,
            None => relate(task, task)?,
        }
        // Two tasks may start at once; the structures are alike.
        Ok(KPtr::new(*self.made.get_or_init(|| task.addr())))
    }
}

static SWAPPER: Ancestor = Ancestor::new(0, "swapper/0", true, None);
static INIT: Ancestor = Ancestor::new(1, "init", false, Some(&SWAPPER));
static KTHREADD: Ancestor = Ancestor::new(2, "kthreadd", true, Some(&SWAPPER));

fn descend(task: KPtr<TaskStruct>, from: &'static Ancestor) -> KResult {
    relate(task, from.task()?)
}

fn relate(task: KPtr<TaskStruct>, parent: KPtr<TaskStruct>) -> KResult {
    REAL_PARENT.put(task, parent.addr())?;
    PARENT.put(task, parent.addr())
}

/// A structure without relatives.
fn bare(is_kthread: bool) -> KResult<KPtr<TaskStruct>> {
    let task: KPtr<TaskStruct> = slab::permanent(size_of_struct("task_struct")?)?.cast();
    LEADER.put(task, task.addr())?;
    for list in [&CHILDREN, &SIBLING, &TASKS] {
        init_list_head(list.of(task)?)?;
    }
    for prio in [&POLICY_PRIO, &STATIC_PRIO, &NORMAL_PRIO] {
        prio.put(task, PRIO)?;
    }
    CPUS.put(task, machine::cpu::count() as u32)?;
    // The task itself and whoever waits for its end.
    TASK_USAGE.put(task, 2u32)?;
    let cred = slab::permanent(size_of_struct("cred")?)?;
    USAGE.put(cred, 2u32)?;
    CRED.put(task, cred.addr())?;
    REAL_CRED.put(task, cred.addr())?;
    if is_kthread {
        FLAGS.put(task, KTHREAD)?;
    } else {
        let mm = slab::permanent(size_of_struct("mm_struct")?)?;
        MM.put(task, mm.addr())?;
        ACTIVE_MM.put(task, mm.addr())?;
    }
    Ok(task)
}

/// Writes into a task's structure who it works for.
///
/// # Errors
/// When this kernel's structure has no such members.
pub fn label(task: KPtr<TaskStruct>, caller: &Caller) -> KResult {
    PID.put(task, caller.tid)?;
    TGID.put(task, caller.pid)?;
    let mut comm = [0; COMM_LEN];
    let bytes = caller.comm.as_bytes();
    let len = bytes.len().min(COMM_LEN - 1);
    comm[..len].copy_from_slice(&bytes[..len]);
    machine::access::write(COMM.of(task)?.addr(), &comm)?;
    let cred: KPtr = KPtr::new(CRED.get(task)?);
    for (uid, gid) in &IDS {
        uid.put(cred, caller.uid)?;
        gid.put(cred, caller.gid)?;
    }
    let capabilities = if caller.uid == 0 { ALL_CAPABILITIES } else { 0 };
    for set in [&EFFECTIVE, &PERMITTED] {
        set.put(cred, capabilities)?;
    }
    BOUNDING.put(cred, ALL_CAPABILITIES)?;
    // Who has not asked for the namespace has nothing to compare it with.
    symbols::given("init_user_ns").map_or(Ok(()), |namespace| USER_NS.put(cred, namespace))
}

/// The caller's id as a program of this user namespace sees it: there is one namespace, which maps nothing.
#[kexport(
    since = "3.5",
    header = "linux/uidgid.h",
    symbol = "from_kuid_munged",
    symbol = "from_kgid",
    symbol = "from_kgid_munged",
    symbol = "make_kuid",
    symbol = "make_kgid"
)]
fn from_kuid(_namespace: KPtr, id: c_uint) -> c_uint {
    id
}

/// Whether the caller has a capability: root of the instance has all of them.
#[kexport(since = "2.6.0", header = "linux/capability.h")]
fn capable(_capability: c_int) -> bool {
    super::caller().uid == 0
}

/// [`capable`] towards a user namespace.
#[kexport(since = "2.6.39", header = "linux/capability.h")]
fn ns_capable(_namespace: KPtr, capability: c_int) -> bool {
    capable(capability)
}

/// Variables that modules can see.
pub(crate) static DATA: &[DataExport] = &[DataExport {
    names: &["init_user_ns"],
    size: DataSize::Struct("user_namespace"),
    percpu: false,
    gpl: true,
    init: |_, _| Ok(()),
    doc: "The only user namespace; its members are zero.",
}];
