//! Read-write semaphores. Counterpart: kernel/locking/rwsem.c.
//!
//! `count` has Linux's format: bit 0 while a writer holds the lock, bit 1 while writers wait, 256 for each reader. New
//! readers let the writers who wait go first.

use super::sleeping;
use crate::klib::list::init_list_head;
use crate::sched;
use kabi::{Field, KPtr, KResult, KStr, c_int, exports, kexport, size_of_struct};
use machine::access;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

exports![
    __init_rwsem,
    down_read,
    down_read_interruptible,
    down_read_killable,
    down_read_trylock,
    down_write,
    down_write_killable,
    down_write_trylock,
    downgrade_write,
    up_read,
    up_write
];

/// The kernel's `struct rw_semaphore`.
#[derive(Debug)]
pub struct RwSemaphore;

type Lock = KPtr<RwSemaphore>;

static COUNT: Field = Field::new("rw_semaphore", "count.counter");
static OWNER: Field = Field::new("rw_semaphore", "owner.counter");
static WAIT_LIST: Field = Field::new("rw_semaphore", "wait_list");

const WRITER: u64 = 1;
const WAITERS: u64 = 2;
const READER: u64 = 1 << 8;

/// How many writers wait for a lock, by its address.
static WRITERS: Mutex<BTreeMap<u64, usize>> = Mutex::new(BTreeMap::new());

/// Changes the count unless `change` says no.
fn update(lock: Lock, change: impl Fn(u64) -> Option<u64>) -> KResult<bool> {
    let at = COUNT.of(lock)?.addr();
    loop {
        let count: u64 = COUNT.get(lock)?;
        let Some(new) = change(count) else { return Ok(false) };
        if access::compare_exchange_u64(at, count, new)? == count {
            return Ok(true);
        }
    }
}

fn try_read(lock: Lock) -> KResult<bool> {
    update(lock, |count| (count & (WRITER | WAITERS) == 0).then(|| count.wrapping_add(READER)))
}

fn try_write(lock: Lock) -> KResult<bool> {
    let taken = update(lock, |count| (count & !WAITERS == 0).then_some(count | WRITER))?;
    if taken {
        OWNER.put(lock, sched::current().addr())?;
    }
    Ok(taken)
}

fn read(lock: Lock) -> KResult {
    sleeping::take(None, || try_read(lock)).map(drop)
}

fn write(lock: Lock) -> KResult {
    if try_write(lock)? {
        return Ok(());
    }
    waits(lock, true)?;
    let taken = sleeping::take(None, || try_write(lock));
    waits(lock, false)?;
    taken.map(drop)
}

/// One more writer waits, or one less.
fn waits(lock: Lock, more: bool) -> KResult {
    let mut writers = WRITERS.lock().unwrap_or_else(PoisonError::into_inner);
    let waiting = writers.entry(lock.addr()).or_default();
    *waiting = if more { *waiting + 1 } else { waiting.saturating_sub(1) };
    if *waiting > 0 {
        return update(lock, |count| Some(count | WAITERS)).map(drop);
    }
    writers.remove(&lock.addr());
    update(lock, |count| Some(count & !WAITERS)).map(drop)
}

/// Makes a free read-write semaphore; name and key are for lock debugging.
#[kexport(since = "2.6.18", header = "linux/rwsem.h")]
fn __init_rwsem(lock: Lock, _name: Option<KStr>, _key: KPtr) -> KResult {
    access::fill(lock.addr(), 0, size_of_struct("rw_semaphore")?)?;
    init_list_head(WAIT_LIST.of(lock)?)
}

/// Takes the lock for reading, sleeping while a writer has it or waits for it.
#[kexport(since = "2.6.18", header = "linux/rwsem.h")]
fn down_read(lock: Lock) -> KResult {
    read(lock)
}

/// [`down_read`] that a signal may end.
#[kexport(since = "5.11", header = "linux/rwsem.h", partial = "no signal ends the wait")]
fn down_read_interruptible(lock: Lock) -> KResult<c_int> {
    read(lock).map(|()| 0)
}

/// [`down_read`] that a fatal signal may end.
#[kexport(since = "4.15", header = "linux/rwsem.h", partial = "no signal ends the wait")]
fn down_read_killable(lock: Lock) -> KResult<c_int> {
    read(lock).map(|()| 0)
}

/// Takes the lock for reading if that is possible at once: 1 if it was.
#[kexport(since = "2.6.18", header = "linux/rwsem.h")]
fn down_read_trylock(lock: Lock) -> KResult<c_int> {
    try_read(lock).map(c_int::from)
}

/// Takes the lock for writing, sleeping while anybody has it.
#[kexport(since = "2.6.18", header = "linux/rwsem.h")]
fn down_write(lock: Lock) -> KResult {
    write(lock)
}

/// [`down_write`] that a fatal signal may end.
#[kexport(since = "4.7", header = "linux/rwsem.h", partial = "no signal ends the wait")]
fn down_write_killable(lock: Lock) -> KResult<c_int> {
    write(lock).map(|()| 0)
}

/// Takes the lock for writing if nobody has it: 1 if that was so.
#[kexport(since = "2.6.18", header = "linux/rwsem.h")]
fn down_write_trylock(lock: Lock) -> KResult<c_int> {
    try_write(lock).map(c_int::from)
}

/// Turns a writer's lock into a reader's.
#[kexport(since = "2.6.18", header = "linux/rwsem.h")]
fn downgrade_write(lock: Lock) -> KResult {
    OWNER.put(lock, 0u64)?;
    update(lock, |count| Some((count & !WRITER).wrapping_add(READER)))?;
    sleeping::given_back();
    Ok(())
}

/// Gives a reader's lock back.
#[kexport(since = "2.6.18", header = "linux/rwsem.h")]
fn up_read(lock: Lock) -> KResult {
    update(lock, |count| Some(count.wrapping_sub(READER)))?;
    sleeping::given_back();
    Ok(())
}

/// Gives the writer's lock back.
#[kexport(since = "2.6.18", header = "linux/rwsem.h")]
fn up_write(lock: Lock) -> KResult {
    OWNER.put(lock, 0u64)?;
    update(lock, |count| Some(count & !WRITER))?;
    sleeping::given_back();
    Ok(())
}
