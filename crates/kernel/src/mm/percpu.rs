//! Per-CPU memory that modules ask for. Counterpart: mm/percpu.c. The areas themselves are in [`crate::percpu`].

use super::owned::{self, Block, Kind};
use crate::{fault, percpu};
use kabi::errno::ENOMEM;
use kabi::{DataExport, DataSize, KError, KPtr, KResult, NullPtr, exports, kexport};
use machine::cpu;
use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

exports![__alloc_percpu, __alloc_percpu_gfp, pcpu_alloc_noprof, free_percpu];

/// `PCPU_MIN_UNIT_SIZE`: the largest allocation.
const LARGEST: usize = 32 << 10;
/// The largest alignment.
const PAGE: usize = 4096;
/// The most CPUs that the kernel is built for (`NR_CPUS`).
const MOST_CPUS: usize = 8192;

/// Offsets that modules own.
static OWNED: Mutex<BTreeSet<u64>> = Mutex::new(BTreeSet::new());

fn alloc(size: usize, align: usize) -> KResult<KPtr> {
    if size == 0 || size > LARGEST || align > PAGE || !align.is_power_of_two() {
        let text = format!("illegal size ({size}) or align ({align}) for percpu allocation");
        let newer = crate::env::version() >= (6, 10);
        fault::warn_in(if newer { "pcpu_alloc_noprof" } else { "pcpu_alloc" }, "mm/percpu.c", 0, Some(&text));
        return Err(ENOMEM.into());
    }
    let offset = percpu::alloc(size as u64, align as u64)?;
    OWNED.lock().unwrap_or_else(PoisonError::into_inner).insert(offset);
    owned::note(offset, Block::new(Kind::Percpu, size));
    Ok(KPtr::new(offset))
}

/// Takes zeroed memory in every CPU's area.
#[kexport(since = "2.6.16", header = "linux/percpu.h")]
fn __alloc_percpu(size: usize, align: usize) -> NullPtr {
    NullPtr(alloc(size, align))
}

/// [`__alloc_percpu`] with GFP flags, which make no difference here.
#[kexport(since = "3.18", header = "linux/percpu.h")]
fn __alloc_percpu_gfp(size: usize, align: usize, _flags: u32) -> NullPtr {
    NullPtr(alloc(size, align))
}

/// [`__alloc_percpu_gfp`] as kernels from 6.10 on name it. Nothing is kept in reserve.
#[kexport(since = "6.10", header = "linux/percpu.h")]
fn pcpu_alloc_noprof(size: usize, align: usize, _reserved: bool, _flags: u32) -> NullPtr {
    NullPtr(alloc(size, align))
}

/// Gives per-CPU memory back. NULL is fine.
#[kexport(since = "2.6.16", header = "linux/percpu.h")]
fn free_percpu(p: KPtr) -> KResult {
    if p.is_null() {
        return Ok(());
    }
    if !OWNED.lock().unwrap_or_else(PoisonError::into_inner).remove(&p.addr()) {
        return Err(KError::Bug("free_percpu of an address that is no allocation"));
    }
    owned::take(Kind::Percpu, p.addr());
    percpu::free(p.addr());
    Ok(())
}

/// Where each CPU's area lies.
pub(crate) static DATA: &[DataExport] = &[DataExport {
    names: &["__per_cpu_offset"],
    size: DataSize::Bytes(8 * MOST_CPUS),
    percpu: false,
    gpl: false,
    init: |addr, _| {
        for number in 0..cpu::count().min(MOST_CPUS) {
            machine::access::put(addr + 8 * number as u64, cpu::area(number).unwrap_or(0))?;
        }
        Ok(())
    },
    doc: "What to add to a per-CPU variable's offset for each CPU's copy.",
}];
