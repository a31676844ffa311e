//! Counters that each CPU adds to for itself. Counterpart: lib/percpu_counter.c, include/linux/percpu_counter.h.
//!
//! Inline code reads the common count, which lacks what the CPUs have not handed in yet: less than a batch each.

use crate::locking::spinlock;
use crate::mm::owned::{self, Block, Kind};
use crate::percpu;
use kabi::{DataExport, DataSize, Field, KPtr, KResult, c_int, exports, kexport, size_of_struct};
use machine::{access, cpu, task};

exports![
    __percpu_counter_init,
    __percpu_counter_init_many,
    percpu_counter_destroy,
    percpu_counter_destroy_many,
    percpu_counter_set,
    percpu_counter_add_batch,
    percpu_counter_sync,
    __percpu_counter_sum,
    __percpu_counter_compare,
    __percpu_counter_limited_add
];

/// The kernel's `struct percpu_counter`.
#[derive(Debug)]
pub struct PercpuCounter;

type Counter = KPtr<PercpuCounter>;

static LOCK: Field = Field::new("percpu_counter", "lock");
static COUNT: Field = Field::new("percpu_counter", "count");
static COUNTERS: Field = Field::new("percpu_counter", "counters");

const KIND: Kind = Kind::Other("percpu_counter");

/// `percpu_counter_batch`: what a CPU keeps to itself.
fn batch() -> i32 {
    i32::try_from(2 * cpu::count()).unwrap_or(i32::MAX).max(32)
}

fn locked<R>(counter: Counter, work: impl FnOnce() -> KResult<R>) -> KResult<R> {
    let lock = LOCK.of(counter)?.cast();
    spinlock::lock(lock)?;
    let result = work();
    spinlock::unlock(lock)?;
    result
}

/// Where each CPU's part lies.
fn parts(counter: Counter) -> KResult<impl Iterator<Item = u64>> {
    let offset: u64 = COUNTERS.get(counter)?;
    Ok((0..cpu::count()).map(move |number| percpu::at(number, offset)))
}

fn part_of_this_cpu(counter: Counter) -> KResult<u64> {
    Ok(percpu::at(task::current_cpu().unwrap_or(0), COUNTERS.get(counter)?))
}

fn init(first: Counter, count: u64, amount: i64) -> KResult {
    let offset = percpu::alloc(4 * count, 8)?;
    let size = size_of_struct("percpu_counter")? as u64;
    for number in 0..count {
        let counter = first.offset(number * size);
        LOCK.of(counter)?.put(0, 0u32)?;
        COUNT.put(counter, amount)?;
        COUNTERS.put(counter, offset + 4 * number)?;
    }
    owned::note(first.addr(), Block::new(KIND, 0));
    Ok(())
}

fn destroy(first: Counter, count: u64) -> KResult {
    let offset: u64 = if count == 0 { 0 } else { COUNTERS.get(first)? };
    if offset == 0 {
        return Ok(());
    }
    percpu::free(offset);
    owned::take(KIND, first.addr());
    let size = size_of_struct("percpu_counter")? as u64;
    (0..count).try_for_each(|number| COUNTERS.put(first.offset(number * size), 0u64))
}

/// The sum of all parts; the lock is held.
fn sum(counter: Counter) -> KResult<i64> {
    let mut sum: i64 = COUNT.get(counter)?;
    for part in parts(counter)? {
        sum = sum.wrapping_add(access::get::<i32>(part)?.into());
    }
    Ok(sum)
}

/// Makes a counter.
///
/// # Errors
/// `ENOMEM`.
#[kexport(since = "2.6.30", until = "6.6", header = "linux/percpu_counter.h")]
fn __percpu_counter_init(counter: Counter, amount: i64, _gfp: u32, _key: KPtr) -> KResult<c_int> {
    init(counter, 1, amount).map(|()| 0)
}

