//! Where module code and Rust code call each other.

use crate::{Errno, KError, KResult};
use std::sync::OnceLock;

/// Writes the report of an oops that happened in lkm's code on behalf of a module: the function's name and the cause.
pub type OopsHook = fn(function: &'static str, cause: KError);

static OOPS: OnceLock<OopsHook> = OnceLock::new();

/// Sets who writes reports. The first call counts.
pub fn set_oops_hook(hook: OopsHook) {
    // A second kernel in one process does not exist; tests may call this more than once.
    let _ = OOPS.set(hook);
}

/// Runs an exported function's body; an error that C cannot express ends the module's call.
#[doc(hidden)]
pub fn border(name: &'static str, body: impl FnOnce() -> KResult<u64>) -> u64 {
    match body() {
        Ok(value) => value,
        Err(KError::Errno(Errno(number))) => -i64::from(number) as u64,
        Err(cause) => die(name, cause),
    }
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
