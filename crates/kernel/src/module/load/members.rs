//! The members of `struct module` that module code reads: what its sections hold and where its memory lies. Counterpart:
//! `find_module_sections`, `setup_modinfo`, `mod_sysfs_init` of kernel/module/main.c and sysfs.c.

use crate::klib::list::init_list_head;
use crate::mm::slab;
use crate::module::{Module, ModuleStruct};
use kabi::{Field, KPtr, KResult, size_of_struct};
use loader::Image;
use loader::place::{Group, Region};
use machine::{access, heap};
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A table that is a section: its name, where the structure has its address and how many entries it has.
struct Table {
    section: &'static str,
    start: Field,
    count: Option<Field>,
    entry: Entry,
}

/// Bytes of an entry.
enum Entry {
    Bytes(u64),
    Struct(&'static str),
}

const fn table(section: &'static str, start: &'static str, count: &'static str, entry: Entry) -> Table {
    Table { section, start: Field::new("module", start), count: Some(Field::new("module", count)), entry }
}

const fn start_of(section: &'static str, start: &'static str) -> Table {
    Table { section, start: Field::new("module", start), count: None, entry: Entry::Bytes(1) }
}

static TABLES: [Table; 22] = [
    table("__ksymtab", "syms", "num_syms", Entry::Struct("kernel_symbol")),
    start_of("__kcrctab", "crcs"),
    table("__ksymtab_gpl", "gpl_syms", "num_gpl_syms", Entry::Struct("kernel_symbol")),
    start_of("__kcrctab_gpl", "gpl_crcs"),
    table("__param", "kp", "num_kp", Entry::Struct("kernel_param")),
    table("__ex_table", "extable", "num_exentries", Entry::Struct("exception_table_entry")),
    table("__bug_table", "bug_table", "num_bugs", Entry::Struct("bug_entry")),
    table("__tracepoints_ptrs", "tracepoints_ptrs", "num_tracepoints", Entry::Bytes(4)),
    table("___srcu_struct_ptrs", "srcu_struct_ptrs", "num_srcu_structs", Entry::Bytes(8)),
    table("__jump_table", "jump_entries", "num_jump_entries", Entry::Struct("jump_entry")),
    table("__trace_printk_fmt", "trace_bprintk_fmt_start", "num_trace_bprintk_fmt", Entry::Bytes(8)),
    table("_ftrace_events", "trace_events", "num_trace_events", Entry::Bytes(8)),
    table("_ftrace_eval_map", "trace_evals", "num_trace_evals", Entry::Bytes(8)),
    table("__mcount_loc", "ftrace_callsites", "num_ftrace_callsites", Entry::Bytes(8)),
    table(".static_call_sites", "static_call_sites", "num_static_call_sites", Entry::Struct("static_call_site")),
    table("_error_injection_whitelist", "ei_funcs", "num_ei_funcs", Entry::Struct("error_injection_entry")),
    table("_kprobe_blacklist", "kprobe_blacklist", "num_kprobe_blacklist", Entry::Bytes(8)),
    table(".kprobes.text", "kprobes_text_start", "kprobes_text_size", Entry::Bytes(1)),
    table(".noinstr.text", "noinstr_text_start", "noinstr_text_size", Entry::Bytes(1)),
    table(".init_array", "ctors", "num_ctors", Entry::Bytes(8)),
    table(".BTF", "btf_data", "btf_data_size", Entry::Bytes(1)),
    table(".printk_index", "printk_index_start", "printk_index_size", Entry::Bytes(8)),
];

impl Table {
    fn write(&self, this: KPtr<ModuleStruct>, image: &Image) -> KResult {
        let Some(section) = image.section(self.section).filter(|_| self.start.exists()) else { return Ok(()) };
        self.start.put(this, section.addr)?;
        let entry = match self.entry {
            Entry::Bytes(bytes) => bytes,
            Entry::Struct(name) => size_of_struct(name)? as u64,
        };
        let Some(count) = self.count.as_ref().filter(|count| count.exists()) else { return Ok(()) };
        count.put(this, (section.size / entry.max(1)) as u32)
    }
}

/// What the file tells of itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Told {
    /// Its signature is good.
    pub(super) signed: bool,
    /// It uses GPL-only symbols.
    pub(super) uses_gpl: bool,
    /// Offset of its per-CPU variables and their bytes.
    pub(super) percpu: Option<(u64, u64)>,
}