/// Makes counters that lie behind each other.
///
/// # Errors
/// `ENOMEM`.
#[kexport(since = "6.6", header = "linux/percpu_counter.h")]
fn __percpu_counter_init_many(first: Counter, amount: i64, _gfp: u32, count: u32, _key: KPtr) -> KResult<c_int> {
    init(first, count.into(), amount).map(|()| 0)
}

/// Ends a counter.
#[kexport(since = "2.6.0", until = "6.6", header = "linux/percpu_counter.h")]
fn percpu_counter_destroy(counter: Counter) -> KResult {
    destroy(counter, 1)
}

/// Ends counters that were made together.
#[kexport(since = "6.6", header = "linux/percpu_counter.h")]
fn percpu_counter_destroy_many(first: Counter, count: u32) -> KResult {
    destroy(first, count.into())
}

/// Sets a counter.
#[kexport(since = "2.6.23", header = "linux/percpu_counter.h")]
fn percpu_counter_set(counter: Counter, amount: i64) -> KResult {
    locked(counter, || {
        for part in parts(counter)? {
            access::put(part, 0i32)?;
        }
        COUNT.put(counter, amount)
    })
}

/// Adds to this CPU's part, and hands it in once it reaches a batch.
#[kexport(since = "4.13", header = "linux/percpu_counter.h")]
fn percpu_counter_add_batch(counter: Counter, amount: i64, batch: i32) -> KResult {
    let part = part_of_this_cpu(counter)?;
    let now = amount.wrapping_add(access::get::<i32>(part)?.into());
    if now.unsigned_abs() < u64::from(batch.unsigned_abs()) {
        return Ok(access::put(part, now as i32)?);
    }
    locked(counter, || {
        COUNT.put(counter, COUNT.get::<i64, _>(counter)?.wrapping_add(now))?;
        Ok(access::put(part, 0i32)?)
    })
}

/// Hands in this CPU's part.
#[kexport(since = "5.9", header = "linux/percpu_counter.h")]
fn percpu_counter_sync(counter: Counter) -> KResult {
    let part = part_of_this_cpu(counter)?;
    locked(counter, || {
        let now = i64::from(access::get::<i32>(part)?);
        COUNT.put(counter, COUNT.get::<i64, _>(counter)?.wrapping_add(now))?;
        Ok(access::put(part, 0i32)?)
    })
}

/// The exact count.
#[kexport(since = "2.6.23", header = "linux/percpu_counter.h")]
fn __percpu_counter_sum(counter: Counter) -> KResult<i64> {
    locked(counter, || sum(counter))
}

/// How the count compares with a number, exactly where that is close: -1, 0 or 1.
#[kexport(since = "3.19", header = "linux/percpu_counter.h")]
fn __percpu_counter_compare(counter: Counter, with: i64, batch: i32) -> KResult<c_int> {
    let rough: i64 = COUNT.get(counter)?;
    let close = i64::from(batch).saturating_mul(cpu::count() as i64);
    let count =
        if rough.wrapping_sub(with).saturating_abs() > close { rough } else { locked(counter, || sum(counter))? };
    Ok(count.cmp(&with) as c_int)
}

/// Adds if the count then does not pass a limit: true if it did.
#[kexport(since = "6.7", header = "linux/percpu_counter.h")]
fn __percpu_counter_limited_add(counter: Counter, limit: i64, amount: i64, _batch: i32) -> KResult<bool> {
    if amount == 0 {
        return Ok(true);
    }
    locked(counter, || {
        let after = sum(counter)?.wrapping_add(amount);
        let fits = if amount > 0 { after <= limit } else { after >= limit };
        if fits {
            COUNT.put(counter, COUNT.get::<i64, _>(counter)?.wrapping_add(amount))?;
        }
        Ok(fits)
    })
}

/// Variables that modules can see.
pub(crate) static DATA: &[DataExport] = &[DataExport {
    names: &["percpu_counter_batch"],
    size: DataSize::Bytes(4),
    percpu: false,
    gpl: false,
    init: |addr, _| Ok(access::put(addr, batch())?),
    doc: "What a CPU keeps of a counter to itself.",
}];
