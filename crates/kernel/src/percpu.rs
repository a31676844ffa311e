//! Per-CPU variables: the kernel's own and the modules'. Counterpart: mm/percpu.c, arch/x86/include/asm/current.h.

use crate::sched::TaskStruct;
use kabi::errno::ENOMEM;
use kabi::{Field, KPtr, KResult, profile};
use machine::cpu;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Mutex, OnceLock, PoisonError};

/// Bytes of each CPU's area: as much as Linux sets aside for modules, and room for its own variables.
pub const AREA_SIZE: usize = 256 << 10;

/// `__preempt_count` when nothing is held: the need-resched bit is inverted.
const PREEMPT_ENABLED: u32 = 0x8000_0000;

/// Offsets of the variables that the machine keeps up to date.
struct Known {
    current_task: u64,
    preempt_count: u64,
}

static KNOWN: OnceLock<Known> = OnceLock::new();
static RANGES: Mutex<Ranges> = Mutex::new(Ranges { taken: BTreeMap::new() });

/// `PERCPU_MODULE_RESERVE`: bytes for the variables of all modules.
const MODULE_RESERVE: u64 = 8 << 10;

/// Taken ranges of the areas: offset to length.
struct Ranges {
    taken: BTreeMap<u64, u64>,
}

impl Ranges {
    fn take(&mut self, within: Range<u64>, len: u64, align: u64) -> Option<u64> {
        let mut at = within.start.checked_next_multiple_of(align)?;
        for (start, taken) in self.taken.range(within.clone()) {
            if at.checked_add(len)? <= *start {
                break;
            }
            at = at.max(start + taken).checked_next_multiple_of(align)?;
        }
        if at.checked_add(len)? > within.end {
            return None;
        }
        self.taken.insert(at, len.max(1));
        Some(at)
    }
}

/// Takes `len` zeroed bytes in every CPU's area; returns their offset.
///
/// # Errors
/// `ENOMEM`.
pub fn alloc(len: u64, align: u64) -> KResult<u64> {
    take(cpu::FIRST_SYMBOL as u64..reserve(), len, align.max(8))
}

/// [`alloc`] for the variables of a module's file, which have a part of the areas for themselves.
///
/// # Errors
/// `ENOMEM`.
pub fn alloc_reserved(len: u64, align: u64) -> KResult<u64> {
    take(reserve()..cpu::area_size() as u64, len, align)
}

/// Where the part for modules' variables begins.
fn reserve() -> u64 {
    cpu::area_size() as u64 - MODULE_RESERVE
}

fn take(within: Range<u64>, len: u64, align: u64) -> KResult<u64> {
    let offset = RANGES.lock().unwrap_or_else(PoisonError::into_inner).take(within, len, align).ok_or(ENOMEM)?;
    for number in 0..cpu::count() {
        machine::access::fill(at(number, offset), 0, len as usize)?;
    }
    Ok(offset)
}

/// Gives a range back.
pub fn free(offset: u64) {
    RANGES.lock().unwrap_or_else(PoisonError::into_inner).taken.remove(&offset);
}

/// The address of a CPU's copy.
pub fn at(number: usize, offset: u64) -> u64 {
    cpu::area(number).unwrap_or(0).wrapping_add(offset)
}

/// Copies a module's initial values to every CPU.
///
/// # Errors
/// When the range is not there.
pub fn fill(offset: u64, bytes: &[u8]) -> KResult {
    for number in 0..cpu::count() {
        machine::access::write(at(number, offset), bytes)?;
    }
    Ok(())
}

/// The kernel's own per-CPU variables by the names under which modules import them: name, offset.
///
/// Up to 6.1 they are single variables; from 6.2 on `pcpu_hot` holds several (arch/x86/include/asm/current.h).
///
/// # Errors
/// `ENOMEM`.
pub fn boot() -> KResult<Vec<(&'static str, u64)>> {
    static HOT_TASK: Field = Field::new("pcpu_hot", "current_task");
    static HOT_COUNT: Field = Field::new("pcpu_hot", "preempt_count");
    static HOT_CPU: Field = Field::new("pcpu_hot", "cpu_number");
    let mut names = Vec::new();
    let (task, count, number) = if let Some(size) = profile().size_of("pcpu_hot") {
        let hot = alloc(size, 64)?;
        names.extend([("pcpu_hot", hot), ("const_pcpu_hot", hot)]);
        (hot + HOT_TASK.offset()?, hot + HOT_COUNT.offset()?, hot + HOT_CPU.offset()?)
    } else {
        (alloc(8, 8)?, alloc(4, 8)?, alloc(4, 8)?)
    };
    let this_cpu_off = alloc(8, 8)?;
    names.extend([("current_task", task), ("__preempt_count", count), ("cpu_number", number)]);
    names.push(("this_cpu_off", this_cpu_off));
    // There is one node, number 0.
    names.push(("numa_node", alloc(4, 8)?));
    for cpu in 0..cpu::count() {
        machine::access::put(at(cpu, count), PREEMPT_ENABLED)?;
        machine::access::put(at(cpu, number), cpu as u32)?;
        machine::access::put(at(cpu, this_cpu_off), cpu::area(cpu).unwrap_or(0))?;
    }
    // A second boot in one process does not exist.
    let _ = KNOWN.set(Known { current_task: task, preempt_count: count });
    Ok(names)
}

/// The preempt count of the task that runs on a CPU.
pub fn preempt_count(number: usize) -> u32 {
    let count = KNOWN.get().and_then(|k| machine::access::get::<u32>(at(number, k.preempt_count)).ok());
    count.map_or(0, |count| count & !PREEMPT_ENABLED)
}

/// Sets it.
pub fn set_preempt_count(number: usize, count: u32) {
    if let Some(known) = KNOWN.get() {
        // The area is mapped as long as the process lives.
        let _ = machine::access::put(at(number, known.preempt_count), count & !PREEMPT_ENABLED | PREEMPT_ENABLED);
    }
}

/// Tells a CPU whose task it now runs.
pub fn on_switch(number: usize, task: KPtr<TaskStruct>) {
    if let Some(known) = KNOWN.get() {
        // The area is mapped as long as the process lives.
        let _ = machine::access::put(at(number, known.current_task), task.addr());
    }
}