/// Writes them, when the module is complete but for its parameters.
///
/// # Errors
/// When the structure cannot be reached, or there is no memory.
pub(super) fn write(module: &Module, told: Told) -> KResult {
    static TAINTS: Field = Field::new("module", "taints");
    static SIG_OK: Field = Field::new("module", "sig_ok");
    static GPL: Field = Field::new("module", "using_gplonly_symbols");
    static PERCPU: Field = Field::new("module", "percpu");
    static PERCPU_SIZE: Field = Field::new("module", "percpu_size");
    static VERSION: Field = Field::new("module", "version");
    static SRCVERSION: Field = Field::new("module", "srcversion");
    let this = module.this;
    let image = module.image();
    TABLES.iter().try_for_each(|table| table.write(this, &image))?;
    TAINTS.put(this, module.taints.load(Ordering::Relaxed))?;
    for (field, value) in [(&SIG_OK, told.signed), (&GPL, told.uses_gpl)] {
        if field.exists() {
            field.put(this, u8::from(value))?;
        }
    }
    if let Some((offset, size)) = told.percpu {
        PERCPU.put(this, offset)?;
        PERCPU_SIZE.put(this, size as u32)?;
    }
    for (field, text) in [(&VERSION, &module.identity.version), (&SRCVERSION, &module.identity.srcversion)] {
        if let Some(text) = text {
            field.put(this, keep_text(module.id, text.as_bytes())?.addr())?;
        }
    }
    memory(this, &image.core, false)?;
    memory(this, &image.init, true)?;
    kobject(module)
}

/// Where a region lies: `core_layout` and `init_layout`, or the kinds of `mem` since 6.4.
fn memory(this: KPtr<ModuleStruct>, region: &Region, init: bool) -> KResult {
    static CORE: Field = Field::new("module", "core_layout");
    static INIT: Field = Field::new("module", "init_layout");
    static BASE: Field = Field::new("module_layout", "base");
    static SIZES: [Field; 4] = [
        Field::new("module_layout", "text_size"),
        Field::new("module_layout", "ro_size"),
        Field::new("module_layout", "ro_after_init_size"),
        Field::new("module_layout", "size"),
    ];
    if !CORE.exists() {
        return kinds(this, region, init);
    }
    let layout = if init { &INIT } else { &CORE }.of(this)?;
    BASE.put(layout, region.addr())?;
    SIZES.iter().zip(region.ends).try_for_each(|(size, end)| size.put(layout, end as u32))
}

/// `mod->mem[]` (`enum mod_mem_type`).
fn kinds(this: KPtr<ModuleStruct>, region: &Region, init: bool) -> KResult {
    static MEM: Field = Field::new("module", "mem");
    static BASE: Field = Field::new("module_memory", "base");
    static SIZE: Field = Field::new("module_memory", "size");
    /// Of each group, while it stays and while it is for init only.
    const KINDS: [(Group, u64, u64); 4] =
        [(Group::Text, 0, 4), (Group::RoData, 2, 6), (Group::RoAfterInit, 3, 5), (Group::Data, 1, 5)];
    let (mem, each) = (MEM.of(this)?, size_of_struct("module_memory")? as u64);
    let mut start = 0;
    for (group, core, for_init) in KINDS {
        let end = region.ends[group as usize];
        if end > start {
            let at = KPtr::<()>::new(mem.addr() + each * if init { for_init } else { core });
            BASE.put(at, region.addr() + start as u64)?;
            SIZE.put(at, (end - start) as u32)?;
        }
        start = end;
    }
    Ok(())
}

