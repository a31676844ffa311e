//! Waiting for a lock whose holder may sleep. Who waits gives its CPU up and is woken when any such lock is given back;
//! the queues in the locks' structures stay empty.

use crate::sched;
use kabi::KResult;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Signalled when a lock is given back while somebody waits for one.
static FREED: (Mutex<()>, Condvar) = (Mutex::new(()), Condvar::new());
static WAITERS: AtomicUsize = AtomicUsize::new(0);

/// Inline code may free a lock without telling: look again now and then.
const AGAIN: Duration = Duration::from_millis(100);

/// Tries until it works or the time is over: whether it worked.
///
/// # Errors
/// Those of `attempt`.
pub(super) fn take(until: Option<Instant>, mut attempt: impl FnMut() -> KResult<bool>) -> KResult<bool> {
    if attempt()? { Ok(true) } else { sched::blocking(|| wait(until, attempt)) }
}

fn wait(until: Option<Instant>, mut attempt: impl FnMut() -> KResult<bool>) -> KResult<bool> {
    WAITERS.fetch_add(1, Ordering::SeqCst);
    let mut guard = FREED.0.lock().unwrap_or_else(PoisonError::into_inner);
    let result = loop {
        match attempt() {
            Ok(false) => {}
            other => break other,
        }
        let left = until.map_or(AGAIN, |until| until.saturating_duration_since(Instant::now()));
        if left.is_zero() {
            break Ok(false);
        }
        guard = FREED.1.wait_timeout(guard, left.min(AGAIN)).unwrap_or_else(PoisonError::into_inner).0;
    };
    WAITERS.fetch_sub(1, Ordering::SeqCst);
    result
}

/// Says that a lock may be had now.
pub(super) fn given_back() {
    if WAITERS.load(Ordering::SeqCst) > 0 {
        drop(FREED.0.lock().unwrap_or_else(PoisonError::into_inner));
        FREED.1.notify_all();
    }
}
