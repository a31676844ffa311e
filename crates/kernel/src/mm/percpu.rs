//! Per-CPU memory that modules ask for. Counterpart: mm/percpu.c. The areas themselves are in [`crate::percpu`].

use super::owned::{self, Block, Kind};
use crate::{fault, log, percpu};
use kabi::errno::ENOMEM;
use kabi::{DataExport, DataSize, KError, KPtr, KResult, NullPtr, exports, kexport};
use machine::cpu;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

exports![__alloc_percpu, __alloc_percpu_gfp, pcpu_alloc_noprof, free_percpu];

/// `PCPU_MIN_UNIT_SIZE`: the largest allocation.
const LARGEST: u64 = 32 << 10;
/// `PCPU_MIN_ALLOC_SIZE`: sizes and alignments are multiples of it.
const GRAIN: u64 = 4;
/// The largest alignment.
const PAGE: u64 = 4096;
/// The most CPUs that the kernel is built for (`NR_CPUS`).
const MOST_CPUS: usize = 8192;

/// Offsets that modules own.
static OWNED: Mutex<BTreeSet<u64>> = Mutex::new(BTreeSet::new());

/// Size and alignment as they are taken.
///
/// # Errors
/// `ENOMEM`, with a warning: not even the empty areas hold it.
fn legal(size: u64, align: u64) -> KResult<(u64, u64)> {
    let (size, align) = (size.checked_next_multiple_of(GRAIN).unwrap_or(u64::MAX), align.max(GRAIN));
    if size != 0 && size <= LARGEST && align <= PAGE && align.is_power_of_two() {
        return Ok((size, align));
    }
    let text = format!("illegal size ({size}) or align ({align}) for percpu allocation");
    let newer = crate::env::version() >= (6, 10);
    fault::warn_in(if newer { "pcpu_alloc_noprof" } else { "pcpu_alloc" }, "mm/percpu.c", 0, Some(&text));
    Err(ENOMEM.into())
}

/// Takes memory for the variables of a module's file: the offset in every CPU's area (`__alloc_reserved_percpu`).
///
/// # Errors
/// `ENOMEM`, in the kernel's words.
pub(crate) fn alloc_reserved(size: u64, align: u64) -> KResult<u64> {
    /// How often the kernel tells.
    const MOST_TOLD: u32 = 10;
    static TOLD: AtomicU32 = AtomicU32::new(0);
    let (size, align) = legal(size, align)?;
    percpu::alloc_reserved(size, align).inspect_err(|_| {
        let told = TOLD.fetch_add(1, Ordering::Relaxed);
        if told < MOST_TOLD {
            let why = "alloc from reserved chunk failed";
            log::line(4, &format!("percpu: allocation failed, size={size} align={align} atomic=0, {why}"));
            fault::dump_stack();
        }
        if told + 1 == MOST_TOLD {
            log::line(6, "percpu: limit reached, disable warning");
        }
    })
}

fn alloc(size: usize, align: usize) -> KResult<KPtr> {
    let (taken, align) = legal(size as u64, align as u64)?;
    let offset = percpu::alloc(taken, align)?;
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