/// The init memory is gone.
///
/// # Errors
/// When the structure cannot be reached.
pub(in crate::module) fn init_gone(this: KPtr<ModuleStruct>) -> KResult {
    static MEM: Field = Field::new("module", "mem");
    static INIT: Field = Field::new("module", "init_layout");
    if MEM.exists() {
        let (mem, each) = (MEM.of(this)?, size_of_struct("module_memory")?);
        return Ok(access::fill(mem.addr() + 4 * each as u64, 0, 3 * each)?);
    }
    Ok(access::fill(INIT.of(this)?.addr(), 0, size_of_struct("module_layout")?)?)
}

/// The string of the parameters, as far as the parser leaves it readable: it cuts the names off.
///
/// # Errors
/// When the structure cannot be reached, or there is no memory.
pub(super) fn args(module: &Module, args: &[u8]) -> KResult {
    static ARGS: Field = Field::new("module", "args");
    let end = args.iter().position(|b| matches!(b, b'=' | b' ' | b'\n' | b'\t' | 0)).unwrap_or(args.len());
    ARGS.put(module.this, keep_text(module.id, &args[..end])?.addr())
}

/// The objects of /sys/module/X: names and parents only, since these files are not made of kobjects here.
fn kobject(module: &Module) -> KResult {
    static MOD: Field = Field::new("module", "mkobj.mod");
    static KOBJ: Field = Field::new("module", "mkobj.kobj");
    static HOLDERS: Field = Field::new("module", "holders_dir");
    static PARENT: Mutex<Option<KPtr>> = Mutex::new(None);
    let size = size_of_struct("kobject")?;
    let parent = {
        let mut made = PARENT.lock().unwrap_or_else(PoisonError::into_inner);
        match *made {
            Some(parent) => parent,
            None => {
                let (parent, name) = (slab::permanent(size)?, slab::permanent(8)?);
                access::write(name.addr(), b"module")?;
                name_object(parent, name, KPtr::new(0))?;
                *made = Some(parent);
                parent
            }
        }
    };
    let own = KOBJ.of(module.this)?;
    MOD.put(module.this, module.this.addr())?;
    name_object(own, keep_text(module.id, module.name().as_bytes())?, parent)?;
    let holders = keep(module.id, size)?;
    name_object(holders, keep_text(module.id, b"holders")?, own)?;
    HOLDERS.put(module.this, holders.addr())
}

fn name_object(object: KPtr, name: KPtr, parent: KPtr) -> KResult {
    static NAME: Field = Field::new("kobject", "name");
    static PARENT: Field = Field::new("kobject", "parent");
    static ENTRY: Field = Field::new("kobject", "entry");
    static COUNT: Field = Field::new("kobject", "kref.refcount.refs.counter");
    NAME.put(object, name.addr())?;
    PARENT.put(object, parent.addr())?;
    COUNT.put(object, 1u32)?;
    init_list_head(ENTRY.of(object)?)
}

/// Memory that modules' structures point to, by the modules' ids: address and length. What a structure itself says may be
/// something else by its end.
static KEPT: Mutex<BTreeMap<u64, Vec<(u64, usize)>>> = Mutex::new(BTreeMap::new());

fn kept() -> MutexGuard<'static, BTreeMap<u64, Vec<(u64, usize)>>> {
    KEPT.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Zeroed memory that goes with the module.
///
/// # Errors
/// `ENOMEM`.
pub(in crate::module) fn keep(id: u64, len: usize) -> KResult<KPtr> {
    let memory = slab::permanent(len)?;
    kept().entry(id).or_default().push((memory.addr(), len));
    Ok(memory)
}

/// True if this is memory from [`keep`].
pub(in crate::module) fn is_kept(id: u64, memory: KPtr) -> bool {
    kept().get(&id).is_some_and(|pieces| pieces.iter().any(|(addr, _)| *addr == memory.addr()))
}

fn keep_text(id: u64, text: &[u8]) -> KResult<KPtr> {
    let copy = keep(id, text.len() + 1)?;
    access::write(copy.addr(), text)?;
    Ok(copy)
}

/// Gives the module's pieces back.
pub(super) fn free(id: u64) {
    let pieces = kept().remove(&id);
    pieces.into_iter().flatten().for_each(|(addr, len)| heap::free(addr, len));
}
