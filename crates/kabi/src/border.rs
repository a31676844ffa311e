//! Where module code and Rust code call each other.

use crate::{Errno, KError, KResult};
use machine::access::is_watched;
use std::cell::Cell;
use std::sync::OnceLock;

/// Writes the report of an oops that happened in lkm's code on behalf of a module: the function's name and the cause.
pub type OopsHook = fn(function: &'static str, cause: KError);

static OOPS: OnceLock<OopsHook> = OnceLock::new();

/// Sets who writes reports. The first call counts.
pub fn set_oops_hook(hook: OopsHook) {
    // A second kernel in one process does not exist; tests may call this more than once.
    let _ = OOPS.set(hook);
}

thread_local! {
    /// The exported function that runs in this thread, while somebody wants to know.
    static RUNNING: Cell<Option<&'static str>> = const { Cell::new(None) };
}

/// The exported function that runs in this thread; only while accesses are watched ([`machine::access::watch`]).
pub fn running() -> Option<&'static str> {
    RUNNING.get()
}

/// Runs an exported function's body; an error that C cannot express ends the module's call.
#[doc(hidden)]
#[inline(always)]
pub fn border(name: &'static str, body: impl FnOnce() -> KResult<u64>) -> u64 {
    // The body stands here once, or it would not be put into each function.
    let outer = if is_watched() { Some(begin(name)) } else { None };
    let outcome = body();
    if let Some(outer) = outer {
        end(outer);
    }
    match outcome {
        Ok(value) => value,
        Err(KError::Errno(Errno(number))) => -i64::from(number) as u64,
        Err(cause) => die(name, cause),
    }
}

#[cold]
#[inline(never)]
fn begin(name: &'static str) -> Option<&'static str> {
    RUNNING.replace(Some(name))
}

#[cold]
#[inline(never)]
fn end(outer: Option<&'static str>) {
    RUNNING.set(outer);
}

#[cold]
fn die(name: &'static str, cause: KError) -> ! {
    if let (Some(hook), true) = (OOPS.get(), cause != KError::Died) {
        hook(name, cause);
    }
    machine::abandon()
}

/// Calls module code: a function pointer that a module gave.
///
/// # Errors
/// [`KError::Died`] when it was abandoned.
pub fn call(function: u64, args: &[u64]) -> KResult<u64> {
    Ok(machine::enter::call(function, args)?)
}
