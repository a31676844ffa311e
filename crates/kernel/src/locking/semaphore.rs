//! Semaphores. Counterpart: kernel/locking/semaphore.c.

use super::sleeping;
use crate::sched::completion::deadline;
use kabi::errno::ETIME;
use kabi::{Field, KError, KPtr, KResult, c_int, c_long, exports, kexport};
use machine::access;

exports![down, down_interruptible, down_killable, down_trylock, down_timeout, up];

/// The kernel's `struct semaphore`.
#[derive(Debug)]
pub struct Semaphore;

static COUNT: Field = Field::new("semaphore", "count");

fn try_down(sem: KPtr<Semaphore>) -> KResult<bool> {
    let at = COUNT.of(sem)?.addr();
    loop {
        let count: u32 = COUNT.get(sem)?;
        if count == 0 {
            return Ok(false);
        }
        if access::compare_exchange_u32(at, count, count - 1)? == count {
            return Ok(true);
        }
    }
}

fn take(sem: KPtr<Semaphore>) -> KResult {
    sleeping::take(None, || try_down(sem)).map(drop)
}

/// Takes one of the semaphore's count, sleeping while there is none.
#[kexport(since = "2.6.26", header = "linux/semaphore.h")]
fn down(sem: KPtr<Semaphore>) -> KResult {
    take(sem)
}

/// [`down`] that a signal may end.
#[kexport(since = "2.6.26", header = "linux/semaphore.h", partial = "no signal ends the wait")]
fn down_interruptible(sem: KPtr<Semaphore>) -> KResult<c_int> {
    take(sem).map(|()| 0)
}

/// [`down`] that a fatal signal may end.
#[kexport(since = "2.6.26", header = "linux/semaphore.h", partial = "no signal ends the wait")]
fn down_killable(sem: KPtr<Semaphore>) -> KResult<c_int> {
    take(sem).map(|()| 0)
}

/// Takes one if there is one: 0 then, otherwise 1.
#[kexport(since = "2.6.26", header = "linux/semaphore.h")]
fn down_trylock(sem: KPtr<Semaphore>) -> KResult<c_int> {
    try_down(sem).map(|taken| c_int::from(!taken))
}

/// [`down`] for at most `ticks`; `-ETIME` after that.
#[kexport(since = "2.6.26", header = "linux/semaphore.h")]
fn down_timeout(sem: KPtr<Semaphore>, ticks: c_long) -> KResult<c_int> {
    if sleeping::take(deadline(ticks.max(0) as u64), || try_down(sem))? { Ok(0) } else { Err(KError::Errno(ETIME)) }
}

/// Gives one back; anybody may, whoever took it.
#[kexport(since = "2.6.26", header = "linux/semaphore.h")]
fn up(sem: KPtr<Semaphore>) -> KResult {
    access::fetch_add_u32(COUNT.of(sem)?.addr(), 1)?;
    sleeping::given_back();
    Ok(())
}
