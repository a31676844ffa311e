//! Mutexes. Counterpart: kernel/locking/mutex.c.
//!
//! `owner` holds the address of the owner's `task_struct`, 0 for a free mutex; its low bits are flags that lkm does not
//! use. Who waits gives its CPU up.

use super::sleeping;
use crate::klib::list::init_list_head;
use crate::sched;
use kabi::{Field, KPtr, KResult, KStr, c_int, exports, kexport};
use machine::access;

exports![
    __mutex_init,
    mutex_lock,
    mutex_lock_interruptible,
    mutex_lock_killable,
    mutex_lock_io,
    mutex_trylock,
    mutex_unlock,
    mutex_is_locked,
    atomic_dec_and_mutex_lock
];

/// The kernel's `struct mutex`.
#[derive(Debug)]
pub struct MutexStruct;

type Lock = KPtr<MutexStruct>;

static OWNER: Field = Field::new("mutex", "owner.counter");
static WAIT_LIST: Field = Field::new("mutex", "wait_list");

/// The low bits of `owner`.
const FLAGS: u64 = 7;

fn try_take(lock: Lock) -> KResult<bool> {
    // A thread that is no task cannot call here; 8 stands for one all the same, as 0 would be "free".
    let me = sched::current().addr().max(FLAGS + 1);
    Ok(access::compare_exchange_u64(OWNER.of(lock)?.addr(), 0, me)? == 0)
}

fn take(lock: Lock) -> KResult {
    sched::wakeup::yield_point();
    sleeping::take(None, || try_take(lock)).map(drop)
}

/// Makes a free mutex; name and key are for lock debugging.
#[kexport(since = "2.6.16", header = "linux/mutex.h")]
fn __mutex_init(lock: Lock, _name: Option<KStr>, _key: KPtr) -> KResult {
    init(lock)
}

/// Makes a free mutex.
///
/// # Errors
/// When its memory cannot be reached.
pub fn init(lock: Lock) -> KResult {
    machine::access::fill(lock.addr(), 0, kabi::size_of_struct("mutex")?)?;
    init_list_head(WAIT_LIST.of(lock)?)
}

/// Takes a mutex for lkm's own code, sleeping until it is free.
///
/// # Errors
/// When its memory cannot be reached.
pub fn lock(lock: Lock) -> KResult {
    take(lock)
}

/// Gives a mutex back for lkm's own code.
///
/// # Errors
/// When its memory cannot be reached.
pub fn unlock(lock: Lock) -> KResult {
    mutex_unlock(lock)
}

/// Takes a mutex, sleeping until it is free.
#[kexport(since = "2.6.16", header = "linux/mutex.h")]
fn mutex_lock(lock: Lock) -> KResult {
    take(lock)
}

/// [`mutex_lock`] that a signal may end.
#[kexport(since = "2.6.16", header = "linux/mutex.h", partial = "no signal ends the wait")]
fn mutex_lock_interruptible(lock: Lock) -> KResult<c_int> {
    take(lock).map(|()| 0)
}

/// [`mutex_lock`] that a fatal signal may end.
#[kexport(since = "2.6.25", header = "linux/mutex.h", partial = "no signal ends the wait")]
fn mutex_lock_killable(lock: Lock) -> KResult<c_int> {
    take(lock).map(|()| 0)
}

/// [`mutex_lock`] that counts as waiting for a device.
#[kexport(since = "4.11", header = "linux/mutex.h")]
fn mutex_lock_io(lock: Lock) -> KResult {
    take(lock)
}

/// Takes a mutex if it is free: 1 if it was.
#[kexport(since = "2.6.16", header = "linux/mutex.h")]
fn mutex_trylock(lock: Lock) -> KResult<c_int> {
    try_take(lock).map(c_int::from)
}

/// Gives a mutex back.
#[kexport(since = "2.6.16", header = "linux/mutex.h")]
fn mutex_unlock(lock: Lock) -> KResult {
    OWNER.put(lock, 0u64)?;
    sleeping::given_back();
    Ok(())
}

/// True if somebody holds the mutex.
#[kexport(since = "2.6.16", header = "linux/mutex.h")]
fn mutex_is_locked(lock: Lock) -> KResult<bool> {
    Ok(OWNER.get::<u64, _>(lock)? & !FLAGS != 0)
}

/// Takes one off a counter; if that makes it 0, holding the mutex: 1 then.
#[kexport(since = "2.6.31", header = "linux/mutex.h")]
fn atomic_dec_and_mutex_lock(count: KPtr, lock: Lock) -> KResult<c_int> {
    loop {
        let now: u32 = count.get(0)?;
        if now == 1 {
            break;
        }
        if access::compare_exchange_u32(count.addr(), now, now.wrapping_sub(1))? == now {
            return Ok(0);
        }
    }
    take(lock)?;
    if access::fetch_add_u32(count.addr(), u32::MAX)? == 1 {
        return Ok(1);
    }
    mutex_unlock(lock)?;
    Ok(0)
}
